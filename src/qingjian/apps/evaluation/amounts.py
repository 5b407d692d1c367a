"""Amounts discharged in a year against what the permit allows, with early warning."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from qingjian.apps.evaluation import outlets, words
from qingjian.apps.evaluation.drafts import day_of, midnight
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.network.models import PermitLimit, Point, Series
from qingjian.contracts.current import now
from qingjian.contracts.findings import Finding, finding_id
from qingjian.rulebook import Rulebook
from qingjian.standards.emissions.amounts import PermitStanding, against_permit
from qingjian.standards.errors import EvaluationError


@dataclass(frozen=True)
class Standing:
    """One factor of one outlet in one year. `standing` is None where the amount cannot be worked out."""

    point: Point
    limit: PermitLimit
    series: Series | None
    tonnes: Decimal | None
    hours: int
    skipped: int
    days: int
    elapsed: int
    standing: PermitStanding | None


def standings(
    points: list[Point], year: int, book: Rulebook, known: list[outlets.Outlet] | None = None
) -> list[Standing]:
    """Return the amounts of a year from the stored days of outlets (`known`: the outlets, when the caller has them)."""
    today = day_of(now())
    last = min(today - timedelta(days=1), date(year, 12, 31))
    elapsed = (last - date(year, 1, 1)).days + 1
    if elapsed < 1:
        return []
    rows = Evaluation.objects.filter(
        kind="outlet_day",
        superseded_at=None,
        point__in=points,
        start__gte=midnight(date(year, 1, 1)),
        start__lt=midnight(date(year + 1, 1, 1)),
    )
    sums: dict[tuple[int, str], list[float]] = {}
    for point, result in rows.values_list("point_id", "result"):
        for code, kept in result.get("amounts", {}).items():
            held = sums.setdefault((point, code), [0.0, 0, 0, 0])
            for place, value in enumerate((kept["kg"], kept["hours"], kept["skipped"], 1)):
                held[place] += value
    chosen = {one.pk for one in points}
    found = []
    for outlet in known or outlets.outlets():
        if outlet.point.pk not in chosen:
            continue
        for limit in outlet.amounts(last):
            kilograms, hours, skipped, days = sums.get(
                (outlet.point.pk, limit.factor.wire_code), (0.0, 0, 0, 0)
            )
            series = outlet.series.get(limit.factor.wire_code)
            tonnes = Decimal(repr(round(kilograms / 1000, 6))) if hours else None
            found.append(
                Standing(
                    outlet.point,
                    limit,
                    series,
                    tonnes,
                    int(hours),
                    int(skipped),
                    int(days),
                    elapsed,
                    _standing(tonnes, limit, int(days), year, book),
                )
            )
    return found


def _standing(
    tonnes: Decimal | None, limit: PermitLimit, days: int, year: int, book: Rulebook
) -> PermitStanding | None:
    if tonnes is None or not limit.yearly_amount_t:
        return None
    length = (date(year, 12, 31) - date(year, 1, 1)).days + 1
    try:
        # Projected by the days that have data, not by the calendar: a plant that started in June is not halved.
        return against_permit(
            tonnes, limit.yearly_amount_t, elapsed_days=min(days, length), period_days=length, rulebook=book
        )
    except EvaluationError:
        return None


def warnings(points: set[int] | None, book: Rulebook) -> list[Finding]:
    """State the amounts of this year that come near the permit or pass it."""
    chosen = Point.objects.filter(outlet__isnull=False)
    if points is not None:
        chosen = chosen.filter(pk__in=points)
    year = day_of(now()).year
    start = midnight(date(year, 1, 1))
    found = []
    for one in standings(list(chosen), year, book):
        if one.series is None or one.standing is None or one.standing.standing == "within":
            continue
        severity = "major" if one.standing.standing == "exceeded" else "minor"
        evidence = {
            "tonnes": float(one.tonnes),
            "permitted_t": float(one.limit.yearly_amount_t),
            "used_percent": float(one.standing.used),
            "projected_percent": None if one.standing.projected is None else float(one.standing.projected),
        }
        found.append(
            Finding(
                finding_id(words.AMOUNT_RULE, words.RULE_VERSION, one.series.code, start),
                words.AMOUNT_RULE,
                words.RULE_VERSION,
                one.series.code,
                "series",
                start,
                None,
                severity,
                evidence,
                now(),
            )
        )
    return found
