"""Bunching: values pressed just below the limit where the circumstances promise values above it.

Two questions: are there more values just below and fewer above the limit than the circumstances promise; and does the density
of the values itself break off at the limit (McCrary 2008: counts in narrow bins that do not reach across the limit, a
straight line through them on either side, the logarithm of both densities at the limit compared)?
The second needs no model: whatever the level, honest readings know nothing of a limit.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from qingjian.screening.panel import Floats
from qingjian.screening.series import SeriesDays, Statistics, over

BIN = 0.02  # of the limit
REACH = 0.25  # of the limit, on either side
LEAST_BINS = 4
LEAST_NEAR = 30
LEAST_COUNT = 2.0


def statistics(series: SeriesDays) -> Statistics:
    """Excess just below the limit, shortage above it, the amount pressed down, the break of the density (needs a limit)."""
    if not np.isfinite(series.limit) or series.limit <= 0:
        return {}
    low, limit, far = series.shaped_limit
    seen = np.isfinite(series.shaped) & np.isfinite(series.expected)

    def share(edge: float) -> Floats:
        return np.where(seen, ndtr((edge - series.expected) / (1.3 * series.spread)), 0.0)

    below = seen & (series.shaped >= low) & (series.shaped <= limit)
    above = seen & (series.shaped > limit) & (series.shaped <= far)
    pressed = (
        np.where(below & (series.expected > limit), series.expected - series.shaped, 0.0) / series.spread
    )
    expected_below, expected_above = share(limit) - share(low), share(far) - share(limit)
    out: Statistics = {}
    for width in (1, 3, 7, 15):
        b, eb = over(below.sum(axis=1).astype(float), width), over(expected_below.sum(axis=1), width)
        a, ea = over(above.sum(axis=1).astype(float), width), over(expected_above.sum(axis=1), width)
        out[f"bunching.below.{width}"] = (b - eb) / np.sqrt(eb + 1)
        out[f"bunching.gap.{width}"] = (ea - a) / np.sqrt(ea + 1)
        out[f"bunching.pressed.{width}"] = np.log1p(over(np.nansum(pressed, axis=1), width))
    out.update(_break(series))
    return out


def _break(series: SeriesDays) -> Statistics:
    """Fall of the density at the limit, in its standard errors; NaN where too few values lie near it."""
    limit, step = series.limit, series.resolution if series.resolution > 0 else 0.0
    narrow = BIN * limit
    if step > 0:
        narrow = step * max(1.0, np.ceil(narrow / step - 1e-9))
    bins = int(max(REACH * limit / narrow, LEAST_BINS))
    with np.errstate(invalid="ignore"):
        # a value on the limit keeps it: bin -1 ends there
        at = np.ceil(np.round((series.values - limit) / narrow, 6)) - 1
    below, above = (
        np.stack([(at == bin_).sum(axis=1) for bin_ in side], axis=1).astype(float)
        for side in (range(-1, -bins - 1, -1), range(bins))
    )
    weights = _line_at_edge(bins)
    out: Statistics = {}
    for width in (7, 15, 31):
        sides = [over(counts, width) for counts in (below, above)]
        near = sides[0].sum(axis=1) + sides[1].sum(axis=1)
        least = LEAST_COUNT / bins
        density = [np.maximum((counts * weights).sum(axis=1), least) for counts in sides]
        variance = [((counts + least) * weights**2).sum(axis=1) for counts in sides]
        error = np.sqrt(sum(v / d**2 for v, d in zip(variance, density, strict=True)))
        fall = np.log(density[0]) - np.log(density[1])
        out[f"bunching.break.{width}"] = np.where(near >= LEAST_NEAR, fall / error, np.nan)
    return out


def _line_at_edge(bins: int) -> Floats:
    """Weights of the counts of bins, the nearest first, whose sum is the local line at the edge (triangular kernel)."""
    middle = (np.arange(bins) + 0.5) / bins
    kernel = 1 - middle
    s0, s1, s2 = (float((kernel * middle**power).sum()) for power in range(3))
    return np.asarray(kernel * (s2 - s1 * middle) / (s0 * s2 - s1**2), dtype=np.float64)
