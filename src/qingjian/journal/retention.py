"""Deleting segments whose frames are safe elsewhere."""

from __future__ import annotations

import itertools
from pathlib import Path

from qingjian.contracts.folders import sync_folder
from qingjian.journal import segment as segments
from qingjian.journal.segment import JournalError


class RetentionError(JournalError):
    """Frames would be deleted that are not yet safe elsewhere."""


def delete_segments(
    folder: Path,
    up_to: int,
    *,
    lake_position: int,
    ledger_position: int,
    forwarding_position: int | None = None,
) -> list[Path]:
    """Delete whole segments with no frame above `up_to` and return their paths.

    `lake_position` and `ledger_position` are the newest sequences of this journal that are fsynced in the lake and
    anchored in the ledger; `forwarding_position` the oldest position of any forwarding target that must not lose
    frames. RetentionError when `up_to` lies above any of them. The last segment always stays, and so does every
    segment with a recorded damage, because nobody can say that its frames are elsewhere.
    """
    for what, position in (
        ("lake", lake_position),
        ("ledger", ledger_position),
        ("forwarding", forwarding_position),
    ):
        if position is not None and up_to > position:
            raise RetentionError(
                f"流水 {folder.name} 至 {up_to} 不可删除：{what} 只到 {position} · "
                f"journal {folder.name} cannot be deleted up to {up_to}: the {what} has it up to {position}"
            )
    damaged = {one.segment for one in segments.damages(folder)}
    paths = segments.segment_paths(folder)
    deleted = []
    for path, following in itertools.pairwise(paths):
        if segments.first_sequence_of(following) - 1 > up_to:
            break
        if path.name in damaged:
            continue
        path.unlink()
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        deleted.append(path)
    if deleted:
        sync_folder(folder)
    return deleted
