"""What a report compares and ranks has enough days on both sides; else it says why it does not."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.reporting import air_period, water
from qingjian.apps.reporting.air_figures import Figures, figures
from qingjian.contracts.clock import CHINA
from qingjian.contracts.periods import MONTH, Period
from qingjian.rulebook import packaged

OCTOBER = Period(MONTH, date(2026, 10, 1), date(2026, 10, 31))
PLACE = SimpleNamespace(region=SimpleNamespace(name="甲县"))
CLEAN = {"PM2.5": 20.0, "PM10": 40.0, "SO2": 8.0, "NO2": 30.0, "CO": 0.6, "O3": 60.0}


def days(count: int, factor: float = 1.0, point: int | None = None) -> list[Evaluation]:
    start = datetime(2026, 10, 1, tzinfo=CHINA)
    return [
        Evaluation(
            kind="air_day",
            point_id=point,
            start=start + timedelta(days=one),
            aqi=40,
            category="优",
            publishable=True,
            values={"used": {name: value * factor for name, value in CLEAN.items()}},
        )
        for one in range(count)
    ]


def of(count: int, factor: float = 1.0) -> Figures:
    return figures(days(count, factor), OCTOBER.last, packaged())


def said(lines: list[dict[str, str]]) -> str:
    return "\n".join(one["zh"] for one in lines)


def test_two_days_of_last_year_are_no_year_to_compare_with() -> None:
    lines = said(air_period._summary(PLACE, OCTOBER, of(31), of(2, 3), packaged()))
    assert "有效 2 天，本期 31 天：一方不足另一方的四分之三，不作比较" in lines
    assert "同比" not in lines
    assert "不作比较" in air_period._last_year(of(31), of(2, 3))["zh"]
    assert "同比变化" in said(air_period._summary(PLACE, OCTOBER, of(31), of(25, 3), packaged()))


def test_a_pollutant_with_few_days_on_one_side_has_no_change() -> None:
    def changes(base: Figures) -> set[Any]:
        table = air_period._pollutants(of(31).found, base.found, OCTOBER, packaged())["table"]
        return {row[5] for row in table["rows"]}

    assert changes(of(2, 3)) == {None}
    assert None not in changes(of(24, 3))


def test_a_composite_index_whose_items_have_few_days_has_no_change() -> None:
    base = of(31, 3)
    thin = Figures(base.counts, {**base.found, "SO2": (Decimal(8), 2, 0, 0)}, base.index)
    assert "综合指数" in said(air_period._summary(PLACE, OCTOBER, of(31), thin, packaged()))
    assert "同比变化 -" not in said(air_period._summary(PLACE, OCTOBER, of(31), thin, packaged()))
    assert "同比变化 -" in said(air_period._summary(PLACE, OCTOBER, of(31), base, packaged()))


def test_an_index_of_too_few_days_says_so() -> None:
    def lines(valid: int) -> str:
        return said(air_period._summary(PLACE, OCTOBER, of(valid), of(31), packaged()))

    assert "不足 27 天：综合指数和各项统计值不能代表全期" in lines(25)
    assert "不能代表全期" not in lines(27)


def stations() -> Any:
    region = SimpleNamespace(name="甲县")
    names = (("环保局", 1), ("环保局", 2), ("学校站", 3))
    return SimpleNamespace(
        region=region,
        points=[SimpleNamespace(pk=pk, name=name, code=f"A{pk}", region=region) for name, pk in names],
    )


def test_stations_of_one_name_are_two_lines_and_too_few_days_no_rank() -> None:
    rows = [*days(31, 1, 1), *days(31, 2, 2), *days(1, 0.5, 3)]
    found = air_period._stations(stations(), OCTOBER, rows, None, packaged(), None)
    assert [row[:2] for row in found["table"]["rows"]] == [
        [1, "环保局（甲县·A1）"],
        [2, "环保局（甲县·A2）"],
        [None, "学校站"],
    ]
    assert "不足 27 天，不参与排名：学校站" in found["note"]["zh"]


def test_a_share_of_sections_is_compared_only_with_as_many_sections() -> None:
    def lines(before: int) -> str:
        shares, base = Counter({"Ⅲ": 8}), Counter({"Ⅴ": before})
        return said(water._summary("甲县", OCTOBER, [], shares, base, [], single=False))

    assert "评价断面 2 个，本期 8 个：一方不足另一方的四分之三，不作比较" in lines(2)
    assert "+100.0 个百分点" in lines(7)
