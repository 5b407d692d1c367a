"""Panels: what a network of stations reported, as plain arrays on a regular grid of whole days.

A panel knows nothing of files. Times are minutes since 1970-01-01 00:00 in the local time of the network,
a period is named by its start, the grid begins at a midnight and holds whole days.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.uint8]
Mask = NDArray[np.bool_]

MINUTES_A_DAY: Final = 1440
FLAG_EMPTY, FLAG_NORMAL, FLAG_CALIBRATION, FLAG_MAINTENANCE, FLAG_FAULT, FLAG_OTHER = range(6)
FLAG_CODES: Final = {
    "": FLAG_EMPTY,
    "N": FLAG_NORMAL,
    "C": FLAG_CALIBRATION,
    "M": FLAG_MAINTENANCE,
    "D": FLAG_FAULT,
}
MEASURED: Final = "measured"
CONTEXT: Final = "context"


class PanelError(ValueError):
    """The panel cannot be screened; the message says why in Chinese and English."""


@dataclass(frozen=True)
class Station:
    """A monitoring point; stations with the same medium and parent can be compared with each other."""

    code: str
    name: str = ""
    medium: str = ""
    parent: str = ""


@dataclass(frozen=True)
class Parameter:
    """A factor: smallest reported step (`resolution`), role and, if one applies, its limit (else NaN)."""

    code: str
    name: str = ""
    unit: str = ""
    resolution: float = 0.0
    role: str = MEASURED
    limit: float = float("nan")


@dataclass(frozen=True)
class Panel:
    """Values and flags of every station and parameter.

    `values` (stations, parameters, times) holds NaN where nothing was reported, `flags` the codes above.
    `notes` names what had to be repaired while the panel was put on the grid.
    """

    stations: tuple[Station, ...]
    parameters: tuple[Parameter, ...]
    start: int
    step: int
    values: Floats
    flags: Flags
    notes: tuple[str, ...] = ()

    @property
    def days(self) -> int:
        """Number of whole days on the grid."""
        return int(self.values.shape[2]) // self.per_day

    @property
    def per_day(self) -> int:
        """Values a day."""
        return MINUTES_A_DAY // self.step

    @property
    def first_day(self) -> int:
        """Days from 1970-01-01 to the first day of the grid."""
        return self.start // MINUTES_A_DAY

    def usable(self) -> Floats:
        """Values that are ordinary measurements (no flag, or N); everything else NaN."""
        return np.where(self.flags <= FLAG_NORMAL, self.values, np.nan)

    def until(self, day: int) -> Panel:
        """The panel as it was known at the end of `day` (days since 1970-01-01)."""
        keep = min(max(day + 1 - self.first_day, 0), self.days) * self.per_day
        return replace(self, values=self.values[:, :, :keep].copy(), flags=self.flags[:, :, :keep].copy())

    def since(self, days: int) -> Panel:
        """The last `days` days of the panel."""
        cut = max(self.days - days, 0)
        keep = slice(cut * self.per_day, None)
        return replace(
            self,
            start=self.start + cut * MINUTES_A_DAY,
            values=self.values[:, :, keep].copy(),
            flags=self.flags[:, :, keep].copy(),
        )

    def reordered(self, stations: Sequence[int], parameters: Sequence[int]) -> Panel:
        """The same panel with stations and parameters in another order."""
        pick = np.ix_(list(stations), list(parameters))
        return replace(
            self,
            stations=tuple(self.stations[i] for i in stations),
            parameters=tuple(self.parameters[i] for i in parameters),
            values=self.values[pick],
            flags=self.flags[pick],
        )


def panel_from_records(
    stations: Sequence[Station],
    parameters: Sequence[Parameter],
    station: NDArray[np.int64],
    parameter: NDArray[np.int64],
    minute: NDArray[np.int64],
    value: Floats,
    flag: Flags,
) -> Panel:
    """Put records on the regular grid.

    `station` and `parameter` are positions in the two lists, `minute` the start of the period. The step is
    the commonest distance of distinct times. Of records for the same period the last one counts; records
    between two grid points are taken to the period they fall in. Both are counted in `notes`.
    Raises PanelError when there is nothing to put on a grid or the step does not divide a day.
    """
    if not len(minute):
        raise PanelError("没有任何记录，无法筛查 / the panel holds no records")
    times = np.unique(minute)
    notes: list[str] = []
    step = _step(times)
    start = int(times[0]) // MINUTES_A_DAY * MINUTES_A_DAY
    days = (int(times[-1]) - start) // MINUTES_A_DAY + 1
    if days > 40_000:
        raise PanelError("时间跨度超过一百年，时间列可疑 / the times span more than a century")
    per_day = MINUTES_A_DAY // step
    at = (minute - start) // step
    off_grid = int(np.count_nonzero((minute - start) % step))
    if off_grid:
        notes.append(
            f"{off_grid} 条记录的时间不在 {step} 分钟网格上，已归入所在时段 / "
            f"{off_grid} records lie between grid points of {step} minutes and were taken to their period"
        )
    shape = (len(stations), len(parameters), days * per_day)
    cell = (station * shape[1] + parameter) * shape[2] + at
    repeated = len(cell) - len(np.unique(cell))
    if repeated:
        notes.append(
            f"{repeated} 条记录时间重复，取最后一条 / {repeated} records repeat a period, the last one counts"
        )
    values = np.full(shape, np.nan).reshape(-1)
    flags = np.zeros(values.shape, np.uint8)
    value = np.where(np.isfinite(value), value, np.nan)
    values[cell] = value
    flags[cell] = flag
    return Panel(
        tuple(stations),
        tuple(parameters),
        start,
        step,
        values.reshape(shape),
        flags.reshape(shape),
        tuple(notes),
    )


def _step(times: NDArray[np.int64]) -> int:
    """Commonest distance of the distinct times, in minutes; an hour when there is only one."""
    if len(times) < 2:
        return 60
    gaps, counts = np.unique(np.diff(times), return_counts=True)
    step = int(gaps[np.argmax(counts)])
    if step > MINUTES_A_DAY or MINUTES_A_DAY % step:
        raise PanelError(f"时间步长 {step} 分钟不能整除一天 / a step of {step} minutes does not divide a day")
    if step > 60:
        raise PanelError(
            f"时间步长 {step} 分钟大于一小时，无法筛查 / a step of {step} minutes is longer than an hour"
        )
    if 60 % step:
        raise PanelError(
            f"时间步长 {step} 分钟不能整除一小时 / a step of {step} minutes does not divide an hour"
        )
    return step


def day_text(day: int | np.integer[Any]) -> str:
    """ISO date of a day counted from 1970-01-01."""
    return str(np.datetime64(int(day), "D"))
