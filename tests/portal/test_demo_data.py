"""Whoever sees replayed data can read whose they are and under which licence."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.conf import settings

from qingjian.portal.demo_data import blocks
from qingjian.simulator.demo import attribution

PATH = "/public/demo-data/"


@pytest.fixture
def demo(monkeypatch) -> None:
    monkeypatch.setattr(settings, "CONFIGURATION", replace(settings.CONFIGURATION, demo=True))


def test_the_page_of_a_demo_node_names_every_source_and_licence(demo, client) -> None:
    page = client.get(PATH).content.decode()
    for text in ("Beijing Multi-Site Air Quality", "CC BY 4.0", "Gas Turbine CO and NOx", "Logan River Observatory",
                 "BSD 3-Clause License", "water-quality-predict by Kahsolt, MIT", "Apache-2.0"):  # fmt: skip
        assert text in page, text
    assert page.count("<h2") == 5
    assert client.post(PATH).status_code == 405


def test_every_page_of_a_demo_node_leads_there(demo, client) -> None:
    assert f'href="{PATH}"' in client.get("/public/ledger/").content.decode()


def test_other_nodes_have_no_such_page(client) -> None:
    assert client.get(PATH).status_code == 404
    assert PATH not in client.get("/public/ledger/").content.decode()


def test_no_line_of_the_text_is_lost() -> None:
    shown = "".join(line for block in blocks(attribution()) for line in block.lines)
    wanted = [line.lstrip("#- ").strip() for line in attribution().splitlines()[1:]]
    for line in filter(None, wanted):
        assert line.replace(" ", "") in shown.replace(" ", ""), line
