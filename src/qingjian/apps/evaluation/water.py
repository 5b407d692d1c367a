"""Class of surface-water sections by day and month, from what their stations measure and nothing more."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

import numpy as np

from qingjian.apps.evaluation import in_service, inputs, laboratory
from qingjian.apps.evaluation.drafts import Draft, mean_of, midnight, month_of, settled, short
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.evaluation.samples import Sample
from qingjian.apps.network.kinds import kinds_of
from qingjian.apps.network.models import Point, Series
from qingjian.rulebook import Rulebook
from qingjian.standards import names
from qingjian.standards.editions import resolve
from qingjian.standards.errors import EditionError, EvaluationError
from qingjian.standards.explanation import Text, TraceBuilder, plain
from qingjian.standards.quantity import Quantity
from qingjian.standards.surface_water import lakes
from qingjian.standards.surface_water.classification import SectionClass, classify
from qingjian.standards.surface_water.items import ASSESSED as ITEMS_21
from qingjian.standards.surface_water.items import (
    REPORTED_APART,
    STANDARD,
    ItemLimits,
    WaterBody,
    highest_possible,
    item_limits,
    measured_item,
    non_detect_row,
    non_detect_share,
)
from qingjian.standards.surface_water.stations import ASSESSED

HIGHEST_POSSIBLE = 1e9
"""In the units of GB 3838; what lies beyond is no measurement."""
TABLE_1 = frozenset((*ITEMS_21, *REPORTED_APART))
AUTOMATIC = ("water_station", "water_inbound")
"""Kinds judged on the items of automatic stations."""


def sections(since: date | None = None) -> list[Point]:
    """Return every running section, and those that were still in service on a day or later."""
    points = Point.objects.select_related("region").filter(kind__in=kinds_of("water"))
    return in_service.of(points.exclude(kind="river_outfall"), since)


def series_of(points: Sequence[Point]) -> dict[int, dict[str, Series]]:
    """Return the series that speak for each item of GB 3838 at each section."""
    held: dict[int, list[Series]] = {one.pk: [] for one in points}
    for one in Series.objects.select_related("factor", "device", "point").filter(
        point__in=points, factor__wire_code__in=names.SURFACE_WATER
    ):
        held[one.point_id].append(one)
    return {
        point: {names.SURFACE_WATER[code]: one for code, one in inputs.best(own).items()}
        for point, own in held.items()
    }


def limits_on(book: Rulebook, day: date, body: WaterBody = "river") -> Mapping[str, ItemLimits]:
    """Return the limits in force on a day; none on a day that no edition covers."""
    try:
        return item_limits(book, resolve(book, "surface_water_limits", STANDARD, day, None), body)
    except EditionError:
        return {}


def not_covered(day: date) -> Text:
    """Return why nothing of a day is evaluated."""
    return Text(
        f"{day} 没有适用的 {STANDARD} 版本，不评价",
        f"no edition of {STANDARD} is in force on {day}: not evaluated",
    )


class Block:
    """Hours of all sections over whole natural days."""

    def __init__(self, book: Rulebook, points: Sequence[Point], first: date, last: date) -> None:
        self.book = book
        self.points = list(points)
        self.first = first
        self.count = (last - first).days + 1
        self.series = series_of(self.points)
        self.limits = limits_on(book, last)
        everything = [one for own in self.series.values() for one in own.values()]
        self.hours = inputs.read(
            everything,
            midnight(first),
            midnight(last + timedelta(days=1)),
            non_detects=lambda day: float(non_detect_share(book, day)),
        )

    def daily(self) -> Iterator[Draft]:
        """Classify every natural day with a valid value."""
        for point in self.points:
            for place in range(self.count):
                day = self.first + timedelta(days=place)
                used, hours, rejected = self._day(point, place)
                if hours or rejected:
                    yield draft(
                        "water_station_day",
                        point,
                        day,
                        used,
                        hours,
                        rejected,
                        self.book,
                        converted={
                            item: unit for item, unit in self.converted(point).items() if item in used
                        },
                        below=self.non_detects(point, slice(place * 24, place * 24 + 24), hours),
                    )

    def _day(self, point: Point, place: int) -> tuple[dict[str, float], dict[str, int], dict[str, Any]]:
        used: dict[str, float] = {}
        hours: dict[str, int] = {}
        rejected: dict[str, Any] = {}
        for item, values, left_out in self.valid(point, slice(place * 24, place * 24 + 24)):
            if left_out is not None:
                rejected[item] = left_out
            kept = values[np.isfinite(values)]
            if len(kept):
                hours[item] = len(kept)
                used[item] = settled(mean(item, kept.tolist()))
        return used, hours, rejected

    def non_detects(self, point: Point, part: slice, items: Collection[str]) -> dict[str, int]:
        """Return how many hours of the items lie below their detection limit."""
        found = {
            item: int(np.sum(self.hours.of(self.series[point.pk][item].pk, "below")[part] == 1))
            for item in items
        }
        return {item: count for item, count in found.items() if count}

    def converted(self, point: Point) -> dict[str, str]:
        """Return the units of the series whose values are converted to that of GB 3838, by item."""
        found = {
            item: inputs.scaling(series, self.limits[item].unit)
            for item, series in self.series[point.pk].items()
            if item in self.limits and item != "T"
        }
        return {item: one.unit for item, one in found.items() if one.factor != 1}

    def valid(self, point: Point, part: slice) -> Iterator[tuple[str, np.ndarray, dict[str, Any] | None]]:
        """Yield (item, its hours in the unit of GB 3838 with NaN for what does not count, what was left out and why)."""
        day = self.first + timedelta(days=part.start // 24)
        covered = bool(limits_on(self.book, day))
        for item, series in self.series[point.pk].items():
            if item == "T":
                continue
            scaling = (
                inputs.scaling(series, self.limits[item].unit)
                if covered
                else inputs.Scaling(1.0, series.unit, not_covered(day))
            )
            raw, values = (
                self.hours.of(series.pk, "value")[part],
                scaling.apply(self.hours.of(series.pk)[part]),
            )
            bound = (
                highest_possible(self.book, item, self.limits[item].unit, day)
                if item in self.limits
                else None
            )
            highest = HIGHEST_POSSIBLE if bound is None else float(bound)
            impossible = (values < 0) | (values > highest)
            good = np.isfinite(values) & ~impossible & (scaling.refused is None)
            left_out = None
            places = np.flatnonzero(np.isfinite(raw) & ~good)
            if len(places):
                first = int(places[0])
                if scaling.refused is not None:
                    zh, en = scaling.refused.zh, scaling.refused.en
                elif impossible[first]:
                    zh, en = f"不可能的数值（应为 0–{highest:g}）", f"impossible value (0 to {highest:g})"
                else:
                    zh, en = self.hours.why(series.pk, part.start + first)
                left_out = {
                    "value": float(raw[first]),
                    "zh": f"{len(places)} 个小时不参加: {zh}",
                    "en": f"{len(places)} hours left out: {en}",
                }
            yield item, np.where(good, values, np.nan), left_out


def mean(item: str, values: Sequence[float]) -> float:
    """Return the mean; of pH the mean of the hydrogen ion activities."""
    if item == "pH":
        return -math.log10(mean_of([10.0**-value for value in values]))
    return mean_of(values)


def shown(value: float, limits: ItemLimits | None) -> float | int:
    """Return a stored mean as pages and files show it: so short that it stays on its side of every limit."""
    if limits is None:
        return short(value)
    sides = (*limits.limits, *(one for one in (limits.low, limits.high) if one is not None))
    return short(value, sides)


def monthly(
    book: Rulebook,
    point: Point,
    month: date,
    days: Sequence[dict[str, float]],
    sampled_days: Sequence[dict[str, float]] = (),
) -> Draft:
    """Classify a month from the means of its days: an item that a laboratory measured is judged on its samples."""
    used: dict[str, float] = {}
    counts: dict[str, int] = {}
    stations = [assessed_items(point, one) for one in days]
    for source in (sampled_days, stations):
        for item in {item for one in source for item in one if item in TABLE_1} - set(used):
            values = [one[item] for one in source if one.get(item) is not None]
            if values:
                counts[item] = len(values)
                used[item] = settled(mean(item, values))
    return draft(
        "water_month",
        point,
        month_of(month),
        dict(sorted(used.items())),
        counts,
        {},
        book,
        everything=bool(sampled_days),
    )


def sampled(sample: Sample, book: Rulebook) -> Draft:
    """Classify one sample of a section or lake; a non-detect counts the share of its limit that the rulebook says."""
    point, day = sample.point, sample.day
    body = laboratory.water_body(point)
    limits = limits_on(book, day, body)
    trace = TraceBuilder(Text("断面水质（样品）", "section, sample"))
    used: dict[str, float] = {}
    judged: dict[str, Quantity] = {}
    for item, given in list(sample.given.items()):
        if not limits:
            sample.reject(item, given.value, not_covered(day).zh, not_covered(day).en)
            continue
        unit = limits[item].unit if item in limits else laboratory.TROPHIC_UNITS.get(item, given.unit)
        try:
            one = measured_item(lakes.in_its_unit(item, given), item, unit, book, day)
        except EvaluationError as error:
            sample.reject(item, given.value, error.zh, error.en)
            continue
        used[item] = settled(float(one.value))
        if item in TABLE_1:
            judged[item] = given
    sample.explain(trace)
    values: dict[str, Any] = {"used": used, "given": sample.plain()["used"]}
    if sample.rejected:
        values["rejected"] = sample.rejected
    target = point.attributes.get("target_class", "")
    row = Draft("water_sample", point.pk, point.region_id, midnight(day), "", values, "V", target=target)
    found = None
    try:
        found = classify(judged, day, water_body=body, target=target or None, rulebook=book)
    except EvaluationError as error:
        trace.step(error.zh, error.en)
    return _outcome(row, found, trace)


def assessed_items(point: Point, used: dict[str, float]) -> dict[str, float]:
    """Return the items that may enter the class at this kind of section."""
    return {
        item: value
        for item, value in used.items()
        if point.kind not in AUTOMATIC or item in ASSESSED or item == "TN"
    }


def entering(row: Evaluation) -> dict[str, float]:
    """Return the items that made the class of a stored result."""
    items = {one["item"] for one in row.result.get("items", ())}
    return {item: value for item, value in row.values["used"].items() if item in items}


def classified(point: Point, day: date, used: dict[str, float], book: Rulebook) -> SectionClass | None:
    """Return the class of a section from the items that enter it; None when no item takes part."""
    try:
        return classify(
            used,
            day,
            water_body=laboratory.water_body(point),
            target=point.attributes.get("target_class") or None,
            rulebook=book,
        )
    except EvaluationError:
        return None


def draft(
    kind: str,
    point: Point,
    day: date,
    used: dict[str, float],
    counts: dict[str, int],
    rejected: dict[str, Any],
    book: Rulebook,
    *,
    everything: bool = False,
    converted: Mapping[str, str] = MappingProxyType({}),
    below: Mapping[str, int] = MappingProxyType({}),
) -> Draft:
    """Evaluate one section and period with its trace.

    `everything`: laboratory items enter at any kind of point; `converted`: units the values came from, by item; `below`:
    values below their detection limit.
    """
    monthly_ = kind == "water_month"
    trace = TraceBuilder(
        Text("断面水质（月）", "section, month") if monthly_ else Text("断面水质（日）", "section, day")
    )
    for item, given in rejected.items():
        trace.reject(item, given["value"], given["zh"], given["en"])
    for item, given_unit in converted.items():
        trace.step(
            f"{item}: 由 {given_unit} 换算为 GB 3838 的单位",
            f"{item}: converted from {given_unit} to the unit of GB 3838",
        )
    limits = limits_on(book, day, laboratory.water_body(point))
    unit = ("天的日均值", "daily means") if monthly_ else ("个有效小时", "valid hours")
    for item, count in counts.items():
        how = ("按氢离子活度平均", "mean of activities") if item == "pH" else ("算术平均", "arithmetic mean")
        figure = shown(used[item], limits.get(item))
        trace.step(
            f"{item}: {count} {unit[0]}{how[0]} = {figure}",
            f"{item}: {how[1]} of {count} {unit[1]} = {figure}",
        )
    share = non_detect_row(book, day)
    for item, count in below.items():
        trace.step(
            f"{item}: 其中 {count} 个未检出，按检出限 × {share['value']} 计",
            f"{item}: {count} of them below the detection limit, counted as {share['value']} of it",
            [share],
        )
    judged = used if everything else assessed_items(point, used)
    left_out = [item for item in used if item not in judged]
    if left_out:
        trace.step(
            f"自动站评价不采用: {'、'.join(left_out)}",
            f"not used at automatic stations: {', '.join(left_out)}",
        )
    found = classified(point, day, judged, book)
    values: dict[str, Any] = {"used": used, "days" if monthly_ else "hours": counts}
    if rejected:
        values["rejected"] = rejected
    if converted:
        values["converted_from"] = dict(converted)
    if below:
        values["below_detection"] = dict(below)
    row = Draft(
        kind,
        point.pk,
        point.region_id,
        midnight(day),
        "",
        values,
        "V",
        target=point.attributes.get("target_class", ""),
    )
    return _outcome(row, found, trace)


def _outcome(row: Draft, found: SectionClass | None, trace: TraceBuilder) -> Draft:
    """Write a class and its trace into a draft."""
    if found is None:
        trace.step("没有参加类别评价的项目", "no item that takes part in the class")
    else:
        trace.include(found.trace)
        zh = f"仅凭 {len(found.items)} 项评价（21 项中缺 {len(found.not_measured)} 项），不等于全项目类别"
        en = f"from {len(found.items)} items only ({len(found.not_measured)} of 21 missing): not the class of all items"
        if found.not_measured:
            trace.step(zh, en)
        row.water_class = found.cls
        row.category = found.rating
        row.reached = found.reached
        row.main_items = ",".join(found.main_first)
        row.edition = next((one for one in found.trace.editions if one.startswith("GB 3838")), "")
        row.result = {
            "items": plain_items(found),
            "decided_by": list(found.decided_by),
            "main": list(found.main),
            "not_measured": list(found.not_measured),
            "color": found.color,
        }
    made = trace.done()
    row.confidence = made.confidence.value
    row.trace = made.to_dict()
    return row


def plain_items(found: SectionClass) -> list[dict[str, Any]]:
    """Return the items of a class as results hold them."""
    return [
        {
            "item": one.item,
            "name": one.name_zh,
            "value": plain(one.shown),
            "unit": one.unit,
            "class": one.cls,
            "multiple": None if one.multiple is None else float(one.multiple),
        }
        for one in found.items
    ]
