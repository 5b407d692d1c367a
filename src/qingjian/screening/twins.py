"""Twins: two "different" monitors that in truth carry one series, found across a whole network.

Two honest monitors of the same factor share weather and season, never the unrest from one value to the next.
Every pair is compared over several time steps, and a pair is named only when it agrees far better than any
other pair of the network does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from qingjian.screening.panel import Floats
from qingjian.screening.record import Record

LAG_HOURS: Final = (0.25, 1.0, 6.0, 24.0)
SPAN_DAYS: Final = 30
LEAST_PAIRS: Final = 200
LEAST_CORRELATION: Final = 0.985
LEAST_MARGIN: Final = 2.5
HONEST_CLOSENESS: Final = (
    3.0  # what honest neighbours reach (r = 0.975); used where no other pair can be compared
)


@dataclass(frozen=True)
class Twin:
    """A pair of stations with one series: factor, first and last day, agreement and how it stands out."""

    parameter: int
    first: int
    second: int
    first_day: int
    last_day: int
    correlation: float
    margin: float
    equal_share: float


def find_twins(record: Record) -> tuple[Twin, ...]:
    """Pairs of stations that carry the same series of a factor for at least a month.

    `margin` is the distance of -log(1 - r^2) to the best other pair of the network in the same month; a network
    of two stations has no other pair, and the absolute bound alone decides.
    """
    found: list[Twin] = []
    for p in record.measured():
        held = [
            s for s in range(len(record.stations)) if np.isfinite(record.hourly[s, p]).sum() >= LEAST_PAIRS
        ]
        if len(held) < 2:
            continue
        fine = np.stack([record.fine(s, p).ravel() for s in held])
        per_day = fine.shape[1] // record.days
        months: dict[tuple[int, int], list[tuple[int, float, float, float]]] = {}
        for begin in range(0, record.days, SPAN_DAYS):
            window = fine[:, begin * per_day : (begin + SPAN_DAYS) * per_day]
            for (i, j), answer in _pairs(window, per_day, record.parameters[p].resolution).items():
                months.setdefault((i, j), []).append((begin, *answer))
        for (i, j), rows in months.items():
            begins = [row[0] for row in rows]
            found.append(
                Twin(
                    p,
                    held[i],
                    held[j],
                    record.first_day + min(begins),
                    record.first_day + min(max(begins) + SPAN_DAYS, record.days) - 1,
                    float(np.mean([row[1] for row in rows])),
                    float(np.mean([row[2] for row in rows])),
                    float(np.mean([row[3] for row in rows])),
                )
            )
    return tuple(sorted(found, key=lambda t: (-t.margin, t.parameter, t.first, t.second)))


def _pairs(
    window: Floats, per_day: int, resolution: float
) -> dict[tuple[int, int], tuple[float, float, float]]:
    """Twins of one month: correlation, margin and share of equal values by pair."""
    out: dict[tuple[int, int], tuple[float, float, float]] = {}
    for hours in LAG_HOURS:
        lag = round(hours * per_day / 24)
        if lag < 1 or lag >= window.shape[1] // 4:
            continue
        correlation = _correlations(window[:, lag:] - window[:, :-lag])
        closeness = -np.log(1 - np.minimum(correlation**2, 1 - 1e-9))
        closeness[correlation < 0] = 0.0
        upper = np.triu_indices(len(window), 1)
        order = np.argsort(-closeness[upper], kind="stable")
        for place, at in enumerate(order[: max(1, len(order) // 3)]):
            i, j = int(upper[0][at]), int(upper[1][at])
            if correlation[i, j] < LEAST_CORRELATION:
                break
            rivals = [
                o
                for o in order[place + 1 :]
                if not _linked(i, j, int(upper[0][o]), int(upper[1][o]), correlation)
            ]
            best_rival = max(float(closeness[upper][rivals[0]]) if rivals else 0.0, HONEST_CLOSENESS)
            margin = float(closeness[i, j]) - best_rival
            if margin >= LEAST_MARGIN and margin > out.get((i, j), (0.0, 0.0, 0.0))[1]:
                both = np.isfinite(window[i]) & np.isfinite(window[j])
                equal = np.abs(window[i] - window[j])[both] < 0.5 * max(resolution, 1e-12)
                out[i, j] = (float(correlation[i, j]), margin, float(equal.mean()) if both.any() else 0.0)
    return out


def _linked(i: int, j: int, k: int, m: int, correlation: Floats) -> bool:
    """Whether another pair is part of the same group of copies and therefore no measure of honest agreement."""
    return bool(correlation[k, m] >= LEAST_CORRELATION and len({i, j} & {k, m}) == 1)


def _correlations(steps: Floats) -> Floats:
    """Correlations of all pairs over the times both have (0 where there are too few or no movement)."""
    known = np.isfinite(steps)
    x = np.where(known, steps, 0.0)
    k = known.astype(float)
    n = k @ k.T
    m = np.maximum(n, 1)
    mean = (x @ k.T) / m
    square = ((x * x) @ k.T) / m - mean**2
    cov = (x @ x.T) / m - mean * mean.T
    scale = np.sqrt(np.maximum(square * square.T, 0.0))
    enough = (n >= LEAST_PAIRS) & (scale > 1e-12)
    return np.where(enough, np.clip(cov / np.where(enough, scale, 1.0), -1, 1), 0.0)
