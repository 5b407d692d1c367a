"""Air quality index (HJ 633-2012 and HJ 633-2026): IAQI, AQI, category, primary pollutant, advice."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from qingjian.rulebook import Confidence, Row, Rulebook, packaged
from qingjian.standards.air.breakpoints import HIGHEST_POSSIBLE, POLLUTANTS, pollutant_name, scale
from qingjian.standards.editions import Basis, governing, in_force, resolve
from qingjian.standards.errors import InputError
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.quantity import Given, measured
from qingjian.standards.words import english

STANDARD = "HJ 633"
_NEW = "2026"
# Item names as callers write them: (pollutant, averaging period) by report.
_HOURLY = {
    "SO2": ("SO2", "1h"),
    "NO2": ("NO2", "1h"),
    "CO": ("CO", "1h"),
    "O3": ("O3", "1h"),
    "PM10": ("PM10", "1h"),
    "PM2.5": ("PM2.5", "1h"),
    "SO2_24h": ("SO2", "24h"),
    "O3_8h": ("O3", "8h"),
    "PM10_24h": ("PM10", "24h"),
    "PM2.5_24h": ("PM2.5", "24h"),
}
_DAILY = {
    "SO2": ("SO2", "24h"),
    "NO2": ("NO2", "24h"),
    "CO": ("CO", "24h"),
    "PM10": ("PM10", "24h"),
    "PM2.5": ("PM2.5", "24h"),
    "O3_8h": ("O3", "8h"),
    "O3_1h": ("O3", "1h"),
}


@dataclass(frozen=True, slots=True)
class ItemIndex:
    """IAQI of one item. `raw` is the value before rounding up, `concentration` the value after input rounding."""

    item: str
    pollutant: str
    period: str
    concentration: Decimal
    unit: str
    iaqi: int
    raw: Decimal


@dataclass(frozen=True, slots=True)
class AirIndex:
    """AQI of one hour or day.

    `publishable` is False where HJ 633-2026 asks to publish "NA" (an item is missing and the AQI is not above 100).
    `primary`: pollutants with the highest IAQI when the AQI is above 50; `primary_items` the same as item names.
    `exceeding`: pollutants above IAQI 100, only in HJ 633-2012 (the 2026 edition deleted the concept).
    `effect` and `advice` carry their own confidence: their wording does not touch the index.
    """

    aqi: int
    level: str
    category: str
    color: str
    rgb: tuple[int, int, int]
    primary: tuple[str, ...]
    primary_items: tuple[str, ...]
    exceeding: tuple[str, ...]
    items: tuple[ItemIndex, ...]
    missing: tuple[str, ...]
    publishable: bool
    effect: Text
    advice: Text
    sensitive_groups: Mapping[str, Text]
    advice_confidence: Confidence
    edition: str
    trace: Trace


def sub_index(
    pollutant: str,
    period: str,
    concentration: Given,
    *,
    on: date | None = None,
    edition: str | None = None,
    rulebook: Rulebook | None = None,
) -> tuple[ItemIndex, Trace]:
    """IAQI of one pollutant (`1h`, `8h` or `24h`; μg/m³, CO mg/m³).

    Raises InputError, UnitError or EditionError; InputError too where the 2012 edition defines no index above 800 μg/m³.
    """
    book = rulebook or packaged()
    basis = resolve(book, "aqi_breakpoints", STANDARD, on, edition)
    symbol = pollutant_name(pollutant)
    trace = TraceBuilder(Text(f"空气质量分指数 {symbol} {period}", f"IAQI of {symbol} {period}"))
    basis.explain(trace)
    found = _item(book, basis, symbol, symbol, period, concentration, trace)
    if found is None:
        raise InputError(
            f"{symbol} {period} 高于 800 μg/m³ 时 HJ 633-2012 不计算该分指数",
            f"HJ 633-2012 defines no {period} index of {symbol} above 800 μg/m³",
        )
    return found, trace.done()


def hourly(
    values: Mapping[str, Given | None],
    *,
    on: date | None = None,
    edition: str | None = None,
    not_in_plan: Collection[str] = (),
    rulebook: Rulebook | None = None,
) -> AirIndex:
    """AQI of one hour from SO2, NO2, CO, O3, PM10, PM2.5 (1 h means; μg/m³, CO mg/m³; `PM25` is accepted).

    For HJ 633-2012 also `O3_8h`, `PM10_24h`, `PM2.5_24h` (rolling, the nine items of its text) and `SO2_24h`; rolling
    particle means are used when no 1 h mean is given. None or a name left out = missing.
    `not_in_plan`: items the station's plan does not ask for ("/"). Raises InputError, UnitError, EditionError.
    """
    book = rulebook or packaged()
    basis = resolve(book, "aqi_breakpoints", STANDARD, on, edition)
    given = _given(values, _HOURLY)
    trace = TraceBuilder(Text("空气质量指数（小时）", "hourly air quality index"))
    basis.explain(trace)
    new = _is_new(book, basis)
    items = dict(_HOURLY)
    for name in ("O3_8h", "PM10_24h", "PM2.5_24h", "SO2_24h"):
        hourly_name = name.partition("_")[0]
        replaced = name.startswith("PM") and hourly_name in given
        if name in given and (new or replaced):
            reason = ("实时报只用1小时平均", "the hourly report uses 1 h means only")
            trace.reject(name, values.get(name, ""), *reason)
        if new or replaced or name == "SO2_24h":
            items.pop(name)
    for name in ("PM10", "PM2.5"):
        if f"{name}_24h" in items and f"{name}_24h" in given:
            items.pop(name)
    required = [*(name for name in POLLUTANTS if name in items)]
    required += [f"{n}_24h" for n in ("PM10", "PM2.5") if n not in items]
    fallback = {} if new else {"SO2": "SO2_24h"}
    return _index(book, basis, given, items, required, fallback, not_in_plan, trace)


def daily(
    values: Mapping[str, Given | None],
    *,
    on: date | None = None,
    edition: str | None = None,
    not_in_plan: Collection[str] = (),
    rulebook: Rulebook | None = None,
) -> AirIndex:
    """AQI of one day from SO2, NO2, CO, PM10, PM2.5 (daily means) and O3_8h (daily maximum 8 h mean).

    HJ 633-2012 also uses O3_1h (daily maximum 1 h mean). μg/m³, CO mg/m³. Otherwise as `hourly`.
    """
    book = rulebook or packaged()
    basis = resolve(book, "aqi_breakpoints", STANDARD, on, edition)
    given = _given(values, _DAILY)
    trace = TraceBuilder(Text("空气质量指数（日）", "daily air quality index"))
    basis.explain(trace)
    items = dict(_DAILY)
    if _is_new(book, basis):
        items.pop("O3_1h")
        if "O3_1h" in given:
            reason = (
                "HJ 633-2026 日报只用臭氧日最大8小时平均",
                "the 2026 daily report uses the 8 h maximum only",
            )
            trace.reject("O3_1h", values.get("O3_1h", ""), *reason)
    return _index(book, basis, given, items, list(items), {}, not_in_plan, trace)


def _is_new(book: Rulebook, basis: Basis) -> bool:
    return in_force(book, "aqi_levels", basis)[0].edition >= _NEW


def _given(values: Mapping[str, Given | None], known: Mapping[str, object]) -> dict[str, Given]:
    given: dict[str, Given] = {}
    for name, value in values.items():
        item = name.replace("PM25", "PM2.5")
        if item not in known:
            names = ", ".join(known)
            raise InputError(f"不认识的项目 {name}（可用: {names}）", f"unknown item {name} (known: {names})")
        if item in given:
            raise InputError(f"项目重复: {name}", f"item given twice: {name}")
        if value is not None:
            given[item] = value
    return given


def _item(
    book: Rulebook, basis: Basis, item: str, pollutant: str, period: str, value: Given, trace: TraceBuilder
) -> ItemIndex | None:
    table = scale(book, basis, pollutant, period)
    received = measured(value, item, table.unit, highest=HIGHEST_POSSIBLE)
    rounded = table.rounded(received.value)
    trace.use(received, used=rounded)
    found = table.index(rounded)
    if found is None:
        return None
    iaqi, raw, rows = found
    shown = plain(raw.quantize(Decimal("0.0001")))
    if rounded > table.top:
        trace.step(
            f"{item}: {plain(rounded)} {table.unit}，高于最高浓度限值 {plain(table.top)}，分指数按 {iaqi} 计",
            f"{item}: {plain(rounded)} {table.unit}, above the highest breakpoint {plain(table.top)}: IAQI {iaqi}",
            rows,
        )
    else:
        trace.step(
            f"{item}: {plain(rounded)} {table.unit} → 分指数 {shown}，进位为 {iaqi}",
            f"{item}: {plain(rounded)} {table.unit} → IAQI {shown}, rounded up to {iaqi}",
            rows,
        )
    return ItemIndex(item, pollutant, period, rounded, table.unit, iaqi, raw)


def _index(
    book: Rulebook,
    basis: Basis,
    given: dict[str, Given],
    items: Mapping[str, tuple[str, str]],
    required: list[str],
    fallback: Mapping[str, str],
    not_in_plan: Collection[str],
    trace: TraceBuilder,
) -> AirIndex:
    results: list[ItemIndex] = []
    for name, (pollutant, period) in items.items():
        if name not in given:
            continue
        found = _item(book, basis, name, pollutant, period, given[name], trace)
        if found is None:
            trace.step(
                f"{name} 高于 800 μg/m³，不计{period}分指数", f"{name} is above 800 μg/m³: no {period} index"
            )
            other = fallback.get(name)
            if other is not None and other in given:
                found = _item(book, basis, other, pollutant, "24h", given[other], trace)
        if found is not None:
            results.append(found)
    if not results:
        raise InputError("没有可用于计算的项目", "no item is left to calculate from")
    left_out = {name.replace("PM25", "PM2.5") for name in not_in_plan}
    speaking = {result.pollutant for result in results}
    missing = tuple(
        name
        for name in required
        if name not in left_out and (name not in given or items[name][0] not in speaking)
    )
    new = _is_new(book, basis)
    aqi = max(result.iaqi for result in results)
    if new and aqi < 1:
        aqi = 1  # the range of the 2026 edition is 1–500
    level = level_of(book, basis, aqi)
    top = [result for result in results if result.iaqi == aqi] if aqi > 50 else []
    primary = tuple(dict.fromkeys(result.pollutant for result in top))
    names = "、".join(primary) or "无"
    trace.step(
        f"AQI = 各分指数最大值 = {aqi}，{level['level']}（{level['category']}），首要污染物: {names}",
        f"AQI = highest IAQI = {aqi}, {english(level['category'])}; primary pollutant: {', '.join(primary) or 'none'}",
        [level],
    )
    publishable = not (new and missing and aqi <= 100)
    _explain_missing(book, basis, missing, publishable, trace)
    over = tuple(dict.fromkeys(result.pollutant for result in results if result.iaqi > 100))
    effect, advice, groups, advice_rows = _advice(book, basis, level["level"], over)
    red, green, blue = (int(part) for part in level["rgb"].split(","))
    return AirIndex(
        aqi=aqi,
        level=level["level"],
        category=level["category"],
        color=level["color"],
        rgb=(red, green, blue),
        primary=primary,
        primary_items=tuple(result.item for result in top),
        exceeding=() if new else over,
        items=tuple(results),
        missing=missing,
        publishable=publishable,
        effect=effect,
        advice=advice,
        sensitive_groups=groups,
        advice_confidence=Confidence.weakest(row.confidence for row in advice_rows),
        edition=level.edition,
        trace=trace.done(),
    )


def level_of(book: Rulebook, basis: Basis, aqi: int) -> Row:
    """The level an AQI belongs to. Raises InputError if it is in none."""
    for row in in_force(book, "aqi_levels", basis):
        if int(row["aqi_lo"]) <= aqi <= int(row["aqi_hi"]):
            return row
    raise InputError(f"AQI {aqi} 不在级别表内", f"AQI {aqi} is not in the table of levels")


def _explain_missing(
    book: Rulebook, basis: Basis, missing: tuple[str, ...], publishable: bool, trace: TraceBuilder
) -> None:
    if not missing:
        return
    names = ", ".join(missing)
    rules = book.rows("data_validity", basis.day, standard=STANDARD, item="missing pollutant")
    if publishable:
        trace.step(f"缺项 {names}，由其余项目计算", f"missing {names}: calculated from the rest", rules)
    else:
        trace.step(
            f"缺项 {names} 且 AQI 不大于 100: AQI 信息发布为 NA，浓度照常发布",
            f"missing {names} and AQI not above 100: AQI is published as NA, concentrations are still shown",
            rules,
        )


def _advice(
    book: Rulebook, basis: Basis, level: str, over: tuple[str, ...]
) -> tuple[Text, Text, dict[str, Text], list[Row]]:
    effect, advice = (
        governing(in_force(book, "aqi_advice", basis, kind=kind, item=level)) for kind in ("effect", "advice")
    )
    groups_of: dict[str, list[Row]] = {}
    for row in book.rows("aqi_advice", basis.day, kind="sensitive"):
        if row["item"] in over:
            groups_of.setdefault(row["item"], []).append(row)
    sensitive = {item: governing(rows) for item, rows in groups_of.items()}
    groups = {item: Text(row["text_zh"], row["text_en"]) for item, row in sensitive.items()}
    return (
        Text(effect["text_zh"], effect["text_en"]),
        Text(advice["text_zh"], advice["text_en"]),
        groups,
        [effect, advice, *sensitive.values()],
    )
