"""Air kinds: composite_index, change_rate, percentage, aqi_hourly, aqi_hourly_2013, aqi_daily, iaqi."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from qingjian.standards.air import composite, index, ranking
from qingjian.standards.air.published_2013 import Published, as_published
from qingjian.standards.errors import EvaluationError, InputError
from qingjian.standards.evaluation.request import Outputs, Request, number
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.quantity import decimal_of
from qingjian.standards.surface_water.rating import percentage
from qingjian.standards.words import english

_HOURLY_EDITIONS = {
    "HJ 633-2012, CNEMC live practice (1h PM, 1h O3)": "2012",
    "HJ 633-2012, CNEMC live practice": "2012",
    "HJ 633-2012": "2012",
    "HJ 633-2026": "2026",
}
_NINE_EDITIONS = {"HJ 633-2012": "2012", "HJ 633-2012, 2013 live practice (24h rolling PM)": "2012"}
_EDITIONS = {"HJ 633-2012": "2012", "HJ 633-2026": "2026"}
_SIX = ("SO2", "NO2", "CO", "O3", "PM10", "PM25")
_NINE = ("SO2", "NO2", "CO", "O3", "O3_8h", "PM10_24h", "PM25_24h")
_DAY = ("SO2", "NO2", "CO", "PM10", "PM25", "O3_8h", "O3_1h")
# Live data carry these beside the items of the report; they are named in the trace and left out.
_BESIDE = (
    "PM10",
    "PM25",
    "O3_8h",
    "O3_24h",
    "O3_8h_24h",
    "SO2_24h",
    "NO2_24h",
    "CO_24h",
    "PM10_24h",
    "PM25_24h",
)
_STANDS_IN = {"SO2": "SO2_24h", "O3_8h": "O3_1h"}
_NOT_IN_PLAN = "/"


def composite_index(request: Request) -> tuple[Outputs, Trace]:
    """Composite index; the edition is the name of a variant."""
    names = {"SO2": "SO2", "NO2": "NO2", "PM10": "PM10", "PM25": "PM2.5", "CO95": "CO", "O3_90": "O3"}
    given = replace(request, inputs=request.items(*names))
    values = {symbol: given.given(name) for name, symbol in names.items()}
    result = composite.composite_index(values, variant=request.edition, rulebook=request.rulebook)
    back = {symbol: name for name, symbol in names.items()}
    outputs: Outputs = {
        "index": number(result.value, 2),
        "max_item": back[result.largest[0]] if result.largest else None,
        "share_PM25_pct": number(result.shares["PM2.5"], 1),
        "share_PM10_pct": number(result.shares["PM10"], 1),
        "sub_indices": {back[name]: number(part, 4) for name, part in result.parts.items()},
        "variant": result.variant,
        "provisional": result.provisional,
    }
    return outputs, result.trace


def change_rate(request: Request) -> tuple[Outputs, Trace]:
    """Change rate in %, negative = better."""
    request.only("now", "base")
    now, base = request.number("now"), request.number("base")
    if now < 0:
        raise InputError("浓度或指数不能为负", "a concentration or an index cannot be negative")
    rate = ranking.change_rate(now, base)
    trace = TraceBuilder(Text("变化率", "change rate"))
    formula = f"({plain(now)} - {plain(base)}) / {plain(base)} × 100 = {rate} %"
    trace.step(formula, formula)
    return {"pct": number(rate, 1)}, trace.done()


def share(request: Request) -> tuple[Outputs, Trace]:
    """k of n in %."""
    request.only("k", "n")
    part, whole = request.whole("k"), request.whole("n")
    result = percentage(part, whole)
    trace = TraceBuilder(Text("占比", "share"))
    trace.step(f"{part} / {whole} × 100 = {result} %", f"{part} / {whole} × 100 = {result} %")
    return {"pct": number(result, 1)}, trace.done()


def aqi_hourly(request: Request) -> tuple[Outputs, Trace]:
    """AQI of an hour from 1 h means."""
    edition = request.edition_of(_HOURLY_EDITIONS)
    return _aqi(request, edition, index.hourly, _SIX)


def aqi_hourly_2013(request: Request) -> tuple[Outputs, Trace]:
    """AQI of an hour as it was published live in 2013; what the text of HJ 633-2012 says stands in `by_the_text`."""
    edition = request.edition_of(_NINE_EDITIONS)
    report = _report(request, edition, index.hourly, _NINE)

    def published_of(given: Mapping[str, Any]) -> Published:
        return as_published(report.index_of(given).items, rulebook=request.rulebook)

    published = published_of(report.values)
    outputs = _outputs(published, _within_rounding(report.values, published_of))
    text = _outputs(report.result, _within_rounding(report.values, report.index_of))
    outputs["by_the_text"] = text
    if report.result.missing:
        outputs["missing"] = [_written(name) for name in report.result.missing]
    trace = TraceBuilder(published.trace.title)
    trace.step("先按 HJ 633-2012 原文计算:", "first by the text of HJ 633-2012:")
    trace.include(report.trace)
    trace.step(
        "再按 2013 年采集网站（PM25.in）发布时的算法计算:",
        "then as the collector PM25.in calculated when it published in 2013:",
    )
    trace.include(published.trace)
    if any(outputs[name] != text[name] for name in ("aqi", "category", "primary")):
        primary = text["primary"]
        trace.step(
            f"两者不同: 按原文为 {text['aqi']}（{text['category']}），首要污染物 {'、'.join(primary) or '无'}；评价以原文为准",
            f"they differ: by the text it is {text['aqi']} ({english(text['category'])}), primary pollutant {', '.join(primary) or 'none'}; in evaluations the text counts",
        )
    return outputs, trace.done()


def aqi_daily(request: Request) -> tuple[Outputs, Trace]:
    """AQI of a day."""
    edition = request.edition_of(_EDITIONS)
    return _aqi(request, edition, index.daily, _DAY)


def iaqi(request: Request) -> tuple[Outputs, Trace]:
    """IAQI of one pollutant; `HJ 633-2012/2026` means that both editions must agree."""
    request.only("pollutant", "avg", "c")
    edition = request.edition_of(_EDITIONS | {"HJ 633-2012/2026": "both"})
    arguments = (request.text("pollutant"), request.text("avg"), request.given("c"))
    if edition == "both":
        old, _ = index.sub_index(*arguments, edition="2012", rulebook=request.rulebook)
        found, trace = index.sub_index(*arguments, edition="2026", rulebook=request.rulebook)
        if old.iaqi != found.iaqi:
            raise InputError(
                f"两版不一致: 2012 为 {old.iaqi}，2026 为 {found.iaqi}",
                f"the editions disagree: {old.iaqi} in 2012, {found.iaqi} in 2026",
            )
    else:
        found, trace = index.sub_index(*arguments, edition=edition, rulebook=request.rulebook)
    return {"iaqi": found.iaqi, "iaqi_raw": number(found.raw, 6)}, trace


@dataclass(frozen=True, slots=True)
class _Report:
    """The items of one report as given, how an index is made of such items, and what they gave."""

    values: Mapping[str, Any]
    index_of: Callable[[Mapping[str, Any]], index.AirIndex]
    result: index.AirIndex
    trace: Trace


def _report(
    request: Request, edition: str, evaluate: Callable[..., index.AirIndex], names: tuple[str, ...]
) -> _Report:
    beside = tuple(name for name in _BESIDE if name not in names) if evaluate is index.hourly else ()
    inputs = request.items(*names, *beside)
    if edition == "2012" and evaluate is index.hourly:
        names = (*names, "SO2_24h")
    report = {name: value for name, value in inputs.items() if name in names}
    plan = [name for name, value in report.items() if value == _NOT_IN_PLAN]
    values = {name: value for name, value in report.items() if name not in plan}

    def index_of(given: Mapping[str, Any]) -> index.AirIndex:
        return evaluate(given, edition=edition, not_in_plan=plan, rulebook=request.rulebook)

    result = index_of(values)
    _no_stand_in_missing(result, values)
    trace = TraceBuilder(result.trace.title)
    for name, value in inputs.items():
        if value is not None and name not in report:
            trace.reject(name, value, "不是该报告的项目", "not an item of this report")
        elif name in plan:
            trace.reject(name, value, "不在监测计划内", "not in the monitoring plan")
    trace.include(result.trace)
    return _Report(values, index_of, result, trace.done())


def _aqi(
    request: Request, edition: str, evaluate: Callable[..., index.AirIndex], names: tuple[str, ...]
) -> tuple[Outputs, Trace]:
    report = _report(request, edition, evaluate, names)
    result = report.result
    outputs = _outputs(result, _within_rounding(report.values, report.index_of))
    if not result.publishable:
        outputs |= {"aqi": "NA", "category": "NA", "primary": [], "level": "NA", "color": "NA"}
        outputs["aqi_computed"] = result.aqi
    if result.missing:
        outputs["missing"] = [_written(name) for name in result.missing]
    return outputs, report.trace


def _outputs(result: index.AirIndex | Published, within_rounding: Outputs) -> Outputs:
    outputs: Outputs = {
        "aqi": result.aqi,
        "category": result.category,
        "primary": [_written(item) for item in result.primary_items],
        "level": result.level,
        "color": result.color,
        "iaqi": {_written(item.item): item.iaqi for item in result.items},
        "within_input_rounding": within_rounding,
    }
    if result.exceeding:
        outputs["exceeding"] = [_written(name) for name in result.exceeding]
    return outputs


def _no_stand_in_missing(result: index.AirIndex, values: Mapping[str, Any]) -> None:
    """Above 800 μg/m³ HJ 633-2012 turns to another mean. Without it no index can be named: the rest may look excellent."""
    judged = {item.pollutant for item in result.items}
    for name, other in _STANDS_IN.items():
        pollutant = name.partition("_")[0]
        if values.get(name) is not None and pollutant not in judged:
            raise InputError(
                f"{name} 高于 800 μg/m³，HJ 633-2012 改用 {other}，但未给出",
                f"{name} is above 800 μg/m³: HJ 633-2012 turns to {other}, which is not given",
            )


def _written(item: str) -> str:
    """Name as in the inputs of the contract; rolling particle means go by the name of the pollutant."""
    name = item.replace("PM2.5", "PM25")
    return name.removesuffix("_24h") if name.startswith("PM") else name


def _within_rounding(
    inputs: Mapping[str, Any], index_of: Callable[[Mapping[str, Any]], index.AirIndex | Published]
) -> Outputs:
    """What the result could be if the inputs are themselves rounded to the decimals they are written with.

    Published concentrations are rounded; at a breakpoint the published index rests on digits nobody sees.
    """
    try:
        numbers = {name: decimal_of(value, name) for name, value in inputs.items() if value is not None}
        halves = {name: _half_of_last_digit(value) for name, value in numbers.items()}
        low = index_of({name: max(value - halves[name], Decimal(0)) for name, value in numbers.items()})
        high = index_of({name: value + halves[name] for name, value in numbers.items()})
    except EvaluationError:
        return {}
    floor = max(item.iaqi for item in low.items)
    could_lead = [_written(i.item) for i in high.items if i.iaqi > 50 and i.iaqi >= floor]
    categories = list(dict.fromkeys([low.category, high.category]))
    return {"aqi": [low.aqi, high.aqi], "categories": categories, "possible_primary": could_lead}


def _half_of_last_digit(value: Decimal) -> Decimal:
    """Half a unit of the last digit written, never more than half a unit of the measurement (0.05 for CO tenths)."""
    exponent = value.as_tuple().exponent
    places = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    return Decimal(5).scaleb(-places - 1)
