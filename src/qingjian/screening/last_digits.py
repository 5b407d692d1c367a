"""Last digits: invented or coarsely rounded numbers use other last digits than the instrument did.

Looked at are the last digit, pairs of last digits of readings after each other, and the last two digits together.

The expected shares come from the series' own history, apart for small and large values, because near the
detection limit the last digit is the value itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qingjian.screening.panel import Floats, Mask
from qingjian.screening.series import SeriesDays, Statistics, over

CLASSES = np.array([1, 2, 3, 5, 10, 20])  # of tens of steps
HUNDREDS = np.array([2, 3, 5, 10])
LEAST_PAIRS = 50


def statistics(series: SeriesDays) -> Statistics:
    """Chi-square of last digits and digit pairs against own history, heaping on 0 and 5, repeats of the same digit."""
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
    out.update(_pairs(whole, finite, series.reference))
    out.update(_last_two(whole, finite, series.reference))
    return out


def _pairs(whole: NDArray[np.int64], finite: Mask, reference: Mask) -> Statistics:
    """Last digits of two readings after each other, where the reading moved: chi-square of the hundred pairs given the first
    digit and the level, against own history, and how often the same digit comes twice."""
    flat, known = whole.ravel(), finite.ravel()
    before, after = np.abs(np.r_[0, flat[:-1]]) % 10, np.abs(flat) % 10
    moved = known & np.r_[False, known[:-1] & (flat[1:] != flat[:-1])]
    level = np.searchsorted(CLASSES, np.abs(flat) // 10, side="right")
    origin, classes = level * 10 + before, (len(CLASSES) + 1) * 10
    table = np.zeros((classes, 10))
    use = moved & np.repeat(reference, whole.shape[1])
    np.add.at(table, (origin[use], after[use]), 1.0)
    overall = np.tile(table.reshape(-1, 10, 10).sum(axis=0), (len(CLASSES) + 1, 1)) + 1.0
    overall /= overall.sum(axis=1, keepdims=True)
    shares = (table + 20 * overall) / (table.sum(axis=1, keepdims=True) + 20)
    day = np.repeat(np.arange(len(whole)), whole.shape[1])
    begun = _counts(day[moved], origin[moved], len(whole), classes)
    found = _counts(day[moved], (before * 10 + after)[moved], len(whole), 100)
    expected = np.einsum("dlb,lba->dba", begun.reshape(len(whole), -1, 10), shares.reshape(-1, 10, 10))
    expected = expected.reshape(len(whole), 100)
    same = np.arange(10) * 11
    out: Statistics = {}
    for width in (3, 7, 15):
        e, o = over(expected, width), over(found, width)
        n = o.sum(axis=1)
        if width > 3:
            chi = ((o - e) ** 2 / (e + 0.5)).sum(axis=1)
            out[f"last_digits.pairs.{width}"] = np.where(n >= LEAST_PAIRS, np.log1p(chi), np.nan)
        again, usual = o[:, same].sum(axis=1), e[:, same].sum(axis=1)
        out[f"last_digits.same_again.{width}"] = np.where(
            n >= 10, (again - usual) / np.sqrt(usual + 1), np.nan
        )
    return out


def _last_two(whole: NDArray[np.int64], finite: Mask, reference: Mask) -> Statistics:
    """Last two digits together, of readings of at least a hundred steps: chi-square against own history at the level."""
    size = np.abs(whole)
    long: Mask = finite & (size >= 100)
    if not (long & reference[:, None]).any():
        return {}
    two, level = size % 100, np.searchsorted(HUNDREDS, size // 100, side="right")
    table = np.zeros((len(HUNDREDS) + 1, 100))
    use = long & reference[:, None]
    np.add.at(table, (level[use], two[use]), 1.0)
    overall = table.sum(axis=0) + 1.0
    overall /= overall.sum()
    shares = (table + 100 * overall) / (table.sum(axis=1, keepdims=True) + 100)
    day = np.broadcast_to(np.arange(len(whole))[:, None], whole.shape)
    held = _counts(day[long], level[long], len(whole), len(HUNDREDS) + 1)
    found = _counts(day[long], two[long], len(whole), 100)
    expected = np.einsum("dl,lt->dt", held, shares)
    out: Statistics = {}
    for width in (7, 15):
        e, o = over(expected, width), over(found, width)
        chi = ((o - e) ** 2 / (e + 0.5)).sum(axis=1)
        out[f"last_digits.last_two.{width}"] = np.where(o.sum(axis=1) >= LEAST_PAIRS, np.log1p(chi), np.nan)
    return out


def _counts(day: NDArray[np.int64], cell: NDArray[np.int64], days: int, cells: int) -> Floats:
    """How often each cell was met on each day (days, cells)."""
    return np.bincount(day * cells + cell, minlength=days * cells).reshape(days, cells).astype(float)


def _shares(digit: NDArray[np.int64], level: NDArray[np.int64], use: NDArray[np.bool_]) -> Floats:
    """Shares of the digits 0-9 in each level class of the reference days, (classes, 10), slightly smoothed."""
    table = np.zeros((len(CLASSES) + 1, 10))
    np.add.at(table, (level[use], digit[use]), 1.0)
    overall = table.sum(axis=0) + 1.0
    overall /= overall.sum()
    return np.asarray((table + 20 * overall) / (table.sum(axis=1, keepdims=True) + 20), dtype=np.float64)
