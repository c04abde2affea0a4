"""How single reasons, remedies and facts are put in words, to those who may know names and to those who may not."""

import json
from dataclasses import replace

import pytest

from governance.policy import canonical, engine, explain, resting, statements, steps
from governance.policy.answers import Reason, Remedy
from governance.policy.explain import Texts
from governance.policy.resting import Ground
from governance.policy.values import Facts
from tests.policy.worlds import NS, S, ask, clause, document, family, grant, world

BAN = clause("ban", "Prohibition", number="7.2", actions=["train"])
TWO = replace(
    world([family("a", document("d", grant())), family("b", document("e", BAN))]),
    customers=(),
)


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (Reason("not-separable", "a", "mail", about="person people"), "a, column mail: People cannot be told apart here, so nobody's wish can be respected row by row."),
        (Reason("not-separable", "a", "mail"), "a, column mail: Rows of this customer cannot be told apart from those of others."),
        (Reason("not-separable", about="src"), "Rows of this customer cannot be told apart from those of others. (src)"),
        (Reason("deletion-open", "a", about="obl-1"), "a: This data must be deleted. (obl-1)"),
        (Reason("deletion-open", "a", about="obl-1", count=3), "a: Data of some people must be deleted. (3 person(s); obl-1)"),
        (Reason("deletion-open", "a", "mail", about="obl-1"), "a, column mail: Data of some people must be deleted. (obl-1)"),
        (Reason("not-granted", "a", "text", about="customer.usage"), "a, column text: The customer grants this action, but not for this kind of data or this purpose. (usage data)"),
        (Reason("unmapped-tenant", about="src", count=7), "Some rows belong to no known customer. (7 row(s); src)"),
        (Reason("prohibition", "b", "text", "e", "ban"), "b, column text: The contract forbids this use. Clause 7.2 of Agreement e (signed 2025-01-01, in effect from 2025-01-01)."),
    ],
)  # fmt: skip
def test_a_reason_in_words(reason: Reason, text: str) -> None:
    assert explain.sentence(reason, Texts(TWO)).text == text


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (steps.step("declare-category", f"{NS} {S} text", "a", {"category": "customer.usage"}), f"Declare the category of the column {NS} {S} text (it would do as usage data)."),
        (steps.step("collect-consent", "people", "a", {"people": 4}), "Collect people's consent (4 people)."),
        (steps.step("collect-consent", "people", "a", {"people": 0}), "Collect people's consent."),
        (steps.step("apply-safeguard", "text", "a", {"kind": "deidentified", "k": 5}), "Apply the safeguard deidentified (k 5) on text."),
        (steps.step("repeal-clause", "ban", "b", {"document": "e"}), "Agree to repeal the clause (7.2)."),
        (steps.step("repeal-clause", "gone", "b", {"document": "e"}), "Agree to repeal the clause."),
        (steps.step("drop-column", "text"), "Do not ask for the column text."),
    ],
)  # fmt: skip
def test_a_step_in_words(step: steps.Step, text: str) -> None:
    assert explain.remedy(Remedy("", (), (step,), 0, 0, None), TWO) == text


def test_who_may_not_know_a_customer_reads_the_code_and_nothing_of_it() -> None:
    """What decided about all those customers is one statement per code, without clause, count of columns or facts."""
    decision = engine.decide(ask(), TWO, with_remedies=False)
    open_, closed = (statements.of(decision, TWO, sees=sees) for sees in (statements.everybody, lambda u: u != "b"))
    (ban,), (hidden,) = ([s for s in found if s.code == "prohibition"] for found in (open_, closed))
    assert ban.clause is not None and ban.clause["quote"] == "the words of ban"
    assert (hidden.clause, hidden.rests_on) == (None, ())
    assert [s.rests_on for s in closed if s.code == "granted-by"] == [
        s.rests_on for s in open_ if s.code == "granted-by"
    ]
    letter = statements.letter(ask(), decision, TWO, sees=lambda u: u != "b")
    assert "the words of ban" not in letter and "7.2" not in letter and "the words of g" in letter


def test_a_hidden_fact_keeps_its_kind_and_its_references_alone() -> None:
    (fact,) = Ground(TWO).of(Reason("prohibition", "b", "text", "e", "ban"))
    assert resting.hidden(fact) == {"fact": "clause", "document": "e", "clause": "ban", "kind": "Prohibition"}
    (fact,) = Ground(TWO).of(Reason("unmapped-tenant", about="src"))
    assert resting.hidden(fact) == {"fact": "declaration", "declaration": "src", "holds": "every customer's data", "customers": 2, "unmapped_rows": 0}  # fmt: skip


def test_a_reason_that_names_nothing_else_rests_on_its_column() -> None:
    assert Ground(TWO).of(Reason("uncategorised-column", "a", "text")) == [{"fact": "column", "what": "text"}]
    assert Ground(TWO).of(Reason("all-blank", "a", "text")) == []


def test_facts_read_back_as_they_were_written() -> None:
    facts = TWO.normal()
    assert Facts.from_json(facts.to_json()) == facts
    assert Facts.from_json(json.loads(facts.to_bytes())) == facts
    assert facts.to_bytes() == canonical.to_bytes(facts)  # RFC 8785, quicker
    assert facts.digest() == canonical.digest(facts)
    with pytest.raises(canonical.Unreadable, match="dataset"):
        Facts.from_json({})
