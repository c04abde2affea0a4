"""Circles in what should have none. Pure."""

from collections.abc import Collection, Mapping


def on_circle(edges: Mapping[str, Collection[str]]) -> frozenset[str]:
    """Return the nodes that lead back to themselves."""
    return frozenset(node for node in edges if node in reached(edges.get(node, ()), edges))


def reached(starts: Collection[str], edges: Mapping[str, Collection[str]]) -> frozenset[str]:
    """Return these nodes and all that they lead to; a circle is walked once."""
    found, todo = set(starts), list(starts)
    while todo:
        fresh = set(edges.get(todo.pop(), ())) - found
        found |= fresh
        todo.extend(fresh)
    return frozenset(found)
