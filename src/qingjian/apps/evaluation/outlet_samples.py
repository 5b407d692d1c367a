"""What laboratories and people measure at outlets: a sample of a day against permit and standards.

Some items no device measures (animal and vegetable oil, dioxins, odour): a sample is the only thing that judges them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from qingjian.apps.evaluation import samples
from qingjian.apps.evaluation.bounds import (
    ITEMS,
    Bound,
    applicable,
    at_temperature,
    in_unit,
    item_of,
    of_permit,
    strictest_first,
)
from qingjian.apps.evaluation.drafts import Draft, midnight
from qingjian.apps.evaluation.outlet_traces import permit_row
from qingjian.apps.evaluation.outlets import HIGHEST_PH, PH_CODE, TEMPERATURE_CODE, Outlet, exceeding
from qingjian.apps.evaluation.samples import SAMPLED, Sample
from qingjian.apps.network import queries as network
from qingjian.apps.network.models import Series
from qingjian.rulebook import Rulebook
from qingjian.standards.emissions import judgement
from qingjian.standards.emissions.oxygen import reference_oxygen
from qingjian.standards.explanation import Text, TraceBuilder
from qingjian.standards.limits import Limit
from qingjian.standards.quantity import Quantity, measured

KIND = "outlet_sample"
MEDIA = {"water": "waste_water", "gas": "flue_gas"}
RANKED: dict[str, tuple[judgement.Period | None, ...]] = {
    "water": ("determination", "instant", None, "day", "hour"),
    "gas": ("determination", "instant", None, "hour", "day"),
}
"""Which limit of a document a sample is held against: the one nearest to how samples of the medium are taken."""


def item(series: Series) -> str | None:
    """Return the item of an outlet that a series of samples measures: its wire code."""
    return series.factor.wire_code if series.medium in MEDIA.values() else None


def by_laboratory(series: Series) -> bool:
    """Say whether a series holds samples and manual measurements, not what a device sends."""
    return series.origin in SAMPLED and not series.expected


def name_of(medium: str, series: Series) -> str:
    """Return the item under which standards name what a series measures."""
    return ITEMS[medium].get(series.factor.wire_code, series.factor.name_zh)


@dataclass(frozen=True)
class _Held:
    """A limit as a bound in the unit of the series, and as the standards library explains it."""

    bound: Bound
    limit: Limit


def held(outlet: Outlet, series: Series, day: date, book: Rulebook) -> list[_Held]:
    """Return what a sample of a series is held against on a day: of each document the period nearest to a sample."""
    documents: dict[str, list[tuple[int, _Held]]] = {}
    ranks = RANKED[outlet.medium]
    own = [one for one in outlet.limits if one.factor_id == series.factor_id and one.averaging in ranks]
    for one in network.in_force(
        [one for one in own if one.upper is not None or one.lower is not None], midnight(day)
    ):
        bound = of_permit(one, series.unit)
        if bound is not None:
            found = documents.setdefault(f"permit {one.permit_id} {one.basis}", [])
            rank = ranks.index("hour" if one.averaging == "hour" else "day")
            found.append((rank, _Held(bound, permit_row(one, series.unit))))
    name = name_of(outlet.medium, series)
    for limit in applicable(book, outlet.point.outlet.code, day):
        period = judgement.period_known(limit.averaging_period)
        bound = in_unit(limit, series.unit, name) if judgement.is_of(limit.row, name) else None
        if bound is not None and period in ranks:
            documents.setdefault(limit.row.document, []).append((ranks.index(period), _Held(bound, limit)))
    return [
        one
        for found in documents.values()
        for rank, one in found
        if rank == min(other for other, _one in found)
    ]


def evaluate(book: Rulebook, outlets: Sequence[Outlet], first: date, last: date) -> Iterator[Draft]:
    """Judge the samples of outlets on natural days first … last."""
    by_point = {one.point.pk: one for one in outlets}
    points = [one.point for one in outlets]
    series = samples.series_of(points, item)
    for sample in samples.read(points, first, last, item):
        made = _judged(by_point[sample.point.pk], sample, series[sample.point.pk], book)
        if made is not None:
            yield made


def _judged(outlet: Outlet, sample: Sample, series: dict[str, Series], book: Rulebook) -> Draft | None:
    trace = TraceBuilder(Text("排口样品（手工或实验室监测）", "outlet, sample"))
    sample.keep_usable(lambda code, one: _possible(code, one))
    temperature = sample.given.get(TEMPERATURE_CODE)
    water = None if temperature is None else float(measured(temperature, "T", "℃", lowest=None).value)
    sample.explain(trace)
    items = []
    for code, given in sample.given.items():
        own = held(outlet, series[code], sample.day, book)
        fitting = at_temperature([one.bound for one in own], water)
        name = series[code].factor.name_zh
        if not fitting:
            if code != TEMPERATURE_CODE:
                trace.step(f"{name}: 没有适用的限值，不评价", f"{code}: no limit applies, not judged")
            continue
        rows = {one.bound.rule or one.bound.pk: one.limit for one in own}
        limits = [rows[one.rule or one.pk] for one in fitting]
        found = judgement.judge(given, limits, on=sample.day, rulebook=book)
        trace.include(found.trace, prefix=f"{name} ")
        _explain(trace, name, code, limits, outlet.medium)
        value = measured(given, name, series[code].unit, lowest=None)
        # What was not detected is not found, whatever half its detection limit would be beside a limit of 0.
        counted = value.value if found.exceeds or not value.is_below_detection else Decimal(0)
        made = item_of(series[code], strictest_first(fitting), float(counted), True)
        if value.is_below_detection:
            made["received"] = value.received
        items.append({**made, "exceeds": found.exceeds})
    if not items and not sample.given and not sample.rejected:
        return None
    row = exceeding(outlet, KIND, midnight(sample.day), items)
    row.values = {**sample.plain(), "names": {code: series[code].factor.name_zh for code in sample.given}}
    made_trace = trace.done()
    row.trace, row.confidence = made_trace.to_dict(), made_trace.confidence.value
    return row


def _possible(code: str, given: Quantity) -> None:
    """Raise InputError for what cannot be measured."""
    if code != TEMPERATURE_CODE:
        measured(given, code, given.unit, highest=Decimal(HIGHEST_PH) if code == PH_CODE else None)


def _explain(trace: TraceBuilder, name: str, code: str, limits: Sequence[Limit], medium: str) -> None:
    """Say what a sample was taken for where the limit is a mean, or refers to an oxygen content."""
    if any(judgement.period_known(one.averaging_period) in ("hour", "day") for one in limits):
        trace.step(
            f"{name}: 样品结果作为该时段的值与均值限值比较；是否为混合样或连续采样，以检测报告为准",
            f"{code}: the sample is taken for the mean of the period; the report of the laboratory says whether it is one",
        )
    if medium == "gas" and any(reference_oxygen(one.condition) is not None for one in limits):
        trace.step(
            f"{name}: 限值为基准含氧量下的浓度，样品结果按检测报告的折算浓度看待",
            f"{code}: the limit refers to a reference oxygen; the sample is taken for the converted value of the report",
        )


@dataclass(frozen=True)
class Unjudged:
    """A limit of an assigned standard that no device is held against; `series` hold samples of it where there are any."""

    limit: Limit
    state: str
    """samples: results of laboratories are judged; nothing: none is registered; unit: in a unit that no series has; words."""
    unit: str = ""


def beside_devices(outlet: Outlet, day: date, book: Rulebook) -> list[Unjudged]:
    """Return the limits of assigned standards that no device is held against on a day, each with what judges it."""
    series = [one for one in outlet.all_series if one.medium == MEDIA[outlet.medium]]
    found = []
    for limit in applicable(book, outlet.point.outlet.code, day):
        own = [one for one in series if judgement.is_of(limit.row, name_of(outlet.medium, one))]
        period = judgement.period_known(limit.averaging_period)
        fitting = [one for one in own if in_unit(limit, one.unit, limit.item) is not None]
        if limit.upper is None and limit.lower is None:
            found.append(Unjudged(limit, "words"))
        elif own and not fitting:
            found.append(Unjudged(limit, "unit", own[0].unit))
        elif any(by_laboratory(one) for one in fitting) and not (
            period not in ("determination", "instant") and any(not by_laboratory(one) for one in fitting)
        ):
            found.append(Unjudged(limit, "samples"))
        elif not fitting or period in ("determination", "instant"):
            found.append(Unjudged(limit, "nothing"))
    return found
