"""The page that lists what programs can ask, made from the description of the interface itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext as translated
from django.views.decorators.http import require_safe

from qingjian.api.access import REQUESTS
from qingjian.api.application import api
from qingjian.api.points import SYNTHETIC
from qingjian.api.results import KINDS
from qingjian.apps.accounts.rules import today
from qingjian.apps.evaluation.queries import evaluations_visible_to
from qingjian.apps.network.queries import points_visible_to
from qingjian.apps.rulekeeping.queries import LIMIT_TABLES, limits
from qingjian.contracts.current import now

BODIES = {
    "/api/v1/evaluate": '[{"id": 1, "kind": "aqi_daily", "edition": "HJ 633-2026", "inputs": '
    '{"PM25": 40, "PM10": 60, "SO2": 8, "NO2": 30, "CO": 0.6, "O3_8h": 90}}]',
}
QUESTIONS = {
    "/api/v1/standards": "?table=ambient_air_limits&symbol=PM2.5",
    "/api/v1/points": "?element=air",
    "/api/v1/points/{code}/observations": "?statistic=day&from={day}",
    "/api/v1/results": "?element=air&from={day}",
    "/api/v1/exceedances": "?running=true",
}
BEFORE = timedelta(days=7)


def _of_this_reader(request: HttpRequest) -> dict[str, str]:
    """Return what stands in the addresses of the examples, such that they are answered to whoever reads the page."""
    point = points_visible_to(request.user).exclude(kind=SYNTHETIC).order_by("code").first()
    # By kind and start, as the index of current results goes.
    recent = evaluations_visible_to(request.user).filter(
        kind__in=KINDS, superseded_at=None, start__gte=now() - BEFORE
    )
    result = recent.order_by("-start", "-pk").first()
    [limit, *_more] = limits(LIMIT_TABLES[0])
    return {
        "standard": quote(limit.document),
        "row_id": limit.id,
        "code": point.code if point else "A1",
        "result_id": str(result.pk if result else 1),
        "day": (today() - BEFORE).isoformat(),
    }


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    schema = api.get_openapi_schema()
    examples = _of_this_reader(request)
    here = request.build_absolute_uri("/").rstrip("/")
    return render(
        request,
        "api/documentation.html",
        {
            "title": _("Programming interface"),
            "operations": [
                _operation(here, path, method, held, examples)
                for path, methods in schema["paths"].items()
                for method, held in methods.items()
            ],
            "most": REQUESTS.most,
        },
    )


def _operation(
    here: str, path: str, method: str, held: dict[str, Any], examples: dict[str, str]
) -> dict[str, Any]:
    parameters = held.get("parameters", [])
    return {
        "method": method.upper(),
        "path": path,
        "summary": translated(held["summary"]),
        "parameters": [
            {
                "name": one["name"],
                "in_path": one["in"] == "path",
                "values": _values(one["schema"]),
                "description": _said(one.get("description") or one["schema"].get("description", "")),
            }
            # How to read page by page is the same everywhere: it stands last.
            for one in sorted(parameters, key=lambda one: one["name"] in ("limit", "cursor"))
        ],
        "curl": _curl(here, path, method, examples),
    }


def _said(text: str) -> str:
    return translated(text) if text else ""


def _values(schema: dict[str, Any]) -> str:
    """Return what a parameter takes, in one line."""
    parts = schema.get("anyOf", [schema])
    words = [word for one in parts for word in one.get("enum", [])]
    if words:
        return ", ".join(words)
    [taken] = [one for one in parts if one.get("type") != "null"]
    if "minimum" in taken:
        return f"{taken['minimum']}–{taken['maximum']}"
    if taken.get("type") == "array":
        return f"{taken['items']['type']} …"
    return taken.get("format") or taken["type"]


def _curl(here: str, path: str, method: str, examples: dict[str, str]) -> str:
    head = 'curl -H "Authorization: Bearer $TOKEN"'
    if method == "post":
        return f"{head} --data '{BODIES[path]}' '{here}{path}'"
    return f"{head} '{here}{(path + QUESTIONS.get(path, '')).format(**examples)}'"
