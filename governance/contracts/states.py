"""The life of a document: one table; the verbs, the database trigger and the diagram are made from it.

Only `draft` can be edited; after `submitted` what a second person reads is what gets approved. Termination is no state:
it is a fact with a date beside the document, because an activated row never changes.
"""

from django.db import models


class State(models.TextChoices):
    """Where a document stands."""

    DRAFT = "draft", "draft"
    SUBMITTED = "submitted", "submitted for approval"
    APPROVED = "approved", "approved"
    ACTIVATED = "activated", "activated"
    REJECTED = "rejected", "rejected"
    WITHDRAWN = "withdrawn", "withdrawn"


# verb -> (from, to)
TRANSITIONS: dict[str, tuple[frozenset[State], State]] = {
    "submit": (frozenset({State.DRAFT}), State.SUBMITTED),
    "take_back": (frozenset({State.SUBMITTED}), State.DRAFT),
    "approve": (frozenset({State.SUBMITTED}), State.APPROVED),
    "reject": (frozenset({State.SUBMITTED}), State.REJECTED),
    "withdraw": (frozenset({State.DRAFT, State.SUBMITTED, State.APPROVED}), State.WITHDRAWN),
    "activate": (frozenset({State.APPROVED}), State.ACTIVATED),
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
