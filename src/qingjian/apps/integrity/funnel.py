"""The funnel: records → suspects → clues → verified → cases, whole and by rule, kind, county and month."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, Sum
from django.utils.translation import gettext as _

from qingjian.apps.accounts.models import Region
from qingjian.apps.integrity.models import ScoreMonth, Suspect
from qingjian.apps.integrity.panels import yesterday
from qingjian.apps.integrity.processes import CLUE
from qingjian.apps.integrity.services import muting
from qingjian.apps.integrity.services.muting import Precision
from qingjian.apps.integrity.words import kind_title, rule_title
from qingjian.apps.matters import queries as matters
from qingjian.apps.network.kinds import kinds_of
from qingjian.apps.observing import queries as observing
from qingjian.apps.observing.models import Clue
from qingjian.contracts.clock import CHINA

COUNTY_DIGITS = 6
"""Digits of an administrative code that name the county; a township has three more."""
PERIODS = ("3", "12", "all")


@dataclass(frozen=True, slots=True)
class Selection:
    """What of the funnel is asked for; empty means all."""

    period: str = "12"
    """`3` or `12` months, `all`, or a month such as 2026-10."""
    county: str = ""
    rule: str = ""
    kind: str = ""
    element: str = ""
    simulated: str = ""

    def days(self) -> tuple[date | None, date | None]:
        """Return first and last day of the period of the data; None where it has no end."""
        if self.period == "all":
            return None, None
        if self.period in PERIODS:
            month = yesterday().replace(day=1)
            for _number in range(int(self.period) - 1):
                month = (month - timedelta(days=1)).replace(day=1)
            return month, None
        first = date.fromisoformat(f"{self.period}-01")
        return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


@dataclass
class Line:
    """One line of the funnel."""

    title: str
    key: tuple[str, ...] = ()
    records: int = 0
    suspects: int = 0
    clues: int = 0
    closed: int = 0
    confirmed: int = 0
    cases: int = 0
    simulated: int = 0
    """Clues among `clues` that are about simulated series."""

    @property
    def precision(self) -> Precision:
        return Precision(self.confirmed, self.closed)


@dataclass
class Funnel:
    """The whole funnel of a selection."""

    whole: Line
    by_rule: list[Line] = field(default_factory=list)
    by_county: list[Line] = field(default_factory=list)
    by_month: list[Line] = field(default_factory=list)
    outcomes: list[tuple[str, int]] = field(default_factory=list)
    series: int = 0
    known_at: Any = None


@dataclass(frozen=True, slots=True)
class _Seen:
    rule: str
    kind: str
    county: str
    month: str


def funnel(user: Any, chosen: Selection) -> Funnel:
    """Return the funnel of what a person may see."""
    suspects, clues, scored = _suspects(user, chosen), _clues(user, chosen), _scored(user, chosen)
    cases = matters.followed(f"{CLUE}:{row['pk']}" for row in clues)
    result = Funnel(Line(_("all")))
    rules: dict[tuple[str, str], Line] = {}
    counties: dict[str, Line] = {}
    months: dict[str, Line] = {}
    names = dict(Region.objects.filter(level="county").values_list("code", "name"))

    def lines(seen: _Seen) -> Iterable[Line]:
        rule = rules.setdefault(
            (seen.rule, seen.kind),
            Line(f"{rule_title(seen.rule)} · {kind_title(seen.kind)}", (seen.rule, seen.kind)),
        )
        county = counties.setdefault(
            seen.county, Line(names.get(seen.county, seen.county) or "–", (seen.county,))
        )
        return (result.whole, rule, county, months.setdefault(seen.month, Line(seen.month, (seen.month,))))

    for row in scored:
        county, month = row["series__point__region__code"][:COUNTY_DIGITS], f"{row['month']:%Y-%m}"
        result.whole.records += row["values"]
        counties.setdefault(county, Line(names.get(county, county), (county,))).records += row["values"]
        months.setdefault(month, Line(month, (month,))).records += row["values"]
    outcomes: Counter[str] = Counter()
    for row in suspects:
        outcomes["withdrawn" if row["withdrawn"] else row["outcome"]] += 1
        seen = _Seen(
            row["rule"],
            row["kind"],
            row["series__point__region__code"][:COUNTY_DIGITS],
            f"{row['first_day']:%Y-%m}",
        )
        for line in lines(seen):
            line.suspects += 1
    for row in clues:
        seen = _Seen(
            row["rule"],
            row["kind"],
            row["point__region__code"][:COUNTY_DIGITS],
            f"{row['start'].astimezone(CHINA):%Y-%m}",
        )
        for line in lines(seen):
            line.clues += 1
            line.simulated += row["simulated"]
            line.closed += row["state"] != Clue.State.OPEN
            line.confirmed += row["state"] == Clue.State.CONFIRMED
            line.cases += f"{CLUE}:{row['pk']}" in cases
    result.by_rule = sorted(rules.values(), key=lambda one: (-one.clues, -one.suspects, one.title))
    result.by_county = sorted(counties.values(), key=lambda one: one.key)
    result.by_month = sorted(months.values(), key=lambda one: one.key, reverse=True)
    titles = {**dict(Suspect.Outcome.choices), "withdrawn": _("no longer found")}
    result.outcomes = [(str(titles[code]), count) for code, count in outcomes.most_common()]
    whole = _score_months(user, chosen).aggregate(series=Count("series", distinct=True))
    result.series = whole["series"]
    newest = _score_months(user, chosen).order_by("-known_at").first()
    result.known_at = newest.known_at if newest else None
    return result


def _within(rows: Any, user: Any, chosen: Selection, point: str, day: str) -> Any:
    """Narrow rows to points in reach and to period, county and element; `point` is the way from a row to its point."""
    first, last = chosen.days()
    rows = rows.filter(**{f"{point}__in": observing.points_of_clues(user)})
    if first:
        rows = rows.filter(**{f"{day}__gte": first})
    if last:
        rows = rows.filter(**{f"{day}__lte": last})
    if chosen.county:
        rows = rows.filter(**{f"{point}__region__code__startswith": chosen.county})
    if chosen.element:
        rows = rows.filter(**{f"{point}__kind__in": kinds_of(chosen.element)})
    return rows


def _of_origin(rows: Any, chosen: Selection) -> Any:
    """Narrow rows of series to simulated or to other ones."""
    if not chosen.simulated:
        return rows
    only = chosen.simulated == "1"
    return rows.filter(series__origin="simulated") if only else rows.exclude(series__origin="simulated")


def _suspects(user: Any, chosen: Selection) -> list[Mapping[str, Any]]:
    rows = _within(Suspect.objects.all(), user, chosen, "series__point", "first_day")
    rows = _ruled(_of_origin(rows, chosen), chosen)
    return list(
        rows.order_by().values(
            "rule", "kind", "first_day", "outcome", "withdrawn", "series__point__region__code"
        )
    )


def _clues(user: Any, chosen: Selection) -> list[Mapping[str, Any]]:
    rows = _within(Clue.objects.all(), user, chosen, "point", "start__date")
    if chosen.simulated:
        rows = rows.filter(simulated=chosen.simulated == "1")
    rows = _ruled(rows, chosen)
    return list(
        rows.order_by().values("pk", "rule", "kind", "start", "state", "simulated", "point__region__code")
    )


def _ruled(rows: Any, chosen: Selection) -> Any:
    if chosen.rule:
        rows = rows.filter(rule=chosen.rule)
    return rows.filter(kind=chosen.kind) if chosen.kind else rows


def _score_months(user: Any, chosen: Selection) -> Any:
    rows = _within(ScoreMonth.objects.all(), user, chosen, "series__point", "month")
    return _of_origin(rows, chosen)


def _scored(user: Any, chosen: Selection) -> list[Mapping[str, Any]]:
    rows = _score_months(user, chosen).order_by().values("month", "series__point__region__code")
    return list(rows.annotate(values=Sum("values")))


def months(user: Any) -> list[str]:
    """Return the months that were screened, newest first."""
    rows = ScoreMonth.objects.filter(series__point__in=observing.points_of_clues(user))
    return [f"{one:%Y-%m}" for one in rows.order_by("-month").values_list("month", flat=True).distinct()]


def rule_states(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """Return the lines by rule with their precision over the whole node and whether they are muted."""
    muted = muting.in_force()
    return [
        {
            "line": line,
            "node": muting.precision_of(*line.key),
            "mute": muted.get((line.key[0], line.key[1])),
            "why": muting.why(muted[line.key[0], line.key[1]]) if (line.key[0], line.key[1]) in muted else "",
        }
        for line in lines
    ]


def table(result: Funnel) -> tuple[list[str], list[list[Any]]]:
    """Return heads and rows of the export: every cut of the funnel below each other."""
    heads = [
        str(one)
        for one in (
            _("Cut"),
            _("Line"),
            _("Values screened"),
            _("Suspects"),
            _("Clues"),
            _("of these simulation"),
            _("Closed"),
            _("Confirmed"),
            _("Precision (%)"),
            _("Cases"),
        )
    ]
    rows = []
    for cut, lines in (
        (_("all"), [result.whole]),
        (_("rule and kind"), result.by_rule),
        (_("county"), result.by_county),
        (_("month"), result.by_month),
    ):
        for line in lines:
            share = line.precision.share
            rows.append(
                [
                    str(cut),
                    line.title,
                    line.records if cut != _("rule and kind") else None,
                    line.suspects,
                    line.clues,
                    line.simulated,
                    line.closed,
                    line.confirmed,
                    None if share is None else round(100 * share, 1),
                    line.cases,
                ]
            )
    return heads, rows
