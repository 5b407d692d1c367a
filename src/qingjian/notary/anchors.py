"""Whom the notary asks, before it signs, what the world has already seen: witnesses and mirrors.

An anchor remembers the largest checkpoint of an origin; a source can also give back files. Both are
outside the data folder, so a restored backup cannot make them forget.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from qingjian.ledger.checkpoint import open_checkpoint, read_checkpoint
from qingjian.ledger.errors import LedgerError
from qingjian.ledger.note import VerifierKey
from qingjian.ledger.tiles import (
    ENTRIES,
    TILE_HEIGHT,
    TILE_WIDTH,
    Tile,
    TileNodes,
    cut_tile,
    tiles_between,
)
from qingjian.ledger.tree import consistency_proof, root, verify_consistency
from qingjian.ledger.witness import origin_hash
from qingjian.notary.errors import NotaryError
from qingjian.notary.files import CHECKPOINT, LogFiles


class AnchorUnreachableError(NotaryError):
    """The anchor did not answer; nothing is known from that."""


class Anchor(Protocol):
    """Remembers checkpoints outside this node's data folder."""

    @property
    def name(self) -> str: ...

    def latest(self, shard: str, origin: str) -> bytes | None:
        """Signed note of the largest checkpoint it knows, None when it knows none.

        Raises AnchorUnreachableError when it cannot be asked.
        """
        ...


class Depositary(Anchor, Protocol):
    """An anchor that must hold every checkpoint durably BEFORE it is published.

    Only a depositary can show, after a backup was restored, that nothing newer was ever published: a
    witness that is asked now and then may be behind.
    """

    def deposit(self, shard: str, note: bytes, files: LogFiles, keys: Sequence[VerifierKey]) -> object:
        """Keep a signed checkpoint (and what it needs of the log). OSError or AnchorUnreachableError when
        it cannot; LedgerError when it holds another history."""
        ...


class Source(Protocol):
    """Gives back files of the log."""

    def read(self, shard: str, name: str) -> bytes | None:
        """Content of a file of a shard, None when it has none."""
        ...


HttpGet = Callable[[str], tuple[int, bytes]]
"""``get(url) -> (status, body)``; raises OSError when there is no answer."""


class WitnessAnchor:
    """A witness asked over its monitoring prefix (C2SP tlog-witness)."""

    def __init__(self, name: str, prefix: str, get: HttpGet) -> None:
        self.name = name
        self._prefix = prefix.rstrip("/")
        self._get = get

    def latest(self, shard: str, origin: str) -> bytes | None:
        try:
            status, body = self._get(f"{self._prefix}/{origin_hash(origin)}/checkpoint")
        except OSError as error:
            raise AnchorUnreachableError(f"{self.name}: {error}") from error
        if status == 404:
            return None
        if status != 200:
            raise AnchorUnreachableError(f"{self.name}: HTTP {status}")
        return body


class FolderMirror:
    """A verifying copy of the public part in another folder, best on another machine's disk.

    It accepts only growth of what it has, so a rewritten log cannot be copied over it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = str(folder.resolve())

    def _files(self, shard: str) -> LogFiles:
        return LogFiles(self.folder / shard)

    def latest(self, shard: str, origin: str) -> bytes | None:
        if not self.folder.is_dir():
            raise AnchorUnreachableError(f"{self.name}: {self.folder} is not there")
        return self._files(shard).read(CHECKPOINT)

    def read(self, shard: str, name: str) -> bytes | None:
        return self._files(shard).read(name)

    def update(self, shard: str, published: LogFiles, keys: Sequence[VerifierKey]) -> int:
        """Copy what is new of a published shard; returns the size copied to. Errors as in ``deposit``."""
        note = published.read(CHECKPOINT)
        return 0 if note is None else self.deposit(shard, note, published, keys)

    def deposit(self, shard: str, note: bytes, files: LogFiles, keys: Sequence[VerifierKey]) -> int:
        """Copy what a signed checkpoint needs, then the checkpoint; returns its size.

        Raises LedgerError when it is not signed by ``keys``, does not continue the copy, or the tiles
        do not hash to its root; AnchorUnreachableError when the folder is not there.
        """
        if not self.folder.is_dir():
            raise AnchorUnreachableError(f"{self.name}: {self.folder} is not there")
        checkpoint = open_checkpoint(note, keys).checkpoint
        own = self._files(shard)
        held_note = own.read(CHECKPOINT)
        nodes = TileNodes(checkpoint.size, files.tile)
        size = 0
        if held_note is not None:
            held = read_checkpoint(held_note)[0]
            size = held.size
            if size > checkpoint.size:
                raise LedgerError(f"the published log is shorter ({checkpoint.size}) than its copy ({size})")
            path = consistency_proof(size, checkpoint.size, nodes.read)
            verify_consistency(size, held.root, checkpoint.size, checkpoint.root, path)
        if root(checkpoint.size, nodes.read) != checkpoint.root:
            raise LedgerError("the published tiles do not hash to the published root")
        for tile in tiles_between(size, checkpoint.size, entries=True):
            own.write(tile.path, files.tile(tile))
        own.sync()
        own.publish(CHECKPOINT, note)
        own.drop_partials(size, checkpoint.size)
        return checkpoint.size


class SourceAnchor:
    """A source asked for the checkpoint it holds."""

    def __init__(self, source: Source, name: str = "source") -> None:
        self._source = source
        self.name = name

    def latest(self, shard: str, origin: str) -> bytes | None:
        return self._source.read(shard, CHECKPOINT)


class SourceFiles:
    """Reads tiles of one shard from a source, cut out of a wider tile when the exact one is not there."""

    def __init__(self, source: Source, shard: str) -> None:
        self._source = source
        self._shard = shard
        note = source.read(shard, CHECKPOINT)
        self._size = 0 if note is None else read_checkpoint(note)[0].size

    def tile(self, tile: Tile) -> bytes:
        count = self._size >> (max(tile.level, 0) * TILE_HEIGHT)
        held = min(TILE_WIDTH, count - tile.index * TILE_WIDTH)
        for width in (tile.width, held, TILE_WIDTH):
            if width >= tile.width:
                content = self._source.read(self._shard, Tile(tile.level, tile.index, width).path)
                if content is not None:
                    return content if width == tile.width else cut_tile(tile, content)
        raise FileNotFoundError(f"{'bundle' if tile.level == ENTRIES else 'tile'} {tile.path}")
