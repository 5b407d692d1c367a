"""Sections on another basis: their day, month, quarter or year by the classes of another edition or document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from qingjian.apps.evaluation import laboratory, queries, rivers, water
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.network.models import Point
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.periods import DAY, MONTH, QUARTER, YEAR, Period
from qingjian.rulebook import Row, Rulebook
from qingjian.standards.editions import Phase, phases
from qingjian.standards.errors import EvaluationError
from qingjian.standards.surface_water.classification import SectionClass, classify
from qingjian.standards.surface_water.items import ASSESSED, CLASSES, STANDARD

RULES: dict[str, rivers.Rule] = {DAY: "so_far", MONTH: "so_far", QUARTER: "quarter", YEAR: "year"}
DAYS = ("water_station_day", "water_sample")


def choices(book: Rulebook) -> tuple[Phase, ...]:
    """Return the editions of GB 3838, and of other documents that give a limit for each class, oldest first."""
    standards = dict.fromkeys(row.standard for row in book.rows("surface_water_limits") if _concerns(row))
    found = []
    for name in standards:
        for phase in phases(book, "surface_water_limits", name, _concerns):
            if name == STANDARD or _whole(book, phase):
                found.append(phase)
    return tuple(found)


def _concerns(row: Row) -> bool:
    return row["symbol"] in ASSESSED and row["class"] in CLASSES


def _whole(book: Rulebook, phase: Phase) -> bool:
    """Say whether every item of a document has its five classes: fewer are no classes."""
    own: dict[str, set[str]] = {}
    for row in book.rows("surface_water_limits", phase.day, standard=phase.standard):
        if _concerns(row):
            own.setdefault(row["symbol"], set()).add(row["class"])
    return bool(own) and all(len(one) == len(CLASSES) - 1 for one in own.values())


def key(phase: Phase) -> str:
    """Return how an address names a choice: documents may share the names of their editions."""
    return phase.name if phase.standard == STANDARD else f"{phase.standard}-{phase.name}"


@dataclass(frozen=True, slots=True)
class Section:
    """A section over a period on the basis of its date and on another; None where nothing can be told."""

    point: Point
    present: str
    present_items: tuple[str, ...]
    present_reached: bool | None
    other: SectionClass | None
    row: int = 0
    """The stored result of the date, where the period has one."""

    @property
    def differs(self) -> bool:
        return (self.present, self.present_items, self.present_reached) != (
            self.other.cls if self.other else "",
            self.other.decided_by if self.other else (),
            self.other.reached if self.other else None,
        )


def over(points: Sequence[Point], period: Period, phase: Phase) -> list[Section]:
    """Return the sections with a result in a period, judged on the basis of the date and on another."""
    book = rulebook()
    kinds = DAYS if period.span == DAY else ("water_month",)
    held: dict[int, list[Evaluation]] = {}
    for kind in kinds:
        for row in queries.stored(kind, period.first, period.last, points=points):
            held.setdefault(row.point_id, []).append(row)
    found = []
    for point in points:
        rows = held.get(point.pk)
        if not rows:
            continue
        if period.span in (DAY, MONTH):
            row = rows[0]
            stored = (row.water_class, tuple(row.result.get("decided_by", ())), row.reached, row.pk)
            items = {item: Decimal(repr(value)) for item, value in water.entering(row).items()}
        else:
            judged = rivers.over(point, rows, period.last, RULES[period.span], book)
            one = judged.found if judged is not None else None
            stored = (
                one.cls if one else "",
                one.decided_by if one else (),
                one.reached if one else None,
                0,
            )
            items = dict(judged.used) if judged is not None and one is not None else {}
        found.append(Section(point, *stored[:3], judge(point, items, period, phase, book), stored[3]))
    return found


def judge(
    point: Point, items: dict[str, Decimal], period: Period, phase: Phase, book: Rulebook
) -> SectionClass | None:
    """Return the class of a section from the items that made its class, on another basis."""
    if not items:
        return None
    try:
        return classify(
            items,
            period.first,
            edition=phase.name,
            standard=phase.standard,
            water_body=laboratory.water_body(point),
            target=point.attributes.get("target_class") or None,
            rulebook=book,
        )
    except EvaluationError:
        return None
