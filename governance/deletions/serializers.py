"""The bodies of deletions over HTTP. Times are claims of the caller and need an offset."""

from typing import Any

from rest_framework import serializers

from governance.deletions import machine
from governance.deletions.models import Certificate, Evidence, Task
from governance.deletions.statements import instant
from governance.obligations.models import Obligation

CLOSED_ROLES = ("execution", "check")


class ProposeIn(serializers.Serializer[Any]):
    customer = serializers.CharField(max_length=40)
    trigger = serializers.ChoiceField(choices=Obligation.Trigger.values)
    on = serializers.DateTimeField()
    reason = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)


class ReasonIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)


class ItemIn(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=[str(kind) for kind in machine.Kind])
    namespace = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)
    name = serializers.CharField(max_length=500)
    statement = serializers.CharField(max_length=2000)


class EvidenceIn(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=CLOSED_ROLES)
    happened_at = serializers.DateTimeField()
    digest = serializers.RegexField(r"^[0-9a-f]{64}$")
    action = serializers.CharField(max_length=30, required=False, default="", allow_blank=True)
    method = serializers.CharField(max_length=20, required=False, default="", allow_blank=True)
    system_account = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    tool = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    tool_version = serializers.CharField(max_length=100, required=False, default="", allow_blank=True)
    statement = serializers.CharField(max_length=4000, required=False, default="", allow_blank=True)
    affected = serializers.IntegerField(required=False, min_value=0, max_value=2**62, allow_null=True, default=None)
    remaining = serializers.IntegerField(required=False, min_value=0, max_value=2**62, allow_null=True, default=None)


class ExceptionIn(serializers.Serializer[Any]):
    ground = serializers.ChoiceField(choices=[str(ground) for ground in machine.Ground])
    text = serializers.CharField(max_length=2000)
    until = serializers.DateTimeField(required=False, allow_null=True, default=None)


class RunIn(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField(required=False, default=False)


def deletion(duty: Obligation) -> dict[str, Any]:
    """Show an obligation and how far it has come."""
    states = list(duty.tasks.values_list("state", flat=True))
    standing = duty.certificates.filter(superseded_at=None).first()
    return {
        "ref": duty.ref,
        "customer": duty.customer.ref,
        "trigger": duty.trigger,
        "of_one_person": bool(duty.subject),
        "state": duty.state,
        "triggered_on": instant(duty.triggered_on),
        "due_on": instant(duty.due_on),
        "clause": duty.clause_ref,
        "tasks": {str(state): states.count(state) for state in machine.State},
        "certificate": standing.ref if standing else None,
    }


def task(row: Task) -> dict[str, Any]:
    """Show a task."""
    return {
        "ref": row.ref,
        "deletion": row.obligation.ref,
        "kind": row.kind,
        "namespace": row.namespace,
        "name": row.name,
        "path": row.path,
        "late": row.late,
        "state": row.state,
        "due_on": instant(row.due_on),
        "action": row.action,
        "method": row.method,
        "executed_by": row.executed_by,
        "executed_account": row.executed_account,
        "executed_at": instant(row.executed_at),
        "verified_by": row.verified_by,
        "verified_account": row.verified_account,
        "verified_at": instant(row.verified_at),
        "ground": row.ground,
        "ground_text": row.ground_text,
        "until": instant(row.ground_until),
        "evidence": [evidence(each) for each in row.evidence.all()],
    }


def evidence(row: Evidence) -> dict[str, Any]:
    """Show one piece of evidence."""
    return {
        "ref": row.ref,
        "role": row.role,
        "action": row.action,
        "method": row.method,
        "by": row.by,
        "account": row.account,
        "tool": row.tool,
        "tool_version": row.tool_version,
        "affected": row.affected,
        "remaining": row.remaining,
        "statement": row.statement,
        "digest": row.digest,
        "happened_at": instant(row.happened_at),
    }


def certificate(row: Certificate) -> dict[str, Any]:
    """Show a certificate and where its files are."""
    base = f"/api/v1/certificates/{row.ref}"
    return {
        "ref": row.ref,
        "deletion": row.obligation.ref,
        "customer": row.obligation.customer.ref,
        "issued_at": instant(row.issued_at),
        "ledger_position": row.inventory.ledger_position,
        "sha256": row.pdf_digest,
        "standing": row.standing,
        "superseded_at": instant(row.superseded_at),
        "superseded_because": row.superseded_because,
        "pdf": f"{base}.pdf",
        "statement": f"{base}.json",
        "proof": f"{base}.tlog-proof",
    }
