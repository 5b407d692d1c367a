"""Hours of the day: readings that are low at the same hours day after day, while the other hours are as always.

People work by the clock: an inlet is sprayed in the morning, a setting is changed for the night shift. The daily course of
the errors over weeks is compared with that of the months around, so that what is usual at an hour is no evidence.
"""

from __future__ import annotations

import numpy as np

from qingjian.screening.panel import Floats
from qingjian.screening.series import SeriesDays, Statistics, usual_course

WIDTHS = (7, 15, 31)
AROUND = 91
LEAST_SHARE = 0.4


def statistics(series: SeriesDays) -> Statistics:
    """Lowest hours and unevenness of the daily course of the errors; for particles also of both factors together."""
    out = _course(series.error, "hours")
    if series.own_error is not None and series.partner_error is not None:
        common = np.maximum(series.own_error, series.partner_error)
        out.update(_course(common, "hours.together"))
    return out


def _course(error: Floats, name: str) -> Statistics:
    usual = usual_course(error, AROUND, LEAST_SHARE)
    out: Statistics = {}
    for width in WIDTHS:
        away = usual_course(error, width, LEAST_SHARE) - usual
        away = (np.roll(away, 1, axis=1) + away + np.roll(away, -1, axis=1)) / 3
        away = (away - away.mean(axis=1, keepdims=True)) * np.sqrt(width)
        out[f"{name}.low.{width}"] = -away.min(axis=1)
        out[f"{name}.uneven.{width}"] = np.log(away.std(axis=1) + 1e-3)
    return out
