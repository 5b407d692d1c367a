"""Annual dose at a radiation station: the mean of its valid hours against the range of the local natural background."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from qingjian.apps.evaluation import queries
from qingjian.apps.evaluation.drafts import day_of, midnight
from qingjian.apps.evaluation.radiation import background_of
from qingjian.apps.network.models import Point
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.current import now
from qingjian.standards import radiation
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.quantity import Quantity
from qingjian.standards.rounding import round_places

YEARS = 2
"""This year so far and the one before."""
PLACES = 3


@dataclass(frozen=True)
class Dose:
    """A year of a station: `hours` valid ones of `possible`, their mean in nGy/h, and the dose in mSv a year."""

    year: int
    running: bool
    hours: int
    possible: int
    mean: Decimal
    lowest: Decimal
    highest: Decimal
    limit: Decimal
    within: bool | None
    trace: Trace

    @property
    def share(self) -> int:
        """Valid hours in percent of those there could be."""
        return self.hours * 100 // self.possible


def of(point: Point) -> list[Dose]:
    """Return the doses of this year and the one before, newest first; empty without data or without a background."""
    background = background_of(point)
    if background is None:
        return []
    moment = now()
    this = day_of(moment).year
    return [
        dose
        for year in range(this, this - YEARS, -1)
        if (dose := _dose(point, year, background, moment)) is not None
    ]


def _dose(point: Point, year: int, background: tuple[str, str], moment: datetime) -> Dose | None:
    begin, end = midnight(date(year, 1, 1)), midnight(date(year + 1, 1, 1))
    rows = queries.current("radiation_day").filter(point=point, start__gte=begin, start__lt=end)
    kept = [
        Decimal(str(value))
        for values in rows.values_list("values", flat=True)
        for value in values.get("hours", {}).values()
    ]
    if not kept:
        return None
    mean = round_places(sum(kept, Decimal(0)) / len(kept), PLACES)
    possible = int((min(end, moment) - begin).total_seconds()) // 3600
    low, high = (Quantity(one, radiation.UNIT) for one in background)
    found = radiation.annual_dose_range(
        Quantity(mean, radiation.UNIT), (low, high), rulebook=rulebook().on(date(year, 12, 31))
    )
    trace = TraceBuilder(Text(f"{year} 年有效剂量", f"annual effective dose of {year}"))
    trace.step(
        f"{len(kept)} 个有效小时（应有 {possible} 个）的平均剂量率 {plain(mean)} nGy/h，含降雨时段",
        f"mean dose rate of {len(kept)} valid hours (of {possible}), hours in rain included: {plain(mean)} nGy/h",
    )
    if end > moment:
        trace.step(
            "年度尚未结束: 按迄今的平均值推算全年",
            "the year goes on: the mean so far stands for the whole year",
        )
    trace.include(found.trace)
    return Dose(
        year,
        end > moment,
        len(kept),
        possible,
        mean,
        round_places(found.lowest.dose, PLACES),
        round_places(found.highest.dose, PLACES),
        found.highest.limit,
        found.within,
        trace.done(),
    )
