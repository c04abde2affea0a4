"""Half-open periods in UTC (SEMANTICS §2). Pure."""

from datetime import datetime
from typing import Protocol


class Lasting(Protocol):
    """Anything with a valid period."""

    @property
    def valid_from(self) -> datetime: ...

    @property
    def valid_to(self) -> datetime | None: ...


def holds(fact: Lasting, at: datetime) -> bool:
    """Say whether `[valid_from, valid_to)` contains the instant."""
    return fact.valid_from <= at and not over(fact.valid_to, at)


def counts(fact: Lasting, at: datetime, as_known_at: datetime) -> bool:
    """Say whether a fact holds at the instant and was known by the other."""
    return holds(fact, at) and known(getattr(fact, "recorded_at", None), as_known_at)


def over(end: datetime | None, at: datetime) -> bool:
    """Say whether an end has been reached."""
    return end is not None and end <= at


def known(recorded_at: datetime | None, as_known_at: datetime) -> bool:
    """Say whether something was recorded by then; what carries no moment was checked by whoever gathered it."""
    return recorded_at is None or recorded_at <= as_known_at
