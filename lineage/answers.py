"""PURE. What queries answer: frozen values with opaque references, no rows."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

CONTENT: Final = "content"
PRESENCE: Final = "presence"
type Path = Literal["content", "presence"]
type Completeness = Literal["known", "partial", "unknown"]


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """A declared source column (`*`: columns that nobody listed) from which something reaches a column asked about.

    `through`: the way ends in all columns of the source (`*`), of which this is one; one that is named as well stands here twice. `masked` and `without` hold on every path of this kind: parties or subjects (references) that were purged, are absent, or whose
    keys had ended.
    """

    declaration: str
    namespace: str
    dataset: str
    column: str
    path: Path
    masked: bool
    without: frozenset[str] = frozenset()
    through: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Why an answer is unknown or partial, or a note on its precision: a code, where, and what a person can do about it."""

    code: str
    namespace: str
    name: str
    run: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Exposure:
    """Whose data is in a dataset: per column asked for, the declared source columns that reach it.

    `unknown` holds the gaps, `partial` why it is sound but coarse, `notes` where a person could make it more precise. The row `*`
    of `origins` always exists: what columns would hold that nobody listed. `ancestors` are upstream datasets with their distance.
    """

    namespace: str
    name: str
    completeness: Completeness
    unknown: tuple[Finding, ...]
    partial: tuple[Finding, ...]
    notes: tuple[Finding, ...]
    columns: tuple[str, ...]
    origins: dict[str, frozenset[Origin]]
    keys: tuple[tuple[str, dict[str, Any]], ...] = ()
    ancestors: tuple[tuple[str, str, int], ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """What one run wrote into one name, and how long it lived; `ended` and `gone` are None while that is open."""

    namespace: str
    name: str
    run: str
    started: datetime | None
    ended: datetime | None
    gone: datetime | None
    view: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """One dataset on a path; `run` wrote it (empty: it was there before any known write), from the next step's dataset."""

    namespace: str
    name: str
    run: str
    column: str = "*"


@dataclass(frozen=True, slots=True)
class Descendant:
    """A version that something reached, with the shortest way from the source to it (source first)."""

    version: Version
    path: tuple[Step, ...] = field(compare=False)


@dataclass(frozen=True, slots=True, order=True)
class Resurrection:
    """A write into a purged dataset, after the purge, that still reaches the party's declaration."""

    purge: str
    party: str
    version: Version
    declarations: tuple[str, ...]
