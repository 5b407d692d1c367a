"""Pages for what went wrong: in the reader's language, saying what to do, without a menu that may fail itself."""

from __future__ import annotations

import pytest
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.test import Client, RequestFactory
from django.utils import translation
from django.views import defaults
from tests.apps.conftest import _data_folder, clock, county, lay_out, registry  # noqa: F401 - fixtures

from qingjian.ui import errors


@pytest.fixture
def staff(client, registry) -> Client:  # noqa: F811 - the fixture
    client.force_login(registry.person("staff", "station_staff"))
    return client


def test_a_page_that_does_not_exist_says_so_in_both_languages(staff) -> None:
    answer = staff.get("/no-such-page/")
    assert answer.status_code == 404
    assert "没有可供您查看的页面" in answer.content.decode()
    staff.post("/i18n/setlang/", {"language": "en"})
    assert "There is no such page for you" in staff.get("/points/none/").content.decode()


def test_a_page_that_is_not_allowed_says_whom_to_ask(staff) -> None:
    answer = staff.get("/audit/")
    assert answer.status_code == 403
    assert "安全管理员" in answer.content.decode()


def test_a_form_without_its_token_is_explained(registry) -> None:  # noqa: F811 - the fixture
    answer = Client(enforce_csrf_checks=True).post("/login/", {"username": "a", "password": "b"})
    assert answer.status_code == 403
    assert "表单已过期" in answer.content.decode()


@pytest.mark.parametrize(("language", "text"), [("zh-hans", "系统出错"), ("en", "Something failed here")])
def test_an_error_of_the_program_is_told_without_help_of_the_database(language: str, text: str) -> None:
    # No database fixture: the page must not need what may just have failed.
    with translation.override(language):
        answer = defaults.server_error(RequestFactory().get("/"))
    assert answer.status_code == 500
    assert text in answer.content.decode()


def test_a_request_that_is_not_understood_is_told_so() -> None:
    with translation.override("zh-hans"):
        answer = defaults.bad_request(RequestFactory().get("/"), ValueError("x"))
    assert "无法识别该请求" in answer.content.decode()


def test_the_reason_is_told_when_it_is_a_sentence_of_ours_and_only_then() -> None:
    request = RequestFactory().get("/")
    with translation.override("zh-hans"):
        told = errors.not_understood(request, BadRequest("年份应为数字。")).content.decode()
        answer = errors.not_understood(request, SuspiciousOperation("../../etc"))
    assert "无法识别该请求" in told
    assert "年份应为数字。" in told
    assert answer.status_code == 400
    assert "etc" not in answer.content.decode()


def test_a_null_character_in_an_address_is_refused(staff) -> None:
    for address in ("/points/?q=%00", "/points/%00/"):
        answer = staff.get(address)
        assert answer.status_code == 400, address
        assert "文字中不应有的字符" in answer.content.decode()
        assert "Content-Security-Policy" in answer.headers
    assert staff.get("/points/?q=0x00").status_code == 200
