"""Journal segments go once nobody needs them: old enough, in the lake, in the ledger, and at every upper platform."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import structlog

from qingjian.contracts.anchored import AnchoredPositions
from qingjian.contracts.directory import Directory
from qingjian.contracts.folders import DataFolder
from qingjian.gateway.positions import PositionStore
from qingjian.journal import JournalReader, delete_segments, journals

LOG = structlog.get_logger("qingjian.pipeline")


def release_segments(
    folder: DataFolder,
    directory: Directory,
    lake_positions: Mapping[str, int],
    waiting: Mapping[str, Sequence[int]],
    received_before: datetime,
) -> dict[str, list[Path]]:
    """Delete whole segments of frames received before a moment that lake, ledger and targets all have.

    `lake_positions`: journal → last sequence fsynced in the lake; `waiting`: sub-packets that are read but not yet
    decoded, which stay. Returns the files deleted, by journal.
    """
    anchored = AnchoredPositions(folder.anchored).read()
    gone: dict[str, list[Path]] = {}
    for name in journals(folder.journal):
        lake = min([lake_positions.get(name, 0), *(one - 1 for one in waiting.get(name, ()))])
        ledger = anchored[name].sequence if name in anchored else 0
        forwarding = forwarding_position(folder, directory, name)
        up_to = min(one for one in (lake, ledger, forwarding) if one is not None)
        with JournalReader(folder.journal / name) as reader:
            up_to = reader.last_before(received_before, up_to)
        if up_to <= 0:
            continue
        deleted = delete_segments(
            folder.journal / name,
            up_to,
            lake_position=lake,
            ledger_position=ledger,
            forwarding_position=forwarding,
        )
        if deleted:
            gone[name] = deleted
            LOG.info("journal_segments_deleted", journal=name, segments=len(deleted), up_to=up_to)
    return gone


def forwarding_position(folder: DataFolder, directory: Directory, journal: str) -> int | None:
    """Return the least position of the enabled targets in a journal, None when no target is enabled.

    A target that has not begun with the journal yet needs all of it.
    """
    targets = [one for one in directory.targets if one.enabled]
    if not targets:
        return None
    if not folder.forwarding.exists():
        return 0
    store = PositionStore(folder.forwarding)
    try:
        found = [store.position(one.id, journal) for one in targets]
    finally:
        store.close()
    return min(0 if one is None else one.sequence for one in found)
