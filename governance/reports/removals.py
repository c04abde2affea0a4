"""Deletions of a period: what was to go, how far it has come, and the certificates."""

from typing import Any

from governance.deletions.models import Certificate
from governance.deletions.statements import instant
from governance.obligations.models import LegalHold, Obligation
from governance.parties.models import Customer
from governance.reports.period import Period


def of(customer: Customer, period: Period) -> list[dict[str, Any]]:
    """Return the obligations triggered before the end of the period and not closed before its start, oldest first."""
    rows = Obligation.objects.filter(customer=customer, triggered_on__lt=period.end).order_by("triggered_on", "id")
    return [_duty(row) for row in rows if period.meets(row.triggered_on, _closed(row))]


def holds(customer: Customer, period: Period) -> list[dict[str, Any]]:
    """Return the legal holds in force at any time of the period."""
    rows = LegalHold.objects.filter(customer=customer).order_by("valid_from", "id")
    return [
        {"ref": row.ref, "ground": row.ground, "from": instant(row.valid_from), "until": instant(row.lifted_on)}
        for row in rows
        if period.meets(row.valid_from, row.lifted_on)
    ]


def _closed(duty: Obligation) -> Any:
    last = duty.changes.order_by("-id").first()
    return last.recorded_at if last and last.after in {"closed", "dismissed"} else None


def _duty(duty: Obligation) -> dict[str, Any]:
    tasks = list(duty.tasks.order_by("id"))
    return {
        "ref": duty.ref,
        "trigger": duty.trigger,
        "of": "one person" if duty.subject else "the customer",
        "triggered_on": instant(duty.triggered_on),
        "due_on": instant(duty.due_on),
        "state": duty.state,
        "items": len(tasks),
        "settled": sum(task.settled for task in tasks),
        "open": [{"kind": task.kind, "name": task.name, "state": task.state} for task in tasks if not task.settled],
        "certificates": [
            _certificate(each) for each in duty.certificates.defer("pdf", "envelope", "statement").order_by("id")
        ],
    }


def _certificate(row: Certificate) -> dict[str, Any]:
    return {
        "ref": row.ref,
        "issued_at": instant(row.issued_at),
        "sha256": row.pdf_digest,
        "superseded_at": instant(row.superseded_at),
        "superseded_because": row.superseded_because,
    }
