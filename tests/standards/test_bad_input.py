"""What arrives in practice and must give a clear result or a clear error, across elements."""

from datetime import date, timedelta

import numpy as np
import pytest

from qingjian.rulebook import packaged
from qingjian.standards import names
from qingjian.standards.air.index import daily, hourly
from qingjian.standards.air.means import daily_maximum_8h, daily_mean
from qingjian.standards.air.statistics import by_day, yearly
from qingjian.standards.emissions.judgement import judge, limits_for
from qingjian.standards.errors import EvaluationError, InputError, UnitError
from qingjian.standards.evaluation import evaluate_case
from qingjian.standards.limits import applicable
from qingjian.standards.quantity import Quantity
from qingjian.standards.surface_water.classification import classify
from qingjian.standards.surface_water.items import item_name

DAY = {"SO2": 5, "NO2": 20, "CO": 0.5, "O3_8h": 60, "PM10": 30, "PM2.5": 70}


def test_duplicate_days_are_refused() -> None:
    first = date(2024, 1, 1)
    assert by_day([(first, 1), (first + timedelta(days=1), None)]) == {
        first: 1,
        first + timedelta(days=1): None,
    }
    with pytest.raises(InputError, match="day given twice: 2024-01-01"):
        by_day([(first, 1), (first, 1)])


def test_an_all_missing_day_has_no_value_and_does_not_enter_the_year() -> None:
    assert np.isnan(daily_mean(np.full(24, np.nan)))
    assert np.isnan(daily_maximum_8h(np.full(24, np.nan), limit=160)[0])
    year = {date(2023, 1, 1) + timedelta(days=n): 10.0 for n in range(365)}
    year[date(2023, 6, 1)] = float("nan")
    assert yearly("NO2", year, 2023).valid_days == 364


def test_leap_days() -> None:
    leap = {date(2024, 1, 1) + timedelta(days=n): 10.0 for n in range(366)}
    result = yearly("NO2", leap, 2024)
    assert (result.valid_days, result.days_in_period, result.valid_days_by_month[1]) == (366, 366, 29)
    assert daily(DAY | {"O3_1h": 70}, on=date(2024, 2, 29)).edition == "2012"


def test_editions_across_the_new_year_and_the_end_of_february_2026() -> None:
    for day, edition in [
        (date(2025, 12, 31), "2012"),
        (date(2026, 1, 1), "2012"),
        (date(2026, 2, 28), "2012"),
        (date(2026, 3, 1), "2026"),
        (date(2027, 1, 1), "2026"),
    ]:
        assert daily(DAY, on=day).edition == edition
    phases = {
        day: applicable("air", "PM10", on=day, category="二级", averaging_period="年平均")[0].upper
        for day in (date(2026, 2, 28), date(2026, 3, 1), date(2030, 12, 31), date(2031, 1, 1))
    }
    assert list(phases.values()) == [70, 60, 60, 50]


def test_one_comparable_basis_over_the_change() -> None:
    before = daily(DAY, on=date(2026, 2, 28), edition="2026")
    after = daily(DAY, on=date(2026, 3, 1))
    assert (before.aqi, before.edition) == (after.aqi, after.edition)


@pytest.mark.parametrize(
    "value", [-0.001, "-1", "", " ", "abc", "1.2.3", None, float("nan"), float("inf"), True, "1e400"]
)
def test_impossible_values_of_air_and_water(value: object) -> None:
    if value is None:
        assert hourly({"SO2": None, "NO2": 3}, on=date(2026, 5, 1)).missing
        return
    with pytest.raises(InputError) as error:
        hourly({"SO2": value}, on=date(2026, 5, 1))  # type: ignore[dict-item]
    assert error.value.zh != error.value.en
    with pytest.raises(InputError):
        classify({"COD": value}, date(2026, 5, 1))  # type: ignore[dict-item]


def test_mixed_units_are_converted_or_refused_never_guessed() -> None:
    day = date(2026, 5, 1)
    assert classify({"Hg": Quantity("0.04", "μg/L"), "COD": Quantity("0.015", "g/L")}, day).cls == "Ⅰ"
    for given in (Quantity(1, "mg/m3"), Quantity(1, "ppm"), Quantity(1, "kg"), Quantity(1, "")):
        with pytest.raises(UnitError):
            classify({"COD": given}, day)


def test_what_is_not_known_of_a_standard_is_said() -> None:
    limits = limits_for("TN", "day", date(2026, 5, 1), standards=[("GB 18918", "一级A", "")])
    said = "\n".join(judge(16, limits, on=date(2026, 5, 1)).trace.lines("en"))
    assert "numbers of the instantaneous limits not known" in said
    year = {date(2027, 1, 1) + timedelta(days=n): 10 for n in range(365)}
    assert "full text not yet compared" in "\n".join(yearly("NO2", year, 2027).trace.lines("en"))
    old = {date(2024, 1, 1) + timedelta(days=n): 10 for n in range(366)}
    assert "not yet compared" not in "\n".join(yearly("NO2", old, 2024).trace.lines("en"))


def test_factor_names_are_items_of_the_standards() -> None:
    book = packaged()
    air = {row["symbol"] for row in book.rows("ambient_air_limits")}
    assert set(names.AIR.values()) <= air
    assert [item_name(item) for item in names.SURFACE_WATER.values()] == list(names.SURFACE_WATER.values())
    emitted = {row["symbol"] for row in book.rows("emission_limits")} | {"Cu", "Se", "CN-"}
    assert set(names.FLUE_GAS.values()) <= emitted
    assert {"COD", "NH3-N", "TP", "TN", "pH", "SS"} <= set(names.WASTE_WATER.values())


def test_every_error_is_bilingual_and_a_value_error() -> None:
    error = EvaluationError("中文", "English")
    assert isinstance(error, ValueError)
    assert str(error) == "中文 / English"


@pytest.mark.parametrize(
    ("kind", "edition", "item", "others"),
    [
        ("aqi_daily", "HJ 633-2026", "PM10", {}),
        ("aqi_hourly", "HJ 633-2012", "PM25", {}),
        ("iaqi", "HJ 633-2026", "c", {"pollutant": "O3", "avg": "8h"}),
        ("composite_index", "2018 rule", "SO2", {"NO2": 1, "PM10": 1, "PM25": 1, "CO95": 1, "O3_90": 1}),
    ],
)
def test_a_gram_in_a_cubic_metre_is_no_air(kind: str, edition: str, item: str, others: dict) -> None:
    """A slip of the unit by a thousand must not pass for the worst air there is."""
    at, beyond = (
        evaluate_case({"kind": kind, "edition": edition, "inputs": {**others, item: value}})
        for value in (1_000_000, 1_000_000.1)
    )
    assert "outputs" in at
    assert "不能大于 1000000" in beyond["error"]
