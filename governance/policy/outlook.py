"""How long a decision holds: the first known instant at which deciding again would allow less (SEMANTICS §7). Pure."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast

from governance.policy import canonical, clauses, decisions, safeguards, world
from governance.policy.answers import ColumnPlan, Treatment, Verdict
from governance.policy.clauses import Grant
from governance.policy.decisions import Outcome
from governance.policy.people import MAXIMUM_AGE
from governance.policy.values import Facts, Question

_DATED = frozenset({date, datetime})
type Evaluate = Callable[[Question, Facts], Outcome]

LOOK_AHEAD = timedelta(hours=24)  # no permit lasts longer


def holds_until(
    question: Question, facts: Facts, outcome: Outcome, evaluate: Evaluate = decisions.evaluate
) -> datetime | None:
    """Return the first instant within the look-ahead at which fewer cells would be allowed or duties added; None if there is none."""
    if outcome.verdict is Verdict.DENY:
        return None
    last = question.at + LOOK_AHEAD
    # survives: at the question's own instant nothing less is allowed
    for instant in sorted({moment for moment in instants(facts) if question.at < moment <= last}):
        later = replace(question, at=instant, as_known_at=max(question.as_known_at, instant))
        if allows_less(outcome, evaluate(later, facts)):
            return instant
    return None


def instants(facts: Facts) -> Iterator[datetime]:
    """Every moment that stands in the facts: more than enough, and none is forgotten when a kind of fact is added."""
    yield from _moments(facts)
    own = world.own_of(facts.own_keys)
    for family in facts.families:
        for document in family.documents:
            for clause in document.clauses:
                # survives: what is no grant is passed over in the next line
                term = clauses.read(clause.kind, clause.body, own) if clause.kind == clauses.grant.KIND else None
                if isinstance(term, Grant) and term.until:
                    yield term.until
    for row in (*facts.built.lists, *facts.built.erased) if facts.built else ():
        yield row.applied_at + MAXIMUM_AGE


def _moments(value: Any) -> Iterator[datetime]:
    match value:
        case datetime():
            yield value
        case date():
            yield datetime.combine(value, time.min, tzinfo=UTC)
        case tuple():
            for inner in value:
                yield from _moments(inner)
        case _:
            # survives: a cast does nothing when it runs
            for name in canonical.fields_with(cast(Any, type(value)), _DATED):
                yield from _moments(getattr(value, name))


def stands_until(question: Question, facts: Facts) -> datetime | None:
    """Return the first instant after the question's at which the same facts may be decided differently; None if there is none.

    Between two moments of the facts nothing but the look-ahead changes: a moment counts when it comes, and when it comes into sight.
    """
    at = question.at
    turns = [(moment - LOOK_AHEAD if moment - LOOK_AHEAD > at else moment) for moment in instants(facts) if moment > at]
    return min(turns, default=None)


def allows_less(now: Outcome, later: Outcome) -> bool:
    """Say whether the later outcome releases fewer cells or rows, or under more duties, than the first."""
    if now.plan is None or later.plan is None:  # a model is passed on without a plan
        return now.verdict is not Verdict.DENY and later.verdict is Verdict.DENY
    before, after = treatments(now), treatments(later)
    return (
        any(key not in after or _is_less(plan, after[key]) for key, plan in before.items())
        or bool(_lists(later) - _lists(now))
        or bool({*later.plan.undertakings} - {*now.plan.undertakings})
        or _days(later) < _days(now)
    )


def treatments(outcome: Outcome) -> dict[tuple[str, str], ColumnPlan]:
    """Return what happens to each (customer, column); data of nobody's customers stand under the empty customer."""
    if outcome.plan is None:
        return {}
    return {
        (customer, column.column): column
        for each in outcome.plan.classes
        for customer in outcome.members[each.ref] or ("",)
        for column in each.columns
    }


def _is_less(before: ColumnPlan, after: ColumnPlan) -> bool:
    released = (Treatment.KEEP, Treatment.APPLY)
    if before.treatment in released and after.treatment not in released:
        return True
    return any(not any(safeguards.implies(old, new) for old in before.duties) for new in after.duties)


def _lists(outcome: Outcome) -> set[Any]:
    classes = outcome.plan.classes if outcome.plan else ()  # survives: who asks has seen that there is one
    return {
        (customer, row)
        for each in classes
        for customer in outcome.members[each.ref]
        for row in (*each.people, *each.erased)
    }


def _days(outcome: Outcome) -> float:
    days = outcome.plan.keep_for_days if outcome.plan else None  # survives: who asks has seen that there is one
    return float("inf") if days is None else days  # survives: infinity is read in any case of its letters
