"""Coupling: does the series still move with what it is tied to, and in the same order?"""

from __future__ import annotations

import numpy as np

from qingjian.screening.panel import Floats
from qingjian.screening.series import SeriesDays, Statistics, correlation_over, days_around, over, steps


def statistics(series: SeriesDays) -> Statistics:
    """Loss of correlation in level and change, memory of the errors, same values in another order."""
    out: Statistics = {}
    expected = np.where(np.isfinite(series.shaped), series.expected, np.nan)
    for width in (1, 3, 7):
        out[f"coupling.level.{width}"] = -_fisher(correlation_over(series.shaped, expected, width))
        out[f"coupling.change.{width}"] = -_fisher(
            correlation_over(steps(series.shaped), steps(expected), width)
        )
        error = series.error
        following = np.r_[error.ravel()[1:], np.nan].reshape(error.shape)
        both = np.isfinite(error) & np.isfinite(following)
        product = over(np.where(both, error * following, 0).sum(axis=1), width)
        square = over(np.where(both, error**2, 0).sum(axis=1), width)
        out[f"coupling.error_memory.{width}"] = np.where(
            square > 0, -product / np.maximum(square, 1e-9), np.nan
        )
    for width in (1, 3):
        out[f"coupling.order.{width}"] = _order(
            days_around(series.shaped, width), days_around(expected, width)
        )
    return out


def _fisher(correlation: Floats) -> Floats:
    return np.arctanh(np.clip(correlation, -0.999, 0.999))


def _order(own: Floats, expected: Floats) -> Floats:
    """Log ratio of hour-by-hour error to the error after sorting both: large when only the order is broken."""
    both = np.isfinite(own) & np.isfinite(expected)
    a, b = np.where(both, own, np.nan), np.where(both, expected, np.nan)
    n = both.sum(axis=1)
    direct = np.nansum((a - b) ** 2, axis=1)
    arranged = np.nansum((np.sort(a, axis=1) - np.sort(b, axis=1)) ** 2, axis=1)
    return np.where(n >= 12, np.log((direct + 1e-9) / (arranged + 1e-9)), np.nan)
