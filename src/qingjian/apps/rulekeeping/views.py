"""The page of rules and their confidence."""

from __future__ import annotations

import csv
from collections.abc import Sequence

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.rulekeeping import queries, services
from qingjian.rulebook import RowError
from qingjian.rulebook.tables import TABLES
from qingjian.ui.listing import workbook_response
from qingjian.ui.returning import own_address

PAGE_SIZE = 25
LARGEST_FILE = 2 << 20
SHOWN_ELSEWHERE = {"standard", "edition", "effective_from", "effective_to", "source", "confidence", "basis"}


def rules(request: HttpRequest, line_errors: Sequence[RowError] = ()) -> HttpResponse:
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
    local = queries.local_rows()
    keep = request.GET.copy()
    keep.pop("page", None)
    context = {
        "title": _("Rules to confirm"),
        "rows": [
            {
                "row": row,
                "table": titles[row.table],
                "content": _content(row),
                "local": local.get(row.id) if row.override else None,
                "mark": row.confidence.value,
            }
            for row in page
        ],
        "page": page,
        "keep": keep.urlencode(),
        "tables": sorted(titles.items(), key=lambda pair: pair[1]),
        "state": state,
        "may_confirm": account_rules.may(request.user, Capability.CONFIRM_RULES),
        "line_errors": line_errors,
        "limit_tables": queries.LIMIT_TABLES,
    }
    return render(request, "rulekeeping/rules.html", context, status=400 if line_errors else 200)


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
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    return redirect(own_address(request, request.POST.get("next", ""), "rules-to-confirm"))


@require_POST
def enter(request: HttpRequest) -> HttpResponse:
    """Take a file of own rows; its errors are shown line by line and nothing of it is stored."""
    upload = request.FILES.get("file")
    try:
        if upload is None or upload.size > LARGEST_FILE:
            raise ValidationError(_("Choose a CSV file of at most 2 MB."))
        try:
            text = upload.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ValidationError(_("The file is not UTF-8 text. Save it as CSV UTF-8.")) from error
        entered = services.enter_local(
            request.user, request.POST.get("table", ""), text, request.POST.get("document", "")
        )
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("rules-to-confirm")
    if entered.errors:
        return rules(request, entered.errors)
    messages.success(
        request, _("%(count)d own rules entered. They hold from now on.") % {"count": len(entered.rows)}
    )
    return redirect(reverse("rules-to-confirm") + "?state=local")


@require_POST
def withdraw(request: HttpRequest) -> HttpResponse:
    try:
        services.withdraw_local(request.user, request.POST.get("row", ""))
        messages.success(request, _("Withdrawn. What was packaged holds again."))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return _back(request)


def template(request: HttpRequest, table: str) -> HttpResponse:
    """Give an empty file with the columns of a table, and its packaged rows to start from."""
    if table not in TABLES:
        raise Http404
    rows = queries.rulebook().rows(table)
    columns = list(dict.fromkeys([*TABLES[table].required, *(name for row in rows for name in row.values)]))
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{table}.csv"'
    response.write("\ufeff")
    writer = csv.DictWriter(response, columns, restval="")
    writer.writeheader()
    writer.writerows(dict(row.values) for row in rows)
    return response
