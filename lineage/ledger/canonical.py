"""Canonical JSON (RFC 8785): the same values give the same bytes, on every machine."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import msgspec
import rfc8785

from lineage.ledger.errors import BadForm

_MAX = 2**53 - 1


def encode(value: object) -> bytes:
    """Return the canonical bytes of `value`.

    Moments become RFC 3339 in UTC, decimals and UUIDs text, sets sorted lists. Raise `BadForm` for what JSON cannot say: a naive
    moment, a key that is no text, a whole number beyond 2^53, a lone surrogate.
    """
    try:
        plain = _plain(value)
        return msgspec.json.encode(plain, order="sorted") if _simple(plain) else rfc8785.dumps(plain)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise BadForm(f"this cannot be written as canonical JSON: {error}") from None


def moment(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds, always the same width."""
    if at.tzinfo is None:
        raise BadForm("a moment without a time zone")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _simple(plain: object) -> bool:
    """Say whether the quick encoder writes the very bytes of RFC 8785: it differs in fractions, and in the order of names that are not ascii."""
    if plain is None or isinstance(plain, str | bool):
        return True
    if isinstance(plain, int):
        return -_MAX <= plain <= _MAX
    if isinstance(plain, dict):
        return all(name.isascii() and _simple(inner) for name, inner in plain.items())
    return isinstance(plain, list) and all(map(_simple, plain))


def _plain(value: object) -> Any:
    if type(value) is str or value is None:
        return value
    match value:
        case Enum():
            return _plain(value.value)
        case None | bool() | int() | float() | str():
            return value
        case Mapping():
            if not all(isinstance(key, str) for key in value):
                raise BadForm("the keys of a JSON object are texts")
            return {str(key): _plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case set() | frozenset():
            return sorted((_plain(inner) for inner in value), key=rfc8785.dumps)
        case datetime():
            return moment(value)
        case date() | UUID() | Decimal():
            return str(value)
        case _:
            raise BadForm(f"a {type(value).__name__} cannot be written as JSON")
