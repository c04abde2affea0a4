from django.db import migrations

# Django makes these for LIKE 'abc%', which nobody asks of a reference or a kind; every entry pays for each.
UNUSED = """
DROP INDEX IF EXISTS journal_entry_ref_451a02d2_like;
DROP INDEX IF EXISTS journal_entry_kind_9c67b2e2_like;
DROP INDEX IF EXISTS journal_payload_entry_ref_6b722d30_like;
DROP INDEX IF EXISTS journal_leaf_entry_ref_7ace9162_like;
"""


class Migration(migrations.Migration):

    dependencies = [
        ("journal", "0002_append_only"),
    ]

    operations = [
        migrations.RunSQL(UNUSED, migrations.RunSQL.noop),
    ]
