"""Registry pages: lists, sources, points, devices, proposals, import, duties."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from qingjian.apps.accounts import queries as account_queries
from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.models import RegionPlacement
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.network import (
    files,
    models,
    queries,
    registered,
    rules,
    services,
    settings_list,
    source_panels,
    tables,
)
from qingjian.apps.network.forms import DecisionForm, ImportForm, ProposalForm
from qingjian.apps.network.recorded import SECRET
from qingjian.apps.network.rules import SYNTHETIC
from qingjian.contracts.current import now
from qingjian.ui.listing import sheets_response, workbook_response

LINES_PER_PAGE = 25


def points(request: HttpRequest) -> HttpResponse:
    rows = queries.points_visible_to(request.user)
    if request.GET.get("kind") != SYNTHETIC:
        rows = rows.exclude(kind=SYNTHETIC)
    return tables.PointListing(request, rows).response()


def sources(request: HttpRequest) -> HttpResponse:
    return tables.SourceListing(request, queries.sources_visible_to(request.user).distinct()).response()


def series_list(request: HttpRequest) -> HttpResponse:
    rows = queries.series_visible_to(request.user).exclude(point__kind=SYNTHETIC)
    return tables.SeriesListing(request, rows).response()


def settings(request: HttpRequest) -> HttpResponse:
    """Effective-dated settings of all series and devices, and those that wait for a second person."""
    return settings_list.response(
        request, {"may_propose": account_rules.may(request.user, Capability.PROPOSE_REGISTRY)}
    )


def changes(request: HttpRequest) -> HttpResponse:
    return tables.ChangeListing(request, queries.changes_visible_to(request.user)).response()


def source(request: HttpRequest, code: str) -> HttpResponse:
    """One file per source: permit, outlets, limits, facilities, lists, history."""
    row = get_object_or_404(queries.sources_visible_to(request.user), code=code)
    outlets = []
    for outlet in row.outlets.prefetch_related("points", "facilities"):
        limits = queries.in_force(outlet.limits.select_related("factor", "permit"))
        outlets.append(
            {
                "outlet": outlet,
                "points": list(outlet.points.all()),
                "limits": [limit for limit in limits if limit.yearly_amount_t is None],
                "amounts": [limit for limit in limits if limit.yearly_amount_t is not None],
            }
        )
    context = {
        "source": row,
        "title": row.name,
        "permits": row.permits.all(),
        "outlets": outlets,
        "facilities": row.facilities.select_related("outlet"),
        "memberships": row.memberships.all(),
        "in_force": queries.in_force(row.memberships.all()),
        "history": queries.history_shown("source", code, whole=request.GET.get("history") == "all"),
        "panels": source_panels.panels(request, row),
        "may_propose": account_rules.may(
            request.user, Capability.PROPOSE_REGISTRY, region=row.region, organisation_id=row.organisation_id
        ),
        "now": now(),
    }
    return render(request, "network/source.html", context)


def duties(request: HttpRequest) -> HttpResponse:
    report = queries.duty_report(request.user)
    names = {
        "key_units": _("Key units online"),
        "townships": _("Townships with an air station"),
        "zones": _("Parks and development zones with automatic monitoring"),
        "sections": _("Sections with automatic monitoring"),
    }
    for one in report["coverage"]:
        one["title"] = names[one["name"]]
        one["share"] = round(100 * one["have"] / one["of"]) if one["of"] else None
    if request.GET.get("export") == "xlsx":
        return sheets_response("duties", _duty_sheets(report))
    return render(
        request,
        "network/duties.html",
        {
            **report,
            "title": _("Duties (who monitors, assesses, protects, maintains)"),
            "kinds": models.Duty.Kind,
        },
    )


def _duty_sheets(report: dict[str, Any]) -> list[tuple[str, list[str], list[list[Any]]]]:
    """Return the report for a workbook: who does what at each point, gaps, overlaps, coverage."""

    def together(duties: list[models.Duty]) -> str:
        return "; ".join(duty.organisation.name for duty in duties)

    point, duty, held = _("Monitoring point"), _("Duty"), _("Organisation")
    return [
        (
            _("All points"),
            [point, *(str(kind.label) for kind in models.Duty.Kind)],
            [[row.name, *(together(duties) for _kind, duties in kinds)] for row, kinds in report["rows"]],
        ),
        (
            _("Duties nobody has"),
            [point, duty],
            [[row.name, str(label)] for row, label in report["gaps"]],
        ),
        (
            _("Duties held twice"),
            [point, duty, held],
            [[row.name, str(label), together(duties)] for row, label, duties in report["overlaps"]],
        ),
        (
            _("Coverage"),
            [_("Coverage"), _("Watched"), _("To be watched"), _("Share (%)")],
            [[one["title"], one["have"], one["of"], one["share"]] for one in report["coverage"]],
        ),
    ]


def propose(request: HttpRequest, kind: str, key: str = "") -> HttpResponse:
    """Propose a new row or a change of one."""
    declared = registered.KINDS.get(kind)
    if declared is None:
        raise Http404
    account_rules.require(request.user, Capability.PROPOSE_REGISTRY)
    initial: dict[str, Any] = {name: request.GET[name] for name in declared.fields if name in request.GET}
    if key:
        row = next(
            (
                one
                for one in _visible(request, declared)
                if registered.key_text(declared, registered.plain(declared, one)) == key
            ),
            None,
        )
        if row is None:
            raise Http404
        rules.require(rules.may_change(request.user, declared, row))
        initial = {name: files_text(value) for name, value in registered.plain(declared, row).items()}
    form = ProposalForm(
        declared, request.POST or None, initial=initial, offered=lambda one: _visible(request, one)
    )
    if request.method == "POST" and form.is_valid():
        fields = {name: files.value_of(declared, name, form.cleaned_data[name]) for name in declared.fields}
        try:
            change = services.propose(
                request.user, form.cleaned_data["reason"], [services.Proposal(kind, fields)]
            )
        except services.ProposalError as error:
            for one in error.rows:
                form.add_error(None, f"{one.field} {one.message}")
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("Proposed. A second person now approves it."))
            return redirect("change", change.pk)
    title = _("Change: %(kind)s %(key)s") if key else _("New: %(kind)s")
    return render(
        request,
        "ui/form.html",
        {
            "form": form,
            "title": title % {"kind": declared.title, "key": key},
            "submit_text": _("Propose"),
            "columns": True,
            "back": "changes",
        },
    )


def files_text(value: Any) -> Any:
    """Return a plain value as the text of a form field."""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False) if value else ""
    return "" if value is None else value


def _for_reading(kind: registered.Kind, name: str, value: Any) -> Any:
    """Return a plain value as people read it: names of choices, no passwords."""
    if value in (None, "", [], {}):
        return None
    if name in SECRET:
        return "***"
    field = kind.model._meta.get_field(name)
    if field.choices:
        return dict(field.flatchoices).get(value, value)
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    moment = parse_datetime(value) if isinstance(value, str) and len(value) > 10 and "T" in value else None
    return moment or value


def _shown(line: models.ChangeLine) -> dict[str, Any]:
    """Return one row of a request as people read it: what differs, field by field."""
    kind = registered.KINDS[line.kind]
    before = line.before or {}
    differences = [
        (kind.field_title(name), _for_reading(kind, name, before.get(name)), _for_reading(kind, name, value))
        for name, value in line.after.items()
        if before.get(name) != value and (line.before is not None or value not in (None, "", [], {}))
    ]
    return {"kind": kind.title, "key": line.key, "new": line.before is None, "differences": differences}


def change(request: HttpRequest, pk: int) -> HttpResponse:
    """One request: every row before and after, and the decision."""
    row = get_object_or_404(queries.changes_visible_to(request.user), pk=pk)
    if request.GET.get("export") == "xlsx":
        heads = [_("Kind"), _("Code"), _("Field"), _("Before"), _("After")]
        lines = (_shown(line) for line in row.lines.all())
        return workbook_response(
            f"change-{row.pk}",
            heads,
            ([line["kind"], line["key"], *one] for line in lines for one in line["differences"]),
        )
    page = Paginator(row.lines.all(), LINES_PER_PAGE).get_page(request.GET.get("page"))
    counted = row.lines.filter(before__isnull=True).count()
    may_decide = row.state == models.ChangeRequest.State.PROPOSED and rules.may_decide(request.user, row)
    context = {
        "change": row,
        "title": _("Change request %(number)s") % {"number": row.pk},
        "lines": [_shown(line) for line in page],
        "page": page,
        "page_url": "?page=",
        "new_rows": counted,
        "changed_rows": page.paginator.count - counted,
        "may_decide": may_decide,
        "may_withdraw": row.state == models.ChangeRequest.State.PROPOSED and row.author == request.user,
        "form": DecisionForm(initial={"version": row.version}),
        "colour": tables.STATE_COLOURS[row.state],
    }
    return render(request, "network/change.html", context)


@require_POST
def change_decide(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(queries.changes_visible_to(request.user), pk=pk)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        raise PermissionDenied
    version, comment = form.cleaned_data["version"], form.cleaned_data["comment"]
    try:
        if request.POST.get("decision") == "approve":
            services.approve(request.user, row, version, comment)
            messages.success(
                request, _("Approved and in force. The services use the new directory within seconds.")
            )
        elif request.POST.get("decision") == "reject":
            services.reject(request.user, row, version, comment)
            messages.success(request, _("Rejected."))
        else:
            services.withdraw(request.user, row, version)
            messages.success(request, _("Withdrawn."))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("change", pk)


def registry_import(request: HttpRequest) -> HttpResponse:
    """Read a file into one change request, or show every wrong row."""
    account_rules.require(request.user, Capability.PROPOSE_REGISTRY)
    form = ImportForm(request.POST or None, request.FILES or None)
    errors: tuple[services.RowError, ...] = ()
    if request.method == "POST" and form.is_valid():
        kind = registered.KINDS[form.cleaned_data["kind"]]
        uploaded = form.cleaned_data["file"]
        try:
            change = services.propose(
                request.user, form.cleaned_data["reason"], files.read(kind, uploaded.name, uploaded.read())
            )
        except services.ProposalError as error:
            errors = error.rows
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(
                request,
                _("%(count)d rows read and proposed. A second person now approves them.")
                % {"count": change.lines.count()},
            )
            return redirect("change", change.pk)
    return render(
        request,
        "network/import.html",
        {
            "form": form,
            "errors": errors,
            "kinds": registered.KINDS.values(),
            "title": _("Import registry rows"),
        },
    )


def template(request: HttpRequest, kind: str) -> HttpResponse:
    """Download an empty template, or with `rows=1` the registered rows in the same form."""
    declared = registered.KINDS.get(kind)
    if declared is None:
        raise Http404
    rows: list[list[Any]] = []
    if request.GET.get("rows") == "1":
        secret = set(SECRET) & set(declared.fields)
        for row in _visible(request, declared):
            hidden = SECRET if secret and not rules.may_change(request.user, declared, row) else ()
            plain = registered.plain(declared, row)
            rows.append(["" if name in hidden else files_text(value) for name, value in plain.items()])
    return workbook_response(f"qingjian-{kind}", files.heads(declared), rows)


def _visible(request: HttpRequest, kind: registered.Kind) -> Any:
    """Return the registered rows of a kind that a person may see."""
    points = queries.points_visible_to(request.user)
    sources = queries.sources_visible_to(request.user)
    allowed = {
        "point": lambda: points,
        "source": lambda: sources,
        "device": lambda: queries.devices_visible_to(request.user),
        "series": lambda: queries.series_visible_to(request.user),
        "factor": models.Factor.objects.all,
        "outlet": lambda: queries.outlets_visible_to(request.user),
        "region": lambda: account_queries.regions_visible_to(request.user),
        "placement": lambda: RegionPlacement.objects.filter(
            region__in=account_queries.regions_visible_to(request.user)
        ),
        "organisation": lambda: account_queries.organisations_visible_to(request.user),
        "target": lambda: models.ForwardTarget.objects.filter(
            pk__in=[one.pk for one in queries.targets_visible_to(request.user)]
        ),
    }
    if kind.name in allowed:
        return allowed[kind.name]()
    fields = {field.name for field in kind.model._meta.fields}
    if "source" in fields:
        return kind.model.objects.filter(source__in=sources)
    if "outlet" in fields:
        return kind.model.objects.filter(outlet__source__in=sources)
    if "point" in fields:
        return kind.model.objects.filter(point__in=points)
    if kind.name == "software":
        return queries.software_visible_to(request.user)
    if kind.name == "route":
        return kind.model.objects.filter(device__point__in=points)
    series = queries.series_visible_to(request.user)
    return kind.model.objects.filter(series__in=series) | kind.model.objects.filter(
        device__in=queries.devices_visible_to(request.user)
    )
