"""Standard state, dry basis, reference oxygen, flow, rates and loads: HJ 212-2017 appendix D, units in the names.

All functions take numbers or arrays (broadcast) and return float64 arrays. What is not physical (absolute
pressure not above zero, moisture of one or more, oxygen of the air or more) gives NaN, never a number.
Concentrations keep the unit they come in unless the name says otherwise. Basis: HJ 212-2017 appendix D
(informative, checked against the text: V); the text of 2025 has not been seen, its only known rule is that a
converted value cannot be computed from O2 >= 21 % on.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

STANDARD_PRESSURE_PA = 101_325.0
STANDARD_TEMPERATURE_K = 273.0
"""HJ 212 and GB emission standards write 273, not 273.15."""
MOLAR_VOLUME_L = 22.4
AIR_OXYGEN_PERCENT = 21.0
NITRIC_OXIDE_G = 30.0
NITROGEN_DIOXIDE_G = 46.0

_FORMAT = re.compile(r"N(\d{1,2})(?:\.(\d{1,2}))?\Z")


def _array(values: ArrayLike) -> Floats:
    return np.asarray(values, np.float64)


def _only_where(condition: ArrayLike, values: Floats) -> Floats:
    return np.where(np.asarray(condition, np.bool_) & np.isfinite(values), values, np.nan)


def standard_state(
    concentration: ArrayLike,
    gas_temperature_c: ArrayLike,
    static_pressure_pa: ArrayLike,
    atmospheric_pressure_pa: ArrayLike = STANDARD_PRESSURE_PA,
    *,
    standard_pressure_pa: float = STANDARD_PRESSURE_PA,
    standard_temperature_k: float = STANDARD_TEMPERATURE_K,
) -> Floats:
    """Concentration at 0 °C and 101,325 Pa from that at stack conditions: C · 101325/(Ba+Ps) · (273+ts)/273.

    ``static_pressure_pa`` is the gauge pressure of the duct (may be negative).
    """
    pressure = _array(atmospheric_pressure_pa) + _array(static_pressure_pa)
    kelvin = standard_temperature_k + _array(gas_temperature_c)
    with np.errstate(all="ignore"):
        result = _array(concentration) * standard_pressure_pa / pressure * kelvin / standard_temperature_k
    return _only_where((pressure > 0) & (kelvin > 0), result)


def dry_basis(concentration_wet: ArrayLike, moisture_fraction: ArrayLike) -> Floats:
    """Concentration (or oxygen) in dry gas: C_wet / (1 - Xsw); moisture as a volume fraction 0…1."""
    moisture = _array(moisture_fraction)
    with np.errstate(all="ignore"):
        result = _array(concentration_wet) / (1.0 - moisture)
    return _only_where((moisture >= 0) & (moisture < 1), result)


def mass_from_volume(volume_fraction_ppm: ArrayLike, molar_mass_g: ArrayLike) -> Floats:
    """mg/m³ at standard state from µmol/mol (ppm): M/22.4 · Cv."""
    mass = _array(molar_mass_g)
    return _only_where(mass > 0, mass / MOLAR_VOLUME_L * _array(volume_fraction_ppm))


def nitrogen_oxides(nitric_oxide_mg_m3: ArrayLike, nitrogen_dioxide_mg_m3: ArrayLike) -> Floats:
    """NOx as NO2, mg/m³: NO · 46/30 + NO2."""
    ratio = NITROGEN_DIOXIDE_G / NITRIC_OXIDE_G
    return _array(nitric_oxide_mg_m3) * ratio + _array(nitrogen_dioxide_mg_m3)


def nitrogen_oxides_from_volume(nitric_oxide_ppm: ArrayLike, nitrogen_dioxide_ppm: ArrayLike) -> Floats:
    """NOx as NO2, mg/m³ at standard state: (NO + NO2) · 46/22.4."""
    return mass_from_volume(_array(nitric_oxide_ppm) + _array(nitrogen_dioxide_ppm), NITROGEN_DIOXIDE_G)


def computable(oxygen_dry_percent: ArrayLike) -> NDArray[np.bool_]:
    """Whether a converted value can be computed: oxygen known, not negative and below 21 %."""
    oxygen = _array(oxygen_dry_percent)
    return np.asarray(np.isfinite(oxygen) & (oxygen >= 0) & (oxygen < AIR_OXYGEN_PERCENT), np.bool_)


def converted(
    concentration_dry: ArrayLike,
    oxygen_dry_percent: ArrayLike,
    reference_oxygen_percent: float | None,
) -> Floats:
    """Concentration at reference oxygen (折算): C · (21 - O2ref)/(21 - O2); standard state, dry.

    Without a reference (None) the converted value equals the dry standard value. NaN where not computable.
    Raises ValueError for a reference outside 0 … < 21 %.
    """
    if reference_oxygen_percent is None:
        return _array(concentration_dry)
    if not 0 <= reference_oxygen_percent < AIR_OXYGEN_PERCENT:
        raise ValueError(f"the reference oxygen must be 0 to below 21 %, not {reference_oxygen_percent}")
    oxygen = _array(oxygen_dry_percent)
    with np.errstate(all="ignore"):
        factor = (AIR_OXYGEN_PERCENT - reference_oxygen_percent) / (AIR_OXYGEN_PERCENT - oxygen)
        result = _array(concentration_dry) * factor
    return _only_where(computable(oxygen), result)


def excess_air(oxygen_dry_percent: ArrayLike) -> Floats:
    """Excess air coefficient α = 21/(21 - O2); NaN where not computable."""
    oxygen = _array(oxygen_dry_percent)
    with np.errstate(all="ignore"):
        return _only_where(computable(oxygen), AIR_OXYGEN_PERCENT / (AIR_OXYGEN_PERCENT - oxygen))


def converted_by_excess_air(
    concentration_dry: ArrayLike, oxygen_dry_percent: ArrayLike, reference_excess_air: float | None
) -> Floats:
    """The other form of the conversion: C · α/αs. Same conventions as :func:`converted`."""
    if reference_excess_air is None:
        return _array(concentration_dry)
    if not reference_excess_air >= 1:
        raise ValueError(f"the reference excess air must be at least 1, not {reference_excess_air}")
    return _array(concentration_dry) * excess_air(oxygen_dry_percent) / reference_excess_air


def largest_of_format(number_format: str) -> float:
    """The greatest number a format of HJ 212 can carry, e.g. N4.2 → 9999.99.

    Raises ValueError for text that is no such format.
    """
    match = _FORMAT.match(number_format)
    if match is None or int(match[1]) == 0:
        raise ValueError(f"not a number format of HJ 212: {number_format!r}")
    return float("9" * int(match[1]) + ("." + "9" * int(match[2]) if match[2] and int(match[2]) else ""))


def not_computable(sent_value: ArrayLike, number_format: str) -> NDArray[np.bool_]:
    """True where a device of 2025 says "not computable" by ± the greatest number of the format (§8.1.1 d, S).

    Such a value is never an exceedance.
    """
    return np.isclose(np.abs(_array(sent_value)), largest_of_format(number_format), rtol=0.0, atol=1e-9)


def velocity(point_velocity_m_s: ArrayLike, field_coefficient: ArrayLike) -> Floats:
    """Mean velocity of the cross-section, m/s: Kv · Vp."""
    return _array(field_coefficient) * _array(point_velocity_m_s)


def actual_flow(velocity_m_s: ArrayLike, area_m2: ArrayLike) -> Floats:
    """Wet flow at stack conditions, m³/h: 3600 · F · Vs."""
    area = _array(area_m2)
    return _only_where(area > 0, 3600.0 * area * _array(velocity_m_s))


def standard_dry_flow(
    actual_flow_m3_h: ArrayLike,
    gas_temperature_c: ArrayLike,
    static_pressure_pa: ArrayLike,
    moisture_fraction: ArrayLike,
    atmospheric_pressure_pa: ArrayLike = STANDARD_PRESSURE_PA,
    *,
    standard_pressure_pa: float = STANDARD_PRESSURE_PA,
    standard_temperature_k: float = STANDARD_TEMPERATURE_K,
) -> Floats:
    """Dry flow at standard state, in the unit given: Qs · 273/(273+ts) · (Ba+Ps)/101325 · (1 - Xsw)."""
    pressure = _array(atmospheric_pressure_pa) + _array(static_pressure_pa)
    kelvin = standard_temperature_k + _array(gas_temperature_c)
    moisture = _array(moisture_fraction)
    with np.errstate(all="ignore"):
        state = standard_temperature_k / kelvin * pressure / standard_pressure_pa
        result = _array(actual_flow_m3_h) * state * (1.0 - moisture)
    physical = (pressure > 0) & (kelvin > 0) & (moisture >= 0) & (moisture < 1)
    return _only_where(physical, result)


def mass_rate(concentration_mg_m3: ArrayLike, flow_m3_h: ArrayLike) -> Floats:
    """Emission rate, kg/h: C · Q · 10⁻⁶, both at standard state and dry (never the converted concentration)."""
    return _array(concentration_mg_m3) * _array(flow_m3_h) * 1e-6


def water_volume(flow_l_s: ArrayLike, seconds: ArrayLike) -> Floats:
    """Discharged volume, m³: Q · T · 10⁻³."""
    return _array(flow_l_s) * _array(seconds) * 1e-3


def water_load(concentration_mg_l: ArrayLike, volume_m3: ArrayLike) -> Floats:
    """Load, kg: C · D · 10⁻³."""
    return _array(concentration_mg_l) * _array(volume_m3) * 1e-3


def flow_weighted_mean(load_kg: ArrayLike, volume_m3: ArrayLike) -> Floats:
    """Mean concentration of a period, mg/L: ΣG / ΣD · 10³; NaN when nothing was discharged."""
    volume = float(np.nansum(_array(volume_m3)))
    return _array(np.nansum(_array(load_kg)) / volume * 1e3 if volume > 0 else np.nan)
