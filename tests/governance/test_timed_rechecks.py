"""What is recorded today and begins or ends later stops permits when its time comes, though nothing is recorded then (SEMANTICS §7)."""

import io
import random
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command

from governance.access import actors
from governance.catalogue import columns, declarations, trained
from governance.catalogue.places import Place
from governance.contracts import families
from governance.obligations import duties
from governance.parties import groups, organisations
from governance.reactions import reading
from governance.reactions import rechecks as reacting
from governance.reactions.models import Alert
from governance.releases import permits, rechecks
from governance.releases.models import Permit, PermitRest
from tests.cast import LONG_AGO, Cast
from tests.governance.rechecks_world import BAN, GRANT, NS, World, now

pytestmark = pytest.mark.django_db(transaction=True)
HOUR, JUST = timedelta(hours=1), timedelta(microseconds=1)


@pytest.fixture
def world(cast: Cast, settings: Any) -> World:
    settings.LINEAGE_SKEW_SECONDS, settings.SEQUENCER = 0, "background"
    return World(cast, size=3)


def midnight() -> datetime:
    """The next one: the soonest moment at which a document signed now can begin."""
    return (now() + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)


def due_at(permit: Permit) -> datetime | None:
    return PermitRest.objects.get(permit=permit).recheck_at


def test_a_prohibition_that_begins_tomorrow_ends_the_permit_tomorrow(world: World) -> None:
    permit, other = world.permitted("set0"), world.permitted("set1")
    world.activate(0, ("Prohibition", BAN), effective_on=midnight().date(), signed_on=now().date())
    reading.run()
    assert due_at(permit) == midnight() and permit in permits.live(at=now())
    reacting.due(at=midnight() - JUST)
    assert permit in permits.live(at=now())
    reacting.due(at=midnight())
    permit.refresh_from_db()
    other.refresh_from_db()
    assert permit.revoked_at is not None and "prohibition" in permit.revoked_why and other.revoked_at is None
    assert Alert.objects.get(kind="revoked").about == [permit.ref, permit.decision.ref]


def test_who_is_found_holding_is_due_again_when_the_next_moment_comes(world: World) -> None:
    permit = world.permitted("set0")
    first, second = now() + HOUR, now() + 2 * HOUR
    columns.categorise(Place(NS, "t0"), "amount", "customer.usage", valid_from=first, by=actors.SYSTEM)
    families.end(world.families[0], ends_at=second, reason="notice", by=world.cast.lawyer.actor)
    reading.run()
    assert due_at(permit) == first
    reacting.due(at=first)
    assert due_at(permit) == second and permit in permits.live(at=now())
    reacting.due(at=second)
    assert permit not in permits.live(at=now())


def test_nothing_is_due_where_nothing_is_known_to_come_or_only_after_the_end(world: World) -> None:
    permit = world.permitted("set0")
    families.end(world.families[0], ends_at=now() + timedelta(hours=30), reason="notice", by=world.cast.lawyer.actor)
    reading.run()
    assert due_at(permit) is None


def test_a_permit_that_cannot_be_decided_when_it_is_due_stops_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, permit = world.permitted("set0"), world.permitted("set1")
    for number in (0, 1):
        families.end(world.families[number], ends_at=now() + HOUR, reason="notice", by=world.cast.lawyer.actor)
    reading.run()
    recheck = rechecks.recheck

    def broken(found: Permit, **given: Any) -> rechecks.Recheck:
        if found == stuck:
            raise RuntimeError("a bug of ours")
        return recheck(found, **given)

    with monkeypatch.context() as bug:
        bug.setattr(reacting.rechecks, "recheck", broken)
        reacting.due(at=now() + 2 * HOUR)
    assert {each.pk for each in permits.live(at=now())} == {stuck.pk}
    assert permit.ref not in Alert.objects.get(kind="stuck").text
    reacting.due(at=now() + 2 * HOUR)
    assert permits.live(at=now()) == []


def test_the_command_looks_at_what_is_due(world: World) -> None:
    permit = world.permitted("set0")
    PermitRest.objects.update(recheck_at=now())
    call_command("react", stdout=io.StringIO())
    assert due_at(permit) is None and permit in permits.live(at=now())


def futures(world: World, dice: random.Random, at: datetime) -> list[Callable[[], object]]:
    """Things recorded now that begin or end at `at` (documents: at midnight), to one of the customers or tables at random."""
    number = dice.randrange(world.size)
    by, table = world.cast.lawyer.actor, Place(NS, f"t{number}")
    group = groups.create(f"group {uuid.uuid4()}", by=actors.SYSTEM)
    rival = organisations.register(f"Rival {uuid.uuid4()}", by=actors.SYSTEM)
    dated: dict[str, Any] = {"effective_on": midnight().date(), "signed_on": now().date()}

    def restricted(serves: datetime, joins: datetime) -> None:
        world.activate(number, ("PartyRestriction", {"parties": [group.ref]}))
        groups.add(group, rival, valid_from=joins, by=actors.SYSTEM)
        trained.serve(world.model, rival.ref, valid_from=serves, by=actors.SYSTEM)

    def undeclared() -> None:
        declarations.end(world.sources[number], on=at, by=world.cast.privacy_officer.actor)
        declarations.approve_end(world.sources[number], by=world.cast.approver.actor)

    return [
        lambda: world.activate(number, ("Prohibition", BAN), **dated),
        lambda: world.activate(number, ("UnencodedTerm", {"note": "read me"}), **dated),
        lambda: world.activate(number, ("Grant", GRANT), **dated),
        lambda: families.end(world.families[number], ends_at=at, reason="notice", by=by),
        lambda: families.uncover(world.families[number].coverage.get(), at=at, by=by),
        lambda: duties.propose(
            world.customers[number], trigger="customer-request", on=at, reason="asked", by=actors.SYSTEM
        ),
        lambda: columns.categorise(table, "amount", "customer.content", valid_from=at, by=actors.SYSTEM),
        lambda: columns.categorise(Place(NS, "t*"), "amount", "user.content", valid_from=at, by=actors.SYSTEM),
        lambda: restricted(serves=LONG_AGO, joins=at),
        lambda: restricted(serves=at, joins=LONG_AGO),
        undeclared,
    ]


@pytest.mark.parametrize("seed", [0, *(pytest.param(each, marks=pytest.mark.prove) for each in range(1, 30))])
def test_whatever_permit_is_live_at_a_moment_would_be_given_at_that_moment(world: World, seed: int) -> None:
    dice = random.Random(seed)
    given: list[Permit] = [world.permitted(name) for name in ("set0", "set1", "set2", "joined")]
    given += [world.permitted(name, model=world.model.ref) for name in ("set0", "joined")]
    begun = now()
    moments = [begun + dice.random() * 23 * HOUR for _ in range(2)]
    happened = [dice.choice(futures(world, dice, moment)) for moment in moments]
    for change in happened:
        try:
            change()
        except Exception as error:  # ended twice, or the same clause again: nothing has changed
            assert type(error).__name__ in {"Conflict", "Unprocessable"}, error
    reading.run()
    turns = [each for moment in (*moments, midnight()) for each in (moment - JUST, moment)]
    for at in sorted({now(), *turns, begun + 23 * HOUR}):
        reacting.due(at=at)
        live = set(permits.live(at=at))
        for permit in given:
            if permit.expires_at > at:
                assert (rechecks.again(permit, at=at).verdict == "permit") == (permit in live), (permit, at)
        given = [permit for permit in given if permit in live]
