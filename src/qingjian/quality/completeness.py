"""Expected periods against received ones: gaps to ask the device for, and the transmission rates of a day."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qingjian.quality.facts import IntervalFact, stopped_seconds, stops_by_series
from qingjian.quality.observations import Bools, Floats, Ints, Observations, SeriesInfo, series_slices
from qingjian.quality.periods import CHINA_SECONDS, DAY, local_day
from qingjian.quality.rules import RuleTextError
from qingjian.quality.status import Statuses
from qingjian.rulebook import Row, Rulebook

_EXEMPT = frozenset(("w01018", "w21003", "w21011", "w21001", "CODCr", "COD", "NH3-N", "TP", "TN"))
_NO_ROWS = slice(0, 0)
_ALLOWANCE = re.compile(r"(\d+)\s*h per day")


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a series owes: a period every ``interval_seconds``, aligned to the natural day, from … to (exclusive)."""

    series: int
    interval_seconds: int
    valid_from: int | None = None
    valid_to: int | None = None

    def __post_init__(self) -> None:
        if self.interval_seconds <= 0 or DAY % self.interval_seconds:
            raise ValueError(f"series {self.series}: {self.interval_seconds} s does not divide the day")


@dataclass(frozen=True, slots=True, eq=False)
class Gaps:
    """Stretches without a row: ``series`` int32, ``start`` and ``end`` (exclusive) int64, ``periods`` int32."""

    series: NDArray[np.int32]
    start: Ints
    end: Ints
    periods: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.series)


def find_gaps(
    series: NDArray[np.int32],
    start: Ints,
    expectations: Sequence[Expectation],
    begin: int,
    end: int,
    *,
    stops: Sequence[IntervalFact] = (),
) -> Gaps:
    """The expected periods in [begin, end) for which no row came, joined into intervals.

    ``series`` and ``start`` name the rows that came (any order, repeats allowed). A period is expected when it
    lies in the window completely and no STOP fact covers it completely. Neighbouring missing periods form
    one gap; a stop or a row ends it.
    """
    found: list[tuple[int, int, int, int]] = []
    by_series = stops_by_series(stops)
    order = np.lexsort((start, series))
    rows_start = np.asarray(start, np.int64)[order]
    slices = series_slices(np.asarray(series)[order])
    for one in sorted(expectations, key=lambda item: (item.series, item.valid_from or 0)):
        step = one.interval_seconds
        low = max(begin, one.valid_from if one.valid_from is not None else begin)
        high = min(end, one.valid_to if one.valid_to is not None else end)
        first = -((-(low + CHINA_SECONDS)) // step) * step - CHINA_SECONDS
        count = (high - first) // step
        if count <= 0:
            continue
        slot = (rows_start[slices.get(one.series, _NO_ROWS)] - first) // step
        missing = np.ones(count, np.bool_)
        missing[slot[(slot >= 0) & (slot < count)]] = False
        if one.series in by_series and bool(missing.any()):
            slots = first + step * np.arange(count, dtype=np.int64)
            missing &= stopped_seconds(by_series[one.series], one.series, slots, slots + step) < step
        if not bool(missing.any()):
            continue
        edges = np.flatnonzero(np.diff(np.concatenate([[False], missing, [False]]).astype(np.int8)))
        for head, tail in edges.reshape(-1, 2).tolist():
            found.append((one.series, first + step * head, first + step * tail, tail - head))
    table = np.asarray(found, np.int64).reshape(-1, 4)
    return Gaps(table[:, 0].astype(np.int32), table[:, 1], table[:, 2], table[:, 3].astype(np.int32))


@dataclass(frozen=True, slots=True, eq=False)
class Transmission:
    """Per series and natural day: how much came and how much of it counts.

    ``base`` = expected - stopped; ``transmission`` = received / base; ``valid_share`` = valid / received;
    ``rate`` (有效传输率) = transmission · valid_share after the allowance; all NaN when nothing was due
    (``base`` 0). ``allowance`` is the number of values of the standard check that may be missing or invalid.
    ``row`` is the rule of the allowance (confidence S), None when the rulebook holds none.
    """

    series: NDArray[np.int32]
    day: Ints
    expected: NDArray[np.int32]
    stopped: NDArray[np.int32]
    base: NDArray[np.int32]
    received: NDArray[np.int32]
    valid: NDArray[np.int32]
    allowance: NDArray[np.int32]
    transmission: Floats
    valid_share: Floats
    rate: Floats
    row: Row | None

    def __len__(self) -> int:
        return len(self.series)


def transmission(
    observations: Observations,
    status: Statuses,
    series: Sequence[SeriesInfo],
    begin: int,
    end: int,
    book: Rulebook,
) -> Transmission:
    """Transmission rates of each series and each natural day in [begin, end) (both at midnight, UTC+08:00).

    ``observations`` are rows of one statistic, one per key, with their ``status``; the expected number follows
    from ``source_seconds``. Rows during a stop do not count. Of the four waste-water factors one hour a day may
    be lost to the automatic standard check (≥ 23/24 counts full). Raises ValueError for a window that is not
    made of whole days.
    """
    if (begin + CHINA_SECONDS) % DAY or (end - begin) % DAY or end < begin:
        raise ValueError("the window must be whole natural days (UTC+08:00)")
    row, hours = _allowance(book, begin)
    days = np.arange(begin, end, DAY, dtype=np.int64)
    ids = np.asarray([one.id for one in series], np.int32)
    steps = np.asarray([one.source_seconds for one in series], np.int64)
    n = len(ids) * len(days)
    place = _cells(observations, ids, begin, len(days))
    inside = place >= 0
    still = status.stopped & inside
    counted = inside & ~status.stopped
    received = np.bincount(place[counted], minlength=n)
    valid = np.bincount(place[counted & status.usable], minlength=n)
    marked = np.bincount(place[still], minlength=n)
    expected = np.repeat(DAY // steps, len(days))
    stated = np.zeros(n, np.int64)
    by_series = stops_by_series(status.facts)
    for index, one in enumerate(series):
        if one.id in by_series:
            seconds = stopped_seconds(by_series[one.id], one.id, days, days + DAY)
            stated[index * len(days) : (index + 1) * len(days)] = seconds // one.source_seconds
    stopped = np.minimum(np.maximum(marked, stated), expected)
    base = expected - stopped
    exempt = np.asarray([one.medium == "waste_water" and one.factor in _EXEMPT for one in series], np.bool_)
    allowance = np.where(np.repeat(exempt, len(days)), hours * 3600 // np.repeat(steps, len(days)), 0)
    received, valid = np.minimum(received, base), np.minimum(valid, base)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(base > 0, received / base, np.nan)
        good = np.where(received > 0, valid / received, np.where(base > 0, 0.0, np.nan))
        rate = np.where(base > 0, np.minimum(valid / np.maximum(base - allowance, 1), 1.0), np.nan)
    return Transmission(
        series=np.repeat(ids, len(days)),
        day=np.tile(days, len(ids)),
        expected=expected.astype(np.int32),
        stopped=stopped.astype(np.int32),
        base=base.astype(np.int32),
        received=received.astype(np.int32),
        valid=valid.astype(np.int32),
        allowance=allowance.astype(np.int32),
        transmission=share,
        valid_share=good,
        rate=rate,
        row=row,
    )


def quarterly_capture(quarter_hours: int, invalid_hours: int, stopped_hours: int) -> float:
    """Share of valid hours α of a flue gas quarter (HJ 75-2017 §12, U); NaN when the source never ran.

    Raises ValueError for counts that cannot be.
    """
    running = quarter_hours - stopped_hours
    if min(quarter_hours, invalid_hours, stopped_hours, running) < 0 or invalid_hours > running:
        raise ValueError("the hours of the quarter do not add up")
    return (running - invalid_hours) / running if running else float("nan")


def _allowance(book: Rulebook, moment: int) -> tuple[Row | None, int]:
    rows = book.rows("water_checks", local_day(moment), check="废水有效传输率豁免")
    if not rows:
        return None, 0
    match = _ALLOWANCE.search(rows[0]["criterion"])
    if match is None:
        raise RuleTextError(
            f"规则 {rows[0].id} 的文字中读不出小时数 / no hours can be read from rule {rows[0].id}"
        )
    return rows[0], int(match[1])


def _cells(observations: Observations, ids: NDArray[np.int32], begin: int, days: int) -> Ints:
    """Position of each row in the table series × day, -1 outside."""
    if len(ids) == 0 or days == 0:
        return np.full(len(observations), -1, np.int64)
    order = np.argsort(ids, kind="stable")
    found = np.minimum(np.searchsorted(ids[order], observations.series), len(ids) - 1)
    known: Bools = ids[order][found] == observations.series
    day = (observations.start - begin) // DAY
    inside = known & (day >= 0) & (day < days)
    return np.where(inside, order[found] * days + day, -1)
