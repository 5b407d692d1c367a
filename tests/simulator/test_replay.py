"""Moving a source by whole years: properties of the pure function."""

# ruff: noqa: DTZ001 - sources are in civil time without a zone

from datetime import datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qingjian.simulator.demo import Span, add_years, datasets, position

HOUR = timedelta(hours=1)
WHOLE = Span(datetime(2013, 3, 1), datetime(2015, 3, 1), HOUR, 12)
SHORT = Span(datetime(2011, 1, 1), datetime(2011, 11, 5, 19), HOUR, 15)
LEAPING = Span(datetime(2015, 3, 1), datetime(2017, 3, 1), HOUR, 10)
moments = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)).map(
    lambda at: at.replace(minute=0, second=0, microsecond=0)
)


@given(moments)
def test_whole_years_keep_month_day_and_hour(moment: datetime) -> None:
    at = position(WHOLE, moment)
    assert (at.time.month, at.time.hour) == (moment.month, moment.hour)
    assert at.time.day == moment.day or (at.repeated_leap_day and (moment.month, moment.day) == (2, 29))
    assert not at.restarted
    assert WHOLE.start <= at.time < WHOLE.end
    years = moment.year - at.time.year
    assert (years - WHOLE.shift_years) % WHOLE.years == 0
    assert at.wrapped == (years != WHOLE.shift_years or at.repeated_leap_day)


@given(st.sampled_from([WHOLE, SHORT, LEAPING]), moments)
def test_rows_are_inside_the_source_and_name_their_time(span: Span, moment: datetime) -> None:
    at = position(span, moment)
    assert 0 <= at.row < span.rows
    assert at.time == span.start + at.row * span.step


@given(st.sampled_from([WHOLE, SHORT, LEAPING]), moments)
def test_time_runs_on_row_by_row_inside_a_pass(span: Span, moment: datetime) -> None:
    here, following = position(span, moment), position(span, moment + span.step)
    assume(here.pass_number == following.pass_number)
    assume(not here.repeated_leap_day and not following.repeated_leap_day)
    leap = (moment.month, moment.day) in {(2, 28), (2, 29)}
    assert following.row == (here.row + 1) % span.rows or leap


@given(moments)
def test_a_short_source_starts_again_and_says_so(moment: datetime) -> None:
    at = position(SHORT, moment)
    offset = (moment - datetime(moment.year, 1, 1)) // HOUR
    assert at.row == offset % SHORT.rows or moment.year % 4 == 0
    assert at.restarted == (moment >= add_years(SHORT.end, moment.year - 2011))
    assert at.wrapped == (at.restarted or moment.year != 2026 or at.repeated_leap_day)


def test_leap_day_is_the_28th_where_the_source_has_none() -> None:
    at = position(WHOLE, datetime(2028, 2, 29, 7))
    assert at.time == datetime(2014, 2, 28, 7)
    assert at.repeated_leap_day
    assert at.wrapped
    kept = position(LEAPING, datetime(2028, 2, 29, 7))
    assert kept.time == datetime(2016, 2, 29, 7)
    assert not kept.repeated_leap_day


def test_leap_day_of_the_source_is_passed_over_in_a_common_year() -> None:
    assert position(LEAPING, datetime(2026, 2, 28, 23)).time == datetime(2016, 2, 28, 23)
    assert position(LEAPING, datetime(2026, 3, 1, 0)).time == datetime(2016, 3, 1, 0)


def test_first_pass_holds_late_2026_and_the_next_begins_where_it_ends() -> None:
    now = datetime(2026, 11, 21, 20)
    assert position(WHOLE, now).time == datetime(2014, 11, 21, 20)
    assert not position(WHOLE, now).wrapped
    assert position(WHOLE, datetime(2027, 2, 28, 23)).time == datetime(2015, 2, 28, 23)
    again = position(WHOLE, datetime(2027, 3, 1))
    assert again.row == 0
    assert again.pass_number == 1
    assert again.wrapped


@pytest.mark.parametrize("code", sorted(datasets()))
def test_every_packaged_source_is_in_its_first_pass_in_late_2026(code: str) -> None:
    at = position(datasets()[code].span, datetime(2026, 11, 21, 20))
    assert at.pass_number == 0


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (datetime(2016, 2, 29), datetime(2017, 1, 1)),
        (datetime(2016, 1, 2), datetime(2016, 1, 1)),
        (datetime(2016, 1, 1), datetime(2016, 1, 1, 0, 30)),
    ],
)
def test_impossible_spans_are_refused(start: datetime, end: datetime) -> None:
    with pytest.raises(ValueError, match=r"span|anniversary"):
        Span(start, end, HOUR, 1)


def test_aware_times_are_refused() -> None:
    with pytest.raises(ValueError, match="civil"):
        position(WHOLE, datetime.fromisoformat("2026-01-01T00:00:00+00:00"))
