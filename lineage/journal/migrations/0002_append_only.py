"""Append-only in the database: triggers that no setting switches off, on UPDATE, DELETE and TRUNCATE.

Written by hand and not with pgtrigger: its triggers obey a session setting (`pgtrigger.ignore`) that any client can give.
"""

from django.db import migrations

APPEND_ONLY = ("journal_entry", "journal_leaf", "journal_node", "journal_checkpoint")

FUNCTIONS = """
CREATE FUNCTION journal_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: no % of %', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

-- A payload goes only through payloads.erase(), which names it first and enters the erasure in the same transaction.
CREATE FUNCTION journal_erase_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('journal.erasing', true) IS DISTINCT FROM OLD.entry_ref THEN
        RAISE EXCEPTION 'a payload is erased with payloads.erase() only' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;

CREATE FUNCTION journal_head_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.size < OLD.size OR (NEW.size = OLD.size AND NEW.root <> OLD.root) THEN
        RAISE EXCEPTION 'the head of the ledger only grows' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""

TRIGGERS = "".join(
    f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} EXECUTE FUNCTION journal_refuse();\n"
    for table in APPEND_ONLY
) + """
CREATE TRIGGER journal_payload_fixed BEFORE UPDATE OR TRUNCATE ON journal_payload EXECUTE FUNCTION journal_refuse();
CREATE TRIGGER journal_payload_erase BEFORE DELETE ON journal_payload FOR EACH ROW EXECUTE FUNCTION journal_erase_only();
CREATE TRIGGER journal_head_kept BEFORE DELETE OR TRUNCATE ON journal_head EXECUTE FUNCTION journal_refuse();
CREATE TRIGGER journal_head_grows BEFORE UPDATE ON journal_head FOR EACH ROW EXECUTE FUNCTION journal_head_grows();
"""

UNDO = (
    "".join(f"DROP TRIGGER {table}_append_only ON {table};\n" for table in APPEND_ONLY)
    + "DROP TRIGGER journal_payload_fixed ON journal_payload; DROP TRIGGER journal_payload_erase ON journal_payload;\n"
    + "DROP TRIGGER journal_head_kept ON journal_head; DROP TRIGGER journal_head_grows ON journal_head;\n"
    + "DROP FUNCTION journal_refuse; DROP FUNCTION journal_erase_only; DROP FUNCTION journal_head_grows;\n"
)


class Migration(migrations.Migration):
    dependencies = [("journal", "0001_initial")]
    operations = [migrations.RunSQL(FUNCTIONS + TRIGGERS, UNDO)]
