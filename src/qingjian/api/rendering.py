"""JSON as programs get it: UTF-8 that people can read, never NaN."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest
from ninja.renderers import JSONRenderer


class Json(JSONRenderer):
    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        return encoded(json.dumps(data, cls=self.encoder_class, ensure_ascii=False, allow_nan=False))


def encoded(text: str) -> bytes:
    """Return JSON text as UTF-8; half a surrogate pair goes out as the escape it came in as."""
    return text.encode("utf-8", "backslashreplace")
