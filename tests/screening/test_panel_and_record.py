"""Panels on the grid, joined records, canonical order; bad input gives a clear answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from qingjian.screening.panel import (
    FLAG_CALIBRATION,
    FLAG_NORMAL,
    EmptyPanelError,
    Panel,
    PanelError,
    Parameter,
    Station,
    coarser,
    on_one_step,
    panel_from_records,
)
from qingjian.screening.record import alone, block_means, fine_block, history_record, join


def records(minutes: list[int], values: list[float]) -> Panel:
    n = len(minutes)
    zero = np.zeros(n, np.int64)
    return panel_from_records(
        [Station("a")],
        [Parameter("X")],
        zero,
        zero,
        np.array(minutes, np.int64),
        np.array(values, float),
        np.full(n, FLAG_NORMAL, np.uint8),
    )


def test_the_last_of_repeated_records_counts_and_is_noted() -> None:
    panel = records([0, 60, 60, 120], [1, 2, 3, 4])
    assert panel.values[0, 0, :3].tolist() == [1, 3, 4]
    assert panel.values.shape == (1, 1, 24)
    assert "1" in panel.notes[0]


def test_records_off_the_grid_are_taken_to_their_period_and_noted() -> None:
    panel = records([0, 60, 125, 180, 240], [1, 2, 3, 4, 5])
    assert panel.values[0, 0, 2] == 3
    assert len(panel.notes) == 1


def test_infinite_values_are_missing() -> None:
    assert np.isnan(records([0, 60, 120], [1, float("inf"), 2]).values[0, 0, 1])


def test_no_records_are_no_error_of_the_panel() -> None:
    with pytest.raises(EmptyPanelError, match="/"):
        records([], [])


@pytest.mark.parametrize(
    ("minutes", "step"),
    [
        ([0, 7, 14, 21], 6),
        ([0, 45, 90, 135], 30),
        ([0, 120, 240], 60),
        ([0, 1440 * 3, 1440 * 6], 60),
    ],
)
def test_odd_distances_are_put_on_the_next_finer_grid_and_noted(minutes: list[int], step: int) -> None:
    panel = records(minutes, [float(i) for i in range(len(minutes))])
    assert panel.step == step
    assert np.nanmax(panel.values) == len(minutes) - 1
    assert np.isfinite(panel.values).sum() == len(minutes)
    assert panel.notes


def test_a_step_can_be_given() -> None:
    panel = panel_from_records(
        [Station("a")],
        [Parameter("X")],
        np.zeros(2, np.int64),
        np.zeros(2, np.int64),
        np.array([0, 240]),
        np.array([1.0, 2.0]),
        np.ones(2, np.uint8),
        step=60,
    )
    assert panel.step == 60
    assert np.flatnonzero(np.isfinite(panel.values[0, 0])).tolist() == [0, 4]
    assert panel.notes == ()


def test_times_many_years_from_all_others_are_left_out_and_noted() -> None:
    late = 60 * 366 * 1440
    panel = records([0, late, late + 60, late + 120], [1, 2, 3, 4])
    assert panel.days == 1
    assert panel.values[0, 0, :3].tolist() == [2, 3, 4]
    assert len(panel.notes) == 1


@pytest.mark.parametrize("away", [-27, 5])
@pytest.mark.parametrize("step", [1, 60])
def test_a_few_records_with_a_wrong_year_do_not_stretch_the_grid(away: int, step: int) -> None:
    begin = 40 * 366 * 1440
    minutes = [begin + step * k for k in range(600)]
    panel = records([*minutes, begin + away * 366 * 1440], [1.0] * 601)
    assert panel.days == -(-600 * step // 1440)
    assert np.isfinite(panel.values).sum() == 600
    assert "1 条记录的时间" in panel.notes[0]


def test_a_network_that_was_silent_for_years_keeps_what_it_had() -> None:
    minutes = [60 * k for k in range(240)]
    panel = records([*minutes, *(5 * 366 * 1440 + m for m in minutes)], [1.0] * 480)
    assert np.isfinite(panel.values).sum() == 480
    assert panel.notes == ()


def test_times_told_twice_with_unlike_values_are_counted_by_day() -> None:
    minutes = [60 * k for k in range(48)]
    again = [60, 120, 180, 24 * 60 + 60]
    panel = records([*minutes, *again], [float(m) for m in minutes] + [1.0, 2.0, 180.0, 9.0])
    assert panel.unlike is not None
    assert panel.unlike.tolist() == [[[2, 1]]]
    assert panel.until(panel.first_day).unlike.tolist() == [[[2]]]
    assert panel.since(1).unlike.tolist() == [[[1]]]
    assert records([0, 60, 60], [1, 2, 2]).unlike is None
    assert records([0, 60, 60], [1, float("nan"), 2]).unlike is None


def test_values_no_instrument_reads_are_missing_and_noted() -> None:
    panel = records([0, 60, 120, 180], [1, 1e300, -1e13, 2])
    assert np.isnan(panel.values[0, 0, 1:3]).all()
    assert "2" in panel.notes[0]


def test_coarser_panels_keep_means_and_states() -> None:
    fine = records(list(range(0, 1440, 15)), [float(m) for m in range(96)])
    flags = fine.flags.copy()
    flags[0, 0, 4:8] = FLAG_CALIBRATION
    flags[0, 0, 8] = FLAG_CALIBRATION
    hourly = coarser(replace(fine, flags=flags), 60)
    assert hourly.step == 60
    assert hourly.values[0, 0, :3].tolist() == [1.5, 4.0, 10.0]
    assert hourly.flags[0, 0, :3].tolist() == [FLAG_NORMAL, FLAG_CALIBRATION, FLAG_NORMAL]
    with pytest.raises(ValueError, match="/"):
        coarser(hourly, 15)


def test_history_and_panel_of_different_steps_come_to_one(make_network: Callable[..., Panel]) -> None:
    fine = records(list(range(0, 1440, 15)), [1.0] * 96)
    history, panel = on_one_step(make_network(10), fine)
    assert history.step == panel.step == 60
    assert panel.notes
    assert join(history_record(history), panel).per_day == 24


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60])
def test_every_step_that_divides_an_hour_has_fine_and_hourly_values(step: int) -> None:
    minutes = list(range(0, 3 * 1440, step))
    record = history_record(records(minutes, [float(m) for m in minutes]))
    assert record.hourly.shape == (1, 1, 72)
    fine = record.fine(0, 0)
    assert len(fine) == 3
    assert 24 <= fine.shape[1] <= 96
    assert (60 // step) % fine_block(60 // step) == 0


def test_until_forgets_everything_later(make_network: Callable[..., Panel]) -> None:
    panel = make_network(20)
    cut = panel.until(panel.first_day + 4)
    assert cut.days == 5
    assert np.array_equal(cut.values, panel.values[:, :, : 5 * 24])
    assert panel.until(panel.first_day - 3).days == 0


def test_only_the_last_days_are_kept(make_network: Callable[..., Panel]) -> None:
    panel = make_network(20)
    last = panel.since(5)
    assert last.days == 5
    assert last.first_day == panel.first_day + 15
    assert np.array_equal(last.values, panel.values[:, :, 15 * 24 :])
    assert panel.since(50).days == 20


def test_order_and_names_do_not_change_a_record(make_network: Callable[..., Panel]) -> None:
    panel = make_network(20)
    one = history_record(panel)
    other = history_record(panel.reordered([2, 0, 3, 1], [2, 1, 0]))
    assert np.array_equal(one.values, other.values)
    assert [s.code for s in one.stations] == [s.code for s in other.stations]


def test_overlap_of_history_and_panel_is_panel(make_network: Callable[..., Panel]) -> None:
    history, panel = make_network(30), make_network(10, seed=6, first_day=16_025)
    record = join(history_record(history), panel)
    assert record.history_days.sum() == 25
    assert record.panel_days.sum() == 10
    assert any("重叠" in note for note in record.notes)


def test_a_panel_knows_stations_the_history_does_not(make_network: Callable[..., Panel]) -> None:
    history = history_record(make_network(30, stations=2))
    record = join(history, make_network(10, stations=4, first_day=16_030))
    assert len(record.stations) == 4
    assert np.isnan(record.values[2:, :, : 30 * 24]).all()


def test_different_steps_cannot_be_joined(make_network: Callable[..., Panel]) -> None:
    fine = records(list(range(0, 1440, 15)), [1.0] * 96)
    with pytest.raises(PanelError, match="步长"):
        join(history_record(make_network(10)), fine)


@pytest.mark.parametrize("years", [-30, 30])
def test_a_history_decades_away_is_joined_by_season(make_network: Callable[..., Panel], years: int) -> None:
    away = int(years * 365.25)
    record = join(history_record(make_network(20)), make_network(10, first_day=16_000 + away))
    assert record.days < 5 * 366
    assert record.panel_days.sum() == 10
    assert record.history_days.sum() == 20
    assert any("季节" in note for note in record.notes)


def test_a_panel_alone_is_its_own_reference(make_network: Callable[..., Panel]) -> None:
    record = alone(make_network(10))
    assert record.history_days.all()
    assert record.panel_days.all()


def test_block_means_skip_gaps() -> None:
    assert block_means(np.array([1.0, 3.0, np.nan, np.nan, np.nan, 5.0]), 2)[[0, 2]].tolist() == [2.0, 5.0]
    assert np.isnan(block_means(np.array([np.nan, np.nan]), 2))[0]


@pytest.mark.parametrize("hours", [24, 30, 180])
def test_a_clock_that_fell_back_for_days_stretches_no_grid(hours: int) -> None:
    long = list(range(0, 40 * 1440, 60))
    early = [minute - 26 * 365 * 1440 for minute in range(0, hours * 60, 60)]
    panel = records([*early, *long], [1.0] * (len(early) + len(long)))
    assert panel.days == 40
    assert str(hours) in panel.notes[0]


def test_two_long_stretches_years_apart_are_both_kept() -> None:
    one = list(range(0, 60 * 1440, 60))
    other = [minute + 4 * 365 * 1440 for minute in one]
    assert records([*one, *other], [1.0] * (2 * len(one))).days == 4 * 365 + 60


def test_what_is_declared_beside_the_flags_goes_where_the_values_go() -> None:
    past = records(list(range(0, 10 * 1440, 60)), [1.0] * 240)
    panel = records(list(range(10 * 1440, 14 * 1440, 60)), [2.0] * 96)
    declared = np.zeros(panel.flags.shape, np.uint8)
    declared[0, 0, 30:33] = FLAG_CALIBRATION
    panel = replace(panel, declared=declared)
    assert join(history_record(past), past).declared is None
    for part, first in ((panel, 0), (panel.until(12), 0), (panel.since(3), 24)):
        whole = join(history_record(past), part).declared
        begin = 240 + first
        assert np.flatnonzero(whole[0, 0]).tolist() == [270, 271, 272]
        assert np.isfinite(part.usable()).all()
        assert begin <= 270
    assert np.flatnonzero(alone(panel).declared[0, 0]).tolist() == [30, 31, 32]


def test_a_part_of_a_panel_names_only_what_was_repaired_in_it() -> None:
    minutes = np.r_[np.arange(30 * 24) * 60, 25 * 1440, 20 * 1440 + 7]
    values = np.r_[np.arange(30 * 24) % 7 + 1.0, 99.0, 98.0]
    values[29 * 24] = 1e13
    stations, parameters = (Station("s0"),), (Parameter("NO2"),)

    def panel(kept: np.ndarray) -> Panel:
        nothing = np.zeros(int(kept.sum()), np.int64)
        flags = np.ones(len(nothing), np.uint8)
        return panel_from_records(
            stations, parameters, nothing, nothing, minutes[kept], values[kept], flags, step=60
        )

    whole = panel(np.full(len(minutes), True))
    assert len(whole.notes) == 3
    for day in (10, 20, 24, 25, 29):
        assert whole.until(day).notes == panel(minutes < (day + 1) * 1440).notes, day
    assert whole.since(3).notes == panel(minutes >= 27 * 1440).notes
