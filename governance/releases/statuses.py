"""The signed status list: which permits are revoked, in one small file that anybody may fetch (IETF token status list)."""

import base64
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Max
from django.db.models.functions import Now

from governance.releases.models import Permit, ReactionCursor
from governance.releases.permits import STATUS_PATH
from lineage.journal import keys, sequencer

TYPE = "statuslist+jwt"
LASTS = timedelta(minutes=5)


def token(*, at: datetime) -> str:
    """Return the list as a signed JWS: bit `idx` (lowest bit of a byte first) is 1 where that permit is revoked.

    `reactions.cursor` says how far the changes recorded in the ledger have been looked at, `reactions.head` how far it goes: a reader
    who must know that a change has had its effect waits until the cursor has passed it.
    """
    return keys.sign_jws(_claims(at), typ=TYPE)


def bits() -> bytes:
    """Return the bare list."""
    last = Permit.objects.aggregate(last=Max("index"))["last"]
    found = bytearray(0 if last is None else int(last) // 8 + 1)
    for index in Permit.objects.filter(revoked_at__isnull=False).values_list("index", flat=True):
        found[index // 8] |= 1 << (index % 8)
    return bytes(found)


def cursor() -> int:
    """Return how far reactions have read the ledger."""
    return ReactionCursor.objects.filter(pk=True).values_list("position", flat=True).first() or 0


def move_cursor(position: int) -> None:
    """Write down how far reactions have read; called in the transaction of what they did. It never goes back."""
    ReactionCursor.objects.get_or_create(pk=True)
    ReactionCursor.objects.filter(pk=True, position__lt=position).update(position=position, moved_at=Now())


def _claims(at: datetime) -> dict[str, Any]:
    head = sequencer.head()
    now = int(at.astimezone(UTC).timestamp())
    compressed = base64.urlsafe_b64encode(zlib.compress(bits(), 9)).decode().rstrip("=")
    return {
        "iss": settings.SITE_URL,
        "sub": settings.SITE_URL + STATUS_PATH,
        "iat": now,
        "exp": now + int(LASTS.total_seconds()),
        "ttl": 60,
        "status_list": {"bits": 1, "lst": compressed},
        "reactions": {"cursor": cursor(), "head": head.size if head else 0},
    }
