from datetime import date
from decimal import Decimal

import pytest

from qingjian.rulebook import packaged
from qingjian.standards import groundwater, soil
from qingjian.standards.errors import EditionError, InputError, UnitError
from qingjian.standards.quantity import Quantity

DAY = date(2026, 5, 1)
GROUND = packaged().rows("groundwater_limits")


def test_93_items_with_five_classes_each() -> None:
    items: dict[str, list[str]] = {}
    for row in GROUND:
        items.setdefault(row["pollutant_cn"], []).append(row["class"])
    assert len(items) == 93
    assert all(classes == ["Ⅰ", "Ⅱ", "Ⅲ", "Ⅳ", "Ⅴ"] for classes in items.values())
    assert len({row["pollutant_cn"] for row in GROUND if row.clause == "表1"}) == 39


def test_groundwater_tables_are_monotone() -> None:
    for name in {row["pollutant_cn"] for row in GROUND}:
        rows = [row for row in GROUND if row["pollutant_cn"] == name and row["op"] == "<="]
        limits = [Decimal(row["limit"]) for row in rows]
        assert limits == sorted(limits), name
        last = next(row for row in GROUND if row["pollutant_cn"] == name and row["class"] == "Ⅴ")
        if last["op"] == ">":
            assert Decimal(last["limit"]) == limits[-1], name


def test_every_limit_decides_at_and_beyond() -> None:
    for row in GROUND:
        if row["op"] != "<=":
            continue
        name, limit = row["pollutant_cn"], Decimal(row["limit"])
        place = groundwater.CLASSES.index(row["class"])
        assert groundwater.CLASSES.index(groundwater.classify({name: limit}, DAY).cls) <= place
        assert groundwater.CLASSES.index(groundwater.classify({name: limit * 2}, DAY).cls) > place


@pytest.mark.parametrize(
    ("ph", "cls"),
    [
        (7, "Ⅰ"),
        ("6.5", "Ⅰ"),
        ("8.5", "Ⅰ"),
        ("6.49", "Ⅳ"),
        ("5.5", "Ⅳ"),
        (9, "Ⅳ"),
        ("5.49", "Ⅴ"),
        ("9.01", "Ⅴ"),
        (0, "Ⅴ"),
    ],
)
def test_ph_of_groundwater(ph: object, cls: str) -> None:
    assert groundwater.classify({"pH": ph}, DAY).cls == cls  # type: ignore[dict-item]


def test_the_worst_item_decides() -> None:
    result = groundwater.classify(
        {
            "NH3-N": "0.6",
            "铁": "0.02",
            "嗅和味": "无",
            "LAS": "0.05L",
            "苯": Quantity("0.02", "mg/L"),
            "铜": None,
        },
        DAY,
    )
    assert (result.cls, result.decided_by, result.worse_than_iii) == ("Ⅳ", ("氨氮", "苯"), ("氨氮", "苯"))
    by_item = {item.item: item for item in result.items}
    assert by_item["氨氮"].multiple == Decimal("0.2")
    assert by_item["阴离子表面活性剂"].cls == "Ⅰ"
    assert "铜" in result.not_measured_regular
    assert len(result.not_measured_regular) == 39 - 5 + 0
    assert groundwater.classify({"阴离子表面活性剂": "0.05"}, DAY).cls == "Ⅱ"
    assert groundwater.classify({"肉眼可见物": "有"}, DAY).cls == "Ⅴ"
    assert groundwater.classify({"总α放射性": "0.6"}, DAY).cls == "Ⅳ"


@pytest.mark.parametrize(
    "bad", [{"pH": 15}, {"铁": -1}, {"铁": "x"}, {"黄金": 1}, {}, {"铁": 1, "Fe": 1}, {"嗅和味": "一点"}]
)
def test_bad_groundwater(bad: dict[str, object]) -> None:
    with pytest.raises(InputError):
        groundwater.classify(bad, DAY)  # type: ignore[arg-type]


def test_groundwater_units_and_editions() -> None:
    with pytest.raises(UnitError):
        groundwater.classify({"总大肠菌群": Quantity(3, "mg/L")}, DAY)
    with pytest.raises(EditionError):
        groundwater.classify({"铁": 1}, date(2018, 4, 30))
    assert groundwater.classify({"铁": "0.1"}, edition="2017").cls == "Ⅰ"


# --- soil


def farmland(use: soil.FarmUse, ph: object, **values: object) -> soil.SoilResult:
    return soil.agricultural(values, ph=ph, use=use, on=DAY)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("use", "ph", "item", "screening"),
    [
        ("水田", "5.5", "Cd", "0.3"), ("水田", "5.51", "Cd", "0.4"), ("水田", "6.5", "Cd", "0.4"), ("水田", "7.51", "Cd", "0.8"),
        ("其他", "7.5", "Cd", "0.3"), ("果园", "5", "Cd", "0.3"), ("果园", "5", "Cu", "150"), ("其他", "5", "Cu", "50"),
        ("水田", "5", "Cu", "50"), ("水田", "8", "Zn", "300"), ("其他", "8", "BaP", "0.55"), ("水田", "5", "HCHs", "0.10"),
    ],
)  # fmt: skip
def test_screening_values_by_acidity_and_crop(
    use: soil.FarmUse, ph: object, item: str, screening: str
) -> None:
    assert farmland(use, ph, **{item: 0}).items[0].screening == Decimal(screening)


def test_every_agricultural_row_is_reached() -> None:
    rows = packaged().rows("soil_limits_agri")
    reached: set[str] = set()
    for use in ("水田", "果园", "其他"):
        for ph in ("5", "6", "7", "8"):
            for item in {row["symbol"] for row in rows}:
                reached.update(row.id for row in farmland(use, ph, **{item: 1}).trace.rows)  # type: ignore[arg-type]
    assert reached == {row.id for row in rows}


def test_categories_of_farmland() -> None:
    assert farmland("水田", 5, Cd="0.3").category == "优先保护"
    safe = farmland("水田", 5, Cd="0.45", Pb=10)
    assert (safe.category, safe.decided_by) == ("安全利用", ("镉",))
    assert safe.items[0].multiple == Decimal("0.5")
    assert farmland("水田", 5, Cd="1.5").category == "安全利用"
    assert farmland("水田", 5, Cd="1.51").category == "严格管控"
    assert farmland("水田", 5, Cu=5000).category == "安全利用"
    assert farmland("水田", 5, 镉="0.2").category == "优先保护"


def test_control_values_are_above_screening_values() -> None:
    for use in ("水田", "果园", "其他"):
        for ph in ("5", "6", "7", "8"):
            for item in ("Cd", "Hg", "As", "Pb", "Cr"):
                found = farmland(use, ph, **{item: 0}).items[0]  # type: ignore[arg-type]
                assert found.control is not None
                assert found.control > found.screening


def test_construction_land() -> None:
    rows = packaged().rows("soil_limits_construction")
    assert len({row["pollutant_cn"] for row in rows}) == 85
    reached: set[str] = set()
    for name in {row["pollutant_cn"] for row in rows}:
        pairs = []
        for land in ("第一类用地", "第二类用地"):
            result = soil.construction({name: 0}, land=land, on=DAY)  # type: ignore[arg-type]
            reached.update(row.id for row in result.trace.rows)
            (item,) = result.items
            assert item.control is not None
            assert item.screening <= item.control
            pairs.append((item.screening, item.control))
        assert pairs[0][0] <= pairs[1][0], name
        assert pairs[0][1] <= pairs[1][1], name
    assert reached == {row.id for row in rows}


def test_background_of_arsenic() -> None:
    def category(value: object, **more: object) -> str:
        return soil.construction({"砷": value}, land="第一类用地", on=DAY, **more).category  # type: ignore[arg-type, dict-item]

    assert category(20) == "不超过筛选值"
    assert category(25) == "超过筛选值"
    assert category(25, background={"砷": 30}) == "不超过筛选值"
    assert category(35, background={"砷": 30}) == "超过筛选值"
    assert category(121) == "超过管制值"
    assert soil.construction({"CAS 7440-38-2": 1}, land="第一类用地", on=DAY).items[0].item == "砷"
    with pytest.raises(InputError):
        category(25, background={"铅": 30})


def test_bad_soil() -> None:
    for ph in (-1, 15):
        with pytest.raises(InputError):
            farmland("水田", ph, Cd=1)
    with pytest.raises(InputError):
        farmland("茶园", 5, Cd=1)  # type: ignore[arg-type]
    for values in ({}, {"U": 1}, {"Cd": -1}, {"Cd": 1, "镉": 1}):
        with pytest.raises(InputError):
            farmland("水田", 5, **values)
    with pytest.raises(UnitError):
        farmland("水田", 5, Cd=Quantity(1, "mg/L"))
    with pytest.raises(InputError):
        soil.construction({"黄金": 1}, land="第一类用地", on=DAY)
    with pytest.raises(InputError):
        soil.construction({"砷": 1}, land="公园", on=DAY)  # type: ignore[arg-type]
    with pytest.raises(EditionError):
        soil.agricultural({"Cd": 1}, ph=7, use="水田", on=date(2018, 7, 31))


def test_what_was_not_detected_has_no_multiple_and_a_coarse_method_is_told() -> None:
    coarse = groundwater.classify({"阴离子表面活性剂": "5L"}, DAY)
    assert coarse.cls == "Ⅰ"
    assert coarse.items[0].multiple is None
    assert coarse.worse_than_iii == ()
    told = " ".join(coarse.trace.lines("zh"))
    assert "检出限 5 高于Ⅲ类限值 0.3" in told
    assert "too coarse" in " ".join(coarse.trace.lines("en"))
    fine = groundwater.classify({"阴离子表面活性剂": "0.05L"}, DAY)
    assert (fine.cls, fine.items[0].multiple) == ("Ⅰ", None)
    assert "灵敏度" not in " ".join(fine.trace.lines("zh"))
    assert groundwater.classify({"阴离子表面活性剂": "0.6"}, DAY).items[0].multiple == 1
