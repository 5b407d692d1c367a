"""Hours of the day: readings that are low at the same hours day after day, while the other hours are as always.

People work by the clock: an inlet is sprayed in the morning, a setting is changed for the night shift. The daily course of
the errors over weeks is compared with that of the months around, so that what is usual at an hour is no evidence.
"""

from __future__ import annotations

import numpy as np

from qingjian.screening.panel import Floats
from qingjian.screening.series import SeriesDays, Statistics

WIDTHS = (7, 15, 31)
AROUND = 91
LEAST_SHARE = 0.4


def statistics(series: SeriesDays) -> Statistics:
    """Lowest hours and unevenness of the daily course of the errors; for particles also of both factors together."""
    out = _course(series.error, "hours")
    if series.own_error is not None and series.partner_error is not None:
        common = np.maximum(series.own_error, series.partner_error)
        out.update(_course(common, "hours.together"))
    return out


def _course(error: Floats, name: str) -> Statistics:
    usual = _by_hour(error, AROUND)
    out: Statistics = {}
    for width in WIDTHS:
        away = _by_hour(error, width) - usual
        away = (np.roll(away, 1, axis=1) + away + np.roll(away, -1, axis=1)) / 3
        away = (away - away.mean(axis=1, keepdims=True)) * np.sqrt(width)
        out[f"{name}.low.{width}"] = -away.min(axis=1)
        out[f"{name}.uneven.{width}"] = np.log(away.std(axis=1) + 1e-3)
    return out


def _by_hour(error: Floats, width: int) -> Floats:
    """Mean error of each hour of the day over `width` days (days, 24); NaN where too few of them are known."""
    known = np.isfinite(error)
    total, count = np.where(known, error, 0.0), known.astype(float)
    held = [total.copy(), count.copy()]
    for sums, part in zip(held, (total, count), strict=True):
        for shift in range(1, width // 2 + 1):
            sums[shift:] += part[:-shift]
            sums[:-shift] += part[shift:]
    return np.where(held[1] >= LEAST_SHARE * width, held[0] / np.maximum(held[1], 1), np.nan)
