"""Identifier spaces and the people in them, known to us only as keyed hashes.

A reference is HMAC-SHA256 over the UTF-8 bytes of the identifier exactly as the data holds it (no trimming, no case folding:
the builder's SQL computes the same from the column), under the key of the space. The raw identifier never leaves `reference`.
"""

import functools
import hashlib
import hmac
from collections.abc import Iterable

from django.db import connection, transaction

from consent import writers
from consent.models import IdentifierSpace, Registration
from lineage import errors
from lineage.journal import entries, keys

HEX = frozenset("0123456789abcdef")
MAX_IDENTIFIER = 2_000
KEY_GENERATION = "subject-1"


class NoSuchSpace(errors.NotFound):
    code = "unknown-identifier-space"


class BadIdentifier(errors.Unprocessable):
    code = "bad-identifier"


def open_space(*, name: str, description: str = "", by: str) -> IdentifierSpace:
    """Open an identifier space and make its key; raises `Conflict` when the name is taken."""
    if not name.strip() or not _storable(name + description):
        raise errors.Unprocessable("an identifier space needs a name, and text that can be stored", where="name")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"space {name}"])
        if IdentifierSpace.objects.filter(name=name).exists():
            raise errors.Conflict(
                f"there is already an identifier space named {name!r}", code="space-exists", where="name"
            )
        space = IdentifierSpace(name=name, description=description, opened_by=by)
        space.key_id = f"{KEY_GENERATION}:{space.ref}"
        space.save()
        entries.record(
            "identifier-space-opened", {"space": space.ref, "name": name, "key": space.key_id}, by=by, about=[space.ref]
        )
    return space


def space(ref_or_name: str) -> IdentifierSpace:
    """Return the space by its reference or its name; raises `NoSuchSpace`."""
    if not _storable(ref_or_name):
        raise NoSuchSpace("no identifier space of that name or reference", where="space")
    found = (
        IdentifierSpace.objects.filter(ref=ref_or_name).first()
        or IdentifierSpace.objects.filter(name=ref_or_name).first()
    )
    if found is None:
        raise NoSuchSpace(
            "no identifier space of that name or reference", where="space", remedy="open one, or list them"
        )
    return found


def key(of: IdentifierSpace) -> bytes:
    """Return the 32-byte key of a space: for `reference`, and for the session setting that the builder's SQL reads."""
    return _key(of.key_id)


def reference(of: IdentifierSpace, raw_id: str) -> str:
    """Return the 64 hex digits that stand for a person in a space; raises `BadIdentifier` for what cannot be one."""
    if not raw_id or len(raw_id) > MAX_IDENTIFIER or "\x00" in raw_id:
        raise BadIdentifier("an identifier has 1 to 2000 characters and no NUL", where="subject_id")
    return hmac.new(key(of), _utf8(raw_id), hashlib.sha256).hexdigest()


def is_reference(text: str) -> bool:
    """Say whether a text has the form of a subject reference."""
    return len(text) == 64 and HEX.issuperset(text)


def register(of: IdentifierSpace, subjects: Iterable[str], *, customer_ref: str, minor: bool = False, by: str) -> int:
    """Say that these subjects (references) are people of a customer; return how many were new. One ledger entry with the count."""
    wanted = sorted(set(subjects))
    if any(not is_reference(subject) for subject in wanted):
        raise BadIdentifier("a subject reference has 64 hexadecimal digits", where="subjects")
    with transaction.atomic():
        writers.enter()
        new = _insert(of, wanted, customer_ref, minor, by)
        if new:
            payload = {"space": of.ref, "customer": customer_ref, "registered": new, "minor": minor}
            entries.record("subjects-registered", payload, by=by, about=[of.ref, customer_ref])
    return new


def _insert(of: IdentifierSpace, wanted: list[str], customer_ref: str, minor: bool, by: str) -> int:
    table = Registration._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (space_id, subject, customer_ref, minor, by) "
            "SELECT %s, unnest(%s::text[]), %s, %s, %s ON CONFLICT DO NOTHING",
            [of.pk, wanted, customer_ref, minor, by],
        )
        return int(cursor.rowcount)


def _storable(text: str) -> bool:
    """Say whether PostgreSQL can hold a text: no NUL, no lone surrogates."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


@functools.lru_cache(maxsize=256)
def _key(key_id: str) -> bytes:
    """Each space hashes under a key of its own, derived from the keystore's secret: references of two spaces cannot be joined."""
    return hmac.digest(keys.subject_key(), b"subject\x00" + key_id.encode(), "sha256")


def _utf8(raw_id: str) -> bytes:
    try:
        return raw_id.encode()
    except UnicodeEncodeError:
        raise BadIdentifier("an identifier must be valid Unicode text", where="subject_id") from None
