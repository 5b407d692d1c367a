"""An evaluation before it is stored, and the digest that tells whether its inputs have changed."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from qingjian.contracts.clock import CHINA
from qingjian.standards.rounding import legible

OUTCOME = (
    "edition",
    "aqi",
    "publishable",
    "category",
    "primary",
    "water_class",
    "target",
    "reached",
    "main_items",
    "exceeds",
    "multiple",
    "confidence",
)
"""Fields that make a new revision when they differ, even if the inputs do not."""


INPUTS_ONLY = frozenset(
    (
        *("air_hour", "air_day", "water_station_day", "water_month"),
        *("outlet_hour", "outlet_day", "outlet_month", "outlet_year"),
    )
)
"""Kinds whose figures follow from inputs and outcome."""


@dataclass(slots=True)
class Draft:
    """Fields of `models.Evaluation` that the calculation decides."""

    kind: str
    point: int | None
    region: int
    start: datetime
    edition: str
    values: dict[str, Any]
    confidence: str
    basis: str = ""
    aqi: int | None = None
    publishable: bool = True
    category: str = ""
    primary: str = ""
    water_class: str = ""
    target: str = ""
    reached: bool | None = None
    main_items: str = ""
    exceeds: bool | None = None
    multiple: float | None = None
    result: dict[str, Any] = field(default_factory=dict)
    trace: dict[str, Any] | None = None

    @property
    def digest(self) -> str:
        """Digest of the inputs; the limits an outlet was held against are inputs too.

        Of samples, noise, radiation and ecology every figure of the result counts: an index may change within its class.
        """
        figures = self.result.get("limits") if self.kind in INPUTS_ONLY else self.result
        if "amounts" in self.result:
            figures = [figures, self.result["amounts"]]  # made of the flow too, which is no input of any mean
        text = json.dumps([self.values, figures], ensure_ascii=False, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    @property
    def subject(self) -> tuple[int | None, int, datetime]:
        return (self.point, 0 if self.point else self.region, self.start)


@dataclass(frozen=True)
class Chosen:
    """Points that are evaluated, and points that stand aside because an error spoils them."""

    asked: Collection[int] | None = None
    """None for all."""
    aside: frozenset[int] = frozenset()

    def stands(self, point: int) -> bool:
        """Say whether a point may enter what is made of several points."""
        return point not in self.aside

    def has(self, point: int) -> bool:
        """Say whether a point is evaluated."""
        return self.stands(point) and (self.asked is None or point in self.asked)


def midnight(day: date) -> datetime:
    """Return the beginning of a natural day (UTC+08:00)."""
    return datetime(day.year, day.month, day.day, tzinfo=CHINA)


def day_of(moment: datetime) -> date:
    """Return the natural day a moment lies in."""
    return moment.astimezone(CHINA).date()


def month_of(day: date) -> date:
    return day.replace(day=1)


def next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


SETTLED_PLACES, SETTLED_DIGITS = 12, 14


def mean_of(values: Sequence[float]) -> float:
    """Return the arithmetic mean, its sum without error."""
    return math.fsum(values) / len(values)


def settled(value: float) -> float | int:
    """Return a mean or sum with every digit it has: only the dust of binary fractions is taken off.

    GB/T 8170 compares every digit with the limit where a standard asks for nothing else: whoever rounds before judges
    50.00004 as 50. Pages shorten the figure (`legible`).
    """
    whole = 0 if value == 0 else math.floor(math.log10(abs(value))) + 1
    found = round(float(value), min(SETTLED_PLACES, SETTLED_DIGITS - whole))
    return int(found) if found == int(found) else found


def short(value: float, limits: Iterable[float | Decimal] = ()) -> float | int:
    """Return a settled figure as pages and files show it: four decimals, more where they decide about a limit."""
    text = Decimal(repr(value))
    found = float(legible(text, [one if isinstance(one, Decimal) else Decimal(repr(one)) for one in limits]))
    return int(found) if found == int(found) else found


def number(value: float, places: int) -> float | int | None:
    """Return a plain number for JSON, whole numbers without a fraction, None for NaN."""
    if value is None or math.isnan(value):
        return None
    rounded = round(float(value), places)
    return int(rounded) if rounded == int(rounded) else rounded


def plain_days(moments: np.ndarray | list[datetime]) -> list[date]:
    """Return the distinct natural days of some moments, in order."""
    return sorted({day_of(moment) for moment in moments})
