"""Rolling means beside the hour of the air: 24 hours of five pollutants, 8 hours of ozone, as live reports show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from qingjian.apps.evaluation import air, air_rules
from qingjian.apps.evaluation.drafts import day_of, number
from qingjian.apps.evaluation.inputs import HOUR
from qingjian.contracts.clock import CHINA
from qingjian.rulebook import Rulebook
from qingjian.standards.air import means
from qingjian.standards.editions import in_force, resolve
from qingjian.standards.explanation import Text, Trace, TraceBuilder

STANDARD = "HJ 633"
WINDOWS = {name: 8 if name == "O3" else 24 for name in air.POLLUTANTS}


@dataclass(frozen=True)
class Rolling:
    """One pollutant: its hour, and the mean of the `window` hours that end with it; None with fewer than `least` valid."""

    name: str
    unit: str
    hour: float | int | None
    window: int
    valid: int
    least: int
    value: float | int | None
    trace: Trace


def of(hours: Mapping[datetime, Mapping[str, float]], newest: datetime, book: Rulebook) -> list[Rolling]:
    """Return the rolling means that end with an hour; `hours`: values by start of the hour and pollutant."""
    rules = air_rules.rules_of(book, day_of(newest)).validity
    live = _live(book, day_of(newest))
    local = newest.astimezone(CHINA)
    found = []
    for name, window in WINDOWS.items():
        least = rules.eight_hour_hours if name == "O3" else rules.day_hours
        starts = [newest - (window - 1 - place) * HOUR for place in range(window)]
        values = np.asarray([_value(hours.get(start, {}), name) for start in starts], np.float64)
        mean = float(
            means.round_means(
                means.rolling_mean(values, window, at_least=least)[-1:], air_rules.places(name)
            )[0]
        )
        valid = int(np.isfinite(values).sum())
        value = number(mean, air_rules.places(name))
        unit = air_rules.unit_of(book, name)
        trace = TraceBuilder(
            Text(f"{name} {window} 小时滑动平均", f"rolling mean of {name} over {window} hours")
        )
        trace.step(
            f"截至 {local:%m-%d %H:00} 起的一小时，{window} 个小时中有效 {valid} 个（至少 {least} 个）",
            f"{valid} of the {window} hours that end with the hour from {local:%m-%d %H:00} are valid (at least {least})",
            rules.rows,
        )
        shown = "–" if value is None else value
        trace.step(
            f"有效小时值 {_listed(values)} 的算术平均: {shown} {unit}",
            f"arithmetic mean of the valid hours {_listed(values)}: {shown} {unit}",
        )
        trace.step(
            f"仅供参考，实时 AQI 只用 1 小时平均（{live.zh}）",
            f"for information: the live AQI uses the hourly means alone ({live.en})",
        )
        own = _value(hours.get(newest, {}), name)
        found.append(
            Rolling(
                name, unit, number(own, air_rules.places(name)), window, valid, least, value, trace.done()
            )
        )
    return found


def _live(book: Rulebook, day: date) -> Text:
    """Name the edition in force on a day: that of 2012 lists 24-hour means of particles for the live index too."""
    basis = resolve(book, "aqi_breakpoints", STANDARD, day, None)
    document = in_force(book, "aqi_breakpoints", basis, standard=STANDARD)[0].document
    if not document.endswith("2012"):
        return Text(document, document)
    return Text(
        f"{document} 实时报另列 24 小时滑动平均，此处按国家实时发布的做法",
        f"{document} lists 24-hour means for live reports too; this follows the national live publication",
    )


def _value(used: Mapping[str, float], name: str) -> float:
    value = used.get(name)
    return float("nan") if value is None else float(value)


def _listed(values: Sequence[float] | np.ndarray) -> str:
    return ", ".join(f"{value:g}" for value in values if np.isfinite(value)) or "–"
