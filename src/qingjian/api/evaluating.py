"""Cases evaluated by the standards, as `qingjian evaluate FILE` does."""

from __future__ import annotations

import json
import threading
from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_noop as _
from ninja import Query, Router
from pydantic import Field

from qingjian.api.access import PROGRAMS
from qingjian.api.asked import Asked
from qingjian.api.errors import ApiError, busy
from qingjian.api.rendering import encoded
from qingjian.apps.rulekeeping import queries as rulekeeping
from qingjian.contracts.current import clock
from qingjian.rulebook import Rulebook, packaged
from qingjian.standards.errors import EvaluationError
from qingjian.standards.evaluation import KINDS, evaluate_case, read_cases

MOST_BYTES = 1_000_000
MOST_CASES = 500
LONGEST_SECONDS = 10.0
"""What is left of a request after so long is not evaluated: it has taken its share of the processor."""
WAITING_SECONDS = 2.0
_ONE_AT_A_TIME = threading.BoundedSemaphore(1)
"""Requests evaluated at a time in one web process; pages and other readers go on beside it."""

router = Router()


class EvaluateAsked(Asked):
    rulebook: Literal["office", "packaged"] = Field(
        "office",
        description=_(
            "office: with the rows this office has added and confirmed; packaged: as shipped, as the command takes it"
        ),
    )


_CASE = {
    "type": "object",
    "required": ["kind", "edition", "inputs"],
    "properties": {
        "id": {"description": "Whatever tells the case from others; comes back unchanged"},
        "kind": {"type": "string", "enum": sorted(KINDS)},
        "edition": {"type": "string"},
        "inputs": {"type": "object"},
    },
}
_TEXTS = {"type": "object", "properties": {"zh": {}, "en": {}}}
_ANSWER = {
    "type": "object",
    "description": "The case with `outputs` and `trace`, or with `error` and `error_detail`",
    "properties": {
        **_CASE["properties"],
        "outputs": {"type": "object"},
        "trace": _TEXTS,
        "error": {"type": "string"},
        "error_detail": _TEXTS,
    },
}


@router.post(
    "/evaluate",
    auth=PROGRAMS,
    summary=_("Evaluate cases"),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"type": "array", "items": _CASE, "maxItems": MOST_CASES}}
            },
        },
        "responses": {
            200: {
                "description": "The same list, in the same order",
                "content": {"application/json": {"schema": {"type": "array", "items": _ANSWER}}},
            }
        },
    },
)
def evaluate(request: HttpRequest, asked: Query[EvaluateAsked]) -> HttpResponse:
    """Evaluate a JSON list of cases. A case that cannot be evaluated gets an error and does not stop the rest."""
    cases = _cases(_body(request))
    book = packaged() if asked.rulebook == "packaged" else rulekeeping.rulebook()
    if not _ONE_AT_A_TIME.acquire(timeout=WAITING_SECONDS):
        raise busy(
            WAITING_SECONDS,
            "正在评价其他请求，请稍后再试",
            "other cases are being evaluated, come again in a moment",
            status=503,
            code="busy",
        )
    try:
        found = _evaluated(cases, book)
    finally:
        _ONE_AT_A_TIME.release()
    return HttpResponse(
        encoded(json.dumps(found, ensure_ascii=False)),
        content_type="application/json; charset=utf-8",
        headers={"Qingjian-Rulebook": book.version},
    )


def _body(request: HttpRequest) -> bytes:
    """Return the body; no more of it is read than is taken."""
    received = request.read(MOST_BYTES + 1)
    if len(received) > MOST_BYTES:
        raise ApiError(
            413,
            "too-large",
            f"请求体超过 {MOST_BYTES} 字节，请分批提交",
            f"the body has more than {MOST_BYTES} bytes: send it in parts",
        )
    return received


def _cases(received: bytes) -> list[Any]:
    try:
        cases = read_cases(received.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "not-json", "请求体不是 UTF-8 的 JSON", "the body is no JSON in UTF-8") from error
    if not isinstance(cases, list):
        raise ApiError(400, "no-list", "请求体应为 JSON 列表", "the body must be a JSON list")
    if len(cases) > MOST_CASES:
        raise ApiError(
            413,
            "too-many-cases",
            f"一次最多 {MOST_CASES} 个用例，请分批提交",
            f"at most {MOST_CASES} cases at a time: send them in parts",
        )
    return cases


def _evaluated(cases: list[Any], book: Rulebook) -> list[dict[str, Any]]:
    until = clock().monotonic() + LONGEST_SECONDS
    return [
        evaluate_case(case, rulebook=book) if clock().monotonic() < until else _left_out(case)
        for case in cases
    ]


def _left_out(case: Any) -> dict[str, Any]:
    why = EvaluationError("本次请求用时过长，未评价", "the request took too long, not evaluated")
    held = {"case": repr(case)[:200]} if not isinstance(case, dict) else dict(case)
    return held | {"error": str(why), "error_detail": {"zh": why.zh, "en": why.en}}
