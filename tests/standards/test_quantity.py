from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.standards.errors import EvaluationError, InputError, UnitError
from qingjian.standards.quantity import Quantity, convert, decimal_of, measured, unit_name


@pytest.mark.parametrize("text", ["0.002L", "<0.002", "0.002 L", "0.002l", " <0.002 "])
def test_non_detects_count_half_the_detection_limit(text: str) -> None:
    item = measured(text, "Hg", "mg/L")
    assert item.value == Decimal("0.001")
    assert item.detection_limit == Decimal("0.002")
    assert item.is_below_detection
    assert not measured("0.002", "Hg", "mg/L").is_below_detection


def test_units_are_converted_exactly_or_refused() -> None:
    assert measured(Quantity("60", "ug/m3"), "CO", "mg/m³").value == Decimal("0.060")
    assert measured(Quantity("2L", "μg/L"), "Hg", "mg/L").value == Decimal("0.001")
    assert measured(Quantity(0.4, "m"), "SD", "cm").value == 40
    assert convert(Decimal(1), "m³/s", "L/s") == 1000
    for unit, wanted in [("ppb", "μg/m³"), ("mg/L", "mg/m³"), ("μSv", "nGy/h"), ("t", "m³"), ("", "mg/L")]:
        with pytest.raises(UnitError) as error:
            measured(Quantity(1, unit), "x", wanted)
        assert error.value.zh
        assert error.value.en
    assert unit_name("µg/m3") == "μg/m³"
    for hj212, usual in [
        ("毫克/立方米", "mg/m³"),
        ("纳克/立方米", "ng/m³"),
        ("毫克/升", "mg/L"),
        ("分贝", "dB(A)"),
    ]:
        assert unit_name(hj212) == usual
    for written, usual in [("mg/l", "mg/L"), ("ug/l", "μg/L"), ("mg/Nm3", "mg/m³"), ("mg/L", "mg/L")]:
        assert unit_name(written) == usual


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "abc",
        "ND",
        "未检出",
        "1,2",
        "1_000",
        "１２",
        "nan",
        "inf",
        True,
        float("nan"),
        float("-inf"),
        "L",
        "<",
        "--1",
    ],
)
def test_what_is_no_number_is_refused(bad: str | float) -> None:
    with pytest.raises(InputError):
        measured(bad, "x", "mg/L")


def test_bounds() -> None:
    with pytest.raises(InputError):
        measured(-0.1, "SO2", "μg/m³")
    with pytest.raises(InputError):
        measured("14.01", "pH", "无量纲", highest=Decimal(14))
    with pytest.raises(InputError):
        measured("0L", "Hg", "mg/L")
    with pytest.raises(InputError):
        decimal_of("1e99", "x")
    assert measured(0, "SO2", "μg/m³").value == 0
    assert measured("-1.5", "ΔEQI", "", lowest=None).value == Decimal("-1.5")


@given(st.text(max_size=12), st.text(max_size=6))
def test_any_text_gives_a_value_or_an_evaluation_error(text: str, unit: str) -> None:
    try:
        item = measured(Quantity(text, unit), "x", "mg/L")
    except EvaluationError:
        return
    assert item.value >= 0
