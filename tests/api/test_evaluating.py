"""Cases over the wire are evaluated as on the command line, within bounds."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.asgi import get_asgi_application
from django.test import Client
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from tests.api.conftest import Program
from tests.apps.conftest import County
from typer.testing import CliRunner

from qingjian.api import access, evaluating
from qingjian.apps.rulekeeping import queries
from qingjian.cli.evaluate import app
from qingjian.rulebook import Row, packaged
from qingjian.standards.evaluation import KINDS, evaluate, read_cases

pytestmark = pytest.mark.any_database

CASES = """[
 {"id": "day", "kind": "aqi_daily", "edition": "HJ 633-2026", "inputs": {"PM25": 40.50, "O3_8h": "120 ug/m3"}},
 {"id": "class", "kind": "section_class", "edition": "GB 3838-2002", "inputs": {"pH": 7.2, "DO": 6.1, "NH3N": 0.4}},
 {"id": "share", "kind": "percentage", "edition": "any", "inputs": {"k": 1, "n": 3}},
 {"id": "twice", "kind": "percentage", "edition": "any", "inputs": {"k": 1, "k": 2}},
 {"id": "unknown", "kind": "none", "edition": "any", "inputs": {}},
 {"id": "nan", "kind": "percentage", "edition": "any", "inputs": {"k": NaN, "n": 1e999}},
 {"id": "\\ud800", "kind": "composite_index"},
 3, null, "text"
]"""


@pytest.fixture
def client(county: County, program: Program) -> Client:
    return program(county.person("staff", "station_staff"))


def sent(client: Client, body: bytes | str, path: str = "/api/v1/evaluate") -> Any:
    return client.post(path, body, content_type="application/json")


def test_the_answer_is_that_of_the_command(client: Client) -> None:
    printed = CliRunner().invoke(app, ["-", "--indent", "0"], input=CASES).stdout
    answer = sent(client, CASES)
    assert answer.status_code == 200
    assert answer.content.decode() == printed.rstrip("\n")
    held = answer.json()
    assert len(held) == 10
    assert sum("outputs" in one for one in held) == 3
    assert all(("outputs" in one) == ("trace" in one) != ("error" in one) for one in held)
    assert all(set(one["error_detail"]) == {"zh", "en"} for one in held if "error" in one)


def test_the_rows_of_the_office_count_unless_the_packaged_ones_are_asked_for(
    client: Client, monkeypatch
) -> None:
    limits = packaged().rows("surface_water_limits", standard="GB 3838", pollutant_cn="氨氮")
    [second] = [row for row in limits if row["class"] == "Ⅱ"]
    own = packaged().with_rows(
        [Row.from_values(second.table, {**second.values, "limit": "0.3"}, override=True)]
    )
    monkeypatch.setattr(queries, "rulebook", lambda: own)
    body = '[{"kind": "section_class", "edition": "GB 3838-2002", "inputs": {"NH3N": 0.4}}]'
    found = {}
    for book in ("office", "packaged"):
        answer = sent(client, body, f"/api/v1/evaluate?rulebook={book}")
        found[book] = (answer["Qingjian-Rulebook"], answer.json()[0]["outputs"]["cls"])
    assert found == {"office": (own.version, "Ⅲ"), "packaged": (packaged().version, "Ⅱ")}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "not-json"),
        (b"\xff\xfe", 400, "not-json"),
        (b"[", 400, "not-json"),
        (b"[" * 100_000, 400, "not-json"),
        (b"{}", 400, "no-list"),
        (b"[" + b"0," * evaluating.MOST_CASES + b"0]", 413, "too-many-cases"),
        (b" " * (evaluating.MOST_BYTES + 1), 413, "too-large"),
    ],
)
def test_what_is_no_list_of_cases_or_too_much_is_refused(
    client: Client, body: bytes, status: int, code: str
) -> None:
    answer = sent(client, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_as_many_cases_as_allowed_are_evaluated(client: Client) -> None:
    case = {"kind": "percentage", "edition": "any", "inputs": {"k": 1, "n": 3}}
    answer = sent(client, json.dumps([case] * evaluating.MOST_CASES))
    assert all("outputs" in one for one in answer.json())
    assert len(answer.json()) == evaluating.MOST_CASES


def test_what_takes_too_long_is_left_out_and_said(client: Client, clock, monkeypatch) -> None:
    def slow(case: Any, **_more: Any) -> dict[str, Any]:
        clock.advance(evaluating.LONGEST_SECONDS * 0.6)
        return {"id": case, "outputs": {}}

    monkeypatch.setattr(evaluating, "evaluate_case", slow)
    held = sent(client, json.dumps([1, 2, {"id": 3}])).json()
    assert [one.get("id") for one in held] == [1, 2, 3]
    assert "error_detail" in held[2]


def test_one_request_is_evaluated_at_a_time_and_the_next_is_asked_to_wait(
    client: Client, monkeypatch
) -> None:
    monkeypatch.setattr(evaluating, "WAITING_SECONDS", 0.0)
    with evaluating._ONE_AT_A_TIME:
        answer = sent(client, "[]")
        assert (answer.status_code, answer.json()["code"]) == (503, "busy")
        assert int(answer["Retry-After"]) >= 1
        assert client.get("/api/v1/standards").status_code == 200
    assert sent(client, "[]").status_code == 200


async def _asked(method: str, path: str, body: bytes = b"") -> int:
    """Status of an answer of the whole application, as the web server asks it."""
    scope = {
        "type": "http", "method": method, "path": path, "query_string": b"", "headers": [(b"host", b"localhost"), (b"authorization", b"Bearer x")],
    }  # fmt: skip
    communicator = ApplicationCommunicator(get_asgi_application(), scope)
    await communicator.send_input({"type": "http.request", "body": body})
    started = await communicator.receive_output(timeout=60)
    while (await communicator.receive_output(timeout=60)).get("more_body"):
        pass
    return started["status"]


def test_others_are_answered_while_cases_are_evaluated(monkeypatch) -> None:
    begun, release = threading.Event(), threading.Event()

    def slow(case: Any, **_more: Any) -> dict[str, Any]:
        begun.set()
        assert release.wait(60)
        return {"id": case}

    monkeypatch.setattr(evaluating, "evaluate_case", slow)
    monkeypatch.setattr(evaluating.PROGRAMS[0], "authenticate", lambda *_given: True)
    monkeypatch.setattr(queries, "rulebook", packaged)

    async def both() -> tuple[int, int]:
        evaluating_now = asyncio.create_task(_asked("POST", "/api/v1/evaluate", b"[1]"))
        assert await asyncio.to_thread(begun.wait, 60)
        other = await _asked("GET", "/api/v1/openapi.json")
        assert not evaluating_now.done()
        release.set()
        return other, await evaluating_now

    assert asyncio.run(both()) == (200, 200)


def test_a_failure_gives_its_place_back(client: Client, monkeypatch) -> None:
    def fails(*_given: Any, **_more: Any) -> None:
        raise RuntimeError

    client.raise_request_exception = False
    with monkeypatch.context() as patch:
        patch.setattr(evaluating, "evaluate_case", fails)
        assert sent(client, "[1]").status_code == 500
    assert sent(client, "[1]").status_code == 200


NUMBERS = st.one_of(
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.sampled_from([0, -0.0, 1e308, "1e-999999", "<0.5", "0.02L"]),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=12)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
INPUTS = st.dictionaries(
    st.sampled_from(["PM25", "PM10", "SO2", "O3_8h", "pH", "DO", "k", "n", "values", "class", "chla", "x"]),
    VALUES,
    max_size=5,
)
ANY_CASE = st.one_of(
    VALUES,
    st.fixed_dictionaries(
        {},
        optional={
            "id": VALUES,
            "kind": st.sampled_from(sorted(KINDS)),
            "edition": st.sampled_from(["any", "HJ 633-2026", "HJ 633-2012", "GB 3838-2002", ""]),
            "inputs": INPUTS,
        },
    ),
)


@given(body=st.one_of(st.binary(max_size=80), st.lists(ANY_CASE, max_size=4).map(json.dumps).map(str.encode)))
@examples(max_examples=60)
def _anything_is_answered(client: Client, body: bytes) -> None:
    access.REQUESTS.forget()
    answer = sent(client, body)
    assert answer.status_code in (200, 400, 413)
    if answer.status_code == 200:
        held = json.loads(answer.content)
        assert len(held) == len(read_cases(body.decode("utf-8-sig")))
        assert held == json.loads(json.dumps(evaluate(read_cases(body.decode("utf-8-sig")))))


def test_anything_is_answered(client: Client) -> None:
    _anything_is_answered(client)
