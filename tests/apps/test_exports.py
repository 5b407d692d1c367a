"""Every list of the site can be taken along as a workbook (DESIGN: every list exports)."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from tests.apps.addresses import addresses
from tests.apps.conftest import County

LINK = re.compile(r'href="([^"]*export=(?:xlsx|csv)[^"]*)"')
EXCEPTIONS = {
    "/api/": "the interface explained; its description can be downloaded there",
    "/": "the workbench: cards that lead to lists",
    "/registry/import/": "a form and its templates",
    "/quarantine/samples/": "raw bytes in a drawer; the list of their senders is exported",
    "/desk/ledger/": "the state of the ledger, whose files are public",
    "/public/ledger/": "the state of the ledger, whose files are offered there",
}
"""Pages with a table that are no lists, each with the reason."""


def lists(client: Client) -> dict[str, str]:
    """Pages without parameters that show a table or say that it is empty, with their text."""
    found = {}
    for path in addresses():
        if "<" in path or path == "/logout/":
            continue
        answer = client.get(path)
        if answer.status_code != 200 or not answer["Content-Type"].startswith("text/html"):
            continue
        text = answer.content.decode()
        if "<table" in text or 'class="empty' in text:
            found[path] = text
    return found


@pytest.mark.parametrize("role", ["data_manager", "system_administrator"])
def test_every_list_offers_an_export_that_answers(client: Client, registry: County, role: str) -> None:
    client.force_login(registry.person("someone", role, region=registry.city))
    wrong = []
    for path, text in lists(client).items():
        if path in EXCEPTIONS:
            continue
        links = LINK.findall(text) or ([f"{path}?export=xlsx"] if 'class="empty' in text else [])
        if not links:
            wrong.append(f"{path} offers no export")
        for link in links:
            answer = client.get(
                link.replace("&amp;", "&") if link.startswith("/") else path + link.replace("&amp;", "&")
            )
            if answer.status_code != 200 or answer["Content-Type"].startswith("text/html"):
                wrong.append(f"{path} {link} {answer.status_code}")
    assert not wrong, "\n".join(wrong)
