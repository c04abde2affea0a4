"""Verifying inclusion and consistency (RFC 9162 sections 2.1.3.2 and 2.1.4.2). Each raises `BadProof` or `BadForm`, or returns nothing."""

from collections.abc import Sequence

from lineage.ledger import hashing
from lineage.ledger.errors import BadForm, BadProof


def verify_inclusion(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Show that `leaf_hash` is leaf `index` of the tree of `size` leaves with this `root`."""
    _check_hashes(leaf_hash, root, *proof)
    if size < 1 or not 0 <= index < size:
        raise BadForm(f"there is no leaf {index} in a tree of {size}")
    position, last, current = index, size - 1, leaf_hash
    for sibling in proof:
        if last == 0:
            raise BadProof("the inclusion proof is too long")
        if position & 1 or position == last:
            current = hashing.node(sibling, current)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            current = hashing.node(current, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise BadProof("the inclusion proof is too short")
    if current != root:
        raise BadProof(f"leaf {index} is not in the tree of {size} with this root")


def verify_consistency(first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes) -> None:
    """Show that the tree of `first` leaves is a prefix of the tree of `second` leaves."""
    _check_hashes(first_root, second_root, *proof)
    if not 0 < first <= second:
        raise BadForm(f"no proof can link trees of {first} and {second} leaves")
    if first == second:
        return _verify_equal(proof, first_root, second_root)
    path = list(proof) if first & first - 1 else [first_root, *proof]
    if not path:
        raise BadProof("the consistency proof is empty")
    position, last = first - 1, second - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise BadProof("the consistency proof is too long")
        if position & 1 or position == last:
            old, new = hashing.node(sibling, old), hashing.node(sibling, new)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new = hashing.node(new, sibling)
        position, last = position >> 1, last >> 1
    if last != 0 or old != first_root or new != second_root:
        raise BadProof(f"the tree of {first} leaves is not a prefix of the tree of {second}")


def _verify_equal(proof: Sequence[bytes], first_root: bytes, second_root: bytes) -> None:
    if proof:
        raise BadProof("two trees of one size need no consistency proof")
    if first_root != second_root:
        raise BadProof("two different roots for trees of one size: the ledger was forked")


def _check_hashes(*hashes: bytes) -> None:
    if any(len(each) != hashing.SIZE for each in hashes):
        raise BadForm(f"a hash has {hashing.SIZE} bytes")
