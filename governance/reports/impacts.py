"""What a change of contracts would do before anybody makes it: decided with the real engine on facts as they would be. Privileged.

Nothing is stored. Looking is bounded, in questions and in time, and what was not looked at is counted and said.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from governance.access import roles
from governance.access.actors import Actor
from governance.parties import epoch
from governance.policy import answers, explain, reasons, values
from governance.releases import comparing, decisions, permits, rechecks
from governance.releases.comparing import Difference, Kind
from governance.reports import asking, owed, worth
from governance.reports.asking import Asked
from governance.reports.changes import Change
from governance.reports.counts import Counts
from governance.reports.owed import Owed
from governance.reports.worth import Worth
from lineage import errors
from lineage.journal import clock

READERS = (roles.LAWYER, roles.APPROVER, roles.PRIVACY_OFFICER, roles.ADMINISTRATOR)
SECONDS_AT_MOST = 20.0
PERMITS_AT_MOST = 5_000


@dataclass(frozen=True)
class Flip:
    """One question that would be answered otherwise. `rows` by customer where somebody counted them, with where."""

    decision: str
    question: values.Question
    difference: Difference
    rows: dict[str, int]
    counted_in: str
    why: tuple[str, ...]

    def rows_of(self, moved: Iterable[comparing.Moved]) -> int:
        """Return the rows of these customers, as far as they are counted."""
        return sum(self.rows.get(each.customer, 0) for each in moved)

    @property
    def at_stake(self) -> tuple[int, int]:
        """Order of importance: rows gained or lost, then cells."""
        moved = (*self.difference.gained, *self.difference.lost)
        return self.rows_of(moved), sum(len(each.columns) or 1 for each in moved)


@dataclass(frozen=True)
class Revoked:
    """A live permit that would not hold, and why."""

    permit: str
    kind: str
    decision: str
    dataset: str
    expires_at: datetime
    why: str


@dataclass(frozen=True)
class Looked:
    """How much was looked at, and what was not."""

    questions: int
    questions_left: int
    questions_touched: int
    permits: int
    permits_left: int
    permits_over: int  # live now, over before the change begins
    decisions: int
    older: bool
    undecided: tuple[str, ...]


@dataclass(frozen=True)
class Impact:
    """Everything that would be otherwise, computed at an instant from the contracts of one epoch."""

    change: str
    title: str
    starts_at: datetime
    computed_at: datetime
    epoch: int
    steady: bool  # contracts stood still while this was computed
    customers: tuple[str, ...]
    flips: tuple[Flip, ...]
    revoked: tuple[Revoked, ...]
    owed: tuple[Owed, ...]
    worth: tuple[Worth, ...]
    looked: Looked
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Seen:
    """One question decided twice."""

    asked: Asked
    question: values.Question
    facts: values.Facts
    changed: values.Facts
    before: answers.Decision
    after: answers.Decision


def must_read(by: Actor) -> None:
    """Impact is privileged: people who answer for contracts or privacy read it, no key and no auditor."""
    if not by.is_person:
        raise errors.Forbidden("this is for people, not for keys", code="person-needed", remedy="log in as a person")
    by.must(READERS)


def of(change: Change, *, by: Actor, at: datetime, seconds: float = SECONDS_AT_MOST) -> Impact:
    """Return what a change would do, looking for at most `seconds`."""
    must_read(by)
    number, known = epoch.current(), max(at, clock.now())
    moment = max(known, change.starts_at)
    live = permits.live(at=known)
    lasting = [permit for permit in live if permit.expires_at > moment]
    found = asking.lately(lasting[-PERMITS_AT_MOST:], references=[*change.families, *change.customers])
    walk = _Walk(change, moment, known, deadline=time.monotonic() + seconds)
    seen = list(walk.over(found.questions))
    counts = Counts()
    flips = [flip for each in seen if (flip := _flip(each, counts)) is not None]
    looked_at = sum(len(asked.permits) for asked in found.questions[: walk.questions])
    return Impact(
        change=change.kind,
        title=change.title,
        starts_at=moment,
        computed_at=known,
        epoch=number,
        steady=epoch.current() == number,
        customers=change.customers,
        flips=tuple(sorted(flips, key=lambda flip: (*(-each for each in flip.at_stake), flip.question.dataset))),
        revoked=tuple(revoked for each in seen for revoked in _revoked(each)),
        owed=owed.of(change, at=moment, known=known),
        worth=worth.of(change, [(each.question, each.facts) for each in seen], counts),
        looked=Looked(
            questions=walk.questions,
            questions_left=len(found.questions) - walk.questions,
            questions_touched=len(seen),
            permits=looked_at,
            permits_left=len(lasting) - looked_at,
            permits_over=len(live) - len(lasting),
            decisions=found.decisions,
            older=found.older,
            undecided=tuple(walk.undecided),
        ),
        notes=change.notes,
    )


class _Walk:
    """Goes through questions until they or the time run out, and keeps count."""

    def __init__(self, change: Change, moment: datetime, known: datetime, *, deadline: float) -> None:
        self.change, self.moment, self.known, self.deadline = change, moment, known, deadline
        self.questions = 0
        self.undecided: list[str] = []

    def over(self, found: Iterable[Asked]) -> Iterator[_Seen]:
        """Yield the questions whose facts the change touches, decided as things are and as they would be."""
        for asked in found:
            if time.monotonic() > self.deadline:
                return
            self.questions += 1
            try:
                seen = self._decide(asked)
            except errors.Problem as problem:
                self.undecided.append(f"{asked.question.dataset}: {problem.detail}")
                continue
            if seen is not None:
                yield seen

    def _decide(self, asked: Asked) -> _Seen | None:
        question = asked.at(self.moment, known=self.known)
        gathered, _ = decisions.facts_now(question)
        facts = rechecks.fresh(gathered, question.at)
        changed = self.change.facts_after(facts, question)
        if changed is facts:
            return None
        before, after = (decisions.decide(question, each) for each in (facts, changed))
        return _Seen(asked, question, facts, changed, before, after)


def _flip(seen: _Seen, counts: Counts) -> Flip | None:
    difference = comparing.compare(seen.before, seen.after)
    if difference.kind is Kind.SAME:
        return None
    rows, where = counts.of(seen.question, seen.facts)
    return Flip(seen.asked.decision, seen.question, difference, rows, where, _why(seen, difference))


def _why(seen: _Seen, difference: Difference) -> tuple[str, ...]:
    """What speaks for it or against it by the changed contracts, one sentence per clause and customer, refusals first."""
    new = {replace(reason, column="", count=0) for reason in difference.reasons_added}
    texts = explain.Texts(seen.changed)
    said = [explain.sentence(reason, texts) for reason in sorted(new)]
    clauses = [each for each in said if each.refuses or each.clause]
    return tuple(each.text for each in sorted(clauses, key=lambda each: (not each.refuses, not each.clause)))


def _revoked(seen: _Seen) -> Iterator[Revoked]:
    for permit in seen.asked.permits:
        why = rechecks.falls_short(permit, seen.after)
        if why and not rechecks.falls_short(permit, seen.before):
            added = set(seen.after.reasons) - set(seen.before.reasons)
            new = {reason.code for reason in added if reasons.refuses(reason.code)}
            row = permit.decision
            yield Revoked(permit.ref, permit.kind, row.ref, row.name, permit.expires_at, ", ".join(sorted(new)) or why)
