"""The states of an obligation and the ways between them: one table, read by the verbs, the database and the diagram."""

from enum import StrEnum


class State(StrEnum):
    PROPOSED = "proposed"  # a contract ended or somebody asked; no new release, nothing deleted yet
    OPEN = "open"  # a named person confirmed it; tasks run
    CLOSED = "closed"  # every item is accounted for and certified
    DISMISSED = "dismissed"  # a named person said why not


CHOICES = [(str(state), str(state)) for state in State]

STEPS: dict[State, frozenset[State]] = {
    State.PROPOSED: frozenset({State.OPEN, State.DISMISSED}),
    State.OPEN: frozenset({State.CLOSED}),
    State.CLOSED: frozenset({State.OPEN}),  # resurrection, or lineage that arrived late
    State.DISMISSED: frozenset({State.PROPOSED}),
}
TRANSITIONS = [(str(before), str(after)) for before, afters in STEPS.items() for after in sorted(afters)]
PENDING = frozenset({State.PROPOSED, State.OPEN})


def diagram() -> str:
    """Return the machine as a Mermaid state diagram."""
    lines = [f"    {before} --> {after}" for before, after in TRANSITIONS]
    return "\n".join(["stateDiagram-v2", "    [*] --> proposed", *lines])
