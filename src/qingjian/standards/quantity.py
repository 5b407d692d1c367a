"""Numbers as received: decimal text, non-detects such as `0.002L`, and explicit units."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from qingjian.standards.errors import InputError, UnitError

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?\Z", re.ASCII)
_WIDEST_EXPONENT = 15
NON_DETECT_SHARE = Decimal("0.5")
"""Share of the detection limit that a non-detect counts, where a standard does not say otherwise."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value with its unit, for callers whose unit is not the one the function documents."""

    value: Decimal | int | float | str
    unit: str


Given: TypeAlias = "Quantity | Decimal | int | float | str"


@dataclass(frozen=True, slots=True)
class Measured:
    """One input, understood. `value` is what the calculation uses; for a non-detect a share of the detection limit."""

    name: str
    received: str
    value: Decimal
    unit: str
    detection_limit: Decimal | None = None

    @property
    def is_below_detection(self) -> bool:
        return self.detection_limit is not None


def decimal_of(value: Decimal | int | float | str, name: str) -> Decimal:
    """The exact decimal a person would read. Raises InputError for anything that is not a finite, sane number."""
    text = "" if isinstance(value, bool) else str(value).strip()
    if _NUMBER.match(text) is None:
        raise InputError(f"{name} 不是数: {value!r}", f"{name} is not a number: {value!r}")
    number = Decimal(text)
    if number and abs(number.adjusted()) > _WIDEST_EXPONENT:
        raise InputError(
            f"{name} 超出任何可能的范围: {text}", f"{name} is outside any possible range: {text}"
        )
    return number


def measured(
    given: Given,
    name: str,
    unit: str,
    *,
    lowest: Decimal | None = Decimal(0),
    highest: Decimal | None = None,
    below_detection: Decimal = NON_DETECT_SHARE,
) -> Measured:
    """Understand one input in the unit wanted.

    Non-detects are written `0.002L` or `<0.002`; they count as `below_detection` × the detection limit.
    Raises InputError (no number, out of `lowest`..`highest`) or UnitError.
    """
    raw, raw_unit = (given.value, given.unit) if isinstance(given, Quantity) else (given, unit)
    text = str(raw).strip()
    received = f"{text} {raw_unit}".strip() if isinstance(given, Quantity) else text
    limit: Decimal | None = None
    if isinstance(raw, str) and (text.startswith("<") or text[-1:] in {"L", "l"}):
        limit = convert(decimal_of(text.strip("<Ll "), name), raw_unit, unit, name)
        if limit <= 0:
            raise InputError(
                f"{name} 的检出限须为正: {text}", f"the detection limit of {name} must be positive: {text}"
            )
        value = limit * below_detection
    else:
        value = convert(decimal_of(raw, name), raw_unit, unit, name)
    if lowest is not None and value < lowest:
        raise InputError(f"{name} 不能小于 {lowest}: {text}", f"{name} cannot be below {lowest}: {text}")
    if highest is not None and value > highest:
        raise InputError(f"{name} 不能大于 {highest}: {text}", f"{name} cannot be above {highest}: {text}")
    return Measured(name, received, value, unit, limit)


# dimension, size in the base unit of the dimension
_UNITS: dict[str, tuple[str, Decimal]] = {
    "无量纲": ("pure", Decimal(1)),
    "": ("pure", Decimal(1)),
    "%": ("percent", Decimal(1)),
    "倍": ("times", Decimal(1)),
    "度": ("colour", Decimal(1)),
    "NTU": ("turbidity", Decimal(1)),
    "℃": ("temperature", Decimal(1)),
    "dB(A)": ("sound level", Decimal(1)),
    "个/L": ("count per volume", Decimal(1)),
    "MPN/L": ("count per volume", Decimal(1)),
    "MPN/100mL": ("colony per volume", Decimal(1)),
    "MPN/100mL 或 CFU/100mL": ("colony per volume", Decimal(1)),
    "CFU/100mL": ("colony per volume", Decimal(1)),
    "CFU/mL": ("colony per millilitre", Decimal(1)),
    "Bq/L": ("activity per volume", Decimal(1)),
    "nGy/h": ("dose rate", Decimal(1)),
    "μGy/h": ("dose rate", Decimal(1000)),
    "mGy/h": ("dose rate", Decimal(1000000)),
    "mSv": ("dose equivalent", Decimal(1)),
    "μSv": ("dose equivalent", Decimal("0.001")),
    "ng TEQ/m³": ("toxic equivalent", Decimal(1)),
    "μS/cm": ("conductivity", Decimal(1)),
    "mS/m": ("conductivity", Decimal(10)),
    "mV": ("potential", Decimal(1)),
    "mm": ("length", Decimal("0.001")),
    "cm": ("length", Decimal("0.01")),
    "m": ("length", Decimal(1)),
    "g": ("mass", Decimal(1)),
    "kg": ("mass", Decimal(1000)),
    "t": ("mass", Decimal(1000000)),
    "m³": ("volume", Decimal(1)),
    "L": ("volume", Decimal("0.001")),
    "万m³": ("volume", Decimal(10000)),
    "m³/h": ("volume flow", Decimal(1)),
    "L/s": ("volume flow", Decimal("3.6")),
    "m³/s": ("volume flow", Decimal(3600)),
    "m³/min": ("volume flow", Decimal(60)),
    "万m³/h": ("volume flow", Decimal(10000)),
    "L/min": ("volume flow", Decimal("0.06")),
    "L/h": ("volume flow", Decimal("0.001")),
    "g/h": ("mass flow", Decimal(1)),
    "kg/h": ("mass flow", Decimal(1000)),
    "t/h": ("mass flow", Decimal(1000000)),
    "级": ("pure", Decimal(1)),
    "ng/m³": ("mass per gas volume", Decimal("0.000001")),
    "μg/m³": ("mass per gas volume", Decimal("0.001")),
    "mg/m³": ("mass per gas volume", Decimal(1)),
    "g/m³": ("mass per gas volume", Decimal(1000)),
    "ng/L": ("mass per water volume", Decimal("0.000001")),
    "μg/L": ("mass per water volume", Decimal("0.001")),
    "mg/L": ("mass per water volume", Decimal(1)),
    "g/L": ("mass per water volume", Decimal(1000)),
    "ng/kg": ("mass fraction", Decimal("0.000001")),
    "μg/kg": ("mass fraction", Decimal("0.001")),
    "mg/kg": ("mass fraction", Decimal(1)),
    "g/kg": ("mass fraction", Decimal(1000)),
}
_SPELLINGS = {
    "µ": "μ",
    "ug": "μg",
    "uG": "μG",
    "uS": "μS",
    "m3": "m³",
    "M3": "m³",
    "/Nm³": "/m³",
    "g/l": "g/L",
    "dBA": "dB(A)",
    "db(A)": "dB(A)",
    "DB(A)": "dB(A)",
    "分贝(A)": "dB(A)",
    "°C": "℃",
    "ngTEQ": "ng TEQ",
    "ng-TEQ": "ng TEQ",
    "ngI-TEQ": "ng TEQ",
}
_NAMED = {
    "毫克/立方米": "mg/m³",
    "微克/立方米": "μg/m³",
    "纳克/立方米": "ng/m³",
    "毫克/升": "mg/L",
    "微克/升": "μg/L",
    "纳克/升": "ng/L",
    "个/升": "个/L",
    "升/秒": "L/s",
    "立方米/秒": "m³/s",
    "立方米/小时": "m³/h",
    "千克/小时": "kg/h",
    "公斤/小时": "kg/h",
    "克/小时": "g/h",
    "稀释倍数": "倍",
    "倍(稀释倍数)": "倍",
    "林格曼级": "级",
    "林格曼黑度级": "级",
    "摄氏度": "℃",
    "分贝": "dB(A)",
    "dB": "dB(A)",
}
"""Units as HJ 212 writes them in its tables of factors."""


def unit_name(unit: str) -> str:
    """One spelling for a unit (`ug/m3`, `微克/立方米` → `μg/m³`). Raises UnitError for an unknown unit."""
    text = unit.strip()
    if text in _UNITS:
        return text
    text = _one_form(text)
    for seen, wanted in _SPELLINGS.items():
        text = text.replace(seen, wanted)
    text = _NAMED.get(text.replace("每", "/"), text)
    if text not in _UNITS:
        raise UnitError(f"不认识的单位: {unit}", f"unknown unit: {unit}")
    return text


def _one_form(text: str) -> str:
    """Full-width letters, squared signs (㎥, ㎎) and spaces as they are typed on a keyboard."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def is_mass_flow(unit: str) -> bool:
    """Whether a unit is that of an emission rate (kg/h)."""
    return _UNITS.get(one_unit(unit), ("", 0))[0] == "mass flow"


def one_unit(unit: str) -> str:
    """The one spelling of a unit, and an unknown one as it is: to compare what people typed."""
    try:
        return unit_name(unit)
    except UnitError:
        return unit.strip()


def convert(value: Decimal, unit: str, to: str, name: str = "") -> Decimal:
    """Convert exactly between units of one dimension. Raises UnitError otherwise (e.g. ppb, which needs a molar mass)."""
    if unit == to:
        return value
    source, target = unit_name(unit), unit_name(to)
    if source == target:
        return value
    (kind, size), (wanted_kind, wanted_size) = _UNITS[source], _UNITS[target]
    if kind != wanted_kind:
        label = f"{name} " if name else ""
        raise UnitError(f"{label}单位不符: 给出 {unit}，应为 {to}", f"{label}has unit {unit}, expected {to}")
    return value * size / wanted_size
