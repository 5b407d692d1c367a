"""Documents whose text is not known in full: said on their pages, in the reasons, and listed among the rules to confirm."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from tests.apps.evaluation.conftest import Data
from tests.apps.evaluation.test_bounds import assign

from qingjian.apps.evaluation import services
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.rulekeeping import services as rules
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.clock import CHINA

START = datetime(2026, 11, 20, tzinfo=CHINA)
DAY = date(2026, 11, 20)
UNKNOWN = ("GB 18918", "HJ 663", "环办监测〔2024〕33号")


def registry_row(standard: str):
    (row,) = rulebook().rows("registry", DAY, standard=standard)
    return row


@pytest.mark.parametrize("standard", UNKNOWN)
def test_every_one_is_among_the_rules_to_confirm(place, client, standard: str) -> None:
    assert registry_row(standard) in rulebook().rows_to_confirm()
    client.force_login(place.person("manager", "data_manager"))
    page = client.get("/rules/", {"table": "registry", "q": standard}).content.decode()
    assert standard in page


def test_the_page_of_noise_and_its_reasons_name_the_rating_of_zones(elements: Data, place, client) -> None:
    elements.put("N1.Leq", START, [50.0] * 24)
    services.evaluate("noise", DAY, DAY)
    client.force_login(place.person("manager", "data_manager"))
    page = client.get("/elements/noise/").content.decode()
    assert "环办监测〔2024〕33号 的部分内容未取得或未核对" in page
    row = Evaluation.objects.get(kind="noise_day")
    assert any("环办监测〔2024〕33号" in step["zh"] for step in row.trace["steps"])
    rules.confirm(
        place.person("checker", "data_manager", region=place.city),
        registry_row(UNKNOWN[2]).id,
        registry_row(UNKNOWN[2]).digest,
        "环办监测〔2024〕33号 全文",
    )
    assert "部分内容未取得" not in client.get("/elements/noise/").content.decode()


def test_the_page_of_the_year_names_hj_663(data: Data, place, client) -> None:
    data.air("A1", START, 24)
    data.air("A2", START, 24)
    services.evaluate("air", DAY, DAY)
    client.force_login(place.person("manager", "data_manager"))
    assert "HJ 663-2026 的部分内容未取得或未核对" in client.get("/air/year/").content.decode()
    why = client.get("/air/year/why/?item=PM2.5").content.decode()
    assert "注意 HJ 663-2026" in why


def test_limits_of_outlets_name_gb_18918_where_it_applies(data: Data, place, client) -> None:
    client.force_login(place.person("reader", "station_staff"))
    assert "部分内容未取得" not in client.get("/outlets/limits/").content.decode()
    assign(place)
    page = client.get("/outlets/limits/").content.decode()
    assert "GB 18918" in page
    assert "部分内容未取得或未核对" in page
