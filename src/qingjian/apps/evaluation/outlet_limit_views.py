"""Pages of what outlets are held against, and of warnings before a limit is reached."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.evaluation import (
    outlet_samples,
    outlets,
    queries,
    tables,
    words,
)
from qingjian.apps.evaluation.drafts import day_of
from qingjian.apps.evaluation.explained import drawer
from qingjian.apps.evaluation.pages import caveats
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.current import now
from qingjian.standards.phrases import chinese
from qingjian.ui import asked
from qingjian.ui.listing import workbook_response

DEVICE, SAMPLES = gettext_lazy("device"), gettext_lazy("samples of laboratories")
JUDGED = {
    "samples": SAMPLES,
    "nothing": gettext_lazy("nothing: no series holds samples of it"),
    "unit": gettext_lazy("nothing: its series is in a unit that cannot be compared"),
    "words": gettext_lazy("nothing: a limit in words"),
}
"""What judges a limit that no device is held against."""
SIGNS = {"<=": "≤", "<": "<", ">=": "≥", ">": ">"}
MUNICIPAL = "GB 18918"
"""Municipal waste water: the instantaneous limits of its amendment of 2026 are not known."""

AVERAGINGS = (
    ("hour", gettext_lazy("Hour")),
    ("day", gettext_lazy("Day")),
    ("month", gettext_lazy("Month")),
    ("year", gettext_lazy("Year")),
)


def outlet_limits(request: HttpRequest) -> HttpResponse:
    """What each outlet is held against on a day: permit and standards side by side, the strictest marked."""
    account_rules.require(request.user, Capability.VIEW_DATA)
    day = asked.day(request, "on") or day_of(now())
    rows = list(_limit_rows(request.user, day))
    without_device = list(_rows_without_device(request.user, day))
    if request.GET.get("export") == "xlsx":
        heads = [_("Outlet"), _("Factor"), _("Averaging period"), _("Limit"), _("Document"), _("Decides")]
        heads += [_("From"), _("To (not included)"), _("Confidence"), _("Judged from")]
        return workbook_response(
            "outlet-limits",
            heads,
            (
                [
                    str(row["outlet"]),
                    str(row["factor"]),
                    str(row["averaging"]),
                    row["text"],
                    row["document"],
                    row["decides"],
                    row["valid_from"],
                    row["valid_to"],
                    row["confidence"],
                    str(row["judged"]),
                ]
                for row in (*rows, *without_device)
            ),
        )
    context = {
        "title": _("Limits of outlets"),
        "tab": "limits",
        "rows": rows,
        "without_device": without_device,
        "caveats": caveats(MUNICIPAL) if any(MUNICIPAL in row["document"] for row in rows) else [],
        "by_temperature": any(row["by_temperature"] for row in rows),
        "unfit": _unfit_rows(request.user, day),
        "day": day,
        "may_propose": account_rules.may(request.user, Capability.CONFIRM_RULES),
        "may_propose_permit": account_rules.may(request.user, Capability.PROPOSE_REGISTRY),
    }
    return render(request, "evaluation/outlet_limits.html", context)


def _limit_rows(user: Any, day: date) -> Iterator[dict[str, Any]]:
    book = rulebook()
    for outlet in queries.outlets_in_reach(user):
        for averaging, title in AVERAGINGS:
            for series, converted, held in outlet.held(day, averaging, book):
                beside = [
                    one.water.otherwise for one in held if one.water is not None and one.water.otherwise
                ]
                for place, bound in enumerate([*held, *beside]):
                    source = bound.limit if bound.limit is not None else bound.row
                    yield {
                        "outlet": outlet.point.outlet,
                        "point": outlet.point,
                        "factor": series.factor,
                        "judged": SAMPLES if outlet_samples.by_laboratory(series) else DEVICE,
                        "averaging": title,
                        "converted": converted,
                        "text": f"{bound.text} {words.unit(series.unit)}".strip(),
                        "document": bound.document,
                        "condition": "; ".join(
                            one if queries.language() == "en" else chinese(one)
                            for one in (bound.temperature, bound.row.values.get("condition", ""))
                            if one
                        )
                        if bound.row
                        else "",
                        "permit": bound.limit is not None,
                        "decides": place == 0,
                        "several": len(held) + len(beside) > 1,
                        "by_temperature": bool(bound.temperature)
                        and (bound in beside or bound.water is not None),
                        "valid_from": _day(source.valid_from),
                        "valid_to": _day(source.valid_to),
                        "confidence": bound.row.confidence.value if bound.row else "S",
                        "confirmed": bool(bound.row and bound.row.confirmed),
                    }


def _rows_without_device(user: Any, day: date) -> Iterator[dict[str, Any]]:
    """Limits of assigned standards that no device is held against, and what judges them."""
    book = rulebook()
    for outlet in queries.outlets_in_reach(user):
        for one in outlet_samples.beside_devices(outlet, day, book):
            row = one.limit.row
            yield {
                "outlet": outlet.point.outlet,
                "point": outlet.point,
                "factor": words.item(row["pollutant_cn"]),
                "averaging": row["averaging_period"],
                "text": f"{SIGNS.get(row['op'], '')}{row['limit']} {words.unit(row['unit'])}".strip(),
                "document": " ".join(part for part in (row.citation, one.limit.category) if part),
                "condition": row["condition"] if queries.language() == "en" else chinese(row["condition"]),
                "judged": JUDGED[one.state],
                "colour": "azure" if one.state == "samples" else "orange",
                "unit": words.unit(one.unit),
                "decides": None,
                "valid_from": row.valid_from,
                "valid_to": row.valid_to,
                "confidence": row.confidence.value,
            }


def _unfit_rows(user: Any, day: date) -> list[dict[str, Any]]:
    """Limits that judge nothing, with what is lacking: a permit limit in another unit, a reference oxygen of the series."""
    book = rulebook()
    found = []
    for outlet in queries.outlets_in_reach(user):
        subject = {"point": outlet.point, "outlet": outlet.point.outlet}
        for averaging, _title in AVERAGINGS:
            found += [
                {
                    **subject,
                    "factor": series.factor,
                    "limit": f"{outlets.bounds(limit)} {words.unit(limit.unit)}",
                    "lacking": _("the limit cannot be expressed in the unit of the series, %(unit)s")
                    % {"unit": words.unit(series.unit)},
                }
                for limit, series in outlet.unfit(day, averaging)
            ]
            found += [
                {
                    **subject,
                    "factor": series.factor,
                    "limit": f"{bound.text} {words.unit(series.unit)} ({bound.document})",
                    "lacking": _(
                        "the limit refers to %(oxygen)s %% oxygen and no reference oxygen is registered for the series"
                    )
                    % {"oxygen": f"{bound.reference_oxygen:f}"},
                }
                for bound, series in outlet.lacking_oxygen(day, averaging, book)
            ]
    return found


def _day(value: Any) -> date | None:
    return day_of(value) if hasattr(value, "hour") else value


def trend_warnings(request: HttpRequest) -> HttpResponse:
    """Warnings before a limit is reached, with how many were right."""
    account_rules.require(request.user, Capability.VIEW_DATA)
    rows = queries.trend_warnings_visible_to(request.user)
    settings = rulebook().rows("evaluation_parameters")
    return tables.TrendWarningListing(request, rows).response(
        {
            "tab": "trends",
            "record": queries.warning_record(rows),
            "settings": [row for row in settings if row["subject"].startswith("trend_warning")],
        }
    )


def trend_why(request: HttpRequest, pk: int) -> HttpResponse:
    """The drawer: why somebody was warned."""
    row = get_object_or_404(queries.trend_warnings_visible_to(request.user), pk=pk)
    return drawer(
        request,
        f"{row.series.factor} {row.share:g}%",
        str(row.point.outlet),
        row.trace,
        label=queries.label_of([row.series]),
    )
