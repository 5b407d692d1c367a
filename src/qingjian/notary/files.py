"""Files of one log on disk: written atomically, made durable together, readable by any web server."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from qingjian.contracts.folders import sync_folder, write_durably
from qingjian.ledger.tiles import ENTRIES, TILE_HEIGHT, TILE_WIDTH, Tile, cut_tile, tiles_between

CHECKPOINT = "checkpoint"
COSIGNED_CHECKPOINT = "checkpoint-cosigned"


class LogFiles:
    """Tiles, bundles and checkpoints below one folder.

    ``write`` makes a file visible whole or not at all; ``sync`` makes everything written since the
    last ``sync`` survive a power cut. Nothing beyond the recorded head is ever trusted.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._unsynced: dict[Path, None] = {}
        self._new_folders: dict[Path, None] = {}

    def write(self, name: str, content: bytes) -> None:
        """Put a file in place by rename; durable only after ``sync``."""
        path = self.folder / name
        self._make_folder(path.parent)
        beside = path.with_name(f".{path.name}.part")
        beside.write_bytes(content)
        beside.replace(path)
        self._unsynced[path] = None

    def _make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            self._make_folder(folder.parent)
            folder.mkdir(exist_ok=True)
            self._new_folders[folder.parent] = None

    def sync(self) -> None:
        """fsync every file written since the last call, then their folders."""
        for path in self._unsynced:
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        for folder in {path.parent: None for path in self._unsynced} | self._new_folders:
            sync_folder(folder)
        self._unsynced.clear()
        self._new_folders.clear()

    def publish(self, name: str, content: bytes) -> None:
        """Replace a file atomically and durably."""
        self._make_folder(self.folder)
        write_durably(self.folder / name, content)

    def read(self, name: str) -> bytes | None:
        """Content of a file, or None when there is none."""
        try:
            return (self.folder / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def tile(self, tile: Tile) -> bytes:
        """Content of a tile, cut out of the full one when the partial one is gone (FileNotFoundError)."""
        content = self.read(tile.path)
        if content is None and tile.width < TILE_WIDTH:
            full = self.read(tile.full.path)
            content = None if full is None else cut_tile(tile, full)
        if content is None:
            raise FileNotFoundError(self.folder / tile.path)
        return content

    def write_tiles(self, tiles: Iterable[tuple[Tile, bytes]]) -> None:
        for tile, content in tiles:
            self.write(tile.path, content)

    def drop_beyond(self, size: int, reach: int) -> list[str]:
        """Remove tiles and bundles that the head of ``size`` leaves does not have, up to ``reach`` leaves more.

        They are the rest of an append that was cut off before its head was recorded; left in place, a
        client that asks for a full tile as a fallback could keep wrong bytes for ever.
        """
        dropped = []
        level = ENTRIES
        while level <= 0 or (size + reach) >> (level * TILE_HEIGHT):
            count = size >> (max(level, 0) * TILE_HEIGHT)
            last = (size + reach) >> (max(level, 0) * TILE_HEIGHT)
            for index in range(count // TILE_WIDTH, last // TILE_WIDTH + 1):
                width = max(0, count - index * TILE_WIDTH)
                dropped += self._drop_wider(level, index, width)
            level += 1
        return dropped

    def _drop_wider(self, level: int, index: int, width: int) -> list[str]:
        full = self.folder / Tile(level, index).path
        partial = full.with_name(f"{full.name}.p")
        gone = []
        if full.exists():
            full.unlink()
            gone.append(full)
        if partial.is_dir():
            for path in partial.iterdir():
                if path.name.startswith(".") or int(path.name) > width:
                    path.unlink()
                    gone.append(path)
        return [str(path.relative_to(self.folder)) for path in gone]

    def drop_partials(self, old: int, new: int) -> None:
        """Remove partial tiles whose full tile now exists; tlog-tiles allows it, and it keeps folders small."""
        for tile in (*tiles_between(old, new, entries=True),):
            if tile.width == TILE_WIDTH:
                full = self.folder / tile.path
                partial = full.with_name(f"{full.name}.p")
                if partial.is_dir():
                    for path in partial.iterdir():
                        path.unlink()
                    partial.rmdir()
