"""Names and contents of tiles, and growth across every boundary."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.ledger.errors import MalformedError
from qingjian.ledger.hashing import leaf_hash
from qingjian.ledger.tiles import (
    ENTRIES,
    Tile,
    TileNodes,
    cut_tile,
    decode_bundle,
    encode_bundle,
    grow,
    parse_tile_path,
    tiles_between,
)
from qingjian.ledger.tree import MemoryTree, consistency_proof, inclusion_proof, root

BOUNDARIES = [1, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537]


@pytest.fixture(scope="module")
def reference() -> MemoryTree:
    return MemoryTree([leaf_hash(i.to_bytes(4, "big")) for i in range(70_000)])


def leaves(start: int, end: int) -> list[bytes]:
    return [leaf_hash(i.to_bytes(4, "big")) for i in range(start, end)]


def test_paths_of_the_specification() -> None:
    assert Tile(0, 1_234_067).path == "tile/0/x001/x234/067"
    assert Tile(ENTRIES, 0, 8).path == "tile/entries/000.p/8"
    assert Tile(2, 999).path == "tile/2/999"
    assert Tile(2, 1000, 255).path == "tile/2/x001/000.p/255"


def test_tree_of_70000_has_the_tiles_the_specification_counts() -> None:
    tiles = list(tiles_between(0, 70_000))
    assert sum(t.level == 0 and t.width == 256 for t in tiles) == 273
    assert [t for t in tiles if t.width < 256] == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert sum(t.level == 1 and t.width == 256 for t in tiles) == 1
    assert list(tiles_between(0, 256)) == [Tile(0, 0), Tile(1, 0, 1)]


@given(st.integers(-1, 63), st.integers(0, 10**9), st.integers(1, 256))
def test_a_path_has_one_spelling(level: int, index: int, width: int) -> None:
    tile = Tile(level, index, width)
    assert parse_tile_path(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0",
        "tile/00/000",
        "tile/64/000",
        "tile/0/x000/001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/08",
        "tile/0/001/002",
        "tile/data/000",
        "/tile/0/000",
        "tile/0/000/../001",
        "tile/0/000\n",
    ],
)
def test_other_spellings_are_refused(path: str) -> None:
    with pytest.raises(MalformedError):
        parse_tile_path(path)


@given(st.lists(st.integers(0, 700), min_size=1, max_size=8))
def test_any_append_sequence_gives_the_same_tree(steps: list[int]) -> None:
    stored: dict[Tile, bytes] = {}
    size = 0
    for step in steps:
        growth = grow(size, leaves(size, size + step), stored.__getitem__)
        assert set(growth.tiles) == set(tiles_between(size, size + step))
        stored.update(growth.tiles)
        size += step
        assert growth.size == size
    assert growth.root == MemoryTree(leaves(0, size)).root()
    at_once = grow(0, leaves(0, size), {}.__getitem__).tiles
    assert all(stored[tile] == content for tile, content in at_once.items())


@pytest.mark.parametrize("size", BOUNDARIES)
def test_boundaries(size: int, reference: MemoryTree) -> None:
    stored: dict[Tile, bytes] = {}
    before = size - 1
    stored.update(grow(0, leaves(0, before), stored.__getitem__).tiles)
    one = grow(before, leaves(before, size), stored.__getitem__)
    assert set(one.tiles) == set(tiles_between(before, size))
    assert one.root == reference.root(size)
    stored.update(one.tiles)
    nodes = TileNodes(size, stored.__getitem__)
    assert root(size, nodes.read) == reference.root(size)
    for index in {0, size // 2, size - 1}:
        assert inclusion_proof(index, size, nodes.read) == reference.inclusion_proof(index, size)
    for old in {0, 1, size // 2, before, size}:
        assert consistency_proof(old, size, nodes.read) == reference.consistency_proof(old, size)


def test_reading_asks_for_exactly_the_width_of_its_size(reference: MemoryTree) -> None:
    """A wide tile on disk serves older sizes after a cut, and nothing beyond the size is readable."""
    stored = grow(0, leaves(0, 600), {}.__getitem__).tiles
    asked = []

    def fetch(tile: Tile) -> bytes:
        asked.append(tile)
        wide = next(t for t in stored if (t.level, t.index) == (tile.level, tile.index))
        return cut_tile(tile, stored[wide])

    assert root(300, TileNodes(300, fetch).read) == reference.root(300)
    assert sorted(asked) == [Tile(0, 1, 44), Tile(1, 0, 1)]
    with pytest.raises(MalformedError):
        TileNodes(300, fetch).read([(0, 300)])
    with pytest.raises(MalformedError):
        TileNodes(300, fetch).read([(0, 600)])


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256), st.data())
def test_bundles(entries: list[bytes], data: st.DataObject) -> None:
    tile = Tile(ENTRIES, 0, len(entries))
    content = encode_bundle(entries)
    assert decode_bundle(tile, content) == entries
    shorter = data.draw(st.integers(1, len(entries)))
    cut = cut_tile(Tile(ENTRIES, 0, shorter), content)
    assert cut == encode_bundle(entries[:shorter])
    for wrong in (content[:-1], content + b"\x00", content + b"\x00\x00"):
        with pytest.raises(MalformedError):
            decode_bundle(tile, wrong)


def test_limits_of_bundles() -> None:
    assert len(encode_bundle([b"x" * 65_535])) == 65_537
    for entries in ([], [b""] * 257, [b"x" * 65_536]):
        with pytest.raises(MalformedError):
            encode_bundle(entries)
