"""The right edge of a growing tree: the roots of its perfect subtrees, largest first (a *compact range* from 0).

It is all that is needed to append a leaf and to know the root: at most 64 hashes, whatever the size.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lineage.ledger import hashing
from lineage.ledger.errors import BadForm


@dataclass(frozen=True)
class Grown:
    """A subtree that became perfect: the root of the leaves `[index << level, (index + 1) << level)`."""

    level: int
    index: int
    hash: bytes


class Frontier:
    """A tree of `size` leaves, by its right edge. Grows in place."""

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        """Raise `BadForm` unless there is one 32-byte hash for each bit set in `size`."""
        self.size = size
        self.hashes = list(hashes)
        if size < 0 or len(self.hashes) != size.bit_count() or any(len(each) != hashing.SIZE for each in self.hashes):
            raise BadForm(f"a tree of {size} leaves has no right edge of {len(self.hashes)} hashes")

    @classmethod
    def unpack(cls, size: int, packed: bytes) -> "Frontier":
        """Read what `pack` wrote."""
        if len(packed) % hashing.SIZE:
            raise BadForm("the right edge is not a whole number of hashes")
        return cls(size, [packed[at : at + hashing.SIZE] for at in range(0, len(packed), hashing.SIZE)])

    def pack(self) -> bytes:
        """The hashes in a row."""
        return b"".join(self.hashes)

    def append(self, leaf_hash: bytes) -> Iterator[Grown]:
        """Append one leaf hash; yield every subtree that it completes, from the leaf itself upwards. Exhaust it."""
        if len(leaf_hash) != hashing.SIZE:
            raise BadForm(f"a leaf hash has {hashing.SIZE} bytes, not {len(leaf_hash)}")
        level, index, current = 0, self.size, leaf_hash
        yield Grown(level, index, current)
        while index & 1:
            current = hashing.node(self.hashes.pop(), current)
            level, index = level + 1, index >> 1
            yield Grown(level, index, current)
        self.hashes.append(current)
        self.size += 1

    def extend(self, leaf_hashes: Iterable[bytes]) -> list[Grown]:
        """Append many; return every subtree that was completed."""
        return [grown for leaf_hash in leaf_hashes for grown in self.append(leaf_hash)]

    def root(self) -> bytes:
        """The Merkle tree hash of all leaves."""
        if not self.hashes:
            return hashing.EMPTY_ROOT
        root = self.hashes[-1]
        for each in reversed(self.hashes[:-1]):
            root = hashing.node(each, root)
        return root
