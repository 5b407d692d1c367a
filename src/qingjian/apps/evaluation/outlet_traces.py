"""How hours and days of outlets came about, step by step, for the drawer."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from qingjian.apps.evaluation import in_service, inputs, outlet_periods
from qingjian.apps.evaluation.bounds import as_registered, registered_oxygen, shown, sides_of
from qingjian.apps.evaluation.drafts import day_of, number, settled, short
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.evaluation.outlets import PH_CODE, Block, Outlet, outlets
from qingjian.apps.network.models import PermitLimit, Series
from qingjian.quality.flue_gas import standard_of
from qingjian.rulebook import Row, Rulebook
from qingjian.standards.emissions import judgement, means
from qingjian.standards.emissions.oxygen import reference_oxygen
from qingjian.standards.errors import EvaluationError
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.limits import Limit, limit_of
from qingjian.standards.quantity import Quantity, convert

TITLES = {
    "outlet_hour": Text("排口评价（小时）", "outlet, hour"),
    "outlet_day": Text("排口评价（日）", "outlet, day"),
}
CARRIED = 9
"""Decimals of the hours that an explained mean is formed of."""


def permit_row(limit: PermitLimit, unit: str) -> Limit:
    """Return a permit limit as the standards library takes it, in its own unit where that fits the one of the series."""
    upper, lower = limit.upper, limit.lower
    unit = limit.unit if limit.unit and limit.sides(unit) is not None else unit
    values = {
        "standard": f"排污许可证 {limit.permit.number}" if limit.permit else "排污许可证",
        "edition": limit.permit.number if limit.permit else "",
        "outlet": str(limit.outlet_id),
        "pollutant_cn": limit.factor.name_zh,
        "symbol": "pH" if limit.factor.wire_code == "w01001" else limit.factor.wire_code,
        "averaging_period": {"hour": "小时均值", "day": "日均值", "month": "月均值", "year": "年均值"}[
            limit.averaging
        ],
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
    """Explain an hour, a day, a month or a year of an outlet from the data known when it was evaluated."""
    day = day_of(row.start)
    hourly, span = row.kind == "outlet_hour", outlet_periods.BY_KIND.get(row.kind)
    last = day if span is None else span.following(day) - timedelta(days=1)
    made = TraceBuilder(TITLES[row.kind] if span is None else span.title)
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
    outlet = next((one for one in outlets(since=in_service.EVER) if one.point.pk == row.point_id), None)
    block = Block(book, [outlet], day, last, row.inputs_known_at) if outlet else None
    for item in row.result.get("items", ()):
        own = series[item["series"]]
        converted = _converted(item, limits, outlet, own, book)
        name = f"{own.factor.name_zh} {item['factor']}"
        if hourly and not item["counts"]:
            made.reject(name, item["value"], item["zh"], item["en"])
            continue
        if not hourly and block is not None and outlet is not None:
            _explain_converted_hours(made, outlet, own, day, converted)
            if span is None:
                _explain_mean(made, block, outlet, own, converted, book)
            else:
                outlet_periods.explain_mean(made, block, outlet, own, converted, span)
        if hourly and block is not None:
            _explain_conversion(made, block, own, row.start, converted)
        if item["value"] is None:
            mean = Text("日均值", "daily mean") if span is None else span.mean
            made.step(f"{name}: {mean.zh}无效，不评价", f"{item['factor']}: no valid {mean.en}, not judged")
            continue
        held = [_as_judged(one, item["unit"], limits, book, made) for one in (item, *item.get("others", ()))]
        registered = registered_oxygen(item)
        given = str(shown(item) if registered is None else as_registered(item))
        value = given if all(one.unit == item["unit"] for one in held) else Quantity(given, item["unit"])
        judged = judgement.judge(value, held, on=day, reference=registered, rulebook=book)
        if outlet is not None and registered is None:
            _explain_unregistered(made, outlet, own, held, day)
        made.include(judged.trace, prefix=f"{own.factor.name_zh} ")
        _explain_temperature(made, item, book)
    named = {code: one.factor.name_zh for code, one in outlet.series.items()} if outlet else {}
    for code, counts in row.values.get("hours", {}).items() if not hourly else ():
        name = named.get(code, code)
        made.step(
            f"{name}: 评价 {counts['judged']} 个小时，超标 {counts['exceeding']} 个，带标记不参加 {counts['marked']} 个",
            f"{code}: {counts['judged']} hours judged, {counts['exceeding']} exceeding, {counts['marked']} left out for marks",
        )
    for code, kept in row.result.get("amounts", {}).items():
        if block is not None and outlet is not None and code in outlet.series:
            _explain_amount(made, block, outlet, outlet.series[code])
        made.step(
            f"{named.get(code, code)}: Σ(C·Q) = {short(kept['kg'])} kg（{kept['hours']} 个小时，{kept['skipped']} 个无有效数据未计）",
            f"{code}: amount {short(kept['kg'])} kg ({kept['hours']} hours, {kept['skipped']} without valid data left out)",
        )
    return made.done()


def _explain_unregistered(
    made: TraceBuilder, outlet: Outlet, series: Series, held: list[Limit], day: date
) -> None:
    """Say what is lacking where a limit at a reference oxygen judges a value whose own nobody has registered."""
    wanted = {
        oxygen for one in held if (oxygen := reference_oxygen(one.condition)) is not None and one.item != "pH"
    }
    if wanted and outlet.registered_oxygen(series, day) is None:
        texts = "、".join(f"{one:f}%" for one in sorted(wanted))
        made.step(
            f"监测序列未登记基准含氧量，按设备上报的折算值与基准含氧量 {texts} 的限值比较",
            f"no reference oxygen is registered: the converted value of the device is taken to stand at {texts}",
        )


def _explain_temperature(made: TraceBuilder, item: dict[str, Any], book: Rulebook) -> None:
    """Say by which water temperature a limit applied, and what stays open where nobody measured it."""
    by = item.get("temperature")
    if by is None:
        return
    unit = item["unit"]
    if by["measured"] is not None:
        made.step(
            f"限值随水温而定: 当日水温均值 {short(by['measured'])} ℃，适用 {by['condition']} 的限值",
            f"the limit depends on the water temperature: mean of the day {short(by['measured'])} ℃, {by['condition']} applies",
        )
        return
    rows = [row for row in book.rows("emission_limits") if row.id == by["rule"]]
    made.step(
        f"限值随水温而定，水温未知（未监测或当日无有效数据）: 按较宽的 {by['condition']} 限值判定，不以未知的水温认定超标；"
        f"{by['otherwise']} 时适用 {by['bounds']} {unit}",
        f"the limit depends on the water temperature, which is unknown: held against the wider one of {by['condition']}, "
        f"for nobody is accused by an unknown temperature; {by['otherwise']} would ask {by['bounds']} {unit}",
        rows,
    )
    if by["depends"]:
        made.step(
            f"是否超标取决于水温: 若{by['otherwise']}则超过 {by['bounds']} {unit}",
            f"whether it exceeds depends on the water temperature: {by['otherwise']}, {by['bounds']} {unit} is passed",
        )


def _named(item: dict[str, Any], kind: str) -> list[Any]:
    """Return the permit limits (`limit`) or rulebook rows (`rule`) a stored item was held against, the deciding first."""
    return [one.get(kind) for one in (item, *item.get("others", ())) if one.get(kind)]


def _as_judged(
    one: dict[str, Any], unit: str, limits: dict[int, PermitLimit], book: Rulebook, made: TraceBuilder
) -> Limit:
    """Return a limit as it was when it judged: the result keeps its bounds, whatever has become of its row since."""
    low, high = sides_of(one["bounds"])
    lower, upper = (
        None if not math.isfinite(side) else Decimal(repr(side)).normalize() for side in (low, high)
    )
    present = None
    if one.get("limit") in limits:
        present = permit_row(limits[one["limit"]], unit)
    elif one.get("rule"):
        try:
            present = limit_of(book.row(one["rule"]))
        except KeyError:
            present = None
    if present is not None:
        own = [
            None if side is None else convert(side, present.unit, unit, present.item)
            for side in (present.lower, present.upper)
        ]
        if own == [lower, upper]:
            return present
        made.step(
            f"评价时的限值为 {one['bounds']} {unit}，此后已变更；按评价时的限值说明",
            f"the limit was {one['bounds']} {unit} when this was judged and has changed since: explained by the limit of that time",
        )
        row = Row.from_values(present.row.table, {**present.row.values, "limit": one["bounds"], "unit": unit})
        return replace(present, upper=upper, lower=lower, unit=unit, row=row)
    made.step(
        f"评价所依据的限值 {one['bounds']} {unit} 已撤回；按评价时的限值说明",
        f"the limit {one['bounds']} {unit} has been taken back since: explained by the limit of that time",
    )
    document = str(one.get("document") or "")
    operator = "range" if lower is not None and upper is not None else "<=" if upper is not None else ">="
    bare = one["bounds"].lstrip("≤≥").replace("–", "-")
    values = {
        "standard": document,
        "pollutant_cn": "",
        "averaging_period": "",
        "op": operator,
        "limit": bare,
        "unit": unit,
        "confidence": str(one.get("confidence") or "U"),
        "source": document,
        "condition": f"O2ref={one['oxygen']['of_limit']}%" if "oxygen" in one else "",
    }
    return limit_of(Row.from_values("emission_limits", values))


def _converted(
    item: dict[str, Any],
    limits: dict[int, PermitLimit],
    outlet: Outlet | None,
    series: Series,
    book: Rulebook,
) -> bool:
    own = _named(item, "limit")
    if own:
        return limits[own[0]].converted
    ruling = set(_named(item, "rule"))
    rows = (one for one in book.rows("emission_limits") if one.id in ruling)
    if any(reference_oxygen(one.values.get("condition", "")) is not None for one in rows):
        return True
    return outlet is not None and outlet.converts(series)


def _explain_mean(
    made: TraceBuilder, block: Block, outlet: Outlet, series: Series, converted: bool, book: Rulebook
) -> None:
    values = block.judged(outlet, series, converted)[1]
    volume = block.volume(outlet)
    if series.factor.wire_code == PH_CODE:
        made.step(
            "pH 日均值按 pH 值直接平均（未按氢离子活度换算）；所据标准对此的规定尚未核对原文，小时值是否超出范围另见各小时",
            "the mean of pH is one of the pH values themselves, not of activities; what the standard asks has not been compared "
            "with its text, and whether an hour lies outside stands with the hours",
        )
    try:
        if outlet.medium == "water":
            hours = [
                means.WaterHour(number(value, CARRIED), number(flow, CARRIED))
                for value, flow in zip(values.tolist(), volume.tolist(), strict=True)
            ]
            made.include(
                means.water_day(hours, rulebook=book.on(block.first)).trace,
                prefix=f"{series.factor.name_zh} ",
            )
        else:
            running = int(np.sum(~block.hours.of(series.pk, "stopped").astype(np.bool_)))
            made.include(
                means.gas_day(
                    [number(value, CARRIED) for value in values.tolist()],
                    operating_hours=running,
                    rulebook=book.on(block.first),
                ).trace,
                prefix=f"{series.factor.name_zh} ",
            )
    except EvaluationError as error:
        made.step(error.zh, error.en)


def _explain_amount(made: TraceBuilder, block: Block, outlet: Outlet, series: Series) -> None:
    """Show the first hour that counts, with concentration and flow on one basis; all others go the same way."""
    flow, volume = outlet.flow, block.volume(outlet)
    hours = np.flatnonzero(np.isfinite(block.masses(outlet, series, volume)))
    if flow is None or not len(hours):
        return
    hour = int(hours[0])
    name = series.factor.name_zh
    for one in (series, flow) if outlet.medium == "gas" else ():
        found = block.conversion(one, hour)
        if found is not None:
            made.include(found[0], prefix=f"{one.factor.name_zh} ")
        else:
            made.step(
                f"{one.factor.name_zh}: 按标态干基测量（没有另外登记），不换算",
                f"{one.factor.wire_code}: measured dry at standard state (nothing else is registered), not converted",
                standard_of(block.book, block.first).rows,
            )
    concentration = float(block.judged(outlet, series, False)[1][hour])
    mass = float(block.masses(outlet, series, volume)[hour])
    formula = (
        f"{short(settled(concentration))} {series.unit} × {short(settled(float(volume[hour])))} m³"
        f" = {short(settled(mass))} kg"
    )
    made.step(
        f"{name}（{hour:02d} 时）: C·Q = {formula}",
        f"{series.factor.wire_code} ({hour:02d}:00): C·Q = {formula}",
    )


def _explain_converted_hours(
    made: TraceBuilder, outlet: Outlet, series: Series, day: date, converted: bool
) -> None:
    """Say of a mean at reference oxygen that its hours are converted, before the mean is taken."""
    if not converted:
        return
    oxygen, name = outlet.registered_oxygen(series, day), series.factor.name_zh
    if oxygen is None:
        made.step(
            f"{name} 均值由设备上报的小时折算值计算", "the mean is one of the converted hours of the device"
        )
    else:
        made.step(
            f"{name} 均值由折算到基准含氧量 {plain(oxygen)}% 的小时值计算（设备上报折算值的小时用其上报值）",
            f"the mean is one of hours at the reference oxygen of {plain(oxygen)}% (as sent, where the device converts)",
        )


def _explain_conversion(
    made: TraceBuilder, block: Block, series: Series, start: datetime, converted: bool
) -> None:
    hour = int((start - block.hours.start) / inputs.HOUR)
    sent = block.hours.of(series.pk, "converted")[hour]
    if converted and np.isfinite(sent):
        made.step(
            f"采用设备上报的折算值 {short(settled(float(sent)))}",
            f"the converted value of the device is used: {short(settled(float(sent)))}",
        )
        return
    found = block.conversion(series, hour)
    if found is not None:
        made.include(found[0])
