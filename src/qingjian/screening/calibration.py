"""Calibration: how unusual is a statistic in the clean history of the same series?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from qingjian.screening.panel import Floats, Mask
from qingjian.screening.parallel import each

LEAST_REFERENCE_DAYS = 45
YEAR_DAYS = 365
FURTHEST, FURTHEST_BELOW = 9.0, 4.0
LEAST_WIDTH = 0.1  # statistics are logarithms, standardised sums or shares: smaller changes mean nothing


def normal_scores(values: Floats, held: Floats) -> Floats:
    """One-sided p-value of each value among the sorted reference values, as a standard normal score (high = unusual).

    Ties count half. Beyond the largest reference value the score grows with the distance, so that the order is
    kept where the history has no example; NaN stays NaN, and too few reference values give NaN throughout.
    """
    n = len(held)
    if n < LEAST_REFERENCE_DAYS:
        return np.full(len(values), np.nan)
    finite = np.isfinite(values)
    v = np.where(finite, values, 0.0)
    above = n - np.searchsorted(held, v, "right")
    equal = n - np.searchsorted(held, v, "left") - above
    score = -ndtri((above + 0.5 * equal + 0.5) / (n + 1))
    middle = held[n // 2]
    for side, edge in ((1.0, held[-1]), (-1.0, held[0])):
        width = max(abs(float(edge - middle)), 3 * LEAST_WIDTH)
        beyond = np.maximum(side * (v - edge), 0.0) / width
        score = score * (1 + np.minimum(beyond, 3.0))
    return np.where(finite, np.clip(score, -FURTHEST_BELOW, FURTHEST), np.nan)


def p_value(score: Floats) -> Floats:
    """Upper-tail p-value of a normal score."""
    return np.asarray(ndtr(-score), dtype=np.float64)


AROUND_DAYS = 90
ANCHOR_DAYS = 30


def against_season(values: Floats, days: Mask) -> Floats:
    """Daily statistics (days, tests) as distance from the usual value of the half-year around, in usual spreads.

    Median and 90 % quantile of the days within 90 days (only those where `days` holds) are taken every 30 days
    and interpolated: instruments, sites and seasons change, and a slow change of a statistic is no evidence.
    """
    n, tests = values.shape
    anchors = np.arange(0, n + ANCHOR_DAYS - 1, ANCHOR_DAYS).clip(max=max(n - 1, 0))
    middle, width = np.full((len(anchors), tests), np.nan), np.full((len(anchors), tests), np.nan)
    for i, anchor in enumerate(anchors):
        window = slice(max(anchor - AROUND_DAYS, 0), anchor + AROUND_DAYS + 1)
        ordered = np.sort(values[window][days[window]], axis=0)
        count = np.isfinite(ordered).sum(axis=0)
        if not len(ordered):
            continue
        at = np.arange(tests)
        low, mid, high = (
            ordered[np.clip((share * (count - 1)).astype(int), 0, len(ordered) - 1), at]
            for share in (0.1, 0.5, 0.9)
        )
        enough = count >= 20
        middle[i] = np.where(enough, mid, np.nan)
        width[i] = np.where(enough, np.maximum(high - mid, 0.5 * (high - low)), np.nan)
    usual_width = np.array([_median(column) for column in width.T])
    width = np.maximum(width, np.maximum(0.3 * usual_width, LEAST_WIDTH))
    day = np.arange(n)
    out = np.full(values.shape, np.nan)
    for j in range(tests):
        known = np.isfinite(middle[:, j]) & np.isfinite(width[:, j])
        if known.any():
            centre = np.interp(day, anchors[known], middle[known, j])
            scale = np.interp(day, anchors[known], width[known, j])
            out[:, j] = (values[:, j] - centre) / scale
    return out


def _median(values: Floats) -> float:
    found = values[np.isfinite(values)]
    return float(np.median(found)) if len(found) else 0.0


@dataclass(frozen=True)
class Yardstick:
    """Sorted reference values of every test for every series, taken from the clean history.

    A series with less than a year of it is measured with what all stations showed for the same parameter: among few
    days of a season or two its own later days would look stranger than they are. `borrowed` names the series that have
    hardly any history of their own.
    """

    tests: tuple[str, ...]
    own: dict[tuple[int, int], list[Floats]]
    by_parameter: dict[int, list[Floats]]

    def measure(self, key: tuple[int, int], values: Floats, days: Mask) -> Floats:
        """Normal scores (days, tests) of the statistics of one series; `days` are those on which it was there."""
        local = against_season(values, days)
        pooled = self.by_parameter.get(key[1])
        held = pooled if self._days(key) < YEAR_DAYS else self.own[key]
        out = np.full(values.shape, np.nan)
        for j in range(values.shape[1]):
            reference = held[j] if held is not None else None
            if pooled is not None and (reference is None or len(reference) < LEAST_REFERENCE_DAYS):
                reference = pooled[j]
            if reference is not None:
                out[:, j] = normal_scores(local[:, j], reference)
        return out

    def borrowed(self, key: tuple[int, int]) -> bool:
        """Whether a series has no history of its own to be measured with."""
        return self._days(key) < LEAST_REFERENCE_DAYS

    def _days(self, key: tuple[int, int]) -> int:
        """Days of own history of a series."""
        return max((len(column) for column in self.own.get(key, ())), default=0)


def yardstick(
    tests: tuple[str, ...],
    clean: dict[tuple[int, int], Floats],
    begun: dict[tuple[int, int], Mask] | None = None,
) -> Yardstick:
    """Build the yardstick from the clean statistics (days, tests) of every series.

    `begun` says from which day on a series was there (None: always): a station that was not yet built shows no gap, no
    short run and no quiet day.
    """

    def sorted_columns(key: tuple[int, int]) -> list[Floats]:
        values = clean[key]
        days = np.ones(len(values), bool) if begun is None else begun[key]
        local = against_season(values, days)[days]
        return [np.sort(column[np.isfinite(column)]) for column in local.T]

    own = dict(zip(clean, each(sorted_columns, clean, forking=True), strict=True))
    by_parameter: dict[int, list[Floats]] = {}
    for parameter in sorted({p for _, p in own}):
        mates = [held for key, held in own.items() if key[1] == parameter]
        by_parameter[parameter] = [np.sort(np.concatenate(columns)) for columns in zip(*mates, strict=True)]
    return Yardstick(tests, own, by_parameter)
