"""How much of what was owed came, and how much of it counts: by series and day or month, and the gaps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.network import queries as network
from qingjian.apps.network.kinds import kinds_of
from qingjian.apps.network.models import Series
from qingjian.apps.observing import queries, statuses, stores
from qingjian.apps.observing.models import FindingRecord
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.clock import CHINA
from qingjian.contracts.commands import Command
from qingjian.contracts.current import now
from qingjian.quality.completeness import quarterly_capture, transmission
from qingjian.quality.facts import IntervalFact
from qingjian.quality.observations import Observations
from qingjian.quality.periods import DAY, day_start, local_day
from qingjian.quality.status import effective_status
from qingjian.rulebook import Row, Rulebook

PERIODS = ("day", "month", "quarter")
OWED = ("hour", "day", "minute")
"""The statistic whose periods are counted: hours where the device owes them, as the transmission rate is defined."""
MOST_DAYS = 366
HISTORY_COMMANDS = {"minute": "2051", "hour": "2061", "day": "2031"}
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

    @property
    def missing(self) -> int:
        """Periods that were due and did not come."""
        return max(0, self.expected - self.stopped - self.received)


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
    book = rulebook()
    row: Row | None = None
    cells: dict[int, list[tuple[int, ...]]] = {}
    owed = {number: owed_statistic(one.fact.expected) for number, one in described.items()}
    for statistic in OWED:
        numbers = [number for number, name in owed.items() if name == statistic]
        if not numbers:
            continue
        infos = [described[number].info(described[number].fact.expected[statistic]) for number in numbers]
        table = stores.lake().series(numbers, statistic, start, stop, as_of=as_of, columns=_COLUMNS)
        rows = Observations.from_table(table)
        seconds = statuses.COVERED_SECONDS.get(statistic, 0)
        found = effective_status(rows, facts, infos, period_seconds=seconds)
        counted = transmission(rows, found, infos, begin, end, book)
        row = counted.row or row
        columns = (counted.day, counted.expected, counted.stopped, counted.base, counted.received, counted.valid, counted.allowance)  # fmt: skip
        for number, *numbers_of_day in zip(
            counted.series.tolist(), *(column.tolist() for column in columns), strict=True
        ):
            cells.setdefault(number, []).append(tuple(numbers_of_day))
    lines = []
    for one in series:
        statistic = owed.get(one.pk)
        if statistic is not None:
            fact = described[one.pk].fact
            days = [cell for cell in cells[one.pk] if _owes(fact.valid_from, fact.valid_to, cell[0])]
            lines += _lines(one, statistic, days, by)
    return Report(lines, row)


def _facts(
    series: Sequence[Series], start: datetime, stop: datetime, as_of: datetime | None
) -> list[IntervalFact]:
    marks = queries.marks_known({one.point_id for one in series}, start, stop, as_of)
    return statuses.facts_of(marks, {one.code: one.pk for one in series})


def _owes(valid_from: datetime | None, valid_to: datetime | None, day: int) -> bool:
    """Say whether a series was registered the whole day; a day it began or ended in is not counted."""
    return (valid_from is None or valid_from.timestamp() <= day) and (
        valid_to is None or day + DAY <= valid_to.timestamp()
    )


def _lines(series: Series, statistic: str, days: Iterable[tuple[int, ...]], by: str) -> list[Line]:
    groups: dict[date, list[tuple[int, ...]]] = {}
    for cell in days:
        groups.setdefault(_start_of(local_day(cell[0]), by), []).append(cell)
    return [_line(series, statistic, start, cells, by) for start, cells in groups.items()]


def _start_of(day: date, by: str) -> date:
    if by == "quarter":
        return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
    return day.replace(day=1) if by == "month" else day


def _line(series: Series, statistic: str, start: date, cells: Sequence[tuple[int, ...]], by: str) -> Line:
    expected, stopped, base, received, valid = (sum(cell[place] for cell in cells) for place in range(1, 6))
    # The allowance of one day cannot make up for values missing on another.
    needed = [
        max(base_of_day - allowance, min(1, base_of_day))
        for _d, _e, _s, base_of_day, _r, _v, allowance in cells
    ]
    enough = sum(min(cell[5], need) for cell, need in zip(cells, needed, strict=True))
    return Line(
        series=series,
        statistic=statistic,
        start=start,
        days=len(cells),
        expected=expected,
        stopped=stopped,
        received=received,
        valid=valid,
        transmission=received / base if base else None,
        valid_share=(valid / received if received else 0.0) if base else None,
        rate=enough / sum(needed) if base else None,
        capture=quarterly_capture(expected, base - valid, stopped)
        if by == "quarter" and statistic == "hour" and series.medium == "flue_gas" and base
        else None,
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


def gaps(series: QuerySet[Series], first: date, last: date, limit: int = 50) -> list[Gap]:
    """Return the newest gaps of series that touch the days."""
    begin = datetime.fromtimestamp(day_start(first), UTC)
    end = datetime.fromtimestamp(day_start(last) + DAY, UTC)
    touching = FindingRecord.objects.filter(
        rule="gap", subject__in=series.order_by().values("code"), start__lt=end
    ).exclude(end__lte=begin)
    records = list(touching.order_by("-start", "subject")[:limit])
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
                    if command.code == HISTORY_COMMANDS.get(statistic) and _overlaps(command, record)
                ],
            )
        )
    return found


def _overlaps(command: Command, record: FindingRecord) -> bool:
    begin, end = asked_period(command)
    return (
        begin is not None
        and end is not None
        and (record.end is None or begin < record.end)
        and end >= record.start
    )


def asked_period(command: Command) -> tuple[datetime | None, datetime | None]:
    """Return the period a history command asks for, both ends included; None where it names none."""
    return _wire(command.parameters.get("BeginTime", "")), _wire(command.parameters.get("EndTime", ""))


def _wire(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=CHINA).astimezone(UTC)
    except ValueError:
        return None
