"""Copied runs: successive values that stood in the own past, at a related station or in another factor before.

Looks at values, not at days: a run may begin and end at any moment and lie any distance back. How telling a run is, is
said by its information: the sum of -log(share of each step in the own history), so that a run of the usual small
steps near the detection limit counts for little and a moving day for much.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qingjian.screening.panel import Floats, Mask
from qingjian.screening.series import SeriesDays, Statistics

LEAST_RUN = 12  # values
LEAST_MOVES = 4  # changes among them
LEAST_HOURS = 2.0  # of a day that must lie in a run
CONCLUSIVE = 45.0  # information no two honest stretches share by chance (1 in 10^19)
BEYOND_HISTORY = 1.6  # … and this many times what the own clean history shows
ALONE = 2.0  # without a history the bar is higher
BOTH_BELOW = 0.4  # boundaries that differ by less do not say who copied from whom
HASH_BASE = np.uint64(0x9E3779B97F4A7C15)

Whole = NDArray[np.int64]


def statistics(series: SeriesDays) -> Statistics:
    """Information of the longest copied run of each day, from the own past, related stations and own factors."""
    units, known = _units(series.fine, series.resolution)
    weight = _information(units, known, np.repeat(series.reference, series.fine.shape[1]))
    per_day = series.fine.shape[1]
    runs = past_runs(units, known)
    past = _by_day(runs, _told(runs, weight), np.zeros(len(runs)), per_day, series.days)[0]
    out: Statistics = {"copies.run_past": np.log1p(past)}
    certain = _conclusive(past, series)
    for name, others in (("relative", series.relatives), ("factor", series.factors)):
        best = np.zeros((2, series.days))
        for other in others:
            theirs, have = _units(other, series.resolution)
            runs = equal_runs(units, known, theirs, have)
            blame = _blame(series.fine.ravel(), other.ravel(), runs)
            found = _by_day(runs, _told(runs, weight), blame, per_day, series.days)
            best = np.where(found[0] > best[0], found, best)
        if others:
            out[f"copies.run_{name}"] = np.log1p(best[0])
            out[f"copies.run_{name}_blame"] = np.where(best[0] > 0, best[1], np.nan)
            certain |= _conclusive(best[0], series) & (best[1] > -BOTH_BELOW)
    out["copies.exact"] = certain.astype(float)
    return out


def _units(fine: Floats, resolution: float) -> tuple[Whole, Mask]:
    """Flat values as whole steps of the resolution, and which of them are known."""
    flat = fine.ravel()
    known = np.isfinite(flat)
    step = resolution if resolution > 0 else _smallest_step(flat[known])
    return np.where(known, np.round(np.where(known, flat, 0.0) / step), 0).astype(np.int64), known


def _smallest_step(values: Floats) -> float:
    distinct = np.unique(values)
    return float(np.min(np.diff(distinct))) if len(distinct) > 1 else 1.0


def _information(units: Whole, known: Mask, reference: Mask) -> Floats:
    """-log(share of the step from the value before), 0 where there is no step; shares from the reference."""
    step = np.diff(units, prepend=units[:1])
    usable = known & np.r_[False, known[:-1]]
    held = step[usable & reference]
    if not len(held):
        held = step[usable]
    if not len(held):
        return np.zeros(len(units))
    values, counts = np.unique(held, return_counts=True)
    at = np.clip(np.searchsorted(values, step), 0, len(values) - 1)
    share = np.where(values[at] == step, counts[at], 0.5) / len(held)
    return np.where(usable, -np.log(share), 0.0)


def past_runs(units: Whole, known: Mask) -> list[tuple[int, int]]:
    """First and last position of runs that repeat an earlier stretch of the same series value by value."""
    n = len(units)
    if n < 2 * LEAST_RUN:
        return []
    width = n - LEAST_RUN + 1
    mixed = np.zeros(width, np.uint64)
    complete = np.ones(width, bool)
    moves = np.zeros(width, np.int64)
    changed = np.r_[False, units[1:] != units[:-1]]
    unsigned = units.astype(np.uint64)
    with np.errstate(over="ignore"):
        for j in range(LEAST_RUN):
            mixed = mixed * HASH_BASE + unsigned[j : j + width] + np.uint64(1)
            mixed ^= mixed >> np.uint64(29)
            complete &= known[j : j + width]
            if j:
                moves += changed[j : j + width]
    begins = np.flatnonzero(complete & (moves >= LEAST_MOVES))
    order = begins[np.argsort(mixed[begins], kind="stable")]
    same = mixed[order[1:]] == mixed[order[:-1]]
    later, earlier = order[1:][same], order[:-1][same]
    apart = later - earlier >= LEAST_RUN
    later, earlier = later[apart], earlier[apart]
    back = np.argsort(later, kind="stable")
    later, lag = later[back], (later - earlier)[back]
    if not len(later):
        return []
    cuts = np.flatnonzero((np.diff(later) != 1) | (np.diff(lag) != 0))
    firsts, lasts = later[np.r_[0, cuts + 1]], later[np.r_[cuts, len(later) - 1]] + LEAST_RUN - 1
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))


def equal_runs(units: Whole, known: Mask, theirs: Whole, have: Mask) -> list[tuple[int, int]]:
    """First and last position of runs in which two series hold the same values at the same times."""
    same = known & have & (units == theirs)
    edges = np.flatnonzero(np.diff(np.r_[False, same, False].astype(np.int8)))
    firsts, lasts = edges[::2], edges[1::2] - 1
    long = lasts - firsts + 1 >= LEAST_RUN
    return list(zip(firsts[long].tolist(), lasts[long].tolist(), strict=True))


def _by_day(runs: list[tuple[int, int]], told: Floats, blame: Floats, per_day: int, days: int) -> Floats:
    """(2, days): what the most telling run of each day tells, and its blame; a run must hold some hours of a day."""
    out = np.zeros((2, days))
    least = LEAST_HOURS * per_day / 24
    for (first, last), told_by_run, blamed in zip(runs, told, blame, strict=True):
        for day in range(first // per_day, last // per_day + 1):
            held = min(last + 1, (day + 1) * per_day) - max(first, day * per_day)
            if held >= least and told_by_run > out[0, day]:
                out[:, day] = told_by_run, blamed
    return out


def _told(runs: list[tuple[int, int]], information: Floats) -> Floats:
    """Information of each run (the step into it is not part of it)."""
    total = np.r_[0.0, np.cumsum(information)]
    return np.array([total[last + 1] - total[first + 1] for first, last in runs])


def _blame(own: Floats, other: Floats, runs: list[tuple[int, int]]) -> Floats:
    """Log ratio of the own jumps into and out of each run to those of the other series.

    Who copied jumps to the other's level and back again; the original goes on as it was.
    """
    usual = [max(_usual_step(x), 1e-12) for x in (own, other)]
    out = np.zeros(len(runs))
    for i, (first, last) in enumerate(runs):
        size = []
        for x, step in zip((own, other), usual, strict=True):
            into = abs(x[first] - _nearest(x, first - 1, -1))
            out_of = abs(_nearest(x, last + 1, 1) - x[last])
            size.append((np.nan_to_num(into) + np.nan_to_num(out_of)) / step)
        out[i] = np.log((size[0] + 1) / (size[1] + 1))
    return out


def _usual_step(x: Floats) -> float:
    step = np.abs(np.diff(x))
    step = step[np.isfinite(step)]
    return float(np.mean(step)) if len(step) else 1.0


def _nearest(x: Floats, at: int, direction: int, reach: int = 24) -> float:
    """First known value from `at` on in a direction; NaN when there is none within reach."""
    for _ in range(reach):
        if not 0 <= at < len(x):
            break
        if np.isfinite(x[at]):
            return float(x[at])
        at += direction
    return float("nan")


def _conclusive(found: Floats, series: SeriesDays) -> Mask:
    """Days whose run tells more than chance can, and far more than anything in the own clean history."""
    if series.history.all() or not series.history.any():
        return found >= ALONE * CONCLUSIVE
    held = float(found[series.history].max())
    return found >= max(CONCLUSIVE, BEYOND_HISTORY * held)
