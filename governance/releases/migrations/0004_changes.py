"""Note every change of what facts are read from; give permits their place in the status list from a sequence.

Written by hand: Django knows no triggers with transition tables. The list of tables stands still here, as a migration must; a table
that facts are read from later gets its own migration with `changes.watch`.
"""

from django.db import migrations

from governance.releases import changes

RULES = (
    "lineage_declaration consent_identifierspace consent_basis consent_ownkey consent_keyrename parties_party parties_partygroup parties_groupmembership parties_customer "
    "parties_tenantkeyspace parties_tenantkey parties_product contracts_contractfamily contracts_familycustomer contracts_document "
    "contracts_clause contracts_repeal contracts_prevails contracts_documentend contracts_optin contracts_correction catalogue_sourcedeclaration "
    "catalogue_categorydeclaration catalogue_keycolumn catalogue_quasiidentifiers catalogue_generalisation "
    "catalogue_safeguarddeclaration catalogue_model catalogue_service catalogue_ownerrelease catalogue_enforcementmode releases_rulesswitch"
).split()
CONSENT = ("consent_consentevent", "consent_registration")
KEYED = (
    "lineage_dataset lineage_column lineage_write lineage_read lineage_ending lineage_symlink lineage_flow lineage_run "
    "obligations_obligation obligations_change releases_builtversion releases_rowcount"
).split()

INDEX = """
CREATE SEQUENCE releases_permit_index AS bigint MINVALUE 0 START 0;
SELECT setval('releases_permit_index', coalesce(max("index") + 1, 0), false) FROM releases_permit;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("releases", "0003_overrides_and_standing"),
        ("lineage", "0001_initial"),
        ("consent", "0002_own_keys"),
        ("parties", "0001_initial"),
        ("contracts", "0002_corrections"),
        ("catalogue", "0002_owner_releases"),
        ("obligations", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL(changes.TABLES, changes.UNDO),
        migrations.RunSQL(
            "".join(changes.watch(table, changes.RULES) for table in RULES)
            + "".join(changes.watch(table, changes.CONSENT) for table in CONSENT)
            + "".join(changes.watch(table, *changes.KEYED[table]) for table in KEYED),
            changes.unwatch(KEYED),
        ),
        migrations.RunSQL(INDEX, "DROP SEQUENCE releases_permit_index"),
    ]
