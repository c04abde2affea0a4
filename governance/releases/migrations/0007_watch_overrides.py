"""Note changes of overrides, so that a worker knows without asking that there is none."""

from django.db import migrations

from governance.releases import changes


class Migration(migrations.Migration):
    dependencies = [("releases", "0006_permit_rests")]
    operations = [
        migrations.RunSQL(
            changes.watch("releases_override", changes.RULES), "DROP TRIGGER releases_change ON releases_override"
        )
    ]
