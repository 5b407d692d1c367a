"""The periods reports speak of: natural days, months, quarters and years in UTC+08:00."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from qingjian.contracts.clock import CHINA

DAY, MONTH, QUARTER, YEAR = "day", "month", "quarter", "year"
SPANS = (DAY, MONTH, QUARTER, YEAR)
_MONTHS = {MONTH: 1, QUARTER: 3, YEAR: 12}
_NUMBERS = "一二三四"


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=CHINA)


def day_of(moment: datetime) -> date:
    return moment.astimezone(CHINA).date()


@dataclass(frozen=True, slots=True)
class Period:
    """A whole day, month, quarter or year; `last` is its last day."""

    span: str
    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def months(self) -> list[date]:
        """The first days of the months it covers."""
        found = [self.first.replace(day=1)]
        while (following := _plus(found[-1], 1)) <= self.last:
            found.append(following)
        return found

    def before(self) -> Period:
        """The period before of the same kind."""
        return period_of(self.span, self.first - timedelta(days=1))

    def after(self) -> Period:
        return period_of(self.span, self.last + timedelta(days=1))

    def year_before(self) -> Period:
        """The same period of the year before; 29 February goes to 28 February."""
        year = self.first.year - 1
        day = self.first
        day = day.replace(year=year, day=28) if (day.month, day.day) == (2, 29) else day.replace(year=year)
        return period_of(self.span, day)

    def title(self) -> dict[str, str]:
        first = self.first
        if self.span == DAY:
            return {"zh": f"{first.year}年{first.month}月{first.day}日", "en": first.isoformat()}
        if self.span == MONTH:
            return {"zh": f"{first.year}年{first.month}月", "en": f"{first:%Y-%m}"}
        if self.span == QUARTER:
            number = (first.month - 1) // 3
            return {"zh": f"{first.year}年第{_NUMBERS[number]}季度", "en": f"{first.year} Q{number + 1}"}
        return {"zh": f"{first.year}年", "en": str(first.year)}

    @property
    def code(self) -> str:
        """Return a short name for files and links."""
        if self.span == QUARTER:
            return f"{self.first.year}Q{(self.first.month - 1) // 3 + 1}"
        return self.first.strftime({DAY: "%Y-%m-%d", MONTH: "%Y-%m", YEAR: "%Y"}[self.span])


def period_of(span: str, day: date) -> Period:
    """Return the period of a kind a day lies in. Raises ValueError for an unknown kind."""
    if span == DAY:
        return Period(DAY, day, day)
    if span not in _MONTHS:
        raise ValueError(f"no such kind of period: {span}")
    length = _MONTHS[span]
    first = date(day.year, (day.month - 1) // length * length + 1, 1)
    return Period(span, first, _plus(first, length) - timedelta(days=1))


def _plus(first: date, months: int) -> date:
    number = first.year * 12 + first.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)
