"""The corpus says everything both ways: of every kind, condition, scope, code, verdict, action and mode one entry that it decides and one that it does not.

The lists come from the code (enums, `CODES`, fields of dataclasses): whoever adds one adds its entries. Whether something *decides* is
found by taking it away and deciding again.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, replace
from functools import cache
from typing import Any

import pytest

from consent import vocabulary
from consent.scope import State
from governance.policy import clauses, decisions, engine, people, reasons
from governance.policy import values as v
from governance.policy.answers import Treatment, Verdict
from governance.policy.clauses import deletion_term, grant, model_ownership, requirement, training_position, undertaking
from governance.policy.reasons import Scope
from tests.policy import entries
from tests.policy.entries import Tale

TALES = [tale for tale in entries.told() if "malformed" not in tale.expect]
NEVER_READ = {"DeletionTerm", "AuditRight"}  # obligations, certificates and audit pages read them; decisions do not
WHO_AND_WHY = {
    "actions",
    "categories",
    "purposes",
    "basis",
    "signatory",
}  # what is granted, and on what it rests: no conditions
CONDITIONS = sorted({field.name for field in fields(clauses.Grant)} - WHO_AND_WHY)


def outcome(tale: Tale, facts: v.Facts | None = None, question: v.Question | None = None) -> Any:
    """Everything that an answer says about who may use what, but for the names of what decided."""
    found = decisions.evaluate(engine.check(question or tale.question, tale.facts), (facts or tale.facts).normal())
    plan = found.plan
    said = plan and (
        plan.classes,
        plan.keep_for_days,
        sorted(json.dumps(note.terms) for note in plan.undertakings),
        plan.tenant_filters,
    )
    return found.verdict, said, {(reason.code, reason.customer, reason.column) for reason in found.reasons}


@cache
def spoken() -> dict[str, set[str]]:
    """The codes that speak, by entry."""
    return {str(tale): {code for code, _, _ in outcome(tale)[2]} for tale in TALES}


def written(kind: str = "") -> Iterator[tuple[Tale, v.Clause, dict[str, Any]]]:
    """Every clause of every entry (of a kind), with its body."""
    for tale in TALES:
        for family in tale.facts.families:
            for document in family.documents:
                for clause in document.clauses:
                    if kind in ("", clause.kind):
                        yield tale, clause, json.loads(clause.body)


def rewritten(facts: v.Facts, ref: str, change: Callable[[v.Clause], v.Clause | None]) -> v.Facts:
    """The same facts with one clause changed, or taken out (None)."""

    def document(said: v.Document) -> v.Document:
        found = (change(c) if c.ref == ref else c for c in said.clauses)
        return replace(said, clauses=tuple(c for c in found if c is not None))

    return replace(
        facts, families=tuple(replace(f, documents=tuple(map(document, f.documents))) for f in facts.families)
    )


def without(field: str) -> Callable[[v.Clause], v.Clause]:
    """Leave a field out of a clause's body; a basis that asks for the field goes with it."""

    def change(clause: v.Clause) -> v.Clause:
        body = {key: value for key, value in json.loads(clause.body).items() if key not in (field, "basis")}
        return replace(clause, body=json.dumps(body))

    return change


def both_ways(cases: Iterable[tuple[Tale, v.Facts]]) -> tuple[set[str], set[str]]:
    """Entries of which taking something away changes the answer, and those of which it does not."""
    decides, idle = set[str](), set[str]()
    for tale, facts in cases:
        (decides if outcome(tale) != outcome(tale, facts) else idle).add(str(tale))
    return decides, idle


@pytest.mark.parametrize("kind", sorted(clauses.KINDS))
def test_every_kind_of_clause_decides_somewhere_and_stands_idle_somewhere(kind: str) -> None:
    decides, idle = both_ways(
        (tale, rewritten(tale.facts, clause.ref, lambda c: None)) for tale, clause, _ in written(kind)
    )
    assert idle
    assert bool(decides) is (kind not in NEVER_READ)


@pytest.mark.parametrize("field", CONDITIONS)
def test_every_condition_of_a_grant_decides_somewhere_and_holds_somewhere(field: str) -> None:
    """Where the condition fails, leaving it out helps; where it holds, leaving it out changes nothing (but the days of a copy)."""
    decides, idle = both_ways(
        (tale, rewritten(tale.facts, clause.ref, without(field)))
        for tale, clause, body in written("Grant")
        if field in body
    )
    assert decides and idle


@pytest.mark.parametrize("kind", requirement.SAFEGUARDS)
def test_every_safeguard_is_required_met_and_missed(kind: str) -> None:
    _both(lambda needed: needed.safeguard == kind)


@pytest.mark.parametrize("bound", [field.name for field in fields(v.Bounds)])
def test_every_bound_is_met_and_missed(bound: str) -> None:
    _both(lambda needed: getattr(needed.bounds, bound) is not None)


@pytest.mark.parametrize("known", list(v.Known))
def test_every_way_of_knowing_is_met_and_missed(known: v.Known) -> None:
    _both(lambda needed: needed.known == known)


def test_a_standard_and_quasi_identifiers_are_met_and_missed() -> None:
    _both(lambda needed: bool(needed.standard))
    _both(lambda needed: bool(needed.quasi_identifiers))


def _both(wanted: Callable[[Any], bool]) -> None:
    met, missed = set[str](), set[str]()
    for tale, _, body in written("Grant"):
        if (
            any(wanted(needed) for needed in requirement.parse_all(body))
            and "k must be measured again" not in tale.name
        ):
            codes = spoken()[str(tale)]
            (missed if codes & reasons.DUTIES else met if outcome(tale)[0] is Verdict.PERMIT else set()).add(str(tale))
    assert met and missed


@pytest.mark.parametrize("basis", grant.BASES)
def test_every_basis_of_a_grant_permits_and_refuses(basis: str) -> None:
    verdicts = {outcome(tale)[0] for tale, _, body in written("Grant") if body.get("basis", "negotiated") == basis}
    assert {Verdict.PERMIT, Verdict.DENY} <= verdicts


@pytest.mark.parametrize("scope", ["products", "environments", "regions"])
@pytest.mark.parametrize("kind", ["Grant", "Prohibition"])
def test_every_scope_keeps_a_clause_out_and_lets_it_in(kind: str, scope: str) -> None:
    decides, idle = both_ways(
        (tale, rewritten(tale.facts, clause.ref, lambda c: replace(c, **{scope: ()})))
        for tale, clause, _ in written(kind) if getattr(clause, scope)
    )  # fmt: skip
    assert decides and idle


@pytest.mark.parametrize("code", sorted(reasons.CODES))
def test_every_code_speaks_in_an_entry_and_is_silent_in_its_near_twin(code: str) -> None:
    """The twin stands in the same file and says that the code must not speak."""
    speaking = {tale.file for tale in TALES if code in tale.expect.get("codes", [])}
    silent = {tale.file for tale in TALES if code in tale.expect.get("silent", [])}
    assert speaking & silent, f"{code} is expected in {sorted(speaking)} and expected silent in {sorted(silent)}"


@pytest.mark.parametrize("scope", list(Scope))
def test_every_scope_of_reasons_speaks(scope: Scope) -> None:
    assert any(reasons.CODES[code].scope is scope for codes in spoken().values() for code in codes)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_is_given_and_is_not(verdict: Verdict) -> None:
    given = {tale.expect["verdict"] == verdict for tale in TALES}
    assert given == {True, False}


@pytest.mark.parametrize("treatment", list(Treatment))
def test_every_treatment_is_expected(treatment: Treatment) -> None:
    assert any(treatment in tale.expect.get("cells", {}).values() for tale in TALES)


@pytest.mark.parametrize("action", sorted(key for key in vocabulary.ACTIONS if "." not in key))
def test_every_action_is_permitted_and_refused(action: str) -> None:
    verdicts = {tale.expect["verdict"] for tale in TALES if vocabulary.covers(action, tale.question.action)}
    assert {"permit", "deny"} <= verdicts


@pytest.mark.parametrize("mode", list(v.Mode))
def test_every_mode_is_permitted_and_refused(mode: v.Mode) -> None:
    verdicts = {tale.expect["verdict"] for tale in TALES if tale.question.mode is mode}
    assert {"permit", "deny"} <= verdicts


def test_strict_changes_the_answer_of_some_entries_and_not_of_others() -> None:
    changed = {
        outcome(tale) != outcome(tale, question=replace(tale.question, mode=v.Mode.STRICT)) for tale in TALES if tale.question.mode is v.Mode.PLAN
    }  # fmt: skip
    assert changed == {True, False}


@pytest.mark.parametrize("ground", sorted(people.GROUNDS))
def test_every_lawful_basis_changes_an_answer(ground: str) -> None:
    """Taking the records of this ground away changes who is asked for what."""
    cases = [
        (tale, replace(tale.facts, bases=tuple(b for b in tale.facts.bases if b.ground != ground)))
        for tale in TALES if any(b.ground == ground for b in tale.facts.bases)
    ]  # fmt: skip
    decides, _ = both_ways(cases)
    assert decides


@pytest.mark.parametrize("need", list(v.Need))
def test_every_strength_of_need_makes_a_list(need: v.Need) -> None:
    needs = {row.need for tale in TALES for row in _lists(tale)}
    assert need in needs


def _lists(tale: Tale) -> Iterator[Any]:
    plan = decisions.evaluate(engine.check(tale.question, tale.facts), tale.facts.normal()).plan
    for each in plan.classes if plan else ():
        yield from each.people


def test_everything_that_people_can_say_is_said() -> None:
    said = {row.event.state for tale in TALES for row in tale.people if row.event}
    assert said == set(State)


def test_every_word_of_the_other_kinds_is_used() -> None:
    def used(kind: str, field: str) -> set[str]:
        return {body[field] for _, _, body in written(kind) if field in body}

    assert used("TrainingPosition", "position") == set(training_position.POSITIONS)
    assert used("ModelOwnership", "owner") == set(model_ownership.OWNERS)
    assert used("Undertaking", "duty") == set(undertaking.DUTIES)
    assert used("DeletionTerm", "trigger") <= set(deletion_term.TRIGGERS)


def test_every_path_every_completeness_every_renewal_and_every_kind_of_source_occurs() -> None:
    facts = [tale.facts for tale in TALES]
    assert {o.path for f in facts for o in f.origins} == set(v.Path)
    assert {f.dataset.completeness for f in facts} == set(v.Completeness)
    assert {d.renewal for f in facts for family in f.families for d in family.documents} == {
        "none",
        "automatic",
        "evergreen",
    }
    kinds = {
        "space" if d.tenant_space else "nobody" if d.no_customer_data else "customer"
        for f in facts
        for d in f.declarations
    }
    assert kinds == {"space", "nobody", "customer"}
    assert {"value", "text", "embedding"} == {c.kind for f in facts for c in f.dataset.columns}


@pytest.mark.parametrize("field", [field.name for field in fields(v.Facts) if field.name != "dataset"])
def test_no_kind_of_fact_is_missing_from_the_corpus(field: str) -> None:
    empty = {f.name: f.default for f in fields(v.Facts)}
    assert any(getattr(tale.facts, field) not in ((), None, empty[field], v.OwnKeys()) for tale in TALES)
