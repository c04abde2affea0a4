"""Who gives entries their index: whoever commits, or a process of its own; and what happens while that one is dead."""

import time

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from rest_framework.test import APIClient

from lineage.journal import entries, proofs, sequencer, verification
from lineage.journal.models import Entry, Pending

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def background(settings, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    """A process of its own is meant to sequence; here there is none but what a test starts."""
    settings.SEQUENCER = "background"
    monkeypatch.setitem(sequencer._looked, "at", time.monotonic())  # a look was just taken


def note(number: int = 1) -> list[Entry]:
    with transaction.atomic():
        return entries.record_many([entries.Draft("test.noted", {"n": n}) for n in range(number)], by="system")


def test_a_commit_waits_for_no_signature() -> None:
    entry = note()[0]
    assert entry.index is None and sequencer.head() is None
    assert sequencer.batch() is True
    assert (entry.index, sequencer.batch()) == (0, False)


def test_one_statement_writes_entries_payloads_and_outbox_in_their_order(django_assert_num_queries) -> None:  # type: ignore[no-untyped-def]
    with transaction.atomic(), django_assert_num_queries(2):  # the clock, and the statement
        found = entries.record_many([entries.Draft("test.noted", {"n": n}) for n in range(50)], by="system")
    call_command("sequence", stdout=open("/dev/null", "w"))  # noqa: SIM115
    assert [entry.index for entry in found] == list(range(50))
    assert all(Entry.objects.get(pk=entry.pk).ref == entry.ref for entry in found)
    assert entries.payload(found[7]) == b'{"n":7}'
    assert [each.what for each in verification.check_ledger() if not each.ok] == []


def test_while_the_sequencer_is_dead_whoever_records_takes_its_place(settings, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    left = note()[0]
    settings.SEQUENCER_PATIENCE_SECONDS = 0
    note()
    assert left.index is None  # this process looked a moment ago
    monkeypatch.setitem(sequencer._looked, "at", float("-inf"))
    last = note()[0]
    assert (left.index, last.index) == (0, 2)


def test_patience_is_had_with_a_sequencer_that_only_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sequencer._looked, "at", float("-inf"))
    assert note()[0].index is None


def test_a_proof_that_is_asked_for_is_not_kept_waiting() -> None:
    assert proofs.bundle(note()[0]).index == 0


def test_run_ends_although_others_go_on_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    note(3)
    real = sequencer._batch

    def meanwhile(*, wait: bool) -> bool:
        done = real(wait=wait)
        note()
        return done

    monkeypatch.setattr(sequencer, "_batch", meanwhile)
    assert sequencer.run().size == 3
    assert Pending.objects.count() == 1


def test_readiness_tells_of_a_ledger_that_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    note()
    ready = APIClient().get("/health/ready")
    assert ready.status_code == 200 and ready.json()["ledger_waiting_seconds"] >= 0
    monkeypatch.setattr("governance.health.STANDS_STILL", -1.0)
    refused = APIClient().get("/health/ready")
    assert (refused.status_code, refused.json()["missing"]) == (503, "sequencer")


def test_a_held_ledger_does_not_end_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    from lineage.journal.management.commands import sequence

    note()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO journal_pending (entry_ref) VALUES ('ent_nobody')")
    assert sequence._round() is False
    Pending.objects.filter(entry_ref="ent_nobody").delete()
    assert sequence._round() is True and not Pending.objects.exists()
