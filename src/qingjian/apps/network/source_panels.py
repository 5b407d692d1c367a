"""What apps above the registry show on the page of a source; they register it when they are loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest

from qingjian.apps.network.models import Source

Build = Callable[[HttpRequest, Source], Mapping[str, Any]]

_panels: dict[str, Build] = {}


def register(template: str, build: Build) -> None:
    """Show a template with what `build` returns for the reader and the source."""
    if template in _panels:
        raise ValueError(f"panel {template} is registered twice")
    _panels[template] = build


def panels(request: HttpRequest, source: Source) -> list[tuple[str, Mapping[str, Any]]]:
    """Return template and context of every panel, in the order they were registered."""
    return [(template, build(request, source)) for template, build in _panels.items()]
