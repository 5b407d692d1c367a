"""Official forms: the templates in use, those an office offers in their place, and how each will look."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.matters import declarations, documents, forms, services
from qingjian.apps.matters.errors import RefusedError
from qingjian.apps.matters.models import DocumentTemplate
from qingjian.apps.matters.services import files
from qingjian.apps.matters.services.documents import (
    may_decide,
    offering_regions,
    own_template,
    template_of,
)
from qingjian.ui.listing import workbook_response

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def templates(request: HttpRequest) -> HttpResponse:
    """Official forms and the templates this office put in their place."""
    account_rules.require(request.user, Capability.VIEW_REGISTRY)
    own: dict[tuple[str, str], list[DocumentTemplate]] = {}
    for row in DocumentTemplate.objects.select_related(
        "author", "approved_by", "withdrawn_by", "file", "region"
    ):
        row.may_decide = may_decide(request.user, row)
        own.setdefault((row.process, row.code), []).append(row)
    kinds = []
    for process in declarations.processes():
        for kind in process.documents:
            rows = own.get((process.code, kind.code), [])
            in_use = own_template(process, kind, _region(request))
            kinds.append({"process": process, "kind": kind, "own": rows, "in_use": in_use})
    if request.GET.get("export") == "xlsx":
        return _workbook(kinds)
    context = {
        "title": _("Document templates"),
        "kinds": kinds,
        "may_offer": account_rules.may(request.user, Capability.CONFIRM_RULES),
        "regions": offering_regions(request.user),
        "common": documents.COMMON_FIELDS,
        "lists": documents.LIST_FIELDS,
    }
    return render(request, "matters/templates.html", context)


def _region(request: HttpRequest) -> int | None:
    """Return the region of the reader's first post: the forms in use there are shown."""
    return next((one.region_id for one in account_rules.posts_on(request.user)), None)


def _workbook(kinds: list[dict[str, Any]]) -> HttpResponse:
    """Return every form with the templates an office ever offered for it."""
    heads = [
        _("Kind of matter"),
        _("Document"),
        _("Template in use"),
        _("Offered template"),
        _("Region"),
        _("Author"),
        _("Time"),
        _("Approved by"),
        _("Taken out of use by"),
        "SHA-256",
    ]
    rows = []
    for one in kinds:
        in_use = one["in_use"].name if one["in_use"] else _("packaged template in use")
        head = (one["process"].title, one["kind"].title, in_use)
        rows.extend(
            (*head, row.name, row.region, row.author, row.at, row.approved_by, row.withdrawn_by, row.file_id)
            for row in one["own"]
        )
        if not one["own"]:
            rows.append((*head, *[""] * (len(heads) - len(head))))
    return workbook_response("document-templates", heads, rows)


def _kind(process: str, code: str) -> tuple[Any, Any]:
    try:
        found = declarations.process(process)
        return found, found.document(code)
    except (KeyError, StopIteration) as error:
        raise Http404 from error


def _word(content: bytes, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type=WORD)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.docx"'
    return response


@require_POST
def offer(request: HttpRequest, kind: str, code: str) -> HttpResponse:
    """Take an office's own template."""
    process, document = _kind(kind, code)
    form = forms.TemplateForm(request.POST, request.FILES, regions=offering_regions(request.user))
    if form.is_valid():
        upload = form.cleaned_data["file"]
        if upload.size > documents.LARGEST_TEMPLATE:
            messages.error(request, _("The file is too large."))
        else:
            try:
                services.offer_template(
                    request.user,
                    process,
                    document,
                    upload.read(),
                    upload.name,
                    form.cleaned_data["region"],
                )
                messages.success(request, _("Kept. It is used once somebody else has approved it."))
            except RefusedError as error:
                messages.error(request, " ".join(error.messages))
    return redirect("document-templates")


def in_use(request: HttpRequest, kind: str, code: str) -> HttpResponse:
    """The template in use as it is, for an office to change in Word."""
    account_rules.require(request.user, Capability.VIEW_REGISTRY)
    process, document = _kind(kind, code)
    return _word(template_of(process, document, _region(request)), f"{kind}-{code}")


def preview(request: HttpRequest, kind: str, code: str) -> HttpResponse:
    """The present template (or the one asked for) filled with the titles of its fields."""
    account_rules.require(request.user, Capability.VIEW_REGISTRY)
    process, document = _kind(kind, code)
    asked = request.GET.get("template", "")
    if asked.isdigit():
        row = get_object_or_404(
            DocumentTemplate.objects.select_related("file"), pk=int(asked), process=kind, code=code
        )
        content = files.read(row.file)
    else:
        content = template_of(process, document, _region(request))
    rendered = documents.render(content, documents.sample(document))
    if request.GET.get("format") == "docx":
        return _word(rendered, code)
    context = {
        "title": document.title,
        "blocks": documents.outline(rendered),
        "process": process,
        "kind": document,
        "asked": asked,
    }
    return render(request, "matters/preview.html", context)


def _decide(request: HttpRequest, pk: int, service: Any) -> HttpResponse:
    try:
        service(request.user, get_object_or_404(DocumentTemplate, pk=pk))
    except RefusedError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("document-templates")


@require_POST
def approve(request: HttpRequest, pk: int) -> HttpResponse:
    return _decide(request, pk, services.approve_template)


@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    return _decide(request, pk, services.withdraw_template)
