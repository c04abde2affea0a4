"""Prohibition: forbids actions x categories x purposes. It need only touch what is asked, and wins over every grant of every
document that does not expressly prevail over it. It survives the end of its document.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from consent import vocabulary
from governance.policy.clauses import reading

KIND = "Prohibition"
EXAMPLE = {"actions": ["train"], "categories": ["customer.input"], "purposes": ["*"]}


@dataclass(frozen=True, slots=True)
class Prohibition:
    """Nothing named means all, as does `*`."""

    actions: tuple[str, ...]
    categories: tuple[str, ...]
    purposes: tuple[str, ...]


def parse(body: reading.Body, own: vocabulary.Own = vocabulary.NONE) -> Prohibition:
    """Read a body; raises `BadClause`."""
    reading.only(body, ["actions", "categories", "purposes"])
    return Prohibition(
        actions=reading.keys(body, "actions", vocabulary.is_action, any_allowed=True),
        categories=reading.keys(
            body, "categories", lambda key: vocabulary.is_category(key, own), missing_is_any=True, any_allowed=True
        ),
        purposes=reading.keys(
            body, "purposes", lambda key: vocabulary.is_purpose(key, own), missing_is_any=True, any_allowed=True
        ),
    )


def touched(clause: Prohibition, action: str, purpose: str, categories: Iterable[str]) -> frozenset[str]:
    """Return those of the categories that the prohibition touches for this use; a use without purpose (`serve`) touches every one."""
    if not reading.touches_one(clause.actions, action) or (
        purpose and not reading.touches_one(clause.purposes, purpose)
    ):
        return frozenset()
    return frozenset(category for category in categories if reading.touches_one(clause.categories, category))


def explain(clause: Prohibition) -> str:
    """Say it in words."""
    return f"Forbids to {reading.listed(clause.actions)} with {reading.listed(clause.categories)}, for {reading.listed(clause.purposes)}."
