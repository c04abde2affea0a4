"""Overrides are looked at: legal is told when one is given, and when nobody reviewed it in time (SEMANTICS §7)."""

from datetime import datetime

from django.db import transaction

from governance.reactions import alerts
from governance.reactions.models import Alert
from governance.releases import overrides
from governance.releases.models import Override
from lineage.journal import entries
from lineage.journal.models import Entry


def granted(entry: Entry) -> None:
    """Tell of an override that was given."""
    row = Override.objects.get(ref=next(ref for ref in entry.about if ref.startswith("ovr_")))
    text = f"{_what(row)} although the policy refuses it: review it by {row.review_by:%Y-%m-%d %H:%M} UTC, or it lapses"
    _tell(row, text, key=row.ref, entry=entry)


def due(*, at: datetime) -> None:
    """Tell once of every override that lapsed for want of a review."""
    for row in overrides.lapsed(at=at):
        key = f"{row.ref}:lapsed"
        if not Alert.objects.filter(key=f"{Alert.Kind.OVERRIDE}:{key}").exists():
            with transaction.atomic():
                text = f"nobody reviewed the override {row.ref} within a day, so it has lapsed ({_what(row)})"
                _tell(row, text, key=key, entry=entries.read(row.entry_ref))


def _what(row: Override) -> str:
    return f"a person lets {row.name} be used to {row.action} for {row.purpose}"


def _tell(row: Override, text: str, *, key: str, entry: Entry) -> None:
    alerts.raise_once(Alert.Kind.OVERRIDE, text, key=key, entry=entry, about=[row.ref, row.decision.ref])
