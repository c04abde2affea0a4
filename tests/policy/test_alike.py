"""Customers of whom the same is said are judged once, and nobody can tell."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.policy import alike, canonical, decisions, engine, exposure, judging, presence, standing, world
from governance.policy.answers import Reason
from governance.policy.values import Basis, ConsentView, Facts, Identity, Need, Obligation, OptIn, Question
from tests.policy import crowds, strategies
from tests.policy.test_laws import EXAMPLES, pytestmark
from tests.policy.worlds import LONG_AGO, NOW, PURPOSE, ask, clause, document, family, grant
from tests.policy.worlds import world as world_with

__all__ = ["pytestmark"]

crowded = st.integers(min_value=0, max_value=2**62).map(crowds.crowd_of)


@settings(max_examples=EXAMPLES * 5)
@given(strategies.questions(), crowded)
def test_judging_equal_customers_once_gives_the_same_answer_as_judging_each(question: Question, crowd: Facts) -> None:
    facts = crowd.normal()
    asked = engine.check(question, facts)
    assert decisions.evaluate(asked, facts) == decisions.evaluate(asked, facts, one_by_one=True)


def classes(facts: Facts, question: Question | None = None) -> list[list[str]]:
    laid_out = world.read(question or ask(), facts)
    laws = standing.laws(laid_out)
    found = alike.classes(alike.terms(laid_out, u, laws[u]) for u in laid_out.present)
    return [[each.customer for each in members] for members in found]


def offered(customer: str, document_ref: str, offer: str, grant_ref: str) -> object:
    terms = (clause(offer, "OptInOffer", discount="8 %"), grant(grant_ref, offer=offer))
    return family(customer, document(document_ref, *terms))


def test_the_same_terms_under_other_references_are_one_class() -> None:
    facts = world_with([offered("a", "d1", "o1", "g1"), offered("b", "d2", "o2", "g0")])  # type: ignore[list-item]
    assert classes(facts) == [["a", "b"]]


def test_an_opt_in_taken_up_by_one_parts_the_two() -> None:
    facts = world_with([offered("a", "d1", "o1", "g1"), offered("b", "d2", "o2", "g0")])  # type: ignore[list-item]
    assert classes(replace(facts, opt_ins=(OptIn("o2", "b", LONG_AGO),))) == [["a"], ["b"]]


def test_reasons_name_the_clauses_of_each_customer() -> None:
    facts = world_with([offered("a", "d1", "o1", "g1"), offered("b", "d2", "o2", "g0")])  # type: ignore[list-item]
    found = {r for r in engine.decide(ask(), facts).reasons if r.code == "opt-in-inactive"}
    assert found == {
        Reason("opt-in-inactive", "a", "text", "d1", "g1", "o1"),
        Reason("opt-in-inactive", "b", "text", "d2", "g0", "o2"),
    }


def test_customers_whose_references_tie_in_another_order_are_judged_apart() -> None:
    """Of two grants that say the same the first by reference is named: that must be each customer's own first."""

    def two(customer: str, *refs: str) -> object:
        more = grant("g", max_retention_days=9)
        return family(customer, document(refs[0], grant("g")), document(refs[1], grant("g"), more))

    facts = world_with([two("a", "d1", "d2"), two("b", "d4", "d3")])  # type: ignore[list-item]
    assert classes(facts) == [["a"], ["b"]]


def test_a_reference_that_stands_twice_is_judged_alone() -> None:
    facts = world_with(
        [family("a", document("d1", grant("g"), grant("g"))), family("b", document("d2", grant("g"), grant("g")))]
    )
    assert classes(facts) == [["a"], ["b"]]


def shuffled(value: object, dice: strategies.Dice) -> object:
    """The same facts with every tuple in another order, some of its members twice."""
    if isinstance(value, tuple):
        rows = [shuffled(each, dice) for each in value]
        rows += dice.some(rows, 0, 2)
        dice.random.shuffle(rows)
        return tuple(rows)
    names = canonical.fields_with(type(value), frozenset({tuple}))
    return replace(value, **{name: shuffled(getattr(value, name), dice) for name in names}) if names else value  # type: ignore[type-var]


def unordered(value: Any) -> Any:
    """Plain JSON with every list sorted by its text and without repetition: what order has meant since facts were first stored."""
    if isinstance(value, dict):
        return {key: unordered(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        inner = {json.dumps(each, sort_keys=True): each for each in map(unordered, value)}
        return [inner[key] for key in sorted(inner)]
    return value


@given(strategies.facts(), st.integers(0, 2**32), st.lists(st.text(max_size=4), max_size=5))
def test_facts_in_order_are_those_that_a_round_trip_through_json_gives(
    facts: Facts, number: int, parties: list[str]
) -> None:
    """Bytes of facts are stored and replayed for years: their order is that of the JSON text, escapes included."""
    given_facts = shuffled(replace(facts, parties=tuple(parties)), strategies.Dice(number))
    assert isinstance(given_facts, Facts)
    before = canonical.from_json(Facts, unordered(given_facts.to_json()))
    assert given_facts.normal() == before
    assert given_facts.to_bytes() == canonical.to_bytes(given_facts)
    assert given_facts.normal().digest() == canonical.digest(before)


@pytest.mark.parametrize("character", ["é", "!", '"', "\\", "\x7f", "\x01", "~", " "])
def test_order_is_that_of_the_json_text_for_every_kind_of_character(character: str) -> None:
    texts = (f"a{character}", "a", "ab", f"a{character}b", "a!", "A")
    assert list(canonical.in_order(texts)) == unordered(list(texts))


def _alike(which: str) -> Facts:
    """Two customers of whom the same is said under other references, so that what `which` names is carried from one to the other."""
    more = {"safeguards": ["pseudonymised"], "max_retention_days": 9} if which == "duties" else {}
    facts = world_with(
        [family(u, document(f"doc-{n}", grant(f"g-{n}", **more))) for u, n in (("a", 2), ("b", 1))],
        columns={"text": ("customer.content",), "note": ("customer.content", "user.contact.email")[: 1 + (which != "duties")]},
    )  # fmt: skip
    if which == "duties":
        return facts
    told = ConsentView("a", "people", "ctl", Need.CONSENT, "only", 5, "d", 1, registered=8, allowed=5, refused=3)
    space = "" if which == "out" else "people"
    due = [Obligation(f"obl-{n}", u, "open", NOW, True, space, 2, "e") for u, n in (("a", 2), ("b", 1))]
    key = () if which == "blank" else (Identity("person", "person", "people"),)
    about = {"subject_column": "person", "subject_space": "people", "controller": "ctl"}
    return replace(
        facts,
        declarations=(replace(facts.declarations[0], **about),),
        identities=(*facts.identities, *key),
        consents=(told, replace(told, customer="b")),
        obligations=tuple(due),
        bases=tuple(Basis(f"bas-{u}", u, "user", "train", PURPOSE, "consent", LONG_AGO) for u in "ba"),
    )


@pytest.mark.parametrize("which", ["duties", "people", "blank", "out"])
def test_all_that_is_judged_is_carried_to_a_customer_of_whom_the_same_is_said(which: str) -> None:
    question = ask("text", "note")
    laid_out = world.read(question, _alike(which).normal())
    carried = judging.everybody(laid_out)
    assert classes(laid_out.facts, question) == [["a", "b"]]
    assert carried == judging.everybody(laid_out, one_by_one=True)
    _, first, second = carried
    assert second.customer == "b" and (first.out != second.out or first.cells != second.cells)
    assert bool(second.out) is (which == "out") and second.granted is (which != "out")
    assert [need.customer for need in second.needs] == ([] if which == "duties" else ["b"])


def test_customers_of_whom_the_same_is_said_are_heard_apart_where_their_people_said_something_else() -> None:
    facts = _alike("people")
    other = replace(facts.consents[0], customer="b", count=3, allowed=3, withdrawn=2)
    laid_out = world.read(ask("text", "note"), replace(facts, consents=(facts.consents[0], other)).normal())
    assert classes(laid_out.facts, laid_out.question) == [["a", "b"]]
    judged = judging.everybody(laid_out)
    assert judged == judging.everybody(laid_out, one_by_one=True)
    assert [sorted({r.clause for r in each.cells["note"].reasons} - {""}) for each in judged[1:]] == [["g-2"], ["g-1"]]
    assert [[row.count for row in each.lists] for each in judged[1:]] == [[5], [3]]


@pytest.mark.parametrize(
    ("one_by_one", "looked_at"), [(None, ["a", "c"]), (False, ["a", "c"]), (True, ["a", "b", "c"])]
)
def test_of_customers_of_whom_the_same_is_said_one_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, one_by_one: bool | None, looked_at: list[str]
) -> None:
    facts = world_with([family(u, document(f"d-{u}", grant(f"g-{u}", "customer.content" if u == "c" else "customer"))) for u in "abc"])  # fmt: skip
    seen: list[str] = []
    unpatched, presences = presence.refusals, exposure.presences

    def refusals(read: world.World, customer: str, *rest: object) -> tuple[Reason, ...]:
        seen.append(customer)
        return unpatched(read, customer, *rest)  # type: ignore[arg-type]

    def only(read: world.World, customers: object = None) -> object:
        assert customers == looked_at
        return presences(read, customers)  # type: ignore[arg-type]

    monkeypatch.setattr(presence, "refusals", refusals)
    monkeypatch.setattr(exposure, "presences", only)
    more = {} if one_by_one is None else {"one_by_one": one_by_one}
    assert len(judging.everybody(world.read(ask(), facts.normal()), **more)) == 4
    assert seen == looked_at
