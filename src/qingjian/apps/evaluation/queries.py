"""All reads of evaluation, narrowed to what a person may see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min, OuterRef, Q, QuerySet, Subquery, Sum
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.models import Region
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.evaluation import (
    air,
    amounts,
    calculation,
    explanation,
    laboratory,
    outlets,
    rivers,
    water,
)
from qingjian.apps.evaluation.drafts import day_of, midnight, month_of, next_month
from qingjian.apps.evaluation.models import (
    AirEvent,
    Evaluation,
    Exceedance,
    Failure,
    Progress,
    RuleChange,
    TrendWarning,
)
from qingjian.apps.network import queries as network
from qingjian.apps.network.models import Factor, Point, Series
from qingjian.apps.observing.models import FindingRecord
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.current import now
from qingjian.standards.quantity import Given
from qingjian.standards.surface_water.classification import SectionClass

TREND_HOURS = 24
HISTORY_MONTHS = 13
LOOKED_BACK = timedelta(hours=48)
PRESENT = timedelta(hours=3)
"""A station whose newest hour is older has no present index."""


def points_visible_to(user: Any, kinds: Iterable[str] | None = None) -> QuerySet[Point]:
    points = network.points_visible_to(user, Capability.VIEW_DATA)
    return points if kinds is None else points.filter(kind__in=list(kinds))


def evaluations_visible_to(user: Any) -> QuerySet[Evaluation]:
    """Return results of points in reach, and of regions that lie in reach as a whole."""
    reach = account_rules.scope(user, Capability.VIEW_DATA)
    return Evaluation.objects.select_related("point", "region").filter(
        Q(point__in=points_visible_to(user)) | Q(point=None, region_id__in=reach.regions)
    )


def air_events_visible_to(user: Any) -> QuerySet[AirEvent]:
    """Return sand dust and exception events of regions in reach, and what the regions above them decided for them."""
    reach = account_rules.scope(user, Capability.VIEW_DATA)
    decided = (AirEvent.State.APPROVED, AirEvent.State.REVOKED)
    return AirEvent.objects.select_related("region", "author", "decided_by", "revoked_by").filter(
        Q(region_id__in=reach.regions)
        | Q(region_id__in=account_rules.above(reach.regions), state__in=decided)
    )


def rule_changes_visible_to(user: Any) -> QuerySet[RuleChange]:
    """Return what changed: the rulebook concerns everybody, permit limits and attributes those who see the point."""
    return (
        RuleChange.objects.filter(Q(point=None) | Q(point__in=points_visible_to(user)))
        .exclude(rows=[])
        .select_related("point")
        .defer("snapshot")
    )


def exceedances_visible_to(user: Any) -> QuerySet[Exceedance]:
    """Return exceedances of points in reach with the state and cause of the alert that was made from them."""
    finding = FindingRecord.objects.filter(pk=OuterRef("finding"))
    return (
        Exceedance.objects.select_related("point__outlet__source", "series__factor", "limit__factor")
        .filter(point__in=points_visible_to(user))
        .annotate(
            alert_id=Subquery(finding.values("alert_id")[:1]),
            alert_state=Subquery(finding.values("alert__state")[:1]),
            alert_cause=Subquery(finding.values("alert__cause")[:1]),
        )
    )


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


def catching_up(element: str) -> bool:
    """Say whether the back history of an element is still being evaluated."""
    return not Progress.objects.filter(name=element, complete=True).exists()


def failures_visible_to(user: Any) -> QuerySet[Failure]:
    """Return what an error stopped: parts of the evaluation as a whole, and points in reach."""
    return Failure.objects.select_related("point").filter(
        Q(point=None) | Q(point__in=points_visible_to(user))
    )


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
    """Return how unreviewed data must be labelled: simulated before replayed; None for real measurements."""
    found = None
    for one in series:
        if one.origin == Series.Origin.SIMULATED:
            return {"text": _("simulated"), "notice": one.notice, "colour": "orange"}
        if "replayed" in one.notice:
            found = {"text": _("replayed"), "notice": one.notice, "colour": "azure"}
    return found


# -- air ---------------------------------------------------------------------------------------------------------------


def air_regions(user: Any) -> list[air.Assessed]:
    """Return the counties and cities in reach that have air stations, smallest first."""
    reach = account_rules.scope(user, Capability.VIEW_DATA)
    return [one for one in air.assessed(air.stations()) if one.region.pk in reach.regions]


def regions_in_reach(user: Any, level: str) -> list[Region]:
    """Return the regions of a level in reach, whether or not stations run in them now."""
    reach = account_rules.scope(user, Capability.VIEW_DATA)
    return list(Region.objects.filter(pk__in=reach.regions, level=level).order_by("code"))


def air_now(user: Any, place: air.Assessed | None) -> dict[str, Any]:
    """Return the newest hour of a region and of every station in reach there."""
    moment = now()
    recent = current("air_hour").filter(start__gte=moment - LOOKED_BACK)
    points = points_visible_to(user, air.STATION_KINDS).filter(status="running")
    if place is not None:
        points = points.filter(region_id__in=account_rules.subtree({place.region.pk}))
    points = list(points)
    newest: dict[int, Evaluation] = {}
    for since in (moment - 2 * PRESENT, moment - LOOKED_BACK):
        silent = [one.pk for one in points if one.pk not in newest]
        if silent:
            rows = current("air_hour").filter(point__in=silent, start__gte=since)
            newest.update({row.point_id: row for row in rows.defer("trace").order_by("start")})
    series = air.series_of(points)
    assessed = {one.pk for one in place.points} if place else set()
    cards = [
        {
            "point": point,
            "row": newest.get(point.pk),
            "present": point.pk in newest and moment - newest[point.pk].start < PRESENT,
            "label": label_of(series[point.pk].values()),
            "assessed": point.pk in assessed,
            "series": series[point.pk],
        }
        for point in points
    ]
    row = (
        recent.filter(point=None, region=place.region).defer("trace").order_by("-start").first()
        if place
        else None
    )
    index = explanation.air_index(row, rulebook()) if row is not None and row.aqi is not None else None
    labels = [card["label"]["text"] for card in cards if card["assessed"] and card["label"]]
    return {
        "row": row,
        "index": index,
        "cards": cards,
        "labels": sorted(set(labels)),
        "valid": max(row.values["stations"].values(), default=0) if row else 0,
    }


def air_trend(place: air.Assessed) -> list[Evaluation]:
    """Return the last hours of a region."""
    first = now() - timedelta(hours=TREND_HOURS + 1)
    return list(
        current("air_hour")
        .filter(point=None, region=place.region, start__gte=first)
        .defer("trace")
        .order_by("start")
    )


def air_hours_until(newest: datetime, count: int, region: Region) -> list[Evaluation]:
    """Return so many hours of a region up to one, that one included."""
    first = newest - timedelta(hours=count - 1)
    rows = current("air_hour").filter(point=None, region=region, start__gte=first, start__lte=newest)
    return list(rows.only("start", "values"))


def air_days(region: Region, year: int) -> list[Evaluation]:
    """Return the days of a region in a year."""
    rows = current("air_day").filter(
        point=None,
        region=region,
        start__gte=midnight(date(year, 1, 1)),
        start__lt=midnight(date(year + 1, 1, 1)),
    )
    return list(rows.defer("trace", "result").order_by("start"))


def air_years(region: Region) -> list[int]:
    bounds = current("air_day").filter(point=None, region=region).order_by("start")
    first, last = bounds.first(), bounds.last()
    return [] if first is None else list(range(day_of(last.start).year, day_of(first.start).year - 1, -1))


def air_bounds(region: Region) -> tuple[date, date] | None:
    """Return the first and the last day of a region with a result; None without any."""
    rows = current("air_day").filter(point=None, region=region).order_by("start")
    first, last = rows.first(), rows.last()
    return None if first is None else (day_of(first.start), day_of(last.start))


def station_days(
    points: Iterable[Point], first: date, last: date
) -> list[tuple[int, date, dict[str, float]]]:
    """Return (point, day, daily values) of stations."""
    rows = current("air_day").filter(
        point__in=list(points), start__gte=midnight(first), start__lte=midnight(last)
    )
    return [
        (point, day_of(start), values["used"])
        for point, start, values in rows.values_list("point_id", "start", "values")
    ]


def region_days(
    regions: Iterable[Region], first: date, last: date
) -> list[tuple[int, date, dict[str, float]]]:
    """Return (region, day, daily values) of regions as a whole."""
    rows = current("air_day").filter(
        point=None, region__in=list(regions), start__gte=midnight(first), start__lte=midnight(last)
    )
    return [
        (region, day_of(start), values["used"])
        for region, start, values in rows.values_list("region_id", "start", "values")
    ]


def air_span(points: Iterable[Point]) -> tuple[date, date] | None:
    """Return the first and the last day with a result of some stations; None without one."""
    found = current("air_day").filter(point__in=list(points)).aggregate(first=Min("start"), last=Max("start"))
    return (day_of(found["first"]), day_of(found["last"])) if found["first"] else None


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


def air_place(region: Region, since: date | None = None) -> air.Assessed | None:
    """Return a region with the stations that speak for it, also those in service on a day or later."""
    return next((one for one in air.assessed(air.stations(since)) if one.region.pk == region.pk), None)


def air_shown(pollutant: str, value: float | None) -> float | int | None:
    """Return a stored concentration with the decimals that are shown."""
    return air.shown(pollutant, value)


def air_places() -> list[air.Assessed]:
    """Return every county and city with air stations."""
    return air.assessed(air.stations())


def series_by_point(element: str, points: Iterable[Point]) -> dict[int, list[Series]]:
    """Return the series that speak for the items of some points."""
    points = list(points)
    held = air.series_of(points) if element == "air" else water.series_of(points)
    return {point: list(own.values()) for point, own in held.items()}


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


def sections_of(region: Region, since: date | None = None) -> list[Point]:
    """Return the surface-water sections of a region and those below it, also those in service on a day or later."""
    inside = account_rules.subtree({region.pk})
    return [one for one in water.sections(since) if one.region_id in inside]


def sections_over(
    points: Iterable[Point], first: date, last: date, rule: rivers.Rule
) -> list[rivers.SectionPeriod]:
    """Return the sections with a month in a stretch, judged by the means of their months."""
    points = list(points)
    months: dict[int, list[Evaluation]] = {}
    for row in stored("water_month", first, last, points=points):
        months.setdefault(row.point_id, []).append(row)
    book = rulebook()
    judged = (rivers.over(one, months[one.pk], last, rule, book) for one in points if one.pk in months)
    return [one for one in judged if one is not None]


def rate_rivers(
    entries: Iterable[tuple[Point, Mapping[str, Given | None]]], on: date
) -> list[dict[str, Any]]:
    """Rate every river by the items that made the classes of its sections."""
    return rivers.rate(entries, on, rulebook())


def made_class(row: Evaluation) -> dict[str, float]:
    """Return the items that made the class of a stored result."""
    return water.entering(row)


def plain_items(found: SectionClass) -> list[dict[str, Any]]:
    """Return the items of a class as results hold them."""
    return water.plain_items(found)


def is_lake(point: Point) -> bool:
    return laboratory.water_body(point) == "lake"


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


# -- water -------------------------------------------------------------------------------------------------------------


def water_sections(user: Any, only: Point | None = None) -> list[dict[str, Any]]:
    """Return every running section in reach with its newest day, its present month and its last months.

    `only`: one section the reader may see, whether or not it runs: its history stays.
    """
    if only is not None:
        points = [only]
    else:
        kinds = {one.kind for one in water.sections()} or {"water_station"}
        points = list(points_visible_to(user, kinds).filter(status="running"))
    today = day_of(now())
    month = month_of(today)
    first = month
    for _step in range(HISTORY_MONTHS - 1):
        first = month_of(first - timedelta(days=1))
    months = [first]
    while months[-1] < month:
        months.append(next_month(months[-1]))
    days: dict[int, Evaluation] = {}
    for row in (
        current("water_station_day")
        .filter(point__in=points, start__gte=midnight(today - timedelta(days=7)))
        .defer("trace")
        .order_by("start")
    ):
        days[row.point_id] = row
    monthly: dict[tuple[int, date], Evaluation] = {}
    for row in current("water_month").filter(point__in=points, start__gte=midnight(first)).defer("trace"):
        monthly[row.point_id, day_of(row.start)] = row
    series = water.series_of(points)
    return [
        {
            "point": point,
            "day": days.get(point.pk),
            "month": monthly.get((point.pk, month)),
            "history": [(one, monthly.get((point.pk, one))) for one in months],
            "label": label_of(series[point.pk].values()),
            "items": sorted(item for item in series[point.pk] if item != "T"),
        }
        for point in points
    ]


def river_ratings(sections: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rate every river in reach by the present month of its sections."""
    months = [(one["point"], one["month"]) for one in sections if one["month"] is not None]
    return rate_rivers(((point, water.entering(row)) for point, row in months), day_of(now()))


def section_history(point: Point, year: int) -> list[Evaluation]:
    rows = current("water_station_day").filter(
        point=point, start__gte=midnight(date(year, 1, 1)), start__lt=midnight(date(year + 1, 1, 1))
    )
    return list(rows.defer("trace").order_by("start"))


def section_samples(point: Point) -> list[Evaluation]:
    """Return the newest samples of a section."""
    return list(current("water_sample").filter(point=point).defer("trace").order_by("-start")[:24])


def section_months(point: Point) -> list[Evaluation]:
    return list(current("water_month").filter(point=point).defer("trace").order_by("-start")[:36])


# -- outlets -----------------------------------------------------------------------------------------------------------


def outlets_in_reach(user: Any, since: date | None = None) -> list[outlets.Outlet]:
    """Return the monitored outlets a person may see: those that run, and those in service on a day or later."""
    visible = set(points_visible_to(user).values_list("pk", flat=True))
    return [one for one in outlets.outlets(rulebook(), since) if one.point.pk in visible]


def factor_names(codes: Iterable[str]) -> dict[str, str]:
    """Return the names of factors of outlets by their HJ 212 code."""
    rows = Factor.objects.filter(wire_code__in=list(codes), medium__in=("waste_water", "flue_gas"))
    return {one.wire_code: str(one) for one in rows}


def trend_warnings_visible_to(user: Any) -> QuerySet[TrendWarning]:
    """Return trend warnings of points in reach with the alert made from them."""
    finding = FindingRecord.objects.filter(pk=OuterRef("finding"))
    return (
        TrendWarning.objects.select_related("point__outlet__source", "series__factor")
        .filter(point__in=points_visible_to(user))
        .annotate(alert_id=Subquery(finding.values("alert_id")[:1]))
    )


def warning_record(warnings: QuerySet[TrendWarning]) -> dict[str, int]:
    """Count what became of warnings: how many were right, how many false."""
    counts = dict(warnings.order_by().values_list("outcome").annotate(n=Count("pk")))
    return {name: counts.get(name, 0) for name in TrendWarning.Outcome.values}


def outlet_overview(user: Any, days: int = 30) -> list[dict[str, Any]]:
    """Return each outlet in reach with its exceedances of the last days and its amounts of this year."""
    visible = set(points_visible_to(user).values_list("pk", flat=True))
    chosen = [one for one in outlets.outlets() if one.point.pk in visible]
    moment = now()
    since = moment - timedelta(days=days)
    runs = exceedances_visible_to(user).filter(point__in=[one.point for one in chosen], end__gt=since)
    counts = {
        row["point"]: row
        for row in runs.filter(marked=False)
        .values("point")
        .annotate(runs=Count("pk"), periods=Sum("periods"), worst=Max("multiple"))
    }
    running = {row.point_id for row in runs if row.running and not row.marked}
    marked = {
        row["point"]: row["n"] for row in runs.filter(marked=True).values("point").annotate(n=Count("pk"))
    }
    standing: dict[int, list[amounts.Standing]] = {}
    for one in amounts.standings([one.point for one in chosen], day_of(moment).year, rulebook(), chosen):
        standing.setdefault(one.point.pk, []).append(one)
    newest = dict(
        current("outlet_day")
        .filter(point__in=[one.point for one in chosen], start__gte=moment - timedelta(days=10))
        .values_list("point")
        .annotate(newest=Max("pk"))
    )
    rows = Evaluation.objects.defer("trace").in_bulk(list(newest.values()))
    return [
        {
            "outlet": one,
            "point": one.point,
            "counts": counts.get(one.point.pk),
            "running": one.point.pk in running,
            "marked": marked.get(one.point.pk, 0),
            "amounts": standing.get(one.point.pk, []),
            "day": rows.get(newest.get(one.point.pk)),
            "label": label_of(
                one.series[limit.factor.wire_code]
                for limit in one.limits
                if limit.factor.wire_code in one.series
            ),
            "unmeasured": sorted(
                {str(limit.factor) for limit in one.limits if limit.factor.wire_code not in one.series}
            ),
        }
        for one in chosen
    ]


def language() -> str:
    return "en" if (get_language() or "").startswith("en") else "zh"
