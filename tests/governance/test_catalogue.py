"""The catalogue: adding risk is quick, removing risk takes two people who do not own the job, and all of it is in the ledger."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from consent import subjects
from consent.models import IdentifierSpace
from governance.access.actors import Actor, NotAllowed
from governance.catalogue import columns, declarations, modes, movements, queries, safeguards, sources, trained
from governance.catalogue.declarations import OwnerOfTheJob, SecondPersonNeeded
from governance.catalogue.models import CategoryDeclaration, EnforcementMode, SourceDeclaration
from governance.catalogue.places import Place
from governance.parties.models import Customer, TenantKeySpace
from lineage import errors
from lineage.journal.models import Entry
from lineage.models import Declaration
from tests import cast as cast_module
from tests.cast import Cast

FROM = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 10, tzinfo=UTC)
TICKETS, SET = ("postgres://db:5432", "desk.support.tickets"), ("postgres://db:5432", "desk.training.set")
AT_TICKETS, AT_SET = Place(*TICKETS), Place(*SET)
pytestmark = pytest.mark.django_db


@pytest.fixture
def paula(cast: Cast) -> Actor:
    return cast.privacy_officer.actor


@pytest.fixture
def anton(cast: Cast) -> Actor:
    return cast.approver.actor


@pytest.fixture
def customer(cast: Cast) -> Customer:
    return cast_module.customer("Alder")


@pytest.fixture
def space(cast: Cast) -> TenantKeySpace:
    return cast_module.space()


@pytest.fixture
def people(db: None) -> IdentifierSpace:
    return subjects.open_space(name="contact", by="user:usr_paula")


def of_space(space: TenantKeySpace, people: IdentifierSpace, by: Actor, place: Place = AT_TICKETS) -> SourceDeclaration:
    persons = sources.People("person_key", people)
    return sources.of_space(
        place,
        space,
        tenant_column="tenant_key",
        people=persons,
        setting=sources.Setting(region="eu"),
        valid_from=FROM,
        by=by,
    )


def categories(at: datetime = NOW, known: datetime | None = None) -> list[str]:
    return [row.category for row in queries.categories([SET], at=at, as_known_at=known)[SET]]


def separable(*refs: str, dataset: tuple[str, str] = SET) -> set[tuple[str, str]]:
    return {(each.source_ref, each.kind) for each in queries.identities(dataset, refs, at=NOW)}


def serves(at: datetime = NOW) -> list[str]:
    return [row.party_ref for row in queries.services([("models", "triage")], not_over_at=at)]


def test_a_source_declared_by_one_person_counts_at_once_and_reaches_lineage(
    paula: Actor, space: TenantKeySpace, people: IdentifierSpace
) -> None:
    row = of_space(space, people, paula)
    assert queries.sources([row.ref], at=NOW)[row.ref].region == "eu"
    assert queries.sources([row.ref], at=FROM - timedelta(days=1)) == {}
    assert queries.sources([row.ref], at=NOW, as_known_at=timezone.now() - timedelta(hours=1)) == {}
    below = Declaration.objects.get(ref=row.ref)
    assert (below.kind, below.payload["tenant_space"]) == ("source", space.key)
    assert Entry.objects.filter(kind="source-declared", about__contains=[row.ref]).exists()


def test_no_customer_data_counts_only_when_a_second_person_confirms_it(paula: Actor, anton: Actor) -> None:
    row = sources.of_nobody(
        AT_TICKETS, setting=sources.Setting(), valid_from=FROM, reason="a list of countries", by=paula
    )
    assert not queries.sources([row.ref], at=NOW)
    assert not Declaration.objects.exists()
    with pytest.raises(SecondPersonNeeded):
        declarations.approve(row, by=Actor(paula.ref, frozenset({"approver"}), paula.scopes))
    declarations.approve(row, by=anton)
    assert queries.sources([row.ref], at=NOW)[row.ref].no_customer_data
    assert Declaration.objects.filter(ref=row.ref).exists()


def test_a_key_cannot_be_one_of_two_persons(cast: Cast, paula: Actor) -> None:
    machine = Actor("key:key_x", scopes=frozenset({"catalogue:write"}))
    with pytest.raises(SecondPersonNeeded):
        sources.of_nobody(AT_TICKETS, setting=sources.Setting(), valid_from=FROM, reason="r", by=machine)
    row = sources.of_nobody(AT_TICKETS, setting=sources.Setting(), valid_from=FROM, reason="r", by=paula)
    with pytest.raises(SecondPersonNeeded):
        declarations.approve(row, by=machine)
    with pytest.raises(NotAllowed):
        declarations.approve(row, by=cast.pipeline_owner.actor)


def test_the_owner_of_the_job_neither_proposes_nor_confirms(cast: Cast, paula: Actor, anton: Actor) -> None:
    modes.own(TICKETS[0], anton.ref, by=cast.administrator.actor)
    row = sources.of_nobody(AT_TICKETS, setting=sources.Setting(), valid_from=FROM, reason="r", by=paula)
    with pytest.raises(OwnerOfTheJob):
        declarations.approve(row, by=anton)
    modes.own(TICKETS[0], paula.ref, by=cast.administrator.actor)
    with pytest.raises(OwnerOfTheJob):
        movements.replaces_whole(AT_TICKETS, job=("jobs", "load"), valid_from=FROM, reason="it truncates", by=paula)


@pytest.mark.parametrize("forged", [{"approved_by": ""}, {"approved_by": "self"}])
def test_the_database_holds_the_second_person(paula: Actor, forged: dict[str, str]) -> None:
    row = sources.of_nobody(AT_TICKETS, setting=sources.Setting(), valid_from=FROM, reason="r", by=paula)
    approver = paula.ref if forged["approved_by"] == "self" else ""
    with pytest.raises(IntegrityError), transaction.atomic():
        SourceDeclaration.objects.filter(pk=row.pk).update(approved_by=approver, known_at=NOW)


@pytest.mark.parametrize("change", [{"no_customer_data": False}, {"valid_to": NOW}, {"known_at": NOW}])
def test_the_database_refuses_to_edit_a_declaration(
    change: dict[str, Any], paula: Actor, space: TenantKeySpace, people: IdentifierSpace
) -> None:
    row = of_space(space, people, paula)
    changed = {"region": "us"} if "no_customer_data" in change else change
    with pytest.raises(DatabaseError), transaction.atomic():
        SourceDeclaration.objects.filter(pk=row.pk).update(**changed)
    with pytest.raises(DatabaseError), transaction.atomic():
        row.delete()


def test_a_category_is_added_by_one_person_and_removed_by_two(paula: Actor, anton: Actor) -> None:
    row = columns.categorise(AT_SET, "body", "customer.content", valid_from=FROM, by=paula)
    assert categories() == ["customer.content"]
    before = timezone.now()

    declarations.end(row, on=FROM + timedelta(days=2), by=paula)
    assert categories()
    declarations.approve_end(row, by=anton)

    assert categories() == []
    assert categories(known=before)
    assert categories(at=FROM + timedelta(days=1))
    with pytest.raises(errors.Conflict):
        declarations.end(row, on=NOW, by=paula)


def test_whoever_proposes_a_removal_does_not_confirm_it(paula: Actor) -> None:
    row = columns.categorise(AT_SET, "body", "customer.content", valid_from=FROM, by=paula)
    declarations.end(row, on=NOW, by=paula)
    with pytest.raises(SecondPersonNeeded):
        declarations.approve_end(row, by=paula)
    with pytest.raises(IntegrityError), transaction.atomic():
        CategoryDeclaration.objects.filter(pk=row.pk).update(end_known_at=NOW, end_approved_by=paula.ref)


def test_a_withdrawn_proposal_can_no_longer_be_approved(paula: Actor, anton: Actor) -> None:
    row = columns.quasi_identifiers(AT_SET, ["age"], valid_from=FROM, by=paula)
    declarations.end(row, on=NOW, by=paula)
    with pytest.raises(errors.Conflict):
        declarations.approve(row, by=anton)


@pytest.mark.parametrize("category", ["customer.nonsense", "", "train"])
def test_a_category_in_no_tree_is_refused(paula: Actor, category: str) -> None:
    with pytest.raises(errors.Unprocessable):
        columns.categorise(AT_SET, "c", category, valid_from=FROM, by=paula)
    assert columns.categorise(AT_SET, "c", "user", valid_from=FROM, by=paula).axis == "personal"


def test_a_pattern_names_every_dataset_it_matches_and_no_other(
    paula: Actor, space: TenantKeySpace, people: IdentifierSpace
) -> None:
    row = of_space(space, people, paula, Place("postgres://*", "desk.support.*", is_pattern=True))
    found = queries.sources_on([TICKETS, SET], at=NOW)
    assert [each.ref for each in found[TICKETS]] == [row.ref]
    assert found[SET] == []
    assert Declaration.objects.get(ref=row.ref).is_pattern


def test_rows_are_separable_only_by_keys_that_somebody_declared_there(
    paula: Actor, space: TenantKeySpace, people: IdentifierSpace
) -> None:
    one, other = of_space(space, people, paula), of_space(space, people, paula, Place(TICKETS[0], "desk.crm.contacts"))
    assert separable(one.ref, dataset=TICKETS) == {(one.ref, "tenant"), (one.ref, "person")}
    assert separable(one.ref, other.ref) == set()

    columns.tenant_key(AT_SET, "tenant_key", space, source=one, valid_from=FROM, by=paula)
    assert separable(one.ref, other.ref) == {(one.ref, "tenant")}

    columns.tenant_key(AT_SET, "tenant_key", space, valid_from=FROM, by=paula)
    assert separable(one.ref, other.ref) == {(one.ref, "tenant"), (other.ref, "tenant")}


def test_quasi_identifiers_and_generalisations_count_when_two_persons_say_so(paula: Actor, anton: Actor) -> None:
    quasi = columns.quasi_identifiers(AT_SET, ["area", "age"], valid_from=FROM, by=paula)
    bands = columns.generalise(AT_SET, "age", "bands", {"width": 20}, valid_from=FROM, by=paula)
    assert (queries.quasi_identifiers(SET, at=NOW), queries.generalisations(SET, at=NOW)) == (None, {})
    for row in (quasi, bands):
        declarations.approve(row, by=anton)
    assert queries.quasi_identifiers(SET, at=NOW) == ("age", "area")
    assert queries.generalisations(SET, at=NOW)["age"].parameters == {"width": 20}


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("bands", {}),
        ("bands", {"width": 0}),
        ("bands", {"width": True}),
        ("truncate", {"length": "3"}),
        ("blank", {"x": 1}),
        ("blur", {}),
    ],
)
def test_a_generalisation_that_means_nothing_is_refused(paula: Actor, method: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(errors.Unprocessable):
        columns.generalise(AT_SET, "age", method, parameters, valid_from=FROM, by=paula)


def test_a_declared_safeguard_belongs_to_one_version_and_takes_two(paula: Actor, anton: Actor) -> None:
    row = safeguards.declare(
        AT_SET,
        "run-1",
        ["age"],
        "deidentified",
        bounds={"k": 20, "quasi_identifiers": ["age"]},
        valid_from=FROM,
        reason="report 7",
        by=paula,
    )
    assert queries.safeguards(SET, at=NOW) == []
    declarations.approve(row, by=anton)
    (found,) = queries.safeguards(SET, at=NOW)
    assert (found.run, found.bounds["k"], found.approved_by) == ("run-1", 20, anton.ref)
    assert queries.safeguards(SET, ["run-2"], at=NOW) == []


@pytest.mark.parametrize("bounds", [{"k": 0}, {"k": "20"}, {"epsilon": "1"}, {"n": 3}])
def test_a_bound_that_the_safeguard_does_not_have_is_refused(paula: Actor, bounds: dict[str, Any]) -> None:
    with pytest.raises(errors.Unprocessable):
        safeguards.declare(
            AT_SET, "run-1", ["age"], "deidentified", bounds=bounds, valid_from=FROM, reason="r", by=paula
        )


def test_a_replacement_reaches_lineage_with_the_second_person_and_a_dead_run_with_the_first(
    paula: Actor, anton: Actor
) -> None:
    row = movements.replaces_whole(AT_SET, job=("jobs", "load"), valid_from=FROM, reason="it truncates first", by=paula)
    assert not Declaration.objects.exists()
    declarations.approve(row, by=anton)
    assert Declaration.objects.get().payload == {"job": {"namespace": "jobs", "name": "load"}}
    closed = movements.close_run(AT_SET, run="0198-dead", at=NOW, reason="the machine burnt", by=paula)
    assert Declaration.objects.get(ref=closed.ref).payload["run"] == "0198-dead"


def test_an_absence_without_attestation_changes_nothing(paula: Actor, anton: Actor, customer: Customer) -> None:
    row = movements.absence(
        AT_SET, customer=customer, job=("jobs", "f"), valid_from=FROM, reason="it filters", by=paula
    )
    assert not Declaration.objects.exists()
    declarations.approve(row, by=anton)
    assert Declaration.objects.get().payload["customer"] == customer.ref


def test_a_model_serves_parties_until_two_people_say_otherwise(paula: Actor, anton: Actor, customer: Customer) -> None:
    party = customer.party
    model = trained.register(
        Place("models", "triage"),
        run="r1",
        trained_on=[trained.Version(*SET, "r0")],
        served_to=[party.ref],
        at=FROM,
        by=paula,
    )
    assert serves() == [party.ref]
    service = model.services.get()
    declarations.end(service, on=NOW - timedelta(days=1), by=paula)
    assert serves()
    declarations.approve_end(service, by=anton)
    assert serves() == []
    assert Declaration.objects.get(kind="node-kind").payload["trained_on"][0]["run"] == "r0"
    assert trained.retire(model, by=paula).retired_by == paula.ref
    with pytest.raises(errors.Conflict):
        trained.retire(model, by=paula)


def test_a_model_cannot_serve_a_stranger_and_is_registered_once(paula: Actor) -> None:
    with pytest.raises(errors.Unprocessable):
        trained.register(Place("models", "m"), served_to=["pty_nobody"], at=FROM, by=paula)
    trained.register(Place("models", "m"), at=FROM, by=paula)
    with pytest.raises(errors.Conflict):
        trained.register(Place("models", "m"), at=FROM, by=paula)


def test_a_new_namespace_observes_until_two_people_change_that(paula: Actor, anton: Actor) -> None:
    assert modes.of("warehouse") == "observe"
    proposed = modes.propose("warehouse", "enforce", by=paula)
    assert modes.of("warehouse") == "observe"
    with pytest.raises(SecondPersonNeeded):
        modes.approve(proposed.ref, by=Actor(paula.ref, frozenset({"approver"}), paula.scopes))
    before = timezone.now()
    modes.approve(proposed.ref, by=anton)
    assert modes.of("warehouse") == "enforce"
    assert modes.of("warehouse", as_known_at=before) == "observe"
    assert Entry.objects.filter(kind="mode-approved").count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        EnforcementMode.objects.create(
            namespace="w", mode="observe", proposed_by=paula.ref, approved_by=paula.ref, approved_at=NOW
        )
