"""Interval facts: what people and rules state about stretches of time. Rows are only ever added."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from qingjian.quality.observations import Ints, series_slices

LEVELS = (
    "",
    "provisional",
    "verified",
    "ratified",
    "received",
    "confirmed",
    "confirmed_by_default",
    "questioned",
    "settled",
)
"""Levels of data: the first three after "" for stations, the rest for sources."""

OPEN_END = np.iinfo(np.int64).max


class FactKind(StrEnum):
    """What an interval fact states. ``value`` holds: MARK the mark; LEVEL the level; SUBSTITUTION the number."""

    MARK = "mark"
    LEVEL = "level"
    SUPPRESSION = "suppression"
    IN_CONTROL = "in_control"
    OUT_OF_CONTROL = "out_of_control"
    SUBSTITUTION = "substitution"
    STOP = "stop"
    WITHDRAWAL = "withdrawal"


@dataclass(frozen=True, slots=True)
class IntervalFact:
    """One statement about some series from ``start`` (inclusive) to ``end`` (exclusive; None = open).

    Times are epoch seconds UTC; ``known_at`` is in the unit of the observations. ``supersedes`` names the
    fact this one replaces; a WITHDRAWAL only takes another away. ``confidence`` is V, S or U.
    """

    id: str
    kind: FactKind
    series: frozenset[int]
    start: int
    end: int | None
    value: str = ""
    author: str = ""
    reason: str = ""
    known_at: int = 0
    supersedes: str = ""
    confidence: str = "V"

    def __post_init__(self) -> None:
        if self.end is not None and self.end < self.start:
            raise ValueError(f"fact {self.id}: ends before it begins")
        if self.kind is FactKind.LEVEL and self.value not in LEVELS[1:]:
            raise ValueError(f"fact {self.id}: unknown level {self.value!r}")
        if self.kind is FactKind.SUBSTITUTION and not np.isfinite(float(self.value)):
            raise ValueError(f"fact {self.id}: a substitution needs a finite number")

    @property
    def last(self) -> int:
        """The exclusive end as a number."""
        return OPEN_END if self.end is None else self.end


def active_facts(facts: Iterable[IntervalFact], moment: int | None = None) -> tuple[IntervalFact, ...]:
    """The facts that hold at ``moment`` (None = all that are known), in the order in which they were known.

    A fact falls away when a later one that is itself known by then names it in ``supersedes``; it does not
    come back when that later one is superseded in turn (a new fact must say so). Withdrawals are not returned.
    """
    known = sorted(
        (fact for fact in facts if moment is None or fact.known_at <= moment),
        key=lambda fact: (fact.known_at, fact.id),
    )
    place = {fact.id: index for index, fact in enumerate(known)}
    gone = {
        fact.supersedes
        for index, fact in enumerate(known)
        if fact.supersedes and place.get(fact.supersedes, index) < index
    }
    return tuple(fact for fact in known if fact.id not in gone and fact.kind is not FactKind.WITHDRAWAL)


class Coverage:
    """Which rows of a batch sorted by series and start lie in an interval."""

    def __init__(self, series: NDArray[np.int32], start: Ints, period_seconds: int = 0) -> None:
        """With ``period_seconds`` > 0 a row is covered when at least a quarter of its period is.

        A quarter is what makes an hour invalid (fewer than 45 of 60 minutes left). With 0 the start decides.
        """
        self._start = start
        self._period = period_seconds
        self._slices = series_slices(series)

    def slices(self, fact: IntervalFact) -> list[slice]:
        """The stretches of rows a fact covers, one per series that occurs in the batch."""
        found = []
        lead = self._period - (self._period + 3) // 4 if self._period else 0
        tail = (self._period + 3) // 4 if self._period else 1
        if self._period and fact.last - fact.start < tail:
            return []
        for series in fact.series & self._slices.keys():
            low = self._slices[series].start
            starts = self._start[self._slices[series]]
            a = low + int(np.searchsorted(starts, fact.start - lead, "left"))
            b = low + int(np.searchsorted(starts, fact.last - tail, "right"))
            if a < b:
                found.append(slice(a, b))
        return found


def stops_by_series(facts: Iterable[IntervalFact]) -> dict[int, list[IntervalFact]]:
    """The STOP facts of each series that has any."""
    found: dict[int, list[IntervalFact]] = {}
    for fact in facts:
        if fact.kind is FactKind.STOP:
            for series in fact.series:
                found.setdefault(series, []).append(fact)
    return found


def stopped_seconds(facts: Sequence[IntervalFact], series: int, begin: Ints, end: Ints) -> Ints:
    """Seconds of each window [begin, end) in which STOP facts hold for a series; overlaps count once."""
    spans = sorted(
        (fact.start, fact.last) for fact in facts if fact.kind is FactKind.STOP and series in fact.series
    )
    merged: list[list[int]] = []
    for low, high in spans:
        if merged and low <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], high)
        elif high > low:
            merged.append([low, high])
    total = np.zeros(len(begin), np.int64)
    for low, high in merged:
        total += np.maximum(0, np.minimum(end, high) - np.maximum(begin, low))
    return total
