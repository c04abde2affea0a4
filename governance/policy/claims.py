"""Nodes of a proof: what is so (leaves), and what follows from it by `all`, `any` and `none`. Pure."""

from collections.abc import Iterable
from typing import Any

type Node = dict[str, Any]

FACTS = {  # leaves that are no reasons
    "holds-nothing": "The column holds nothing of them.",
    "own-data": "These are the vendor's own data, which need no contract.",
    "returned": "Customers get their own data back without a grant.",
    "nothing-against": "Nothing speaks against the column itself.",
    "left-out": "Customers are left out.",
    "people-list": "People who are not on the list are left out.",
    "erasure-list": "People whose deletion is due are left out.",
    "blank-column": "A column is blank.",
    "duty": "Something must be done first.",
}


def node(op: str, says: str, parts: Iterable[Node], **more: Any) -> Node:
    """Return an inner node; whether it holds follows from its parts."""
    listed = list(parts)
    holding = [part["holds"] for part in listed]
    holds = {"all": all(holding), "any": any(holding), "none": not any(holding)}[op]
    return {"op": op, "says": says, "holds": holds, **more, "parts": listed}


def fact(code: str, **more: Any) -> Node:
    """Return a leaf that is so."""
    return {"op": "fact", "code": code, "holds": True, **more}
