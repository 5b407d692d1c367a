"""The ranking of air: places are told apart by what they are, and only those with enough valid days are ranked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from qingjian.apps.evaluation import rankings
from qingjian.rulebook import packaged

CLEAN = {"PM2.5": 20.0, "PM10": 40.0, "SO2": 8.0, "NO2": 30.0, "CO": 0.6, "O3": 60.0}
DIRTY = {name: value * 3 for name, value in CLEAN.items()}
TODAY = date(2026, 11, 22)
OCTOBER = rankings.month_stretch(date(2026, 10, 1), TODAY)
NOVEMBER = rankings.month_stretch(date(2026, 11, 1), TODAY)


@pytest.fixture(autouse=True)
def _packaged(monkeypatch) -> None:
    monkeypatch.setattr(rankings, "rulebook", packaged)


def days_of(*places: tuple[int, date, int, dict[str, float]], gone: Sequence[str] = ()) -> Any:
    """Daily values of places from a day on."""

    def days(first: date, last: date) -> Iterator[Any]:
        for key, begin, count, used in places:
            for one in range(count):
                if first <= begin + timedelta(days=one) <= last:
                    yield key, begin + timedelta(days=one), used, frozenset(gone)

    return days


def ranked(days: Any, names: dict[int, str], stretch: rankings.Stretch) -> rankings.Ranking:
    return rankings._ranked(days, names, set(names), stretch)


def test_two_places_of_one_name_are_two_lines() -> None:
    names = rankings.distinct(
        {1: ("城关镇", "甲县", "a"), 2: ("城关镇", "乙县", "b"), 3: ("环保局", "甲县", "c")}
    )
    assert names == {1: "城关镇（甲县）", 2: "城关镇（乙县）", 3: "环保局"}
    days = days_of((1, NOVEMBER.first, 20, CLEAN), (2, NOVEMBER.first, 20, DIRTY))
    found = ranked(days, {1: names[1], 2: names[2]}, NOVEMBER)
    assert [(one.key, one.name, one.place.rank, one.days) for one in found.lines] == [
        (1, "城关镇（甲县）", 1, 20),
        (2, "城关镇（乙县）", 2, 20),
    ]
    assert found.lines[0].index.value < found.lines[1].index.value


def test_names_that_are_equal_in_one_region_are_told_apart_by_their_codes() -> None:
    assert rankings.distinct({1: ("环保局", "甲县", "A1"), 2: ("环保局", "甲县", "A2")}) == {
        1: "环保局（甲县·A1）",
        2: "环保局（甲县·A2）",
    }


def test_one_day_does_not_win_against_twenty() -> None:
    days = days_of((1, date(2026, 11, 20), 1, CLEAN), (2, NOVEMBER.first, 20, DIRTY))
    found = ranked(days, {1: "一日站", 2: "全月站"}, NOVEMBER)
    assert [(one.name, one.place.rank) for one in found.lines] == [("全月站", 1)]
    assert [(one.name, one.place, one.valid) for one in found.few] == [("一日站", None, 1)]
    assert (found.needed, found.left_out) == (15, [])


def test_the_pollutant_with_fewest_valid_days_decides() -> None:
    without = {name: value for name, value in CLEAN.items() if name != "PM2.5"}
    days = days_of(
        (1, date(2026, 10, 1), 29, without),
        (1, date(2026, 10, 30), 2, CLEAN),
        (2, date(2026, 10, 1), 31, DIRTY),
    )
    found = ranked(days, {1: "缺", 2: "全"}, OCTOBER)
    assert [one.key for one in found.lines] == [2]
    assert [(one.key, one.days, one.valid) for one in found.few] == [(1, 31, 2)]


@pytest.mark.parametrize(("count", "is_ranked"), [(27, True), (26, False)])
def test_a_finished_month_needs_the_valid_days_of_the_standard(count: int, is_ranked: bool) -> None:
    found = ranked(days_of((1, OCTOBER.first, count, CLEAN)), {1: "站"}, OCTOBER)
    assert bool(found.lines) is is_ranked
    assert found.needed == 27


def test_days_taken_out_by_events_do_not_count_as_missing() -> None:
    days = days_of((1, OCTOBER.first, 21, CLEAN), (1, date(2026, 10, 22), 10, CLEAN))
    dusty = days_of((1, date(2026, 10, 22), 10, DIRTY), gone=("PM10", "PM2.5"))

    def both(first: date, last: date) -> Iterator[Any]:
        yield from (one for one in days(first, last) if one[1] < date(2026, 10, 22))
        yield from dusty(first, last)

    (line,) = ranked(both, {1: "站"}, OCTOBER).lines
    assert (line.valid, line.whole is not None) == (31, True)
    assert line.index.value < line.whole.value


def test_a_finished_period_is_compared_with_the_whole_one_before_a_running_one_with_as_many_days() -> None:
    assert (
        rankings.Stretch(
            date(2026, 10, 1), date(2026, 10, 31), (date(2026, 9, 1), date(2026, 9, 30)), running=False
        )
        == OCTOBER
    )
    assert (
        rankings.Stretch(date(2026, 11, 1), TODAY, (date(2026, 10, 1), date(2026, 10, 22)), running=True)
        == NOVEMBER
    )
    march = rankings.month_stretch(date(2026, 3, 1), date(2026, 3, 31))
    assert march.earlier == (date(2026, 2, 1), date(2026, 2, 28))
    assert rankings.year_stretch(2025, TODAY) == rankings.Stretch(
        date(2025, 1, 1), date(2025, 12, 31), (date(2024, 1, 1), date(2024, 12, 31)), running=False
    )
    assert rankings.year_stretch(2026, TODAY).earlier == (date(2025, 1, 1), date(2025, 11, 22))


def test_movement_counts_places_that_were_ranked_before() -> None:
    september = date(2026, 9, 1)
    days = days_of(
        (1, september, 30, DIRTY),
        (1, OCTOBER.first, 31, CLEAN),
        (2, september, 61, {name: value * 2 for name, value in CLEAN.items()}),
        (3, september, 3, CLEAN),
        (3, OCTOBER.first, 31, DIRTY),
    )
    found = ranked(days, {1: "一", 2: "二", 3: "三"}, OCTOBER)
    assert [(one.key, one.place.rank, one.place.movement) for one in found.lines] == [
        (1, 1, 1),
        (2, 2, -1),
        (3, 3, None),
    ]
    assert [one.before is not None for one in found.lines] == [True, True, False]
