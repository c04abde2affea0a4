"""Recording, sequencing, reading: the ledger from inside."""

import pytest
from django.db import transaction

from lineage.journal import entries, sequencer, stored
from lineage.journal.models import Entry, Leaf, Pending
from lineage.ledger import hashing, tree


def note(number: int = 0, **about: str) -> Entry:
    with transaction.atomic():
        return entries.record("test.noted", {"number": number}, by="user:usr_1", about=tuple(about.values()))


@pytest.mark.django_db
def test_an_entry_gets_its_index_from_the_sequencer() -> None:
    first, second = note(1), note(2)
    assert first.index is None
    head = sequencer.run()
    assert (head.size, first.index, second.index) == (2, 0, 1)
    assert not Pending.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_commit_sequences_what_it_recorded() -> None:
    entry = note()
    assert entry.index == 0


@pytest.mark.django_db(transaction=True)
def test_recording_outside_a_transaction_is_refused() -> None:
    with pytest.raises(entries.OutsideTransaction):
        entries.record("test.noted", {}, by="system")


@pytest.mark.django_db(transaction=True)
def test_a_rollback_leaves_nothing() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        entries.record("test.noted", {}, by="system")
        1 / 0  # noqa: B018
    sequencer.run()
    assert not Entry.objects.exists() and not Leaf.objects.exists() and sequencer.head() is None


@pytest.mark.django_db(transaction=True)
def test_the_sequencer_refuses_to_sign_inside_a_transaction() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        sequencer.run()


@pytest.mark.django_db
def test_the_stored_tree_is_the_tree_of_the_stored_bytes() -> None:
    with transaction.atomic():
        found = entries.record_many([entries.Draft("test.noted", {"n": n}) for n in range(600)], by="system")
    head = sequencer.run()
    hashes = [hashing.leaf(bytes(entry.body)) for entry in found]
    assert head.root == tree.root(600, tree.of_leaves(hashes)) == tree.root(600, stored.nodes(600))
