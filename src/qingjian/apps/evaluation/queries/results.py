"""Stored results whoever asks: current ones, revisions, versions of the calculation, labels of their data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Max, Q, QuerySet
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from qingjian.apps.accounts.models import Region
from qingjian.apps.evaluation import (
    air,
    calculation,
    water,
)
from qingjian.apps.evaluation.drafts import midnight
from qingjian.apps.evaluation.models import (
    Evaluation,
    Failure,
    Progress,
)
from qingjian.apps.network.models import Point, Series
from qingjian.apps.rulekeeping.queries import rulebook

HOURLY = (
    *("air_hour", "air_day", "water_station_day"),
    *("outlet_hour", "outlet_day", "outlet_month", "outlet_year"),
)
"""Kinds that are made of hours alone: real-time signals beside them do not label them."""


def current(kind: str) -> QuerySet[Evaluation]:
    return Evaluation.objects.filter(kind=kind, superseded_at=None)


def revisions_of(row: Evaluation) -> list[Evaluation]:
    """Return every revision of the same subject and period, newest first."""
    same = Evaluation.objects.filter(kind=row.kind, start=row.start).defer("trace")
    same = same.filter(point=row.point_id) if row.point_id else same.filter(point=None, region=row.region_id)
    return list(same.order_by("-revision"))


def with_before(rows: Iterable[Evaluation]) -> list[tuple[Evaluation, Evaluation | None]]:
    """Return results with the revision before each."""
    rows = list(rows)
    earlier: dict[tuple[str, int | None, int, Any, int], Evaluation] = {}
    for begin in range(0, len(rows), 200):
        part = rows[begin : begin + 200]
        found = Evaluation.objects.filter(
            kind__in={one.kind for one in part}, start__in={one.start for one in part}
        ).filter(
            Q(point__in={one.point_id for one in part})
            | Q(point=None, region__in={one.region_id for one in part})
        )
        earlier.update(
            {
                (one.kind, one.point_id, one.region_id, one.start, one.revision): one
                for one in found.defer("trace")
            }
        )
    return [
        (one, earlier.get((one.kind, one.point_id, one.region_id, one.start, one.revision - 1)))
        for one in rows
    ]


def stored(
    kind: str,
    first: date,
    last: date,
    *,
    points: Iterable[Point] | None = None,
    region: Region | None = None,
) -> QuerySet[Evaluation]:
    """Return the current results of a kind from a day to a day, of points or of a region as a whole."""
    rows = (
        current(kind)
        .filter(start__gte=midnight(first), start__lt=midnight(last + timedelta(days=1)))
        .defer("trace")
        .order_by("start")
    )
    return rows.filter(point=None, region=region) if points is None else rows.filter(point__in=list(points))


def stamp(kind: str, region: Region | None = None) -> str:
    """Return what changes with every new result, for caches."""
    rows = Evaluation.objects.filter(kind=kind)
    if region is not None:
        rows = rows.filter(point=None, region=region)
    found = rows.aggregate(newest=Max("pk"))
    return f"{found['newest']}-{rulebook().version}"


def stamp_of_point(kind: str, point: Point) -> str:
    """Return what changes with every new result of a point, for caches."""
    found = Evaluation.objects.filter(kind=kind, point=point).aggregate(newest=Max("pk"))
    return str(found["newest"])


def newer_than(
    moment: datetime, kinds: Iterable[str], first: date, last: date, points: Iterable[int], region: int
) -> int:
    """Count current results of a period that became known after a moment."""
    return (
        Evaluation.objects.filter(
            kind__in=list(kinds),
            superseded_at=None,
            start__gte=midnight(first),
            start__lt=midnight(last + timedelta(days=1)),
            known_at__gt=moment,
        )
        .filter(Q(point__in=list(points)) | Q(point=None, region=region))
        .count()
    )


def catching_up(element: str) -> bool:
    """Say whether the back history of an element is still being evaluated."""
    return not Progress.objects.filter(name=element, complete=True).exists()


def failures() -> list[Failure]:
    """Return everything an error stopped, newest first."""
    return list(Failure.objects.select_related("point"))


def calculation_of(element: str) -> int:
    """Return the version of the calculation by which an element is worked out now."""
    return calculation.present(element)


def corrected_since(number: int, element: str, last: date, points: Iterable[int]) -> list[str]:
    """Return in the language of the reader what was corrected since a version, for data up to a day at some points."""
    return [getattr(one.text, language()) for one in calculation.later_than(number, element, last, points)]


def series_of_points(points: Iterable[Point]) -> QuerySet[Series]:
    return Series.objects.filter(point__in=list(points)).exclude(origin=Series.Origin.PLATFORM)


def label_of(series: Iterable[Series]) -> dict[str, str] | None:
    """Return how unreviewed data must be labelled: simulated before replayed; None for real measurements.

    `data` is the word for programs, `text` the one for people.
    """
    found = None
    for one in series:
        if one.origin == Series.Origin.SIMULATED:
            return {"data": "simulated", "text": _("simulated"), "notice": one.notice, "colour": "orange"}
        if "replayed" in one.notice:
            found = {"data": "replayed", "text": _("replayed"), "notice": one.notice, "colour": "azure"}
    return found


def labels_of(rows: Sequence[Evaluation]) -> dict[int, dict[str, str] | None]:
    """Return by its number how each result must be labelled: by the series of its point, of a region by those of its stations."""
    codes = {row.pk: [row.point.code] if row.point else row.values.get("of", []) for row in rows}
    held: dict[str, list[Series]] = {}
    wanted = Series.objects.filter(point__code__in={code for own in codes.values() for code in own})
    for one in wanted.exclude(origin=Series.Origin.PLATFORM).select_related("point"):
        held.setdefault(one.point.code, []).append(one)
    kinds = {row.pk: row.kind for row in rows}
    return {
        number: label_of(
            one
            for code in own
            for one in held.get(code, ())
            if kinds[number] not in HOURLY or "hour" in one.expected
        )
        for number, own in codes.items()
    }


def series_by_point(element: str, points: Iterable[Point]) -> dict[int, list[Series]]:
    """Return the series that speak for the items of some points."""
    points = list(points)
    held = air.series_of(points) if element == "air" else water.series_of(points)
    return {point: list(own.values()) for point, own in held.items()}


def language() -> str:
    return "en" if (get_language() or "").startswith("en") else "zh"
