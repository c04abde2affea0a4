"""UnencodedTerm: text that nobody has encoded. A gap for every action and category it is marked as touching; for all, if unmarked."""

from dataclasses import dataclass

from consent import vocabulary
from governance.policy.clauses import reading

KIND = "UnencodedTerm"
EXAMPLE = {"actions": ["train"], "categories": ["customer.content"], "note": "additional restrictions in annex 3"}


@dataclass(frozen=True, slots=True)
class UnencodedTerm:
    """`categories` None: none are named, and the customer's rows as a whole are in doubt."""

    actions: tuple[str, ...]
    categories: tuple[str, ...] | None
    note: str = ""


def parse(body: reading.Body, own: vocabulary.Own = vocabulary.NONE) -> UnencodedTerm:
    """Read a body; raises `BadClause`."""
    reading.only(body, ["actions", "categories", "note"])
    categories = reading.keys(
        body, "categories", lambda key: vocabulary.is_category(key, own), missing_is_any=True, any_allowed=True
    )
    return UnencodedTerm(
        actions=reading.keys(body, "actions", vocabulary.is_action, missing_is_any=True, any_allowed=True),
        categories=None if reading.ANY in categories else categories,
        note=reading.text(body, "note"),
    )


def concerns(clause: UnencodedTerm, action: str) -> bool:
    """Say whether the term may speak about the action."""
    return reading.touches_one(clause.actions, action)


def explain(clause: UnencodedTerm) -> str:
    """Say it in words."""
    about = reading.listed(clause.categories) if clause.categories else "anything"
    return f"Not encoded yet; it may concern to {reading.listed(clause.actions)} with {about}."
