"""Pages that say what the processes declare: steps, who may, deadlines, reminders and escalation."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.matters import declarations, described
from qingjian.ui.listing import sheets_response


def processes(request: HttpRequest) -> HttpResponse:
    """Every process with its deadlines, and how far before and after them people are told."""
    account_rules.require(request.user, Capability.VIEW_DATA)
    pages = [described.described(one) for one in declarations.processes()]
    if request.GET.get("export") == "xlsx":
        return sheets_response("processes", described.sheets(pages))
    return render(
        request, "matters/processes.html", {"title": _("Processes and time limits"), "pages": pages}
    )


def process(request: HttpRequest, code: str) -> HttpResponse:
    """One process whole: states, steps, deadlines."""
    account_rules.require(request.user, Capability.VIEW_DATA)
    try:
        page = described.described(declarations.process(code))
    except KeyError as error:
        raise Http404 from error
    if request.GET.get("export") == "xlsx":
        return sheets_response(code, described.sheets([page]))
    return render(request, "matters/process.html", {"title": page.process.title, "page": page})
