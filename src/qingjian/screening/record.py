"""History and screened panel joined on one grid of whole days, in an order that does not depend on names."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from qingjian.screening.panel import (
    MEASURED,
    Counts,
    Flags,
    Floats,
    Mask,
    Panel,
    PanelError,
    Parameter,
    Station,
)

Coded = TypeVar("Coded", Station, Parameter)


@dataclass(frozen=True)
class OddStretch:
    """Days of a history that teach nothing: the values of one series lie a power of ten away from its other ones.

    `station` and `parameter` are codes, the days calendar days (both included).
    """

    station: str
    parameter: str
    first_day: int
    last_day: int
    power: int


@dataclass(frozen=True)
class MovedClock:
    """Days of a history that teach nothing: the station stood on another clock than on its other days.

    `station` is a code, the days calendar days (both included); `hours` by which the course of the day lies later.
    """

    station: str
    first_day: int
    last_day: int
    hours: int


@dataclass(frozen=True)
class Record:
    """Joined record: `values`, `flags` (stations, parameters, native times), `hourly` means of usable values.

    `history_days` and `panel_days` say which days of the grid belong to which part (neither: a gap between). `unlike`
    (stations, parameters, days) counts the periods the panel reported twice with unlike values; None: there are none.
    `declared` is what was said of the data beside the flags of the device, as in `Panel`; `odd` and `moved` are stretches
    whose values were taken out of the history.
    """

    stations: tuple[Station, ...]
    parameters: tuple[Parameter, ...]
    first_day: int
    per_day: int
    values: Floats
    flags: Flags
    hourly: Floats
    history_days: Mask
    panel_days: Mask
    notes: tuple[str, ...] = ()
    unlike: Counts | None = None
    declared: Flags | None = None
    odd: tuple[OddStretch, ...] = ()
    moved: tuple[MovedClock, ...] = ()

    @property
    def days(self) -> int:
        """Days on the grid."""
        return len(self.panel_days)

    def with_values(self, values: Floats, flags: Flags) -> Record:
        """The same record with other values and flags (hourly means are taken again)."""
        return replace(self, values=values, flags=flags, hourly=hourly_means(values, flags, self.per_day))

    def fine(self, station: int, parameter: int) -> Floats:
        """Usable values of one series by days, at most one every 15 minutes (days, 24 to 96)."""
        usable = np.where(self.flags[station, parameter] <= 1, self.values[station, parameter], np.nan)
        return block_means(usable, fine_block(self.per_day // 24)).reshape(self.days, -1)

    def of_history(self) -> Record:
        """Only the days from the first to the last day of the history."""
        inside = np.flatnonzero(self.history_days)
        a, b = (int(inside[0]), int(inside[-1]) + 1) if len(inside) else (0, 0)
        k = self.per_day
        return replace(
            self,
            first_day=self.first_day + a,
            values=self.values[:, :, a * k : b * k],
            flags=self.flags[:, :, a * k : b * k],
            hourly=self.hourly[:, :, a * 24 : b * 24],
            history_days=self.history_days[a:b],
            panel_days=np.zeros(b - a, bool),
            unlike=None if self.unlike is None else self.unlike[:, :, a:b],
            declared=None if self.declared is None else self.declared[:, :, a * k : b * k],
        )

    def measured(self) -> list[int]:
        """Positions of the parameters that are screened."""
        return [p for p, parameter in enumerate(self.parameters) if parameter.role == MEASURED]

    def relatives(self, station: int) -> list[int]:
        """Other stations of the same medium and parent."""
        own = self.stations[station]
        return [
            s
            for s, other in enumerate(self.stations)
            if s != station and (other.medium, other.parent) == (own.medium, own.parent)
        ]


MOST_AN_HOUR = 4
FOUR_YEARS = 1461  # days after which the seasons and the leap years come again


def fine_block(per_hour: int) -> int:
    """How many native values make one fine value: the fewest that divide the hour into at most four."""
    return next(k for k in range(1, per_hour + 1) if per_hour % k == 0 and per_hour // k <= MOST_AN_HOUR)


def hourly_means(values: Floats, flags: Flags, per_day: int) -> Floats:
    """Means of the usable values of each hour (stations, parameters, hours); NaN where there is none."""
    return block_means(np.where(flags <= 1, values, np.nan), per_day // 24)


def block_means(usable: Floats, k: int) -> Floats:
    """Means of k successive values along the last axis; NaN where all are missing."""
    if k == 1:
        return usable
    blocks = usable.reshape(*usable.shape[:-1], -1, k)
    count = np.isfinite(blocks).sum(axis=-1)
    total = np.nansum(blocks, axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def history_record(history: Panel) -> Record:
    """The clean history alone, stations and parameters in canonical order."""
    if history.days == 0:
        raise PanelError("历史数据不足一天 / the history holds less than a day")
    ordered = history.reordered(*canonical_order(history))
    every = np.ones(ordered.days, bool)
    hourly = hourly_means(ordered.values, ordered.flags, ordered.per_day)
    return Record(
        ordered.stations,
        ordered.parameters,
        ordered.first_day,
        ordered.per_day,
        ordered.values,
        ordered.flags,
        hourly,
        every,
        ~every,
        tuple(f"历史数据：{note}" for note in history.notes),
        declared=ordered.declared,
    )


def alone(panel: Panel) -> Record:
    """A panel without history: every day is screened and has to serve as its own reference."""
    record = history_record(panel)
    ordered = panel.reordered(*canonical_order(panel))
    return replace(record, panel_days=record.history_days.copy(), notes=panel.notes, unlike=ordered.unlike)


def join(history: Record, panel: Panel) -> Record:
    """Put a panel behind (or before) the history; days covered by both count as panel, not as history.

    Series are matched by station and parameter code; what the history does not know comes after what it knows.
    Raises PanelError when the steps differ.
    """
    if panel.days == 0:
        raise PanelError("待筛查数据不足一天 / the panel holds less than a day")
    k = history.per_day
    if panel.per_day != k:
        raise PanelError(
            f"历史步长 {1440 // k} 分钟与待筛查步长 {panel.step} 分钟不同 / "
            f"history and panel have different steps ({1440 // k} and {panel.step} minutes)"
        )
    notes = [*history.notes, *panel.notes]
    panel = panel.reordered(*canonical_order(panel))
    stations = _extended(_placed(history, panel), panel.stations)
    parameters = _extended(history.parameters, panel.parameters)
    history, years = _brought_near(history, panel)
    if years:
        notes.append(
            f"历史与待筛查时段相隔 {years} 年以上，按同一季节接在一起 / "
            f"history and panel lie {years} years or more apart and were joined by season"
        )
    first = min(history.first_day, panel.first_day)
    days = max(history.first_day + history.days, panel.first_day + panel.days) - first
    values = np.full((len(stations), len(parameters), days * k), np.nan)
    flags = np.zeros(values.shape, np.uint8)
    history_days, panel_days = np.zeros(days, bool), np.zeros(days, bool)
    at = history.first_day - first
    inside = slice(at * k, (at + history.days) * k)
    declared = (
        None if history.declared is None and panel.declared is None else np.zeros(flags.shape, np.uint8)
    )
    if declared is not None and history.declared is not None:
        declared[: len(history.stations), : len(history.parameters), inside] = history.declared
    values[: len(history.stations), : len(history.parameters), inside] = history.values
    flags[: len(history.stations), : len(history.parameters), inside] = history.flags
    history_days[at : at + history.days] = history.history_days
    at = panel.first_day - first
    inside = slice(at * k, (at + panel.days) * k)
    panel_days[at : at + panel.days] = True
    if (history_days & panel_days).any():
        notes.append(
            "历史与待筛查时段重叠，重叠的日子不作历史 / days in both history and panel are not history"
        )
        history_days &= ~panel_days
    values[:, :, inside], flags[:, :, inside] = np.nan, 0
    if declared is not None:
        declared[:, :, inside] = 0
    station_at = {s.code: i for i, s in enumerate(stations)}
    parameter_at = {p.code: i for i, p in enumerate(parameters)}
    unlike = None if panel.unlike is None else np.zeros((*values.shape[:2], days), np.int64)
    for i, s in enumerate(panel.stations):
        for j, p in enumerate(panel.parameters):
            values[station_at[s.code], parameter_at[p.code], inside] = panel.values[i, j]
            flags[station_at[s.code], parameter_at[p.code], inside] = panel.flags[i, j]
            place = station_at[s.code], parameter_at[p.code]
            if declared is not None and panel.declared is not None:
                declared[*place, inside] = panel.declared[i, j]
            if unlike is not None and panel.unlike is not None:
                unlike[*place, at : at + panel.days] = panel.unlike[i, j]
    return Record(
        stations,
        parameters,
        first,
        k,
        values,
        flags,
        hourly_means(values, flags, k),
        history_days,
        panel_days,
        tuple(notes),
        unlike,
        declared,
        history.odd,
        history.moved,
    )


def _brought_near(history: Record, panel: Panel) -> tuple[Record, int]:
    """The history moved by whole four-year cycles towards a panel that lies further away, and by how many years."""
    after = panel.first_day - (history.first_day + history.days)
    before = history.first_day - (panel.first_day + panel.days)
    cycles = max(after, before, 0) // FOUR_YEARS
    move = cycles * FOUR_YEARS * (1 if after > 0 else -1)
    return (replace(history, first_day=history.first_day + move) if move else history), 4 * cycles


def _placed(history: Record, panel: Panel) -> tuple[Station, ...]:
    """The stations of a history, those it holds alike taking the places of each other in the order of the panel.

    What was learned of places with the same content is the same, but what is read beside them goes by place: which of two
    copies stands first must not depend on a file. `panel` is in canonical order.
    """
    stations = list(history.stations)
    at = {one.code: i for i, one in enumerate(panel.stations)}
    alike: dict[bytes, list[int]] = {}
    for i, one in enumerate(stations):
        content = hashlib.sha256(repr((one.medium, one.parent)).encode())
        for part in (
            history.values[i],
            history.flags[i],
            *(() if history.declared is None else (history.declared[i],)),
        ):
            content.update(np.nan_to_num(part, nan=-1e300).tobytes())
        alike.setdefault(content.digest(), []).append(i)
    for places in alike.values():
        held = sorted((stations[i] for i in places), key=lambda one: at.get(one.code, len(at)))
        for place, one in zip(places, held, strict=True):
            stations[place] = one
    return tuple(stations)


def _extended(known: Sequence[Coded], found: Sequence[Coded]) -> tuple[Coded, ...]:
    """Known entries (described as in `found` where it has them), then the new ones."""
    latest = {item.code: item for item in found}
    old = {item.code for item in known}
    kept = [latest.get(item.code, item) for item in known]
    return tuple(kept + [item for item in found if item.code not in old])


def canonical_order(panel: Panel) -> tuple[list[int], list[int]]:
    """Order of stations and parameters by what they contain, so that results do not depend on names or order."""

    def digest(values: Floats, extra: str) -> bytes:
        return hashlib.sha256(np.nan_to_num(values, nan=-1e300).tobytes() + extra.encode()).digest()

    by_parameter = [
        (p.role, p.resolution, sorted(digest(row, "") for row in panel.values[:, j]), p.code, j)
        for j, p in enumerate(panel.parameters)
    ]
    parameters = [item[-1] for item in sorted(by_parameter)]
    own = [digest(panel.values[i][parameters], s.medium) for i, s in enumerate(panel.stations)]
    flags = [panel.flags[i][parameters].tobytes() for i in range(len(own))]
    mates = [
        sorted(d for d, t in zip(own, panel.stations, strict=True) if t.parent == s.parent)
        for s in panel.stations
    ]
    by_station = [(own[i], flags[i], mates[i], i) for i in range(len(own))]
    return [item[-1] for item in sorted(by_station)], parameters


def content_seed(values: Floats) -> int:
    """Seed that belongs to the content of a series and to nothing else."""
    return int.from_bytes(hashlib.sha256(np.nan_to_num(values, nan=-1e300).tobytes()).digest()[:8], "big")
