"""Read the fields of a clause's body, each with a message that says what is wrong and where. Pure."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from consent import vocabulary
from lineage import errors

ANY = "*"
Body = Mapping[str, Any]


class BadClause(errors.Unprocessable):
    """A body that means nothing, or something that no clause can mean; `where` names the field."""

    code = "bad-clause"


def only(body: Body, fields: Iterable[str]) -> None:
    """Raise for a field that the kind does not have: a misspelt condition would otherwise fall silently."""
    known = sorted(fields)
    for name in sorted(set(body) - set(known)):
        raise BadClause(f"this kind of clause has no field {name!r}", where=str(name), remedy=f"use {', '.join(known)}")


def texts(body: Body, field: str) -> tuple[str, ...]:
    """Return a list of texts, sorted and without repetition; a missing one is empty."""
    value = body.get(field)
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item.strip() for item in value):
        raise BadClause("a list of texts is needed", where=field)
    return tuple(sorted(set(value)))


def keys(
    body: Body, field: str, known: Callable[[str], bool], *, missing_is_any: bool = False, any_allowed: bool = False
) -> tuple[str, ...]:
    """Return keys of a tree, every one of them known. `*` stands for all where it is allowed."""
    found = texts(body, field)
    if not found and missing_is_any:
        return (ANY,)
    if not found:
        raise BadClause("name at least one", where=field)
    for key in vocabulary.unknown(found, lambda key: known(key) or (key == ANY and any_allowed)):
        raise BadClause(f"{key!r} is in no tree", where=field, remedy="use a known key, or add the vendor's own first")
    return (ANY,) if ANY in found else found


def choice(body: Body, field: str, allowed: Iterable[str], default: str | None = None) -> str:
    """Return one of the allowed words; `_` may be written for `-`."""
    value = body.get(field, default)
    words = sorted(allowed)
    found = value.replace("_", "-") if isinstance(value, str) else value
    if found not in words:
        raise BadClause(f"one of {', '.join(words)} is needed", where=field)
    return str(found)


def text(body: Body, field: str, default: str = "") -> str:
    """Return a text."""
    value = body.get(field, default)
    if not isinstance(value, str):
        raise BadClause("a text is needed", where=field)
    return value.strip()


def flag(body: Body, field: str) -> bool:
    """Return true or false; a missing one is false."""
    value = body.get(field, False)
    if not isinstance(value, bool):
        raise BadClause("write true or false", where=field)
    return value


def number(body: Body, field: str, *, least: int = 1, most: int = 10**9) -> int | None:
    """Return a whole number within bounds, or None where it is missing."""
    value = body.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise BadClause(f"a whole number from {least} to {most} is needed", where=field)
    return value


def needed_number(body: Body, field: str, *, least: int = 1, most: int = 10**9) -> int:
    """The same, where it may not be missing."""
    found = number(body, field, least=least, most=most)
    if found is None:
        raise BadClause(f"a whole number from {least} to {most} is needed", where=field)
    return found


def instant(body: Body, field: str) -> datetime | None:
    """Return a moment in UTC: a date is its first instant; a time needs its offset."""
    value = body.get(field)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise BadClause("a date such as 2027-01-31 is needed", where=field)
    try:
        if len(value) == 10:
            return datetime.combine(date.fromisoformat(value), time.min, tzinfo=UTC)
        found = datetime.fromisoformat(value)
        if found.tzinfo is None:
            raise BadClause("a time needs its offset", where=field)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadClause("a date such as 2027-01-31 is needed", where=field) from None


def covers_one(keys_: Iterable[str], asked: str) -> bool:
    """Say whether one of the keys, or `*`, covers what is asked."""
    return any(key == ANY or vocabulary.covers(key, asked) for key in keys_)


def touches_one(keys_: Iterable[str], asked: str) -> bool:
    """Say whether one of the keys, or `*`, touches what is asked."""
    return any(key == ANY or vocabulary.touches(key, asked) for key in keys_)


def listed(words: Iterable[str]) -> str:
    """Return keys as words for a sentence: `usage data and feedback`."""
    found = ["anything" if word == ANY else vocabulary.title(word) for word in words]
    return found[0] if len(found) == 1 else ", ".join(found[:-1]) + " and " + found[-1] if found else "nothing"
