"""What a correction would have changed: every decision, permit, duty to delete and certificate that rests on what was mistyped.

Decisions are decided again from the facts that they were made from, at their own instant, once with the document as it read before the
correction and once as corrected: what lies between is the correction's doing, and nothing else's. Privileged, like every draft.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import QuerySet

from governance.contracts import effects, queries, readings
from governance.contracts.models import Correction
from governance.obligations import terms
from governance.obligations.models import Obligation
from governance.policy import answers, canonical, clauses, engine, explain, rules, values
from governance.releases import comparing, decisions, rechecks, redeciding, rulebook
from governance.releases.comparing import Difference, Kind
from governance.releases.models import Decision, Permit
from governance.releases.naming import naming
from governance.reports import rereading
from lineage import errors
from lineage.journal import clock


class Line(StrEnum):
    """What a line is about."""

    DECISION = "decision"
    PERMIT = "permit"
    OBLIGATION = "obligation"
    CERTIFICATE = "certificate"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Effect:
    """One thing that the correction would have changed; `said` are JSON values: what, before and after."""

    kind: Line
    subject: str
    said: dict[str, Any]


@dataclass
class Tally:
    """Numbers of a walk. `left`: decisions that were not looked at."""

    decisions: int = 0
    left: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(Line, 0))

    def add(self, effect: Effect) -> Effect:
        """Count one."""
        self.counts[effect.kind] += 1
        return effect


def effects_of(correction: Correction, tally: Tally, *, at: datetime, seconds: float | None = None) -> Iterator[Effect]:
    """Yield duties and certificates, then decisions with their permits; of decisions, as many as `seconds` allow (None: all). `at` is now."""
    known = max(at, clock.now())
    yield from map(tally.add, _owed(correction, known))
    rows = concerned(correction)
    deadline = None if seconds is None else time.monotonic() + seconds
    total = rows.count()
    for effect in _decided(correction, rows, tally, known, deadline):
        yield tally.add(effect)
    tally.left = total - tally.decisions


def concerned(correction: Correction) -> "QuerySet[Decision]":
    """Return the decisions whose facts hold the document; those that knew of the correction are not among them."""
    reread = rereading.of(correction, readings.before(correction))
    names = sorted(reread.own) if correction.document.family_id is None else [correction.document.ref]
    rows = Decision.objects.filter(facts__in=naming(names or sorted(reread.others)))
    return rows if correction.recorded_at is None else rows.filter(as_known_at__lt=correction.recorded_at)


@dataclass
class _Reread:
    """Facts before and after, made once for all decisions that share them."""

    before: rereading.Rereading
    after: rereading.Rereading
    known: datetime
    _last: tuple[values.Facts, values.Facts, values.Facts] | None = None

    def both(self, facts: values.Facts, question: values.Question) -> tuple[values.Facts, values.Facts]:
        """Return a decision's facts with the document as it read before, and as corrected."""
        if self._last is None or self._last[0] is not facts:
            readable = rereading.with_keys_of_today(facts, question, known=self.known)
            pair = [each.facts(readable, known=question.as_known_at).normal() for each in (self.before, self.after)]
            self._last = (facts, pair[0], pair[1])
        return self._last[1], self._last[2]


def _decided(
    correction: Correction, rows: "QuerySet[Decision]", tally: Tally, known: datetime, deadline: float | None
) -> Iterator[Effect]:
    document = correction.document
    reread = _Reread(
        rereading.of(correction, readings.before(correction)),
        rereading.of(correction, readings.corrected(document, correction)),
        known,
    )
    for found in redeciding.stored(rows):
        if deadline is not None and time.monotonic() > deadline:
            return
        tally.decisions += 1
        if found.question is None or found.facts is None:
            yield Effect(Line.UNDECIDED, found.row.ref, {"why": found.problem})
            continue
        try:
            yield from _of_decision(found.row, found.question, found.facts, reread, correction.recorded_at or known)
        except (errors.Problem, ValueError) as error:
            why = error.detail if isinstance(error, errors.Problem) else str(error)
            yield Effect(Line.UNDECIDED, found.row.ref, {"why": why})


def _of_decision(
    row: Decision, question: values.Question, facts: values.Facts, reread: _Reread, known: datetime
) -> Iterator[Effect]:
    earlier, later = reread.both(facts, question)
    if earlier == later:
        return
    by_rules = _rules(row)
    as_stored = by_rules == row.rules_version and earlier == facts
    before = decisions.answer_of(row) if as_stored else _decide(question, earlier, by_rules)
    after = _decide(question, later, by_rules)
    difference = comparing.compare(before, after)
    if difference.kind is Kind.SAME:
        return
    yield Effect(Line.DECISION, row.ref, _said(row, difference, later, by_rules))
    for permit in row.permits.exclude(kind=Permit.Kind.ADVISORY).order_by("pk"):
        yield Effect(Line.PERMIT, permit.ref, _of_permit(permit, row, after, known))


def _rules(row: Decision) -> str:
    """Its own rules where this code still runs them, else those that answer now: the difference is the correction's either way."""
    found = rules.known(row.rules_version)
    return row.rules_version if found is not None and found.runs else rulebook.active()


def _decide(question: values.Question, facts: values.Facts, by_rules: str) -> answers.Decision:
    return engine.decide(question, facts, with_remedies=False, by_rules=by_rules)


def _said(row: Decision, found: Difference, facts: values.Facts, by_rules: str) -> dict[str, Any]:
    texts = explain.Texts(facts)
    names = {each.customer for each in (*found.gained, *found.lost)}
    return {
        "namespace": row.namespace,
        "dataset": row.name,
        "action": row.action,
        "purpose": row.purpose,
        "at": row.valid_at.isoformat(),
        "decided_at": row.recorded_at.isoformat(),
        "stored": row.verdict,
        "before": found.before,
        "after": found.after,
        "kind": str(found.kind),
        "gained": canonical.to_json(found.gained),
        "lost": canonical.to_json(found.lost),
        "burdens_added": canonical.to_json(found.burdens_added),
        "burdens_lifted": canonical.to_json(found.burdens_lifted),
        "days": [found.days_before, found.days_after],
        "names": {ref: texts.names[ref] for ref in sorted(names) if ref in texts.names},
        "rules": by_rules,
    }


def _of_permit(permit: Permit, row: Decision, after: answers.Decision, known: datetime) -> dict[str, Any]:
    why = rechecks.falls_short(permit, after)
    return {
        "decision": row.ref,
        "dataset": row.name,
        "kind": str(permit.kind),
        "issued_at": permit.issued_at.isoformat(),
        "expires_at": permit.expires_at.isoformat(),
        "live": _lived(permit, known),
        "holds": not why,
        "why": why,
    }


def _lived(permit: Permit, known: datetime) -> bool:
    """Say whether it would have been accepted then: one that was revoked since, perhaps for this very correction, would."""
    ends = min(permit.expires_at, permit.revoked_at or permit.expires_at)
    return permit.issued_at <= known < ends


def _owed(correction: Correction, known: datetime) -> Iterator[Effect]:
    """Duties of the customers concerned whose deletion terms, or whose contract's end, read otherwise; and their certificates."""
    duties = Obligation.objects.filter(customer__ref__in=effects.customers_of(correction)).select_related("customer")
    for duty in duties.order_by("pk").prefetch_related("certificates"):
        said = _of_duty(correction, duty, known)
        if said:
            yield Effect(Line.OBLIGATION, duty.ref, said)
            for paper in duty.certificates.all():
                issued = {
                    "obligation": duty.ref,
                    "customer": duty.customer.name,
                    "issued_at": paper.issued_at.isoformat(),
                }
                yield Effect(Line.CERTIFICATE, paper.ref, issued)


def _of_duty(correction: Correction, duty: Obligation, known: datetime) -> dict[str, Any]:
    customer, on = duty.customer.ref, duty.triggered_on
    before = effects.families_without(correction, [customer], as_known_at=known)
    after = effects.families_with(correction, [customer], as_known_at=known)
    mine = [sorted(map(_term, terms.among(each, duty.trigger, on=on))) for each in (before, after)]
    ends = [_ends(each) for each in (before, after)] if duty.trigger == Obligation.Trigger.CONTRACT_END else [{}, {}]
    moved = {ref: end for ref, end in ends[0].items() if end == on and ends[1].get(ref) != end}
    if mine[0] == mine[1] and not moved:
        return {}
    deadlines = [terms.deadline(terms.among(each, duty.trigger, on=on), on=on) for each in (before, after)]
    return {
        "customer": duty.customer.name,
        "trigger": str(duty.trigger),
        "state": str(duty.state),
        "triggered_on": on.isoformat(),
        "due_on": duty.due_on.isoformat(),
        "before": canonical.to_json(deadlines[0]),
        "after": canonical.to_json(deadlines[1]),
        "terms_before": [said for _, said in mine[0]],
        "terms_after": [said for _, said in mine[1]],
        "contract_ends": [_instant(ends[1].get(ref)) for ref in moved],
    }


def _term(found: terms.Counting) -> tuple[str, str]:
    return found.clause_ref, clauses.explain(found.term)


def _ends(families: tuple[values.Family, ...]) -> dict[str, datetime | None]:
    return {family.ref: queries.family_end(family) for family in families}


def _instant(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
