"""What the compiler needs to know to make a planned version: plain values, read off a plan and the catalogue."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

type Unit = Literal["year", "quarter", "month", "week", "day", "hour"]


@dataclass(frozen=True)
class Keep:
    """The value as it is."""


@dataclass(frozen=True)
class Blank:
    """No value."""


@dataclass(frozen=True)
class Pseudonym:
    """HMAC-SHA256 of the value under the key of the release."""


@dataclass(frozen=True)
class Band:
    """A number to the lower edge of its band of this width."""

    width: str


@dataclass(frozen=True)
class Prefix:
    """The first characters of a text."""

    length: int


@dataclass(frozen=True)
class Truncate:
    """A date or time to the start of its unit."""

    unit: Unit


type Treatment = Keep | Blank | Pseudonym | Band | Prefix | Truncate


@dataclass(frozen=True)
class People:
    """Whose rows of a class may be used: subjects of a list, compared by the keyed hash of `column`.

    `number` is the list's number in the temporary table; `kind` `only` keeps listed people, `except` all but those.
    """

    column: str
    space: int
    number: int
    kind: Literal["only", "except"]


@dataclass(frozen=True)
class Class:
    """Customers with equal outcomes: what happens to each column, and which people.

    A class that is not `included` is made only for counting: its rows are left out, its people tell what consent alone allows.
    """

    number: int
    columns: Mapping[str, Treatment]
    people: tuple[People, ...] = ()
    included: bool = True


@dataclass(frozen=True)
class Key:
    """A tenant-key column: key value -> number of its class. Rows with null or any other value are left out."""

    column: str
    classes: Mapping[str, int]


@dataclass(frozen=True)
class Recipe:
    """One build. Without keys all rows are of the one class; a row with several keys needs all of them."""

    schema: str
    table: str
    columns: tuple[str, ...]
    classes: tuple[Class, ...]
    keys: tuple[Key, ...] = ()
    quasi_identifiers: tuple[str, ...] = ()
    k: int | None = None  # rows in groups below it are left out
    undone: tuple[str, ...] = ()  # duties that the builder cannot do: people must
