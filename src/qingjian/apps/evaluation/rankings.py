"""Stations, townships, counties and cities by composite index: in the running or a finished month or year."""

from __future__ import annotations

from calendar import monthrange
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from math import ceil

from qingjian.apps.accounts.models import Region
from qingjian.apps.accounts.rules import directly_above
from qingjian.apps.evaluation import air, deducting, queries
from qingjian.apps.evaluation.drafts import month_of
from qingjian.apps.evaluation.statistics import COMPARABLE_SHARE, enough_in_common, same_day
from qingjian.apps.network.models import Point
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.rulebook import Rulebook
from qingjian.standards.air.breakpoints import POLLUTANTS
from qingjian.standards.air.composite import CompositeIndex, composite_index
from qingjian.standards.air.events import Event, taken_on
from qingjian.standards.air.ranking import Place, improvement, rank
from qingjian.standards.air.statistics import days_needed, period_value
from qingjian.standards.errors import EvaluationError

MOST_MONTHS = 24


@dataclass(frozen=True, slots=True)
class Stretch:
    """The days a ranking speaks of, and those its movement is counted from."""

    first: date
    last: date
    earlier: tuple[date, date]
    running: bool
    """Whether the month or year is not over yet; then the earlier one ends as early too."""


def month_stretch(month: date, today: date) -> Stretch:
    """Return a month, its part up to today while it runs, and as much of the month before."""
    last = min(month.replace(day=monthrange(month.year, month.month)[1]), today)
    end = month - timedelta(days=1)
    running = month_of(today) <= month
    before = month_of(end)
    return Stretch(month, last, (before, min(end, before + (last - month)) if running else end), running)


def year_stretch(year: int, today: date) -> Stretch:
    """Return a year, its part up to today while it runs, and the same part of the year before."""
    last = min(date(year, 12, 31), today)
    return Stretch(
        date(year, 1, 1),
        last,
        (date(year - 1, 1, 1), same_day(last, year - 1)),
        running=year >= today.year,
    )


@dataclass(frozen=True, slots=True)
class Indexed:
    """The index of one place over some days."""

    index: CompositeIndex
    days: int
    """Days that count, by the item that has most of them."""
    valid: int
    """Valid days of the item that has fewest, before events are taken out: what the coverage is judged by."""


@dataclass(frozen=True)
class Ranked:
    """One line of a ranking."""

    key: int
    """Number of the point, or of the region of a township, county or city: names are not unique."""
    name: str
    place: Place | None
    """None for a place with too few valid days: it has an index, but no rank."""
    index: CompositeIndex
    days: int
    valid: int
    before: CompositeIndex | None
    whole: CompositeIndex | None = None
    """The index with every day, where approved events were taken out of `index`."""
    improved: Place | None = None
    """Change in % against the same days of last year and the place by it, where both have enough days in common."""


@dataclass(frozen=True)
class Ranking:
    """Places by their index, best first; `few` have too few valid days to be ranked, `left_out` no index at all."""

    lines: list[Ranked]
    few: list[Ranked]
    left_out: list[str]
    stretch: Stretch
    needed: int
    """Valid days a place needs to be ranked."""

    @property
    def every(self) -> list[Ranked]:
        return [*self.lines, *self.few]


Daily = Iterable[tuple[int, date, Mapping[str, float], frozenset[str]]]
"""(place, day, daily values, pollutants that approved events take out)."""
Days = Callable[[date, date], Daily]


def of_points(points: Sequence[Point], by: str, stretch: Stretch) -> Ranking:
    """Rank stations, or townships by the means of their stations."""
    groups = {point.pk: point.region_id if by == "township" else point.pk for point in points}

    def days(first: date, last: date) -> Daily:
        events = deducting.of_points(points, first, last)
        for point, day, used in queries.station_days(points, first, last):
            yield groups[point], day, used, _gone(day, events.get(point, ()))

    if by == "township":
        names = region_names({one.region_id: one.region for one in points}.values())
    else:
        names = distinct({one.pk: (one.name, one.region.name, one.code) for one in points})
    running = {groups[one.pk] for one in points if one.status == "running"}
    return _ranked(days, names, running, stretch)


def of_regions(regions: Sequence[Region], stretch: Stretch) -> Ranking:
    """Rank counties or cities by the composite index of their own days."""

    def days(first: date, last: date) -> Daily:
        events = deducting.of_regions({one.pk for one in regions}, first, last)
        for region, day, used in queries.region_days(regions, first, last):
            yield region, day, used, _gone(day, events.get(region, ()))

    known = {one.region.pk for one in air.assessed(air.stations())}
    return _ranked(days, region_names(regions), known & {one.pk for one in regions}, stretch)


def region_names(regions: Iterable[Region]) -> dict[int, str]:
    """Return the names of regions, those that several share with the region above: nearly every county has a 城关镇."""
    above = directly_above()
    return distinct(
        {one.pk: (one.name, above[one.pk].name if one.pk in above else "", one.code) for one in regions}
    )


def distinct(names: Mapping[int, tuple[str, str, str]]) -> dict[int, str]:
    """Return a name for each number from (name, where it lies, code), with as much behind it as tells it from the others."""
    found = {key: name for key, (name, _where, _code) in names.items()}
    for more in (1, 2):
        counted = Counter(found.values())
        for key, parts in names.items():
            if counted[found[key]] > 1 and parts[more]:
                found[key] = f"{parts[0]}（{'·'.join(one for one in parts[1 : more + 1] if one)}）"
    return found


def to_choose(points: Sequence[Point], today: date) -> tuple[list[date], list[int]]:
    """Return the months and the years with days of stations, newest first, the running ones always among them."""
    first = min(today, (queries.air_span(points) or (today, today))[0])
    months, month = [], month_of(today)
    while month >= month_of(first) and len(months) < MOST_MONTHS:
        months.append(month)
        month = month_of(month - timedelta(days=1))
    return months, list(range(today.year, first.year - 1, -1))


def _gone(day: date, events: tuple[Event, ...]) -> frozenset[str]:
    return frozenset(taken_on(day, events, rulebook=rulebook())[0]) if events else frozenset()


def _ranked(days: Days, names: Mapping[int, str], expected: set[int], stretch: Stretch) -> Ranking:
    """Rank places by their daily values.

    What approved events take out of the days does not count in the ranking (环办监测〔2016〕120号); the index with every day
    stands beside. `expected`: places that are named when they have no index.
    """
    book = rulebook()
    first, last = stretch.first, stretch.last
    daily = list(days(first, last))
    present = _indices(daily, last, None, book)
    variant = next(iter(present.values())).index.variant if present else None
    before = _indices(days(*stretch.earlier), stretch.earlier[1], variant, book)
    year_ago = (same_day(first, first.year - 1), same_day(last, last.year - 1))
    past = before if stretch.earlier == year_ago else _indices(days(*year_ago), year_ago[1], variant, book)
    touched = any(gone for _key, _day, _used, gone in daily)
    whole = _indices(daily, last, variant, book, deduct=False) if touched else {}
    needed = _needed((first, last), stretch.running, present, book)
    valid = {key for key, one in present.items() if one.valid >= needed}
    was_needed = _needed(stretch.earlier, stretch.running, before, book)
    earlier = {key: one.index for key, one in before.items() if one.valid >= was_needed}
    placed = {
        int(one.name): one
        for one in rank(
            {str(key): present[key].index.value for key in present if key in valid},
            earlier={str(key): index.value for key, index in earlier.items()},
        )
    }
    improved = _improved({key: present[key] for key in present if key in valid}, past)
    lines = [
        Ranked(
            key,
            names[key],
            placed.get(key),
            present[key].index,
            present[key].days,
            present[key].valid,
            earlier.get(key),
            whole[key].index if key in whole else None,
            improved.get(key),
        )
        for key in (*placed, *sorted(set(present) - valid, key=lambda key: present[key].index.value))
    ]
    return Ranking(
        [one for one in lines if one.place is not None],
        [one for one in lines if one.place is None],
        sorted(names[key] for key in expected - set(present)),
        stretch,
        needed,
    )


def needed_days(first: date, last: date, running: bool, most: int, book: Rulebook) -> int:
    """Valid days a place needs: in finished months or a year as GB 3095 asks, else 3/4 of the `most` any place has.

    The latter is for what still runs, and for days older than every edition.
    """
    if not running:
        with suppress(EvaluationError):
            return days_needed(first, last, rulebook=book)
    return ceil(most * COMPARABLE_SHARE)


def _needed(days: tuple[date, date], running: bool, found: Mapping[int, Indexed], book: Rulebook) -> int:
    return needed_days(*days, running, max((one.valid for one in found.values()), default=0), book)


def _improved(present: Mapping[int, Indexed], past: Mapping[int, Indexed]) -> dict[int, Place]:
    """Return places by change of their index, most improved first; those without comparable days are left out."""
    base = {
        str(key): one.index.value
        for key, one in past.items()
        if key in present
        and one.index.value > 0
        and enough_in_common(one.days, present[key].days)
        and enough_in_common(one.valid, present[key].valid)
    }
    return {
        int(one.name): one
        for one in improvement({str(key): one.index.value for key, one in present.items()}, base)
    }


def _indices(
    daily: Daily, last: date, variant: str | None, book: Rulebook, *, deduct: bool = True
) -> dict[int, Indexed]:
    counted: dict[int, dict[str, dict[date, list[float]]]] = {}
    valid: dict[int, dict[str, set[date]]] = {}
    for key, day, used, gone in daily:
        held, own = counted.setdefault(key, {}), valid.setdefault(key, {})
        for name in POLLUTANTS:
            value = used.get(name)
            if value is None:
                continue
            own.setdefault(name, set()).add(day)
            if not (deduct and name in gone):
                held.setdefault(name, {}).setdefault(day, []).append(value)
    found = {}
    for key, items in counted.items():
        values = {
            name: [_mean([Decimal(str(one)) for one in given]) for given in by_day.values()]
            for name, by_day in items.items()
        }
        # As the year and the reports form them: the index is made of values rounded by HJ 663.
        inputs = {
            name: period_value(name, given, last, rulebook=book).rounded for name, given in values.items()
        }
        try:
            index = composite_index(inputs, on=None if variant else last, variant=variant, rulebook=book)
        except EvaluationError:
            continue
        found[key] = Indexed(
            index,
            max(len(given) for given in values.values()),
            min(len(valid[key].get(name, ())) for name in POLLUTANTS),
        )
    return found


def _mean(values: list[Decimal]) -> Decimal:
    return sum(values, Decimal(0)) / len(values)
