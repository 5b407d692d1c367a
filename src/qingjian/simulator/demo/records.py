"""What a demo device has to report for a period: replayed rows or simulated signals, as texts for the wire.

The same functions serve live uploads, history asked for over the wire and the history files of the demo, so the three
never disagree. Periods are named by their start, in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from qingjian.contracts.clock import CHINA
from qingjian.quality.conversion import dry_basis, standard_state
from qingjian.simulator.demo.datasets import MISSING, Dataset
from qingjian.simulator.demo.replay import position
from qingjian.simulator.readings import Reading, text
from qingjian.simulator.synthesis import Floats, Integers, Signal, key_of, means, noise, seconds_of
from qingjian.simulator.synthesis import instants as signal_instants

LENGTHS = {"hour": 3600, "day": 86400}
MINUTE = 600
"""Seconds of the finest mean of simulated devices; hours are made of these means, days of hours."""


def civil(moment: datetime) -> datetime:
    """Return civil time in China without a zone."""
    return moment.astimezone(CHINA).replace(tzinfo=None)


@dataclass(frozen=True)
class Replayed:
    """A device whose values come from a packaged data set."""

    dataset: Dataset
    factors: Mapping[str, str]
    """Wire factor → parameter of the data set."""

    def value(self, parameter: str, start: datetime, length: int) -> int | None:
        """Return value × 10^decimals of a period, or None where the source lacks it.

        A period longer than the grid of the source is the arithmetic mean of its rows, at least three quarters of
        which must be there.
        """
        step = int(self.dataset.span.step.total_seconds())
        count = max(1, length // step)
        found = []
        for n in range(count):
            at = position(self.dataset.span, civil(start + timedelta(seconds=n * step)))
            stored = self.dataset.value(parameter, at.row)
            if stored is not None:
                found.append(stored)
        if not found or 4 * len(found) < 3 * count:
            return None
        return (2 * sum(found) + len(found)) // (2 * len(found))

    def record(self, statistic: str, start: datetime, length: int) -> Sequence[Reading]:
        readings = []
        for factor, parameter in self.factors.items():
            value = self.value(parameter, start, length)
            if value is not None:
                decimals = self.dataset.decimals[parameter]
                shown = text(value / 10**decimals, decimals)
                readings.append(Reading(factor, {"Avg": shown, "Flag": "N"}))
        return readings


@dataclass(frozen=True)
class Following:
    """Real-time signals around the replayed hour mean: simulated, for pages that should move between hours."""

    dataset: Dataset
    factors: Mapping[str, str]
    point: str

    def record(self, statistic: str, start: datetime, length: int) -> Sequence[Reading]:
        row = position(self.dataset.span, civil(start)).row
        seconds = np.array([seconds_of(start)], dtype=np.int64)
        readings = []
        for factor, parameter in self.factors.items():
            stored = self.dataset.value(parameter, row)
            if stored is None:
                continue
            decimals = self.dataset.decimals[parameter]
            key = key_of(f"{self.point}.{factor}")
            value = stored / 10**decimals
            value *= 1.0 + 0.04 * float(noise(key, seconds, 240)[0])
            value += 1.5 * 10.0**-decimals * float(noise(key + 1, seconds, 60)[0])
            readings.append(Reading(factor, {"Rtd": text(max(value, 0.0), decimals), "Flag": "N"}))
        return readings


@dataclass(frozen=True, slots=True)
class SimulatedFactor:
    """One factor of a simulated device."""

    wire: str
    key: str
    signal: Signal
    decimals: int
    averaging: str = "arithmetic"
    converted: bool = False
    total: str = ""
    """Unit of the total, m³ or kg; empty where none is sent."""
    atmospheric_pressure_pa: float | None = None
    """Set where the factor is measured in the wet gas of the duct, so that the device brings it to dry gas first."""


@dataclass(frozen=True)
class Means:
    """Means of several periods of one factor; `total` and `converted` are None where the factor has none."""

    average: Floats
    least: Floats
    greatest: Floats
    total: Floats | None = None
    converted: Floats | None = None


@dataclass(frozen=True)
class Simulated:
    """A device whose values are computed; see `synthesis`."""

    name: str
    factors: Sequence[SimulatedFactor]
    medium: str
    reference_oxygen: float | None = None

    def _converted(self, one: SimulatedFactor, values: Mapping[str, Floats]) -> Floats | None:
        """Return what a device sends as converted value, None where it sends none."""
        if not one.converted or self.reference_oxygen is None or "oxygen" not in values:
            return None
        dry = values[one.key]
        if one.atmospheric_pressure_pa is not None:
            gauge = values["pressure"] * 1000.0
            dry = standard_state(dry, values["temperature"], gauge, one.atmospheric_pressure_pa)
            dry = dry_basis(dry, values["humidity"] / 100.0)
        found: Floats = np.round(
            dry * (21.0 - self.reference_oxygen) / (21.0 - values["oxygen"]), one.decimals
        )
        return found

    def minutes(self, starts: Integers, length: int = MINUTE) -> dict[str, Means]:
        """Return the means of periods of `length` seconds (one sample a minute) by factor key, rounded as sent."""
        samples = max(1, length // 60)
        found: dict[str, Means] = {}
        for one in self.factors:
            raw = means(one.signal, f"{self.name}.{one.key}", starts, length, samples)
            found[one.key] = Means(*(np.round(values, one.decimals) for values in raw))
        return self._completed(found, length)

    def _completed(self, found: dict[str, Means], length: int) -> dict[str, Means]:
        """Add totals and converted values computed from the means."""
        flow = found.get("flow")
        averages = {key: mean.average for key, mean in found.items()}
        complete = {}
        for one in self.factors:
            mean = found[one.key]
            total = None
            if one.total and flow is not None:
                volume = flow.average * length / (1000.0 if self.medium == "waste_water" else 1.0)
                mass = 1e-3 if self.medium == "waste_water" else 1e-6
                total = np.round(volume if one.key == "flow" else mean.average * volume * mass, 3)
            converted = self._converted(one, averages)
            complete[one.key] = Means(mean.average, mean.least, mean.greatest, total, converted)
        return complete

    def longer(self, starts: Integers, statistic: str) -> dict[str, Means]:
        """Return hour or day means, made of the next finer means as a data logger makes them."""
        part = MINUTE if statistic == "hour" else LENGTHS["hour"]
        count = LENGTHS[statistic] // part
        fine_starts = (starts[:, None] + np.arange(count, dtype=np.int64)[None, :] * part).ravel()
        fine = self.minutes(fine_starts) if statistic == "hour" else self.longer(fine_starts, "hour")

        def shaped(values: Floats) -> Floats:
            return values.reshape(len(starts), count)

        weights = shaped(fine["flow"].average) if "flow" in fine else None
        found = {}
        for one in self.factors:
            values = shaped(fine[one.key].average)
            if one.averaging == "flow_weighted" and weights is not None:
                volume = weights.sum(axis=1)
                weighted = (values * weights).sum(axis=1) / np.where(volume > 0, volume, 1.0)
                average = np.where(volume > 0, weighted, values.mean(axis=1))
            else:
                average = values.mean(axis=1)
            least, greatest = shaped(fine[one.key].least), shaped(fine[one.key].greatest)
            found[one.key] = Means(np.round(average, one.decimals), least.min(axis=1), greatest.max(axis=1))
        complete = self._completed(found, LENGTHS[statistic])
        for one in self.factors:
            finer = fine[one.key].total
            if finer is not None:
                mean = complete[one.key]
                total = np.round(shaped(finer).sum(axis=1), 3)
                complete[one.key] = Means(mean.average, mean.least, mean.greatest, total, mean.converted)
        return complete

    def record(self, statistic: str, start: datetime, length: int) -> Sequence[Reading]:
        starts = np.array([seconds_of(start)], dtype=np.int64)
        if statistic == "realtime":
            return self._instant(starts)
        found = self.minutes(starts, length) if statistic == "minute" else self.longer(starts, statistic)
        readings = []
        for one in self.factors:
            mean = found[one.key]
            values = {}
            if mean.total is not None:
                values["Cou"] = text(float(mean.total[0]), 3)
            values["Min"] = text(float(mean.least[0]), one.decimals)
            values["Avg"] = text(float(mean.average[0]), one.decimals)
            values["Max"] = text(float(mean.greatest[0]), one.decimals)
            if mean.converted is not None:
                values["ZsAvg"] = text(float(mean.converted[0]), one.decimals)
            values["Flag"] = "N"
            readings.append(Reading(one.wire, values))
        return readings

    def _instant(self, seconds: Integers) -> Sequence[Reading]:
        values = {
            one.key: np.round(signal_instants(one.signal, f"{self.name}.{one.key}", seconds), one.decimals)
            for one in self.factors
        }
        readings = []
        for one in self.factors:
            shown = {"Rtd": text(float(values[one.key][0]), one.decimals)}
            converted = self._converted(one, values)
            if converted is not None:
                shown["ZsRtd"] = text(float(converted[0]), one.decimals)
            readings.append(Reading(one.wire, {**shown, "Flag": "N"}))
        return readings


def replayed_hours(dataset: Dataset, parameter: str, rows: Integers) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return hour values and whether each exists, from the first source row of each hour (vectorised `value`)."""
    step = int(dataset.span.step.total_seconds())
    count = max(1, LENGTHS["hour"] // step)
    index = (rows[:, None] + np.arange(count)[None, :]) % dataset.span.rows
    stored = dataset.columns[parameter][index]
    there = stored != MISSING
    found = there.sum(axis=1)
    enough = (found > 0) & (4 * found >= 3 * count)
    divisor = np.maximum(found, 1)
    mean = (2 * np.where(there, stored, 0).sum(axis=1) + divisor) // (2 * divisor)
    values: Floats = mean / 10 ** dataset.decimals[parameter]
    return values, enough
