"""A county as the apps' tests have it, and programs that ask with a person's token."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from tests.apps.conftest import (  # noqa: F401 - fixtures
    _data_folder,
    _nothing_kept,
    _quick_passwords,
    clock,
    county,
    lay_out,
    registry,
)
from tests.apps.evaluation.conftest import data, place  # noqa: F401 - fixtures
from tests.engines import one_engine  # noqa: F401 - a fixture

from qingjian.api import access
from qingjian.apps.accounts import rules, services
from qingjian.apps.accounts.models import User

Program = Callable[[User], Client]


@pytest.fixture(autouse=True)
def _full_buckets() -> None:
    for limiter in (access.REQUESTS, access.REFUSALS):
        limiter.forget()


@pytest.fixture
def program() -> Program:
    """program(user): a client that sends a token of the user and no cookie."""

    def made(user: User) -> Client:
        _row, text = services.make_token(user, "test", rules.today() + timedelta(days=30))
        return Client(headers={"Authorization": f"Bearer {text}"})

    return made


def everything(client: Client, path: str, **asked: Any) -> list[dict[str, Any]]:
    """All rows of a list, page by page; no page is longer than asked for, none empty before the last."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        access.REQUESTS.forget()
        answer = client.get(path, {**asked, "cursor": cursor})
        assert answer.status_code == 200, answer.content
        body = answer.json()
        assert len(body["rows"]) <= asked.get("limit", 100)
        found += body["rows"]
        if not (cursor := body["next"]):
            return found
        assert body["rows"]
