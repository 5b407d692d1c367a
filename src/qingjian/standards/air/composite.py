"""Composite index of ambient air quality and its variants (环办监测〔2018〕19号 and candidates for 2026)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from qingjian.rulebook import Confidence, Row, Rulebook, packaged
from qingjian.standards.air.breakpoints import HIGHEST_POSSIBLE, POLLUTANTS, pollutant_name
from qingjian.standards.errors import EditionError, InputError
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.quantity import Given, measured
from qingjian.standards.rounding import round_places

_DECIMALS = 2
_BRACKETS = re.compile(r"\s*\([^()]*\)\Z")
_SHORT_NAMES = {
    "2018 rule / GB 3095-2012": "2018 rule",
    "2018 rule": "2018 rule",
    "环办监测〔2018〕19号": "2018 rule",
    "2026 limits, equal weights": "2026 limits, equal weights",
    "2026 limits, weights 3/2/2/1/1/1": "2026 limits, weights",
    "2026 limits, weighted": "2026 limits, weights",
    "2031 final limits, equal weights": "2031 final limits",
}


@dataclass(frozen=True, slots=True)
class CompositeIndex:
    """Σ w·C/S over the six pollutants. `provisional`: the variant is not an official rule.

    `shares` in % with one decimal; `largest` are the pollutants with the largest part (ties share).
    """

    value: Decimal
    exact: Decimal
    variant: str
    provisional: bool
    parts: Mapping[str, Decimal]
    shares: Mapping[str, Decimal]
    largest: tuple[str, ...]
    trace: Trace


def variants(rulebook: Rulebook | None = None) -> tuple[str, ...]:
    """Names of the variants in the rulebook, the official one first."""
    book = rulebook or packaged()
    return tuple(dict.fromkeys(row["variant"] for row in book.rows("composite_index")))


def _plain_name(variant: str) -> str:
    return re.sub(r"\s+", "", variant.translate(str.maketrans("（），", "(),"))).casefold()


def variant_rows(book: Rulebook, variant: str | None, on: date | None) -> tuple[Row, ...]:
    """Rows of a variant by name, short name, or by the date of the data (equal weights). Raises EditionError."""
    if variant is None:
        if on is None:
            raise EditionError("未给出数据日期或指数方案", "neither a date nor a variant is given")
        rows = book.rows("composite_index", on)
        if not rows:
            raise EditionError(f"{on} 没有适用的综合指数规定", f"no composite index in force on {on}")
        first = rows[0]["variant"]
        return tuple(row for row in rows if row["variant"] == first)
    short = {_plain_name(name): meaning for name, meaning in _SHORT_NAMES.items()}.get(_plain_name(variant))
    rows = tuple(
        row
        for row in book.rows("composite_index")
        if _plain_name(variant)
        in (_plain_name(row["variant"]), _plain_name(_BRACKETS.sub("", row["variant"])))
        or (short is not None and row["variant"].startswith(short))
    )
    if not rows:
        raise EditionError(f"没有综合指数方案 {variant}", f"no composite index variant {variant}")
    return rows


def composite_index(
    values: Mapping[str, Given],
    *,
    on: date | None = None,
    variant: str | None = None,
    rulebook: Rulebook | None = None,
) -> CompositeIndex:
    """Composite index from SO2, NO2, PM10, PM2.5 (period means), CO (P95 of days, mg/m³) and O3 (P90 of MDA8).

    All six are needed. Without `variant` the date decides; after 2026-02-28 no official rule is known, the default
    (2026 transitional limits, equal weights) is marked provisional. Raises InputError, UnitError, EditionError.
    """
    book = rulebook or packaged()
    rows = {row["symbol"]: row for row in variant_rows(book, variant, on)}
    names = {pollutant_name(name): given for name, given in values.items()}
    unknown = set(names) - set(rows)
    missing = [name for name in POLLUTANTS if name not in names]
    if unknown or missing or len(names) != len(values):
        wrong = "、".join([*sorted(unknown), *missing])
        raise InputError(
            f"综合指数需要且只需要六项: {wrong}", f"the composite index needs exactly the six items: {wrong}"
        )
    title = next(iter(rows.values()))["variant"]
    trace = TraceBuilder(Text("环境空气质量综合指数", "composite index of ambient air quality"))
    trace.step(f"方案: {title}", f"variant: {title}", rows.values())
    parts: dict[str, Decimal] = {}
    for name in POLLUTANTS:
        row = rows[name]
        item = measured(names[name], name, row["unit"], highest=HIGHEST_POSSIBLE)
        trace.use(item)
        parts[name] = item.value / Decimal(row["standard_value"]) * Decimal(row["weight"])
        shown = plain(round_places(parts[name], 4))
        weight = "" if row["weight"] == "1" else f" × {row['weight']}"
        formula = (
            f"{name} ({row['statistic']}): {plain(item.value)} / {row['standard_value']}{weight} = {shown}"
        )
        trace.step(formula, formula)
    exact = sum(parts.values(), Decimal(0))
    value = round_places(exact, _DECIMALS)
    highest = max(parts.values())
    shares = {n: round_places(p / exact * 100, 1) if exact else Decimal(0) for n, p in parts.items()}
    trace.step(
        f"综合指数 = Σ = {plain(round_places(exact, 6))} → {value}（保留2位小数，四舍六入五成双）",
        f"index = sum = {plain(round_places(exact, 6))} → {value} (2 decimals, half to even)",
    )
    provisional = any(row.confidence is Confidence.U and not row.confirmed for row in rows.values())
    if provisional:
        trace.step("该方案非正式规定，结果为暂行", "the variant is not an official rule: provisional result")
    return CompositeIndex(
        value=value,
        exact=exact,
        variant=title,
        provisional=provisional,
        parts=parts,
        shares=shares,
        largest=tuple(name for name, part in parts.items() if part == highest and part > 0),
        trace=trace.done(),
    )
