"""Pages are Chinese until the person says otherwise; the browser's own wish is not asked."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from qingjian.apps.accounts.models import Organisation, Region, User

ENGLISH = {"HTTP_ACCEPT_LANGUAGE": "en-GB,en;q=0.9"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> User:
    region = Region.objects.create(code="990101", name="甲县", level="county")
    bureau = Organisation.objects.create(code="B1", name="甲县生态环境局", kind="bureau", region=region)
    return User.objects.create_user("wang", "王", "a-long-password-1", organisation=bureau)


def test_the_first_page_is_chinese_for_an_english_browser(client: Client) -> None:
    answer = client.get("/login/", **ENGLISH)
    assert answer.headers["Content-Language"] == "zh-hans"
    assert "登录名" in answer.content.decode()
    assert '<html lang="zh-hans">' in answer.content.decode()


def test_a_choice_before_signing_in_is_kept_by_the_browser(client: Client) -> None:
    client.post("/i18n/setlang/", {"language": "en", "next": "/login/"})
    assert "Login name" in client.get("/login/").content.decode()
    client.post("/i18n/setlang/", {"language": "zh-hans", "next": "/login/"})
    assert "登录名" in client.get("/login/", **ENGLISH).content.decode()


def test_a_choice_of_a_signed_in_person_follows_to_another_browser(client: Client, person: User) -> None:
    client.force_login(person)
    assert "工作台" in client.get("/", **ENGLISH).content.decode()
    client.post("/i18n/setlang/", {"language": "en", "next": "/"})
    other = Client()
    other.force_login(User.objects.get(pk=person.pk))
    assert "Workbench" in other.get("/").content.decode()


def test_the_person_goes_before_the_cookie_someone_left(client: Client, person: User) -> None:
    person.language = "zh-hans"
    person.save()
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    client.force_login(person)
    assert "工作台" in client.get("/").content.decode()


@pytest.mark.parametrize("language", ["xx", "", "../../etc", "EN'--"])
def test_a_language_nobody_offers_changes_nothing(client: Client, person: User, language: str) -> None:
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    client.force_login(person)
    client.post("/i18n/setlang/", {"language": language, "next": "/"})
    assert User.objects.get(pk=person.pk).language == ""
    assert "工作台" in client.get("/", **ENGLISH).content.decode()


def test_switching_leads_to_no_foreign_site(client: Client) -> None:
    answer = client.post("/i18n/setlang/", {"language": "en", "next": "https://elsewhere.example/"})
    assert answer.headers["Location"] == "/"


TRANSLATING_NOW = ("gettext", "ngettext", "pgettext", "npgettext")
SOURCE = Path(__file__).parents[2] / "src" / "qingjian"


def _translated_at_start(path: Path) -> Iterator[int]:
    """Yield the lines that translate while the module is loaded: in whatever language the program starts with."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {
        one.asname or one.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for one in node.names
        if one.name in TRANSLATING_NOW
    }
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += [*node.args.defaults, *(one for one in node.args.kw_defaults if one)]
            continue
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            yield node.lineno
        waiting += ast.iter_child_nodes(node)


def test_no_text_is_translated_before_anybody_reads_it() -> None:
    found = {
        f"{path.relative_to(SOURCE)}:{line}"
        for path in sorted(SOURCE.rglob("*.py"))
        for line in _translated_at_start(path)
    }
    assert found == set()


def test_the_scan_finds_what_it_looks_for(tmp_path: Path) -> None:
    path = tmp_path / "eager.py"
    path.write_text(
        "from django.utils.translation import gettext as _\n"
        "NAMES = {'day': _('day')}\n"
        "def later(name=_('now')):\n"
        "    return _('later')\n",
        encoding="utf-8",
    )
    assert sorted(_translated_at_start(path)) == [2, 3]
