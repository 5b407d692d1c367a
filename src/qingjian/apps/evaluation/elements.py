"""The elements: their points, the statistics they are made of, and how a stretch of natural days is evaluated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from qingjian.apps.evaluation import (
    air,
    approaches,
    ecology,
    exceedances,
    in_service,
    laboratory,
    noise,
    noise_alerts,
    outlet_periods,
    outlet_samples,
    outlets,
    radiation,
    samples,
    station_trends,
    water,
)
from qingjian.apps.evaluation.bounds import LONG
from qingjian.apps.evaluation.drafts import Chosen, Draft, day_of, midnight, month_of, next_month
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.network.models import Point
from qingjian.rulebook import Row, Rulebook

AIR, WATER, OUTLETS = "air", "water", "outlets"
BACK_HISTORY = timedelta(days=1100)
"""How far back is looked for hourly data that were never evaluated."""
LONG_HISTORY = timedelta(days=25 * 366)
"""Samples and years are few: all of them are evaluated."""


@dataclass(frozen=True)
class Element:
    """One element: its points, and how a stretch of natural days is evaluated."""

    name: str
    title: Promise
    points: Callable[[], Sequence[Point]]
    """Every point of it, those that run no more among them: data of their days in service may still come."""
    evaluate: Callable[[Rulebook, date, date, datetime, Chosen], Iterator[Draft]]
    after: Callable[[set[int] | None, Rulebook], None] | None = None
    together: bool = False
    """Whether points enter what is made of several, so that any of them can spoil the evaluation of another."""
    statistics: tuple[str, ...] = ("hour",)
    back: timedelta = BACK_HISTORY
    tables: tuple[str, ...] = ()
    """Tables of the rulebook whose rows decide its results; a change of a row evaluates again what it touches."""
    subjects: tuple[str, ...] = ()
    """Subjects of `evaluation_parameters` that do."""
    kinds: tuple[str, ...] = ()
    """Kinds of its stored results."""

    def rests_on(self, row: Row) -> bool:
        """Say whether a row of the rulebook decides results of this element."""
        return row.table in self.tables or (
            row.table == "evaluation_parameters" and row["subject"] in self.subjects
        )


def _air(book: Rulebook, first: date, last: date, until: datetime, chosen: Chosen) -> Iterator[Draft]:
    # A region is the mean of its stations: all of them are read even when only one has changed.
    stations = [one for one in air.stations(first) if chosen.stands(one.pk)]
    block = air.Block(book, stations, first, last)
    hours = block.hourly(midnight(first), min(until, midnight(last + timedelta(days=1))))
    yield from in_service.served(hours, block.out)
    ended = min(last, day_of(until) - timedelta(days=1))
    if ended >= first:
        yield from in_service.served(block.daily(first, ended), block.out)


def _water(book: Rulebook, first: date, last: date, until: datetime, chosen: Chosen) -> Iterator[Draft]:
    points = [one for one in water.sections(first) if chosen.has(one.pk)]
    out = in_service.pauses(points)
    fresh: dict[tuple[int, date], dict[str, float]] = {}
    sampled: dict[tuple[int, date], dict[str, float]] = {}
    begun = min(last, day_of(until))  # what is dated later waits for its day
    days = water.Block(book, points, first, begun).daily() if first <= begun else iter(())
    for draft in in_service.served(days, out):
        fresh[draft.point, day_of(draft.start)] = draft.values["used"]
        yield draft
    for sample in samples.read(points, first, begun, laboratory.surface_item):
        if sample.given or sample.rejected:
            draft = water.sampled(sample, book)
            sampled[sample.point.pk, sample.day] = draft.values["used"]
            yield draft
    urban = [one for one in points if one.attributes.get("black_odorous")]
    yield from laboratory.evaluate(
        urban, laboratory.black_odorous_item, laboratory.black_odorous_sample, book, first, begun
    )
    month = month_of(first)
    while month <= begun:
        yield from _water_month(book, points, month, until, fresh, sampled)
        month = next_month(month)


def _water_month(
    book: Rulebook,
    points: Sequence[Point],
    month: date,
    until: datetime,
    fresh: dict[tuple[int, date], dict[str, float]],
    sampled: dict[tuple[int, date], dict[str, float]],
) -> Iterator[Draft]:
    """Yield the month of every section from its days and samples, stored ones and those just made, that have begun."""
    stored = Evaluation.objects.filter(
        kind__in=("water_station_day", "water_sample"),
        superseded_at=None,
        point__in=points,
        start__gte=midnight(month),
        start__lt=midnight(next_month(month)),
        start__lte=until,
    )
    days: dict[str, dict[tuple[int, date], dict[str, float]]] = {"water_station_day": {}, "water_sample": {}}
    for kind, point, start, values in stored.values_list("kind", "point_id", "start", "values"):
        days[kind][point, day_of(start)] = values["used"]
    for kind, new in (("water_station_day", fresh), ("water_sample", sampled)):
        days[kind].update({key: used for key, used in new.items() if month_of(key[1]) == month})
    for one in points:
        own, samples_of = (
            [used for (pk, _day), used in sorted(days[kind].items()) if pk == one.pk]
            for kind in ("water_station_day", "water_sample")
        )
        if own or samples_of:
            yield water.monthly(book, one, month, own, samples_of)
        if laboratory.water_body(one) == "lake":
            trophic = laboratory.lake_month(one, month, [*own, *samples_of], book)
            if trophic is not None:
                yield trophic


def _samples(
    element: str, item_of: samples.ItemOf, judge: laboratory.Judge
) -> Callable[[Rulebook, date, date, datetime, Chosen], Iterator[Draft]]:
    """Return the evaluation of an element of which every sample is judged by itself."""

    def evaluate(book: Rulebook, first: date, last: date, until: datetime, chosen: Chosen) -> Iterator[Draft]:
        points = [one for one in laboratory.points_of(element, first) if chosen.has(one.pk)]
        return laboratory.evaluate(points, item_of, judge, book, first, min(last, day_of(until)))

    return evaluate


def _outlets(book: Rulebook, first: date, last: date, until: datetime, chosen: Chosen) -> Iterator[Draft]:
    found = [one for one in outlets.outlets(book, first) if chosen.has(one.point.pk)]
    out = in_service.pauses([one.point for one in found])
    block = outlets.Block(book, found, first, last)
    # An hour that has not begun is the word of a clock that is wrong: nothing is exceeded in the future.
    hours = [one for one in in_service.served(block.hourly(), out) if one.start < until]
    yield from hours
    yield from _no_longer(hours, found, first, last)
    ended = min(last, day_of(until) - timedelta(days=1))
    days = (one for one in block.daily() if day_of(one.start) <= ended)
    yield from in_service.served(days, out)
    yield from outlet_periods.evaluate(book, first, last, day_of(until), chosen)
    # A sample dated later waits for its day.
    yield from in_service.served(outlet_samples.evaluate(book, found, first, min(last, day_of(until))), out)


def _no_longer(hours: list[Draft], found: list[outlets.Outlet], first: date, last: date) -> Iterator[Draft]:
    """Yield a statement for hours that exceeded before and do not any more: late data took the value back."""
    still = {(one.point, one.start) for one in hours}
    before = Evaluation.objects.filter(
        kind="outlet_hour",
        superseded_at=None,
        point__in=[one.point for one in found],
        start__gte=midnight(first),
        start__lt=midnight(last + timedelta(days=1)),
    )
    for row in before:
        if (row.point_id, row.start) not in still:
            yield Draft(
                "outlet_hour",
                row.point_id,
                row.region_id,
                row.start,
                "",
                {"used": {}},
                "S",
                exceeds=False,
                result={"items": []},
            )


def _after_outlets(points: set[int] | None, book: Rulebook) -> None:
    exceedances.rebuild(points, book)
    approaches.rebuild(points, book)


AIR_TABLES = ("ambient_air_limits", "aqi_breakpoints", "aqi_levels", "data_validity")
WATER_TABLES = ("surface_water_limits", "water_rating", "tli")
ELEMENT_RULES = {
    one.name: one
    for one in (
        Element(
            AIR,
            _("Air"),
            lambda: air.stations(in_service.EVER),
            _air,
            station_trends.rebuild_air,
            together=True,
            tables=AIR_TABLES,
            subjects=("decimals",),
            kinds=("air_hour", "air_day"),
        ),
        Element(
            WATER,
            _("Surface water"),
            lambda: water.sections(in_service.EVER),
            _water,
            station_trends.rebuild_water,
            statistics=("hour", "day"),
            tables=WATER_TABLES,
            subjects=("black_odorous", "class_evaluation", "possible_value", "main_pollutants", "decimals"),
            kinds=("water_station_day", "water_sample", "water_month", "lake_month", "black_odorous"),
        ),
        Element(
            OUTLETS,
            _("Outlets"),
            lambda: [one.point for one in outlets.outlets(since=in_service.EVER)],
            _outlets,
            _after_outlets,
            tables=("emission_limits", "outlet_standards"),
            subjects=(
                "reference_oxygen",
                *(f"{medium}_{name}" for medium in ("gas", "water") for name in ("day", *LONG)),
                "flue_gas_state",
            ),
            statistics=("hour", "day"),
            kinds=("outlet_hour", "outlet_day", "outlet_month", "outlet_year", "outlet_sample"),
        ),
        Element(
            "noise",
            _("Noise"),
            lambda: noise.points(in_service.EVER),
            noise.evaluate,
            noise_alerts.state_findings,
            together=True,
            statistics=("hour", "day"),
            tables=("noise_limits", "noise_rating_hj640"),
            subjects=("noise_day",),
            kinds=("noise_day", "noise_survey", "noise_area_year", "noise_road_year"),
        ),
        Element(
            "radiation",
            _("Radiation"),
            lambda: radiation.points(in_service.EVER),
            radiation.evaluate,
            radiation.state_findings,
            subjects=("dose_rate",),
            kinds=("radiation_day",),
        ),
        Element(
            "groundwater",
            _("Groundwater"),
            lambda: laboratory.points_of("groundwater", in_service.EVER),
            _samples("groundwater", laboratory.groundwater_item, laboratory.groundwater_sample),
            statistics=("day",),
            back=LONG_HISTORY,
            tables=("groundwater_limits",),
            kinds=("groundwater",),
        ),
        Element(
            "drinking",
            _("Drinking-water sources"),
            lambda: laboratory.points_of("drinking", in_service.EVER),
            _samples("drinking", laboratory.drinking_item, laboratory.drinking_sample),
            statistics=("day",),
            back=LONG_HISTORY,
            tables=("surface_water_limits", "groundwater_limits"),
            subjects=("drinking_water", "class_evaluation", "possible_value"),
            kinds=("drinking",),
        ),
        Element(
            "soil",
            _("Soil and farmland"),
            lambda: laboratory.points_of("soil", in_service.EVER),
            _samples("soil", laboratory.soil_item, laboratory.soil_sample),
            statistics=("day",),
            back=LONG_HISTORY,
            tables=("soil_limits_agri", "soil_limits_construction"),
            kinds=("soil",),
        ),
        Element(
            "ecology",
            _("Ecology"),
            lambda: ecology.points(in_service.EVER),
            ecology.evaluate,
            statistics=("year",),
            back=LONG_HISTORY,
            tables=("eqi", "eqi_indicators"),
            kinds=("ecology_year",),
        ),
    )
}
