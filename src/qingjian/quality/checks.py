"""Automatic checks over columns of many series at once. What each does, in words, stands in ``data/checks.csv``.

A hit is a statement about a row, never a verdict: only checks whose catalogue entry says so make a value doubtful.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from qingjian.quality.observations import Bools, Floats, Ints, Observations, series_slices
from qingjian.rulebook import Confidence

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Check:
    """One entry of the catalogue."""

    id: str
    version: str
    name_zh: str
    name_en: str
    severity: str
    formula_zh: str
    formula_en: str
    parameters: tuple[str, ...]
    clause: str
    confidence: Confidence
    doubts_value: bool


@functools.cache
def catalogue() -> tuple[Check, ...]:
    """All checks, in the order in which ``Hits.check`` numbers them."""
    text = resources.files("qingjian.quality").joinpath("data", "checks.csv").read_text("utf-8")
    return tuple(
        Check(
            id=row["id"],
            version=row["version"],
            name_zh=row["name_zh"],
            name_en=row["name_en"],
            severity=row["severity"],
            formula_zh=row["formula_zh"],
            formula_en=row["formula_en"],
            parameters=tuple(row["parameters"].split()),
            clause=row["clause"],
            confidence=Confidence(row["confidence"]),
            doubts_value=row["doubts_value"] == "yes",
        )
        for row in csv.DictReader(text.splitlines())
    )


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """Parameters of one series; None (or 0 for counts) leaves the check out for it.

    Bounds, tolerances and thresholds are in the series' unit, counts in periods of ``source_seconds``.
    """

    series: int
    source_seconds: int
    low: float | None = None
    high: float | None = None
    negative_tolerance: float | None = None
    constant_count: int = 0
    zero_is_normal: bool = False
    step: float | None = None
    spike: float | None = None
    flat_count: int = 0
    flat_tolerance: float = 0.0
    detection_limit: float | None = None
    detection_count: int = 0
    pm10_series: int | None = None
    pm_tolerance: float = 0.0
    clock_tolerance_seconds: int | None = None
    companions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """One entry per check and row: ``check`` uint8 (position in ``catalogue()``), ``row`` int64 (position in the
    observations), ``found`` and ``allowed`` float64 (the figure and the threshold it broke)."""

    check: NDArray[np.uint8]
    row: Ints
    found: Floats
    allowed: Floats

    def __len__(self) -> int:
        return len(self.row)

    def suspect(self, n: int) -> Bools:
        """For each of n rows: does a check that doubts values hit it? Feeds ``effective_status``."""
        doubting = np.asarray([check.doubts_value for check in catalogue()], np.bool_)
        marked = np.zeros(n, np.bool_)
        marked[self.row[doubting[self.check]]] = True
        return marked

    def stretches(self, observations: Observations, settings: Sequence[CheckSettings]) -> tuple[Stretch, ...]:
        """Hits of one check in neighbouring periods of one series, joined: one entry per finding."""
        seconds = {one.series: one.source_seconds for one in settings}
        order = np.lexsort((self.row, self.check))
        found: list[Stretch] = []
        for index in order.tolist():
            row, check = int(self.row[index]), int(self.check[index])
            series, start = int(observations.series[row]), int(observations.start[row])
            end = start + seconds[series]
            figure, allowed = float(self.found[index]), float(self.allowed[index])
            last = found[-1] if found else None
            if last and (last.check, last.series, last.end) == (catalogue()[check], series, start):
                worst = figure if abs(figure - allowed) > abs(last.found - last.allowed) else last.found
                found[-1] = Stretch(last.check, series, last.start, end, last.rows + 1, worst, allowed)
            else:
                found.append(Stretch(catalogue()[check], series, start, end, 1, figure, allowed))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Stretch:
    """An interval [start, end) in which one check hit one series in ``rows`` neighbouring periods."""

    check: Check
    series: int
    start: int
    end: int
    rows: int
    found: float
    allowed: float


def run_checks(
    observations: Observations,
    settings: Sequence[CheckSettings],
    *,
    usable: Bools | None = None,
    received: Ints | None = None,
    only: Collection[str] | None = None,
) -> Hits:
    """Run the checks (all, or those named by ``only``) over rows sorted by series and start.

    ``usable``: rows to look at (e.g. not those marked as calibration); others count as absent. ``received``:
    epoch seconds UTC at which each row arrived live, -1 for backfilled rows; without it the clock is not
    checked. Series without settings are left alone. Raises ValueError for an unknown check.
    """
    names = {check.id: number for number, check in enumerate(catalogue())}
    unknown = sorted(set(only or ()) - names.keys())
    if unknown:
        raise ValueError(f"unknown checks {unknown}; known: {sorted(names)}")
    if len(observations) == 0 or not settings:
        return _join([])
    rows = _Rows(observations, settings, usable)
    parts = []
    for name, number in names.items():
        if only is not None and name not in only:
            continue
        if name == "clock_jump":
            found = None if received is None else rows.clock_jump(np.asarray(received, np.int64))
        else:
            found = getattr(rows, name)()
        if found is not None:
            mask, figure, allowed = found
            hit = np.flatnonzero(mask)
            parts.append((number, hit, figure[hit], allowed[hit]))
    return _join(parts)


def robust_threshold(observations: Observations, multiple: float = 10.0) -> dict[int, float]:
    """A step threshold per series from clean history: ``multiple`` robust deviations of the differences.

    The deviation is 1.4826 times the median absolute difference of successive finite values; series with fewer
    than 30 differences, or with none other than zero, are left out.
    """
    thresholds = {}
    for series, rows in series_slices(observations.series).items():
        values = observations.value[rows]
        moves = np.abs(np.diff(values[np.isfinite(values)]))
        if len(moves) >= 30 and (middle := float(np.median(moves))) > 0:
            thresholds[series] = multiple * 1.4826 * middle
    return thresholds


_Found = tuple[Bools, Floats, Floats]


class _Rows:
    """The rows with their neighbours and parameters; a parameter that is not set is NaN and never hits."""

    def __init__(
        self, observations: Observations, settings: Sequence[CheckSettings], usable: Bools | None
    ) -> None:
        self._rows = observations
        self._settings = sorted(settings, key=lambda one: one.series)
        ids = np.asarray([one.series for one in self._settings], np.int64)
        heads = np.flatnonzero(np.diff(observations.series, prepend=observations.series[0] - 1))
        lengths = np.diff(np.append(heads, len(observations)))
        place = np.minimum(np.searchsorted(ids, observations.series[heads]), len(ids) - 1)
        known = ids[place] == observations.series[heads]
        self._place, self._known, self._lengths = place, known, lengths
        self.value = observations.value
        self.present = np.isfinite(self.value)
        if not bool(known.all()):
            self.present &= np.repeat(known, lengths)
        if usable is not None:
            self.present &= usable
        self._slices = series_slices(observations.series)

    def spread(self, name: str) -> Floats | None:
        """A parameter for each row; None when no series of the batch has it."""
        column = np.asarray(
            [np.nan if getattr(one, name) is None else getattr(one, name) for one in self._settings],
            np.float64,
        )
        per_series = np.where(self._known, column[self._place], np.nan)
        if bool(np.isnan(per_series).all()):
            return None
        if bool((per_series == per_series[0]).all()):
            # The same for all: a view of one number costs no memory traffic.
            return np.broadcast_to(per_series[0], self.value.shape)
        return np.repeat(per_series, self._lengths)

    @functools.cached_property
    def follows(self) -> Bools:
        """True where the row before is the neighbouring period of the same series and both are present."""
        seconds = self.spread("source_seconds")
        linked = np.zeros(len(self.value), np.bool_)
        if seconds is not None:
            linked[1:] = (
                (np.diff(self._rows.start) == seconds[1:])
                & (self._rows.series[1:] == self._rows.series[:-1])
                & self.present[1:]
                & self.present[:-1]
            )
        return linked

    @functools.cached_property
    def moves(self) -> Floats:
        """Difference to the neighbouring period before, NaN where there is none."""
        moves = np.full(len(self.value), np.nan)
        np.subtract(self.value[1:], self.value[:-1], out=moves[1:], where=self.follows[1:])
        return moves

    def range(self) -> _Found | None:
        low, high = self.spread("low"), self.spread("high")
        if low is None or high is None:
            if low is not None:
                return (self.value < low) & self.present, self.value, low
            return None if high is None else ((self.value > high) & self.present, self.value, high)
        below = self.value < low
        outside = below | (self.value > high)
        return outside & self.present, self.value, np.where(below, low, high)

    def negative(self) -> _Found | None:
        tolerance = self.spread("negative_tolerance")
        if tolerance is None:
            return None
        return (self.value < -tolerance) & self.present, self.value, -tolerance

    def constant(self) -> _Found | None:
        needed = self.spread("constant_count")
        if needed is None or not bool((needed > 0).any()):
            return None
        exempt = (self.value == 0.0) & (self.spread("zero_is_normal") == 1.0)
        limit = self.spread("detection_limit")
        if limit is not None:
            exempt |= self.value <= limit
        member = self.present & ~exempt
        joined = member & self.follows & (self.moves == 0.0)
        length = _run_lengths(joined)
        return member & (needed > 0) & (length >= needed), length, needed

    def step(self) -> _Found | None:
        threshold = self.spread("step")
        if threshold is None:
            return None
        size = np.abs(self.moves)
        return size > threshold, size, threshold

    def spike(self) -> _Found | None:
        threshold = self.spread("spike")
        if threshold is None:
            return None
        size = np.full(len(self.value), np.nan)
        before, after = self.moves[1:-1], self.moves[2:]
        # With a = x - x₋ and b = x₊ - x: |x - (x₋+x₊)/2| - |x₊ - x₋|/2 = (|a - b| - |a + b|)/2.
        size[1:-1] = 0.5 * (np.abs(before - after) - np.abs(before + after))
        return size > threshold, size, threshold

    def flat(self) -> _Found | None:
        needed, tolerance = self.spread("flat_count"), self.spread("flat_tolerance")
        if needed is None or tolerance is None or not bool((needed > 1).any()):
            return None
        mask = np.zeros(len(self.value), np.bool_)
        found = np.full(len(self.value), np.nan)
        run = _position_in_run(self.follows)
        for count in np.unique(needed[needed > 1]).astype(np.int64).tolist():
            if count > len(self.value):
                continue
            span = _window(np.maximum, self.value, count) - _window(np.minimum, self.value, count)
            ends = np.arange(count - 1, len(self.value))
            hit = (needed[ends] == count) & (run[ends] >= count - 1) & (span <= tolerance[ends])
            marks = np.zeros(len(self.value) + 1, np.int64)
            np.add.at(marks, ends[hit] - count + 1, 1)
            np.add.at(marks, ends[hit] + 1, -1)
            inside = np.cumsum(marks[:-1]) > 0
            found[ends] = np.where(needed[ends] == count, span, found[ends])
            mask |= inside
        return mask, np.where(mask & np.isnan(found), 0.0, found), tolerance

    def detection_limit(self) -> _Found | None:
        limit, needed = self.spread("detection_limit"), self.spread("detection_count")
        if limit is None or needed is None:
            return None
        low = self.present & (self.value <= limit)
        joined = low & self.follows
        joined[1:] &= low[:-1]
        length = _run_lengths(joined)
        return low & (needed > 0) & (length >= needed), length, needed

    def pm_inversion(self) -> _Found | None:
        mask = np.zeros(len(self.value), np.bool_)
        coarse = np.full(len(self.value), np.nan)
        for one in self._settings:
            if one.pm10_series is None or one.series not in self._slices:
                continue
            mine = self._slices[one.series]
            other = self._partner(mine, one.pm10_series)
            coarse[mine] = other + one.pm_tolerance
        mask = self.present & (self.value > coarse)
        return mask, self.value, coarse

    def companion(self) -> _Found | None:
        missing = np.zeros(len(self.value), np.float64)
        wanted = np.zeros(len(self.value), np.float64)
        for one in self._settings:
            if not one.companions or one.series not in self._slices:
                continue
            mine = self._slices[one.series]
            wanted[mine] = len(one.companions)
            for other in one.companions:
                missing[mine] += np.isnan(self._partner(mine, other))
        return self.present & (missing > 0), missing, wanted

    def clock_jump(self, received: Ints) -> _Found | None:
        tolerance, seconds = self.spread("clock_tolerance_seconds"), self.spread("source_seconds")
        if tolerance is None or seconds is None:
            return None
        late = received - (self._rows.start + seconds)
        off = np.abs(np.abs(late) - _DAY)
        return (off <= tolerance) & (received >= 0) & self.present, late, tolerance

    def _partner(self, mine: slice, other: int) -> Floats:
        """Present values of another series at the same starts, NaN where there is none."""
        there = self._slices.get(other)
        if there is None:
            return np.full(mine.stop - mine.start, np.nan)
        starts = self._rows.start
        place = np.minimum(np.searchsorted(starts[there], starts[mine]), there.stop - there.start - 1)
        values = self._rows.value[there][place]
        match = (starts[there][place] == starts[mine]) & np.isfinite(values)
        return np.where(match, values, np.nan)


def _position_in_run(linked: Bools) -> Ints:
    """How many rows of the same run come before each row; ``linked`` = belongs together with the row before."""
    index = np.arange(len(linked))
    return index - np.maximum.accumulate(np.where(linked, 0, index))


def _run_lengths(linked: Bools) -> Floats:
    """Length of the run each row belongs to."""
    heads = np.flatnonzero(~linked)
    lengths = np.diff(np.append(heads, len(linked)))
    return np.repeat(lengths, lengths).astype(np.float64)


def _window(pick: np.ufunc, values: Floats, count: int) -> Floats:
    """Running extreme over ``count`` rows, by doubling: log2(count) passes. Length n - count + 1."""
    result, width = values, 1
    while width * 2 <= count:
        result = pick(result[:-width], result[width:])
        width *= 2
    rest = count - width
    return np.asarray(pick(result[: len(result) - rest], result[rest:]) if rest else result, np.float64)


def _join(parts: list[tuple[int, Ints, Floats, Floats]]) -> Hits:
    return Hits(
        check=np.concatenate([np.full(len(p[1]), p[0], np.uint8) for p in parts] or [np.zeros(0, np.uint8)]),
        row=np.concatenate([p[1] for p in parts] or [np.zeros(0, np.int64)]),
        found=np.concatenate([p[2] for p in parts] or [np.zeros(0)]),
        allowed=np.concatenate([p[3] for p in parts] or [np.zeros(0)]),
    )
