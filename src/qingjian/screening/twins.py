"""Twins: two "different" monitors that in truth carry one series, found across a whole network.

Two honest monitors of the same factor share weather and season, never the unrest from one value to the next.
Every pair is compared over several time steps, and pairs are named only when they agree far better than every pair that is
left. To carry one series is mutual: what is named falls into groups in which every two agree, however many groups there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from qingjian.screening.panel import Floats, Mask
from qingjian.screening.record import Record

LAG_HOURS: Final = (0.25, 1.0, 6.0, 24.0)
SPAN_DAYS: Final = 30
LEAST_PAIRS: Final = 200
LEAST_CORRELATION: Final = 0.985
LEAST_MARGIN: Final = 2.5
LEAST_BREAK: Final = (
    2.0  # what stands out by as much, but is not named, is no measure of honest agreement either
)
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


@dataclass(frozen=True)
class _Month:
    """One month of a factor: correlation, margin and share of equal values of the pairs that stand out, and which pairs
    agree at all (stations, stations)."""

    named: dict[tuple[int, int], tuple[float, float, float]]
    agree: Mask


def find_twins(record: Record) -> tuple[Twin, ...]:
    """Pairs of stations that carry the same series of a factor for at least a month.

    A pair that parts and meets again is a twin for each time: between its first and last day lies no month in which the two
    do not agree. `margin` is the distance of -log(1 - r^2) to the best pair of the network in the same month that carries no
    one series; where no such pair is left (two stations, or all of them copies), the absolute bound alone decides.
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
        months = [
            _month(
                fine[:, begin * per_day : (begin + SPAN_DAYS) * per_day],
                per_day,
                record.parameters[p].resolution,
            )
            for begin in range(0, record.days, SPAN_DAYS)
        ]
        for i, j in sorted({pair for month in months for pair in month.named}):
            for at in _together(months, i, j):
                rows = [months[m].named[i, j] for m in at]
                found.append(
                    Twin(
                        p,
                        held[i],
                        held[j],
                        record.first_day + at[0] * SPAN_DAYS,
                        record.first_day + min((at[-1] + 1) * SPAN_DAYS, record.days) - 1,
                        float(np.mean([row[0] for row in rows])),
                        float(np.mean([row[1] for row in rows])),
                        float(np.mean([row[2] for row in rows])),
                    )
                )
    return tuple(sorted(found, key=lambda t: (-t.margin, t.parameter, t.first, t.second, t.first_day)))


def _together(months: list[_Month], i: int, j: int) -> list[list[int]]:
    """Months in which a pair stands out, those together between which it always agrees."""
    out: list[list[int]] = []
    for m, month in enumerate(months):
        if (i, j) not in month.named:
            continue
        if out and all(months[between].agree[i, j] for between in range(out[-1][-1], m)):
            out[-1].append(m)
        else:
            out.append([m])
    return out


def _month(window: Floats, per_day: int, resolution: float) -> _Month:
    """Pairs that carry one series in one month (stations, values)."""
    named: dict[tuple[int, int], tuple[float, float, float]] = {}
    agree = np.zeros((len(window), len(window)), bool)
    for hours in LAG_HOURS:
        lag = round(hours * per_day / 24)
        if lag < 1 or lag >= window.shape[1] // 4:
            continue
        correlation, compared = _correlations(window[:, lag:] - window[:, :-lag])
        agree |= correlation >= LEAST_CORRELATION
        for (i, j), margin in _standing_out(correlation, compared).items():
            if margin > named.get((i, j), (0.0, 0.0, 0.0))[1]:
                both = np.isfinite(window[i]) & np.isfinite(window[j])
                equal = np.abs(window[i] - window[j])[both] < 0.5 * max(resolution, 1e-12)
                named[i, j] = (float(correlation[i, j]), margin, float(equal.mean()) if both.any() else 0.0)
    return _Month(named, agree)


def _standing_out(correlation: Floats, compared: Mask) -> dict[tuple[int, int], float]:
    """Margins of the pairs that carry one series: of the most pairs, best first, that fall into groups in which every two
    agree and that all stand out from the pairs that are left, those that stand out far."""
    one, other = np.triu_indices(len(correlation), 1)
    closeness = -np.log(1 - np.minimum(correlation[one, other] ** 2, 1 - 1e-9))
    closeness[correlation[one, other] < 0] = 0.0
    order = np.argsort(-closeness, kind="stable")
    one, other, closeness = one[order], other[order], closeness[order]
    similar = int((correlation[one, other] >= LEAST_CORRELATION).sum())
    enough = int((closeness[:similar] >= HONEST_CLOSENESS + LEAST_BREAK).sum())
    for k in range(enough, 0, -1):
        if (k < len(order) and closeness[k] == closeness[k - 1]) or not _mutual(one[:k], other[:k], compared):
            continue
        # A less good copy of one of the two is no measure of honest agreement.
        graded = [(int(one[m]), int(other[m]), float(closeness[m])) for m in range(k, similar)]
        honest = float(closeness[similar]) if similar < len(order) else 0.0
        margins = {}
        for i, j, close in zip(one[:k].tolist(), other[:k].tolist(), closeness[:k].tolist(), strict=True):
            rivals = [rival for a, b, rival in graded if len({i, j} & {a, b}) != 1]
            margins[i, j] = close - max(honest, HONEST_CLOSENESS, *rivals)
        named = {pair: margin for pair, margin in margins.items() if margin >= LEAST_MARGIN}
        if named and min(margins.values()) >= LEAST_BREAK:
            return named
    return {}


def _mutual(one: NDArray[np.int64], other: NDArray[np.int64], compared: Mask) -> bool:
    """Whether the pairs fall into groups in which every two that can be compared are a pair."""
    group = np.arange(len(compared))
    for i, j in zip(one.tolist(), other.tolist(), strict=True):
        group[group == group[j]] = group[i]
    return int(np.triu((group[:, None] == group) & compared, 1).sum()) == len(one)


def _correlations(steps: Floats) -> tuple[Floats, Mask]:
    """Correlations of all pairs over the times both have, and which pairs can be compared.

    0 where there are too few times or no movement.
    """
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
    return np.where(enough, np.clip(cov / np.where(enough, scale, 1.0), -1, 1), 0.0), np.asarray(
        enough, np.bool_
    )
