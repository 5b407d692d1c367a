"""Whatever an address, a header or a cursor holds, the interface answers, refuses or finds nothing; it never fails."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

from django.test import Client
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from tests.api.conftest import Program
from tests.apps.conftest import County

from qingjian.api import access
from qingjian.api.application import api

WORDS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            "",
            "0",
            "-1",
            "1e400",
            "99999999999999999999",
            "nan",
            "true",
            "A1",
            "W1.w01018",
            "2026-02-30",
            "9999-12-31",
        ]
    ),
    st.sampled_from(
        ["0001-01-01T00:00:00Z", "2026-11-20T08:00:00 08:00", "2026-11-20T99:00", "2100-12-31T23:59-23:59"]
    ),
    st.sampled_from(["hour", "day", "month", "minute", "air", "all", "GB 3095", "air_day", "outlet_hour"]),
)
KEYS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
CURSORS = st.lists(KEYS, max_size=3).map(
    lambda keys: base64.urlsafe_b64encode(json.dumps(keys).encode()).decode().rstrip("=")
)


def names(schema: dict[str, Any]) -> dict[str, list[str]]:
    """Parameters in the address of every reading operation, by path."""
    return {
        path: [one["name"] for one in methods["get"].get("parameters", []) if one["in"] == "query"]
        for path, methods in schema["paths"].items()
        if "get" in methods
    }


def test_any_question_is_answered(registry: County, program: Program) -> None:
    client = program(registry.person("staff", "station_staff"))
    known = names(api.get_openapi_schema())

    @given(data=st.data())
    @examples(max_examples=200)
    def check(data: st.DataObject) -> None:
        access.REQUESTS.forget()
        path = data.draw(st.sampled_from(sorted(known)))
        asked = data.draw(
            st.dictionaries(st.sampled_from([*known[path], "cursor", "colour"]), WORDS | CURSORS, max_size=4)
        )
        while "{" in path:
            begin, end = path.index("{"), path.index("}")
            path = path[:begin] + quote(data.draw(WORDS), safe="") + path[end + 1 :]
        answer = client.get(path, asked)
        assert answer.status_code in (200, 400, 404, 422)
        body = json.loads(answer.content)
        if answer.status_code != 200:
            assert {"code", "message"} <= set(body)
        else:
            assert not set(asked) - set(known.get(path, asked))

    check()


def test_any_header_is_answered(registry: County) -> None:
    @given(st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=80))
    @examples(max_examples=60)
    def check(text: str) -> None:
        access.REFUSALS.forget()
        answer = Client(headers={"Authorization": text}).get("/api/v1/points")
        assert answer.status_code == 401

    check()
    _bearer = Client(headers={"Authorization": "Bearer \u5404"}).get("/api/v1/points")
    assert _bearer.status_code == 401
