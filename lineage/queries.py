"""Questions to the graph: whose data is in a dataset, which versions, what came of it, by which way, what came back.

Each loads the part of the graph that matters and asks the pure functions of `closure` and `descent`. `at` is the moment of reading;
`as_known_at` answers from the events and declarations recorded by then.
"""

from collections.abc import Sequence
from datetime import datetime

from lineage import closure, descent, loading
from lineage.answers import Descendant, Exposure, Resurrection, Step, Version
from lineage.loading import DOWN, UP
from lineage.models import Declaration
from lineage.values import Name, nanoseconds


def exposure(
    namespace: str,
    name: str,
    *,
    at: datetime,
    as_known_at: datetime | None = None,
    columns: Sequence[str] | None = None,
) -> Exposure:
    """Say whose data a dataset holds when read at `at`, for the columns named (all that are known, when None) and for `*`."""
    asked = Name(namespace, name)
    found = loading.load([asked], direction=UP, as_known_at=as_known_at)
    return closure.exposure(found, asked, nanoseconds(at), columns)


def versions(namespace: str, name: str, *, at: datetime, as_known_at: datetime | None = None) -> tuple[Version, ...]:
    """Return the versions that a reader at `at` may see, oldest first; `run` is empty for what was there before the first write."""
    asked = Name(namespace, name)
    return descent.versions(loading.load([asked], direction=UP, as_known_at=as_known_at), asked, nanoseconds(at))


def descendants(
    namespace: str, name: str, *, party: str | None = None, at: datetime, as_known_at: datetime | None = None
) -> tuple[Descendant, ...]:
    """Return every version that a dataset's data reached (its own first), also those gone by `at`; none started after `at`.

    With `party` (a customer or subject) ways that a purge, an absence or an ended key cut are not followed.
    """
    asked = Name(namespace, name)
    found = loading.load([asked], direction=DOWN, as_known_at=as_known_at)
    return descent.descendants(found, asked, nanoseconds(at), party)


def paths(
    namespace: str,
    name: str,
    *,
    source: tuple[str, str],
    at: datetime,
    as_known_at: datetime | None = None,
    column: str = closure.ANY,
) -> tuple[Step, ...]:
    """Return a shortest way from a dataset (one column of it) back to a source dataset, both included; empty if there is none."""
    asked = Name(namespace, name)
    found = loading.load([asked], direction=UP, as_known_at=as_known_at)
    return closure.path(found, asked, Name(*source), nanoseconds(at), column)


def near(places: Sequence[tuple[str, str]], *, direction: str) -> frozenset[tuple[str, str]]:
    """Return these datasets and every one that is, was or will be upstream (or downstream) of them, under all their names.

    Whatever the time: more than any question about them depends on, and nothing less.
    """
    asked = {Name(*place) for place in places}
    return frozenset({*places, *((each.namespace, each.name) for each in loading.near(asked, direction))})


def resurrections(*, at: datetime, as_known_at: datetime | None = None) -> tuple[Resurrection, ...]:
    """Return what was written into purged datasets, after the purge, and still reaches the party purged."""
    purges = Declaration.objects.filter(kind="purge")
    if as_known_at:
        purges = purges.filter(recorded_at__lte=as_known_at)
    places = {Name(*place) for place in purges.values_list("namespace", "name")}
    if not places:
        return ()
    return descent.resurrections(loading.load(places, direction=UP, as_known_at=as_known_at), nanoseconds(at))
