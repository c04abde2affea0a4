"""An attacker who owns the tables and holds no key: `verify` names the entry."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction

from lineage.journal import copies, entries, guards, payloads, sequencer, verification
from lineage.journal.models import Entry, Leaf
from lineage.ledger import hashing

pytestmark = pytest.mark.django_db
COUNT = 8


@pytest.fixture
def ledger() -> list[Entry]:
    """Eight entries, each in a batch of its own."""
    found = []
    for number in range(COUNT):
        with transaction.atomic():
            found.append(entries.record("test.noted", {"number": number}, by="user:usr_1", about=("cus_1",)))
        sequencer.run()
    return found


@contextmanager
def owner(*tables: str) -> Iterator[None]:
    """The owner of the tables switches the triggers off and on again."""
    names = tables or {*guards.TRIGGERS.values()}
    with connection.cursor() as cursor:
        for table in names:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    yield
    with connection.cursor() as cursor:
        for table in names:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def attack(*statements: str, values: dict[str, object] | None = None) -> str:
    """Run raw SQL as the owner; return what verify says is wrong."""
    with owner(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, values or {})
    return wrong()


def wrong() -> str:
    return "\n".join(f"{each.where}: {each.what}" for each in verification.check_ledger() if not each.ok)


def test_an_untouched_ledger_has_no_findings(ledger: list[Entry]) -> None:
    assert wrong() == ""


FORGED = "convert_to(replace(convert_from(body, 'UTF8'), 'usr_1', 'usr_2'), 'UTF8')"
ATTACKS = {
    "bytes changed": (f"UPDATE journal_entry SET body = {FORGED} WHERE ref = %(three)s", "entry 3 ("),
    "column changed": ("UPDATE journal_entry SET kind = 'test.other' WHERE ref = %(three)s", "entry 3 ("),
    "time changed": ("UPDATE journal_entry SET at = at - interval '1 day' WHERE ref = %(three)s", "entry 3 ("),
    "about changed": ("UPDATE journal_entry SET about = '{}' WHERE ref = %(three)s", "entry 3 ("),
    "reference changed": ("UPDATE journal_entry SET ref = 'ent_x' WHERE ref = %(three)s", "entry 3 ("),
    "seal changed": ("UPDATE journal_entry SET seal = '' WHERE ref = %(three)s", "entry 3 ("),
    "entry deleted": ("DELETE FROM journal_entry WHERE ref = %(three)s", "entry 3 ("),
    "leaf deleted": ("DELETE FROM journal_leaf WHERE index = 3", "entry 3: deleted"),
    "last leaf deleted": ("DELETE FROM journal_leaf WHERE index = 7", "8 entries were signed and 7 are there"),
    "leaf hash changed": ("UPDATE journal_leaf SET hash = sha256('x') WHERE index = 3", "entry 3 ("),
    "leaf moved": ("UPDATE journal_leaf SET index = 20 WHERE index = 3", "entry 20 ("),
    "leaf inserted": ("INSERT INTO journal_leaf VALUES (8, 'ent_x', sha256('x'), '')", "entry 8 (ent_x)"),
    "payload changed": ("UPDATE journal_payload SET body = '{\"number\":4}' WHERE entry_ref = %(three)s", "entry 3 ("),
    "salt changed": ("UPDATE journal_payload SET salt = sha256('x') WHERE entry_ref = %(three)s", "entry 3 ("),
    "payload deleted": ("DELETE FROM journal_payload WHERE entry_ref = %(three)s", "entry 3 ("),
    "payload inserted": ("INSERT INTO journal_payload VALUES ('ent_x', '', '')", "payload of ent_x"),
    "checkpoint changed": (
        "UPDATE journal_checkpoint SET note = replace(note, '4', '5') WHERE size = 4",
        "checkpoint at 4",
    ),
    "checkpoint row changed": ("UPDATE journal_checkpoint SET root = sha256('x') WHERE size = 4", "checkpoint at 4"),
    "checkpoint deleted": (
        "DELETE FROM journal_checkpoint WHERE size = 4",
        "checkpoint at 4, which came before it, was deleted",
    ),
    "last checkpoint deleted": ("DELETE FROM journal_checkpoint WHERE size = 8", "head: the head stands at 8"),
    "head changed": ("UPDATE journal_head SET root = sha256('x')", "head: "),
    "frontier changed": ("UPDATE journal_head SET frontier = sha256('x')", "head: "),
    "head deleted": ("DELETE FROM journal_head", "head: the head of the ledger was deleted"),
    "tile hash inserted": ("INSERT INTO journal_node (level, index, hash) VALUES (1, 0, sha256('x'))", "tile hash 1/0"),
    "outbox deleted": ("DELETE FROM journal_pending", "ent_"),
    "entries truncated": ("TRUNCATE journal_entry", "entry 0 ("),
    "leaves truncated": ("TRUNCATE journal_leaf", "8 entries were signed and 0 are there"),
    "payloads truncated": ("TRUNCATE journal_payload", "entry 0 ("),
    "checkpoints truncated": ("TRUNCATE journal_checkpoint", "head: "),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_what_a_table_owner_does_is_named(ledger: list[Entry], name: str) -> None:
    statement, expected = ATTACKS[name]
    if name == "outbox deleted":
        with transaction.atomic():
            entries.record("test.noted", {}, by="system")
    assert expected in attack(statement, values={"three": ledger[3].ref})


def test_swapped_entries_are_both_named(ledger: list[Entry]) -> None:
    found = attack(
        "UPDATE journal_leaf SET entry_ref = 'x' WHERE index = 2",
        "UPDATE journal_leaf SET entry_ref = %(two)s WHERE index = 5",
        "UPDATE journal_leaf SET entry_ref = %(five)s WHERE index = 2",
        values={"two": ledger[2].ref, "five": ledger[5].ref},
    )
    assert f"entry 2 ({ledger[5].ref})" in found and f"entry 5 ({ledger[2].ref})" in found


def test_swapped_payloads_are_both_named(ledger: list[Entry]) -> None:
    found = attack(
        "UPDATE journal_payload SET entry_ref = 'x' WHERE entry_ref = %(two)s",
        "UPDATE journal_payload SET entry_ref = %(two)s WHERE entry_ref = %(five)s",
        "UPDATE journal_payload SET entry_ref = %(five)s WHERE entry_ref = 'x'",
        values={"two": ledger[2].ref, "five": ledger[5].ref},
    )
    assert "entry 2 (" in found and "entry 5 (" in found


def test_an_entry_inserted_through_the_outbox_is_named_and_holds_the_sequencer(ledger: list[Entry]) -> None:
    found = attack(
        "INSERT INTO journal_entry (ref, kind, by, at, about, body, seal) "
        "SELECT 'ent_x', kind, by, at, about, replace(convert_from(body, 'UTF8'), ref, 'ent_x')::bytea, seal FROM journal_entry "
        "WHERE ref = %(three)s",
        "INSERT INTO journal_pending (entry_ref) VALUES ('ent_x')",
        values={"three": ledger[3].ref},
    )
    assert "entry ent_x: the entry was inserted" in found
    with pytest.raises(sequencer.LedgerHeld, match="ent_x"):
        sequencer.run()


def test_a_consistent_rewrite_of_entry_and_leaf_is_still_found(ledger: list[Entry]) -> None:
    entry = ledger[3]
    forged = bytes(entry.body).replace(b"usr_1", b"usr_2")
    found = attack(
        "UPDATE journal_entry SET body = %(body)s, by = 'user:usr_2' WHERE ref = %(three)s",
        "UPDATE journal_leaf SET hash = %(hash)s WHERE index = 3",
        values={"three": entry.ref, "body": forged, "hash": hashing.leaf(forged)},
    )
    assert f"entry 3 ({entry.ref})" in found
    assert "the entries are not those that were signed: entry 3 was changed" in found


def test_a_changed_tile_hash_is_named() -> None:
    with transaction.atomic():
        entries.record_many([entries.Draft("test.noted", {"n": n}) for n in range(300)], by="system")
    sequencer.run()
    assert wrong() == ""
    assert "tile hash 1/0: it is not the hash" in attack("UPDATE journal_node SET hash = sha256('x')")
    assert "tile hash 1/0: it was deleted" in attack("DELETE FROM journal_node")


def test_a_trigger_left_off_is_named(ledger: list[Entry]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE journal_entry DISABLE TRIGGER USER")
    assert "journal_entry_append_only" in wrong()


def test_an_erased_payload_is_no_finding_and_leaves_the_proof(ledger: list[Entry]) -> None:
    payloads.erase(ledger[3].ref, by="user:usr_1", reason="asked for")
    sequencer.run()
    assert wrong() == ""
    assert entries.payload(ledger[3]) is None


def test_a_restored_database_refuses_to_sign(ledger: list[Entry]) -> None:
    with owner(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM journal_leaf WHERE index >= 6")
        cursor.execute("DELETE FROM journal_checkpoint WHERE size > 6")
        cursor.execute("SELECT root FROM journal_checkpoint WHERE size = 6")
        root = cursor.fetchone()[0]
        hashes = list(Leaf.objects.order_by("index").values_list("hash", flat=True))
        from lineage.ledger.frontier import Frontier

        frontier = Frontier()
        frontier.extend(map(bytes, hashes))
        cursor.execute("UPDATE journal_head SET size = 6, root = %s, frontier = %s", [root, frontier.pack()])
    with pytest.raises(sequencer.LedgerHeld, match="6 entries, but 8 were signed"):
        sequencer.run()
    assert "checkpoint kept outside at 8: 8 entries were signed and 6 are there" in wrong()


def test_a_damaged_copy_outside_holds_the_sequencer(ledger: list[Entry]) -> None:
    copies.path().write_text(copies.path().read_text().replace("8\n", "7\n", 1))
    with pytest.raises(sequencer.LedgerHeld, match="kept outside"):
        sequencer.run()
    assert "checkpoint in checkpoint.txt" in wrong()


def test_the_command_names_the_entry_and_exits_with_one(
    ledger: list[Entry], capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("verify")
    assert "everything is as it was recorded and signed" in capsys.readouterr().out
    attack(f"UPDATE journal_entry SET body = {FORGED} WHERE ref = %(three)s", values={"three": ledger[3].ref})
    with pytest.raises(SystemExit) as exit_code:
        call_command("verify")
    assert exit_code.value.code == 1
    assert f"entry 3 ({ledger[3].ref})" in capsys.readouterr().out


def test_an_older_checkpoint_kept_elsewhere_is_compared(ledger: list[Entry], tmp_path: Path) -> None:
    from lineage.journal.models import Checkpoint

    kept = tmp_path / "friday.txt"
    kept.write_text(Checkpoint.objects.get(size=5).note)
    assert all(each.ok for each in verification.check_ledger([kept]))
    kept.write_text(kept.read_text().replace(settings.LEDGER_ORIGIN, "someone.else"))
    assert any("friday.txt" in each.where for each in verification.check_ledger([kept]) if not each.ok)


def broken_check() -> Iterator[object]:
    raise ZeroDivisionError("nothing to divide")
    yield


def test_a_check_that_breaks_off_counts_as_wrong(
    ledger: list[Entry], settings, capsys: pytest.CaptureFixture[str]
) -> None:  # type: ignore[no-untyped-def]
    settings.VERIFY_CHECKS = [f"{__name__}.broken_check"]
    with pytest.raises(SystemExit):
        call_command("verify")
    assert "broken_check: the check broke off" in capsys.readouterr().out
