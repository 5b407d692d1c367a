import random
from decimal import ROUND_CEILING, Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.standards.errors import InputError
from qingjian.standards.rounding import (
    ceil_integer,
    ceil_ratio,
    exceeds,
    round_interval,
    round_places,
    round_scaled,
    round_significant,
    to_scaled,
)


@pytest.mark.parametrize(
    ("text", "places", "result"),
    [
        ("60.5", 0, "60"),
        ("61.5", 0, "62"),
        ("60.50001", 0, "61"),
        ("0.25", 1, "0.2"),
        ("0.35", 1, "0.4"),
        ("1.005", 2, "1.00"),
        ("2.675", 2, "2.68"),
        ("-2.5", 0, "-2"),
        ("15.4546", 0, "15"),
        ("1250", -2, "12E+2"),
        ("1350", -2, "14E+2"),
    ],
)
def test_half_to_even_on_the_decimal_text(text: str, places: int, result: str) -> None:
    assert round_places(Decimal(text), places) == Decimal(result)


def test_significant_digits_and_intervals() -> None:
    assert round_significant(Decimal("0.0125"), 2) == Decimal("0.012")
    assert round_significant(Decimal("10.502"), 2) == Decimal("11")
    assert round_significant(Decimal("10.5"), 2) == Decimal("10")
    assert round_significant(Decimal(0), 3) == 0
    assert round_interval(Decimal("60.25"), Decimal("0.5")) == Decimal("60.0")
    assert round_interval(Decimal("60.38"), Decimal("0.5")) == Decimal("60.5")
    assert round_interval(Decimal("830"), Decimal("20")) == Decimal("840")
    with pytest.raises(ValueError, match="positive"):
        round_interval(Decimal(1), Decimal(0))
    with pytest.raises(ValueError, match="at least"):
        round_significant(Decimal(1), 0)


def test_every_representable_input_of_the_air_scale_agrees_with_decimal() -> None:
    """All concentrations 0.000–1300.000 with three decimals: floats → scaled integers → half to even, as Decimal does."""
    thousandths = np.arange(1_300_001, dtype=np.int64)
    floats = thousandths / 1000.0
    scaled = to_scaled(floats, 3)
    assert np.array_equal(scaled, thousandths)
    whole = round_scaled(scaled, 3)
    tenths = round_scaled(scaled, 2)
    ties = [int(n) for n in thousandths[thousandths % 500 == 0]] + [
        int(n) for n in thousandths[thousandths % 50 == 0]
    ]
    others = random.Random(3).sample(range(1_300_001), 20_000)
    for number in ties + others:
        exact = Decimal(number).scaleb(-3)
        assert whole[number] == int(round_places(exact, 0))
        assert tenths[number] == int(round_places(exact, 1).scaleb(1))
    # Between two ties nothing changes, so agreement at every tie and monotony are agreement everywhere.
    assert np.all(np.diff(whole) >= 0)
    assert np.all(np.diff(tenths) >= 0)


@given(st.integers(-(10**12), 10**12), st.integers(0, 6))
def test_scaled_rounding_is_decimal_rounding(number: int, drop: int) -> None:
    expected = int(round_places(Decimal(number).scaleb(-drop), 0))
    assert int(round_scaled(np.array([number]), drop)[0]) == expected


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**6))
def test_integer_ceiling_is_exact(numerator: int, denominator: int) -> None:
    expected = int((Decimal(numerator) / Decimal(denominator)).to_integral_value(rounding=ROUND_CEILING))
    if numerator % denominator == 0:
        expected = numerator // denominator
    assert int(ceil_ratio(np.array([numerator]), denominator)[0]) == expected


@given(st.decimals(min_value=-(10**6), max_value=10**6, places=6))
def test_floats_of_decimals_come_back_exactly(value: Decimal) -> None:
    assert int(to_scaled([float(value)], 6)[0]) == int(value.scaleb(6))


def test_what_cannot_be_scaled_is_refused() -> None:
    for bad in (float("nan"), float("inf"), 1e13):
        with pytest.raises(InputError):
            to_scaled([bad], 3)
    assert int(round_scaled(np.array([7]), -2)[0]) == 700


def test_ceiling_and_comparison_methods() -> None:
    assert ceil_integer(Decimal("50.0001")) == 51
    assert ceil_integer(Decimal("50")) == 50
    assert exceeds(Decimal("0.204"), Decimal("0.2"))
    assert not exceeds(Decimal("0.204"), Decimal("0.2"), places=2)
    assert exceeds(Decimal("0.206"), Decimal("0.2"), places=2)
