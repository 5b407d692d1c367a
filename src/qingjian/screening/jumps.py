"""Jumps: the level changes from one value to the next and stays changed, and later jumps back.

A parameter that is changed and changed back, a stretch that is pasted in, a typed-in value: all begin and end at one
moment, while nature and drift move step by step. A single jump is trouble or maintenance as often as not; a pair is
what counts.
"""

from __future__ import annotations

import numpy as np

from qingjian.screening.panel import Floats
from qingjian.screening.series import SeriesDays, Statistics

SIDE_HOURS = 2
LEAST_SIDE = 3  # values on each side that a lasting change of level needs
PAIR_DAYS = 15
AROUND_DAYS = 10


def statistics(series: SeriesDays) -> Statistics:
    """Largest jump down and up of each day and the pair of jumps a day lies between, in usual jumps of the weeks around."""
    out: Statistics = {}
    for name, values in (("jumps.level", series.fine), ("jumps.error", series.error)):
        if not np.isfinite(values).any():
            continue
        per_day = values.shape[1]
        jump = lasting_jumps(values.ravel(), max(LEAST_SIDE, SIDE_HOURS * per_day // 24)).reshape(
            values.shape
        )
        down, up = (np.max(np.nan_to_num(np.maximum(sign * jump, 0)), axis=1) for sign in (-1.0, 1.0))
        usual = _usual(np.maximum(down, up))
        down, up = down / usual, up / usual
        out[f"{name}_down.1"] = np.log1p(down)
        out[f"{name}_up.1"] = np.log1p(up)
        for side, first, second in (("low", down, up), ("high", up, down)):
            before, after = _strongest(first, -1), _strongest(second, 1)
            out[f"{name}_pair_{side}.15"] = np.log1p(np.minimum(before, after))
        out[f"{name}_unlike.15"] = np.abs(np.log((_strongest(down, -1) + 1) / (_strongest(up, 1) + 1)))
    return out


def lasting_jumps(flat: Floats, side: int) -> Floats:
    """Signed change of level at each value of a flat series: the smaller of the single step and of the change between the
    medians of `side` values before and after, the trend of both sides taken off. 0 where the two disagree in sign."""
    n = len(flat)
    padded = np.r_[np.full(side, np.nan), flat, np.full(side, np.nan)]
    middle = _medians(np.lib.stride_tricks.sliding_window_view(padded, side))
    before, after = middle[:n], middle[side : side + n]
    earlier, later = _moved(before, side), _moved(after, -side)
    trend = np.nan_to_num(0.5 * (before - earlier)) + np.nan_to_num(0.5 * (later - after))
    change = after - before - trend
    step = flat - _last_known(flat, side)
    jump = np.sign(change) * np.minimum(np.abs(change), np.abs(step))
    return np.where(np.isfinite(jump) & (np.sign(change) == np.sign(step)), jump, 0.0)


def _medians(windows: Floats) -> Floats:
    """Median of the known values of each window; NaN where less than half is known."""
    ordered = np.sort(windows, axis=1)
    count = np.isfinite(ordered).sum(axis=1)
    at = np.arange(len(ordered))
    middle = ordered[at, np.maximum(count - 1, 0) // 2]
    return np.where(2 * count >= windows.shape[1], middle, np.nan)


def _moved(values: Floats, by: int) -> Floats:
    out = np.full(values.shape, np.nan)
    if by > 0:
        out[by:] = values[:-by]
    else:
        out[:by] = values[-by:]
    return out


def _last_known(flat: Floats, reach: int) -> Floats:
    """Value before each one, or the last known one at most `reach` values back."""
    out = _moved(flat, 1)
    for back in range(2, reach + 1):
        out = np.where(np.isfinite(out), out, _moved(flat, back))
    return out


def _usual(daily: Floats) -> Floats:
    """Median of the daily largest jumps in the weeks around, never below a fifth of the overall median."""
    n = len(daily)
    padded = np.r_[
        np.full(AROUND_DAYS, np.nan), np.where(daily > 0, daily, np.nan), np.full(AROUND_DAYS, np.nan)
    ]
    rows = np.sort(np.lib.stride_tricks.sliding_window_view(padded, 2 * AROUND_DAYS + 1), axis=1)
    count = np.isfinite(rows).sum(axis=1)
    around = rows[np.arange(n), np.maximum(count - 1, 0) // 2]
    held = daily[daily > 0]
    overall = float(np.median(held)) if len(held) else 1.0
    return np.maximum(np.where(count >= 5, around, overall), 0.2 * overall)


def _strongest(daily: Floats, side: int) -> Floats:
    """Largest value of a day and of the PAIR_DAYS days before (side -1) or after it (side 1)."""
    out = daily.copy()
    for shift in range(1, min(PAIR_DAYS, len(daily) - 1) + 1):
        if side < 0:
            out[shift:] = np.maximum(out[shift:], daily[:-shift])
        else:
            out[:-shift] = np.maximum(out[:-shift], daily[shift:])
    return out
