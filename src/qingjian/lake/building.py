"""Making the table that `Lake.append` takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from qingjian.lake.numbers import Decimals
from qingjian.lake.schemas import CANDIDATES, STATISTIC_CODES


def candidates(
    *,
    series: Any,
    statistic: Any,
    start: Any,
    numbers: Mapping[str, Decimals],
    flag: Any = None,
    qualifier: Any = None,
    journal: Any = None,
    sequence: Any = None,
    source: Any = None,
) -> pa.Table:
    """Return observations without revision (schemas.CANDIDATES) from columns of equal length.

    `start` is an Arrow timestamp column or microseconds since 1970; statistic and qualifier are codes, statistic also
    a single name; flag, journal, sequence and source may be one value for all rows. `numbers` maps value, min, max,
    total, converted and limit (the detection limit) to decimals; what is absent is null.
    """
    count = len(series)
    if isinstance(statistic, str):
        statistic = np.full(count, STATISTIC_CODES[statistic], np.int8)
    columns: dict[str, Any] = {
        "series": _column(series, count, "series"),
        "statistic": _column(statistic, count, "statistic"),
        "start": _column(start, count, "start"),
        "qualifier": _column(0 if qualifier is None else qualifier, count, "qualifier"),
        "flag": _column(flag, count, "flag"),
        "journal": _column(journal, count, "journal"),
        "sequence": _column(sequence, count, "sequence"),
        "source": _column(source, count, "source"),
    }
    unknown = set(numbers) - {"value", "min", "max", "total", "converted", "limit"}
    if unknown:
        raise ValueError(f"unknown numbers: {sorted(unknown)}")
    for name in ("value", "min", "max", "total", "converted", "limit"):
        mantissa, decimals = numbers.get(name, Decimals.nulls(count)).to_arrow()
        columns[f"{name}_mantissa"], columns[f"{name}_decimals"] = mantissa, decimals
    return pa.table({name: columns[name] for name in CANDIDATES.names}, schema=CANDIDATES)


def _column(values: Any, count: int, name: str) -> pa.Array:
    kind = CANDIDATES.field(name).type
    if values is None:
        return pa.nulls(count, kind)
    if isinstance(values, str | int):
        return pa.repeat(pa.scalar(values, kind), count)
    if isinstance(values, np.ndarray):
        if name == "start":
            return pa.array(values.astype(np.int64)).cast(kind)
        return pa.array(values).cast(kind)
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if isinstance(values, pa.Array):
        return values.cast(kind)
    return pa.array(values, kind)
