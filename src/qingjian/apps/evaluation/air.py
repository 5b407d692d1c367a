"""Air quality of hours and days, of stations and of regions, by the array kernels of `standards`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from qingjian.apps.accounts.models import Region
from qingjian.apps.accounts.rules import subtree
from qingjian.apps.evaluation import in_service, inputs
from qingjian.apps.evaluation.air_rules import (
    DAILY_PERIODS,
    POLLUTANTS,
    Indexed,
    Rules,
    category_of,
    index_of,
    rules_of,
    segments,
    unit_of,
)
from qingjian.apps.evaluation.drafts import Draft, day_of, midnight, number
from qingjian.apps.network.kinds import kinds_of
from qingjian.apps.network.models import Point, Series
from qingjian.rulebook import Confidence, Rulebook
from qingjian.standards import names
from qingjian.standards.air import breakpoints, means
from qingjian.standards.errors import EditionError

HIGHEST_POSSIBLE = float(breakpoints.HIGHEST_POSSIBLE)
"""Beyond, sums are no longer exact."""
REGION_LEVELS = (Region.Level.COUNTY, Region.Level.CITY)
STATION_KINDS = ("air_city", "air_township")


@dataclass(frozen=True)
class Assessed:
    """The stations whose mean speaks for a region."""

    region: Region
    points: tuple[Point, ...]


def stations(since: date | None = None) -> list[Point]:
    """Return every running air station, and those that were still in service on a day or later."""
    return in_service.of(Point.objects.select_related("region").filter(kind__in=kinds_of("air")), since)


def assessed(points: Sequence[Point]) -> list[Assessed]:
    """Return counties and cities with the stations that are assessed there.

    A station is assessed when its attribute `assessed` says so, else when it is a city station that is not kept by a
    township; a region without such stations is assessed on those it has. A city is left out while all its assessed
    stations lie in one county: its mean would be the county's.
    """
    found: list[Assessed] = []
    for region in Region.objects.filter(level__in=REGION_LEVELS).order_by("-code"):
        inside = subtree({region.pk})
        own = [
            one
            for one in points
            if one.region_id in inside
            and one.kind in STATION_KINDS
            and one.attributes.get("assessed") is not False
        ]
        chosen = tuple(
            one
            for one in own
            if one.attributes.get("assessed")
            or (one.kind == "air_city" and one.level != Point.Level.TOWNSHIP)
        ) or tuple(own)
        if chosen and not any(chosen == below.points for below in found):
            found.append(Assessed(region, chosen))
    return found


def series_of(points: Sequence[Point]) -> dict[int, dict[str, Series]]:
    """Return the series that speak for each pollutant of each point."""
    held: dict[int, list[Series]] = {one.pk: [] for one in points}
    for one in Series.objects.select_related("factor", "device", "point").filter(
        point__in=points, factor__wire_code__in=names.AIR
    ):
        held[one.point_id].append(one)
    return {
        point: {
            names.AIR[code]: one for code, one in inputs.best(own).items() if names.AIR[code] in POLLUTANTS
        }
        for point, own in held.items()
    }


def _settled(values: np.ndarray) -> np.ndarray:
    """Return values without the dust of binary fractions, far below any rounding of a standard."""
    return means.round_means(values, means.MEAN_DECIMALS)


def _drafts(
    kind: str,
    rules: Rules,
    indexed: Indexed,
    subjects: Sequence[tuple[int | None, int]],
    starts: Sequence[datetime],
    confidence: str,
    extra,
) -> Iterator[Draft]:
    pollutants = indexed.result.pollutants
    names_of = {
        mask: ",".join(name for bit, name in enumerate(pollutants) if mask >> bit & 1)
        for mask in range(1 << len(pollutants))
    }
    lists = {name: values.tolist() for name, values in indexed.values.items()}
    iaqi = {name: values.tolist() for name, values in indexed.result.iaqi.items()}
    aqi, primary, complete = indexed.aqi.tolist(), indexed.primary.tolist(), indexed.result.complete.tolist()
    ozone = None if indexed.ozone_1h is None else indexed.ozone_1h.tolist()
    for line, (point, region) in enumerate(subjects):
        for column, start in enumerate(starts):
            used = {}
            for name in pollutants:
                value = lists[name][line][column]
                if value == value:
                    used[name] = int(value) if value == int(value) else value
            if ozone is not None and ozone[line][column] == ozone[line][column]:
                used["O3_1h"] = number(ozone[line][column], means.MEAN_DECIMALS)
            values = {"used": used}
            more = extra(line, column)
            if not used and not more:
                continue
            values.update(more or {})
            index = aqi[line][column]
            found = index >= 0
            yield Draft(
                kind=kind,
                point=point,
                region=region,
                start=start,
                edition=rules.edition,
                values=values,
                confidence=confidence,
                aqi=index if found else None,
                publishable=found
                and (rules.incomplete_is_published or complete[line][column] or index > 100),
                category=category_of(rules, index) if found else "",
                primary=names_of[primary[line][column]] if found else "",
                result={
                    "iaqi": {
                        name: iaqi[name][line][column] for name in pollutants if iaqi[name][line][column] >= 0
                    }
                }
                if found
                else {},
            )


def _not_covered(kind: str, point: Point, start: datetime, values: dict[str, Any]) -> Draft:
    return Draft(kind, point.pk, point.region_id, start, "", values, Confidence.V.value, publishable=False)


class Block:
    """Hours of all stations over whole natural days, read once and evaluated in parts."""

    def __init__(
        self,
        book: Rulebook,
        points: Sequence[Point],
        first: date,
        last: date,
        as_of: datetime | None = None,
        pollutants: Sequence[str] = POLLUTANTS,
    ) -> None:
        """Read the days first … last (both included), of some pollutants only where no more are asked for."""
        self.book = book
        self.points = list(points)
        self.out = in_service.pauses(self.points)
        self.days = [first + timedelta(days=one) for one in range((last - first).days + 1)]
        self.series = series_of(self.points)
        everything = [one for own in self.series.values() for name, one in own.items() if name in pollutants]
        self.hours = inputs.read(everything, midnight(first), midnight(last + timedelta(days=1)), as_of)
        self.used: dict[str, np.ndarray] = {}
        self._refused: dict[tuple[int, int], dict[str, dict]] = {}
        self._converted: dict[tuple[int, str], str] = {}
        self._any_below = bool(self.hours.below.any())
        for name in pollutants:
            self.used[name] = (
                np.stack([self._hours_of(line, point, name) for line, point in enumerate(self.points)])
                if self.points
                else np.zeros((0, self.hours.count))
            )

    def _hours_of(self, line: int, point: Point, pollutant: str) -> np.ndarray:
        series = self.series[point.pk].get(pollutant)
        if series is None:
            return np.full(self.hours.count, np.nan)
        raw = self.hours.of(series.pk, "value")
        scaling = inputs.scaling(series, unit_of(self.book, pollutant))
        if scaling.refused is None:
            used = scaling.apply(self.hours.of(series.pk).copy())
            impossible = np.abs(used) > HIGHEST_POSSIBLE
            used = _settled(np.where(impossible, np.nan, used))
            for hour in np.flatnonzero(impossible):
                self._refuse(
                    line,
                    int(hour),
                    pollutant,
                    raw,
                    "超出可能的范围，不参与评价",
                    "outside any possible range, left out",
                )
            if scaling.factor != 1:
                self._converted[line, pollutant] = scaling.unit
        else:
            used = np.full(self.hours.count, np.nan)
        refused = self._refused
        for hour in np.flatnonzero(np.isfinite(raw) & ~np.isfinite(used)).tolist():
            if pollutant in refused.get((line, hour), ()):
                continue
            zh, en = (
                (scaling.refused.zh, scaling.refused.en)
                if scaling.refused is not None
                else self.hours.why(series.pk, hour)
            )
            self._refuse(line, hour, pollutant, raw, zh, en)
        for hour in np.flatnonzero(used < 0).tolist():
            self._refuse(line, hour, pollutant, raw, "负值，不参与评价", "negative value, left out")
            used[hour] = np.nan
        return used

    def _refuse(self, line: int, hour: int, pollutant: str, raw: np.ndarray, zh: str, en: str) -> None:
        """Keep what was received of an hour that does not count, and why."""
        found = self._refused.setdefault((line, hour), {})
        found[pollutant] = {"value": float(raw[hour]), "zh": zh, "en": en}

    def _below(self, line: int, used: Collection[str], begin: int) -> dict[str, int]:
        """Return how many hours of a day of a station lie below the detection limit, by pollutant."""
        if not self._any_below:
            return {}
        own = self.series[self.points[line].pk]
        found = {
            name: int(np.sum(self.hours.of(own[name].pk, "below")[begin : begin + 24] == 1)) for name in used
        }
        return {name: count for name, count in found.items() if count}

    def _units(self, line: int, used: Collection[str]) -> dict[str, dict[str, str]]:
        """Return the units that the used values of a station were converted from, where they were."""
        found = {name: unit for (one, name), unit in self._converted.items() if one == line and name in used}
        return {"converted_from": found} if found else {}

    def hourly(self, begin: datetime, end: datetime) -> Iterator[Draft]:
        """Evaluate the hours in [begin, end) of stations and regions."""
        low = max(0, int((begin - self.hours.start) / inputs.HOUR))
        high = min(self.hours.count, int((end - self.hours.start) / inputs.HOUR))
        starts = [self.hours.start + place * inputs.HOUR for place in range(low, high)]
        if not starts:
            return
        for on, part in segments(self.book, [day_of(start) for start in starts]):
            offset = low + part.start
            try:
                rules = rules_of(self.book, on)
            except EditionError as error:
                yield from self._hours_not_covered(starts[part], offset, error)
                continue
            values = {name: hours[:, offset : low + part.stop] for name, hours in self.used.items()}
            indexed = index_of(self.book, rules, values, None, None)

            def refused(line: int, column: int, offset: int = offset, values: dict = values) -> dict:
                found = self._refused.get((line, offset + column))
                more = {"rejected": found} if found else {}
                if not self._converted:
                    return more
                return more | self._units(line, [n for n in values if np.isfinite(values[n][line, column])])

            yield from _drafts(
                "air_hour",
                rules,
                indexed,
                [(one.pk, one.region_id) for one in self.points],
                starts[part],
                rules.hour_confidence,
                refused,
            )
            yield from self._regions("air_hour", rules, values, starts[part], None, None)

    def daily(self, first: date, last: date) -> Iterator[Draft]:
        """Evaluate the natural days first … last of stations and regions; a day that has not ended is left out by the caller."""
        wanted = [place for place, day in enumerate(self.days) if first <= day <= last]
        if not wanted:
            return
        days = [self.days[place] for place in wanted]
        for on, part in segments(self.book, days):
            low, high = wanted[part.start], wanted[part.stop - 1] + 1
            try:
                rules = rules_of(self.book, on)
            except EditionError:
                yield from self._days_not_covered(days[part], low)
                continue
            grids = {
                name: hours[:, low * 24 : high * 24].reshape(len(self.points), high - low, 24)
                for name, hours in self.used.items()
            }
            valid = {name: np.sum(np.isfinite(grid), axis=-1) for name, grid in grids.items()}
            values = {
                name: _settled(means.daily_mean(grid, at_least=rules.validity.day_hours))
                for name, grid in grids.items()
                if name != "O3"
            }
            ozone, windows = means.daily_maximum_8h(
                grids["O3"],
                limit=rules.ozone_limit,
                hours_at_least=rules.validity.eight_hour_hours,
                windows_at_least=rules.validity.eight_hour_windows,
            )
            values["O3"] = _settled(ozone)
            values = {name: values[name] for name in POLLUTANTS}
            one_hour = None
            if rules.incomplete_is_published:
                one_hour = np.where(np.isfinite(ozone), np.fmax.reduce(grids["O3"], axis=-1), np.nan)
            indexed = index_of(self.book, rules, values, DAILY_PERIODS, one_hour)

            def counts(
                line: int, column: int, valid: dict = valid, windows: np.ndarray = windows, low: int = low
            ) -> dict:
                hours = {
                    name: int(count[line, column]) for name, count in valid.items() if count[line, column]
                }
                if not hours:
                    return {}
                found = {"hours": hours, "windows": int(windows[line, column])}
                found |= self._units(line, hours)
                below = self._below(line, hours, (low + column) * 24)
                found |= {"below_detection": below} if below else {}
                left_out: dict[str, int] = {}
                for hour in range((low + column) * 24, (low + column + 1) * 24):
                    for name in self._refused.get((line, hour), ()):
                        left_out[name] = left_out.get(name, 0) + 1
                return found | ({"left_out": left_out} if left_out else {})

            starts = [midnight(day) for day in days[part]]
            yield from _drafts(
                "air_day",
                rules,
                indexed,
                [(one.pk, one.region_id) for one in self.points],
                starts,
                rules.day_confidence,
                counts,
            )
            yield from self._regions("air_day", rules, values, starts, DAILY_PERIODS, one_hour)

    def _hours_not_covered(
        self, starts: Sequence[datetime], offset: int, error: EditionError
    ) -> Iterator[Draft]:
        """Yield the hours of stations on days that no edition of the rules covers: received, named, not evaluated."""
        for line, point in enumerate(self.points):
            for column, start in enumerate(starts):
                found = dict(self._refused.get((line, offset + column), {}))
                for name, hours in self.used.items():
                    if np.isfinite(value := hours[line, offset + column]):
                        found[name] = {"value": float(value), "zh": error.zh, "en": error.en}
                if found:
                    yield _not_covered("air_hour", point, start, {"used": {}, "rejected": found})

    def _days_not_covered(self, days: Sequence[date], low: int) -> Iterator[Draft]:
        for line, point in enumerate(self.points):
            for column, day in enumerate(days):
                part = slice((low + column) * 24, (low + column + 1) * 24)
                counts = {
                    name: int(np.isfinite(hours[line, part]).sum()) for name, hours in self.used.items()
                }
                hours = {name: count for name, count in counts.items() if count}
                if hours:
                    yield _not_covered("air_day", point, midnight(day), {"used": {}, "hours": hours})

    def _regions(
        self,
        kind: str,
        rules: Rules,
        values: dict[str, np.ndarray],
        starts: Sequence[datetime],
        periods: dict[str, str] | None,
        one_hour: np.ndarray | None,
    ) -> Iterator[Draft]:
        """Evaluate regions by the stations that were in service on each day."""
        days = [day_of(start) for start in starts]
        for points, part in in_service.stretches(self.points, self.out, days):
            cut = {name: stack[:, part] for name, stack in values.items()}
            ozone = None if one_hour is None else one_hour[:, part]
            yield from self._regions_of(points, kind, rules, cut, starts[part], periods, ozone)

    def _regions_of(
        self,
        points: Sequence[Point],
        kind: str,
        rules: Rules,
        values: dict[str, np.ndarray],
        starts: Sequence[datetime],
        periods: dict[str, str] | None,
        one_hour: np.ndarray | None,
    ) -> Iterator[Draft]:
        line_of = {point.pk: line for line, point in enumerate(self.points)}
        for one in assessed(points):
            lines = [line_of[point.pk] for point in one.points]
            share = rules.validity.site_share

            def mean(stack: np.ndarray, lines: list[int] = lines, share: Decimal = share) -> np.ndarray:
                return _settled(means.site_mean(stack[lines], share=share))[np.newaxis, :]

            together = {name: mean(stack) for name, stack in values.items()}
            valid = {name: np.sum(np.isfinite(stack[lines]), axis=0) for name, stack in values.items()}
            ozone = None if one_hour is None else mean(one_hour)
            indexed = index_of(self.book, rules, together, periods, ozone)

            def counts(_line: int, column: int, valid: dict = valid, codes: tuple = one.points) -> dict:
                found = {name: int(count[column]) for name, count in valid.items() if count[column]}
                return {"stations": found, "of": [point.code for point in codes]} if found else {}

            yield from _drafts(
                kind, rules, indexed, [(None, one.region.pk)], starts, rules.region_confidence, counts
            )
