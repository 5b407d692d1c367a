"""Ceilings: values cut at the top of a lowered measuring range, or replaced by one upper value."""

from __future__ import annotations

import numpy as np

from qingjian.screening.panel import Floats
from qingjian.screening.series import SeriesDays, Statistics, days_around, over


def commonest_upper(rows: Floats) -> tuple[Floats, Floats]:
    """Value repeated most often in the upper half of each row, and how often (NaN and 0 without values)."""
    ordered = np.sort(rows, axis=1)
    n, length = ordered.shape
    finite = np.isfinite(ordered)
    count = finite.sum(axis=1)
    new = np.ones(ordered.shape, bool)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    position = np.arange(length)
    start = np.maximum.accumulate(np.where(new, position, 0), axis=1)
    run = np.where(finite & (start >= (count // 2)[:, None]), position - start + 1, 0)
    best = run.argmax(axis=1)
    rows_at = np.arange(n)
    longest = run[rows_at, best].astype(float)
    return np.where(longest > 0, ordered[rows_at, best], np.nan), longest


def statistics(series: SeriesDays) -> Statistics:
    """Ties in the upper half, how far the expectation lies above them, and how flat the top is."""
    out: Statistics = {}
    shaped_hours = series.shaped
    for width in (1, 3, 7):
        rows = days_around(series.values, width)
        value, ties = commonest_upper(rows)
        count = np.isfinite(rows).sum(axis=1)
        out[f"ceiling.ties.{width}"] = np.where(count >= 6, np.log1p(ties), np.nan)
        hours = days_around(series.hourly, width)
        error = days_around(series.error, width)
        at = np.abs(hours - value[:, None]) <= max(series.resolution, 1e-12)
        pressed = np.where(at & np.isfinite(error), np.maximum(-error, 0.0), 0.0).sum(axis=1)
        out[f"ceiling.pressed.{width}"] = np.where(count >= 6, np.log1p(pressed), np.nan)
    for width in (3, 7):
        own = _top(days_around(shaped_hours, width))
        foreseen = _top(days_around(np.where(np.isfinite(shaped_hours), series.expected, np.nan), width))
        out[f"ceiling.flat_top.{width}"] = foreseen - own
    above = np.where(series.error < 0, -series.error, 0.0)
    high = series.expected >= _own_maximum(series)[:, None]
    out["ceiling.never_above"] = np.log1p(
        over(np.where(high & np.isfinite(series.error), above, 0.0).sum(axis=1), 3)
    )
    return out


def _own_maximum(series: SeriesDays) -> Floats:
    rows = days_around(series.shaped, 3)
    return np.where(np.isfinite(rows).any(axis=1), np.max(np.nan_to_num(rows, nan=-np.inf), axis=1), np.nan)


def _top(rows: Floats) -> Floats:
    """Log of (mean of the top eighth minus median) to (median minus mean of the bottom eighth)."""
    ordered = np.sort(rows, axis=1)
    count = np.isfinite(ordered).sum(axis=1)
    at = np.arange(len(rows))

    def pick(share: float) -> Floats:
        position = np.clip((share * (count - 1)).astype(int), 0, rows.shape[1] - 1)
        return np.asarray(ordered[at, position], dtype=np.float64)

    top, shoulder, middle = pick(1.0), pick(0.85), pick(0.5)
    ratio = (top - shoulder + 1e-9) / (shoulder - middle + 1e-3)
    return np.where(count >= 24, np.log(np.maximum(ratio, 1e-3)), np.nan)
