"""Copied windows: a stretch that repeats the own past, a related station or another factor.

Rescaled copies and copies with added noise show in a correlation of the changes that honest series do not reach; what
honest series reach is taken from the own history. Exact copies are the matter of `copied_runs`.
"""

from __future__ import annotations

import numpy as np

from qingjian.screening.panel import Floats, Mask
from qingjian.screening.series import SeriesDays, Statistics, correlation_over, mean_over, steps

FURTHEST_DAYS = 400


def statistics(series: SeriesDays) -> Statistics:
    """Agreement with related stations, own factors and the own past."""
    out: Statistics = {}
    for name, others in (("relative", series.relatives), ("factor", series.factors)):
        if others:
            out.update(_parallel(series, others, name))
    out.update(_own_past(series))
    return out


def closeness(correlation: Floats) -> Floats:
    """-log(1 - r^2) of positive correlations: grows without a jump up to an exact copy."""
    r = np.clip(np.nan_to_num(correlation), 0.0, 1.0)
    return np.where(np.isfinite(correlation), -np.log(1 - r * r + 1e-5), np.nan)


def _parallel(series: SeriesDays, others: tuple[Floats, ...], name: str) -> Statistics:
    fine = series.fine
    own_steps, many = steps(fine), fine.shape[1]
    best: Statistics = {}
    closest_so_far = np.full(series.days, -np.inf)
    blame = np.full((2, series.days), np.nan)
    own_ways = _ways(series.error**2, fine) if name == "relative" and series.relative_errors else None
    for number, other in enumerate(others):
        other_steps = steps(other)
        found = {}
        for width in (1, 3):
            found[f"copies.{name}.{width}"] = closeness(
                correlation_over(own_steps, other_steps, width, many // 2)
            )
        found[f"copies.{name}_level.3"] = closeness(correlation_over(fine, other, 3, 3 * many // 2))
        if name == "relative":
            found["copies.relative_equal"] = _equal(series, other)
        closest = found[f"copies.{name}.1"]
        key = f"copies.{name}_closeness"
        best[key] = np.fmax(best[key], closest) if key in best else closest
        if name == "relative":
            nearer = np.nan_to_num(closest, nan=-np.inf) > closest_so_far
            closest_so_far = np.where(nearer, closest, closest_so_far)
            if own_ways is not None and number < len(series.relative_errors):
                ways = _ways(np.minimum(series.relative_errors[number] ** 2, 144), other)
                blame = np.where(nearer, np.log(own_ways / ways), blame)
            hours = found["copies.relative_equal"]
            key = "copies.relative_equal_hours"
            best[key] = np.fmax(best[key], hours) if key in best else hours
        for key, values in found.items():
            values = _against_usual(values, series.reference)
            best[key] = np.fmax(best[key], values) if key in best else values
    if name == "relative":
        best["copies.relative_blame"], best["copies.relative_level_blame"] = blame
    return best


def _ways(squared_error: Floats, fine: Floats) -> Floats:
    """How far a series left its own ways: its squared errors, and its steps away from the own weeks (2, days).

    Of two agreeing series the copier is the one that left them further.
    """
    return np.stack([mean_over(squared_error, 3) + 0.1, _departure(fine) + 0.1])


def _departure(fine: Floats) -> Floats:
    """Distance of the daily mean from the median of the weeks around, in usual distances."""
    daily = mean_over(fine, 1)
    n = len(daily)
    padded = np.r_[np.full(25, np.nan), daily, np.full(25, np.nan)]
    rows = np.sort(np.lib.stride_tricks.sliding_window_view(padded, 51), axis=1)
    count = np.isfinite(rows).sum(axis=1)
    middle = rows[np.arange(n), np.maximum(count - 1, 0) // 2]
    away = np.abs(daily - middle)
    found = away[np.isfinite(away)]
    usual = float(np.median(found)) if len(found) else 1.0
    return np.asarray(away / max(usual, 1e-9), dtype=np.float64)


def _equal(series: SeriesDays, other: Floats) -> Floats:
    """Log of the hours of a day with the same moving value in both series."""
    moving = (steps(series.fine) != 0) & (steps(other) != 0)
    same = (np.abs(series.fine - other) < 0.5 * max(series.resolution, 1e-12)) & moving
    return np.asarray(np.log1p(same.sum(axis=1) * 24.0 / series.fine.shape[1]), dtype=np.float64)


def _against_usual(values: Floats, reference: Mask) -> Floats:
    """Distance from the usual value of this pair, in usual spreads (median and 95 % quantile)."""
    held = values[reference & np.isfinite(values)]
    if len(held) < 30:
        held = values[np.isfinite(values)]
    if len(held) < 5:
        return np.full(len(values), np.nan)
    middle, high = np.quantile(held, [0.5, 0.95])
    return np.asarray((values - middle) / max(float(high - middle), 0.05), dtype=np.float64)


def _rows(values: Floats) -> Floats:
    """Rows scaled to mean 0 and length 1; rows with gaps or without spread become NaN."""
    centred = values - values.mean(axis=1, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    usual = np.nanmedian(length) if np.isfinite(length).any() else 1.0
    return np.where(length > 0.1 * usual, centred / np.maximum(length, 1e-12), np.nan)


def _own_past(series: SeriesDays) -> Statistics:
    """Best agreement of a day with an earlier day, alone and with the days around it at the same distance."""
    fine = _bridged(series.fine)
    change = _rows(steps(fine)[:, 1:])
    level = _rows(fine)
    days = series.days
    furthest = min(FURTHEST_DAYS, days - 1)
    if furthest < 3:
        return {}
    units = np.round(series.fine / max(series.resolution, 1e-12))
    rarity = _rarity(units, series.reference)
    one, three, levels, equal = (np.full(days, -np.inf) for _ in range(4))
    for back in range(2, furthest + 1):
        # fmax: of two rows that cannot be compared nothing is said, which is as little as the least agreement
        c = np.fmax(np.einsum("ij,ij->i", change[back:], change[:-back]), -1.0)
        np.maximum(one[back:], c, out=one[back:])
        if len(c) >= 3:
            held = three[back + 1 : -1]
            np.maximum(held, np.minimum(np.minimum(c[:-2], c[1:-1]), c[2:]), out=held)
        v = np.fmax(np.einsum("ij,ij->i", level[back:], level[:-back]), -1.0)
        np.maximum(levels[back:], v, out=levels[back:])
        same = units[back:] == units[:-back]
        np.maximum(equal[back:], (rarity[back:] * same).sum(axis=1), out=equal[back:])
    return {
        "copies.past.1": closeness(_finite(one)),
        "copies.past.3": np.arctanh(np.clip(_finite(three), -0.9999, 0.9999)),
        "copies.past_level.1": closeness(_finite(levels)),
        "copies.past_equal": np.log1p(np.maximum(_finite(equal), 0)),
    }


def _finite(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, np.nan)


def _bridged(fine: Floats) -> Floats:
    """Values with gaps of up to three hours bridged by straight lines."""
    flat = fine.ravel().copy()
    known = np.flatnonzero(np.isfinite(flat))
    if len(known) < 2:
        return fine
    at = np.arange(len(flat))
    line = np.interp(at, known, flat[known])
    before = known[np.clip(np.searchsorted(known, at, "right") - 1, 0, len(known) - 1)]
    after = known[np.clip(np.searchsorted(known, at, "left"), 0, len(known) - 1)]
    short = (after - before <= 3 * fine.shape[1] // 24 + 1) & (after > at) & (before < at)
    return np.where(np.isfinite(flat), flat, np.where(short, line, np.nan)).reshape(fine.shape)


def _rarity(units: Floats, reference: Mask) -> Floats:
    """-log of the share of each value in the reference days: equal rare values weigh more."""
    held = units[reference]
    held = held[np.isfinite(held)]
    if not len(held):
        return np.zeros(units.shape)
    values, counts = np.unique(held, return_counts=True)
    at = np.clip(np.searchsorted(values, units), 0, len(values) - 1)
    share = np.where(values[at] == units, counts[at] / len(held), 0.5 / len(held))
    return np.where(np.isfinite(units), -np.log(share), 0.0)
