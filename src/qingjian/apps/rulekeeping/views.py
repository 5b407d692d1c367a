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
from django.utils.html import format_html
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from qingjian.apps.rulekeeping import protocol, queries, services
from qingjian.apps.rulekeeping import rules as keeping
from qingjian.rulebook import RowError
from qingjian.rulebook.tables import TABLES
from qingjian.standards.phrases import chinese
from qingjian.ui.listing import workbook_response
from qingjian.ui.returning import own_address

PAGE_SIZE = 25
LARGEST_FILE = 2 << 20
SHOWN_ELSEWHERE = {
    "fact",
    "feature",
    "standard",
    "edition",
    "effective_from",
    "effective_to",
    "source",
    "confidence",
    "basis",
}


def rules(request: HttpRequest, line_errors: Sequence[RowError] = ()) -> HttpResponse:
    state = request.GET.get("state", "open")
    rows = queries.find(
        request.GET.get("table", ""),
        request.GET.get("confidence", ""),
        request.GET.get("q", ""),
        state,
        request.GET.get("group", ""),
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
                _said(row.source),
                row.confirmation.who if row.confirmation else "",
                row.confirmation.document if row.confirmation else "",
            ]
            for row in rows
        )
        return workbook_response("rules", heads, lines)
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    local = queries.local_rows()
    switched, off = protocol.switched(), protocol.off_ids()
    keep = request.GET.copy()
    keep.pop("page", None)
    held = keeping.reach(request.user)
    context = {
        "title": _("Rules to confirm"),
        "rows": [
            {
                "row": row,
                "table": titles[row.table],
                "content": _content(row),
                "source": _said(row.source),
                "local": local.get(row.id) if row.override else None,
                "may_withdraw": held.everywhere and row.table not in queries.LIMIT_TABLES,
                "mark": row.confidence.value,
                "may_confirm": held.row(row.table, row.values),
                "fact": row.values.get("fact", "") if row.table == protocol.TABLE else "",
                "off": row.values.get("fact") in off,
                "feature": row.values.get("feature", ""),
                "switched": switched.get(row.values.get("fact", "")),
            }
            for row in page
        ],
        "page": page,
        "keep": keep.urlencode(),
        "tables": sorted(titles.items(), key=lambda pair: pair[1]),
        "own_tables": [
            pair
            for pair in sorted(titles.items(), key=lambda pair: pair[1])
            if pair[0] not in (*queries.LIMIT_TABLES, queries.PERMIT_TABLE, protocol.TABLE)
        ],
        "protocol_table": protocol.TABLE,
        "groups": protocol.groups() if request.GET.get("table") == protocol.TABLE else [],
        "state": state,
        "may_enter": held.everywhere,
        "line_errors": line_errors,
    }
    return render(request, "rulekeeping/rules.html", context, status=400 if line_errors else 200)


def _content(row) -> str:
    return " · ".join(
        _said(value) for name, value in row.values.items() if value and name not in SHOWN_ELSEWHERE
    )


def _said(text: str) -> str:
    """Return a text of the rulebook in the language of the page where it has one."""
    return text if (get_language() or "").startswith("en") else chinese(text)


@require_POST
def confirm(request: HttpRequest) -> HttpResponse:
    try:
        services.confirm(
            request.user,
            request.POST.get("row", ""),
            request.POST.get("digest", ""),
            request.POST.get("document", ""),
        )
        fact = request.POST.get("row", "").startswith(f"{protocol.TABLE}-")
        messages.success(
            request, _("Confirmed.") if fact else _("Confirmed. From now on the rule may act alone.")
        )
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return _back(request)


@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Switch an unconfirmed fact of HJ 212, or a group of them, off or on."""
    selector = request.POST.get("fact", "")
    try:
        if request.POST.get("to") == "on":
            services.switch_on(request.user, selector)
            messages.success(request, _("Switched on. Gateway and pipeline use it from now on."))
        else:
            services.switch_off(request.user, selector, request.POST.get("reason", ""))
            messages.success(request, _("Switched off. Gateway and pipeline leave it out from now on."))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    return redirect(own_address(request, request.POST.get("next", ""), "rules-to-confirm"))


@require_POST
def enter(request: HttpRequest) -> HttpResponse:
    """Take a file of own rows; its errors are shown line by line and nothing of it is stored."""
    upload = request.FILES.get("file")
    if request.POST.get("table") == queries.PERMIT_TABLE:
        messages.error(
            request,
            format_html(
                '{} <a href="{}">{}</a>',
                _("Limits of permits are kept in the registry: import them there, a second person decides."),
                reverse("registry-import"),
                _("Import into the registry"),
            ),
        )
        return redirect("rules-to-confirm")
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
