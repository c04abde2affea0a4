"""Note changes of keys, accounts and roles, so that who asks is read anew when something is different."""

from django.db import migrations

from governance.releases import changes

TABLES = ("access_servicekey", "access_user", "access_user_groups", "auth_group")


class Migration(migrations.Migration):
    dependencies = [
        ("releases", "0012_permit_ledger_size"),
        ("access", "0005_feed_scope"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]
    operations = [
        migrations.RunSQL(
            "".join(changes.watch(table, "who") for table in TABLES),
            "".join(f"DROP TRIGGER releases_change ON {table};" for table in TABLES),
        )
    ]
