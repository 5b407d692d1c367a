"""Pages of limits: what holds, what this office added, proposals, and what a change does to results."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.accounts.rules import today
from qingjian.apps.rulekeeping import effects, queries, rules, services
from qingjian.apps.rulekeeping.forms import RowForm, RowsFileForm, RuleDecisionForm, column_title
from qingjian.apps.rulekeeping.models import RuleProposal
from qingjian.rulebook import Row
from qingjian.standards.phrases import chinese
from qingjian.ui.asked import day
from qingjian.ui.listing import workbook_response

PAGE_SIZE = 30
MOST_LINES = 60
STATE_COLOURS = {"proposed": "orange", "approved": "green", "rejected": "red", "withdrawn": "secondary"}
VALUE_COLUMNS = ("limit", "value", "standard_value", "bp", "rule", "equivalent_kg", "criterion", "formula")
BOUND_COLUMNS = (("lo", "hi"), ("aqi_lo", "aqi_hi"), ("gt", "le"), ("a", "b"), ("p05", "p01"))
"""Columns that say a value in two numbers."""
ITEM_COLUMNS = ("pollutant_cn", "symbol", "item", "subject", "region", "year", "class", "averaging_period")
MORE_ITEM_COLUMNS = (
    *(
        "check",
        "pollutant_or_band",
        "kind",
        "pollutant",
        "period",
        "level",
        "category",
        "rating",
        "label",
        "n",
    ),
)
"""What a row of a table of levels, checks or bands is about, where it names no item alone."""


def _table(request: HttpRequest) -> str:
    table = request.GET.get("table") or queries.LIMIT_TABLES[0]
    if table not in queries.LIMIT_TABLES:
        raise Http404
    return table


def _titles() -> dict[str, str]:
    titles = queries.table_titles((get_language() or "").startswith("en"))
    return {name: titles[name] for name in queries.LIMIT_TABLES}


def _said(text: str) -> str:
    """Return a text of the rulebook in the language of the page where it has one."""
    return text if (get_language() or "").startswith("en") else chinese(text)


def _about(row: Row) -> str:
    found = [row.values.get(name, "") for name in ITEM_COLUMNS]
    if row.table not in (*queries.QUALITY_LIMITS, "emission_limits"):
        found += [_said(row.values.get(name, "")) for name in MORE_ITEM_COLUMNS]
    return " · ".join(dict.fromkeys(one for one in found if one))


def _says(row: Row) -> str:
    sign = {"<=": "≤", ">=": "≥", "range": "", "text": ""}.get(
        row.values.get("op", ""), row.values.get("op", "")
    )
    value = _said(next((row.values[name] for name in VALUE_COLUMNS if row.values.get(name)), ""))
    if not value:
        value = next((_bounds(row, *names) for names in BOUND_COLUMNS if any(map(row.values.get, names))), "")
    often = _said(row.values.get("interval", "")).removeprefix("-")
    return " · ".join(one for one in (f"{sign} {value} {row.values.get('unit', '')}".strip(), often) if one)


def _bounds(row: Row, first: str, second: str) -> str:
    low, high = row.values.get(first, ""), row.values.get(second, "")
    if first in ("a", "p05"):
        return "; ".join(f"{name} {value}" for name, value in ((first, low), (second, high)) if value)
    if first == "gt":
        return " ".join(one for one in (f">{low}" if low else "", f"≤{high}" if high else "") if one)
    return f"{low or '−∞'} – {high or '∞'}"


def limits(request: HttpRequest) -> HttpResponse:
    """Limits and other numbers of the rulebook with source, clause, edition, period and confidence."""
    account_rules.require(request.user, Capability.VIEW_REGISTRY)
    table = _table(request)
    # What holds today is what most people look for; an emptied date asks for every edition.
    on = day(request, "on") if "on" in request.GET else today()
    rows = queries.limits(table, request.GET.get("q", "").strip(), request.GET.get("origin", ""), on)
    if request.GET.get("export") == "xlsx":
        return _workbook(table, rows)
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    keep = request.GET.copy()
    keep.pop("page", None)
    context = {
        "title": _("Limits"),
        "table": table,
        "tables": _titles().items(),
        "rows": [
            {
                "row": row,
                "about": _about(row),
                "says": _says(row),
                "mark": row.confidence.value,
                "condition": _said(row.values.get("condition", "")),
                "source": _said(row.source),
            }
            for row in page
        ],
        "on": on,
        "page": page,
        "keep": keep.urlencode(),
        "may_propose": rules.reach(request.user).table(table),
        "waiting": queries.waiting(),
        "local": sum(row.override for row in rows),
    }
    return render(request, "rulekeeping/limits.html", context)


def _workbook(table: str, rows: list[Row]) -> HttpResponse:
    names = queries.columns(table)
    heads = [*names, "origin", "confirmed_by"]
    return workbook_response(
        table,
        heads,
        (
            [
                *(row.values.get(name, "") for name in names),
                "local" if row.override else "packaged",
                row.confirmation.who if row.confirmation else "",
            ]
            for row in rows
        ),
    )


def template(request: HttpRequest) -> HttpResponse:
    """The empty file of a table, with one packaged row as an example."""
    account_rules.require(request.user, Capability.CONFIRM_RULES)
    table = _table(request)
    names = queries.columns(table)
    example = queries.limits(table)[:1]
    return workbook_response(
        f"{table}-template", names, ([row.values.get(name, "") for name in names] for row in example)
    )


def propose(request: HttpRequest) -> HttpResponse:
    """Type one row in, or bring a file; `row` starts from a row that holds."""
    account_rules.require(request.user, Capability.CONFIRM_RULES)
    table = _table(request)
    initial: dict[str, Any] = {
        name: request.GET[name] for name in queries.columns(table) if request.GET.get(name)
    }
    replacing = bool(request.GET.get("row"))
    if replacing:
        try:
            initial = dict(services.queries.rulebook().row(request.GET["row"]).values)
        except KeyError as error:
            raise Http404 from error
    by_file = request.method == "POST" and "file_form" in request.POST
    row_form = RowForm(table, None if by_file or request.method != "POST" else request.POST, initial=initial)
    file_form = RowsFileForm(
        table, request.POST if by_file else None, request.FILES if by_file else None, auto_id="file_%s"
    )
    form = file_form if by_file else row_form
    problems: tuple[services.RowProblem, ...] = ()
    if request.method == "POST" and form.is_valid():
        try:
            text = form.text()
            change = services.propose(
                request.user,
                table,
                text,
                form.cleaned_data["reason"],
                file_name=form.cleaned_data["file"].name if by_file else "",
            )
        except services.RowsRefusedError as error:
            problems = error.problems
            if not by_file:
                for one in problems:
                    row_form.add_error(one.column if one.column in row_form.fields else None, one.message)
        except ValidationError as error:
            form.add_error(None, error)
        except PermissionDenied as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Proposed. It holds as soon as a second person has approved it."))
            _tell_corrections(request, table, text)
            return redirect("limit-change", change.pk)
    context = {
        "title": _("Propose a limit"),
        "table": table,
        "table_title": _titles()[table],
        "tables": _titles().items(),
        "form": row_form,
        "file_form": file_form,
        "problems": [(one, column_title(one.column)) for one in problems] if by_file else (),
        "replacing": replacing,
        "back": "limits",
    }
    return render(request, "rulekeeping/propose.html", context)


def _tell_corrections(request: HttpRequest, table: str, text: str) -> None:
    """Say what is stored in another spelling than it was typed, so that nobody finds it by accident."""
    found = services.corrections(table, text)
    said = [
        f"{one.line} · {column_title(one.column)}: {one.given or '–'} → {one.written}"
        for one in found[:MOST_LINES]
    ]
    if said:
        messages.info(
            request,
            _("Written as the tables write it (line · column): %(changes)s") % {"changes": "；".join(said)},
        )


@require_POST
def take_back(request: HttpRequest) -> HttpResponse:
    """Propose that a row of this office is no longer used."""
    row_id = request.POST.get("row", "")
    table = row_id.rsplit("-", 1)[0]
    try:
        change = services.propose(
            request.user, table, "", request.POST.get("reason", ""), taken_back=[row_id]
        )
    except PermissionDenied as error:
        messages.error(request, str(error))
        return redirect("limits")
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("limits")
    messages.success(request, _("Proposed. It holds as soon as a second person has approved it."))
    return redirect("limit-change", change.pk)


def changes(request: HttpRequest) -> HttpResponse:
    """Every change of rules, newest first."""
    account_rules.require(request.user, Capability.VIEW_REGISTRY)
    rows = queries.changes_visible_to(request.user)
    state = request.GET.get("state", "")
    if state in RuleProposal.State.values:
        rows = rows.filter(state=state)
    titles = queries.table_titles((get_language() or "").startswith("en"))
    if request.GET.get("export") == "xlsx":
        heads = [
            _("Number"),
            _("Table"),
            _("Rows"),
            _("Reason"),
            _("State"),
            _("Proposed by"),
            _("Proposed at"),
        ]
        heads += [_("Decided by"), _("Decided at"), _("Document compared with")]
        return workbook_response(
            "limit-changes",
            heads,
            (
                [
                    row.pk,
                    titles[row.table],
                    len(row.rows) + len(row.taken_back),
                    row.reason,
                    row.get_state_display(),
                    str(row.author),
                    row.created_at,
                    str(row.decided_by or ""),
                    row.decided_at,
                    row.document,
                ]
                for row in rows
            ),
        )
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "title": _("Changes of rules"),
        "rows": [
            {
                "row": row,
                "table": titles[row.table],
                "count": len(row.rows) + len(row.taken_back),
                "colour": STATE_COLOURS[row.state],
            }
            for row in page
        ],
        "page": page,
        "state": state,
        "states": RuleProposal.State.choices,
    }
    return render(request, "rulekeeping/changes.html", context)


def _change(request: HttpRequest, pk: int) -> RuleProposal:
    return get_object_or_404(queries.changes_visible_to(request.user), pk=pk)


def change(request: HttpRequest, pk: int) -> HttpResponse:
    """One change: rows before and after, what it would do or has done, and the decision."""
    row = _change(request, pk)
    compared = queries.compared(row)
    for one in compared:
        for cell in one["cells"]:
            cell["title"] = column_title(cell["name"])
    proposed = row.state == RuleProposal.State.PROPOSED
    context = {
        "title": _("Change of rules %(number)s") % {"number": row.pk},
        "change": row,
        "table_title": queries.table_titles((get_language() or "").startswith("en"))[row.table],
        "colour": STATE_COLOURS[row.state],
        "compared": compared[:MOST_LINES],
        "more": max(0, len(compared) - MOST_LINES),
        "proposed": proposed,
        "may_look_ahead": proposed and account_rules.may(request.user, Capability.CONFIRM_RULES),
        "may_decide": proposed and rules.may_decide(request.user, row),
        "may_withdraw": proposed and request.user.pk == row.author_id,
        "form": RuleDecisionForm(),
        "outcomes": [one for effect in effects.effects() for one in effect.outcomes(row)]
        if row.state == RuleProposal.State.APPROVED
        else [],
    }
    return render(request, "rulekeeping/change.html", context)


def look_ahead(request: HttpRequest, pk: int) -> HttpResponse:
    """What the change would do to results; computed when the page asks, nothing is stored.

    It works a month out, so only those ask who keep rules, and each reads what lies within the own reach.
    """
    account_rules.require(request.user, Capability.CONFIRM_RULES)
    row = _change(request, pk)
    if row.state != RuleProposal.State.PROPOSED:
        raise Http404
    present, following = queries.rulebook(), queries.proposed(row)
    outlooks = [
        one for effect in effects.effects() for one in effect.look_ahead(present, following, request.user)
    ]
    template_name = (
        "rulekeeping/outlook.html" if request.headers.get("HX-Request") else "rulekeeping/outlook_page.html"
    )
    return render(
        request, template_name, {"title": _("What would change"), "outlooks": outlooks, "change": row}
    )


@require_POST
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    row = _change(request, pk)
    form = RuleDecisionForm(request.POST)
    try:
        version = int(request.POST.get("version", ""))
    except ValueError as error:
        raise BadRequest(_("The form is incomplete. Reload the page.")) from error
    if not form.is_valid():
        raise BadRequest(_("The form is incomplete. Reload the page."))
    document, comment = form.cleaned_data["document"], form.cleaned_data["comment"]
    try:
        match request.POST.get("decision"):
            case "approve":
                services.approve(request.user, row, version, document, comment)
                messages.success(
                    request,
                    _("Approved. Results of the past that it touches are evaluated again within minutes."),
                )
            case "reject":
                services.reject(request.user, row, version, comment)
                messages.success(request, _("Rejected."))
            case "withdraw":
                services.withdraw(request.user, row, version)
                messages.success(request, _("Withdrawn."))
            case _other:
                raise BadRequest(_("The form is incomplete. Reload the page."))
    except PermissionDenied as error:
        messages.error(
            request,
            str(error)
            or _("Your present posts do not allow this. Ask the security administrator of your bureau."),
        )
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("limit-change", pk)
