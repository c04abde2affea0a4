"""Values to JSON and back, and to the canonical bytes (RFC 8785) that digests are taken of. Pure."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import msgspec
import rfc8785


class Unreadable(ValueError):
    """The JSON is not what it should be; the message says where."""


def to_json(value: Any) -> Any:
    """Return plain JSON values: times as ISO 8601 in UTC, sets sorted, empty fields kept."""
    return msgspec.to_builtins(value, order="sorted")


def from_json[T](kind: type[T], value: Any) -> T:
    """Read a value of `kind` from plain JSON; raises `Unreadable` with the place where it does not fit."""
    try:
        return msgspec.convert(value, kind, str_keys=True)
    except msgspec.ValidationError as error:
        raise Unreadable(str(error)) from error


def to_bytes(value: Any) -> bytes:
    """Return the canonical bytes of a value."""
    return bytes(rfc8785.dumps(to_json(value)))


def unordered(value: Any) -> Any:
    """Return plain JSON with every list sorted and without repetition: for values in which order means nothing."""
    if isinstance(value, dict):
        return {key: unordered(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        inner = {json.dumps(each, sort_keys=True): each for each in map(unordered, value)}
        return [inner[key] for key in sorted(inner)]
    return value


def digest(value: Any) -> str:
    """Return the SHA-256 of the canonical bytes, in hex."""
    return hashlib.sha256(to_bytes(value)).hexdigest()


def text(body: Mapping[str, Any]) -> str:
    """Return a JSON object as canonical text: how a clause's body travels inside hashable facts."""
    return bytes(rfc8785.dumps(dict(body))).decode()


def mapping(body: str) -> dict[str, Any]:
    """Return the JSON object written in a text; raises `Unreadable` when it is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"no JSON: {error}") from error
    if not isinstance(value, dict):
        raise Unreadable("a JSON object is needed")
    return value
