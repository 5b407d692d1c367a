"""Noise: zones by day (hourly Leq of stations, or Ld and Ln measured by hand), and the year of areas and roads."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from qingjian.apps.accounts.models import Region
from qingjian.apps.accounts.rules import subtree
from qingjian.apps.evaluation import in_service, inputs, laboratory, samples
from qingjian.apps.evaluation.drafts import Chosen, Draft, day_of, midnight
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.network.models import Point, Series
from qingjian.rulebook import Rulebook
from qingjian.standards import noise
from qingjian.standards.errors import EvaluationError
from qingjian.standards.explanation import Text, TraceBuilder, plain
from qingjian.standards.rounding import round_places

KINDS_OF_YEAR = {"noise_area": ("noise_area_year", "区域"), "noise_road": ("noise_road_year", "道路交通")}
REGION_LEVELS = ("county", "city")
HIGHEST_LEVEL = 200
"""dB(A); what lies beyond is no measurement."""
LEVEL_PLACES = 6
"""Decimals of a stored level: only the dust of binary fractions is taken off, levels are rounded once, as Ld and Ln."""


def points(since: date | None = None) -> list[Point]:
    return laboratory.points_of("noise", since)


def zone_of(point: Point) -> str:
    """Return the functional zone of a point as GB 3096 names it; empty when it is not registered."""
    zone = str(point.attributes.get("noise_zone", "")).strip()
    return zone if not zone or zone.endswith("类") else f"{zone}类"


def manual_item(series: Series) -> str | None:
    code = series.factor.wire_code
    return code if series.medium == "noise" and code in ("Ld", "Ln", "LMx") else None


class Block:
    """Hourly levels of the stations over whole natural days."""

    def __init__(self, book: Rulebook, points: Sequence[Point], first: date, last: date) -> None:
        self.book = book
        self.points = list(points)
        self.first = first
        self.count = (last - first).days + 1
        held: dict[int, list[Series]] = {one.pk: [] for one in self.points}
        rows = Series.objects.select_related("factor", "device", "point")
        for one in rows.filter(point__in=self.points, factor__wire_code__in=("Leq", "LMx"), medium="noise"):
            held[one.point_id].append(one)
        self.series = {point: inputs.best(own) for point, own in held.items()}
        everything = [one for own in self.series.values() for one in own.values()]
        self.hours = inputs.read(everything, midnight(first), midnight(last + timedelta(days=1)))

    def daily(self) -> Iterator[Draft]:
        """Judge every natural day with a valid hour."""
        for point in self.points:
            levels = self.series[point.pk].get("Leq")
            if levels is None:
                continue
            for place in range(self.count):
                part = slice(place * 24, place * 24 + 24)
                raw, used = self.hours.of(levels.pk, "value")[part], self.hours.of(levels.pk)[part]
                if not np.any(np.isfinite(raw)):
                    continue
                yield self._day(point, levels, place, raw, used)

    def _day(self, point: Point, levels: Series, place: int, raw: np.ndarray, used: np.ndarray) -> Draft:
        day = self.first + timedelta(days=place)
        trace = TraceBuilder(Text("功能区噪声（日）", "functional-zone noise, day"))
        kept: dict[int, Decimal] = {}
        rejected: dict[str, dict[str, Any]] = {}
        for hour in np.flatnonzero(np.isfinite(raw)).tolist():
            name = f"{hour:02d}:00"
            if not np.isfinite(used[hour]):
                zh, en = self.hours.why(levels.pk, place * 24 + hour)
            elif not 0 < used[hour] <= HIGHEST_LEVEL:
                zh, en = "不可能的声级", "impossible level"
            else:
                kept[hour] = Decimal(repr(round(float(used[hour]), LEVEL_PLACES)))
                continue
            rejected[name] = {"value": float(raw[hour]), "zh": zh, "en": en}
            trace.reject(f"Leq {name}", float(raw[hour]), zh, en)
        starts = {
            name: int(point.attributes[name])
            for name in ("day_starts", "night_starts")
            if name in point.attributes
        }
        values: dict[str, Any] = {"hours": {str(hour): float(level) for hour, level in kept.items()}}
        if rejected:
            values["rejected"] = rejected
        found = noise.day_and_night(kept, **starts, rulebook=self.book.on(day)) if kept else None
        levels_of: dict[str, Decimal | None] = {"Ld": None, "Ln": None, "Leq": None}
        if found is not None:
            first, last = found.day_starts, found.night_starts
            trace.step(
                f"按自然日统计：昼间 {first:02d}–{last:02d} 时，夜间为当日 00–{first:02d} 时和 {last:02d}–24 时（分属前后两夜）",
                f"by the natural day: day {first:02d}–{last:02d} h, night 00–{first:02d} and {last:02d}–24 h of this date (parts of two nights)",
            )
            values["counts"] = {"Ld": found.day_hours, "Ln": found.night_hours, "Leq": found.hours}
            for name, level, count, least, whole, valid in (
                ("Ld", found.day, found.day_hours, found.least_day_hours, last - first, found.day_valid),
                (
                    "Ln",
                    found.night,
                    found.night_hours,
                    found.least_night_hours,
                    24 - last + first,
                    found.night_valid,
                ),
                ("Leq", found.whole, found.hours, found.least_hours, 24, found.whole_valid),
            ):
                levels_of[name] = round_places(level, 1) if valid and level is not None else None
                shown = plain(round_places(level, 1)) if level is not None else "–"
                trace.step(
                    f"{name}: {count}/{whole} 个有效小时（至少 {least}）能量平均 {shown} dB(A){'' if valid else '：无效，不评价'}",
                    f"{name}: energy mean of {count} of {whole} valid hours (at least {least}) {shown} dB(A){'' if valid else ': not valid, not judged'}",
                    found.rows,
                )
        highest, impossible = self._highest(point, place, starts)
        for name, one in impossible.items():
            trace.reject(name, one["value"], one["zh"], one["en"])
        if impossible:
            values["rejected"] = rejected | impossible
        return judged("noise_day", point, day, levels_of, values, trace, self.book, highest)

    def _highest(
        self, point: Point, place: int, starts: dict[str, int]
    ) -> tuple[Decimal | None, dict[str, dict[str, Any]]]:
        """Return (highest sudden level of the night hours, levels that cannot be); None where there is none."""
        series = self.series[point.pk].get("LMx")
        if series is None:
            return None, {}
        values = self.hours.of(series.pk)[place * 24 : place * 24 + 24]
        first, last = starts.get("day_starts", 6), starts.get("night_starts", 22)
        night, impossible = [], {}
        for hour, value in enumerate(values.tolist()):
            if first <= hour < last or not np.isfinite(value):
                continue
            if 0 < value <= HIGHEST_LEVEL:
                night.append(value)
            else:
                said = {"value": value, "zh": "不可能的声级", "en": "impossible level"}
                impossible[f"LMx {hour:02d}:00"] = said
        return (Decimal(repr(round(max(night), LEVEL_PLACES))) if night else None), impossible


def surveys(book: Rulebook, chosen: Sequence[Point], first: date, last: date) -> Iterator[Draft]:
    """Judge Ld and Ln measured by hand at areas, roads and zones."""
    for sample in samples.read(chosen, first, last, manual_item):
        trace = TraceBuilder(Text("声环境（手工监测）", "noise, measured by hand"))
        levels: dict[str, Decimal | None] = {"Ld": None, "Ln": None}
        sample.keep_usable(lambda item, one: noise.energy_mean([one]))
        sample.explain(trace)
        for item, given in sample.given.items():
            levels[item] = Decimal(str(given.value))
        highest = levels.pop("LMx", None)
        yield judged("noise_survey", sample.point, sample.day, levels, sample.plain(), trace, book, highest)


def judged(
    kind: str,
    point: Point,
    day: date,
    levels: dict[str, Decimal | None],
    values: dict[str, Any],
    trace: TraceBuilder,
    book: Rulebook,
    highest: Decimal | None = None,
) -> Draft:
    """Hold levels against the zone of the point."""
    zone = zone_of(point)
    row = Draft(kind, point.pk, point.region_id, midnight(day), "", values, "V")
    given = {name: level for name, level in levels.items() if level is not None}
    row.values["used"] = {name: float(level) for name, level in given.items()}
    row.result = {"levels": {name: float(level) for name, level in given.items()}, "zone": zone}
    if not zone:
        trace.step("点位未登记声环境功能区，不评价达标", "no functional zone is registered: not judged")
    elif "Ld" in given or "Ln" in given:
        try:
            found = noise.zone(
                zone,
                day=given.get("Ld"),
                night=given.get("Ln"),
                night_maximum=highest,
                on=day,
                rulebook=book,
            )
        except EvaluationError as error:
            trace.step(error.zh, error.en)
        else:
            trace.include(found.trace)
            attained = {"Ld": found.day_attained, "Ln": found.night_attained}
            excess = {"Ld": found.day_excess, "Ln": found.night_excess}
            missed = [name for name, one in attained.items() if one is False]
            if found.sudden_attained is False:
                missed.append("LMx")
            row.reached = not missed
            row.exceeds = bool(missed)
            row.main_items = ",".join(missed)
            row.edition = next(iter(found.trace.editions), "")
            row.result |= {
                "limits": {"Ld": float(found.day_limit), "Ln": float(found.night_limit)},
                "attained": attained,
                "excess": {name: float(one) for name, one in excess.items() if one is not None},
                "decided_by": missed,
            }
            if highest is not None and found.sudden_limit is not None:
                row.result["sudden"] = {
                    "value": float(highest),
                    "limit": float(found.sudden_limit),
                    "attained": found.sudden_attained,
                }
    else:
        trace.step("没有有效的昼间或夜间声级", "no valid level of day or night")
    made = trace.done()
    row.confidence = made.confidence.value
    row.trace = made.to_dict()
    return row


def years(
    book: Rulebook,
    chosen: Sequence[Point],
    year: int,
    until: datetime,
    fresh: dict[tuple[int, date], dict[str, float]],
) -> Iterator[Draft]:
    """Rate the year of areas and roads of every county and city (HJ 640): the newest level of each point counts, by day and by night."""
    for kind, (name, subject) in KINDS_OF_YEAR.items():
        own = [one for one in chosen if one.kind == kind]
        stored = Evaluation.objects.filter(
            kind="noise_survey",
            superseded_at=None,
            point__in=own,
            start__gte=midnight(date(year, 1, 1)),
            start__lt=midnight(date(year + 1, 1, 1)),
            start__lte=until,
        )
        measured = {(row.point_id, day_of(row.start)): row.values.get("used", {}) for row in stored}
        measured |= {key: used for key, used in fresh.items() if key[1].year == year}
        newest: dict[int, dict[str, float]] = {}
        for (point, _day), used in sorted(measured.items(), key=lambda one: one[0][1]):
            newest.setdefault(point, {}).update(used)
        seen: set[frozenset[int]] = set()
        rated: set[int] = set()
        for region in Region.objects.filter(level__in=REGION_LEVELS).order_by("-code"):
            inside = subtree({region.pk})
            here = [one for one in own if one.region_id in inside and newest.get(one.pk)]
            key = frozenset(one.pk for one in here)
            if here and key not in seen:
                seen.add(key)
                rated.add(region.pk)
                yield _year(name, subject, region, year, here, newest, book)
        yield from _no_longer_rated(name, year, rated)


def _no_longer_rated(kind: str, year: int, rated: Collection[int]) -> Iterator[Draft]:
    """Yield an empty year for regions that had one and have no level left."""
    start = midnight(date(year, 1, 1))
    held = Evaluation.objects.filter(kind=kind, superseded_at=None, start=start, point=None)
    for region in held.exclude(region__in=rated).values_list("region_id", flat=True):
        trace = TraceBuilder(Text("评价撤回", "nothing left to evaluate"))
        trace.step("该年已没有有效的监测值", "no valid level of the year is left")
        yield Draft(kind, None, region, start, "", {"used": {}}, "V", trace=trace.done().to_dict())


def _year(
    kind: str,
    subject: str,
    region: Region,
    year: int,
    here: Sequence[Point],
    newest: dict[int, dict[str, float]],
    book: Rulebook,
) -> Draft:
    roads = kind == "noise_road_year"
    trace = TraceBuilder(
        Text("道路交通声环境（年）", "noise of roads, year")
        if roads
        else Text("区域声环境（年）", "noise of an area, year")
    )
    values: dict[str, Any] = {"used": {}, "points": {}}
    periods: dict[str, dict[str, Any]] = {}
    for item, period in (("Ld", "昼间"), ("Ln", "夜间")):
        own = [(one, newest[one.pk][item]) for one in here if item in newest[one.pk]]
        if roads:
            for one, level in own:
                if not one.attributes.get("length_m"):
                    trace.reject(
                        f"{one} {item}", level, "路段长度未登记", "the length of the road is not registered"
                    )
            own = [(one, level) for one, level in own if one.attributes.get("length_m")]
        if not own:
            continue
        if roads:
            mean = noise.road_mean([(level, str(one.attributes["length_m"])) for one, level in own])
            how = ("按路段长度加权平均", "mean weighted by length")
        else:
            mean = noise.area_mean([level for _one, level in own])
            how = ("算术平均", "arithmetic mean")
        trace.step(
            f"{period} {len(own)} 个测点{how[0]} = {plain(mean)} dB(A)",
            f"{item}: {how[1]} of {len(own)} points = {plain(mean)} dB(A)",
        )
        values["used"][item] = float(mean)
        values["points"][item] = {one.code: level for one, level in own}
        try:
            found = noise.urban_rating(subject, period, mean, on=date(year, 12, 31), rulebook=book)
        except EvaluationError as error:
            trace.step(f"不评价: {error.zh}", f"not rated: {error.en}")
            continue
        trace.include(found.trace)
        periods[item] = {
            "value": float(mean),
            "level": found.level,
            "rating": found.rating,
            "points": len(own),
        }
    if not periods:
        trace.step("没有可以评价的测点", "no point that can be rated")
    made = trace.done()
    decisive = periods.get("Ld") or periods.get("Ln")
    return Draft(
        kind,
        None,
        region.pk,
        midnight(date(year, 1, 1)),
        next(iter(made.editions), ""),
        values,
        made.confidence.value,
        category=decisive["level"] if decisive else "",
        result={"periods": periods, "points": len(here)},
        trace=made.to_dict(),
    )


def evaluate(book: Rulebook, first: date, last: date, until: datetime, chosen: Chosen) -> Iterator[Draft]:
    """Yield days of stations, surveys, and the years they belong to."""
    everything = [one for one in points(date(first.year, 1, 1)) if chosen.stands(one.pk)]
    own = [one for one in everything if chosen.has(one.pk)]
    out = in_service.pauses(own)
    ended = min(last, day_of(until) - timedelta(days=1))
    if ended >= first:
        yield from in_service.served(Block(book, own, first, ended).daily(), out)
    fresh: dict[tuple[int, date], dict[str, float]] = {}
    for draft in surveys(book, own, first, min(last, day_of(until))):
        if draft.point is not None:
            fresh[draft.point, day_of(draft.start)] = draft.values["used"]
        yield draft
    concerned = {day.year for _point, day in fresh}
    if last > day_of(until):  # an earlier version may have rated surveys of days to come
        concerned |= set(range(first.year, last.year + 1))
    for year in sorted(concerned):
        yield from years(book, everything, year, until, fresh)
