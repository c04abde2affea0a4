"""Canonical JSON (RFC 8785): the same values give the same bytes, on every machine."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import rfc8785

from lineage.ledger.errors import BadForm


def encode(value: object) -> bytes:
    """Return the canonical bytes of `value`.

    Moments become RFC 3339 in UTC, decimals and UUIDs text, sets sorted lists. Raise `BadForm` for what JSON cannot say: a naive
    moment, a key that is no text, a whole number beyond 2^53, a lone surrogate.
    """
    try:
        return rfc8785.dumps(_plain(value))
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise BadForm(f"this cannot be written as canonical JSON: {error}") from None


def moment(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds, always the same width."""
    if at.tzinfo is None:
        raise BadForm("a moment without a time zone")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _plain(value: object) -> Any:
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
