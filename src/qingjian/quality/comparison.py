"""Own aggregate against what the device sent: different beyond what rounding explains?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from qingjian.quality.aggregation import Aggregates
from qingjian.quality.observations import Bools, Floats, Ints, Observations, SeriesInfo
from qingjian.quality.periods import period_start
from qingjian.rulebook import Row, Rulebook, packaged

COLUMNS = ("value", "minimum", "maximum", "total")


class Outcome(IntEnum):
    """Result of comparing one number of one period."""

    AGREE = 0
    DIFFER = 1
    ONLY_SENT = 2
    ONLY_OWN = 3
    NOT_COMPARABLE = 4


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """One entry per series, period and column compared, sorted by column, series and start.

    ``column`` uint8, position in ``COLUMNS`` · ``difference`` = sent - own · ``allowed``: the greatest
    difference rounding and tolerance explain · ``outcome`` uint8 (:class:`Outcome`); NOT_COMPARABLE where the
    own result was not made of all the finer values the period should have.
    """

    series: NDArray[np.int32]
    start: Ints
    column: NDArray[np.uint8]
    own: Floats
    sent: Floats
    difference: Floats
    allowed: Floats
    outcome: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.series)

    def take(self, chosen: Bools) -> Comparison:
        return replace(self, **{f.name: getattr(self, f.name)[chosen] for f in fields(self)})

    def differing(self) -> Comparison:
        """The entries that make a finding."""
        return self.take(self.outcome == Outcome.DIFFER)

    def evidence(self, row: int) -> dict[str, float | int | str]:
        """Figures of one entry for a finding."""
        return {
            "series": int(self.series[row]),
            "start": int(self.start[row]),
            "column": COLUMNS[int(self.column[row])],
            "own": float(self.own[row]),
            "sent": float(self.sent[row]),
            "difference": float(self.difference[row]),
            "allowed": float(self.allowed[row]),
        }


def compare(
    own: Aggregates,
    sent: Observations,
    series: Sequence[SeriesInfo],
    *,
    absolute: float = 0.0,
    relative: float = 0.0,
    columns: Sequence[str] = ("value",),
    hours: Aggregates | None = None,
) -> Comparison:
    """Compare own aggregates with the rows of the same statistic that were sent (sorted, one per key).

    Allowed difference: half a unit of the last decimal for the number sent, and as much again for the finer
    values it was made of (for sums and totals: times their number), plus ``absolute`` plus ``relative`` · |own|.
    ``decimals`` of the series is taken for both; of totals, which have decimals of their own, those seen.

    Extremes: the greatest value of a period is never below one of its finer values, the least never above. The other
    way about they are compared where all finer rows came with extremes of their own; totals where all came with one.
    Days ask that, and that nothing is missing, of the own hours they were made of too (`hours`; None: of hours that were
    sent). Elsewhere a difference is NOT_COMPARABLE. Raises ValueError for an unknown column.
    """
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown:
        raise ValueError(f"cannot compare {unknown}; known: {COLUMNS}")
    left = _keys(own.series, own.start)
    right = _keys(sent.series, sent.start)
    keys = np.union1d(left, right)
    of_own, of_sent = _places(left, keys), _places(right, keys)
    decimals = {one.id: one.decimals for one in series}
    ids = keys >> _START_BITS
    starts = (keys & ((1 << _START_BITS) - 1)) - (1 << _START_BITS - 1)
    step = 10.0 ** -np.asarray([decimals.get(int(one), 0) for one in ids], np.float64)
    summed = {one.id for one in series if one.averaging == "sum"}
    is_sum = np.isin(ids, sorted(summed))
    count = _pick(own.count.astype(np.float64), of_own)
    hours_whole, extremes, totals = _hours_carry(own, hours)
    whole = _flag((own.received >= own.expected) & hours_whole, of_own)
    exact = {
        "value": whole,
        "minimum": whole & _flag(own.own_extremes & extremes, of_own),
        "total": whole & _flag(own.own_totals & totals, of_own),
    }
    exact["maximum"] = exact["minimum"]
    counted = _flag(own.count == own.received, of_own)
    parts = []
    for name in columns:
        mine, theirs = _pick(getattr(own, name), of_own), _pick(getattr(sent, name), of_sent)
        many = np.where(
            is_sum if name == "value" else name == "total", np.maximum(np.nan_to_num(count), 1.0), 1.0
        )
        noise = 1e-9 * np.maximum(1.0, np.abs(np.nan_to_num(mine)))
        fine, said = (step, step) if name != "total" else (_unit(mine, ids), _unit(theirs, ids))
        allowed = 0.5 * said + 0.5 * fine * many + absolute + relative * np.abs(np.nan_to_num(mine)) + noise
        difference = theirs - mine
        has_own, has_sent = np.isfinite(mine), np.isfinite(theirs)
        comparable = exact[name]
        if name in ("minimum", "maximum"):
            impossible = difference < 0 if name == "maximum" else difference > 0
            comparable = comparable | (impossible & counted)
        outcome = np.where(np.abs(difference) <= allowed, Outcome.AGREE, Outcome.DIFFER)
        outcome = np.where((outcome == Outcome.DIFFER) & ~comparable, Outcome.NOT_COMPARABLE, outcome)
        outcome = np.where(has_sent & ~has_own, Outcome.ONLY_SENT, outcome)
        outcome = np.where(has_own & ~has_sent, Outcome.ONLY_OWN, outcome)
        chosen = has_own | has_sent
        parts.append(
            Comparison(
                series=ids[chosen].astype(np.int32),
                start=starts[chosen],
                column=np.full(int(chosen.sum()), COLUMNS.index(name), np.uint8),
                own=mine[chosen],
                sent=theirs[chosen],
                difference=difference[chosen],
                allowed=allowed[chosen],
                outcome=outcome[chosen].astype(np.uint8),
            )
        )
    return Comparison(
        **{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Comparison)}
    )


def converted_tolerance(book: Rulebook, on: date) -> Row:
    """The row of a day that says by how many percent a converted value of a device may differ from the own one.

    A house rule of confidence U; of a rulebook that has none, the packaged one.
    """
    table, subject = "evaluation_parameters", "converted_comparison"
    found = book.rows(table, on, subject=subject, item="relative difference")
    return (found or packaged().rows(table, subject=subject, item="relative difference"))[-1]


def compare_converted(
    keys: Sequence[tuple[int, int]], own: Floats, sent: Floats, decimals: NDArray[np.int64], relative: Floats
) -> list[tuple[int, int, float, float, float]]:
    """Return (series, start, own, sent, allowed) where a converted value that was sent is not the own one.

    `keys`: (series, start) of hours or days whose means agree; NaN on either side is not compared. A device converts
    each finer value and takes the mean, the platform converts the mean of an hour: while oxygen moves the two are not
    the same. `relative` · |own| (0…1, for each key) is what that may explain, beside a unit of the last decimal.
    """
    allowed = 10.0 ** -decimals.astype(np.float64) + relative * np.abs(own)
    differs = np.isfinite(own) & np.isfinite(sent) & (np.abs(sent - own) > allowed)
    return [
        (*keys[row], float(own[row]), float(sent[row]), float(allowed[row]))
        for row in np.flatnonzero(differs).tolist()
    ]


def _hours_carry(own: Aggregates, hours: Aggregates | None) -> tuple[Bools, Bools, Bools]:
    """Say of each period whether its own hours were whole, and made of rows with extremes, and with totals, of their own.

    An hour itself is asked nothing more; hours that were not made are the device's and come with what they carry.
    """
    everywhere = np.ones(len(own), np.bool_)
    if own.target == "hour" or hours is None:
        return everywhere, everywhere, everywhere
    short = hours.received < hours.expected
    days = _keys(hours.series, period_start(hours.start, own.target))
    mine = _keys(own.series, own.start)
    whole, extremes, totals = (
        ~np.isin(mine, days[lacking]) for lacking in (short, ~hours.own_extremes, ~hours.own_totals)
    )
    return whole, extremes, totals


_START_BITS = 34
_MOST_DECIMALS = 6


def _flag(column: Bools, places: Ints) -> Bools:
    return np.asarray(_pick(column.astype(np.float64), places) == 1.0, np.bool_)


def _unit(column: Floats, ids: Ints) -> Floats:
    """Unit of the last decimal that the numbers of a series use, for each entry."""
    units = np.ones(len(column))
    for one in np.unique(ids):
        mine = ids == one
        numbers = column[mine & np.isfinite(column)]
        for decimals in range(_MOST_DECIMALS, 0, -1):
            if np.any(np.abs(numbers - np.round(numbers, decimals - 1)) > 10.0 ** -(decimals + 2)):
                units[mine] = 10.0**-decimals
                break
    return units


def _keys(series: NDArray[np.int32], start: Ints) -> Ints:
    """Series and start in one sortable number (starts within ±2³³ s of 1970, series below 2²⁹)."""
    return (
        (np.asarray(series, np.int64) << _START_BITS) + np.asarray(start, np.int64) + (1 << _START_BITS - 1)
    )


def _places(keys: Ints, among: Ints) -> Ints:
    """For each of ``among`` the row in ``keys``, or -1."""
    found = np.full(len(among), -1, np.int64)
    found[np.searchsorted(among, keys)] = np.arange(len(keys))
    return found


def _pick(column: Floats, places: Ints) -> Floats:
    if len(column) == 0:
        return np.full(len(places), np.nan)
    return np.where(places >= 0, column[places], np.nan)
