"""TrainingPosition: what a document says about training as such. It permits nothing; it names why nothing is permitted.

Against `prohibited` only grants of the same document help, or of one that prevails over it. The strictest of a family counts.
"""

from dataclasses import dataclass

from consent import vocabulary
from governance.policy.clauses import reading

KIND = "TrainingPosition"
POSITIONS = ("prohibited", "silent", "negotiated")  # the strictest first
EXAMPLE = {"position": "prohibited"}


@dataclass(frozen=True, slots=True)
class TrainingPosition:
    """`prohibited`, `silent` or `negotiated`."""

    position: str


def parse(body: reading.Body, own: vocabulary.Own = vocabulary.NONE) -> TrainingPosition:
    """Read a body; raises `BadClause`."""
    reading.only(body, ["position"])
    return TrainingPosition(reading.choice(body, "position", POSITIONS))


def concerns(action: str) -> bool:
    """Say whether a position speaks about the action."""
    return vocabulary.touches("train", action)


def explain(clause: TrainingPosition) -> str:
    """Say it in words."""
    return {
        "prohibited": "Training is prohibited, except where this document or one that prevails over it grants it.",
        "silent": "The document says nothing about training.",
        "negotiated": "Training is a matter of what has been agreed.",
    }[clause.position]
