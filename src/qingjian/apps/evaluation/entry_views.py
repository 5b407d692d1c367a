"""Entering measurements: upload with errors row by row, templates, and what became of each file."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.evaluation import entering, sheets
from qingjian.apps.evaluation.elements import ELEMENT_RULES
from qingjian.apps.evaluation.forms import EnterForm
from qingjian.apps.evaluation.models import EnteredFile
from qingjian.apps.network.models import Point, Series
from qingjian.contracts.current import now
from qingjian.ui.listing import workbook_response


def enter(request: HttpRequest) -> HttpResponse:
    """Check a file row by row; hand it over when every row is right, or when the person wants the right ones."""
    account_rules.require(request.user, Capability.IMPORT_DATA)
    if request.GET.get("export") == "xlsx":
        return _files_workbook(entering.entered_by(request.user))
    form = EnterForm(request.POST or None, request.FILES or None)
    checked = None
    if request.method == "POST" and form.is_valid():
        path = None
        try:
            path = entering.stored_upload(form.cleaned_data["file"])
            checked = entering.check(
                request.user,
                path,
                form.cleaned_data["file"].name,
                form.cleaned_data["statistic"],
                form.cleaned_data["origin"],
                form.cleaned_data["point"],
                form.cleaned_data["time_names"] or "start",
            )
            if checked.observations and (not checked.problems or form.cleaned_data["partly"]):
                row = entering.hand_over(request.user, checked)
                return redirect("data-entered", row.digest)
        except (ValidationError, PermissionDenied) as error:
            form.add_error("file", error.messages if isinstance(error, ValidationError) else str(error))
        finally:
            if path is not None:
                path.unlink(missing_ok=True)
    return render(
        request,
        "evaluation/enter.html",
        {
            "title": _("Enter measurements"),
            "form": form,
            "checked": checked,
            "problems": entering.texts(checked.problems) if checked else [],
            "more_problems": checked is not None and len(checked.problems) > entering.MOST_LISTED,
            "elements": [
                {
                    "name": name,
                    "title": ELEMENT_RULES[name].title,
                    "points": len(entering.points_of(request.user, name)),
                    "statistic": entering.statistic_of(name),
                }
                for name in entering.ITEMS
            ],
            "files": [(one, entering.outcome(one)) for one in entering.entered_by(request.user)[:20]],
        },
    )


def _files_workbook(files: list[EnteredFile]) -> HttpResponse:
    """Return the files handed over and what became of each."""
    heads = [_("File"), _("By"), _("Handed over at"), _("Rows"), _("New values"), _("Held already, the same")]
    rows = []
    for one in files:
        result = entering.outcome(one)
        counts = (result.new, result.repeated, result.changed, result.refused) if result else (None,) * 4
        by = str(one.author or _("command line"))
        rows.append([one.name, by, one.at, one.rows, *counts, one.digest])
    heads += [_("Changed: new revision"), _("Rows refused"), "SHA-256"]
    return workbook_response("measurement-files", heads, rows)


def entered(request: HttpRequest, digest: str) -> HttpResponse:
    """What became of one file."""
    account_rules.require(request.user, Capability.VIEW_DATA)
    row = next((one for one in entering.entered_by(request.user) if one.digest == digest), None)
    if row is None:
        raise Http404
    result = entering.outcome(row)
    points = Point.objects.filter(pk__in=Series.objects.filter(code__in=row.series).values("point")).order_by(
        "code"
    )
    return render(
        request,
        "evaluation/entered.html",
        {
            "title": row.name,
            "row": row,
            "result": result,
            "problems": entering.texts(list(result.problems)) if result else [],
            "more_problems": result is not None and len(result.problems) > entering.MOST_LISTED,
            "points": [(one, _sheet_of(one)) for one in points],
        },
    )


def _sheet_of(point: Point) -> str:
    """Return the name of the page that shows the results of a point, empty for sections and air."""
    found = (
        one.name for one in sheets.SHEETS.values() if one.element == point.element and one.group != "water"
    )
    return "drinking" if point.element == "drinking" else next(found, "")


def template(request: HttpRequest, element: str) -> HttpResponse:
    """Download the file to fill in for an element: its points and the items registered there."""
    account_rules.require(request.user, Capability.IMPORT_DATA)
    if element not in entering.ITEMS:
        raise Http404
    heads, rows = entering.template(request.user, element, timezone.localtime(now()))
    return workbook_response(f"measurements-{element}", heads, rows)


def registry_rows(request: HttpRequest, element: str) -> HttpResponse:
    """Download factors or series that are still to be registered, in the form the registry imports."""
    account_rules.require(request.user, Capability.IMPORT_DATA)
    kind = request.GET.get("kind", "series")
    if element not in entering.ITEMS or kind not in ("factor", "series"):
        raise Http404
    heads, rows = entering.registry_rows(request.user, element, kind)
    return workbook_response(f"registry-{element}-{kind}", heads, rows)
