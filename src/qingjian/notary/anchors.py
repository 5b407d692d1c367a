"""Whom the notary asks, before it signs, what the world has already seen: witnesses and mirrors.

An anchor remembers the largest checkpoint of an origin; a source can also give back files. Both are
outside the data folder, so a restored backup cannot make them forget.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from qingjian.ledger.checkpoint import open_checkpoint, read_checkpoint
from qingjian.ledger.errors import LedgerError
from qingjian.ledger.note import VerifierKey
from qingjian.ledger.tiles import ENTRIES, Tile, TileNodes, cut_tile, tiles_between
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

    def __init__(self, folder: Path, name: str = "mirror") -> None:
        self.folder = folder
        self.name = name

    def _files(self, shard: str) -> LogFiles:
        return LogFiles(self.folder / shard)

    def latest(self, shard: str, origin: str) -> bytes | None:
        if not self.folder.is_dir():
            raise AnchorUnreachableError(f"{self.name}: {self.folder} is not there")
        return self._files(shard).read(CHECKPOINT)

    def read(self, shard: str, name: str) -> bytes | None:
        return self._files(shard).read(name)

    def update(self, shard: str, published: LogFiles, keys: list[VerifierKey]) -> int:
        """Copy what is new of a published shard; returns the size copied to.

        Raises LedgerError when the published checkpoint is not signed by ``keys``, does not continue
        the copy, or its tiles do not hash to its root.
        """
        note = published.read(CHECKPOINT)
        if note is None:
            return 0
        checkpoint = open_checkpoint(note, keys).checkpoint
        own = self._files(shard)
        held_note = own.read(CHECKPOINT)
        nodes = TileNodes(checkpoint.size, published.tile)
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
            own.write(tile.path, published.tile(tile))
        own.sync()
        own.publish(CHECKPOINT, note)
        own.drop_partials(size, checkpoint.size)
        return checkpoint.size


class SourceFiles:
    """Reads tiles of one shard from a source, with the full tile as fallback."""

    def __init__(self, source: Source, shard: str) -> None:
        self._source = source
        self._shard = shard

    def tile(self, tile: Tile) -> bytes:
        content = self._source.read(self._shard, tile.path)
        if content is None:
            full = self._source.read(self._shard, tile.full.path)
            content = None if full is None else cut_tile(tile, full)
        if content is None:
            raise FileNotFoundError(f"{'bundle' if tile.level == ENTRIES else 'tile'} {tile.path}")
        return content
