"""Air kinds: composite_index, change_rate, percentage, aqi_hourly, aqi_hourly_2013, aqi_daily, iaqi."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from qingjian.standards.air import composite, index, ranking
from qingjian.standards.errors import EvaluationError, InputError
from qingjian.standards.evaluation.request import Outputs, Request, number
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.quantity import decimal_of
from qingjian.standards.surface_water.rating import percentage

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


def composite_index(request: Request) -> tuple[Outputs, Trace]:
    """Composite index; the edition is the name of a variant."""
    names = {"SO2": "SO2", "NO2": "NO2", "PM10": "PM10", "PM25": "PM2.5", "CO95": "CO", "O3_90": "O3"}
    request.only(*names)
    values = {symbol: request.number(name) for name, symbol in names.items()}
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
    """AQI of an hour from the items of the text of HJ 633-2012."""
    edition = request.edition_of(_NINE_EDITIONS)
    return _aqi(request, edition, index.hourly, _NINE)


def aqi_daily(request: Request) -> tuple[Outputs, Trace]:
    """AQI of a day."""
    edition = request.edition_of(_EDITIONS)
    return _aqi(request, edition, index.daily, _DAY)


def iaqi(request: Request) -> tuple[Outputs, Trace]:
    """IAQI of one pollutant; `HJ 633-2012/2026` means that both editions must agree."""
    request.only("pollutant", "avg", "c")
    edition = request.edition_of(_EDITIONS | {"HJ 633-2012/2026": "both"})
    arguments = (request.text("pollutant"), request.text("avg"), request.number("c"))
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


def _aqi(
    request: Request, edition: str, evaluate: Callable[..., index.AirIndex], names: tuple[str, ...]
) -> tuple[Outputs, Trace]:
    request.only(*names)
    result = evaluate(request.inputs, edition=edition, rulebook=request.rulebook)
    published = result.publishable
    outputs: Outputs = {
        "aqi": result.aqi if published else "NA",
        "category": result.category if published else "NA",
        "primary": [_written(item) for item in result.primary_items] if published else [],
        "level": result.level if published else "NA",
        "color": result.color if published else "NA",
        "iaqi": {_written(item.item): item.iaqi for item in result.items},
        "within_input_rounding": _within_rounding(request.inputs, edition, evaluate, request),
    }
    if not published:
        outputs["aqi_computed"] = result.aqi
    if result.missing:
        outputs["missing"] = [_written(name) for name in result.missing]
    if result.exceeding:
        outputs["exceeding"] = [_written(name) for name in result.exceeding]
    return outputs, result.trace


def _written(item: str) -> str:
    """Name as in the inputs of the contract; rolling particle means go by the name of the pollutant."""
    name = item.replace("PM2.5", "PM25")
    return name.removesuffix("_24h") if name.startswith("PM") else name


def _within_rounding(
    inputs: Mapping[str, Any], edition: str, evaluate: Callable[..., index.AirIndex], request: Request
) -> Outputs:
    """What the result could be if the inputs are themselves rounded to the decimals they are written with.

    Published concentrations are rounded; at a breakpoint the published index rests on digits nobody sees.
    """
    numbers = {name: decimal_of(value, name) for name, value in inputs.items() if value is not None}
    halves = {name: _half_of_last_digit(value) for name, value in numbers.items()}
    low_inputs = {name: max(value - halves[name], Decimal(0)) for name, value in numbers.items()}
    high_inputs = {name: value + halves[name] for name, value in numbers.items()}
    try:
        low = evaluate(low_inputs, edition=edition, rulebook=request.rulebook)
        high = evaluate(high_inputs, edition=edition, rulebook=request.rulebook)
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
