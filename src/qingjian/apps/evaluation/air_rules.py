"""The rules of the air on a day, and the index of arrays of concentrations under them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from qingjian.apps.evaluation.drafts import number
from qingjian.rulebook import Confidence, Rulebook
from qingjian.standards.air import kernel, means
from qingjian.standards.editions import Basis
from qingjian.standards.limits import applicable

POLLUTANTS = ("SO2", "NO2", "PM10", "CO", "O3", "PM2.5")

PLACES = {"CO": 3}
"""Decimals that are shown, 2 of all others; what enters an index is rounded once only, as the edition of HJ 633 asks."""

DAILY_PERIODS = {name: "8h" if name == "O3" else "24h" for name in POLLUTANTS}

SCALE_ENDS = 200
"""IAQI at the end of the scales of HJ 633-2012 that go no further: SO2 of an hour, O3 of eight."""

DATED_TABLES = ("aqi_breakpoints", "aqi_levels", "ambient_air_limits", "data_validity")


def segments(book: Rulebook, days: Sequence[date]) -> Iterator[tuple[date, slice]]:
    """Yield (a day of the segment, its places) for stretches of consecutive places under the same rules."""
    rows = [row for table in DATED_TABLES for row in book.rows(table)]
    begins = {row.valid_from for row in rows if row.valid_from}
    # A row that ends is a border as well: what a day says must not depend on which days were evaluated with it.
    changes = sorted(begins | {row.valid_to + timedelta(days=1) for row in rows if row.valid_to})
    keys = np.searchsorted(
        np.asarray([change.toordinal() for change in changes]),
        [day.toordinal() for day in days],
        side="right",
    )
    begin = 0
    for place in range(1, len(days) + 1):
        if place == len(days) or keys[place] != keys[begin]:
            yield days[begin], slice(begin, place)
            begin = place


@dataclass(frozen=True)
class Rules:
    """What is looked up once for a stretch of days under the same rules."""

    on: date
    edition: str
    levels: tuple[tuple[int, int, str], ...]
    incomplete_is_published: bool
    validity: means.ValidityRules
    ozone_limit: float
    hour_confidence: str
    day_confidence: str
    region_confidence: str


def rules_of(book: Rulebook, on: date) -> Rules:
    """Read the rules in force on a day."""
    basis = Basis(on)
    levels = book.rows("aqi_levels", on)
    validity = means.validity_rules(basis, book)
    limit = applicable("air", "O3", on=on, category="二级", averaging_period="日最大8小时平均", rulebook=book)
    index_rows = (*book.rows("aqi_breakpoints", on), *levels)
    site_rows = book.rows("data_validity", on, standard="HJ 663", item="city aggregation")
    day_rows = (
        *index_rows,
        *(row for row in validity.rows if row not in site_rows),
        *(one.row for one in limit),
    )
    edition = levels[0].edition
    return Rules(
        on=on,
        edition=f"HJ 633-{edition}",
        levels=tuple((int(row["aqi_lo"]), int(row["aqi_hi"]), row["category"]) for row in levels),
        incomplete_is_published=edition < "2026",
        validity=validity,
        ozone_limit=float(limit[0].upper or 0),
        hour_confidence=Confidence.weakest(row.confidence for row in index_rows).value,
        day_confidence=Confidence.weakest(row.confidence for row in day_rows).value,
        region_confidence=Confidence.weakest(row.confidence for row in (*day_rows, *site_rows)).value,
    )


def unit_of(book: Rulebook, pollutant: str) -> str:
    """Return the unit of the index and the limits of a pollutant."""
    return book.rows("aqi_breakpoints", symbol=pollutant)[0]["unit"]


def places(pollutant: str) -> int:
    return PLACES.get(pollutant, 2)


def shown(pollutant: str, value: float | None) -> float | int | None:
    """Return a stored concentration as pages and files show it; what is stored has the decimals it was worked out with."""
    return None if value is None else number(value, places(pollutant))


def category_of(rules: Rules, aqi: int) -> str:
    """Return the category of an index, empty where there is none."""
    return next((name for low, high, name in rules.levels if low <= aqi <= high), "")


@dataclass
class Indexed:
    """Indices of one stretch: arrays (subjects, periods)."""

    values: dict[str, np.ndarray]
    result: kernel.AirIndices
    aqi: np.ndarray
    primary: np.ndarray
    ozone_1h: np.ndarray | None = None


def index_of(
    book: Rulebook,
    rules: Rules,
    values: dict[str, np.ndarray],
    periods: dict[str, str] | None,
    ozone_1h: np.ndarray | None,
) -> Indexed:
    result = kernel.indices(values, periods=periods, on=rules.on, decimals=decimals_of(values), rulebook=book)
    aqi, primary = result.aqi, result.primary
    if ozone_1h is not None:
        # HJ 633-2012 also judges the highest hour of ozone; the higher of its two indices speaks.
        hours = {"O3": ozone_1h}
        other = kernel.indices(
            hours, periods={"O3": "1h"}, on=rules.on, decimals=decimals_of(hours), rulebook=book
        ).aqi
        aqi = np.maximum(aqi, other)
        primary = np.zeros_like(primary)
        for bit, name in enumerate(result.pollutants):
            top = (result.iaqi[name] == aqi) | ((other == aqi) if name == "O3" else False)
            primary |= np.left_shift(top & (aqi > 50), bit, dtype=np.uint8)
    beyond = _beyond_the_scale(values, result, ozone_1h)
    if beyond.any():
        # The scale of 2012 ends at IAQI 200 and another averaging period speaks: what is left may not pass for the index.
        unknown = beyond & (aqi <= SCALE_ENDS)
        aqi, primary = np.where(unknown, kernel.MISSING, aqi), np.where(unknown, 0, primary)
    return Indexed(values, result, aqi, primary, ozone_1h)


def _beyond_the_scale(
    values: dict[str, np.ndarray], result: kernel.AirIndices, ozone_1h: np.ndarray | None
) -> np.ndarray:
    """Say where a pollutant was measured above the end of its scale, and nothing else of it speaks."""
    found = np.zeros(result.aqi.shape, np.bool_)
    for name in result.pollutants:
        with np.errstate(invalid="ignore"):
            above = np.isfinite(values[name]) & (values[name] >= 0) & (result.iaqi[name] < 0)
        if name == "O3" and ozone_1h is not None:
            above &= ~np.isfinite(ozone_1h)
        found |= above
    return found


def decimals_of(values: dict[str, np.ndarray]) -> int | None:
    """Return the decimals by which concentrations can be looked up; None for means, which have no end."""
    for name, given in values.items():
        if not np.all(np.isnan(given) | (np.round(given, places(name)) == given)):
            return None
    return places("")
