"""Own results of one statistic, stored ones and those of the run itself, beside what the device sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa

from qingjian.lake import CANDIDATES, STATISTIC_CODES, Decimals
from qingjian.quality.observations import Observations

OwnRows = Mapping[tuple[int, int], tuple[float, str, float]]
"""(device series, start in seconds) → (value, flag, converted)."""


def rows_of(parts: Sequence[pa.Table], statistic: str) -> pa.Table:
    """Return the rows of a statistic among the results of a run."""
    if not parts:
        return CANDIDATES.empty_table()
    rows = pa.concat_tables(parts)
    return rows.filter(pa.array(rows.column("statistic").to_numpy() == STATISTIC_CODES[statistic]))


def own_rows(
    stored: pa.Table, fresh: pa.Table, own_of: Mapping[int, int], begin: datetime, end: datetime
) -> dict[tuple[int, int], tuple[float, str, float]]:
    """Return own results that begin in [begin, end), those of this run over stored ones.

    `own_of`: platform series → device series; `fresh`: rows as `lake.candidates` makes them.
    """
    found: dict[tuple[int, int], tuple[float, str, float]] = {}
    for row in stored.to_pylist():
        key = own_of[row["series"]], int(row["start"].timestamp())
        found[key] = (_number(row["value"]), row["flag"] or "", _number(row["converted"]))
    values, converted = (
        Decimals.from_arrow(
            fresh.column(f"{name}_mantissa").combine_chunks(),
            fresh.column(f"{name}_decimals").combine_chunks(),
        ).to_float()
        for name in ("value", "converted")
    )
    rows = fresh.select(["series", "start", "flag"]).to_pylist()
    for row, value, at_reference in zip(rows, values, converted, strict=True):
        if row["series"] in own_of and begin <= row["start"] < end:
            key = own_of[row["series"]], int(row["start"].timestamp())
            found[key] = (float(value), row["flag"] or "", float(at_reference))
    return found


def prefer(own: OwnRows, sent: Observations, *, valid_only: bool = False) -> Observations:
    """Put own results before the device's; with `valid_only` an own one that is not valid only where nothing was sent."""
    rows = {
        (int(number), int(start)): (float(value), str(word))
        for number, start, value, word in zip(
            sent.series, sent.start, sent.value, sent.flag_words(), strict=True
        )
    }
    rows.update(
        {
            key: (value, flag)
            for key, (value, flag, _) in own.items()
            if not valid_only or flag == "N" or key not in rows
        }
    )
    keys = sorted(rows)
    return Observations.of(
        [key[0] for key in keys],
        [key[1] for key in keys],
        [rows[key][0] for key in keys],
        flag=[rows[key][1] for key in keys],
    )


def _number(value: float | None) -> float:
    return np.nan if value is None else value
