"""Pages per element: which points and results each shows, and how a result is said in a word and a colour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from qingjian.apps.evaluation import laboratory, queries, words
from qingjian.apps.evaluation.drafts import midnight
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.network.kinds import kinds_of
from qingjian.apps.network.models import Point
from qingjian.contracts.current import now

CHIPS = 12
A_YEAR = timedelta(days=365)
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
    if row.values == {"used": {}} and not row.result:
        return Face(_("no valid data"), 0)
    return FACES.get(row.kind, _plain)(row)


def _plain(row: Evaluation) -> Face:
    return Face(words.category(row.category) if row.category else _("not judged"), 0)


def _class(row: Evaluation) -> Face:
    if not row.water_class:
        return Face(_("no class"), 0)
    return Face(row.water_class, int(words.CLASS_COLOURS[row.water_class]), row.reached is False)


def _lake(row: Evaluation) -> Face:
    if not row.category:
        return Face(_("not judged"), 0)
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
    """Return the items that decided, where they say something, and how many basic items were measured where some are missing."""
    return " · ".join(one for one in (_decided(row), measured_of(row)) if one)


def measured_of(row: Evaluation) -> str:
    """Return how many of the basic items stand behind a result; empty where none is missing."""
    basic, missing = row.result.get("basic"), row.result.get("not_measured")
    if not basic or not missing:
        return ""
    return _("%(measured)d of %(basic)d basic items measured") % {
        "measured": basic - len(missing),
        "basic": basic,
    }


def _decided(row: Evaluation) -> str:
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
        counts = row.values.get("counts", {})
        return " · ".join(
            f"{name} {value} ({counts[name]}/24 h)" if name == "Leq" and name in counts else f"{name} {value}"
            for name, value in result.get("levels", {}).items()
        )
    if row.kind in ("noise_area_year", "noise_road_year"):
        return " · ".join(
            f"{name} {one['value']} {words.category(one['level'])}"
            for name, one in result.get("periods", {}).items()
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


def points_of(user: Any, sheet: Sheet, *, every: bool = False) -> list[Point]:
    """Return the points of a page in reach: those that run, or `every` one, whose history stays."""
    points = queries.points_visible_to(user, kinds_of(sheet.element))
    if not every:
        points = points.filter(status="running")
    return [one for one in points.order_by("kind", "code") if sheet.chosen(one)]


def lines(user: Any, sheet: Sheet) -> list[Line]:
    """Return every point of a page in reach."""
    points = points_of(user, sheet)
    history: dict[int, list[Evaluation]] = {one.pk: [] for one in points}
    rows = Evaluation.objects.filter(
        kind__in=sheet.kinds, superseded_at=None, point__in=points, start__lte=now()
    )
    since = now() - A_YEAR if sheet.step == "day" and "noise_day" in sheet.kinds else None
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
    rows = Evaluation.objects.filter(kind__in=sheet.kinds, superseded_at=None, point=point, start__lte=now())
    return list(rows.defer("trace").order_by("-start")[:limit])


def region_results(user: Any, sheet: Sheet) -> list[Evaluation]:
    """Return the newest results of whole regions in reach."""
    found: dict[tuple[str, int], Evaluation] = {}
    rows = queries.evaluations_visible_to(user).filter(
        kind__in=sheet.regions, superseded_at=None, start__lte=now()
    )
    for row in rows.defer("trace").order_by("start"):
        found[row.kind, row.region_id] = row
    return list(found.values())
