"""Open pages: the public log, how to verify, and this node as a witness of others."""

from __future__ import annotations

import base64
import re

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from qingjian.ledger.errors import LedgerError
from qingjian.ledger.tiles import TILE_WIDTH, parse_tile_path
from qingjian.notary.files import CHECKPOINT, COSIGNED_CHECKPOINT, LogFiles
from qingjian.notary.witness import MAX_REQUEST
from qingjian.portal import checking, queries

SHARD_NAME = re.compile(r"[0-9]{4}(?:-[0-9]{1,6})?")
"""A year, and a number when the year has several logs: nothing that leads out of the public folder."""
NOT_KEPT = "no-cache"
KEPT = "public, max-age=31536000, immutable"
"""A full tile never changes."""


@require_http_methods(["GET", "HEAD", "POST"])
def ledger(request: HttpRequest) -> HttpResponse:
    """What the ledger is, its keys and newest head, how to check without trusting this node; and a check right here."""
    report, problem = _checked(request) if request.method == "POST" else (None, "")
    logs = queries.logs()
    newest = logs[0] if logs else None
    return render(
        request,
        "portal/ledger.html",
        {
            "title": _("Public ledger"),
            "logs": logs,
            "newest": newest,
            "root": base64.b64encode(newest.head.root).decode() if newest and newest.head else "",
            "verify_digest": queries.verify_digest(),
            "witness_key": queries.witness_key(),
            "report": report,
            "problem": problem,
        },
        status=400 if problem else 200,
    )


def _checked(request: HttpRequest) -> tuple[checking.Report | None, str]:
    upload = request.FILES.get("bundle")
    if not isinstance(upload, UploadedFile):
        return None, _("Choose an evidence bundle first.")
    try:
        return checking.check(upload), ""
    except ValidationError as error:
        return None, " ".join(error.messages)


@require_safe
def verify_program(request: HttpRequest) -> HttpResponse:
    return HttpResponse(
        queries.verify_program(),
        content_type="text/x-python; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="verify.py"'},
    )


@require_safe
def log_file(request: HttpRequest, name: str) -> HttpResponse:
    """One file of the public log as C2SP tlog-tiles names them; any other name is not there."""
    if name == queries.SHARDS:
        path = queries.public_folder() / name
        if not path.exists():
            raise Http404
        return _public(path.read_bytes(), "application/json", NOT_KEPT)
    shard, _separator, rest = name.partition("/")
    if not SHARD_NAME.fullmatch(shard):
        raise Http404
    files = LogFiles(queries.public_folder() / shard)
    if rest in (CHECKPOINT, COSIGNED_CHECKPOINT):
        note = files.read(rest)
        if note is None:
            raise Http404
        return _public(note, "text/plain; charset=utf-8", NOT_KEPT)
    try:
        tile = parse_tile_path(rest)
        content = files.tile(tile)
    except (LedgerError, OSError) as error:
        raise Http404 from error
    return _public(content, "application/octet-stream", KEPT if tile.width == TILE_WIDTH else NOT_KEPT)


def _public(content: bytes, content_type: str, kept: str) -> HttpResponse:
    return HttpResponse(
        content,
        content_type=content_type,
        headers={"Cache-Control": kept, "Access-Control-Allow-Origin": "*"},
    )


@csrf_exempt  # A machine posts here; it carries no session, and the signature in the body is what counts.
def witness(request: HttpRequest, name: str) -> HttpResponse:
    """This node as a witness (C2SP tlog-witness): cosigns growth of the logs it was told to trust."""
    own = queries.own_witness()
    if own is None:
        raise Http404
    try:
        body = request.read(MAX_REQUEST + 1) if request.method == "POST" else b""
        answer = own.handle(request.method or "", name, body)
    finally:
        own.close()
    return HttpResponse(answer.body, status=answer.status, content_type=answer.content_type)
