"""What families and then the customer answer about a cell (SEMANTICS §3, *Combining*; §5.2), with treatment, reasons, duties and days whole."""

from dataclasses import replace
from typing import Any

import pytest

from governance.policy import cells, exposure, standing
from governance.policy import world as laid_out
from governance.policy.answers import Duty, Reason, Treatment
from governance.policy.cells import Answer
from governance.policy.values import (
    Bounds,
    Clause,
    ColumnCategory,
    Declaration,
    Facts,
    Family,
    InPlace,
    Known,
    Origin,
    OwnKeys,
    Prevails,
    Question,
)
from tests.policy.worlds import LONG_AGO, NOW, NS, S, ask, clause, document, family, grant, world

POSITION = clause("pos", "TrainingPosition", position="prohibited")
SILENT = clause("mum", "TrainingPosition", position="silent")


def ban(ref: str = "ban", *categories: str, **more: Any) -> Clause:
    return clause(ref, "Prohibition", actions=["train"], categories=list(categories or ["customer.content"]), **more)


def answered(facts: Facts | Family, *, customer: str = "a", column: str = "text", **asked: Any) -> Answer:
    """What becomes of the cell."""
    facts = facts if isinstance(facts, Facts) else world([facts])
    question: Question = ask(**asked)
    read = laid_out.read(question, facts.normal())
    cell = exposure.cell(read, customer, column)
    assert cell is not None
    return cells.answer(read, cell, standing.laws(read).get(customer, ()))


def said(*clauses: Clause, **more: Any) -> Facts:
    """One customer with one document."""
    return replace(world([family("a", document("d", *clauses))]), **more)


def because(code: str, clause_: str = "", about: str = "", document_: str = "d") -> Reason:
    return Reason(code, "a", "text", document_ if clause_ else "", clause_, about)


def blank(*reasons: Reason) -> Answer:
    return Answer(Treatment.BLANK, reasons)


def kept(*reasons: Reason, **more: Any) -> Answer:
    return Answer(Treatment.KEEP, reasons, **more)


# --- permit


def test_what_is_granted_is_kept_and_names_the_grant() -> None:
    assert answered(said(grant())) == kept(because("granted-by", "g"))


def test_two_families_that_permit_are_both_named_and_the_shorter_life_holds() -> None:
    two = [family("a", document(ref, grant(f"g-{ref}", max_retention_days=days)), ref=f"fam-{ref}") for ref, days in (("d", 30), ("e", 9))]  # fmt: skip
    assert answered(world(two)) == kept(because("granted-by", "g-d"), because("granted-by", "g-e", "", "e"), keep_for_days=9)  # fmt: skip
    silent = family("a", document("e", SILENT), ref="fam-e")
    assert answered(world([two[0], silent])) == kept(because("granted-by", "g-d"), keep_for_days=30)


def test_every_category_of_the_contract_axis_needs_its_grant() -> None:
    columns = {"text": ("customer.content", "customer.usage", "user.name")}
    one = family("a", document("d", grant("g-c", "customer.content")))
    assert answered(world([one], columns=columns)) == blank(because("not-granted", about="customer.usage"))
    none = family("a", document("d", grant("g-i", "customer.input")))
    assert answered(world([none], columns=columns)) == blank(
        because("not-granted", about="customer.content"), because("not-granted", about="customer.usage"),
    )  # fmt: skip
    both = family("a", document("d", grant("g-c", "customer.content"), grant("g-u", "customer.usage")))
    assert answered(world([both], columns=columns)) == kept(because("granted-by", "g-c"), because("granted-by", "g-u"))
    apart = [family("a", document(ref, grant(f"g-{ref}", key)), ref=ref) for ref, key in (("d", "customer.content"), ("e", "customer.usage"))]  # fmt: skip
    assert answered(world(apart, columns=columns)).treatment is Treatment.BLANK


# --- duties


def test_a_safeguard_that_is_missing_is_a_duty_and_a_reason() -> None:
    facts = said(grant(safeguards=["pseudonymised"]))
    assert answered(facts) == Answer(
        Treatment.APPLY, (because("granted-by", "g"), because("safeguard-missing", about="pseudonymised")), (Duty("pseudonymised"),),
    )  # fmt: skip
    in_place = (InPlace("run-1", "pseudonymised", Known.DECLARED),)
    assert answered(replace(facts, safeguards=in_place)) == kept(because("granted-by", "g"))


@pytest.mark.parametrize(
    ("measured", "code"), [(None, "safeguard-missing"), (19, "k-too-low"), (20, "safeguard-missing")]
)
def test_a_k_that_fell_short_has_its_own_name(measured: int | None, code: str) -> None:
    """At 20 it is not the k that is missing, but the quasi-identifiers over which it was measured."""
    needed = grant(safeguards=[{"kind": "deidentified", "k": 20, "known": "measured", "quasi_identifiers": ["age", "city"]}])  # fmt: skip
    found = InPlace("run-1", "deidentified", Known.MEASURED, bounds=Bounds(k=measured), quasi_identifiers=("age",))
    assert answered(said(needed, safeguards=(found,))).reasons[1:] == (because(code, about="deidentified"),)
    elsewhere = replace(found, columns=("other",))
    assert answered(said(needed, safeguards=(elsewhere,))).reasons[1:] == (because("safeguard-missing", about="deidentified"),)  # fmt: skip
    plain = said(grant(safeguards=["deidentified"]), safeguards=(replace(found, known=Known.CLAIMED),))
    assert answered(plain).reasons[1:] == (because("safeguard-missing", about="deidentified"),)


# --- refuse


def test_a_ban_and_a_position_are_named_with_their_clauses() -> None:
    assert answered(said(ban())) == blank(because("prohibition", "ban"))
    assert answered(said(POSITION)) == blank(because("prohibited-by-contract", "pos"))
    assert answered(said(ban(), POSITION)) == blank(because("prohibition", "ban"), because("prohibited-by-contract", "pos"))  # fmt: skip
    assert answered(said(ban(), POSITION, grant())) == blank(because("prohibition", "ban"), because("prohibited-by-contract", "pos"))  # fmt: skip


def test_one_family_that_refuses_refuses_whatever_another_permits() -> None:
    permits = family("a", document("e", grant("g-e")), ref="fam-e")
    for clause_, code in ((ban(), "prohibition"), (POSITION, "prohibited-by-contract")):
        refuses = family("a", document("d", clause_))
        assert answered(world([permits, refuses])) == blank(because(code, clause_.ref))


@pytest.mark.parametrize(("over", "categories", "helped"), [
    ("e", ["customer"], True), ("e", ["customer.content"], True), ("e", ["customer.usage"], False), ("f", ["customer"], False),
])  # fmt: skip
def test_a_prevailing_document_lifts_a_ban_and_a_position(over: str, categories: list[str], helped: bool) -> None:
    first = document("d", grant(), prevails=(Prevails(over, ("train",), tuple(categories)),))
    for clause_ in (ban(), POSITION):
        found = answered(family("a", first, document("e", clause_)))
        assert (found.treatment is Treatment.KEEP) is helped
        assert ("granted-by" in {reason.code for reason in found.reasons}) is helped


def test_a_grant_helps_against_the_position_of_its_own_document_and_not_against_a_ban_of_it() -> None:
    assert answered(said(POSITION, grant())) == kept(because("granted-by", "g"))
    assert answered(said(ban(), grant())) == blank(because("prohibition", "ban"))


def test_a_grant_that_fails_beside_a_position_is_named_too() -> None:
    found = answered(said(POSITION, grant(customer_only=True)))
    assert found == blank(because("prohibited-by-contract", "pos"), because("customer-only", "g"))


def test_a_ban_counts_where_some_data_of_a_category_that_it_touches_may_be_in_its_scope() -> None:
    for product, refused in (("desk", True), ("shop", False)):
        found = answered(said(replace(ban(), products=(product,)), grant()))
        assert (found.treatment is Treatment.BLANK) is refused
    facts = said(replace(ban(), products=("shop",)), grant())
    shop = Declaration("shop", NS, "shop.log", ("a",), tenant_space="crm", unmapped_rows=0, product="shop", region="eu")
    facts = replace(facts, declarations=(*facts.declarations, shop), origins=(*facts.origins, Origin("text", "shop", NS, "shop.log", "text")))  # fmt: skip
    for category, refused in (("customer.usage", False), ("customer.content", True)):
        mixed = replace(facts, categories=(*facts.categories, ColumnCategory(NS, "shop.log", "text", category)))
        assert (answered(mixed).treatment is Treatment.BLANK) is refused


# --- silent


def test_silence_names_the_silent_positions_or_the_grants_that_nearly_apply() -> None:
    assert answered(said(SILENT)) == blank(because("contract-silent", "mum"))
    nearly = answered(said(SILENT, grant(customer_only=True), grant("g2", recipients=["pty-x"])))
    assert nearly == blank(because("contract-silent", "mum"), because("customer-only", "g"), because("recipient-not-covered", "g2"))  # fmt: skip
    elsewhere = replace(SILENT, products=("shop",))
    assert answered(said(elsewhere)) == blank(because("action-not-granted", about="customer.content"))
    assert answered(said(SILENT), action="review") == blank(because("action-not-granted", about="customer.content"))


def test_what_nobody_granted_says_whether_the_action_was() -> None:
    missing = "customer.content"
    assert answered(said()) == blank(because("action-not-granted", about=missing))
    assert answered(said(grant("g", "customer.usage"))) == blank(because("not-granted", about=missing))
    assert answered(said(grant(actions=["review"]))) == blank(because("action-not-granted", about=missing))
    assert answered(said(grant(actions=["train.pretrain"]))) == blank(because("action-not-granted", about=missing))
    assert answered(said(grant(purposes=["marketing"]))) == blank(because("not-granted", about=missing))
    assert answered(said(grant(until="2026-01-01"))) == blank(because("action-not-granted", about=missing))
    assert answered(world([], customers=("a",))) == blank(because("action-not-granted", about=missing))
    assert answered(said(grant("g", "customer", scope=("shop",)))) == blank(because("not-granted", about=missing))


# --- gaps


def test_a_cell_of_which_nobody_knows_what_it_holds_is_blank() -> None:
    place = f"{NS} {S} text"
    assert answered(said(grant(), categories=())) == blank(because("uncategorised-column", about=place))
    personal = world([family("a", document("d", grant()))], columns={"text": ("user.name",)})
    assert answered(personal) == blank(because("uncategorised-column", about=place))
    strange = world([family("a", document("d", grant()))], columns={"text": ("customer.content", "nonsense")})
    assert answered(strange) == blank(because("unreadable-fact", about="category nonsense"))
    refused = world([family("a", document("d", ban()))], columns={"text": ("customer.content", "nonsense")})
    assert answered(refused) == blank(because("unreadable-fact", about="category nonsense"), because("prohibition", "ban"))  # fmt: skip


@pytest.mark.parametrize(
    ("words", "product", "gap"),
    [
        ({"categories": ["customer.content"]}, "", True), ({"categories": ["customer"]}, "", True), ({"categories": ["customer.usage"]}, "", False),
        ({"categories": ["customer.content"], "actions": ["review"]}, "", False), ({"categories": ["customer.content"], "actions": ["train"]}, "", True),
        ({"categories": ["customer.content"]}, "desk", True), ({"categories": ["customer.content"]}, "shop", False), ({}, "", False),
    ],
)  # fmt: skip
def test_a_term_that_nobody_encoded_is_a_gap_of_the_cells_that_it_may_touch(
    words: dict[str, Any], product: str, gap: bool
) -> None:
    term = replace(clause("raw", "UnencodedTerm", note="words", **words), products=(product,) if product else ())
    expected = blank(because("unencoded-term", "raw")) if gap else kept(because("granted-by", "g"))
    assert answered(said(grant(), term)) == expected


# --- giving back, and what is nobody's


def test_what_goes_back_needs_no_grant_and_is_stopped_by_what_expressly_forbids_it() -> None:
    back = {"action": "return", "recipient": "pty-a"}
    assert answered(said(), **back) == kept()
    assert answered(said(POSITION), **back) == kept()
    forbids = clause("ban", "Prohibition", actions=["return"], categories=["customer.content"])
    assert answered(said(forbids), **back) == blank(because("prohibition", "ban"))
    nearly = grant(actions=["return"], customer_only=True)
    assert answered(said(forbids, POSITION, nearly), **back) == blank(because("prohibition", "ban"))
    term = clause("raw", "UnencodedTerm", note="words", categories=["customer.content"])
    assert answered(said(term), **back) == blank(because("unencoded-term", "raw"))
    assert answered(said(), action="return", recipient="pty-b").treatment is Treatment.BLANK


def test_data_of_nobody_need_no_grant_and_some_category() -> None:
    own = Declaration("own", NS, S, no_customer_data=True)
    facts = replace(said(), declarations=(own,), origins=(Origin("text", "own", NS, S, "text"),))
    named = {"customer": ""}
    for category in ("customer.content", "user.name", "system.operations"):
        assert answered(replace(facts, categories=(ColumnCategory(NS, S, "text", category),)), **named) == kept()
    nothing = answered(replace(facts, categories=()), **named)
    assert nothing == blank(Reason("uncategorised-column", "", "text", about=f"{NS} {S} text"))


def test_a_grant_that_a_family_lost_yesterday_is_gone() -> None:
    ended = family("a", document("d", grant(), terminated_at=NOW), document("e", effective_at=LONG_AGO))
    assert answered(ended) == blank(because("action-not-granted", about="customer.content"))


def test_a_grant_that_does_not_reach_or_help_does_not_hide_the_next() -> None:
    assert answered(said(grant("g1", "customer.usage"), grant("g2"))) == kept(because("granted-by", "g2"))
    ban_, over = document("f", ban()), (Prevails("f", ("train",), ("customer",)),)
    two = family("a", document("d", grant("g1")), document("e", grant("g2"), prevails=over), ban_)
    assert answered(two) == kept(because("granted-by", "g2", "", "e"))


def test_of_the_grants_for_a_category_the_one_with_the_fewest_duties_is_taken_wherever_it_stands() -> None:
    for first, second in (("g1", "g2"), ("g2", "g1")):
        facts = said(grant(first), grant(second, safeguards=["dp"]))
        assert answered(facts) == kept(because("granted-by", first))


def test_a_key_on_both_axes_is_no_category_once_it_is_off_the_personal_one() -> None:
    own = OwnKeys(contract=("badge",), personal=("badge",))
    facts = world([family("a", document("d", grant()))], columns={"text": ("badge",)}, own_keys=own)
    anonymised = replace(facts, safeguards=(InPlace("run-1", "anonymised", Known.DECLARED),))
    assert answered(anonymised) == blank(because("uncategorised-column"))


def test_the_better_grant_is_taken_although_a_worse_one_is_read_after_it() -> None:
    facts = said(grant("g1", basis="negotiated"), grant("g2", safeguards=["dp"]))
    assert [each.ref for each in facts.normal().families[0].documents[0].clauses] == ["g1", "g2"]
    assert answered(facts) == kept(because("granted-by", "g1"))


def test_what_forbids_to_give_back_is_named_without_the_grants_that_nearly_apply() -> None:
    nearly = grant(actions=["return"], customer_only=True)
    over = document("d", nearly, prevails=(Prevails("e", ("return",), ("customer",)),))
    forbids = clause("ban", "Prohibition", actions=["return"], categories=["customer.content"])
    found = answered(family("a", over, document("e", forbids)), action="return", recipient="pty-a")
    assert found == blank(because("prohibition", "ban", "", "e"))
