"""A change has the permits decided again that rest on it, and revokes exactly those that deciding all of them again would (SEMANTICS §7)."""

import json
import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from governance.access import actors
from governance.catalogue import columns, declarations, sources, trained
from governance.catalogue.models import SourceDeclaration
from governance.catalogue.places import Place
from governance.contracts import families
from governance.obligations import duties
from governance.parties import groups, organisations
from governance.parties.models import Customer
from governance.reactions import reading, touching
from governance.reactions import rechecks as reacting
from governance.releases import decisions, permits, rechecks, requests, resting
from governance.releases.models import Permit
from lineage import ingest
from lineage.journal.models import Entry
from tests import cast as named
from tests.cast import LONG_AGO, Cast

NS = "postgres://plane.example:5432"
GRANT = {"actions": ["train", "disclose"], "categories": ["customer.usage"], "purposes": ["*"], "basis": "negotiated"}
BAN = {"actions": ["train"], "categories": ["customer"], "purposes": ["*"]}
pytestmark = pytest.mark.django_db(transaction=True)


def now() -> datetime:
    return datetime.now(UTC)


def report(output: str, *inputs: str) -> None:
    """A run that wrote `output` from `inputs`, column by column."""
    facet = {"_producer": "https://jobs.example", "_schemaURL": "https://openlineage.io/spec/facets/x.json"}
    how = [{"type": "DIRECT", "subtype": "IDENTITY", "masking": False}]
    fields = {
        "amount": {
            "inputFields": [
                {"namespace": NS, "name": each, "field": "amount", "transformations": how} for each in inputs
            ]
        }
    }
    facets = {"schema": facet | {"fields": [{"name": "amount"}]}} | (
        {"columnLineage": facet | {"fields": fields}} if inputs else {}
    )
    run = str(uuid.uuid4())
    event = {
        "producer": "https://jobs.example",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent", "run": {"runId": run},
        "job": {"namespace": "shop", "name": f"make {output}"}, "inputs": [{"namespace": NS, "name": each} for each in inputs],
        "outputs": [{"namespace": NS, "name": output, "facets": facets}],
    }  # fmt: skip
    for kind in ("START", "COMPLETE"):
        said = event | {"eventType": kind, "eventTime": now().isoformat()}
        ingest.accept(json.dumps(said).encode(), by="key:test")


class World:
    """Some customers, each with a table of its own and a set made from it; the sets of the first two are joined in a third."""

    def __init__(self, cast: Cast, size: int = 4) -> None:
        self.cast, self.size = cast, size
        self.customers: list[Customer] = []
        self.said: Any = ()
        self.families: list[Any] = []
        self.sources: list[SourceDeclaration] = []
        for number in range(size):
            customer = named.customer(f"Customer {number}")
            family = named.family(customer, by=actors.SYSTEM)
            named.activated(family, ("Grant", GRANT), lawyer=cast.lawyer, approver=cast.approver)
            self.customers.append(customer)
            self.families.append(family)
            self.sources.append(self.declare(f"t{number}", customer))
            report(f"t{number}")
            report(f"set{number}", f"t{number}")
        report("joined", "set0", "set1")
        self.model = trained.register(Place(NS, "model"), at=now(), by=actors.SYSTEM)
        reading.run()

    def declare(self, table: str, customer: Customer) -> SourceDeclaration:
        row = sources.of_customer(
            Place(NS, table), customer, setting=sources.Setting(), valid_from=LONG_AGO, by=actors.SYSTEM
        )
        columns.categorise(Place(NS, table), "amount", "customer.usage", valid_from=LONG_AGO, by=actors.SYSTEM)
        return row

    def ask(self, name: str, **fields: Any) -> Permit | None:
        body = {
            "dataset": {"namespace": NS, "name": name},
            "columns": ["amount"],
            "action": "train",
            "purpose": "functional.service",
        }
        found = decisions.request(requests.parse(body | fields), by=actors.SYSTEM, at=now())
        self.said = found.answer.reasons
        return found.permit

    def permitted(self, name: str, **fields: Any) -> Permit:
        found = self.ask(name, **fields)
        assert found is not None, self.said
        return found

    def activate(self, number: int, *terms: tuple[str, dict[str, Any]]) -> None:
        named.activated(
            self.families[number],
            *terms,
            lawyer=self.cast.lawyer,
            approver=self.cast.approver,
            title=f"Amendment {uuid.uuid4()}",
        )


@pytest.fixture
def world(cast: Cast, settings: Any) -> World:
    settings.LINEAGE_SKEW_SECONDS = 0  # one machine, one clock
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


@pytest.mark.parametrize("seed", range(8))
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


def test_of_a_thousand_live_permits_a_change_decides_its_own_again(
    cast: Cast, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """20 sets of 50 permits: counted are decisions, not seconds."""
    settings.LINEAGE_SKEW_SECONDS = 0
    world = World(cast, size=20)
    mine: set[str] = set()
    for number in range(world.size):
        first = world.permitted(f"set{number}")
        terms = permits.Terms(dataset={"namespace": NS, "name": f"set{number}"}, versions=[], columns=["amount"])
        made = [
            permits.issue(first.decision, kind=Permit.Kind.RELEASE, terms=terms, at=now(), by=actors.SYSTEM)
            for _ in range(49)
        ]
        for permit in made:
            resting.copy(first, permit)
        if number == 7:
            mine = {first.ref, *(permit.ref for permit in made)}
    assert len(permits.live(at=now())) == 1_000
    assert looked_at(monkeypatch, lambda: world.activate(7, ("Prohibition", BAN))) == mine
    assert set(Permit.objects.filter(revoked_at__isnull=False).values_list("ref", flat=True)) == mine
