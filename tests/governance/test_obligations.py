"""Obligations: proposed by an event, confirmed by a named person, remembered as they were known, held by the database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from consent import subjects
from governance.access import actors
from governance.access.actors import Actor, NotAllowed
from governance.obligations import duties, holds, machine, queries, terms
from governance.obligations.models import Change, Obligation
from governance.parties.models import Customer
from lineage import errors
from lineage.journal import entries
from lineage.journal.models import Entry
from tests import cast as cast_module
from tests.cast import Cast

END = datetime(2026, 11, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 10, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def falk(cast: Cast) -> Customer:
    return cast_module.customer("Falk")


@pytest.fixture
def laura(cast: Cast) -> Actor:
    return cast.lawyer.actor


def deletion(days: int, trigger: str = "contract-end", **more: Any) -> tuple[str, dict[str, Any]]:
    return "DeletionTerm", {"trigger": trigger, "deadline_days": days, **more}


def states(customer: Customer, at: datetime = NOW, known: datetime | None = None) -> list[str]:
    return [pending.state for pending in queries.open_for([customer.ref], at=at, as_known_at=known)]


def test_a_contract_end_proposes_and_a_named_person_confirms(falk: Customer, laura: Actor) -> None:
    duty = duties.propose(falk, trigger="contract-end", on=END, by=actors.SYSTEM)
    assert states(falk) == ["proposed"]
    with pytest.raises(errors.Forbidden):
        duties.confirm(duty.ref, by=actors.SYSTEM)
    confirmed = duties.confirm(duty.ref, by=laura)
    assert (confirmed.state, confirmed.confirmed_by) == ("open", laura.ref)
    assert states(falk) == ["open"]
    assert [c.after for c in duty.changes.order_by("id")] == ["proposed", "open"]
    assert list(Entry.objects.filter(about__contains=[duty.ref]).order_by("id").values_list("kind", flat=True)) == [
        "obligation-proposed",
        "obligation-open",
    ]


def test_the_same_trigger_twice_is_one_obligation(falk: Customer) -> None:
    first = duties.propose(falk, trigger="contract-end", on=END, by=actors.SYSTEM)
    assert duties.propose(falk, trigger="contract-end", on=END, by=actors.SYSTEM) == first
    assert Change.objects.count() == 1


def test_the_strictest_term_gives_the_deadline_and_is_named(cast: Cast, falk: Customer) -> None:
    family = cast_module.family(falk, by=cast.lawyer.actor)
    signed = cast_module.activated(
        family,
        deletion(90, scope=["source"]),
        deletion(30, scope=["source", "training"], method="purge"),
        deletion(5, "customer-request"),
        lawyer=cast.lawyer,
        approver=cast.approver,
    )
    duty = duties.propose(falk, trigger="contract-end", on=END, by=actors.SYSTEM)
    assert (duty.due_on, duty.method) == (END + timedelta(days=30), "purge")
    assert duty.clause_ref == signed.clauses.get(number="2").ref
    assert (duty.covers_source, duty.covers_training_copies, duty.covers_derived, duty.covers_models) == (
        True,
        True,
        False,
        False,
    )


def test_a_term_outlives_its_document_and_models_may_be_kept_where_all_terms_say_so(cast: Cast, falk: Customer) -> None:
    family = cast_module.family(falk, by=cast.lawyer.actor)
    cast_module.activated(
        family, deletion(60, keep_models=True), lawyer=cast.lawyer, approver=cast.approver, expires_on=END.date()
    )
    deadline = terms.strictest(falk.ref, "contract-end", on=END)
    assert deadline is not None
    assert (deadline.due_on, deadline.covers["models"]) == (END + timedelta(days=60), False)


def test_without_a_term_the_data_is_due_at_once_and_all_of_it(falk: Customer) -> None:
    duty = duties.propose(falk, trigger="customer-request", on=END, by=actors.SYSTEM)
    assert (duty.due_on, duty.clause_ref, duty.covers_models) == (END, "", True)


def test_a_dismissal_needs_a_reason_and_ends_the_duty(falk: Customer, laura: Actor) -> None:
    duty = duties.propose(falk, trigger="contract-end", on=END, by=actors.SYSTEM)
    with pytest.raises(errors.Unprocessable):
        duties.dismiss(duty.ref, reason=" ", by=laura)
    duties.dismiss(duty.ref, reason="renewed on the same day", by=laura)
    assert states(falk) == []


@pytest.mark.parametrize("step", ["confirm", "close", "reopen"])
def test_a_step_that_the_machine_does_not_have_is_a_conflict(falk: Customer, laura: Actor, step: str) -> None:
    duty = duties.propose(falk, trigger="contract-end", on=END, by=actors.SYSTEM)
    if step == "confirm":
        duties.confirm(duty.ref, by=laura)
    verb: dict[str, Any] = {"confirm": duties.confirm, "close": duties.close, "reopen": duties.reopen}
    with pytest.raises(duties.WrongState):
        verb[step](duty.ref, reason="r", by=laura)


def test_the_database_knows_the_machine_too(falk: Customer) -> None:
    duty = duties.propose(falk, trigger="contract-end", on=END, by=actors.SYSTEM)
    for change in ({"state": "closed"}, {"state": "open"}, {"due_on": NOW}, {"customer_id": 0}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Obligation.objects.filter(pk=duty.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        Change.objects.all().delete()


def test_a_closed_duty_stood_until_it_was_closed(falk: Customer, laura: Actor) -> None:
    duty = duties.propose(falk, trigger="contract-end", on=END, by=actors.SYSTEM)
    duties.confirm(duty.ref, by=laura)
    duties.close(duty.ref, by=laura)
    later = timezone.now() + timedelta(minutes=1)
    assert states(falk, at=later) == []
    assert duties.reopen(duty.ref, reason="the data came back", by=actors.SYSTEM).state == "open"
    assert states(falk, at=later) == ["open"]


def test_an_old_question_is_answered_as_it_was_known(falk: Customer, laura: Actor) -> None:
    before = timezone.now()
    duty = duties.propose(falk, trigger="contract-end", on=END, by=actors.SYSTEM)
    between = Change.objects.get().recorded_at
    assert states(falk, known=before - timedelta(seconds=1)) == []
    assert states(falk, known=between) == ["proposed"]
    assert duty.recorded_at <= between


def test_a_duty_whose_day_has_not_come_does_not_stand_yet(falk: Customer) -> None:
    ahead = NOW + timedelta(days=20)
    duties.propose(falk, trigger="contract-end", on=ahead, by=actors.SYSTEM)
    assert states(falk) == []
    assert queries.next_trigger([falk.ref], after=NOW) == ahead


def test_one_persons_erasure_never_names_the_person_in_the_ledger(falk: Customer) -> None:
    space = subjects.open_space(name="contact", by="user:usr_p")
    subject = subjects.reference(space, "mia@kunde.example")
    duties.propose(falk, trigger="withdrawal", on=END, person=duties.Person(space, subject), by=actors.SYSTEM)
    assert [(p.space, p.subject) for p in queries.open_for([falk.ref], at=NOW)] == [(space.ref, subject)]
    for entry in Entry.objects.filter(kind="obligation-proposed"):
        assert subject not in bytes(entry.body).decode() + (entries.payload(entry) or b"").decode()


def test_a_hold_stands_until_it_is_lifted(falk: Customer, laura: Actor, cast: Cast) -> None:
    with pytest.raises(NotAllowed):
        holds.place(falk, ground="litigation 12/26", on=END, by=cast.pipeline_owner.actor)
    hold = holds.place(falk, ground="litigation 12/26", on=END, by=laura)
    assert [h.ground for h in queries.holds([falk.ref], at=NOW)] == ["litigation 12/26"]
    holds.lift(hold.ref, on=NOW, by=laura)
    assert queries.holds([falk.ref], at=NOW) == []
    assert queries.holds([falk.ref], at=NOW - timedelta(days=1))
    with pytest.raises(errors.Conflict):
        holds.lift(hold.ref, on=NOW, by=laura)


def test_obligations_over_http_take_a_person_who_decides(cast: Cast, falk: Customer) -> None:
    lawyer, owner = cast_module.caller(cast.lawyer), cast_module.caller(cast.pipeline_owner)
    asked = {"customer": falk.ref, "trigger": "customer-request", "reason": "letter of 3 November"}
    assert owner.post("/api/v1/obligations", asked, format="json").status_code == 403
    made = lawyer.post("/api/v1/obligations", asked, format="json")
    assert made.status_code == 201, made.content
    address = f"/api/v1/obligations/{made.json()['ref']}"
    assert lawyer.post(f"{address}/dismiss", {}, format="json").status_code == 422
    assert lawyer.post(f"{address}/confirm", {}, format="json").json()["state"] == "open"
    assert lawyer.post(f"{address}/confirm", {}, format="json").status_code == 409
    assert len(lawyer.get("/api/v1/obligations", {"customer": falk.ref}).json()["results"]) == 1
    assert lawyer.post("/api/v1/obligations", {**asked, "customer": "cus_x"}, format="json").status_code == 404
    assert lawyer.post("/api/v1/obligations", {**asked, "subject": "mia"}, format="json").status_code == 422
    assert lawyer.post("/api/v1/obligations", {**asked, "trigger": "mood"}, format="json").status_code == 400


def test_holds_over_http(cast: Cast, falk: Customer) -> None:
    lawyer = cast_module.caller(cast.lawyer)
    made = lawyer.post("/api/v1/legal-holds", {"customer": falk.ref, "ground": "litigation"}, format="json")
    assert made.status_code == 201, made.content
    assert lawyer.post(f"/api/v1/legal-holds/{made.json()['ref']}/lift").json()["lifted_on"]
    assert lawyer.post("/api/v1/legal-holds/hld_x/lift").status_code == 404


def test_the_diagram_is_made_from_the_table() -> None:
    assert machine.diagram().count("-->") == len(machine.TRANSITIONS) + 1
    assert {str(state) for state in machine.State} == {word for pair in machine.TRANSITIONS for word in pair}
