"""All reads of reports, narrowed to the regions a person sees as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Max, OuterRef, QuerySet, Subquery

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.models import Region
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.evaluation import deducting
from qingjian.apps.evaluation import queries as evaluation
from qingjian.apps.reporting.models import Report
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.periods import DAY

REGION_LEVELS = (Region.Level.COUNTY, Region.Level.CITY)


def reports_visible_to(user: Any) -> QuerySet[Report]:
    reach = account_rules.scope(user, Capability.VIEW_DATA)
    return (
        Report.objects.select_related("region", "made_by", "final_by")
        .filter(region_id__in=reach.regions)
        .defer("content")
    )


def newest_only(rows: QuerySet[Report]) -> QuerySet[Report]:
    """Keep the newest version of each report."""
    same = Report.objects.filter(
        element=OuterRef("element"), span=OuterRef("span"), region=OuterRef("region"), first=OuterRef("first")
    )
    newest = same.order_by().values("element").annotate(newest=Max("revision")).values("newest")
    return rows.filter(revision=Subquery(newest))


def versions_of(report: Report) -> QuerySet[Report]:
    """Return every version of the same report, newest first."""
    return (
        Report.objects.select_related("made_by", "final_by")
        .filter(element=report.element, span=report.span, region=report.region_id, first=report.first)
        .defer("content")
        .order_by("-revision")
    )


def regions(element: str) -> list[Region]:
    """Return the counties and cities that have data of an element."""
    if element == Report.Element.AIR:
        return [one.region for one in evaluation.air_places()]
    found: list[Region] = []
    seen: list[set[int]] = []
    for region in Region.objects.filter(level__in=REGION_LEVELS).order_by("-code"):
        own = {point.pk for point in evaluation.sections_of(region)}
        # A city whose sections all lie in one county would repeat the county's report.
        if own and own not in seen:
            found.append(region)
            seen.append(own)
    return found


def points_of(report: Report) -> list[int]:
    """Return the points a report speaks of: those that were in service in its period."""
    if report.element == Report.Element.AIR:
        place = evaluation.air_place(report.region, report.first)
        return [point.pk for point in place.points] if place else []
    return [point.pk for point in evaluation.sections_of(report.region, report.first)]


def newer_results(report: Report) -> int:
    """Count results of the period that became known, or were evaluated anew, after the report was made.

    An event of sand dust or an exception that was approved or revoked since counts as one.
    """
    if report.element == Report.Element.AIR:
        kinds: tuple[str, ...] = ("air_day", "air_hour") if report.span == DAY else ("air_day",)
    else:
        kinds = ("water_station_day", "water_sample", "water_month")[: 2 if report.span == DAY else 3]
    points = points_of(report)
    found = evaluation.newer_than(report.made_at, kinds, report.first, report.last, points, report.region_id)
    if report.element == Report.Element.AIR:
        found += deducting.decided_after(report.made_at, report.first, report.last, report.region)
    return found


def rules_have_changed(report: Report) -> bool:
    return report.rulebook != rulebook().version


def corrected_since(report: Report) -> list[str]:
    """Return what of the calculation was corrected after the report was made, where it concerns its data."""
    if report.calculation >= evaluation.calculation_of(report.element):
        return []
    return evaluation.corrected_since(report.calculation, report.element, report.last, points_of(report))


def with_newer(rows: Iterable[Report]) -> list[tuple[Report, int]]:
    """Return reports with the count of results that are newer than they are."""
    return [(row, newer_results(row)) for row in rows]
