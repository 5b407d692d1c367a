"""Sections over the period of a report: stored results of a day or month, of longer periods the means of the months."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from qingjian.apps.evaluation import queries as evaluation
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.network.models import Point
from qingjian.contracts.current import now
from qingjian.contracts.periods import DAY, Period, day_of
from qingjian.standards.explanation import Text


@dataclass(frozen=True, slots=True)
class Judged:
    """One section over the period: the stored result of a day or month, of a longer period the means of its months."""

    point: Point
    cls: str
    target: str
    reached: bool | None
    decided_by: tuple[str, ...]
    main: str
    entering: Mapping[str, Any]
    """Items that made the class, from which rivers are rated."""
    items: tuple[dict[str, Any], ...]
    not_measured: tuple[str, ...]
    counts: Mapping[str, int]
    """Valid hours of a day, days or samples of a month, months of a longer period, by item."""
    months: tuple[date, ...] = ()
    samples: int = 0
    reasons: tuple[Text, ...] = ()
    """Why a section with results has no class in this period."""


def judged(points: Sequence[Point], period: Period) -> list[Judged]:
    """Return every section with its class over a period."""
    if len(period.months) > 1:
        return _over_months(points, period)
    kinds = ("water_sample", "water_station_day") if period.span == DAY else ("water_month",)
    rows: dict[int, Evaluation] = {}
    for kind in kinds:  # what a station measured all day speaks before one sample
        rows.update(
            (one.point_id, one)
            for one in evaluation.stored(kind, period.first, period.known_last, points=points)
            if one.water_class or one.point_id not in rows
        )
    return [_from(point, rows.get(point.pk), "hours" if period.span == DAY else "days") for point in points]


def _over_months(points: Sequence[Point], period: Period) -> list[Judged]:
    """Return the sections over a quarter or year; a period that goes on is judged by the months there are."""
    rule: Any = "so_far" if period.goes_on(day_of(now())) else period.span
    found = {
        one.point.pk: one for one in evaluation.sections_over(points, period.first, period.known_last, rule)
    }
    return [_of_months(point, found.get(point.pk)) for point in points]


def _of_months(point: Point, one: Any) -> Judged:
    target = point.attributes.get("target_class", "")
    if one is None or one.found is None:
        known = () if one is None else (one.counts, one.months, one.samples, one.reasons)
        return Judged(point, "", target, None, (), "", {}, (), (), *(known or ({},)))
    found = one.found
    return Judged(
        point,
        found.cls,
        target,
        found.reached,
        found.decided_by,
        ",".join(found.main_first),
        one.used,
        tuple(evaluation.plain_items(found)),
        found.not_measured,
        one.counts,
        one.months,
        one.samples,
    )


def _from(point: Point, row: Evaluation | None, counted: str) -> Judged:
    if row is None:
        return Judged(point, "", point.attributes.get("target_class", ""), None, (), "", {}, (), (), {})
    return Judged(
        point,
        row.water_class,
        row.target,
        row.reached,
        tuple(row.result.get("decided_by", ())),
        row.main_items,
        evaluation.made_class(row),
        tuple(row.result.get("items", ())),
        tuple(row.result.get("not_measured", ())),
        row.values.get(counted, {}),
    )
