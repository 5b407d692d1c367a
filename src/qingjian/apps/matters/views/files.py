"""Files of a matter: evidence, documents, drawn signatures. Whatever an upload holds, it never runs as a page here."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from qingjian.apps.matters import documents, outside, queries
from qingjian.apps.matters.models import Document
from qingjian.apps.matters.services import files
from qingjian.apps.matters.views.work import SHOWN_INLINE, record_reading


def evidence(request: HttpRequest, pk: int) -> HttpResponse:
    """A piece of evidence as a download, pictures also in the page."""
    row = get_object_or_404(queries.evidence_visible_to(request.user), pk=pk)
    if not outside.evidence_is_read(row, inside=queries.is_inside(request.user, row.matter)):
        raise Http404
    record_reading(request, row.matter)
    return file_response(
        row.file, row.name, inline=row.file.media_type in SHOWN_INLINE and request.GET.get("show") == "1"
    )


def file_response(file: Any, name: str, *, inline: bool = False) -> HttpResponse:
    """Return a stored file as it was stored; one that is gone or was changed on the disk is never passed off as it."""
    path = files.path_of(file.digest)
    if not path.exists():
        raise Http404
    if files.digest_of(file.digest) != file.digest:
        raise PermissionDenied(_("The stored file does not match its digest. Tell the system administrator."))
    response = FileResponse(
        path.open("rb"), as_attachment=not inline, filename=name, content_type=file.media_type
    )
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _document(request: HttpRequest, pk: int) -> Document:
    row = get_object_or_404(queries.documents_visible_to(request.user), pk=pk)
    if not outside.document_is_read(row, inside=queries.is_inside(request.user, row.matter)):
        raise Http404
    return row


def document(request: HttpRequest, pk: int) -> HttpResponse:
    """The .docx of record."""
    row = _document(request, pk)
    record_reading(request, row.matter)
    return file_response(row.file, f"{row.number}.docx")


def document_pdf(request: HttpRequest, pk: int) -> HttpResponse:
    """A PDF for reading and printing; the .docx remains the document of record."""
    row = _document(request, pk)
    record_reading(request, row.matter)
    try:
        content = documents.pdf(files.read(row.file))
    except OSError as error:
        messages.error(
            request, _("No PDF can be made here (%(error)s). Use the Word file.") % {"error": error}
        )
        return redirect(reverse("matter", args=(row.matter_id,)) + "?tab=documents")
    response = HttpResponse(content, content_type="application/pdf")
    response.headers["Content-Disposition"] = f"inline; filename*=UTF-8''{quote(row.number)}.pdf"
    return response


def drawing(request: HttpRequest, pk: int) -> HttpResponse:
    """A signature drawn on the screen."""
    row = get_object_or_404(queries.drawings_visible_to(request.user), pk=pk)
    matter = row.sheet.matter
    if row.sheet_id not in outside.Reading(matter, queries.is_inside(request.user, matter)).sheets:
        raise Http404
    record_reading(request, row.sheet.matter)
    return file_response(row.drawing, "signature.png", inline=True)
