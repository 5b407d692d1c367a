from datetime import date
from decimal import Decimal

import pytest

from qingjian.rulebook import packaged
from qingjian.standards.errors import EditionError, InputError, UnitError
from qingjian.standards.quantity import Quantity
from qingjian.standards.surface_water.classification import classify
from qingjian.standards.surface_water.items import ASSESSED, CLASSES, class_index
from qingjian.standards.surface_water.rating import river_rating

DAY = date(2026, 5, 1)


def test_tables_are_complete_and_monotone() -> None:
    rows = packaged().rows("surface_water_limits", edition="2002")
    assert len(rows) == 206
    for symbol in (*ASSESSED, "TN", "FC"):
        for body in ("河流", "湖、库"):
            mine = [r for r in rows if r["symbol"] == symbol and (symbol != "TP" or body in r["condition"])]
            assert [r["class"] for r in mine] == list(CLASSES[:5]), symbol
            if symbol == "pH":
                continue
            limits = [Decimal(r["limit"]) for r in mine]
            assert limits == sorted(limits, reverse=symbol == "DO"), symbol


def test_each_limit_of_each_class_is_met_at_the_limit_and_broken_beyond() -> None:
    for row in packaged().rows("surface_water_limits", edition="2002"):
        if row["class"] not in CLASSES or row["op"] == "range":
            continue
        body = "lake" if "湖、库" in row["condition"] else "river"
        item = row["symbol"]
        limit = Decimal(row["limit"])
        step = limit / 1000
        worse = limit - step if item == "DO" else limit + step
        probe = {"pH": 7} if item in ("TN", "FC") else {}

        def cls(value: Decimal, item: str = item, body: str = body, probe: dict[str, int] = probe) -> int:
            result = classify({item: str(value)} | probe, DAY, water_body=body)  # type: ignore[arg-type]
            found = next(i for i in (*result.items, *result.apart) if i.item == item)
            return CLASSES.index(found.cls)

        assert cls(limit) <= CLASSES.index(row["class"])
        assert cls(worse) > CLASSES.index(row["class"])


def test_equal_limits_give_the_better_class() -> None:
    assert classify({"Cu": "1.0"}, DAY).cls == "Ⅱ"
    assert classify({"Hg": "0.0001"}, DAY).cls == "Ⅲ"


def test_worst_item_decides_and_says_why() -> None:
    result = classify({"DO": 7.1, "NH3-N": 2.57, "TP": 0.25, "COD": 18}, DAY)
    assert (result.cls, result.rating, result.decided_by) == ("劣Ⅴ", "重度污染", ("NH3-N",))
    assert result.main == ("NH3-N", "TP")
    text = "\n".join(result.trace.lines("zh"))
    assert "氨氮 2.57 mg/L 不满足 Ⅴ类 ≤2.0 mg/L → 劣Ⅴ类，超Ⅲ类 1.57 倍" in text
    assert "GB 3838-2002 表1" in text
    assert "NH3-N" in "\n".join(result.trace.lines("en"))


def test_main_pollutants_put_toxic_items_first_and_keep_three() -> None:
    result = classify({"COD": 100, "NH3-N": 9, "TP": 3, "Hg": 0.0005, "pH": 9.5, "DO": 1}, DAY)
    assert result.main[0] == "Hg"
    assert len(result.main) == 6
    assert result.main_first == result.main[:3]
    by_item = {i.item: i for i in result.items}
    assert by_item["COD"].multiple == 4
    assert by_item["pH"].multiple is None
    assert by_item["DO"].multiple is None


def test_multiples_name_their_baseline() -> None:
    result = classify({"NH3-N": 2.3}, DAY, baseline="Ⅳ")
    assert result.items[0].baseline == "Ⅳ"
    assert result.items[0].multiple is not None
    assert result.items[0].multiple.quantize(Decimal("0.01")) == Decimal("0.53")


def test_total_nitrogen_and_coliforms_are_reported_apart() -> None:
    result = classify({"TN": 9, "FC": 10**6, "pH": 7, "T": 20}, DAY)
    assert result.cls == "Ⅰ"
    assert [(i.item, i.cls) for i in result.apart] == [("TN", "劣Ⅴ"), ("FC", "劣Ⅴ")]
    with pytest.raises(InputError):
        classify({"TN": 1}, DAY)


def test_lakes_have_their_own_phosphorus() -> None:
    assert classify({"TP": 0.06}, DAY).cls == "Ⅱ"
    assert classify({"TP": 0.06}, DAY, water_body="lake").cls == "Ⅳ"


def test_non_detects_and_saturation() -> None:
    result = classify({"Hg": "0.0002L", "VP": "<0.002"}, DAY)
    assert result.cls == "Ⅲ"
    assert all(item.below_detection for item in result.items)
    assert "检出限偏高" in "\n".join(result.trace.lines())
    assert "检出限偏高" not in "\n".join(classify({"Hg": "0.00002L"}, DAY).trace.lines())
    assert classify({"DO": 7.0}, DAY).cls == "Ⅱ"
    assert classify({"DO": 7.0}, DAY, oxygen_saturation=91).cls == "Ⅰ"


def test_rounding_before_comparison_is_an_option() -> None:
    assert classify({"pH": "9.06"}, DAY).cls == "劣Ⅴ"
    rounded = classify({"pH": "9.06", "CODMn": "6.05", "NH3-N": "1.004"}, DAY, comparison="rounded")
    assert {item.item: item.cls for item in rounded.items} == {"pH": "Ⅰ", "CODMn": "Ⅲ", "NH3-N": "Ⅳ"}
    assert "pH = 9.06 → 9" in "\n".join(rounded.trace.lines())


def test_target() -> None:
    assert classify({"COD": 25}, DAY, target="Ⅳ").reached is True
    assert classify({"COD": 25}, DAY, target="III").reached is False
    assert classify({"COD": 25}, DAY).reached is None


@pytest.mark.parametrize(
    "bad",
    [
        {"pH": 14.5},
        {"pH": -0.1},
        {"COD": -1},
        {"COD": "abc"},
        {"化学需氧量": 5, "CODCr": 6},
        {"Unobtainium": 1},
        {},
        {"COD": None},
        {"T": 20},
    ],
)
def test_bad_input(bad: dict[str, object]) -> None:
    with pytest.raises(InputError):
        classify(bad, DAY)  # type: ignore[arg-type]


def test_units_dates_and_names() -> None:
    assert classify({"Hg": Quantity("0.05", "μg/L")}, DAY).cls == "Ⅰ"
    with pytest.raises(UnitError):
        classify({"Hg": Quantity(1, "mg/m³")}, DAY)
    with pytest.raises(EditionError):
        classify({"COD": 5}, date(2001, 1, 1))
    assert classify({"COD": 5}, edition="GB 3838-2002").cls == "Ⅰ"
    with pytest.raises(InputError):
        classify({"COD": 5}, DAY, water_body="sea")  # type: ignore[arg-type]
    assert [class_index(n) for n in ("Ⅲ", "III", "3", "Ⅲ类", "劣Ⅴ")] == [2, 2, 2, 2, 5]
    with pytest.raises(InputError):
        class_index("Ⅶ")


def test_main_pollutants_name_the_clause_and_the_limits_they_were_held_against() -> None:
    found = classify({"CODMn": "7.1", "TP": "0.35", "NH3-N": "0.2", "pH": "9.5"}, date(2026, 11, 1))
    (step,) = [one for one in found.trace.steps if "主要污染指标" in one.text.zh]
    assert "环办〔2011〕22号" in step.text.zh
    assert "GB 3838-2002 表1 Ⅲ类限值 6.0 ×0.18" in step.text.zh
    rows = [row for row in found.trace.rows if row.id in step.row_ids]
    assert {(row.standard, row["class"]) for row in rows} == {("GB 3838", "Ⅲ")}
    assert len(rows) == len(found.main) == 3
    plain = classify({"CODMn": "1"}, date(2026, 11, 1))
    assert found.trace.confidence == plain.trace.confidence, "naming them makes the class no less sure"
    assert not [one for one in plain.trace.steps if "主要污染指标" in one.text.zh]


def test_main_pollutants_of_a_river_name_shares_clause_and_limits() -> None:
    sections = [{"CODMn": "7.1", "TP": "0.1"}, {"CODMn": "8", "TP": "0.25"}, {"CODMn": "3", "TP": "0.1"}]
    found = river_rating(sections, date(2026, 11, 1))
    (step,) = [one for one in found.trace.steps if "断面占比" in one.text.zh]
    assert "环办〔2011〕22号" in step.text.zh
    assert "CODMn 66.7%、TP 33.3%" in step.text.zh
    rows = [row for row in found.trace.rows if row.id in step.row_ids]
    assert {(row["symbol"], row["class"], row["limit"]) for row in rows} == {
        ("CODMn", "Ⅲ", "6.0"),
        ("TP", "Ⅲ", "0.2"),
    }
