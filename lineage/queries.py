"""Questions to the graph: whose data is in a dataset, which versions, what came of it, by which way, what came back.

Each loads the part of the graph that matters and asks the pure functions of `closure`. `at` is the moment of reading;
`as_known_at` answers from the events and declarations recorded by then.
"""

from collections.abc import Sequence
from datetime import datetime

from lineage.answers import Descendant, Exposure, Resurrection, Step, Version


def exposure(
    namespace: str,
    name: str,
    *,
    at: datetime,
    as_known_at: datetime | None = None,
    columns: Sequence[str] | None = None,
) -> Exposure:
    """Say whose data a dataset holds when read at `at`, for the columns named (all that are known, when None) and for `*`."""
    raise NotImplementedError


def versions(namespace: str, name: str, *, at: datetime, as_known_at: datetime | None = None) -> tuple[Version, ...]:
    """Return the versions that a reader at `at` sees, oldest first."""
    raise NotImplementedError


def descendants(
    namespace: str, name: str, *, party: str | None = None, at: datetime, as_known_at: datetime | None = None
) -> tuple[Descendant, ...]:
    """Return every version that a dataset's data reached (its own first), also those gone by `at`; none started after `at`.

    With `party` (a customer or subject) ways that a purge, an absence or an ended key cut are not followed.
    """
    raise NotImplementedError


def paths(
    namespace: str, name: str, *, source: tuple[str, str], at: datetime, as_known_at: datetime | None = None
) -> tuple[Step, ...]:
    """Return a shortest way from a dataset back to a source dataset, both included; empty when there is none."""
    raise NotImplementedError


def resurrections(*, at: datetime, as_known_at: datetime | None = None) -> tuple[Resurrection, ...]:
    """Return what was written into purged datasets, after the purge, and still reaches the party purged."""
    raise NotImplementedError
