"""No change is missed for coming while a permit is being signed, or while reactions begin to read (SEMANTICS §7)."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from governance.reactions import reading, rechecks
from governance.releases import decisions, permits, statuses
from governance.releases.models import Permit
from lineage.journal import entries, sequencer
from tests.cast import Cast
from tests.governance.rechecks_world import BAN, GRANT, World, now

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world(cast: Cast, settings: Any) -> World:
    settings.LINEAGE_SKEW_SECONDS, settings.SEQUENCER = 0, "background"
    return World(cast, size=2)


def elsewhere(act: Callable[[], object]) -> None:
    """Do something on a connection of its own, while ours is in the middle of a transaction."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as error:  # shown by the test, not lost in the thread
            failed.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert not failed, failed


def meanwhile(monkeypatch: pytest.MonkeyPatch, world: World, change: Callable[[], object]) -> Permit:
    """A permit of the first set whose facts were gathered before a change, and which commits after reactions were done with that."""
    store = decisions._store

    def late(*given: Any, **more: Any) -> Any:
        elsewhere(lambda: (change(), reading.run()))
        return store(*given, **more)

    with monkeypatch.context() as slow:
        slow.setattr(decisions, "_store", late)
        return world.permitted("set0")


def test_a_change_between_the_facts_and_the_commit_of_a_permit_revokes_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading.run()
    permit = meanwhile(monkeypatch, world, lambda: world.activate(0, ("Prohibition", BAN)))
    assert permit in permits.live(at=now())  # nobody could see it yet
    reading.run()
    permit.refresh_from_db()
    assert permit.revoked_at is not None and "prohibition" in permit.revoked_why


@pytest.mark.parametrize(("number", "terms"), [(1, ("Prohibition", BAN)), (0, ("Grant", GRANT))])
def test_a_change_that_does_not_matter_revokes_nothing_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch, number: int, terms: Any
) -> None:
    reading.run()
    permit = meanwhile(monkeypatch, world, lambda: world.activate(number, terms))
    reading.run()
    assert permit in permits.live(at=now())


def test_a_permit_knows_how_far_the_ledger_went_when_its_facts_were_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading.run()
    before = world.permitted("set0").ledger_size
    reading.run()
    permit = meanwhile(monkeypatch, world, lambda: world.activate(1, ("Grant", GRANT)))
    found = entries.between(before, permit.ledger_size, leaving_out=())
    assert {"permit-issued"} <= {entry.kind for _, entry in found} <= {"decision", "permit-issued"}
    assert permits.claims(permit)["ledger"]["size"] == permit.ledger_size


def test_a_change_that_comes_after_the_reading_began_is_known_when_permits_are_decided_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change is recorded after the reader's transaction began: decided as known at that beginning, it would not be there."""
    permit = world.permitted("set0")
    reading.run()
    feed, changed = entries.feed, False

    def late(*given: Any) -> Any:
        nonlocal changed
        if not changed:
            changed = True
            elsewhere(lambda: (world.activate(0, ("Prohibition", BAN)), reading.sequencer.run()))
        return feed(*given)

    monkeypatch.setattr(reading.entries, "feed", late)
    reading.run()
    permit.refresh_from_db()
    assert changed and permit.revoked_at is not None


def test_a_permit_whose_facts_knew_of_a_change_is_not_decided_again_for_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = world.permitted("set0")
    world.activate(0, ("Grant", GRANT))
    sequencer.run()
    after = world.permitted("set0")
    looked: list[Permit] = []
    monkeypatch.setattr(rechecks, "_look", lambda permit, entry, at: looked.append(permit))
    reading.run()
    assert [each.pk for each in looked] == [before.pk] and after.ledger_size > before.ledger_size


def test_a_process_that_keeps_up_reads_what_has_its_place_and_leaves_the_rest_to_the_sequencer(
    world: World, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BATCH", 2)
    permit = [world.permitted("set0") for _ in range(3)][-1]
    sequencer.run()
    world.activate(0, ("Prohibition", BAN))  # recorded, without a place
    head = sequencer.head()
    assert head and reading.keep_up() == 6 and statuses.cursor() == head.size
    assert sequencer.head() == head and permit in permits.live(at=now())
    sequencer.run()
    reading.keep_up()
    assert permit not in permits.live(at=now())
