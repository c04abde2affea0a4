"""Parse what a caller reports about a person's consent, once, at the edge: a mapping of texts to a `Statement`.

Used for one record and for each line of a bulk load alike. A refusal never repeats the value it refuses: it may be an identifier.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from consent import subjects, vocabulary
from consent.models import IdentifierSpace
from consent.scope import State
from lineage import errors

REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_:.#-]{0,39}")  # what may stand in the ledger
LEEWAY = timedelta(minutes=5)
FIELDS = frozenset(
    [
        "subject_id",
        "subject",
        "customer",
        "controller",
        "action",
        "purpose",
        "state",
        "at",
        "expires_at",
        "explicit",
        "representative_id",
        "minor",
    ]
)


class BadStatement(errors.Unprocessable):
    """A consent record that cannot be taken; `where` names the field."""

    code = "bad-consent"


@dataclass(frozen=True, slots=True)
class Statement:
    """What one person said, ready to be stored: no raw identifier any more."""

    space: IdentifierSpace
    subject: str
    controller: str
    action: str
    purpose: str
    state: State
    at: datetime
    expires_at: datetime | None = None
    explicit: bool = False
    representative: str = ""
    customer: str = ""
    minor: bool = False

    def digest(self) -> str:
        """SHA-256 over everything said: the same record sent twice is one event."""
        said = [
            self.space.ref,
            self.subject,
            self.controller,
            self.action,
            self.purpose,
            str(self.state),
            self.explicit,
        ]
        said += [self.representative, _text(self.at), _text(self.expires_at) if self.expires_at else ""]
        return hashlib.sha256(json.dumps(said, separators=(",", ":")).encode()).hexdigest()


def parse(
    record: Mapping[str, object], *, space: IdentifierSpace, now: datetime, own: vocabulary.Own = vocabulary.NONE
) -> Statement:
    """Return the statement a record makes; raises `BadStatement` with the field and the reason.

    `at` left out means now. Times without offset are refused: a consent's hour matters. `own` are the vendor's own keys.
    """
    if unknown := sorted(set(record) - FIELDS):
        raise BadStatement(
            f"{len(unknown)} field(s) that no consent record has", code="unknown-field", remedy=f"use {sorted(FIELDS)}"
        )
    state = _state(record)
    at = _time(record, "at") or now
    if at > now + LEEWAY:
        raise BadStatement("the event lies more than five minutes in the future", code="future-dated", where="at")
    expires_at = _time(record, "expires_at")
    if expires_at and (state is not State.GIVEN or expires_at <= at):
        raise BadStatement("only a giving expires, and after it was given", code="bad-expiry", where="expires_at")
    if _flag(record, "minor") and not record.get("customer"):
        raise BadStatement("a minor is registered with the customer whose person it is", where="customer")
    return Statement(
        space=space,
        subject=_subject(record, space),
        controller=_opaque(record, "controller"),
        action=_known(record, "action", vocabulary.is_action),
        purpose=_known(record, "purpose", lambda key: vocabulary.is_purpose(key, own)),
        state=state,
        at=at,
        expires_at=expires_at,
        explicit=_flag(record, "explicit"),
        representative=_person(record, "representative_id", space),
        customer=_opaque(record, "customer") if record.get("customer") else "",
        minor=_flag(record, "minor"),
    )


def _subject(record: Mapping[str, object], space: IdentifierSpace) -> str:
    given = str(record.get("subject") or "")
    if bool(given) == bool(record.get("subject_id")):
        raise BadStatement(
            "name the person by subject_id or by subject (the reference), one of the two", where="subject_id"
        )
    if given and not subjects.is_reference(given):
        raise BadStatement("a subject reference has 64 hexadecimal digits", where="subject")
    return given or _person(record, "subject_id", space)


def _person(record: Mapping[str, object], field: str, space: IdentifierSpace) -> str:
    value = record.get(field)
    if value is None or value == "":
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise BadStatement("an identifier is a text or a whole number", where=field)
    return subjects.reference(space, str(value))


def _opaque(record: Mapping[str, object], field: str) -> str:
    value = record.get(field)
    if not isinstance(value, str) or not REFERENCE.fullmatch(value):
        raise BadStatement("a reference of 1 to 40 letters, digits and _ : . # - is needed", where=field)
    return value


def _known(record: Mapping[str, object], field: str, known: vocabulary.Known) -> str:
    value = record.get(field)
    if not isinstance(value, str) or not known(value):
        raise BadStatement(
            f"the {field} is in no tree", code=f"unknown-{field}", where=field, remedy=f"use a known {field} key"
        )
    return value


def _state(record: Mapping[str, object]) -> State:
    try:
        return State(str(record.get("state")))
    except ValueError:
        raise BadStatement(f"state is one of {', '.join(State)}", code="unknown-state", where="state") from None


def _time(record: Mapping[str, object], field: str) -> datetime | None:
    value = record.get(field)
    if value is None or value == "":
        return None
    try:
        found = datetime.fromisoformat(str(value))
        if found.tzinfo is None:
            raise BadStatement("a time needs its offset, such as 2026-11-02T10:00:00Z", code="bad-time", where=field)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadStatement("not an ISO 8601 time", code="bad-time", where=field) from None


def _flag(record: Mapping[str, object], field: str) -> bool:
    value = record.get(field)
    if isinstance(value, bool):
        return value
    match str(value or "").lower():
        case "" | "false" | "no" | "0":
            return False
        case "true" | "yes" | "1":
            return True
        case _:
            raise BadStatement("write true or false", where=field)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
