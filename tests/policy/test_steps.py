"""What each step does to question and facts: this, and nothing else."""

from dataclasses import replace
from datetime import timedelta

import pytest

from governance.policy import canonical, steps
from governance.policy.answers import Step
from governance.policy.steps import step
from governance.policy.values import (
    Bounds,
    Clause,
    Column,
    ColumnCategory,
    Completeness,
    ConsentView,
    Coverage,
    Declaration,
    Document,
    Facts,
    Family,
    Identity,
    InPlace,
    Known,
    Need,
    OptIn,
    Origin,
    Prevails,
    Version,
)
from tests.policy.worlds import LONG_AGO, NOW, NS, PURPOSE, D, S, ask, clause, document, family, grant, world

KNOWN = NOW + timedelta(days=40)  # asked today about a day in the past
QUESTION = ask("text", "use", required=("use",), as_known_at=KNOWN)
BAN = clause("ban", "Prohibition", actions=["train"])
FACTS = world(
    [family("a", document("d", grant(), BAN), document("f", BAN)), family("b", document("e", grant("h"), BAN))],
    columns={"text": ("customer.content",), "use": ("customer.usage",)},
)
TERMS = {"actions": ["train"], "categories": ["customer"], "purposes": [PURPOSE]}


def proposed(ref: str, *prevails: Prevails) -> Document:
    return Document(
        f"proposed:{ref}",
        KNOWN,
        NOW,
        NOW.date(),
        (Clause(f"proposed:{ref}", "Grant", canonical.text(TERMS)),),
        prevails=prevails,
    )


def changed(taken: Step, facts: Facts = FACTS) -> Facts:
    question, found = steps.apply(taken, QUESTION, facts)
    assert question == QUESTION
    return found


def test_details_are_canonical_text() -> None:
    assert step("rebuild", "x") == Step("rebuild", "x", "", "{}")
    assert step("drop-column", "x", "a", {"b": 1, "a": [2]}) == Step("drop-column", "x", "a", '{"a":[2],"b":1}')


def test_there_are_words_for_every_kind_of_step_and_an_effect() -> None:
    assert set(steps.KINDS) == set(steps._APPLY)


def test_an_opt_in_counts_from_the_instant_asked_about() -> None:
    taken = OptIn("off", "a", NOW, ref="proposed")
    assert changed(step("activate-opt-in", "off", "a")) == replace(FACTS, opt_ins=(taken,))


def test_a_clause_is_added_in_a_document_of_its_family() -> None:
    found = changed(step("add-clause", "fam-a", "a", {"grant": TERMS, "prevails_over": ["d", "f"]}))
    over = tuple(Prevails(ref, ("train",), ("customer",)) for ref in ("d", "f"))
    first, second = FACTS.families
    more = replace(first, documents=(*first.documents, proposed("fam-a", *over)))
    assert found == replace(FACTS, families=(more, second))


def test_a_new_document_is_signed_by_when_it_counts() -> None:
    early = replace(QUESTION, as_known_at=NOW - timedelta(days=9))
    _, found = steps.apply(step("add-clause", "fam-a", "a", {"grant": TERMS, "prevails_over": []}), early, FACTS)
    document_ = found.families[0].documents[-1]
    assert (document_.signed_on, document_.recorded_at) == (early.as_known_at.date(), early.as_known_at)


def test_where_there_is_no_contract_a_new_one_covers_the_customer() -> None:
    found = changed(step("add-clause", "proposed", "c", {"grant": TERMS, "prevails_over": []}))
    new = Family("proposed:c", (Coverage("c", NOW),), (proposed("proposed"),))
    assert found == replace(FACTS, families=(*FACTS.families, new))


@pytest.mark.parametrize("kind", ["repeal-clause", "encode-term"])
def test_a_clause_goes_from_its_document_alone(kind: str) -> None:
    first, second = FACTS.families
    left = replace(first, documents=(document("d", grant()), first.documents[1]))
    found = changed(step(kind, "ban", "a", {"document": "d"}))
    assert found == replace(FACTS, families=(left, second))
    assert found.families[1] is second


def test_a_safeguard_comes_into_place_in_every_version() -> None:
    versions = (Version(D, "run-1", LONG_AGO), Version(D, "run-2", NOW))
    facts = replace(
        FACTS, dataset=replace(FACTS.dataset, versions=versions, columns=(Column("age"),)), quasi_identifiers=("zip",)
    )
    detail = {"kind": "deidentified", "k": 5, "known": "measured", "standard": "hipaa", "quasi_identifiers": ["job"]}
    rows = tuple(
        InPlace(
            run, "deidentified", Known.MEASURED, ("text",), "hipaa", Bounds(k=5), ("age", "job", "text", "use", "zip")
        )
        for run in ("run-1", "run-2")
    )
    before = replace(facts, safeguards=(InPlace("run-1", "dp", Known.CLAIMED),))
    assert changed(step("apply-safeguard", "text", "a", detail), before) == replace(
        before, safeguards=(*before.safeguards, *rows)
    )


def test_a_column_is_not_asked_for_any_more() -> None:
    question, found = steps.apply(step("drop-column", "use", "a"), QUESTION, FACTS)
    assert (question, found) == (replace(QUESTION, columns=("text",), required=()), FACTS)
    question, _ = steps.apply(step("drop-column", "text"), QUESTION, FACTS)
    assert (question.columns, question.required) == (("use",), ("use",))


def view(customer: str = "a", kind: str = "only", **counts: int) -> ConsentView:
    return ConsentView(customer, "people", "", Need.CONSENT, kind, 3, "list", 1, **counts)


def test_those_who_said_nothing_or_whose_giving_ran_out_say_yes() -> None:
    said = view(registered=10, allowed=3, refused=2, withdrawn=1, objected=1, expired=1, silent=2)
    others = (
        view("b", registered=5, silent=5),
        view(kind="except", registered=5, silent=5),
        view(registered=5, refused=5),
    )
    found = changed(step("collect-consent", "people", "a", {"people": 3}), replace(FACTS, consents=(said, *others)))
    assert found.consents == (replace(said, count=6, allowed=6, expired=0, silent=0), *others)


def test_no_more_people_are_allowed_than_are_registered() -> None:
    said = view(registered=4, allowed=3, silent=3)  # the others are of other customers in the space
    (found,) = changed(step("collect-consent", "people", "a", {}), replace(FACTS, consents=(said,))).consents
    assert (found.allowed, found.count) == (4, 6)


def test_a_source_is_declared_and_who_is_in_it_remains_to_be_seen() -> None:
    dark = replace(
        FACTS, dataset=replace(FACTS.dataset, undeclared=("raw a", "raw b"), completeness=Completeness.UNKNOWN)
    )
    one = changed(step("declare-source", "raw a"), dark)
    assert (one.dataset.undeclared, one.dataset.completeness) == (("raw b",), Completeness.UNKNOWN)
    assert one.declarations == (*dark.declarations, Declaration("proposed:raw a", "", "raw a", no_customer_data=True))
    assert one.origins == (*dark.origins, Origin("*", "proposed:raw a", "", "raw a", "*"))
    both = changed(step("declare-source", "raw b"), one)
    assert (both.dataset.undeclared, both.dataset.completeness) == ((), Completeness.PARTIAL)


def test_a_category_is_declared_where_it_says() -> None:
    detail = {"namespace": NS, "dataset": S, "column": "text", "category": "customer.usage"}
    row = ColumnCategory(NS, S, "text", "customer.usage")
    assert changed(step("declare-category", f"{NS} {S} text", "a", detail)) == replace(
        FACTS, categories=(*FACTS.categories, row)
    )


def test_a_key_is_declared_for_a_space_or_for_one_source() -> None:
    space = changed(step("declare-key", "people", "", {"kind": "person"}))
    assert space == replace(FACTS, identities=(*FACTS.identities, Identity("proposed", "person", "people", "")))
    alone = changed(step("declare-key", "src", "", {"kind": "tenant", "declaration": "src"}))
    assert alone.identities[-1] == Identity("proposed", "tenant", "src", "src")


def test_in_the_ancestor_every_source_of_customers_has_its_key() -> None:
    own = Declaration("own", NS, "own", no_customer_data=True)
    facts = replace(FACTS, declarations=(*FACTS.declarations, own))
    assert changed(step("rebuild", "raw"), facts) == replace(
        facts, identities=(*facts.identities, Identity("proposed", "tenant", "proposed", "src"))
    )
