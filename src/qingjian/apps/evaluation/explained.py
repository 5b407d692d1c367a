"""The answer to "why": a trace as a drawer, or as a page of its own."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from qingjian.apps.evaluation import queries


def drawer(
    request: HttpRequest, title: str, subject: str, trace: dict[str, Any], **more: Any
) -> HttpResponse:
    """Show inputs used and left out, steps, clauses and confidence of a trace."""
    language = queries.language()
    documents: dict[str, dict[str, Any]] = {}
    for row in trace["rows"]:
        shown_row = documents.setdefault(
            row["citation"],
            {"citation": row["citation"], "confidence": row["confidence"], "confirmed": True},
        )
        # One unconfirmed row of a clause leaves the clause unconfirmed.
        shown_row["confirmed"] = shown_row["confirmed"] and row["confirmed"]
    shown = {
        "heading": trace["title"][language],
        "used": [
            {**one, "remark": one.get("remark", {}).get(language, "")}
            for one in trace["inputs"]
            if one["used"] is not None
        ],
        "rejected": [
            {**one, "remark": one.get("remark", {}).get(language, "")}
            for one in trace["inputs"]
            if one["used"] is None
        ],
        "steps": [one[language] for one in trace["steps"]],
        "documents": list(documents.values()),
        "confidence": trace["confidence"],
        "may_act_alone": trace["may_act_alone"],
    }
    template = "evaluation/why.html" if request.headers.get("HX-Request") else "evaluation/why_page.html"
    return render(request, template, {"title": title, "subject": subject, "trace": shown, **more})
