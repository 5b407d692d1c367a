"""How much of what was owed came, and how much of it counts: by series and day or month, and the gaps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db.models import QuerySet

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.network import queries as network
from qingjian.apps.network.kinds import kinds_of
from qingjian.apps.network.models import Series
from qingjian.apps.observing import queries, statuses, stores
from qingjian.apps.observing.models import FindingRecord
from qingjian.apps.observing.statuses import Described
from qingjian.contracts.clock import CHINA
from qingjian.contracts.commands import Command
from qingjian.contracts.current import now
from qingjian.pipeline.asking import HISTORY_COMMAND, history_command, named_later
from qingjian.quality.completeness import Transmission, quarterly_capture, transmission
from qingjian.quality.facts import IntervalFact
from qingjian.quality.observations import Observations
from qingjian.quality.periods import CHINA_SECONDS, DAY, day_start
from qingjian.quality.status import effective_status
from qingjian.rulebook import Row, Rulebook

PERIODS = ("window", "day", "month", "quarter")
OWED = ("hour", "day", "minute")
"""The statistic whose periods are counted: hours where the device owes them, as the transmission rate is defined."""
MOST_DAYS = 366
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_COLUMNS = ("series", "start", "value", "flag")


@dataclass(frozen=True, slots=True)
class Line:
    """One series and one period (a day, or the days of a month or quarter inside the window).

    `transmission` = received / base with base = expected - stopped; `valid_share` = valid / received; `rate` is the
    valid transmission rate after the allowance; all None when nothing was due.
    """

    series: Series
    statistic: str
    start: date
    days: int
    expected: int
    stopped: int
    received: int
    valid: int
    transmission: float | None
    valid_share: float | None
    rate: float | None
    capture: float | None = None
    """Share of valid hours of a flue gas quarter (HJ 75-2017 §12); only where quarters were asked for."""
    needed: int = 0
    enough: int = 0
    """What the rate is made of: `rate` = enough / needed."""

    @property
    def missing(self) -> int:
        """Periods that were due and did not come."""
        return max(0, self.expected - self.stopped - self.received)


@dataclass(frozen=True, slots=True)
class Strip:
    """One series over the whole window, and the shorter periods it is made of."""

    line: Line
    parts: list[Line]


@dataclass(frozen=True, slots=True)
class Report:
    """Lines of the series asked for, and the rule row of the allowance (None when the rulebook holds none)."""

    lines: list[Line]
    row: Row | None


def owing(user: Any, element: str = "", region: int | None = None, text: str = "") -> QuerySet[Series]:
    """Return the series that owe values and that a person may read, narrowed by element, region subtree and text."""
    rows = (
        network.series_visible_to(user)
        .filter(origin__in=("device", "simulated", "upstream"))
        .exclude(expected={})
        .exclude(point__kind="synthetic")
        .select_related("point__region", "point__outlet")
        .order_by("point__code", "code")
    )
    if element:
        rows = rows.filter(point__kind__in=kinds_of(element))
    if region:
        rows = rows.filter(point__region_id__in=account_rules.subtree({region}))
    if text:
        rows = rows.filter(point__name__icontains=text) | rows.filter(code__icontains=text)
    return rows


def window(first: date | None, last: date | None) -> tuple[date, date]:
    """Return the first and last day to look at: whole days that are over, by default those of the last 30 days."""
    yesterday = now().astimezone(CHINA).date() - timedelta(days=1)
    last = min(last or yesterday, yesterday)
    first = min(first or last - timedelta(days=29), last)
    return max(first, last - timedelta(days=MOST_DAYS - 1)), last


def owed_statistic(expected: Mapping[str, int]) -> str | None:
    """Return the statistic whose periods are counted for a series."""
    return next((name for name in OWED if name in expected), None)


def report(
    series: Sequence[Series], first: date, last: date, by: str = "day", as_of: datetime | None = None
) -> Report:
    """Return the completeness of series (which the caller has narrowed to what the person may read)."""
    begin, end = day_start(first), day_start(last) + DAY
    start, stop = datetime.fromtimestamp(begin, UTC), datetime.fromtimestamp(end, UTC)
    described = statuses.described(series, stop, as_of)
    facts = _facts(series, start, stop, as_of)
    book = queries.rulebook_at(as_of)
    row: Row | None = None
    lines: dict[int, list[Line]] = {}
    for statistic in OWED:
        some = [one for one in described.values() if owed_statistic(one.fact.expected) == statistic]
        if not some:
            continue
        infos = [one.info(one.fact.expected[statistic]) for one in some]
        numbers = [info.id for info in infos]
        table = stores.lake().series(numbers, statistic, start, stop, as_of=as_of, columns=_COLUMNS)
        rows = Observations.from_table(table)
        seconds = statuses.COVERED_SECONDS.get(statistic, 0)
        doubts = statuses.doubts(queries.directory_at(as_of), infos, rows)
        found = effective_status(rows, facts, infos, suspect=doubts.suspect, period_seconds=seconds)
        counted = transmission(rows, found, infos, begin, end, book)
        row = counted.row or row
        for line in _lines(some, statistic, counted, by):
            lines.setdefault(line.series.pk, []).append(line)
    return Report([line for one in series for line in lines.get(one.pk, [])], row)


def strips(lines: Sequence[Line], first: date) -> list[Strip]:
    """Return one strip for each series out of the lines of its days or months, in their order."""
    of_series: dict[int, list[Line]] = {}
    for line in lines:
        of_series.setdefault(line.series.pk, []).append(line)
    return [Strip(_whole(parts, first), parts) for parts in of_series.values()]


def _whole(parts: Sequence[Line], first: date) -> Line:
    days, expected, stopped, received, valid, needed, enough = (
        sum(getattr(one, name) for one in parts)
        for name in ("days", "expected", "stopped", "received", "valid", "needed", "enough")
    )
    return _line(
        parts[0].series,
        parts[0].statistic,
        first,
        "window",
        days,
        expected,
        stopped,
        max(0, expected - stopped),
        received,
        valid,
        needed,
        enough,
    )


def _facts(
    series: Sequence[Series], start: datetime, stop: datetime, as_of: datetime | None
) -> list[IntervalFact]:
    marks = queries.marks_known({one.point_id for one in series}, start, stop, as_of)
    return statuses.facts_of(marks, {one.code: one.pk for one in series})


def _lines(described: Sequence[Described], statistic: str, counted: Transmission, by: str) -> Iterator[Line]:
    """Return the days, added up by period; days on which a series was not registered the whole day are left out."""
    days = len(counted) // len(described)
    begins = np.repeat([_seconds(one.fact.valid_from, -math.inf) for one in described], days)
    ends = np.repeat([_seconds(one.fact.valid_to, math.inf) for one in described], days)
    kept = np.flatnonzero((begins <= counted.day) & (counted.day + DAY <= ends))
    if not len(kept):
        return
    starts = _starts(counted.day[kept], by)
    place = kept // days
    head = np.flatnonzero(np.r_[True, (np.diff(place) != 0) | (np.diff(starts) != 0)])
    # The allowance of one day cannot make up for values missing on another.
    needed = np.maximum(counted.base - counted.allowance, np.minimum(1, counted.base))
    enough = np.minimum(counted.valid, needed)
    columns = (np.ones(len(counted), np.int64), counted.expected, counted.stopped, counted.base, counted.received, counted.valid, needed, enough)  # fmt: skip
    sums = [np.add.reduceat(column[kept].astype(np.int64), head).tolist() for column in columns]
    for one, begin, *figures in zip(place[head].tolist(), starts[head].tolist(), *sums, strict=True):
        yield _line(described[one].row, statistic, date.fromordinal(_EPOCH_DAY + begin), by, *figures)


def _seconds(moment: datetime | None, nothing: float) -> float:
    return nothing if moment is None else moment.timestamp()


def _starts(days: npt.NDArray[np.int64], by: str) -> npt.NDArray[np.int64]:
    """Return the first day of the period each day lies in, as days since 1970."""
    local = ((days + CHINA_SECONDS) // DAY).astype("datetime64[D]")
    if by == "quarter":
        months = local.astype("datetime64[M]").astype(np.int64)
        local = (months - months % 3).astype("datetime64[M]").astype("datetime64[D]")
    elif by == "month":
        local = local.astype("datetime64[M]").astype("datetime64[D]")
    return local.astype(np.int64)


def _line(
    series: Series,
    statistic: str,
    start: date,
    by: str,
    days: int,
    expected: int,
    stopped: int,
    base: int,
    received: int,
    valid: int,
    needed: int,
    enough: int,
) -> Line:
    gas = by == "quarter" and statistic == "hour" and series.medium == "flue_gas"
    return Line(
        series=series,
        statistic=statistic,
        start=start,
        days=days,
        expected=expected,
        stopped=stopped,
        received=received,
        valid=valid,
        transmission=received / base if base else None,
        valid_share=(valid / received if received else 0.0) if base else None,
        rate=enough / needed if base else None,
        needed=needed,
        enough=enough,
        capture=quarterly_capture(expected, base - valid, stopped) if gas and base else None,
    )


def capture_row(book: Rulebook, on: date) -> Row | None:
    """Return the rule row of the quarterly share of valid hours, None when the rulebook holds none."""
    rows = book.rows("cems_checks", on, check="季度有效数据捕集率")
    return rows[0] if rows else None


# -- gaps ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch without values as the pipeline found it, with what was asked of the device and what came."""

    record: FindingRecord
    series: Series | None
    statistic: str
    periods: int
    missing: int
    asked: list[Command]

    @property
    def came(self) -> int:
        """Periods that came since."""
        return max(0, self.periods - self.missing)


def gap_records(series: QuerySet[Series], first: date, last: date) -> QuerySet[FindingRecord]:
    """Return the gaps of series that touch the days, newest first."""
    begin = datetime.fromtimestamp(day_start(first), UTC)
    end = datetime.fromtimestamp(day_start(last) + DAY, UTC)
    return (
        FindingRecord.objects.filter(rule="gap", subject__in=series.order_by().values("code"), start__lt=end)
        .exclude(end__lte=begin)
        .order_by("-start", "subject", "pk")
    )


def gaps(series: QuerySet[Series], records: Sequence[FindingRecord]) -> list[Gap]:
    """Return gaps with their series and with what was asked of the devices."""
    by_code = {one.code: one for one in series.filter(code__in={record.subject for record in records})}
    asked: dict[str, list[Command]] = {}
    found = []
    for record in records:
        one = by_code.get(record.subject)
        evidence = record.evidence
        statistic = str(evidence.get("statistic", ""))
        mn = one.device.mn if one is not None and one.device is not None else ""
        if mn and mn not in asked:
            asked[mn] = list(stores.commands().recent(mn, 200))
        code, later = _asked_with(one, statistic) if mn and one is not None else ("", timedelta(0))
        found.append(
            Gap(
                record,
                one,
                statistic,
                int(evidence.get("periods", 0)),
                int(evidence.get("missing", 0)),
                [
                    command
                    for command in asked.get(mn, [])
                    if command.code == code and _overlaps(command, record, later)
                ],
            )
        )
    return found


def _asked_with(series: Series, statistic: str) -> tuple[str, timedelta]:
    """Return the command that asks for a series' history, and how much later than its beginning a period is named in it."""
    if statistic not in HISTORY_COMMAND or series.device is None:
        return "", timedelta(0)
    code = history_command(series.factor.wire_code, statistic)
    return code, timedelta(seconds=named_later(series.device.policy, code))


def _overlaps(command: Command, record: FindingRecord, later: timedelta) -> bool:
    begin, end = asked_period(command)
    return (
        begin is not None
        and end is not None
        and (record.end is None or begin - later < record.end)
        and end - later >= record.start
    )


def asked_period(command: Command) -> tuple[datetime | None, datetime | None]:
    """Return the period a history command asks for, both ends included; None where it names none."""
    return _wire(command.parameters.get("BeginTime", "")), _wire(command.parameters.get("EndTime", ""))


def _wire(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=CHINA).astimezone(UTC)
    except ValueError:
        return None
