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
Counts = NDArray[np.int64]

MINUTES_A_DAY: Final = 1440
LONGEST_STEP: Final = 60  # minutes: the grid of the context model
LONGEST_SPAN_DAYS: Final = 40 * 366
LONGEST_GAP_DAYS: Final = 2 * 366
MISDATED_SHARE: Final = 0.01  # of the records: a block as small, years from all others, has a wrong year
SMALL_BLOCK: Final = 5  # … or one of a fifth of the days and records of the largest at most
ABSURD: Final = 1e12  # no reading in any unit of this field is as large
FLAG_EMPTY, FLAG_NORMAL, FLAG_CALIBRATION, FLAG_MAINTENANCE, FLAG_FAULT, FLAG_OTHER, FLAG_STOPPED = range(7)
FLAG_CODES: Final = {
    "": FLAG_EMPTY,
    "N": FLAG_NORMAL,
    "C": FLAG_CALIBRATION,
    "M": FLAG_MAINTENANCE,
    "D": FLAG_FAULT,
    "F": FLAG_STOPPED,
}
MEASURED: Final = "measured"
CONTEXT: Final = "context"


class PanelError(ValueError):
    """The panel cannot be screened; the message says why in Chinese and English."""


class EmptyPanelError(PanelError):
    """The panel holds no records: nothing is wrong with it, and nothing can be said."""


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
class Repair:
    """What was repaired on which day of the grid, `counts` times a day, and how it is said with `{}` for the number."""

    counts: Counts
    words: str

    @property
    def note(self) -> str:
        """The repair as a note; empty where there was none."""
        number = int(self.counts.sum())
        return self.words.format(number, number) if number else ""


@dataclass(frozen=True)
class Panel:
    """Values and flags of every station and parameter.

    `values` (stations, parameters, times) holds NaN where nothing was reported, `flags` the codes above.
    `notes` names what had to be repaired while the panel was put on the grid, `repairs` holds those of its notes that count
    by days, so that a part of a panel names only what was repaired in it. `unlike` (stations, parameters, days)
    counts the periods of each day that were reported more than once with unlike values; None where there are none.
    `declared` (like `flags`) holds what whoever is watched said of his own data beside the flags of the device: it takes no
    value away, but what is declared when levels are high is tested like a flag. None: nothing was said.
    """

    stations: tuple[Station, ...]
    parameters: tuple[Parameter, ...]
    start: int
    step: int
    values: Floats
    flags: Flags
    notes: tuple[str, ...] = ()
    unlike: Counts | None = None
    declared: Flags | None = None
    repairs: tuple[Repair, ...] = ()

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
        """The panel as it was known at the end of `day` (days since 1970-01-01).

        Notes about the step of the grid and about misdated records are judged on all records and stay as they are.
        """
        days = min(max(day + 1 - self.first_day, 0), self.days)
        keep = days * self.per_day
        return replace(
            self,
            values=self.values[:, :, :keep].copy(),
            flags=self.flags[:, :, :keep].copy(),
            **self._repaired(slice(0, days)),
            unlike=None if self.unlike is None else self.unlike[:, :, :days],
            declared=None if self.declared is None else self.declared[:, :, :keep],
        )

    def _repaired(self, days: slice) -> dict[str, Any]:
        """Notes and repairs of a part of the days."""
        kept = tuple(replace(one, counts=one.counts[days]) for one in self.repairs)
        now = {one.note: part.note for one, part in zip(self.repairs, kept, strict=True) if one.note}
        notes = (now.get(note, note) for note in self.notes)
        return {"repairs": kept, "notes": tuple(note for note in notes if note)}

    def since(self, days: int) -> Panel:
        """The last `days` days of the panel."""
        cut = max(self.days - days, 0)
        keep = slice(cut * self.per_day, None)
        return replace(
            self,
            start=self.start + cut * MINUTES_A_DAY,
            values=self.values[:, :, keep].copy(),
            flags=self.flags[:, :, keep].copy(),
            **self._repaired(slice(cut, None)),
            unlike=None if self.unlike is None else self.unlike[:, :, cut:],
            declared=None if self.declared is None else self.declared[:, :, keep],
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
            unlike=None if self.unlike is None else self.unlike[pick],
            declared=None if self.declared is None else self.declared[pick],
        )


def panel_from_records(
    stations: Sequence[Station],
    parameters: Sequence[Parameter],
    station: NDArray[np.int64],
    parameter: NDArray[np.int64],
    minute: NDArray[np.int64],
    value: Floats,
    flag: Flags,
    step: int | None = None,
) -> Panel:
    """Put records on the regular grid.

    `station` and `parameter` are positions in the two lists, `minute` the start of the period. `step` (minutes, a divisor
    of the hour) is taken from the commonest distance of distinct times where it is not given; values that come less
    than once an hour stand in their hours, the hours between stay empty. Of records for the same period the last one
    counts; records between two grid points are taken to the period they fall in; what is no finite number below 1e12 in
    size counts as missing; of blocks of times with more than two years between them those with hardly any records are left
    out, and where the rest spans more than 40 years only the one with most records is kept. All of it is counted in `notes`. Raises EmptyPanelError when there are no records.
    """
    if not len(minute):
        raise EmptyPanelError("没有任何记录，无法筛查 / the panel holds no records")
    notes: list[str] = []
    kept = _plausible(minute)
    if not kept.all():
        lost = int(np.count_nonzero(~kept))
        notes.append(
            f"{lost} 条记录的时间与其余相隔多年，按误记忽略 / {lost} records lie many years from the others and were left out"
        )
        station, parameter, minute = station[kept], parameter[kept], minute[kept]
        value, flag = value[kept], flag[kept]
    times = np.unique(minute)
    start = int(times[0]) // MINUTES_A_DAY * MINUTES_A_DAY
    days = (int(times[-1]) - start) // MINUTES_A_DAY + 1
    if step is None:
        step, distance = _step(times)
        if distance != step:
            notes.append(
                f"时间间隔 {distance} 分钟不是小时的约数，按 {step} 分钟的时段整理 / "
                f"values every {distance} minutes were put on a grid of {step} minutes"
            )
    per_day = MINUTES_A_DAY // step
    at = (minute - start) // step
    day = at // per_day
    shape = (len(stations), len(parameters), days * per_day)
    cell = (station * shape[1] + parameter) * shape[2] + at
    by_day = np.bincount(day, minlength=days)
    repeated = by_day - np.bincount(np.unique(cell) % shape[2] // per_day, minlength=days)
    absurd = np.isfinite(value) & (np.abs(value) >= ABSURD)
    repairs = (
        Repair(
            np.bincount(day[(minute - start) % step != 0], minlength=days),
            f"{{}} 条记录的时间不在 {step} 分钟网格上，已归入所在时段 / "
            f"{{}} records lie between grid points of {step} minutes and were taken to their period",
        ),
        Repair(repeated, "{} 条记录时间重复，取最后一条 / {} records repeat a period, the last one counts"),
        Repair(
            np.bincount(day[absurd], minlength=days),
            "{} 个数值大得不可能是监测值，按缺失处理 / {} values too large to be readings count as missing",
        ),
    )
    notes += [one.note for one in repairs if one.note]
    values = np.full(shape, np.nan).reshape(-1)
    flags = np.zeros(values.shape, np.uint8)
    value = np.where(np.isfinite(value) & (np.abs(value) < ABSURD), value, np.nan)
    unlike = _unlike(cell // per_day, cell, value, (*shape[:2], days)) if repeated.any() else None
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
        unlike,
        repairs=tuple(one for one in repairs if one.note),
    )


def _unlike(
    day: NDArray[np.int64], cell: NDArray[np.int64], value: Floats, shape: tuple[int, int, int]
) -> Counts | None:
    """How many periods of each series and day have records with unlike values; None where none has.

    `cell` numbers the period of each record, `day` its day, both through all series; `shape` (stations, parameters, days).
    """
    order = np.argsort(cell, kind="stable")
    order = order[np.isfinite(value[order])]
    if not len(order):
        return None
    begins = np.flatnonzero(np.r_[True, np.diff(cell[order]) != 0])
    known = value[order]
    differ = np.maximum.reduceat(known, begins) > np.minimum.reduceat(known, begins)
    if not differ.any():
        return None
    at = day[order][begins][differ]
    return np.bincount(at, minlength=int(np.prod(shape))).reshape(shape)


def _plausible(minute: NDArray[np.int64]) -> Mask:
    """Records that are kept: without small blocks years away from the others (a wrong year, a clock that fell back for days),
    and, where the rest spans more than any network does, only the largest block without gaps of years."""
    days, block = np.unique(minute // MINUTES_A_DAY, return_inverse=True)
    numbers = np.cumsum(np.r_[0, np.diff(days) > LONGEST_GAP_DAYS])
    numbered = numbers[block]
    counts, lengths = np.bincount(numbered), np.bincount(numbers)
    few = counts <= MISDATED_SHARE * len(minute)
    short = (SMALL_BLOCK * lengths <= lengths[counts.argmax()]) & (SMALL_BLOCK * counts <= counts.max())
    one_day = (lengths == 1) & (10 * counts <= counts.max())
    kept = np.asarray(~(few | short | one_day)[numbered], dtype=np.bool_)
    if int(minute[kept].max()) - int(minute[kept].min()) <= LONGEST_SPAN_DAYS * MINUTES_A_DAY:
        return kept
    return np.asarray(numbered == counts.argmax(), dtype=np.bool_)


def _step(times: NDArray[np.int64]) -> tuple[int, int]:
    """Step of the grid and commonest distance of the distinct times, in minutes; an hour when there is only one.

    The step is the longest divisor of an hour that is not longer than the distance.
    """
    if len(times) < 2:
        return LONGEST_STEP, LONGEST_STEP
    gaps, counts = np.unique(np.diff(times), return_counts=True)
    distance = int(gaps[np.argmax(counts)])
    return next(
        step for step in range(min(distance, LONGEST_STEP), 0, -1) if LONGEST_STEP % step == 0
    ), distance


def coarser(panel: Panel, step: int) -> Panel:
    """The panel on a coarser grid: means of the ordinary values of each period; where there is none, its first flagged
    one with its flag.

    `step` (minutes) must be a multiple of the step of the panel and a divisor of an hour.
    """
    if step == panel.step:
        return panel
    if step % panel.step or LONGEST_STEP % step:
        raise ValueError(
            f"步长 {panel.step} 不能合并为 {step} / a step of {panel.step} does not make one of {step}"
        )
    k = step // panel.step
    shape = (*panel.values.shape[:2], -1, k)
    values, flags = panel.values.reshape(shape), panel.flags.reshape(shape)
    plain = np.isfinite(values) & (flags <= FLAG_NORMAL)
    count = plain.sum(axis=3)
    mean = np.where(plain, values, 0.0).sum(axis=3) / np.maximum(count, 1)
    marked = np.argmax(flags > FLAG_NORMAL, axis=3)[..., None]
    first_value = np.take_along_axis(values, marked, axis=3)[..., 0]
    first_flag = np.take_along_axis(flags, marked, axis=3)[..., 0]
    shown = np.where(first_flag > FLAG_NORMAL, first_value, np.nan)
    state = np.where(first_flag > FLAG_NORMAL, first_flag, FLAG_EMPTY)
    return replace(
        panel,
        step=step,
        values=np.where(count > 0, mean, shown),
        flags=np.where(count > 0, FLAG_NORMAL, state).astype(np.uint8),
    )


def on_one_step(history: Panel, panel: Panel) -> tuple[Panel, Panel]:
    """History and panel on the coarsest of their two steps; what was merged is noted in the panel."""
    step = int(np.lcm(history.step, panel.step))
    if history.step == panel.step:
        return history, panel
    note = (
        f"历史步长 {history.step} 分钟与待筛查步长 {panel.step} 分钟不同，按 {step} 分钟均值筛查，尾数检验因此不可靠 / "
        f"history and panel have different steps ({history.step} and {panel.step} minutes): screened as means of "
        f"{step} minutes, tests of digits mean little"
    )
    return coarser(history, step), replace(coarser(panel, step), notes=(*panel.notes, note))


def day_text(day: int | np.integer[Any]) -> str:
    """ISO date of a day counted from 1970-01-01."""
    return str(np.datetime64(int(day), "D"))
