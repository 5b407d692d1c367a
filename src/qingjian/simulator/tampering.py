"""Falsified and faulty signals for showing the screening at work: simulated always, and only.

An alteration changes what a simulated device reports from a moment on. It refuses devices that replay real
measurements: an altered measurement would stand under the name of its source.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from qingjian.simulator.demo.records import Following, Replayed
from qingjian.simulator.readings import Reading, Recorder
from qingjian.simulator.synthesis import key_of

NOTICE = "模拟的篡改或故障，仅供演示 / simulated tampering or fault, for demonstration only"
_PLAIN = ("Rtd", "Avg", "Min", "Max")
_DEPENDENT = ("ZsRtd", "ZsAvg", "ZsMin", "ZsMax", "Cou")
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Alteration:
    """What is done to some factors of one device in [start, end).

    kind: see `KINDS`; amount: its strength (the constant, the ceiling, the factor, the offset, units a day).
    """

    kind: str
    amount: float
    start: datetime
    end: datetime | None = None
    factors: frozenset[str] = frozenset()
    """Wire factors; empty means all."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"未知的模拟方式 unknown kind of alteration: {self.kind!r}")
        if self.start.tzinfo is None or (self.end is not None and self.end.tzinfo is None):
            raise ValueError("start and end need a zone")

    def holds(self, factor: str, moment: datetime) -> bool:
        inside = self.start <= moment and (self.end is None or moment < self.end)
        return inside and (not self.factors or factor in self.factors)


def _spiked(value: float, amount: float, moment: datetime, since: datetime) -> float:
    return value * amount if key_of(moment.isoformat()) % 12 == 0 else value


KINDS: dict[str, tuple[str, str, Callable[[float, float, datetime, datetime], float | None]]] = {
    "constant": (
        "恒值（篡改）",
        "typed-in constant (tampering)",
        lambda value, amount, moment, since: amount,
    ),
    "capped": (
        "封顶（篡改）",
        "hard ceiling (tampering)",
        lambda value, amount, moment, since: min(value, amount),
    ),
    "scaled": (
        "改斜率（篡改）",
        "slope changed (tampering)",
        lambda value, amount, moment, since: value * amount,
    ),
    "offset": (
        "改截距（篡改）",
        "intercept changed (tampering)",
        lambda value, amount, moment, since: max(value + amount, 0.0),
    ),
    "drift": (
        "漂移（故障）",
        "drift in units a day (fault)",
        lambda value, amount, moment, since: max(value + amount * ((moment - since) / DAY), 0.0),
    ),
    "spikes": ("尖峰（故障）", "spikes (fault)", _spiked),
    "missing": ("缺数（故障）", "missing values (fault)", lambda value, amount, moment, since: None),
    "copied": (
        "复制前一日（篡改）",
        "the day before again (tampering)",
        lambda value, amount, moment, since: value,
    ),
    "held": ("卡值（故障）", "stuck at the last value (fault)", lambda value, amount, moment, since: value),
}
"""Kind → Chinese name, English name, function of value, amount, moment and start of the alteration."""
FAULTS = frozenset({"drift", "spikes", "missing", "held"})
"""Kinds that are honest trouble; the others are tampering."""


class Altered:
    """A recorder whose device is tampered with or faulty; ValueError for a device that replays measurements."""

    def __init__(self, recorder: Recorder, alterations: Sequence[Alteration]) -> None:
        if isinstance(recorder, Replayed | Following):
            raise ValueError("回放的真实数据不得改动 / replayed measurements are never altered")
        self._recorder = recorder
        self._alterations = tuple(alterations)

    def record(self, statistic: str, start: datetime, length: int) -> Sequence[Reading]:
        readings: Collection[Reading] = self._recorder.record(statistic, start, length)
        for alteration in self._alterations:
            readings = self._after(alteration, readings, statistic, start, length)
        return tuple(readings)

    def _after(
        self,
        alteration: Alteration,
        readings: Collection[Reading],
        statistic: str,
        start: datetime,
        length: int,
    ) -> list[Reading]:
        source = {reading.factor: reading for reading in readings}
        if alteration.kind in ("copied", "held"):
            # The day before the alteration began is copied over and over; a stuck instrument keeps one moment.
            back = (
                DAY * (1 + (start - alteration.start) // DAY)
                if alteration.kind == "copied"
                else start - alteration.start
            )
            if any(alteration.holds(reading.factor, start) for reading in readings):
                earlier = self._recorder.record(statistic, start - back, length)
                source = {reading.factor: reading for reading in earlier}
        altered = []
        for reading in readings:
            if not alteration.holds(reading.factor, start):
                altered.append(reading)
                continue
            found = source.get(reading.factor)
            changed = found and _changed(found, alteration, start)
            if changed is not None:
                altered.append(changed)
        return altered


def _changed(reading: Reading, alteration: Alteration, moment: datetime) -> Reading | None:
    change = KINDS[alteration.kind][2]
    values = dict(reading.values)
    ratio = 1.0
    for suffix in _PLAIN:
        if suffix in values:
            before = float(values[suffix])
            after = change(before, alteration.amount, moment, alteration.start)
            if after is None:
                return None
            if suffix in ("Rtd", "Avg") and before:
                ratio = after / before
            values[suffix] = _like(after, values[suffix])
    for suffix in _DEPENDENT:
        if suffix in values:
            values[suffix] = _like(float(values[suffix]) * ratio, values[suffix])
    return Reading(reading.factor, values)


def _like(value: float, example: str) -> str:
    """Return a number with as many decimals as an example."""
    return f"{value:.{len(example.partition('.')[2])}f}"
