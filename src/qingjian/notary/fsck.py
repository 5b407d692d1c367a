"""Check a whole ledger: every tile, bundle, entry, checkpoint, and the record behind every leaf."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from qingjian.ledger.checkpoint import Checkpoint, open_checkpoint
from qingjian.ledger.entries import Event, Start, parse_entry
from qingjian.ledger.errors import LedgerError
from qingjian.ledger.hashing import HASH_SIZE, leaf_hash, perfect_root
from qingjian.ledger.note import VerifierKey
from qingjian.ledger.tiles import (
    ENTRIES,
    TILE_WIDTH,
    Tile,
    TileNodes,
    decode_bundle,
    split_hashes,
    tiles_between,
)
from qingjian.ledger.tree import root
from qingjian.notary.files import CHECKPOINT, COSIGNED_CHECKPOINT, LogFiles
from qingjian.notary.notary import Notary
from qingjian.notary.outbox import BusinessRecords
from qingjian.notary.subjects import subjects_of


@dataclass
class ShardReport:
    """What was found in one shard; ``problems`` is empty when everything holds."""

    shard: str
    size: int
    entries: int = 0
    problems: list[str] = field(default_factory=list)
    bad_tiles: list[Tile] = field(default_factory=list)
    lost_records: list[int] = field(default_factory=list)
    """Indices of leaves whose business record is gone."""


ROUND = 30
"""An older shard is looked at once in so many turns, a part of its bundles each time."""
SMALL = 64
"""A shard of so many bundles (of 256 entries) is looked at whole each time."""


def in_turn(index: int, size: int, turn: int | None) -> bool:
    """Say whether a bundle of a shard of some size is looked at in a turn; always without one."""
    return turn is None or size <= SMALL * TILE_WIDTH or index % ROUND == turn % ROUND


def check_shard(files: LogFiles, head: Checkpoint, turn: int | None = None) -> ShardReport:
    """Check tiles and bundles of a shard against its recorded head: every one, or those whose turn it is and all
    tiles above them."""
    report = ShardReport(files.folder.name, head.size)

    def bad(tile: Tile, reason: object) -> None:
        report.bad_tiles.append(tile)
        report.problems.append(f"{files.folder.name}/{tile.path}: {reason}")

    upper: dict[tuple[int, int], bytes] = {}  # root of each full tile, to compare with the level above
    for tile in tiles_between(0, head.size):
        if tile.level == 0 and not in_turn(tile.index, head.size, turn):
            continue
        try:
            hashes = split_hashes(tile, files.tile(tile))
        except (OSError, LedgerError):
            bad(tile, "missing or of a wrong length")
            continue
        if tile.level:
            for offset, item in enumerate(hashes):
                below = Tile(tile.level - 1, tile.index * TILE_WIDTH + offset)
                if upper.get((below.level, below.index), item) != item:
                    bad(tile, f"is not over {below.path}; one of the two was changed")
                    report.bad_tiles.append(below)
        if tile.width == TILE_WIDTH:
            upper[tile.level, tile.index] = perfect_root(hashes)
    for tile in tiles_between(0, head.size, entries=True):
        if tile.level != ENTRIES:
            break
        if in_turn(tile.index, head.size, turn):
            report.entries += _check_bundle(files, tile, bad)
    try:
        if root(head.size, TileNodes(head.size, files.tile).read) != head.root:
            report.problems.append(f"{files.folder.name}: the tiles do not hash to the recorded root")
    except (OSError, LedgerError) as error:
        report.problems.append(f"{files.folder.name}: {error}")
    return report


def _check_bundle(files: LogFiles, tile: Tile, bad: Callable[[Tile, object], None]) -> int:
    try:
        entries = decode_bundle(tile, files.tile(tile))
        leaves = files.tile(Tile(0, tile.index, tile.width))
    except (OSError, LedgerError):
        bad(tile, "missing or unreadable")
        return 0
    for offset, entry in enumerate(entries):
        if leaf_hash(entry) != leaves[offset * HASH_SIZE : (offset + 1) * HASH_SIZE]:
            leaf_tile = Tile(0, tile.index, tile.width)
            index = tile.index * TILE_WIDTH + offset
            bad(
                tile,
                f"entry {index} does not hash to its leaf in {leaf_tile.path}; one of the two was changed",
            )
            bad(leaf_tile, f"see {tile.path}")
            break
    return len(entries)


def check_checkpoints(files: LogFiles, head: Checkpoint, keys: Sequence[VerifierKey]) -> list[str]:
    """Problems of the published checkpoints: signature, origin, and that they are heads of this tree."""
    problems = []
    for name in (CHECKPOINT, COSIGNED_CHECKPOINT):
        note = files.read(name)
        if note is None:
            if name == CHECKPOINT:
                problems.append(f"{files.folder.name}/{name}: missing")
            continue
        try:
            found = open_checkpoint(note, keys).checkpoint
            if found.origin != head.origin or found.size > head.size:
                raise LedgerError("of another origin or larger than the record")
            if root(found.size, TileNodes(found.size, files.tile).read) != found.root:
                raise LedgerError("the tiles do not hash to its root")
        except (OSError, LedgerError) as error:
            problems.append(f"{files.folder.name}/{name}: {error}")
    return problems


def check_records(
    notary: Notary,
    files: LogFiles,
    report: ShardReport,
    records: Sequence[BusinessRecords],
    turn: int | None = None,
) -> None:
    """Add unreadable entries and leaves whose record is gone to the report, of all bundles or those whose turn it is."""
    for tile in tiles_between(0, report.size, entries=True):
        if tile.level != ENTRIES:
            break
        if not in_turn(tile.index, report.size, turn):
            continue
        try:
            entries = decode_bundle(tile, files.tile(tile))
        except (OSError, LedgerError):
            continue  # reported as a bad tile already
        first = tile.index * TILE_WIDTH
        events = []
        for offset, data in enumerate(entries):
            try:
                entry = parse_entry(data)
            except LedgerError as error:
                report.problems.append(f"{report.shard}: entry {first + offset}: {error}")
                continue
            if isinstance(entry, Event):
                events.append((first + offset, leaf_hash(data)))
            elif (subjects := subjects_of(entry)) and data not in map(notary.state.queued, subjects):
                report.lost_records.append(first + offset)
        if records and events:
            known: set[bytes] = set()
            for record in records:
                known |= record.known([item for _, item in events])
            report.lost_records += [index for index, item in events if item not in known]
    report.lost_records.sort()
    if report.lost_records:
        shown = ", ".join(str(index) for index in report.lost_records[:20])
        report.problems.append(
            f"{report.shard}: {len(report.lost_records)} 条账本记录失去业务记录 / "
            f"leaves whose record is gone: {shown}"
        )


def fsck(
    notary: Notary, records: Sequence[BusinessRecords] = (), *, turn: int | None = None
) -> list[ShardReport]:
    """Check every shard. Without ``records`` the events behind commitments are not looked up.

    With a ``turn`` (the number of the night) only the newest shard is looked at whole, and of the older ones a thirtieth
    of the bundles, another in each turn.
    """
    reports = []
    previous: Checkpoint | None = None
    rows = notary.state.shards()
    for row in rows:
        files = notary.files(row.name)
        head = Checkpoint(row.origin, row.size, row.root)
        part = None if row is rows[-1] else turn
        report = check_shard(files, head, part)
        report.problems += check_checkpoints(files, head, notary.verifier_keys(row.name))
        check_records(notary, files, report, records, part)
        report.problems += _check_start(files, row.name, previous)
        previous = head
        reports.append(report)
    return reports


def _check_start(files: LogFiles, shard: str, previous: Checkpoint | None) -> list[str]:
    """The first leaf must name the head of the shard before."""
    try:
        tile = Tile(ENTRIES, 0, 1)
        start = parse_entry(decode_bundle(tile, files.tile(tile))[0])
    except (OSError, LedgerError) as error:
        return [f"{shard}: no readable first leaf: {error}"]
    if not isinstance(start, Start):
        return [f"{shard}: the first leaf does not start a log"]
    if previous is not None and start.previous != previous:
        return [f"{shard}: the first leaf does not name the head of the shard before"]
    return []
