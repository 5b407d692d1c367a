"""Weeks of mist at an inlet: both particle factors low together at the same hours of the day, other hours as always.

One sprayed hour lies inside what honest hours do, a month of them does not. The errors of a day (both factors, 24 hours) are
compared with the course of the day in the months around. How errors of different hours go together is learned from the
history, days of wild weather counting less, so that a sharp fall between two hours says more than a day that is low throughout.
Asked is how much better bursts with a slow recovery, of any size at any hours, or at the hours in which people work, explain
the errors of some weeks than no bursts do.
"""

from __future__ import annotations

import numpy as np

from qingjian.screening.panel import Floats, Mask
from qingjian.screening.series import SeriesDays, Statistics, over, usual_course

HOURS = 24
AROUND = 91
WORST = 4.0
WIDTHS = (1, 3, 7, 15, 31)
LEAST_SHARE = 0.4
LEAST_HOURS = 0.6
LEAST_REFERENCE = 90
FITS = 3
RECOVERY = np.exp(-np.arange(6) / 1.5)  # what is left of a burst in the hours after it
AT_WORK = np.arange(6, 22)  # hours in which somebody may be at the station
DAY_SHIFT = np.arange(8, 18)
SWEEPS = 8


def statistics(series: SeriesDays) -> Statistics:
    """How well bursts explain the common errors of both particle factors; nothing without the other factor."""
    if series.own_error is None or series.partner_error is None:
        return {}
    both = np.clip(np.hstack([series.own_error, series.partner_error]), -WORST, WORST)
    away = both - usual_course(both, AROUND, LEAST_SHARE)
    known: Mask = np.isfinite(away).mean(axis=1) >= LEAST_HOURS
    away = np.where(known[:, None], np.nan_to_num(away), 0.0)
    if (series.reference & known).sum() < LEAST_REFERENCE:
        return {}
    precision = _precision(away[series.reference & known])
    weight = _weights(away, precision) * known
    bursts = np.vstack([_bursts(), _bursts()])
    shift = bursts[:, DAY_SHIFT].sum(axis=1)
    out: Statistics = {}
    for width in WIDTHS:
        total = over(away * weight[:, None], width).T
        held = over(weight, width)
        enough = over(known.astype(float), width) >= LEAST_SHARE * width
        asked = -np.einsum("ij,jd->id", precision, total) / np.sqrt(np.maximum(held, 1e-9))
        for name, shapes in (("mist.bursts", bursts), ("mist.bursts_at_work", bursts[:, AT_WORK])):
            gain = _gain(np.einsum("ij,id->jd", shapes, asked), shapes.T @ precision @ shapes)
            out[f"{name}.{width}"] = np.where(enough, np.sqrt(gain), np.nan)
        size = np.sqrt(shift @ precision @ shift)
        out[f"mist.day_shift.{width}"] = np.where(enough, np.einsum("i,id->d", shift, asked) / size, np.nan)
    return out


def _bursts() -> Floats:
    """Course of the day (hours) of a burst beginning at each hour (columns)."""
    out = np.zeros((HOURS, HOURS))
    for after, share in enumerate(RECOVERY):
        out[(np.arange(HOURS) + after) % HOURS, np.arange(HOURS)] = share
    return out


def _weights(rows: Floats, precision: Floats) -> Floats:
    """Weight of each day: a day far from all usual ones counts little (multivariate t, as many degrees as columns)."""
    n = len(precision)
    far = (np.einsum("di,ij->dj", rows, precision) * rows).sum(axis=1) / n
    return np.asarray(2.0 / (1.0 + far), dtype=np.float64)


def _precision(rows: Floats) -> Floats:
    """Inverse covariance of usual days, far ones counting less; a little is added to every variance."""
    weight = np.ones(len(rows))
    precision = np.eye(rows.shape[1])
    for _ in range(FITS):
        covariance = np.einsum("di,dj->ij", rows * weight[:, None], rows) / weight.sum()
        added = (0.01 + 5.0 / len(rows)) * np.trace(covariance) / len(covariance)
        precision = np.linalg.inv(covariance + max(added, 1e-9) * np.eye(len(covariance)))
        weight = _weights(rows, precision)
    return precision


def _gain(asked: Floats, form: Floats) -> Floats:
    """Highest 2 x·asked - x·form·x over x ≥ 0 for each column (hours, days), by a fixed number of sweeps over the hours."""
    size = np.zeros_like(asked)
    for _ in range(SWEEPS):
        for hour, row in enumerate(form):
            rest = asked[hour] - np.einsum("i,id->d", row, size)
            size[hour] = np.maximum(size[hour] + rest / row[hour], 0.0)
    gain = (size * (2 * asked - np.einsum("ij,jd->id", form, size))).sum(axis=0)
    return np.asarray(np.maximum(gain, 0.0), dtype=np.float64)
