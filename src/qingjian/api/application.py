"""The interface as a whole: its operations, who may ask, how refusals are said."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI

from qingjian.api import evaluating, points, results, standards
from qingjian.api.access import READERS
from qingjian.api.errors import say_errors_of
from qingjian.api.rendering import Json
from qingjian.apps.accounts import rules

api = NinjaAPI(
    title="清鉴 Qingjian",
    version="1",
    description="只读接口：与网页相同的数据与权限。Read only: the same data and the same reach as on the pages.",
    urls_namespace="api-v1",
    docs_url=None,
    auth=READERS,
    renderer=Json(),
)


def _read_once(run: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Read posts and places of regions once for a request, which changes none of them; keep no answer in caches."""

    @wraps(run)
    def inner(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
        with rules.reading_once():
            response = run(request, *arguments, **named)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return inner


api.add_decorator(_read_once, mode="view")
say_errors_of(api)
api.add_router("", evaluating.router, tags=["evaluate"])
api.add_router("", standards.router, tags=["standards"])
api.add_router("", points.router, tags=["points"])
api.add_router("", results.router, tags=["results"])
