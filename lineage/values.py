"""PURE. The small values that every part of lineage speaks in: names, instants, windows, settings.

Instants are whole nanoseconds since 1970-01-01T00:00Z; `FOREVER` and `ALWAYS` are the open ends.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

FOREVER = 2**63 - 1
ALWAYS = -(2**63)
SECOND = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Name(NamedTuple):
    """A dataset's or a job's name, as it was sent."""

    namespace: str
    name: str


class Window(NamedTuple):
    """A closed span of nanoseconds during which something was read or existed."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Trust:
    """A glob over producer addresses whose narrowing claims are believed; OVERWRITE only where it says so (LINEAGE.md rule 9)."""

    producer: str
    overwrite: bool = True


_INTEGRATION = "https://github.com/OpenLineage/OpenLineage/*/integration/"
TRUSTED = (
    Trust(_INTEGRATION + "dbt*"),
    Trust(_INTEGRATION + "spark*", overwrite=False),
    Trust("https://github.com/Snowflake-Labs/*"),
    Trust("https://github.com/trinodb/trino/*"),
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What an installation may set. Spans are nanoseconds."""

    skew: int = 5 * SECOND
    assumed_run: int = 3600 * SECOND
    trusted: Sequence[Trust] = TRUSTED
    lists_indirect: Sequence[str] = (_INTEGRATION + "spark*",)
    partial_schema: Sequence[str] = (_INTEGRATION + "dbt*",)

    def trusts(self, producer: str, *, overwrite: bool = False) -> bool:
        """Say whether a producer may narrow what provenance answers."""
        return any(matches(t.producer, producer) and (t.overwrite or not overwrite) for t in self.trusted)


def matches(pattern: str, text: str) -> bool:
    """Say whether a glob names a text; only `*` (any run of characters) and `?` (one) are special."""
    return _compiled(pattern).fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern), re.DOTALL)


def nanoseconds(moment: datetime) -> int:
    """Return an aware moment as nanoseconds since the epoch."""
    return (moment - _EPOCH) // _MICROSECOND * 1000


def moment(instant: int) -> datetime | None:
    """Return nanoseconds as a moment, cut to microseconds; None for an open end."""
    if instant in (FOREVER, ALWAYS):
        return None
    return _EPOCH + timedelta(microseconds=instant // 1000)
