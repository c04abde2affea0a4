"""Sentences, short forms and remedies in words, field by field; and the tree of a proof where golden files do not reach."""

import json
from dataclasses import replace
from datetime import date

import pytest

from governance.policy import claims, engine, explain, proof, reasons, statements
from governance.policy.answers import Counts, Decision, Reason, Remedy, Step, Verdict
from governance.policy.explain import Sentence, Short, Texts
from governance.policy.steps import step
from governance.policy.values import Clause, Completeness, Customer, Facts, Mode, OwnKeys
from tests.policy.worlds import NOW, ask, clause, document, family, grant, world

BAN = replace(clause("ban", "Prohibition", number="7.2", actions=["train"]), title="Use", page=11)
FACTS = world(
    [family("a", document("d", BAN, title="MSA", terminated_at=NOW)), family("b", document("e", BAN, title=""))],
    own_keys=OwnKeys(contract=("vendor.badge",)),
)
FACTS = replace(FACTS, customers=(Customer("a", "pty-a", "Acme"), Customer("b", "pty-b")))


def decided(*found: Reason, remedies: tuple[Remedy, ...] = ()) -> Decision:
    return Decision(Verdict.DENY, found, None, {}, (), Counts(), "", remedies=remedies)


def test_a_sentence_says_everything_about_its_reason() -> None:
    (said,) = explain.full(decided(Reason("prohibition", "a", "text", "d", "ban", "src col", 0)), FACTS)
    dates = "signed 2025-01-01, in effect from 2025-01-01, terminated from 2026-11-01"
    assert said == Sentence(
        code="prohibition", scope="cell", refuses=True,
        text=f"Acme, column text: The contract forbids this use. Clause 7.2 (Use) of MSA ({dates}). (src col)",
        remedy=reasons.CODES["prohibition"].remedy, customer="a", customer_name="Acme", column="text", document="d", document_title="MSA",
        dates=dates, clause="ban", clause_number="7.2", clause_title="Use", quote="the words of ban", page=11,
        meaning="Forbids to train a model with anything, for anything.", about="src col", count=0,
    )  # fmt: skip
    (bare,) = explain.full(decided(Reason("granted-by", "stranger", "", "x", "gone", count=3)), FACTS)
    assert bare == Sentence(
        code="granted-by", scope="cell", refuses=False, text=f"stranger: {reasons.CODES['granted-by'].sentence} (3 person(s))",
        remedy="", customer="stranger", customer_name="stranger", document="x", clause="gone", count=3,
    )  # fmt: skip
    (untitled,) = explain.full(decided(Reason("prohibition", "b", "", "e", "ban")), FACTS)
    assert "Clause 7.2 (Use) of e (signed" in untitled.text and untitled.customer_name == "b"


def test_sentences_come_refusals_first_then_the_question_then_by_name_and_column() -> None:
    ordered = [
        Reason("unknown-provenance", about="x"), Reason("prohibition", "a", "text"), Reason("prohibition", "a", "use"),
        Reason("prohibition", "b", "text"), Reason("granted-by", "a", "text"), Reason("granted-by", "b", "text"),
    ]  # fmt: skip
    found = explain.full(decided(*reversed(ordered)), FACTS)
    assert [(s.code, s.customer, s.column) for s in found] == [(r.code, r.customer, r.column) for r in ordered]


@pytest.mark.parametrize(
    ("more", "dates"),
    [
        ({}, "signed 2025-01-01, in effect from 2025-01-01"),
        ({"signed_on": None}, "not signed, in effect from 2025-01-01"),
        (
            {"signed_on": date(2024, 12, 24), "expires_at": NOW},
            "signed 2024-12-24, in effect from 2025-01-01, until 2026-11-01",
        ),
        ({"expires_at": NOW, "renewal": "evergreen"}, "signed 2025-01-01, in effect from 2025-01-01"),
        ({"terminated_at": NOW}, "signed 2025-01-01, in effect from 2025-01-01, terminated from 2026-11-01"),
    ],
)
def test_when_a_document_counts_is_said(more: dict[str, object], dates: str) -> None:
    assert explain.dates(document("d", **more)) == dates


def test_an_encoding_is_said_in_the_vendors_own_keys_or_that_it_cannot_be_read() -> None:
    own = grant("g", "vendor.badge")
    texts = Texts(replace(FACTS, families=(family("a", document("d", own)),)))
    assert explain.sentence(Reason("granted-by", "a", "text", "d", "g"), texts).meaning.startswith(
        "Permits to train a model with vendor.badge"
    )
    for unread in (own, Clause("c", "Grant", "{"), Clause("c", "Nosuch", "{}")):
        assert explain.said(unread) == "This clause cannot be read as it is encoded."


def test_the_short_form_joins_columns_of_a_customer_and_customers_with_the_same_columns() -> None:
    found = explain.brief(
        decided(
            Reason("prohibition", "b", "text", "e", "ban"), Reason("prohibition", "b", "use", "e", "ban"), Reason("prohibition", "a", "use", "d", "ban"),
            Reason("prohibition", "a", "text", "d", "ban"), Reason("prohibition", "c", "text"), Reason("consent-missing", "a", about="people x", count=2),
            Reason("consent-missing", "a", about="people y", count=3), Reason("consent-missing", "b", about="people", count=4), Reason("nobody-left"),
        )
    )  # fmt: skip
    assert found == (
        Short("consent-missing", "subject", ("a", "b"), (), 9),
        Short("nobody-left", "question", (), (), 0),
        Short("prohibition", "cell", ("c",), ("text",), 0),
        Short("prohibition", "cell", ("a", "b"), ("text", "use"), 0),
    )


TERMS = {"actions": ["train"], "categories": ["vendor.badge"], "purposes": ["*"]}
GAINS = [
    (Remedy("a", (), (step("drop-column", "x"),), 2, 3, 40), "Acme: Do not ask for the column x. This brings in 2 customer(s), 3 column(s) of customers, 40 rows."),
    (Remedy("", (), (step("rebuild", "x"),), 0, 0, None), "Rebuild from the ancestor in which rows can be told apart x."),
    (Remedy("b", (), (step("rebuild", "x"),), 0, 1, 0, ("deletion-open", "no-contract")), "b: Rebuild from the ancestor in which rows can be told apart x. This brings in 1 column(s) of customers. Its rows stay out because of: deletion-open, no-contract."),
    (Remedy("", (), (step("drop-column", "x"), step("declare-key", "crm")), 0, 0, None), "Do not ask for the column x; declare the key column crm."),
    (Remedy("", (), (step("add-clause", "f", "a", {"grant": TERMS, "prevails_over": []}),), 0, 0, None), "Agree on a clause: Permits to train a model with vendor.badge, for anything."),
    (Remedy("", (), (step("add-clause", "f", "a", {"grant": TERMS, "prevails_over": ["d"]}),), 0, 0, None), "Agree on a clause in a document that prevails over the position on training: Permits to train a model with vendor.badge, for anything."),
    (Remedy("", (), (step("encode-term", "ban", "a", {"document": "d"}),), 0, 0, None), "Encode the term (as one that does not stand in the way) (7.2 Use)."),
    (Remedy("", (), (step("apply-safeguard", "x", "a", {"kind": "dp", "epsilon": "0.5"}),), 0, 0, None), "Apply the safeguard dp (epsilon 0.5) on x."),
    (Remedy("", (), (step("apply-safeguard", "x", "a", {"kind": "aggregated", "n": 5, "c": 2}),), 0, 0, None), "Apply the safeguard aggregated (n 5, c 2) on x."),
    (Remedy("", (), (step("apply-safeguard", "x", "a", {"kind": "anonymised"}),), 0, 0, None), "Apply the safeguard anonymised on x."),
]  # fmt: skip


@pytest.mark.parametrize(("remedy", "text"), GAINS)
def test_a_remedy_in_words(remedy: Remedy, text: str) -> None:
    assert explain.remedy(remedy, FACTS) == text


def test_what_would_help_several_is_said_once() -> None:
    def of(customer: str, *taken: Step) -> Remedy:
        return Remedy(customer, (), taken, 1, 1, None)

    two = (step("declare-key", "crm"), step("rebuild", "x"))
    found = explain.remedies(decided(remedies=(of("a", *two), of("b", *reversed(two)), of("b", two[0]))), FACTS)
    assert [each.partition(":")[0] for each in found] == ["Acme", "b"]


def test_a_letter_says_what_was_asked_and_how_much_is_known() -> None:
    facts = world([family("a", document("d", grant()))])
    facts = replace(
        facts, dataset=replace(facts.dataset, completeness=Completeness.PARTIAL, reasons=("failed", "not-finished"))
    )
    letter = statements.letter(ask(), engine.decide(ask(), facts), facts, more=lambda each: [f"more of {each.code}"])
    assert letter.splitlines()[:5] == [
        "permit: Everything asked for may be used as it is.", "", f"Asked: {statements.title(ask())}",
        "At 2026-11-01 12:00, as it was known at 2026-11-01 12:00 (UTC).", "Provenance is partial: failed, not-finished.",
    ]  # fmt: skip
    assert letter.endswith("  more of granted-by\n") and "What permits it:" in letter and "What speaks" not in letter


# proofs


def test_nodes_hold_by_their_parts() -> None:
    yes = claims.fact("x", customer="a")
    no = claims.node("none", "nothing", [yes])
    assert yes == {"op": "fact", "code": "x", "holds": True, "customer": "a"}
    assert no == {"op": "none", "says": "nothing", "holds": False, "parts": [yes]}
    for op, holds in (("all", (True, True, False)), ("any", (False, True, True)), ("none", (True, False, False))):
        found = [claims.node(op, "", parts, more=1) for parts in ([], [yes], [yes, no])]
        assert [each["holds"] for each in found] == list(holds) and found[0]["more"] == 1


def tree(facts: Facts, mode: Mode = Mode.PLAN, **more: object) -> dict[str, object]:
    return proof.tree(ask(mode=mode, **more), facts, rules="2")


def test_a_tree_names_what_it_proves() -> None:
    facts = world([family("a", document("d", grant()))])
    found = tree(facts)
    assert {key: found[key] for key in ("form", "rules", "facts", "verdict", "mode", "beside")} == {
        "form": "proof-tree-v1", "rules": "2", "facts": facts.normal().digest(), "verdict": "permit", "mode": "plan", "beside": [],
    }  # fmt: skip
    assert json.loads(json.dumps(found["question"]))["columns"] == ["text"]


def test_asked_strictly_the_tree_shows_the_plan_that_is_refused() -> None:
    facts = world([family("a", document("d", grant("g", "customer", safeguards=["dp"])))])
    plan, strict = tree(facts), tree(facts, Mode.STRICT)
    assert (plan["verdict"], strict["verdict"]) == ("permit_with_plan", "deny")
    assert (plan["usable"], plan["plain"]) == (strict["usable"], strict["plain"])


def test_what_decided_is_said_once_with_everybody_about_whom_it_decided() -> None:
    """Clauses of one form are one thing, and so are source columns; categories and restricted parties are told apart."""
    decision = decided(
        Reason("prohibition", "a", "text", "d", "ban", "x"), Reason("prohibition", "b", "use", "e", "ban", "y"),
        Reason("party-restriction", "a", "", "d", "ban", "pty-x"), Reason("party-restriction", "a", "", "d", "ban", "pty-y"),
        Reason("presence-not-granted", "a", about="s one"), Reason("presence-not-granted", "a", about="s two"),
        Reason("not-granted", "a", "text", about="customer.usage"), Reason("not-granted", "a", "text", about="customer.input"),
        Reason("safeguard-missing", "b", "text", about="dp"), Reason("granted-by", "b", "text", "e", "ban"), Reason("nobody-left"),
    )  # fmt: skip
    found = statements.of(decision, FACTS)
    assert [(s.code, s.customers, s.columns, [f.get("what", f["fact"]) for f in s.rests_on]) for s in found] == [
        ("prohibition", ("a", "b"), ("text", "use"), ["clause", "x", "y"]),
        ("not-granted", ("a",), ("text",), ["usage data (customer.usage)"]),
        ("not-granted", ("a",), ("text",), ["what the customer's users put in (customer.input)"]),
        ("party-restriction", ("a",), (), ["clause", "pty-x"]),
        ("party-restriction", ("a",), (), ["clause", "pty-y"]),
        ("presence-not-granted", ("a",), (), ["s one", "s two"]),
        ("nobody-left", (), (), []),
        ("safeguard-missing", ("b",), ("text",), ["dp"]),
        ("granted-by", ("b",), ("text",), ["clause"]),
    ]
    assert found[0].remedy == reasons.CODES["prohibition"].remedy and found[0].text == "The contract forbids this use."
    closed = statements.of(decision, FACTS, sees=lambda u: u != "a")
    assert [(s.code, s.customers) for s in closed if s.code in ("not-granted", "prohibition")] == [
        ("not-granted", ("a",)),
        ("prohibition", ("a",)),
        ("prohibition", ("b",)),
    ]
    assert all(bool(s.rests_on) is (s.customers != ("a",) and s.code != "nobody-left") for s in closed)
