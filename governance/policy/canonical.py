"""Values to JSON and back, and to the canonical bytes (RFC 8785) that digests are taken of. Pure."""

import dataclasses
import hashlib
import json
from bisect import bisect_left
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import Any, cast, get_args, get_origin, get_type_hints

import msgspec
import rfc8785

_TUPLES = frozenset({tuple})


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


def value_bytes(value: Any) -> bytes:
    """Return the same bytes as `to_bytes`, many times quicker, of our own frozen values: whole numbers, texts, times, ascii names."""
    return msgspec.json.encode(value, order="sorted")


def value_digest(value: Any) -> str:
    """Return the SHA-256 of `value_bytes`, in hex."""
    return hashlib.sha256(value_bytes(value)).hexdigest()


def in_order[T](value: T) -> T:
    """Return a frozen value with every tuple in it sorted by its JSON text and without repetition: for values in which order means nothing.

    A value that is in order already is returned itself.
    """
    if type(value) is tuple:
        return cast(T, _sorted(tuple(in_order(each) for each in cast(tuple[Any, ...], value))))
    found = {}
    for name in fields_with(cast(Any, type(value)), _TUPLES):
        old = getattr(value, name)
        if old is not None and old != () and (new := in_order(old)) is not old:
            found[name] = new
    return dataclasses.replace(cast(Any, value), **found) if found else value


@cache
def fields_with(kind: Any, wanted: frozenset[type]) -> tuple[str, ...]:
    """Return the names of a value's fields in which something of the wanted types may stand, however deep."""
    if not isinstance(kind, type) or not dataclasses.is_dataclass(kind):
        return ()
    return tuple(name for name, hint in get_type_hints(kind).items() if _may_hold(hint, wanted))


def _may_hold(hint: Any, wanted: frozenset[type]) -> bool:
    if (get_origin(hint) or hint) in wanted or any(_may_hold(each, wanted) for each in get_args(hint)):
        return True
    return isinstance(hint, type) and bool(fields_with(hint, wanted))


def _sorted(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Sort by the JSON text: only its escapes differ from the quick text, and only for what is not printable ascii."""
    if len(values) < 2:
        return values
    keys = list(map(value_bytes, values))
    if not all(map(_is_plain, keys)):
        keys = list(map(_json_text, values))
    once = dict(zip(keys, values, strict=True))
    if len(once) == len(keys) and all(one < other for one, other in pairwise(keys)):
        return values
    return tuple(once[key] for key in sorted(once))


def in_order_after[T](value: T, before: T) -> T:
    """Return `in_order(value)`, quickly where most of what stands in it are the very objects of `before`, which is in order."""
    if value is before:
        return value
    if type(value) is tuple:
        return cast(T, _put_among(cast(tuple[Any, ...], value), cast(tuple[Any, ...], before)))
    found = {}
    for name in fields_with(cast(Any, type(value)), _TUPLES):
        new, old = getattr(value, name), getattr(before, name)
        if new is not None and new is not old:
            found[name] = in_order(new) if old is None else in_order_after(new, old)
    return dataclasses.replace(cast(Any, value), **found) if found else value


def _put_among(values: tuple[Any, ...], before: tuple[Any, ...]) -> tuple[Any, ...]:
    known, kept = set(map(id, before)), set(map(id, values))
    found = [each for each in before if id(each) in kept]
    for each in values:
        if id(each) not in known:
            new = in_order(each)
            place, stands = _place(found, new)
            if not stands:
                found.insert(place, new)
    return tuple(found)


def _place(found: list[Any], new: Any) -> tuple[int, bool]:
    """Where among sorted values one belongs, and whether it stands there; by the quick text where it sorts as the JSON text does."""
    seen: list[bytes] = []

    def quick(value: Any) -> bytes:
        seen.append(value_bytes(value))
        return seen[-1]

    for text in (quick, _json_text):
        wanted = text(new)
        place = bisect_left(found, wanted, key=text)
        stands = place < len(found) and text(found[place]) == wanted
        if all(map(_is_plain, seen)):
            break
    return place, stands


def _json_text(value: Any) -> bytes:
    return json.dumps(to_json(value), sort_keys=True).encode()


def _is_plain(key: bytes) -> bool:
    return key.isascii() and b"\x7f" not in key


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
