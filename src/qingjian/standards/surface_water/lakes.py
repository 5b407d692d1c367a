"""Trophic level of lakes and reservoirs: TLI by parameter, weighted, and state (环办〔2011〕22号)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from qingjian.rulebook import Row, Rulebook, packaged
from qingjian.standards.editions import newest_first
from qingjian.standards.errors import InputError
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.quantity import Given, Measured, Quantity, decimal_of, measured, unit_name
from qingjian.standards.rounding import round_places
from qingjian.standards.surface_water.items import non_detect_row, non_detect_share
from qingjian.standards.words import english

PARAMETERS = ("chla", "TP", "TN", "SD", "CODMn")
_PER_CUBIC_METRE = {"ng/L": "μg/m³", "μg/L": "mg/m³", "mg/L": "g/m³"}
"""The same number: 1 μg/L is 1 mg/m³."""


@dataclass(frozen=True, slots=True)
class TrophicLevel:
    """Weighted TLI. `parts` by parameter; `missing` parameters are left out and the weights re-normalised."""

    value: Decimal
    state: str
    parts: Mapping[str, Decimal]
    weights: Mapping[str, Decimal]
    missing: tuple[str, ...]
    trace: Trace


def in_its_unit(parameter: str, given: Given) -> Given:
    """Chlorophyll a given per litre of water, in the unit of its row per cubic metre; everything else as it is."""
    if parameter == "chla" and isinstance(given, Quantity):
        return Quantity(given.value, _PER_CUBIC_METRE.get(unit_name(given.unit), given.unit))
    return given


def parameter_index(parameter: str, value: Given, *, rulebook: Rulebook | None = None) -> tuple[Decimal, Row]:
    """TLI of one parameter: 10·(a + b·ln x). chla in mg/m³, TP, TN, CODMn in mg/L, SD in m. Raises InputError."""
    book = rulebook or packaged()
    row = _coefficients(book, parameter)
    item = _measured(book, parameter, value, row)
    if item.value <= 0:
        raise InputError(f"{parameter} 须大于 0", f"{parameter} must be above 0")
    return 10 * (Decimal(row["a"]) + Decimal(row["b"]) * item.value.ln()), row


def _measured(book: Rulebook, parameter: str, given: Given, row: Row) -> Measured:
    share = non_detect_share(book)
    return measured(in_its_unit(parameter, given), parameter, row["unit"], below_detection=share)


def trophic_level(values: Mapping[str, Given | None], *, rulebook: Rulebook | None = None) -> TrophicLevel:
    """Weighted TLI of a lake from chla, TP, TN, SD and CODMn (those measured). Raises InputError, UnitError."""
    book = rulebook or packaged()
    trace = TraceBuilder(Text("湖库综合营养状态指数", "trophic level index"))
    parts: dict[str, Decimal] = {}
    for name, given in values.items():
        if given is None:
            continue
        parts[name], row = parameter_index(name, given, rulebook=book)
        item = _measured(book, name, given, row)
        trace.use(item)
        shown = plain(round_places(parts[name], 3))
        used = [row, non_detect_row(book)] if item.is_below_detection else [row]
        trace.step(f"TLI({name}) = {shown}", f"TLI({name}) = {shown}", used)
    return _weighted(book, parts, trace)


def weighted(
    parts: Mapping[str, Decimal | float | int | str], *, rulebook: Rulebook | None = None
) -> TrophicLevel:
    """Weighted TLI from the TLI of each parameter."""
    book = rulebook or packaged()
    trace = TraceBuilder(Text("湖库综合营养状态指数", "trophic level index"))
    return _weighted(book, {name: decimal_of(value, f"TLI({name})") for name, value in parts.items()}, trace)


def state_of(level: Decimal, *, rulebook: Rulebook | None = None) -> tuple[str, Row]:
    """Trophic state of a TLI and the row that decided: <30, 30–50, >50–60, >60–70, >70."""
    book = rulebook or packaged()
    for row in newest_first(book.rows("tli", kind="threshold")):
        label = row["label"]
        low, high = row["lo"], row["hi"]
        above = not low or (level >= Decimal(low) if f"{low}≤" in label else level > Decimal(low))
        below = not high or (level <= Decimal(high) if f"≤{high}" in label else level < Decimal(high))
        if above and below:
            return re.sub(r"\s*\(.*\)", "", label), row
    raise InputError(f"TLI {level} 没有对应状态", f"no state for TLI {level}")


def _coefficients(book: Rulebook, parameter: str) -> Row:
    rows = book.rows("tli", kind="coef", symbol=parameter)
    if not rows:
        raise InputError(f"TLI 没有参数 {parameter}", f"TLI has no parameter {parameter}")
    return rows[0]


def _weighted(book: Rulebook, parts: Mapping[str, Decimal], trace: TraceBuilder) -> TrophicLevel:
    if not parts:
        raise InputError("没有营养状态参数", "no trophic parameter")
    rows = {name: _coefficients(book, name) for name in parts}
    total = sum((Decimal(row["rij2"]) for row in rows.values()), Decimal(0))
    weights = {name: Decimal(row["rij2"]) / total for name, row in rows.items()}
    value = sum((weights[name] * part for name, part in parts.items()), Decimal(0))
    state, row = state_of(value, rulebook=book)
    missing = tuple(name for name in PARAMETERS if name not in parts)
    if missing:
        trace.step(
            f"缺 {'、'.join(missing)}，权重按现有参数归一",
            f"{', '.join(missing)} missing: weights re-normalised over the rest",
            rows.values(),
        )
    shown = plain(round_places(value, 3))
    listing = " + ".join(
        f"{round_places(weights[name], 4)}×{round_places(part, 3)}" for name, part in parts.items()
    )
    trace.step(
        f"TLI(Σ) = {listing} = {shown} → {state}",
        f"TLI = {listing} = {shown} → {english(state)}",
        [*rows.values(), row],
    )
    return TrophicLevel(value, state, dict(parts), weights, missing, trace.done())
