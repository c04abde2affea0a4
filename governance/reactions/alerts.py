"""Raising alerts, once each, and taking note of them."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models.functions import Now

from governance.access.actors import Actor
from governance.reactions.models import Alert
from lineage import errors
from lineage.journal import entries
from lineage.journal.models import Entry


def raise_once(kind: Alert.Kind, text: str, *, key: str, entry: Entry, about: Sequence[str] = ()) -> Alert:
    """Raise an alert and enter it; a second one with the same `key` is the first. Call inside a transaction."""
    alert, new = Alert.objects.get_or_create(
        key=f"{kind}:{key}"[:200], defaults={"kind": kind, "text": text, "about": list(about), "entry_ref": entry.ref}
    )
    if new:
        entries.record(
            "alert-raised",
            {"alert": alert.ref, "kind": str(kind), "text": text},
            by="system",
            about=[alert.ref, *about],
        )
    return alert


def note(ref: str, *, by: Actor) -> Alert:
    """Take note of an alert as a named person; raises `NotFound`, and `Conflict` when somebody already has."""
    if not by.is_person:
        raise errors.Forbidden(
            "this takes a named person, not a key", code="person-needed", remedy="log in as a person"
        )
    with transaction.atomic():
        alert = Alert.objects.select_for_update().filter(ref=ref).first()
        if alert is None:
            raise errors.NotFound("no alert of that reference")
        if alert.noted_by:
            raise errors.Conflict("somebody has taken note of this alert already", code="already-noted")
        alert.noted_by, alert.noted_at = by.ref, Now()
        alert.save(update_fields=["noted_by", "noted_at"])
        entries.record("alert-noted", {"alert": ref}, by=by.ref, about=[ref])
    alert.refresh_from_db()
    return alert
