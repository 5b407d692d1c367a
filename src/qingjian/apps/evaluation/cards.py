"""The figures above the list of an element: what the newest results say, and rates of a month or quarter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from qingjian.apps.evaluation.drafts import day_of, midnight, next_month
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.evaluation.sheets import Face, Line, Sheet
from qingjian.apps.network.models import Point
from qingjian.contracts.current import now
from qingjian.standards import noise as noise_standard
from qingjian.standards.errors import EvaluationError
from qingjian.standards.surface_water.drinking_water import SourceRates, rates

MOST_PERIODS = 24
DRINKING, NOISE = "drinking", "noise"
PERIODS = {DRINKING: ("drinking", 1), NOISE: ("noise_day", 3)}
"""Pages with rates of a period: the kind of result they are made of, and how many months a period has."""


@dataclass(frozen=True, slots=True)
class Card:
    """A figure above the table."""

    title: str
    answer: str
    detail: str
    faces: tuple[tuple[Face, int], ...] = ()
    """How many points have each result, instead of an answer."""


def periods(sheet: Sheet, points: Sequence[Point]) -> list[date]:
    """Return the first days of the months or quarters of which a page has rates, newest first."""
    if sheet.name not in PERIODS:
        return []
    kind, length = PERIODS[sheet.name]
    starts = Evaluation.objects.filter(
        kind=kind, superseded_at=None, point__in=points, start__lte=now()
    ).values_list("start", flat=True)
    found = {_begin(day_of(start), length) for start in starts.order_by().distinct()}
    return sorted(found, reverse=True)[:MOST_PERIODS]


def period_of(sheet: Sheet, month: date | None) -> date | None:
    """Return the first day of the month or quarter of a page's rates in which a month lies; None without one."""
    return _begin(month, PERIODS[sheet.name][1]) if month and sheet.name in PERIODS else None


def period_name(sheet: Sheet, first: date) -> str:
    """Return a month or quarter in words."""
    if sheet.name != NOISE:
        return f"{first:%Y-%m}"
    return _("%(year)d, quarter %(quarter)d") % {"year": first.year, "quarter": (first.month + 2) // 3}


def _begin(day: date, length: int) -> date:
    return date(day.year, day.month - (day.month - 1) % length, 1)


def summary(sheet: Sheet, found: Sequence[Line], points: Sequence[Point], period: date | None) -> list[Card]:
    """Return the figures of a page; each says what it counts.

    `points`: all of the page, those that run no more among them; `period`: the first day of the month or quarter of rates.
    """
    judged = [one for one in found if one.row is not None and one.face is not None and one.face.level]
    cards: list[Card] = []
    if sheet.name == DRINKING:
        cards += _drinking_cards(points, period)
    elif sheet.name == NOISE:
        cards += _noise_cards(points, period, period_name(sheet, period) if period else "")
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


def _drinking_cards(points: Sequence[Point], month: date | None) -> list[Card]:
    """Attainment of a month, by number and by volume."""
    own = drinking_month(points, month) if month else []
    if not own:
        return []
    # Every source counts alike by number, also one whose volume nobody gave.
    by_number = rates([(one.attained, Decimal(1)) for one in own]).by_number
    counted = f"{sum(one.attained for one in own)} / {len(own)}"
    partly = sum(one.partly for one in own)
    more = _(" · %(count)d judged on a part of the basic items only") % {"count": partly} if partly else ""
    cards = [Card(_("Attained by number"), f"{by_number}%", f"{month:%Y-%m} · {counted}{more}")]
    try:
        rate: SourceRates = rates([(one.attained, one.volume) for one in own if one.volume is not None])
    except EvaluationError:
        return cards
    measured = sum(one.volume is not None for one in own)
    cards.append(
        Card(
            _("Attained by volume taken"),
            f"{rate.by_volume}%",
            _("%(month)s · volume known for %(known)d of %(all)d sources")
            % {"month": f"{month:%Y-%m}", "known": measured, "all": len(own)},
        )
    )
    return cards


@dataclass(frozen=True)
class SourceMonth:
    """A drinking-water source in a month."""

    attained: bool
    volume: Decimal | None
    partly: bool
    """Whether basic items are missing in every one of its samples."""


def drinking_month(points: Sequence[Point], month: date) -> list[SourceMonth]:
    """Return every source sampled in a month: all of its samples must attain."""
    end = next_month(month)
    found: dict[int, SourceMonth] = {}
    rows = Evaluation.objects.filter(
        kind="drinking",
        superseded_at=None,
        point__in=points,
        start__gte=midnight(month),
        start__lt=midnight(end),
    ).exclude(reached=None)
    for row in rows.defer("trace"):
        held = found.get(row.point_id, SourceMonth(True, None, True))
        volume = held.volume
        more = row.values.get("volume_m3")
        if more is not None:
            volume = (volume or Decimal(0)) + Decimal(str(more))
        partly = held.partly and bool(row.result.get("not_measured"))
        found[row.point_id] = SourceMonth(held.attained and bool(row.reached), volume, partly)
    return list(found.values())


def _noise_cards(points: Sequence[Point], quarter: date | None, name: str) -> list[Card]:
    """Attainment of the functional zones in a quarter, by day and by night."""
    if quarter is None:
        return []
    cards = []
    day, night = noise_rates([one for one in points if one.kind == "noise_zone"], quarter)
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
                    _("%(period)s · %(attained)d of %(judged)d station-days")
                    % {"period": name, "attained": attained, "judged": judged},
                )
            )
    return cards


def noise_rates(points: Sequence[Point], quarter: date) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return (attained, judged) station-days of the quarter that begins on a day, by day and by night."""
    end = quarter
    for _month in range(3):
        end = next_month(end)
    counts = {"Ld": [0, 0], "Ln": [0, 0]}
    rows = Evaluation.objects.filter(
        kind="noise_day",
        superseded_at=None,
        point__in=points,
        start__gte=midnight(quarter),
        start__lt=midnight(end),
    )
    for result in rows.values_list("result", flat=True):
        for name, attained in result.get("attained", {}).items():
            if attained is not None:
                counts[name][0] += attained
                counts[name][1] += 1
    return (counts["Ld"][0], counts["Ld"][1]), (counts["Ln"][0], counts["Ln"][1])
