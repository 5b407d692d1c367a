"""Bunching: values pressed just below the limit where the circumstances promise values above it."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from qingjian.screening.panel import Floats
from qingjian.screening.series import SeriesDays, Statistics, over


def statistics(series: SeriesDays) -> Statistics:
    """Excess just below the limit, shortage above it, and the amount pressed down (needs a limit)."""
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
    return out
