"""Service keys: issue (shown once), find, revoke."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from governance.access import roles
from governance.access.actors import Actor
from governance.access.models import ServiceKey, User
from lineage import errors, prepared
from lineage.journal import entries

PREFIX_LENGTH = 10
USED_STEP = timedelta(hours=1)
_NOTHING = "0" * 64


class UnknownKey(errors.Unauthenticated):
    """No live key has this secret."""

    code = "unknown-key"


@transaction.atomic
def issue(
    name: str, *, scopes: Iterable[str], owner: User, by: Actor, expires_at: datetime | None = None
) -> tuple[ServiceKey, str]:
    """Create a key and return it with its secret, which nobody can read again."""
    by.must(roles.ADMINISTRATOR)
    wanted = sorted(set(scopes))
    if unknown := [scope for scope in wanted if scope not in roles.SCOPES]:
        raise errors.Unprocessable(
            f"unknown scope {unknown[0]}", code="unknown-scope", where="scopes", known=sorted(roles.SCOPES)
        )
    if not wanted:
        raise errors.Unprocessable("a key needs at least one scope", code="no-scope", where="scopes")
    prefix, secret = secrets.token_hex(PREFIX_LENGTH // 2), secrets.token_urlsafe(32)
    text = f"cc_{prefix}_{secret}"
    key = ServiceKey.objects.create(
        name=name,
        prefix=prefix,
        digest=digest(text),
        scopes=wanted,
        owner=owner,
        issued_by=by.ref,
        expires_at=expires_at,
    )
    entries.record(
        "service-key-issued", {"key": key.ref, "owner": owner.ref, "scopes": wanted}, by=by.ref, about=[key.ref]
    )
    return key, text


@transaction.atomic
def revoke(key: ServiceKey, *, by: Actor, at: datetime) -> None:
    """End a key at once and for good."""
    by.must(roles.ADMINISTRATOR)
    row = ServiceKey.objects.select_for_update().get(pk=key.pk)
    if row.revoked_at is not None:
        raise errors.Conflict("this key is already revoked", code="key-revoked")
    row.revoked_at = at
    row.save(update_fields=["revoked_at"])
    entries.record("service-key-revoked", {"key": row.ref}, by=by.ref, about=[row.ref])


def find(text: str, *, at: datetime) -> ServiceKey:
    """Return the live key with this secret; raises `UnknownKey`, whichever reason, in the same words."""
    key = _row(text)
    # The digest is compared even when no row was found, so that time does not tell a known prefix from an unknown one.
    matches = hmac.compare_digest(digest(text), key.digest if key else _NOTHING)
    if key is None or not matches or not key.is_live(at):
        raise UnknownKey(
            "this service key is not known, expired or revoked", remedy="ask an administrator for a new one"
        )
    _touch(key, at=at)
    return key


@dataclass(frozen=True)
class Asker:
    """Who acts with a secret, and until when that is known to be so if nothing is changed meanwhile."""

    actor: Actor
    until: datetime | None
    used_at: datetime

    def stands(self, at: datetime) -> bool:
        """Say whether the key has not ended by itself, and its use need not be written down again."""
        return (self.until is None or at < self.until) and at - self.used_at <= USED_STEP


def actor(text: str, *, at: datetime) -> Actor:
    """Return who acts with this secret, with one statement, read anew every time: a revocation counts at once. Raises `UnknownKey`."""
    return asker(text, at=at).actor


def asker(text: str, *, at: datetime) -> Asker:
    """The same with what whoever keeps it must know. Whoever does looks with each use whether a row of `WATCHED` has changed."""
    prefix = _prefix(text)
    row = next(iter(prepared.first(_ACTOR, [prefix])), None)
    matches = hmac.compare_digest(digest(text), row[1] if row else _NOTHING)
    if row is None or not matches or row[4] is not None or not row[5] or (row[3] is not None and row[3] <= at):
        find(text, at=at)  # says what is to be said
        raise UnknownKey("this service key is not known, expired or revoked")
    used_at = row[6]
    if used_at is None or at - used_at > USED_STEP:
        find(text, at=at)  # writes down that it was used
        used_at = at
    held = frozenset(row[7]) & frozenset(roles.ROLES) | ({roles.ADMINISTRATOR} if row[8] else frozenset())
    found = Actor(ref=row[0], scopes=frozenset(row[2]), every_customer=roles.every_customer(held))
    return Asker(found, row[3], used_at)


WATCHED = ("access_servicekey", "access_user", "access_user_groups", "auth_group")  # what `_ACTOR` reads
_ACTOR = """SELECT k.ref, k.digest, k.scopes, k.expires_at, k.revoked_at, u.is_active, k.last_used_at, ARRAY(
    SELECT g.name FROM access_user_groups m JOIN auth_group g ON g.id = m.group_id WHERE m.user_id = u.id), u.is_superuser
FROM access_servicekey k JOIN access_user u ON u.id = k.owner_id WHERE k.prefix = %s"""


def _row(text: str) -> ServiceKey | None:
    prefix = _prefix(text)
    return ServiceKey.objects.select_related("owner").filter(prefix=prefix).first() if prefix else None


def _prefix(text: str) -> str:
    """The public part of a key; empty where the text is none."""
    parts = text.split("_", 2)
    if len(parts) != 3 or parts[0] != "cc" or not parts[1].isascii() or not parts[1].isalnum():
        return ""
    return parts[1]


def digest(text: str) -> str:
    """Return what a secret is known by."""
    # The secret holds 256 random bits: a fast hash is as good as a slow one, and every request pays for it.
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _touch(key: ServiceKey, *, at: datetime) -> None:
    if key.last_used_at is None or at - key.last_used_at > USED_STEP:
        ServiceKey.objects.filter(pk=key.pk, revoked_at=None).update(last_used_at=at)
