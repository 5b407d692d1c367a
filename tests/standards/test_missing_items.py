"""A verdict on a few items counts and names the basic items that are missing."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from qingjian.standards import soil
from qingjian.standards.groundwater import regular_items
from qingjian.standards.surface_water.drinking_water import evaluate_source

DAY = date(2026, 11, 10)


def said(result: Any) -> str:
    return "\n".join(step["zh"] for step in result.trace.to_dict()["steps"])


def test_a_surface_source_names_what_is_missing_of_tables_1_and_2() -> None:
    found = evaluate_source({"pH": "7.2", "铁": "0.1", "TN": "3", "苯": "0.001"}, DAY)
    assert (found.attained, found.basic, len(found.not_measured)) == (True, 26, 24)
    assert {"NH3-N", "锰"} <= set(found.not_measured)
    assert not {"pH", "铁", "TN", "苯"} & set(found.not_measured)
    assert "26 项基本项目中缺 24 项" in said(found)


def test_a_ground_source_names_the_regular_items() -> None:
    items = dict.fromkeys(regular_items(DAY), None)
    assert len(items) == 39
    found = evaluate_source({**items, "铁": "0.2"}, DAY, kind="ground")
    assert (found.basic, len(found.not_measured)) == (39, 38)
    assert "39 项基本项目中缺 38 项" in said(found)


@pytest.mark.parametrize("item", ["镉", "Cd"])
def test_farmland_has_eight_basic_items(item: str) -> None:
    found = soil.agricultural({item: "0.1"}, ph="6.0", use="水田", on=DAY)
    assert (found.basic, found.not_measured) == (8, ("汞", "砷", "铅", "铬", "铜", "镍", "锌"))
    assert "8 项基本项目中缺 7 项" in said(found)


def test_construction_land_has_45_and_says_nothing_when_none_is_missing() -> None:
    few = soil.construction({"砷": "1"}, land="第一类用地", on=DAY)
    assert (few.basic, len(few.not_measured)) == (45, 44)
    every = soil.construction(
        {"砷": "0.001", **dict.fromkeys(few.not_measured, "0.001")}, land="第一类用地", on=DAY
    )
    assert every.not_measured == ()
    assert "基本项目中缺" not in said(every)
