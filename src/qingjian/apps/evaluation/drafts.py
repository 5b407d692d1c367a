"""An evaluation before it is stored, and the digest that tells whether its inputs have changed."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from qingjian.contracts.clock import CHINA

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
    ("air_hour", "air_day", "water_station_day", "water_month", "outlet_hour", "outlet_day")
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
        text = json.dumps([self.values, figures], ensure_ascii=False, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    @property
    def subject(self) -> tuple[int | None, int, datetime]:
        return (self.point, 0 if self.point else self.region, self.start)


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


def number(value: float, places: int) -> float | int | None:
    """Return a plain number for JSON, whole numbers without a fraction, None for NaN."""
    if value is None or math.isnan(value):
        return None
    rounded = round(float(value), places)
    return int(rounded) if rounded == int(rounded) else rounded


def plain_days(moments: np.ndarray | list[datetime]) -> list[date]:
    """Return the distinct natural days of some moments, in order."""
    return sorted({day_of(moment) for moment in moments})
