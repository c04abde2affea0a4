"""Stored decisions decided again, one after the other: bounded memory whatever their number, equal facts read and laid out once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import batched

from django.db.models import QuerySet

from governance.policy import answers, canonical, rules, values
from governance.releases import decisions
from governance.releases.models import Decision
from lineage import errors

BATCH = 100

type Decide = Callable[[values.Question, values.Facts], answers.Decision]


@dataclass(frozen=True)
class Stored:
    """A stored decision with what it was made from; `problem` says why that cannot be read, and then facts are None."""

    row: Decision
    question: values.Question | None
    facts: values.Facts | None
    problem: str = ""


def stored(rows: "QuerySet[Decision]") -> Iterator[Stored]:
    """Yield decisions, those with equal facts one after the other. Facts are read, checked and kept once per digest."""
    digest, facts, problem = "", None, ""
    for row in _by_facts(rows):
        if row.facts_id != digest:
            digest, (facts, problem) = row.facts_id, _facts(row)
        question, wrong = _question(row)
        yield Stored(row, question, facts if question else None, problem or wrong)


def replays(rows: "QuerySet[Decision]") -> Iterator[tuple[Decision, str, bool]]:
    """Replay decisions and yield each with why it differs (empty: the same bytes), and whether this code runs its rules at all."""
    for found in stored(rows):
        row = found.row
        ruled = rules.known(row.rules_version)
        if ruled is None or not ruled.runs:
            yield row, f"decided under rules {row.rules_version}, which this code does not run", False
        elif found.question is None or found.facts is None:
            yield row, found.problem, True
        else:
            yield row, _replayed(row, found.question, found.facts), True


def _replayed(row: Decision, question: values.Question, facts: values.Facts) -> str:
    try:
        decisions.replay_from(row, question, facts)
    except Exception as error:  # a damaged row may break anywhere, and a break proves nothing
        return error.detail if isinstance(error, errors.Problem) else f"{type(error).__name__}: {error}"
    return ""


def memo(decide: Decide) -> Decide:
    """Return `decide` that remembers the answers for the facts it was asked last: the same question from the same facts is one."""
    seen: dict[str, answers.Decision] = {}
    last: list[values.Facts] = []

    def remembered(question: values.Question, facts: values.Facts) -> answers.Decision:
        if not last or last[0] is not facts:
            seen.clear()
            last[:] = [facts]
        key = canonical.digest(question)
        if key not in seen:
            seen[key] = decide(question, facts)
        return seen[key]

    return remembered


def _by_facts(rows: "QuerySet[Decision]") -> Iterator[Decision]:
    """Only keys are sorted and held by the database; bodies come a batch at a time."""
    keys = rows.order_by("facts_id", "pk").values_list("pk", flat=True).iterator(10_000)
    for batch in batched(keys, BATCH):
        found = Decision.objects.in_bulk(batch)
        yield from (found[pk] for pk in batch)


def _facts(row: Decision) -> tuple[values.Facts | None, str]:
    try:
        return decisions.facts_of(row), ""
    except (errors.Problem, ValueError) as error:
        return None, str(error)


def _question(row: Decision) -> tuple[values.Question | None, str]:
    try:
        return decisions.question_of(row), ""
    except (errors.Problem, ValueError) as error:
        return None, str(error)
