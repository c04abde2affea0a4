"""The proof of a decision as a tree that a machine can check again: the pure tree, with the ways through lineage that the engine does not hold.

Decided again by the rules of its time; customers whose names the reader may not know keep their references and lose names and quotes.
"""

from collections.abc import Callable
from typing import Any

from governance.policy import proof, resting, rules
from governance.policy.claims import Node
from governance.releases import decisions
from governance.releases.explaining import Reader
from lineage import errors

SCHEMA = "/schema/proof-tree-v1.schema.json"


class NotProven(errors.Conflict):
    """The stored facts do not give the stored answer."""

    code = "proof-differs"


def tree(found: Reader) -> Node:
    """Return the proof; raises `rules.NotRun` for rules that this code no longer runs, `NotProven` where another verdict comes out."""
    row = found.row
    ruled = rules.running(row.rules_version)
    made = proof.tree(decisions.question_of(row), found.facts, ruled.outcome, rules=ruled.version)
    if made["verdict"] != row.verdict:
        raise NotProven(f"deciding the facts of {row.ref} again gives {made['verdict']}", remedy="run manage.py verify")
    for branch in ("usable", "plain"):
        _walk(made[branch], found)
    shown: Node = _closed(made, found.may_name)
    return shown | {"decision": row.ref}


def _walk(node: Node, found: Reader) -> None:
    """Show the tables between a column and the sources it came by."""
    for each in node.get("came_by", ()):
        if way := found.way(each["declaration"], each["from"], node["column"]):
            each["way"] = way
    for part in node.get("parts", ()):
        _walk(part, found)


def _closed(node: Any, may_name: Callable[[str], bool]) -> Any:
    match node:
        case list():
            return [_closed(each, may_name) for each in node]
        case {"op": "fact", "customer": str() as customer} if not may_name(customer):
            kept = {key: value for key, value in node.items() if key != "name"}
            return kept | {"rests_on": [resting.hidden(each) for each in node.get("rests_on", ())]}
        case dict():
            return {key: _closed(value, may_name) for key, value in node.items()}
        case _:
            return node
