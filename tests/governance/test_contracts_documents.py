"""A document's life: four eyes, frozen text, facts about its end; by verb, and by the database itself."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from governance.access import actors
from governance.contracts import clauses, documents, encoding, families, optins, queries, states, terminations
from governance.contracts.models import Clause, ContractFamily, Document, OptIn
from governance.contracts.states import State
from governance.parties import customers, epoch, groups
from governance.policy import clauses as policy_clauses
from lineage import errors
from lineage.journal.models import Entry, Payload
from tests import cast as named
from tests.cast import LONG_AGO, Cast

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)
BAN = ("Prohibition", {"actions": ["train"], "categories": ["customer.input"]})
GRANT = ("Grant", {"actions": ["train"], "categories": ["customer.usage"], "purposes": ["functional.service"]})
OFFER = ("OptInOffer", {"discount": "8 % of the fees"})


@pytest.fixture
def family(cast: Cast) -> ContractFamily:
    return named.family(named.customer("Alder"), by=cast.lawyer.actor)


def sql(statement: str, *values: object) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def test_a_document_counts_after_a_second_person_approved_it(cast: Cast, family: ContractFamily) -> None:
    document = named.draft(family, BAN, by=cast.lawyer.actor)
    assert queries.families_of(named_customers(family), as_known_at=datetime.now(UTC))[0].documents == ()
    documents.submit(document, by=cast.lawyer.actor)
    documents.approve(document, by=cast.approver.actor)
    documents.activate(document, by=cast.lawyer.actor, at=NOW)
    (found,) = queries.families_of(named_customers(family), as_known_at=datetime.now(UTC))[0].documents
    assert [clause.kind for clause in found.clauses] == ["Prohibition"]
    assert found.effective_at == datetime(2025, 2, 1, tzinfo=UTC)


def named_customers(family: ContractFamily) -> list[str]:
    return documents.covered(family)


def test_the_author_does_not_approve(cast: Cast, family: ContractFamily) -> None:
    document = named.draft(family, BAN, by=cast.second_lawyer.actor)  # lawyer and approver in one
    documents.submit(document, by=cast.second_lawyer.actor)
    with pytest.raises(errors.Forbidden, match="second person"):
        documents.approve(document, by=cast.second_lawyer.actor)


def test_whoever_edited_a_clause_is_an_author_too(cast: Cast, family: ContractFamily) -> None:
    document = named.draft(family, BAN, by=cast.lawyer.actor)
    clauses.change(document.clauses.get(), title="No training", by=cast.second_lawyer.actor)
    documents.submit(document, by=cast.lawyer.actor)
    with pytest.raises(errors.Forbidden, match="second person"):
        documents.approve(document, by=cast.second_lawyer.actor)


def test_approval_by_the_author_is_refused_by_the_database_itself(cast: Cast, family: ContractFamily) -> None:
    document = documents.submit(named.draft(family, BAN, by=cast.lawyer.actor), by=cast.lawyer.actor)
    with pytest.raises(IntegrityError, match="second_person"):
        sql(
            "UPDATE contracts_document SET state = 'approved', approved_by = %s, approved_at = now() WHERE id = %s",
            cast.lawyer.ref,
            document.pk,
        )
    with pytest.raises(IntegrityError):
        sql("UPDATE contracts_document SET state = 'approved' WHERE id = %s", document.pk)
    with pytest.raises(IntegrityError, match="approval_whole"):
        sql(
            "UPDATE contracts_document SET state = 'approved', approved_by = 'key:k', approved_at = now() WHERE id = %s",
            document.pk,
        )


@pytest.mark.parametrize(
    "role", ["lawyer", "administrator", "privacy_officer", "pipeline_owner", "auditor", "stranger"]
)
def test_only_approvers_approve(cast: Cast, family: ContractFamily, role: str) -> None:
    document = documents.submit(named.draft(family, BAN, by=cast.second_lawyer.actor), by=cast.second_lawyer.actor)
    with pytest.raises(errors.Forbidden):
        documents.approve(document, by=getattr(cast, role).actor)


def test_neither_a_key_nor_the_system_approves(cast: Cast, family: ContractFamily) -> None:
    document = documents.submit(named.draft(family, BAN, by=cast.lawyer.actor), by=cast.lawyer.actor)
    key, _ = named.key("contracts:write", "contracts:read", owner=cast.approver)
    for actor in (key.actor, actors.SYSTEM):
        with pytest.raises(errors.Forbidden):
            documents.approve(document, by=actor)


STEPS = {
    "submit": lambda d, c: documents.submit(d, by=c.lawyer.actor),
    "take_back": lambda d, c: documents.take_back(d, by=c.lawyer.actor),
    "approve": lambda d, c: documents.approve(d, by=c.approver.actor),
    "reject": lambda d, c: documents.reject(d, reason="no", by=c.approver.actor),
    "withdraw": lambda d, c: documents.withdraw(d, reason="no", by=c.lawyer.actor),
    "activate": lambda d, c: documents.activate(d, by=c.lawyer.actor, at=NOW),
}
PATHS = {
    State.DRAFT: (),
    State.SUBMITTED: ("submit",),
    State.APPROVED: ("submit", "approve"),
    State.ACTIVATED: ("submit", "approve", "activate"),
    State.REJECTED: ("submit", "reject"),
    State.WITHDRAWN: ("withdraw",),
}


def test_every_state_and_every_step_has_its_test() -> None:
    assert set(PATHS) == set(State)
    assert set(STEPS) == set(states.TRANSITIONS)


@pytest.mark.parametrize("verb", STEPS)
@pytest.mark.parametrize("start", PATHS)
def test_a_step_leads_exactly_where_the_table_says(cast: Cast, family: ContractFamily, start: State, verb: str) -> None:
    document = named.draft(family, BAN, by=cast.lawyer.actor)
    for step in PATHS[start]:
        STEPS[step](document, cast)
    starts, end = states.TRANSITIONS[verb]
    if start in starts:
        assert STEPS[verb](document, cast).state == end
    else:
        with pytest.raises(documents.WrongState):
            STEPS[verb](document, cast)


def test_the_database_knows_the_table_too(cast: Cast, family: ContractFamily) -> None:
    document = named.draft(family, BAN, by=cast.lawyer.actor)
    for state in set(State) - {State.SUBMITTED, State.WITHDRAWN, State.DRAFT}:
        with pytest.raises(DatabaseError):
            sql("UPDATE contracts_document SET state = %s WHERE id = %s", state, document.pk)


def test_no_document_is_born_approved(cast: Cast, family: ContractFamily) -> None:
    document = named.draft(family, by=cast.lawyer.actor)
    with pytest.raises(DatabaseError):
        sql(
            "INSERT INTO contracts_document (ref, family_id, kind, title, number, renewal, file_name, file_digest, state, drafted_by,"
            " authors, approved_by, approved_at, activated_by, closing_note)"
            " SELECT 'doc_forged', family_id, kind, title, number, renewal, file_name, file_digest, 'approved', drafted_by, authors,"
            " 'user:other', now(), '', '' FROM contracts_document WHERE id = %s",
            document.pk,
        )


def test_an_activated_document_and_its_clauses_cannot_change_by_sql(cast: Cast, family: ContractFamily) -> None:
    document = named.activated(family, BAN, lawyer=cast.lawyer, approver=cast.approver)
    for statement in (
        "UPDATE contracts_document SET title = 'x' WHERE id = %s",
        "UPDATE contracts_document SET state = 'withdrawn' WHERE id = %s",
        "UPDATE contracts_document SET effective_on = '2030-01-01' WHERE id = %s",
        "UPDATE contracts_document SET recorded_at = now() - interval '1 year' WHERE id = %s",
        "UPDATE contracts_document SET closing_note = 'x' WHERE id = %s",
        "DELETE FROM contracts_document WHERE id = %s",
        "UPDATE contracts_clause SET body = '{}' WHERE document_id = %s",
        "UPDATE contracts_clause SET passage = 'x' WHERE document_id = %s",
        "DELETE FROM contracts_clause WHERE document_id = %s",
        "INSERT INTO contracts_clause (ref, document_id, number, title, passage, kind, body, products, environments, regions, position)"
        " VALUES ('cls_forged', %s, '9', '', 'x', 'UnencodedTerm', '{}', '{}', '{}', '{}', 9)",
    ):
        with pytest.raises(DatabaseError):
            sql(statement, document.pk)


def test_a_clause_cannot_be_moved_out_of_an_activated_document(cast: Cast, family: ContractFamily) -> None:
    document = named.activated(family, BAN, lawyer=cast.lawyer, approver=cast.approver)
    other = named.draft(family, by=cast.lawyer.actor)
    with pytest.raises(DatabaseError):
        sql("UPDATE contracts_clause SET document_id = %s WHERE document_id = %s", other.pk, document.pk)


def test_the_text_is_frozen_from_submission_on(cast: Cast, family: ContractFamily) -> None:
    document = documents.submit(named.draft(family, BAN, by=cast.lawyer.actor), by=cast.lawyer.actor)
    with pytest.raises(documents.WrongState):
        documents.edit(document, title="x", by=cast.lawyer.actor)
    with pytest.raises(documents.WrongState):
        clauses.add(document, number="2", passage="x", by=cast.lawyer.actor)
    with pytest.raises(documents.WrongState):
        clauses.remove(document.clauses.get(), by=cast.lawyer.actor)
    for statement in (
        "UPDATE contracts_document SET title = 'x' WHERE id = %s",
        "UPDATE contracts_document SET authors = '{user:x}' WHERE id = %s",
        "UPDATE contracts_clause SET body = '{}' WHERE document_id = %s",
    ):
        with pytest.raises(DatabaseError):
            sql(statement, document.pk)
    documents.take_back(document, by=cast.lawyer.actor)
    documents.edit(document, title="x", by=cast.lawyer.actor)


def test_an_unsigned_document_is_not_activated(cast: Cast, family: ContractFamily) -> None:
    document = named.draft(family, BAN, by=cast.lawyer.actor, signed_on=None)
    documents.submit(document, by=cast.lawyer.actor)
    documents.approve(document, by=cast.approver.actor)
    with pytest.raises(documents.NotReady) as refused:
        documents.activate(document, by=cast.lawyer.actor, at=NOW)
    assert refused.value.where == "signed_on"
    with pytest.raises(documents.NotReady):
        documents.activate(
            documents.sign(document, signed_on=NOW.date() + timedelta(days=2), by=cast.lawyer.actor),
            by=cast.lawyer.actor,
            at=NOW,
        )
    documents.sign(document, signed_on=NOW.date(), file_digest="a" * 64, by=cast.lawyer.actor)
    assert documents.activate(document, by=cast.lawyer.actor, at=NOW).state == State.ACTIVATED


def test_activation_raises_the_epoch_and_enters_the_ledger(cast: Cast, family: ContractFamily) -> None:
    before = epoch.current()
    document = named.activated(family, BAN, lawyer=cast.lawyer, approver=cast.approver)
    assert epoch.current() == before + 1
    entry = Entry.objects.filter(kind="document-activated").get()
    assert document.ref.encode() in bytes(entry.body)


def test_the_ledger_keeps_no_words_of_a_draft(cast: Cast, family: ContractFamily) -> None:
    named.draft(family, by=cast.lawyer.actor, title="Secret plan")
    kept = b"".join(bytes(body) for body in Payload.objects.values_list("body", flat=True))
    assert b"Secret plan" not in kept


BAD = {
    "unknown action": ("Grant", {**GRANT[1], "actions": ["teach"]}, "actions"),
    "unknown category": ("Prohibition", {"actions": ["train"], "categories": ["customer.soul"]}, "categories"),
    "unknown purpose": ("Grant", {**GRANT[1], "purposes": ["fun"]}, "purposes"),
    "unknown field": ("Grant", {**GRANT[1], "colour": "red"}, "colour"),
    "k of one": ("Grant", {**GRANT[1], "safeguards": [{"kind": "deidentified", "k": 1}]}, "k"),
    "no position": ("TrainingPosition", {}, "position"),
    "party that is not there": ("PartyRestriction", {"parties": ["pty_nobody"]}, "parties"),
    "group that is not there": ("PartyRestriction", {"groups": ["grp_nobody"]}, "groups"),
    "offer of another contract": ("Grant", {**GRANT[1], "basis": "opt-in", "offer": "cls_other"}, "offer"),
    "null character": ("UnencodedTerm", {"note": "a\0b"}, "body"),
    "a fraction": ("Undertaking", {"duty": "other", "days": 1.5}, "body"),
    "endless nesting": ("UnencodedTerm", {"note": [[[[[[[[[[1]]]]]]]]]]}, "body"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_clause_that_cannot_be_read_is_refused_with_its_place(cast: Cast, family: ContractFamily, name: str) -> None:
    kind, body, where = BAD[name]
    document = named.draft(family, by=cast.lawyer.actor)
    with pytest.raises(errors.Unprocessable) as refused:
        clauses.add(document, number="1", passage="x", kind=kind, body=body, by=cast.lawyer.actor)
    assert where in refused.value.where
    assert not document.clauses.exists()


def test_a_clause_that_got_in_unread_is_never_activated(cast: Cast, family: ContractFamily) -> None:
    document = named.draft(family, BAN, by=cast.lawyer.actor)
    sql("""UPDATE contracts_clause SET body = '{"actions": ["teach"]}' WHERE document_id = %s""", document.pk)
    with pytest.raises(encoding.Unreadable):
        documents.submit(document, by=cast.lawyer.actor)
    sql("UPDATE contracts_document SET state = 'submitted' WHERE id = %s", document.pk)
    documents.approve(document, by=cast.approver.actor)
    with pytest.raises(encoding.Unreadable):
        documents.activate(document, by=cast.lawyer.actor, at=NOW)


def test_human_text_is_always_accepted_as_an_unencoded_term(cast: Cast, family: ContractFamily) -> None:
    document = named.draft(family, by=cast.lawyer.actor)
    clause = clauses.add(document, number="§ 7 (2)", passage="„Näheres regelt Anlage 3.“", by=cast.lawyer.actor)
    assert clause.kind == Clause.Kind.UNENCODED_TERM


def test_every_kind_of_the_engine_can_be_stored_and_only_those(cast: Cast, family: ContractFamily) -> None:
    assert set(Clause.Kind.values) == set(policy_clauses.KINDS)
    document = named.draft(family, by=cast.lawyer.actor)
    group = groups.create("competitors", by=actors.SYSTEM)
    for number, (kind, body) in enumerate(policy_clauses.EXAMPLES.items()):
        given = {**body, "groups": [group.ref]} if kind == "PartyRestriction" else body
        clauses.add(document, number=str(number), passage="x", kind=kind, body=given, by=cast.lawyer.actor)
    with pytest.raises(IntegrityError):
        sql("UPDATE contracts_clause SET kind = 'Wish' WHERE document_id = %s", document.pk)


def test_a_document_repeals_clauses_of_its_own_contract_only(cast: Cast, family: ContractFamily) -> None:
    old = named.activated(family, GRANT, lawyer=cast.lawyer, approver=cast.approver)
    stranger = named.activated(
        named.family(named.customer("Brandt"), by=cast.lawyer.actor), GRANT, lawyer=cast.lawyer, approver=cast.approver
    )
    amendment = named.draft(family, by=cast.lawyer.actor, kind=Document.Kind.AMENDMENT)
    clauses.repeal(amendment, old.clauses.get(), by=cast.lawyer.actor)
    with pytest.raises(errors.Unprocessable):
        clauses.repeal(amendment, stranger.clauses.get(), by=cast.lawyer.actor)
    with pytest.raises(errors.Conflict):
        clauses.repeal(amendment, old.clauses.get(), by=cast.lawyer.actor)
    with pytest.raises(IntegrityError):
        sql(
            "INSERT INTO contracts_repeal (document_id, clause_id) VALUES (%s, %s)",
            amendment.pk,
            stranger.clauses.get().pk,
        )


def test_prevailing_is_said_for_something_within_the_contract_and_never_in_a_circle(
    cast: Cast, family: ContractFamily
) -> None:
    said = {"actions": ["train"], "categories": ["customer"], "by": cast.lawyer.actor}
    one, two, three = (named.draft(family, by=cast.lawyer.actor, title=title) for title in ("one", "two", "three"))
    other = named.draft(named.family(named.customer("Brandt"), by=cast.lawyer.actor), by=cast.lawyer.actor)
    clauses.prevail(one, two, **said)
    clauses.prevail(two, three, **said)
    for over, code in ((one, "prevails-cycle"), (three, "prevails-own-family"), (other, "prevails-own-family")):
        with pytest.raises(errors.Unprocessable) as refused:
            clauses.prevail(three, over, **said)
        assert refused.value.code == code
    with pytest.raises(errors.Unprocessable):
        clauses.prevail(one, three, actions=[], categories=["customer"], by=cast.lawyer.actor)
    with pytest.raises(errors.Unprocessable):
        clauses.prevail(one, three, actions=["teach"], categories=["customer"], by=cast.lawyer.actor)


def test_an_opt_in_takes_up_an_activated_offer_made_to_the_customer(cast: Cast, family: ContractFamily) -> None:
    alder = customers.visible_to(actors.SYSTEM).get(name="Alder")
    drafted = named.draft(family, OFFER, by=cast.lawyer.actor).clauses.get()
    offer = named.activated(family, OFFER, lawyer=cast.lawyer, approver=cast.approver).clauses.get()
    said = {"valid_from": LONG_AGO, "evidence": "order form 7", "by": cast.lawyer.actor}
    with pytest.raises(errors.Unprocessable):
        optins.activate(drafted, alder, **said)
    with pytest.raises(errors.Unprocessable):
        optins.activate(offer, named.customer("Brandt"), **said)
    with pytest.raises(errors.Unprocessable):
        optins.activate(offer, alder, **{**said, "evidence": " "})
    row = optins.activate(offer, alder, **said)
    with pytest.raises(errors.Conflict):
        optins.activate(offer, alder, **said)
    with pytest.raises(IntegrityError, match="opt_in_of_activated_offer"), transaction.atomic():
        OptIn.objects.create(offer=drafted, customer=alder, valid_from=LONG_AGO, evidence="x", recorded_by="x")
    ended = optins.end(row, at=NOW, by=cast.lawyer.actor)
    assert ended.holds(NOW - timedelta(seconds=1))
    assert not ended.holds(NOW)


def test_a_termination_is_a_fact_beside_the_document(cast: Cast, family: ContractFamily) -> None:
    document = named.activated(family, GRANT, lawyer=cast.lawyer, approver=cast.approver)
    terminations.terminate(document, ends_at=NOW, reason="notice of 3 May", by=cast.lawyer.actor)
    (now,) = queries.families_of(named_customers(family), as_known_at=datetime.now(UTC))[0].documents
    assert now.terminated_at == NOW
    with pytest.raises(errors.Conflict):
        terminations.terminate(document, ends_at=NOW + timedelta(days=1), reason="again", by=cast.lawyer.actor)
    earlier = NOW - timedelta(days=1)
    terminations.terminate(document, ends_at=earlier, reason="even earlier", by=cast.lawyer.actor)
    (now,) = queries.families_of(named_customers(family), as_known_at=datetime.now(UTC))[0].documents
    assert now.terminated_at == earlier
    for statement in ("DELETE FROM contracts_documentend", "UPDATE contracts_documentend SET ends_at = now()"):
        with pytest.raises(DatabaseError):
            sql(statement)


def test_the_end_of_a_contract_ends_each_document_and_names_the_customers(cast: Cast, family: ContractFamily) -> None:
    for title in ("one", "two"):
        named.activated(family, GRANT, lawyer=cast.lawyer, approver=cast.approver, title=title)
    ends = families.end(family, ends_at=NOW, reason="leaves", by=cast.lawyer.actor)
    assert len(ends) == 2
    assert queries.ends(named_customers(family)[0], as_known_at=datetime.now(UTC)) == {family.ref: NOW}
    with pytest.raises(errors.Conflict):
        families.end(family, ends_at=NOW, reason="again", by=cast.lawyer.actor)


def test_a_draft_is_withdrawn_and_not_terminated(cast: Cast, family: ContractFamily) -> None:
    with pytest.raises(documents.WrongState):
        terminations.terminate(named.draft(family, by=cast.lawyer.actor), ends_at=NOW, reason="x", by=cast.lawyer.actor)


def test_coverage_does_not_overlap(cast: Cast, family: ContractFamily) -> None:
    alder = customers.visible_to(actors.SYSTEM).get(name="Alder")
    with pytest.raises(errors.Conflict):
        families.cover(family, alder, valid_from=NOW, by=cast.lawyer.actor)
    families.uncover(family.coverage.get(), at=NOW, by=cast.lawyer.actor)
    families.cover(family, alder, valid_from=NOW, by=cast.lawyer.actor)


def test_what_was_recorded_later_was_not_known_before(cast: Cast, family: ContractFamily) -> None:
    document = named.activated(family, GRANT, lawyer=cast.lawyer, approver=cast.approver)
    just_before = document.recorded_at - timedelta(microseconds=1)
    (found,) = queries.families_of(named_customers(family), as_known_at=just_before)
    assert found.documents == ()
    assert queries.families_of(named_customers(family), as_known_at=LONG_AGO) == ()


def test_an_acceptance_carries_the_clauses_of_its_form(cast: Cast, family: ContractFamily) -> None:
    form = named.activated(
        None,
        BAN,
        lawyer=cast.lawyer,
        approver=cast.approver,
        kind=Document.Kind.STANDARD_FORM,
        title="Terms of service v7",
    )
    named.activated(
        family,
        lawyer=cast.lawyer,
        approver=cast.approver,
        kind=Document.Kind.ACCEPTANCE,
        form=form,
        title="accepted by click",
    )
    (found,) = queries.families_of(named_customers(family), as_known_at=datetime.now(UTC))[0].documents
    assert [clause.kind for clause in found.clauses] == ["Prohibition"]


def test_a_document_that_ends_before_it_starts_is_refused(cast: Cast, family: ContractFamily) -> None:
    with pytest.raises(errors.Unprocessable) as refused:
        named.draft(family, by=cast.lawyer.actor, expires_on=date(2025, 1, 1))
    assert refused.value.where == "expires_on"


def test_the_diagram_shows_every_step() -> None:
    assert states.diagram().count("-->") == 1 + len(states.pairs())
