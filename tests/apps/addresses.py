"""Every address of the site, as the router knows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.urls import get_resolver

PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")


def addresses(resolver: Any = None, prefix: str = "/") -> Iterator[str]:
    """Yield paths with their parameters, e.g. `/points/<str:code>/`."""
    for pattern in (resolver or get_resolver()).url_patterns:
        path = prefix + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from addresses(pattern, path)
        else:
            yield path
