"""The schedule page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from qingjian.apps.scheduling import queries, tables


def schedule(request: HttpRequest) -> HttpResponse:
    return tables.RunListing(request, queries.runs()).response({"overview": queries.overview()})
