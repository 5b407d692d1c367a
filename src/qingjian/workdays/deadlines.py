"""When a limit ends, and why: every day counted or skipped is listed.

Conventions where the law is silent are named in the README: hours run without break; a day limit ends with
the last moment of its last day (UTC+08:00); a stop of the clock is itself a period, its first day not
part of it and its last day part of it.
"""

from __future__ import annotations

import calendar as month_lengths
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum

from qingjian.workdays.calendar import CHINA, Calendar, Day, china_date
from qingjian.workdays.instruments import Instrument, Unit

_ONE_DAY = timedelta(days=1)
_LAST_MOMENT = time(23, 59, 59, 999999, tzinfo=CHINA)
_LONGEST = {Unit.HOUR: 24 * 36_600, Unit.MONTH: 1_200, Unit.YEAR: 100}
_LONGEST_DAYS = 36_600
_YEARS = range(1949, 2500)
_WORST_FIRST = "USV"
_ROLLING = frozenset({Unit.NATURAL_DAY, Unit.MONTH, Unit.YEAR, Unit.JANUARY_NEXT_YEAR})


class Direction(Enum):
    """Counted forward from an event, or back from it ("seven days before the hearing")."""

    AFTER = "after"
    BEFORE = "before"


class Reason(Enum):
    """Why a step of the count is as it is."""

    START = "start"
    COUNTED = "counted"
    NOT_WORKED = "not worked"
    PAUSED = "paused"
    PAUSE_NOT_APPROVED = "pause not approved"
    CLOCK_STOPPED = "clock stopped"
    NOMINAL_END = "nominal end"
    ADDED = "added for a pause"
    ROLLED = "last day moved"


@dataclass(frozen=True, slots=True)
class Pause:
    """A stop of the clock. Without ``end`` it still lasts; without approval it does not stop anything."""

    start: datetime
    end: datetime | None
    reason: str
    approved_by: str = ""
    approved_at: datetime | None = None
    document: str = ""

    def __post_init__(self) -> None:
        china_date(self.start)
        if self.end is not None and (china_date(self.end) < china_date(self.start) or self.end < self.start):
            raise ValueError("停止计时的结束早于开始 / a pause ends before it begins")

    @property
    def approved(self) -> bool:
        return bool(self.approved_by) and self.approved_at is not None

    def holds(self, day: date) -> bool:
        """Whether this day is taken out of the count."""
        return china_date(self.start) < day and (self.end is None or day <= china_date(self.end))


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the explanation; ``number`` is the running count when the day is counted."""

    day: date
    counted: bool
    number: int | None
    reason: Reason
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Request:
    """All inputs of a deadline except the calendar, kept so that it can be computed again."""

    start: datetime | date
    limit: int
    unit: Unit
    instrument: Instrument
    pauses: tuple[Pause, ...] = ()
    direction: Direction = Direction.AFTER


@dataclass(frozen=True, slots=True)
class Deadline:
    """The answer.

    ``due`` is the last moment in time (None while an approved pause without an end stops the clock);
    ``provisional`` says that a year without a calendar table was needed (``uncovered_years``) and the plain
    week was used in its place; ``confidence`` is the worst of the rules used.
    """

    request: Request
    counted_unit: Unit
    due: datetime | None
    last_day: date | None
    provisional: bool
    uncovered_years: tuple[int, ...]
    stopped: bool
    counted: int
    explanation: tuple[Step, ...]
    confidence: str
    calendar_version: str

    def overdue(self, now: datetime) -> bool:
        """Whether ``now`` (aware) lies after the last moment; never while the clock is stopped."""
        china_date(now)
        return self.due is not None and now > self.due

    def explain(self, language: str = "zh") -> tuple[str, ...]:
        """The explanation as lines of text, Chinese (``zh``) or English (``en``)."""
        if language not in ("zh", "en"):
            raise ValueError(f"language must be zh or en, not {language!r}")
        chinese = language == "zh"
        lines = [f"{step.day.isoformat()} {step.zh if chinese else step.en}" for step in self.explanation]
        return (self._headline(chinese), *lines, *self._closing(chinese))

    def _headline(self, chinese: bool) -> str:
        request, rule = self.request, self.request.instrument
        unit = _unit_text(self.counted_unit, chinese)
        moves = self.counted_unit in _ROLLING and request.direction is Direction.AFTER
        if chinese:
            first = "起算日计入" if rule.first_day_counted else "起算日不计入"
            last = "末日遇非工作日顺延" if rule.last_day_rolls else "末日不顺延"
            tail = f"；{last}（可信度 {rule.last_day_confidence}）" if moves else ""
            return f"{rule.name_zh}：{request.limit} {unit}；{first}{tail}"
        first = "first day counted" if rule.first_day_counted else "first day not counted"
        last = "a last day off moves on" if rule.last_day_rolls else "the last day does not move"
        tail = f"; {last} (confidence {rule.last_day_confidence})" if moves else ""
        return f"{rule.name_en}: {request.limit} {unit}; {first}{tail}"

    def _closing(self, chinese: bool) -> tuple[str, ...]:
        lines = []
        if self.due is None:
            lines.append(
                f"计时已停止，已计 {self.counted}，尚无截止时间"
                if chinese
                else f"the clock is stopped at {self.counted}; there is no due time yet"
            )
        else:
            moment = self.due.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")
            lines.append(f"截止 {moment}（UTC+08:00）" if chinese else f"due {moment} (UTC+08:00)")
        if self.provisional:
            years = "、".join(map(str, self.uncovered_years)) if chinese else str(list(self.uncovered_years))
            lines.append(
                f"暂定：{years} 年放假安排未收录，按普通周推算，公布后须重算"
                if chinese
                else f"provisional: no calendar table for {years}; the plain week was used, recompute later"
            )
        return tuple(lines)


@dataclass(frozen=True, slots=True)
class Recomputation:
    """A deadline before and after the calendar changed; ``days`` are those whose kind differs."""

    old: Deadline
    new: Deadline
    days: tuple[Day, ...]

    @property
    def changed(self) -> bool:
        return (self.old.due, self.old.provisional) != (self.new.due, self.new.provisional)


def deadline(
    start: datetime | date,
    limit: int,
    unit: Unit,
    instrument: Instrument,
    calendar: Calendar,
    pauses: Sequence[Pause] = (),
    *,
    direction: Direction = Direction.AFTER,
) -> Deadline:
    """When a limit that began at ``start`` ends.

    ``start`` is an aware datetime, or a date where only days count. ``limit`` is in ``unit``; for
    ``OCLOCK_NEXT_DAY`` it is the hour, for ``JANUARY_NEXT_YEAR`` the day of the month. Counting back
    (``Direction.BEFORE``) knows days, months and years only, no pauses and no moving of the last day.
    Raises ValueError for a naive or out-of-range start, a negative or absurd limit, hours without a time.
    """
    request = Request(start, limit, unit, instrument, tuple(pauses), direction)
    _check(request)
    return _Count(request, calendar).run()


def recompute(old: Deadline, calendar: Calendar, previous: Calendar) -> Recomputation:
    """The same deadline under a corrected calendar; ``previous`` is the one ``old`` was computed with.

    Nothing is overwritten: the result holds both. Raises ValueError when ``previous`` is another calendar.
    """
    if previous.version != old.calendar_version:
        raise ValueError("旧日历与原计算所用版本不符 / the previous calendar is not the one that was used")
    request = old.request
    new = deadline(
        request.start,
        request.limit,
        request.unit,
        request.instrument,
        calendar,
        request.pauses,
        direction=request.direction,
    )
    first = _day_of(request.start)
    ends = [end for end in (old.last_day, new.last_day) if end is not None]
    low, high = min([first, *ends]), max([first, *ends])
    days = []
    for offset in range((high - low).days + 1):
        here = low + offset * _ONE_DAY
        was, now = previous.day(here), calendar.day(here)
        if (was.kind, was.known) != (now.kind, now.known):
            days.append(now)
    return Recomputation(old, new, tuple(days))


class _Count:
    """One run of the count; collects the steps and what of the calendar was consulted."""

    def __init__(self, request: Request, calendar: Calendar) -> None:
        self.request = request
        self.calendar = calendar
        self.rule = request.instrument
        self.unit = self.rule.resolve(request.limit, request.unit)
        self.approved = [pause for pause in request.pauses if pause.approved]
        self.steps: list[Step] = []
        self.years: set[int] = set()
        self.counted = 0
        self.stopped = False

    def run(self) -> Deadline:
        for pause in self.request.pauses:
            if not pause.approved:
                self._note(
                    china_date(pause.start),
                    Reason.PAUSE_NOT_APPROVED,
                    f"停止计时未经批准，不予扣除：{pause.reason}",
                    f"a pause without approval is not taken out: {pause.reason}",
                )
        first = _day_of(self.request.start)
        due: datetime | None
        last: date | None
        if self.unit is Unit.HOUR:
            due = self._hours()
            last = None if due is None else china_date(due)
        elif self.unit is Unit.OCLOCK_NEXT_DAY:
            last = first + _ONE_DAY
            due = datetime.combine(last, time(tzinfo=CHINA)) + timedelta(hours=self.request.limit)
            self._note(last, Reason.NOMINAL_END, "次日规定时刻", "the hour named on the next day")
        else:
            last = self._last_day(first)
            due = None if last is None else datetime.combine(last, _LAST_MOMENT)
        uncovered = tuple(sorted(year for year in self.years if year not in self.calendar.tables))
        return Deadline(
            request=self.request,
            counted_unit=self.unit,
            due=due,
            last_day=last,
            provisional=bool(uncovered),
            uncovered_years=uncovered,
            stopped=self.stopped,
            counted=self.counted,
            explanation=tuple(self.steps),
            confidence=self._confidence(),
            calendar_version=self.calendar.version,
        )

    def _last_day(self, first: date) -> date | None:
        back = self.request.direction is Direction.BEFORE
        if self.unit in (Unit.MONTH, Unit.YEAR, Unit.JANUARY_NEXT_YEAR):
            last = self._by_calendar_month(first, -1 if back else 1)
        else:
            last = self._day_by_day(first, -1 if back else 1)
        if last is None or back or self.unit not in _ROLLING or not self.rule.last_day_rolls:
            return last
        nominal = last
        while True:
            # A stop that began while the limit waited for its last working day holds that day too.
            pause = self._pause_on(last) if last > nominal else None
            if pause is not None and pause.end is None:
                self.stopped = True
                self._note(
                    last, Reason.CLOCK_STOPPED, f"停止计时：{pause.reason}", f"clock stopped: {pause.reason}"
                )
                return None
            info = self._look(last)
            if pause is not None:
                self._note(last, Reason.PAUSED, f"扣除：{pause.reason}", f"taken out: {pause.reason}")
            elif not info.worked:
                self._note(
                    last,
                    Reason.ROLLED,
                    f"末日为{info.zh()}，顺延",
                    f"the last day is a {info.en()}: moves on",
                )
            else:
                break
            last += _ONE_DAY
        if last > nominal:
            self._note(last, Reason.NOMINAL_END, "顺延后的末日", "the last day after moving on")
        return last

    def _day_by_day(self, first: date, step: int) -> date | None:
        day = first
        if self.rule.first_day_counted and self.request.limit > 0:
            self._count_or_skip(day)
        else:
            self._note(day, Reason.START, "起算日，不计入", "the day of the event, not counted")
        while self.counted < self.request.limit:
            day += step * _ONE_DAY
            pause = self._pause_on(day)
            if pause is not None and pause.end is None:
                self.stopped = True
                self._note(
                    day, Reason.CLOCK_STOPPED, f"停止计时：{pause.reason}", f"clock stopped: {pause.reason}"
                )
                return None
            self._count_or_skip(day)
        return day

    def _count_or_skip(self, day: date) -> None:
        pause = self._pause_on(day)
        if pause is not None:
            self._note(day, Reason.PAUSED, f"扣除：{pause.reason}", f"taken out: {pause.reason}")
            return
        if self.unit is Unit.WORKING_DAY:
            info = self._look(day)
            if not info.worked:
                self._note(day, Reason.NOT_WORKED, f"{info.zh()}，不计入", f"{info.en()}, not counted")
                return
            zh, en = info.zh(), info.en()
        else:
            zh, en = "自然日", "natural day"
        self.counted += 1
        self.steps.append(
            Step(
                day,
                True,
                self.counted,
                Reason.COUNTED,
                f"第 {self.counted} 日（{zh}）",
                f"day {self.counted} ({en})",
            )
        )

    def _by_calendar_month(self, first: date, sign: int) -> date | None:
        limit = self.request.limit
        if self.unit is Unit.JANUARY_NEXT_YEAR:
            day = date(first.year + 1, 1, limit)
        else:
            day = _add_months(first, sign * limit * (12 if self.unit is Unit.YEAR else 1))
            if self.rule.first_day_counted and limit > 0:
                day -= sign * _ONE_DAY
        self._note(first, Reason.START, "起算日", "the day of the event")
        self._note(day, Reason.NOMINAL_END, "按历月推算的末日", "the last day by the calendar month")
        owed = 0
        probe = first
        while probe < day or owed > 0:
            probe += _ONE_DAY
            pause = self._pause_on(probe)
            if pause is not None and pause.end is None:
                self.stopped = True
                self._note(
                    probe, Reason.CLOCK_STOPPED, f"停止计时：{pause.reason}", f"clock stopped: {pause.reason}"
                )
                return None
            if pause is not None:
                self._note(probe, Reason.PAUSED, f"扣除：{pause.reason}", f"taken out: {pause.reason}")
            if probe <= day:
                owed += pause is not None
            elif pause is None:
                owed -= 1
                self._note(probe, Reason.ADDED, "因停止计时补足一日", "one day added for a pause")
        self.counted = limit
        return max(day, probe) if sign > 0 else day

    def _hours(self) -> datetime | None:
        start = self.request.start
        assert isinstance(start, datetime)  # noqa: S101 - _check refused dates for hours
        moment = start.astimezone(CHINA)
        left = timedelta(hours=self.request.limit)
        self._note(
            moment.date(), Reason.START, f"{moment:%H:%M:%S} 起算", f"the clock starts at {moment:%H:%M:%S}"
        )
        for pause in sorted(self.approved, key=lambda item: item.start):
            if pause.end is not None and pause.end <= moment:
                continue
            if pause.start >= moment + left:
                break
            left -= max(timedelta(0), pause.start - moment)
            if pause.end is None:
                self.stopped = True
                self.counted = self.request.limit - -(-left // timedelta(hours=1))
                self._note(
                    china_date(pause.start),
                    Reason.CLOCK_STOPPED,
                    f"停止计时：{pause.reason}",
                    f"clock stopped: {pause.reason}",
                )
                return None
            moment = pause.end.astimezone(CHINA)
            self._note(
                china_date(pause.start),
                Reason.PAUSED,
                f"扣除至 {moment:%Y-%m-%d %H:%M}：{pause.reason}",
                f"taken out until {moment:%Y-%m-%d %H:%M}: {pause.reason}",
            )
        self.counted = self.request.limit
        due = moment + left
        self._note(due.date(), Reason.NOMINAL_END, f"{due:%H:%M:%S} 届满", f"the hours end at {due:%H:%M:%S}")
        return due

    def _pause_on(self, day: date) -> Pause | None:
        return next((pause for pause in self.approved if pause.holds(day)), None)

    def _look(self, day: date) -> Day:
        self.years.add(day.year)
        return self.calendar.day(day)

    def _note(self, day: date, reason: Reason, zh: str, en: str) -> None:
        self.steps.append(Step(day, False, None, reason, zh, en))

    def _confidence(self) -> str:
        used = [self.calendar.tables[year].confidence for year in self.years if year in self.calendar.tables]
        if self.request.unit is Unit.DAY:
            used.append(self.rule.bare_day_confidence)
        forward = self.request.direction is Direction.AFTER
        if forward and self.unit in _ROLLING:
            used.append(self.rule.last_day_confidence)
        return min(used, key=_WORST_FIRST.index, default="V")


def _check(request: Request) -> None:
    first = _day_of(request.start)
    if first.year not in _YEARS:
        raise ValueError(f"起算年份超出范围 / the start lies outside the years served: {first.year}")
    if any(pause.end is not None and pause.end.year not in _YEARS for pause in request.pauses):
        raise ValueError("停止计时的结束超出范围 / the end of a pause lies outside the years served")
    if isinstance(request.limit, bool) or not isinstance(request.limit, int):
        raise ValueError("期限须为整数 / the limit must be a whole number")
    if not 0 <= request.limit <= _LONGEST.get(request.unit, _LONGEST_DAYS):
        raise ValueError(f"期限超出范围 / the limit is out of range: {request.limit}")
    if request.unit is Unit.HOUR and not isinstance(request.start, datetime):
        raise ValueError("按小时计算须有起算时刻 / hours need a start time")
    if request.unit is Unit.OCLOCK_NEXT_DAY and request.limit > 24:
        raise ValueError("钟点超出 0–24 / the hour must be 0 to 24")
    if request.unit is Unit.JANUARY_NEXT_YEAR and not 1 <= request.limit <= 31:
        raise ValueError("一月的日期须为 1–31 / the day of January must be 1 to 31")
    if request.direction is Direction.BEFORE:
        if request.unit in (Unit.HOUR, Unit.OCLOCK_NEXT_DAY, Unit.JANUARY_NEXT_YEAR):
            raise ValueError("倒推只适用于日、月、年 / only days, months and years count back")
        if request.pauses:
            raise ValueError("倒推期限不能停止计时 / a limit counted back cannot be paused")


def _day_of(start: datetime | date) -> date:
    return china_date(start) if isinstance(start, datetime) else start


def _add_months(day: date, months: int) -> date:
    """The same day of a later or earlier month; its last day where that month is shorter."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, month_lengths.monthrange(year, month + 1)[1]))


def _unit_text(unit: Unit, chinese: bool) -> str:
    if not chinese:
        return unit.value
    return {
        Unit.HOUR: "小时",
        Unit.DAY: "日",
        Unit.NATURAL_DAY: "自然日",
        Unit.WORKING_DAY: "工作日",
        Unit.MONTH: "个月",
        Unit.YEAR: "年",
        Unit.OCLOCK_NEXT_DAY: "时（次日）",
        Unit.JANUARY_NEXT_YEAR: "日（次年一月）",
    }[unit]
