"""Outlets against the limits and yearly amounts of their permits: hours, days, amounts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
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
from qingjian.apps.evaluation.drafts import Draft, day_of, midnight, number
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.network import queries as network
from qingjian.apps.network.models import PermitLimit, Point, Series, Setting
from qingjian.apps.observing import queries as observing
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.converting import Converter
from qingjian.contracts.directory import Directory
from qingjian.rulebook import Confidence, Row, Rulebook
from qingjian.standards.emissions import judgement, means
from qingjian.standards.errors import EvaluationError
from qingjian.standards.explanation import Text, Trace, TraceBuilder
from qingjian.standards.limits import Limit, limit_of
from qingjian.standards.quantity import Quantity

FLOW_CODES = ("w00000", "a00000", "B01")
PH_CODE = "w01001"
CUBIC_METRES_PER_HOUR = {"L/s": 3.6, "m³/s": 3600.0, "m³/h": 1.0, "m3/h": 1.0, "m3/s": 3600.0}
GRAMS_PER_CUBIC_METRE = {
    "mg/L": 1.0,
    "µg/L": 0.001,
    "μg/L": 0.001,
    "mg/m³": 0.001,
    "µg/m³": 0.000001,
    "μg/m³": 0.000001,
}
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
        rows = [
            one
            for one in self.limits
            if one.averaging == averaging and (one.upper is not None or one.lower is not None)
        ]
        for one in network.in_force(rows, midnight(day)):
            if one.factor.wire_code in self.series:
                groups.setdefault((one.factor.wire_code, one.converted), []).append(of_permit(one))
        assignments = assigned(book, self.point.outlet.code, day)
        for code, series in self.series.items() if assignments else ():
            found = of_standards(book, self.point.outlet.code, self.medium, series, averaging, day)
            if found:
                groups.setdefault((code, self.converts(series)), []).extend(found)
        return [
            (self.series[code], converted, strictest_first(bounds))
            for (code, converted), bounds in groups.items()
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
            one for code, one in outlet.series.items() if code in wanted or one.unit in GRAMS_PER_CUBIC_METRE
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
        """Return m³ of every hour, NaN where the flow is not valid or not measured."""
        if outlet.flow is None or outlet.flow.unit not in CUBIC_METRES_PER_HOUR:
            return np.full(self.hours.count, np.nan)
        return self.hours.of(outlet.flow.pk) * CUBIC_METRES_PER_HOUR[outlet.flow.unit]

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
                (code, self._amount(series, part, volume)) for code, series in sorted(outlet.series.items())
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

    def _amount(self, series: Series, part: slice, volume: np.ndarray) -> dict[str, Any] | None:
        """Return kg of one day, of every factor that is measured as a concentration beside a flow."""
        if series.unit not in GRAMS_PER_CUBIC_METRE:
            return None
        # Measured concentrations, never those at reference oxygen.
        pair = self.hours.of(series.pk)[part] * volume[part]
        good = np.isfinite(pair)
        if not good.any():
            return None
        return {
            "kg": round(float(np.sum(pair[good])) * GRAMS_PER_CUBIC_METRE[series.unit] / 1000, PLACES),
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


def permit_row(limit: PermitLimit, unit: str) -> Limit:
    """Return a permit limit as the standards library takes it."""
    upper, lower = limit.upper, limit.lower
    values = {
        "standard": f"排污许可证 {limit.permit.number}" if limit.permit else "排污许可证",
        "edition": limit.permit.number if limit.permit else "",
        "outlet": str(limit.outlet_id),
        "pollutant_cn": limit.factor.name_zh,
        "symbol": "pH" if limit.factor.wire_code == "w01001" else limit.factor.wire_code,
        "averaging_period": {"hour": "小时均值", "day": "日均值"}[limit.averaging],
        "condition": f"{limit.basis}{'（折算浓度）' if limit.converted else ''}",
        "op": "range" if upper is not None and lower is not None else "<=" if upper is not None else ">=",
        "limit": f"{lower.normalize():f}-{upper.normalize():f}"
        if upper is not None and lower is not None
        else f"{(upper if upper is not None else lower).normalize():f}",
        "unit": "无量纲" if limit.factor.wire_code == "w01001" else unit,
        "effective_from": limit.valid_from.astimezone().date().isoformat() if limit.valid_from else "",
        # The registry holds a copy of the permit; nobody has compared it with the text.
        "confidence": "S",
        "source": "registry",
    }
    return limit_of(Row.from_values("permit_limits", values))


def trace(row: Evaluation, book: Rulebook) -> Trace:
    """Explain an hour or a day of an outlet from the data known when it was evaluated."""
    day = day_of(row.start)
    hourly = row.kind == "outlet_hour"
    made = TraceBuilder(
        Text("排口评价（小时）", "outlet, hour") if hourly else Text("排口评价（日）", "outlet, day")
    )
    limits = {
        one.pk: one
        for one in PermitLimit.objects.select_related("factor", "permit").filter(
            pk__in=[pk for item in row.result.get("items", ()) for pk in _named(item, "limit")]
        )
    }
    series = {
        one.pk: one
        for one in Series.objects.select_related("factor").filter(
            pk__in=[item["series"] for item in row.result.get("items", ())]
        )
    }
    outlet = next((one for one in outlets() if one.point.pk == row.point_id), None)
    block = Block(book, [outlet], day, day, row.inputs_known_at) if outlet else None
    for item in row.result.get("items", ()):
        own = series[item["series"]]
        converted = _converted(item, limits, outlet, own)
        name = f"{own.factor.name_zh} {item['factor']}"
        if hourly and not item["counts"]:
            made.reject(name, item["value"], item["zh"], item["en"])
            continue
        if not hourly and block is not None and outlet is not None:
            _explain_mean(made, block, outlet, own, converted, book)
        if hourly and block is not None:
            _explain_conversion(made, block, own, row.start, converted)
        if item["value"] is None:
            made.step(f"{name}: 日均值无效，不评价", f"{item['factor']}: no valid daily mean, not judged")
            continue
        held = [permit_row(limits[pk], item["unit"]) for pk in _named(item, "limit")]
        held += [limit_of(found) for found in _rule_rows(item, book)]
        given = str(item["value"])
        value = given if all(one.unit == item["unit"] for one in held) else Quantity(given, item["unit"])
        judged = judgement.judge(value, held, on=day, rulebook=book)
        made.include(judged.trace, prefix=f"{own.factor.name_zh} ")
    named = {code: one.factor.name_zh for code, one in outlet.series.items()} if outlet else {}
    for code, counts in row.values.get("hours", {}).items() if not hourly else ():
        name = named.get(code, code)
        made.step(
            f"{name}: 评价 {counts['judged']} 个小时，超标 {counts['exceeding']} 个，带标记不参加 {counts['marked']} 个",
            f"{code}: {counts['judged']} hours judged, {counts['exceeding']} exceeding, {counts['marked']} left out for marks",
        )
    for code, kept in row.result.get("amounts", {}).items():
        made.step(
            f"{named.get(code, code)}: Σ(C·Q) = {kept['kg']} kg（{kept['hours']} 个小时，{kept['skipped']} 个无有效数据未计）",
            f"{code}: amount {kept['kg']} kg ({kept['hours']} hours, {kept['skipped']} without valid data left out)",
        )
    return made.done()


def _named(item: dict[str, Any], kind: str) -> list[Any]:
    """Return the permit limits (`limit`) or rulebook rows (`rule`) a stored item was held against, the deciding first."""
    return [one.get(kind) for one in (item, *item.get("others", ())) if one.get(kind)]


def _rule_rows(item: dict[str, Any], book: Rulebook) -> Iterator[Row]:
    for row_id in _named(item, "rule"):
        try:
            yield book.row(row_id)
        except KeyError:
            continue


def _converted(
    item: dict[str, Any], limits: dict[int, PermitLimit], outlet: Outlet | None, series: Series
) -> bool:
    own = _named(item, "limit")
    if own:
        return limits[own[0]].converted
    return outlet is not None and outlet.converts(series)


def _explain_mean(
    made: TraceBuilder, block: Block, outlet: Outlet, series: Series, converted: bool, book: Rulebook
) -> None:
    values = block.judged(outlet, series, converted)[1]
    volume = block.volume(outlet)
    try:
        if outlet.medium == "water":
            hours = [
                means.WaterHour(number(value, 6), number(flow, 6))
                for value, flow in zip(values.tolist(), volume.tolist(), strict=True)
            ]
            made.include(means.water_day(hours, rulebook=book).trace, prefix=f"{series.factor.name_zh} ")
        else:
            running = int(np.sum(~block.hours.of(series.pk, "stopped").astype(np.bool_)))
            made.include(
                means.gas_day(
                    [number(value, 6) for value in values.tolist()], operating_hours=running, rulebook=book
                ).trace,
                prefix=f"{series.factor.name_zh} ",
            )
    except EvaluationError as error:
        made.step(error.zh, error.en)


def _explain_conversion(
    made: TraceBuilder, block: Block, series: Series, start: datetime, converted: bool
) -> None:
    hour = int((start - block.hours.start) / inputs.HOUR)
    sent = block.hours.of(series.pk, "converted")[hour]
    if converted and np.isfinite(sent):
        made.step(
            f"采用设备上报的折算值 {number(sent, PLACES)}",
            f"the converted value of the device is used: {number(sent, PLACES)}",
        )
        return
    found = block.conversion(series, hour)
    if found is not None:
        made.include(found[0])
