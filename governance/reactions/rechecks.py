"""Deciding again what live permits rest on, and revoking those that no longer hold (SEMANTICS §7).

A permit holds while the same question, asked now, would allow at least as much with no more duties. One person's withdrawal does not
revoke: it joins the delta that builders apply, so lists of people are left out of the comparison.
"""

import dataclasses
import json
from collections.abc import Iterable, Sequence
from datetime import datetime

from governance.access.actors import SYSTEM
from governance.policy import answers
from governance.policy.answers import Duty, Treatment
from governance.reactions import alerts
from governance.reactions.models import Alert
from governance.releases import decisions, permits
from governance.releases.models import Permit
from lineage import errors
from lineage.journal import clock
from lineage.journal.models import Entry

# What cannot change an answer. Everything else, kinds that nobody has thought of included, has every live permit looked at again.
QUIET = frozenset(
    {
        "decision", "permit-issued", "permit-revoked", "build-started", "build-finished", "alert-raised", "alert-noted",
        "violation-found", "consent-recorded", "consents-loaded", "subjects-registered", "identifier-space-opened",
        "document-drafted", "document-edited", "document-signed", "document-submitted", "document-approved",
        "document-taken-back", "document-rejected", "document-withdrawn", "clause-drafted", "clause-changed", "clause-removed",
        "repeal-drafted", "precedence-drafted", "statement-removed", "basis-declared", "basis-end-proposed", "mode-proposed",
        "customer-given", "customer-taken", "customer-renamed", "party-renamed", "roles-given", "account-closed",
        "account-reopened", "service-key-issued", "service-key-revoked", "certificate-issued", "file-finished",
    }
)  # fmt: skip

Cells = dict[tuple[str, str], frozenset[Duty]]


def after(found: Sequence[Entry]) -> None:
    """Look at every live permit again when one of these entries may have changed what it rests on."""
    loud = [entry for entry in found if entry.kind not in QUIET]
    if not loud:
        return
    now = clock.now()
    for permit in permits.live(at=now):
        why = lost(permit, now=now)
        if why:
            permits.revoke(permit, why=why, by=SYSTEM)
            text = f"permit {permit.ref} for {permit.decision.name} is revoked: {why}"
            alerts.raise_once(
                Alert.Kind.REVOKED, text, key=permit.ref, entry=loud[-1], about=[permit.ref, permit.decision.ref]
            )


def lost(permit: Permit, *, now: datetime) -> str:
    """Say what a permit has lost since it was given; empty while it holds. What cannot be decided again is lost."""
    before = decisions.answer_of(permit.decision)
    question = dataclasses.replace(decisions.question_of(permit.decision), at=now, as_known_at=now)
    try:
        today = decisions.preview(question)
    except errors.Problem as problem:
        return f"it cannot be decided again: {problem.detail}"
    if today.verdict == answers.Verdict.DENY:
        return f"it would be refused now ({_codes(today)})"
    if permit.kind == Permit.Kind.RELEASE and today.verdict != answers.Verdict.PERMIT:
        return f"only a part may be used now ({_codes(today)})"
    return _less(before, today)


def _less(before: answers.Decision, today: answers.Decision) -> str:
    then, now = cells(before), cells(today)
    gone = sorted({customer for customer, column in then.keys() - now.keys()})
    if gone:
        return f"less may be used now: {len(gone)} of its customers lost columns ({_codes(today)})"
    if any(now[cell] - duties for cell, duties in then.items()):
        return "more must be done to the data now than when it was given"
    return _more_duties(before.plan, today.plan)


def _more_duties(before: answers.Plan | None, today: answers.Plan | None) -> str:
    had = {(note.document, note.clause, note.terms) for note in before.undertakings} if before else set()
    has = {(note.document, note.clause, note.terms) for note in today.undertakings} if today else set()
    if has - had:
        return "the data comes with further undertakings now"
    days = [plan.keep_for_days for plan in (before, today) if plan is not None]
    if len(days) == 2 and days[1] is not None and (days[0] is None or days[1] < days[0]):
        return "copies must be destroyed sooner now than it says"
    return ""


def cells(decision: answers.Decision) -> Cells:
    """Return what an answer lets be used: per customer and column the duties. A column that holds nothing of a customer is no cell."""
    classes: Iterable[answers.TreatmentClass] = decision.plan.classes if decision.plan else ()
    return {
        (customer, column.column): frozenset(column.duties)
        for each in classes
        for customer in decision.members.get(each.ref, ())
        for column in each.columns
        if column.treatment in (Treatment.KEEP, Treatment.APPLY)
    }


def _codes(decision: answers.Decision) -> str:
    refusing = sorted({code for each in decision.left_out for code in each.codes}) or sorted(
        {r.code for r in decision.reasons}
    )
    return ", ".join(refusing) if refusing else json.dumps(str(decision.verdict))
