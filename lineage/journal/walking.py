"""Growing the tree again, leaf by leaf, and remembering what must be compared."""

from collections.abc import Iterator

from lineage.journal.findings import Finding
from lineage.journal.models import Leaf
from lineage.ledger import tiles
from lineage.ledger.frontier import Frontier


class Walk:
    """The tree of the stored leaf hashes in their order; roots are kept at `sizes`, and the roots of full tiles."""

    def __init__(self, sizes: set[int]) -> None:
        self.frontier = Frontier()
        self.sizes = sizes
        self.next = 0
        self.roots: dict[int, bytes] = {}
        self.nodes: dict[tuple[int, int], bytes] = {}

    @property
    def size(self) -> int:
        """How many leaves were walked."""
        return self.frontier.size

    def step(self, leaf: Leaf) -> Iterator[Finding]:
        """Take the next leaf in."""
        if leaf.index != self.next:
            gone = f"entry {self.next}" if leaf.index - self.next == 1 else f"entries {self.next} to {leaf.index - 1}"
            yield Finding(gone, "deleted: the ledger has a hole there")
        self.next = leaf.index + 1
        value = bytes(leaf.hash)
        if len(value) != 32:
            yield Finding(f"entry {leaf.index} ({leaf.entry_ref})", "its leaf hash is not a hash")
            value = bytes(32)
        for grown in self.frontier.append(value):
            level, rest = divmod(grown.level, tiles.HEIGHT)
            if level and not rest:
                self.nodes[level, grown.index] = grown.hash
        if self.size in self.sizes:
            self.roots[self.size] = self.frontier.root()
