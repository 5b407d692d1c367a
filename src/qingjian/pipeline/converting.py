"""Means of converted hours: days and months of flue gas (折算)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qingjian.quality.periods import period_start

Values = Mapping[tuple[int, int], float]
"""(series, start in epoch seconds) → number."""


def means(values: Values, target: str) -> dict[tuple[int, int], float]:
    """Return the arithmetic means of the periods of `target` (day or month)."""
    sums: dict[tuple[int, int], list[float]] = {}
    starts = period_start(np.asarray([at for _, at in values], np.int64), target)
    for (number, _), begin, value in zip(values, starts.tolist(), values.values(), strict=True):
        sums.setdefault((number, begin), []).append(value)
    return {key: float(np.mean(held)) for key, held in sums.items()}
