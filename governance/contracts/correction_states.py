"""The life of a correction: one table; the verbs, the database trigger and the diagram are made from it.

The second person's step both approves and applies: a correction mends what counts already, so nothing is left to wait for.
"""

from django.db import models


class State(models.TextChoices):
    """Where a correction stands."""

    DRAFT = "draft", "draft"
    SUBMITTED = "submitted", "waiting for a second person"
    APPLIED = "applied", "applied"
    REJECTED = "rejected", "rejected"
    WITHDRAWN = "withdrawn", "withdrawn"


OPEN = (State.DRAFT, State.SUBMITTED)

# verb -> (from, to)
TRANSITIONS: dict[str, tuple[frozenset[State], State]] = {
    "submit": (frozenset({State.DRAFT}), State.SUBMITTED),
    "take_back": (frozenset({State.SUBMITTED}), State.DRAFT),
    "apply": (frozenset({State.SUBMITTED}), State.APPLIED),
    "reject": (frozenset({State.SUBMITTED}), State.REJECTED),
    "withdraw": (frozenset({State.DRAFT, State.SUBMITTED}), State.WITHDRAWN),
}


def pairs() -> list[tuple[str, str]]:
    """Every allowed step, for the database's trigger."""
    return sorted((str(start), str(end)) for starts, end in TRANSITIONS.values() for start in starts)


def diagram() -> str:
    """The table as a Mermaid state diagram."""
    steps = [
        f"    {start} --> {end}: {verb}" for verb, (starts, end) in TRANSITIONS.items() for start in sorted(starts)
    ]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {State.DRAFT}", *steps])
