"""PartyRestriction: parties, or groups of them, that may not be recipient, be served, or be assignee."""

from collections.abc import Collection
from dataclasses import dataclass

from consent import vocabulary
from governance.policy.clauses import reading

KIND = "PartyRestriction"
EXAMPLE = {"parties": [], "groups": ["grp_competitors"]}


@dataclass(frozen=True, slots=True)
class PartyRestriction:
    """References of parties and of groups."""

    parties: tuple[str, ...]
    groups: tuple[str, ...]


def parse(body: reading.Body, own: vocabulary.Own = vocabulary.NONE) -> PartyRestriction:
    """Read a body; raises `BadClause`."""
    reading.only(body, ["parties", "groups"])
    clause = PartyRestriction(reading.texts(body, "parties"), reading.texts(body, "groups"))
    if not clause.parties and not clause.groups:
        raise reading.BadClause("name a party or a group", where="parties")
    return clause


def touches(clause: PartyRestriction, belongs_to: Collection[str]) -> bool:
    """Say whether a party is restricted, given its own reference and those of all groups it is in."""
    return any(ref in belongs_to for ref in (*clause.parties, *clause.groups))


def explain(clause: PartyRestriction) -> str:
    """Say it in words."""
    return f"May not receive the data, be served by the model or take it over: {', '.join((*clause.parties, *clause.groups))}."
