"""The page of a source shows the data of its outlets, each series below the outlet it is measured at."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from qingjian.apps.network import services as network
from qingjian.apps.network import source_panels
from qingjian.apps.network.models import Series
from qingjian.apps.network.services import Proposal


@pytest.fixture
def page(registry, client):
    client.force_login(registry.person("staff", "station_staff"))
    return lambda query="": client.get(f"{reverse('source', args=['S1'])}{query}").content.decode()


def second_outlet() -> None:
    network.install(
        [
            Proposal("outlet", {"code": "S1-W2", "source": "S1", "name": "雨水排口", "medium": "water"}),
            Proposal(
                "point",
                {
                    "code": "W2",
                    "name": "雨水口",
                    "kind": "outlet_water",
                    "level": "enterprise",
                    "region": "990101",
                    "organisation": "H1",
                    "outlet": "S1-W2",
                },
            ),
            Proposal(
                "series",
                {
                    "code": "W2.w01018",
                    "point": "W2",
                    "factor": "waste_water.w01018",
                    "unit": "mg/L",
                    "decimals": 1,
                    "medium": "waste_water",
                    "origin": "manual",
                    "expected": {},
                },
            ),
        ]
    )


def shown(text: str) -> list[tuple[str, str]]:
    return re.findall(r'data-series="([^"]+)"( checked)?', text)


def test_the_series_of_a_source_stand_below_their_outlets(page) -> None:
    second_outlet()
    text = page()
    assert shown(text) == [("W1.w01018", " checked"), ("W2.w01018", "")]
    first, second = (text.index(f'<h3 class="h4 mb-2">{name}</h3>') for name in ("总排口", "雨水排口"))
    assert first < text.index('data-series="W1.w01018"') < second < text.index('data-series="W2.w01018"')
    assert text.count("data-chart=") == 1
    assert "charts.js" in text


def test_the_address_chooses_a_series_of_the_source_only(page) -> None:
    second_outlet()
    assert shown(page("?series=W2.w01018")) == [("W1.w01018", ""), ("W2.w01018", " checked")]
    assert shown(page("?series=A1.a34004")) == [("W1.w01018", " checked"), ("W2.w01018", "")]


def test_a_source_without_series_has_no_chart(page) -> None:
    Series.objects.filter(code="W1.w01018").update(point=Series.objects.get(code="A1.a34004").point)
    assert "data-chart=" not in page()


def test_a_panel_is_registered_once() -> None:
    with pytest.raises(ValueError, match="registered twice"):
        source_panels.register("observing/source_panel.html", lambda request, source: {})
