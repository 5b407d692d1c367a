"""The catalogue names every item the standards know, once, in both languages, in a unit the standard takes."""

from __future__ import annotations

from datetime import date

import pytest

from qingjian.rulebook import packaged
from qingjian.standards import catalogue, groundwater, soil
from qingjian.standards.item_names import ITEM_NAMES
from qingjian.standards.names import SURFACE_WATER
from qingjian.standards.quantity import Quantity, unit_name
from qingjian.standards.surface_water import drinking_water
from qingjian.standards.surface_water.classification import classify

DAY = date(2026, 5, 1)


@pytest.mark.parametrize("element", catalogue.ELEMENTS)
def test_items_are_named_once_in_both_languages(element: str) -> None:
    items = catalogue.items(element)
    assert len({(one.medium, one.code) for one in items}) == len(items)
    assert len({(one.medium, one.name_zh) for one in items}) == len(items)
    for one in items:
        assert one.name_en == ITEM_NAMES[one.name_zh]
        assert (
            one.name_en.isascii()
            or one.name_en[0] in "αβγ"
            or "α" in one.name_en
            or "–" in one.name_en
            or "β" in one.name_en
        )
        assert unit_name(one.unit)
        assert len(one.unit) <= 20
        assert max(len(one.name_zh), len(one.name_en)) <= 60
        assert 0 <= one.decimals <= 8


def test_every_item_of_every_table_is_in_it() -> None:
    book = packaged()
    for element, table in (
        ("groundwater", "groundwater_limits"),
        ("soil", "soil_limits_agri"),
        ("soil", "soil_limits_construction"),
        ("drinking", "surface_water_limits"),
    ):
        names = {one.name_zh for one in catalogue.items(element)}
        rows = {row["pollutant_cn"] for row in book.rows(table) if row["symbol"] not in ("T", "Cr(VI)")}
        assert rows <= names, element
    assert len(catalogue.items("groundwater")) == 93
    assert len([one for one in catalogue.items("water") if one.regular]) == 23


def test_the_standards_take_every_item_by_its_name_and_unit() -> None:
    qualitative = groundwater.qualitative_items(DAY)
    assert qualitative == ("嗅和味", "肉眼可见物")
    for one in catalogue.items("groundwater"):
        given = "无" if one.name_zh in qualitative else Quantity("1", one.unit)
        assert groundwater.classify({one.name_zh: given}, DAY).items[0].item == one.name_zh
    for one in catalogue.items("water"):
        if one.regular and SURFACE_WATER[one.code] not in ("TN", "FC"):
            assert classify({SURFACE_WATER[one.code]: Quantity("5", one.unit)}, DAY).items
    farm = {row["pollutant_cn"] for row in packaged().rows("soil_limits_agri")}
    for one in catalogue.items("soil")[1:]:
        given = {one.name_zh: Quantity("0.01", one.unit)}
        found = (
            soil.agricultural(given, ph="7", use="其他", on=DAY)
            if one.name_zh in farm
            else soil.construction(given, land="第一类用地", on=DAY)
        )
        assert found.items[0].item == one.name_zh
    for one in catalogue.items("drinking"):
        if one.medium == "drinking_water" and one.name_zh != "取水量":
            assert drinking_water.evaluate_source({one.name_zh: Quantity("0", one.unit)}, DAY).attained


def test_items_for_reference_are_read_from_the_rulebook() -> None:
    assert drinking_water.reference_items(DAY) == {"T", "TN", "FC"}


def test_an_unknown_element_is_an_error() -> None:
    with pytest.raises(KeyError):
        catalogue.items("air")
