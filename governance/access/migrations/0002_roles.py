"""The six roles as groups: names only, what they may do stands in `governance.access.roles`."""

from django.db import migrations

ROLES = ["administrator", "lawyer", "approver", "privacy_officer", "pipeline_owner", "auditor"]


def make(apps, schema_editor):
    group = apps.get_model("auth", "Group")
    for name in ROLES:
        group.objects.get_or_create(name=name)


class Migration(migrations.Migration):
    dependencies = [("access", "0001_initial")]
    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
