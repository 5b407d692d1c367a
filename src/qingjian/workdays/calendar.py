"""The working-day calendar: which days are worked, which are not, and which are not known.

One table per year lists only the days that differ from the plain week (Monday to Friday worked,
Saturday and Sunday free): holidays, days off in exchange (调休放假) and weekend days worked in exchange
(调休上班). A year without a table is *not covered*: the calendar then still says what the plain week
would give, and says that this is not known.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from enum import Enum
from functools import cache
from importlib import resources
from types import MappingProxyType

CHINA = timezone(timedelta(hours=8), "UTC+08:00")
"""The natural day of the project is fixed at UTC+08:00, whatever the machine's own zone."""

_SATURDAY = 5
_COLUMNS = ("date", "kind", "name")
_CONFIDENCES = ("V", "S", "U")


class DayKind(Enum):
    """What a day is. The values are the words of the table files."""

    WORKDAY = "workday"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    REST_IN_LIEU = "rest_in_lieu"
    WORK_IN_LIEU = "work_in_lieu"

    @property
    def worked(self) -> bool:
        return self in (DayKind.WORKDAY, DayKind.WORK_IN_LIEU)


_KIND_ZH = {
    DayKind.WORKDAY: "工作日",
    DayKind.WEEKEND: "周末",
    DayKind.HOLIDAY: "节假日",
    DayKind.REST_IN_LIEU: "调休放假",
    DayKind.WORK_IN_LIEU: "调休上班",
}
_KIND_EN = {
    DayKind.WORKDAY: "working day",
    DayKind.WEEKEND: "weekend",
    DayKind.HOLIDAY: "holiday",
    DayKind.REST_IN_LIEU: "day off in exchange",
    DayKind.WORK_IN_LIEU: "weekend day worked in exchange",
}
_TABLE_KINDS = (DayKind.HOLIDAY, DayKind.REST_IN_LIEU, DayKind.WORK_IN_LIEU)


@dataclass(frozen=True, slots=True)
class Day:
    """One day with its kind; ``known`` is False when the year has no table."""

    day: date
    kind: DayKind
    name: str
    known: bool

    @property
    def worked(self) -> bool:
        return self.kind.worked

    def zh(self) -> str:
        text = _KIND_ZH[self.kind] + (f"（{self.name}）" if self.name else "")
        return text if self.known else text + "，当年放假安排未收录"

    def en(self) -> str:
        text = _KIND_EN[self.kind] + (f" ({self.name})" if self.name else "")
        return text if self.known else text + ", no table for this year"


@dataclass(frozen=True, slots=True)
class YearTable:
    """The days of one year that differ from the plain week, and where they come from.

    ``confidence`` (V/S/U) speaks of the days, ``document_confidence`` of the notice's number.
    """

    year: int
    title: str
    document: str
    issued: date | None
    basis: str
    confidence: str
    document_confidence: str
    days: Mapping[date, tuple[DayKind, str]] = field(default_factory=dict)

    def digest(self) -> str:
        """Hash of what changes an answer: the year and its days."""
        rows = "\n".join(f"{d.isoformat()},{kind.value}" for d, (kind, _) in sorted(self.days.items()))
        return hashlib.sha256(f"{self.year}\n{rows}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class RowError:
    """A line of an imported table that was not understood; ``text`` is kept as received."""

    line: int
    text: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """Result of reading a table: the table, or None with at least one error."""

    table: YearTable | None
    errors: tuple[RowError, ...]


@dataclass(frozen=True, slots=True)
class Calendar:
    """Several year tables together. Immutable; ``replacing`` gives a corrected one."""

    tables: Mapping[int, YearTable]

    @classmethod
    def of(cls, tables: Iterable[YearTable]) -> Calendar:
        return cls(MappingProxyType({table.year: table for table in tables}))

    @property
    def years(self) -> tuple[int, ...]:
        return tuple(sorted(self.tables))

    @property
    def version(self) -> str:
        """Short digest of all tables, to be stored with every computed deadline."""
        parts = "".join(self.tables[year].digest() for year in self.years)
        return hashlib.sha256(parts.encode()).hexdigest()[:16]

    def covers(self, day: date) -> bool:
        return day.year in self.tables

    def day(self, day: date) -> Day:
        """The kind of one day; beyond the tables the plain week with ``known=False``."""
        table = self.tables.get(day.year)
        if table is not None and day in table.days:
            kind, name = table.days[day]
            return Day(day, kind, name, known=True)
        plain = DayKind.WEEKEND if day.weekday() >= _SATURDAY else DayKind.WORKDAY
        return Day(day, plain, "", known=table is not None)

    def replacing(self, table: YearTable) -> Calendar:
        """A calendar in which this table stands for its year (new, or in place of the old one)."""
        return Calendar.of([*(old for year, old in self.tables.items() if year != table.year), table])


def load(text: str) -> Loaded:
    """Read one year's table.

    Format: lines ``# key: value`` (``year`` is required; ``title``, ``document``, ``issued``, ``basis``,
    ``confidence``, ``document_confidence``), then CSV with the header ``date,kind,name``; ``kind`` is
    ``holiday``, ``rest_in_lieu`` or ``work_in_lieu``. Never raises for bad content: each line that is not
    understood becomes a :class:`RowError`, and a table with errors is not returned.
    """
    errors: list[RowError] = []
    head: dict[str, str] = {}
    body: list[tuple[int, str]] = []
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), start=1):
        stripped = line.strip()
        if stripped.startswith("#"):
            key, colon, value = stripped[1:].partition(":")
            if colon:
                head[key.strip().lower()] = value.strip()
        elif stripped:
            body.append((number, line))

    year = _year(head.get("year", ""), errors)
    issued = _issued(head.get("issued", ""), errors)
    errors.extend(
        RowError(0, f"{key}: {head[key]}", "可信度应为 V、S 或 U", "confidence must be V, S or U")
        for key in ("confidence", "document_confidence")
        if head.get(key, "U") not in _CONFIDENCES
    )
    if not body or tuple(_cells(body[0][1])) != _COLUMNS:
        line_number, found = body[0] if body else (0, "")
        errors.append(
            RowError(line_number, found, "缺少表头 date,kind,name", "the header date,kind,name is missing")
        )
        return Loaded(None, tuple(errors))
    days = _rows(body[1:], year, errors)
    if errors or year is None:
        return Loaded(None, tuple(errors))
    return Loaded(
        YearTable(
            year=year,
            title=head.get("title", ""),
            document=head.get("document", ""),
            issued=issued,
            basis=head.get("basis", ""),
            confidence=head.get("confidence", "U"),
            document_confidence=head.get("document_confidence", "U"),
            days=MappingProxyType(days),
        ),
        (),
    )


_ALWAYS_OFF = ("01-01", "05-01", "10-01", "10-02", "10-03")
_OFF_WITHIN = (
    ("春节", "Spring Festival", "01-20", "02-28", 3, 1949),
    ("清明节", "Tomb-Sweeping Day", "04-03", "04-07", 1, 2008),
    ("端午节", "Dragon Boat Festival", "05-25", "06-26", 1, 2008),
    ("国庆节和中秋节", "National Day and Mid-Autumn Festival", "09-07", "10-10", 4, 2008),
)
"""Chinese and English name, first and last possible day, days off at least, first year."""


def statutory_gaps(table: YearTable) -> tuple[RowError, ...]:
    """What no year's table lacks: the days off of the Regulation on Public Holidays (全国年节及纪念日放假办法, editions since
    1999 and 2007), which move with the moon within a few weeks. A table without them would make holidays working days.
    """
    off = {day.strftime("%m-%d") for day, (kind, _name) in table.days.items() if not kind.worked}
    always = (*_ALWAYS_OFF, "05-02") if table.year >= 2025 else _ALWAYS_OFF
    lacking = [day for day in always if day not in off]
    gaps = [
        RowError(
            0, "", f"缺少法定节假日 {table.year}-{day}", f"the public holiday {table.year}-{day} is missing"
        )
        for day in lacking
    ]
    gaps.extend(
        RowError(
            0,
            "",
            f"缺少{zh}放假（{first} 至 {last} 之间至少 {least} 日）",
            f"the days off of {en} are missing (at least {least} between {first} and {last})",
        )
        for zh, en, first, last, least, since in _OFF_WITHIN
        if table.year >= since and sum(first <= day <= last for day in off) < least
    )
    return tuple(gaps)


@cache
def packaged_calendar() -> Calendar:
    """The calendar shipped with the package (see ``data/years``)."""
    folder = resources.files("qingjian.workdays").joinpath("data", "years")
    tables = []
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".csv"):
            loaded = load(entry.read_text(encoding="utf-8"))
            if loaded.table is None:
                raise ValueError(f"packaged table {entry.name} is damaged: {loaded.errors}")
            tables.append(loaded.table)
    return Calendar.of(tables)


def china_date(moment: datetime) -> date:
    """The natural day (UTC+08:00) of an aware moment. Raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("时间必须带时区 / the moment needs a time zone")
    return moment.astimezone(UTC).astimezone(CHINA).date()


def _year(text: str, errors: list[RowError]) -> int | None:
    if text.isascii() and text.isdigit() and len(text) == 4 and int(text) >= 1949:
        return int(text)
    errors.append(
        RowError(0, text, "缺少或写错年份（# year: 2026）", "the year (# year: 2026) is missing or wrong")
    )
    return None


def _issued(text: str, errors: list[RowError]) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        errors.append(RowError(0, text, "发布日期应为 YYYY-MM-DD", "the issue date must be YYYY-MM-DD"))
        return None


def _cells(line: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line]), [])]
    except csv.Error:
        return []


def _rows(
    lines: list[tuple[int, str]], year: int | None, errors: list[RowError]
) -> dict[date, tuple[DayKind, str]]:
    days: dict[date, tuple[DayKind, str]] = {}
    kinds = {kind.value: kind for kind in _TABLE_KINDS}
    for number, line in lines:
        cells = _cells(line)
        if len(cells) != len(_COLUMNS):
            errors.append(RowError(number, line, "每行应有三列", "each row needs three columns"))
            continue
        try:
            day = date.fromisoformat(cells[0])
        except ValueError:
            errors.append(RowError(number, line, "日期应为 YYYY-MM-DD", "the date must be YYYY-MM-DD"))
            continue
        kind = kinds.get(cells[1])
        problem = _row_problem(day, kind, year, days)
        if problem is not None or kind is None:
            zh, en = problem or ("", "")
            errors.append(RowError(number, line, zh, en))
            continue
        days[day] = (kind, cells[2])
    return days


def _row_problem(
    day: date, kind: DayKind | None, year: int | None, seen: Mapping[date, tuple[DayKind, str]]
) -> tuple[str, str] | None:
    if kind is None:
        return (
            "类别应为 holiday、rest_in_lieu 或 work_in_lieu",
            "the kind must be holiday, rest_in_lieu or work_in_lieu",
        )
    if year is not None and day.year != year:
        return (f"日期不在 {year} 年内", f"the date is not in {year}")
    if day in seen:
        return ("同一天出现两次", "the same day appears twice")
    if kind is DayKind.WORK_IN_LIEU and day.weekday() < _SATURDAY:
        return ("调休上班应在周末", "a day worked in exchange must be on a weekend")
    return None
