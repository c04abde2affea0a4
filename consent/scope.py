"""What a person's consent amounts to at an instant: a pure fold over their events (SEMANTICS §3, *People*).

A giving counts when its action and purpose *cover* what is asked; a refusal, a withdrawal or an objection when they *touch* it.
Givings that have expired, or that are not of the strength asked for, are left out first; then the latest event wins, and a
refusal wins a tie. The same rule in SQL is `consent.selecting.standings`; a property test holds the two together.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from consent import vocabulary


class State(StrEnum):
    """What a person said."""

    GIVEN = "given"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    OBJECTED = "objected"


class Need(StrEnum):
    """What the lawful basis asks of a person before their rows may be used."""

    GUARDED = "guarded"  # explicit consent given by a representative: minors
    EXPLICIT = "explicit"
    CONSENT = "consent"
    NO_OBJECTION = "no-objection"  # legitimate interest: silence permits
    NOTHING = "nothing"


class Standing(StrEnum):
    """What a person's events amount to."""

    GIVEN = "given"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    OBJECTED = "objected"
    EXPIRED = "expired"  # nothing counts but a giving that has run out
    SILENT = "silent"


REFUSING = frozenset({Standing.REFUSED, Standing.WITHDRAWN, Standing.OBJECTED})
TIE_ORDER = (State.OBJECTED, State.WITHDRAWN, State.REFUSED, State.GIVEN)  # the first of these wins at equal times


@dataclass(frozen=True, slots=True)
class Event:
    """One thing one person said to one controller; `at` is when they said it, `recorded_at` when we knew."""

    action: str
    purpose: str
    state: State
    at: datetime
    recorded_at: datetime
    expires_at: datetime | None = None
    explicit: bool = False
    represented: bool = False


def standing(
    events: Iterable[Event],
    *,
    action: str,
    purpose: str,
    at: datetime,
    as_known_at: datetime | None = None,
    need: Need = Need.CONSENT,
) -> Standing:
    """Return what the events of one (subject, controller) amount to for (action, purpose) at `at`, as known then.

    `as_known_at` None takes every event as known. A giving that is not of the strength `need` asks for is no giving.
    """
    known = [event for event in events if event.at <= at and (as_known_at is None or event.recorded_at <= as_known_at)]
    counting = [event for event in known if _counts(event, action, purpose, need)]
    living = [event for event in counting if not _expired(event, at)]
    if living:
        return Standing(max(living, key=_rank).state)
    return Standing.EXPIRED if counting else Standing.SILENT


def allows(result: Standing, need: Need) -> bool:
    """Say whether a person of this standing may be used under a basis that needs `need`."""
    match need:
        case Need.NOTHING:
            return True
        case Need.NO_OBJECTION:
            return result not in REFUSING
        case Need.CONSENT | Need.EXPLICIT | Need.GUARDED:
            return result is Standing.GIVEN
        case _:
            assert_never(need)


def _counts(event: Event, action: str, purpose: str, need: Need) -> bool:
    if event.state is not State.GIVEN:
        return vocabulary.touches(event.action, action) and vocabulary.touches(event.purpose, purpose)
    if need in (Need.EXPLICIT, Need.GUARDED) and not event.explicit:
        return False
    if need is Need.GUARDED and not event.represented:
        return False
    return vocabulary.covers(event.action, action) and vocabulary.covers(event.purpose, purpose)


def _expired(event: Event, at: datetime) -> bool:
    return event.state is State.GIVEN and event.expires_at is not None and event.expires_at <= at


def _rank(event: Event) -> tuple[datetime, int]:
    return (event.at, -TIE_ORDER.index(event.state))
