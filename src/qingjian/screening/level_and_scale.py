"""Level and scale: readings lower, flatter or less responsive than the circumstances promise."""

from __future__ import annotations

import numpy as np

from qingjian.screening.panel import Floats
from qingjian.screening.series import SeriesDays, Statistics, mean_over, over

RING_DAYS = 30


def statistics(series: SeriesDays) -> Statistics:
    """Bias, contrast to the weeks around, bias at high and low levels, response, spread and tails."""
    error = series.error
    out: Statistics = {}
    usual = _around(mean_over(error, 1))
    expected = series.expected
    middle = _window_mean(expected, 7)[:, None]
    high, low = np.where(expected > middle, error, np.nan), np.where(expected <= middle, error, np.nan)
    for width in (1, 3, 7, 15):
        bias = mean_over(error, width)
        out[f"level.bias.{width}"] = -bias
        out[f"level.contrast.{width}"] = usual - bias
        out[f"level.at_high.{width}"] = mean_over(low, width, 4) - mean_over(high, width, 4)
        out[f"level.spread.{width}"] = np.log(
            mean_over((error - np.nan_to_num(bias)[:, None]) ** 2, width) + 1e-3
        )
    out["level.bias.31"] = -mean_over(error, 31)
    for width in (3, 7):
        out[f"level.response.{width}"] = -_slope(series.shaped, expected, width)
        below, above = np.minimum(error, 0) ** 2, np.maximum(error, 0) ** 2
        out[f"level.low_tail.{width}"] = np.log(
            (mean_over(below, width) + 0.05) / (mean_over(above, width) + 0.05)
        )
    daily = mean_over(error, 1)
    out["level.step"] = np.abs(_shifted_mean(daily, 0, 3) - _shifted_mean(daily, -3, 0))
    return out


def _window_mean(values: Floats, width: int) -> Floats:
    return mean_over(values, width)


def _shifted_mean(daily: Floats, first: int, beyond: int) -> Floats:
    """Mean of days d+first .. d+beyond-1."""
    n = len(daily)
    padded = np.r_[np.full(40, np.nan), daily, np.full(40, np.nan)]
    rows = np.stack([padded[40 + k : 40 + k + n] for k in range(first, beyond)])
    count = np.isfinite(rows).sum(axis=0)
    return np.where(count > 0, np.nansum(rows, axis=0) / np.maximum(count, 1), np.nan)


def _around(daily: Floats) -> Floats:
    """Median of the daily bias in the weeks around a day: slow change of the site is not held against it."""
    n = len(daily)
    padded = np.r_[np.full(RING_DAYS, np.nan), daily, np.full(RING_DAYS, np.nan)]
    rows = np.stack([padded[k : k + n] for k in range(2 * RING_DAYS + 1)])
    empty = ~np.isfinite(rows).any(axis=0)
    rows[:, empty] = 0.0
    return np.asarray(np.nanmedian(rows, axis=0), dtype=np.float64)


def _slope(own: Floats, expected: Floats, width: int) -> Floats:
    """Slope of the series on its expectation over `width` days."""
    both = np.isfinite(own) & np.isfinite(expected)
    y, x = np.where(both, own, 0.0), np.where(both, expected, 0.0)
    n = over(both.sum(axis=1).astype(float), width)
    m = np.maximum(n, 1)
    mx, my = over(x.sum(axis=1), width) / m, over(y.sum(axis=1), width) / m
    vx = over((x * x).sum(axis=1), width) / m - mx**2
    cov = over((x * y).sum(axis=1), width) / m - mx * my
    return np.where((n >= 12) & (vx > 1e-9), cov / np.maximum(vx, 1e-9), np.nan)
