"""Walk a proof tree and check again, knowing nothing of the engine, that every node follows from its parts and the verdict from the root."""

from collections.abc import Iterator
from typing import Any

# What kind of clause must stand behind a code that names one.
BEHIND = {
    "prohibition": {"Prohibition"},
    "prohibited-by-contract": {"TrainingPosition"},
    "contract-silent": {"TrainingPosition"},
    "granted-by": {"Grant"},
    "opt-in-inactive": {"Grant"},
    "customer-only": {"Grant"},
    "recipient-not-covered": {"Grant"},
    "region-unknown": {"Grant"},
    "party-restriction": {"PartyRestriction"},
    "unencoded-term": {"UnencodedTerm"},
    "model-ownership": {"ModelOwnership"},
    "presence-not-granted": {"TrainingPosition"},
}


def verdict(tree: dict[str, Any]) -> str:
    """Return the verdict that follows; raises `AssertionError` for a node that does not follow from its parts."""
    usable, plain = holds(tree["usable"]), holds(tree["plain"])
    if usable and plain:
        return "permit"
    return "permit_with_plan" if usable and tree["mode"] != "strict" else "deny"


def holds(node: dict[str, Any]) -> bool:
    """Return whether a node holds, from its leaves up."""
    if node["op"] == "fact":
        assert node["holds"] is True and "parts" not in node
        for each in node.get("rests_on", []):
            if each["fact"] == "clause":
                assert each["kind"] in BEHIND.get(node["code"], {each["kind"]}), (node["code"], each["kind"])
        return True
    parts = [holds(part) for part in node["parts"]]
    found = {"all": all, "any": any, "none": lambda each: not any(each)}[node["op"]](parts)
    assert found is node["holds"], node["says"]
    return bool(found)


def leaves(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every leaf, those that a duty carries too."""
    match node:
        case list():
            for each in node:
                yield from leaves(each)
        case dict():
            if node.get("op") == "fact":
                yield node
            for each in node.values():
                yield from leaves(each)


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every inner node."""
    if isinstance(node, dict) and "parts" in node:
        yield node
        for part in node["parts"]:
            yield from nodes(part)
