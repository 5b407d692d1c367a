"""Pages per element: which points and results each shows, and how a result is said in a word and a colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from qingjian.apps.evaluation import laboratory, queries, words
from qingjian.apps.evaluation.drafts import day_of, midnight
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.network.kinds import kinds_of
from qingjian.apps.network.models import Point
from qingjian.contracts.current import now
from qingjian.standards import noise as noise_standard
from qingjian.standards.errors import EvaluationError
from qingjian.standards.surface_water.drinking_water import SourceRates, rates

CHIPS = 12
LINES = 400
"""Results of one point on its page and in its export."""
LEVELS = {"green": 1, "orange": 4, "red": 5}


@dataclass(frozen=True, slots=True)
class Face:
    """A result in a word; `level` 0–6 is the colour of its class, `bad` says that it misses what is asked for."""

    text: str
    level: int
    bad: bool = False


@dataclass(frozen=True)
class Sheet:
    """One page: `kinds` of results newest first decides what a point shows; `every` is the usual step of its data."""

    name: str
    element: str
    title: Promise
    icon: str
    kinds: tuple[str, ...]
    help: Promise
    empty: Promise
    step: str = "day"
    chosen: Callable[[Point], bool] = lambda point: True
    regions: tuple[str, ...] = ()
    """Kinds of results of whole regions, shown above the points."""
    group: str = ""
    """Name of the group of tabs it belongs to."""


SHEETS = {
    one.name: one
    for one in (
        Sheet(
            "lakes",
            "water",
            gettext_lazy("Lakes and reservoirs"),
            "droplet",
            ("lake_month",),
            gettext_lazy(
                "Trophic level index from chlorophyll a, total phosphorus, total nitrogen, transparency and permanganate index, by month. The class of a lake stands on its section page."
            ),
            gettext_lazy("No lake or reservoir lies in your reach."),
            step="month",
            chosen=lambda point: laboratory.water_body(point) == "lake",
            group="water",
        ),
        Sheet(
            "black-odorous",
            "water",
            gettext_lazy("Black-odorous water"),
            "droplet-exclamation",
            ("black_odorous",),
            gettext_lazy(
                "Urban waters by dissolved oxygen, ammonia and transparency. A water is listed once its point carries the attribute black_odorous."
            ),
            gettext_lazy("No point carries the attribute black_odorous."),
            chosen=lambda point: bool(point.attributes.get("black_odorous")),
            group="water",
        ),
        Sheet(
            "drinking",
            "drinking",
            gettext_lazy("Drinking-water sources"),
            "glass-full",
            ("drinking",),
            gettext_lazy(
                "Every sample against class Ⅲ (surface sources: tables 1 to 3 of GB 3838; groundwater sources: GB/T 14848); attainment by number and by volume taken."
            ),
            gettext_lazy("No drinking-water source lies in your reach."),
            group="water",
        ),
        Sheet(
            "groundwater",
            "groundwater",
            gettext_lazy("Groundwater"),
            "droplet-half",
            ("groundwater",),
            gettext_lazy("Class of every sample by its worst item (GB/T 14848, 93 items)."),
            gettext_lazy("No groundwater well lies in your reach."),
        ),
        Sheet(
            "soil",
            "soil",
            gettext_lazy("Soil"),
            "shovel",
            ("soil",),
            gettext_lazy(
                "Farmland by pH and crop (GB 15618), construction land by class of use (GB 36600), every sample by its worst item."
            ),
            gettext_lazy("No soil point lies in your reach."),
        ),
        Sheet(
            "noise",
            "noise",
            gettext_lazy("Noise"),
            "volume",
            ("noise_day", "noise_survey"),
            gettext_lazy(
                "Ld and Ln against the limits of the functional zone; the year of areas and roads by grade (HJ 640)."
            ),
            gettext_lazy("No noise point lies in your reach."),
            regions=("noise_area_year", "noise_road_year"),
        ),
        Sheet(
            "radiation",
            "radiation",
            gettext_lazy("Radiation"),
            "radioactive",
            ("radiation_day",),
            gettext_lazy(
                "Every hour of the gamma dose rate against the mean and three standard deviations of the station's own dry hours, and against the local natural background."
            ),
            gettext_lazy("No radiation station lies in your reach."),
        ),
        Sheet(
            "ecology",
            "ecology",
            gettext_lazy("Ecology"),
            "leaf",
            ("ecology_year",),
            gettext_lazy(
                "Ecological quality index from its four parts, by year, and its change against the year before."
            ),
            gettext_lazy("No ecology plot lies in your reach."),
            step="year",
        ),
    )
}
WATER_TABS = ("lakes", "drinking", "black-odorous")


# -- a result in a word ------------------------------------------------------------------------------------------------


def face(row: Evaluation) -> Face:
    """Return how a result is said: its class, category or verdict."""
    return FACES.get(row.kind, _plain)(row)


def _plain(row: Evaluation) -> Face:
    return Face(words.category(row.category) if row.category else _("not judged"), 0)


def _class(row: Evaluation) -> Face:
    if not row.water_class:
        return Face(_("no class"), 0)
    return Face(row.water_class, int(words.CLASS_COLOURS[row.water_class]), row.reached is False)


def _lake(row: Evaluation) -> Face:
    return Face(words.category(row.category), (2, 3, 4, 5, 6)[row.result.get("place", 0)])


def _by_place(levels: tuple[int, ...]) -> Callable[[Evaluation], Face]:
    def said(row: Evaluation) -> Face:
        if not row.category:
            return Face(_("not judged"), 0)
        place = row.result.get("place", 0)
        return Face(words.category(row.category), levels[place], place > 0)

    return said


def _verdict(row: Evaluation) -> Face:
    if row.reached is None:
        return Face(_("not judged"), 0)
    return Face(_("attained"), 3) if row.reached else Face(_("not attained"), 5, True)


def _radiation(row: Evaluation) -> Face:
    if row.exceeds is None:
        return Face(_("history too short"), 0)
    if row.exceeds:
        return Face(_("above the threshold"), 5, True)
    return Face(_("higher in rain"), 4) if row.result.get("above") else Face(_("normal"), 3)


def _noise_year(row: Evaluation) -> Face:
    grade = row.category
    return Face(
        words.category(grade) if grade else _("not rated"),
        ("一级", "二级", "三级", "四级", "五级").index(grade) + 2 if grade else 0,
    )


def _ecology(row: Evaluation) -> Face:
    if not row.category:
        return Face(_("not judged"), 0)
    return Face(words.category(row.category), row.result["place"] + 2)


FACES: dict[str, Callable[[Evaluation], Face]] = {
    "groundwater": _class,
    "water_sample": _class,
    "lake_month": _lake,
    "black_odorous": _by_place((3, 4, 6)),
    "soil": _by_place((3, 4, 6)),
    "drinking": _verdict,
    "noise_day": _verdict,
    "noise_survey": _verdict,
    "noise_area_year": _noise_year,
    "noise_road_year": _noise_year,
    "radiation_day": _radiation,
    "ecology_year": _ecology,
}


def responsible(row: Evaluation) -> str:
    """Return the items that decided, where they say something."""
    result = row.result
    if row.kind == "lake_month":
        return f"TLI {result.get('tli', '–')}"
    if row.kind == "radiation_day":
        return (
            _("highest %(highest)s, threshold %(threshold)s nGy/h")
            % {"highest": result["highest"], "threshold": result["threshold"] or "–"}
            if "highest" in result
            else ""
        )
    if row.kind in ("noise_day", "noise_survey"):
        return " · ".join(f"{name} {value}" for name, value in result.get("levels", {}).items())
    if row.kind in ("noise_area_year", "noise_road_year"):
        return " · ".join(
            f"{name} {one['value']} {words.category(one['level'])}" for name, one in result["periods"].items()
        )
    if row.kind == "ecology_year":
        change = result.get("change")
        more = "" if change is None else f" · ΔEQI {change:+} {words.category(result['change_label'])}"
        return f"EQI {result['eqi']:.2f}{more}" if "eqi" in result else "EQI –"
    if row.kind == "groundwater":
        return words.items(row.main_items.split(","))
    return words.items(one for one in result.get("decided_by", ()) if row.exceeds is not False)


# -- reads -------------------------------------------------------------------------------------------------------------


@dataclass
class Line:
    """One point of a page with its newest result and the ones before it."""

    point: Point
    row: Evaluation | None
    face: Face | None
    responsible: str
    history: list[tuple[Evaluation, Face]]
    label: dict[str, str] | None
    items: int
    """Series that are registered at the point."""


def points_of(user: Any, sheet: Sheet) -> list[Point]:
    points = queries.points_visible_to(user, kinds_of(sheet.element)).filter(status="running")
    return [one for one in points.order_by("kind", "code") if sheet.chosen(one)]


def lines(user: Any, sheet: Sheet) -> list[Line]:
    """Return every point of a page in reach."""
    points = points_of(user, sheet)
    history: dict[int, list[Evaluation]] = {one.pk: [] for one in points}
    rows = Evaluation.objects.filter(kind__in=sheet.kinds, superseded_at=None, point__in=points)
    since = now().replace(year=now().year - 1) if sheet.step == "day" and "noise_day" in sheet.kinds else None
    if sheet.name == "radiation":
        since = midnight(date(now().year, 1, 1))
    for row in (rows.filter(start__gte=since) if since else rows).defer("trace", "values").order_by("-start"):
        own = history[row.point_id]
        if len(own) < CHIPS:
            own.append(row)
    series: dict[int, list[Any]] = {one.pk: [] for one in points}
    for one in queries.series_of_points(points):
        series[one.point_id].append(one)
    return [
        Line(
            point,
            own[0] if own else None,
            face(own[0]) if own else None,
            responsible(own[0]) if own else "",
            [(row, face(row)) for row in reversed(own)],
            queries.label_of(series[point.pk]),
            len(series[point.pk]),
        )
        for point, own in ((one, history[one.pk]) for one in points)
    ]


def results(point: Point, sheet: Sheet, limit: int = LINES) -> list[Evaluation]:
    """Return the current results of a point, newest first."""
    rows = Evaluation.objects.filter(kind__in=sheet.kinds, superseded_at=None, point=point)
    return list(rows.defer("trace").order_by("-start")[:limit])


def region_results(user: Any, sheet: Sheet) -> list[Evaluation]:
    """Return the newest results of whole regions in reach."""
    found: dict[tuple[str, int], Evaluation] = {}
    rows = queries.evaluations_visible_to(user).filter(kind__in=sheet.regions, superseded_at=None)
    for row in rows.defer("trace").order_by("start"):
        found[row.kind, row.region_id] = row
    return list(found.values())


# -- summaries ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Card:
    """A figure above the table."""

    title: str
    answer: str
    detail: str
    faces: tuple[tuple[Face, int], ...] = ()
    """How many points have each result, instead of an answer."""


def summary(sheet: Sheet, found: Sequence[Line], regions: Sequence[Evaluation]) -> list[Card]:
    """Return the figures of a page; each says what it counts."""
    judged = [one for one in found if one.row is not None and one.face is not None and one.face.level]
    cards: list[Card] = []
    if sheet.name == "drinking":
        cards += _drinking_cards(found)
    elif sheet.name == "noise":
        cards += _noise_cards(found, regions)
    elif judged:
        good = [one for one in judged if one.face is not None and not one.face.bad]
        shares: dict[Face, int] = {}
        for one in judged:
            if one.face is not None:
                key = Face(one.face.text, one.face.level)
                shares[key] = shares.get(key, 0) + 1
        cards.append(
            Card(
                _("Points by their newest result"),
                "",
                _("%(judged)d of %(all)d points have a result") % {"judged": len(judged), "all": len(found)},
                tuple(sorted(shares.items(), key=lambda one: one[0].level)),
            )
        )
        if sheet.name in ("groundwater", "soil", "radiation", "black-odorous"):
            cards.append(
                Card(
                    _("Without complaint"),
                    f"{len(good)} / {len(judged)}",
                    _("points whose newest result misses nothing that is asked for"),
                )
            )
    return cards


def _drinking_cards(found: Sequence[Line]) -> list[Card]:
    """Attainment of the newest month that has samples, by number and by volume."""
    newest = max((one.row.start for one in found if one.row is not None), default=None)
    if newest is None:
        return []
    month = day_of(newest).replace(day=1)
    own = drinking_month([one.point for one in found], month)
    if not own:
        return []
    # Every source counts alike by number, also one whose volume nobody gave.
    by_number = rates([(attained, Decimal(1)) for attained, _volume in own]).by_number
    counted = f"{sum(attained for attained, _volume in own)} / {len(own)}"
    cards = [Card(_("Attained by number"), f"{by_number}%", f"{month:%Y-%m} · {counted}")]
    try:
        rate: SourceRates = rates([(attained, volume) for attained, volume in own if volume is not None])
    except EvaluationError:
        return cards
    measured = sum(volume is not None for _attained, volume in own)
    cards.append(
        Card(
            _("Attained by volume taken"),
            f"{rate.by_volume}%",
            _("%(month)s · volume known for %(known)d of %(all)d sources")
            % {"month": f"{month:%Y-%m}", "known": measured, "all": len(own)},
        )
    )
    return cards


def drinking_month(points: Sequence[Point], month: date) -> list[tuple[bool, Decimal | None]]:
    """Return (attained, volume) of every source sampled in a month: all of its samples must attain."""
    end = (month.replace(day=28) + (date(2000, 1, 8) - date(2000, 1, 1))).replace(day=1)
    found: dict[int, tuple[bool, Decimal | None]] = {}
    rows = Evaluation.objects.filter(
        kind="drinking",
        superseded_at=None,
        point__in=points,
        start__gte=midnight(month),
        start__lt=midnight(end),
    ).exclude(reached=None)
    for row in rows.defer("trace"):
        attained, volume = found.get(row.point_id, (True, None))
        more = row.values.get("volume_m3")
        if more is not None:
            volume = (volume or Decimal(0)) + Decimal(str(more))
        found[row.point_id] = (attained and bool(row.reached), volume)
    return list(found.values())


def _noise_cards(found: Sequence[Line], regions: Sequence[Evaluation]) -> list[Card]:
    cards = []
    day, night = noise_rates([one.point for one in found if one.point.kind == "noise_zone"], now())
    for title, (attained, judged) in (
        (_("Zones attained by day"), day),
        (_("Zones attained by night"), night),
    ):
        if judged:
            rate = noise_standard.attainment_rate([True] * attained + [False] * (judged - attained))
            cards.append(
                Card(
                    title,
                    f"{rate}%",
                    _("this quarter · %(attained)d of %(judged)d station-days")
                    % {"attained": attained, "judged": judged},
                )
            )
    return cards


def noise_rates(points: Sequence[Point], moment: datetime) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return (attained, judged) station-days of the running quarter by day and by night."""
    today = day_of(moment)
    first = date(today.year, 3 * ((today.month - 1) // 3) + 1, 1)
    counts = {"Ld": [0, 0], "Ln": [0, 0]}
    rows = Evaluation.objects.filter(
        kind="noise_day", superseded_at=None, point__in=points, start__gte=midnight(first)
    )
    for result in rows.values_list("result", flat=True):
        for name, attained in result.get("attained", {}).items():
            if attained is not None:
                counts[name][0] += attained
                counts[name][1] += 1
    return (counts["Ld"][0], counts["Ld"][1]), (counts["Ln"][0], counts["Ln"][1])
