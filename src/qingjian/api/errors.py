"""What programs are told when a request cannot be answered: one shape, in Chinese and English, without inner details."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, ValidationError

PREFIX = "/api/v1/"
OF_STATUS: Mapping[int, tuple[str, str, str]] = {
    400: ("not-understood", "请求无法识别", "the request is not understood"),
    401: (
        "not-signed-in",
        "需要访问令牌：Authorization: Bearer …",
        "an access token is needed: Authorization: Bearer …",
    ),
    403: ("not-allowed", "现任岗位不允许", "the present posts do not allow this"),
    404: ("not-found", "没有此项，或不在可见范围内", "there is no such thing within reach"),
    405: ("method-not-allowed", "此地址不接受该方法", "this address does not take that method"),
    413: ("too-large", "请求体过大", "the body is too large"),
    500: ("program-error", "程序内部错误，请报告", "an error of the program, please report it"),
}
_PARTS = {
    "missing": ("缺少", "is missing"),
    "unknown-parameter": ("不认识", "is not known"),
    "greater_than_equal": ("过小", "is too small"),
    "less_than_equal": ("过大", "is too large"),
    "int_parsing": ("应为整数", "must be a whole number"),
    "bool_parsing": ("应为 true 或 false", "must be true or false"),
    "string_too_long": ("过长", "is too long"),
    "too_long": ("过多", "has too many values"),
    "literal_error": ("不是可用的值", "is none of the values it takes"),
    "not-a-moment": (
        "应为 ISO 8601 时间，如 2026-11-20T08:00:00+08:00",
        "must be an ISO 8601 time such as 2026-11-20T08:00:00+08:00",
    ),
    "not-a-day": ("应为日期，如 2026-11-20", "must be a day such as 2026-11-20"),
}


class ApiError(Exception):
    """An answer that is no success: status, a code for programs, `zh` and `en` for people."""

    def __init__(
        self,
        status: int,
        code: str,
        zh: str,
        en: str,
        *,
        headers: Mapping[str, str] | None = None,
        **detail: Any,
    ) -> None:
        super().__init__(f"{zh} / {en}")
        self.status = status
        self.body = {"code": code, "message": {"zh": zh, "en": en}, **detail}
        self.headers = dict(headers or {})


def answer(error: ApiError) -> HttpResponse:
    return JsonResponse(
        error.body,
        status=error.status,
        headers=error.headers,
        json_dumps_params={"ensure_ascii": False},
        content_type="application/json; charset=utf-8",
    )


def of_status(status: int) -> ApiError:
    """Return the error that a bare status stands for."""
    code, zh, en = OF_STATUS.get(status, OF_STATUS[500 if status >= 500 else 400])
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return ApiError(status, code, zh, en, headers=headers)


def busy(seconds: float, zh: str, en: str, *, status: int = 429, code: str = "too-many-requests") -> ApiError:
    """Return the error that asks to come again after some seconds."""
    return ApiError(status, code, zh, en, headers={"Retry-After": str(max(1, round(seconds + 0.5)))})


def _of_parameters(error: ValidationError) -> ApiError:
    places = []
    for one in error.errors:
        name = str(one["loc"][-1]) if one["loc"] else ""
        name = one.get("ctx", {}).get("name", name)
        allowed = one.get("ctx", {}).get("expected", "")
        zh, en = _PARTS.get(one["type"], ("不合要求", "is not what it takes"))
        places.append((name, zh, en + (f": {allowed}" if allowed else "")))
    zh = "；".join(f"参数 {name} {text}" for name, text, _ in places)
    en = "; ".join(f"the parameter {name} {text}" for name, _, text in places)
    unknown = any(one["type"] == "unknown-parameter" for one in error.errors)
    return ApiError(
        422,
        "unknown-parameter" if unknown else "bad-parameter",
        zh,
        en,
        parameters=[name for name, _, _ in places],
    )


def say_errors_of(api: NinjaAPI) -> None:
    """Let every refusal of the interface have the one shape."""
    api.add_exception_handler(ApiError, lambda request, error: answer(error))
    api.add_exception_handler(ValidationError, lambda request, error: answer(_of_parameters(error)))
    for kind, status in (
        (AuthenticationError, 401),
        (PermissionDenied, 403),
        (Http404, 404),
        (BadRequest, 400),
    ):
        api.add_exception_handler(kind, lambda request, error, status=status: answer(of_status(status)))


class JsonErrors:
    """Below /api/v1/ also what never reaches an operation (no such address, another method, a fault) is said in JSON."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code < 400 or not request.path.startswith(PREFIX):
            return response
        if response.headers.get("Content-Type", "").startswith("application/json"):
            return response
        said = answer(of_status(response.status_code))
        for name in ("Allow", "Content-Security-Policy", "Content-Language"):
            if name in response.headers:
                said.headers[name] = response.headers[name]
        return said
