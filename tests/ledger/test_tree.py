"""The tree against RFC 6962's recursive definition, its well-known vectors, and every way to bend a proof."""

import random
from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.ledger import hashing, proofs, tiles, tree
from lineage.ledger.errors import BadForm, BadProof
from lineage.ledger.frontier import Frontier

LARGEST = 64
# The eight entries and roots that the tests of Certificate Transparency implementations share.
VECTOR_ENTRIES = [bytes.fromhex(each) for each in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"
)]  # fmt: skip
VECTOR_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def mth(entries: Sequence[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = 1
    while k * 2 < len(entries):
        k *= 2
    return sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()


def entries_of(size: int) -> list[bytes]:
    return [f"entry {at}".encode() for at in range(size)]


def nodes_of(size: int) -> tree.Nodes:
    return tree.of_leaves([hashing.leaf(each) for each in entries_of(size)])


@pytest.mark.parametrize("size", range(1, 9))
def test_the_well_known_roots(size: int) -> None:
    frontier = Frontier()
    frontier.extend(map(hashing.leaf, VECTOR_ENTRIES[:size]))
    assert frontier.root().hex() == VECTOR_ROOTS[size - 1]


def test_the_well_known_proofs() -> None:
    nodes = tree.of_leaves([hashing.leaf(each) for each in VECTOR_ENTRIES])
    assert [each.hex() for each in tree.inclusion(0, 8, nodes)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert [each.hex() for each in tree.consistency(6, 8, nodes)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert Frontier().root() == hashing.EMPTY_ROOT == mth([])


@given(st.lists(st.binary(max_size=40), max_size=80))
def test_growing_leaf_by_leaf_gives_the_recursive_root(entries: list[bytes]) -> None:
    frontier = Frontier()
    for each in entries:
        frontier = Frontier.unpack(frontier.size, frontier.pack())
        frontier.extend([hashing.leaf(each)])
    assert frontier.root() == mth(entries)
    assert entries == [] or tree.root(len(entries), tree.of_leaves([hashing.leaf(each) for each in entries])) == mth(
        entries
    )


@pytest.mark.parametrize("size", [0, 1, 3, 4, 7])
def test_a_right_edge_is_read_as_it_was_written(size: int) -> None:
    grown = Frontier()
    grown.extend(map(hashing.leaf, entries_of(size)))
    read = Frontier.unpack(size, grown.pack())
    assert (read.size, read.root()) == (size, mth(entries_of(size)))
    with pytest.raises(BadForm, match="whole number"):
        Frontier.unpack(size, grown.pack() + b"\0")


def test_a_proof_from_tiles_reads_each_tile_once_and_holds() -> None:
    size, index = 66_000, 65_800
    leaf_hashes = [hashing.leaf(each) for each in entries_of(size)]
    grown = Frontier()
    stored = {(each.level, each.index): each.hash for each in grown.extend(leaf_hashes)}
    asked: list[tiles.Tile] = []

    def read(tile: tiles.Tile) -> list[bytes]:
        asked.append(tile)
        return [stored[tile.level * 8, tile.index * 256 + at] for at in range(tile.width)]

    path = tree.inclusion(index, size, tiles.nodes(size, read))
    proofs.verify_inclusion(leaf_hashes[index], index, size, path, grown.root())
    assert len(asked) == len(set(asked))
    assert {tile.path for tile in asked} == {"0/257.p/208", "1/001.p/1", "2/000.p/1"}


@given(st.integers(1, 700), st.data())
def test_proofs_from_tiles_are_proofs(size: int, data: st.DataObject) -> None:
    leaf_hashes = [hashing.leaf(each) for each in entries_of(size)]
    grown = Frontier()
    stored = {(each.level, each.index): each.hash for each in grown.extend(leaf_hashes)}

    def read(tile: tiles.Tile) -> list[bytes]:
        return [stored[tile.level * 8, tile.index * 256 + at] for at in range(tile.width)]

    nodes, index, first = tiles.nodes(size, read), data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    proofs.verify_inclusion(leaf_hashes[index], index, size, tree.inclusion(index, size, nodes), grown.root())
    proofs.verify_consistency(first, size, tree.consistency(first, size, nodes), mth(entries_of(first)), grown.root())


@pytest.mark.parametrize("size", range(1, LARGEST + 1))
def test_every_inclusion_proof_holds_for_its_leaf_only(size: int) -> None:
    nodes, root = nodes_of(size), mth(entries_of(size))
    for index in range(size):
        path, leaf_hash = tree.inclusion(index, size, nodes), nodes(0, index)
        proofs.verify_inclusion(leaf_hash, index, size, path, root)
        for other in {0, index - 1, index + 1, size - 1} & set(range(size)) - {index}:
            with pytest.raises(BadProof):
                proofs.verify_inclusion(leaf_hash, other, size, path, root)
        for bent in bends(path):
            with pytest.raises(BadProof):
                proofs.verify_inclusion(leaf_hash, index, size, bent, root)


@pytest.mark.parametrize("second", range(1, LARGEST + 1))
def test_every_consistency_proof_holds_for_its_heads_only(second: int) -> None:
    nodes, roots = nodes_of(second), [mth(entries_of(size)) for size in range(second + 1)]
    for first in range(1, second + 1):
        path = tree.consistency(first, second, nodes)
        proofs.verify_consistency(first, second, path, roots[first], roots[second])
        for bent in bends(path):
            with pytest.raises(BadProof):
                proofs.verify_consistency(first, second, bent, roots[first], roots[second])
        if first != second:
            with pytest.raises(BadProof):
                proofs.verify_consistency(first, second, path, roots[second], roots[first])
        if first > 1:
            with pytest.raises(BadProof):
                proofs.verify_consistency(first, second, path, roots[first - 1], roots[second])


def bends(path: list[bytes]) -> list[list[bytes]]:
    """Wrong proofs near a right one: shorter, longer, turned round, one bit flipped in each hash."""
    found = [[*path, hashing.leaf(b"more")], [hashing.leaf(b"more"), *path]]
    if path:
        found += [path[:-1], path[1:]]
    if len(path) > 1 and path[::-1] != path:
        found.append(path[::-1])
    generator = random.Random(len(path))
    for at, each in enumerate(path):
        flipped = bytearray(each)
        flipped[generator.randrange(32)] ^= 1 << generator.randrange(8)
        found.append([*path[:at], bytes(flipped), *path[at + 1 :]])
    return found


@pytest.mark.parametrize(("index", "size"), [(0, 0), (-1, 4), (4, 4), (0, -1)])
def test_a_leaf_outside_the_tree_is_refused(index: int, size: int) -> None:
    with pytest.raises(BadForm):
        proofs.verify_inclusion(bytes(32), index, size, [], bytes(32))
    with pytest.raises(BadForm):
        tree.inclusion(index, size, nodes_of(4))


@pytest.mark.parametrize(("first", "second"), [(0, 4), (5, 4), (-1, 4), (0, 0)])
def test_heads_that_no_proof_can_link_are_refused(first: int, second: int) -> None:
    with pytest.raises(BadForm):
        proofs.verify_consistency(first, second, [], bytes(32), bytes(32))
    with pytest.raises(BadForm):
        tree.consistency(first, second, nodes_of(4))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_hashes_that_are_not_32_bytes_are_refused(size: int) -> None:
    with pytest.raises(BadForm):
        proofs.verify_inclusion(bytes(size), 0, 1, [], bytes(32))
    with pytest.raises(BadForm):
        proofs.verify_inclusion(bytes(32), 0, 2, [bytes(size)], bytes(32))
    with pytest.raises(BadForm):
        proofs.verify_consistency(1, 2, [bytes(size)], bytes(32), bytes(32))
    with pytest.raises(BadForm):
        Frontier(1, [bytes(size)])
    with pytest.raises(BadForm):
        Frontier().extend([bytes(size)])


def test_no_hash_at_all_links_no_two_sizes() -> None:
    with pytest.raises(BadProof, match="empty"):
        proofs.verify_consistency(3, 4, [], mth(entries_of(3)), mth(entries_of(4)))


def test_two_roots_for_one_size_are_a_fork() -> None:
    with pytest.raises(BadProof, match="forked"):
        proofs.verify_consistency(3, 3, [], mth(entries_of(3)), mth(entries_of(2)))


@pytest.mark.parametrize(("size", "count"), [(3, 1), (1, 2), (0, 1), (-1, 0)])
def test_a_frontier_of_the_wrong_width_is_refused(size: int, count: int) -> None:
    with pytest.raises(BadForm):
        Frontier(size, [bytes(32)] * count)
