"""The tree as it is stored: reading its tiles, and writing what a batch adds to it."""

from collections.abc import Sequence

from django.db import connection

from lineage.journal import seals
from lineage.journal.models import Leaf, Node
from lineage.ledger import tiles, tree
from lineage.ledger.errors import BadForm
from lineage.ledger.frontier import Grown

_LEAVES = """INSERT INTO journal_leaf (index, entry_ref, hash, seal)
SELECT * FROM unnest(%s::bigint[], %s::text[], %s::bytea[], %s::bytea[])"""
_NODES = "INSERT INTO journal_node (level, index, hash) SELECT * FROM unnest(%s::smallint[], %s::bigint[], %s::bytea[])"


def nodes(size: int) -> tree.Nodes:
    """The nodes of the tree of the first `size` entries; every tile is read once, when it is first asked for."""
    return tiles.nodes(size, read_tile)


def read_tile(tile: tiles.Tile) -> list[bytes]:
    """The hashes of one tile. Raise `BadForm` when they are not all there."""
    start = tile.index * tiles.WIDTH
    if start + tile.width > 1 << 63:
        raise BadForm("no tile has this address")
    span = range(start, start + tile.width)
    rows = Leaf.objects.all() if tile.level == 0 else Node.objects.filter(level=tile.level)
    found = rows.filter(index__gte=span.start, index__lt=span.stop).order_by("index").values_list("index", "hash")
    hashes = [bytes(each) for index, each in found]
    if len(hashes) != tile.width:
        raise BadForm(f"tile {tile.path} is not whole: {len(hashes)} of {tile.width} hashes")
    return hashes


def append(leaves: Sequence[tuple[str, bytes]], grown: Sequence[Grown]) -> None:
    """Store the leaves `(entry reference, hash)` and those completed subtrees that stand in a tile."""
    places = [
        (each.index, ref, each.hash, seals.leaf(each.index, ref, each.hash))
        for each, (ref, _) in zip(_of_level_zero(grown), leaves, strict=True)
    ]
    above = [
        (each.level // tiles.HEIGHT, each.index, each.hash)
        for each in grown
        if each.level and each.level % tiles.HEIGHT == 0
    ]
    _insert(_LEAVES, places)
    _insert(_NODES, above)


def _of_level_zero(grown: Sequence[Grown]) -> list[Grown]:
    return [each for each in grown if each.level == 0]


def _insert(statement: str, rows: Sequence[tuple[object, ...]]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(statement, [list(column) for column in zip(*rows, strict=True)])
