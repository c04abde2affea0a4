"""Remedies held against brute force: of all that could be done in a small world, tried in every combination up to three, the smallest that helps."""

import json
import os
from collections.abc import Iterator
from itertools import combinations

import pytest

from consent import vocabulary
from governance.policy import decisions, engine, remedies, steps
from governance.policy.answers import Decision, Step
from governance.policy.memory import Memory
from governance.policy.remedies import Target
from governance.policy.steps import step
from governance.policy.values import Clause, Document, Facts, Mode, Question
from tests.policy import strategies
from tests.policy.worlds import ask, clause, document, family, grant, world

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "prove"
REFUSALS = 200 if LONG else 30
pytestmark = [pytest.mark.prove] if LONG else []


def everything(question: Question, facts: Facts, target: Target) -> list[Step]:
    """Every step that somebody could take about a target in this world, whether any reason points to it or not."""
    u = target.customer
    found = [step("declare-source", root) for root in facts.dataset.undeclared]
    found += [step("rebuild", ancestor) for ancestor in facts.dataset.ancestors]
    for kind, spaces in (
        ("tenant", {d.tenant_space for d in facts.declarations}),
        ("person", {d.subject_space for d in facts.declarations}),
    ):
        found += [step("declare-key", space, "", {"kind": kind}) for space in spaces - {""}]
    alone = [d.ref for d in facts.declarations if not d.tenant_space and not d.no_customer_data]
    found += [step("declare-key", ref, "", {"kind": "tenant", "declaration": ref}) for ref in alone]
    found += list(_of_customer(question, facts, target)) if u else []
    found += [step("apply-safeguard", column, u, {"kind": "anonymised"}) for column in question.columns]
    found += list(_categories(facts, u))
    return list(dict.fromkeys(found))


def _of_customer(question: Question, facts: Facts, target: Target) -> Iterator[Step]:
    u = target.customer
    families = [f for f in facts.families if any(row.customer == u for row in f.coverage)]
    said = [(d, c) for f in families for d in f.documents for c in d.clauses]
    for each, one in said:
        yield from _of_clause(u, each, one)
    for offer in {json.loads(c.body).get("offer") for _, c in said if c.kind == "Grant" and c.body.startswith("{")}:
        if offer:
            yield step("activate-opt-in", offer, u)
    search = remedies.Search(question, facts, decisions.evaluate(question, facts), 0)
    yield from remedies.grants(search, target)
    for column in question.columns:
        if not target.columns:
            yield step("drop-column", column, u)
    for view in facts.consents:
        if view.customer == u and view.silent + view.expired:
            yield step("collect-consent", f"{view.space} {view.controller}", u, {"people": view.silent})


def _categories(facts: Facts, customer: str) -> Iterator[Step]:
    """Every column without a category of the contract axis might be one of those that somebody grants, or about systems."""
    clauses = [c for f in facts.families for d in f.documents for c in d.clauses if c.kind == "Grant"]
    granted = {key for c in clauses if c.body.startswith("{") for key in json.loads(c.body)["categories"]}
    axis = {*vocabulary.CONTRACT, *strategies.OWN.contract}
    said = {(c.namespace, c.dataset, c.column) for c in facts.categories if c.category in axis}
    ours = {(d.namespace, d.name) for d in facts.declarations if d.no_customer_data}
    places = {(s.namespace, s.dataset, column) for s in facts.schemas for column in s.columns}
    places |= {(o.namespace, o.dataset, o.source_column) for o in facts.origins if o.source_column != "*"}
    for place in places - said:
        detail = dict(zip(("namespace", "dataset", "column"), place, strict=True))
        for key in {"system.operations"} if place[:2] in ours else granted:
            yield step("declare-category", " ".join(place), customer, detail | {"category": key})


def _of_clause(customer: str, within: Document, said: Clause) -> Iterator[Step]:
    if said.kind not in ("Grant", "OptInOffer", "UnencodedTerm"):
        yield step("repeal-clause", said.ref, customer, {"document": within.ref})
    yield step("encode-term", said.ref, customer, {"document": within.ref})


def smallest(question: Question, facts: Facts, target: Target) -> int | None:
    """The size of the smallest set of steps after which the target is no longer refused, by trying them all."""
    universe = everything(question, facts, target)
    for size in range(1, remedies.MOST_STEPS + 1):
        for chosen in combinations(sorted(universe), size):
            asked, changed = question, facts
            for each in chosen:
                asked, changed = steps.apply(each, asked, changed)
            if not asked.columns and asked.action not in vocabulary.MODEL_ACTIONS:
                continue
            if remedies.is_cleared(question, target, decisions.evaluate(asked, changed.normal())):
                return size
    return None


def refusals() -> Iterator[tuple[int, Question, Facts, Decision, Target]]:
    """Refused things of random worlds, one of each, with what the engine answered."""
    number = found = 0
    while found < REFUSALS:
        question, facts = strategies.question_of(number), strategies.world_of(number).normal()
        asked = engine.check(question, facts)
        targets = remedies.targets(asked, decisions.evaluate(asked, facts))
        if targets:
            found += 1
            yield number, asked, facts, engine.decide(asked, facts), targets[number % len(targets)]
        number += 1


@pytest.mark.thrown
def test_the_smallest_remedy_is_as_small_as_brute_force_finds_any() -> None:
    wrong = []
    for number, question, facts, decision, target in refusals():
        mine = [r for r in decision.remedies if (r.customer, r.columns) == (target.customer, target.columns)]
        least = min((len(remedy.steps) for remedy in mine), default=None)
        if least != (brute := smallest(question, facts, target)):
            wrong.append((number, target, least, brute))
    assert not wrong


@pytest.mark.thrown
def test_remedies_come_by_what_they_gain() -> None:
    for _, question, facts, decision, _ in refusals():
        gains = [(r.customers_gained, r.rows_gained or 0, r.cells_gained) for r in decision.remedies]
        assert gains == sorted(gains, reverse=True)
        assert question.mode in Mode and facts


# The search itself


def searched(question: Question, facts: Facts, left: int = 50) -> remedies.Search:
    """A search that counts what it decides, over facts in order."""
    normal = facts.normal()
    asked = engine.check(question, normal)
    return remedies.Search(asked, normal, decisions.evaluate(asked, normal), left)


def unopted() -> Facts:
    """A customer whose grant hangs on an offer that it has not taken up."""
    return world([family("a", document("d", clause("off", "OptInOffer", discount="8 %"), grant(offer="off")))])


OPT_IN = step("activate-opt-in", "off", "a")
SAFE = step("apply-safeguard", "text", "a", {"kind": "anonymised"})
CELL = Target("a", ("text",))


def test_a_set_of_which_a_part_would_do_is_not_least() -> None:
    search = searched(ask(), unopted())
    assert remedies._is_least(search, CELL, frozenset({OPT_IN}))
    assert not remedies._is_least(search, CELL, frozenset({OPT_IN, SAFE}))


def test_a_set_whose_parts_cannot_be_tried_any_more_is_not_shown() -> None:
    search = searched(ask(), unopted(), left=1)
    both = frozenset({SAFE, step("collect-consent", "people", "a", {"people": 1})})
    assert search.after(both) is not None and search.left == 0
    assert not remedies._is_least(search, CELL, both)
    assert search.after([OPT_IN]) is None
    assert search.after(both) is not None  # what was decided stays decided


def test_no_more_is_decided_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    question, normal = ask(), unopted().normal()
    outcome = decisions.evaluate(question, normal)
    decided: list[Facts] = []

    def evaluate(asked: Question, facts: Facts, **more: object) -> decisions.Outcome:
        decided.append(facts)
        return decisions.evaluate(asked, facts)

    kinds = []
    for budget in (0, 1, remedies.BUDGET):
        monkeypatch.setattr(remedies, "BUDGET", budget)
        decided.clear()
        found = remedies.find(question, normal, outcome, evaluate)
        assert len(decided) <= budget
        kinds.append({each.kind for remedy in found for each in remedy.steps})
    assert kinds == [set(), {"activate-opt-in"}, {"activate-opt-in", "add-clause"}]


def test_where_three_steps_help_no_pairs_are_tried() -> None:
    contracts = [family("a", document(f"d{n}"), ref=f"fam-{n}") for n in range(4)]
    search = searched(ask(), world(contracts))
    found = list(remedies._for(search, CELL))
    assert [[each.target for each in remedy.steps] for remedy in found] == [["fam-0"], ["fam-1"], ["fam-2"]]
    assert {len(chosen) for chosen in search.seen} == {1}


def test_with_and_without_a_memory_the_same_is_found() -> None:
    question, normal, memory = ask(), unopted().normal(), Memory()
    outcome = decisions.evaluate(question, normal, memory=memory)
    found = remedies.find(question, normal, outcome)
    assert found == remedies.find(question, normal, outcome, memory=memory)
    assert OPT_IN in {each for remedy in found for each in remedy.steps}
