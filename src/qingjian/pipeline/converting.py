"""Own values at reference oxygen (折算) of flue gas: hours from hour means, days and months as means of these.

A series is converted when the register gives it a `reference_oxygen` (%) and its point measures oxygen. The formula and
the oxygen from which on nothing can be converted come from the rulebook (`standards.emissions.oxygen`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from qingjian.contracts.directory import Directory
from qingjian.quality.periods import period_start
from qingjian.rulebook import Rulebook
from qingjian.standards.emissions.oxygen import convert_array

OXYGEN = "a19001"
"""Oxygen of flue gas, %."""
Values = Mapping[tuple[int, int], float]
"""(series, start in epoch seconds) → number."""
_ORIGINS = ("device", "simulated")


class Converter:
    """Conversions with one directory and rulebook snapshot."""

    def __init__(self, directory: Directory, book: Rulebook) -> None:
        self._directory = directory
        self._book = book
        self._oxygen: dict[str, int] = {}
        for one in sorted(directory.series, key=lambda one: (one.position, one.id), reverse=True):
            if one.factor == OXYGEN and one.origin in _ORIGINS:
                self._oxygen[one.point] = one.id
        self._referred = {one.subject for one in directory.settings if one.name == "reference_oxygen"}

    def oxygen_of(self, number: int) -> int | None:
        """Return the oxygen series that a series is converted with, None when it is not converted."""
        one = self._directory.series_by_id(number)
        if one is None or one.code not in self._referred or one.factor == OXYGEN:
            return None
        return self._oxygen.get(one.point)

    def hours(
        self,
        numbers: Iterable[int],
        series: npt.NDArray[np.int32],
        start: npt.NDArray[np.int64],
        value: npt.NDArray[np.float64],
    ) -> dict[tuple[int, int], float]:
        """Return the converted hours of some series; `value` is NaN where an hour does not count."""
        found: dict[tuple[int, int], float] = {}
        for number in numbers:
            oxygen = self.oxygen_of(number)
            if oxygen is None:
                continue
            mine, theirs = series == number, series == oxygen
            measured = dict(zip(start[theirs].tolist(), value[theirs].tolist(), strict=True))
            starts = start[mine].tolist()
            references = np.array([self._reference(number, at) for at in starts], np.float64)
            percent = np.array([measured.get(at, np.nan) for at in starts], np.float64)
            for reference in np.unique(references[np.isfinite(references)]).tolist():
                held = references == reference
                converted = convert_array(value[mine][held], percent[held], reference, rulebook=self._book)
                pairs = zip(np.array(starts)[held].tolist(), converted.tolist(), strict=True)
                found.update({(number, at): one for at, one in pairs if np.isfinite(one)})
        return found

    def _reference(self, number: int, at: int) -> float:
        """Return the reference oxygen in force, NaN when there is none that can be read."""
        one = self._directory.series_by_id(number)
        moment = datetime.fromtimestamp(at, UTC)
        setting = None if one is None else self._directory.setting(one.code, "reference_oxygen", moment)
        try:
            percent = np.nan if setting is None else float(setting.value)
        except ValueError:
            return np.nan
        return percent if 0 <= percent < 21 else np.nan


def means(values: Values, target: str) -> dict[tuple[int, int], float]:
    """Return the arithmetic means of the periods of `target` (day or month)."""
    sums: dict[tuple[int, int], list[float]] = {}
    starts = period_start(np.asarray([at for _, at in values], np.int64), target)
    for (number, _), begin, value in zip(values, starts.tolist(), values.values(), strict=True):
        sums.setdefault((number, begin), []).append(value)
    return {key: float(np.mean(held)) for key, held in sums.items()}
