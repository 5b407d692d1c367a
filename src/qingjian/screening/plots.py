"""What a page or an SVG draws for a finding: the series, what was to be expected, and the marked days. Data only.

All rows have the same length and the same times: `start` (minutes since 1970-01-01, local), one value every `step`
minutes. None stands for "no value".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from qingjian.screening.context import Expectation
from qingjian.screening.panel import FLAG_NORMAL, MINUTES_A_DAY, Floats
from qingjian.screening.record import Record, block_means

Row = tuple[float | None, ...]

DAYS_AROUND = 7
MOST_HOURLY_DAYS = 60  # longer stretches are drawn as daily means
BAND = 1.96  # usual errors to each side: 95 of 100 honest hours lie inside
MOST_OTHERS = 3


@dataclass(frozen=True)
class Plot:
    """Series of one finding: `values`, `expected` with the band from `low` to `high`, the same factor at related stations
    (`others`, by station code; `around`, the median of all `stations` that report), marked periods and periods of a
    declared state (first minute, minute after the last). Rows of None: no model, or no related station."""

    start: int
    step: int
    unit: str
    limit: float | None
    values: Row
    expected: Row
    low: Row
    high: Row
    others: tuple[tuple[str, Row], ...]
    marked: tuple[tuple[int, int], ...]
    declared: tuple[tuple[int, int], ...]
    around: Row = ()
    stations: int = 0

    def as_record(self) -> dict[str, object]:
        """The plot as plain values; times as ISO text."""
        return {
            "start": _time(self.start),
            "step_minutes": self.step,
            "unit": self.unit,
            "limit": self.limit,
            "values": list(self.values),
            "expected": list(self.expected),
            "low": list(self.low),
            "high": list(self.high),
            "around": list(self.around),
            "stations": self.stations,
            "others": {code: list(row) for code, row in self.others},
            "marked": [[_time(a), _time(b)] for a, b in self.marked],
            "declared": [[_time(a), _time(b)] for a, b in self.declared],
        }


def plot_of(
    record: Record,
    guess: Expectation,
    back: Callable[[Floats], Floats],
    station: int,
    parameter: int,
    first: int,
    last: int,
    others: Sequence[int] = (),
) -> Plot:
    """Plot of the days `first` to `last` (positions in the record) with a week on both sides.

    `guess` is what the context model expects at each hour of the record, `back` turns values of its scale into the unit
    of the series; `others` are positions of related stations to draw by themselves.
    """
    begin, beyond = max(first - DAYS_AROUND, 0), min(last + DAYS_AROUND + 1, record.days)
    block = 1 if beyond - begin <= MOST_HOURLY_DAYS else 24
    hours = slice(begin * 24, beyond * 24)
    expected, spread = guess.expected[hours], guess.spread[hours]
    described = record.parameters[parameter]
    digits = _digits(described.resolution)

    def row(values: Floats) -> Row:
        return tuple(round(float(v), digits) if np.isfinite(v) else None for v in block_means(values, block))

    flags = record.flags[station, parameter].reshape(record.days * 24, -1)[hours]
    edges = np.flatnonzero(np.diff(np.r_[False, (flags > FLAG_NORMAL).any(axis=1), False].astype(np.int8)))
    start = (record.first_day + begin) * MINUTES_A_DAY
    near = record.hourly[record.relatives(station), parameter, hours]
    near = near[np.isfinite(near).any(axis=1)]
    return Plot(
        start,
        60 * block,
        described.unit,
        described.limit if np.isfinite(described.limit) else None,
        row(record.hourly[station, parameter, hours]),
        row(back(expected)),
        row(back(expected - BAND * spread)),
        row(back(expected + BAND * spread)),
        tuple(
            (record.stations[s].code, row(record.hourly[s, parameter][hours])) for s in others[:MOST_OTHERS]
        ),
        (((record.first_day + first) * MINUTES_A_DAY, (record.first_day + last + 1) * MINUTES_A_DAY),),
        tuple(
            (start + 60 * int(a), start + 60 * int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)
        ),
        row(_median(near)),
        len(near),
    )


def _median(rows: Floats) -> Floats:
    """Median of the known values of each hour; NaN where there is none."""
    out = np.full(rows.shape[1], np.nan)
    known = np.isfinite(rows).any(axis=0)
    if known.any():
        out[known] = np.nanmedian(rows[:, known], axis=0)
    return out


def plot_of_values(hourly: Floats, first_day: int, first: int, last: int, unit: str = "") -> Plot:
    """Plot of a series without an expectation: days `first` to `last` (positions; day 0 is `first_day`) and a week around."""
    days = len(hourly) // 24
    begin, beyond = max(first - DAYS_AROUND, 0), min(last + DAYS_AROUND + 1, days)
    block = 1 if beyond - begin <= MOST_HOURLY_DAYS else 24
    shown = block_means(hourly[begin * 24 : beyond * 24], block)
    row = tuple(round(float(v), 6) if np.isfinite(v) else None for v in shown)
    nothing = (None,) * len(row)
    marked = ((first_day + first) * MINUTES_A_DAY, (first_day + last + 1) * MINUTES_A_DAY)
    start = (first_day + begin) * MINUTES_A_DAY
    return Plot(start, 60 * block, unit, None, row, nothing, nothing, nothing, (), (marked,), (), nothing)


def _digits(resolution: float) -> int:
    """Decimal places worth showing: one more than the resolution has."""
    return int(np.clip(np.ceil(-np.log10(resolution)) + 1, 0, 9)) if resolution > 0 else 6


def _time(minute: int) -> str:
    return str(np.datetime64(minute, "m"))
