"""What a document would change, before anybody approves it: decided by the real engine on facts as they would be, and never stored."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from governance.access import actors
from governance.building import counting
from governance.contracts import clauses, documents, optins, terminations
from governance.contracts.models import Clause, Document
from governance.parties import customers
from governance.releases import decisions, rechecks
from governance.releases.comparing import Kind
from governance.releases.models import Decision, Permit
from governance.reports import changes, impact_shown, impacts, owed
from lineage import errors
from lineage.journal.models import Entry
from tests import cast as people
from tests.governance.releases_world import NAMESPACE, TICKETS, TRAIN, TRAIN_SET, World, now

pytestmark = pytest.mark.django_db
GRANT = ("Grant", TRAIN | {"categories": ["customer.content", "customer.usage"]})
BAN = ("Prohibition", {"actions": ["train"], "categories": ["customer"], "purposes": ["*"]})
TOMORROW = datetime.combine(datetime.now(UTC).date() + timedelta(days=1), time.min, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    cache.clear()


def amendment(world: World, customer: str, *terms: tuple[str, dict[str, Any]], **fields: Any) -> Document:
    """A draft in the contract that the world made for this customer."""
    family = world.customers[customer].coverage.get().family
    return people.draft(family, *terms, by=world.cast.lawyer.actor, kind="amendment", title="Amendment", **fields)


def impact(world: World, change: changes.Change, **options: Any) -> impacts.Impact:
    return impacts.of(change, by=world.cast.approver.actor, at=now(), **options)


def would_be(world: World, document: Document) -> impacts.Impact:
    return impact(world, changes.activation(document, at=now()))


def activate(world: World, document: Document) -> None:
    documents.submit(document, by=world.cast.lawyer.actor)
    documents.approve(document, by=world.cast.approver.actor)
    documents.activate(document, by=world.cast.lawyer.actor, at=now())


def test_a_grant_in_a_draft_shows_whom_it_would_bring_in(release_world: World) -> None:
    release_world.ask()
    counting.count(NAMESPACE, TRAIN_SET, by=actors.SYSTEM, at=now())
    found = would_be(release_world, amendment(release_world, "corax", GRANT))
    (flip,) = found.flips
    corax = release_world.customers["corax"].ref
    assert flip.difference.kind is Kind.GROWS
    assert [(each.customer, each.whole) for each in flip.difference.gained] == [(corax, True)]
    assert flip.rows[corax] == 1 and not flip.difference.lost and not found.revoked
    (dataset,) = impact_shown.shown(found)["datasets"]
    assert (dataset["gained"]["rows"], dataset["lost"]["rows"], dataset["name"]) == (1, 0, TRAIN_SET)


def test_what_the_page_foretells_is_what_activation_then_brings(release_world: World) -> None:
    """The forecast for every kind of change is held to the decision that is made after it."""
    asked = release_world.ask()
    for customer, terms in (("corax", GRANT), ("acme", BAN)):
        draft = amendment(release_world, customer, terms)
        (flip,) = would_be(release_world, draft).flips
        activate(release_world, draft)
        after = release_world.ask()
        assert flip.difference.after == after.answer.verdict
        expected = {each.customer for each in flip.difference.gained if each.whole}
        lost = {each.customer for each in flip.difference.lost if each.whole}
        members = lambda found: {ref for group in found.answer.members.values() for ref in group}  # noqa: E731
        assert members(after) == (members(asked) | expected) - lost
        asked = after


def test_a_prohibition_shows_the_permit_that_would_be_revoked_and_then_is(release_world: World) -> None:
    asked = release_world.ask()
    assert asked.permit is not None
    draft = amendment(release_world, "acme", BAN)
    found = would_be(release_world, draft)
    (revoked,) = found.revoked
    assert (revoked.permit, revoked.why) == (asked.permit.ref, "all-blank, nobody-left, prohibition")
    (flip,) = found.flips
    assert flip.difference.kind is Kind.CLOSES
    assert any("Clause 1 of Amendment" in line for line in flip.why)
    assert not Permit.objects.exclude(revoked_at=None).exists(), "nothing is done by looking"
    activate(release_world, draft)
    assert [each.permit.ref for each in rechecks.sweep(at=now(), by=actors.SYSTEM)] == [asked.permit.ref]


def test_a_repeal_shows_what_it_would_open(release_world: World) -> None:
    release_world.ask()
    draft = amendment(release_world, "brandt", GRANT)
    assert not would_be(release_world, draft).flips, "a grant does not help against a ban"
    clauses.repeal(draft, Clause.objects.get(kind="Prohibition"), by=release_world.cast.lawyer.actor)
    (flip,) = would_be(release_world, draft).flips
    assert [each.customer for each in flip.difference.gained] == [release_world.customers["brandt"].ref]


def test_each_distinct_question_is_asked_once_whoever_asked_it_how_often(release_world: World) -> None:
    for _ in range(3):
        release_world.ask()
    release_world.ask(columns=("clicks", "age", "city", "body"))  # the order of columns is the caller's whim
    release_world.ask(columns=("body",))
    release_world.ask(at=now() - timedelta(seconds=5))
    found = would_be(release_world, amendment(release_world, "corax", GRANT))
    assert (found.looked.questions, found.looked.decisions) == (2, 5)
    assert {flip.question.columns for flip in found.flips} == {("age", "body", "city", "clicks"), ("body",)}


def test_a_document_that_begins_later_is_weighed_on_the_day_it_begins(release_world: World) -> None:
    release_world.ask()
    draft = amendment(release_world, "acme", BAN, effective_on=(TOMORROW + timedelta(days=30)).date())
    found = would_be(release_world, draft)
    assert found.starts_at == TOMORROW + timedelta(days=30)
    assert found.flips and not found.revoked and found.looked.permits_over == 1
    assert any("are over before it begins" in each for each in impact_shown.limits(found))


def test_an_end_closes_what_it_granted_and_would_have_the_deletion_proposed(release_world: World) -> None:
    release_world.ask()
    term = ("DeletionTerm", {"trigger": "contract-end", "deadline_days": 30})
    activate(release_world, amendment(release_world, "acme", term))
    for document in Document.objects.filter(family__coverage__customer=release_world.customers["acme"]):
        last = changes.termination(document, ends_at=TOMORROW, at=now())
        if document.kind == "msa":
            assert not [each for each in impact(release_world, last).owed if each.kind == owed.OPENS]
            terminations.terminate(document, ends_at=TOMORROW, reason="over", by=release_world.cast.lawyer.actor)
    amended = Document.objects.get(kind="amendment")
    found = impact(release_world, changes.termination(amended, ends_at=TOMORROW, at=now()))
    (opened,) = [each for each in found.owed if each.kind == owed.OPENS]
    assert (opened.on, opened.due_on) == (TOMORROW, TOMORROW + timedelta(days=30))
    assert opened.after is not None and opened.after.clause == Clause.objects.get(kind="DeletionTerm").ref


def test_the_end_of_the_only_contract_takes_its_rows_out_on_that_day(release_world: World) -> None:
    release_world.ask()
    document = Document.objects.get(family__coverage__customer=release_world.customers["acme"])
    found = impact(release_world, changes.termination(document, ends_at=TOMORROW, at=now()))
    (flip,) = found.flips
    assert flip.difference.kind is Kind.CLOSES and any("must be deleted" in each for each in flip.why)
    assert [each.kind for each in found.owed] == [owed.OPENS]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"deadline_days": 10}, owed.STRICTER),
        ({"deadline_days": 30}, None),
        ({"deadline_days": 90}, None),  # the strictest counts: a laxer one changes nothing
    ],
)
def test_a_stricter_deletion_term_is_named_with_both_clauses(
    release_world: World, body: dict[str, Any], kind: str | None
) -> None:
    activate(
        release_world,
        amendment(release_world, "acme", ("DeletionTerm", {"trigger": "customer-request", "deadline_days": 30})),
    )
    draft = amendment(release_world, "acme", ("DeletionTerm", {"trigger": "customer-request"} | body))
    found = would_be(release_world, draft).owed
    assert [each.kind for each in found] == ([kind] if kind else [])
    if kind:
        assert found[0].before is not None and found[0].after is not None
        assert (found[0].before.days, found[0].after.days) == (30, 10)
        assert found[0].after.clause == draft.clauses.get().ref


def offer(world: World) -> Document:
    """A draft that pays 8 % for an opt-in on which a grant hangs."""
    draft = amendment(world, "corax", ("OptInOffer", {"discount": "8 %"}))
    body = GRANT[1] | {"basis": "opt-in", "offer": draft.clauses.get().ref}
    clauses.add(draft, number="9", passage="x", kind="Grant", body=body, by=world.cast.lawyer.actor)
    return draft


def test_an_offer_is_worth_the_rows_that_taking_it_up_would_open(release_world: World) -> None:
    release_world.ask()
    counting.count(NAMESPACE, TRAIN_SET, by=actors.SYSTEM, at=now())
    found = would_be(release_world, offer(release_world))
    assert not found.flips, "nobody has taken it up"
    (worth,) = found.worth
    assert (worth.discount, worth.taken_up, worth.before) == ("8 %", False, ())
    assert [(use.dataset, use.rows) for use in worth.after] == [(TRAIN_SET, 1)]


def test_an_opt_in_about_to_be_taken_up_shows_what_it_would_open(release_world: World) -> None:
    release_world.ask()
    draft = offer(release_world)
    clause = draft.clauses.get(kind="OptInOffer")
    with pytest.raises(errors.Unprocessable):
        changes.opt_in(clause, release_world.customers["corax"], at=now())
    activate(release_world, draft)
    clause = Clause.objects.get(kind="OptInOffer")
    change = changes.opt_in(clause, release_world.customers["corax"], at=now())
    (flip,) = impact(release_world, change).flips
    assert [each.customer for each in flip.difference.gained] == [release_world.customers["corax"].ref]
    with pytest.raises(errors.Unprocessable):
        changes.opt_in(clause, release_world.customers["acme"], at=now())
    optins.activate(
        clause,
        release_world.customers["corax"],
        valid_from=now() - timedelta(seconds=1),
        evidence="ticket",
        by=actors.SYSTEM,
    )
    with pytest.raises(errors.Conflict):
        changes.opt_in(clause, release_world.customers["corax"], at=now())


def test_a_standard_form_is_weighed_for_those_who_accepted_another(release_world: World) -> None:
    world = release_world
    world.ask()
    form = people.activated(
        None, lawyer=world.cast.lawyer, approver=world.cast.approver, kind="standard_form", title="Terms of service"
    )
    activate(world, acceptance(world, "corax", form))
    later = people.draft(
        None, GRANT, by=world.cast.lawyer.actor, kind="standard_form", title="Terms of service", number="v8"
    )
    found = would_be(world, later)
    assert [each.customer for flip in found.flips for each in flip.difference.gained] == [world.customers["corax"].ref]
    assert any("1 contract(s)" in note for note in found.notes)
    ended = impact(world, changes.termination(form, ends_at=TOMORROW, at=now()))
    assert ended.customers == (world.customers["corax"].ref,)


def acceptance(world: World, customer: str, form: Document) -> Document:
    family = world.customers[customer].coverage.get().family
    return people.draft(family, by=world.cast.lawyer.actor, kind="acceptance", title="Accepted", form=form)


def test_looking_stores_nothing(release_world: World) -> None:
    release_world.ask()
    draft = amendment(release_world, "acme", BAN)
    before = Decision.objects.count(), Entry.objects.count(), Permit.objects.count()
    with CaptureQueriesContext(connection) as queries:
        would_be(release_world, draft)
    assert (Decision.objects.count(), Entry.objects.count(), Permit.objects.count()) == before
    assert not [q for q in queries if q["sql"].lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE"))]


def test_what_was_not_looked_at_is_counted_and_said(release_world: World) -> None:
    release_world.ask()
    release_world.ask(columns=("body",))
    change = changes.activation(amendment(release_world, "acme", BAN), at=now())
    found = impact(release_world, change, seconds=-1)
    assert (found.looked.questions, found.looked.questions_left, found.looked.permits_left) == (0, 2, 2)
    assert any("2 questions were not looked at" in each for each in impact_shown.limits(found))


def test_what_cannot_be_decided_is_named_and_does_not_stop_the_rest(
    release_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    release_world.ask()
    release_world.ask(columns=("body",))
    real = decisions.facts_now

    def broken(question: Any) -> Any:
        if question.columns == ("body",):
            raise errors.Conflict("the contracts change while they are being read")
        return real(question)

    monkeypatch.setattr(decisions, "facts_now", broken)
    found = would_be(release_world, amendment(release_world, "corax", GRANT))
    assert len(found.flips) == 1 and len(found.looked.undecided) == 1


def url(document: Document) -> str:
    return f"/api/v1/documents/{document.ref}/impact"


def test_over_http_people_of_contracts_read_it(release_world: World) -> None:
    release_world.ask()
    draft = amendment(release_world, "acme", BAN)
    body = people.caller(release_world.cast.approver).get(url(draft)).json()
    assert body["document"] == draft.ref and body["permits"] and body["releases"][0]["kind"] == "closes"
    assert body["releases"][0]["lost"][0]["name"] == "Acme" and body["contract_epoch"] > 0
    ended = people.caller(release_world.cast.lawyer).get(url(draft), {"ends_at": "2030-01-01"})
    assert ended.status_code == 409, "a draft has no end"


def test_it_reaches_no_key_no_auditor_and_nobody_who_may_not_see_the_contract(release_world: World) -> None:
    cast = release_world.cast
    draft = amendment(release_world, "acme", BAN)
    customers.give(release_world.customers["acme"], to=cast.auditor, by=actors.of(cast.administrator))
    _, secret = people.key("contracts:read", "audit:read", "explanation:read", owner=cast.lawyer)
    for who in (cast.auditor, cast.pipeline_owner, cast.stranger, secret):
        assert people.caller(who).get(url(draft)).status_code == 403
    assert people.caller().get(url(draft)).status_code == 401
    for person in (cast.auditor, cast.pipeline_owner, cast.stranger):
        client = Client()
        client.force_login(person, backend="governance.access.backends.RoleBackend")
        assert client.get(reverse("document-impact", args=[draft.ref])).status_code in (302, 403)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"ends_at": "soon"}, 400),
        ({"ends_at": "2030-02-31"}, 400),
        ({"ends_at": "2030-01-01T10:00:00"}, 400),
        ({"offer": "cls_nothing", "customer": "x"}, 404),
        ({"customer": "cus_nothing"}, 404),
        ({}, 409),
    ],
)
def test_bad_questions_about_a_document_that_counts_are_refused(
    release_world: World, query: dict[str, str], status: int
) -> None:
    document = Document.objects.filter(state="activated").first()
    assert document is not None
    answer = people.caller(release_world.cast.lawyer).get(url(document), query)
    assert answer.status_code == status and answer["Content-Type"] == "application/problem+json"
    assert people.caller(release_world.cast.lawyer).get("/api/v1/documents/doc_nothing/impact").status_code == 404


def test_the_page_says_it_in_sentences_beside_the_approve_button(release_world: World) -> None:
    release_world.ask()
    draft = amendment(release_world, "acme", BAN)
    documents.submit(draft, by=release_world.cast.lawyer.actor)
    client = Client()
    client.force_login(release_world.cast.approver, backend="governance.access.backends.RoleBackend")
    page = client.get(reverse("admin:contracts_document_change", args=[draft.pk])).content.decode()
    assert "What would change" in page and "Approve" in page
    shown = client.get(reverse("document-impact", args=[draft.ref])).content.decode()
    for words in (
        "1 live permit would be revoked.",
        "1 question is permitted now and would be refused.",
        "contract epoch",
        "Compute it again",
        "Acme",
    ):
        assert words in shown


def test_the_page_keeps_a_result_until_contracts_change_and_computes_it_again_when_asked(release_world: World) -> None:
    release_world.ask()
    draft = amendment(release_world, "acme", BAN)
    api = people.caller(release_world.cast.approver)
    first = api.get(url(draft)).json()
    assert api.get(url(draft)).json()["computed_at"] == first["computed_at"]
    release_world.ask(columns=("body",))
    assert len(api.get(url(draft), {"fresh": "1"}).json()["releases"]) == 2
    activate(release_world, amendment(release_world, "corax", GRANT))
    assert api.get(url(draft)).json()["contract_epoch"] > first["contract_epoch"]


def test_the_page_of_a_document_that_counts_weighs_its_end_and_its_offers(release_world: World) -> None:
    release_world.ask()
    activate(release_world, offer(release_world))
    document = Document.objects.get(kind="amendment")
    client = Client()
    client.force_login(release_world.cast.lawyer, backend="governance.access.backends.RoleBackend")
    address = reverse("document-impact", args=[document.ref])
    assert "Weigh the opt-in" in client.get(address).content.decode()
    clause = document.clauses.get(kind="OptInOffer")
    shown = client.get(
        address, {"offer": clause.ref, "customer": release_world.customers["corax"].ref}
    ).content.decode()
    assert "1 question would be answered with more than now." in shown
    assert "say from when it would end" in client.get(address, {"ends_at": "x"}).content.decode().lower()


def test_rows_of_the_source_stand_in_where_the_dataset_was_not_counted(release_world: World) -> None:
    release_world.ask()
    counting.count(NAMESPACE, TICKETS, by=actors.SYSTEM, at=now())
    found = would_be(release_world, amendment(release_world, "corax", GRANT))
    assert found.flips[0].counted_in == TICKETS and found.flips[0].rows[release_world.customers["corax"].ref] == 1
