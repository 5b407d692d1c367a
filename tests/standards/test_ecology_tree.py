"""Indices below the four parts by an office's own table: names and weights here are made up."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.rulebook import Row, load_csv, packaged
from qingjian.standards import ecology
from qingjian.standards.catalogue import items
from qingjian.standards.ecology_tree import TABLE, IndicatorTree, indicator_tree, tree_problems
from qingjian.standards.errors import InputError

HEAD = "standard,item,parent,weight,direction,lo,hi,unit,effective_from,source"
TREE = (
    "某省指标表,组分指数,生态格局,0.6,,,,,2021-01-01,表1",
    "某省指标表,结构指数,生态格局,0.4,,,,,2021-01-01,表1",
    "某省指标表,林地比例,组分指数,0.5,,0,80,%,2021-01-01,表2",
    "某省指标表,裸地比例,组分指数,0.5,negative,0,50,%,2021-01-01,表2",
)
DAY = date(2025, 12, 31)


def rows(*lines: str) -> tuple[Row, ...]:
    found, errors = load_csv("\n".join((HEAD, *lines)), TABLE)
    assert errors == ()
    return found


def tree(*lines: str) -> IndicatorTree:
    return indicator_tree(DAY, rulebook=packaged().with_rows(rows(*(lines or TREE))))


def test_without_a_table_there_is_no_tree_and_the_explanation_says_so() -> None:
    assert not indicator_tree(DAY)
    found = ecology.quality(structure=60, function=70, diversity=50, stress=20)
    assert any("本机关也未录入指标表" in step.text.zh for step in found.trace.steps)


def test_a_part_is_worked_out_to_the_leaves_and_every_step_is_said() -> None:
    found = tree().part("生态格局", {"林地比例": "40", "裸地比例": 10, "结构指数": 70})
    # 组分 = 0.5 · 50 + 0.5 · (100 − 20) = 65; 格局 = 0.6 · 65 + 0.4 · 70 = 67
    assert found.value == 67
    assert [(one.name, one.level, one.given, one.score) for one in found.nodes] == [
        ("组分指数", 2, None, 65),
        ("林地比例", 3, "40", 50),
        ("裸地比例", 3, "10", 80),
        ("结构指数", 2, "70", 70),
    ]
    text = "\n".join(step.text.zh for step in found.trace.steps)
    assert "生态格局 = (0.6×65 + 0.4×70) = 67" in text
    assert "逆向指标，取 100 − x = 80" in text
    assert "权重为本机关所定（某省指标表）" in text
    assert (found.trace.confidence.value, found.trace.may_act_alone) == ("U", False)
    whole = ecology.quality(structure=found.value, function=70, diversity=50, stress=20, computed=[found])
    assert whole.value == Decimal("0.36") * 67 + Decimal("0.35") * 70 + Decimal("0.19") * 50 + 8
    said = "\n".join(step.text.zh for step in whole.trace.steps)
    assert "生态功能、生物多样性、生态胁迫 按录入值使用" in said
    assert "某省指标表" in whole.trace.editions


def test_a_value_beyond_its_bounds_is_cut_off_and_said() -> None:
    found = tree().part("生态格局", {"林地比例": 90, "裸地比例": 60, "结构指数": 70})
    assert [one.score for one in found.nodes if one.level == 3] == [100, 0]
    assert any("截于界限" in step.text.zh for step in found.trace.steps)


@pytest.mark.parametrize(
    "given_values",
    [{"林地比例": 40, "裸地比例": 10}, {"林地比例": 40, "裸地比例": 10, "结构指数": 101}, {}],
)
def test_missing_and_impossible_indicators_are_refused(given_values: dict[str, int]) -> None:
    with pytest.raises(InputError):
        tree().part("生态格局", given_values)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (TREE[:1] + TREE[2:], "权重之和为 0.6"),
        (("某表,生态功能,生态格局,1,,,,,2021-01-01,x",), "是一级指标"),
        (("某表,甲,乙,1,,,,,2021-01-01,x",), "不是一级指标"),
        (
            (
                "某表,甲,生态格局,1,,,,,2021-01-01,x",
                "某表,乙,甲,1,,,,,2021-01-01,x",
                "某表,丙,乙,1,,,,,2021-01-01,x",
            ),
            "不是一级指标",
        ),
        (("某表,甲,乙,1,,,,,2021-01-01,x", "某表,乙,甲,1,,,,,2021-01-01,x"), "不是一级指标"),
        (("某表,甲,生态格局,1.5,,,,,2021-01-01,x",), "应大于 0"),
        (("某表,甲,生态格局,1,down,,,,2021-01-01,x",), "方向"),
        (("某表,甲,生态格局,1,,5,,,2021-01-01,x",), "成对"),
        (("某表,甲,生态格局,1,,5,5,,2021-01-01,x",), "成对"),
    ],
)
def test_a_table_that_is_no_tree_is_refused_with_its_reason(lines: tuple[str, ...], why: str) -> None:
    assert any(why in one.zh for one in tree_problems(rows(*lines)))
    with pytest.raises(InputError, match=why):
        IndicatorTree(rows(*lines))


def test_measured_indicators_can_be_registered_under_codes_that_do_not_move() -> None:
    book = packaged().with_rows(rows(*TREE))
    names = {one.name_zh: one.code for one in items("ecology", rulebook=book)}
    assert {"林地比例", "裸地比例", "结构指数"} < set(names)
    assert "组分指数" not in names
    more = packaged().with_rows(rows("某省指标表,物种指数,生物多样性,1,,,,,2021-01-01,表3", *TREE))
    assert names.items() < {one.name_zh: one.code for one in items("ecology", rulebook=more)}.items()


@given(st.lists(st.integers(0, 100), min_size=3, max_size=3))
def test_a_tree_stays_between_its_leaves(values: list[int]) -> None:
    flat = tree(
        *(f"某表,指标{n},生物多样性,{w},,,,,2021-01-01,x" for n, w in enumerate(("0.2", "0.3", "0.5")))
    )
    found = flat.part("生物多样性", {f"指标{n}": value for n, value in enumerate(values)})
    assert min(values) <= found.value <= max(values)
