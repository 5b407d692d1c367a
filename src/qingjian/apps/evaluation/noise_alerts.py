"""Findings of noise stations: a day or night whose level lies above the limit of its functional zone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from qingjian.apps.evaluation import noise, words
from qingjian.apps.evaluation.exceedances import ALERTED_FOR
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.network.models import Point, Series
from qingjian.apps.observing import stores
from qingjian.contracts.current import now
from qingjian.contracts.findings import Finding, finding_id
from qingjian.rulebook import Rulebook

DAY = timedelta(days=1)
MAJOR_FROM = 5.0
"""dB(A) above the limit from which the finding is major (house rule)."""


def state_findings(chosen: set[int] | None, book: Rulebook) -> None:
    """State a finding for every recent day of a station above its zone's limit, and end one that fell away."""
    moment = now()
    own = [one for one in noise.points() if chosen is None or one.pk in chosen]
    rows = Evaluation.objects.filter(
        kind="noise_day", point__in=own, start__gt=moment - ALERTED_FOR
    ).order_by("start", "revision")
    codes = _codes(own)
    stated: dict[tuple[int, datetime], Finding] = {}
    for row in rows.defer("trace", "values"):
        key = (row.point_id, row.start)
        if row.point_id not in codes:
            continue
        if row.exceeds:
            stated[key] = _finding(row, codes[row.point_id], moment)
        elif key in stated:
            stated[key] = replace(
                stated[key], severity="minor", evidence={**stated[key].evidence, "withdrawn": True}
            )
    stores.findings().append(list(stated.values()))


def _codes(points: list[Point]) -> dict[int, str]:
    return {
        series.point_id: series.code
        for series in Series.objects.filter(
            point__in=points, medium="noise", factor__wire_code="Leq"
        ).order_by("-pk")
    }


def _finding(row: Evaluation, code: str, moment: datetime) -> Finding:
    excess = {name: value for name, value in row.result.get("excess", {}).items() if value}
    levels = [
        f"{name} {row.result['levels'][name]:g} > {row.result['limits'][name]:g} dB(A)" for name in excess
    ]
    sudden = row.result.get("sudden", {})
    if sudden.get("attained") is False:
        excess["LMx"] = sudden["value"] - sudden["limit"]
        levels.append(f"LMx {sudden['value']:g} > {sudden['limit']:g} dB(A)")
    worst = max(excess.values(), default=0.0)
    return Finding(
        finding_id(words.NOISE_RULE, words.RULE_VERSION, code, row.start),
        words.NOISE_RULE,
        words.RULE_VERSION,
        code,
        "series",
        row.start,
        row.start + DAY,
        "major" if worst >= MAJOR_FROM else "minor",
        {
            "evaluation": row.pk,
            "zone": row.result["zone"],
            "levels": ", ".join(levels),
            "excess": worst,
        },
        moment,
    )
