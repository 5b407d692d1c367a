"""A measured flue-gas concentration brought to the dry gas at standard state, and on to reference oxygen; a flow likewise.

What an instrument measures (gas as it is in the duct or at standard state, wet or dry) is a setting of its series; the
formulas are those of HJ 212-2017 appendix D in `conversion`, the constants rows of the rulebook. A value that cannot be
computed says what is lacking.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from qingjian.quality.conversion import Floats, dry_basis, standard_dry_flow, standard_state
from qingjian.rulebook import Row, Rulebook
from qingjian.standards.emissions.oxygen import convert_array, guard
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.rounding import round_places

SETTING_NAMES: Mapping[str, tuple[str, str]] = {
    "measured_state": ("测量状态（标态 standard、工况 actual）", "state measured (standard or actual)"),
    "measured_basis": ("测量基准（干基 dry、湿基 wet）", "basis measured (dry or wet)"),
    "atmospheric_pressure": ("当地大气压", "atmospheric pressure of the place"),
    "reference_oxygen": ("基准含氧量", "reference oxygen"),
}
"""Settings that say how a series is converted, with their titles."""
WORDS: Mapping[str, Mapping[str, str]] = {
    "measured_state": {"standard": "standard", "标态": "standard", "actual": "actual", "工况": "actual"},
    "measured_basis": {"dry": "dry", "干基": "dry", "wet": "wet", "湿基": "wet"},
}
"""What a setting of words may say → its meaning. Without such a setting a value counts as dry, at standard state: what
HJ 212 has devices report."""
PASCALS: Mapping[str, float] = {"Pa": 1.0, "hPa": 100.0, "kPa": 1000.0, "": 1000.0}
"""Pascals of a unit of pressure; HJ 212 reports kPa."""
TITLE = Text("烟气浓度换算", "conversion of a flue-gas concentration")
FLOW_TITLE = Text("烟气流量换算", "conversion of a flue-gas flow")
_PLACES = 4


class Lack(IntEnum):
    """Why there is no converted value: the first thing that is lacking."""

    NOTHING = 0
    VALUE = 1
    SETTING = 2
    TEMPERATURE = 3
    STATIC_PRESSURE = 4
    ATMOSPHERIC_PRESSURE = 5
    MOISTURE = 6
    NOT_PHYSICAL = 7
    OXYGEN = 8
    OXYGEN_TOO_HIGH = 9


LACK_WORDS: Mapping[Lack, Text] = {
    Lack.NOTHING: Text("已换算", "converted"),
    Lack.VALUE: Text("实测值缺失或无效，不换算", "the measured value is missing or does not count"),
    Lack.SETTING: Text("登记的换算参数无法识别，不换算", "a setting of the conversion cannot be read"),
    Lack.TEMPERATURE: Text(
        "缺少有效的烟气温度，不能换算到标态", "no valid gas temperature for standard state"
    ),
    Lack.STATIC_PRESSURE: Text(
        "缺少有效的烟气压力，不能换算到标态", "no valid gas pressure for standard state"
    ),
    Lack.ATMOSPHERIC_PRESSURE: Text(
        "没有大气压（未登记也未测量），不能换算到标态",
        "no atmospheric pressure, neither registered nor measured, for standard state",
    ),
    Lack.MOISTURE: Text("缺少有效的烟气湿度，不能换算到干基", "no valid moisture for the dry basis"),
    Lack.NOT_PHYSICAL: Text(
        "温度、压力或湿度不合物理，不换算", "temperature, pressure or moisture are not physical"
    ),
    Lack.OXYGEN: Text("缺少有效的氧含量，不能折算", "no valid oxygen for the reference oxygen"),
    Lack.OXYGEN_TOO_HIGH: Text(
        "氧含量达到不能折算的界限（疑似漏风或停炉）", "the oxygen reaches the limit of conversion"
    ),
}


@dataclass(frozen=True, slots=True)
class Basis:
    """How a series and the oxygen beside it are measured, and the oxygen (%) it is referred to, None for none."""

    actual: bool = False
    wet: bool = False
    oxygen_wet: bool = False
    reference_oxygen: float | None = None
    flow: bool = False
    """The number is a flow of the gas; no oxygen is asked for then."""

    @property
    def changes(self) -> bool:
        """Whether the converted value is another than the measured one."""
        return self.actual or self.wet or self.reference_oxygen is not None


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """What is measured beside a concentration, hour by hour; NaN where it is missing or does not count."""

    temperature_c: Floats
    static_pressure_pa: Floats
    """Gauge pressure of the duct, may be negative."""
    atmospheric_pressure_pa: Floats
    moisture_percent: Floats
    oxygen_percent: Floats

    @classmethod
    def nothing(cls, count: int) -> Beside:
        """As many hours in which nothing is known."""
        return cls(*(np.full(count, np.nan) for _ in fields(cls)))


@dataclass(frozen=True, slots=True)
class Standard:
    """Standard state as the rulebook has it for a day, with its rows."""

    temperature_k: float
    pressure_pa: float
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Converted:
    """Results, hour by hour: the dry gas at standard state, its oxygen (%), the value at reference oxygen, what lacks.

    Of a flow `value` is `dry`.
    """

    dry: Floats
    oxygen_dry: Floats
    value: Floats
    lack: NDArray[np.uint8]


def standard_of(book: Rulebook, on: date) -> Standard:
    """Return standard state for a day; before the first edition that states it, as that one does."""
    found = {}
    for item in ("standard temperature", "standard pressure"):
        rows = book.rows("evaluation_parameters", on, subject="flue_gas_state", item=item)
        found[item] = (rows or book.rows("evaluation_parameters", subject="flue_gas_state", item=item))[0]
    temperature, pressure = found.values()
    return Standard(float(temperature["value"]), float(pressure["value"]), (temperature, pressure))


def convert_hours(value: Floats, beside: Beside, basis: Basis, book: Rulebook, on: date) -> Converted:
    """Convert the hours of one series that one basis holds for; `on` is the day the rulebook is asked for.

    Order: standard state, dry basis, reference oxygen; a step the basis does not call for leaves the value as it is.
    `dry` stands where oxygen alone is lacking.
    """
    standard = standard_of(book, on)
    if basis.flow:
        dry = _dry_flow(value, beside, basis, standard)
        return Converted(dry, beside.oxygen_percent, dry, _lacks(value, beside, basis, dry, dry, dry))
    dry, oxygen = value, beside.oxygen_percent
    if basis.actual:
        dry = standard_state(
            dry,
            beside.temperature_c,
            beside.static_pressure_pa,
            beside.atmospheric_pressure_pa,
            standard_pressure_pa=standard.pressure_pa,
            standard_temperature_k=standard.temperature_k,
        )
    if basis.wet:
        dry = dry_basis(dry, beside.moisture_percent / 100.0)
    if basis.oxygen_wet:
        oxygen = dry_basis(oxygen, beside.moisture_percent / 100.0)
    made = (
        dry
        if basis.reference_oxygen is None
        else convert_array(dry, oxygen, basis.reference_oxygen, rulebook=book.on(on))
    )
    return Converted(dry, oxygen, made, _lacks(value, beside, basis, dry, oxygen, made))


def _dry_flow(value: Floats, beside: Beside, basis: Basis, standard: Standard) -> Floats:
    """Return the flow of the dry gas at standard state; what the basis does not call for changes nothing."""
    nothing = np.zeros(value.shape)
    return standard_dry_flow(
        value,
        beside.temperature_c if basis.actual else nothing,
        beside.static_pressure_pa if basis.actual else nothing,
        beside.moisture_percent / 100.0 if basis.wet else nothing,
        beside.atmospheric_pressure_pa if basis.actual else standard.pressure_pa,
        standard_pressure_pa=standard.pressure_pa,
        standard_temperature_k=standard.temperature_k,
    )


def _lacks(
    value: Floats, beside: Beside, basis: Basis, dry: Floats, oxygen: Floats, made: Floats
) -> NDArray[np.uint8]:
    needed: list[tuple[Lack, Floats]] = [(Lack.VALUE, value)]
    if basis.actual:
        needed += [
            (Lack.TEMPERATURE, beside.temperature_c),
            (Lack.STATIC_PRESSURE, beside.static_pressure_pa),
            (Lack.ATMOSPHERIC_PRESSURE, beside.atmospheric_pressure_pa),
        ]
    referred = basis.reference_oxygen is not None
    if basis.wet or (basis.oxygen_wet and referred):
        needed.append((Lack.MOISTURE, beside.moisture_percent))
    needed.append((Lack.NOT_PHYSICAL, dry))
    if referred:
        needed += [
            (Lack.OXYGEN, beside.oxygen_percent),
            (Lack.NOT_PHYSICAL, oxygen),
            (Lack.OXYGEN_TOO_HIGH, made),
        ]
    lack = np.zeros(value.shape, np.uint8)
    for reason, numbers in needed:
        lack[(lack == Lack.NOTHING) & ~np.isfinite(numbers)] = reason
    return lack


def explain(
    value: float, beside: Beside, basis: Basis, book: Rulebook, on: date, unit: str
) -> tuple[Trace, float | None]:
    """Return how one hour (arrays of length one in `beside`) was converted, and the value, None when it cannot be."""
    found = convert_hours(np.asarray([value]), beside, basis, book, on)
    standard = standard_of(book, on)
    made = TraceBuilder(FLOW_TITLE if basis.flow else TITLE)
    lack, shown = Lack(int(found.lack[0])), _text(value)
    measured = Text("工况" if basis.actual else "标态", "actual state" if basis.actual else "standard state")
    gas = Text("湿基" if basis.wet else "干基", "wet" if basis.wet else "dry")
    if np.isfinite(value):
        made.step(
            f"实测（{measured.zh}、{gas.zh}）{shown} {unit}",
            f"measured ({measured.en}, {gas.en}) {shown} {unit}",
        )
    temperature, static, atmosphere, moisture, oxygen = (
        float(getattr(beside, one.name)[0]) for one in fields(beside)
    )
    stopped = lack not in (Lack.NOTHING, Lack.OXYGEN, Lack.OXYGEN_TOO_HIGH)
    if not stopped and basis.actual:
        pressure, kelvin = atmosphere + static, standard.temperature_k + temperature
        zero, one = _text(standard.temperature_k), _text(standard.pressure_pa)
        if basis.flow:
            after = value * pressure / standard.pressure_pa * standard.temperature_k / kelvin
            formula = f"{shown} × ({_text(atmosphere)} {_added(static)}) / {one} × {zero} / ({zero} {_added(temperature)})"
        else:
            after = value * standard.pressure_pa / pressure * kelvin / standard.temperature_k
            formula = f"{shown} × {one} / ({_text(atmosphere)} {_added(static)}) × ({zero} {_added(temperature)}) / {zero}"
        formula += f" = {_text(after)} {unit}"
        made.step(f"标态 = {formula}", f"standard state = {formula}", standard.rows)
        shown = _text(after)
    if not stopped and basis.wet:
        sign = "×" if basis.flow else "/"
        formula = f"{shown} {sign} (1 - {_text(moisture)} %) = {_text(float(found.dry[0]))} {unit}"
        made.step(f"干基 = {formula}", f"dry = {formula}", standard.rows)
    if not stopped and basis.oxygen_wet and np.isfinite(found.oxygen_dry[0]):
        formula = f"{_text(oxygen)} / (1 - {_text(moisture)} %) = {_text(float(found.oxygen_dry[0]))} %"
        made.step(f"干基含氧量 = {formula}", f"oxygen, dry = {formula}", standard.rows)
    if lack is not Lack.NOTHING:
        made.step(
            LACK_WORDS[lack].zh,
            LACK_WORDS[lack].en,
            [guard(book.on(on))] if lack is Lack.OXYGEN_TOO_HIGH else (),
        )
        return made.done(), None
    if basis.reference_oxygen is not None:
        reference, percent = _text(basis.reference_oxygen), _text(float(found.oxygen_dry[0]))
        formula = f"{_text(float(found.dry[0]))} × (21 - {reference}) / (21 - {percent}) = {_text(float(found.value[0]))} {unit}"
        rows = [*book.rows("cems_checks", on, check="折算浓度"), guard(book.on(on))]
        made.step(f"折算 = {formula}", f"at reference oxygen = {formula}", rows)
    return made.done(), float(found.value[0])


def _added(number: float) -> str:
    return f"{'-' if number < 0 else '+'} {_text(abs(number))}"


def _text(number: float) -> str:
    return plain(round_places(Decimal(repr(float(number))), _PLACES))
