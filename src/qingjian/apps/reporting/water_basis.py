"""The basis of a surface-water report: rules, completeness by hours, days, samples or months, and what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from qingjian.apps.evaluation import queries as evaluation
from qingjian.apps.network.models import Point
from qingjian.apps.reporting import basis
from qingjian.apps.reporting.content import column, listed, section, table, text
from qingjian.apps.reporting.water_judged import Judged
from qingjian.contracts.current import now
from qingjian.contracts.periods import DAY, QUARTER, YEAR, Period, day_of
from qingjian.rulebook import Row, Rulebook


def rule_rows(book: Rulebook, period: Period) -> list[Row]:
    own = [*book.rows("surface_water_limits", period.last), *book.rows("water_rating", period.last)]
    least = {QUARTER: "quarter samples", YEAR: "year months"}.get(period.span)
    if least is not None:
        own += book.rows("evaluation_parameters", period.last, subject="time_mean", item=least)
    return own


def completeness(points: Sequence[Point], present: Sequence[Judged], period: Period) -> dict[str, Any]:
    if len(period.months) > 1:
        return _months_missing(present, period)
    single = period.span == DAY
    due = 24 if single else period.days
    sampled: dict[int, set[str]] = {}
    for row in evaluation.stored("water_sample", period.first, period.last, points=points):
        sampled.setdefault(row.point_id, set()).update(row.values.get("used", {}))

    def shown(one: Judged, item: str, count: int) -> str:
        # Samples are taken when the plan says so: no day without one is missing.
        return f"{item} {count}" if item in sampled.get(one.point.pk, ()) else f"{item} {count}/{due}"

    lines = [
        [
            one.point.name,
            listed(shown(one, item, count) for item, count in sorted(one.counts.items())),
            listed(one.not_measured),
        ]
        for one in present
    ]
    return section(
        text("数据完整性", "Completeness"),
        note=text("有效小时数/应有小时数。", "Valid hours of those due.")
        if single
        else text(
            "自动监测为有效日数/应有日数；手工监测为样品数。",
            "Of stations: valid days of those due; of samples taken by hand: their number.",
        ),
        table=table(
            [
                column("断面", "Section"),
                column("项目", "Items"),
                column("21 项中未测", "Of the 21 not measured"),
            ],
            lines,
        ),
    )


def _months_missing(present: Sequence[Judged], period: Period) -> dict[str, Any]:
    """Return which months a section lacks and how many each item has."""
    today = day_of(now())
    due = [month for month in period.months if month <= today]
    lines = [
        [
            one.point.name,
            one.samples or None,
            listed(f"{month:%Y-%m}" for month in due if month not in one.months),
            listed(f"{item} {count}/{len(due)}" for item, count in sorted(one.counts.items())),
            listed(one.not_measured),
        ]
        for one in present
    ]
    return section(
        text("数据完整性", "Completeness"),
        note=text(
            "项目后为有结果的月数/应有月数；样品数对自动站为有效日数。",
            "Behind an item: months with a result of those due; samples of a station are its valid days.",
        ),
        table=table(
            [
                column("断面", "Section"),
                column("样品数", "Samples"),
                column("缺少的月", "Months missing"),
                column("项目", "Items"),
                column("21 项中未测", "Of the 21 not measured"),
            ],
            lines,
        ),
    )


def rejected(points: Sequence[Point], period: Period) -> dict[str, Any]:
    names = {point.pk: point.name for point in points}
    counts: Counter[tuple[int, str, str, str]] = Counter()
    for kind in ("water_station_day", "water_sample"):
        rows = evaluation.stored(kind, period.first, period.last, points=points)
        for point, values in rows.filter(values__has_key="rejected").values_list("point_id", "values"):
            for item, given in values["rejected"].items():
                zh, en = given["zh"].split(": ", 1)[-1], given["en"].split(": ", 1)[-1]
                counts[point, item, zh, en] += 1
    return basis.rejected(
        [
            [names[point], item, text(f"{count} 天", f"{count} days"), text(zh, en)]
            for (point, item, zh, en), count in sorted(counts.items(), key=lambda pair: -pair[1])
        ]
    )
