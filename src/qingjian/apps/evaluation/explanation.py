"""Why an evaluation says what it says: the trace of a stored result, worked out by the reference functions.

The arrays of the back history keep results without traces; asking why works the result out again from the stored inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from qingjian.apps.evaluation import air_rules
from qingjian.apps.evaluation.drafts import Draft, day_of
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.rulekeeping.queries import rulebook, rulebook_at
from qingjian.rulebook import Rulebook
from qingjian.standards.air import index
from qingjian.standards.air.index import AirIndex
from qingjian.standards.editions import Basis
from qingjian.standards.errors import EditionError, EvaluationError
from qingjian.standards.explanation import Text, Trace, TraceBuilder

AIR_TITLES = {
    ("air_hour", True): Text("测站空气质量（小时）", "air quality of a station, hour"),
    ("air_day", True): Text("测站空气质量（日）", "air quality of a station, day"),
    ("air_hour", False): Text("区域空气质量（小时）", "air quality of a region, hour"),
    ("air_day", False): Text("区域空气质量（日）", "air quality of a region, day"),
}


def air_index(row: Evaluation | Draft, book: Rulebook, on: date | None = None) -> AirIndex | None:
    """Return the index of stored inputs by the reference functions; None when no item is left."""
    day = on or day_of(row.start)
    used = dict(row.values.get("used", {}))
    if row.kind == "air_day":
        used["O3_8h"] = used.pop("O3", None)
    function = index.daily if row.kind == "air_day" else index.hourly
    try:
        return function(used, on=day, rulebook=book)
    except EvaluationError:
        return None


def index_of_day(used: Mapping[str, float], day: date, edition: str, book: Rulebook) -> AirIndex:
    """Return the index of daily values on an edition of HJ 633, whatever the day. Raises EvaluationError."""
    items: dict[str, float | None] = dict(used)
    items["O3_8h"] = items.pop("O3", None)
    return index.daily(items, on=day, edition=edition, rulebook=book)


def air_trace(row: Evaluation | Draft, book: Rulebook) -> Trace:
    """Explain an hour or a day of a station or region: marks, validity, means, indices."""
    day = day_of(row.start)
    station = (row.point if isinstance(row, Draft) else row.point_id) is not None
    trace = TraceBuilder(AIR_TITLES[row.kind, station])
    values = row.values
    for name, given in values.get("rejected", {}).items():
        trace.reject(name, given["value"], given["zh"], given["en"])
    for name, unit in values.get("converted_from", {}).items():
        wanted = air_rules.unit_of(book, name)
        trace.step(f"{name}: 由 {unit} 换算为 {wanted}", f"{name}: converted from {unit} to {wanted}")
    for name, count in values.get("below_detection", {}).items():
        trace.step(
            f"{name}: 其中 {count} 个小时未检出，按检出限的一半计",
            f"{name}: {count} hours below the detection limit, counted as half of it",
        )
    try:
        rules = air_rules.rules_of(book, day)
    except EditionError as error:
        trace.step(f"不评价: {error.zh}", f"not evaluated: {error.en}")
        return trace.done()
    if row.kind == "air_day" and station:
        _explain_days(trace, values, rules)
    if not station:
        _explain_sites(trace, values, rules, book, day)
    found = air_index(row, book)
    if found is None:
        trace.step("没有可用于计算的项目，不计算 AQI", "no item is left to calculate from: no AQI")
    else:
        trace.include(found.trace)
        if not found.publishable:
            trace.step(
                f"按其余项目计算为 {found.aqi}，但不发布",
                f"the rest gives {found.aqi}, which is not published",
            )
    return trace.done()


def _explain_days(trace: TraceBuilder, values: dict[str, Any], rules: air_rules.Rules) -> None:
    for name, hours in values.get("hours", {}).items():
        left_out = values.get("left_out", {}).get(name, 0)
        zh = f"，{left_out} 个小时因标记等不参加" if left_out else ""
        en = f", {left_out} left out for their marks" if left_out else ""
        if name == "O3":
            windows = values.get("windows", 0)
            trace.step(
                f"O3: 有效小时 {hours}/24{zh}，有效8小时滑动平均 {windows}/17（需 {rules.validity.eight_hour_windows}，不足时仅当超过 {rules.ozone_limit:g} 才有效）{'' if 'O3' in values['used'] else '：无效'}",
                f"O3: {hours} of 24 hours valid{en}, {windows} of 17 eight-hour means ({rules.validity.eight_hour_windows} needed unless above {rules.ozone_limit:g}){'' if 'O3' in values['used'] else ': not valid'}",
                rules.validity.rows,
            )
        else:
            met = name in values["used"]
            trace.step(
                f"{name}: 有效小时 {hours}/24{zh}，需 {rules.validity.day_hours}：{'有效' if met else '日均值无效'}",
                f"{name}: {hours} of 24 hours valid{en}, {rules.validity.day_hours} needed: {'valid' if met else 'no valid daily mean'}",
                [row for row in rules.validity.rows if row["scope"] == "日平均"],
            )
    trace.step(
        "均值不先行修约，只按所用版本 HJ 633 的规定修约一次",
        "means are not rounded before: only once, as the edition of HJ 633 in force asks",
    )


def _explain_sites(
    trace: TraceBuilder, values: dict[str, Any], rules: air_rules.Rules, book: Rulebook, day: date
) -> None:
    of = values.get("of", [])
    rows = book.rows("data_validity", Basis(day).day, standard="HJ 663", item="city aggregation")
    share = f"{rules.validity.site_share:.0%}"
    trace.step(
        f"参加评价的测站 {len(of)} 个: {'、'.join(of)}", f"{len(of)} assessed stations: {', '.join(of)}"
    )
    for name, valid in values.get("stations", {}).items():
        met = name in values["used"]
        trace.step(
            f"{name}: {valid}/{len(of)} 个测站有效（需 {share}）{'，取算术平均' if met else '，无效'}",
            f"{name}: {valid} of {len(of)} stations valid ({share} needed){', arithmetic mean' if met else ', not valid'}",
            rows,
        )


def book_of(row: Evaluation) -> Rulebook:
    """Return the rulebook by which a stored result is explained: the present one, or that of its time where it has changed."""
    book = rulebook()
    return book if row.rulebook == book.version else rulebook_at(row.known_at)


def trace_of(row: Evaluation, book: Rulebook) -> tuple[dict[str, Any], bool]:
    """Return the trace of a stored result and whether it was worked out again just now."""
    if row.trace is not None:
        return row.trace, False
    if row.kind in ("air_hour", "air_day"):
        return air_trace(row, book).to_dict(), True
    from qingjian.apps.evaluation import outlet_traces

    return outlet_traces.trace(row, book).to_dict(), True
