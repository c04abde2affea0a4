"""What was asked about the customer's data over a period, what was answered and why, in sentences.

Only what concerns this customer is said: other customers' names, clauses and counts are theirs.
"""

from collections.abc import Iterator
from typing import Any

from governance.building.models import Build
from governance.deletions.statements import instant
from governance.parties.models import Customer
from governance.policy import explain, reasons
from governance.policy.answers import Decision as Answer
from governance.policy.answers import Treatment
from governance.releases import decisions
from governance.releases.models import Decision, Override, Permit
from governance.reports.period import Period

USED, PART, LEFT_OUT = "used", "used in part", "left out"
OVERRIDDEN = "used by override"


def of(customer: Customer, period: Period) -> list[dict[str, Any]]:
    """Return every decision of the period that this customer's data was part of, oldest first."""
    return [_shown(row, answer, customer) for row, answer in concerning(customer, period)]


def concerning(customer: Customer, period: Period) -> Iterator[tuple[Decision, Answer]]:
    """Yield the decisions of the period in whose dataset the customer's data was, with the engine's answer."""
    rows = Decision.objects.filter(recorded_at__gte=period.start, recorded_at__lt=period.end)
    rows = rows.select_related("facts", "answer").prefetch_related("permits__override").order_by("id")
    for row in rows.iterator(200):
        if customer.ref.encode() not in bytes(row.body):
            continue
        answer = decisions.answer_of(row)
        if _concerns(answer, customer.ref):
            yield row, answer


def outcome(answer: Answer, customer: str) -> str:
    """Say what became of the customer's data: used, used in part, or left out."""
    mine = [
        each for each in (answer.plan.classes if answer.plan else ()) if customer in answer.members.get(each.ref, ())
    ]
    if answer.verdict == "deny" or not mine:
        return LEFT_OUT
    treatments = {column.treatment for each in mine for column in each.columns}
    whole = treatments <= {Treatment.KEEP, Treatment.NONE} and not any(each.people or each.erased for each in mine)
    return USED if whole else PART


def _concerns(answer: Answer, customer: str) -> bool:
    named = {each.customer for each in answer.reasons}
    members = {each for group in answer.members.values() for each in group}
    return customer in named | members | {each for group in answer.left_out for each in group.customers}


def _shown(row: Decision, answer: Answer, customer: Customer) -> dict[str, Any]:
    return {
        "ref": row.ref,
        "at": instant(row.recorded_at),
        "namespace": row.namespace,
        "dataset": row.name,
        "action": row.action,
        "purpose": row.purpose,
        "verdict": row.verdict,
        "enforcement": str(row.enforcement),
        "for_customer": OVERRIDDEN if _overridden(row) else outcome(answer, customer.ref),
        "columns": _columns(answer, customer.ref),
        "reasons": _reasons(row, answer, customer.ref),
        "permits": [_permit(each) for each in row.permits.all()],
        "overrides": [_override(each.override) for each in row.permits.all() if each.override],
        "builds": [_build(each) for each in Build.objects.filter(decision=row).order_by("id")],
        "digest": row.digest,
        "entry": row.entry_ref,
    }


def _columns(answer: Answer, customer: str) -> list[dict[str, Any]]:
    classes = answer.plan.classes if answer.plan else ()
    return [
        {
            "column": column.column,
            "treatment": str(column.treatment),
            "duties": [duty.safeguard for duty in column.duties],
        }
        for each in classes
        if customer in answer.members.get(each.ref, ())
        for column in each.columns
    ]


def _reasons(row: Decision, answer: Answer, customer: str) -> list[dict[str, Any]]:
    texts = explain.Texts(decisions.facts_of(row))
    mine = [explain.sentence(each, texts) for each in answer.reasons if each.customer in ("", customer)]
    merged: dict[tuple[str, ...], dict[str, Any]] = {}
    for each in mine:
        key = (each.code, each.document, each.clause, each.about if each.count else "")  # counts are never added up
        found = merged.setdefault(key, _reason(each))
        if each.column:
            found["columns"] = sorted({*found["columns"], each.column})
    return sorted(merged.values(), key=lambda each: (not each["refuses"], each["code"], each["clause"]))


def _reason(said: explain.Sentence) -> dict[str, Any]:
    return {
        "code": said.code,
        "refuses": said.refuses,
        "text": reasons.CODES[said.code].sentence,
        "columns": [],
        "clause": said.clause_number,
        "document": said.document_title,
        "quote": said.quote,
        "count": said.count,
    }


def _permit(row: Permit) -> dict[str, Any]:
    return {
        "ref": row.ref,
        "kind": row.kind,
        "issued_at": instant(row.issued_at),
        "expires_at": instant(row.expires_at),
        "revoked_at": instant(row.revoked_at),
    }


def _overridden(row: Decision) -> bool:
    """A person let everything that was asked for be used, whatever the policy said of this customer's part."""
    return any(each.override_id for each in row.permits.all())


def _override(row: Override) -> dict[str, Any]:
    """Who let it be used, and whether a second person agreed. Its reason is not said: it may speak of other customers."""
    return {
        "ref": row.ref,
        "granted_by": row.granted_by,
        "granted_at": instant(row.granted_at),
        "until": instant(row.until() if row.withdrawn_at is None else min(row.withdrawn_at, row.until())),
        "reviewed_by": row.reviewed_by,
        "reviewed_at": instant(row.reviewed_at),
        "agreed": row.agreed,
    }


def _build(row: Build) -> dict[str, Any]:
    return {"ref": row.ref, "name": row.name, "state": row.state, "finished_at": instant(row.finished_at)}
