"""Roots and proofs of a stored tree (RFC 6962 sections 2.1.1 and 2.1.2), from the roots of its perfect subtrees.

`Nodes` is a function `(level, index) -> hash` that knows the root of the leaves `[index << level, (index + 1) << level)` for every
such range that lies wholly inside the tree.
"""

from collections.abc import Callable, Sequence

from lineage.ledger import hashing
from lineage.ledger.errors import BadForm

type Nodes = Callable[[int, int], bytes]


def of_leaves(leaf_hashes: Sequence[bytes]) -> Nodes:
    """The nodes of a tree in memory; every level is hashed once, here."""
    levels = [list(leaf_hashes)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([hashing.node(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)])
    return lambda level, index: levels[level][index]


def root(size: int, nodes: Nodes) -> bytes:
    """The Merkle tree hash of the first `size` leaves."""
    return _range(0, size, nodes) if size else hashing.EMPTY_ROOT


def inclusion(index: int, size: int, nodes: Nodes) -> list[bytes]:
    """PATH(index, D[size]): sibling hashes from the leaf upwards. Raise `BadForm` for a leaf outside the tree."""
    if not 0 <= index < size:
        raise BadForm(f"there is no leaf {index} in a tree of {size}")
    start, end, found = 0, size, []
    while end - start > 1:
        middle = start + hashing.largest_power_below(end - start)
        if index < middle:
            found.append(_range(middle, end, nodes))
            end = middle
        else:
            found.append(_range(start, middle, nodes))
            start = middle
    return found[::-1]


def consistency(first: int, second: int, nodes: Nodes) -> list[bytes]:
    """PROOF(first, D[second]): that the tree of `first` leaves is a prefix of that of `second`. Empty when they are equal."""
    if not 0 < first <= second:
        raise BadForm(f"a tree of {first} leaves is no prefix of one of {second}")
    start, end, found, whole = 0, second, [], True
    while first != end:
        middle = start + hashing.largest_power_below(end - start)
        if first <= middle:
            found.append(_range(middle, end, nodes))
            end = middle
        else:
            found.append(_range(start, middle, nodes))
            start, whole = middle, False
    if not whole:
        found.append(_range(start, end, nodes))
    return found[::-1]


def _range(start: int, end: int, nodes: Nodes) -> bytes:
    """MTH(D[start:end]); RFC 6962 only ever asks for ranges whose start is a multiple of their first perfect subtree."""
    size = end - start
    if size & size - 1 == 0:
        level = size.bit_length() - 1
        return nodes(level, start >> level)
    middle = start + hashing.largest_power_below(size)
    return hashing.node(_range(start, middle, nodes), _range(middle, end, nodes))
