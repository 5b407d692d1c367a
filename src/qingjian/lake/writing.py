"""How rows become files: order, encodings and the split by local month."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qingjian.lake.schemas import NUMBERS, OBSERVATIONS
from qingjian.lake.table import StoredTable

_OFFSET = 8 * 3600 * 1_000_000
_DAY = 86_400 * 1_000_000
_LARGEST = 2**62
_DELTAS = (
    "series",
    "start",
    "sequence",
    "known_at",
    *(f"{name}_mantissa" for name in (*NUMBERS, "limit")),
)


def observations_table(folder: Path) -> StoredTable:
    """Delta-packed integers for what moves, dictionaries for what repeats: measured in bench/lake.py."""
    return StoredTable(
        folder,
        OBSERVATIONS,
        bounds=("series", "start", "known_at"),
        encodings=dict.fromkeys(_DELTAS, "DELTA_BINARY_PACKED"),
        dictionaries=[name for name in OBSERVATIONS.names if name not in _DELTAS],
        compression_level=6,
    )


def other_table(folder: Path, schema: pa.Schema, time: str) -> StoredTable:
    """A table of frames or statements, bounded by its time and sequence."""
    deltas = ("sequence", time, "known_at", "connection", "batch")
    plain = ("content", "nonce")
    return StoredTable(
        folder,
        schema,
        bounds=("sequence", time),
        encodings={name: "DELTA_BINARY_PACKED" for name in deltas if name in schema.names},
        dictionaries=[name for name in schema.names if name not in deltas and name not in plain],
        compression_level=6,
    )


def sort_keys(schema: pa.Schema) -> list[tuple[str, str]]:
    """Return the order of rows in a file."""
    if "revision" in schema.names:
        names = ["series", "statistic", "start", "revision"]
    elif "received_at" in schema.names:
        names = ["journal", "sequence"]
    else:
        names = ["mn", "moment", "journal", "sequence"]
    return [(name, "ascending") for name in names]


def in_file_order(rows: pa.Table) -> pa.Table:
    """Sort rows as a file holds them. Observations have one number as key, which is several times faster than four."""
    if "revision" not in rows.schema.names or not rows.num_rows:
        return rows.take(pc.sort_indices(rows, sort_keys=sort_keys(rows.schema)))
    starts = rows.column("start").cast(pa.int64()).to_numpy()
    first = int(starts.min())
    span = int(starts.max()) - first + 1
    keys = rows.column("series").to_numpy().astype(np.int64) * 8 + rows.column("statistic").to_numpy()
    if int(keys.max()) * span > _LARGEST or rows.column("revision").to_numpy().any():
        return rows.take(pc.sort_indices(rows, sort_keys=sort_keys(rows.schema)))
    order = np.argsort(keys * span + (starts - first), kind="stable")
    return rows.take(pa.array(order))


def local_days(rows: pa.Table, column: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the local day of each row as days since 1970."""
    moments = rows.column(column).cast(pa.int64()).to_numpy()
    days: np.ndarray[tuple[int], np.dtype[np.int64]] = (moments + _OFFSET) // _DAY
    return days


def month_parts(rows: pa.Table, column: str) -> Iterator[tuple[str, pa.Table]]:
    """Split rows by local month, each part in file order."""
    rows = in_file_order(rows)
    days = local_days(rows, column)
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    for month in np.unique(months):
        mask = months == month
        yield str(month), rows if mask.all() else rows.filter(pa.array(mask))
