"""Frames and statements as rows of the lake's tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from qingjian.journal import Frame
from qingjian.journal.frame import codes_to_text
from qingjian.lake import FRAMES, STATEMENTS


class Statement(NamedTuple):
    """What a frame says or lacks that is no number of a series; `moment` in microseconds."""

    mn: str
    moment: int
    command: str
    name: str
    field: str
    value: str | None
    reason: str
    series: int | None
    sequence: int


def frames_table(frames: Sequence[Frame]) -> pa.Table:
    """Return journal frames with the columns of the lake's table."""
    received = np.fromiter((one.received_us for one in frames), np.int64, len(frames))
    return pa.table(
        {
            "journal": [one.journal for one in frames],
            "sequence": np.fromiter((one.sequence for one in frames), np.int64, len(frames)),
            "received_at": pa.array(received).cast(pa.timestamp("us", "UTC")),
            "peer": [one.peer for one in frames],
            "connection": [one.connection for one in frames],
            "mn": [one.mn for one in frames],
            "kind": [str(one.kind) for one in frames],
            "content": [one.content for one in frames],
            "codes": [codes_to_text(one.codes) if one.codes else "" for one in frames],
            "policy": [one.policy for one in frames],
            "frame_directory": [one.directory_version for one in frames],
            "nonce": [one.nonce for one in frames],
            "batch": [one.batch for one in frames],
        },
        schema=FRAMES,
    )


def statements_table(rows: Sequence[Statement], journal: str) -> pa.Table:
    """Return statements with the columns of the lake's table."""
    if not rows:
        return STATEMENTS.empty_table()
    mn, at, command, name, suffix, value, reason, series, sequence = zip(*rows, strict=True)
    return pa.table(
        {
            "mn": list(mn),
            "moment": pa.array(at, pa.int64()).cast(pa.timestamp("us", "UTC")),
            "command": list(command),
            "name": list(name),
            "field": list(suffix),
            "value": list(value),
            "reason": list(reason),
            "series": pa.array(series, pa.int32()),
            "journal": [journal] * len(rows),
            "sequence": pa.array(sequence, pa.int64()),
            "source": pa.nulls(len(rows), pa.string()),
        },
        schema=STATEMENTS,
    )
