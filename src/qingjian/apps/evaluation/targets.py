"""A year of air so far against the targets of the region: what is missing, and what the rest of the year may still bring."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, Decimal

from qingjian.apps.accounts.models import Region
from qingjian.apps.evaluation.statistics import Year
from qingjian.rulebook import Row, Rulebook
from qingjian.standards.regional_targets import COMPOSITE, GOOD_DAYS, HEAVY_DAYS, ITEMS
from qingjian.standards.rounding import round_places

AT_LEAST = (GOOD_DAYS,)
PERCENTILES = ("CO", "O3")


@dataclass(frozen=True)
class Against:
    """One target: `met` says how the year so far stands; `left` what the rest of the year may bring to meet it still.

    `left` counts days (good days: days that may still be worse; heavy days: days that may still come), or is the mean the
    remaining days may have (pollutants with a mean). None where nothing like it can be said.
    """

    item: str
    target: Decimal
    value: Decimal | None
    distance: Decimal | None
    met: bool | None
    left: Decimal | None
    reachable: bool | None
    row: Row

    @property
    def counts_days(self) -> bool:
        return self.item in (GOOD_DAYS, HEAVY_DAYS)


def against(region: Region, present: Year, book: Rulebook) -> list[Against]:
    """Return the targets of a region in the year, in a fixed order."""
    rows = book.rows("regional_targets", present.last, region=region.code, year=str(present.year))
    found = [_against(row, present) for row in rows if row["item"] in ITEMS]
    return sorted(found, key=lambda one: ITEMS.index(one.item))


def _against(row: Row, present: Year) -> Against:
    item, target = row["item"], Decimal(row["value"])
    value = _value(item, present)
    if value is None:
        return Against(item, target, None, None, None, None, None, row)
    met = value >= target if item in AT_LEAST else value <= target
    left = _left(item, target, value, present)
    reachable = None if left is None else left >= 0
    return Against(item, target, value, value - target, met, left, reachable, row)


def _value(item: str, present: Year) -> Decimal | None:
    if item == GOOD_DAYS:
        return present.rate
    if item == HEAVY_DAYS:
        return Decimal(present.heavy) if present.days else None
    if item == COMPOSITE:
        return present.composite.value if present.composite else None
    one = present.pollutants.get(item)
    if one is None:
        return None
    return one.percentile_rounded if item in PERCENTILES else one.mean_rounded


def _left(item: str, target: Decimal, value: Decimal, present: Year) -> Decimal | None:
    length = 366 if calendar.isleap(present.year) else 365
    if item == GOOD_DAYS:
        # Counted on the days of the whole year: a day without an AQI from now on helps nobody.
        counted = present.days + (date(present.year, 12, 31) - present.last).days
        may_be_worse = (counted * (100 - target) / 100).to_integral_value(ROUND_FLOOR)
        return may_be_worse - (present.days - present.good)
    if item == HEAVY_DAYS:
        return target - value
    one = present.pollutants.get(item)
    if one is None or item in PERCENTILES:
        return None
    remaining = (date(present.year, 12, 31) - present.last).days
    if remaining <= 0 or one.valid_days > length:
        return None
    return round_places((target * (one.valid_days + remaining) - one.mean * one.valid_days) / remaining, 1)
