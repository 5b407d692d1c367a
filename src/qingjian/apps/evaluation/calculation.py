"""How results are worked out, by version: what each correction of the program changed in them.

A corrected calculation changes no row of the rulebook, so nothing else would tell that earlier results and reports rest on
another one. Reports carry the version they were made with; stored results that a correction touches are evaluated again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Q

from qingjian.apps.evaluation import (
    air,
    air_rules,
    bounds,
    in_service,
    inputs,
    laboratory,
    noise,
    outlets,
    radiation,
    water,
)
from qingjian.apps.evaluation.drafts import day_of
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.network.kinds import kinds_of
from qingjian.apps.network.models import PermitLimit, Point, Series
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.current import now
from qingjian.standards import names
from qingjian.standards.editions import resolve
from qingjian.standards.emissions.oxygen import reference_oxygen
from qingjian.standards.explanation import Text
from qingjian.standards.surface_water.items import STANDARD, item_limits

FIRST = 1
DATED_AHEAD = {
    "water": ("water_station_day", "water_sample", "water_month", "lake_month", "black_odorous"),
    "noise": ("noise_survey",),
    "groundwater": ("groundwater",),
    "drinking": ("drinking",),
    "soil": ("soil",),
    "ecology": ("ecology_year",),
}
"""Kinds of results that were given to values dated in the future, by element."""


@dataclass(frozen=True)
class Calculation:
    """One correction. `points` tells whose stored results become others; without it only what is made of them does."""

    number: int
    elements: tuple[str, ...]
    text: Text
    since: date | None = None
    """Data before this day are not concerned."""
    points: Callable[[str], set[int]] | None = None


def in_other_units(element: str) -> set[int]:
    """Return the points with a series, or a permit limit, in another unit than that of the standard."""
    return {"air": _air, "water": _water, "outlets": _outlets}[element]()


def _air() -> set[int]:
    book = rulebook()
    if not _any_differs("air", names.AIR, {name: air_rules.unit_of(book, name) for name in air.POLLUTANTS}):
        return set()
    return {
        point
        for point, own in air.series_of(air.stations(in_service.EVER)).items()
        if any(_differs(inputs.scaling(one, air_rules.unit_of(book, name))) for name, one in own.items())
    }


def _water() -> set[int]:
    book = rulebook()
    limits = item_limits(book, resolve(book, "surface_water_limits", STANDARD, day_of(now()), None))
    if not _any_differs("water", names.SURFACE_WATER, {item: one.unit for item, one in limits.items()}):
        return set()
    return {
        point
        for point, own in water.series_of(water.sections(in_service.EVER)).items()
        if any(
            _differs(inputs.scaling(one, limits[item].unit)) for item, one in own.items() if item in limits
        )
    }


def _any_differs(element: str, items: Mapping[str, str], units: Mapping[str, str]) -> bool:
    """Say at little cost whether any series at all has another unit than that of its item."""
    rows = Series.objects.filter(point__kind__in=kinds_of(element), factor__wire_code__in=items).order_by()
    return any(
        _differs(inputs.scaling(Series(unit=unit), units[items[code]]))
        for code, unit in rows.values_list("factor__wire_code", "unit").distinct()
        if items[code] in units
    )


def _differs(scaling: inputs.Scaling) -> bool:
    return scaling.factor != 1 or scaling.refused is not None


def _outlets() -> set[int]:
    return {
        outlet.point.pk
        for outlet in outlets.outlets(since=in_service.EVER)
        for limit in outlet.limits
        if (series := outlet.series.get(limit.factor.wire_code)) is not None
        and limit.sides(series.unit) != (limit.upper, limit.lower)
    }


def at_other_oxygen(element: str) -> set[int]:
    """Return the outlets under a standard whose reference oxygen is not the one registered for a series it speaks of."""
    book = rulebook()
    named = [
        (row, wanted)
        for row in book.rows("emission_limits")
        if (wanted := reference_oxygen(row.values.get("condition", ""))) is not None
    ]
    return {
        outlet.point.pk
        for outlet in (outlets.outlets(since=in_service.EVER) if element == "outlets" else ())
        for one in book.rows("outlet_standards", outlet=outlet.point.outlet.code)
        for row, wanted in named
        if row.standard == one.standard
        and one.values.get("class", "") in ("", row.values.get("class", ""))
        and one.values.get("condition", "") in row.values.get("condition", "")
        and any(
            {Decimal(each.value) for each in outlet.oxygen if each.series_id == series.pk} != {wanted}
            for code, series in outlet.series.items()
            if names.FLUE_GAS.get(code, series.factor.name_zh)
            in (row.values.get("symbol"), row["pollutant_cn"])
        )
    }


def ran_again(element: str) -> set[int]:
    """Return the points of an element that stopped and ran again: earlier versions took them to have run throughout."""
    points = Point.objects.filter(kind__in=kinds_of(element))
    if element == "outlets":
        points = Point.objects.filter(outlet__isnull=False)
    out = in_service.pauses(points)
    return {pk for pk, own in out.items() if any(one.last < date.max for one in own)}


def concerned(element: str) -> set[int]:
    """Return the points whose results a correction for all of their kind makes others."""
    points = {
        "air": lambda: air.stations(in_service.EVER),
        "noise": lambda: noise.points(in_service.EVER),
        "outlets": lambda: [one.point for one in outlets.outlets(since=in_service.EVER)],
        "water": lambda: [
            one for one in water.sections(in_service.EVER) if one.attributes.get("black_odorous")
        ],
    }[element]()
    return {one.pk for one in points}


def with_old_faults(element: str) -> set[int]:
    """Return the points whose results version 12 makes others."""
    if element == "radiation":
        return {
            pk
            for pk, (rates, _rain) in radiation.series_of(radiation.points(in_service.EVER)).items()
            if rates
        }
    if element == "groundwater":
        return {one.pk for one in laboratory.points_of("groundwater", in_service.EVER)}
    if element == "outlets":
        return _by_temperature() | _ahead()
    return concerned(element)


def _by_temperature() -> set[int]:
    """Return the outlets under a standard whose limits depend on the water temperature."""
    book = rulebook()
    depending = {
        row.standard
        for row in book.rows("emission_limits")
        if "水温" in f"{row.values.get('pollutant_cn', '')} {row.values.get('condition', '')}"
    }
    named = {row["outlet"] for row in book.rows("outlet_standards") if row.standard in depending}
    return set(Point.objects.filter(outlet__code__in=named).values_list("pk", flat=True))


def _ahead() -> set[int]:
    """Return the outlets with results of hours that have not begun."""
    rows = Evaluation.objects.filter(kind="outlet_hour", superseded_at=None, start__gt=now())
    return set(rows.order_by().values_list("point", flat=True))


def dated_ahead(element: str) -> set[int]:
    """Return the points with results of days that have not come."""
    rows = Evaluation.objects.filter(
        kind__in=DATED_AHEAD[element], superseded_at=None, start__gt=now(), point__isnull=False
    )
    return set(rows.order_by().values_list("point", flat=True))


def judged_by_means(element: str) -> set[int]:
    """Return every point of an element: means stand behind the results of each."""
    found = water.sections() if element == "water" else [one.point for one in outlets.outlets()]
    return {one.pk for one in found}


def with_new_guards(element: str) -> set[int]:
    """Return the points whose results version 14 makes others, or explains otherwise."""
    return concerned("noise") if element == "noise" else judged_by_means("water")


def with_more_limits(element: str) -> set[int]:
    """Return the outlets with a permit limit of a month or a year, and those of which a standard names the class."""
    rows = PermitLimit.objects.filter(averaging__in=bounds.LONG).exclude(upper=None, lower=None)
    classed = {row["outlet"] for row in rulebook().rows("outlet_standards") if row.values.get("class")}
    own = Q(outlet__limits__in=rows) | Q(outlet__code__in=classed)
    return set(Point.objects.filter(own).values_list("pk", flat=True))


CALCULATIONS = (
    Calculation(
        2,
        ("air",),
        Text(
            "AQI 为 NA 的日（HJ 633-2026：缺项且其余项目不超过 100）不再计入优良天数",
            "days whose AQI is NA (HJ 633-2026: an item is missing and the rest is not above 100) no longer count as good days",
        ),
        since=date(2026, 3, 1),
    ),
    Calculation(
        3,
        ("air", "water", "outlets"),
        Text(
            "监测序列和许可限值的单位与标准不同时先换算再评价，不能换算的不参与评价",
            "series and permit limits in another unit than that of the standard are converted first, and left out where they cannot be",
        ),
        points=in_other_units,
    ),
    Calculation(
        4,
        ("water",),
        Text(
            "季、年报告按各月均值评价并含手工监测断面；河流评价只含河流断面，并计入实验室项目",
            "reports of quarters and years rest on the months, hand-sampled sections included; rivers are rated without lakes and with the items of laboratories",
        ),
    ),
    Calculation(
        5,
        ("air",),
        Text(
            "均值按 HJ 633 只修约一次；超日限值天数按各日适用的限值统计；排名与年评价用同一取值",
            "means are rounded once, as HJ 633 asks; days above the limit are counted by the limit in force on each; rankings take the values of the year",
        ),
        points=concerned,
    ),
    Calculation(
        6,
        ("noise",),
        Text(
            "夜间突发噪声超标即超标；不可能的最大声级不再使当日无结论；年评价各点位昼、夜各取最新一次",
            "sudden noise above what is allowed at night exceeds; an impossible highest level takes no day's verdict away; years take the newest level of each point by day and by night",
        ),
        points=concerned,
    ),
    Calculation(
        7,
        ("outlets",),
        Text(
            "负的浓度、流量和不可能的 pH 不参加均值、排放量和超标判定",
            "negative concentrations and flows and an impossible pH enter no mean, amount or exceedance",
        ),
        points=concerned,
    ),
    Calculation(
        8,
        ("water",),
        Text(
            "水深不足 25 cm 时，黑臭透明度按水深的 40% 判定，替代轻度与重度两个限值",
            "in water less deep than 25 cm the transparency is held against 40 % of the depth in place of both limits",
        ),
        points=concerned,
    ),
    Calculation(
        9,
        ("water", "outlets"),
        Text(
            "日均值、月均值和排放量不再先修约到 4 位小数，以全部数字与限值比较（GB/T 8170 全数值比较法）",
            "means of days and months and amounts are no longer rounded to four decimals first: every digit is held against the limit (GB/T 8170)",
        ),
        points=judged_by_means,
    ),
    Calculation(
        10,
        ("outlets",),
        Text(
            "适用标准的基准含氧量与登记的不同时，浓度先换算到标准的基准含氧量再比较；未登记基准含氧量的实测浓度不与其比较",
            "where a standard refers to another oxygen content than the one registered, concentrations are brought to it first; measured ones without any registered are not held against it",
        ),
        points=at_other_oxygen,
    ),
    Calculation(
        11,
        ("air", "water", "outlets", "noise", "radiation"),
        Text(
            "点位停运后又恢复运行的，停运期间的数据不参与评价，也不计入区域、统计和排放量",
            "a point that stopped and runs again counts for no day in between, neither by itself nor in regions, statistics and amounts",
        ),
        points=ran_again,
    ),
    Calculation(
        12,
        ("noise", "radiation", "groundwater", "outlets"),
        Text(
            "声级只修约一次；剂量率先换算单位再取位；未检出的地下水项目不计超标倍数；出水限值随水温而定的按实测水温取用，"
            "水温未知的不认定超标；时间在未来的排口数据不评价",
            "levels of noise are rounded once; dose rates are converted before they lose digits; what was not detected in "
            "groundwater has no multiple; limits of outlets that depend on the water temperature follow the measured one, and "
            "nothing is called an exceedance where it is unknown; hours in the future are not judged",
        ),
        points=with_old_faults,
    ),
    Calculation(
        13,
        ("air",),
        Text(
            "空气统计值先按 HJ 663 修约再与限值比较，日值按指数的修约统计超标天数；上年同期按其适用的版本计算；"
            "扣除事件后缺项且其余项目不超过 100 的日为 NA",
            "statistics of the air are rounded by HJ 663 before they are held against limits, and daily values as the index "
            "rounds them; last year is worked out by its own edition; days that are NA after a deduction are not counted",
        ),
    ),
    Calculation(
        14,
        ("water", "noise"),
        Text(
            "溶解氧高于水中可能含量的值不参与评价；湖库参数为 0 的日写明不参加均值；未检出按规则的系数计；"
            "有效小时不足的日不给出 24 小时等效声级",
            "dissolved oxygen above what water can hold is left out; parameters of lakes that are 0 are named as left out; "
            "non-detects count the share that the rules say; a day with too few valid hours has no level of 24 hours",
        ),
        points=with_new_guards,
    ),
    Calculation(
        15,
        tuple(DATED_AHEAD),
        Text(
            "日期在未来的样品和手工监测不评价，到期后才评价",
            "samples and surveys dated in the future are not judged before their day has come",
        ),
        points=dated_ahead,
    ),
    Calculation(
        16,
        ("outlets",),
        Text(
            "许可证规定的月、年浓度限值和排口样品开始评价；标准中不分级别的限值也适用于按级别执行该标准的排口",
            "concentration limits of permits for months and years and samples of outlets are judged; limits that a standard "
            "sets for every class judge the outlets of each class",
        ),
        points=with_more_limits,
    ),
)


def present(element: str) -> int:
    """Return the version by which an element is worked out now."""
    return max((one.number for one in CALCULATIONS if element in one.elements), default=FIRST)


def newest() -> int:
    return max(one.number for one in CALCULATIONS)


def later_than(
    number: int, element: str | None = None, last: date | None = None, points: Iterable[int] | None = None
) -> list[Calculation]:
    """Return the corrections after a version that concern an element, data up to a day, and any of some points."""
    chosen = None if points is None else set(points)
    return [
        one
        for one in CALCULATIONS
        if one.number > number
        and (element is None or element in one.elements)
        and (last is None or one.since is None or last >= one.since)
        and (
            chosen is None
            or element is None
            or one.points is None
            or not chosen.isdisjoint(one.points(element))
        )
    ]
