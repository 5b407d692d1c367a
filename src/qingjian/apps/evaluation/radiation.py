"""Gamma dose rate: every hour against the local background and the history of the station, told by day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from qingjian.apps.evaluation import exceedances, in_service, inputs, laboratory, words
from qingjian.apps.evaluation.drafts import Chosen, Draft, day_of, midnight, month_of
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.network.models import Point, Series
from qingjian.apps.observing import stores
from qingjian.contracts.current import now
from qingjian.contracts.findings import Finding, finding_id
from qingjian.rulebook import Rulebook
from qingjian.standards import radiation
from qingjian.standards.errors import EvaluationError
from qingjian.standards.explanation import Text, TraceBuilder, plain
from qingjian.standards.quantity import Quantity, convert
from qingjian.standards.rounding import round_places

RAIN = "降水量"
LEAST_HISTORY = 2
SETTLED_PLACES = 9
"""Decimals of an hour in nGy/h: finer than anything measured."""


def points(since: date | None = None) -> list[Point]:
    return laboratory.points_of("radiation", since)


def background_of(point: Point) -> tuple[str, str] | None:
    """Return the registered range of the local natural background, nGy/h."""
    local = point.attributes.get("background")
    return (str(local[0]), str(local[1])) if isinstance(local, list) and len(local) == 2 else None


def series_of(chosen: Sequence[Point]) -> dict[int, tuple[Series | None, Series | None]]:
    """Return the series of dose rate and of rain of each station."""
    rows = Series.objects.select_related("factor", "device", "point").filter(point__in=chosen)
    held: dict[int, tuple[list[Series], list[Series]]] = {one.pk: ([], []) for one in chosen}
    for one in rows:
        if one.medium == "radiation" and one.unit.endswith("Gy/h"):
            held[one.point_id][0].append(one)
        elif one.factor.name_zh == RAIN:
            held[one.point_id][1].append(one)
    return {
        point: (
            next(iter(inputs.best(rates).values()), None),
            next(iter(inputs.best(rain).values()), None),
        )
        for point, (rates, rain) in held.items()
    }


class Block:
    """Hours of the stations over whole natural days, and the year before."""

    def __init__(self, book: Rulebook, chosen: Sequence[Point], first: date, last: date) -> None:
        self.book = book
        self.points = list(chosen)
        self.first = first
        self.count = (last - first).days + 1
        self.series = series_of(self.points)
        everything = [one for own in self.series.values() for one in own if one is not None]
        self.looked_back = timedelta(days=radiation.history_days(rulebook=book.on(first)))
        self.start = midnight(month_of(first)) - self.looked_back
        self.hours = inputs.read(everything, self.start, midnight(last + timedelta(days=1)))
        self._histories: dict[tuple[int, date], radiation.History | None] = {}

    def _place(self, moment: datetime) -> int:
        return int((moment - self.start) / inputs.HOUR)

    def history(self, point: Point, day: date) -> radiation.History | None:
        """Return the history that a day is held against; None without any."""
        key = (point.pk, month_of(day))
        if key not in self._histories:
            rates, rain = self.series[point.pk]
            end = midnight(key[1])
            part = slice(max(0, self._place(end - self.looked_back)), self._place(end))
            values = self.hours.of(rates.pk)[part] if rates else np.zeros(0)
            keep = np.isfinite(values) & (values >= 0)
            if rain is not None:
                wet = self.hours.of(rain.pk)[part]
                keep &= ~(np.isfinite(wet) & (wet > 0))
            fits = rates is not None and inputs.scaling(rates, radiation.UNIT).refused is None
            numbers = [self._given(rates, value) for value in values[keep]] if rates and fits else []
            self._histories[key] = radiation.history(numbers) if len(numbers) >= LEAST_HISTORY else None
        return self._histories[key]

    @staticmethod
    def _given(series: Series, value: float) -> Decimal:
        """Return an hour in nGy/h; the dust of binary fractions is taken off there, not in the unit of the series."""
        return round_places(convert(Decimal(repr(float(value))), series.unit, radiation.UNIT), SETTLED_PLACES)

    def daily(self) -> Iterator[Draft]:
        """Judge every natural day with an hour."""
        for point in self.points:
            rates, _rain = self.series[point.pk]
            if rates is None:
                continue
            for place in range(self.count):
                day = self.first + timedelta(days=place)
                begin = self._place(midnight(day))
                raw = self.hours.of(rates.pk, "value")[begin : begin + 24]
                if np.any(np.isfinite(raw)):
                    yield self._day(point, rates, day, begin, raw)

    def _day(self, point: Point, rates: Series, day: date, begin: int, raw: np.ndarray) -> Draft:
        trace = TraceBuilder(Text("环境γ辐射剂量率（日）", "gamma dose rate, day"))
        used = self.hours.of(rates.pk)[begin : begin + 24]
        rain = self.series[point.pk][1]
        wet = self.hours.of(rain.pk)[begin : begin + 24] if rain is not None else np.full(24, np.nan)
        rejected: dict[str, dict[str, Any]] = {}
        kept: dict[int, Decimal] = {}
        refused = inputs.scaling(rates, radiation.UNIT).refused
        for hour in np.flatnonzero(np.isfinite(raw)).tolist():
            if refused is None and np.isfinite(used[hour]) and used[hour] >= 0:
                kept[hour] = self._given(rates, used[hour])
                continue
            if refused is not None:
                zh, en = refused.zh, refused.en
            elif np.isfinite(used[hour]):
                zh, en = "剂量率不能为负", "a dose rate cannot be negative"
            else:
                zh, en = self.hours.why(rates.pk, begin + hour)
            rejected[f"{hour:02d}:00"] = {"value": float(raw[hour]), "zh": zh, "en": en}
            trace.reject(f"{hour:02d}:00", float(raw[hour]), zh, en)
        values: dict[str, Any] = {
            "hours": {str(hour): float(value) for hour, value in kept.items()},
            "wet": sorted(hour for hour in kept if np.isfinite(wet[hour]) and wet[hour] > 0),
        }
        if rejected:
            values["rejected"] = rejected
        row = Draft("radiation_day", point.pk, point.region_id, midnight(day), "", values, "V")
        if kept:
            self._judge(row, point, day, kept, set(values["wet"]), trace)
        else:
            trace.step("没有有效的小时值", "no valid hour")
        made = trace.done()
        row.confidence = made.confidence.value
        row.trace = made.to_dict()
        return row

    def _judge(
        self,
        row: Draft,
        point: Point,
        day: date,
        kept: dict[int, Decimal],
        wet: set[int],
        trace: TraceBuilder,
    ) -> None:
        """Judge every hour by the reference function; the highest one explains the day."""
        past = self.history(point, day) or radiation.History(0, Decimal(0), Decimal(0))
        background = background_of(point)
        trace.step(
            f"历史: {month_of(day):%Y-%m} 之前一年内 {past.hours} 个无降雨的有效小时，均值 {plain(past.mean)}，标准差 {plain(past.deviation)} nGy/h",
            f"history: {past.hours} dry valid hours of the year before {month_of(day):%Y-%m}, mean {plain(past.mean)}, standard deviation {plain(past.deviation)} nGy/h",
        )
        above: list[int] = []
        outside: list[int] = []
        worst = None
        for hour, value in kept.items():
            try:
                found = radiation.judge(
                    Quantity(value, radiation.UNIT),
                    past,
                    rain=hour in wet,
                    background=background,
                    rulebook=self.book.on(day),
                )
            except EvaluationError as error:
                trace.step(error.zh, error.en)
                return
            if found.alert:
                above.append(hour)
            if found.within_background is False:
                outside.append(hour)
            if worst is None or found.value > worst[1].value:
                worst = (hour, found)
        if worst is None:
            return
        highest, explained = worst
        trace.step(
            f"最高的小时 {highest:02d}:00 的判断:", f"judgement of the highest hour, {highest:02d}:00:"
        )
        trace.include(explained.trace)
        dry = [hour for hour in above if hour not in wet]
        if above and not dry:
            trace.step(
                "超过阈值的小时都在降雨时段（氡子体沉降），只提示不报警",
                "all hours above lie in rain (washed-out radon progeny): told, not alarmed",
            )
        mean = sum(kept.values(), Decimal(0)) / len(kept)
        row.edition = next(iter(explained.trace.editions), "")
        row.exceeds = None if explained.threshold is None else bool(dry)
        row.values["used"] = {"highest": float(explained.value)}
        row.category = (
            "" if row.exceeds is None else ("高于阈值" if dry else ("降雨偏高" if above else "正常"))
        )
        row.result = {
            "mean": round(float(mean), 1),
            "highest": float(explained.value),
            "lowest": float(min(kept.values())),
            "threshold": None if explained.threshold is None else round(float(explained.threshold), 1),
            "background": list(map(float, background)) if background else None,
            "above": above,
            "wet": sorted(wet),
            "outside_background": outside,
            "history_hours": past.hours,
        }


def evaluate(book: Rulebook, first: date, last: date, until: Any, chosen: Chosen) -> Iterator[Draft]:
    """Yield the days of the stations; the running day is judged by the hours it has."""
    own = [one for one in points(first) if chosen.has(one.pk)]
    days = Block(book, own, first, min(last, day_of(until))).daily()
    yield from in_service.served(days, in_service.pauses(own))


# -- findings ----------------------------------------------------------------------------------------------------------


def state_findings(chosen: set[int] | None, book: Rulebook) -> None:
    """State a finding for every recent day with dry hours above the threshold, and end one that fell away."""
    moment = now()
    own = [one for one in points() if chosen is None or one.pk in chosen]
    rows = Evaluation.objects.filter(
        kind="radiation_day", point__in=own, start__gt=moment - exceedances.ALERTED_FOR
    ).order_by("start", "revision")
    stated: dict[tuple[int, datetime], Finding] = {}
    for row in rows.defer("trace", "values"):
        key = (row.point_id, row.start)
        if row.exceeds:
            found = _finding(row, moment)
            if key in stated and stated[key].start != found.start:
                stores.findings().append([_ended(stated[key])])
            stated[key] = found
        elif key in stated:
            stated[key] = _ended(stated[key])
    stores.findings().append(list(stated.values()))


def _finding(row: Evaluation, moment: datetime) -> Finding:
    """Return the finding of a day: from the first to the last dry hour above the threshold."""
    rates, _rain = series_of([row.point])[row.point_id]
    wet = set(row.result["wet"])
    dry = sorted(hour for hour in row.result["above"] if hour not in wet)
    start = row.start + dry[0] * inputs.HOUR
    end = row.start + (dry[-1] + 1) * inputs.HOUR
    return Finding(
        finding_id(words.DOSE_RATE_RULE, words.RULE_VERSION, rates.code, start),
        words.DOSE_RATE_RULE,
        words.RULE_VERSION,
        rates.code,
        "series",
        start,
        None if moment - end < exceedances.STILL_RUNNING["hour"] else end,
        "major",
        {
            "evaluation": row.pk,
            "hours": len(dry),
            "peak": row.result["highest"],
            "threshold": row.result["threshold"],
        },
        moment,
    )


def _ended(finding: Finding) -> Finding:
    return replace(
        finding,
        end=finding.end or finding.start + inputs.HOUR,
        severity="minor",
        evidence={**finding.evidence, "withdrawn": True},
    )
