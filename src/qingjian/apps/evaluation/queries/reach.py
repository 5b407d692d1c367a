"""What a person may see: points, results, events, changes, exceedances, failures."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.models import Region
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.evaluation import (
    outlets,
)
from qingjian.apps.evaluation.models import (
    AirEvent,
    Evaluation,
    Exceedance,
    Failure,
    RuleChange,
    TrendWarning,
)
from qingjian.apps.network import queries as network
from qingjian.apps.network.models import Point
from qingjian.apps.observing.models import FindingRecord
from qingjian.apps.rulekeeping.queries import rulebook


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


def failures_visible_to(user: Any) -> QuerySet[Failure]:
    """Return what an error stopped: parts of the evaluation as a whole, and points in reach."""
    return Failure.objects.select_related("point").filter(
        Q(point=None) | Q(point__in=points_visible_to(user))
    )


def trend_warnings_visible_to(user: Any) -> QuerySet[TrendWarning]:
    """Return trend warnings of points in reach with the alert made from them."""
    finding = FindingRecord.objects.filter(pk=OuterRef("finding"))
    return (
        TrendWarning.objects.select_related("point__outlet__source", "series__factor")
        .filter(point__in=points_visible_to(user))
        .annotate(alert_id=Subquery(finding.values("alert_id")[:1]))
    )


def outlets_in_reach(user: Any, since: date | None = None) -> list[outlets.Outlet]:
    """Return the monitored outlets a person may see: those that run, and those in service on a day or later."""
    visible = set(points_visible_to(user).values_list("pk", flat=True))
    return [one for one in outlets.outlets(rulebook(), since) if one.point.pk in visible]


def regions_in_reach(user: Any, level: str) -> list[Region]:
    """Return the regions of a level in reach, whether or not stations run in them now."""
    reach = account_rules.scope(user, Capability.VIEW_DATA)
    return list(Region.objects.filter(pk__in=reach.regions, level=level).order_by("code"))
