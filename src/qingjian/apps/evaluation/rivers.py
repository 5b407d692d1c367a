"""Sections over quarters and years, and rivers from their sections: one rule for pages, reports and exports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from django.utils.translation import gettext as _

from qingjian.apps.evaluation import laboratory, water
from qingjian.apps.evaluation.drafts import day_of
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.network.models import Point
from qingjian.rulebook import Rulebook
from qingjian.standards.errors import EvaluationError
from qingjian.standards.explanation import Text
from qingjian.standards.quantity import Given
from qingjian.standards.surface_water.classification import SectionClass, classify
from qingjian.standards.surface_water.means import WaterMeans, mean
from qingjian.standards.surface_water.rating import RiverRating, river_rating

Rule = Literal["quarter", "year", "so_far"]
"""What a mean of months stands for; a part of a period that goes on asks for no least number."""


@dataclass(frozen=True, slots=True)
class SectionPeriod:
    """A section over several months. `found` is None where `reasons` say why it is not judged."""

    point: Point
    months: tuple[date, ...]
    samples: int
    """Samples, or days of a station, behind the months."""
    counts: Mapping[str, int]
    """Months by item."""
    used: Mapping[str, Decimal]
    """Means of the items that made the classes of the months."""
    found: SectionClass | None
    reasons: tuple[Text, ...]


def means_of(rows: Sequence[Evaluation], on: date, rule: Rule, book: Rulebook) -> WaterMeans | None:
    """Return the means of the items that made the classes of some months; None without a month with a class."""
    months = [items for row in rows if (items := water.entering(row))]
    if not months:
        return None
    return mean(
        months,
        "month" if rule == "so_far" else rule,
        on=on,
        samples_behind=sum(map(samples_of, rows)) if rule == "quarter" else None,
        rulebook=book,
    )


def samples_of(row: Evaluation) -> int:
    """Return how many samples, or days of a station, a month rests on."""
    return max(row.values.get("days", {}).values(), default=0)


def over(
    point: Point, rows: Sequence[Evaluation], on: date, rule: Rule, book: Rulebook
) -> SectionPeriod | None:
    """Judge a section by the means of its months (环办〔2011〕22号); None where no month of it has a class."""
    rows = [row for row in rows if water.entering(row)]
    found: SectionClass | None = None
    try:
        means = means_of(rows, on, rule, book)
    except EvaluationError as error:
        return _not_judged(point, rows, Text(error.zh, error.en))
    if means is None:
        return None
    reasons = means.reasons
    if means.valid:
        try:
            found = classify(
                means.values(),
                on,
                water_body=laboratory.water_body(point),
                target=point.attributes.get("target_class") or None,
                rulebook=book,
            )
        except EvaluationError as error:
            reasons = (Text(error.zh, error.en),)
    return SectionPeriod(
        point,
        tuple(day_of(row.start) for row in rows),
        sum(map(samples_of, rows)),
        {item: one.count for item, one in means.items.items()},
        means.values(),
        found,
        reasons,
    )


def _not_judged(point: Point, rows: Sequence[Evaluation], reason: Text) -> SectionPeriod:
    months = tuple(day_of(row.start) for row in rows)
    return SectionPeriod(point, months, sum(map(samples_of, rows)), {}, {}, None, (reason,))


def rate(
    entries: Iterable[tuple[Point, Mapping[str, Given | None]]], on: date, book: Rulebook
) -> list[dict[str, Any]]:
    """Rate every river by the items that made the classes of its sections; lakes and reservoirs are no rivers.

    Each has name, key (the registered name, empty for sections of no river), rating and the points it rests on.
    """
    groups: dict[str, list[tuple[Point, Mapping[str, Given | None]]]] = {}
    for point, items in entries:
        if items and laboratory.water_body(point) == "river":
            groups.setdefault(point.attributes.get("river") or "", []).append((point, items))
    found = []
    for key, own in sorted(groups.items()):
        rating = rating_of([items for _point, items in own], on, book)
        if rating is not None:
            found.append(
                {
                    "name": key or _("All sections"),
                    "key": key,
                    "rating": rating,
                    "points": [point for point, _items in own],
                }
            )
    return found


def rating_of(sections: Sequence[Mapping[str, Given | None]], on: date, book: Rulebook) -> RiverRating | None:
    """Return the rating of sections by their items; None where they cannot be rated."""
    try:
        return river_rating(sections, on, rulebook=book)
    except EvaluationError:
        return None
