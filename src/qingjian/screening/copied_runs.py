"""Copied runs: successive values that stood in the own past, at a related station or in another factor before.

Looks at values, not at days: a run may begin and end at any moment and lie any distance back. How telling a run is, is
said by its information: the sum of -log(share of each step, after the step before it, in the own history), so that a run
of the usual small steps near the detection limit counts for little and a moving day for much.

A run shared with a related station says who copied by habits: the copier jumps into the run and out of it, and leaves its
own level, its own unrest and what its other factors promise meanwhile. Two factors of one station with the same values are a mixed-up channel as often as a
pasted one and are never certain.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qingjian.screening.panel import Floats, Mask
from qingjian.screening.series import SeriesDays, Statistics

FURTHEST_STEP = 12
LEAST_PAIRS = 200
LEAST_ERRORS = 12  # hours
LEAST_RUN = 12  # values
LEAST_MOVES = 4  # changes among them
LEAST_HOURS = 2.0  # of a day that must lie in a run
CONCLUSIVE = 50.0  # information no two honest stretches share by chance (1 in 10^21)
BEYOND_HISTORY = 2.0  # … and this many times what the own clean history shows
ALONE = 2.0  # without a history the bar is higher
BOTH_BELOW = 0.6  # habits that differ by less do not say who copied from whom
AROUND_HOURS = 15 * 24
BRIDGE_HOURS = 36
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
        for number, other in enumerate(others):
            theirs, have = _units(other, series.resolution)
            runs = equal_runs(units, known, theirs, have, BRIDGE_HOURS * per_day // 24)
            shared = np.where(units == theirs, weight, 0.0)
            rest = [r.ravel() for r in series.relatives if r is not other] if runs else []
            blame = _blame(series.fine.ravel(), other.ravel(), _middle(rest), runs, per_day)
            if name == "relative" and number < len(series.relative_errors):
                blame = blame + misfit(series.error, series.relative_errors[number], runs, per_day)
            found = _by_day(runs, _told(runs, shared), blame, per_day, series.days)
            best = np.where(found[0] > best[0], found, best)
        if others:
            out[f"copies.run_{name}"] = np.log1p(best[0])
            out[f"copies.run_{name}_blame"] = np.where(best[0] > 0, best[1], np.nan)
            if name == "relative":
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
    """-log(share of each step among the steps that followed the same step), 0 where nothing changes.

    Shares come from the reference; steps beyond FURTHEST_STEP count as one, and by their size as well. Slow series whose
    step tells the next one carry little information however long they run.
    """
    step = np.diff(units, prepend=units[:1])
    usable = known & np.r_[False, known[:-1]]
    before = np.r_[0, step[:-1]]
    paired = usable & np.r_[False, usable[:-1]]
    held = paired & reference
    if held.sum() < LEAST_PAIRS:
        held = paired
    now, then = (np.clip(x, -FURTHEST_STEP, FURTHEST_STEP) + FURTHEST_STEP for x in (step, before))
    size = 2 * FURTHEST_STEP + 1
    table = np.zeros((size, size))
    np.add.at(table, (then[held], now[held]), 1.0)
    overall = (table.sum(axis=0) + 0.5) / (table.sum() + 0.5 * size)
    shares = (table + 5 * overall) / (table.sum(axis=1, keepdims=True) + 5)
    large = np.log(np.maximum(np.abs(step) - FURTHEST_STEP + 1, 1.0))
    return np.where(usable & (step != 0), -np.log(shares[then, now]) + large, 0.0)


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


def equal_runs(
    units: Whole, known: Mask, theirs: Whole, have: Mask, bridge: int = LEAST_RUN
) -> list[tuple[int, int]]:
    """First and last position of runs in which two series hold the same values at the same times.

    Runs at most `bridge` values apart are one: a routine check in between does not end it.
    """
    same = known & have & (units == theirs)
    edges = np.flatnonzero(np.diff(np.r_[False, same, False].astype(np.int8)))
    firsts, lasts = edges[::2], edges[1::2] - 1
    long = lasts - firsts + 1 >= LEAST_RUN
    firsts, lasts = firsts[long], lasts[long]
    if not len(firsts):
        return []
    cuts = np.flatnonzero(firsts[1:] - lasts[:-1] > bridge)
    return list(
        zip(firsts[np.r_[0, cuts + 1]].tolist(), lasts[np.r_[cuts, len(lasts) - 1]].tolist(), strict=True)
    )


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


def _middle(rest: list[Floats]) -> Floats | None:
    """Median of the other related stations at each time: what the weather or the river does to all of them."""
    if not rest:
        return None
    ordered = np.sort(np.stack(rest), axis=0)
    count = np.isfinite(ordered).sum(axis=0)
    at = np.maximum(count - 1, 0) // 2
    return np.asarray(np.take_along_axis(ordered, at[None], axis=0)[0], dtype=np.float64)


def _blame(
    own: Floats, other: Floats, middle: Floats | None, runs: list[tuple[int, int]], per_day: int
) -> Floats:
    """For each run, by how much more the own series leaves its habits than the other one (sum of three log ratios).

    The level is taken against the `middle` of the remaining stations, if there are any.
    """
    usual = [max(_usual_step(x), 1e-12) for x in (own, other)]
    out = np.zeros(len(runs))
    reach = AROUND_HOURS * per_day // 24
    for i, (first, last) in enumerate(runs):
        leaves = np.zeros((2, 3))
        for side, (x, step) in enumerate(zip((own, other), usual, strict=True)):
            into = abs(x[first] - _nearest(x, first - 1, -1))
            out_of = abs(_nearest(x, last + 1, 1) - x[last])
            leaves[side, 0] = (np.nan_to_num(into) + np.nan_to_num(out_of)) / step
            leaves[side, 1] = _departure(x if middle is None else x - middle, first, last, reach, step)[0]
            leaves[side, 2] = _departure(x, first, last, reach, step)[1]
        out[i] = float(np.sum(np.log((leaves[0] + 1) / (leaves[1] + 1))))
    return out


def misfit(own: Floats, other: Floats, runs: list[tuple[int, int]], per_day: int) -> Floats:
    """For each run, by how much more the own series leaves what its surroundings promise than the other one does.

    Log ratio of the mean square of the standardised errors (days, 24) in the run to that around it, own minus other. The
    copier no longer fits its own other factors; the original goes on fitting, and even better beside its copy.
    """
    out = np.zeros(len(runs))
    reach = AROUND_HOURS
    for i, (first, last) in enumerate(runs):
        begin, beyond = first * 24 // per_day, last * 24 // per_day + 1
        size = []
        for error in (own.ravel(), other.ravel()):
            inside = error[begin:beyond]
            around = np.r_[error[max(begin - reach, 0) : begin], error[beyond : beyond + reach]]
            inside, around = inside[np.isfinite(inside)], around[np.isfinite(around)]
            if len(inside) < LEAST_ERRORS or len(around) < 4 * LEAST_ERRORS:
                size.append(0.0)
                continue
            inner, outer = (float(np.mean(np.clip(x, -6, 6) ** 2)) for x in (inside, around))
            size.append(float(np.log((inner + 0.1) / (outer + 0.1))))
        out[i] = 2 * (size[0] - size[1]) if 0.0 not in size else 0.0
    return out


def _departure(x: Floats, first: int, last: int, reach: int, step: float) -> tuple[float, float]:
    """How far level and unrest of a run lie from those around it, in usual spreads and as a log ratio."""
    inside = x[first : last + 1]
    around = np.r_[x[max(first - reach, 0) : first], x[last + 1 : last + 1 + reach]]
    inside, around = inside[np.isfinite(inside)], around[np.isfinite(around)]
    if len(around) < LEAST_RUN or len(inside) < LEAST_RUN:
        return 0.0, 0.0
    low, middle, high = np.quantile(around, [0.25, 0.5, 0.75])
    level = abs(float(np.median(inside)) - float(middle)) / max(float(high - low), step)
    unrest = [float(np.mean(np.abs(np.diff(x)))) + 0.1 * step for x in (inside, around)]
    return level, 3 * abs(float(np.log(unrest[0] / unrest[1])))


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
