"""Sand dust and exception events of a region: what stands with and without their days."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from qingjian.apps.accounts.models import Region
from qingjian.apps.evaluation import deducting, queries
from qingjian.apps.evaluation.drafts import day_of
from qingjian.apps.evaluation.models import AirEvent
from qingjian.apps.evaluation.statistics import Year, year_of
from qingjian.contracts.current import now
from qingjian.standards.air.breakpoints import POLLUTANTS

GOOD_DAYS, HEAVY_DAYS = "good days", "heavy days"
"""Statistics of a line that counts days by their category."""


@dataclass(frozen=True)
class Line:
    """One figure of a year with every day, and without the days of the events; None where it cannot be formed."""

    item: str
    statistic: str
    unit: str
    before: Decimal | None
    after: Decimal | None
    days: int
    """Days that left the statistic."""


def approved(region: Region, year: int) -> list[AirEvent]:
    """Return the approved events of a region that touch a year, for its statistics; pages ask `queries`."""
    return deducting.approved(date(year, 1, 1), date(year, 12, 31), region)


def last_day(year: int) -> date:
    """Return the last day of a year that can have data."""
    today = day_of(now())
    return today if year == today.year else date(year, 12, 31)


def compared(
    region: Region, year: int, rows: Iterable[AirEvent], last: date | None = None
) -> tuple[Year, Year, list[Line]]:
    """Return the year with every day, the year without the days of some events, and both figure by figure."""
    last = last or last_day(year)
    whole = year_of(region, year, last)
    reduced = year_of(region, year, last, tuple(deducting.as_event(one) for one in rows))
    return whole, reduced, lines(whole, reduced)


def lines(whole: Year, reduced: Year) -> list[Line]:
    """Return two states of a year figure by figure."""
    gone = whole.days - reduced.days
    found = [
        Line("", GOOD_DAYS, "%", whole.rate, reduced.rate, gone),
        Line("", HEAVY_DAYS, "", Decimal(whole.heavy), Decimal(reduced.heavy), gone),
    ]
    for name in POLLUTANTS:
        one, other = whole.pollutants.get(name), reduced.pollutants.get(name)
        if one is None:
            continue
        gone = one.valid_days - (other.valid_days if other else 0)
        unit = "mg/m³" if name == "CO" else "μg/m³"
        if name not in ("CO", "O3"):
            found.append(
                Line(name, "mean", unit, one.mean_rounded, other.mean_rounded if other else None, gone)
            )
        found.append(
            Line(
                name,
                f"P{one.percentile_rank}",
                unit,
                one.percentile_rounded,
                other.percentile_rounded if other else None,
                gone,
            )
        )
    found.append(
        Line(
            "",
            "composite",
            "",
            whole.composite.value if whole.composite else None,
            reduced.composite.value if reduced.composite else None,
            max((one.days for one in found if one.item), default=0),
        )
    )
    return found


def effect(row: AirEvent, year: int) -> list[Line]:
    """Return what an event does to a year it touches, beside the other approved events of that year."""
    others = [one for one in approved(row.region, year) if one.pk != row.pk]
    without = compared(row.region, year, others)[1]
    following = compared(row.region, year, [*others, row])[1]
    return lines(without, following)


def kept(row: AirEvent) -> list[tuple[int, list[dict[str, Any]]]]:
    """Return by year what the decision kept of the effect; what older decisions kept spoke of the first year."""
    found: dict[int, list[dict[str, Any]]] = {}
    for one in row.effect or ():
        found.setdefault(one.get("year", row.first.year), []).append(one)
    return list(found.items())


def as_data(lines: Iterable[Line], year: int) -> list[dict[str, Any]]:
    """Return figures of a year as they are kept with the decision."""
    return [
        {
            "year": year,
            "item": one.item,
            "statistic": one.statistic,
            "unit": one.unit,
            "before": None if one.before is None else str(one.before),
            "after": None if one.after is None else str(one.after),
            "days": one.days,
        }
        for one in lines
    ]


def touched_days(region: Region, row: AirEvent) -> list[tuple[date, Mapping[str, Any], int]]:
    """Return the days of an event with their concentrations and the result that explains them."""
    return [
        (day_of(one.start), one.values.get("used", {}), one.pk)
        for year in range(row.first.year, row.last.year + 1)
        for one in queries.air_days(region, year)
        if row.first <= day_of(one.start) <= row.last
    ]
