"""Clocks: a station whose course of the day is moved by hours is named, in the panel and within the history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from qingjian.screening.clocks import without_moved_clocks
from qingjian.screening.comparability import Doubt, doubts
from qingjian.screening.panel import FLAG_EMPTY, FLAG_NORMAL, Panel, Parameter, Station
from qingjian.screening.record import Record, history_record, join
from qingjian.screening.screen import Settings, learn_history, screen

HISTORY, DAYS = 60, 40


@pytest.fixture
def parts(make_network: Callable[..., Panel]) -> tuple[Panel, Panel]:
    """Sixty days of history and forty to screen, of a network with a course of the day."""
    whole = make_network(HISTORY + DAYS)
    return whole.until(whole.first_day + HISTORY - 1), whole.since(DAYS)


def joined(history: Panel, panel: Panel) -> Record:
    return join(without_moved_clocks(history_record(history)), panel)


def about(record: Record, found: tuple[Doubt, ...]) -> set[tuple[str, bool]]:
    return {(record.stations[one.station].code, one.parameter is None) for one in found}


def on_another_clock(panel: Panel, station: int, hours: int, first: int, beyond: int) -> Panel:
    """A panel with all factors of a station moved on some of its days."""
    values = panel.values.copy()
    inside = slice(24 * first, 24 * beyond)
    values[station, :, inside] = np.roll(values[station], hours, axis=1)[:, inside]
    return replace(panel, values=values)


@pytest.mark.parametrize("hours", [8, -8, 5])
def test_a_station_on_another_clock(parts: tuple[Panel, Panel], hours: int) -> None:
    history, panel = parts
    record = joined(history, on_another_clock(panel, 2, hours, 0, DAYS))
    (doubt,) = doubts(record)
    assert about(record, (doubt,)) == {("s2", True)}
    assert ("推迟" if hours > 0 else "提前") in doubt.zh
    assert f"{abs(hours)} h" in doubt.en


def test_one_factor_that_moved_is_no_clock(parts: tuple[Panel, Panel]) -> None:
    history, panel = parts
    values = panel.values.copy()
    values[2, 0] = np.roll(values[2, 0], 8)
    assert doubts(joined(history, replace(panel, values=values))) == ()


@pytest.mark.parametrize(("first", "beyond"), [(45, 60), (30, 60), (0, 20), (20, 40)])
@pytest.mark.parametrize("hours", [8, -5])
def test_a_clock_that_moves_within_the_panel(
    three_factors: tuple[Panel, Panel], first: int, beyond: int, hours: int
) -> None:
    history, panel = three_factors
    assert doubts(joined(history, panel)) == ()
    record = joined(history, on_another_clock(panel, 0, hours, first, beyond))
    (doubt,) = found = doubts(record)
    assert about(record, found) == {("s0", True)}
    assert f"{abs(hours)} h" in doubt.en
    wanted = np.zeros(60, bool)
    wanted[first:beyond] = True
    assert (doubt.days[record.panel_days] != wanted).sum() <= 2
    assert not doubt.days[record.history_days].any()


def test_one_factor_that_moved_for_a_stretch_is_no_clock(three_factors: tuple[Panel, Panel]) -> None:
    history, panel = three_factors
    values = panel.values.copy()
    values[0, 0, 24 * 30 :] = np.roll(values[0, 0], 8)[24 * 30 :]
    assert doubts(joined(history, replace(panel, values=values))) == ()


@pytest.mark.parametrize(
    ("first", "beyond"), [(0, 40), (0, 100), (30, 55), (90, 130), (120, 200), (185, 200)]
)
@pytest.mark.parametrize("hours", [8, -5, 12])
def test_a_clock_that_moves_within_the_history(
    three_factors: tuple[Panel, Panel], first: int, beyond: int, hours: int
) -> None:
    history, panel = three_factors
    honest = history_record(history)
    assert without_moved_clocks(honest) is honest
    odd = history_record(on_another_clock(history, 0, hours, first, beyond))
    taught = without_moved_clocks(odd)
    (moved,) = taught.moved
    assert (moved.station, abs(moved.hours)) == ("s0", abs(hours))
    assert moved.hours == hours or abs(hours) == 12
    edges = moved.first_day - history.first_day, moved.last_day + 1 - history.first_day
    assert max(abs(edges[0] - first), abs(edges[1] - beyond)) <= 2
    at = [one.code for one in taught.stations].index("s0")
    inside = slice(24 * edges[0], 24 * edges[1])
    assert np.isnan(taught.values[at, :, inside]).all()
    assert (taught.flags[at, :, inside] == FLAG_EMPTY).all()
    beside = [i for i in range(3) if i != at]
    assert np.array_equal(taught.values[beside], odd.values[beside])
    assert np.isfinite(np.delete(taught.values[at], np.r_[inside], axis=1)).all()
    record = join(taught, panel)
    (doubt,) = found = doubts(record)
    assert about(record, found) == {("s0", True)}
    assert doubt.days[record.panel_days].all()
    assert doubt.note(record).startswith("s0：历史中 ")
    assert f"{abs(hours)} h" in doubt.note(record)
    assert "分数已降低" in doubt.note(record)


def test_courses_of_one_wave_mix_to_a_wave_between_and_the_days_are_found_all_the_same() -> None:
    r = np.random.default_rng(5)
    hours = np.arange(100 * 24)
    values = np.stack(
        [20 + 6 * np.sin(hours / 24 * 2 * np.pi + p) + r.normal(0, 1.5, len(hours)) for p in range(2)]
    )
    panel = Panel(
        (Station("a", medium="water", parent="river"),),
        (Parameter("COD", resolution=0.1), Parameter("FLOW", resolution=0.1)),
        16_000 * 1440,
        60,
        values[None],
        np.full((1, *values.shape), FLAG_NORMAL, np.uint8),
    )
    (moved,) = without_moved_clocks(history_record(on_another_clock(panel, 0, 8, 30, 70))).moved
    assert (moved.first_day - panel.first_day, moved.last_day - panel.first_day) == (30, 69)
    assert moved.hours == 8


def test_one_factor_that_moved_within_the_history_teaches(three_factors: tuple[Panel, Panel]) -> None:
    history, _panel = three_factors
    values = history.values.copy()
    values[0, 0, 24 * 30 : 24 * 90] = np.roll(values[0, 0], 8)[24 * 30 : 24 * 90]
    record = history_record(replace(history, values=values))
    assert without_moved_clocks(record) is record


def test_seasons_that_move_the_course_by_two_hours_are_no_clock(three_factors: tuple[Panel, Panel]) -> None:
    history, _panel = three_factors
    r = np.random.default_rng(11)
    hours = np.arange(history.days * 24)
    season = np.sin(hours / len(hours) * 4 * np.pi)  # two years in the small
    values = history.values.copy()
    for p in range(3):
        course = np.sin((hours + 2 * season) % 24 / 24 * 2 * np.pi + p)
        values[:, p] = np.round(40 + (8 + 4 * season) * course + r.normal(0, 3, (3, len(hours))), 1)
    record = history_record(replace(history, values=values))
    assert without_moved_clocks(record) is record


def test_a_panel_on_the_clock_of_the_days_left_out_is_said_to_be_moved(
    three_factors: tuple[Panel, Panel],
) -> None:
    history, panel = three_factors
    record = joined(on_another_clock(history, 0, 8, 150, 200), on_another_clock(panel, 0, 8, 0, 60))
    found = doubts(record)
    assert about(record, found) == {("s0", True)}
    assert ["历史中" in one.zh for one in found] == [True, False]


def test_scores_are_lowered_and_the_result_says_why(three_factors: tuple[Panel, Panel]) -> None:
    history, panel = three_factors
    learned = learn_history(on_another_clock(history, 0, 8, 40, 90), 600)
    assert learned is not None
    assert [one.hours for one in learned.history.moved] == [8]
    result = screen(panel, learned, Settings(rehearsed_series_days=600))
    assert any(note.startswith("s0：历史中 ") and "time zone" in note for note in result.notes)
    assert max(day.score for day in result.days if day.station == "s0") <= 0.9
    assert max(day.score for day in result.days if day.station != "s0") > 0.9


def test_a_history_without_any_course_is_left_alone(make_network: Callable[..., Panel]) -> None:
    history = make_network(60)
    values = np.full(history.values.shape, np.nan)
    values[:, 0] = 5.0
    record = history_record(
        replace(history, values=values, flags=np.full(values.shape, FLAG_NORMAL, np.uint8))
    )
    assert without_moved_clocks(record) is record
