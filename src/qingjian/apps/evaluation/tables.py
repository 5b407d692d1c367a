"""Lists of evaluation."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from qingjian.apps.evaluation import outlets, words
from qingjian.apps.evaluation.models import Exceedance, TrendWarning
from qingjian.apps.observing.models import Alert
from qingjian.ui.listing import Choice, Column, Listing, Search

STATES = (
    ("running", _("Going on")),
    ("ended", _("Over")),
    ("marked", _("Marked")),
    ("explained", _("Explained")),
)
STATE_COLOURS = {"running": "red", "ended": "orange", "marked": "secondary", "explained": "green"}
_EXPLAINED = Q(alert_state=Alert.State.CLOSED) & ~Q(alert_cause="")


def state(row: Exceedance) -> str:
    """Running, marked, explained by the cause of its alert, or ended."""
    if row.marked:
        return "marked"
    if row.alert_state == Alert.State.CLOSED and row.alert_cause:
        return "explained"
    return "running" if row.running else "ended"


def state_text(row: Exceedance) -> str:
    name = state(row)
    text = str(dict(STATES)[name])
    return f"{text}: {Alert.Cause(row.alert_cause).label}" if name == "explained" else text


def _in_state(rows: QuerySet[Any], name: str) -> QuerySet[Any]:
    if name == "marked":
        return rows.filter(marked=True)
    if name == "explained":
        return rows.filter(_EXPLAINED, marked=False)
    return rows.filter(marked=False, running=name == "running").exclude(_EXPLAINED)


def duration(row: Exceedance) -> str:
    """Return how long it lasted in its own periods."""
    return lasting(row.averaging, row.periods)


def lasting(averaging: str, count: int) -> str:
    """Return a number of averaging periods as text."""
    return {
        "hour": gettext("%(count)d h"),
        "day": gettext("%(count)d d"),
        "month": ngettext("%(count)d month", "%(count)d months", count),
        "sample": ngettext("%(count)d sample", "%(count)d samples", count),
        "year": ngettext("%(count)d year", "%(count)d years", count),
    }[averaging] % {"count": count}


def _where(title: Any) -> Column:
    return Column(
        "point",
        title,
        value=lambda row: str(row.point.outlet or row.point),
        order="point__code",
        link=lambda row: reverse("point", args=(row.point.code,)),
    )


OF_WHAT = (
    Column("series", _("Factor"), value=lambda row: str(row.series.factor), order="series__factor__code"),
    Column(
        "averaging",
        _("Averaging period"),
        value=lambda row: row.get_averaging_display(),
        order="averaging",
    ),
)
"""Factor and period, in lists of exceedances and trend warnings."""


class ExceedanceListing(Listing):
    title = _("Exceedances")
    name = "exceedances"
    model = Exceedance
    template = "evaluation/exceedances.html"
    columns = (
        _where(_("Outlet")),
        *OF_WHAT,
        Column("start", _("From")),
        Column("periods", _("Duration"), value=duration, order="periods", numeric=True),
        Column("peak", _("Highest value"), numeric=True),
        Column(
            "limit",
            _("Limit"),
            value=lambda row: row.held_against or f"{outlets.bounds(row.limit)} {words.unit(row.limit.unit)}",
            order="",
        ),
        Column(
            "multiple",
            _("Times above the limit"),
            value=lambda row: None if row.multiple is None else round(row.multiple, 2),
            order="multiple",
            numeric=True,
        ),
        Column("state", _("State"), value=state_text, order="", badge=lambda row: STATE_COLOURS[state(row)]),
        Column(
            "evaluation_id",
            _("Why?"),
            value=lambda row: gettext("Why?"),
            order="",
            link=lambda row: reverse("evaluation-why", args=(row.evaluation_id,)),
        ),
    )
    filters = (
        Search(
            (
                "point__name",
                "point__outlet__source__name",
                "series__factor__name_zh",
                "series__factor__name_en",
                "series__code",
            )
        ),
        Choice("state", _("State"), STATES, use=_in_state),
        Choice("averaging", _("Averaging period"), Exceedance._meta.get_field("averaging").choices or ()),
    )
    empty_text = _("No exceedance.")


OUTCOME_COLOURS = {
    "running": "orange",
    "reached": "red",
    "passed": "green",
    "unknown": "secondary",
    "withdrawn": "secondary",
}


def unit_warned(row: TrendWarning) -> str:
    """Return the unit of a warning's value: that of the limit it was held against, which stands behind its number."""
    _number, _space, unit = row.held_against.split(" (")[0].partition(" ")
    return words.unit(unit or row.series.unit)


class TrendWarningListing(Listing):
    title = _("Trend warnings")
    name = "trend-warnings"
    model = TrendWarning
    template = "evaluation/trend_warnings.html"
    columns = (
        _where(_("Outlet or station")),
        Column(
            "series",
            _("Factor"),
            value=lambda row: f"{row.series.factor} · {row.get_averaging_display()}",
            order="series__factor__code",
        ),
        Column("start", _("Warned at")),
        Column(
            "value", _("Value"), value=lambda row: f"{row.value:g}\u00a0{unit_warned(row)}", order="value"
        ),
        Column("held_against", _("Limit"), order=""),
        Column("share", _("Nearness (%)"), numeric=True),
        Column("expected_at", _("Limit expected at")),
        Column(
            "outcome",
            _("What became of it"),
            value=lambda row: row.get_outcome_display(),
            order="outcome",
            badge=lambda row: OUTCOME_COLOURS[row.outcome],
        ),
        Column(
            "alert_id",
            _("Alert"),
            value=lambda row: gettext("Alert") if row.alert_id else None,
            order="",
            link=lambda row: reverse("alert", args=(row.alert_id,)) if row.alert_id else None,
        ),
        Column(
            "pk",
            _("Why?"),
            value=lambda row: gettext("Why?"),
            order="",
            link=lambda row: reverse("trend-why", args=(row.pk,)),
        ),
    )
    filters = (
        Search(("point__name", "point__outlet__source__name", "series__factor__name_zh", "series__code")),
        Choice("outcome", _("What became of it"), TrendWarning.Outcome.choices),
        Choice("averaging", _("Averaging period"), (("hour", _("Hour")), ("day", _("Day")))),
    )
    empty_text = _("No warning: nothing moves towards its limit.")
