"""Whether a panel can be compared with its history: units, clocks, and histories too thin to say what is normal.

Unlike units that are declared are converted, or the factor serves as its own reference. What nobody declared shows in
the values: all of them a power of ten away from the history, or (`clocks`) the course of the day of a whole station moved by
hours. Neither is evidence of anything; both make every comparison worth less, which is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from qingjian.screening.calibration import LEAST_REFERENCE_DAYS
from qingjian.screening.clocks import LEAST_DAYS, moved_panel, stretch_of_most
from qingjian.screening.panel import FLAG_EMPTY, Floats, Mask, Panel, Parameter, day_text
from qingjian.screening.record import OddStretch, Record
from qingjian.standards.errors import UnitError
from qingjian.standards.quantity import convert

SHARES: Final = (0.1, 0.3, 0.5, 0.7, 0.9)
LEAST_HOURS: Final = 100
NEAR_TEN: Final = 0.1  # how far (log10) all shares may lie from 10 or a tenth
NEAR_MORE: Final = 0.3  # … and from 100 or more, which nature hardly reaches
EDGE_DAYS: Final = 3
LEAST_JUMP: Final = 0.7  # of the power of ten, between the days before and after a change of unit
LEAST_COVERAGE: Final = 0.5
ONE_VALUE: Final = 0.95
LEAST_UNLIKE: Final = 3  # periods of a day reported twice with unlike values …
UNLIKE_SHARE: Final = 0.1  # … and so much of its grid, from which the day is doubted
_SPELLINGS: Final = {"degC": "℃", "deg C": "℃", "°C": "℃", "C": "℃"}


@dataclass(frozen=True)
class Doubt:
    """Why one series (or, with `parameter` None, a whole station) can hardly be compared on some `days` of the record."""

    station: int
    parameter: int | None
    days: Mask
    zh: str
    en: str

    def note(self, record: Record) -> str:
        """The doubt as a note, beginning with the codes of what it is about."""
        code = record.stations[self.station].code
        if self.parameter is not None:
            code = f"{code} {record.parameters[self.parameter].code}"
        return f"{code}：{self.zh}，分数已降低 / {self.en}, scores lowered"


def in_known_units(panel: Panel, known: Sequence[Parameter]) -> tuple[Panel, tuple[int, ...]]:
    """The panel in the units of the history, and the places of factors whose unit cannot be converted to it.

    A unit that is not stated on one side is taken to be the same.
    """
    history = {one.code: one.unit for one in known}
    parameters, values, notes = list(panel.parameters), panel.values, list(panel.notes)
    foreign = []
    for place, one in enumerate(panel.parameters):
        unit = history.get(one.code, "")
        factor = unit_factor(one.unit, unit)
        if factor is None:
            foreign.append(place)
        elif factor != 1:
            values = values.copy() if values is panel.values else values
            values[:, place] *= factor
            parameters[place] = replace(
                one, unit=unit, resolution=one.resolution * factor, limit=one.limit * factor
            )
            notes.append(
                f"{one.code} 的单位 {one.unit} 与历史的 {unit} 不同，已换算 / {one.code} comes in {one.unit}, the history "
                f"in {unit}: converted"
            )
    return replace(panel, parameters=tuple(parameters), values=values, notes=tuple(notes)), tuple(foreign)


def unit_factor(unit: str, known: str) -> float | None:
    """Factor from one unit to the other; 1 where one is not stated; None where there is none."""
    one, other = (_SPELLINGS.get(text, text) for text in (unit.strip(), known.strip()))
    if not one or not other or one.casefold() == other.casefold():
        return 1.0
    one, other = (text.replace("/l", "/L") for text in (one, other))
    try:
        return float(convert(Decimal(1), one, other))
    except UnitError:
        return None


def doubts(record: Record) -> tuple[Doubt, ...]:
    """What makes the screened days of a record hard to compare with its history, in the order of series and stations."""
    found = []
    for s in range(len(record.stations)):
        for p in record.measured():
            own = record.hourly[s, p].reshape(record.days, 24)
            if np.isfinite(own[record.panel_days]).any():
                found += [Doubt(s, p, *one) for one in _of_series(own, record)]
                found += [Doubt(s, p, *one) for one in _of_odd_history(record, s, p)]
            if (twice := _told_twice(record, s, p)) is not None:
                found.append(Doubt(s, p, *twice))
        found += [Doubt(s, None, *one) for one in _of_moved_history(record, s)]
        if (clock := moved_panel(record, s)) is not None:
            moved, days = clock
            since_zh, since_en = "", ""
            if (days != record.panel_days).any():
                first, last = _ends(record, days)
                since_zh, since_en = f"{first} 至 {last} ", f"from {first} to {last} "
            found.append(
                Doubt(
                    s,
                    None,
                    days,
                    f"{since_zh}各因子的日变化较历史整体{'推迟' if moved > 0 else '提前'}约 {abs(moved)} 小时，疑为时区或时钟不同",
                    f"{since_en}the course of the day lies about {abs(moved)} h {'later' if moved > 0 else 'earlier'} than in "
                    "the history, as with another time zone or clock",
                )
            )
    return tuple(found)


def _of_series(own: Floats, record: Record) -> list[tuple[Mask, str, str]]:
    """Doubts about one series (days, 24): days they hold for, in Chinese and English."""
    found = []
    past = own[record.history_days]
    known = past[np.isfinite(past)]
    held = int(np.isfinite(past).any(axis=1).sum())
    if 0 < held < LEAST_REFERENCE_DAYS <= len(past):
        found.append(
            (
                record.panel_days,
                f"自身历史仅 {held} 天有数据",
                f"only {held} days of own history",
            )
        )
    elif len(known) >= LEAST_HOURS:
        coverage = _coverage(past)
        if coverage < LEAST_COVERAGE:
            found.append(
                (
                    record.panel_days,
                    f"历史数据缺失多，有数据的日子里仅 {100 * coverage:.0f}% 的时刻有值",
                    f"the history is full of gaps: values at {100 * coverage:.0f} % of the times of the days it has",
                )
            )
        commonest = float(np.unique(known, return_counts=True)[1].max()) / len(known)
        if commonest >= ONE_VALUE:
            found.append(
                (
                    record.panel_days,
                    f"历史数据 {100 * commonest:.0f}% 为同一数值，不足以说明何为正常",
                    f"{100 * commonest:.0f} % of the history is one value and says little about what is normal",
                )
            )
    for days, power in _powers_of_ten(own, record):
        first, last = _ends(record, days)
        found.append(
            (
                days,
                f"{first} 至 {last} 的数值约为历史的 10^{power} 倍，疑为单位不同",
                f"from {first} to {last} values are about 10^{power} times those of the history, as with another unit",
            )
        )
    return found


def without_odd_stretches(history: Record) -> Record:
    """A history without the stretches that stand in another unit than its other days: they teach neither their own series
    nor its neighbours. The record itself where there are none; which of the two units is that of the panel is not asked.
    """
    odd: list[OddStretch] = []
    values, flags = history.values, history.flags
    for s, station in enumerate(history.stations):
        for p in history.measured():
            own = history.hourly[s, p].reshape(history.days, 24).copy()
            while (mixed := _history_in_two_units(own)) is not None:
                days, power = mixed
                first, last = int(days[0]), int(days[-1])
                own[first : last + 1] = np.nan
                if not odd:
                    values, flags = values.copy(), flags.copy()
                inside = slice(first * history.per_day, (last + 1) * history.per_day)
                values[s, p, inside], flags[s, p, inside] = np.nan, FLAG_EMPTY
                odd.append(
                    OddStretch(
                        station.code,
                        history.parameters[p].code,
                        history.first_day + first,
                        history.first_day + last,
                        power,
                    )
                )
    return replace(history.with_values(values, flags), odd=tuple(odd)) if odd else history


def _of_odd_history(record: Record, station: int, parameter: int) -> list[tuple[Mask, str, str]]:
    """Doubts about a series parts of whose history were taken out."""
    found = []
    for one in record.odd:
        if (one.station, one.parameter) == (record.stations[station].code, record.parameters[parameter].code):
            first, last = day_text(one.first_day), day_text(one.last_day)
            found.append(
                (
                    record.panel_days,
                    f"历史中 {first} 至 {last} 的数值约为其余历史的 10^{one.power} 倍，疑为单位不同，该段未用于学习",
                    f"from {first} to {last} the history itself holds about 10^{one.power} times its other values, as in another "
                    "unit, and taught nothing",
                )
            )
    return found


def _of_moved_history(record: Record, station: int) -> list[tuple[Mask, str, str]]:
    """Doubts about a station that stood on another clock on some days of its history."""
    return [
        (
            record.panel_days,
            f"历史中 {day_text(one.first_day)} 至 {day_text(one.last_day)} 各因子的日变化较其余历史整体"
            f"{'推迟' if one.hours > 0 else '提前'}约 {abs(one.hours)} 小时，疑为时区或时钟不同，该段未用于学习",
            f"from {day_text(one.first_day)} to {day_text(one.last_day)} of the history the course of the day lies about "
            f"{abs(one.hours)} h {'later' if one.hours > 0 else 'earlier'} than on its other days, as with another time zone or "
            "clock; they taught nothing",
        )
        for one in record.moved
        if one.station == record.stations[station].code
    ]


def _ends(record: Record, days: Mask) -> tuple[str, str]:
    """First and last day of a mask, as people read them."""
    at = np.flatnonzero(days)
    return day_text(record.first_day + int(at[0])), day_text(record.first_day + int(at[-1]))


def _told_twice(record: Record, station: int, parameter: int) -> tuple[Mask, str, str] | None:
    """Days of which much was reported twice with unlike values: which of them was measured, nobody knows.

    Judged day by day, so that a stream says of a day what a later look says.
    """
    if record.unlike is None:
        return None
    counts = record.unlike[station, parameter]
    days = record.panel_days & (counts >= LEAST_UNLIKE) & (counts >= UNLIKE_SHARE * record.per_day)
    if not days.any():
        return None
    number = int(days.sum())
    return (
        days,
        f"{number} 天内同一时间有多个不同数值，取最后一个",
        f"on {number} days the same times come with unlike values, the last one counts",
    )


def _coverage(past: Floats) -> float:
    """Share of the times at which a value was due that have one, on days with any (rows of 24 hours).

    Due is what the commonest distance of values says: an analyser that reports every four hours has no gaps.
    """
    rows = past[np.isfinite(past).any(axis=1)]
    at = np.flatnonzero(np.isfinite(rows.ravel()))
    if len(at) < 2:
        return 1.0
    distances, counts = np.unique(np.diff(at), return_counts=True)
    return min(1.0, len(at) * int(distances[counts.argmax()]) / rows.size)


def _powers_of_ten(own: Floats, record: Record) -> list[tuple[Mask, int]]:
    """Stretches of the panel whose values are those of the history times a power of ten other than 1.

    Looked at are the whole panel, the two parts that its largest lasting change of level divides it into, and stretches that
    begin or end with a jump.
    """
    usual = _logarithms(own[record.history_days])
    inside = np.flatnonzero(record.panel_days)
    if usual is None:
        return []
    if (power := _power(own[inside], usual)) != 0:
        return [(record.panel_days, power)]
    at, daily = _daily_logarithms(own[inside])
    known = inside[at]
    cut = _largest_change(daily)
    found = []
    for part in (inside[inside < known[cut]], inside[inside >= known[cut]]) if cut else ():
        if (power := _power(own[part], usual)) != 0:
            days = np.zeros(record.days, bool)
            days[part] = True
            found.append((days, power))
    if found:
        return found
    for first, beyond, power in _jumps_of_ten(daily - usual[len(SHARES) // 2]):
        part = known[first:beyond]
        if _power(own[part], usual) == power:
            days = np.zeros(record.days, bool)
            days[part[0] : part[-1] + 1] = True
            found.append((days, power))
    return found


def _history_in_two_units(past: Floats) -> tuple[NDArray[np.int64], int] | None:
    """Rows of the history (days, 24) whose values are those of its other days times a power of ten, and the power; the fewer
    of the two."""
    at, daily = _daily_logarithms(past)
    cut = _largest_change(daily)
    found = []
    for part in (daily[cut:], daily[:cut]) if cut else ():
        for first, beyond, power in _jumps_of_ten(daily - float(np.median(part))):
            days = at[first:beyond]
            usual = _logarithms(np.delete(past, days, axis=0))
            if usual is not None and _power(past[days], usual) == power:
                found.append((days, power))
    return min(found, key=lambda one: len(one[0]), default=None)


def _daily_logarithms(rows: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Which rows (days, 24) have a positive value, and the decimal logarithm of their median."""
    ordered = np.sort(np.where(rows > 0, rows, np.nan), axis=1)
    count = np.isfinite(ordered).sum(axis=1)
    middle = ordered[np.arange(len(ordered)), np.maximum(count - 1, 0) // 2]
    return np.flatnonzero(count > 0), np.log10(middle[count > 0])


def _jumps_of_ten(away: Floats) -> list[tuple[int, int, int]]:
    """Stretches of daily logarithms that lie about a power of ten away from 0 and begin and end with a jump: first day, day
    after the last, power."""
    found = []
    for power in sorted({round(float(one)) for one in away} - {0}, key=abs):
        first, beyond = stretch_of_most(np.clip(np.abs(away) - np.abs(away - power), -1.0, 1.0))
        if beyond - first < LEAST_DAYS:
            continue
        edges = [
            float(np.median(away[inner]) - np.median(away[outer]))
            for inner, outer in (
                (slice(first, first + EDGE_DAYS), slice(max(first - EDGE_DAYS, 0), first)),
                (slice(beyond - EDGE_DAYS, beyond), slice(beyond, beyond + EDGE_DAYS)),
            )
            if len(away[outer])
        ]
        if edges and all(edge / power >= LEAST_JUMP for edge in edges):
            found.append((first, beyond, power))
    return found


def _logarithms(values: Floats) -> Floats | None:
    """Decimal logarithms at SHARES of the values; None where too few of them are positive."""
    known = values[np.isfinite(values)]
    positive = known[known > 0]
    if len(positive) < LEAST_HOURS or len(positive) < 0.9 * len(known):
        return None
    return np.log10(np.quantile(positive, SHARES))


def _power(values: Floats, usual: Floats) -> int:
    """Power of ten by which all shares of the values lie away from the usual ones; 0 if there is none."""
    own = _logarithms(values) if np.isfinite(values).any(axis=1).sum() >= LEAST_DAYS else None
    if own is None:
        return 0
    away = own - usual
    power = round(float(np.median(away)))
    bound = NEAR_TEN if abs(power) == 1 else NEAR_MORE
    return power if power and np.abs(away - power).max() <= bound else 0


def _largest_change(daily: Floats) -> int:
    """Position at which the means of the days before and from it on differ most; 0 where there are too few days."""
    n = len(daily)
    if n < 2 * LEAST_DAYS:
        return 0
    cuts = np.arange(LEAST_DAYS, n - LEAST_DAYS + 1)
    before = np.cumsum(daily)[cuts - 1]
    change = np.abs((daily.sum() - before) / (n - cuts) - before / cuts)
    return int(cuts[change.argmax()])
