"""Clocks: the course of the day of a whole station moved by hours, in the screened days or within the history itself.

A wrong time zone or clock moves every factor of a station alike; one factor of several that moved is no clock. A history in
which the clock moved teaches with the greater part of its days; which of the two clocks is right is not asked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from qingjian.screening.panel import FLAG_EMPTY, Floats, Mask
from qingjian.screening.record import MovedClock, Record

LEAST_DAYS: Final = 10
LEAST_CYCLE: Final = 0.15  # share of the variance within days that the course of the day explains
MOVED_ALIKE: Final = 0.9  # correlation of the courses of the day once one of them is moved
UNMOVED_UNLIKE: Final = 0.5  # … and before
LEAST_MOVE_HOURS: Final = 3
LEAST_COURSES: Final = 2  # factors with a course, before a part of the days is said to stand on another clock
AS_WELL: Final = 1.02  # two ways to part a history that leave about as much unexplained
LEAST_KNOWN_HOURS: Final = 18  # of a day that shows its course


def moved_panel(record: Record, station: int) -> tuple[int, Mask] | None:
    """Hours by which the course of the day of a whole station lies later (negative: earlier) than in its history, and the
    days of the panel on which it does: the stretch that fits another clock best, else the whole panel.

    None where it does not, or where too few factors have a course.
    """
    rows = _by_day(record, station)
    courses = _courses(rows, record.history_days)
    if not courses:
        return None
    for days in (_stretch_on_another_clock(rows, courses, record.panel_days), record.panel_days):
        if days is None:
            continue
        moves = _moves(rows, courses, days)
        if len(moves) < LEAST_COURSES and (days != record.panel_days).any():
            continue
        if hours := _agreed(moves):
            return hours, days
    return None


def without_moved_clocks(history: Record) -> Record:
    """A history without the days on which a station stood on another clock than on most of its days: they teach neither the
    station nor its neighbours. The record itself where there are none.
    """
    moved: list[MovedClock] = []
    values, flags = history.values, history.flags
    for s, station in enumerate(history.stations):
        rows = _by_day(history, s).copy()
        while (found := _history_on_two_clocks(rows, history.history_days)) is not None:
            first, last, hours = found
            rows[:, first : last + 1] = np.nan
            if not moved:
                values, flags = values.copy(), flags.copy()
            inside = slice(first * history.per_day, (last + 1) * history.per_day)
            values[s, :, inside], flags[s, :, inside] = np.nan, FLAG_EMPTY
            moved.append(MovedClock(station.code, history.first_day + first, history.first_day + last, hours))
    return replace(history.with_values(values, flags), moved=tuple(moved)) if moved else history


def _by_day(record: Record, station: int) -> Floats:
    """Hourly values of all factors of a station (factors, days, 24)."""
    return np.asarray(record.hourly[station].reshape(len(record.parameters), record.days, 24), np.float64)


def _courses(rows: Floats, days: Mask) -> dict[int, Floats]:
    """Course of the day of every factor that has one on these days."""
    found = ((p, _course(own[days])) for p, own in enumerate(rows))
    return {p: course for p, course in found if course is not None}


def _agreed(moves: list[int]) -> int:
    """Hours that two thirds of the factors moved by; 0 where they do not agree."""
    middle = int(np.median(moves)) if moves else 0
    return middle if middle and 3 * sum(abs(one - middle) <= 1 for one in moves) >= 2 * len(moves) else 0


def _moves(rows: Floats, courses: dict[int, Floats], days: Mask) -> list[int]:
    """Hours by which the course of each factor with a course on these days is moved; 0 where it clearly is not."""
    moves = []
    for p, before in courses.items():
        after = _course(rows[p, days])
        if after is None:
            continue
        alike = np.array([float(np.corrcoef(np.roll(before, hours), after)[0, 1]) for hours in range(24)])
        best = int(alike.argmax())
        moved = (best + 12) % 24 - 12
        clear = alike[best] >= MOVED_ALIKE and alike[0] <= UNMOVED_UNLIKE
        moves.append(moved if clear and abs(moved) >= LEAST_MOVE_HOURS else 0)
    return moves


def _stretch_on_another_clock(rows: Floats, courses: dict[int, Floats], among: Mask) -> Mask | None:
    """Days among some that fit the courses better on another clock, the same on all of them; None where there are too few."""
    inside = np.flatnonzero(among)
    gain = np.zeros((24, len(inside)))
    for p, course in courses.items():
        away = _away(rows[p, inside])
        fit = np.stack([away @ np.roll(course, hours) for hours in range(24)]) / float(course @ course)
        gain += np.clip(fit - fit[0], -2.0, 2.0)
    hours = range(LEAST_MOVE_HOURS, 24 - LEAST_MOVE_HOURS + 1)
    stretches = {h: stretch_of_most(gain[h]) for h in hours}
    best = max(hours, key=lambda h: float(gain[h, slice(*stretches[h])].sum()))
    first, beyond = stretches[best]
    if beyond - first < LEAST_DAYS:
        return None
    # Fewer days than can be judged by themselves belong to what lies beside them.
    first = 0 if first < LEAST_DAYS else first
    beyond = len(inside) if len(inside) - beyond < LEAST_DAYS else beyond
    days = np.zeros(len(among), bool)
    days[inside[first:beyond]] = True
    return days


def _history_on_two_clocks(rows: Floats, known: Mask) -> tuple[int, int, int] | None:
    """First and last day of the history (factors, days, 24) that stand on another clock than its other days, and by how many
    hours they lie later: what makes the days of the history most alike once they are moved back.

    Of two ways that do so as well (days on one clock, or all others on the other) the one with fewer days, the earlier ones
    where they are as many.
    """
    held = known & (np.isfinite(rows).sum(axis=2) >= LEAST_KNOWN_HOURS).any(axis=0)
    at = np.flatnonzero(held)
    cut = _largest_change_of_course(rows[:, at])
    found = []
    for base in (at[cut:], at[:cut]) if cut else ():
        taught = np.zeros(len(known), bool)
        taught[base] = True
        courses = _courses(rows, taught)
        if len(courses) < LEAST_COURSES:
            continue
        days = _stretch_on_another_clock(rows, courses, held)
        if days is None or (days == held).all():
            continue
        moves = _moves(rows, _courses(rows, held & ~days), days)
        if len(moves) >= LEAST_COURSES and (hours := _agreed(moves)):
            found.append((_unlike(rows[:, at], days[at], hours), days, hours))
    if not found:
        return None
    bound = AS_WELL * min(unlike for unlike, _, _ in found)
    _, days, hours = min((one for one in found if one[0] <= bound), key=lambda one: int(one[1].sum()))
    first, last = np.flatnonzero(days)[[0, -1]].tolist()
    return first, last, hours


def _unlike(rows: Floats, days: Mask, hours: int) -> float:
    """What the mean course leaves of days (factors, days, 24), some of them moved back, in shares summed over the factors."""
    total = 0.0
    for own in rows:
        away = _away(own)
        whole = float((away**2).sum())
        if whole > 0:
            away[days] = np.roll(away[days], -hours, axis=1)
            total += float(((away - away.mean(axis=0)) ** 2).sum()) / whole
    return total


def _largest_change_of_course(rows: Floats) -> int:
    """Position of the day from which on the courses (factors, days, 24) differ most from those before; 0: too few days."""
    n = rows.shape[1]
    if n < 2 * LEAST_DAYS:
        return 0
    cuts = np.arange(LEAST_DAYS, n - LEAST_DAYS + 1)
    change = np.zeros(len(cuts))
    for own in rows:
        away = _away(own)
        spread = float(np.mean(away**2))
        if spread <= 0:
            continue
        total = np.cumsum(away, axis=0)
        before = total[cuts - 1]
        gap = (total[-1] - before) / (n - cuts)[:, None] - before / cuts[:, None]
        change += cuts * (n - cuts) / n * (gap**2).sum(axis=1) / spread
    return int(cuts[change.argmax()])


def _away(rows: Floats) -> Floats:
    """Values (days, 24) less the mean of their day; 0 where there is none."""
    known = np.isfinite(rows)
    number = np.maximum(known.sum(axis=1, keepdims=True), 1)
    mean = np.where(known, rows, 0.0).sum(axis=1, keepdims=True) / number
    return np.where(known, rows - mean, 0.0)


def _course(rows: Floats) -> Floats | None:
    """Mean course of the day of (days, 24) values; None where there are too few days or hardly any course."""
    whole = rows[np.isfinite(rows).sum(axis=1) >= LEAST_KNOWN_HOURS]
    if len(whole) < LEAST_DAYS:
        return None
    away = whole - np.nanmean(whole, axis=1, keepdims=True)
    course = np.asarray(np.nanmean(away, axis=0), dtype=np.float64)
    variance = float(np.nanvar(away))
    if not np.isfinite(course).all() or variance <= 0 or float(np.var(course)) < LEAST_CYCLE * variance:
        return None
    return course


def stretch_of_most(gain: Floats) -> tuple[int, int]:
    """First day and day after the last of the stretch with the largest sum; (0, 0) where no day gains."""
    best, out, total, begin = 0.0, (0, 0), 0.0, 0
    for day, one in enumerate(gain.tolist()):
        if total <= 0:
            total, begin = 0.0, day
        total += one
        if total > best:
            best, out = total, (begin, day + 1)
    return out
