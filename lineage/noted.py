"""What an answer rested on, beside what it says: the datasets that were looked at, and the instants at which time alone may change it.

Whoever wants to keep an answer asks within `noting()`; the queries below tell the note what they looked at. Within one note the same
part of the graph is loaded once.
"""

from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lineage.values import ALWAYS, FOREVER, Name, nanoseconds


@dataclass(slots=True)
class Note:
    """Names of datasets, instants in nanoseconds, and parts of the graph that were loaded already."""

    names: set[Name] = field(default_factory=set)
    instants: set[int] = field(default_factory=set)
    loaded: dict[Hashable, Any] = field(default_factory=dict)

    def looked_at(self, names: Iterable[Name]) -> None:
        """Add datasets: a change of what is known of one of them may change the answer."""
        self.names.update(names)

    def turns_at(self, instants: Iterable[int], *, skew: int = 0) -> None:
        """Add instants around which a question may be answered differently; bounds that count themselves in turn just after."""
        for instant in instants:
            if instant not in (FOREVER, ALWAYS):
                self.instants.update((instant - skew, instant, instant + skew))

    def turns_on(self, moments: Iterable[datetime | None]) -> None:
        """The same for moments."""
        self.turns_at(nanoseconds(moment) for moment in moments if moment is not None)


_CURRENT: ContextVar[Note | None] = ContextVar("note", default=None)


@contextmanager
def noting() -> Iterator[Note]:
    """Note what is looked at until the block ends."""
    note = Note()
    token = _CURRENT.set(note)
    try:
        yield note
    finally:
        _CURRENT.reset(token)


def current() -> Note | None:
    """Return the note that is being taken, if one is."""
    return _CURRENT.get()
