"""One matter: its page with tabs, and its files."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from qingjian.apps.accounts import services as account_services
from qingjian.apps.matters import declarations, documents, queries, rules, wording
from qingjian.apps.matters.models import Evidence, Matter, SignOff
from qingjian.apps.matters.services import files
from qingjian.apps.matters.services.kernel import APPROVER, HANDLER
from qingjian.apps.matters.tables import waits_for
from qingjian.apps.matters.words import ACTIONS
from qingjian.contracts.current import now

TABS = (
    ("form", gettext_lazy("Content")),
    ("evidence", gettext_lazy("Evidence")),
    ("documents", gettext_lazy("Documents")),
    ("signatures", gettext_lazy("Signatures")),
    ("deadlines", gettext_lazy("Deadlines")),
    ("trail", gettext_lazy("Trail")),
)
SHOWN_INLINE = ("image/jpeg", "image/png", "image/webp")


def find_matter(request: HttpRequest, pk: int) -> Matter:
    return get_object_or_404(
        queries.listed(queries.visible_to(request.user)).select_related("opened_by"), pk=pk
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
    """The page of one matter; reading a confidential one is recorded."""
    row = find_matter(request, pk)
    if row.confidentiality == "confidential":
        account_services.record(
            request.user,
            "matters:confidential:read",
            row.number,
            address=request.META.get("REMOTE_ADDR", "") or "",
        )
    tabs = [code for code, _title in TABS]
    tab = request.GET.get("tab") if request.GET.get("tab") in tabs else "form"
    trail = list(row.trail.select_related("actor", "on_behalf_of"))
    reached = rules.reaches(request.user)
    seen = frozenset(
        queries.visible_to(request.user, reached)
        .filter(
            pk__in=[
                *row.links_out.values_list("target", flat=True),
                *row.links_in.values_list("source", flat=True),
            ]
        )
        .values_list("pk", flat=True)
    )
    context = {
        "matter": row,
        "title": row.title,
        "process": row.declaration,
        "tab": tab,
        "tabs": _tabs(row, tab),
        "steps": _steps(row, {one.after for one in trail} | {one.before for one in trail}),
        "state": row.present,
        "light": queries.light(row.due, now(), not row.is_open),
        "deadlines": queries.deadlines_of(row),
        "actions": rules.open_actions(request.user, row) if row.is_open else [],
        "own_actions": _own_actions(request.user, row, reached),
        "to_sign": queries.sheet_to_sign(request.user, row) if row.is_open else None,
        "links": [
            *(
                (one.get_kind_text(), one.target)
                for one in _titled(row.links_out.select_related("target"), out=True)
                if one.target_id in seen
            ),
            *(
                (one.get_kind_text(), one.source)
                for one in _titled(row.links_in.select_related("source"), out=False)
                if one.source_id in seen
            ),
        ],
        "follow_ups": [
            one
            for one in declarations.processes()
            if row.kind in one.follows and rules.may(request.user, one.who_opens, row, reached).allowed
        ],
        "waits_for": _waiting_words(row),
        "rows": wording.data_rows(row),
        "now": now(),
    }
    match tab:
        case "evidence":
            context["evidence"] = row.evidence.select_related("file", "added_by", "withdrawn_by")
            context["shown_inline"] = SHOWN_INLINE
        case "documents":
            context["documents"] = row.documents.select_related("file", "made_by")
        case "signatures":
            context["sheets"] = _sheets(row)
        case "deadlines":
            context["explained"] = _explained(row, context["deadlines"])
            context["stops"] = row.stops.select_related("asked_by", "decided_by")
            context["calendar"] = queries.calendar()
        case "trail":
            context["trail"] = _trail(row, trail)
    return render(request, "matters/matter.html", context)


def _tabs(row: Matter, tab: str) -> list[dict[str, Any]]:
    counts = {
        "evidence": row.evidence.count(),
        "documents": row.documents.count(),
        "deadlines": row.deadlines.count(),
        "trail": row.trail.count(),
    }
    return [
        {"code": code, "title": title, "count": counts.get(code), "active": code == tab}
        for code, title in TABS
    ]


def _titled(links: Any, *, out: bool) -> list[Any]:
    words = {
        "follows": _("follows from") if out else _("is followed by"),
        "concerns": _("concerns the same as"),
        "merged": _("merged into") if out else _("took in"),
    }
    rows = list(links)
    for one in rows:
        one.get_kind_text = lambda text=words[one.kind]: text
    return rows


def _waiting_words(row: Matter) -> Any:
    return waits_for(row) if row.is_open else ""


def _own_actions(user: Any, row: Matter, reached: Any) -> list[tuple[str, Any]]:
    """Return the kernel's actions this person may take now, with their titles."""
    if not row.is_open:
        return []
    handles = rules.may(user, HANDLER, row, reached).allowed
    approves = rules.may(user, APPROVER, row, reached).allowed
    takes_part = (
        handles or approves or (row.shared and any(row.subject_id in one.organisations for one in reached))
    )
    asked = row.stops.filter(state="asked").exists()
    stopped = row.stops.filter(state="approved", end=None).exists()
    running = row.deadlines.filter(state="running").exists()
    found = []
    for name, allowed in (
        ("attach", takes_part),
        ("comment", takes_part),
        ("assign", approves or (handles and row.assignee_id == user.pk)),
        ("request-stop", handles and running and not asked and not stopped),
        ("approve-stop", approves and asked),
        ("refuse-stop", approves and asked),
        ("resume", handles and stopped),
        ("link", takes_part),
        ("void", approves),
    ):
        if allowed:
            found.append((name, OWN_TITLES[name]))
    return found


OWN_TITLES = {
    "attach": gettext_lazy("Attach evidence"),
    "comment": gettext_lazy("Add a note"),
    "assign": gettext_lazy("Hand over"),
    "request-stop": gettext_lazy("Ask to stop the clock"),
    "approve-stop": gettext_lazy("Approve the stop of the clock"),
    "refuse-stop": gettext_lazy("Refuse the stop of the clock"),
    "resume": gettext_lazy("Let the clock run again"),
    "link": gettext_lazy("Link another matter"),
    "void": gettext_lazy("Declare void"),
}


def _sheets(row: Matter) -> list[dict[str, Any]]:
    found = []
    for sheet in row.sheets.select_related("document").prefetch_related(
        "signatures__signer", "signatures__drawing"
    ):
        kind = row.declaration.sheet(sheet.code)
        titles = {one.code: one.title for one in kind.signers} | {"outsider": _("Person present")}
        signatures = list(sheet.signatures.all())
        for one in signatures:
            one.slot_title = titles.get(one.slot, one.slot)
        done = sum(1 for one in signatures if not one.refused and one.slot != "outsider")
        waiting = kind.signers[done:] if sheet.state == "open" else ()
        found.append({"sheet": sheet, "title": kind.title, "signatures": signatures, "waiting": waiting})
    return found


def _explained(row: Matter, clocks: list[Any]) -> list[dict[str, Any]]:
    found = []
    for clock in clocks:
        answer = queries.computed(clock)
        lines = answer.explain(wording.language())
        found.append(
            {
                "clock": clock,
                "title": wording.deadline_title(row.declaration, clock.code, clock.title),
                "headline": lines[0],
                "steps": [
                    {
                        "day": one.day,
                        "counted": one.counted,
                        "number": one.number,
                        "text": one.en if queries.english() else one.zh,
                    }
                    for one in answer.explanation
                ],
                "closing": lines[1 + len(answer.explanation) :],
                "differs": answer.due != clock.due and clock.state in ("running", "paused"),
            }
        )
    return found


def _trail(row: Matter, trail: list[Any]) -> list[Any]:
    fields = row.declaration.all_fields()
    for one in trail:
        one.title = wording.action_title(row.declaration, one.action)
        if one.action == "open":
            one.title = ACTIONS["open"]
        one.after_title = row.declaration.state(one.after).title if one.after != one.before else ""
        one.shown = [
            (fields[name].title, wording.value_text(fields[name], value))
            for name, value in one.data.items()
            if name in fields and fields[name].kind != "person"
        ]
    return trail


def evidence(request: HttpRequest, pk: int) -> HttpResponse:
    """A piece of evidence as a download, pictures also in the page."""
    row = get_object_or_404(
        Evidence.objects.select_related("file", "matter").filter(matter__in=queries.visible_to(request.user)),
        pk=pk,
    )
    return _file(
        row.file, row.name, inline=row.file.media_type in SHOWN_INLINE and request.GET.get("show") == "1"
    )


def _file(file: Any, name: str, *, inline: bool = False) -> HttpResponse:
    path = files.path_of(file.digest)
    if not path.exists():
        raise Http404
    response = FileResponse(
        path.open("rb"), as_attachment=not inline, filename=name, content_type=file.media_type
    )
    # Whatever an upload contains, it never runs as a page of this site.
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def document(request: HttpRequest, pk: int) -> HttpResponse:
    """The .docx of record."""
    row = get_object_or_404(queries.documents_visible_to(request.user), pk=pk)
    return _file(row.file, f"{row.number}.docx")


def document_pdf(request: HttpRequest, pk: int) -> HttpResponse:
    """A PDF for reading and printing; the .docx remains the document of record."""
    row = get_object_or_404(queries.documents_visible_to(request.user), pk=pk)
    try:
        content = documents.pdf(files.read(row.file))
    except OSError as error:
        messages.error(
            request, _("No PDF can be made here (%(error)s). Use the Word file.") % {"error": error}
        )
        return redirect(reverse("matter", args=(row.matter_id,)) + "?tab=documents")
    response = HttpResponse(content, content_type="application/pdf")
    response.headers["Content-Disposition"] = f"inline; filename*=UTF-8''{quote(row.number)}.pdf"
    return response


def drawing(request: HttpRequest, pk: int) -> HttpResponse:
    """A signature drawn on the screen."""
    row = get_object_or_404(
        SignOff.objects.select_related("drawing")
        .filter(sheet__matter__in=queries.visible_to(request.user))
        .exclude(drawing=None),
        pk=pk,
    )
    return _file(row.drawing, "signature.png", inline=True)
