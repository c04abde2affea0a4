"""Corrections: our typing errors, typed anew by one person and applied by another; what stood there stays to be asked for."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from governance.access import actors
from governance.contracts import (
    clauses,
    corrected_clauses,
    correction_states,
    corrections,
    documents,
    effects,
    encoding,
    optins,
    queries,
    readings,
)
from governance.contracts.correction_states import State
from governance.contracts.models import Clause, ContractFamily, Correction, Document
from governance.parties import epoch
from governance.policy import values
from governance.reactions.rechecks import QUIET
from lineage import errors
from lineage.journal.models import Entry, Payload
from tests import cast as named
from tests.cast import Cast

pytestmark = pytest.mark.django_db
BAN = ("Prohibition", {"actions": ["train"], "categories": ["customer.input"]})
GRANT = ("Grant", {"actions": ["train"], "categories": ["customer.usage"], "purposes": ["functional.service"]})
OFFER = ("OptInOffer", {"discount": "8 % of the fees"})
WIDER = {"actions": ["train"], "categories": ["customer.content"]}


def sql(statement: str, *values_: object) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values_)


@pytest.fixture
def family(cast: Cast) -> ContractFamily:
    return named.family(named.customer("Alder"), by=cast.lawyer.actor)


@pytest.fixture
def document(cast: Cast, family: ContractFamily) -> Document:
    return named.activated(family, BAN, GRANT, lawyer=cast.lawyer, approver=cast.approver)


def corrected(document: Document, cast: Cast, **fields: Any) -> Correction:
    """The ban should have named content, not input."""
    correction = corrections.draft(document, reason="typed the wrong category", by=cast.lawyer.actor, **fields)
    corrected_clauses.change(correction, clause(document, "1").ref, body=WIDER, by=cast.lawyer.actor)
    return correction


def clause(document: Document, number: str) -> Clause:
    return document.clauses.get(number=number)


def applied(correction: Correction, cast: Cast) -> Correction:
    corrections.submit(correction, by=cast.lawyer.actor)
    return corrections.apply(correction, by=cast.approver.actor, at=datetime.now(UTC))


def known(family: ContractFamily, at: datetime | None = None) -> list[values.Document]:
    (found,) = queries.families_of(documents.covered(family), as_known_at=at or datetime.now(UTC))
    return list(found.documents)


def test_what_is_known_from_the_correction_on_differs_from_what_was_known_before(
    cast: Cast, family: ContractFamily, document: Document
) -> None:
    before = known(family)
    correction = applied(corrected(document, cast), cast)
    (after,) = known(family)
    assert after.clauses[0].ref == before[0].clauses[0].ref
    assert after.clauses[0].body == '{"actions":["train"],"categories":["customer.content"]}'
    assert after.effective_at == before[0].effective_at  # it counts from the document's own date
    assert known(family, correction.recorded_at - timedelta(microseconds=1)) == before


def test_an_open_correction_changes_nothing(cast: Cast, family: ContractFamily, document: Document) -> None:
    before, number = known(family), epoch.current()
    correction = corrected(document, cast)
    assert known(family) == before
    corrections.submit(correction, by=cast.lawyer.actor)
    corrections.reject(correction, reason="it says input", by=cast.approver.actor)
    assert known(family) == before
    assert epoch.current() == number


def test_applying_raises_the_epoch_and_is_entered_with_both_digests(cast: Cast, document: Document) -> None:
    digest, number = documents.digest(document), epoch.current()
    correction = applied(corrected(document, cast), cast)
    assert epoch.current() > number
    entry = Entry.objects.get(kind="document-corrected")
    assert {correction.ref, document.ref, document.family.ref} <= set(entry.about)
    said = bytes(Payload.objects.get(entry_ref=entry.ref).body).decode()
    assert digest in said and correction.ref in said
    assert "wrong category" not in said and "passage" not in said
    assert documents.digest(document) == digest  # what was activated stays what it was
    assert "document-corrected" not in QUIET  # permits are looked at again


def test_a_clause_that_was_forgotten_and_one_that_never_was(
    cast: Cast, family: ContractFamily, document: Document
) -> None:
    correction = corrections.draft(document, reason="page 7 was missing", by=cast.lawyer.actor)
    added = corrected_clauses.add(
        correction, number="9.1", passage="Discount.", kind=OFFER[0], body=OFFER[1], by=cast.lawyer.actor
    )
    corrected_clauses.strike(correction, clause(document, "2").ref, by=cast.lawyer.actor)
    applied(correction, cast)
    (found,) = known(family)
    assert [(each.number, each.kind) for each in found.clauses] == [("1", "Prohibition"), ("9.1", "OptInOffer")]
    offer = Clause.objects.get(ref=added.ref)
    alder = family.coverage.get().customer
    taken = optins.activate(offer, alder, valid_from=datetime.now(UTC), evidence="ticket 7", by=cast.lawyer.actor)
    assert taken.offer == offer
    assert [each.number for each in readings.original(document).clauses] == ["1", "2"]


def test_an_offer_that_was_struck_takes_no_opt_in(cast: Cast, family: ContractFamily) -> None:
    document = named.activated(family, OFFER, BAN, lawyer=cast.lawyer, approver=cast.approver)
    correction = corrections.draft(document, reason="never offered", by=cast.lawyer.actor)
    corrected_clauses.strike(correction, clause(document, "1").ref, by=cast.lawyer.actor)
    applied(correction, cast)
    alder = family.coverage.get().customer
    with pytest.raises(errors.Unprocessable, match="opt-in offer"):
        optins.activate(
            clause(document, "1"), alder, valid_from=datetime.now(UTC), evidence="ticket 7", by=cast.lawyer.actor
        )
    assert not optins.offers_visible_to(cast.lawyer).exists()
    with pytest.raises(IntegrityError, match="takes up an offer"):
        sql(
            "INSERT INTO contracts_optin (ref, offer_id, customer_id, evidence, valid_from, recorded_by)"
            " VALUES ('opt_forged', %s, %s, 'x', now(), 'user:x')",
            clause(document, "1").pk,
            alder.pk,
        )


def test_mistyped_dates_and_renewal(cast: Cast, family: ContractFamily, document: Document) -> None:
    correction = corrections.draft(
        document, reason="the year", by=cast.lawyer.actor, effective_on=date(2024, 2, 1), expires_on=date(2026, 2, 1)
    )
    applied(correction, cast)
    (found,) = known(family)
    assert found.effective_at == datetime(2024, 2, 1, tzinfo=UTC)
    assert found.expires_at == datetime(2026, 2, 1, tzinfo=UTC)
    document.refresh_from_db()
    assert document.effective_on == date(2025, 2, 1)


def test_mistyped_repeals_and_precedence(cast: Cast, family: ContractFamily, document: Document) -> None:
    later = named.draft(family, GRANT, by=cast.lawyer.actor, kind=Document.Kind.AMENDMENT, title="Amendment 1")
    clauses.repeal(later, clause(document, "1"), by=cast.lawyer.actor)
    documents.submit(later, by=cast.lawyer.actor)
    documents.approve(later, by=cast.approver.actor)
    documents.activate(later, by=cast.lawyer.actor, at=datetime.now(UTC))
    correction = corrections.draft(later, reason="it repeals 2 and prevails", by=cast.lawyer.actor)
    corrected_clauses.repeal(correction, [clause(document, "2")], by=cast.lawyer.actor)
    corrected_clauses.prevail(correction, [(document, ["train"], ["customer.usage"])], by=cast.lawyer.actor)
    applied(correction, cast)
    found = next(each for each in known(family) if each.ref == later.ref)
    assert found.repeals == (clause(document, "2").ref,)
    assert found.prevails == (values.Prevails(document.ref, ("train",), ("customer.usage",)),)


def test_a_correction_of_a_correction(cast: Cast, family: ContractFamily, document: Document) -> None:
    applied(corrected(document, cast), cast)
    again = corrections.draft(document, reason="it did say input, and outputs", by=cast.lawyer.actor)
    body = {"actions": ["train"], "categories": ["customer.input", "customer.output"]}
    corrected_clauses.change(again, clause(document, "1").ref, body=body, by=cast.lawyer.actor)
    assert "customer.content" in known(family)[0].clauses[0].body
    applied(again, cast)
    assert "customer.output" in known(family)[0].clauses[0].body


def test_a_clause_that_was_struck_by_mistake_comes_back_under_its_reference(
    cast: Cast, family: ContractFamily, document: Document
) -> None:
    ref = clause(document, "1").ref
    wrong = corrections.draft(document, reason="never was", by=cast.lawyer.actor)
    corrected_clauses.strike(wrong, ref, by=cast.lawyer.actor)
    applied(wrong, cast)
    right = corrections.draft(document, reason="it was", by=cast.lawyer.actor)
    corrected_clauses.restore(right, ref, by=cast.lawyer.actor)
    applied(right, cast)
    assert ref in [each.ref for each in known(family)[0].clauses]


def test_a_correction_of_a_form_reaches_every_contract_that_accepted_it(cast: Cast, family: ContractFamily) -> None:
    form = named.activated(
        None, BAN, lawyer=cast.lawyer, approver=cast.approver, kind=Document.Kind.STANDARD_FORM, title="Terms v7"
    )
    named.activated(
        family, lawyer=cast.lawyer, approver=cast.approver, kind=Document.Kind.ACCEPTANCE, form=form, title="click"
    )
    correction = corrected(form, cast)
    assert effects.customers_of(correction) == documents.covered(family)
    applied(correction, cast)
    assert "customer.content" in known(family)[0].clauses[0].body


def test_before_and_after_are_asked_for_of_a_draft_and_of_an_applied_one(
    cast: Cast, family: ContractFamily, document: Document
) -> None:
    refs, now = documents.covered(family), datetime.now(UTC)
    before = queries.families_of(refs, as_known_at=now)
    correction = corrected(document, cast)
    (after,) = effects.families_with(correction, refs, as_known_at=now)
    assert "customer.content" in after.documents[0].clauses[0].body
    assert effects.families_without(correction, refs, as_known_at=now) == before
    applied(correction, cast)
    assert effects.families_with(correction, refs, as_known_at=now) == (after,)
    assert effects.families_with(correction, refs, as_known_at=document.recorded_at) == (after,)
    assert effects.families_without(correction, refs, as_known_at=now) == before
    assert queries.families_of(refs, as_known_at=datetime.now(UTC)) == (after,)
    assert queries.families_of(refs, as_known_at=now) == before


def test_the_author_does_not_apply(cast: Cast, document: Document) -> None:
    correction = corrections.draft(document, reason="typo", by=cast.second_lawyer.actor, number="A-1")
    corrections.submit(correction, by=cast.second_lawyer.actor)
    with pytest.raises(errors.Forbidden, match="second person"):
        corrections.apply(correction, by=cast.second_lawyer.actor, at=datetime.now(UTC))
    with pytest.raises(IntegrityError, match="second_person"):
        sql(
            "UPDATE contracts_correction SET state = 'applied', applied_by = %s, recorded_at = now() WHERE id = %s",
            cast.second_lawyer.ref,
            correction.pk,
        )
    key, _ = named.key("contracts:write", "contracts:read", owner=cast.approver)
    for actor in (key.actor, actors.SYSTEM, cast.lawyer.actor):
        with pytest.raises(errors.Forbidden):
            corrections.apply(correction, by=actor, at=datetime.now(UTC))


def test_whoever_typed_a_clause_of_it_is_an_author_too(cast: Cast, document: Document) -> None:
    correction = corrected(document, cast)
    corrected_clauses.change(correction, clause(document, "1").ref, title="No training", by=cast.second_lawyer.actor)
    corrections.submit(correction, by=cast.lawyer.actor)
    with pytest.raises(errors.Forbidden, match="second person"):
        corrections.apply(correction, by=cast.second_lawyer.actor, at=datetime.now(UTC))


STEPS = {
    "submit": lambda c, cast: corrections.submit(c, by=cast.lawyer.actor),
    "take_back": lambda c, cast: corrections.take_back(c, by=cast.lawyer.actor),
    "apply": lambda c, cast: corrections.apply(c, by=cast.approver.actor, at=datetime.now(UTC)),
    "reject": lambda c, cast: corrections.reject(c, reason="no", by=cast.approver.actor),
    "withdraw": lambda c, cast: corrections.withdraw(c, reason="no", by=cast.lawyer.actor),
}
PATHS = {
    State.DRAFT: (),
    State.SUBMITTED: ("submit",),
    State.APPLIED: ("submit", "apply"),
    State.REJECTED: ("submit", "reject"),
    State.WITHDRAWN: ("withdraw",),
}


def test_every_state_and_every_step_has_its_test() -> None:
    assert set(PATHS) == set(State)
    assert set(STEPS) == set(correction_states.TRANSITIONS)
    assert correction_states.diagram().count("-->") == 1 + len(correction_states.pairs())


@pytest.mark.parametrize("verb", STEPS)
@pytest.mark.parametrize("start", PATHS)
def test_a_step_leads_exactly_where_the_table_says(cast: Cast, document: Document, start: State, verb: str) -> None:
    correction = corrected(document, cast)
    for step in PATHS[start]:
        STEPS[step](correction, cast)
    starts, end = correction_states.TRANSITIONS[verb]
    if start in starts:
        assert STEPS[verb](correction, cast).state == end
    else:
        with pytest.raises(documents.WrongState):
            STEPS[verb](correction, cast)


def test_the_database_knows_the_table_too(cast: Cast, document: Document) -> None:
    correction = corrected(document, cast)
    for state in (State.APPLIED, State.REJECTED):
        with pytest.raises(DatabaseError):
            sql("UPDATE contracts_correction SET state = %s WHERE id = %s", state, correction.pk)


def test_what_was_applied_stays(cast: Cast, document: Document) -> None:
    correction = applied(corrected(document, cast), cast)
    for statement in (
        "UPDATE contracts_correction SET reason = 'x' WHERE id = %s",
        "UPDATE contracts_correction SET recorded_at = now() - interval '1 day' WHERE id = %s",
        "DELETE FROM contracts_correction WHERE id = %s",
        "UPDATE contracts_correctedclause SET body = '{}' WHERE correction_id = %s",
        "DELETE FROM contracts_correctedclause WHERE correction_id = %s",
    ):
        with pytest.raises(DatabaseError):
            sql(statement, correction.pk)
    for attempt in (
        lambda: corrections.edit(correction, title="x", by=cast.lawyer.actor),
        lambda: corrected_clauses.strike(correction, clause(document, "1").ref, by=cast.lawyer.actor),
        lambda: corrected_clauses.add(correction, number="1", passage="x", by=cast.lawyer.actor),
    ):
        with pytest.raises(documents.WrongState):
            attempt()


def test_one_correction_at_a_time(cast: Cast, document: Document) -> None:
    first = corrections.draft(document, reason="typo", by=cast.lawyer.actor)
    with pytest.raises(errors.Conflict, match=first.ref):
        corrections.draft(document, reason="typo", by=cast.lawyer.actor)
    corrections.withdraw(first, reason="no typo", by=cast.lawyer.actor)
    corrections.draft(document, reason="typo", by=cast.lawyer.actor)


def test_a_draft_is_edited_and_not_corrected(cast: Cast, family: ContractFamily) -> None:
    draft = named.draft(family, BAN, by=cast.lawyer.actor)
    with pytest.raises(documents.WrongState, match="mends an activated one"):
        corrections.draft(draft, reason="typo", by=cast.lawyer.actor)
    with pytest.raises(IntegrityError, match="mends an activated"):
        sql(
            "INSERT INTO contracts_correction (ref, document_id, reason, state, drafted_by, authors, title, number, signed_on,"
            " effective_on, renewal, file_name, file_digest, applied_by, closing_note) SELECT 'cor_forged', id, 'x', 'draft', 'user:x',"
            " '{user:x}', title, number, signed_on, effective_on, renewal, '', '', '', '' FROM contracts_document WHERE id = %s",
            draft.pk,
        )


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"expires_on": date(2020, 1, 1)}, "expires_on"),
        ({"effective_on": None}, "effective_on"),
        ({"title": ""}, "title"),
        ({"file_digest": "no digest"}, "file_digest"),
        ({"kind": "dpa"}, "kind"),
        ({"reason": " "}, "reason"),
        ({"title": "a\0b"}, "title"),
    ],
)
def test_what_entry_refuses_a_correction_refuses(
    cast: Cast, document: Document, fields: dict[str, Any], where: str
) -> None:
    correction = corrections.draft(document, reason="typo", by=cast.lawyer.actor)
    with pytest.raises(errors.Unprocessable) as refused:
        corrections.edit(correction, by=cast.lawyer.actor, **fields)
    assert refused.value.where == where


@pytest.mark.parametrize("body", [{"actions": ["trane"]}, {"actions": ["train"], "colour": "red"}])
def test_a_corrected_clause_is_read_as_at_entry(cast: Cast, document: Document, body: dict[str, Any]) -> None:
    correction = corrections.draft(document, reason="typo", by=cast.lawyer.actor)
    with pytest.raises(encoding.Unreadable):
        corrected_clauses.change(correction, clause(document, "1").ref, body=body, by=cast.lawyer.actor)


def test_a_correction_that_changes_nothing_is_refused(cast: Cast, document: Document) -> None:
    correction = corrections.draft(document, reason="typo", by=cast.lawyer.actor)
    with pytest.raises(documents.NotReady, match="changes nothing"):
        corrections.submit(correction, by=cast.lawyer.actor)


def test_a_correction_speaks_of_its_own_document_only(cast: Cast, family: ContractFamily, document: Document) -> None:
    other = named.activated(family, BAN, lawyer=cast.lawyer, approver=cast.approver, title="Another")
    correction = corrections.draft(document, reason="typo", by=cast.lawyer.actor)
    with pytest.raises(errors.NotFound):
        corrected_clauses.change(correction, clause(other, "1").ref, title="x", by=cast.lawyer.actor)
    with pytest.raises(IntegrityError, match="its own document"):
        sql(
            "UPDATE contracts_correctedclause SET ref = %s WHERE correction_id = %s AND number = '1'",
            clause(other, "1").ref,
            correction.pk,
        )


def test_repeals_of_another_family_and_circles_are_refused(
    cast: Cast, family: ContractFamily, document: Document
) -> None:
    theirs = named.activated(
        named.family(named.customer("Birch"), by=cast.lawyer.actor), BAN, lawyer=cast.lawyer, approver=cast.approver
    )
    later = named.draft(family, GRANT, by=cast.lawyer.actor, kind=Document.Kind.AMENDMENT, title="Amendment")
    clauses.prevail(later, document, actions=["train"], categories=["customer.usage"], by=cast.lawyer.actor)
    documents.submit(later, by=cast.lawyer.actor)
    documents.approve(later, by=cast.approver.actor)
    documents.activate(later, by=cast.lawyer.actor, at=datetime.now(UTC))
    correction = corrections.draft(document, reason="typo", by=cast.lawyer.actor)
    with pytest.raises(errors.Unprocessable, match="own contract"):
        corrected_clauses.repeal(correction, [clause(theirs, "1")], by=cast.lawyer.actor)
    around = [(later, ["train"], ["customer.usage"])]
    with pytest.raises(errors.Unprocessable, match="circle"):
        corrected_clauses.prevail(correction, around, by=cast.lawyer.actor)
    corrections.withdraw(correction, reason="the other one first", by=cast.lawyer.actor)
    reverse = corrections.draft(later, reason="it yields", by=cast.lawyer.actor)
    corrected_clauses.prevail(reverse, [], by=cast.lawyer.actor)
    applied(reverse, cast)
    again = corrections.draft(document, reason="it prevails", by=cast.lawyer.actor)
    corrected_clauses.prevail(again, around, by=cast.lawyer.actor)
    applied(again, cast)
    assert next(each for each in known(family) if each.ref == document.ref).prevails[0].over == later.ref


def test_a_clause_is_not_slipped_into_an_activated_document_under_the_name_of_a_correction(
    cast: Cast, document: Document
) -> None:
    correction = corrected(document, cast)
    with pytest.raises(IntegrityError, match="applied correction"):
        sql(
            "INSERT INTO contracts_clause (ref, document_id, correction_id, number, title, passage, kind, body, products,"
            " environments, regions, position) VALUES ('cls_forged', %s, %s, '9', '', 'x', 'Grant', '{}', '{}', '{}', '{}', 9)",
            document.pk,
            correction.pk,
        )
