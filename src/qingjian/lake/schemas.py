"""Columns of the lake's tables: what callers append, what files hold, what readers get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from qingjian.contracts.directory import STATISTICS

NUMBERS = ("value", "min", "max", "total", "converted")
"""The stored numbers of one observation; converted is 折算."""
STATISTIC_CODES: Mapping[str, int] = {name: code for code, name in enumerate(STATISTICS)}
QUALIFIERS = ("none", "below", "above")
"""none, below the detection limit, above the measuring range."""

MOMENT = pa.timestamp("us", "UTC")


def _number_fields(name: str) -> list[pa.Field]:
    return [pa.field(f"{name}_mantissa", pa.int64()), pa.field(f"{name}_decimals", pa.int16())]


CANDIDATES = pa.schema(
    [
        pa.field("series", pa.int32(), nullable=False),
        pa.field("statistic", pa.int8(), nullable=False),
        pa.field("start", MOMENT, nullable=False),
        *(one for name in NUMBERS for one in _number_fields(name)),
        pa.field("qualifier", pa.int8(), nullable=False),
        *_number_fields("limit"),
        pa.field("flag", pa.string()),
        pa.field("journal", pa.string()),
        pa.field("sequence", pa.int64()),
        pa.field("source", pa.string()),
    ]
)
"""What is handed to `Lake.append`: observations without revision, in order of arrival.

statistic is the place in STATISTICS, qualifier the place in QUALIFIERS, limit the detection limit. made_from is
(journal, sequence) for a frame, source "file:<sha256>" with sequence = row for a file, "rule:<id>@<version>" for a
derived value, whose inputs are what was known before its own known_at.
"""

OBSERVATIONS = pa.schema(
    [
        *CANDIDATES,
        pa.field("revision", pa.int32(), nullable=False),
        pa.field("known_at", pa.int64(), nullable=False),
        pa.field("directory_version", pa.int32(), nullable=False),
    ]
)
"""What the files of `observations` hold; known_at in whole seconds since 1970 (see docs/lake.md)."""

FRAMES = pa.schema(
    [
        pa.field("journal", pa.string(), nullable=False),
        pa.field("sequence", pa.int64(), nullable=False),
        pa.field("received_at", MOMENT, nullable=False),
        pa.field("peer", pa.string(), nullable=False),
        pa.field("connection", pa.int64(), nullable=False),
        pa.field("mn", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("content", pa.binary(), nullable=False),
        pa.field("codes", pa.string(), nullable=False),
        pa.field("policy", pa.string(), nullable=False),
        pa.field("frame_directory", pa.int32(), nullable=False),
        pa.field("nonce", pa.binary(), nullable=False),
        pa.field("batch", pa.int64(), nullable=False),
    ]
)
"""Frames as the journal held them; codes is JSON text, frame_directory the directory version the gateway used."""

STATEMENTS = pa.schema(
    [
        pa.field("mn", pa.string(), nullable=False),
        pa.field("moment", MOMENT, nullable=False),
        pa.field("command", pa.string()),
        pa.field("name", pa.string(), nullable=False),
        pa.field("field", pa.string()),
        pa.field("value", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("series", pa.int32()),
        pa.field("journal", pa.string()),
        pa.field("sequence", pa.int64()),
        pa.field("source", pa.string()),
    ]
)
"""Non-numeric items: states, information codes, logs; and numbers no series takes, with the reason."""

_KNOWN = [
    pa.field("known_at", pa.int64(), nullable=False),
    pa.field("directory_version", pa.int32(), nullable=False),
]
STORED_FRAMES = pa.schema([*FRAMES, *_KNOWN])
STORED_STATEMENTS = pa.schema([*STATEMENTS, *_KNOWN])

RESULT = pa.schema(
    [
        pa.field("series", pa.int32()),
        pa.field("statistic", pa.dictionary(pa.int8(), pa.string())),
        pa.field("start", MOMENT),
        pa.field("revision", pa.int32()),
        *(pa.field(name, pa.float64()) for name in NUMBERS),
        *(pa.field(f"{name}_decimals", pa.int16()) for name in NUMBERS),
        pa.field("qualifier", pa.dictionary(pa.int8(), pa.string())),
        pa.field("detection_limit", pa.float64()),
        pa.field("flag", pa.string()),
        pa.field("journal", pa.string()),
        pa.field("sequence", pa.int64()),
        pa.field("source", pa.string()),
        pa.field("known_at", MOMENT),
        pa.field("directory_version", pa.int32()),
    ]
)
"""What `Lake.series` returns: float64 numbers (null where absent) with the decimals of the text they came from."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One unit of writing: everything in it becomes known at the same moment and is stored once."""

    number: int
    """Grows by one; a number at or below the last stored one is not stored again."""
    known_at: datetime
    """Whole second, later than that of every batch before."""
    directory_version: int = 0
    positions: Mapping[str, int] = field(default_factory=dict)
    """Journal name → last sequence contained in this batch."""
