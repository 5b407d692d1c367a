"""Static files of a tiled log (C2SP tlog-tiles): names, contents, growth and reading.

A tile holds up to 256 consecutive hashes of one level (a level here is eight levels of the binary
tree); an entry bundle holds up to 256 entries, each behind a big-endian uint16 length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from qingjian.ledger.errors import MalformedError
from qingjian.ledger.hashing import HASH_SIZE, node_hash, perfect_root
from qingjian.ledger.tree import Node, root

TILE_HEIGHT = 8
TILE_WIDTH = 256
ENTRIES = -1
"""Level of the entry bundles, which share the naming of tiles."""
MAX_ENTRY = 65_535

_PATH = re.compile(r"tile/(entries|[0-9]{1,2})((?:/x[0-9]{3})*)/([0-9]{3})(?:\.p/([0-9]{1,3}))?")


@dataclass(frozen=True, order=True)
class Tile:
    """Place of one tile: ``level`` 0 to 63 or ``ENTRIES``, ``index``, ``width`` 1 to 256 (256 is full)."""

    level: int
    index: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        if not (ENTRIES <= self.level <= 63 and self.index >= 0 and 1 <= self.width <= TILE_WIDTH):
            raise MalformedError(f"no such tile: level {self.level}, index {self.index}, width {self.width}")

    @property
    def full(self) -> Tile:
        """The full tile at the same place."""
        return Tile(self.level, self.index)

    @property
    def path(self) -> str:
        """Path below the log's prefix, for example ``tile/0/x001/x234/067.p/8``."""
        digits = f"{self.index:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
        place = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
        level = "entries" if self.level == ENTRIES else str(self.level)
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{level}/{place}{partial}"


def parse_tile_path(path: str) -> Tile:
    """The tile a path names; MalformedError for any spelling but the one of ``Tile.path``."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise MalformedError(f"not a tile path: {path!r}")
    level, high, low, width = match.groups()
    tile = Tile(
        ENTRIES if level == "entries" else int(level),
        int(high.replace("/x", "") + low),
        TILE_WIDTH if width is None else int(width),
    )
    if tile.path != path:
        raise MalformedError(f"not the one spelling of a tile path: {path!r}")
    return tile


def tiles_between(old: int, new: int, *, entries: bool = False) -> Iterator[Tile]:
    """Tiles that a log must add when it grows from ``old`` to ``new`` leaves (bundles with ``entries``)."""
    if entries:
        yield from _level_between(ENTRIES, old, new)
    level = 0
    while new >> (level * TILE_HEIGHT):
        yield from _level_between(level, old >> (level * TILE_HEIGHT), new >> (level * TILE_HEIGHT))
        level += 1


def _level_between(level: int, old: int, new: int) -> Iterator[Tile]:
    if new == old:
        return
    for index in range(old // TILE_WIDTH, -(-new // TILE_WIDTH)):
        yield Tile(level, index, min(TILE_WIDTH, new - index * TILE_WIDTH))


def split_hashes(tile: Tile, content: bytes) -> list[bytes]:
    """Hashes in a tile; MalformedError when the length is not ``width`` times 32 bytes."""
    if len(content) != tile.width * HASH_SIZE:
        raise MalformedError(f"{tile.path} has {len(content)} bytes instead of {tile.width * HASH_SIZE}")
    return [content[i : i + HASH_SIZE] for i in range(0, len(content), HASH_SIZE)]


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Entry bundle of 1 to 256 entries of at most 65,535 bytes each."""
    if not 1 <= len(entries) <= TILE_WIDTH:
        raise MalformedError(f"a bundle holds 1 to 256 entries, not {len(entries)}")
    parts = []
    for entry in entries:
        if len(entry) > MAX_ENTRY:
            raise MalformedError(f"an entry of {len(entry)} bytes is longer than {MAX_ENTRY}")
        parts += [len(entry).to_bytes(2, "big"), entry]
    return b"".join(parts)


def decode_bundle(tile: Tile, content: bytes) -> list[bytes]:
    """Entries of a bundle; MalformedError when there are not exactly ``width`` whole ones."""
    entries = []
    position = 0
    while position < len(content):
        length = int.from_bytes(content[position : position + 2], "big")
        entry = content[position + 2 : position + 2 + length]
        if position + 2 > len(content) or len(entry) != length:
            raise MalformedError(f"{tile.path} ends inside an entry")
        entries.append(entry)
        position += 2 + length
    if len(entries) != tile.width:
        raise MalformedError(f"{tile.path} has {len(entries)} entries instead of {tile.width}")
    return entries


TileFetcher = Callable[[Tile], bytes]
"""Content of a tile. May raise whatever its back end raises when there is none."""


class TileNodes:
    """Node reader over tiles of a tree of ``size`` leaves.

    Asks for tiles of exactly the width that ``size`` implies, each at most once; a back end that has
    only the full tile cuts it (see ``cut_tile``).
    """

    def __init__(self, size: int, fetch: TileFetcher) -> None:
        self.size = size
        self._fetch = fetch
        self._tiles: dict[tuple[int, int], list[list[bytes]]] = {}

    def read(self, nodes: Sequence[Node]) -> list[bytes]:
        return [self._node(level, index) for level, index in nodes]

    def _node(self, level: int, index: int) -> bytes:
        tile_level, inner = divmod(level, TILE_HEIGHT)
        tile_index, offset = divmod(index, TILE_WIDTH >> inner)
        row = self._rows(tile_level, tile_index)[inner]
        if offset >= len(row):
            raise MalformedError(f"node {level}/{index} is not in a tree of {self.size} leaves")
        return row[offset]

    def _rows(self, level: int, index: int) -> list[list[bytes]]:
        """The eight levels of the binary tree that a tile stands for, its own hashes first."""
        key = (level, index)
        if key not in self._tiles:
            width = min(TILE_WIDTH, (self.size >> (level * TILE_HEIGHT)) - index * TILE_WIDTH)
            if width < 1:
                raise MalformedError(f"tile {level}/{index} is not in a tree of {self.size} leaves")
            tile = Tile(level, index, width)
            rows = [split_hashes(tile, self._fetch(tile))]
            for _ in range(TILE_HEIGHT - 1):
                below = rows[-1]
                rows.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])
            self._tiles[key] = rows
        return self._tiles[key]


def cut_tile(tile: Tile, full: bytes) -> bytes:
    """Content of a partial tile taken from the full tile (or a wider one) at the same place."""
    if tile.level != ENTRIES:
        return full[: tile.width * HASH_SIZE]
    position = 0
    for _ in range(tile.width):
        position += 2 + int.from_bytes(full[position : position + 2], "big")
    return full[:position]


@dataclass(frozen=True)
class Growth:
    """What appending leads to: the new head and every new file content, lower levels first."""

    size: int
    root: bytes
    tiles: dict[Tile, bytes]


def grow(size: int, leaf_hashes: Sequence[bytes], fetch: TileFetcher) -> Growth:
    """Append leaf hashes to a tree of ``size`` leaves; reads only the tiles of its right edge."""
    new_size = size + len(leaf_hashes)
    tiles: dict[Tile, bytes] = {}
    level, count, added = 0, size, list(leaf_hashes)
    while added:
        index, width = divmod(count, TILE_WIDTH)
        hashes = split_hashes(edge := Tile(level, index, width), fetch(edge)) if width else []
        hashes += added
        completed = []
        for offset in range(0, len(hashes), TILE_WIDTH):
            group = hashes[offset : offset + TILE_WIDTH]
            tiles[Tile(level, index + offset // TILE_WIDTH, len(group))] = b"".join(group)
            if len(group) == TILE_WIDTH:
                completed.append(perfect_root(group))
        level, count, added = level + 1, count >> TILE_HEIGHT, completed

    def fetch_grown(tile: Tile) -> bytes:
        content = tiles.get(tile)
        return fetch(tile) if content is None else content

    return Growth(new_size, root(new_size, TileNodes(new_size, fetch_grown).read), tiles)
