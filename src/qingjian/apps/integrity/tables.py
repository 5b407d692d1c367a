"""Lists of data integrity."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts.models import Region
from qingjian.apps.integrity import words
from qingjian.apps.integrity.funnel import Selection
from qingjian.apps.integrity.models import Suspect
from qingjian.apps.integrity.panels import midnight, yesterday
from qingjian.apps.integrity.processes import VERIFICATION
from qingjian.apps.integrity.self_proof import SELF_PROOF
from qingjian.apps.matters.tables import POINT, ProcessListing
from qingjian.apps.network.kinds import ELEMENTS, kinds_of
from qingjian.apps.observing.models import Clue
from qingjian.contracts.clock import CHINA
from qingjian.ui.listing import Choice, Column, Listing, Search

STATE_COLOURS = {"open": "azure", "confirmed": "red", "dismissed": "green"}
SHOWN_MONTHS = 24
SIMULATION = (("0", _("Without simulation")), ("1", _("Only simulation")))


def simulation_text(simulated: bool) -> object:
    return _("simulation") if simulated else ""


def remark(row: Clue) -> str:
    """Return what has to be said of a clue at first sight: simulated data, too little history."""
    low = _("low confidence") if row.confidence == "low" else ""
    return " · ".join(str(one) for one in (simulation_text(row.simulated), low) if one)


def _factor(row: Clue) -> str:
    return str(row.series.factor) if row.series else "–"


def by_element(rows: QuerySet[Clue], element: str) -> QuerySet[Clue]:
    return rows.filter(point__kind__in=kinds_of(element))


def by_county(rows: QuerySet[Clue], code: str) -> QuerySet[Clue]:
    return rows.filter(point__region__code__startswith=code)


def by_period(rows: QuerySet[Clue], period: str) -> QuerySet[Clue]:
    """Narrow to clues about a period of the data, as the funnel counts it."""
    first, last = Selection(period=period).days()
    if first is not None:
        rows = rows.filter(start__gte=midnight(first))
    return rows if last is None else rows.filter(start__lt=midnight(last + timedelta(days=1)))


def counties() -> list[tuple[str, str]]:
    return list(Region.objects.filter(level="county").values_list("code", "name"))


def periods() -> list[tuple[str, object]]:
    """Return the periods a list can be narrowed to: the last months together, and each of two years."""
    month = yesterday().replace(day=1)
    found: list[tuple[str, object]] = [("3", _("last 3 months")), ("12", _("last 12 months"))]
    for _number in range(SHOWN_MONTHS):
        found.append((f"{month:%Y-%m}", f"{month:%Y-%m}"))
        month = (month - timedelta(days=1)).replace(day=1)
    return found


WITH_POINT = (*ProcessListing.columns[:2], POINT, *ProcessListing.columns[2:])


class VerificationListing(ProcessListing):
    title = _("Clue verifications")
    name = "clue-verifications"
    process = VERIFICATION
    columns = WITH_POINT
    empty_text = _("No clue is being verified. Open one from the list of clues.")


class SelfProofListing(ProcessListing):
    title = _("Self-proofs of truth")
    name = "self-proofs"
    process = SELF_PROOF
    columns = WITH_POINT
    empty_text = _("No self-proof was asked for.")


class ClueListing(Listing):
    title = _("Clues")
    name = "clues"
    model = Clue
    template = "integrity/clues.html"
    columns = (
        Column(
            "kind",
            _("Clue"),
            value=lambda row: words.kind_title(row.kind),
            order="kind",
            link=lambda row: reverse("clue", args=(row.pk,)),
        ),
        Column(
            "state",
            _("State"),
            value=lambda row: row.get_state_display(),
            order="state",
            badge=lambda row: STATE_COLOURS[row.state],
        ),
        Column(
            "simulated",
            _("Remark"),
            value=remark,
            order="simulated",
            badge=lambda row: "orange" if row.simulated else "yellow" if row.confidence == "low" else None,
        ),
        Column("point", _("Monitoring point"), order="point__name"),
        Column("series", _("Factor"), value=_factor, order="series__factor__code"),
        Column("start", _("From"), value=lambda row: row.start.astimezone(CHINA).date(), order="start"),
        Column(
            "days",
            _("Days"),
            value=lambda row: max(1, (row.end - row.start).days) if row.end else None,
            numeric=True,
            order="",
        ),
        Column("rule", _("Rule"), value=lambda row: words.rule_title(row.rule), order="rule", whole=True),
        Column(
            "score", _("Score"), value=lambda row: words.score_text(row.score), numeric=True, order="score"
        ),
        Column(
            "opened_at",
            _("Opened"),
            value=lambda row: row.opened_at.astimezone(CHINA).date(),
            order="opened_at",
        ),
    )
    filters = (
        Search(("point__name", "point__code", "statement", "statement_en", "series__code")),
        Choice("state", _("State"), Clue.State.choices),
        Choice("kind", _("Kind"), words.kinds),
        Choice("rule", _("Rule"), lambda: list(words.RULES.items())),
        Choice("element", _("Element"), lambda: list(ELEMENTS.items()), use=by_element),
        Choice("county", _("County"), counties, use=by_county),
        Choice("period", _("Period"), periods, use=by_period),
        Choice(
            "simulated",
            _("Simulation"),
            SIMULATION,
            use=lambda rows, text: rows.filter(simulated=text == "1"),
        ),
    )
    empty_text = _("No clue.")


def suspects_by_element(rows: QuerySet[Suspect], element: str) -> QuerySet[Suspect]:
    return rows.filter(series__point__kind__in=kinds_of(element))


def suspects_by_county(rows: QuerySet[Suspect], code: str) -> QuerySet[Suspect]:
    return rows.filter(series__point__region__code__startswith=code)


def suspects_by_period(rows: QuerySet[Suspect], period: str) -> QuerySet[Suspect]:
    """Narrow to suspects about a period of the data, as the funnel counts it."""
    first, last = Selection(period=period).days()
    if first is not None:
        rows = rows.filter(first_day__gte=first)
    return rows if last is None else rows.filter(first_day__lte=last)


def suspects_by_simulation(rows: QuerySet[Suspect], text: str) -> QuerySet[Suspect]:
    only = rows.filter(series__origin="simulated")
    return only if text == "1" else rows.exclude(series__origin="simulated")


class SuspectListing(Listing):
    title = _("Suspects")
    name = "suspects"
    model = Suspect
    columns = (
        Column(
            "kind",
            _("Kind"),
            value=lambda row: words.kind_title(row.kind),
            order="kind",
            link=lambda row: reverse("clue", args=(row.clue_id,)) if row.clue_id else None,
        ),
        Column(
            "simulated",
            _("Simulated"),
            value=lambda row: simulation_text(row.series.origin == "simulated"),
            order="series__origin",
            badge=lambda row: "orange" if row.series.origin == "simulated" else None,
        ),
        Column(
            "point", _("Monitoring point"), value=lambda row: row.series.point, order="series__point__name"
        ),
        Column("series", _("Factor"), value=lambda row: row.series.factor, order="series__factor__code"),
        Column("first_day", _("From")),
        Column("last_day", _("To")),
        Column("rule", _("Rule"), value=lambda row: words.rule_title(row.rule), order="rule", whole=True),
        Column(
            "score", _("Score"), value=lambda row: words.score_text(row.score), numeric=True, order="score"
        ),
        Column(
            "outcome",
            _("Outcome"),
            value=lambda row: _("no longer found") if row.withdrawn else row.get_outcome_display(),
            order="outcome",
            badge=lambda row: (
                "azure" if row.outcome == Suspect.Outcome.CLUE and not row.withdrawn else "secondary"
            ),
        ),
        Column("version", _("Version"), numeric=True),
    )
    filters = (
        Search(("series__point__name", "series__code")),
        Choice("outcome", _("Outcome"), Suspect.Outcome.choices),
        Choice("kind", _("Kind"), words.kinds),
        Choice("rule", _("Rule"), lambda: list(words.RULES.items())),
        Choice("element", _("Element"), lambda: list(ELEMENTS.items()), use=suspects_by_element),
        Choice("county", _("County"), counties, use=suspects_by_county),
        Choice("period", _("Period"), periods, use=suspects_by_period),
        Choice("simulated", _("Simulation"), SIMULATION, use=suspects_by_simulation),
    )
    empty_text = _("Nothing was found above the budget.")
