from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.standards.emissions.approach import approaching, warning_rules
from qingjian.standards.errors import InputError

RULES = warning_rules("hour")
LIMIT = Decimal(100)


def series(*values: float | None) -> list[Decimal | None]:
    return [None if value is None else Decimal(str(value)) for value in values]


def ramp(first: float, step: float, count: int = 12) -> list[Decimal | None]:
    return series(*(first + step * place for place in range(count)))


def test_a_sure_rise_close_below_the_limit_warns_and_says_when() -> None:
    found = approaching(ramp(60, 3), LIMIT, RULES, unit="mg/L")
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
    found = approaching(values, LIMIT, RULES)
    assert not found.warns
    assert any(part in step.text.zh for part in why.split("|") for step in found.trace.steps)


def test_one_outlier_neither_makes_nor_hides_a_warning() -> None:
    steady = ramp(70, 0)
    steady[-1] = Decimal(99)
    assert not approaching(steady, LIMIT, RULES).warns
    rising = ramp(60, 3)
    rising[3] = Decimal(5)
    assert approaching(rising, LIMIT, RULES).warns


def test_noise_without_a_trend_seldom_warns() -> None:
    noise = np.random.default_rng(7).normal(85, 5, (400, 12)).round(1)
    warned = sum(approaching(series(*line.tolist()), LIMIT, RULES).warns for line in noise if line[-1] <= 100)
    assert warned <= 400 * 0.03


@given(st.lists(st.none() | st.decimals(0, 200, places=1), max_size=30), st.integers(1, 6))
def test_scaling_values_and_limit_together_changes_nothing(values, factor: int) -> None:
    plain = approaching(values, LIMIT, RULES)
    scaled = approaching([None if one is None else one * factor for one in values], LIMIT * factor, RULES)
    assert plain.warns == scaled.warns
    if plain.warns:
        assert RULES.share <= plain.share <= 100
        assert 0 <= plain.ahead <= RULES.horizon


def test_settings_come_from_the_rulebook_and_a_bad_limit_is_refused() -> None:
    assert (RULES.window, RULES.valid, RULES.horizon, RULES.in_a_row) == (12, 9, 6, 2)
    assert warning_rules("day").window == 7
    assert not approaching(ramp(60, 3), LIMIT, replace(RULES, share=Decimal(95))).warns
    with pytest.raises(InputError):
        approaching(ramp(60, 3), Decimal(0), RULES)
