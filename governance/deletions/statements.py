"""What a certificate says, as plain values: the same facts fill the PDF and the signed in-toto statement.

No personal data of the people concerned is in them: a person's erasure is named as such, and nothing more.
"""

import hashlib
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from governance.contracts import readings
from governance.contracts.models import Clause, ContractFamily
from governance.deletions import machine
from governance.deletions.models import Evidence, Inventory, Task
from governance.obligations.models import Obligation
from governance.parties.models import Customer, Party
from lineage.ledger import canonical

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:contract-consent-ledger:deletion-certificate:v1"  # docs/deletion-certificate-v1.md
PAYLOAD_TYPE = "application/vnd.in-toto+json"

LIMITS = (
    "This certificate is the statement of its issuer. The ledger proves when each fact was recorded and that it has not been changed "
    "since; it does not prove by itself that a fact is true.",
    "Where a table was checked, the issuer's tool counted under a database account other than the one that deleted, and found nothing "
    "left. Deleted rows may lie in unallocated storage and in write-ahead logs until the database reuses them.",
    "The inventory is complete for the systems that report their lineage to the ledger, at the position named. What is not known is "
    "listed; systems that report nothing are not covered.",
)


def facts(ref: str, duty: Obligation, inventory: Inventory, *, seal: str, by: str, at: datetime) -> dict[str, Any]:
    """Return everything a certificate states about an obligation, as JSON values in a fixed order."""
    tasks = list(duty.tasks.select_related("inventory").prefetch_related("evidence").order_by("id"))
    tasks.sort(key=lambda task: (not task.declarations, len(task.path), task.kind, task.namespace, task.name))
    first = duty.inventories.order_by("id").first() or inventory
    return {
        "certificate": ref,
        "issued_at": instant(at),
        "issued_by": by,
        "issuer": issuer(duty.customer),
        "customer": {"ref": duty.customer.ref, "name": duty.customer.name},
        "obligation": _obligation(duty),
        "basis": _basis(duty),
        "inventory": {
            "ref": inventory.ref,
            "ledger_position": inventory.ledger_position,
            "taken_at": instant(inventory.as_known_at),
            "first_taken_at": instant(first.as_known_at),
            "first_ledger_position": first.ledger_position,
        },
        "items": [_item(task) for task in tasks],
        "not_known": inventory.unknowns,
        "notices": [_notice(each) for each in duty.notices.order_by("id")],
        "supersedes": [each.ref for each in duty.certificates.order_by("id")],
        "limits": [*LIMITS, seal],
        "ledger": {"origin": settings.LEDGER_ORIGIN},
    }


def statement(stated: dict[str, Any]) -> bytes:
    """Return the in-toto Statement v1 over these facts, as canonical bytes (RFC 8785)."""
    subject = {"name": stated["obligation"]["ref"], "digest": {"sha256": digest(stated["items"])}}
    return canonical.encode(
        {"_type": STATEMENT_TYPE, "subject": [subject], "predicateType": PREDICATE_TYPE, "predicate": stated}
    )


def digest(value: object) -> str:
    """Return the SHA-256 of a value's canonical JSON, in hex."""
    return hashlib.sha256(canonical.encode({"value": value})).hexdigest()


def issuer(customer: Customer) -> dict[str, str]:
    """Return our entity that the customer has its contract with; the first of our entities where there is none."""
    family = ContractFamily.objects.filter(coverage__customer=customer).select_related("vendor").order_by("id").first()
    party = family.vendor if family else Party.objects.filter(kind=Party.Kind.VENDOR).order_by("id").first()
    return {"ref": party.ref, "name": party.name} if party else {"ref": "", "name": settings.LEDGER_ORIGIN}


def instant(moment: datetime | None) -> str:
    """Return a moment as RFC 3339 in UTC, empty for none."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if moment else ""


def _obligation(duty: Obligation) -> dict[str, Any]:
    return {
        "ref": duty.ref,
        "trigger": duty.trigger,
        "of": "one person" if duty.subject else "the customer",
        "triggered_on": instant(duty.triggered_on),
        "due_on": instant(duty.due_on),
        "confirmed_by": duty.confirmed_by,
        "confirmed_at": instant(duty.confirmed_at),
        "covers": [
            name for name in ("source", "derived", "training_copies", "models") if getattr(duty, f"covers_{name}")
        ],
    }


def _basis(duty: Obligation) -> dict[str, Any]:
    clause = (
        Clause.objects.select_related("document__family").filter(ref=duty.clause_ref).first()
        if duty.clause_ref
        else None
    )
    if clause is None:
        return {"clause": "", "document": "", "number": "", "passage": "", "method": duty.method}
    reading = readings.of(clause.document)
    said = reading.clause(clause.ref) or clause
    return {
        "clause": clause.ref,
        "document": reading.head.title,
        "document_ref": clause.document.ref,
        "signed_on": reading.head.signed_on.isoformat() if reading.head.signed_on else "",
        "number": said.number,
        "passage": said.passage,
        "method": duty.method,
    }


def _item(task: Task) -> dict[str, Any]:
    evidence = list(task.evidence.all())
    return {
        "task": task.ref,
        "kind": task.kind,
        "namespace": task.namespace,
        "name": task.name,
        "state": task.state,
        "reached_by": [{"namespace": step["namespace"], "name": step["name"]} for step in task.path],
        "runs": [version["run"] for version in task.versions],
        "late": task.late,
        "listed_at_ledger_position": task.inventory.ledger_position,
        **(_exception(task) if task.state == machine.State.EXCEPTED else _done(task, evidence)),
        "evidence": [_evidence(each) for each in evidence],
    }


def _done(task: Task, evidence: list[Evidence]) -> dict[str, Any]:
    executions = [each for each in evidence if each.role == Evidence.Role.EXECUTION]
    last = executions[-1] if executions else None
    check = next((each for each in reversed(evidence) if each.role == Evidence.Role.CHECK), None)
    return {
        "action": task.action,
        "method": task.method,
        "tool": f"{last.tool} {last.tool_version}".strip() if last else "",
        "whole": bool(last and last.facts.get("columns") == ["*"]),
        "affected": sum(each.affected or 0 for each in executions),
        "remaining": check.remaining if check else None,
        "statement": "; then ".join(each.statement for each in executions if each.statement),
        "executor": {"id": task.executed_by, "account": task.executed_account},
        "executed_at": instant(task.executed_at),
        "verifier": {"id": task.verified_by, "account": task.verified_account},
        "verified_at": instant(task.verified_at),
    }


def _exception(task: Task) -> dict[str, Any]:
    return {
        "action": task.action,
        "ground": task.ground,
        "ground_text": task.ground_text,
        "until": instant(task.ground_until),
    }


def _evidence(row: Evidence) -> dict[str, Any]:
    return {"ref": row.ref, "role": row.role, "digest": row.digest, "happened_at": instant(row.happened_at)}


def _notice(row: Any) -> dict[str, str]:
    return {
        "recipient": row.recipient,
        "sent_on": instant(row.sent_on),
        "answer": row.answer,
        "answered_on": instant(row.answered_on),
    }
