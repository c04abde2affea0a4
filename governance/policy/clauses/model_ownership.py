"""ModelOwnership: who owns models and other derived works. `serve` and `assign` beyond the owner's circle need the owner's release."""

from dataclasses import dataclass

from consent import vocabulary
from governance.policy.clauses import reading

KIND = "ModelOwnership"
OWNERS = ("customer", "joint", "vendor")  # the strictest first
EXAMPLE = {"owner": "vendor"}


@dataclass(frozen=True, slots=True)
class ModelOwnership:
    """`vendor`, `customer` or `joint`."""

    owner: str


def parse(body: reading.Body, own: vocabulary.Own = vocabulary.NONE) -> ModelOwnership:
    """Read a body; raises `BadClause`."""
    reading.only(body, ["owner"])
    return ModelOwnership(reading.choice(body, "owner", OWNERS))


def explain(clause: ModelOwnership) -> str:
    """Say it in words."""
    return {
        "vendor": "Models belong to the vendor.",
        "customer": "Models belong to the customer; others are served only with its release.",
        "joint": "Models belong to both; others are served only with the customer's release.",
    }[clause.owner]
