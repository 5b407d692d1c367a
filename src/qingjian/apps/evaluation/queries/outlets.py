"""Outlets at a glance, and what became of the warnings about them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db.models import Count, Max, QuerySet, Sum

from qingjian.apps.evaluation import (
    amounts,
    outlets,
)
from qingjian.apps.evaluation.bounds import depends_on_temperature
from qingjian.apps.evaluation.drafts import day_of
from qingjian.apps.evaluation.exceedances import RIGHT_NOW
from qingjian.apps.evaluation.models import (
    Evaluation,
    Exceedance,
    TrendWarning,
)
from qingjian.apps.evaluation.queries.reach import exceedances_visible_to, points_visible_to
from qingjian.apps.evaluation.queries.results import current, label_of
from qingjian.apps.network.models import Factor, Point
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.current import now

OVERVIEW_DAYS = 30


def factor_names(codes: Iterable[str]) -> dict[str, str]:
    """Return the names of factors of outlets by their HJ 212 code."""
    rows = Factor.objects.filter(wire_code__in=list(codes), medium__in=("waste_water", "flue_gas"))
    return {one.wire_code: str(one) for one in rows}


def warning_record(warnings: QuerySet[TrendWarning]) -> dict[str, int]:
    """Count what became of warnings: how many were right, how many false."""
    counts = dict(warnings.order_by().values_list("outcome").annotate(n=Count("pk")))
    return {name: counts.get(name, 0) for name in TrendWarning.Outcome.values}


def newest_exceedances(user: Any, point: Point) -> list[Exceedance]:
    """Return the exceedances of an outlet that the overview counts, newest first, those that are marked included."""
    since = now() - timedelta(days=OVERVIEW_DAYS)
    return list(exceedances_visible_to(user).filter(point=point, end__gt=since).order_by("-start"))


def outlet_overview(user: Any, code: str = "") -> list[dict[str, Any]]:
    """Return each outlet in reach (`code`: of one point) with its exceedances of the last days and its amounts of this year."""
    visible = set(points_visible_to(user).values_list("pk", flat=True))
    chosen = [one for one in outlets.outlets() if one.point.pk in visible and code in ("", one.point.code)]
    moment = now()
    since = moment - timedelta(days=OVERVIEW_DAYS)
    runs = exceedances_visible_to(user).filter(point__in=[one.point for one in chosen], end__gt=since)
    counted = runs.filter(marked=False)
    counts = {
        row["point"]: {**row, "periods": {}}
        for row in counted.values("point").annotate(runs=Count("pk"), worst=Max("multiple"))
    }
    # Hours, days and months do not add up: each is told by itself.
    for row in counted.order_by().values("point", "averaging").annotate(periods=Sum("periods")):
        counts[row["point"]]["periods"][row["averaging"]] = row["periods"]
    running = {row.point_id for row in runs if row.running and not row.marked and row.averaging in RIGHT_NOW}
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
    sampled = dict(
        current("outlet_sample")
        .filter(point__in=[one.point for one in chosen])
        .order_by("start")
        .values_list("point", "pk")
    )
    rows = Evaluation.objects.defer("trace").in_bulk([*newest.values(), *sampled.values()])
    depending: dict[int, int] = {}  # days on which nobody can say whether they exceed
    days = current("outlet_day").filter(point__in=[one.point for one in chosen], start__gt=since)
    for point, result in days.values_list("point", "result"):
        if any(depends_on_temperature(item) for item in result.get("items", ())):
            depending[point] = depending.get(point, 0) + 1
    return [
        {
            "outlet": one,
            "point": one.point,
            "counts": counts.get(one.point.pk),
            "running": one.point.pk in running,
            "marked": marked.get(one.point.pk, 0),
            "amounts": standing.get(one.point.pk, []),
            "day": rows.get(newest.get(one.point.pk)),
            "sample": rows.get(sampled.get(one.point.pk)),
            "by_temperature": depending.get(one.point.pk, 0),
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
