from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.standards.emissions.approach import Allowed, approaching, warning_rules
from qingjian.standards.errors import InputError

RULES = warning_rules("hour")
LIMIT = Decimal(100)
UPPER = Allowed(LIMIT)
OXYGEN = Allowed(lower=Decimal(5))
ACIDITY = Allowed(Decimal(9), Decimal(6))
DAYS = warning_rules("day")


def series(*values: float | None) -> list[Decimal | None]:
    return [None if value is None else Decimal(str(value)) for value in values]


def ramp(first: float, step: float, count: int = 12) -> list[Decimal | None]:
    return series(*(first + step * place for place in range(count)))


def test_a_sure_rise_close_below_the_limit_warns_and_says_when() -> None:
    found = approaching(ramp(60, 3), UPPER, RULES, unit="mg/L")
    assert (found.warns, found.share, found.slope, found.ahead) == (
        True,
        Decimal("93.0"),
        Decimal("3.0000"),
        Decimal("3.3"),
    )
    assert "预警" in found.trace.steps[-1].text.zh
    assert found.trace.confidence.value == "U"


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (ramp(20, 3), "未到预警线"),
        (ramp(90, 0), "没有显著上升"),
        (ramp(95, -1), "未到预警线|没有显著上升"),
        (ramp(68, 3.1), "已超限值"),
        (ramp(80, 0.1), "不预警"),
        (series(*[None] * 4, 70, 75, 80, 82, 84, 88, 90, 92), "有效数据不足"),
        ([*ramp(60, 3), None], "有效数据不足"),
        ([], "有效数据不足"),
    ],
)
def test_anything_less_is_silent_and_says_why(values, why: str) -> None:
    found = approaching(values, UPPER, RULES)
    assert not found.warns
    assert any(part in step.text.zh for part in why.split("|") for step in found.trace.steps)


def test_one_outlier_neither_makes_nor_hides_a_warning() -> None:
    steady = ramp(70, 0)
    steady[-1] = Decimal(99)
    assert not approaching(steady, UPPER, RULES).warns
    rising = ramp(60, 3)
    rising[3] = Decimal(5)
    assert approaching(rising, UPPER, RULES).warns


def test_noise_without_a_trend_seldom_warns() -> None:
    noise = np.random.default_rng(7).normal(85, 5, (400, 12)).round(1)
    warned = sum(approaching(series(*line.tolist()), UPPER, RULES).warns for line in noise if line[-1] <= 100)
    assert warned <= 400 * 0.03


@given(st.lists(st.none() | st.decimals(0, 200, places=1), max_size=30), st.integers(1, 6))
def test_scaling_values_and_limit_together_changes_nothing(values, factor: int) -> None:
    plain = approaching(values, UPPER, RULES)
    scaled = approaching(
        [None if one is None else one * factor for one in values], Allowed(LIMIT * factor), RULES
    )
    assert plain.warns == scaled.warns
    if plain.warns:
        assert RULES.share <= plain.share <= 100
        assert 0 <= plain.ahead <= RULES.horizon


def test_settings_come_from_the_rulebook_and_a_bad_limit_is_refused() -> None:
    assert (RULES.window, RULES.valid, RULES.horizon, RULES.in_a_row) == (12, 9, 6, 2)
    assert warning_rules("day").window == 7
    assert not approaching(ramp(60, 3), UPPER, replace(RULES, share=Decimal(95))).warns


@pytest.mark.parametrize("sides", [(), (Decimal(0),), (None, Decimal(-1)), (Decimal(6), Decimal(6))])
def test_a_bad_limit_is_refused(sides) -> None:
    with pytest.raises(InputError):
        Allowed(*sides)


def test_oxygen_falling_towards_its_limit_warns_and_says_when() -> None:
    found = approaching(series(6.3, 6.1, 5.9, 5.7, 5.5, 5.3, 5.1), OXYGEN, DAYS, unit="mg/L")
    assert (found.warns, found.side, found.share, found.slope, found.ahead) == (
        True,
        "lower",
        Decimal("98.0"),
        Decimal("-0.2000"),
        Decimal("1.5"),
    )
    assert any("下降" in step.text.zh for step in found.trace.steps)
    assert "≥5" in found.trace.steps[1].text.zh


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (series(5.0, 5.1, 5.2, 5.3, 5.4, 5.5, 5.6), "没有显著下降"),
        (series(9.0, 8.6, 8.2, 7.8, 7.4, 7.0, 6.6), "未到预警线"),
        (series(5.6, 5.5, 5.4, 5.3, 5.2, 5.1, 4.9), "已超限值"),
        (series(0.5, 0.4, 0.3, 0.2, 0.1, 0.1, 0), "已超限值"),
    ],
)
def test_oxygen_that_is_high_rising_or_gone_is_silent(values, why: str) -> None:
    found = approaching(values, OXYGEN, DAYS)
    assert (found.warns, found.side) == (False, "lower")
    assert why in found.trace.steps[-1].text.zh


@pytest.mark.parametrize(("step", "side"), [("0.15", "upper"), ("-0.15", "lower")])
def test_acidity_warns_on_the_side_it_moves_to(step: str, side: str) -> None:
    values = [Decimal("7.5") + Decimal(step) * (place + 3) for place in range(7)]
    found = approaching(values, ACIDITY, DAYS)
    assert (found.warns, found.side, found.share) == (True, side, Decimal("90.0"))


def test_a_fall_back_from_the_upper_end_of_a_range_is_no_warning() -> None:
    found = approaching(series(8.99, 8.97, 8.95, 8.93, 8.91, 8.89, 8.87), ACIDITY, DAYS)
    assert (found.warns, found.side) == (False, "upper")


@given(st.lists(st.none() | st.decimals(0, 200, places=1), max_size=20))
def test_what_warns_from_below_warns_mirrored_from_above(values) -> None:
    band = Allowed(Decimal(150), Decimal(50))
    mirrored = [None if one is None else 200 - one for one in values]
    one, other = approaching(values, band, RULES), approaching(mirrored, band, RULES)
    assert (one.warns, one.share, one.ahead) == (other.warns, other.share, other.ahead)
    if one.warns:
        assert {one.side, other.side} == {"upper", "lower"}
