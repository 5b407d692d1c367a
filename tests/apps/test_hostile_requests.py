"""No address answers a hostile request with an error of the program: it answers, refuses, or finds nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from django.test import Client
from tests.apps.addresses import PARAMETER, addresses
from tests.apps.conftest import County

SOURCE = Path(__file__).resolve().parents[2] / "src" / "qingjian"
NUMBERS = ("1", "99999999999999999999")
WORDS = ("A1", "A1-D1", "x", "%00", "a" * 300)
VALUES = (
    "", "1", "0", "-1", "99999", "99999999999999999999", "1e400", "nan", "x", "A1", "A1.a34004", "\x00", "'\"<b>", "💩", "٣",
    "2026-02-30", "0001-01-01", "9999-12-31", "2026-11-20", "2026-11", "2026-13", "2026-11-20T99:99", "9999-12-31T23:59", "xlsx", "csv",
)  # fmt: skip
ROLES = ("data_manager", "system_administrator", "security_administrator")
# Signing out ends the session these requests are made in.
LEFT_OUT = {"/logout/"}


def asked() -> list[str]:
    return [one for one in addresses() if one not in LEFT_OUT]


def filled(path: str) -> list[str]:
    """The address with every parameter replaced, each kind of value once."""
    kinds = {kind or "str" for kind, _ in PARAMETER.findall(path)}
    if not kinds:
        return [path]

    def with_value(value: str) -> str:
        return PARAMETER.sub(lambda found: value if found[1] != "int" or kinds == {"int"} else "1", path)

    return [with_value(value) for value in (NUMBERS if kinds == {"int"} else WORDS)]


def opened(client: Client) -> dict[str, str]:
    """Pages this person may open, with their text."""
    answers = ((one, client.get(one)) for path in asked() for one in filled(path))
    return {
        one: answer.content.decode()
        for one, answer in answers
        if answer.status_code == 200 and answer["Content-Type"].startswith("text/html")
    }


def values(names: list[str], first: int) -> dict[str, str]:
    """A value of its own for each name."""
    return {name: VALUES[(first + place) % len(VALUES)] for place, name in enumerate(names)}


def names_of_parameters() -> list[str]:
    """Every name the pages read from the address."""
    found: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        found |= set(re.findall(r"GET(?:\.get|\.getlist|\[)\(?\"([a-z_]+)\"", path.read_text("utf-8")))
    return sorted(found)


def failures(client: Client, requests: Iterable[tuple[str, str, dict[str, str]]]) -> list[str]:
    client.raise_request_exception = False
    wrong = []
    for method, path, data in requests:
        answer = getattr(client, method)(path, data)
        if answer.status_code >= 500:
            wrong.append(f"{method} {path} {answer.exc_info[1]!r} {data}")
    return wrong


@pytest.mark.parametrize("role", ROLES)
def test_hostile_addresses(client: Client, registry: County, role: str) -> None:
    client.force_login(registry.person("someone", role))
    assert failures(client, (("get", one, {}) for path in asked() for one in filled(path))) == []


def test_hostile_parameters(client: Client, registry: County) -> None:
    """Every page with every parameter, whether it reads it or not."""
    client.force_login(registry.person("someone", "data_manager"))
    names = names_of_parameters()
    assert len(names) > 40
    pages = list(opened(client))
    rounds = range(0, len(VALUES), 6)
    assert failures(client, (("get", page, values(names, first)) for first in rounds for page in pages)) == []


@pytest.mark.parametrize("role", ROLES)
def test_hostile_forms(client: Client, registry: County, role: str) -> None:
    """Every form a person finds, sent empty and with nonsense in every field."""
    client.force_login(registry.person("someone", role))
    requests = []
    for page, text in opened(client).items():
        targets = {page, *re.findall(r'<form[^>]* action="(/[^"]*)"', text)} - LEFT_OUT
        names = sorted(set(re.findall(r'<(?:input|select|textarea)[^>]* name="([^"]+)"', text)))
        requests += [("post", one, values(names, first)) for one in sorted(targets) for first in (0, 11)]
        requests += [("post", one, {}) for one in sorted(targets)]
    assert failures(client, requests) == []
