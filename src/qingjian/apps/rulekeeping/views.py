"""The page of rules and their confidence."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.rulekeeping import queries, services
from qingjian.ui.listing import workbook_response

PAGE_SIZE = 25
SHOWN_ELSEWHERE = {"standard", "edition", "effective_from", "effective_to", "source", "confidence", "basis"}


def rules(request: HttpRequest) -> HttpResponse:
    state = request.GET.get("state", "open")
    rows = queries.find(
        request.GET.get("table", ""), request.GET.get("confidence", ""), request.GET.get("q", ""), state
    )
    titles = queries.table_titles((get_language() or "").startswith("en"))
    if request.GET.get("export") == "xlsx":
        heads = [
            _("Table"),
            _("Standard"),
            _("Content"),
            _("From"),
            _("Confidence"),
            _("Source"),
            _("Confirmed by"),
            _("Document"),
        ]
        lines = (
            [
                titles[row.table],
                row.citation,
                _content(row),
                row.valid_from,
                row.confidence.value,
                row.source,
                row.confirmation.who if row.confirmation else "",
                row.confirmation.document if row.confirmation else "",
            ]
            for row in rows
        )
        return workbook_response("rules", heads, lines)
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    keep = request.GET.copy()
    keep.pop("page", None)
    context = {
        "title": _("Rules to confirm"),
        "rows": [{"row": row, "table": titles[row.table], "content": _content(row)} for row in page],
        "page": page,
        "keep": keep.urlencode(),
        "tables": sorted(titles.items(), key=lambda pair: pair[1]),
        "state": state,
        "may_confirm": account_rules.may(request.user, Capability.CONFIRM_RULES),
    }
    return render(request, "rulekeeping/rules.html", context)


def _content(row) -> str:
    return " · ".join(
        f"{value}" for name, value in row.values.items() if value and name not in SHOWN_ELSEWHERE
    )


@require_POST
def confirm(request: HttpRequest) -> HttpResponse:
    try:
        services.confirm(
            request.user,
            request.POST.get("row", ""),
            request.POST.get("digest", ""),
            request.POST.get("document", ""),
        )
        messages.success(request, _("Confirmed. From now on the rule may act alone."))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    target = request.POST.get("next", "")
    return redirect(
        target if url_has_allowed_host_and_scheme(target, {request.get_host()}) else "rules-to-confirm"
    )
