"""The breakpoint tables of HJ 633 and what the editions say around them."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

from qingjian.rulebook import Row, Rulebook
from qingjian.standards.editions import Basis, in_force
from qingjian.standards.errors import EditionError, InputError
from qingjian.standards.rounding import round_places

POLLUTANTS = ("SO2", "NO2", "CO", "O3", "PM10", "PM2.5")
HIGHEST_INDEX = 500
HIGHEST_POSSIBLE = Decimal(1_000_000)
"""In the unit of the index; a gram in a cubic metre of air is no air."""


def pollutant_name(name: str) -> str:
    """The symbol used in the tables (`PM25` → `PM2.5`)."""
    return "PM2.5" if name == "PM25" else name


@dataclass(frozen=True, slots=True)
class Scale:
    """Breakpoints of one pollutant and averaging period: concentrations and IAQI, both ascending."""

    pollutant: str
    period: str
    unit: str
    points: tuple[tuple[int, Decimal], ...]
    rows: tuple[Row, ...]
    above_top: int | None
    """IAQI above the last point; None = the item is not reported and another period speaks for it."""
    input_places: int | None
    """Decimals the concentration is rounded to first; None = taken as received."""

    @property
    def top(self) -> Decimal:
        """The highest concentration the table has an index for."""
        return self.points[-1][1]

    def rounded(self, concentration: Decimal) -> Decimal:
        return concentration if self.input_places is None else round_places(concentration, self.input_places)

    def index(self, concentration: Decimal) -> tuple[int, Decimal, tuple[Row, ...]] | None:
        """IAQI rounded up, IAQI before rounding, and the rows that decided; None if not reported above the top.

        `concentration` is already rounded as the edition asks. Raises InputError for a negative one.
        """
        if concentration < 0:
            raise InputError("浓度不能为负", "a concentration cannot be negative")
        if concentration > self.top:
            if self.above_top is None:
                return None
            return self.above_top, Decimal(self.above_top), self.rows[-1:]
        upper = next(place for place, (_, point) in enumerate(self.points) if concentration <= point)
        if upper == 0:
            return self.points[0][0], Decimal(self.points[0][0]), self.rows[:1]
        (low_index, low), (high_index, high) = self.points[upper - 1], self.points[upper]
        exact = (high_index - low_index) * Fraction(concentration - low) / Fraction(high - low) + low_index
        raw = Decimal(exact.numerator) / Decimal(exact.denominator)
        return math.ceil(exact), raw, self.rows[upper - 1 : upper + 1]


@functools.lru_cache(maxsize=64)
def _scales(rulebook: Rulebook, day: date) -> Mapping[tuple[str, str], Scale]:
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in in_force(rulebook, "aqi_breakpoints", Basis(day)):
        groups.setdefault((row["symbol"], row["averaging_period"]), []).append(row)
    scales: dict[tuple[str, str], Scale] = {}
    for (pollutant, period), rows in groups.items():
        rows.sort(key=lambda row: int(row["iaqi"]))
        points = tuple((int(row["iaqi"]), Decimal(row["bp"])) for row in rows)
        newer = rows[0].edition >= "2026"
        reaches_top = points[-1][0] == HIGHEST_INDEX
        # Below 500 the table ends at 800 μg/m³: the 2026 edition fixes the IAQI there, the 2012 edition turns to
        # another averaging period (SO2: 24 h mean, O3: 1 h mean).
        above = HIGHEST_INDEX if reaches_top else (points[-1][0] if newer else None)
        places = (1 if pollutant == "CO" else 0) if newer else None
        scales[pollutant, period] = Scale(
            pollutant, period, rows[0]["unit"], points, tuple(rows), above, places
        )
    return MappingProxyType(scales)


def scale(rulebook: Rulebook, basis: Basis, pollutant: str, period: str) -> Scale:
    """Breakpoints for one item. Hourly particle values use the daily points, as HJ 633-2026 says and CNEMC did before.

    Raises EditionError if the edition has no such item.
    """
    table = _scales(rulebook, basis.day)
    if pollutant in {"PM10", "PM2.5"} and period == "1h":
        period = "24h"
    found = table.get((pollutant, period))
    if found is None:
        raise EditionError(
            f"HJ 633 没有 {pollutant} {period} 的分指数", f"HJ 633 has no index for {pollutant} {period}"
        )
    return found


def edition_of(rulebook: Rulebook, basis: Basis) -> str:
    """The edition of HJ 633 in force on the basis, e.g. `2026`."""
    return in_force(rulebook, "aqi_levels", basis)[0].edition
