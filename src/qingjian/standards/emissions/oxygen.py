"""Conversion of flue-gas concentrations to the reference oxygen content."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from qingjian.rulebook import Row, Rulebook, packaged
from qingjian.standards.errors import InputError
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.quantity import Given, measured
from qingjian.standards.rounding import round_places

_AIR = Decimal(21)
_PERCENT = r"(\d+(?:\.\d+)?)\s*[%％]"
_NAMED = (
    re.compile(rf"O2ref={_PERCENT}"),
    re.compile(rf"基准\s*(?:含)?氧(?:含)?量?\s*(?:为|按|[=:：（(])?\s*{_PERCENT}"),
    re.compile(rf"(?:O2|O₂)\s*[=:：]?\s*{_PERCENT}"),
    re.compile(rf"(?:含氧量|氧含量)\s*(?:为|按|[=:：（(])?\s*{_PERCENT}"),
    re.compile(rf"{_PERCENT}\s*(?:的)?(?:基准)?(?:含氧量|氧含量|氧|O2|O₂)"),
)
"""How offices write a reference oxygen; the tables write the first one."""


@dataclass(frozen=True, slots=True)
class Converted:
    """Concentration at reference oxygen, in the unit given, exact."""

    value: Decimal
    trace: Trace


def reference_oxygen(condition: str) -> Decimal | None:
    """Reference oxygen named in the condition of a limit (`燃煤锅炉; O2ref=6%` → 6), None if there is none."""
    match = next((found for one in _NAMED if (found := one.search(condition)) is not None), None)
    return Decimal(match[1]) if match else None


def speaks_of_oxygen(condition: str) -> bool:
    """Whether a condition says something of oxygen, which `reference_oxygen` may or may not be able to read."""
    return "氧" in condition or re.search(r"O2|O₂", condition) is not None


def at_other_reference(value: Decimal, registered: Decimal, wanted: Decimal) -> Decimal:
    """c' = c·(21-O2wanted)/(21-O2registered): a concentration at one reference oxygen (%) brought to another.

    Multiplied before it is divided: a quotient that is a decimal fraction comes out exact.
    Raises InputError for a reference oxygen outside 0 to below 21 %.
    """
    for one in (registered, wanted):
        if not 0 <= one < _AIR:
            raise InputError(
                f"基准含氧量 {plain(one)}% 不在 0～21% 之间",
                f"reference oxygen {plain(one)}% is not 0 to below 21 %",
            )
    return value * (_AIR - wanted) / (_AIR - registered)


def convert(
    concentration: Given, *, measured_oxygen: Given, reference: Given, rulebook: Rulebook | None = None
) -> Converted:
    """ρ = ρ'·(21-O2ref)/(21-O2meas), concentration in mg/m³, oxygen in %.

    Refused where the measured oxygen reaches the guard of the rulebook (20.5 %): the formula would explode.
    Raises InputError, UnitError.
    """
    book = rulebook or packaged()
    row = guard(book)
    value = measured(concentration, "实测浓度", "mg/m³")
    oxygen = measured(measured_oxygen, "实测含氧量", "%", highest=_AIR)
    wanted = measured(reference, "基准含氧量", "%", highest=Decimal(20))
    if oxygen.value >= Decimal(row["value"]):
        raise InputError(
            f"实测含氧量 {plain(oxygen.value)}% 不小于 {row['value']}%，不能折算（疑似漏风或停炉）",
            f"measured oxygen {plain(oxygen.value)}% reaches {row['value']}%: cannot be converted",
        )
    result = value.value * (_AIR - wanted.value) / (_AIR - oxygen.value)
    trace = TraceBuilder(Text("折算到基准含氧量", "conversion to reference oxygen"))
    for item in (value, oxygen, wanted):
        trace.use(item)
    formula = f"{plain(value.value)} × (21-{plain(wanted.value)}) / (21-{plain(oxygen.value)})"
    shown = plain(round_places(result, 4))
    trace.step(f"折算浓度 = {formula} = {shown} mg/m³", f"converted = {formula} = {shown} mg/m³", [row])
    return Converted(result, trace.done())


def convert_array(
    concentrations: npt.ArrayLike,
    measured_oxygen: npt.ArrayLike,
    reference: float,
    *,
    rulebook: Rulebook | None = None,
) -> npt.NDArray[np.float64]:
    """The same for arrays (mg/m³, %): NaN where the oxygen is missing, negative or reaches the guard."""
    highest = float(guard(rulebook or packaged())["value"])
    oxygen = np.asarray(measured_oxygen, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        usable = (oxygen >= 0) & (oxygen < highest)
        return np.where(
            usable,
            np.asarray(concentrations, dtype=np.float64) * (21.0 - reference) / (21.0 - oxygen),
            np.nan,
        )


def guard(book: Rulebook) -> Row:
    """Return the row with the measured oxygen (%) from which on nothing is converted."""
    return book.rows("evaluation_parameters", subject="reference_oxygen")[-1]
