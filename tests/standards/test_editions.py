"""What a standard has said over time, and local standards beside a national one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from qingjian.rulebook import Row, Rulebook, packaged
from qingjian.standards.air.statistics import daily_limit, yearly
from qingjian.standards.editions import of_standard, phases, resolve
from qingjian.standards.errors import EditionError
from qingjian.standards.groundwater import classify as groundwater
from qingjian.standards.limits import applicable
from qingjian.standards.rounding import legible
from qingjian.standards.soil import construction
from qingjian.standards.surface_water.classification import classify
from qingjian.standards.surface_water.items import item_limits

SIX = ("SO2", "NO2", "CO", "O3", "PM10", "PM2.5")
DAY = date(2026, 5, 1)


def local(table: str, **values: str) -> Rulebook:
    """The packaged rulebook with one more row."""
    given = {
        "edition": "2025",
        "effective_from": "2025-01-01",
        "op": "<=",
        "confidence": "S",
        "source": "office",
    }
    return packaged().with_rows([Row.from_values(table, {**given, **values})])


def test_the_air_standard_has_three_bases_for_the_six_pollutants() -> None:
    found = phases(
        packaged(),
        "ambient_air_limits",
        "GB 3095",
        lambda row: row["symbol"] in SIX and row["class"] == "二级",
    )
    assert [(one.name, one.since, one.until) for one in found] == [
        ("2012", date(2016, 1, 1), date(2026, 2, 28)),
        ("2026", date(2026, 3, 1), date(2030, 12, 31)),
        ("2026@2031-01-01", date(2031, 1, 1), None),
    ]


def test_a_standard_of_one_edition_has_one_basis() -> None:
    assert [one.name for one in phases(packaged(), "surface_water_limits", "GB 3838")] == ["2002"]


def test_a_phase_is_named_by_its_start() -> None:
    on = date(2025, 6, 1)
    assert resolve(packaged(), "ambient_air_limits", "GB 3095", on, "2026@2031-01-01").day == date(2031, 1, 1)
    assert resolve(packaged(), "ambient_air_limits", "GB 3095", on, "GB 3095-2026").day == date(2026, 3, 1)
    with pytest.raises(EditionError, match="2031-01-01"):
        resolve(packaged(), "ambient_air_limits", "GB 3095", on, "2026@2029-01-01")
    (line,) = applicable(
        "air", "PM2.5", on=on, edition="2026@2031-01-01", category="二级", averaging_period="年平均"
    )
    assert line.upper == 25


def test_a_year_is_judged_on_the_second_phase_when_asked() -> None:
    daily = {date(2025, 1, 1): 55}
    limits = {
        edition: (found.mean_limit, found.percentile_limit, found.exceeding_days)
        for edition in ("2012", "2026", "2026@2031-01-01")
        for found in [yearly("PM2.5", daily, 2025, edition=edition)]
    }
    assert limits == {"2012": (35, 75, 0), "2026": (30, 60, 0), "2026@2031-01-01": (25, 50, 1)}


def test_a_local_air_standard_stands_beside_the_national_one_and_not_in_its_place() -> None:
    book = local(
        "ambient_air_limits", standard="DB 99/1", pollutant_cn="PM2.5", symbol="PM2.5", unit="μg/m³",
        **{"class": "二级"}, averaging_period="日平均", limit="5",
    )  # fmt: skip
    assert daily_limit("PM2.5", DAY, rulebook=book) == 60
    assert yearly("PM2.5", {DAY: 10}, 2026, rulebook=book).percentile_limit == 60


@pytest.mark.parametrize("standard", ["AB 1", "DB 99/2"])
def test_a_local_water_standard_mixes_into_no_class(standard: str) -> None:
    book = local(
        "surface_water_limits", standard=standard, pollutant_cn="氨氮", symbol="NH3-N", unit="mg/L",
        **{"class": "Ⅲ"}, limit="0.1", condition="",
    )  # fmt: skip
    plain = item_limits(packaged(), resolve(packaged(), "surface_water_limits", "GB 3838", DAY, None))
    assert item_limits(book, resolve(book, "surface_water_limits", "GB 3838", DAY, None))["NH3-N"].limits == (
        plain["NH3-N"].limits
    )
    for value in ("0.15", "0.5", "1", "1.5", "2", "3"):
        assert classify({"NH3-N": value}, DAY, rulebook=book).cls == classify({"NH3-N": value}, DAY).cls


def test_local_rows_add_items_that_the_national_standard_has_not() -> None:
    water = local(
        "groundwater_limits", standard="DB 99/3", pollutant_cn="氨氮", symbol="NH3-N", unit="mg/L",
        **{"class": "Ⅲ"}, limit="0.01",
    )  # fmt: skip
    for value in ("0.015", "0.3", "1.2", "2"):
        assert groundwater({"氨氮": value}, DAY, rulebook=water).cls == groundwater({"氨氮": value}, DAY).cls
    rows = [
        Row.from_values(
            "soil_limits_construction",
            {
                "standard": "DB 99/4", "edition": "2025", "effective_from": "2025-01-01", "pollutant_cn": name,
                "symbol": "", "unit": "mg/kg", "class": f"{kind}|第一类用地", "op": "<=", "limit": limit,
                "confidence": "S", "source": "office",
            },
        )
        for name, kind, limit in (
            ("氟化物", "风险筛选值", "300"), ("氟化物", "风险管制值", "900"), ("砷", "风险筛选值", "1"),
        )
    ]  # fmt: skip
    book = packaged().with_rows(rows)
    found = construction({"氟化物": "500", "砷": "10"}, land="第一类用地", on=DAY, rulebook=book)
    assert {one.item: one.category for one in found.items} == {
        "氟化物": "超过筛选值",
        "砷": "不超过筛选值",
    }
    assert of_standard(rows, "DB 99/4") == tuple(rows)


def test_figures_for_reading_keep_their_side() -> None:
    five = [Decimal(5)]
    assert legible(Decimal("4.999958333333"), five) == Decimal("4.99996")
    assert legible(Decimal("5.000000000001"), five) == Decimal("5.000000000001")
    assert legible(Decimal("0.312458333333"), five) == Decimal("0.3125")
    assert legible(Decimal("0.00005001"), five) == Decimal("0.00005001"), "given so"
    assert legible(Decimal("0")) == 0
