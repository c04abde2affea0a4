"""The role of those who may override a refusal."""

from django.db import migrations


def make(apps, schema_editor):
    apps.get_model("auth", "Group").objects.get_or_create(name="override_officer")


class Migration(migrations.Migration):
    dependencies = [("access", "0003_vocabulary_scope")]
    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
