"""Automatic checks as the register configures them: effective-dated settings of a series → `CheckSettings`.

A series without a setting is not checked for it. The names are those of the register.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from qingjian.quality.checks import CheckSettings
from qingjian.quality.observations import SeriesInfo

SETTING_NAMES: Mapping[str, tuple[str, str]] = {
    "range_lower": ("量程下限", "lower end of the range"),
    "range_upper": ("量程上限", "upper end of the range"),
    "negative_tolerance": ("负值容差", "tolerance below zero"),
    "constant_count": ("恒值个数", "number of equal values"),
    "step_threshold": ("突变阈值", "threshold of a step"),
    "spike_threshold": ("尖峰阈值", "threshold of a spike"),
    "flat_count": ("平直个数", "number of values of a flat line"),
    "flat_tolerance": ("平直容差", "tolerance of a flat line"),
    "detection_limit": ("检出限", "detection limit"),
    "detection_count": ("停在检出限的个数", "number of values at the detection limit"),
    "pm10_tolerance": ("PM2.5 高于 PM10 的容差", "tolerance of PM2.5 above PM10"),
}
"""Settings of a series that switch a check on, with their titles."""
_FIELDS = {
    "range_lower": "low",
    "range_upper": "high",
    "step_threshold": "step",
    "spike_threshold": "spike",
    "pm10_tolerance": "pm_tolerance",
}
COUNTS = frozenset({"constant_count", "flat_count", "detection_count"})
"""Settings that count values: whole numbers from 1 on, without unit."""
_PM25, _PM10 = "a34004", "a34002"


@dataclass(frozen=True, slots=True)
class Given:
    """A setting in force: text and unit as registered."""

    value: str
    unit: str = ""


def check_settings(
    series: Iterable[SeriesInfo],
    points: Mapping[int, str],
    units: Mapping[int, str],
    given: Mapping[int, Mapping[str, Given]],
) -> list[CheckSettings]:
    """Return the settings of the checked series.

    `points`, `units`: series id → point and unit; `given`: series id → name → setting in force. A text that is no
    finite number, a count below one, or a number in another unit than the series' own switches nothing on.
    """
    described = list(series)
    pm10 = {points[one.id]: one.id for one in described if one.factor == _PM10 and one.id in points}
    found = []
    for one in described:
        numbers: dict[str, float] = {}
        for name, setting in given.get(one.id, {}).items():
            number = number_of(name, setting, units.get(one.id, ""))
            if number is not None:
                numbers[name] = number
        if not numbers:
            continue
        fields: dict[str, object] = {
            _FIELDS.get(name, name): int(number) if name in COUNTS else number
            for name, number in numbers.items()
        }
        if "pm10_tolerance" in numbers and one.factor == _PM25:
            fields["pm10_series"] = pm10.get(points.get(one.id, ""))
        found.append(CheckSettings(one.id, one.source_seconds, **fields))  # type: ignore[arg-type]
    return found


def number_of(name: str, setting: Given, unit: str) -> float | None:
    """Return the number a setting switches its check on with; None where it switches nothing on (see above)."""
    if name not in SETTING_NAMES or (name not in COUNTS and setting.unit not in ("", unit)):
        return None
    try:
        number = float(setting.value)
    except ValueError:
        return None
    if not math.isfinite(number) or (name in COUNTS and number < 1):
        return None
    return number
