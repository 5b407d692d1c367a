"""A stricter local limit of ambient air, from its proposal to the page of the year."""

from __future__ import annotations

import io
from datetime import date, datetime, timedelta

import openpyxl
import pytest
from django.core.exceptions import ValidationError
from tests.apps.evaluation.conftest import Data

from qingjian.apps.evaluation import services
from qingjian.apps.rulekeeping import services as rules
from qingjian.contracts.clock import CHINA

START = datetime(2026, 11, 20, tzinfo=CHINA)


def propose(place, **changes: str):
    values = {
        "standard": "DB 99/T 5",
        "edition": "2026",
        "clause": "表1",
        "effective_from": "2026-06-01",
        "pollutant_cn": "颗粒物(粒径≤2.5μm)",
        "symbol": "PM2.5",
        "unit": "μg/m³",
        "class": "二级",
        "averaging_period": "日平均",
        "op": "<=",
        "limit": "20",
        "source": "地方标准原文",
        **changes,
    }
    maker = place.person("am", "data_manager", region=place.city)
    text = rules.as_csv("ambient_air_limits", [values])
    return rules.propose(maker, "ambient_air_limits", text, "地方标准")


def test_a_stricter_local_limit_stands_on_the_page_of_the_year_in_its_file_and_in_why(
    data: Data, place, client
) -> None:
    change = propose(place)
    rules.approve(place.person("ac", "data_manager", region=place.city), change, 0, "地方标准第3页")
    for day in range(2):
        data.air("A1", START + timedelta(days=-day), 24, a34004=30.0)
        data.air("A2", START + timedelta(days=-day), 24, a34004=30.0)
    services.evaluate("air", date(2026, 11, 19), date(2026, 11, 20))
    client.force_login(place.person("looker", "data_manager"))
    page = client.get("/air/year/?region=990101").content.decode()
    assert "DB 99/T 5-2026" in page
    assert "2 天超限" in page
    said = client.get("/air/year/why/?region=990101&item=PM2.5").content.decode()
    assert "地方标准 DB 99/T 5-2026 表1" in said
    book = openpyxl.load_workbook(io.BytesIO(client.get("/air/year/?region=990101&export=xlsx").content))
    cells = [cell for row in book.worksheets[1].iter_rows(values_only=True) for cell in row]
    assert any(isinstance(cell, str) and cell.startswith("DB 99/T 5-2026 (") for cell in cells)


@pytest.mark.parametrize("changes", [{"limit": "75"}, {"class": "一级"}])
def test_what_would_judge_nothing_is_refused_with_its_reason(place, changes: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=r"不严于|不参与任何评价|stricter|evaluation"):
        propose(place, **changes)
