"""The workbench."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def workbench(request: HttpRequest) -> HttpResponse:
    return render(request, "desk/workbench.html", {})
