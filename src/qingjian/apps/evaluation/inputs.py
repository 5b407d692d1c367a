"""What evaluation reads: hourly values on a grid, each with whether it counts and, if not, why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qingjian.apps.network.models import Series
from qingjian.apps.observing import queries as observing
from qingjian.apps.observing import statuses as judging
from qingjian.apps.observing import stores
from qingjian.apps.observing.models import Mark
from qingjian.contracts.periods import day_of
from qingjian.quality.facts import FactKind, IntervalFact
from qingjian.quality.observations import AVERAGING, Observations, SeriesInfo
from qingjian.quality.status import Statuses, effective_status
from qingjian.standards.errors import UnitError
from qingjian.standards.explanation import Text
from qingjian.standards.quantity import NON_DETECT_SHARE, convert, unit_name

HOUR = timedelta(hours=1)
ORIGINS = ("device", "upstream", "laboratory", "manual", "simulated", "platform")
"""Which origin speaks when several report the same factor, first come first served; the label says which it was.

What the platform made itself comes last: it begins with the node and rests on the series before it.
"""
MARK_WORDS = {
    Mark.Kind.MAINTENANCE: "M",
    Mark.Kind.CALIBRATION: "C",
    Mark.Kind.FAULT: "D",
    Mark.Kind.VALID: "N",
}
FACTS = {
    Mark.Kind.MAINTENANCE: FactKind.MARK,
    Mark.Kind.CALIBRATION: FactKind.MARK,
    Mark.Kind.FAULT: FactKind.MARK,
    Mark.Kind.VALID: FactKind.MARK,
    Mark.Kind.STOPPED: FactKind.STOP,
    Mark.Kind.INVALID: FactKind.SUPPRESSION,
    Mark.Kind.VERIFIED: FactKind.LEVEL,
    Mark.Kind.RATIFIED: FactKind.LEVEL,
}


@dataclass
class Hours:
    """Hourly values of several series from `start`; arrays are (series, hours), NaN = nothing.

    `used` holds what counts after marks and stops; `why(series, hour)` tells of a value that does not count. `below` says
    which hours are non-detects: their value is half the detection limit, as the standards count them.
    """

    start: datetime
    row_of: dict[int, int]
    value: np.ndarray
    converted: np.ndarray
    used: np.ndarray
    stopped: np.ndarray
    below: np.ndarray
    place: np.ndarray
    statuses: Statuses

    @property
    def count(self) -> int:
        return self.value.shape[1]

    def of(self, series: int | None, array: str = "used") -> np.ndarray:
        """Return the values of one series, all NaN when there is none."""
        kept = getattr(self, array)
        if series is None or series not in self.row_of:
            return np.full(self.count, np.nan)
        return kept[self.row_of[series]]

    def why(self, series: int, hour: int) -> tuple[str, str]:
        """Return why a value counts as it does, in Chinese and English."""
        place = int(self.place[self.row_of[series], hour])
        if place < 0:
            return "无数据", "no data"
        return self.statuses.explain(place, "zh"), self.statuses.explain(place, "en")


def best(series: Iterable[Series], statistic: str = "hour") -> dict[str, Series]:
    """Return the series that speaks for each wire code of one point."""
    found: dict[str, Series] = {}
    able = [
        one for one in series if one.origin in ORIGINS and (statistic in one.expected or not one.expected)
    ]
    for one in sorted(able, key=lambda one: (ORIGINS.index(one.origin), one.position, one.pk)):
        found.setdefault(one.factor.wire_code, one)
    return found


CONVERTED_PLACES = 9
"""Decimals kept where values are converted to the unit of the standard: finer than anything measured."""


@dataclass(frozen=True)
class Scaling:
    """How the values of a series come into the unit of the standard; `refused` says why they cannot."""

    factor: float
    unit: str
    refused: Text | None = None

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Return values in the unit of the standard; untouched where the series has it."""
        return values if self.factor == 1 else np.round(values * self.factor, CONVERTED_PLACES)


def scaling(series: Series, unit: str) -> Scaling:
    """Return how a series is expressed in a unit: HJ 212 lists other units than the standards use."""
    try:
        return Scaling(float(convert(Decimal(1), series.unit, unit)), unit_name(series.unit))
    except UnitError:
        zh = f"单位 {series.unit or '（空）'} 不能换算为 {unit}，不参与评价"
        en = f"unit {series.unit or '(none)'} cannot be expressed in {unit}: left out"
        return Scaling(1.0, series.unit, Text(zh, en))


def read(
    series: Sequence[Series],
    start: datetime,
    end: datetime,
    as_of: datetime | None = None,
    non_detects: Callable[[date], float] = lambda day: float(NON_DETECT_SHARE),
) -> Hours:
    """Read the hours of series in [start, end) and judge them by device marks and marks of people.

    `non_detects`: the share of the detection limit that a non-detect of a day counts.
    """
    series = sorted(series, key=lambda one: one.pk)
    columns = (
        *("series", "start", "value", "converted", "flag", "known_at", "revision"),
        *("qualifier", "detection_limit"),
    )
    table = stores.lake().series([one.pk for one in series], "hour", start, end, as_of=as_of, columns=columns)
    table, non_detect = _with_non_detects(table, non_detects)
    rows = Observations.from_table(table)
    infos = [
        SeriesInfo(
            one.pk,
            one.medium,
            one.factor.wire_code,
            3600,
            one.averaging if one.averaging in AVERAGING else "arithmetic",
            decimals=one.decimals,
            edition=_edition(one),
        )
        for one in series
    ]
    doubts = judging.doubts(observing.directory_at(as_of), infos, rows)
    statuses = effective_status(
        rows, facts(series, start, end, as_of), infos, suspect=doubts.suspect, period_seconds=3600
    )
    count = max(0, int((end - start) / HOUR))
    row_of = {one.pk: place for place, one in enumerate(series)}
    shape = (len(series), count)
    line = np.searchsorted(np.asarray([one.pk for one in series], np.int64), rows.series)
    hour = (rows.start - int(start.timestamp())) // 3600
    inside = (hour >= 0) & (hour < count)
    line, hour, kept = line[inside], hour[inside], np.flatnonzero(inside)
    place = np.full(shape, -1, np.int64)
    place[line, hour] = kept

    def grid(values: np.ndarray) -> np.ndarray:
        made = np.full(shape, np.nan)
        made[line, hour] = values[kept]
        return made

    converted = np.asarray(table["converted"].combine_chunks().to_numpy(zero_copy_only=False), np.float64)
    stopped = np.zeros(shape, np.bool_)
    stopped[line, hour] = statuses.stopped[kept]
    below = np.zeros(shape, np.bool_)
    below[line, hour] = non_detect[kept]
    return Hours(
        start, row_of, grid(rows.value), grid(converted), grid(statuses.used), stopped, below, place, statuses
    )


def _with_non_detects(table: pa.Table, share_of: Callable[[date], float]) -> tuple[pa.Table, np.ndarray]:
    """Return the rows with the share of the detection limit where a value lies below it, and which rows those are."""
    if table["detection_limit"].null_count == table.num_rows:
        return table, np.zeros(table.num_rows, np.bool_)  # the usual case, and there may be millions of rows
    below = pc.fill_null(pc.equal(table["qualifier"].cast(pa.string()), "below"), False)
    below = pc.and_(below, pc.is_valid(table["detection_limit"]))
    hidden = below.combine_chunks().to_numpy(zero_copy_only=False)
    found = np.ones(table.num_rows)
    starts = table["start"].filter(pa.array(hidden)).to_pylist()
    found[hidden] = [share_of(day_of(start)) for start in starts]
    values = pc.if_else(below, pc.multiply(table["detection_limit"], pa.array(found)), table["value"])
    table = table.set_column(table.column_names.index("value"), "value", values)
    return table, hidden


def _edition(series: Series) -> str:
    edition = series.device.edition if series.device else "auto"
    return "2017" if edition == "auto" else edition


def facts(
    series: Sequence[Series], start: datetime, end: datetime, as_of: datetime | None = None
) -> list[IntervalFact]:
    """Return the marks of people that touch an interval, as facts of `quality`; taken-back ones fall away there."""
    by_code = {one.code: one.pk for one in series}
    marks = Mark.objects.filter(point__in={one.point_id for one in series}, start__lt=end, end__gt=start)
    if as_of is not None:
        marks = marks.filter(known_at__lte=as_of)
    found = []
    for mark in marks.select_related("author").order_by("known_at", "id"):
        own = frozenset(by_code[code] for code in mark.series if code in by_code)
        if not own:
            continue
        kind = FactKind.WITHDRAWAL if mark.withdrawn else FACTS[Mark.Kind(mark.kind)]
        value = mark.kind if kind is FactKind.LEVEL else MARK_WORDS.get(Mark.Kind(mark.kind), "")
        found.append(
            IntervalFact(
                str(mark.pk),
                kind,
                own,
                int(mark.start.timestamp()),
                int(mark.end.timestamp()),
                value,
                str(mark.author),
                mark.reason,
                int(mark.known_at.timestamp()),
                str(mark.supersedes_id or ""),
            )
        )
    return found
