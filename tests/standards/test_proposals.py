"""Rows an office may not bring: nobody could read them, or they would falsify what others are held against."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from qingjian.rulebook import Row, packaged
from qingjian.standards.emissions.judgement import judge, limits_for
from qingjian.standards.errors import InputError
from qingjian.standards.groundwater import classify as groundwater
from qingjian.standards.limits import limit_of
from qingjian.standards.proposals import LADDERS, completed, ladder_problems, problems_of
from qingjian.standards.soil import construction

DAY = date(2026, 5, 1)


def row(table: str, **values: str) -> Row:
    given = {
        "standard": "DB 99/1", "edition": "2025", "effective_from": "2025-01-01", "op": "<=", "confidence": "S",
        "source": "office", "condition": "", "symbol": "",
    }  # fmt: skip
    return Row.from_values(table, {**given, **values}, override=True)


def emission(period: str, **more: str) -> Row:
    given = {
        "pollutant_cn": "化学需氧量", "symbol": "COD", "unit": "mg/L", "limit": "30", "averaging_period": period,
        "class": "一级",
    }  # fmt: skip
    return row("emission_limits", **{**given, **more})


@pytest.mark.parametrize("table", LADDERS)
def test_every_packaged_row_can_be_read_and_every_ladder_is_whole(table: str) -> None:
    book = packaged()
    assert ladder_problems(book, book.rows(table)) == []
    for name in book.tables():
        for one in book.rows(name):
            assert problems_of(one) == [], one.citation


@pytest.mark.parametrize("period", ["4小时均值", "周均值", "每班"])
def test_a_period_that_nobody_knows_is_refused_and_stops_no_other_document(period: str) -> None:
    assert [column for column, _text in problems_of(emission(period))] == ["averaging_period"]
    book = packaged().with_rows([emission(period)])
    (limit,) = limits_for("COD", "day", DAY, standards=[("GB 18918", "一级A", "")], rulebook=book)
    assert limit.upper == 50
    with pytest.raises(InputError):
        limits_for("COD", "day", DAY, standards=[("DB 99/1", "", "")], rulebook=book)


def test_a_unit_that_nobody_knows_is_refused() -> None:
    assert [column for column, _text in problems_of(emission("日均值", unit="mgL"))] == ["unit"]


@pytest.mark.parametrize(
    ("table", "item", "unit"),
    [("surface_water_limits", "氨氮", "mg/L"), ("groundwater_limits", "铁", "mg/L")],
)
def test_one_class_of_a_local_document_is_no_ladder(table: str, item: str, unit: str) -> None:
    own = row(table, pollutant_cn=item, symbol="NH3-N", unit=unit, limit="0.8", **{"class": "Ⅲ"})
    (said,) = ladder_problems(packaged().with_rows([own]), [own])
    assert "Ⅰ、Ⅱ、Ⅳ、Ⅴ" in said.zh
    assert "另一评价依据" in said.zh
    whole = [
        row(table, pollutant_cn=item, symbol="NH3-N", unit=unit, limit=limit, **{"class": cls})
        for cls, limit in zip("ⅠⅡⅢⅣⅤ", ("0.1", "0.2", "0.3", "0.4", "0.5"), strict=True)
    ]
    assert ladder_problems(packaged().with_rows(whole), whole) == []


@pytest.mark.parametrize("value", ["0.2", "1.5", "2.5"])
def test_a_local_row_moves_no_class_of_groundwater(value: str) -> None:
    own = row("groundwater_limits", pollutant_cn="铁", unit="mg/L", limit="0.8", **{"class": "Ⅲ"})
    alone = row("groundwater_limits", pollutant_cn="某物", unit="mg/L", limit="0.8", **{"class": "Ⅲ"})
    book = packaged().with_rows([own, alone])
    assert groundwater({"铁": value}, DAY, rulebook=book).cls == groundwater({"铁": value}, DAY).cls
    with pytest.raises(InputError):
        groundwater({"某物": "1"}, DAY, rulebook=book)


def test_a_local_screening_value_needs_no_control_value() -> None:
    own = row(
        "soil_limits_construction",
        pollutant_cn="某物",
        unit="mg/kg",
        limit="100",
        **{"class": "风险筛选值|第一类用地"},
    )
    book = packaged().with_rows([own])
    (item,) = construction({"某物": "150"}, land="第一类用地", on=DAY, rulebook=book).items
    assert (item.category, item.control) == ("超过筛选值", None)
    with pytest.raises(InputError, match="第二类用地"):
        construction({"某物": "150"}, land="第二类用地", on=DAY, rulebook=book)


@pytest.mark.parametrize("order", [1, -1])
def test_what_breaks_any_limit_exceeds_whichever_is_named_first(order: int) -> None:
    ranges = [
        limit_of(emission("日均值", pollutant_cn="pH", unit="无量纲", op="range", limit=text))
        for text in ("6-9", "5.5-8.5")
    ]
    found = judge("8.8", ranges[::order])
    assert found.exceeds
    sides = [limit_of(emission("日均值", op=op, limit=limit)) for op, limit in (("<=", "20"), (">=", "6"))]
    found = judge(Decimal(1), sides[::order])
    assert (found.exceeds, found.multiple) == (True, None)
    assert not judge(Decimal(10), sides[::order]).exceeds


@pytest.mark.parametrize(
    ("table", "item", "better", "limit"),
    [
        ("surface_water_limits", "氨氮", "Ⅱ", "1.2"),
        ("surface_water_limits", "氨氮", "Ⅳ", "0.15"),
        ("surface_water_limits", "溶解氧", "Ⅲ", "6.5"),
        ("surface_water_limits", "溶解氧", "Ⅱ", "4.5"),
        ("groundwater_limits", "铁", "Ⅱ", "0.5"),
        ("groundwater_limits", "铁", "Ⅴ", "1.5"),
    ],
)
def test_classes_in_the_wrong_order_are_refused(table: str, item: str, better: str, limit: str) -> None:
    """A better class may not be laxer than a worse one: nobody could say which class a value has."""
    book = packaged()
    (row,) = book.rows(table, date(2026, 1, 1), standard=LADDERS[table][0], pollutant_cn=item, class_=better)
    own = Row.from_values(table, {**row.values, "limit": limit}, override=True)
    (said,) = ladder_problems(book.with_rows([own]), [own])
    assert "宽松" in said.zh
    assert "laxer" in said.en
    same = Row.from_values(table, {**row.values}, override=True)
    assert ladder_problems(book.with_rows([same]), [same]) == []


def replaced(table: str, find: dict[str, str], change: dict[str, str]) -> Row:
    held = next(one for one in packaged().rows(table) if find.items() <= one.values.items())
    return Row.from_values(table, {**held.values, **change}, override=True)


AMMONIA = {"symbol": "NH3-N", "class": "Ⅲ"}
FINE = {"symbol": "PM2.5", "class": "二级", "averaging_period": "年平均", "edition": "2026"}
LEAD = {"pollutant_cn": "铅", "class": "Ⅲ"}


@pytest.mark.parametrize(
    ("table", "find", "change", "column"),
    [
        ("surface_water_limits", AMMONIA, {"limit": "1000", "unit": "μg/L"}, "unit"),
        ("surface_water_limits", AMMONIA, {"limit": "0"}, "limit"),
        ("surface_water_limits", AMMONIA, {"op": ">="}, "op"),
        ("surface_water_limits", AMMONIA, {"op": "text", "limit": "不得检出"}, "op"),
        ("ambient_air_limits", FINE, {"limit": "0.03", "unit": "mg/m³"}, "unit"),
        ("ambient_air_limits", FINE, {"limit": "0.0"}, "limit"),
        ("groundwater_limits", LEAD, {"limit": "10", "unit": "μg/L"}, "unit"),
        ("groundwater_limits", LEAD, {"op": ">"}, "op"),
        ("soil_limits_agri", {"pollutant_cn": "镉"}, {"limit": "300", "unit": "μg/kg"}, "unit"),
        ("noise_limits", {"class": "2类"}, {"unit": "mg/L"}, "unit"),
    ],
)
def test_a_row_that_would_be_read_as_its_neighbours_is_refused(
    table: str, find: dict[str, str], change: dict[str, str], column: str
) -> None:
    """900 mg/L of ammonia were class Ⅲ beside a limit typed as 1000 μg/L: tables are read in one unit."""
    (problem,) = problems_of(replaced(table, find, change))
    assert problem[0] == column
    assert problem[1].zh
    assert problem[1].en


def test_a_stricter_limit_in_the_unit_of_its_document_passes() -> None:
    for table, find, limit in (
        ("surface_water_limits", AMMONIA, "0.8"),
        ("ambient_air_limits", FINE, "28"),
        ("groundwater_limits", LEAD, "0.008"),
    ):
        assert problems_of(replaced(table, find, {"limit": limit})) == []


def test_classes_of_a_document_of_the_place_have_one_unit() -> None:
    """Of a document that ships with nothing there is nothing to compare with but itself."""
    rows = [
        row(
            "surface_water_limits", standard="DB99/T 12", pollutant_cn="氨氮", symbol="NH3-N",
            **{"class": cls, "limit": limit, "unit": unit},
        )
        for cls, limit, unit in zip(
            "ⅠⅡⅢⅣⅤ", ("0.1", "0.4", "800", "1.2", "1.8"), ("mg/L", "mg/L", "μg/L", "mg/L", "mg/L"), strict=True
        )
    ]  # fmt: skip
    (problem,) = ladder_problems(packaged().with_rows(rows), rows)
    assert "单位须相同" in problem.zh
    assert "one unit" in problem.en


MERCURY = {"symbol": "Hg", "class": "Ⅲ"}


@pytest.mark.parametrize(
    ("table", "find", "unit"),
    [
        ("surface_water_limits", MERCURY, "μg/L"),
        ("groundwater_limits", LEAD, "μg/L"),
    ],
)
def test_a_document_of_the_place_is_in_the_unit_that_is_evaluated(
    table: str, find: dict[str, str], unit: str
) -> None:
    """A ladder of mercury in μg/L was read as mg/L: a thousand times too lax."""
    own = replaced(table, find, {"standard": "DB44/1", "edition": "2026", "unit": unit})
    ((column, said),) = problems_of(completed(own))
    assert column == "unit"
    wanted = replaced(table, find, {})["unit"]
    assert wanted in said.zh
    assert wanted in said.en
    assert problems_of(replaced(table, find, {"standard": "DB44/1", "edition": "2026"})) == []


def test_a_limit_of_soil_is_in_the_unit_that_is_evaluated() -> None:
    ((column, said),) = problems_of(replaced("soil_limits_agri", {"pollutant_cn": "镉"}, {"unit": "μg/kg"}))
    assert (column, "mg/kg" in said.zh, "mg/kg" in said.en) == ("unit", True, True)


@pytest.mark.parametrize(
    ("table", "find", "given", "read"),
    [
        ("surface_water_limits", AMMONIA, "III", "Ⅲ"),
        ("surface_water_limits", AMMONIA, "Ⅲ类", "Ⅲ"),
        ("surface_water_limits", AMMONIA, "3", "Ⅲ"),
        ("surface_water_limits", AMMONIA, "三类", "Ⅲ"),
        ("groundwater_limits", LEAD, "III类", "Ⅲ"),
        ("ambient_air_limits", FINE, "2级", "二级"),
        ("ambient_air_limits", FINE, "二级标准", "二级"),
        ("ambient_air_limits", FINE, "II级", "二级"),
        ("noise_limits", {"class": "2类"}, "2", "2类"),
        ("noise_limits", {"class": "2类"}, "2类区", "2类"),
        ("noise_limits", {"class": "4a类"}, "4A类声环境功能区", "4a类"),
        (
            "soil_limits_construction",
            {"class": "风险筛选值|第一类用地"},
            "风险筛选值｜第一类用地",
            "风险筛选值|第一类用地",
        ),
    ],
)
def test_a_class_is_written_as_the_table_writes_it(
    table: str, find: dict[str, str], given: str, read: str
) -> None:
    typed = replaced(table, find, {"class": given})
    row = completed(typed)
    assert row["class"] == read
    assert row.id == replaced(table, find, {}).id, "it takes the place of the packaged row"
    assert problems_of(row) == []
    assert [column for column, _said in problems_of(typed)] == ["class"]


@pytest.mark.parametrize(
    ("table", "find", "given"),
    [
        ("surface_water_limits", AMMONIA, "劣Ⅴ"),
        ("surface_water_limits", AMMONIA, ""),
        ("surface_water_limits", AMMONIA, "6"),
        ("ambient_air_limits", FINE, "三级"),
        ("noise_limits", {"class": "2类"}, "4类"),
        ("soil_limits_agri", {"pollutant_cn": "镉"}, "筛选"),
    ],
)
def test_a_class_that_nothing_reads_is_refused_naming_those_there_are(
    table: str, find: dict[str, str], given: str
) -> None:
    row = completed(replaced(table, find, {"class": given}))
    ((column, said),) = problems_of(row)
    assert column == "class"
    right = replaced(table, find, {})["class"]
    assert right in said.zh
    assert right in said.en


@pytest.mark.parametrize(
    ("table", "find", "given"),
    [
        ("ambient_air_limits", FINE, "\u00b5g/m³"),
        ("ambient_air_limits", FINE, "ug/m3"),
        ("ambient_air_limits", FINE, "μg/m3"),
        ("ambient_air_limits", FINE, "微克/立方米"),
        ("surface_water_limits", AMMONIA, "mg/l"),
        ("noise_limits", {"class": "2类"}, "dB"),
        ("noise_limits", {"class": "2类"}, "分贝"),
        ("emission_limits", {"symbol": "SO2"}, "mg/m3"),
    ],
)
def test_a_unit_is_the_same_however_it_is_spelled(table: str, find: dict[str, str], given: str) -> None:
    wanted = replaced(table, find, {})
    typed = replaced(table, find, {"unit": given})
    assert problems_of(typed) == []
    assert completed(typed)["unit"] == wanted["unit"]
