"""Physical order of factors: a part cannot exceed the whole (PM2.5 and PM10, NH3-N and TN, TP, CODMn and COD)."""

from __future__ import annotations

import numpy as np

from qingjian.screening.panel import Floats
from qingjian.screening.series import SeriesDays, Statistics, over


def statistics(series: SeriesDays) -> Statistics:
    """Hours in which the part exceeds the whole, and how far the series is on the wrong side."""
    out: Statistics = {}
    for other, sign in ((series.upper_partner, 1.0), (series.lower_partner, -1.0)):
        if other is None:
            continue
        wrong = _wrong(series.hourly, other, sign)
        for width in (1, 3, 7):
            out[f"physical_logic.part_above_whole.{width}"] = np.log1p(over(wrong.sum(axis=1), width))
    return out


def _wrong(own: Floats, other: Floats, sign: float) -> Floats:
    """1 for hours in which (own - other) * sign is clearly positive: more than 5 % of the larger value."""
    gap = sign * (own - other)
    size = 0.05 * np.maximum(np.abs(own), np.abs(other))
    return np.where(np.isfinite(gap) & (gap > size), 1.0, 0.0)
