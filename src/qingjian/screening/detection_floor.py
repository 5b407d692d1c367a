"""Readings the instrument never gave before: below its own floor or above its own top."""

from __future__ import annotations

import numpy as np

from qingjian.screening.series import SeriesDays, Statistics, over


def statistics(series: SeriesDays) -> Statistics:
    """Hours at or below the lowest and above the highest readings of the reference days."""
    held = series.hourly[series.reference]
    held = held[np.isfinite(held)]
    if len(held) < 200:
        return {}
    lowest, highest = np.quantile(held, [0.0005, 0.9995])
    out: Statistics = {}
    for width in (1, 3):
        under = over((series.hourly < lowest - 1e-9).sum(axis=1).astype(float), width)
        beyond = over((series.hourly > highest + 1e-9).sum(axis=1).astype(float), width)
        out[f"detection_floor.below.{width}"] = np.log1p(under)
        out[f"detection_floor.above.{width}"] = np.log1p(beyond)
    return out
