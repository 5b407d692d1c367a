"""Further reads of surface water: basins, change against last year, trends, and the water quality index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from qingjian.apps.evaluation import laboratory, queries, rivers, water
from qingjian.apps.evaluation.drafts import day_of, midnight, month_of, next_month, short
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.network.models import Point
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.current import now
from qingjian.standards.air.ranking import change_rate
from qingjian.standards.errors import EvaluationError
from qingjian.standards.surface_water.cwqi import WaterIndex, body_index, city_index
from qingjian.standards.surface_water.items import ASSESSED, STANDARD
from qingjian.standards.surface_water.rating import RiverRating
from qingjian.standards.surface_water.trend import (
    PeriodShares,
    SpearmanTrend,
    TwoPeriodTrend,
    spearman,
    two_periods,
)

TREND_MONTHS = 24
LEAST_MONTHS = 5


def months_of(points: Iterable[Point], first: date, last: date) -> list[Evaluation]:
    """Return the months of sections from the month of `first` to that of `last`."""
    rows = queries.current("water_month").filter(
        point__in=list(points),
        start__gte=midnight(month_of(first)),
        start__lt=midnight(next_month(last)),
    )
    return list(rows.defer("trace").order_by("start"))


# -- rivers and basins -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Body:
    """A river or basin this year so far against the same months of last year."""

    name: str
    key: str
    sections: list[Point]
    present: RiverRating
    before: RiverRating | None
    trend: TwoPeriodTrend | None
    months: int


def bodies(sections: Sequence[dict[str, Any]], attribute: str = "basin") -> list[Body]:
    """Rate every basin (or river) by the means of its sections this year, and compare with last year."""
    groups: dict[str, list[Point]] = {}
    for one in sections:
        name = one["point"].attributes.get(attribute)
        if name and laboratory.water_body(one["point"]) == "river":
            groups.setdefault(name, []).append(one["point"])
    today = day_of(now())
    found = []
    for name, points in sorted(groups.items()):
        rows = months_of(points, date(today.year - 1, 1, 1), today)
        present, months = _rated(rows, date(today.year, 1, 1), today)
        if present is None:
            continue
        before, _months = _rated(rows, date(today.year - 1, 1, 1), today.replace(year=today.year - 1, day=1))
        trend = None
        if before is not None:
            try:
                trend = two_periods(_shares(before), _shares(present), rulebook=rulebook().on(today))
            except EvaluationError:
                trend = None
        found.append(Body(name, name, points, present, before, trend, months))
    return found


def _rated(rows: Sequence[Evaluation], first: date, last: date) -> tuple[RiverRating | None, int]:
    own: dict[int, list[Evaluation]] = {}
    for row in rows:
        if first <= day_of(row.start) <= last:
            own.setdefault(row.point_id, []).append(row)
    means = [rivers.means_of(months, last, "so_far", rulebook()) for months in own.values()]
    items = [one.values() for one in means if one is not None]
    rating = rivers.rating_of(items, last, rulebook()) if items else None
    if rating is None:
        return None, 0
    return rating, max(len(months) for months in own.values())


def _shares(rating: RiverRating) -> PeriodShares:
    return PeriodShares(rating.share_good, rating.share_worst, rating.rating)


# -- trend of a section ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ItemTrend:
    """Rank correlation of the monthly values of one item with time."""

    item: str
    trend: SpearmanTrend
    first: float
    last: float
    worse: bool | None
    """True where a significant change is one for the worse."""


def trends(point: Point) -> list[ItemTrend]:
    """Return the trends of the items of a section over up to two years of months."""
    today = day_of(now())
    rows = months_of([point], today.replace(year=today.year - 2, day=1), today)[-TREND_MONTHS:]
    found = []
    for item in sorted({item for row in rows for item in water.entering(row)}):
        values = [value for row in rows if (value := water.entering(row).get(item)) is not None]
        if len(values) < LEAST_MONTHS or len(set(values)) == 1:
            continue
        trend = spearman([Decimal(str(value)) for value in values], rulebook=rulebook())
        rising = trend.direction == "rising"
        worse = None if trend.direction == "none" or item == "pH" else rising != (item == "DO")
        found.append(ItemTrend(item, trend, values[0], values[-1], worse))
    return sorted(found, key=lambda one: one.trend.direction == "none")


def items_of(months: Sequence[Evaluation]) -> list[str]:
    """Return the items of a section's months, those that decided the newest one first."""
    deciding = list(months[0].result.get("decided_by", ())) if months else []
    rest = sorted({item for row in months for item in row.values.get("used", {})} - set(deciding))
    return [*deciding, *rest]


def _shown(row: Evaluation, item: str) -> float | int | None:
    value = row.values["used"].get(item)
    return None if value is None else short(value)


def section_chart(point: Point, item: str) -> dict[str, Any]:
    """Return the monthly values of one item with the limits of classes Ⅱ to Ⅴ."""
    today = day_of(now())
    rows = months_of([point], today.replace(year=today.year - 2, day=1), today)
    body = laboratory.water_body(point)
    other = "湖、库" if body == "river" else "河流"
    limits = [
        (row["class"], float(row["limit"]))
        for row in rulebook().rows("surface_water_limits", today, standard=STANDARD, symbol=item)
        if row["op"] != "range"
        and row["class"] in ("Ⅱ", "Ⅲ", "Ⅳ", "Ⅴ")
        and not (item == "TP" and other in row["condition"])
    ]
    unit = next(
        (one["unit"] for row in reversed(rows) for one in row.result.get("items", ()) if one["item"] == item),
        "",
    )
    return {
        "x": [int(row.start.timestamp() * 1000) for row in rows],
        "lines": [{"name": item, "values": [_shown(row, item) for row in rows]}],
        "limits": [{"name": _("class %(name)s") % {"name": name}, "value": value} for name, value in limits],
        "unit": "" if unit == "无量纲" else unit,
        "step": "month",
        "texts": {"no_data": _("No data in this period.")},
    }


# -- water quality index -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Indexed:
    """One section, or the county as a whole, in the ranking of a month."""

    name: str
    point: Point | None
    index: WaterIndex
    rank: int | None
    """None where fewer than the 21 items were measured: such an index compares with nothing."""
    before: Decimal | None
    change: Decimal | None


def index_months(user: Any) -> list[date]:
    """Return the months with sections, newest first."""
    points = [one["point"].pk for one in queries.water_sections(user)]
    starts = (
        queries.current("water_month")
        .filter(point__in=points, start__lte=now())
        .values_list("start", flat=True)
    )
    return sorted({day_of(start) for start in starts.distinct()}, reverse=True)[:24]


@dataclass(frozen=True)
class Indices:
    """The ranking of a month; lower is better.

    The whole is formed from the sections with all 21 items, rivers and lakes by their number.
    """

    lines: list[Indexed]
    whole: Decimal | None
    undefined: list[tuple[Point, str]]
    """Sections that have no index though they were measured, and why: the worst there are may be among them."""


def indices(user: Any, month: date) -> Indices:
    """Rank the sections of a month by their index."""
    points = {one["point"].pk: one["point"] for one in queries.water_sections(user)}
    present, undefined = _indices(points, month)
    before, _undefined = _indices(points, month.replace(year=month.year - 1))
    complete = sorted(value.value for value in present.values() if not value.missing)
    found = []
    for pk, index in present.items():
        earlier = before.get(pk)
        same = earlier is not None and earlier.missing == index.missing
        found.append(
            Indexed(
                points[pk].name,
                points[pk],
                index,
                None if index.missing else complete.index(index.value) + 1,
                earlier.value if earlier is not None and same else None,
                change_rate(index.value, earlier.value)
                if earlier is not None and same and earlier.value
                else None,
            )
        )
    found.sort(key=lambda one: (one.rank is None, one.rank or 0, one.index.value))
    return Indices(
        found,
        _whole(points, month),
        sorted(((points[pk], why) for pk, why in undefined.items()), key=lambda one: one[0].code),
    )


def _indices(points: dict[int, Point], month: date) -> tuple[dict[int, WaterIndex], dict[int, str]]:
    found, undefined = {}, {}
    for row in months_of(points.values(), month, month):
        point = points[row.point_id]
        items = {item: value for item, value in water.entering(row).items() if item in ASSESSED}
        try:
            found[point.pk] = body_index(
                [items],
                month,
                water_body=laboratory.water_body(point),
                allow_missing=True,
                rulebook=rulebook(),
            )
        except EvaluationError as error:
            undefined[point.pk] = str(getattr(error, queries.language()))
    return found, undefined


def _whole(points: dict[int, Point], month: date) -> Decimal | None:
    complete: dict[str, list[dict[str, float]]] = {"river": [], "lake": []}
    for row in months_of(points.values(), month, month):
        items = {item: value for item, value in water.entering(row).items() if item in ASSESSED}
        if len(items) == len(ASSESSED):
            complete[laboratory.water_body(points[row.point_id])].append(items)
    try:
        parts = {
            body: body_index(
                own, month, water_body="lake" if body == "lake" else "river", rulebook=rulebook()
            ).exact
            for body, own in complete.items()
            if own
        }
    except EvaluationError:
        return None  # the sections that spoil it are named
    if not parts:
        return None
    return city_index(parts.get("river"), len(complete["river"]), parts.get("lake"), len(complete["lake"]))
