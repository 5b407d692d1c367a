"""Signs of honest instrument trouble: spikes, noise, drift, loss at any level, declared breakdown."""

from __future__ import annotations

import numpy as np

from qingjian.screening.missing_when_high import gaps
from qingjian.screening.panel import FLAG_FAULT, FLAG_MAINTENANCE, Floats
from qingjian.screening.series import SeriesDays, Statistics, mean_over, over
from qingjian.screening.spraying import unrest


def statistics(series: SeriesDays) -> Statistics:
    """Daily statistics of faults: spikes, noise, drift, lost and declared hours."""
    change = unrest(series.error)
    out: Statistics = {}
    for width in (1, 3):
        rows = np.nan_to_num(change)
        out[f"faults.spikes.{width}"] = np.log1p(over((rows > 4).sum(axis=1).astype(float), width))
        out[f"faults.noise.{width}"] = np.log(mean_over(np.minimum(np.abs(change), 6), width) + 0.05)
    out["faults.highest"] = np.max(np.nan_to_num(series.error, nan=-12.0), axis=1)
    for width in (3, 7, 15):
        out[f"faults.drift.{width}"] = np.abs(_slope_in_time(series.error, width))
    lost = gaps(series)
    declared = np.isin(series.flags, (FLAG_MAINTENANCE, FLAG_FAULT))
    out["faults.lost.1"] = lost.mean(axis=1)
    out["faults.lost.3"] = over(lost.mean(axis=1), 3) / 3
    out["faults.declared.1"] = declared.mean(axis=1)
    out["faults.declared.3"] = over(declared.mean(axis=1), 3) / 3
    return out


def _slope_in_time(error: Floats, width: int) -> Floats:
    """Straight-line change of the daily mean error over `width` days."""
    daily = mean_over(error, 1)
    half = width // 2
    padded = np.r_[np.full(half, np.nan), daily, np.full(half, np.nan)]
    rows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    t = np.arange(-half, half + 1.0)
    known = np.isfinite(rows)
    n = known.sum(axis=1)
    tm = (known * t).sum(axis=1) / np.maximum(n, 1)
    ym = np.nansum(rows, axis=1) / np.maximum(n, 1)
    centred = np.where(known, t - tm[:, None], 0.0)
    spread = (centred**2).sum(axis=1)
    slope = (centred * np.where(known, rows - ym[:, None], 0.0)).sum(axis=1) / np.maximum(spread, 1e-9)
    return np.where(n >= 3, slope * width, np.nan)
