from __future__ import annotations

import re

import pytest

from qingjian.rulebook import packaged
from qingjian.standards.editions import explain_caveats
from qingjian.standards.explanation import Text, TraceBuilder
from qingjian.standards.phrases import chinese

CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.mark.parametrize("column", ["condition", "status"])
def test_every_condition_and_state_has_chinese(column: str) -> None:
    book = packaged()
    texts = {row.values.get(column, "") for table in book.tables() for row in book.rows(table)}
    assert [text for text in texts if text and not CHINESE.search(chinese(text))] == []


def test_parts_of_a_text_are_said_in_chinese() -> None:
    assert chinese("O2ref=11%; existing from 2016-01-01") == "基准含氧量 11%; 现有源自 2016-01-01 起"
    assert chinese("recollection of the standard, not checked against its text").startswith("凭记忆")
    assert chinese("清环办〔2026〕9号") == "清环办〔2026〕9号"


def test_a_caveat_is_said_in_the_language_of_the_reader() -> None:
    book = packaged()
    for standard in ("HJ 663", "GB 3096", "GB 18918"):
        for row in book.rows("registry", standard=standard):
            trace = TraceBuilder(Text("", ""))
            explain_caveats(book, standard, row.valid_from, trace)
            for step in trace.done().steps:
                assert not re.search(r"in force|not (yet )?(found|compared|known)", step.text.zh), (
                    step.text.zh
                )
                assert "in force" in step.text.en


ENGLISH = re.compile(
    r"\b(the|and|of|not|with|agrees?|recollection|full|text|public|repository|values|limits|means|valid|hours|house|rule)\b"
)
SAID = (
    "ambient_air_limits", "surface_water_limits", "groundwater_limits", "soil_limits_agri", "soil_limits_construction",
    "noise_limits", "emission_limits", "tax_equivalents", "composite_index", "aqi_breakpoints", "aqi_levels",
    "data_validity", "water_rating", "tli", "eqi", "noise_rating_hj640", "evaluation_parameters", "spearman_critical",
)  # fmt: skip


@pytest.mark.parametrize("table", SAID)
def test_sources_conditions_and_rules_of_what_decides_are_said_in_chinese(table: str) -> None:
    """Half a sentence of English behind a Chinese clause is none that a reader of the page understands."""
    found = {
        chinese(row.values.get(column, ""))
        for row in packaged().rows(table)
        for column in ("source", "condition", "rule")
    }
    assert sorted(one for one in found if ENGLISH.search(one)) == []


def test_conditions_are_in_the_words_of_the_standards() -> None:
    said = chinese("night frequent peak +10, occasional +15; background correction HJ 706")
    assert "超过限值的幅度不得高于 10 dB(A)（偶发 15 dB(A)）" in said
    background = "表1; As/Co/V: >screening but ≤ local background not managed as polluted"
    assert "不纳入污染地块管理" in chinese(background)


CHECK_TABLES = ("cems_checks", "water_checks")


@pytest.mark.parametrize("table", CHECK_TABLES)
def test_checks_are_said_in_chinese(table: str) -> None:
    """What is checked, by which criterion, how often: two English letters in a row are a word only in symbols and codes."""
    allowed = re.compile(
        r"HJ|GB|CEMS|CMS|CODCr|COD|TOC|VOCs|NMHC|NOx|NO2|NO|SO2|O2|CO|HCl|pH|mg|mm|μmol|mol|ref|meas|Cmeas|F\.S|"
        r"[CQ]i|m/s|PM|NH3-N|TP|TN"
    )
    left = {
        chinese(row.values[column])
        for row in packaged().rows(table)
        for column in ("pollutant_or_band", "criterion", "interval", "source", "note")
        if re.search(r"[A-Za-z]{2,}", allowed.sub("", chinese(row.values[column])))
    }
    assert left == set()
    assert chinese("particulate >20..50") == "颗粒物 >20–50"
    assert chinese("within +-2.5% F.S.") == "不超过 ±2.5% F.S."
    assert chinese("absolute error <=+-3 C") == "绝对误差不超过 ±3 ℃"
