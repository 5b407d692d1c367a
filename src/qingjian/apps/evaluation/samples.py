"""Samples and manual measurements: what was measured at a point on a day (or for a year), item by item, as texts.

A sample is what the lake holds for one day under the series of a point, whatever laboratory or person it came from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from qingjian.apps.evaluation import inputs
from qingjian.apps.evaluation.drafts import midnight
from qingjian.apps.network.models import Point, Series
from qingjian.apps.observing import stores
from qingjian.contracts.clock import CHINA
from qingjian.quality.observations import Observations, SeriesInfo
from qingjian.quality.status import Status, effective_status
from qingjian.standards.errors import EvaluationError
from qingjian.standards.explanation import TraceBuilder
from qingjian.standards.quantity import Quantity

ItemOf = Callable[[Series], str | None]
_COLUMNS = (
    "series",
    "start",
    "value",
    "value_decimals",
    "qualifier",
    "detection_limit",
    "flag",
    "known_at",
    "revision",
)
_DAY = timedelta(days=1)
SAMPLED = ("laboratory", "manual", "upstream", "simulated")
"""Origins of samples, first come first served."""
_COUNTS = (Status.VALID, Status.SUBSTITUTED, Status.NEEDS_LOOK)
"""A laboratory value carries no device's mark: only what somebody called invalid is left out."""


@dataclass
class Sample:
    """Items measured at one point on one day: decimal text, non-detects as `0.002L`, with the unit of the series."""

    point: Point
    day: date
    given: dict[str, Quantity] = field(default_factory=dict)
    rejected: dict[str, dict[str, Any]] = field(default_factory=dict)

    def reject(self, item: str, value: object, zh: str, en: str) -> None:
        """Leave an item out and say why."""
        self.given.pop(item, None)
        self.rejected[item] = {"value": str(value), "zh": zh, "en": en}

    def keep_usable(self, probe: Callable[[str, Quantity], object]) -> None:
        """Leave out every item that the standard refuses by itself: unknown to it, impossible, another unit."""
        for item, given in list(self.given.items()):
            try:
                probe(item, given)
            except EvaluationError as error:
                self.reject(item, given.value, error.zh, error.en)

    def explain(self, trace: TraceBuilder) -> None:
        """Write what was left out into a trace."""
        for item, one in self.rejected.items():
            trace.reject(item, one["value"], one["zh"], one["en"])

    def plain(self) -> dict[str, Any]:
        """Return the inputs as `Evaluation.values` holds them."""
        values: dict[str, Any] = {
            "used": {item: str(given.value) for item, given in self.given.items()},
            "units": {item: given.unit for item, given in self.given.items()},
        }
        if self.rejected:
            values["rejected"] = self.rejected
        return values


def series_of(points: Sequence[Point], item_of: ItemOf) -> dict[int, dict[str, Series]]:
    """Return the series that speak for each item of each point; series that owe regular data hold no samples."""
    held: dict[int, dict[str, list[Series]]] = {one.pk: {} for one in points}
    rows = Series.objects.select_related("factor", "device", "point").filter(point__in=points)
    for one in rows.order_by("pk"):
        item = item_of(one) if one.origin in SAMPLED and not one.expected else None
        if item is not None:
            held[one.point_id].setdefault(item, []).append(one)
    return {
        point: {
            item: min(own, key=lambda one: (SAMPLED.index(one.origin), one.position, one.pk))
            for item, own in items.items()
        }
        for point, items in held.items()
    }


def read(
    points: Sequence[Point], first: date, last: date, item_of: ItemOf, statistic: str = "day"
) -> list[Sample]:
    """Return the samples of natural days first … last, by point and day; none where last lies before first."""
    by_point = {one.pk: one for one in points}
    chosen = [
        (point, item, one)
        for point, items in series_of(points, item_of).items()
        for item, one in items.items()
    ]
    if not chosen or last < first:
        return []
    places = {one.pk: (point, item, one) for point, item, one in chosen}
    series = [one for _point, _item, one in chosen]
    start, end = midnight(first), midnight(last + _DAY)
    table = stores.lake().series(sorted(places), statistic, start, end, columns=_COLUMNS)
    columns = {name: table[name].to_pylist() for name in _COLUMNS[:6]}
    below = np.asarray([one == "below" for one in columns["qualifier"]], np.bool_)
    limits = np.asarray([one or np.nan for one in columns["detection_limit"]], np.float64)
    rows = Observations.from_table(table)
    # A non-detect is a value: marks of people must be able to take it out like any other.
    rows = replace(rows, value=np.where(below, limits, rows.value))
    infos = [
        SeriesInfo(one.pk, one.medium, one.factor.wire_code, 86400, "arithmetic", decimals=one.decimals)
        for one in sorted(series, key=lambda one: one.pk)
    ]
    statuses = effective_status(rows, inputs.facts(series, start, end), infos, period_seconds=86400)
    found: dict[tuple[int, date], Sample] = {}
    for place in range(table.num_rows):
        point, item, one = places[columns["series"][place]]
        day = columns["start"][place].astimezone(CHINA).date()
        sample = found.setdefault((point, day), Sample(by_point[point], day))
        text = _text(columns, place)
        if text is None:
            continue
        if Status(int(statuses.code[place])) in _COUNTS:
            sample.given[item] = Quantity(text, one.unit)
        else:
            sample.reject(item, text, statuses.explain(place, "zh"), statuses.explain(place, "en"))
    return [found[key] for key in sorted(found, key=lambda key: (key[1], key[0]))]


def _text(columns: Mapping[str, list[Any]], place: int) -> str | None:
    """Return what was written: the number with its decimals, or the detection limit with an L behind it."""
    if columns["qualifier"][place] == "below" and columns["detection_limit"][place] is not None:
        return f"{format(Decimal(repr(columns['detection_limit'][place])), 'f')}L"
    value = columns["value"][place]
    if value is None or np.isnan(value):
        return None
    return f"{value:.{max(0, columns['value_decimals'][place] or 0)}f}"
