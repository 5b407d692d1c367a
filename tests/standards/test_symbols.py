"""The symbol under which an evaluation looks for a limit is part of what an office has to write right."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.rulebook import Row, packaged
from qingjian.standards import names
from qingjian.standards.emissions.judgement import limits_for
from qingjian.standards.proposals import completed, ladder_problems, problems_of
from qingjian.standards.surface_water.classification import classify

DAY = date(2026, 5, 1)
COD = {"pollutant_cn": "化学需氧量", "class": "Ⅲ"}
FINE = {"symbol": "PM2.5", "class": "二级", "averaging_period": "年平均", "edition": "2026"}


def replaced(table: str, find: dict[str, str], **change: str) -> Row:
    held = next(one for one in packaged().rows(table) if find.items() <= one.values.items())
    return Row.from_values(table, {**held.values, **change}, override=True)


def local_emission(name: str, symbol: str, **change: str) -> Row:
    given = {
        "standard": "DB33/2169",
        "edition": "2018",
        "effective_from": "2019-01-01",
        "class": "现有",
        "limit": "40",
    }
    held = {"symbol": "COD", "averaging_period": "日均值"}
    return replaced("emission_limits", held, **{**given, "pollutant_cn": name, "symbol": symbol, **change})


@pytest.mark.parametrize("symbol", ["COD", "", "w01018", "CODCr", "cod"])
def test_a_corrected_class_stays_in_its_ladder_however_its_symbol_was_typed(symbol: str) -> None:
    """Without it COD had four classes, and 29 mg/L were Ⅲ."""
    row = completed(replaced("surface_water_limits", COD, symbol=symbol, limit="18"))
    assert row["symbol"] == "COD"
    assert problems_of(row) == []
    book = packaged().with_rows([row])
    assert ladder_problems(book, [row]) == []
    found = [
        classify({"COD": value, "DO": "8"}, DAY, rulebook=book).cls for value in ("17", "19", "29", "35")
    ]
    assert found == ["Ⅲ", "Ⅳ", "Ⅳ", "Ⅴ"]


@pytest.mark.parametrize(
    ("table", "find", "symbol", "right"),
    [
        ("surface_water_limits", COD, "BOD5", "COD"),
        ("surface_water_limits", COD, "XYZ", "COD"),
        ("ambient_air_limits", FINE, "PM10", "PM2.5"),
        ("ambient_air_limits", FINE, "a34002", "PM2.5"),
        ("aqi_breakpoints", {"symbol": "PM2.5", "iaqi": "100"}, "FPM", "PM2.5"),
        ("emission_limits", {"symbol": "COD"}, "TOC", "COD"),
        ("soil_limits_agri", {"symbol": "Cd"}, "Hg", "Cd"),
        ("soil_limits_construction", {"pollutant_cn": "砷"}, "CAS 7440-43-9", "CAS 7440-38-2"),
        ("tax_equivalents", {"symbol": "w01018"}, "COD", "w01018"),
        ("composite_index", {"symbol": "PM2.5"}, "FPM", "PM2.5"),
    ],
)
def test_the_symbol_of_another_item_is_refused_naming_the_right_one(
    table: str, find: dict[str, str], symbol: str, right: str
) -> None:
    row = completed(replaced(table, find, symbol=symbol))
    assert row["symbol"] == symbol
    (problem,) = problems_of(row)
    assert problem[0] == "symbol"
    for text in (problem[1].zh, problem[1].en):
        assert right in text
        assert symbol in text


@pytest.mark.parametrize("symbol", ["", "PM25", "a34004", "PM₂.₅", "pm2.5", "PM2.5"])
@pytest.mark.parametrize("name", ["颗粒物(粒径≤2.5μm)", "颗粒物（粒径≤2.5μm）", "细颗粒物", "PM2.5"])
def test_fine_particles_are_found_under_any_spelling(symbol: str, name: str) -> None:
    national = completed(replaced("ambient_air_limits", FINE, symbol=symbol, limit="28", pollutant_cn=name))
    assert (national["symbol"], problems_of(national)) == ("PM2.5", [])
    assert national.id == replaced("ambient_air_limits", FINE).id, "it replaces the packaged row"
    local = completed(
        replaced("ambient_air_limits", FINE, symbol=symbol, pollutant_cn=name, standard="DB11/9", limit="25")
    )
    assert (local["symbol"], problems_of(local)) == ("PM2.5", [])


def test_what_nobody_can_name_is_refused_with_the_symbols_there_are() -> None:
    row = replaced("ambient_air_limits", FINE, symbol="", pollutant_cn="某物", standard="DB11/9")
    ((column, said),) = problems_of(row)
    assert column == "symbol"
    assert "PM2.5" in said.zh
    assert "PM2.5" in said.en
    ladder = replaced("surface_water_limits", COD, symbol="", pollutant_cn="某物", standard="DB11/9")
    assert [column for column, _said in problems_of(ladder)] == ["symbol"]


@pytest.mark.parametrize(
    ("name", "symbol", "code", "changes"),
    [
        ("化学需氧量", "", "w01018", {}),
        ("化学需氧量", "w01018", "w01018", {}),
        ("化学需氧量（CODCr）", "CODCr", "w01018", {}),
        ("化学需氧量(CODCr)", "", "w01018", {}),
        ("COD", "", "w01018", {}),
        ("氨氮", "", "w21003", {}),
        ("氨氮", "w21003", "w21003", {}),
        ("氨氮（以N计）", "NH3N", "w21003", {}),
        ("总磷(以P计)", "", "w21011", {}),
        ("石油类", "", "w22001", {}),
        ("挥发酚", "w23002", "w23002", {}),
        ("六价铬", "Cr6+", "w20117", {}),
        ("氟化物", "", "w21017", {}),
        ("氟化物", "", "a21018", {"unit": "mg/m³"}),
        ("氮氧化物", "", "a21002", {"unit": "mg/m³"}),
        ("颗粒物", "a34013", "a34013", {"unit": "mg/m³"}),
        ("非甲烷总烃", "", "a24088", {"unit": "mg/m³"}),
    ],
)
def test_a_local_emission_limit_judges_what_is_measured_under_its_code(
    name: str, symbol: str, code: str, changes: dict[str, str]
) -> None:
    row = completed(local_emission(name, symbol, **changes))
    assert problems_of(row) == []
    item = (names.WASTE_WATER if code.startswith("w") else names.FLUE_GAS)[code]
    found = limits_for(
        item, "day", DAY, standards=[("DB33/2169", "现有", "")], rulebook=packaged().with_rows([row])
    )
    assert [limit.row.id for limit in found] == [row.id]


def test_a_limit_of_what_no_outlet_measures_is_refused_until_its_factor_is_registered() -> None:
    row = completed(local_emission("某特征污染物", ""))
    ((column, said),) = problems_of(row)
    assert column == "pollutant_cn"
    assert said.zh
    assert said.en
    assert problems_of(row, {"某特征污染物"}) == []
    assert problems_of(completed(local_emission("铊", ""))) == [], "a factor of HJ 212, found by its name"


@pytest.mark.parametrize("item", ["Oils", "VP"])
def test_packaged_limits_of_oil_and_volatile_phenols_are_found(item: str) -> None:
    """The evaluation asks for the symbol of w22001 and w23002; the packaged rows had none."""
    standards = [("GB 8978", "一级", ""), ("GB 18918", "一级A", "")]
    assert limits_for(item, "day", DAY, standards=standards)


@pytest.mark.parametrize("table", packaged().tables())
def test_every_packaged_row_has_the_symbol_it_would_get(table: str) -> None:
    for row in packaged().rows(table):
        assert completed(row) is row, row.citation
        if row.values.get("pollutant_cn") and "symbol" in row.values:
            again = completed(Row.from_values(table, {**row.values, "symbol": ""}))
            assert again["symbol"] in (row["symbol"], "")


@given(name=st.text(max_size=12), symbol=st.text(max_size=12), table=st.sampled_from(packaged().tables()))
def test_any_text_is_taken_or_refused(name: str, symbol: str, table: str) -> None:
    held = packaged().rows(table)[0]
    row = Row.from_values(table, {**held.values, "pollutant_cn": name, "symbol": symbol}, override=True)
    done = completed(row)
    assert completed(done) == done
    for _column, said in problems_of(done):
        assert said.zh
        assert said.en
