"""Lists: all matters, what waits for me, notifications, figures of punctuality."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.matters import declarations, queries, rules, services, tables, wording
from qingjian.apps.matters import punctuality as figures
from qingjian.contracts.clock import CHINA
from qingjian.ui.listing import workbook_response


def matters(request: HttpRequest) -> HttpResponse:
    return tables.MatterListing(request, queries.listed(queries.visible_to(request.user))).response(
        {"openable": openable(request)}
    )


def openable(request: HttpRequest) -> list[declarations.Process]:
    """Return the processes this person may open somewhere."""
    held = account_rules.capabilities(request.user)
    bureau = not account_rules.is_own_organisation_only(request.user)
    return [one for one in declarations.processes() if bureau and one.who_opens.capability in held]


def inbox(request: HttpRequest) -> HttpResponse:
    orphans = (
        queries.orphans(request.user)
        if account_rules.may(request.user, Capability.APPROVE_MATTERS)
        else queries.Matter.objects.none()
    )
    context = {
        "stands_in_for": rules.principals(request.user)[1:],
        "orphans": orphans[:20],
        "openable": openable(request),
    }
    return tables.InboxListing(request, queries.inbox(request.user)).response(context)


def deadlines(request: HttpRequest) -> HttpResponse:
    """Every clock in reach, the next to end first; a company does not see those that bind the authority alone."""
    return tables.DeadlineListing(request, queries.deadlines_visible_to(request.user)).response()


def deliveries(request: HttpRequest) -> HttpResponse:
    """What went out over e-mail, webhooks and further channels, and what failed."""
    return tables.DeliveryListing(request, queries.deliveries(request.user)).response()


def notifications(request: HttpRequest) -> HttpResponse:
    return tables.NotificationListing(request, queries.notifications(request.user)).response(
        {"unread": queries.unread(request.user)}
    )


@require_POST
def notifications_read(request: HttpRequest) -> HttpResponse:
    services.mark_read(request.user)
    return redirect("notifications")


BY_TITLES = {
    "region": gettext_lazy("Region"),
    "person": gettext_lazy("Whose deadline it is"),
    "organisation": gettext_lazy("Organisation concerned"),
}


YEARS = range(1949, 2500)


def _day(text: str | None, otherwise: datetime) -> datetime:
    try:
        day = parse_date(text or "")
    except ValueError:
        day = None
    # Far outside every calendar the arithmetic of dates ends.
    return datetime.combine(day, time(tzinfo=CHINA)) if day and day.year in YEARS else otherwise


LINES_PER_PAGE = 100


def punctuality(request: HttpRequest) -> HttpResponse:
    """How many deadlines were met in time, per process, region and deadline."""
    today = datetime.combine(account_rules.today(), time(tzinfo=CHINA))
    begin = _day(request.GET.get("from"), today.replace(month=1, day=1))
    last = _day(request.GET.get("to"), today)
    by = request.GET.get("by", "")
    choices = figures.countable_by(request.user)
    by = by if by in choices else "region"
    rows = figures.figures(request.user, begin, last + timedelta(days=1), by)
    for row in rows:
        process = declarations.process(row["kind"])
        row["process"], row["deadline"] = (
            process.title,
            wording.deadline_title(process, row["code"], row["code"]),
        )
    heads = [
        _("Kind of matter"),
        BY_TITLES[by],
        _("Deadline"),
        _("Met"),
        _("Not met in time"),
        _("Running"),
        _("Overdue"),
        _("Escalated"),
        _("Punctual (%)"),
    ]
    names = ("process", "group", "deadline", "met", "late", "running", "overdue", "escalated", "rate")
    lines = [
        [str(row[name]) if name in ("process", "deadline") else row[name] for name in names] for row in rows
    ]
    if request.GET.get("export") == "xlsx":
        return workbook_response("punctuality", [str(one) for one in heads], lines)
    whole = request.GET.get("rows") == "all"
    page = Paginator(lines, max(1, len(lines)) if whole else LINES_PER_PAGE).get_page(request.GET.get("page"))
    chosen = f"?from={begin.date()}&to={last.date()}&by={by}"
    context = {
        "title": _("Punctuality"),
        "rows": rows,
        "lines": [list(zip(heads, line, strict=True)) for line in page],
        "page": page,
        "page_url": f"{chosen}&page=",
        "print_url": f"{chosen}&rows=all",
        "whole": whole,
        "heads": heads,
        "begin": begin.date().isoformat(),
        "last": last.date().isoformat(),
        "by": by,
        "by_titles": {one: BY_TITLES[one] for one in choices},
    }
    return render(request, "matters/punctuality.html", context)
