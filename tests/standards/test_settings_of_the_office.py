"""A setting of the office takes the place of a packaged one from its day on, in every function that reads one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from qingjian.rulebook import Row, Rulebook, packaged
from qingjian.standards import ecology
from qingjian.standards.air.index import daily
from qingjian.standards.emissions.means import WaterHour, water_day
from qingjian.standards.errors import InputError
from qingjian.standards.noise import day_and_night, zone
from qingjian.standards.surface_water import black_odorous, kernel
from qingjian.standards.surface_water.classification import classify
from qingjian.standards.surface_water.drinking_water import evaluate_source, reference_items
from qingjian.standards.surface_water.items import CLASSES
from qingjian.standards.surface_water.lakes import parameter_index
from qingjian.standards.surface_water.means import mean
from qingjian.standards.surface_water.stations import fluctuation

EARLIER, LATER = date(2026, 6, 1), date(2031, 6, 1)


def own(subject: str, item: str, value: str) -> Rulebook:
    row = {
        "standard": "本局规定", "edition": "1", "effective_from": "2030-01-01", "subject": subject, "item": item,
        "value": value, "confidence": "S", "source": "office",
    }  # fmt: skip
    return packaged().with_rows([Row.from_values("evaluation_parameters", row, override=True)])


def test_the_share_of_a_day_of_waste_water() -> None:
    book = own("water_day", "valid share", "100")
    hours = [WaterHour(10, 1)] * 20 + [WaterHour(None, 1)] * 4
    assert water_day(hours, rulebook=book.on(EARLIER)).value == 10
    assert water_day(hours, rulebook=book.on(LATER)).value is None


def test_what_a_quarter_needs() -> None:
    book = own("time_mean", "quarter samples", "3")
    assert mean([{"COD": 1}] * 2, "quarter", on=EARLIER, rulebook=book).valid
    assert not mean([{"COD": 1}] * 2, "quarter", on=LATER, rulebook=book).valid


def test_items_for_reference_only() -> None:
    book = own("drinking_water", "not assessed", "T")
    assert reference_items(EARLIER, rulebook=book) == {"T", "TN", "FC"}
    assert reference_items(LATER, rulebook=book) == {"T"}
    assert reference_items(date(2000, 1, 1), rulebook=book) == {"T", "TN", "FC"}


def test_the_threshold_of_a_fluctuation() -> None:
    book = own("fluctuation", "times the seven-day median", "5")
    assert fluctuation("COD", 30, [10, 10, 10], rulebook=book.on(EARLIER)).abnormal
    assert not fluctuation("COD", 30, [10, 10, 10], rulebook=book.on(LATER)).abnormal


def test_the_hours_of_a_day() -> None:
    book = own("noise_day", "valid day hours", "16")
    hours = dict.fromkeys(range(6, 20), 50)
    found = [day_and_night(hours, rulebook=book.on(day)).least_day_hours for day in (EARLIER, LATER)]
    assert found == [12, 16]


def test_a_newer_edition_of_the_ecological_index_changes_no_earlier_year() -> None:
    rows = []
    for row in packaged().rows("eqi", kind="weight"):
        values = dict(row.values) | {"effective_from": "2027-01-01", "edition": "2027", "value": "0.25"}
        rows.append(Row.from_values("eqi", values, override=True))
    book = packaged().with_rows(rows)
    parts = {"structure": 60, "function": 70, "diversity": 80, "stress": 20}
    before = ecology.quality(**parts)
    assert ecology.quality(**parts, rulebook=book.on(date(2026, 12, 31))).value == before.value
    assert ecology.quality(**parts, rulebook=book.on(date(2027, 12, 31))).value != before.value


def test_one_share_of_the_detection_limit_holds_in_every_function_of_water() -> None:
    book = own("class_evaluation", "non-detect factor", "1")
    for day, share in ((EARLIER, Decimal("0.5")), (LATER, Decimal(1))):
        held = book.on(day)
        assert mean([{"TP": "0.02L"}], on=day, rulebook=book).items["TP"].value == share * Decimal("0.02")
        assert classify({"TP": "0.02L"}, day, rulebook=book).items[0].value == share * Decimal("0.02")
        level, _row = parameter_index("TP", "0.02L", rulebook=held)
        assert level == parameter_index("TP", share * Decimal("0.02"), rulebook=held)[0]
        source = evaluate_source({"TP": "0.3L"}, day, rulebook=book)
        assert source.attained == (share < 1), "0.15 meets 0.2 of class Ⅲ, 0.3 does not"
        found = kernel.classes({"TP": [0.3]}, on=day, below_detection={"TP": [True]}, rulebook=book)
        assert found.cls[0] == CLASSES.index(classify({"TP": share * Decimal("0.3")}, day).cls)
        assert black_odorous.grade(ammonia="16L", rulebook=held).grade == ("mild" if share < 1 else "severe")


@pytest.mark.parametrize("value", ["30.01", "300", 500])
def test_more_oxygen_than_water_holds_is_an_error_everywhere(value: object) -> None:
    calls = (
        lambda: classify({"DO": value}, EARLIER),  # type: ignore[dict-item]
        lambda: mean([{"DO": value}], on=EARLIER),  # type: ignore[dict-item]
        lambda: evaluate_source({"DO": value}, EARLIER),  # type: ignore[dict-item]
        lambda: black_odorous.grade(oxygen=value),  # type: ignore[arg-type]
        lambda: kernel.classes({"DO": [float(str(value))]}, on=EARLIER),
    )
    for call in calls:
        with pytest.raises(InputError, match="DO"):
            call()
    assert classify({"DO": 30}, EARLIER).cls == "Ⅰ"
    assert classify({"DO": 31}, LATER, rulebook=own("possible_value", "DO", "40")).cls == "Ⅰ"


def test_the_level_of_a_whole_day_needs_hours() -> None:
    for count, valid in ((17, False), (18, True)):
        found = day_and_night(dict.fromkeys(range(count), 50))
        assert (found.hours, found.least_hours, found.whole_valid) == (count, 18, valid)


def test_advice_of_an_office_takes_the_place_of_the_standards_and_breaks_no_index() -> None:
    """It stands under the office's own document, beside the row of HJ 633: the page of the air must not fall over it."""
    rows = [
        row for row in packaged().rows("aqi_advice", date(2026, 11, 1)) if row["item"] in ("三级", "PM2.5")
    ]
    own = [
        Row.from_values(
            "aqi_advice",
            {**row.values, "standard": "清环办〔2026〕9号", "text_zh": "请戴口罩"},
            override=True,
        )
        for row in rows
    ]
    values = {"SO2": 5, "NO2": 20, "CO": 0.5, "O3_8h": 60, "PM10": 30, "PM2.5": 70}
    found = daily(values, on=date(2026, 11, 1), rulebook=packaged().with_rows(own))
    assert (found.aqi, found.category) == (110, "轻度污染")
    assert {found.effect.zh, found.advice.zh, found.sensitive_groups["PM2.5"].zh} == {"请戴口罩"}


def test_a_setting_under_another_document_breaks_no_zone() -> None:
    held = next(
        row for row in packaged().rows("evaluation_parameters") if row["item"] == "sudden night excess"
    )
    own = Row.from_values(
        "evaluation_parameters",
        {**held.values, "standard": "清环办〔2026〕9号", "value": "10", "effective_from": "2026-01-01"},
        override=True,
    )
    found = zone(
        "2类", night=45, night_maximum=61, on=date(2026, 11, 1), rulebook=packaged().with_rows([own])
    )
    assert (found.sudden_limit, found.sudden_attained) == (60, False)
