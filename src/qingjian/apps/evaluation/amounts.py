"""Amounts discharged in a year against what the permit allows, with early warning."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from qingjian.apps.evaluation import outlets, words
from qingjian.apps.evaluation.drafts import day_of, midnight, settled
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.network.models import PermitLimit, Point, Series
from qingjian.apps.observing.models import FindingRecord
from qingjian.contracts.current import now
from qingjian.contracts.findings import Finding, finding_id
from qingjian.rulebook import Rulebook
from qingjian.standards.emissions.amounts import PermitStanding, against_permit
from qingjian.standards.errors import EvaluationError
from qingjian.standards.explanation import Text


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
    problem: Text | None = None
    """Why no amount can be worked out, where something is registered so that it cannot."""


def problem_of(outlet: outlets.Outlet, series: Series | None) -> Text | None:
    """Return why the amounts of a factor cannot be worked out; None where they can."""
    if series is None:
        return Text("该因子没有监测序列", "the factor is not measured")
    if outlet.flow is None:
        return Text("没有流量序列", "no flow is measured")
    flow, unit = outlet.flow.unit, series.unit
    if outlets.cubic_metres_per_hour(flow) is None:
        return Text(
            f"流量单位 {flow or '（空）'} 不能换算为 m³/h（质量流量需密度，标态体积须登记为 m³/h 并注明状态）",
            f"a flow in {flow or '(empty)'} cannot be brought to m³/h: a mass needs a density, a volume at standard state is registered in m³/h with its state",
        )
    if outlets.grams_per_cubic_metre(unit) is None:
        return Text(
            f"浓度单位 {unit or '（空）'} 不能换算为质量浓度",
            f"a concentration in {unit or '(empty)'} is no mass in a volume",
        )
    return None


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
    for outlet in known or outlets.outlets(book, date(year, 1, 1)):
        if outlet.point.pk not in chosen:
            continue
        for limit in outlet.amounts(last):
            kilograms, hours, skipped, days = sums.get(
                (outlet.point.pk, limit.factor.wire_code), (0.0, 0, 0, 0)
            )
            series = outlet.series.get(limit.factor.wire_code)
            tonnes = Decimal(repr(settled(kilograms / 1000))) if hours else None
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
                    problem_of(outlet, series) if tonnes is None else None,
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
            tonnes,
            limit.yearly_amount_t,
            elapsed_days=min(days, length),
            period_days=length,
            rulebook=book.on(min(day_of(now()), date(year, 12, 31))),
        )
    except EvaluationError:
        return None


def warnings(points: set[int] | None, book: Rulebook) -> list[Finding]:
    """State the amounts of this year that come near the permit or pass it; end what was stated and holds no longer.

    A warning ends with its year, or when late data, marks or another permit bring the amount back.
    """
    chosen = Point.objects.filter(outlet__isnull=False)
    if points is not None:
        chosen = chosen.filter(pk__in=points)
    year = day_of(now()).year
    start = midnight(date(year, 1, 1))
    found = {}
    for one in standings(list(chosen), year, book):
        if one.series is None or one.standing is None or one.standing.standing == "within":
            continue
        severity = "major" if one.standing.standing == "exceeded" else "minor"
        stated = _finding(one.series.code, start, None, severity, _evidence(one))
        found[stated.id] = stated
    codes = Series.objects.filter(point__in=chosen).values_list("code", flat=True)
    open_ = FindingRecord.objects.filter(rule=words.AMOUNT_RULE, subject__in=codes, end=None)
    for record in open_.exclude(pk__in=found):
        ended = midnight(date(day_of(record.start).year + 1, 1, 1))
        over = record.start < start
        evidence = record.evidence if over else {**record.evidence, "withdrawn": True}
        end = ended if over else now()
        # By the id it has: the same moment told in another zone would make another id.
        found[record.pk] = replace(
            _finding(record.subject, record.start, end, record.severity if over else "minor", evidence),
            id=record.pk,
        )
    return list(found.values())


def _evidence(one: Standing) -> dict[str, float | None]:
    if one.standing is None or one.tonnes is None or one.limit.yearly_amount_t is None:
        return {}
    return {
        "tonnes": float(one.tonnes),
        "permitted_t": float(one.limit.yearly_amount_t),
        "used_percent": float(one.standing.used),
        "projected_percent": None if one.standing.projected is None else float(one.standing.projected),
    }


def _finding(
    code: str, start: datetime, end: datetime | None, severity: str, evidence: dict[str, Any]
) -> Finding:
    return Finding(
        finding_id(words.AMOUNT_RULE, words.RULE_VERSION, code, start),
        words.AMOUNT_RULE,
        words.RULE_VERSION,
        code,
        "series",
        start,
        end,
        severity,
        evidence,
        now(),
    )
