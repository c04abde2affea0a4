"""The bytes of an entry: canonical JSON of identifiers and a commitment. Nothing in it can be a name, an address or a subject."""

import json
import re
from dataclasses import dataclass
from datetime import datetime

from lineage.ledger import canonical
from lineage.ledger.errors import BadForm

VERSION = 1
MAX_BYTES = 65_535  # C2SP entry bundles write an entry's length in 16 bits
KIND = re.compile(r"[a-z][a-z0-9]*(?:[._-][a-z0-9]+)*")
REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_:.#-]{0,199}")
COMMITMENT = re.compile(r"[0-9a-f]{64}")
# A subject is known to this product as a keyed hash; a digest of a file says that it is one.
SUBJECT_HASH = re.compile(r"(?<![0-9a-z])[0-9a-f]{64}(?![0-9a-z])")
_FIELDS = frozenset({"v", "ref", "kind", "by", "at", "about", "commitment"})


@dataclass(frozen=True)
class Statement:
    """What an entry says: `kind` happened, done `by` a reference, recorded `at`, about these references, with a hidden payload."""

    ref: str
    kind: str
    by: str
    at: str
    about: tuple[str, ...]
    commitment: str


def write(*, ref: str, kind: str, by: str, at: datetime, about: tuple[str, ...], commitment: str) -> bytes:
    """The bytes that are stored and hashed. Raise `BadForm` for a reference that might be more than an identifier."""
    statement = Statement(ref, kind, by, canonical.moment(at), about, commitment)
    _check(statement)
    body = canonical.encode({"v": VERSION, **vars(statement)})
    if len(body) > MAX_BYTES:
        raise BadForm(f"an entry has at most {MAX_BYTES} bytes; put the list into the payload")
    return body


def parse(body: bytes) -> Statement:
    """Read an entry's bytes; raise `BadForm` unless they are exactly what `write` makes of what they say."""
    try:
        found = json.loads(body)
        if (
            not isinstance(found, dict)
            or set(found) != _FIELDS
            or found["v"] != VERSION
            or isinstance(found["v"], bool)
        ):
            raise BadForm("these are not the bytes of an entry")
        fields = {name: found[name] for name in ("ref", "kind", "by", "at", "commitment")}
        statement = Statement(about=tuple(found["about"]), **fields)
    except (ValueError, TypeError):
        raise BadForm("these are not the bytes of an entry") from None
    _check(statement)
    if canonical.encode(found) != body:
        raise BadForm("the entry's bytes are not canonical")
    return statement


def _check(statement: Statement) -> None:
    texts = (statement.ref, statement.kind, statement.by, statement.at, statement.commitment, *statement.about)
    if not all(isinstance(each, str) for each in texts):
        raise BadForm("an entry holds texts only")
    if not KIND.fullmatch(statement.kind) or len(statement.kind) > 100:
        raise BadForm(f"{statement.kind[:40]!r} is not a kind: lower-case words with dots, such as release.decided")
    if not COMMITMENT.fullmatch(statement.commitment):
        raise BadForm("a commitment is 64 hex digits")
    for each in (statement.ref, statement.by, *statement.about):
        _check_reference(each)


def _check_reference(value: str) -> None:
    if not REFERENCE.fullmatch(value):
        raise BadForm(f"{value[:40]!r} is not an opaque reference: letters, digits and _ : . # - only, at most 200")
    if SUBJECT_HASH.search(value) and not value.startswith("sha256:"):
        raise BadForm(
            "this might be the keyed hash of a person, which never stands in an entry; a file's digest is sha256:<hex>"
        )
