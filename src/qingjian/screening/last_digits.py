"""Last digits: invented or coarsely rounded numbers use other last digits than the instrument did.

The expected shares come from the series' own history, apart for small and large values, because near the
detection limit the last digit is the value itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qingjian.screening.panel import Floats
from qingjian.screening.series import SeriesDays, Statistics, over

CLASSES = np.array([1, 2, 3, 5, 10, 20])


def statistics(series: SeriesDays) -> Statistics:
    """Chi-square of the last digits against own history, heaping on 0 and 5, repeats of the same digit."""
    if series.resolution <= 0:
        return {}
    units = np.round(series.values / series.resolution)
    finite = np.isfinite(units)
    whole = np.where(finite, units, 0).astype(np.int64)
    digit = np.abs(whole) % 10
    level = np.searchsorted(CLASSES, np.abs(whole) // 10, side="right")
    shares = _shares(digit, level, finite & series.reference[:, None])
    expected = np.where(finite[:, :, None], shares[level], 0.0).sum(axis=1)
    found = np.stack([((digit == d) & finite).sum(axis=1) for d in range(10)], axis=1).astype(float)
    out: Statistics = {}
    for width in (1, 3, 7, 15):
        e = np.stack([over(expected[:, d], width) for d in range(10)], axis=1)
        o = np.stack([over(found[:, d], width) for d in range(10)], axis=1)
        n = o.sum(axis=1)
        chi = ((o - e) ** 2 / (e + 0.5)).sum(axis=1)
        out[f"last_digits.shares.{width}"] = np.where(n >= 10, np.log1p(chi), np.nan)
        heap, usual = o[:, 0] + o[:, 5], e[:, 0] + e[:, 5]
        out[f"last_digits.heaping.{width}"] = np.where(n >= 10, (heap - usual) / np.sqrt(usual + 1), np.nan)
    flat_digit, flat_finite = digit.ravel(), finite.ravel()
    moved = np.r_[False, whole.ravel()[1:] != whole.ravel()[:-1]]
    same = np.r_[False, flat_digit[1:] == flat_digit[:-1]] & moved & flat_finite
    count = over((moved & flat_finite).reshape(digit.shape).sum(axis=1).astype(float), 3)
    again = over(same.reshape(digit.shape).sum(axis=1).astype(float), 3)
    out["last_digits.same_again.3"] = np.where(
        count >= 10, (again - 0.1 * count) / np.sqrt(0.1 * count + 1), np.nan
    )
    return out


def _shares(digit: NDArray[np.int64], level: NDArray[np.int64], use: NDArray[np.bool_]) -> Floats:
    """Shares of the digits 0-9 in each level class of the reference days, (classes, 10), slightly smoothed."""
    table = np.zeros((len(CLASSES) + 1, 10))
    np.add.at(table, (level[use], digit[use]), 1.0)
    overall = table.sum(axis=0) + 1.0
    overall /= overall.sum()
    return np.asarray((table + 20 * overall) / (table.sum(axis=1, keepdims=True) + 20), dtype=np.float64)
