"""Rows as offices type them: found by hand as accepted and judging nothing, or judging otherwise than they say."""

from __future__ import annotations

from decimal import Decimal

import pytest

from qingjian.rulebook import Row, load_csv, packaged
from qingjian.standards import readable
from qingjian.standards.emissions.oxygen import reference_oxygen
from qingjian.standards.proposals import completed, problems_of
from qingjian.standards.quantity import convert, unit_name


def typed(table: str, of: str, **change: str) -> Row:
    held = packaged().rows(table, standard=of)[0]
    return completed(Row.from_values(table, {**held.values, "source": "office", **change}, override=True))


def columns(row: Row) -> list[str]:
    return [column for column, _text in problems_of(row)]


HEAD = "standard,edition,pollutant_cn,symbol,unit,class,averaging_period,op,limit,effective_from,source\n"


@pytest.mark.parametrize(
    ("op", "limit", "day", "read"),
    [
        ("≤", "７５", "2026/1/1", ("<=", "75", "2026-01-01")),
        ("＜＝", "7.5", "2026年1月1日", ("<=", "7.5", "2026-01-01")),
        ("≥", "5", "2026.01.01", (">=", "5", "2026-01-01")),
        ("range", "６～９", "2026-01-01", ("range", "6-9", "2026-01-01")),
    ],
)
def test_signs_digits_and_days_are_read(op: str, limit: str, day: str, read: tuple[str, ...]) -> None:
    line = f"DB37/ 1,2026,细颗粒物,PM2.5,μg/m³,二级,日平均,{op},{limit},{day},x\n"
    (row,), errors = load_csv(HEAD + line, "ambient_air_limits")
    assert errors == ()
    assert (row["op"], row["limit"], row["effective_from"]) == read


@pytest.mark.parametrize("day", ["2026/13/1", "2026年", "明年"])
def test_a_day_that_is_none_is_refused(day: str) -> None:
    line = f"DB37/ 1,2026,细颗粒物,PM2.5,μg/m³,二级,日平均,<=,35,{day},x\n"
    assert [one.column for one in load_csv(HEAD + line, "ambient_air_limits")[1]] == ["effective_from"]


@pytest.mark.parametrize(
    ("condition", "oxygen"),
    [
        ("基准氧含量6%", "6"),
        ("燃煤锅炉，基准含氧量为 9 %", "9"),
        ("O₂=3.5%", "3.5"),
        ("按11%含氧量折算", "11"),
        ("新建；O2ref=8%", "8"),
    ],
)
def test_a_reference_oxygen_in_words_is_read(condition: str, oxygen: str) -> None:
    assert reference_oxygen(condition) == Decimal(oxygen)
    assert columns(typed("emission_limits", "GB 13223", condition=condition)) == []


def test_an_oxygen_that_nobody_can_read_is_refused() -> None:
    """Values at any oxygen content would have been held against it."""
    assert columns(typed("emission_limits", "GB 13223", condition="基准含氧量按环评")) == ["condition"]


@pytest.mark.parametrize(
    ("given", "written"),
    [("水田，5.5＜pH≤6.5", "表1; 水田; 5.5<pH≤6.5"), ("表1；其他；pH＞7.5", "表1; 其他; pH>7.5")],
)
def test_a_band_of_farmland_is_written_as_the_table_writes_it(given: str, written: str) -> None:
    row = typed("soil_limits_agri", "GB 15618", condition=given)
    assert row["condition"] == written
    assert columns(row) == []


@pytest.mark.parametrize("given", ["6.5<pH≤7.5", "pH 6.5-7.5", "茶园; pH≤5.5", ""])
def test_a_band_that_farmland_does_not_have_is_refused(given: str) -> None:
    assert columns(typed("soil_limits_agri", "GB 15618", condition=given)) == ["condition"]


@pytest.mark.parametrize(
    ("table", "standard"),
    [("soil_limits_construction", "GB 36600"), ("soil_limits_agri", "GB 15618"), ("noise_limits", "GB 3096")],
)
def test_a_document_of_the_place_that_nothing_reads_is_refused(table: str, standard: str) -> None:
    assert columns(typed(table, standard, standard="DB 99/1", edition="2026")) == ["standard"]
    assert columns(typed(table, standard)) == []


def test_an_item_of_its_own_may_have_a_document_of_the_place() -> None:
    own = typed(
        "soil_limits_construction",
        "GB 36600",
        standard="DB 99/1",
        edition="2026",
        pollutant_cn="某物",
        symbol="",
    )
    assert "standard" not in columns(own)


@pytest.mark.parametrize("value", ["0", "-1"])
def test_an_equivalent_is_above_zero(value: str) -> None:
    held = packaged().rows("tax_equivalents")[0]
    own = Row.from_values("tax_equivalents", {**held.values, "equivalent_kg": value}, override=True)
    book = packaged()
    (said,) = readable.unreadable(book, book.with_rows([own]), [own])
    assert "须大于 0" in said.zh
    assert "above 0" in said.en


def test_blackness_and_sound_as_people_write_them() -> None:
    assert convert(Decimal(1), "级", "无量纲") == 1
    assert unit_name("db(A)") == unit_name("分贝(A)") == "dB(A)"
    done = completed(
        Row.from_values(
            "ambient_air_limits",
            {**packaged().rows("ambient_air_limits")[0].values, "averaging_period": "日平均值"},
            override=True,
        )
    )
    assert done["averaging_period"] == "日平均"


@pytest.mark.parametrize("item", ["动植物油", "二噁英类", "臭气浓度", "硝基苯类"])
def test_what_laboratories_measure_may_be_limited_by_any_document(item: str) -> None:
    held = next(one for one in packaged().rows("emission_limits") if one["pollutant_cn"].startswith(item))
    own = {**held.values, "standard": "DB 99/1", "edition": "2026", "source": "x"}
    assert columns(completed(Row.from_values("emission_limits", own, override=True))) == []
