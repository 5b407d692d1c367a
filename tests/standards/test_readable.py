"""An office's own rows that no evaluation could read are found before somebody approves them."""

from __future__ import annotations

import pytest

from qingjian.rulebook import Row, packaged
from qingjian.standards import settings
from qingjian.standards.explanation import Text
from qingjian.standards.readable import PROBES, unreadable

DAILY = "SO2,NO2,CO,PM10,PM2.5,NOx"
BROKEN = [
    ("evaluation_parameters", {"subject": "comparison", "edition": "2026"}, {"value": "修约"}, "full / rounded"),
    ("evaluation_parameters", {"subject": "decimals", "edition": "2026", "item": "CO"}, {"value": "一位"}, "不小于 0"),
    ("evaluation_parameters", {"subject": "decimals", "edition": "2026", "item": "CO"}, {"value": "1.5"}, "整数"),
    ("evaluation_parameters", {"subject": "noise_day", "item": "valid day hours"}, {"value": "-3"}, "不小于 1"),
    ("evaluation_parameters", {"subject": "noise_day", "item": "valid day hours"}, {"item": "valid hours"}, "没有评价读取"),
    ("evaluation_parameters", {"subject": "decimals", "edition": "2026", "item": "CO"}, {"standard": "本市规定"}, "只从 HJ 663"),
    ("evaluation_parameters", {"subject": "sand_dust", "item": "days"}, {"value": "keep"}, "remaining / left out"),
    ("data_validity", {"edition": "2026", "item": DAILY}, {"rule": "至少20个小时值"}, "规则无法识别"),
    ("data_validity", {"edition": "2026", "item": "percentiles"}, {"rule": "PM2.5 P95 of daily"}, "百分位数"),
    ("aqi_levels", {"edition": "2026", "level": "二级"}, {"aqi_hi": "80"}, "AQI 81"),
    ("aqi_levels", {"edition": "2026", "level": "二级"}, {"aqi_hi": "110"}, "2 个级别"),
    ("aqi_levels", {"edition": "2026", "level": "二级"}, {"category": "尚可"}, "不认识的类别"),
    ("aqi_breakpoints", {"edition": "2026", "symbol": "PM2.5", "iaqi": "100"}, {"bp": "30"}, "没有递增"),
    ("composite_index", {"edition": "candidate", "symbol": "PM2.5"}, {"standard_value": "0"}, "标准值须为正"),
    ("water_rating", {"rule": "I-III share >=90%"}, {"rule": "优良比例不低于90", "effective_from": "2026-12-01"}, "评级规则无法识别"),
    ("tli", {"kind": "coef", "symbol": "TP"}, {"a": "x"}, "数值无法使用"),
    ("tli", {"kind": "threshold", "hi": "60"}, {"lo": "55"}, "没有对应状态"),
    ("noise_rating_hj640", {"level": "一级", "period": "昼间"}, {"le": "40"}, "没有对应等级"),
    ("eqi", {"kind": "weight", "item": "生态格局"}, {"value": "0.5"}, "权重合计"),
    ("eqi", {"kind": "class", "lo": "55"}, {"lo": "60"}, "没有对应类别"),
    ("spearman_critical", {"n": "5"}, {"p05": "2"}, "临界值"),
    ("tli", {"kind": "coef", "symbol": "TP"}, {"unit": "μg/L"}, "不能写 μg/L"),
    ("composite_index", {"symbol": "CO", "edition": "2018"}, {"unit": "μg/m³", "standard_value": "4000"}, "mg/m³"),
    ("evaluation_parameters", {"subject": "black_odorous", "item": "SD mild"}, {"unit": "m", "value": "0.25"}, "cm"),
    ("water_rating", {"rule": "I-III share >=90%"}, {"rule": "Ⅰ～Ⅲ类比例 ≥85%"}, "评级规则无法识别"),
    ("water_rating", {"rule": "I-III share >=90%"}, {"rule": "I-III share >=85%"}, "重叠"),
    ("water_rating", {"rule": "75%<=I-III<90%"}, {"rule": "60%<=I-III<90%"}, "重叠"),
    ("eqi", {"kind": "class", "lo": "70"}, {"lo": "65"}, "重叠"),
    ("eqi", {"kind": "class", "lo": "55"}, {"lo": "50"}, "重叠"),
    ("eqi", {"kind": "change", "lo": "2"}, {"lo": "1.5"}, "重叠"),
    ("tli", {"kind": "threshold", "hi": "30"}, {"hi": "40"}, "重叠"),
    ("noise_rating_hj640", {"level": "二级", "period": "昼间"}, {"le": "57"}, "2 个等级"),
    ("tax_equivalents", {"medium": "gas"}, {"equivalent_kg": "0"}, "须大于 0"),
]  # fmt: skip


def changed(table: str, find: dict[str, str], change: dict[str, str]) -> Row:
    held = next(row for row in packaged().rows(table) if find.items() <= row.values.items())
    return Row.from_values(table, {**held.values, **change}, override=True)


@pytest.mark.parametrize(("table", "find", "change", "said"), BROKEN)
def test_what_nothing_could_read_is_named(
    table: str, find: dict[str, str], change: dict[str, str], said: str
) -> None:
    row = changed(table, find, change)
    problems = unreadable(packaged(), packaged().with_rows([row]), [row])
    assert problems
    assert all(one.en for one in problems)
    assert said in "".join(one.zh for one in problems)


SETTINGS = [
    ("noise_day", "day starts", "30", "6.5", "-1"),
    ("noise_day", "night starts", "3", "22.5"),
    ("time_mean", "quarter samples", "2.5", "0", "2.0"),
    ("time_mean", "year months", "13"),
    ("reference_oxygen", "highest measured oxygen", "25", "21", "0"),
    ("class_evaluation", "non-detect factor", "5", "half"),
    ("sand_dust", "items", "颗粒物", "SO2", ""),
    ("drinking_water", "not assessed", "水温 总氮", "T T"),
    ("main_pollutants", "count", "2.5", "0", "22"),
    ("main_pollutants", "priority", "氰化物 汞"),
    ("trend_warning_hour", "window", "0", "1", "NaN"),
    ("trend_warning_day", "in a row", "1.5"),
    ("trend_warning_day", "share of the limit", "120"),
    ("three_year_mean", "years", "0", "2.5"),
    ("exception_event", "handling", "nonsense"),
    ("flue_gas_state", "standard temperature", "0"),
    ("tax_recheck", "大气污染物", "2.5"),
    ("dose_rate", "history hours", "1e9"),
    ("water_day", "valid share", "0", "Infinity"),
    ("published_index_2013", "first index above a point", "x"),
]


@pytest.mark.parametrize(
    ("subject", "item", "value"), [(*one[:2], value) for one in SETTINGS for value in one[2:]]
)
def test_a_setting_is_of_its_kind(subject: str, item: str, value: str) -> None:
    """They were only looked at as numbers: half a sample or an hour 30 stopped results later, or made others."""
    row = changed("evaluation_parameters", {"subject": subject, "item": item}, {"value": value})
    (problem,) = unreadable(packaged(), packaged().with_rows([row]), [row])
    assert problem.zh.startswith(f"{subject} · {item}: ")
    assert problem.en.startswith(f"{subject} · {item} ")


@pytest.mark.parametrize(("subject", "item"), sorted(settings.UNREAD))
def test_a_setting_that_nothing_looks_up_is_refused(subject: str, item: str) -> None:
    find = {"subject": subject, "item": item}
    row = changed("evaluation_parameters", find, {"value": "T" if "items" in item else "5"})
    (problem,) = unreadable(packaged(), packaged().with_rows([row]), [row])
    assert "不起作用" in problem.zh
    assert "nothing" in problem.en
    same = changed("evaluation_parameters", find, {"source": "office"})
    assert unreadable(packaged(), packaged().with_rows([same]), [same]) == []


def test_every_packaged_setting_has_a_kind_and_is_of_it() -> None:
    for row in packaged().rows("evaluation_parameters"):
        assert settings.kind_of(row["subject"], row["item"]) is not None, row["subject"]
        assert settings.problem(row["subject"], row["item"], row["value"]) is None


@pytest.mark.parametrize("table", PROBES)
def test_every_packaged_row_of_every_edition_is_readable(table: str) -> None:
    book = packaged()
    own = [Row.from_values(table, row.values, override=True) for row in book.rows(table)]
    assert unreadable(packaged().without_rows([]), book.with_rows(own), own) == []
    for day in sorted({row.valid_from for row in book.rows(table) if row.valid_from}):
        if day.year >= 2016:
            PROBES[table](book, day)


@pytest.mark.parametrize(
    ("table", "find", "change"),
    [
        ("evaluation_parameters", {"subject": "comparison", "edition": "2026"}, {"value": "full"}),
        ("evaluation_parameters", {"subject": "possible_value"}, {"item": "COD", "value": "5000"}),
        ("aqi_breakpoints", {"edition": "2026", "symbol": "PM2.5", "iaqi": "100"}, {"bp": "50"}),
        ("data_validity", {"edition": "2026", "item": DAILY}, {"rule": ">=21 hourly values"}),
        ("noise_rating_hj640", {"level": "一级", "period": "昼间"}, {"effective_from": "2026-12-01"}),
        ("evaluation_parameters", {"subject": "noise_day", "item": "day starts"}, {"value": "7"}),
        ("evaluation_parameters", {"subject": "noise_day", "item": "night starts"}, {"value": "23"}),
        ("evaluation_parameters", {"subject": "main_pollutants", "item": "priority"}, {"value": "Hg Pb"}),
        (
            "evaluation_parameters",
            {"subject": "decimals", "edition": "2026", "item": "CO"},
            {"unit": "mg/m3"},
        ),
        ("tli", {"kind": "coef", "symbol": "chla"}, {"unit": "mg/m3"}),
        ("eqi", {"kind": "class", "lo": "70"}, {"lo": "65", "effective_from": "2026-12-01"}),
        (
            "water_rating",
            {"rule": "I-III share >=90%"},
            {"rule": "I-III share >=85%", "effective_from": "2026-12-01"},
        ),
    ],
)
def test_what_can_be_read_passes(table: str, find: dict[str, str], change: dict[str, str]) -> None:
    row = changed(table, find, change)
    assert unreadable(packaged(), packaged().with_rows([row]), [row]) == []


def test_what_is_broken_already_stops_no_repair() -> None:
    """Only a change for the worse is refused: a wrong row of an earlier release can be corrected step by step."""
    first = changed("aqi_levels", {"edition": "2026", "level": "二级"}, {"aqi_hi": "80"})
    broken = packaged().with_rows([first])
    second = changed("aqi_levels", {"edition": "2026", "level": "三级"}, {"aqi_lo": "90"})
    assert unreadable(broken, broken.with_rows([second]), [second]) == []
    assert unreadable(broken, packaged(), [], gone=[first]) == []


def test_taking_a_row_back_may_not_leave_a_gap() -> None:
    first = changed("aqi_levels", {"edition": "2026", "level": "二级"}, {"aqi_hi": "90"})
    second = changed("aqi_levels", {"edition": "2026", "level": "三级"}, {"aqi_lo": "91"})
    both = packaged().with_rows([first, second])
    assert unreadable(packaged(), both, [first, second]) == []
    (problem,) = unreadable(both, packaged().with_rows([second]), [], gone=[first])
    assert isinstance(problem, Text)
    assert "2 个级别" in problem.zh
