"""C2SP tiles (c2sp.org/tlog-tiles): 256 consecutive hashes of every eighth level of the tree, and their addresses."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lineage.ledger import hashing, text
from lineage.ledger.errors import BadForm
from lineage.ledger.tree import Nodes

HEIGHT = 8
WIDTH = 1 << HEIGHT
_INDEX = re.compile(r"(?:x[0-9]{3}/)*[0-9]{3}")

type TileReader = Callable[["Tile"], Sequence[bytes]]


@dataclass(frozen=True)
class Tile:
    """The hashes `[index * 256, index * 256 + width)` of tree level `8 * level`."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """`<L>/<N>[.p/<W>]`, e.g. `0/x001/234.p/5`."""
        digits = [f"{self.index // 1000**power % 1000:03}" for power in range(_groups(self.index))]
        name = "/".join([*(f"x{each}" for each in reversed(digits[1:])), digits[0]])
        return f"{self.level}/{name}" + (f".p/{self.width}" if self.width < WIDTH else "")


def parse(path: str) -> Tile:
    """Read `<L>/<N>[.p/<W>]`; raise `BadForm` for anything but the one spelling of a tile that can exist."""
    level, _, rest = path.partition("/")
    name, partial, width = rest.partition(".p/")
    if not _INDEX.fullmatch(name) or len(name) > 40:
        raise BadForm("a tile's address is <level>/<index in groups of three digits>")
    index = int(name.replace("x", "").replace("/", ""))
    tile = Tile(text.number(level), index, text.number(width) if partial else WIDTH)
    if tile.level > 63 or not 0 < tile.width <= WIDTH or tile.path != path:
        raise BadForm("no tile has this address")
    return tile


def width_at(size: int, level: int, index: int) -> int:
    """How many hashes tile `index` of `level` has in a tree of `size` leaves: 0 where there is none, 256 where it is full."""
    return max(0, min(WIDTH, (size >> HEIGHT * level) - index * WIDTH))


def nodes(size: int, read: TileReader) -> Nodes:
    """The nodes of a tree of `size` leaves, from its tiles. Each tile is read and hashed at most once."""
    levels: dict[tuple[int, int], list[list[bytes]]] = {}

    def node(level: int, index: int) -> bytes:
        tile_level, above = divmod(level, HEIGHT)
        tile_index, offset = divmod(index << above, WIDTH)
        key = tile_level, tile_index
        if key not in levels:
            levels[key] = _pyramid(read(Tile(*key, width_at(size, *key))))
        return levels[key][above][offset >> above]

    return node


def _pyramid(row: Sequence[bytes]) -> list[list[bytes]]:
    found = [list(row)]
    for _ in range(HEIGHT - 1):
        below = found[-1]
        found.append([hashing.node(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)])
    return found


def _groups(index: int) -> int:
    return max(1, -(-len(str(index)) // 3))
