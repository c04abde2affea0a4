"""What each reason rests on, fact by fact, and how statements put it in lines."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from governance.policy import resting, statements
from governance.policy.answers import Reason
from governance.policy.resting import Ground
from governance.policy.statements import Statement
from governance.policy.values import (
    Basis,
    Coverage,
    Declaration,
    Facts,
    Family,
    Identity,
    Obligation,
    OptIn,
    Origin,
    OwnKeys,
)
from tests.policy.worlds import LONG_AGO, NOW, NS, PURPOSE, ask, clause, document, family, grant, world

OFFER = clause("off", "OptInOffer", number="3", discount="8 %")
FACTS = world(
    [
        Family(
            "fam",
            (Coverage("a", LONG_AGO), Coverage("b", LONG_AGO)),
            (document("d", OFFER, title="MSA"),),
            title="Main",
        ),
        Family("bare", (Coverage("b", LONG_AGO),)),
    ],
    keyed=False,
    opt_ins=(OptIn("off", "a", LONG_AGO, NOW), OptIn("off", "a", NOW), OptIn("off", "b", LONG_AGO)),
    bases=(
        Basis("bas-1", "a", "user", "train", PURPOSE, "consent", LONG_AGO, NOW),
        Basis("bas-2", "a", "user.name", "review", PURPOSE, "contract", LONG_AGO),
    ),
    obligations=(Obligation("obl", "a", "proposed", NOW, subjects=3),),
)
SOURCE = {"fact": "declaration", "declaration": "src", "what": f"{NS} crm.tickets", "holds": "every customer's data", "customers": 2, "unmapped_rows": 0}  # fmt: skip
MAIN = "Main: MSA (signed 2025-01-01, in effect from 2025-01-01)"


def people(what: str) -> dict[str, str]:
    return {"fact": "list of people", "what": what}


GROUNDS: list[tuple[Reason, list[dict[str, Any]]]] = [
    (Reason("basis", "a", about="bas-1"), [{"fact": "basis", "basis": "bas-1", "what": f"consent for user, to train for {PURPOSE}", "dates": "from 2025-01-01 until 2026-11-01"}]),
    (Reason("basis", "a", about="bas-2"), [{"fact": "basis", "basis": "bas-2", "what": f"contract for user.name, to review for {PURPOSE}", "dates": "from 2025-01-01"}]),
    (Reason("deletion-open", "a", about="obl"), [{"fact": "deletion", "obligation": "obl", "what": "a deletion that is proposed, due 2026-11-01", "people": 3}]),
    (Reason("opt-in-inactive", "a", "text", about="off"), [{"fact": "offer", "clause": "off", "what": "offer in clause 3", "quote": "the words of off", "opt_ins": ["2025-01-01 to 2026-11-01", "2026-11-01 on"]}]),
    (Reason("opt-in-inactive", "b", "text", about="gone"), [{"fact": "offer", "clause": "gone", "what": "an offer that is in no document", "quote": "", "opt_ins": []}]),
    (Reason("unmapped-tenant", about="src"), [SOURCE]),
    (Reason("not-separable", "a", "text"), [SOURCE]),
    (Reason("not-separable", "a", "text", about="person people"), [{"fact": "key of people", "what": "person people"}]),
    (Reason("consent-missing", "a", about="people ctl"), [people("those of people, by what they said to ctl")]),
    (Reason("objection", "a", about="people"), [people("those of people")]),
    (Reason("not-granted", "a", "text", about="customer.usage"), [{"fact": "category", "what": "usage data (customer.usage)"}]),
    (Reason("not-granted", "a", "text", about="vendor.key"), [{"fact": "category", "what": "vendor.key"}]),
    (Reason("undeclared-source", about="train"), [{"fact": "source", "what": "train"}]),
    (Reason("something-new", "a", about="x"), [{"fact": "thing", "what": "x"}]),
    (Reason("no-contract", "a"), [{"fact": "contracts", "contracts": ["fam"], "documents": ["d"], "what": MAIN}]),
    (Reason("contract-ended", "b"), [{"fact": "contracts", "contracts": ["fam", "bare"], "documents": ["d"], "what": f"{MAIN}; bare: no document"}]),
    (Reason("model-ownership", "stranger"), [{"fact": "contracts", "contracts": [], "documents": [], "what": "there is none"}]),
    (Reason("action-not-granted", "stranger", "text"), [{"fact": "contracts", "contracts": [], "documents": [], "what": "there is none"}]),
    (Reason("nobody-left"), []),
    (Reason("required-column", "a", "text"), []),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "facts"), GROUNDS, ids=lambda each: each.code if isinstance(each, Reason) else "")
def test_a_reason_rests_on_its_fact(reason: Reason, facts: list[dict[str, Any]]) -> None:
    assert Ground(FACTS.normal()).of(reason) == facts


def test_a_clause_comes_before_what_it_is_about() -> None:
    clause_, party = Ground(FACTS).of(Reason("party-restriction", "a", "", "d", "off", "pty-x"))
    assert clause_ == {
        "fact": "clause", "document": "d", "clause": "off", "kind": "OptInOffer", "title": "MSA", "number": "3", "clause_title": "",
        "quote": "the words of off", "page": None, "says": clause_["says"], "dates": "signed 2025-01-01, in effect from 2025-01-01",
    }  # fmt: skip
    assert "8 %" in clause_["says"] and party == {"fact": "party", "what": "pty-x"}
    assert Ground(FACTS).of(Reason("party-restriction", "a", "", "d", "gone", "pty-x")) == [party]


def test_a_clause_is_said_in_the_vendors_own_keys() -> None:
    facts = world(
        [family("a", document("d", grant("g", "vendor.badge")))], own_keys=OwnKeys(contract=("vendor.badge",))
    )
    (said,) = Ground(facts).of(Reason("granted-by", "a", "text", "d", "g"))
    assert said["says"].startswith("Permits to train a model with vendor.badge")


def test_documents_of_a_contract_are_listed() -> None:
    (said,) = Ground(world([family("a", document("d"), document("e"))])).of(Reason("no-contract", "a"))
    dates = "(signed 2025-01-01, in effect from 2025-01-01)"
    assert (said["documents"], said["what"]) == (["d", "e"], f"fam-a: Agreement d {dates}, Agreement e {dates}")


@pytest.mark.parametrize(
    ("declaration", "whose"),
    [
        (Declaration("one", NS, "calls", ("a",)), "one customer's data"),
        (Declaration("one", NS, "calls", no_customer_data=True), "nobody's data"),
        (Declaration("one", NS, "calls", ("a",), tenant_space="crm"), "every customer's data"),
    ],
)
def test_a_declaration_says_whose_data_it_holds(declaration: Declaration, whose: str) -> None:
    (found,) = Ground(replace(FACTS, declarations=(declaration,))).of(Reason("absence", "a", about="one"))
    assert found["holds"] == whose


@pytest.mark.parametrize(
    ("identity", "unkeyed"),
    [
        (Identity("t", "tenant", "crm"), ["calls"]),
        (Identity("t", "tenant", "", "src"), ["calls"]),
        (Identity("t", "tenant", "crm", "other"), ["calls", "src"]),
        (Identity("t", "tenant", ""), ["calls", "src"]),
        (Identity("t", "person", "crm"), ["calls", "src"]),
        (Identity("t", "tenant", "x", "calls"), ["src"]),
    ],
)
def test_sources_without_a_key_are_those_that_bring_customers_and_have_none(
    identity: Identity, unkeyed: list[str]
) -> None:
    more = (
        Declaration("calls", NS, "calls", ("a",)),
        Declaration("own", NS, "own", no_customer_data=True),
        Declaration("elsewhere", NS, "elsewhere", ("a",)),
    )
    facts = replace(
        FACTS,
        declarations=(*FACTS.declarations, *more),
        origins=(*FACTS.origins, *(Origin("text", ref, NS, ref, "x") for ref in ("calls", "own"))),
        identities=(identity,),
    )
    assert [each.ref for each in Ground(facts).unkeyed] == unkeyed


# lines


def statement(
    code: str = "prohibition",
    *,
    customers: tuple[str, ...] = (),
    columns: tuple[str, ...] = (),
    count: int = 0,
    rests_on: tuple[Any, ...] = (),
) -> Statement:
    return Statement(code, "cell", True, "It is so.", "", customers, columns, count, rests_on)


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (statement(), "It is so."),
        (statement(customers=("a", "b")), "A, b: It is so."),
        (statement(customers=tuple("abcdefgh")), "A, b, c, d, e, f and 2 more: It is so."),
        (statement(customers=tuple("abcdef")), "A, b, c, d, e, f: It is so."),
        (statement(columns=("x",)), "column x: It is so."),
        (statement(customers=("a",), columns=("x", "y")), "A, columns x, y: It is so."),
        (statement(count=1), "It is so. (1 person)"),
        (statement(count=2), "It is so. (2 people)"),
        (statement("unmapped-tenant", count=1), "It is so. (1 row)"),
        (statement("unmapped-tenant", count=2), "It is so. (2 rows)"),
    ],
)
def test_a_statement_in_a_line(said: Statement, line: str) -> None:
    assert statements.line(said, {"a": "A"}) == line


CLAUSE = {
    "fact": "clause",
    "document": "d",
    "number": "7.2",
    "clause_title": "",
    "title": "",
    "dates": "signed",
    "page": None,
    "quote": "Q",
    "says": "S",
}


@pytest.mark.parametrize(
    ("fact", "lines"),
    [
        (CLAUSE, ["Clause 7.2 of d (signed):", '  "Q"', "  Encoded as: S"]),
        (CLAUSE | {"page": 0, "title": "MSA", "clause_title": "Use"}, ["Clause 7.2 (Use) of MSA (signed), page 0:", '  "Q"', "  Encoded as: S"]),
        (SOURCE, [f"Declaration: {NS} crm.tickets, holds every customer's data (src)"]),
        (GROUNDS[0][1][0], [f"Basis: consent for user, to train for {PURPOSE}, from 2025-01-01 until 2026-11-01 (bas-1)"]),
        (GROUNDS[2][1][0], ["Deletion: a deletion that is proposed, due 2026-11-01 (obl)"]),
        (GROUNDS[3][1][0], ["Offer: offer in clause 3, opt-ins: 2025-01-01 to 2026-11-01, 2026-11-01 on", '  "the words of off"']),
        (GROUNDS[4][1][0], ["Offer: an offer that is in no document, no opt-in"]),
        ({"fact": "party", "what": "pty-x"}, ["Party: pty-x"]),
    ],
)  # fmt: skip
def test_a_fact_in_lines(fact: dict[str, Any], lines: list[str]) -> None:
    assert statements.said(statement(rests_on=(fact,))) == lines


@pytest.mark.parametrize(
    ("question", "title"),
    [
        (ask("text", "use"), f"may text, use of training.set ({NS}) be used to train for {PURPOSE}?"),
        (ask(recipient="pty-x"), f"may text of training.set ({NS}) be used to train for {PURPOSE} by pty-x?"),
        (replace(ask(action="serve", purpose="", recipient="pty-x"), columns=()), f"may training.set ({NS}) be used to serve by pty-x?"),
    ],
)  # fmt: skip
def test_a_question_in_a_line(question: Any, title: str) -> None:
    assert statements.title(question) == title


def test_people_and_rows_are_counted_once_for_a_customer_however_many_columns_say_so() -> None:
    rows = [
        Reason("consent-missing", "a", "x", about="people", count=3),
        Reason("consent-missing", "a", "y", about="people", count=4),
        Reason("consent-missing", "a", "x", about="others", count=1),
        Reason("consent-missing", "b", "x", about="people", count=2),
    ]
    assert statements._count(rows) == 4 + 1 + 2


def test_everything_that_explanations_may_hide_is_named() -> None:
    facts: Facts = replace(FACTS, obligations=(Obligation("obl", "a", "open", NOW + timedelta(days=1)),))
    (offer,) = Ground(facts).of(GROUNDS[3][0])
    assert resting.hidden(offer) == {"fact": "offer", "clause": "off"}
    (contracts,) = Ground(facts).of(Reason("no-contract", "a"))
    assert resting.hidden(contracts) == {"fact": "contracts", "contracts": ["fam"], "documents": ["d"]}
