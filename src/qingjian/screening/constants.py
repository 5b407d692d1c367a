"""Constant values: runs of equal values, few distinct values, less spread than the circumstances explain.

How long an honest run lasts depends on resolution, detection limit and the cycle of the analyser, so every
number is judged against the series' own history.
"""

from __future__ import annotations

import numpy as np

from qingjian.screening.panel import Floats
from qingjian.screening.series import SeriesDays, Statistics, mean_over, over, steps


def run_lengths(values: Floats) -> Floats:
    """Length of the run of equal values each entry of a flat array belongs to (0 where missing)."""
    if not len(values):
        return np.zeros(0)
    begins = np.r_[True, ~(values[1:] == values[:-1])]
    run = np.cumsum(begins) - 1
    return np.where(np.isnan(values), 0, np.bincount(run)[run]).astype(float)


def statistics(series: SeriesDays) -> Statistics:
    """Daily statistics: log of the longest run (hours), share of repeats, variety, flatness."""
    native = series.values
    hours = run_lengths(native.ravel()).reshape(native.shape) * 24 / native.shape[1]
    out = {"constants.run": np.log1p(hours.max(axis=1))}
    difference = steps(native)
    repeats = np.where(np.isfinite(difference), (difference == 0).astype(float), np.nan)
    for width in (1, 3):
        out[f"constants.repeats.{width}"] = mean_over(repeats, width)
    ordered = np.sort(native, axis=1)
    distinct = (np.diff(ordered, axis=1) > 0).sum(axis=1) + 1.0
    count = np.isfinite(native).sum(axis=1)
    out["constants.variety"] = np.where(count >= 6, -np.log(distinct / np.maximum(count, 1)), np.nan)
    noise = (
        np.nanmean(np.where(np.isfinite(series.spread), series.spread, np.nan) ** 2)
        if np.isfinite(series.spread).any()
        else 0.0
    )
    for width in (1, 3, 7):
        own, foreseen = _variance(series.shaped, width), _variance(series.expected, width)
        out[f"constants.flat.{width}"] = -0.5 * np.log(
            (own + 1e-3 * noise + 1e-12) / (foreseen + noise + 1e-12)
        )
    return out


def _variance(values: Floats, width: int) -> Floats:
    finite = np.isfinite(values)
    n = over(finite.sum(axis=1).astype(float), width)
    first = over(np.nansum(values, axis=1), width) / np.maximum(n, 1)
    second = over(np.nansum(values**2, axis=1), width) / np.maximum(n, 1)
    return np.where(n >= 6, np.maximum(second - first**2, 0.0), np.nan)
