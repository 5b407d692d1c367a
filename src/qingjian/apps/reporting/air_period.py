"""Air over a month, quarter or year: categories, statistics, composite index, ranking, attainment, against last year."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from qingjian.apps.evaluation import queries as evaluation
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.reporting.air_words import (
    CATEGORIES,
    COLOURS,
    GOOD,
    NO_COLOUR,
    category,
    colour_of,
    unit_of,
)
from qingjian.apps.reporting.content import chart, column, number, section, table, text
from qingjian.apps.reporting.periods import YEAR, Period, day_of
from qingjian.rulebook import Rulebook
from qingjian.standards.air.breakpoints import POLLUTANTS
from qingjian.standards.air.composite import CompositeIndex, composite_index
from qingjian.standards.air.ranking import change_rate, rank
from qingjian.standards.air.statistics import (
    Attainment,
    attainment,
    decimals,
    percentile,
    percentile_rank,
    yearly,
)
from qingjian.standards.editions import Basis
from qingjian.standards.errors import EvaluationError
from qingjian.standards.limits import applicable
from qingjian.standards.rounding import round_places

RANKED = ("CO", "O3")
"""Pollutants whose period value is a percentile of the daily values."""
WORST_SHOWN = 10
DAILY = {"O3": "日最大8小时平均"}


def statistics(
    rows: Sequence[Evaluation], on: date, book: Rulebook
) -> dict[str, tuple[Decimal, int, int, int]]:
    """Return by pollutant (period value rounded by the edition, valid days, days above the daily limit, percentile or 0)."""
    found = {}
    for name in POLLUTANTS:
        values = [
            Decimal(str(row.values["used"][name])) for row in rows if row.values["used"].get(name) is not None
        ]
        if not values:
            continue
        places = decimals(book, Basis(on), name)[0]
        ranked = percentile_rank(book, Basis(on), name)[0] if name in RANKED else 0
        value = percentile(values, ranked) if ranked else sum(values, Decimal(0)) / len(values)
        limit = daily_limit(name, on, book)
        above = sum(value > limit for value in values) if limit is not None else 0
        found[name] = (round_places(value, places), len(values), above, ranked)
    return found


def daily_limit(name: str, on: date, book: Rulebook) -> Decimal | None:
    return _limit(name, DAILY.get(name, "日平均"), on, book)


def _limit(name: str, averaging: str, on: date, book: Rulebook) -> Decimal | None:
    rows = applicable("air", name, on=on, category="二级", averaging_period=averaging, rulebook=book)
    return rows[0].upper if rows else None


def index_of(
    found: dict[str, tuple[Decimal, int, int, int]], on: date, book: Rulebook, variant: str | None = None
) -> CompositeIndex | None:
    try:
        return composite_index(
            {name: one[0] for name, one in found.items()},
            on=None if variant else on,
            variant=variant,
            rulebook=book,
        )
    except EvaluationError:
        return None


def rate_of(counts: Counter[str]) -> Decimal | None:
    """Return the share of good days in %, one decimal; None without a day."""
    return _rate(counts) if counts.total() else None


def _rate(counts: Counter[str]) -> Decimal:
    return round_places(Decimal(100 * sum(counts[name] for name in GOOD)) / counts.total(), 1)


def _change(present: Any, before: Any) -> float | int | None:
    if present is None or before is None or before <= 0:
        return None
    return number(change_rate(Decimal(str(present)), Decimal(str(before))))


def build(
    place: Any, period: Period, days: Sequence[Evaluation], stations: Sequence[Evaluation], book: Rulebook
) -> dict[str, Any]:
    earlier = period.year_before()
    base_days = list(evaluation.stored("air_day", earlier.first, earlier.last, region=place.region))
    counts = Counter(row.category for row in days if row.category)
    base_counts = Counter(row.category for row in base_days if row.category)
    found = statistics(days, period.last, book)
    base = statistics(base_days, period.last, book)
    index = index_of(found, period.last, book)
    base_index = index_of(base, period.last, book, index.variant) if index else None
    rate, base_rate = rate_of(counts), rate_of(base_counts)
    judged = _attainment(place, period, days, book) if period.span == YEAR else None
    sections = [
        _pollutants(found, base, period, book),
        _categories(counts, base_counts, period, days),
        _calendar(period, days),
        _primary(days),
        _worst(days),
        _stations(place, period, stations, book, index.variant if index else None),
    ]
    if judged is not None:
        sections.insert(1, _judged(judged))
    return {
        "facts": [
            {"name": text("优良天数比例", "Good days"), "value": f"{rate}%" if rate is not None else None},
            {
                "name": text("上年同期", "Last year"),
                "value": f"{base_rate}%" if base_rate is not None else None,
            },
            {"name": text("综合指数", "Composite index"), "value": number(index.value) if index else None},
            {
                "name": text("有效天数", "Days with an AQI"),
                "value": f"{sum(counts.values())} / {period.days}",
            },
        ],
        "summary": _summary(place, period, counts, base_counts, found, base, index, base_index),
        "sections": sections,
    }


def _summary(
    place: Any,
    period: Period,
    counts: Counter[str],
    base_counts: Counter[str],
    found: dict[str, Any],
    base: dict[str, Any],
    index: CompositeIndex | None,
    base_index: CompositeIndex | None,
) -> list[dict[str, str]]:
    days, good = sum(counts.values()), sum(counts[name] for name in GOOD)
    title = period.title()
    lines = [
        text(
            f"{title['zh']}，{place.region.name}有效监测 {days} 天，优良 {good} 天，比例 {rate_of(counts)}%；重度及以上污染 {counts['重度污染'] + counts['严重污染']} 天。",
            f"{title['en']}: {days} days with an AQI in {place.region.name}, {good} good or better ({rate_of(counts)}%), {counts['重度污染'] + counts['严重污染']} heavily polluted or worse.",
        )
    ]
    if base_counts:
        rate, base_rate = _rate(counts), _rate(base_counts)
        lines.append(
            text(
                f"上年同期有效 {sum(base_counts.values())} 天，优良比例 {base_rate}%，同比变化 {rate - base_rate:+} 个百分点。",
                f"Same period of last year: {sum(base_counts.values())} days, {base_rate}% good; change {rate - base_rate:+} points.",
            )
        )
    else:
        lines.append(
            text("上年同期没有结果，不作比较。", "The same period of last year has no results: not compared.")
        )
    if index is not None:
        provisional = (
            "（2026 年版暂无官方算法，按暂行方案计算）",
            " (no official rule for 2026 is known: provisional)",
        )
        change = _change(index.value, base_index.value if base_index else None)
        lines.append(
            text(
                f"综合指数 {index.value}{provisional[0] if index.provisional else ''}，"
                + (f"同比变化 {change:+}%，" if change is not None else "")
                + f"贡献最大：{'、'.join(index.largest)}。",
                f"Composite index {index.value}{provisional[1] if index.provisional else ''}"
                + (f", {change:+}% against last year" if change is not None else "")
                + f"; largest part: {', '.join(index.largest)}.",
            )
        )
    missing = [name for name in POLLUTANTS if name not in found]
    if missing:
        lines.append(
            text(
                f"缺少 {'、'.join(missing)} 的有效数据，不计算综合指数。",
                f"No valid data of {', '.join(missing)}: no composite index.",
            )
        )
    return lines


def _pollutants(
    found: dict[str, Any], base: dict[str, Any], period: Period, book: Rulebook
) -> dict[str, Any]:
    lines = []
    for name in POLLUTANTS:
        if name not in found:
            lines.append([name, None, None, None, None, None, None, None])
            continue
        value, valid, above, ranked = found[name]
        earlier = base[name][0] if name in base else None
        limit = daily_limit(name, period.last, book) if ranked else _limit(name, "年平均", period.last, book)
        lines.append(
            [
                f"{name} ({unit_of(name)})",
                text(f"第 {ranked} 百分位数", f"P{ranked}") if ranked else text("平均", "mean"),
                number(value),
                number(limit),
                number(earlier),
                _change(value, earlier),
                valid,
                above,
            ]
        )
    names = [name for name in POLLUTANTS if name in found]
    return section(
        text("六项污染物", "Six pollutants"),
        note=text(
            "CO、O3 取日值的百分位数。限值为二级；月、季的值仅与年限值并列，不作达标判定。",
            "CO and O3: percentile of the daily values. Limits of grade 2; values of a month or quarter stand beside the yearly limit and are not judged.",
        ),
        table=table(
            [
                column("项目", "Pollutant"),
                column("统计量", "Statistic"),
                column("本期", "Value"),
                column("限值", "Limit"),
                column("上年同期", "Last year"),
                column("同比", "Change", "%"),
                column("有效天数", "Valid days"),
                column("超日限值天数", "Days above the daily limit"),
            ],
            lines,
        ),
        chart=chart(
            "bars",
            text("与上年同期比较（CO 为 mg/m³×10）", "Against last year (CO in mg/m³ × 10)"),
            "μg/m³",
            names,
            [
                {
                    "name": text("本期", "This period"),
                    "colour": "#0f766e",
                    "values": [_scaled(name, found) for name in names],
                },
                {
                    "name": text("上年同期", "Last year"),
                    "colour": "#a3b8b5",
                    "values": [_scaled(name, base) for name in names],
                },
            ],
        ),
    )


def _scaled(name: str, found: dict[str, Any]) -> float | int | None:
    if name not in found:
        return None
    return number(found[name][0] * 10 if name == "CO" else found[name][0])


def _categories(
    counts: Counter[str], base: Counter[str], period: Period, days: Sequence[Evaluation]
) -> dict[str, Any]:
    lines = [[category(name), counts[name], base[name]] for name in CATEGORIES]
    shown = None
    if len(period.months) > 1:
        by_month = {
            month: Counter(row.category for row in days if row.category and _month(row) == month)
            for month in period.months
        }
        shown = chart(
            "stack",
            text("各月各级别天数", "Days by category and month"),
            "",
            [f"{month:%m}" for month in by_month],
            [
                {
                    "name": category(name),
                    "colour": COLOURS[place],
                    "values": [own[name] for own in by_month.values()],
                }
                for place, name in enumerate(CATEGORIES)
            ],
        )
    return section(
        text("各级别天数", "Days by category"),
        table=table(
            [column("级别", "Category"), column("本期", "Days"), column("上年同期", "Last year")], lines
        ),
        chart=shown,
    )


def _month(row: Evaluation) -> date:
    return day_of(row.start).replace(day=1)


def _calendar(period: Period, days: Sequence[Evaluation]) -> dict[str, Any]:
    by_day = {day_of(row.start): row for row in days}
    every = [period.first + timedelta(days=place) for place in range(period.days)]
    rows = [by_day.get(day) for day in every]
    return section(
        text("逐日空气质量指数", "Index by the day"),
        note=text("空缺为没有有效指数的日子。", "Gaps are days without a valid index."),
        chart=chart(
            "bars",
            text("逐日 AQI", "AQI by the day"),
            "",
            [f"{day:%d}" if len(period.months) == 1 else f"{day:%m-%d}" for day in every],
            [
                {
                    "name": text("AQI", "AQI"),
                    "values": [row.aqi if row else None for row in rows],
                    "colours": [colour_of(row.category) if row else NO_COLOUR for row in rows],
                }
            ],
        ),
    )


def _primary(days: Sequence[Evaluation]) -> dict[str, Any]:
    counts = Counter(name for row in days for name in row.primary.split(",") if name)
    return section(
        text("首要污染物天数", "Days by primary pollutant"),
        note=None if counts else text("没有出现首要污染物。", "No primary pollutant occurred."),
        table=table(
            [column("首要污染物", "Primary pollutant"), column("天数", "Days")],
            [[name, count] for name, count in counts.most_common()],
        )
        if counts
        else None,
    )


def _worst(days: Sequence[Evaluation]) -> dict[str, Any]:
    worst = sorted((row for row in days if row.aqi is not None and row.aqi > 100), key=lambda row: -row.aqi)
    return section(
        text("超标日", "Days above 100"),
        note=None if worst else text("没有超标日。", "There was none."),
        table=table(
            [
                column("日期", "Day"),
                column("AQI", "AQI"),
                column("级别", "Category"),
                column("首要污染物", "Primary pollutant"),
            ],
            [
                [day_of(row.start).isoformat(), row.aqi, category(row.category), row.primary]
                for row in worst[:WORST_SHOWN]
            ],
        )
        if worst
        else None,
    )


def _stations(
    place: Any, period: Period, rows: Sequence[Evaluation], book: Rulebook, variant: str | None
) -> dict[str, Any]:
    by_point: dict[int, list[Evaluation]] = {}
    for row in rows:
        by_point.setdefault(row.point_id, []).append(row)
    own = {point: statistics(by_point.get(point.pk, []), period.last, book) for point in place.points}
    indices = {point: index_of(found, period.last, book, variant) for point, found in own.items()}
    ranked = {
        one.name: one.rank
        for one in rank({point.name: index.value for point, index in indices.items() if index is not None})
    }
    lines = []
    for point in sorted(place.points, key=lambda one: (ranked.get(one.name, 999), one.name)):
        counts = Counter(row.category for row in by_point.get(point.pk, ()) if row.category)
        rate = rate_of(counts)
        index = indices[point]
        lines.append(
            [
                ranked.get(point.name),
                point.name,
                number(index.value) if index else None,
                f"{rate}%" if rate is not None else None,
                sum(counts.values()),
                *(number(own[point][name][0]) if name in own[point] else None for name in POLLUTANTS),
            ]
        )
    return section(
        text("测站比较", "Stations compared"),
        table=table(
            [
                column("排名", "Rank"),
                column("测站", "Station"),
                column("综合指数", "Composite index"),
                column("优良比例", "Good days"),
                column("有效天数", "Days"),
                *(column(name, name, unit_of(name)) for name in POLLUTANTS),
            ],
            lines,
        ),
    )


def _attainment(place: Any, period: Period, days: Sequence[Evaluation], book: Rulebook) -> Attainment | None:
    found = {}
    for name in POLLUTANTS:
        values = {day_of(row.start): row.values["used"].get(name) for row in days}
        if any(value is not None for value in values.values()):
            found[name] = yearly(name, values, period.first.year, rulebook=book)
    return attainment(found) if found else None


def _judged(judged: Attainment) -> dict[str, Any]:
    verdict = {
        True: text("达标", "met"),
        False: text("未达标", "not met"),
        None: text("不能判定", "cannot be judged"),
    }
    return section(
        text("年度达标评价", "Annual attainment"),
        note=text(
            f"结论：{verdict[judged.attained]['zh']}。未达标：{'、'.join(judged.not_met) or '无'}；不能判定：{'、'.join(judged.not_judged) or '无'}。",
            f"Result: {verdict[judged.attained]['en']}. Not met: {', '.join(judged.not_met) or 'none'}; not judged: {', '.join(judged.not_judged) or 'none'}.",
        ),
        table=table(
            [
                column("项目", "Pollutant"),
                column("有效天数", "Valid days"),
                column("有效", "Valid year"),
                column("结论", "Result"),
                column("说明", "Reason"),
            ],
            [
                [
                    name,
                    one.valid_days,
                    one.valid,
                    verdict[one.attained],
                    text("；".join(r.zh for r in one.reasons), "; ".join(r.en for r in one.reasons))
                    if one.reasons
                    else None,
                ]
                for name, one in judged.pollutants.items()
            ],
        ),
    )
