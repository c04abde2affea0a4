"""Which deletion terms of a customer's contracts speak of a trigger, and which of them gives the deadline: the strictest."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from governance.contracts import queries
from governance.policy import clauses, values
from governance.policy.clauses import DeletionTerm

EVER = datetime(9999, 1, 1, tzinfo=UTC)
SCOPE = {"source": "source", "derived": "derived", "training": "training_copies", "models": "models"}


@dataclass(frozen=True, slots=True)
class Counting:
    """A deletion term that counts, with the reference of its clause."""

    clause_ref: str
    term: DeletionTerm


@dataclass(frozen=True, slots=True)
class Deadline:
    """By when data must go and which clause says so; `covers` is what any of the terms covers."""

    clause_ref: str
    due_on: datetime
    method: str
    covers: dict[str, bool]


def strictest(customer_ref: str, trigger: str, *, on: datetime, as_known_at: datetime | None = None) -> Deadline | None:
    """Return the earliest deadline among the terms that count at `on`, None when no clause speaks of this trigger."""
    return deadline(counting(customer_ref, trigger, on=on, as_known_at=as_known_at), on=on)


def counting(customer_ref: str, trigger: str, *, on: datetime, as_known_at: datetime | None = None) -> list[Counting]:
    """Return the deletion terms for a trigger that count at `on`. They outlive the end of their document (SEMANTICS §3)."""
    return among(queries.families_of([customer_ref], as_known_at=as_known_at or EVER), trigger, on=on)


def among(families: Iterable[values.Family], trigger: str, *, on: datetime) -> list[Counting]:
    """Return the same from a customer's families as they are given: as they stand, or as they would."""
    terms = (term for family in families if _covers(family, on) for term in _terms(family, on))
    return [each for each in terms if each.term.trigger == trigger]


def deadline(found: Iterable[Counting], *, on: datetime) -> Deadline | None:
    """Return what several terms come to: the earliest date, everything that any of them covers."""
    ordered = sorted(found, key=lambda c: (c.term.deadline_days, c.clause_ref))
    if not ordered:
        return None
    first = ordered[0]
    covered = {word for each in ordered for word in each.term.scope if not (word == "models" and each.term.keep_models)}
    return Deadline(
        clause_ref=first.clause_ref,
        due_on=on + timedelta(days=first.term.deadline_days),
        method=first.term.method,
        covers={name: word in covered for word, name in SCOPE.items()},
    )


def _covers(family: values.Family, on: datetime) -> bool:
    return any(coverage.valid_from <= on for coverage in family.coverage)


def _terms(family: values.Family, on: datetime) -> Iterator[Counting]:
    began = [document for document in family.documents if document.activated and document.effective_at <= on]
    repealed = {ref for document in began if _lasted_until(document, on) for ref in document.repeals}
    for clause in (clause for document in began for clause in document.clauses):
        term = clauses.read(clause.kind, clause.body)
        if isinstance(term, DeletionTerm) and clause.ref not in repealed:
            yield Counting(clause.ref, term)


def _lasted_until(document: values.Document, on: datetime) -> bool:
    """A repeal counts for a deletion triggered by the very end of the repealing document: what it changed was meant for that day."""
    ends = [document.terminated_at, document.expires_at if document.renewal == "none" else None]
    return all(end is None or end >= on for end in ends)
