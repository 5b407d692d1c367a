"""The page of one matter: tabs, the whole file for printing, and its workbook."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from qingjian.apps.accounts import services as account_services
from qingjian.apps.matters import declarations, dossier, queries, rules, wording
from qingjian.apps.matters.models import Matter
from qingjian.apps.matters.outside import Reading
from qingjian.apps.matters.services.kernel import APPROVER, HANDLER, SUPERVISOR
from qingjian.apps.matters.tables import waits_for
from qingjian.contracts.current import now
from qingjian.ui.listing import sheets_response

TABS = (
    ("form", gettext_lazy("Content")),
    ("evidence", gettext_lazy("Evidence")),
    ("documents", gettext_lazy("Documents")),
    ("signatures", gettext_lazy("Signatures")),
    ("deadlines", gettext_lazy("Deadlines")),
    ("trail", gettext_lazy("Trail")),
)
WHOLE = "all"
SHOWN_INLINE = ("image/jpeg", "image/png", "image/webp")


def find_matter(request: HttpRequest, pk: int) -> Matter:
    """Return a matter the person sees; reading a confidential one is recorded."""
    row = get_object_or_404(
        queries.listed(queries.visible_to(request.user)).select_related("opened_by"), pk=pk
    )
    record_reading(request, row)
    return row


def record_reading(request: HttpRequest, row: Matter) -> None:
    """Write into the access trail that a confidential matter, or a file of it, was read."""
    if row.confidentiality == "confidential" and request.method == "GET":
        account_services.record(
            request.user,
            "matters:confidential:read",
            row.number,
            {"path": request.path},
            address=request.META.get("REMOTE_ADDR", "") or "",
        )


def _steps(matter: Matter, visited: set[str]) -> list[dict[str, Any]]:
    """Return the states in declared order; ends are shown only when reached, so that the line stays short."""
    shown = []
    for one in matter.declaration.states:
        if one.final and one.code != matter.state:
            continue
        shown.append({"title": one.title, "active": one.code == matter.state, "visited": one.code in visited})
    if matter.state == declarations.VOID:
        shown.append({"title": matter.present.title, "active": True, "visited": True})
    elif not any(one.final and one.code == matter.state for one in matter.declaration.states):
        shown.append({"title": _("End"), "active": False, "visited": False})
    return shown


def matter(request: HttpRequest, pk: int) -> HttpResponse:
    """The page of one matter; `?tab=all` is the whole file for printing, `?export=xlsx` its workbook."""
    row = find_matter(request, pk)
    reached = rules.reaches(request.user)
    inside = rules.is_inside(reached, row)
    reading = Reading(row, inside)
    links = _links(request.user, row, reached)
    if request.GET.get("export") == "xlsx":
        return sheets_response(f"matter-{row.pk}", dossier.sheets(row, reading, links))
    asked = request.GET.get("tab", "")
    tab = asked if asked in (*(code for code, _title in TABS), WHOLE) else "form"
    deadlines = queries.deadlines_of(row, inside)
    possible = rules.open_actions(request.user, row) if row.is_open else []
    context = {
        "matter": row,
        "title": row.heading,
        "process": row.declaration,
        "tab": tab,
        "tabs": _tabs(reading, tab, len(deadlines)),
        "parts": [code for code, _title in TABS] if tab == WHOLE else [tab],
        "titles": dict(TABS),
        "steps": _steps(row, {state for one in reading.lines for state in (one.after, one.before)}),
        "state": row.present,
        "origin": row.origin_address if inside or not row.declaration.origin_inside else "",
        "light": queries.light(row.due, now(), not row.is_open),
        "deadlines": deadlines,
        "actions": possible,
        "refused": [
            (action, verdict.reason)
            for action, verdict in possible
            if not verdict.allowed and any(rules.stands_on(action.who, one, row) for one in reached)
        ],
        "own_actions": _own_actions(request.user, row, reached),
        "to_sign": queries.sheet_to_sign(request.user, row) if row.is_open else None,
        "links": links,
        "follow_ups": [
            one
            for one in declarations.processes()
            if row.kind in one.follows and rules.may(request.user, one.who_opens, row, reached).allowed
        ],
        "waits_for": waits_for(row) if row.is_open else "",
        "rows": wording.data_rows(row, reading.data),
        "now": now(),
        "shown_inline": SHOWN_INLINE,
        "may_withdraw_disclosure": rules.may(request.user, APPROVER, row, reached).allowed,
    }
    for part in context["parts"]:
        context |= _part(row, part, deadlines, reading)
    return render(request, "matters/whole.html" if tab == WHOLE else "matters/matter.html", context)


def _part(row: Matter, part: str, deadlines: list[Any], reading: Reading) -> dict[str, Any]:
    """Return what the template of one tab needs."""
    match part:
        case "evidence":
            return {"evidence": dossier.evidence(row, reading)}
        case "documents":
            return {"documents": dossier.documents(row, reading), "disclosures": dossier.disclosures(row)}
        case "signatures":
            return {"sheets": dossier.signatures(row, reading)}
        case "deadlines":
            return {
                "explained": dossier.explained(row, deadlines),
                "stops": dossier.stops(row),
                "calendar": queries.calendar(),
            }
        case "trail":
            return {
                "trail": dossier.trail(row, reading.lines),
                "told": dossier.told(row) if reading.inside else [],
            }
    return {}


def _tabs(reading: Reading, tab: str, clocks: int) -> list[dict[str, Any]]:
    counts = {
        "evidence": len(reading.evidence),
        "documents": len(reading.documents),
        "deadlines": clocks,
        "trail": len(reading.lines),
    }
    return [
        {"code": code, "title": title, "count": counts.get(code), "active": code == tab}
        for code, title in TABS
    ]


def _links(user: Any, row: Matter, reached: Any) -> list[tuple[str, Matter]]:
    """Return the linked matters the person may see, each with how they belong together."""
    found = [
        *((_link_words(one.kind, out=True), one.target) for one in row.links_out.select_related("target")),
        *((_link_words(one.kind, out=False), one.source) for one in row.links_in.select_related("source")),
    ]
    if not found:
        return []
    seen = set(
        queries.visible_to(user, reached)
        .filter(pk__in=[other.pk for _text, other in found])
        .values_list("pk", flat=True)
    )
    return [(text, other) for text, other in found if other.pk in seen]


def _link_words(kind: str, *, out: bool) -> str:
    return {
        "follows": _("follows from") if out else _("is followed by"),
        "concerns": _("concerns the same as"),
        "merged": _("merged into") if out else _("took in"),
    }[kind]


def _own_actions(user: Any, row: Matter, reached: Any) -> list[tuple[str, Any]]:
    """Return the kernel's actions this person may take now, with their titles."""
    if not row.is_open:
        asked = row.stops.filter(state="asked").exists()
        decides = asked and rules.may(user, APPROVER, row, reached).allowed
        return [(name, OWN_TITLES[name]) for name in ("approve-stop", "refuse-stop") if decides]
    handles = rules.may(user, HANDLER, row, reached).allowed
    approves = rules.may(user, APPROVER, row, reached).allowed
    supervises = approves or rules.may(user, SUPERVISOR, row, reached).allowed
    takes_part = (
        handles or approves or (row.shared and any(row.subject_id in one.organisations for one in reached))
    )
    asked = row.stops.filter(state="asked").exists()
    stopped = row.stops.filter(state="approved", end=None).exists()
    running = row.deadlines.filter(state="running").exists()
    return [
        (name, OWN_TITLES[name])
        for name, allowed in (
            ("attach", takes_part),
            ("import-recorder", takes_part),
            ("comment", takes_part),
            ("assign", approves or (handles and row.assignee_id == user.pk)),
            ("urge", supervises),
            ("request-stop", handles and running and not asked and not stopped),
            ("approve-stop", approves and asked),
            ("refuse-stop", approves and asked),
            ("resume", handles and stopped),
            ("link", takes_part),
            ("void", approves),
        )
        if allowed
    ]


OWN_TITLES = {
    "attach": gettext_lazy("Attach evidence"),
    "import-recorder": gettext_lazy("Import from a recorder"),
    "comment": gettext_lazy("Add a note"),
    "assign": gettext_lazy("Hand over"),
    "urge": gettext_lazy("Urge on"),
    "request-stop": gettext_lazy("Ask to stop the clock"),
    "approve-stop": gettext_lazy("Approve the stop of the clock"),
    "refuse-stop": gettext_lazy("Refuse the stop of the clock"),
    "resume": gettext_lazy("Let the clock run again"),
    "link": gettext_lazy("Link another matter"),
    "void": gettext_lazy("Declare void"),
    "withdraw-disclosure": gettext_lazy("Take the publication back"),
    "withdraw-evidence": gettext_lazy("Withdraw evidence"),
}
