"""The periods reports speak of: natural days, months, quarters and years in UTC+08:00."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    """A whole day, month, quarter or year; `last` is its last day.

    `until` is the last whole day of a period that has not ended: comparisons with another year end there.
    """

    span: str
    first: date
    last: date
    until: date | None = None

    def as_known_on(self, today: date) -> Period:
        """Return the same period, saying how far it has gone where it has not ended."""
        if not self.first < today <= self.last:
            return self
        return replace(self, until=today - timedelta(days=1))

    def goes_on(self, today: date) -> bool:
        """Say whether a period has not ended, or is the part of another year that stands beside one that has not."""
        return self.until is not None or self.last >= today

    @property
    def known_last(self) -> date:
        """The last day there can be results of."""
        return self.until or self.last

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
        """The same period of the year before, as far as this one has gone; 29 February goes to 28 February."""
        whole = period_of(self.span, _year_before(self.first))
        return replace(whole, until=_year_before(self.until)) if self.until else whole

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


def _year_before(day: date) -> date:
    if (day.month, day.day) == (2, 29):
        return date(day.year - 1, 2, 28)
    return day.replace(year=day.year - 1)


def _plus(first: date, months: int) -> date:
    number = first.year * 12 + first.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)
