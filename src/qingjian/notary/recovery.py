"""After a backup was restored or files were lost: bring back what the world has seen, or say why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qingjian.ledger.checkpoint import Checkpoint, open_checkpoint
from qingjian.ledger.errors import LedgerError
from qingjian.ledger.hashing import leaf_hash
from qingjian.ledger.note import VerifierKey
from qingjian.ledger.tiles import (
    ENTRIES,
    TILE_WIDTH,
    Growth,
    Tile,
    TileNodes,
    decode_bundle,
    grow,
    tiles_between,
)
from qingjian.ledger.tree import root
from qingjian.notary.anchors import Anchor, AnchorUnreachableError, Source, SourceFiles
from qingjian.notary.files import CHECKPOINT, LogFiles


@dataclass(frozen=True)
class Survey:
    """What anchors said about one log: the largest checkpoint, who conflicts with us, who gave no usable answer."""

    largest: Checkpoint
    note: bytes | None
    asked: tuple[str, ...]
    conflicts: tuple[str, ...]
    unreachable: tuple[str, ...]
    showed: tuple[str, ...] = ()
    """Who showed a head that this log signed, older or newer, of this history or another."""
    ahead: tuple[str, ...] = ()
    """Those of them whose head is larger than ours."""


def survey(
    shard: str, head: Checkpoint, keys: Sequence[VerifierKey], files: LogFiles, anchors: Sequence[Anchor]
) -> Survey:
    """Compare the recorded head with every anchor's memory of the same log."""
    largest, largest_note = head, None
    asked, conflicts, unreachable, showed, ahead = [], [], [], [], []
    nodes = TileNodes(head.size, files.tile)
    for anchor in anchors:
        try:
            note = anchor.latest(shard, head.origin)
        except AnchorUnreachableError:
            unreachable.append(anchor.name)
            continue
        asked.append(anchor.name)
        if note is None:
            continue
        try:
            seen = open_checkpoint(note, keys).checkpoint
        except LedgerError:
            unreachable.append(anchor.name)  # what our key did not sign says nothing about our history
            continue
        showed.append(anchor.name)
        if seen.size > head.size:
            ahead.append(anchor.name)
        try:
            agrees = seen.size > head.size or root(seen.size, nodes.read) == seen.root
        except (LedgerError, OSError):
            agrees = False
        if not agrees:
            conflicts.append(anchor.name)
        elif seen.size > largest.size:
            largest, largest_note = seen, note
    return Survey(
        largest,
        largest_note,
        tuple(asked),
        tuple(conflicts),
        tuple(unreachable),
        tuple(showed),
        tuple(ahead),
    )


def read_entries(source: SourceFiles | LogFiles, start: int, end: int) -> list[bytes]:
    """Entries ``[start, end)``; ``end`` must be a size whose bundles exist (LedgerError, OSError)."""
    entries: list[bytes] = []
    for index in range(start // TILE_WIDTH, -(-end // TILE_WIDTH)):
        first = index * TILE_WIDTH
        tile = Tile(ENTRIES, index, min(TILE_WIDTH, end - first))
        entries += decode_bundle(tile, source.tile(tile))[max(0, start - first) :]
    return entries


def extend(
    shard: str, head: Checkpoint, target: Checkpoint, files: LogFiles, sources: Sequence[Source]
) -> tuple[Growth, list[bytes]] | None:
    """Entries between our head and a checkpoint the world has seen, from the first source that proves it has them.

    The growth starts from our own tiles, so reaching the target's root also shows that it continues us.
    """
    for source in sources:
        try:
            entries = read_entries(SourceFiles(source, shard), head.size, target.size)
            growth = grow(head.size, [leaf_hash(entry) for entry in entries], files.tile)
        except (OSError, LedgerError):
            continue
        if (growth.size, growth.root) == (target.size, target.root):
            return growth, entries
    return None


def repair(
    shard: str, size: int, bad: Sequence[Tile] | None, files: LogFiles, sources: Sequence[Source]
) -> int:
    """Fetch files that are missing (or named in ``bad``) from sources; returns how many were replaced.

    Nothing is trusted by this: the caller compares the result with the recorded root.
    """
    replaced = 0
    wrong = set(bad or ())
    for tile in tiles_between(0, size, entries=True):
        if tile not in wrong:
            try:
                files.tile(tile)
                continue
            except FileNotFoundError:
                pass
        for source in sources:
            try:
                content = SourceFiles(source, shard).tile(tile)
            except (OSError, LedgerError):
                continue
            files.write(tile.path, content)
            replaced += 1
            break
    files.sync()
    return replaced


class PublishedFolder:
    """This node's own public folder as an anchor and a source, for when only the state was restored."""

    name = "published"

    def __init__(self, files: LogFiles) -> None:
        self._files = files

    def latest(self, shard: str, origin: str) -> bytes | None:
        return self._files.read(CHECKPOINT)

    def read(self, shard: str, name: str) -> bytes | None:
        return self._files.read(name)
