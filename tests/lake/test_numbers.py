"""Exact decimals: the text of the wire comes back, the float is the nearest one."""

import math
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qingjian.lake import as_text, from_float, from_text
from qingjian.lake.numbers import decimal_of

PLAIN = st.from_regex(r"\A-?(0|[1-9][0-9]{0,9})(\.[0-9]{1,7})?\Z")


@given(st.lists(PLAIN, min_size=1, max_size=20))
def test_text_of_the_wire_comes_back(texts: list[str]) -> None:
    columns = from_text(pa.array(texts))
    written = columns.to_text()
    for text, back in zip(texts, written, strict=True):
        assert back == (text.removeprefix("-") if float(text) == 0 else text)
    assert columns.to_float().tolist() == [float(text) for text in texts]


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=20))
def test_every_finite_float_comes_back_exactly(values: list[float]) -> None:
    back = from_float(np.array(values)).to_float()
    for value, found in zip(values, back, strict=True):
        assert found == value if math.isfinite(value) else math.isnan(found)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("+1.5", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        (" 7 ", 7.0),
        ("007.10", 7.1),
        ("1e-3", 0.001),
        ("12345678901234567890.5", 12345678901234567890.5),
        ("-0.000", 0.0),
        ("999999999999999999", 999999999999999999.0),
    ],
)
def test_unusual_numbers_are_read(text: str, value: float) -> None:
    assert from_text(pa.array([text])).to_float()[0] == value


@pytest.mark.parametrize(
    "text", ["", None, "NaN", "inf", "--", "-", "+", ".", "1,5", "abc", "1.2.3", "0x10", "１２", "1_000"]
)
def test_what_is_no_number_is_null(text: str | None) -> None:
    assert not from_text(pa.array([text, "1"], pa.string())).valid[0]


@given(PLAIN, st.sampled_from(["1", "0.001", "1000", "-0.5", "1.8"]))
@example("1000000001.000000", "1000")
@example("3000000000000.0001", "1000")
def test_scaling_is_exact_up_to_eighteen_digits(text: str, scale: str) -> None:
    mantissa, decimals = decimal_of(scale)
    scaled = from_text(pa.array([text])).scaled(mantissa, decimals)
    expected = Decimal(text) * Decimal(scale)
    assert scaled.to_float()[0] == pytest.approx(float(expected), rel=1e-15)
    if abs(int(from_text(pa.array([text])).mantissa[0])) * abs(mantissa) <= 10**18:
        assert Decimal(scaled.to_text()[0] or "nan") == expected


def test_scaling_beyond_eighteen_digits_keeps_the_precision_of_a_float() -> None:
    assert from_text(pa.array(["999999999999999999"])).scaled(1000, 0).to_float()[0] == 1e21


def test_as_text_writes_signs_and_whole_numbers() -> None:
    assert [as_text(-5, 1), as_text(12, -2), as_text(1250, 2), as_text(0, 3)] == [
        "-0.5",
        "1200",
        "12.50",
        "0.000",
    ]
