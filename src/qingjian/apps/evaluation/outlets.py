"""Outlets against the limits and yearly amounts of their permits: hours, days, amounts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
from django.db.models import Q

from qingjian.apps.evaluation import inputs
from qingjian.apps.evaluation.bounds import (
    Bound,
    assigned,
    held_against,
    item_of,
    of_permit,
    of_standards,
    strictest_first,
)
from qingjian.apps.evaluation.drafts import Draft, midnight
from qingjian.apps.network import queries as network
from qingjian.apps.network.models import PermitLimit, Point, Series, Setting
from qingjian.apps.observing import queries as observing
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.converting import Converter
from qingjian.contracts.directory import Directory
from qingjian.rulebook import Confidence, Rulebook
from qingjian.standards.errors import UnitError
from qingjian.standards.explanation import Trace
from qingjian.standards.quantity import convert

FLOW_CODES = ("w00000", "a00000", "B01", "B02")
PH_CODE = "w01001"
PLACES = 4
NO_DIRECTORY = Directory(version=0, published_at=datetime(1970, 1, 1, tzinfo=UTC))
DAY_SHARE = {"water": "water_day", "gas": "gas_day"}


@dataclass
class Outlet:
    """One monitored outlet with what it is held against."""

    point: Point
    series: dict[str, Series]
    flow: Series | None
    reference: dict[int, float]
    """Reference oxygen (%) by series."""
    limits: list[PermitLimit]

    @property
    def medium(self) -> str:
        return self.point.outlet.medium

    def held(self, day: date, averaging: str, book: Rulebook) -> list[tuple[Series, bool, list[Bound]]]:
        """Return (series, at reference oxygen or not, its limits strictest first) for an averaging period on a day."""
        groups: dict[tuple[str, bool], list[Bound]] = {}
        for one, series in self._of_permit(day, averaging):
            bound = of_permit(one, series.unit)
            if bound is not None:
                groups.setdefault((one.factor.wire_code, one.converted), []).append(bound)
        assignments = assigned(book, self.point.outlet.code, day)
        for code, series in self.series.items() if assignments else ():
            found = of_standards(book, self.point.outlet.code, self.medium, series, averaging, day)
            if found:
                groups.setdefault((code, self.converts(series)), []).extend(found)
        return [
            (self.series[code], converted, strictest_first(bounds))
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


def outlets(book: Rulebook | None = None) -> list[Outlet]:
    """Return every running outlet point that has a limit, a yearly amount or a standard that applies to it."""
    named = {row["outlet"] for row in (book or rulebook()).rows("outlet_standards")}
    points = list(
        Point.objects.select_related("region", "outlet__source")
        .filter(outlet__isnull=False, status="running")
        .filter(Q(outlet__limits__isnull=False) | Q(outlet__code__in=named))
        .distinct()
    )
    held: dict[int, list[Series]] = {one.pk: [] for one in points}
    for one in Series.objects.select_related("factor", "device", "point").filter(point__in=points):
        held[one.point_id].append(one)
    limits: dict[int, list[PermitLimit]] = {}
    for limit in PermitLimit.objects.select_related("factor", "permit").filter(
        outlet__in=[one.outlet_id for one in points]
    ):
        limits.setdefault(limit.outlet_id, []).append(limit)
    now_held = network.in_force(Setting.objects.filter(name="reference_oxygen", series__point__in=points))
    reference = {one.series_id: float(one.value) for one in now_held}
    found = []
    for point in points:
        own = inputs.best(held[point.pk])
        flow = next((own[code] for code in FLOW_CODES if code in own), None)
        found.append(Outlet(point, own, flow, reference, limits.get(point.outlet_id, [])))
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
        series = {one.pk: one for outlet in self.chosen for one in self._needed(outlet)}
        beside = {number for pk in series for number in self.converter.inputs_of(pk)} - set(series)
        series |= {
            one.pk: one for one in Series.objects.select_related("factor", "device").filter(pk__in=beside)
        }
        self.hours = inputs.read(
            list(series.values()), midnight(first), midnight(last + timedelta(days=1)), as_of
        )

    @staticmethod
    def _needed(outlet: Outlet) -> Iterator[Series]:
        wanted = {limit.factor.wire_code for limit in outlet.limits}
        yield from (
            one for code, one in outlet.series.items() if code in wanted or grams_per_cubic_metre(one.unit)
        )
        other = (outlet.flow, outlet.series.get(PH_CODE))
        yield from (one for one in other if one is not None)

    def judged(self, outlet: Outlet, series: Series, converted: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return (every value, values that count) as the limit wants them: of dry gas at standard state, or at reference oxygen."""
        raw, used = self.hours.of(series.pk, "value"), self.hours.of(series.pk)
        if not self.converter.converts(series.pk):
            dry, own = raw, np.full(len(raw), np.nan)
        else:
            found = self.converter.hours(series.pk, *self._columns(series, raw))
            dry, own = found.dry, found.value
        if converted:
            sent = self.hours.of(series.pk, "converted")
            own = own if series.pk in outlet.reference else np.full(len(raw), np.nan)
            raw_converted = np.where(np.isfinite(sent), sent, own)
            return raw_converted, np.where(np.isfinite(used), raw_converted, np.nan)
        return dry, np.where(np.isfinite(used), dry, np.nan)

    def _columns(self, series: Series, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return series, start and value of the hours a conversion reads: its own as sent, the others where they count."""
        beside = sorted(self.converter.inputs_of(series.pk))
        starts = int(self.hours.start.timestamp()) + 3600 * np.arange(self.hours.count, dtype=np.int64)
        return (
            np.repeat(np.asarray([series.pk, *beside], np.int32), len(starts)),
            np.tile(starts, 1 + len(beside)),
            np.concatenate([raw, *(self.hours.of(one) for one in beside)]),
        )

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

    def hourly(self) -> Iterator[Draft]:
        """Yield the hours in which a value passes a limit, counted or marked; hours within the limits make no row."""
        for outlet in self.chosen:
            hits: dict[int, list[dict[str, Any]]] = {}
            for place in range(self.count):
                day = self.first + timedelta(days=place)
                for series, converted, held in outlet.held(day, "hour", self.book):
                    raw, used = self.judged(outlet, series, converted)
                    part = slice(place * 24, place * 24 + 24)
                    upper = min((one.upper for one in held if one.upper is not None), default=np.inf)
                    lower = max((one.lower for one in held if one.lower is not None), default=-np.inf)
                    with np.errstate(invalid="ignore"):
                        over = np.flatnonzero((raw[part] > upper) | (raw[part] < lower)) + part.start
                    for hour in over.tolist():
                        hits.setdefault(hour, []).append(
                            self._item(series, held, float(raw[hour]), bool(np.isfinite(used[hour])), hour)
                        )
            for hour, items in sorted(hits.items()):
                yield _exceeding(outlet, "outlet_hour", self.hours.start + hour * inputs.HOUR, items)

    def _item(
        self, series: Series, held: Sequence[Bound], value: float, counts: bool, hour: int
    ) -> dict[str, Any]:
        item = item_of(series, held, value, counts, PLACES)
        if not counts:
            item["zh"], item["en"] = self.hours.why(series.pk, hour)
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
        hours: dict[str, Any] = {}
        for series, converted, held in outlet.held(day, "hour", self.book):
            raw, used = self.judged(outlet, series, converted)
            values = used[part][np.isfinite(used[part])]
            over = sum(any(one.exceeded(value) for one in held) for value in values.tolist())
            if len(values) or np.any(np.isfinite(raw[part])):
                hours[series.factor.wire_code] = {
                    "judged": len(values),
                    "exceeding": over,
                    "marked": int(np.sum(np.isfinite(raw[part]) & ~np.isfinite(used[part]))),
                }
        items, used_means = [], {}
        for series, converted, held in outlet.held(day, "day", self.book):
            value, valid, due = self._mean(outlet, series, converted, part, volume)
            if valid == 0 and not np.any(np.isfinite(self.hours.of(series.pk, "value")[part])):
                continue
            item = (
                item_of(series, held, value, True, PLACES)
                if value is not None
                else {
                    "factor": series.factor.wire_code,
                    "series": series.pk,
                    "limit": held[0].pk,
                    "value": None,
                    **({"rule": held[0].rule} if held[0].rule else {}),
                }
            )
            items.append({**item, "valid": valid, "due": due})
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
        row = _exceeding(outlet, "outlet_day", midnight(day), items)
        row.values = {"used": used_means, "hours": hours}
        row.result["amounts"] = amounts
        if items or amounts:
            row.confidence = "U"  # the validity of days rests on unverified rows
        return row

    def _mean(
        self, outlet: Outlet, series: Series, converted: bool, part: slice, volume: np.ndarray
    ) -> tuple[float | None, int, int]:
        values = self.judged(outlet, series, converted)[1][part]
        share = float(self.book.rows("evaluation_parameters", subject=DAY_SHARE[outlet.medium])[-1]["value"])
        running = ~self.hours.of(series.pk, "stopped")[part].astype(np.bool_)
        if outlet.medium == "water" and series.averaging == "flow_weighted":
            flow = volume[part]
            due = (flow != 0) & running
            good = due & np.isfinite(values) & np.isfinite(flow)
            enough = good.sum() * 100 >= share * due.sum() and good.any()
            value = float(np.sum(values[good] * flow[good]) / np.sum(flow[good])) if enough else None
        else:
            due, good = running, np.isfinite(values)
            enough = good.any() and good.sum() * 100 >= share * due.sum()
            value = float(np.mean(values[good])) if enough else None
        return (None if value is None else round(value, PLACES)), int(good.sum()), int(due.sum())

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
            "kg": round(float(np.sum(kilograms[good])), PLACES),
            "hours": int(good.sum()),
            "skipped": int(24 - good.sum()),
        }


def _exceeding(outlet: Outlet, kind: str, start: datetime, items: list[dict[str, Any]]) -> Draft:
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
