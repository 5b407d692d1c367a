"""A year that is not valid neither attains nor exceeds, on no page and in no file; all that is NA makes no share."""

from __future__ import annotations

import io
import json
import math
import re
from datetime import date, datetime
from decimal import Decimal

import openpyxl
import pytest
from tests.apps.evaluation.conftest import Data
from tests.apps.evaluation.test_attained_air import of_november, words
from tests.standards.test_local_air import limit

from qingjian.apps.evaluation import services, statistics
from qingjian.apps.evaluation.air_views import _beside
from qingjian.apps.reporting import services as reporting
from qingjian.apps.reporting.air_attained import judged_section
from qingjian.contracts.clock import CHINA
from qingjian.rulebook import packaged
from qingjian.standards.air.statistics import attainment, yearly

ABOVE, WITHIN = "高于限值，不判定", "未超限值，不判定"


@pytest.fixture
def reader(client, place):
    client.force_login(place.person("zhiban", "station_staff"))
    client.cookies["django_language"] = "zh-hans"
    return client


def test_the_page_of_a_running_year_calls_nothing_attained_or_exceeded(data: Data, place, reader) -> None:
    of_november([10.0] * 9 + [150.0])
    text = words(reader.get("/air/year/?year=2026").content)
    table = text[text.index("六项污染物") :]
    assert "暂不判定" in text
    assert ABOVE in table
    assert WITHIN in table
    assert not re.search(r"(?<!未)(达标|超标) ", table)
    book = openpyxl.load_workbook(io.BytesIO(reader.get("/air/year/?year=2026&export=xlsx").content))
    heads, *lines = book.worksheets[1].iter_rows(values_only=True)
    assert {one[heads.index("状态")] for one in lines} == {ABOVE, WITHIN}


def test_another_basis_shows_the_percentile_and_judges_no_running_year(data: Data, place, reader) -> None:
    """The mean of 24 meets 30: without P95 beside it nobody sees what lies above the limit."""
    of_november([10.0] * 9 + [150.0])
    found = statistics.year_of(place.county, 2026).pollutants["PM2.5"]
    text = words(reader.get("/air/basis/?span=year&at=2026-11-02&basis=2012").content)
    table = text[text.rindex("六项污染物") :]
    assert f"P95 {found.percentile_rounded} / 60" in table
    assert (ABOVE in table, WITHIN in table) == (True, True)
    file = reader.get("/air/basis/?span=year&at=2026-11-02&basis=2012&export=xlsx").content
    _heads, *lines = openpyxl.load_workbook(io.BytesIO(file))["六项污染物"].iter_rows(values_only=True)
    (own,) = [one for one in lines if one[0] == "PM2.5" and one[1] == "数据日期适用的依据"]
    assert (own[-4], own[-3], own[-2], own[-1]) == ("P95", float(found.percentile_rounded), 60, ABOVE)


def test_a_local_limit_is_not_met_by_a_year_that_is_not_valid() -> None:
    book = packaged().with_rows([limit("20")])
    found = yearly("PM2.5", {date(2027, 1, day): Decimal(15) for day in range(1, 11)}, 2027, rulebook=book)
    (one,) = found.local
    assert (found.attained, one.met, one.above, one.judged) == (None, None, False, False)
    assert "不判定达标" in "".join(found.trace.lines("zh"))
    table = judged_section(attainment({"PM2.5": found}))["table"]["rows"]
    assert "地方标准 DB 99/T 5-2026：不能判定" in json.dumps(table, ensure_ascii=False)
    assert _beside(one).endswith(("not judged", "不判定"))


def test_a_month_of_days_that_are_all_na_has_no_share_of_none(data: Data, place, reader) -> None:
    """NO2 was never measured, the rest is good: every day is NA by HJ 633-2026."""
    for point in ("A1", "A2"):
        data.air(point, datetime(2026, 10, 1, tzinfo=CHINA), 24 * 3, a21004=math.nan)
    services.evaluate("air", date(2026, 10, 1), date(2026, 10, 3))
    author = place.person("manager", "data_manager")
    content = reporting.make(author, "air", "month", place.county, date(2026, 10, 2)).content
    said = json.dumps(content, ensure_ascii=False)
    assert "None" not in said
    assert "没有一天的 AQI 可以发布" in content["summary"][0]["zh"]
    assert "3 天因缺项" in said
