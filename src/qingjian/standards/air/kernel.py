"""AQI of whole arrays: exact, by tables over scaled integers.

A concentration with at most `decimals` decimals is an integer once multiplied by 10^decimals; its rounding (2026
edition) and its IAQI are worked out once per possible integer with exact integer ceilings, and then looked up.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from qingjian.rulebook import Rulebook, packaged
from qingjian.standards.air.breakpoints import POLLUTANTS, Scale, edition_of, pollutant_name, scale
from qingjian.standards.air.means import MEAN_DECIMALS
from qingjian.standards.editions import Basis, resolve
from qingjian.standards.errors import InputError
from qingjian.standards.rounding import ceil_ratio, round_scaled, to_scaled

Floats = npt.NDArray[np.floating]
Indices = npt.NDArray[np.int16]
MISSING = -1
_BLOCK = 1 << 15


@dataclass(frozen=True, slots=True)
class AirIndices:
    """Indices of arrays of one shape.

    `iaqi`: int16 by pollutant, -1 = missing or negative. `aqi`: int16, -1 = no item at all.
    `primary`: uint8 bit mask over `pollutants` (bit 0 = the first), 0 when the AQI is at most 50.
    `complete`: every pollutant is present; under HJ 633-2026 an incomplete AQI of at most 100 is published as NA.
    """

    pollutants: tuple[str, ...]
    iaqi: Mapping[str, Indices]
    aqi: Indices
    primary: npt.NDArray[np.uint8]
    complete: npt.NDArray[np.bool_]

    def primary_names(self, *place: int) -> tuple[str, ...]:
        """Names of the primary pollutants at one place of the array."""
        mask = int(self.primary[place])
        return tuple(name for bit, name in enumerate(self.pollutants) if mask >> bit & 1)


def indices(
    concentrations: Mapping[str, npt.ArrayLike],
    *,
    periods: Mapping[str, str] | None = None,
    on: date | None = None,
    edition: str | None = None,
    decimals: int | None = 1,
    rulebook: Rulebook | None = None,
) -> AirIndices:
    """IAQI and AQI of arrays (μg/m³, CO mg/m³), all of one shape, NaN = missing.

    `periods`: averaging period by pollutant, default `1h`. `decimals`: most decimals an input has (CO always gets at
    least 3); None for means, whose decimals have no end: they are rounded once, as the edition asks, or not at all. One edition per call: cut the time axis where editions change. Negative and infinite values count as
    missing. SO2 1 h and O3 8 h above 800 μg/m³ are missing under HJ 633-2012 (another period speaks for them).
    Raises InputError for unknown pollutants or different shapes, EditionError.
    """
    book = rulebook or packaged()
    basis = resolve(book, "aqi_breakpoints", "HJ 633", on, edition)
    arrays = {pollutant_name(name): np.asarray(values) for name, values in concentrations.items()}
    names = tuple(name for name in POLLUTANTS if name in arrays)
    if not names or len(names) != len(concentrations):
        raise InputError("项目不明或重复", "unknown or repeated pollutant")
    shape = arrays[names[0]].shape
    if any(array.shape != shape for array in arrays.values()):
        raise InputError("各项目数组形状不一致", "the arrays have different shapes")
    wanted = {pollutant_name(name): period for name, period in (periods or {}).items()}
    if decimals is None:
        return _of_means(book, basis, arrays, names, wanted)
    lookups = [
        _lookup(book, basis, name, wanted.get(name, "1h"), _decimals(name, decimals)) for name in names
    ]
    size = int(np.prod(shape))
    iaqi = {name: np.empty(size, np.int16) for name in names}
    aqi = np.empty(size, np.int16)
    primary = np.zeros(size, np.uint8)
    complete = np.empty(size, np.bool_)
    flat = {name: np.ascontiguousarray(arrays[name]).reshape(-1) for name in names}
    for start in range(0, size, _BLOCK):
        part = slice(start, min(start + _BLOCK, size))
        for name, table in zip(names, lookups, strict=True):
            np.take(
                table, _places(flat[name][part], _decimals(name, decimals), len(table)), out=iaqi[name][part]
            )
        _combine([iaqi[name][part] for name in names], aqi[part], primary[part], complete[part])
    if edition_of(book, basis) >= "2026":
        np.maximum(aqi, 1, out=aqi, where=aqi == 0)  # the range of the 2026 edition starts at 1
    if len(names) < len(POLLUTANTS):
        complete[:] = False
    return AirIndices(
        names,
        {name: values.reshape(shape) for name, values in iaqi.items()},
        aqi.reshape(shape),
        primary.reshape(shape),
        complete.reshape(shape),
    )


def _of_means(
    book: Rulebook,
    basis: Basis,
    arrays: Mapping[str, npt.NDArray[np.generic]],
    names: tuple[str, ...],
    wanted: Mapping[str, str],
) -> AirIndices:
    """The same without tables: means have too many decimals for a place each."""
    iaqi = {
        name: _exact(scale(book, basis, name, wanted.get(name, "1h")), arrays[name]).reshape(-1)
        for name in names
    }
    size, shape = len(iaqi[names[0]]), arrays[names[0]].shape
    aqi, primary = np.empty(size, np.int16), np.zeros(size, np.uint8)
    complete = np.empty(size, np.bool_)
    _combine(list(iaqi.values()), aqi, primary, complete)
    if edition_of(book, basis) >= "2026":
        np.maximum(aqi, 1, out=aqi, where=aqi == 0)
    if len(names) < len(POLLUTANTS):
        complete[:] = False
    return AirIndices(
        names,
        {name: values.reshape(shape) for name, values in iaqi.items()},
        aqi.reshape(shape),
        primary.reshape(shape),
        complete.reshape(shape),
    )


def _exact(table: Scale, values: npt.NDArray[np.generic]) -> Indices:
    """IAQI of means at nine decimals by exact integers; -1 for missing, negative or above what the scale speaks of."""
    given = np.asarray(values, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        known = np.isfinite(given) & (given >= 0)
    top = float(table.points[-1][1])
    scaled = to_scaled(np.fmin(np.where(known, given, 0.0), top + 1.0), MEAN_DECIMALS)
    places = MEAN_DECIMALS
    if table.input_places is not None:
        scaled = round_scaled(scaled, MEAN_DECIMALS - table.input_places)
        places = table.input_places
    found = _by_points(table, scaled, places)
    found[~known] = MISSING
    return found


def _decimals(pollutant: str, decimals: int) -> int:
    return max(decimals, 3) if pollutant == "CO" else decimals


def _places(values: npt.NDArray[np.generic], decimals: int, size: int) -> npt.NDArray[np.intp]:
    """Place in the lookup table: 0 for missing or negative, else 1 + the scaled value, at most the last place."""
    factor = 10.0**decimals
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = np.multiply(values, factor, dtype=np.float64)
        if np.isposinf(np.fmax.reduce(scaled, initial=0.0)):
            scaled[np.isposinf(scaled)] = np.nan
        np.fmax(scaled, -1.0, out=scaled)
        np.fmin(scaled, size - 2.0, out=scaled)
        np.rint(scaled, out=scaled)
    places: npt.NDArray[np.intp] = (scaled + 1.0).astype(np.intp)
    return places


def _combine(
    parts: list[Indices], aqi: Indices, primary: npt.NDArray[np.uint8], complete: npt.NDArray[np.bool_]
) -> None:
    aqi[:] = parts[0]
    lowest = parts[0].copy()
    for part in parts[1:]:
        np.maximum(aqi, part, out=aqi)
        np.minimum(lowest, part, out=lowest)
    np.greater_equal(lowest, 0, out=complete)
    for bit, part in enumerate(parts):
        primary |= np.left_shift(part == aqi, bit, dtype=np.uint8)
    primary *= aqi > 50


@functools.lru_cache(maxsize=64)
def _lookup(book: Rulebook, basis: Basis, pollutant: str, period: str, decimals: int) -> Indices:
    table = scale(book, basis, pollutant, period)
    return build_lookup(table, decimals)


def build_lookup(table: Scale, decimals: int) -> Indices:
    """IAQI for every scaled concentration from 0 to just above the last breakpoint; place 0 is "missing"."""
    if not 0 <= decimals <= 4:
        raise InputError("小数位数应为 0 至 4", "decimals must be 0 to 4")
    top = int(table.points[-1][1].scaleb(decimals))
    values = np.arange(top + 10**decimals + 1, dtype=np.int64)
    point_decimals = decimals
    if table.input_places is not None and table.input_places < decimals:
        values = round_scaled(values, decimals - table.input_places)
        point_decimals = table.input_places
    result = np.full(len(values) + 1, MISSING, np.int16)
    result[1:] = _by_points(table, values, point_decimals)
    return result


def _by_points(table: Scale, values: npt.NDArray[np.int64], decimals: int) -> Indices:
    """IAQI of scaled integers between the points of a scale, rounded up exactly."""
    points = [(iaqi, _whole(point.scaleb(decimals))) for iaqi, point in table.points]
    found = np.full(values.shape, MISSING, np.int16)
    found[values <= points[0][1]] = points[0][0]
    for (low_index, low), (high_index, high) in itertools.pairwise(points):
        inside = (values > low) & (values <= high)
        steps = ceil_ratio((high_index - low_index) * (values[inside] - low), high - low)
        found[inside] = steps + low_index
    found[values > points[-1][1]] = MISSING if table.above_top is None else table.above_top
    return found


def _whole(value: Decimal) -> int:
    if value != value.to_integral_value():
        raise InputError("分段点的小数位多于输入", "a breakpoint has more decimals than the input")
    return int(value)
