"""A year of air on another basis: the same days by the limits and index of every edition, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np

from qingjian.apps.accounts.models import Region
from qingjian.apps.evaluation import air, queries, words
from qingjian.apps.evaluation.drafts import day_of
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.rulebook import Rulebook
from qingjian.standards.air import kernel
from qingjian.standards.air.breakpoints import POLLUTANTS
from qingjian.standards.air.statistics import (
    Attainment,
    PeriodStatistics,
    attainment,
    by_day,
    yearly,
)
from qingjian.standards.editions import in_force, resolve
from qingjian.standards.errors import EvaluationError

EDITIONS = ("2012", "2026")
"""Editions of GB 3095 and HJ 633 that data can be held against, whatever their date."""


@dataclass(frozen=True)
class OnBasis:
    """A year on one edition; `problem` says why a part cannot be told."""

    edition: str
    by_date: bool
    """The edition that the date of the data asks for on 31 December of the year."""
    pollutants: dict[str, PeriodStatistics]
    attainment: Attainment | None
    categories: dict[str, int]
    not_published: int
    problem: tuple[str, str]

    @property
    def days(self) -> int:
        return sum(self.categories.values())

    @property
    def good(self) -> int:
        return self.categories["优"] + self.categories["良"]


def year_on(region: Region, year: int) -> list[OnBasis]:
    """Return a year of a region on every edition; kept until a new result or rule arrives."""
    return list(_year_on(region, year, queries.stamp("air_day", region)))


@lru_cache(maxsize=16)
def _year_on(region: Region, year: int, stamp: str) -> tuple[OnBasis, ...]:
    book = rulebook()
    rows = queries.air_days(region, year)
    asked = book.rows("aqi_breakpoints", date(year, 12, 31), standard="HJ 633")
    found = []
    for edition in EDITIONS:
        pollutants: dict[str, PeriodStatistics] = {}
        problem = ("", "")
        for name in POLLUTANTS:
            values = by_day((day_of(row.start), row.values["used"].get(name)) for row in rows)
            if any(value is not None for value in values.values()):
                try:
                    pollutants[name] = yearly(name, values, year, edition=edition, rulebook=book)
                except EvaluationError as error:
                    problem = (error.zh, error.en)
        categories, not_published = count_days([row.values["used"] for row in rows], edition, book)
        found.append(
            OnBasis(
                edition,
                bool(asked) and asked[0].edition == edition,
                pollutants,
                attainment(pollutants) if pollutants else None,
                categories,
                not_published,
                problem,
            )
        )
    return tuple(found)


def count_days(
    days: Sequence[Mapping[str, float]], edition: str, book: Rulebook
) -> tuple[dict[str, int], int]:
    """Return days by category, and how many have an index that is not published (NA), on one edition of HJ 633."""
    categories = dict.fromkeys(words.CATEGORY_LEVELS, 0)
    if not days:
        return categories, 0
    values = {
        name: np.asarray([one.get(name, np.nan) for one in days], np.float64)
        for name in (*POLLUTANTS, "O3_1h")
    }
    ozone_1h = values.pop("O3_1h")
    levels = in_force(book, "aqi_levels", resolve(book, "aqi_levels", "HJ 633", None, edition))
    result = kernel.indices(values, periods=air.DAILY_PERIODS, edition=edition, decimals=2, rulebook=book)
    aqi, published = result.aqi, result.complete | (result.aqi > 100)
    if levels[0].edition < "2026":
        # HJ 633-2012 also judges the highest hour of ozone, and publishes what is there.
        other = kernel.indices(
            {"O3": ozone_1h}, periods={"O3": "1h"}, edition=edition, decimals=2, rulebook=book
        )
        aqi = np.maximum(aqi, other.aqi)
        published = aqi >= 0
    for row in levels:
        inside = published & (aqi >= int(row["aqi_lo"])) & (aqi <= int(row["aqi_hi"]))
        categories[row["category"]] += int(inside.sum())
    return categories, int(((aqi >= 0) & ~published).sum())
