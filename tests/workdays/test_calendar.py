"""The calendar: day by day against an independent package, tables with errors, coverage."""

from datetime import UTC, date, datetime, timedelta

import chinese_calendar
import pytest
from chinese_calendar.constants import holidays
from hypothesis import given
from hypothesis import strategies as st

from qingjian.workdays import DayKind, china_date, load, packaged_calendar, statutory_gaps

YEARS = range(min(holidays).year, max(holidays).year + 1)


@pytest.mark.parametrize("year", YEARS)
def test_every_day_agrees_with_chinesecalendar(year: int) -> None:
    calendar = packaged_calendar()
    day = date(year, 1, 1)
    while day.year == year:
        assert calendar.day(day).worked == chinese_calendar.is_workday(day), day
        assert calendar.day(day).known
        day += timedelta(days=1)


def test_2026_agrees_with_the_text_of_the_notice() -> None:
    """Days as the notice of 2025-11-04 states them, written down from its text."""
    off = [((1, 1), (1, 3)), ((2, 15), (2, 23)), ((4, 4), (4, 6)), ((5, 1), (5, 5))]
    off += [((6, 19), (6, 21)), ((9, 25), (9, 27)), ((10, 1), (10, 7))]
    worked = {date(2026, m, d) for m, d in ((1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10))}
    free = set()
    for first, last in off:
        day = date(2026, *first)
        while day <= date(2026, *last):
            free.add(day)
            day += timedelta(days=1)
    table = packaged_calendar().tables[2026]
    assert {d for d, (kind, _) in table.days.items() if kind is DayKind.WORK_IN_LIEU} == worked
    assert {d for d, (kind, _) in table.days.items() if kind is not DayKind.WORK_IN_LIEU} == free
    working = [d for n in range(365) if packaged_calendar().day(d := date(2026, 1, 1) + timedelta(n)).worked]
    assert len(working) == 248


def test_beyond_the_tables_nothing_is_known() -> None:
    calendar = packaged_calendar()
    assert not calendar.covers(date(2027, 1, 1))
    day = calendar.day(date(2027, 10, 1))
    assert not day.known
    assert day.kind is DayKind.WORKDAY
    assert "未收录" in day.zh()
    assert "no table" in day.en()


GOOD = "# year: 2027\n# title: 假想\n# issued: 2026-11-30\n# confidence: S\ndate,kind,name\n2027-01-01,holiday,元旦\n"


def test_import_gives_a_table_that_replaces_its_year() -> None:
    loaded = load("\ufeff" + GOOD.replace("\n", "\r\n"))
    assert loaded.errors == ()
    assert loaded.table is not None
    assert loaded.table.issued == date(2026, 11, 30)
    calendar = packaged_calendar().replacing(loaded.table)
    assert calendar.covers(date(2027, 1, 1))
    assert not calendar.day(date(2027, 1, 1)).worked
    assert calendar.version != packaged_calendar().version
    assert not packaged_calendar().covers(date(2027, 1, 1))


@pytest.mark.parametrize(
    ("row", "english"),
    [
        ("2027-13-01,holiday,x", "YYYY-MM-DD"),
        ("2027-01-01,party,x", "kind"),
        ("2026-01-01,holiday,x", "not in 2027"),
        ("2027-01-01,holiday,x", "twice"),
        ("2027-01-04,work_in_lieu,x", "weekend"),
        ("2027-01-02", "three columns"),
    ],
)
def test_each_wrong_row_is_named_with_its_line(row: str, english: str) -> None:
    loaded = load(GOOD + row + "\n")
    assert loaded.table is None
    (error,) = loaded.errors
    assert error.line == 7
    assert error.text == row
    assert english in error.en
    assert error.zh


@pytest.mark.parametrize(
    "text",
    [
        "",
        "date,kind,name",
        GOOD.replace("# year: 2027", ""),
        GOOD.replace("date,kind,name", "a,b"),
        GOOD.replace(": S", ": A"),
        GOOD.replace("2026-11-30", "soon"),
    ],
)
def test_wrong_heads_are_refused(text: str) -> None:
    loaded = load(text)
    assert loaded.table is None
    assert loaded.errors


@given(st.text(max_size=300))
def test_no_text_makes_the_import_raise(text: str) -> None:
    for candidate in (text, GOOD + text):
        loaded = load(candidate)
        assert (loaded.table is None) == bool(loaded.errors)


def test_the_natural_day_is_fixed_at_utc_plus_8() -> None:
    assert china_date(datetime(2026, 1, 1, 15, 59, 59, tzinfo=UTC)) == date(2026, 1, 1)
    assert china_date(datetime(2026, 1, 1, 16, 0, tzinfo=UTC)) == date(2026, 1, 2)
    with pytest.raises(ValueError, match="time zone"):
        china_date(datetime(2026, 1, 1))  # noqa: DTZ001


def test_no_packaged_year_lacks_a_public_holiday_and_an_empty_table_lacks_them_all() -> None:
    calendar = packaged_calendar()
    assert [year for year in calendar.years if statutory_gaps(calendar.tables[year])] == []
    empty = load("# year: 2028\ndate,kind,name\n").table
    assert empty is not None
    gaps = statutory_gaps(empty)
    assert len(gaps) == 10
    assert all(one.zh and one.en for one in gaps)
