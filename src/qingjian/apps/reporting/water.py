"""Surface-water reports: classes of sections, targets reached, rivers, against last year."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from qingjian.apps.evaluation import queries as evaluation
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.evaluation.statistics import enough_in_common
from qingjian.apps.network.models import Point
from qingjian.apps.reporting import basis, water_basis
from qingjian.apps.reporting.content import chart, column, listed, number, section, table, text
from qingjian.apps.reporting.water_judged import Judged, judged
from qingjian.contracts.periods import DAY, Period, day_of
from qingjian.rulebook import Rulebook
from qingjian.standards.item_names import ITEM_NAMES
from qingjian.standards.rounding import round_places
from qingjian.standards.words import english

CLASSES = ("Ⅰ", "Ⅱ", "Ⅲ", "Ⅳ", "Ⅴ", "劣Ⅴ")
COLOURS = ("#ccffff", "#00ccff", "#00ff00", "#ffff00", "#ff9b00", "#ff0000")
GOOD = CLASSES[:3]
ITEMS_SHOWN = 6


def class_name(name: str) -> dict[str, str]:
    return text(name, {"劣Ⅴ": "worse than Ⅴ"}.get(name, name))


def build(points: Sequence[Point], region_name: str, period: Period, book: Rulebook) -> dict[str, Any] | None:
    """Return the parts of a report that depend on surface water; None when the period has no result at all."""
    present = judged(points, period)
    if not any(one.cls or one.reasons for one in present):
        return None
    single = period.span == DAY
    base = judged(points, period.before() if single else period.year_before())
    shares, base_shares = (
        Counter(one.cls for one in present if one.cls),
        Counter(one.cls for one in base if one.cls),
    )
    rivers = evaluation.rate_rivers(((one.point, one.entering) for one in present if one.cls), period.last)
    held = evaluation.series_by_point("water", points)
    documents, confidence, alone = basis.documents(water_basis.rule_rows(book, period))
    origins, labels = basis.origins(held, points)
    sections = [_sections(present, base, period), _rivers(rivers, present), _items(present)]
    if any(one.reasons for one in present):
        sections.insert(1, _not_judged(present))
    if len(period.months) > 1:
        sections.insert(1, _months(points, period))
    else:
        sections[0]["chart"] = _bars(shares, base_shares, single)
    return {
        "facts": [
            {"name": text("评价断面", "Sections judged"), "value": f"{sum(shares.values())} / {len(points)}"},
            {"name": text("Ⅰ–Ⅲ类比例", "Classes Ⅰ–Ⅲ"), "value": _percent(shares, GOOD)},
            {"name": text("劣Ⅴ类比例", "Worse than Ⅴ"), "value": _percent(shares, CLASSES[-1:])},
            {"name": text("达标断面", "Targets reached"), "value": _reached(present)},
        ],
        "summary": _summary(region_name, period, present, shares, base_shares, rivers, single),
        "sections": sections,
        "labels": labels,
        "confidence": confidence,
        "may_act_alone": alone,
        "basis": {
            "sections": [
                documents,
                water_basis.completeness(points, present, period),
                water_basis.rejected(points, period),
                origins,
            ]
        },
    }


def _share(shares: Counter[str], names: Sequence[str]) -> Decimal | None:
    whole = sum(shares.values())
    return round_places(Decimal(100 * sum(shares[name] for name in names)) / whole, 1) if whole else None


def _percent(shares: Counter[str], names: Sequence[str]) -> str | None:
    share = _share(shares, names)
    return None if share is None else f"{share}%"


def _reached(present: Sequence[Judged]) -> str | None:
    against = [one for one in present if one.reached is not None]
    return f"{sum(bool(one.reached) for one in against)} / {len(against)}" if against else None


def _summary(
    region: str,
    period: Period,
    present: Sequence[Judged],
    shares: Counter[str],
    base: Counter[str],
    rivers: Sequence[dict[str, Any]],
    single: bool,
) -> list[dict[str, str]]:
    title = period.title()
    count = sum(shares.values())
    listing = "、".join(f"{name}类 {shares[name]} 个" for name in CLASSES if shares[name])
    listing_en = ", ".join(f"{class_name(name)['en']}: {shares[name]}" for name in CLASSES if shares[name])
    lines = [
        text(
            f"{title['zh']}，{region}评价断面 {count} 个：{listing}；Ⅰ–Ⅲ类占 {_percent(shares, GOOD)}，劣Ⅴ类占 {_percent(shares, CLASSES[-1:])}。",
            f"{title['en']}: {count} sections judged in {region}: {listing_en}; classes Ⅰ–Ⅲ {_percent(shares, GOOD)}, worse than Ⅴ {_percent(shares, CLASSES[-1:])}.",
        )
        if count
        else text(
            f"{title['zh']}，{region}没有一个断面的数据足以评价类别，不计算各类比例。",
            f"{title['en']}: no section in {region} has data enough for a class: no shares.",
        )
    ]
    now, before = _share(shares, GOOD), _share(base, GOOD)
    against = ("前一日", "the day before") if single else ("上年同期", "the same period of last year")
    if now is not None and before is not None and not enough_in_common(count, sum(base.values())):
        lines.append(
            text(
                f"{against[0]}评价断面 {sum(base.values())} 个，本期 {count} 个：一方不足另一方的四分之三，不作比较。",
                f"{against[1].capitalize()}: {sum(base.values())} sections judged, now {count}: fewer than three quarters of the other, not compared.",
            )
        )
    elif now is not None and before is not None:
        lines.append(
            text(
                f"{against[0]}Ⅰ–Ⅲ类占 {before}%（{sum(base.values())} 个断面），变化 {now - before:+} 个百分点。",
                f"{against[1].capitalize()}: Ⅰ–Ⅲ {before}% of {sum(base.values())} sections; change {now - before:+} points.",
            )
        )
    elif now is not None:
        lines.append(text(f"{against[0]}没有结果，不作比较。", f"No results of {against[1]}: not compared."))
    missed = [one for one in present if one.reached is False]
    if missed:
        names = "、".join(
            f"{one.point.name}（{one.main.replace(',', '、') or '、'.join(one.decided_by)}）"
            for one in missed
        )
        names_en = ", ".join(
            f"{one.point.name} ({one.main.replace(',', ', ') or ', '.join(one.decided_by)})" for one in missed
        )
        lines.append(text(f"未达到目标：{names}。", f"Target not reached: {names_en}."))
    for one in rivers:
        rating = one["rating"]
        lines.append(
            text(
                f"{_river(one['key'])['zh']}水质{rating.rating}。",
                f"{_river(one['key'])['en']}: {english(rating.rating)}.",
            )
        )
    left_out = [one for one in present if one.reasons]
    if left_out:
        lines.append(
            text(
                f"另有 {len(left_out)} 个断面数据不足，本期不评价：{'、'.join(one.point.name for one in left_out)}。",
                f"Not judged for want of data: {', '.join(one.point.name for one in left_out)}.",
            )
        )
    if any(one.not_measured for one in present):
        lines.append(
            text(
                "部分断面只测了 21 项中的部分项目，类别仅依据所测项目，不等于全项目类别。",
                "Some sections were measured on a part of the 21 items only: their class rests on those and is not the class of all items.",
            )
        )
    return lines


def _river(key: str) -> dict[str, str]:
    return text(key, key) if key else text("未登记河流的断面", "Sections of no registered river")


def _not_judged(present: Sequence[Judged]) -> dict[str, Any]:
    return section(
        text("数据不足未评价的断面", "Sections not judged for want of data"),
        table=table(
            [
                column("断面", "Section"),
                column("有结果的月", "Months with results"),
                column("原因", "Reason"),
            ],
            [
                [
                    one.point.name,
                    listed(f"{month:%Y-%m}" for month in one.months),
                    text("；".join(why.zh for why in one.reasons), "; ".join(why.en for why in one.reasons)),
                ]
                for one in present
                if one.reasons
            ],
        ),
    )


def _sections(present: Sequence[Judged], base: Sequence[Judged], period: Period) -> dict[str, Any]:
    single, several = period.span == DAY, len(period.months) > 1
    earlier = {one.point.pk: one for one in base}
    lines = []
    for one in present:
        before = earlier[one.point.pk]
        lines.append(
            [
                one.point.name,
                one.point.attributes.get("river") or None,
                class_name(one.cls) if one.cls else None,
                one.target or None,
                None
                if one.reached is None
                else text("达标", "reached")
                if one.reached
                else text("未达标", "not reached"),
                listed(one.decided_by),
                listed(one.main.split(",")),
                class_name(before.cls) if before.cls else None,
                f"{len(one.items)}/21",
                *([f"{len(one.months)}/{len(period.months)}"] if several else []),
            ]
        )
    return section(
        text("断面评价", "Sections"),
        note=text(
            "类别按各月均值的算术平均值评定（pH 按氢离子活度平均）；月数为有结果的月/应有月。",
            "The class is that of the arithmetic mean of the months (pH by activity); months: with results of those due.",
        )
        if several
        else None,
        table=table(
            [
                column("断面", "Section"),
                column("河流", "River"),
                column("类别", "Class"),
                column("目标", "Target"),
                column("达标", "Reached"),
                column("定类项目", "Deciding items"),
                column("主要污染指标", "Main items"),
                column("前一日" if single else "上年同期", "Day before" if single else "Last year"),
                column("评价项目", "Items"),
                *([column("月数", "Months")] if several else []),
            ],
            lines,
        ),
    )


def _bars(shares: Counter[str], base: Counter[str], single: bool) -> dict[str, Any]:
    return chart(
        "bars",
        text("各类别断面数", "Sections by class"),
        "",
        [class_name(name) for name in CLASSES],
        [
            {
                "name": text("本期", "This period"),
                "values": [shares[name] for name in CLASSES],
                "colour": "#0f766e",
            },
            {
                "name": text("前一日", "Day before") if single else text("上年同期", "Last year"),
                "values": [base[name] for name in CLASSES],
                "colour": "#a3b8b5",
            },
        ],
    )


def _months(points: Sequence[Point], period: Period) -> dict[str, Any]:
    by_month: dict[date, dict[int, Evaluation]] = {month: {} for month in period.months}
    for row in evaluation.stored("water_month", period.first, period.last, points=points):
        by_month[day_of(row.start)][row.point_id] = row
    counts = {
        month: Counter(row.water_class for row in own.values() if row.water_class)
        for month, own in by_month.items()
    }
    lines = [
        [
            point.name,
            *(
                class_name(own[point.pk].water_class)
                if point.pk in own and own[point.pk].water_class
                else None
                for own in by_month.values()
            ),
        ]
        for point in points
    ]
    return section(
        text("各月类别", "Class by month"),
        table=table(
            [column("断面", "Section"), *(column(f"{one:%m}月", f"{one:%Y-%m}") for one in by_month)], lines
        ),
        chart=chart(
            "stack",
            text("各月各类别断面数", "Sections by class and month"),
            "",
            [f"{month:%m}" for month in by_month],
            [
                {
                    "name": class_name(name),
                    "colour": COLOURS[place],
                    "values": [own[name] for own in counts.values()],
                }
                for place, name in enumerate(CLASSES)
            ],
        ),
    )


def _rivers(rivers: Sequence[dict[str, Any]], present: Sequence[Judged]) -> dict[str, Any]:
    lakes = [one.point.name for one in present if one.cls and evaluation.is_lake(one.point)]
    return section(
        text("河流评价", "Rivers"),
        note=text(
            "断面少于 5 个的河流按各项目均值评价。"
            + (f"湖库点位不参加河流评价：{'、'.join(lakes)}。" if lakes else ""),
            "Rivers of fewer than 5 sections are rated by the means of the items."
            + (f" Lakes and reservoirs are no part of a river: {', '.join(lakes)}." if lakes else ""),
        ),
        table=table(
            [
                column("河流", "River"),
                column("断面数", "Sections"),
                column("水质状况", "Rating"),
                column("Ⅰ–Ⅲ类", "Ⅰ–Ⅲ", "%"),
                column("劣Ⅴ类", "Worse than Ⅴ", "%"),
                column("主要污染指标", "Main items"),
            ],
            [
                [
                    _river(one["key"]),
                    one["rating"].sections,
                    text(one["rating"].rating, english(one["rating"].rating)),
                    number(one["rating"].share_good),
                    number(one["rating"].share_worst),
                    listed(one["rating"].main),
                ]
                for one in rivers
            ],
        ),
    )


def _items(present: Sequence[Judged]) -> dict[str, Any]:
    lines = []
    for one in present:
        worst = sorted(
            one.items, key=lambda item: -CLASSES.index(item["class"]) if item["class"] in CLASSES else 0
        )
        for item in worst[:ITEMS_SHOWN]:
            multiple = item.get("multiple")
            lines.append(
                [
                    one.point.name,
                    _named(item["name"], item["item"]),
                    number(float(item["value"])) if _plain(item["value"]) else item["value"],
                    item["unit"] if item["unit"] != "无量纲" else text("无量纲", "–"),
                    class_name(item["class"]) if item["class"] else None,
                    None if multiple is None else round(multiple, 2),
                ]
            )
    return section(
        text("项目浓度与类别（每断面列类别最差的项目）", "Items (the worst of each section)"),
        table=table(
            [
                column("断面", "Section"),
                column("项目", "Item"),
                column("浓度", "Value"),
                column("单位", "Unit"),
                column("类别", "Class"),
                column("超标倍数", "Times above Ⅲ"),
            ],
            lines,
        ),
    )


def _named(name: str, symbol: str) -> dict[str, str]:
    """Return an item by name and symbol, without saying one of them twice."""
    said = [one if symbol in one else f"{one} {symbol}" for one in (name, ITEM_NAMES.get(name, name))]
    return text(*said)


def _plain(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True
