"""Spraying or shielding at an inlet: short dips with slow recovery that the surroundings do not show.

Particle factors dip together; gases, neighbours and weather do not.
"""

from __future__ import annotations

import numpy as np

from qingjian.screening.panel import Floats
from qingjian.screening.series import SeriesDays, Statistics, mean_over, over


def statistics(series: SeriesDays) -> Statistics:
    """Dips against rises of the error around its running median, alone and together with the partner."""
    out = _dips(unrest(series.error), "spraying.dips")
    if series.own_error is not None and series.partner_error is not None:
        own, partner = unrest(series.own_error), unrest(series.partner_error)
        both = np.where(np.sign(own) == np.sign(partner), np.sign(own), 0.0)
        common = both * np.minimum(np.abs(own), np.abs(partner))
        out.update(_dips(common, "spraying.together"))
        for width in (1, 3, 7, 15, 31):
            bias = mean_over(np.maximum(series.own_error, series.partner_error), width)
            out[f"spraying.low_together.{width}"] = -bias
    return out


def unrest(error: Floats, half: int = 5) -> Floats:
    """Error minus its running median over 2 * half + 1 hours."""
    flat = error.ravel()
    padded = np.r_[np.full(half, np.nan), flat, np.full(half, np.nan)]
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    ordered = np.sort(windows, axis=1)
    count = np.isfinite(ordered).sum(axis=1)
    middle = ordered[np.arange(len(flat)), np.maximum((count - 1) // 2, 0)]
    return np.where(count >= 5, flat - middle, np.nan).reshape(error.shape)


def _dips(change: Floats, name: str) -> Statistics:
    out: Statistics = {}
    low, high = np.minimum(np.nan_to_num(change), 0) ** 2, np.maximum(np.nan_to_num(change), 0) ** 2
    for width in (1, 3, 7, 15):
        dips, rises = over(low.sum(axis=1), width), over(high.sum(axis=1), width)
        out[f"{name}.{width}"] = np.log((dips + 2.0) / (rises + 2.0))
        if width < 15:
            out[f"{name}_size.{width}"] = np.log(dips + 1.0)
    return out
