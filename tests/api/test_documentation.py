"""The interface is described whole: for generators, on the page, in the documents; and the page needs no script of its own."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest
from tests.api.conftest import Program
from tests.apps.conftest import County
from tools import messages

from qingjian.api.documentation import BODIES

pytestmark = pytest.mark.any_database

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "api.md"


@pytest.fixture
def schema(client, db) -> dict[str, Any]:
    answer = client.get("/api/v1/openapi.json")
    assert answer.status_code == 200
    return answer.json()


def operations(schema: dict[str, Any]) -> set[str]:
    return {f"{method.upper()} {path}" for path, held in schema["paths"].items() for method in held}


def test_the_description_is_openapi_3_1_and_says_how_to_sign_in(schema: dict[str, Any]) -> None:
    assert schema["openapi"].startswith("3.1")
    kinds = {(one["type"], one.get("scheme")) for one in schema["components"]["securitySchemes"].values()}
    assert kinds == {("http", "bearer"), ("apiKey", None)}
    [post] = [
        held for methods in schema["paths"].values() for name, held in methods.items() if name == "post"
    ]
    assert [list(one) for one in post["security"]] == [["Token"]]
    assert all(
        {"Token", "Session"} == {name for one in methods["get"]["security"] for name in one}
        for methods in schema["paths"].values()
        if "get" in methods
    )


def test_nothing_but_evaluating_takes_more_than_reading(schema: dict[str, Any]) -> None:
    assert {one for one in operations(schema) if not one.startswith("GET ")} == {"POST /api/v1/evaluate"}


def test_the_document_lists_what_there_is(schema: dict[str, Any]) -> None:
    listed = set(
        re.findall(r"^\| `((?:GET|POST) [^`]+)` \|", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert listed == operations(schema)


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_page_shows_every_operation_with_an_example(
    client, county: County, schema: dict[str, Any], language: str
) -> None:
    client.force_login(county.person("staff", "station_staff"))
    client.post("/i18n/setlang/", {"language": language})
    answer = client.get("/api/")
    page = answer.content.decode()
    for path, methods in schema["paths"].items():
        assert f"{path}</code>" in page
        for method, held in methods.items():
            assert held["summary"] in page or language == "zh-hans"
            if method == "post":
                assert path in BODIES
    assert page.count("curl -H") == len(operations(schema))
    assert not re.search(r"<script(?![^>]*\ssrc=\"/static/)|\sstyle=|\son[a-z]+=", page)
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert ("某日有效的限值" in page) == (language == "zh-hans")


@pytest.mark.parametrize("role", ["station_staff", "system_administrator"])
def test_the_examples_are_answered(registry: County, program: Program, client, role: str) -> None:
    person = registry.person("reader", role)
    client.force_login(person)
    page = html.unescape(client.get("/api/").content.decode())
    asked = re.findall(r"curl -H \S+ Bearer \$TOKEN\" (?:--data '(.*?)' )?'http://testserver(.*?)'", page)
    assert len(asked) == page.count("curl -H")
    reading = program(person)
    for body, address in asked:
        answer = (
            reading.post(address, body, content_type="application/json") if body else reading.get(address)
        )
        expected = 404 if "/results/" in address else 200  # nothing has been evaluated on this node
        assert answer.status_code == expected, address
        assert not body or all(one["outputs"]["aqi"] == 60 for one in answer.json())


def test_every_parameter_that_is_described_has_its_chinese(schema: dict[str, Any]) -> None:
    catalogue = {str(one.id) for one in messages.catalogue()}
    for methods in schema["paths"].values():
        for held in methods.values():
            assert held["summary"] in catalogue
            for one in held.get("parameters", []):
                text = one.get("description") or one["schema"].get("description", "")
                assert text in catalogue, (held["summary"], one["name"])
