"""The funnel: records → suspects → clues → verified → cases, whole and by rule, kind, county and month."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Case, CharField, Count, Max, Min, Q, Sum, Value, When
from django.db.models.functions import Cast, Concat
from django.utils.translation import gettext as _

from qingjian.apps.accounts.models import Region
from qingjian.apps.integrity.models import ScoreMonth, Suspect
from qingjian.apps.integrity.panels import midnight, yesterday
from qingjian.apps.integrity.precision import Precision, mutes_asked_for, mutes_in_force, why
from qingjian.apps.integrity.processes import CLUE
from qingjian.apps.integrity.words import EVERY, kind_title, rule_title
from qingjian.apps.matters import queries as matters
from qingjian.apps.network.kinds import kinds_of
from qingjian.apps.observing import queries as observing
from qingjian.apps.observing.models import Clue
from qingjian.contracts.clock import CHINA

COUNTY_DIGITS = 6
"""Digits of an administrative code that name the county; a township has three more."""
EARLIEST_YEAR = 1970
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
        if not EARLIEST_YEAR <= first.year <= yesterday().year + 1:
            raise ValueError(self.period)
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
    closed_simulated: int = 0
    confirmed_simulated: int = 0

    @property
    def precision(self) -> Precision:
        """Of measured clues; only where none of them is closed, of simulated ones."""
        confirmed = self.confirmed - self.confirmed_simulated
        measured = Precision(confirmed, self.closed - self.closed_simulated)
        return measured if measured.closed else Precision(self.confirmed, self.closed)


@dataclass
class Funnel:
    """The whole funnel of a selection."""

    whole: Line
    rules: list[Line] = field(default_factory=list)
    """One line a rule, all its kinds together."""
    by_rule: list[Line] = field(default_factory=list)
    """One line a rule and kind."""
    by_county: list[Line] = field(default_factory=list)
    by_month: list[Line] = field(default_factory=list)
    outcomes: list[tuple[str, int]] = field(default_factory=list)
    series: int = 0
    known_at: Any = None


def funnel(user: Any, chosen: Selection) -> Funnel:
    """Return the funnel of what a person may see. The database counts: no row is loaded but those of cases."""
    result = Funnel(Line(_("all")))
    made = _Lines(result.whole)
    _count_values(result, made, _score_months(user, chosen))
    _count_suspects(result, made, _suspects(user, chosen), chosen)
    _count_clues(made, _clues(user, chosen), chosen)
    result.rules = sorted(made.whole_rules.values(), key=lambda one: (-one.clues, -one.suspects, one.title))
    result.by_rule = sorted(made.rules.values(), key=lambda one: (-one.clues, -one.suspects, one.title))
    result.by_county = sorted(made.counties.values(), key=lambda one: one.key)
    result.by_month = sorted(made.months.values(), key=lambda one: one.key, reverse=True)
    return result


class _Lines:
    """The lines of a funnel by rule and kind, county and month, made as they are met."""

    def __init__(self, whole: Line) -> None:
        self.whole = whole
        self.whole_rules: dict[str, Line] = {}
        self.rules: dict[tuple[str, str], Line] = {}
        self.counties: dict[str, Line] = {}
        self.months: dict[str, Line] = {}
        regions = list(Region.objects.values_list("pk", "code", "level", "name"))
        self._codes = {pk: code[:COUNTY_DIGITS] for pk, code, _level, _name in regions}
        self._names = {code: name for _pk, code, level, name in regions if level == "county"}

    def rule(self, rule: str, kind: str) -> tuple[Line, Line]:
        """Return the line of a rule, and that of a rule and kind."""
        title = f"{rule_title(rule)} · {kind_title(kind)}"
        return (
            self.whole_rules.setdefault(rule, Line(rule_title(rule), (rule,))),
            self.rules.setdefault((rule, kind), Line(title, (rule, kind))),
        )

    def county(self, region: int) -> Line:
        code = self._codes[region]
        return self.counties.setdefault(code, Line(self._names.get(code, code) or "–", (code,)))

    def month(self, day: date) -> Line:
        name = f"{day:%Y-%m}"
        return self.months.setdefault(name, Line(name, (name,)))


def _count_values(result: Funnel, made: _Lines, rows: Any) -> None:
    for row in rows.values("month", "series__point__region_id").annotate(screened=Sum("values")):
        for line in (
            result.whole,
            made.county(row["series__point__region_id"]),
            made.month(row["month"]),
        ):
            line.records += row["screened"]
    whole = rows.aggregate(series=Count("series", distinct=True), known_at=Max("known_at"))
    result.series, result.known_at = whole["series"], whole["known_at"]


def _count_suspects(result: Funnel, made: _Lines, rows: Any, chosen: Selection) -> None:
    cuts = ("rule", "kind", "outcome", "withdrawn", "series__point__region_id")
    outcomes: Counter[str] = Counter()
    for row in rows.values(*cuts).annotate(count=Count("pk")):
        outcomes["withdrawn" if row["withdrawn"] else row["outcome"]] += row["count"]
        for line in (
            result.whole,
            *made.rule(row["rule"], row["kind"]),
            made.county(row["series__point__region_id"]),
        ):
            line.suspects += row["count"]
    titles = {**dict(Suspect.Outcome.choices), "withdrawn": _("no longer found")}
    result.outcomes = [(str(titles[code]), count) for code, count in outcomes.most_common()]
    for row in _by_month(rows, "first_day", chosen, lambda day: day).annotate(count=Count("pk")):
        made.month(date.fromisoformat(row["month_of_data"])).suspects += row["count"]


CLUE_COUNTS = {
    "clues": Count("pk"),
    "of_simulation": Count("pk", filter=Q(simulated=True)),
    "closed": Count("pk", filter=~Q(state=Clue.State.OPEN)),
    "confirmed": Count("pk", filter=Q(state=Clue.State.CONFIRMED)),
    "closed_simulated": Count("pk", filter=Q(simulated=True) & ~Q(state=Clue.State.OPEN)),
    "confirmed_simulated": Count("pk", filter=Q(simulated=True, state=Clue.State.CONFIRMED)),
}


def _count_clues(made: _Lines, rows: Any, chosen: Selection) -> None:
    def add(row: Mapping[str, Any], *lines: Line) -> None:
        for line in lines:
            line.clues += row["clues"]
            line.simulated += row["of_simulation"]
            line.closed += row["closed"]
            line.confirmed += row["confirmed"]
            line.closed_simulated += row["closed_simulated"]
            line.confirmed_simulated += row["confirmed_simulated"]

    for row in rows.values("rule", "kind", "point__region_id").annotate(**CLUE_COUNTS):
        add(row, made.whole, *made.rule(row["rule"], row["kind"]), made.county(row["point__region_id"]))
    for row in _by_month(rows, "start", chosen, midnight).annotate(**CLUE_COUNTS):
        add(row, made.month(date.fromisoformat(row["month_of_data"])))
    origin = Concat(Value(f"{CLUE}:"), Cast("pk", CharField()))
    followed = rows.annotate(origin=origin).filter(matters.is_followed("origin"))
    for rule, kind, region, start in followed.values_list("rule", "kind", "point__region_id", "start"):
        day = start.astimezone(CHINA).date()
        for line in (made.whole, *made.rule(rule, kind), made.county(region), made.month(day)):
            line.cases += 1


def _by_month(rows: Any, column: str, chosen: Selection, edge: Callable[[date], Any]) -> Any:
    """Group rows by the month of a column, as the first day of it in text; `edge` makes a day what the column holds.

    Months are compared in order, not cut out of dates: SQLite would ask Python for every row.
    """
    first, last = chosen.days()
    if first is None:
        earliest = rows.aggregate(first=Min(column))["first"]
        first = earliest.astimezone(CHINA).date() if isinstance(earliest, datetime) else earliest
    begin, end = (first or yesterday()).replace(day=1), last or yesterday()
    cases = []
    while begin <= end:
        after = (begin + timedelta(days=31)).replace(day=1)
        cases.append(When(**{f"{column}__lt": edge(after)}, then=Value(begin.isoformat())))
        begin = after
    # What lies beyond, of a device whose clock runs ahead, stands in the last month.
    month = Case(*cases, default=Value(end.replace(day=1).isoformat()), output_field=CharField())
    return rows.annotate(month_of_data=month).values("month_of_data")


def _within(
    rows: Any,
    user: Any,
    chosen: Selection,
    point: str,
    column: str,
    edge: Callable[[date], Any] = lambda day: day,
) -> Any:
    """Narrow rows to points in reach and to period, county and element; `point` is the way from a row to its point.

    `edge` makes a day what the column of the period holds.
    """
    first, last = chosen.days()
    rows = rows.filter(**{f"{point}__in": observing.points_of_clues(user)})
    if first:
        rows = rows.filter(**{f"{column}__gte": edge(first)})
    if last:
        rows = rows.filter(**{f"{column}__lt": edge(last + timedelta(days=1))})
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


def _suspects(user: Any, chosen: Selection) -> Any:
    rows = _within(Suspect.objects.order_by(), user, chosen, "series__point", "first_day")
    return _ruled(_of_origin(rows, chosen), chosen)


def _clues(user: Any, chosen: Selection) -> Any:
    rows = _within(Clue.objects.order_by(), user, chosen, "point", "start", midnight)
    if chosen.simulated:
        rows = rows.filter(simulated=chosen.simulated == "1")
    return _ruled(rows, chosen)


def _ruled(rows: Any, chosen: Selection) -> Any:
    if chosen.rule:
        rows = rows.filter(rule=chosen.rule)
    return rows.filter(kind=chosen.kind) if chosen.kind else rows


def _score_months(user: Any, chosen: Selection) -> Any:
    rows = _within(ScoreMonth.objects.order_by(), user, chosen, "series__point", "month")
    return _of_origin(rows, chosen)


def months(user: Any) -> list[str]:
    """Return the months that were screened, newest first."""
    rows = ScoreMonth.objects.filter(series__point__in=observing.points_of_clues(user))
    return [f"{one:%Y-%m}" for one in rows.order_by("-month").values_list("month", flat=True).distinct()]


def rule_states(found: Funnel) -> list[dict[str, Any]]:
    """Return the rules, each with the lines of its kinds, whether they are muted, and why."""
    muted, asked = mutes_in_force(), mutes_asked_for()

    def state(line: Line, kind: str) -> dict[str, Any]:
        mute = muted.get((line.key[0], kind))
        return {
            "line": line,
            "mute": mute,
            "why": why(mute) if mute is not None else "",
            "asked": asked.get((line.key[0], kind)),
        }

    return [
        {
            **state(rule, EVERY),
            "kinds": [state(line, line.key[1]) for line in found.by_rule if line.key[0] == rule.key[0]],
        }
        for rule in found.rules
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
        (_("rule"), result.rules),
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
                    line.records or None,
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
