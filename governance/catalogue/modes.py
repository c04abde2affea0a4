"""Enforcement per namespace: observe, warn or enforce. The verdict is the same in each; only `enforce` makes the gate refuse."""

from datetime import datetime

from django.db import transaction
from django.db.models.functions import Now

from governance.access.actors import Actor
from governance.catalogue import declarations
from governance.catalogue.models import EnforcementMode, NamespaceOwner
from lineage import errors
from lineage.journal import entries

Mode = EnforcementMode.Mode
DEFAULT = Mode.OBSERVE


def propose(namespace: str, mode: str, *, reason: str = "", by: Actor) -> EnforcementMode:
    """Propose a mode for a namespace; nothing changes until a second person approves it."""
    by.needs(declarations.SCOPE)
    _must_be_person(by)
    if mode not in Mode.values:
        raise errors.Unprocessable(f"a mode is one of {', '.join(Mode.values)}", code="unknown-mode", where="mode")
    if not namespace or len(namespace) > 500 or "\x00" in namespace:
        raise errors.Unprocessable("a namespace has 1 to 500 characters", where="namespace")
    with transaction.atomic():
        row = EnforcementMode.objects.create(namespace=namespace, mode=mode, reason=reason, proposed_by=by.ref)
        entries.record("mode-proposed", _payload(row), by=by.ref, about=[row.ref])
    return row


def approve(ref: str, *, by: Actor) -> EnforcementMode:
    """Approve a proposed mode as the second person; it is in force from now."""
    _must_be_person(by)
    by.must(declarations.CONFIRMERS)
    with transaction.atomic():
        row = EnforcementMode.objects.select_for_update().filter(ref=ref).first()
        if row is None:
            raise errors.NotFound("no proposed mode of that reference")
        if row.approved_at:
            raise errors.Conflict("this mode is approved already", code="already-approved")
        if row.proposed_by == by.ref:
            raise declarations.SecondPersonNeeded(
                "whoever proposed a mode cannot approve it", remedy="ask a second person"
            )
        row.approved_by, row.approved_at = by.ref, Now()
        row.save(update_fields=["approved_by", "approved_at"])
        row.refresh_from_db()
        entries.record("mode-approved", _payload(row), by=by.ref, about=[row.ref])
    return row


def of(namespace: str, *, as_known_at: datetime | None = None) -> Mode:
    """Return the mode in force for a namespace: that of the latest approval, else observe."""
    rows = EnforcementMode.objects.filter(namespace=namespace, approved_at__isnull=False)
    if as_known_at is not None:
        rows = rows.filter(approved_at__lte=as_known_at)
    latest = rows.order_by("-approved_at", "-id").first()
    return Mode(latest.mode) if latest else DEFAULT


def own(namespace: str, owner: str, *, by: Actor) -> NamespaceOwner:
    """Record that a person or key owns the jobs of a namespace, so that they cannot narrow its provenance themselves."""
    by.must(("administrator", "privacy_officer"))
    with transaction.atomic():
        row, new = NamespaceOwner.objects.get_or_create(
            namespace=namespace, owner=owner, defaults={"recorded_by": by.ref}
        )
        if new:
            entries.record("namespace-owned", {"namespace": namespace, "owner": owner}, by=by.ref)
    return row


def _must_be_person(by: Actor) -> None:
    if not by.is_person:
        raise declarations.SecondPersonNeeded("a mode takes two named persons, not a key", remedy="log in as a person")


def _payload(row: EnforcementMode) -> dict[str, str]:
    return {"change": row.ref, "namespace": row.namespace, "mode": row.mode, "reason": row.reason}
