"""What actions of matters made public, for everybody: newest first, with search and a workbook."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from qingjian.apps.matters import queries, wording
from qingjian.ui.listing import EXPORT_LIMIT, PAGE_SIZE, workbook_response

LONGEST_SEARCH = 80


@require_safe
def disclosures(request: HttpRequest) -> HttpResponse:
    """Results the office published, as they were on the day of publication; what was taken back is not here."""
    text = request.GET.get("q", "").strip()[:LONGEST_SEARCH]
    rows = queries.published(text)
    if request.GET.get("export") == "xlsx":
        heads = [_("Published"), _("Title"), _("Content")]
        return workbook_response(
            "disclosures",
            heads,
            (
                (one.at, words, "\n".join(f"{name}: {value}" for name, value in facts))
                for one, words, facts in map(wording.published, rows[:EXPORT_LIMIT])
            ),
        )
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "title": _("Published results"),
        "page": page,
        "entries": [wording.published(one) for one in page],
        "text": text,
    }
    return render(request, "portal/disclosures.html", context)
