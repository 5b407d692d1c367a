"""Outlets against the limits and yearly amounts of their permits: hours, days, amounts. Months and years: `outlet_periods`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
from django.db.models import Q

from qingjian.apps.evaluation import in_service, inputs
from qingjian.apps.evaluation.bounds import (
    ITEMS,
    Bound,
    Oxygen,
    assigned,
    at_temperature,
    held_against,
    item_of,
    items_of,
    mean_item_of,
    of_permit,
    of_standards,
    strictest_first,
)
from qingjian.apps.evaluation.drafts import Draft, mean_of, midnight, settled
from qingjian.apps.network import queries as network
from qingjian.apps.network.models import PermitLimit, Point, Series, Setting
from qingjian.apps.observing import queries as observing
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.converting import Converter
from qingjian.contracts.directory import Directory
from qingjian.rulebook import Confidence, Row, Rulebook
from qingjian.standards.errors import UnitError
from qingjian.standards.explanation import Trace
from qingjian.standards.quantity import convert

FLOW_CODES = ("w00000", "a00000", "B01", "B02")
PH_CODE, TEMPERATURE_CODE = "w01001", "w01010"
COLDEST, HOTTEST = -5, 100
"""℃; what lies beyond is no water."""
HIGHEST_PH, HIGHEST_POSSIBLE = 14, 1e9
"""In the units of the series; what lies beyond is no measurement."""
CONVERTED_PLACES, EXACT_BELOW = 9, 1e6
"""Decimals of converted hours, and the value up to which a float holds them."""
NO_DIRECTORY = Directory(version=0, published_at=datetime(1970, 1, 1, tzinfo=UTC))
AVERAGINGS = ("hour", "day", "month", "year")
"""Periods whose mean concentrations are held against limits."""


@dataclass
class Outlet:
    """One monitored outlet with what it is held against."""

    point: Point
    series: dict[str, Series]
    flow: Series | None
    reference: dict[int, float]
    """Reference oxygen (%) by series."""
    limits: list[PermitLimit]
    oxygen: list[Setting]
    """Every reference oxygen the register has ever named."""
    all_series: list[Series]
    """Those that hold samples among them; `series` are the ones that speak for the hours."""

    @property
    def medium(self) -> str:
        return self.point.outlet.medium

    def held(
        self, day: date, averaging: str, book: Rulebook, temperature: float | None = None
    ) -> list[tuple[Series, bool, list[Bound]]]:
        """Return (series, at reference oxygen or not, its limits strictest first) for an averaging period on a day.

        `temperature`: mean of the water on the day (℃) where it was measured; some limits depend on it.
        """
        groups: dict[tuple[str, bool], list[Bound]] = {}
        for one, series in self._of_permit(day, averaging):
            bound = of_permit(one, series.unit)
            if bound is not None:
                groups.setdefault((one.factor.wire_code, one.converted), []).append(bound)
        assignments = assigned(book, self.point.outlet.code, day)
        for code, series in self.series.items() if assignments else ():
            for bound in of_standards(book, self.point.outlet.code, self.medium, series, averaging, day):
                fitted = self.fitted(bound, series, day)
                if fitted is not None:
                    groups.setdefault((code, fitted[0]), []).append(fitted[1])
        return [
            (self.series[code], converted, strictest_first(at_temperature(bounds, temperature)))
            for (code, converted), bounds in groups.items()
        ]

    def _of_permit(self, day: date, averaging: str) -> list[tuple[PermitLimit, Series]]:
        rows = [
            one
            for one in self.limits
            if one.averaging == averaging and (one.upper is not None or one.lower is not None)
        ]
        return [
            (one, self.series[one.factor.wire_code])
            for one in network.in_force(rows, midnight(day))
            if one.factor.wire_code in self.series
        ]

    def fitted(self, bound: Bound, series: Series, day: date) -> tuple[bool, Bound] | None:
        """Return (at reference oxygen or not, the limit) as values of a series are held against it on a day.

        A limit at a reference oxygen speaks of converted values: those at another content are brought on to its own.
        None where the register names no content and the device sends nothing converted: there is nothing to compare.
        """
        wanted = bound.reference_oxygen
        if wanted is None or self.medium != "gas" or grams_per_cubic_metre(series.unit) is None:
            return self.converts(series), bound
        registered = self.registered_oxygen(series, day)
        if registered is None:
            return (True, bound) if self.converts(series) else None
        return True, bound if wanted == registered else replace(bound, oxygen=Oxygen(wanted, registered))

    def registered_oxygen(self, series: Series, day: date) -> Decimal | None:
        """Return the reference oxygen (%) the register names for a series on a day."""
        own = [one for one in self.oxygen if one.series_id == series.pk]
        found = network.governing_settings(own, midnight(day)) if own else []
        return Decimal(found[0].value) if found else None

    def lacking_oxygen(self, day: date, averaging: str, book: Rulebook) -> list[tuple[Bound, Series]]:
        """Return limits of standards that judge nothing: at a reference oxygen, of a series without any."""
        return [
            (bound, series)
            for series in self.series.values()
            for bound in of_standards(book, self.point.outlet.code, self.medium, series, averaging, day)
            if self.fitted(bound, series, day) is None
        ]

    def unfit(self, day: date, averaging: str) -> list[tuple[PermitLimit, Series]]:
        """Return permit limits that judge nothing, for their unit cannot be expressed in that of the series."""
        return [
            (one, series) for one, series in self._of_permit(day, averaging) if one.sides(series.unit) is None
        ]

    def converts(self, series: Series) -> bool:
        """Say whether standards speak of the value of a series at reference oxygen."""
        own = [one for one in self.limits if one.factor_id == series.factor_id and one.upper is not None]
        return self.medium == "gas" and (
            any(one.converted for one in own) if own else series.pk in self.reference
        )

    def amounts(self, day: date) -> list[PermitLimit]:
        """Return the yearly amounts that hold on a day."""
        return network.in_force(
            [one for one in self.limits if one.yearly_amount_t is not None], midnight(day)
        )


def outlets(book: Rulebook | None = None, since: date | None = None) -> list[Outlet]:
    """Return every running outlet point that has a limit, a yearly amount or a standard that applies to it.

    `since`: also those that were still in service on a day or later: what they discharged counts.
    """
    named = {row["outlet"] for row in (book or rulebook()).rows("outlet_standards")}
    points = in_service.of(
        Point.objects.select_related("region", "outlet__source")
        .filter(outlet__isnull=False)
        .filter(Q(outlet__limits__isnull=False) | Q(outlet__code__in=named))
        .distinct(),
        since,
    )
    held: dict[int, list[Series]] = {one.pk: [] for one in points}
    for one in Series.objects.select_related("factor", "device", "point").filter(point__in=points):
        held[one.point_id].append(one)
    limits: dict[int, list[PermitLimit]] = {}
    for limit in PermitLimit.objects.select_related("factor", "permit").filter(
        outlet__in=[one.outlet_id for one in points]
    ):
        limits.setdefault(limit.outlet_id, []).append(limit)
    oxygen: dict[int, list[Setting]] = {one.pk: [] for one in points}
    for setting in Setting.objects.select_related("series").filter(
        name="reference_oxygen", series__point__in=points
    ):
        oxygen[setting.series.point_id].append(setting)
    now_held = network.governing_settings([one for own in oxygen.values() for one in own])
    reference = {one.series_id: float(one.value) for one in now_held}
    found = []
    for point in points:
        own = inputs.best(held[point.pk])
        flow = next((own[code] for code in FLOW_CODES if code in own), None)
        found.append(
            Outlet(
                point, own, flow, reference, limits.get(point.outlet_id, []), oxygen[point.pk], held[point.pk]
            )
        )
    return found


@cache
def cubic_metres_per_hour(unit: str) -> float | None:
    """Return what one of a unit of flow is in m³/h; None for what is no flow."""
    return _times(unit, "m³/h")


@cache
def grams_per_cubic_metre(unit: str) -> float | None:
    """Return what one of a unit of concentration, in gas or in water, is in g/m³; None for what is none."""
    in_gas = _times(unit, "g/m³")
    return _times(unit, "mg/L") if in_gas is None else in_gas


def _times(unit: str, wanted: str) -> float | None:
    try:
        return float(convert(Decimal(1), unit, wanted))
    except UnitError:
        return None


def bounds(limit: PermitLimit) -> str:
    """Return the limit as text."""
    if limit.upper is not None and limit.lower is not None:
        return f"{limit.lower.normalize():f}–{limit.upper.normalize():f}"
    return f"≤{limit.upper.normalize():f}" if limit.upper is not None else f"≥{limit.lower.normalize():f}"


class Block:
    """Hours of outlets over whole natural days."""

    def __init__(
        self, book: Rulebook, chosen: Sequence[Outlet], first: date, last: date, as_of: datetime | None = None
    ) -> None:
        self.book = book
        self.chosen = list(chosen)
        self.first = first
        self.count = (last - first).days + 1
        self.converter = Converter(observing.directory_at(as_of) or NO_DIRECTORY, book)
        items = items_of(book)
        series = {one.pk: one for outlet in self.chosen for one in self._needed(outlet, items)}
        beside = {number for pk in series for number in self.converter.inputs_of(pk)} - set(series)
        series |= {
            one.pk: one for one in Series.objects.select_related("factor", "device").filter(pk__in=beside)
        }
        self.hours = inputs.read(
            list(series.values()), midnight(first), midnight(last + timedelta(days=1)), as_of
        )
        self.impossible = {pk: self._impossible(one) for pk, one in series.items()}
        self._judged: dict[tuple[int, int, bool], tuple[np.ndarray, np.ndarray]] = {}

    def _impossible(self, series: Series) -> np.ndarray:
        """Return the hours whose value cannot be: it may stand beside a limit, but counts in nothing."""
        given = self.hours.of(series.pk, "value")
        with np.errstate(invalid="ignore"):
            if series.factor.wire_code == PH_CODE:
                return (given < 0) | (given > HIGHEST_PH)
            if series.factor.wire_code == TEMPERATURE_CODE:
                return (given < COLDEST) | (given > HOTTEST)
            if grams_per_cubic_metre(series.unit) is None and cubic_metres_per_hour(series.unit) is None:
                return np.zeros(len(given), np.bool_)
            return (given < 0) | (given > HIGHEST_POSSIBLE)

    def used(self, series: Series) -> np.ndarray:
        """Return the values as they came that count, NaN for the rest."""
        return np.where(self.impossible[series.pk], np.nan, self.hours.of(series.pk))

    def why(self, series: Series, hour: int) -> tuple[str, str]:
        """Return why a value counts as it does, in Chinese and English."""
        if self.impossible[series.pk][hour]:
            return (
                "不可能的数值（负值或超出可能范围），不参与评价",
                "impossible value (negative or beyond any range), left out",
            )
        return self.hours.why(series.pk, hour)

    @staticmethod
    def _needed(outlet: Outlet, items: frozenset[str]) -> Iterator[Series]:
        wanted = {limit.factor.wire_code for limit in outlet.limits}
        yield from (
            one
            for code, one in outlet.series.items()
            if code in wanted
            or grams_per_cubic_metre(one.unit)
            or ITEMS[outlet.medium].get(code, one.factor.name_zh) in items
        )
        other = (outlet.flow, outlet.series.get(PH_CODE), outlet.series.get(TEMPERATURE_CODE))
        yield from (one for one in other if one is not None)

    def judged(self, outlet: Outlet, series: Series, converted: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return (every value, values that count) as the limit wants them: of dry gas at standard state, or at reference oxygen."""
        key = (outlet.point.pk, series.pk, converted)
        if key not in self._judged:
            self._judged[key] = self._as_wanted(outlet, series, converted)
        return self._judged[key]

    def _as_wanted(self, outlet: Outlet, series: Series, converted: bool) -> tuple[np.ndarray, np.ndarray]:
        raw, used = self.hours.of(series.pk, "value"), self.used(series)
        if not self.converter.converts(series.pk):
            dry, own = raw, np.full(len(raw), np.nan)
        else:
            found = self.converter.hours(series.pk, *self._columns(series, raw))
            dry, own = _without_dust(found.dry), _without_dust(found.value)
        if converted:
            sent = self.hours.of(series.pk, "converted")
            own = own if series.pk in outlet.reference else np.full(len(raw), np.nan)
            raw_converted = np.where(np.isfinite(sent), sent, own)
            counts = np.isfinite(used) & ~(raw_converted < 0)
            return raw_converted, np.where(counts, raw_converted, np.nan)
        return dry, np.where(np.isfinite(used), dry, np.nan)

    def _columns(self, series: Series, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return series, start and value of the hours a conversion reads: its own as sent, the others where they count."""
        beside = sorted(self.converter.inputs_of(series.pk))
        starts = int(self.hours.start.timestamp()) + 3600 * np.arange(self.hours.count, dtype=np.int64)
        return (
            np.repeat(np.asarray([series.pk, *beside], np.int32), len(starts)),
            np.tile(starts, 1 + len(beside)),
            np.concatenate([raw, *(self._beside(one) for one in beside)]),
        )

    def _beside(self, series: int) -> np.ndarray:
        return np.where(self.impossible[series], np.nan, self.hours.of(series))

    def conversion(self, series: Series, hour: int) -> tuple[Trace, float | None] | None:
        """Return how an hour was converted, None where the register says nothing of it."""
        at = int(self.hours.start.timestamp()) + 3600 * hour
        return self.converter.trace(series.pk, at, *self._columns(series, self.hours.of(series.pk, "value")))

    def volume(self, outlet: Outlet) -> np.ndarray:
        """Return m³ of every hour, of flue gas dry and at standard state; NaN where the flow is not valid or not measured."""
        factor = None if outlet.flow is None else cubic_metres_per_hour(outlet.flow.unit)
        if outlet.flow is None or factor is None:
            return np.full(self.hours.count, np.nan)
        return self.judged(outlet, outlet.flow, False)[1] * factor

    def held(self, outlet: Outlet, place: int, averaging: str) -> list[tuple[Series, bool, list[Bound]]]:
        """Return what series are held against on a day of the block, by the temperature of its water."""
        return outlet.held(
            self.first + timedelta(days=place), averaging, self.book, self.temperature(outlet, place)
        )

    def temperature(self, outlet: Outlet, place: int) -> float | None:
        """Return the mean temperature of the water on a day, ℃; None where it was not measured or the mean is not valid."""
        series = outlet.series.get(TEMPERATURE_CODE) if outlet.medium == "water" else None
        if series is None:
            return None
        part = slice(place * 24, place * 24 + 24)
        return self.mean_of(outlet, series, False, part, self.volume(outlet))[0]

    def hourly(self) -> Iterator[Draft]:
        """Yield the hours in which a value passes a limit, counted or marked; hours within the limits make no row."""
        for outlet in self.chosen:
            hits: dict[int, list[dict[str, Any]]] = {}
            for place in range(self.count):
                for series, converted, held in self.held(outlet, place, "hour"):
                    raw, used = self.judged(outlet, series, converted)
                    part = slice(place * 24, place * 24 + 24)
                    over = np.any([one.passed(raw[part]) for one in held], axis=0)
                    for hour in (np.flatnonzero(over) + part.start).tolist():
                        hits.setdefault(hour, []).append(
                            self._item(series, held, float(raw[hour]), bool(np.isfinite(used[hour])), hour)
                        )
            for hour, items in sorted(hits.items()):
                yield exceeding(outlet, "outlet_hour", self.hours.start + hour * inputs.HOUR, items)

    def _item(
        self, series: Series, held: Sequence[Bound], value: float, counts: bool, hour: int
    ) -> dict[str, Any]:
        item = item_of(series, held, value, counts)
        if not counts:
            item["zh"], item["en"] = self.why(series, hour)
        return item

    def daily(self) -> Iterator[Draft]:
        """Evaluate every natural day with data: daily means, hours judged and exceeded, amounts."""
        for outlet in self.chosen:
            volume = self.volume(outlet)
            for place in range(self.count):
                made = self._day(outlet, place, volume)
                if made is not None:
                    yield made

    def _day(self, outlet: Outlet, place: int, volume: np.ndarray) -> Draft | None:
        day = self.first + timedelta(days=place)
        part = slice(place * 24, place * 24 + 24)
        masks: dict[str, list[np.ndarray]] = {}
        for series, converted, held in self.held(outlet, place, "hour"):
            raw, used = (one[part] for one in self.judged(outlet, series, converted))
            known = [np.isfinite(used), np.any([one.passed(used) for one in held], axis=0), np.isfinite(raw)]
            # As measured and at reference oxygen are one and the same hour.
            before = masks.get(series.factor.wire_code)
            masks[series.factor.wire_code] = (
                known if before is None else [one | other for one, other in zip(before, known, strict=True)]
            )
        hours = {
            code: {
                "judged": int(used.sum()),
                "exceeding": int(over.sum()),
                "marked": int((known & ~used).sum()),
            }
            for code, (used, over, known) in masks.items()
            if known.any()
        }
        items, used_means = [], {}
        for series, converted, held in self.held(outlet, place, "day"):
            value, valid, due = self.mean_of(outlet, series, converted, part, volume)
            if valid == 0 and not np.any(np.isfinite(self.hours.of(series.pk, "value")[part])):
                continue
            items.append(mean_item_of(series, held, value, valid, due))
            used_means[series.factor.wire_code] = value
        amounts = {
            code: kept
            for code, kept in (
                (code, self._amount(outlet, series, part, volume))
                for code, series in sorted(outlet.series.items())
            )
            if kept
        }
        if not (hours or items or amounts):
            return None
        row = exceeding(outlet, "outlet_day", midnight(day), items)
        row.values = {"used": used_means, "hours": hours}
        row.result["amounts"] = amounts
        if items or amounts:
            row.confidence = "U"  # the validity of days rests on unverified rows
        return row

    def share(self, outlet: Outlet, averaging: str, place: int = 0) -> Row:
        """Return the rule that says what share of the due hours must be valid, as it was on a day of the block."""
        return share_of(self.book, outlet.medium, averaging, self.first + timedelta(days=place))

    def mean_of(
        self,
        outlet: Outlet,
        series: Series,
        converted: bool,
        part: slice,
        volume: np.ndarray,
        *,
        averaging: str = "day",
        served: np.ndarray | None = None,
        counts: np.ndarray | None = None,
    ) -> tuple[float | None, int, int]:
        """Return the mean of a period, None where it is not valid, and how many hours are valid and how many were due.

        `served`: the hours in which the outlet was in service, where it was not all along; `counts`: those that may count.
        """
        values = self.judged(outlet, series, converted)[1][part]
        share = float(self.share(outlet, averaging, part.start // 24)["value"])
        running = ~self.hours.of(series.pk, "stopped")[part].astype(np.bool_)
        if served is not None:
            running &= served[part]
            values = np.where(served[part], values, np.nan)
        if counts is not None:
            values = np.where(counts[part], values, np.nan)
        if outlet.medium == "water" and series.averaging == "flow_weighted":
            flow = volume[part]
            due = (flow != 0) & running
            good = due & np.isfinite(values) & np.isfinite(flow)
            enough = good.sum() * 100 >= share * due.sum() and good.any()
            value = _weighted(values[good], flow[good]) if enough else None
        else:
            due, good = running, np.isfinite(values)
            enough = good.any() and good.sum() * 100 >= share * due.sum()
            value = mean_of(values[good].tolist()) if enough else None
        return (None if value is None else settled(value)), int(good.sum()), int(due.sum())

    def masses(self, outlet: Outlet, series: Series, volume: np.ndarray) -> np.ndarray:
        """Return kg of every hour, NaN where either number does not count or cannot be brought to the dry gas.

        Never of concentrations at reference oxygen: those belong to another volume.
        """
        grams = grams_per_cubic_metre(series.unit) or np.nan
        return self.judged(outlet, series, False)[1] * volume * (grams / 1000)

    def _amount(
        self, outlet: Outlet, series: Series, part: slice, volume: np.ndarray
    ) -> dict[str, Any] | None:
        """Return kg of one day, of every factor that is measured as a concentration beside a flow."""
        if grams_per_cubic_metre(series.unit) is None:
            return None
        kilograms = self.masses(outlet, series, volume)[part]
        good = np.isfinite(kilograms)
        if not good.any():
            return None
        return {
            "kg": settled(math.fsum(kilograms[good].tolist())),
            "hours": int(good.sum()),
            "skipped": int(24 - good.sum()),
        }


def _without_dust(hours: np.ndarray) -> np.ndarray:
    """Return converted hours at nine decimals: a product of binary fractions must not pass a limit that it equals."""
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(hours) < EXACT_BELOW, np.round(hours, CONVERTED_PLACES), hours)


def _weighted(values: np.ndarray, flow: np.ndarray) -> float:
    return math.fsum((values * flow).tolist()) / math.fsum(flow.tolist())


def share_of(book: Rulebook, medium: str, averaging: str, day: date) -> Row:
    """Return the rule that says what share of the due hours of a period must be valid, as it is on a day."""
    return book.on(day).rows("evaluation_parameters", subject=f"{medium}_{averaging}")[-1]


def exceeding(outlet: Outlet, kind: str, start: datetime, items: list[dict[str, Any]]) -> Draft:
    """Return the result of a period from its judged items."""
    counted = [one for one in items if one.get("counts") and one.get("exceeds")]
    judged = [one for one in items if one["value"] is not None]
    multiples = [one["multiple"] for one in counted if one["multiple"] is not None]
    marks = [Confidence.S, *(Confidence(one["confidence"]) for one in items if "confidence" in one)]
    return Draft(
        kind,
        outlet.point.pk,
        outlet.point.region_id,
        start,
        "",
        {
            "used": {one["factor"]: one["value"] for one in items if one.get("counts")},
            "rejected": {
                one["factor"]: {name: one[name] for name in ("value", "zh", "en")}
                for one in items
                if not one.get("counts", True)
            },
        },
        Confidence.weakest(marks).value,
        exceeds=bool(counted) if judged else None,
        multiple=max(multiples, default=None),
        main_items=",".join(one["factor"] for one in counted),
        result={"items": items, "limits": [one for item in items for one in held_against(item)]},
    )
