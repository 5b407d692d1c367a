"""Missing data, calibration or maintenance that coincide with high levels.

The level during a gap is what the context model expects; a flag or a gap alone is no evidence.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from qingjian.screening.panel import FLAG_CALIBRATION, FLAG_NORMAL, Floats, Mask
from qingjian.screening.series import SeriesDays, Statistics, days_around, mean_over, over


def statistics(series: SeriesDays) -> Statistics:
    """For gaps, calibrations and declared states: how many hours, and how high the level was then."""
    rank = level_rank(series)
    flags = series.flags if series.declared is None else series.declared
    out: Statistics = {}
    kinds = {
        "missing_when_high": gaps(series),
        "calibration_when_high": _hours(flags == FLAG_CALIBRATION),
        "declared_when_high": _hours(flags > FLAG_CALIBRATION),
    }
    for name, mask in kinds.items():
        weight = np.where(np.isfinite(rank), mask, 0.0)
        for width in (1, 3, 7, 15):
            count = over(weight.sum(axis=1), width)
            lift = over((weight * (np.nan_to_num(rank) - 0.5)).sum(axis=1), width)
            out[f"{name}.lift.{width}"] = lift / np.sqrt(count / 12 + 0.3)
        out[f"{name}.hours.1"] = np.log1p(over(mask.sum(axis=1), 1))
        out[f"{name}.hours.7"] = np.log1p(over(mask.sum(axis=1), 7))
        edges = np.abs(np.diff(mask.ravel(), prepend=mask.ravel()[:1])).reshape(mask.shape) > 0.5
        out[f"{name}.times.3"] = np.log1p(over(edges.sum(axis=1).astype(float), 3))
    beside = _rank_beside(series)
    for name, native in (
        ("missing_when_high", ~np.isfinite(series.values) & (series.flags <= FLAG_NORMAL)),
        ("calibration_when_high", flags == FLAG_CALIBRATION),
        ("declared_when_high", flags > FLAG_CALIBRATION),
    ):
        lost = native.ravel()
        edge = np.r_[lost[1:], False] | np.r_[False, lost[:-1]]
        weight = np.where(edge.reshape(native.shape) & np.isfinite(beside), 1.0, 0.0)
        for width in (1, 3, 7):
            count = over(weight.sum(axis=1), width)
            lift = over((weight * np.nan_to_num(beside)).sum(axis=1), width)
            out[f"{name}.edges.{width}"] = lift / np.sqrt(count / 12 + 0.3)
    return out


def _rank_beside(series: SeriesDays) -> Floats:
    """Rank of each value among the values of the three days around, -0.5 to 0.5: what was read just before or after a gap.

    Needs no model: whoever loses the high values leaves gaps between the highest that remain.
    """
    values = series.values
    rows = np.sort(days_around(values, 3), axis=1)
    count = np.isfinite(rows).sum(axis=1)
    below = np.stack([np.searchsorted(row[:n], v) for row, n, v in zip(rows, count, values, strict=True)])
    equal = np.stack(
        [np.searchsorted(row[:n], v, "right") for row, n, v in zip(rows, count, values, strict=True)]
    )
    rank = 0.5 * (below + equal) / np.maximum(count, 1)[:, None] - 0.5
    return np.where(np.isfinite(values) & (count >= 24)[:, None], rank, np.nan)


def _hours(native: Mask) -> Floats:
    """Share of each hour, (D, 24)."""
    return np.asarray(native.reshape(len(native), 24, -1).mean(axis=2), dtype=np.float64)


def gaps(series: SeriesDays) -> Floats:
    """Share of each hour without a value and without a declared state."""
    return _hours(~np.isfinite(series.values) & (series.flags <= FLAG_NORMAL))


def level_rank(series: SeriesDays) -> Floats:
    """Expected level of each hour among the expected levels of the week around it, 0 to 1."""
    rows = days_around(series.expected, 7)
    count = np.isfinite(rows).sum(axis=1)
    mean = mean_over(series.expected, 7)
    square = mean_over(series.expected**2, 7)
    spread = np.sqrt(np.maximum(square - mean**2, 1e-12))
    return np.where((count >= 24)[:, None], ndtr((series.expected - mean[:, None]) / spread[:, None]), np.nan)
