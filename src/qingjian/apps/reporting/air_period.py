"""Air over a month, quarter or year: categories, statistics, composite index, ranking, attainment, against last year."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from qingjian.apps.evaluation import queries as evaluation
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.evaluation.rankings import distinct, needed_days
from qingjian.apps.evaluation.statistics import enough_in_common
from qingjian.apps.reporting import air_deduction
from qingjian.apps.reporting.air_attained import VERDICTS, attainment_of, judged_section
from qingjian.apps.reporting.air_figures import Figures, Statistics, figures, yearly_limit
from qingjian.apps.reporting.air_words import (
    CATEGORIES,
    COLOURS,
    NO_COLOUR,
    category,
    colour_of,
    unit_of,
)
from qingjian.apps.reporting.content import Text, chart, column, number, section, table, text
from qingjian.contracts.periods import YEAR, Period, day_of
from qingjian.rulebook import Rulebook
from qingjian.standards.air.breakpoints import POLLUTANTS
from qingjian.standards.air.ranking import change_rate, rank
from qingjian.standards.air.statistics import Attainment, daily_limit

WORST_SHOWN = 10


def _change(present: Any, before: Any) -> float | int | None:
    if present is None or before is None or before <= 0:
        return None
    return number(change_rate(Decimal(str(present)), Decimal(str(before))))


def build(
    place: Any, period: Period, days: Sequence[Evaluation], stations: Sequence[Evaluation], book: Rulebook
) -> dict[str, Any]:
    earlier = period.year_before()
    base_days = list(evaluation.stored("air_day", earlier.first, earlier.known_last, region=place.region))
    present = figures(days, period.last, book)
    variant = present.index.variant if present.index else None
    base = figures(base_days, earlier.last, book, variant)
    out = air_deduction.taken_out(place, period, days, base_days, stations, book, variant)
    judged = attainment_of(period, days, book) if period.span == YEAR else None
    before = attainment_of(earlier, base_days, book) if judged is not None else None
    sections = [
        _pollutants(present.found, base.found, period, book, judged, before),
        _categories(present.counts, base.counts, period, days),
        _calendar(period, days),
        _primary(days),
        _worst(days),
        _stations(place, period, stations, out.stations if out else None, book, variant),
    ]
    if out is not None:
        sections.insert(1, air_deduction.compared(present, base, out))
        sections.insert(2, air_deduction.events(out))
    if judged is not None:
        sections.insert(1, judged_section(judged))
        if out is not None:
            sections.insert(
                2,
                judged_section(
                    attainment_of(period, out.days, book),
                    text("年度达标评价（扣除后）", "Annual attainment after deduction"),
                ),
            )
    return {
        "facts": [
            {
                "name": text("优良天数比例", "Good days"),
                "value": f"{present.rate}%" if present.rate is not None else None,
            },
            {"name": text("上年同期", "Last year"), "value": _last_year(present, base)},
            {
                "name": text("综合指数", "Composite index"),
                "value": number(present.index.value) if present.index else None,
            },
            {
                "name": text("有效天数", "Days with an AQI"),
                "value": f"{present.days} / {period.days}",
            },
            *(air_deduction.facts(out) if out else ()),
        ],
        "summary": [
            *_summary(place, period, present, base, book),
            *(air_deduction.summary(present, out) if out else ()),
        ],
        "sections": sections,
    }


def _last_year(present: Figures, base: Figures) -> Any:
    if base.rate is None:
        return None
    if enough_in_common(present.days, base.days):
        return f"{base.rate}%"
    return text(
        f"{base.rate}%（有效 {base.days} 天，不作比较）", f"{base.rate}% ({base.days} days, not compared)"
    )


def _summary(
    place: Any, period: Period, present: Figures, base: Figures, book: Rulebook
) -> list[dict[str, str]]:
    title, found, index = period.title(), present.found, present.index
    lines = [
        text(
            f"{title['zh']}，{place.region.name}有效监测 {present.days} 天，优良 {present.good} 天，比例 {present.rate}%；重度及以上污染 {present.heavy} 天。",
            f"{title['en']}: {present.days} days with an AQI in {place.region.name}, {present.good} good or better ({present.rate}%), {present.heavy} heavily polluted or worse.",
        )
        if present.rate is not None
        else text(
            f"{title['zh']}，{place.region.name}没有一天的 AQI 可以发布（缺项，见“各级别天数”），不计算优良天数比例。",
            f"{title['en']}: no day of {place.region.name} has an AQI that is published (an item is missing, see “Days by category”): no share of good days.",
        )
    ]
    if present.rate is not None and base.rate is not None:
        until = period.year_before().until
        known = (f"（截至 {until.isoformat()}）", f" (up to {until.isoformat()})") if until else ("", "")
        lines.append(
            text(
                f"上年同期{known[0]}有效 {base.days} 天，本期 {present.days} 天：一方不足另一方的四分之三，不作比较。",
                f"Same period of last year{known[1]}: {base.days} days, this one {present.days}: fewer than three quarters of the other, not compared.",
            )
            if not enough_in_common(present.days, base.days)
            else text(
                f"上年同期{known[0]}有效 {base.days} 天，优良比例 {base.rate}%，同比变化 {present.rate - base.rate:+} 个百分点。",
                f"Same period of last year{known[1]}: {base.days} days, {base.rate}% good; change {present.rate - base.rate:+} points.",
            )
        )
    elif present.rate is not None:
        lines.append(
            text("上年同期没有结果，不作比较。", "The same period of last year has no results: not compared.")
        )
    editions = sorted({*present.editions, *base.editions})
    if len(editions) > 1:
        names = "、".join(editions), ", ".join(editions)
        lines.append(
            text(
                f"各日级别按当日适用的 {names[0]} 评定：换版前后限值不同，优良比例的变化含换版影响。",
                f"Days are graded by the edition in force on each of them ({names[1]}): limits differ, so that a part of any change of the share of good days is the change of edition.",
            )
        )
    if index is not None:
        provisional = (
            "（2026 年版暂无官方算法，按暂行方案计算）",
            " (no official rule for 2026 is known: provisional)",
        )
        comparable = enough_in_common(present.valid, base.valid)
        change = _change(index.value, base.index.value if base.index and comparable else None)
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
        needed = needed_days(period.first, period.last, period.until is not None, present.valid, book)
        if present.valid < needed:
            lines.append(
                text(
                    f"有效天数最少的一项只有 {present.valid} 天，不足 {needed} 天：综合指数和各项统计值不能代表全期，也不参与排名。",
                    f"The pollutant with fewest valid days has {present.valid}, fewer than {needed}: index and statistics do not stand for the whole period and are not ranked.",
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
    found: Statistics,
    base: Statistics,
    period: Period,
    book: Rulebook,
    judged: Attainment | None = None,
    before: Attainment | None = None,
) -> dict[str, Any]:
    """The values of a period; a year has the percentile beside the mean, and a verdict that holds for both (HJ 663)."""
    years = judged.pollutants if judged is not None else {}
    earlier_years = before.pollutants if before is not None else {}
    lines: list[list[Any]] = []
    for name in POLLUTANTS:
        if name not in found:
            lines.append([name, *[None] * (8 if years else 7)])
            continue
        value, valid, above, ranked = found[name]
        earlier = base[name][0] if name in base else None
        common = name in base and enough_in_common(valid, base[name][1])
        limit = (
            daily_limit(name, period.last, rulebook=book) if ranked else yearly_limit(name, period.last, book)
        )
        year = years.get(name)
        lines.append(
            [
                f"{name} ({unit_of(name)})",
                _percentile(ranked) if ranked else text("平均", "mean"),
                number(value),
                number(limit),
                number(earlier),
                _change(value, earlier) if common else None,
                valid,
                above,
                *([VERDICTS[year.attained] if year else None] if years else ()),
            ]
        )
        if year is not None and not ranked:
            other = earlier_years.get(name)
            was = other.percentile_rounded if other else None
            lines.append(
                [
                    f"{name} ({unit_of(name)})",
                    _percentile(year.percentile_rank),
                    number(year.percentile_rounded),
                    number(year.percentile_limit),
                    number(was),
                    _change(year.percentile_rounded, was) if common else None,
                    valid,
                    above,
                    VERDICTS[year.attained],
                ]
            )
    names = [name for name in POLLUTANTS if name in found]
    return section(
        text("六项污染物", "Six pollutants"),
        note=text(
            (
                "CO、O3 取日值的百分位数，其余项目取平均与百分位数，两者均达标方为达标。限值为二级。"
                if years
                else "CO、O3 取日值的百分位数。限值为二级；月、季的值仅与年限值并列，不作达标判定。"
            )
            + "超日限值天数按各日适用的日限值统计。同比仅在两期有效天数相互不少于四分之三时给出。",
            (
                "CO and O3: percentile of the daily values; the others: mean and percentile, met only if both are. Limits of grade 2."
                if years
                else "CO and O3: percentile of the daily values. Limits of grade 2; values of a month or quarter stand beside the yearly limit and are not judged."
            )
            + " Days are counted by the daily limit in force on each of them."
            " A change is given only where each period has three quarters of the valid days of the other.",
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
                *([column("结论", "Result")] if years else ()),
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


def _percentile(rank: int) -> Text:
    return text(f"第 {rank} 百分位数", f"P{rank}")


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
            month: Counter(
                row.published_category for row in days if row.published_category and _month(row) == month
            )
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
    missing = sum(row.aqi is not None and not row.publishable for row in days)
    return section(
        text("各级别天数", "Days by category"),
        note=text(
            f"另有 {missing} 天因缺项且其余项目的指数不大于 100，按 HJ 633-2026 为 NA，不计入。",
            f"Not counted: {missing} days of NA by HJ 633-2026 (an item missing, the index of the rest not above 100).",
        )
        if missing
        else None,
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
                    "values": [row.published_aqi if row else None for row in rows],
                    "colours": [colour_of(row.published_category) if row else NO_COLOUR for row in rows],
                }
            ],
        ),
    )


def _primary(days: Sequence[Evaluation]) -> dict[str, Any]:
    counts = Counter(name for row in days for name in row.published_primary.split(",") if name)
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
    place: Any,
    period: Period,
    rows: Sequence[Evaluation],
    reduced: Sequence[Evaluation] | None,
    book: Rulebook,
    variant: str | None,
) -> dict[str, Any]:
    """Compare the stations; where events were taken out, their rank rests on what is left (环办监测〔2016〕120号)."""
    own = _by_point(place, rows, period, book, variant)
    ranked_on = own if reduced is None else _by_point(place, reduced, period, book, variant)
    most = max((one.valid for one in own.values()), default=0)
    needed = needed_days(period.first, period.last, period.until is not None, most, book)
    ranked = {
        int(one.name): one.rank
        for one in rank(
            {
                str(pk): one.index.value
                for pk, one in ranked_on.items()
                if one.index is not None and own[pk].valid >= needed
            }
        )
    }
    names = distinct({one.pk: (one.name, one.region.name, one.code) for one in place.points})
    lines = []
    for pk in sorted(names, key=lambda pk: (ranked.get(pk, len(names) + 1), names[pk])):
        one, other = own[pk], ranked_on[pk]
        after = [number(other.index.value) if other.index else None] if reduced is not None else []
        lines.append(
            [
                ranked.get(pk),
                names[pk],
                number(one.index.value) if one.index else None,
                *after,
                f"{one.rate}%" if one.rate is not None else None,
                one.days,
                *(number(one.found[name][0]) if name in one.found else None for name in POLLUTANTS),
            ]
        )
    more = [column("扣除后指数", "Index after deduction")] if reduced is not None else []
    few = sorted(names[pk] for pk, one in own.items() if one.index is not None and one.valid < needed)
    notes = [text("排名按扣除后的指数。", "Ranked by the index after deduction.")] if more else []
    if few:
        notes.append(
            text(
                f"有效天数（取最少的一项）不足 {needed} 天，不参与排名：{'、'.join(few)}。",
                f"Fewer than {needed} valid days (of the pollutant with fewest), not ranked: {', '.join(few)}.",
            )
        )
    return section(
        text("测站比较", "Stations compared"),
        note=text("".join(one["zh"] for one in notes), " ".join(one["en"] for one in notes))
        if notes
        else None,
        table=table(
            [
                column("排名", "Rank"),
                column("测站", "Station"),
                column("综合指数", "Composite index"),
                *more,
                column("优良比例", "Good days"),
                column("有效天数", "Days"),
                *(column(name, name, unit_of(name)) for name in POLLUTANTS),
            ],
            lines,
        ),
    )


def _by_point(
    place: Any, rows: Sequence[Evaluation], period: Period, book: Rulebook, variant: str | None
) -> dict[int, Figures]:
    held: dict[int, list[Evaluation]] = {}
    for row in rows:
        held.setdefault(row.point_id, []).append(row)
    return {point.pk: figures(held.get(point.pk, []), period.last, book, variant) for point in place.points}
