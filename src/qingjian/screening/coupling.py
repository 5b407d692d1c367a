"""Coupling: does the series still move with what it is tied to, and in the same order?"""

from __future__ import annotations

import numpy as np

from qingjian.screening.panel import Floats
from qingjian.screening.series import (
    SeriesDays,
    Statistics,
    correlation_over,
    days_around,
    mean_over,
    over,
    steps,
)

BLOCK = 24  # values of a block in which the order is judged: six hours of quarter-hours, a day of hours
AROUND_DAYS = 10


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
    out.update(_within_blocks(series))
    return out


def _within_blocks(series: SeriesDays) -> Statistics:
    """Order within blocks of successive values: steps against the spread of the block, and the spread against the weeks around.

    Values in random order step as far as any two of them lie apart while the spread stays as it was; noise widens
    the spread too.
    """
    days = series.days
    blocks = series.fine.reshape(-1, BLOCK)
    count = np.isfinite(blocks).sum(axis=1)
    step = np.abs(np.diff(blocks, axis=1))
    known = np.isfinite(step).sum(axis=1)
    stepping = np.nansum(step, axis=1) / np.maximum(known, 1)
    ordered = np.sort(blocks, axis=1)
    rank = 2.0 * np.arange(1, BLOCK + 1) - count[:, None] - 1
    apart = 2 * np.nansum(np.where(np.isfinite(ordered), rank * ordered, 0.0), axis=1)
    apart = apart / np.maximum(count * (count - 1.0), 1)
    tiny = 0.2 * series.resolution + 1e-12
    enough = (count >= BLOCK // 2) & (known >= BLOCK // 3)
    order = np.where(enough, np.log((stepping + tiny) / (apart + tiny)), np.nan).reshape(days, -1)
    spread = np.where(enough, np.log(apart + tiny), np.nan).reshape(days, -1)
    spread = spread - _same_time(spread)
    out: Statistics = {}
    for width in (1, 3, 7):
        out[f"coupling.disorder.{width}"] = mean_over(order, width, 1)
        out[f"coupling.block_spread.{width}"] = mean_over(spread, width, 1)
    return out


def _same_time(values: Floats) -> Floats:
    """Median of the same time of day in the AROUND_DAYS days before and after."""
    empty = np.full((AROUND_DAYS, values.shape[1]), np.nan)
    padded = np.vstack([empty, values, empty])
    rows = np.sort(np.lib.stride_tricks.sliding_window_view(padded, 2 * AROUND_DAYS + 1, axis=0), axis=2)
    count = np.isfinite(rows).sum(axis=2)
    at = np.maximum(count - 1, 0) // 2
    return np.asarray(np.take_along_axis(rows, at[:, :, None], axis=2)[:, :, 0], dtype=np.float64)


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
