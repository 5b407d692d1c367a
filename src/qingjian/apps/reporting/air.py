"""Air reports: a day by the hour and station; months, quarters and years by category, statistics and index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from qingjian.apps.evaluation import queries as evaluation
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.network.models import Point
from qingjian.apps.reporting import air_deduction, air_period, basis
from qingjian.apps.reporting.air_words import NO_COLOUR, aqi_of, category, colour_of, unit_of
from qingjian.apps.reporting.content import chart, column, section, table, text
from qingjian.contracts.clock import CHINA
from qingjian.contracts.periods import DAY, Period
from qingjian.rulebook import Row, Rulebook
from qingjian.standards.air.breakpoints import POLLUTANTS
from qingjian.standards.words import english


def build(place: Any, period: Period, book: Rulebook) -> dict[str, Any] | None:
    """Return the parts of a report that depend on air; None when the period has no result at all."""
    days = list(evaluation.stored("air_day", period.first, period.last, region=place.region))
    stations = list(evaluation.stored("air_day", period.first, period.last, points=place.points))
    # A day on which too few stations speak for the region still has those stations to report.
    telling = [*days, *stations] if period.span == DAY else days
    if not days or all(row.aqi is None for row in telling):
        return None
    shown = (
        _day(place, period, days[0], stations, book)
        if period.span == DAY
        else air_period.build(place, period, days, stations, book)
    )
    rows = [*_rule_rows(book, period), *air_deduction.rule_rows(place.region, period, book)]
    held = evaluation.series_by_point("air", place.points)
    documents, confidence, alone = basis.documents(rows)
    origins, labels = basis.origins(held, place.points)
    return {
        **shown,
        "labels": labels,
        "confidence": confidence,
        "may_act_alone": alone,
        "basis": {
            "sections": [
                documents,
                _completeness(place.points, stations, period),
                _rejected(place.points, period),
                origins,
            ]
        },
    }


def _rule_rows(book: Rulebook, period: Period) -> list[Row]:
    found: dict[str, Row] = {}
    for day in {period.first, period.last}:
        for name in ("aqi_levels", "aqi_breakpoints", "data_validity"):
            found.update(
                (row.id, row)
                for row in book.rows(name, day)
                if row.standard in ("GB 3095", "HJ 633", "HJ 663")
            )
        found.update(
            (row.id, row)
            for row in book.rows("ambient_air_limits", day)
            if row.standard == "GB 3095" and row["symbol"] in POLLUTANTS and row["class"] == "二级"
        )
    if period.span != DAY:
        rows = book.rows("composite_index", period.last)
        first = rows[0]["variant"] if rows else ""
        found.update((row.id, row) for row in rows if row["variant"] == first)
    return list(found.values())


# -- a day -------------------------------------------------------------------------------------------------------------


def _said(place: Any, row: Evaluation) -> dict[str, str]:
    if row.aqi is None:
        return text(
            "当日有有效数据的测站不足规定比例，全域没有空气质量指数；各测站结果见下表。",
            "Too few stations have valid data: the region as a whole has no index; the stations are listed below.",
        )
    if not row.publishable:
        return text(
            "当日缺项，其余项目的指数不大于 100：按 HJ 633-2026，空气质量指数为 NA，不评价类别。",
            "An item is missing and the index of the rest is not above 100: by HJ 633-2026 the index is NA, without a category.",
        )
    primary = row.primary.replace(",", "、") or "无"
    return text(
        f"{place.region.name}空气质量指数（AQI）为 {row.aqi}，空气质量{row.category}，首要污染物：{primary}。",
        f"Air quality index of {place.region.name}: {row.aqi}, {english(row.category)}; primary pollutant: {row.primary or 'none'}.",
    )


def _day(
    place: Any, period: Period, row: Evaluation, stations: Sequence[Evaluation], book: Rulebook
) -> dict[str, Any]:
    before = evaluation.stored(
        "air_day", period.before().first, period.before().last, region=place.region
    ).first()
    lines = [
        [
            name,
            unit_of(name),
            evaluation.air_shown(name, row.values["used"].get(name)),
            row.result.get("iaqi", {}).get(name),
            evaluation.air_shown(name, before.values["used"].get(name)) if before else None,
        ]
        for name in POLLUTANTS
    ]
    by_point = {one.point_id: one for one in stations}
    station_lines = [
        [
            point.name,
            aqi_of(one),
            category(one.published_category) if one else None,
            one.published_primary if one else None,
            *(
                evaluation.air_shown(name, one.values["used"].get(name)) if one else None
                for name in POLLUTANTS
            ),
        ]
        for point in place.points
        for one in (by_point.get(point.pk),)
    ]
    hours = list(evaluation.stored("air_hour", period.first, period.last, region=place.region))
    summary = [_said(place, row)]
    if before is not None and before.published_aqi is not None and row.published_aqi is not None:
        summary.append(
            text(
                f"前一日 AQI {before.aqi}（{before.category}），变化 {row.aqi - before.aqi:+d}。",
                f"The day before: AQI {before.aqi} ({english(before.category)}), change {row.aqi - before.aqi:+d}.",
            )
        )
    summary += air_deduction.of_day(place.region, row, book)
    by_hour = {one.start.astimezone(CHINA).hour: one for one in hours}
    values = [by_hour[hour].published_aqi if hour in by_hour else None for hour in range(24)]
    colours = [
        colour_of(by_hour[hour].published_category) if hour in by_hour else NO_COLOUR for hour in range(24)
    ]
    return {
        "facts": [
            {"name": text("AQI", "AQI"), "value": aqi_of(row)},
            {
                "name": text("类别", "Category"),
                "value": "NA"
                if row.aqi is not None and not row.publishable
                else category(row.published_category),
            },
            {
                "name": text("首要污染物", "Primary pollutant"),
                "value": row.published_primary or text("无", "none"),
            },
            {"name": text("参评测站", "Assessed stations"), "value": len(place.points)},
        ],
        "summary": summary,
        "sections": [
            section(
                text("各项污染物", "Pollutants"),
                note=text(
                    "PM10、PM2.5、SO2、NO2、CO 为 24 小时平均，O3 为日最大 8 小时平均。",
                    "24-hour means; ozone: maximum 8-hour mean of the day.",
                ),
                table=table(
                    [
                        column("项目", "Pollutant"),
                        column("单位", "Unit"),
                        column("浓度", "Concentration"),
                        column("分指数", "Sub-index"),
                        column("前一日浓度", "Day before"),
                    ],
                    lines,
                ),
            ),
            section(
                text("逐时空气质量指数", "Index by the hour"),
                chart=chart(
                    "bars",
                    text("逐时 AQI", "AQI by the hour"),
                    "",
                    [f"{hour:02d}" for hour in range(24)],
                    [{"name": text("AQI", "AQI"), "values": values, "colours": colours}],
                ),
            ),
            section(
                text("各测站", "Stations"),
                table=table(
                    [
                        column("测站", "Station"),
                        column("AQI", "AQI"),
                        column("类别", "Category"),
                        column("首要污染物", "Primary pollutant"),
                        *(column(name, name, unit_of(name)) for name in POLLUTANTS),
                    ],
                    station_lines,
                ),
            ),
        ],
    }


# -- basis -------------------------------------------------------------------------------------------------------------


def _completeness(points: Sequence[Point], rows: Sequence[Evaluation], period: Period) -> dict[str, Any]:
    single = period.span == DAY
    due = 24 if single else period.days
    lines = []
    for point in points:
        own = [row for row in rows if row.point_id == point.pk]
        counts = []
        for name in POLLUTANTS:
            if single:
                have = own[0].values.get("hours", {}).get(name, 0) if own else 0
            else:
                have = sum(row.values["used"].get(name) is not None for row in own)
            counts.append(f"{have}/{due}")
        lines.append([point.name, *counts])
    return section(
        text("数据完整性", "Completeness"),
        note=text("有效小时数/应有小时数。", "Valid hours of those due.")
        if single
        else text("有效日数/应有日数。", "Valid days of those due."),
        table=table([column("测站", "Station"), *(column(name, name) for name in POLLUTANTS)], lines),
    )


def _rejected(points: Sequence[Point], period: Period) -> dict[str, Any]:
    names = {point.pk: point.name for point in points}
    counts: Counter[tuple[int, str, str, str]] = Counter()
    rows = evaluation.stored("air_hour", period.first, period.last, points=points)
    for point, values in rows.filter(values__has_key="rejected").values_list("point_id", "values"):
        for item, given in values["rejected"].items():
            counts[point, item, given["zh"], given["en"]] += 1
    return basis.rejected(
        [
            [names[point], item, count, text(zh, en)]
            for (point, item, zh, en), count in sorted(counts.items(), key=lambda pair: -pair[1])
        ]
    )
