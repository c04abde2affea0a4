"""A change has the permits decided again that rest on it, and revokes exactly those that deciding all of them again would (SEMANTICS §7)."""

import random
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from governance.access import actors
from governance.catalogue import columns, declarations, trained
from governance.catalogue.places import Place
from governance.contracts import families
from governance.obligations import duties
from governance.parties import groups, organisations
from governance.reactions import reading, touching
from governance.reactions import rechecks as reacting
from governance.releases import permits, rechecks, resting
from governance.releases.models import Permit
from lineage.journal.models import Entry
from tests.cast import LONG_AGO, Cast
from tests.governance.rechecks_world import BAN, GRANT, NS, World, now, report

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world(cast: Cast, settings: Any) -> World:
    settings.LINEAGE_SKEW_SECONDS = 0  # one machine, one clock
    settings.SEQUENCER = "background"  # `reading.run` sequences before it reads
    return World(cast)


def changes(world: World, dice: random.Random) -> list[Callable[[], object]]:
    """Things that happen, to one of the customers or tables at random."""
    number = dice.randrange(world.size)
    customer, fresh = world.customers[number], f"new{uuid.uuid4().hex[:6]}"
    group = groups.create(f"group {uuid.uuid4()}", by=actors.SYSTEM)
    rival = organisations.register(f"Rival {uuid.uuid4()}", by=actors.SYSTEM)

    def undeclared_source() -> None:
        report(fresh)
        report(f"set{number}", fresh)

    def declared_source() -> None:
        world.declare(fresh, world.customers[dice.randrange(world.size)])
        report(f"set{number}", fresh)

    def served_to_a_rival() -> None:
        world.activate(number, ("PartyRestriction", {"parties": [group.ref]}))
        groups.add(group, rival, valid_from=LONG_AGO, by=actors.SYSTEM)
        trained.serve(world.model, rival.ref, valid_from=LONG_AGO, by=actors.SYSTEM)

    return [
        lambda: world.activate(number, ("Prohibition", BAN)),
        lambda: world.activate(number, ("Grant", GRANT)),
        lambda: families.end(world.families[number], ends_at=now(), reason="notice", by=world.cast.lawyer.actor),
        lambda: duties.propose(customer, trigger="customer-request", on=now(), reason="asked", by=actors.SYSTEM),
        lambda: columns.categorise(Place(NS, f"t{number}"), "amount", "customer.content", valid_from=LONG_AGO, by=actors.SYSTEM),
        lambda: columns.categorise(Place(NS, "*"), "amount", "user.content", valid_from=LONG_AGO, by=actors.SYSTEM),
        lambda: report(f"set{number}", f"t{number}"),
        lambda: report(fresh, f"t{number}"),
        lambda: declarations.end(world.sources[number], on=now(), by=world.cast.privacy_officer.actor),
        undeclared_source,
        declared_source,
        served_to_a_rival,
    ]  # fmt: skip


# One seed always, more where the long proofs are run.
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.prove) for seed in range(1, 25))]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_permits_looked_at_are_enough(world: World, seed: int) -> None:
    """After each of some random changes: what reactions revoked is what deciding every live permit again would revoke."""
    dice = random.Random(seed)
    for _ in range(4):
        for name in (*(f"set{number}" for number in range(world.size)), "joined"):
            world.ask(name)
            world.ask(name, model=world.model.ref)
        before = set(permits.live(at=now()))
        reading.run()
        assert before == set(permits.live(at=now()))
        change = dice.choice(changes(world, dice))
        reading.run()
        try:
            change()
        except Exception as error:  # ended twice, or by the same person: nothing has changed
            assert type(error).__name__ in {"Conflict", "Unprocessable"}, error
        should = {permit for permit in before if rechecks.failing(permit, at=now())}
        reading.run()
        assert before - set(permits.live(at=now())) == should


def looked_at(monkeypatch: pytest.MonkeyPatch, change: Callable[[], object]) -> set[str]:
    """The permits that are decided again because of a change."""
    reading.run()
    seen: list[str] = []
    recheck = rechecks.recheck

    def counted(permit: Permit, **given: Any) -> rechecks.Recheck:
        seen.append(permit.ref)
        return recheck(permit, **given)

    change()
    with monkeypatch.context() as counting:
        counting.setattr(reacting.rechecks, "recheck", counted)
        reading.run()
    return set(seen)


def test_a_change_of_one_customer_looks_at_its_permits_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, joined, other = (world.permitted(name).ref for name in ("set0", "joined", "set2"))
    seen = looked_at(monkeypatch, lambda: world.activate(0, ("Grant", GRANT)))
    assert seen == {mine, joined}
    assert other not in seen


def test_a_new_source_far_upstream_is_found_and_what_comes_from_it_later_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    joined, other = world.permitted("joined"), world.permitted("set2")
    world.declare("late", world.customers[3])
    report("late")
    assert looked_at(monkeypatch, lambda: report("t0", "late")) == {joined.ref}
    for output, *inputs in (("set0", "t0"), ("joined", "set0", "set1")):  # now it has come down
        assert looked_at(monkeypatch, lambda output=output, inputs=inputs: report(output, *inputs)) == {joined.ref}
    assert looked_at(monkeypatch, lambda: world.activate(3, ("Grant", GRANT))) == {joined.ref}
    world.activate(3, ("Prohibition", BAN))
    reading.run()
    joined.refresh_from_db()
    other.refresh_from_db()
    assert joined.revoked_at is not None and other.revoked_at is None


@pytest.mark.parametrize("lost", ["payload", "kind", "pattern", "rests"])
def test_what_nobody_can_attribute_looks_at_everything(
    world: World, lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refs = {world.permitted(f"set{number}").ref for number in range(world.size)}
    if lost == "payload":
        monkeypatch.setattr(touching.entries, "payload", lambda entry: None)
        entry = Entry(kind="lineage.event", about=["evt_1"], ref="ent_1")
        assert touching.by(entry) is None
    elif lost == "kind":
        assert touching.by(Entry(kind="something-new", about=["cus_1"], ref="ent_1")) is None
        assert (
            touching.by(Entry(kind="basis-approved", about=["bas_1"], ref="ent_1")) is None
        )  # nobody's basis: whose data?
    elif lost == "pattern":
        place = Place(NS, "se*", is_pattern=True)
        change = lambda: columns.categorise(place, "x", "customer.usage", valid_from=LONG_AGO, by=actors.SYSTEM)  # noqa: E731
        assert looked_at(monkeypatch, change) == refs
    else:
        Permit.objects.get(ref=min(refs)).rests.delete()
        assert min(refs) in looked_at(monkeypatch, lambda: report("elsewhere"))


@pytest.mark.parametrize(("size", "each"), [(4, 10), pytest.param(20, 50, marks=pytest.mark.prove)])
def test_of_many_live_permits_a_change_decides_its_own_again(
    cast: Cast, settings: Any, monkeypatch: pytest.MonkeyPatch, size: int, each: int
) -> None:
    """Some permits for each of some sets, a thousand where the long proofs are run: counted are decisions, not seconds."""
    settings.LINEAGE_SKEW_SECONDS, settings.SEQUENCER = 0, "background"
    world = World(cast, size=size)
    mine: set[str] = set()
    for number in range(world.size):
        first = world.permitted(f"set{number}")
        terms = permits.Terms(dataset={"namespace": NS, "name": f"set{number}"}, versions=[], columns=["amount"])
        with transaction.atomic():
            made = [
                permits.issue(first.decision, kind=Permit.Kind.RELEASE, terms=terms, at=now(), by=actors.SYSTEM)
                for _ in range(each - 1)
            ]
            for permit in made:
                resting.copy(first, permit)
        if number == 2:
            mine = {first.ref, *(permit.ref for permit in made)}
    assert len(permits.live(at=now())) == size * each
    assert looked_at(monkeypatch, lambda: world.activate(2, ("Prohibition", BAN))) == mine
    assert set(Permit.objects.filter(revoked_at__isnull=False).values_list("ref", flat=True)) == mine
