"""`as_known_at`, fact kind by fact kind: what is recorded later, about whatever moment, leaves the facts of an old question byte for byte."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connection

from consent import bases
from consent.models import Basis
from governance.access import actors
from governance.building import counting
from governance.catalogue import columns, declarations, safeguards, sources, trained
from governance.catalogue.models import CategoryDeclaration, KeyColumn, Model, Service
from governance.catalogue.places import Place
from governance.contracts import corrected_clauses, corrections, families, optins, terminations
from governance.contracts.models import Clause, Document, FamilyCustomer, OptIn
from governance.obligations import duties
from governance.parties import groups, keyspaces, organisations
from governance.parties.models import GroupMembership, Party, TenantKey
from governance.policy import values
from governance.releases import gathering, requests
from lineage.models import Write
from tests import cast as people
from tests.cast import LONG_AGO
from tests.governance import releases_world
from tests.governance.releases_world import NAMESPACE, TICKETS, TRAIN_SET, World, ask, report

pytestmark = pytest.mark.django_db
HERE, SOURCE = Place(NAMESPACE, TRAIN_SET), Place(NAMESPACE, TICKETS)
MODEL = Place(NAMESPACE, "shop.models.triage")


def clock() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found


def facts(question: values.Question) -> bytes:
    """But for the position of lists of people, which moves with every transaction in the cluster, those of other tests too."""
    found = gathering.gather(question).facts.normal()
    return replace(found, consents=tuple(replace(view, position=0) for view in found.consents)).to_bytes()


@contextmanager
def told_later(*questions: requests.Ask) -> Iterator[None]:
    """Everything said inside leaves old questions alone, and changes what is known now."""
    then = clock()

    def asked(each: requests.Ask, known: datetime) -> values.Question:
        return requests.question(each, columns=each.columns, now=known)

    before = [facts(asked(each, then)) for each in questions]
    yield
    now = clock()
    for each, found in zip(questions, before, strict=True):
        old = requests.question(each, columns=each.columns, now=then)
        assert facts(old) == found
        known_now = requests.question(
            requests.Ask(**{f: getattr(each, f) for f in each.__struct_fields__} | {"at": then}), columns=each.columns, now=now
        )  # fmt: skip
        assert facts(known_now) != found, "what was said is no fact of this question: the test would prove nothing"


def model(world: World) -> Model:
    return Model.objects.get(name=MODEL.name)


def acme(world: World) -> Any:
    return world.customers["acme"]


def offer_to(customer: Any) -> Clause:
    return Clause.objects.get(kind="OptInOffer", document__family__coverage__customer=customer)


def document_of(world: World, customer: str = "acme") -> Document:
    covered = FamilyCustomer.objects.filter(customer=world.customers[customer]).order_by("pk").first()
    assert covered is not None
    return covered.family.documents.order_by("pk")[0]


def correct(world: World) -> None:
    cast, document = world.cast, document_of(world)
    row = corrections.draft(document, reason="typed wrongly", by=cast.lawyer.actor)
    body = {"actions": ["train"], "categories": ["customer.usage"], "purposes": ["*"]}
    corrected_clauses.change(row, document.clauses.get().ref, body=body, by=cast.lawyer.actor)
    corrections.submit(row, by=cast.lawyer.actor)
    corrections.apply(row, by=cast.approver.actor, at=datetime.now(UTC))


def end_basis(world: World) -> None:
    row = Basis.objects.get()
    bases.end(row.ref, on=datetime(2026, 1, 1, tzinfo=UTC), by=world.cast.lawyer.ref, officer=False)
    bases.approve_end(row.ref, by=world.cast.privacy_officer.ref, officer=True)


def own_basis(world: World) -> None:
    terms = bases.Terms(
        customer_ref="", category="user", action="train", purpose="functional", role="controller", ground="legal-duty", assessment="yes",
        valid_from=LONG_AGO,
    )  # fmt: skip
    row = bases.declare(terms, by=world.cast.lawyer.ref, officer=False)
    bases.approve(row.ref, by=world.cast.privacy_officer.ref, officer=True)


def end_twice(row: Any, world: World) -> None:
    declarations.end(row, on=datetime(2026, 1, 1, tzinfo=UTC), by=world.cast.pipeline_owner.actor)
    if row.TWO_TO_END:
        declarations.approve_end(row, by=world.cast.privacy_officer.actor)


def new_place_of_source(world: World) -> Any:
    return sources.of_customer(HERE, acme(world), setting=sources.Setting(), valid_from=LONG_AGO, by=actors.SYSTEM)


def serve(world: World) -> Service:
    return trained.serve(model(world), Party.objects.get(name="Rival").ref, valid_from=LONG_AGO, by=actors.SYSTEM)


def register_party(world: World) -> None:
    organisations.register("Second GmbH", kind=Party.Kind.VENDOR, by=actors.SYSTEM)


LATER: dict[str, Callable[[World], Any]] = {
    "a category": lambda w: columns.categorise(SOURCE, "body", "user.contact", valid_from=LONG_AGO, by=actors.SYSTEM),
    "the end of a category": lambda w: end_twice(CategoryDeclaration.objects.get(column="body"), w),
    "a key column": lambda w: columns.person_key(HERE, "clicks", w.persons, valid_from=LONG_AGO, by=actors.SYSTEM),
    "the end of a key column": lambda w: end_twice(KeyColumn.objects.get(kind="tenant"), w),
    "quasi-identifiers": lambda w: w.two(columns.quasi_identifiers(HERE, ["age"], valid_from=LONG_AGO, by=w.cast.pipeline_owner.actor)),
    "a generalisation": lambda w: w.two(columns.generalise(HERE, "age", "bands", {"width": 10}, valid_from=LONG_AGO, by=w.cast.pipeline_owner.actor)),
    "a safeguard": lambda w: w.two(safeguards.declare(HERE, written(), ["age"], "pseudonymised", valid_from=LONG_AGO, reason="hashed", by=w.cast.pipeline_owner.actor)),
    "a source": new_place_of_source,
    "the end of a source": lambda w: end_twice(w.source, w),
    "a tenant key": lambda w: keyspaces.assign(w.space, "delta", customer=people.customer("Delta"), valid_from=LONG_AGO, by=actors.SYSTEM),
    "a membership": lambda w: groups.add(groups.create("affiliates", by=actors.SYSTEM), acme(w).party, valid_from=LONG_AGO, by=actors.SYSTEM),
    "the end of a membership": lambda w: groups.leave(GroupMembership.objects.get(), at=datetime(2026, 1, 1, tzinfo=UTC), by=actors.SYSTEM),
    "a vendor entity": register_party,
    "a document": lambda w: w.grant("corax", ("Grant", releases_world.TRAIN | {"categories": ["customer"]})),
    "the end of a document": lambda w: terminations.terminate(document_of(w), ends_at=datetime(2026, 1, 1, tzinfo=UTC), reason="over", by=w.cast.lawyer.actor),
    "a correction": correct,
    "the end of coverage": lambda w: families.uncover(FamilyCustomer.objects.filter(customer=acme(w)).order_by("pk")[0], at=datetime(2026, 1, 1, tzinfo=UTC), by=w.cast.lawyer.actor),
    "an opt-in": lambda w: optins.activate(offer_to(w.customers["brandt"]), w.customers["brandt"], valid_from=LONG_AGO, evidence="mail", by=w.cast.lawyer.actor),
    "the end of an opt-in": lambda w: optins.end(OptIn.objects.get(), at=datetime(2026, 1, 1, tzinfo=UTC), by=w.cast.lawyer.actor),
    "a basis": lambda w: w.basis("user", "contract", customer="brandt"),
    "the end of a basis": end_basis,
    "a basis for our own data": own_basis,
    "a consent": lambda w: w.consent("bob", at="2026-10-01T00:00:00Z"),
    "a withdrawal": lambda w: w.consent("ann", "withdrawn", at="2026-10-02T00:00:00Z"),
    "a deletion": lambda w: duties.propose(w.customers["brandt"], trigger="customer-request", on=datetime(2026, 1, 1, tzinfo=UTC), by=w.cast.privacy_officer.actor),
    "whom a model serves": serve,
    "a release by an owner": lambda w: w.two(trained.release(model(w), acme(w), action="serve", recipient=Party.objects.get(name="Rival").ref, evidence="letter", valid_from=LONG_AGO, by=w.cast.lawyer.actor)),
    "lineage": lambda w: report(TRAIN_SET, TICKETS, columns_=("tenant", "person", "body", "city", "age", "clicks", "mood")),
    "a count of rows": lambda w: counting.count(NAMESPACE, TRAIN_SET, by=w.key.actor, at=datetime.now(UTC)),
}  # fmt: skip
PASSING_ON = frozenset({"a release by an owner"})


def written() -> str:
    return str(Write.objects.get(dataset__name=TRAIN_SET).run.key)


@pytest.fixture
def known(release_world: World) -> World:
    """The usual world, with somebody of every kind in it; `city` says something about people."""
    world = release_world
    columns.categorise(SOURCE, "city", "user.contact", valid_from=LONG_AGO, by=actors.SYSTEM)
    for name in ("acme", "brandt"):
        world.grant(name, ("OptInOffer", {"discount": "8 %"}))
    world.grant("corax", ("ModelOwnership", {"owner": "customer"}))
    optins.activate(
        offer_to(acme(world)), acme(world), valid_from=LONG_AGO, evidence="mail", by=world.cast.lawyer.actor
    )
    groups.add(groups.create("rivals", by=actors.SYSTEM), acme(world).party, valid_from=LONG_AGO, by=actors.SYSTEM)
    world.basis("user", "consent")
    world.consent("ann", at="2026-10-01T00:00:00Z")
    organisations.register("Rival", by=actors.SYSTEM)
    trained.register(MODEL, title="Triage", at=LONG_AGO, by=actors.SYSTEM)
    report(MODEL.name, TRAIN_SET)
    return world


@pytest.mark.parametrize("kind", LATER)
def test_what_is_recorded_later_leaves_an_old_question_alone(known: World, kind: str) -> None:
    of_data = ask(model=model(known).ref)
    of_model = ask(dataset=requests.DatasetName(NAMESPACE, MODEL.name), action="serve", purpose="", columns=(), recipient=Party.objects.get(name="Rival").ref)  # fmt: skip
    with told_later(of_model if kind in PASSING_ON else of_data):
        LATER[kind](known)


def test_a_tenant_key_that_was_ended_later_still_tells_whose_the_old_rows_are(known: World) -> None:
    then = clock()
    question = requests.question(ask(), columns=ask().columns, now=then)
    before = facts(question)
    keyspaces.end(TenantKey.objects.get(value="acme"), at=datetime(2026, 1, 1, tzinfo=UTC), by=actors.SYSTEM)
    assert facts(question) == before


def test_our_own_data_are_judged_by_our_own_bases(known: World) -> None:
    place = Place(NAMESPACE, "shop.staff")
    ours = sources.of_nobody(
        place,
        setting=sources.Setting(controller=people.vendor().ref),
        valid_from=LONG_AGO,
        reason="staff",
        by=known.cast.pipeline_owner.actor,
    )
    known.two(ours)
    columns.categorise(place, "name", "user.name", valid_from=LONG_AGO, by=actors.SYSTEM)
    report(place.name, None, columns_=("name",))
    mine = {"dataset": requests.DatasetName(NAMESPACE, place.name), "columns": ("name",)}
    assert "no-basis" in {r.code for r in known.ask(**mine).answer.reasons}
    own_basis(known)
    assert known.ask(**mine).answer.verdict == "permit"


def test_a_model_serves_whom_what_it_was_made_of_serves(known: World) -> None:
    """An adapter inherits from its base, in the catalogue and in lineage, and a base answers for its adapters."""
    rival = Party.objects.get(name="Rival").ref
    adapter = trained.register(
        Place(NAMESPACE, "shop.models.adapter"), adapted_from=model(known), at=LONG_AGO, by=actors.SYSTEM
    )
    sibling = trained.register(Place(NAMESPACE, "shop.models.merged"), at=LONG_AGO, by=actors.SYSTEM)
    report("shop.models.merged", MODEL.name)

    def served(ref: str) -> set[str]:
        asked = ask(model=ref)
        found = gathering.gather(requests.question(asked, columns=asked.columns, now=clock()))
        return {row.party for each in found.facts.models if each.ref == ref for row in each.served_to}

    assert served(adapter.ref) == served(sibling.ref) == set()
    serve(known)
    assert served(adapter.ref) == served(sibling.ref) == {rival}
    trained.serve(adapter, acme(known).party.ref, valid_from=LONG_AGO, by=actors.SYSTEM)
    assert served(model(known).ref) == {rival, acme(known).party.ref}


def test_the_end_of_a_standard_form_ends_every_acceptance_of_it(known: World) -> None:
    cast = known.cast
    form = people.activated(
        None, ("Grant", releases_world.TRAIN | {"categories": ["customer"]}), lawyer=cast.lawyer, approver=cast.approver,  # type: ignore[arg-type]
        kind=Document.Kind.STANDARD_FORM, title="Terms of service v7", expires_on=date(2026, 1, 1),
    )  # fmt: skip
    known.grant("corax", kind=Document.Kind.ACCEPTANCE, form=form, title="Acceptance")
    found = gathering.gather(requests.question(ask(), columns=ask().columns, now=clock())).facts
    (accepted,) = [d for f in found.families for d in f.documents if d.kind == "acceptance"]
    assert accepted.expires_at == datetime(2026, 1, 1, tzinfo=UTC) and accepted.renewal == "none"
