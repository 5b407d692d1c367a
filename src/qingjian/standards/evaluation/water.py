"""Water kinds: section_class, exceed_class, river_rating, tli_single, tli_weighted, tli_state, cwqi_ranking."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from qingjian.standards.air import ranking
from qingjian.standards.editions import resolve
from qingjian.standards.errors import InputError
from qingjian.standards.evaluation.request import Outputs, Request, number, understood
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.phrases import chinese
from qingjian.standards.quantity import decimal_of
from qingjian.standards.surface_water import lakes
from qingjian.standards.surface_water.classification import classify
from qingjian.standards.surface_water.items import CLASSES, class_index, item_limits, item_name
from qingjian.standards.surface_water.rating import rating_of_shares
from qingjian.standards.words import english

_ROUNDED_SHARES = Decimal("0.1")
_SURFACE = {"GB 3838-2002": "2002"}
_RULE = {"环办〔2011〕22号": "2011", "环办[2011]22号": "2011"}
_TLI = _RULE | {
    "环办〔2011〕22号 formula": "2011",
    **{f"环办〔2011〕22号 formula, {count} parameters": "2011" for count in range(1, 6)},
}
_CWQI = {"环办监测〔2017〕51号": "2017", "环办监测[2017]51号": "2017"}


def section_class(request: Request) -> tuple[Outputs, Trace]:
    """Class of a section and the items worse than Ⅲ."""
    edition = request.edition_of(_SURFACE)
    items = {name: understood(value) for name, value in request.inputs.items()}
    result = classify(items, edition=edition, rulebook=request.rulebook)
    written = {item_name(name): name for name in request.inputs}
    outputs: Outputs = {
        "cls": result.cls,
        "main": [written[item] for item in result.main],
        "rating": result.rating,
        "decided_by": [written[item] for item in result.decided_by],
        "items": {written[item.item]: item.cls for item in result.items},
        "multiples": {written[i.item]: number(i.multiple, 2) for i in result.items if i.multiple is not None},
        "multiples_baseline": "Ⅲ",
    }
    return outputs, result.trace


def exceed_class(request: Request) -> tuple[Outputs, Trace]:
    """Class from published exceedance multiples; their baseline is taken to be the target class."""
    request.only("target", "exceed")
    edition = request.edition_of(_SURFACE)
    basis = resolve(request.rulebook, "surface_water_limits", "GB 3838", None, edition)
    limits = item_limits(request.rulebook, basis)
    target = class_index(request.text("target"))
    if target >= len(CLASSES) - 1:
        raise InputError("目标类别不能是劣Ⅴ", "the target cannot be 劣Ⅴ")
    trace = TraceBuilder(Text("由超标倍数推算类别", "class from exceedance multiples"))
    worst = target
    reached = True
    multiples: dict[str, Any] = {}
    for name, given in request.mapping("exceed").items():
        if item_name(name) in multiples:
            raise InputError(f"项目重复: {name}", f"item given twice: {name}")
        multiples[item_name(name)] = given
    for name, given in multiples.items():
        multiple = decimal_of(given, name)
        item = limits.get(name)
        if item is None:
            raise InputError(f"{name} 没有分类标准限值，不能推算类别", f"{name} has no limits of classes")
        if item.direction != "<=" or multiple < 0:
            raise InputError(f"{name} 没有超标倍数或倍数为负", f"{name} has no multiple, or it is negative")
        value = item.limits[target] * (1 + multiple)
        place, row = item.class_of(value)
        worst = max(worst, place)
        reached = reached and multiple == 0
        trace.step(
            f"{name}: {plain(item.limits[target])} × (1 + {plain(multiple)}) = {plain(value)} {item.unit} → {CLASSES[place]}类",
            f"{name}: {plain(item.limits[target])} × (1 + {plain(multiple)}) = {plain(value)} → class {CLASSES[place]}",
            [item.rows[target], row],
        )
    trace.step(
        f"倍数的基准按目标 {CLASSES[target]}类；若公布的倍数针对阶段目标，结果会不同",
        f"multiples are taken against class {CLASSES[target]}; against an interim target the result would differ",
    )
    return {"cls": CLASSES[worst], "reached": reached, "baseline": CLASSES[target]}, trace.done()


def river_rating(request: Request) -> tuple[Outputs, Trace]:
    """Rating from shares in %."""
    request.only("pct_I_III", "pct_bad")
    request.edition_of(_RULE)
    good, worst = request.number("pct_I_III"), request.number("pct_bad")
    beyond = good + worst - 100
    # Published shares are rounded: two of them may add up to 100.1.
    certain = worst - beyond if 0 < beyond <= _ROUNDED_SHARES else worst
    rating, color, row = rating_of_shares(Fraction(good), Fraction(certain), rulebook=request.rulebook)
    trace = TraceBuilder(Text("河流（流域）水质评价", "river rating"))
    trace.step(
        f"Ⅰ–Ⅲ类 {plain(good)}%，劣Ⅴ类 {plain(worst)}%: {rating}（{chinese(row['rule'])}）",
        f"Ⅰ–Ⅲ {plain(good)}%, 劣Ⅴ {plain(worst)}%: {english(rating)} ({row['rule']})",
        [row],
    )
    return {"rating": rating, "color": color}, trace.done()


def tli_single(request: Request) -> tuple[Outputs, Trace]:
    """TLI of one parameter."""
    request.only("param", "x")
    request.edition_of(_TLI)
    name = request.text("param")
    value, row = lakes.parameter_index(name, request.given("x"), rulebook=request.rulebook)
    trace = TraceBuilder(Text("单参数营养状态指数", "TLI of one parameter"))
    slope = Decimal(row["b"])
    sign = "−" if slope < 0 else "+"
    shown = f"TLI({name}) = 10 × ({row['a']} {sign} {plain(abs(slope))} × ln x) = {plain(round(value, 3))}"
    trace.step(shown, shown, [row])
    return {"TLI": number(value, 3)}, trace.done()


def tli_weighted(request: Request) -> tuple[Outputs, Trace]:
    """Weighted TLI over the parameters present."""
    request.only("params", *(f"TLI_{name}" for name in lakes.PARAMETERS))
    request.edition_of(_TLI)
    wanted = request.inputs.get("params")
    if wanted is None:
        wanted = [name for name in lakes.PARAMETERS if request.inputs.get(f"TLI_{name}") is not None]
    if not isinstance(wanted, list) or len(set(map(str, wanted))) != len(wanted):
        raise InputError("params 应为不重复的参数列表", "params must be a list of different parameters")
    parts = {str(name): request.number(f"TLI_{name}") for name in wanted}
    result = lakes.weighted(parts, rulebook=request.rulebook)
    outputs: Outputs = {
        "TLI": number(result.value, 3),
        "state": result.state,
        "weights": {name: number(weight, 4) for name, weight in result.weights.items()},
    }
    return outputs, result.trace


def tli_state(request: Request) -> tuple[Outputs, Trace]:
    """Trophic state of a TLI."""
    request.only("TLI")
    request.edition_of(_TLI)
    value = request.number("TLI")
    state, row = lakes.state_of(value, rulebook=request.rulebook)
    trace = TraceBuilder(Text("营养状态分级", "trophic state"))
    bounds = row["label"].removeprefix(state).strip()
    trace.step(
        f"TLI {plain(value)}: {state} {bounds}", f"TLI {plain(value)}: {english(state)} {bounds}", [row]
    )
    return {"state": state}, trace.done()


def cwqi_ranking(request: Request) -> tuple[Outputs, Trace]:
    """Places by CWQI, best (smallest) first."""
    request.only("cwqi")
    request.edition_of(_CWQI)
    values = {str(name): decimal_of(value, str(name)) for name, value in request.mapping("cwqi").items()}
    if not values or any(value < Decimal(0) for value in values.values()):
        raise InputError("没有指数或指数为负", "no index, or a negative one")
    places = ranking.rank(values)
    trace = TraceBuilder(Text("城市水质指数排名", "ranking by CWQI"))
    listing = "、".join(f"{place.rank}. {place.name} {plain(place.value)}" for place in places)
    trace.step(f"指数小者为优: {listing}", f"smaller is better: {listing}", request.rulebook.rows("cwqi"))
    return {
        "order": [place.name for place in places],
        "ranks": {place.name: place.rank for place in places},
    }, trace.done()
