"""Where each value of a frame goes: worked out once per shape of frame, device and validity interval.

Frames of a device repeat the same names in the same order (`hj212.content.Shape`), so the look-ups in the directory
are done when a shape is first seen and only values move afterwards.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from qingjian.contracts.directory import Directory, Route
from qingjian.hj212.content import Shape
from qingjian.lake.numbers import MOST_DIGITS, decimal_of
from qingjian.lake.reading import EPOCH, microseconds

COLUMNS = ("value", "min", "max", "total", "converted", "flag")
COLUMN_OF_SUFFIX = {
    "Rtd": "value",
    "Avg": "value",
    "Data": "value",
    "Min": "min",
    "Max": "max",
    "Cou": "total",
    "ZsRtd": "converted",
    "ZsAvg": "converted",
    "RT": "value",
    "Flag": "flag",
}
"""Suffix on the wire → column of the observation. ZsMin, ZsMax, EFlag and unknown suffixes stay in the frame.

DayData and NightData (noise by day and by night) are statements: neither of them is the value of the whole day.
"""
KEPT_IN_FRAME_ONLY = frozenset({"ZsMin", "ZsMax", "SampleTime"})
STATISTIC_OF_COMMAND = {
    "2011": "realtime",
    "2051": "minute",
    "2061": "hour",
    "2031": "day",
    "2041": "day",
    "2111": "minute",
}
"""CN → statistic of numeric uploads; items of other uploads are statements. 2041 brings the hours a plant ran in a day."""
RUNNING_HOURS = "2041"
_STATISTICS_SUFFIXES = frozenset({"Avg", "Min", "Max", "Cou", "ZsAvg"})


@dataclass(frozen=True, slots=True)
class Leftover:
    """An item that becomes a statement."""

    index: int
    name: str
    field: str
    reason: str
    series: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with the values of one shape: `pick[column](values + [None])` gives one text per series."""

    statistic: str
    series: npt.NDArray[np.int32]
    scales: tuple[tuple[int, int], ...]
    pick: dict[str, Callable[[Any], tuple[str | None, ...]]]
    leftovers: tuple[Leftover, ...]
    edition: str
    factors: tuple[str, ...]
    """The code on the wire of each series."""

    @property
    def width(self) -> int:
        """Number of series a frame of the shape feeds."""
        return len(self.scales)

    @property
    def scaled(self) -> bool:
        return any(scale != (1, 0) for scale in self.scales)


class Router:
    """Plans for one directory version."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self._plans: dict[tuple[Shape, str, str, str, int, int | None], Plan] = {}
        self._boundaries: dict[str, list[int]] = {}
        for route in directory.routes:
            self._boundaries.setdefault(route.mn, []).extend(_ends(route))
        for mn, moments in self._boundaries.items():
            self._boundaries[mn] = sorted(set(moments))

    def plan(
        self, shape: Shape, mn: str, command: str, edition: str, at: int, under: int | None = None
    ) -> Plan:
        """Return the plan for a shape; `at` (microseconds since 1970) chooses among effective-dated rows of the factor map.

        With `under` only for the items that stand under the DataTime at that place of the shape.
        """
        boundaries = self._boundaries.get(mn)
        interval = bisect.bisect_right(boundaries, at) if boundaries else 0
        key = (shape, mn, command, edition, interval, under)
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= 50_000:  # senders can invent names
                self._plans.clear()
            plan = self._plans[key] = self._make(shape, mn, command, _moment(at), edition, under)
        return plan

    def _make(
        self, shape: Shape, mn: str, command: str, at: datetime, edition: str, under: int | None
    ) -> Plan:
        statistic = STATISTIC_OF_COMMAND.get(stands_for(command, shape), "")
        series: list[int] = []
        factors: list[str] = []
        scales: list[tuple[int, int]] = []
        picks: dict[str, list[int]] = {column: [] for column in COLUMNS}
        leftovers: list[Leftover] = []
        for factor, suffixes, indices in _blocks(shape, under):
            route = self.directory.route(mn, factor, at) if statistic else None
            if route is None or self.directory.series_by_id(route.series) is None:
                # Running hours of plant nobody keeps a series of are told like its states.
                reason = "unrouted" if statistic and command != RUNNING_HOURS else "information"
                leftovers += [
                    Leftover(index, factor, suffix, reason)
                    for suffix, index in zip(suffixes, indices, strict=True)
                ]
                continue
            scale = readable_scale(route)
            if scale is None:
                leftovers += [
                    Leftover(index, factor, suffix, "unscalable", route.series)
                    for suffix, index in zip(suffixes, indices, strict=True)
                ]
                continue
            taken: dict[str, int] = {}
            for suffix, index in zip(suffixes, indices, strict=True):
                column = COLUMN_OF_SUFFIX.get(suffix)
                if column is None:
                    if suffix not in KEPT_IN_FRAME_ONLY:
                        leftovers.append(Leftover(index, factor, suffix, "information", route.series))
                elif column in taken:
                    leftovers.append(Leftover(index, factor, suffix, "repeated", route.series))
                else:
                    taken[column] = index
            if taken:
                series.append(route.series)
                factors.append(factor)
                scales.append(scale)
                for column in COLUMNS:
                    picks[column].append(taken.get(column, -1))
        if not statistic:
            leftovers += [
                Leftover(index, shape.names[index], "", "information")
                for index in shape.parameter_indices
                if index != shape.datatime
            ]
        return Plan(
            statistic,
            np.array(series, np.int32),
            tuple(scales),
            {column: _picker(picks[column]) for column in COLUMNS if any(one >= 0 for one in picks[column])},
            tuple(leftovers),
            edition,
            tuple(factors),
        )


def readable_scale(route: Route) -> tuple[int, int] | None:
    """Return mantissa and decimals of what a value is multiplied by; None where the register has no such number."""
    try:
        mantissa, decimals = decimal_of(route.scale)
    except ValueError:
        return None
    return (mantissa, decimals) if mantissa and abs(decimals) <= MOST_DIGITS else None


def _blocks(shape: Shape, under: int | None) -> Iterator[tuple[str, tuple[str, ...], tuple[int, ...]]]:
    if under is None:
        yield from shape.blocks
        return
    mine = {
        index for index, place in zip(shape.item_indices, shape.times_of_items, strict=True) if place == under
    }
    for factor, suffixes, indices in shape.blocks:
        pairs = [pair for pair in zip(suffixes, indices, strict=True) if pair[1] in mine]
        if pairs:
            yield factor, tuple(suffix for suffix, _ in pairs), tuple(index for _, index in pairs)


def _picker(indices: list[int]) -> Callable[[Any], tuple[str | None, ...]]:
    if len(indices) == 1:
        only = indices[0]
        return lambda values: (values[only],)
    return itemgetter(*indices)


def stands_for(command: str, shape: Shape) -> str:
    """Return the command whose data a frame holds: some devices send minutes as 2011, which its suffixes tell (quirk 25)."""
    minutes = "Rtd" not in shape.suffixes and not _STATISTICS_SUFFIXES.isdisjoint(shape.suffixes)
    return "2051" if command == "2011" and minutes else command


def _ends(route: Route) -> list[int]:
    return [microseconds(moment) for moment in (route.valid_from, route.valid_to) if moment is not None]


def _moment(at: int) -> datetime:
    return EPOCH + timedelta(microseconds=at)
