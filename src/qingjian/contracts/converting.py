"""Hours of flue gas converted with the settings a directory had for their time.

A series is converted when the register says that it measures wet gas or gas as it is in the duct, or refers it to an
oxygen content. A flow becomes the flow of the dry gas at standard state, so that an amount can be made of both. What the conversion needs is taken from the series of the same point that measure it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from qingjian.contracts.clock import CHINA
from qingjian.contracts.directory import Directory, Series, Setting
from qingjian.quality.flue_gas import (
    LACK_WORDS,
    PASCALS,
    SETTING_NAMES,
    TITLE,
    WORDS,
    Basis,
    Beside,
    Lack,
    convert_hours,
    explain,
)
from qingjian.rulebook import Rulebook
from qingjian.standards.explanation import Trace, TraceBuilder

TEMPERATURE, PRESSURE, MOISTURE, OXYGEN = "a01012", "a01013", "a01014", "a19001"
ATMOSPHERE = "a01006"
PARAMETERS = frozenset({TEMPERATURE, PRESSURE, MOISTURE, OXYGEN, ATMOSPHERE})
"""Factors a conversion needs; they are not converted themselves."""
FLOWS = frozenset({"a00000", "B02"})
"""The flow of the gas, since 2017 and before; an oxygen content says nothing of it."""
_COLUMNS = {
    TEMPERATURE: "temperature_c",
    PRESSURE: "static_pressure_pa",
    ATMOSPHERE: "atmospheric_pressure_pa",
    MOISTURE: "moisture_percent",
    OXYGEN: "oxygen_percent",
}
_KELVIN = 273.15
_ORIGINS = ("device", "simulated")
_HIGHEST_REFERENCE = 21.0

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ConvertedHours:
    """Hours of one series, in the order of `start` (epoch seconds); NaN and a reason where nothing can be computed."""

    start: Ints
    dry: Floats
    value: Floats
    lack: npt.NDArray[np.uint8]


class Converter:
    """Conversions with one directory and rulebook snapshot."""

    def __init__(self, directory: Directory, book: Rulebook) -> None:
        self._directory = directory
        self._book = book
        self._beside: dict[str, dict[str, Series]] = {}
        self._devices: dict[str, set[str]] = {}
        for device in directory.devices:
            self._devices.setdefault(device.mn, set()).add(device.code)
        converted = {one.subject for one in directory.settings if one.name in SETTING_NAMES}
        self._converted = {
            one.id
            for one in directory.series
            if one.code in converted and one.factor not in PARAMETERS and one.origin in _ORIGINS
        }
        points = {one.point for one in directory.series if one.id in self._converted}
        beside = [
            one
            for one in directory.series
            if one.factor in PARAMETERS and one.point in points and one.origin in _ORIGINS
        ]
        # Of parallel instruments the first one counts.
        for one in sorted(beside, key=lambda one: (one.position, one.id), reverse=True):
            self._beside.setdefault(one.point, {})[one.factor] = one

    def converts(self, number: int) -> bool:
        """Whether the register says anything of the conversion of a series."""
        return number in self._converted

    def inputs_of(self, number: int) -> frozenset[int]:
        """Return the series whose hours are needed beside those of a series; empty for one that is not converted."""
        one = self._directory.series_by_id(number)
        if one is None or number not in self._converted:
            return frozenset()
        return frozenset(other.id for other in self._beside.get(one.point, {}).values())

    def needed_by(self, number: int, at: datetime) -> frozenset[int]:
        """Return the series without whose hours a series cannot be converted at a moment; what nobody measures is left out."""
        one = self._directory.series_by_id(number)
        basis = self._basis(one, at)[0] if one is not None and number in self._converted else None
        if one is None or basis is None:
            return frozenset()
        referred = basis.reference_oxygen is not None
        needed = {
            TEMPERATURE: basis.actual,
            PRESSURE: basis.actual,
            MOISTURE: basis.wet or (basis.oxygen_wet and referred),
            OXYGEN: referred,
        }
        beside = self._beside.get(one.point, {})
        return frozenset(
            beside[factor].id for factor, wanted in needed.items() if wanted and factor in beside
        )

    def settings_of(self, number: int) -> frozenset[Setting]:
        """Return the settings of a series, its device and the oxygen beside it, of all times, that decide conversions."""
        one = self._directory.series_by_id(number)
        if one is None or number not in self._converted:
            return frozenset()
        return frozenset(
            row
            for code in self._subjects(one)
            for row in self._directory.settings_of(code)
            if row.name in SETTING_NAMES
        )

    def dependents(self) -> Mapping[int, frozenset[int]]:
        """Return, for each series a conversion reads, the series that are converted with it."""
        found: dict[int, set[int]] = {}
        for number in self._converted:
            for one in self.inputs_of(number):
                found.setdefault(one, set()).add(number)
        return {one: frozenset(numbers) for one, numbers in found.items()}

    def hours(self, number: int, series: npt.NDArray[np.int32], start: Ints, value: Floats) -> ConvertedHours:
        """Return the converted hours of a series out of hours of many; `value` is NaN where an hour does not count."""
        mine = series == number
        starts = start[mine]
        dry, made = np.full(len(starts), np.nan), np.full(len(starts), np.nan)
        lack = np.full(len(starts), Lack.SETTING, np.uint8)
        one = self._directory.series_by_id(number)
        if one is None or not len(starts):
            return ConvertedHours(starts, dry, made, lack)
        beside = self._gathered(one, starts, series, start, value)
        piece = np.searchsorted(np.asarray(self._borders(one), np.int64), starts, "right")
        for number_of_piece in np.unique(piece).tolist():
            rows = np.flatnonzero(piece == number_of_piece)
            at = datetime.fromtimestamp(int(starts[rows[0]]), UTC)
            basis, atmosphere = self._basis(one, at)
            if basis is None:
                continue
            part = _rows(beside, rows, atmosphere)
            found = convert_hours(value[mine][rows], part, basis, self._book, at.astimezone(CHINA).date())
            dry[rows], made[rows], lack[rows] = found.dry, found.value, found.lack
        return ConvertedHours(starts, dry, made, lack)

    def values(
        self, numbers: Iterable[int], series: npt.NDArray[np.int32], start: Ints, value: Floats
    ) -> dict[tuple[int, int], float]:
        """Return (series, start) → converted value of the hours of some series that can be converted."""
        found: dict[tuple[int, int], float] = {}
        for number in numbers:
            if not self.converts(number):
                continue
            made = self.hours(number, series, start, value)
            pairs = zip(made.start.tolist(), made.value.tolist(), strict=True)
            found.update({(number, at): one for at, one in pairs if np.isfinite(one)})
        return found

    def trace(
        self, number: int, at: int, series: npt.NDArray[np.int32], start: Ints, value: Floats
    ) -> tuple[Trace, float | None] | None:
        """Return how one hour of a series was converted, and the result; None where its basis changes nothing."""
        one = self._directory.series_by_id(number)
        if one is None or not self.converts(number):
            return None
        moment = datetime.fromtimestamp(at, UTC)
        basis, atmosphere = self._basis(one, moment)
        if basis is None:
            made = TraceBuilder(TITLE)
            made.step(LACK_WORDS[Lack.SETTING].zh, LACK_WORDS[Lack.SETTING].en)
            return made.done(), None
        if not basis.changes:
            return None
        own = value[(series == number) & (start == at)]
        beside = _rows(
            self._gathered(one, np.asarray([at]), series, start, value), np.zeros(1, np.int64), atmosphere
        )
        measured = float(own[0]) if len(own) else np.nan
        return explain(measured, beside, basis, self._book, moment.astimezone(CHINA).date(), one.unit)

    # -- parts -------------------------------------------------------------------------------------------------

    def _pressure(self, one: Series, at: datetime) -> Setting | None:
        """Return the atmospheric pressure registered for the series, or else for its device."""
        found = self._directory.setting(one.code, "atmospheric_pressure", at)
        device = self._directory.device(one.device, at) if found is None and one.device else None
        return found if device is None else self._directory.setting(device.code, "atmospheric_pressure", at)

    def _basis(self, one: Series, at: datetime) -> tuple[Basis | None, float]:
        """Return the basis of a moment and the registered atmospheric pressure (Pa, NaN for none).

        None where a setting says something that cannot be read.
        """
        oxygen = self._beside.get(one.point, {}).get(OXYGEN)
        state = _word(self._directory.setting(one.code, "measured_state", at), "standard")
        basis = _word(self._directory.setting(one.code, "measured_basis", at), "dry")
        of_oxygen = (
            "dry"
            if oxygen is None
            else _word(self._directory.setting(oxygen.code, "measured_basis", at), "dry")
        )
        reference = self._directory.setting(one.code, "reference_oxygen", at)
        pressure = self._pressure(one, at)
        percent = None if reference is None else _number(reference.value)
        unit = 1.0 if pressure is None else PASCALS.get(pressure.unit)
        pascals = np.nan if pressure is None else _number(pressure.value) * (unit or np.nan)
        readable = (
            None not in (state, basis, of_oxygen)
            and (percent is None or 0 <= percent < _HIGHEST_REFERENCE)
            and (pressure is None or pascals > 0)
        )
        if not readable:
            return None, np.nan
        if one.factor in FLOWS:
            return Basis(state == "actual", basis == "wet", flow=True), pascals
        return Basis(state == "actual", basis == "wet", of_oxygen == "wet", percent), pascals

    def _borders(self, one: Series) -> list[int]:
        """Return the seconds at which a setting that counts begins or ends, or another edition begins to hold."""
        moments = {moment for row in self.settings_of(one.id) for moment in (row.valid_from, row.valid_to)}
        days = {
            row.valid_from
            for subject in ("flue_gas_state", "reference_oxygen")
            for row in self._book.rows("evaluation_parameters", subject=subject)
        }
        moments |= {datetime(day.year, day.month, day.day, tzinfo=CHINA) for day in days if day is not None}
        return sorted(int(moment.timestamp()) for moment in moments if moment is not None)

    def _subjects(self, one: Series) -> set[str]:
        """Return the codes whose settings count for a series: its own, that of the oxygen, those of their devices."""
        oxygen = self._beside.get(one.point, {}).get(OXYGEN)
        both = [one] if oxygen is None else [one, oxygen]
        return {other.code for other in both} | {
            code for other in both for code in self._devices.get(other.device, ())
        }

    def _gathered(
        self, one: Series, starts: Ints, series: npt.NDArray[np.int32], start: Ints, value: Floats
    ) -> Beside:
        """Return what is measured beside the hours `starts` of a series, in the units of the formulas."""
        columns = {}
        for factor, name in _COLUMNS.items():
            other = self._beside.get(one.point, {}).get(factor)
            column = np.full(len(starts), np.nan)
            if other is not None:
                theirs = series == other.id
                hours, numbers = start[theirs], value[theirs]
                order = np.argsort(hours, kind="stable")
                place = np.searchsorted(hours[order], starts)
                inside = place < len(hours)
                match = np.zeros(len(starts), np.bool_)
                match[inside] = hours[order][place[inside]] == starts[inside]
                column[match] = _in_unit(factor, other.unit, numbers[order][place[match]])
            columns[name] = column
        return Beside(**columns)


def _rows(beside: Beside, rows: Ints, atmosphere: float) -> Beside:
    """Return some hours; a registered atmospheric pressure stands where none was measured."""
    part = {one.name: getattr(beside, one.name)[rows] for one in fields(beside)}
    measured = part["atmospheric_pressure_pa"]
    part["atmospheric_pressure_pa"] = np.where(np.isfinite(measured), measured, atmosphere)
    return Beside(**part)


def _in_unit(factor: str, unit: str, numbers: Floats) -> Floats:
    """Return °C, Pa or %; NaN for a unit that is not known."""
    if factor == TEMPERATURE:
        return numbers - _KELVIN if unit == "K" else numbers if unit in ("℃", "°C", "") else numbers * np.nan
    if factor in (PRESSURE, ATMOSPHERE):
        return numbers * PASCALS.get(unit, np.nan)
    return numbers if unit in ("%", "") else numbers * np.nan


def _word(setting: Setting | None, without: str) -> str | None:
    """Return what a setting of words means, None when it cannot be read."""
    return without if setting is None else WORDS[setting.name].get(setting.value.strip().lower())


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
