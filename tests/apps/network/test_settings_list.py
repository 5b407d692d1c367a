from __future__ import annotations

import io
from datetime import timedelta

import pytest
from openpyxl import load_workbook
from tests.apps.conftest import NOW

from qingjian.apps.network import models, queries, services
from qingjian.apps.network.services import Proposal


@pytest.fixture
def county_settings(registry):
    """A range of the past, one of now, one proposed; an interval of the device."""
    maker, checker = registry.person("maker", "data_manager"), registry.person("checker", "data_manager")
    series = models.Series.objects.get(point__code="A1").code
    day = {"series": series, "name": "range_upper", "unit": "µg/m³"}
    change = services.propose(
        maker,
        "仪器更换量程",
        [
            Proposal(
                "setting", {**day, "value": "500", "valid_from": "2024-01-01", "valid_to": "2026-01-01"}
            ),
            Proposal("setting", {**day, "value": "1000", "valid_from": "2026-01-01"}),
            Proposal("setting", {"device": "A1-D1", "name": "hour_interval", "value": "3600", "unit": "s"}),
        ],
    )
    services.approve(checker, change, change.version)
    services.propose(
        maker,
        "明年再换",
        [Proposal("setting", {**day, "value": "800", "valid_from": NOW + timedelta(days=60)})],
    )
    return registry


def rows(content: bytes, sheet: int = 0) -> list[tuple]:
    return list(load_workbook(io.BytesIO(content)).worksheets[sheet].iter_rows(values_only=True))[1:]


def test_the_list_says_who_set_what_when_and_why(client, county_settings) -> None:
    client.force_login(county_settings.person("laboratory", "laboratory_staff"))
    page = client.get("/settings/?held=now").content.decode()
    for text in ("县政府站", "量程上限", "1000 µg/m³", "maker", "checker", "仪器更换量程", "小时数据间隔"):
        assert text in page
    assert "500 µg/m³" not in page
    for text in ("明年再换", "800 µg/m³", "待审批"):
        assert text in page, "what waits for a second person stands above the list"
    assert "申报设置" not in page, "laboratory staff do not propose"
    client.force_login(models.ChangeRequest.objects.first().author)
    assert "申报设置" in client.get("/settings/").content.decode()


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("", {"500 µg/m³", "1000 µg/m³", "3600 s"}),
        ("held=past", {"500 µg/m³"}),
        ("held=future", set()),
        ("name=hour_interval", {"3600 s"}),
        ("q=A1+PM2.5", {"500 µg/m³", "1000 µg/m³"}),
        ("q=A1-D1", {"500 µg/m³", "1000 µg/m³", "3600 s"}),
        ("q=S1+nothing", set()),
        ("origin=device", set()),
        ("order=-value&name=range_upper", {"500 µg/m³", "1000 µg/m³"}),
    ],
)
def test_the_list_is_filtered_and_exported(client, county_settings, query: str, values: set[str]) -> None:
    client.force_login(county_settings.person("staff", "station_staff"))
    assert client.get(f"/settings/?{query}").status_code == 200
    assert client.get(f"/settings/?{query}&rows=all").status_code == 200
    exported = client.get(f"/settings/?{query}&export=xlsx").content
    assert {row[4] for row in rows(exported)} == values
    code = models.Series.objects.get(point__code="A1").code
    assert [(*row[:4], row[-1]) for row in rows(exported, 1)] == [
        (code, "量程上限", "1000 µg/m³", "1000 µg/m³", "明年再换"),
        (code, "量程上限", "", "800 µg/m³", "明年再换"),
    ], "the range of now ends where the next begins"


def test_nobody_sees_settings_out_of_reach(client, county_settings) -> None:
    holder = county_settings.person("holder", "permit_holder", organisation=county_settings.holder)
    client.force_login(holder)
    page = client.get("/settings/").content.decode()
    assert "1000 µg/m³" not in page
    assert not queries.settings_visible_to(holder).exists()


def test_settings_of_the_first_set_up_say_so(client, registry) -> None:
    services.install(
        [
            Proposal(
                "setting", {"device": "A1-D1", "name": "own_name", "value": "7", "valid_from": "2024-01-01"}
            )
        ]
    )
    client.force_login(registry.person("staff", "station_staff"))
    page = client.get("/settings/").content.decode()
    assert "own_name" in page, "a setting without a title keeps its own name"
    assert "初始建立" in page


def test_point_and_device_lead_to_their_settings(client, county_settings) -> None:
    client.force_login(county_settings.person("staff", "station_staff"))
    assert "/settings/?q=A1" in client.get("/points/A1/").content.decode()
    page = client.get("/devices/A1-D1/").content.decode()
    assert "/settings/?q=A1-D1" in page
    assert "小时数据间隔" in page
