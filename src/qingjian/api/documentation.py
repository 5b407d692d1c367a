"""The page that lists what programs can ask, made from the description of the interface itself."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext as translated
from django.views.decorators.http import require_safe

from qingjian.api.access import REQUESTS
from qingjian.api.application import api

EXAMPLES = {
    "/api/v1/evaluate": '[{"id": 1, "kind": "aqi_daily", "edition": "HJ 633-2026", "inputs": {"PM25": 40}}]',
}


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    schema = api.get_openapi_schema()
    here = request.build_absolute_uri("/").rstrip("/")
    return render(
        request,
        "api/documentation.html",
        {
            "title": _("Programming interface"),
            "operations": [
                _operation(here, path, method, held)
                for path, methods in schema["paths"].items()
                for method, held in methods.items()
            ],
            "most": REQUESTS.most,
        },
    )


def _operation(here: str, path: str, method: str, held: dict[str, Any]) -> dict[str, Any]:
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
        "curl": _curl(here, path, method),
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


def _curl(here: str, path: str, method: str) -> str:
    head = 'curl -H "Authorization: Bearer $TOKEN"'
    if method == "post":
        body = json.dumps(json.loads(EXAMPLES[path]), ensure_ascii=False)
        return f"{head} --data '{body}' {here}{path}"
    return f"{head} '{here}{path}'"
