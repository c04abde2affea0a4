"""Remedies held against brute force: of all that could be done in a small world, tried in every combination up to three, the smallest that helps."""

import json
import os
from collections.abc import Iterator
from itertools import combinations

import pytest

from consent import vocabulary
from governance.policy import decisions, engine, remedies, steps
from governance.policy.answers import Decision, Step
from governance.policy.remedies import Target
from governance.policy.steps import step
from governance.policy.values import Clause, Document, Facts, Mode, Question
from tests.policy import strategies

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
    for document, clause in said:
        yield from _of_clause(u, document, clause)
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


def _of_clause(customer: str, document: Document, clause: Clause) -> Iterator[Step]:
    if clause.kind not in ("Grant", "OptInOffer", "UnencodedTerm"):
        yield step("repeal-clause", clause.ref, customer, {"document": document.ref})
    yield step("encode-term", clause.ref, customer, {"document": document.ref})


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


def test_the_smallest_remedy_is_as_small_as_brute_force_finds_any() -> None:
    wrong = []
    for number, question, facts, decision, target in refusals():
        mine = [r for r in decision.remedies if (r.customer, r.columns) == (target.customer, target.columns)]
        least = min((len(remedy.steps) for remedy in mine), default=None)
        if least != (brute := smallest(question, facts, target)):
            wrong.append((number, target, least, brute))
    assert not wrong


def test_remedies_come_by_what_they_gain() -> None:
    for _, question, facts, decision, _ in refusals():
        gains = [(r.customers_gained, r.rows_gained or 0, r.cells_gained) for r in decision.remedies]
        assert gains == sorted(gains, reverse=True)
        assert question.mode in Mode and facts
