"""Standards of outlets and targets of regions: found by hand as accepted under any name, and then judging nothing."""

from __future__ import annotations

import pytest

from qingjian.rulebook import Row, packaged
from qingjian.standards import assignments, readable, regional_targets


def assigned(**change: str) -> Row:
    values = {
        "standard": "GB 8978", "edition": "1996", "outlet": "X", "class": "", "condition": "", "left_out": "",
        "effective_from": "2020-01-01", "source": "环评批复", "confidence": "S",
    }  # fmt: skip
    return assignments.completed(
        Row.from_values("outlet_standards", {**values, **change}, override=True), packaged()
    )


@pytest.mark.parametrize(
    ("change", "column", "read"),
    [
        ({"standard": "GB8978"}, "standard", "GB 8978"),
        ({"standard": "gb 8978-1996"}, "standard", "GB 8978"),
        ({"standard": "GB 8978—1996", "class": "一级"}, "standard", "GB 8978"),
        ({"class": "1级"}, "class", "一级"),
        ({"class": "一级标准"}, "class", "一级"),
        ({"standard": "GB 18918", "class": "1级A"}, "class", "一级A"),
        ({"standard": "GB 18918", "class": "一级A标准"}, "class", "一级A"),
        ({"standard": "GB 13271", "condition": "新建燃煤"}, "condition", "新建 燃煤"),
        (
            {"standard": "GB 18918", "class": "一级A", "left_out": "水温≤12℃；2005-12-31前建设"},
            "class",
            "一级A",
        ),
    ],
)
def test_what_is_meant_is_written_as_the_limits_have_it(
    change: dict[str, str], column: str, read: str
) -> None:
    row = assigned(**change)
    assert row[column] == read
    assert assignments.problems(row, packaged()) == []


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"standard": "GB 9999"}, "standard"),
        ({"standard": "DB37/ 3416"}, "standard"),
        ({"class": "九级"}, "class"),
        ({"standard": "GB 18918", "class": "一级"}, "class"),
        ({"standard": "GB 13271", "condition": "生物质"}, "condition"),
        ({"class": "一级", "left_out": "总钒"}, "left_out"),
    ],
)
def test_what_would_judge_nothing_is_refused(change: dict[str, str], column: str) -> None:
    ((named, said),) = assignments.problems(assigned(**change), packaged())
    assert named == column
    assert said.zh
    assert said.en


def test_a_standard_of_the_place_may_be_assigned_once_its_limits_are_there() -> None:
    own = Row.from_values(
        "emission_limits",
        {
            **packaged().rows("emission_limits", standard="GB 8978")[0].values,
            "standard": "DB37/ 3416",
            "source": "x",
        },
        override=True,
    )
    assert assignments.problems(assigned(standard="DB37/ 3416"), packaged().with_rows([own])) == []


def target(item: str, value: str = "35", unit: str = "") -> Row:
    values = {
        "standard": "市政发〔2026〕1号", "region": "990101", "year": "2026", "item": item, "value": value, "unit": unit,
        "effective_from": "2026-01-01", "source": "x", "confidence": "S",
    }  # fmt: skip
    return regional_targets.completed(Row.from_values("regional_targets", values, override=True))


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("优良率", "优良天数比例"),
        ("细颗粒物", "PM2.5"),
        ("PM25", "PM2.5"),
        ("pm2.5 年均浓度", "PM2.5"),
        ("细颗粒物平均浓度", "PM2.5"),
        ("a34004", "PM2.5"),
        ("臭氧", "O3"),
        ("空气质量综合指数", "综合指数"),
    ],
)
def test_a_target_is_read_as_it_is_meant(given: str, read: str) -> None:
    row = target(given)
    assert row["item"] == read
    assert regional_targets.problems(row) == []


@pytest.mark.parametrize(
    ("item", "value", "unit", "column"),
    [
        ("地表水优良比例", "85", "%", "item"),
        ("重度及以上污染天数比例", "1", "%", "item"),
        ("优良天数比例", "850", "%", "value"),
        ("优良天数比例", "310", "天", "value"),
        ("综合指数", "-4", "", "value"),
        ("重污染天数", "400", "天", "value"),
        ("PM2.5", "0.035", "mg/m³", "unit"),
        ("CO", "1000", "μg/m³", "unit"),
    ],
)
def test_a_target_that_nothing_could_meet_or_read_is_refused(
    item: str, value: str, unit: str, column: str
) -> None:
    assert column in [named for named, _said in regional_targets.problems(target(item, value, unit))]


@pytest.mark.parametrize(
    ("subject", "item", "change"),
    [
        ("gas_day", "valid share", {"value": "0.75"}),
        ("trend_warning_hour", "least valid", {"value": "30"}),
        ("trend_warning_day", "window", {"value": "3"}),
        ("possible_value", "DO", {"unit": "μg/L"}),
    ],
)
def test_settings_that_would_work_otherwise_than_they_say_are_refused(
    subject: str, item: str, change: dict[str, str]
) -> None:
    book = packaged()
    held = book.rows("evaluation_parameters", subject=subject, item=item)[-1]
    own = Row.from_values("evaluation_parameters", {**held.values, **change}, override=True)
    assert readable.unreadable(book, book.with_rows([own]), [own])
