from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.contracts.periods import SPANS, period_of

DAYS = st.dates(date(2000, 1, 1), date(2090, 12, 31))


@given(DAYS, st.sampled_from(SPANS))
def test_periods_cover_the_time_without_gap_or_overlap(day: date, span: str) -> None:
    period = period_of(span, day)
    assert period.first <= day <= period.last
    assert period.before().last == period.first - timedelta(days=1)
    assert period.after().first == period.last + timedelta(days=1)
    assert period_of(span, period.last) == period
    assert period.months[0] == period.first.replace(day=1)
    assert len(period.months) == {"day": 1, "month": 1, "quarter": 3, "year": 12}[span]
    assert period.year_before().first.year == period.first.year - 1


@given(DAYS, DAYS, st.sampled_from(SPANS))
def test_a_period_is_compared_as_far_as_it_has_gone(day: date, today: date, span: str) -> None:
    period = period_of(span, day).as_known_on(today)
    before = period.year_before()
    assert period.first <= period.known_last <= period.last
    assert before.first <= before.known_last <= before.last
    if period.first < today <= period.last:
        assert period.known_last == today - timedelta(days=1)
        assert abs((period.known_last - before.known_last).days - 365) <= 1
    else:
        assert (period.known_last, before.known_last) == (period.last, before.last)


@pytest.mark.parametrize(
    ("span", "day", "first", "last", "code", "title"),
    [
        ("day", date(2024, 2, 29), date(2024, 2, 29), date(2024, 2, 29), "2024-02-29", "2024年2月29日"),
        ("month", date(2024, 2, 5), date(2024, 2, 1), date(2024, 2, 29), "2024-02", "2024年2月"),
        ("quarter", date(2026, 11, 22), date(2026, 10, 1), date(2026, 12, 31), "2026Q4", "2026年第四季度"),
        ("year", date(2026, 11, 22), date(2026, 1, 1), date(2026, 12, 31), "2026", "2026年"),
    ],
)
def test_names_and_bounds(span: str, day: date, first: date, last: date, code: str, title: str) -> None:
    period = period_of(span, day)
    assert (period.first, period.last, period.code, period.title()["zh"]) == (first, last, code, title)


def test_a_leap_day_looks_back_to_28_february_and_an_unknown_kind_is_refused() -> None:
    assert period_of("day", date(2024, 2, 29)).year_before().first == date(2023, 2, 28)
    with pytest.raises(ValueError, match="week"):
        period_of("week", date(2024, 1, 1))
