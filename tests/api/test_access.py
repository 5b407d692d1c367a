"""Who is answered: tokens and sessions, how often, and how refusals look."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from tests.api.conftest import Program
from tests.apps.addresses import PARAMETER, addresses
from tests.apps.conftest import County

from qingjian.api import access, standards
from qingjian.apps.accounts import rules, services
from qingjian.apps.accounts.models import AuditEvent, User

LIMITS = "/api/v1/standards"
OPEN = {"/api/v1/openapi.json", "/api/v1/"}
"""The description, which says nothing of this node, and the root, where nothing is."""


def bearer(text: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {text}"})


def test_every_operation_asks_who_it_is_and_says_so_in_both_languages(client, db) -> None:
    asked = 0
    for path in addresses():
        if not path.startswith("/api/v1/") or path in OPEN:
            continue
        answer = client.generic(
            "POST" if path.endswith("/evaluate") else "GET", PARAMETER.sub("1", path), b"[]"
        )
        assert answer.status_code == 401, path
        assert answer["WWW-Authenticate"].startswith("Bearer")
        assert answer.json()["code"] == "not-signed-in"
        assert set(answer.json()["message"]) == {"zh", "en"}
        asked += 1
    assert asked >= 8


def test_a_token_reads_and_leaves_no_session(county: County, program: Program) -> None:
    client = program(county.person("staff", "station_staff"))
    answer = client.get(LIMITS)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert not client.cookies


def test_a_browser_reads_with_its_session_and_never_posts_with_it(county: County) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(county.person("staff", "station_staff"))
    assert client.get(LIMITS).status_code == 200
    client.get("/access-tokens/")
    token = client.cookies["csrftoken"].value
    for more in ({}, {"X-CSRFToken": token}):
        answer = client.post("/api/v1/evaluate", "[]", content_type="application/json", headers=more)
        assert answer.status_code == 401
    answer = client.post("/api/v1/evaluate", {"csrfmiddlewaretoken": token})
    assert answer.status_code == 401


def test_a_wrong_token_is_refused_though_the_browser_is_signed_in(client, county: County) -> None:
    client.force_login(county.person("staff", "station_staff"))
    answer = client.get(LIMITS, headers={"Authorization": "Bearer nonsense"})
    assert (answer.status_code, answer.json()["code"]) == (401, "token-unknown")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic c3RhZmY6eA==", "bearer\tx", "Bearer a b"])
def test_other_headers_open_nothing(client, db, header: str) -> None:
    assert client.get(LIMITS, headers={"Authorization": header}).status_code == 401


def test_a_token_that_ended_says_why(county: County, clock) -> None:
    person = county.person("staff", "station_staff")
    row, text = services.make_token(person, "test", rules.today())
    assert bearer(text).get(LIMITS).status_code == 200
    clock.advance(timedelta(days=1).total_seconds())
    assert bearer(text).get(LIMITS).json()["code"] == "token-expired"
    row, text = services.make_token(person, "test", rules.today())
    services.revoke_token(person, row)
    assert bearer(text).get(LIMITS).json()["code"] == "token-revoked"
    _row, text = services.make_token(person, "test", rules.today())
    User.objects.filter(pk=person.pk).update(is_active=False)
    assert bearer(text).get(LIMITS).json()["code"] == "token-closed"


def test_what_has_to_be_settled_on_the_pages_comes_first(client, county: County) -> None:
    person = county.person("staff", "station_staff")
    User.objects.filter(pk=person.pk).update(must_change_password=True)
    client.force_login(person)
    answer = client.get(LIMITS)
    assert (answer.status_code, answer.json()["page"]) == (403, "/password/")


def test_posts_count_on_their_days_for_programs_too(county: County, program: Program, clock) -> None:
    person = county.person("staff", "station_staff")
    client = program(person)
    assert client.get(LIMITS).status_code == 200
    administrator = county.person("security", "security_administrator")
    services.end_post(administrator, person.posts.get(), rules.today())
    answer = client.get(LIMITS)
    assert (answer.status_code, answer.json()["code"]) == (403, "not-allowed")


def test_requests_of_one_token_are_limited_and_others_go_on(county: County, program: Program, clock) -> None:
    person = county.person("staff", "station_staff")
    first, second = program(person), program(person)
    for _request in range(access.REQUESTS.most):
        assert first.get("/api/v1/rules/x").status_code == 404
    refused = first.get("/api/v1/rules/x")
    assert (refused.status_code, refused.json()["code"]) == (429, "too-many-requests")
    assert second.get("/api/v1/rules/x").status_code == 404
    clock.advance(int(refused["Retry-After"]))
    assert first.get("/api/v1/rules/x").status_code == 404


def test_guessing_is_slowed_down_noted_and_locks_nobody_out(county: County, program: Program, clock) -> None:
    good = program(county.person("staff", "station_staff"))
    for number in range(access.REFUSALS.most):
        assert bearer(f"guess{number}").get(LIMITS).status_code == 401
    refused = bearer("guess").get(LIMITS)
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 0
    assert good.get(LIMITS).status_code == 200
    noted = AuditEvent.objects.filter(action="session:token:refused")
    assert noted.count() == access.REFUSALS.most
    assert all(one.detail == {"why": "unknown"} for one in noted)
    clock.advance(int(refused["Retry-After"]))
    assert bearer("guess").get(LIMITS).status_code == 401


def test_texts_come_in_the_language_of_the_person(county: County, program: Program) -> None:
    person = county.person("staff", "station_staff")
    services.choose_language(person, "en")
    assert program(person).get(LIMITS)["Content-Language"] == "en"
    other = county.person("other", "station_staff")
    assert program(other).get(LIMITS)["Content-Language"] == "zh-hans"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("get", "/api/v1/nothing", 404, "not-found"),
        ("get", "/api/v1/", 404, "not-found"),
        ("get", "/api/v1/evaluate", 405, "method-not-allowed"),
        ("delete", "/api/v1/points", 405, "method-not-allowed"),
        ("get", "/api/v1/points?q=%00", 400, "not-understood"),
        ("get", "/api/v1/points/none", 404, "not-found"),
        ("get", "/api/v1/points?region=000000", 404, "not-found"),
        ("get", "/api/v1/points?colour=red", 422, "unknown-parameter"),
        ("get", "/api/v1/points?limit=0", 422, "bad-parameter"),
        ("get", "/api/v1/points?limit=many", 422, "bad-parameter"),
        ("get", "/api/v1/points?kind=none", 422, "bad-parameter"),
        ("get", "/api/v1/points?cursor=none", 422, "bad-cursor"),
        ("get", "/api/v1/rules/x?y=1", 422, "unknown-parameter"),
        ("get", "/api/v1/standards?on=2026-02-30", 422, "bad-parameter"),
        ("get", "/api/v1/results?from=yesterday", 422, "bad-parameter"),
        ("get", "/api/v1/results?from=2026-11-02&to=2026-11-01", 422, "bad-period"),
        ("get", "/api/v1/results?from=2020-01-01&to=2026-01-01", 422, "bad-period"),
        ("get", "/api/v1/results?versions=all", 422, "point-needed"),
        ("get", "/api/v1/standards/GB 0", 404, "not-found"),
    ],
)
def test_refusals_are_json_in_both_languages(
    registry: County, program: Program, method: str, path: str, status: int, code: str
) -> None:
    answer = getattr(program(registry.person("staff", "station_staff")), method)(path)
    assert answer["Content-Type"].startswith("application/json")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    message = answer.json()["message"]
    assert re_chinese(message["zh"])
    assert message["en"].isascii()
    if status == 405:
        assert answer["Allow"]


def re_chinese(text: str) -> bool:
    return any("\u4e00" <= one <= "\u9fff" for one in text)


def test_a_parameter_that_is_refused_is_named(registry: County, program: Program) -> None:
    body = program(registry.person("staff", "station_staff")).get("/api/v1/points?colour=red").json()
    assert body["parameters"] == ["colour"]
    assert "colour" in body["message"]["zh"]


def test_a_fault_of_the_program_shows_nothing_of_its_inside(
    county: County, program: Program, monkeypatch
) -> None:
    def fails(*_given: object) -> None:
        raise RuntimeError("secret of the inside")

    monkeypatch.setattr(standards, "shown", fails)
    client = program(county.person("staff", "station_staff"))
    client.raise_request_exception = False
    answer = client.get(LIMITS)
    assert (answer.status_code, answer.json()["code"]) == (500, "program-error")
    assert b"secret" not in answer.content
