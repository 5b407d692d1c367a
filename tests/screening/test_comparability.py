"""Units and thin histories: what makes a panel hard to compare is said, what does not is left alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from qingjian.screening.comparability import Doubt, doubts, in_known_units, without_odd_stretches
from qingjian.screening.context import fit_context
from qingjian.screening.panel import Panel, Parameter
from qingjian.screening.record import Record, history_record, join
from qingjian.screening.screen import learn_history

HISTORY, DAYS = 60, 40


@pytest.fixture
def whole(make_network: Callable[..., Panel]) -> Panel:
    """A hundred days of a network with a course of the day."""
    return make_network(HISTORY + DAYS)


def joined(history: Panel, panel: Panel) -> Record:
    return join(without_odd_stretches(history_record(history)), panel)


def parts(whole: Panel) -> tuple[Panel, Panel]:
    return whole.until(whole.first_day + HISTORY - 1), whole.since(DAYS)


def about(record: Record, found: tuple[Doubt, ...]) -> set[tuple[str, str]]:
    return {
        (
            record.stations[one.station].code,
            "" if one.parameter is None else record.parameters[one.parameter].code,
        )
        for one in found
    }


def test_days_told_twice_with_unlike_values_are_doubted_each_by_itself(whole: Panel) -> None:
    history, panel = parts(whole)
    counts = np.zeros((*panel.values.shape[:2], panel.days), np.int64)
    counts[1, 0, 5:9] = 6
    counts[0, 0, 5] = 2  # a few of a day say nothing
    (doubt,) = found = doubts(joined(history, replace(panel, unlike=counts)))
    record = joined(history, panel)
    assert about(record, found) == {(panel.stations[1].code, panel.parameters[0].code)}
    assert np.flatnonzero(doubt.days).tolist() == [HISTORY + day for day in range(5, 9)]
    assert "4 天" in doubt.zh
    early = replace(panel, unlike=counts).until(panel.first_day + 6)
    (known,) = doubts(joined(history, early))
    assert np.flatnonzero(known.days).tolist() == [HISTORY + 5, HISTORY + 6]


def test_an_honest_network_raises_no_doubt(whole: Panel) -> None:
    assert doubts(joined(*parts(whole))) == ()


def test_a_declared_unit_is_converted_with_resolution_and_limit(whole: Panel) -> None:
    known = [replace(one, unit="mg/m3") for one in whole.parameters[:1]]
    given = replace(whole, parameters=(replace(whole.parameters[0], unit="µg/m3"), *whole.parameters[1:]))
    panel, foreign = in_known_units(given, known)
    assert foreign == ()
    assert np.allclose(panel.values[:, 0], whole.values[:, 0] / 1000)
    assert np.array_equal(panel.values[:, 1:], whole.values[:, 1:], equal_nan=True)
    assert (panel.parameters[0].unit, panel.parameters[0].resolution) == ("mg/m3", 0.001)
    assert panel.parameters[0].limit == pytest.approx(0.075)
    assert "已换算" in panel.notes[0]
    assert given.values[0, 0, 0] == whole.values[0, 0, 0]  # what was given stays as it was


@pytest.mark.parametrize(
    ("history", "panel"),
    [("mg/L", "mg/l"), ("", "mg/L"), ("mg/L", " mg/L "), ("degC", "℃"), ("ug/m3", "μg/m³")],
)
def test_units_that_mean_the_same_or_are_not_stated_change_nothing(
    whole: Panel, history: str, panel: str
) -> None:
    given = replace(whole, parameters=(replace(whole.parameters[0], unit=panel), *whole.parameters[1:]))
    found, foreign = in_known_units(given, [replace(whole.parameters[0], unit=history)])
    assert foreign == ()
    assert found.values is given.values
    assert found.notes == ()


def test_a_unit_that_cannot_be_converted_is_named(whole: Panel) -> None:
    given = replace(whole, parameters=(replace(whole.parameters[0], unit="ppb"), *whole.parameters[1:]))
    assert in_known_units(given, [Parameter("DUST", unit="mg/m3")])[1] == (0,)


@pytest.mark.parametrize("factor", [1000.0, 10.0, 0.001])
def test_a_power_of_ten_that_nobody_declared(whole: Panel, factor: float) -> None:
    history, panel = parts(whole)
    values = panel.values.copy()
    values[1, 0] *= factor
    record = joined(history, replace(panel, values=values))
    (doubt,) = doubts(record)
    assert about(record, (doubt,)) == {("s1", "DUST")}
    assert doubt.days[record.panel_days].all()
    assert not doubt.days[record.history_days].any()
    assert f"10^{round(np.log10(factor))}" in doubt.note(record)
    assert doubt.note(record).startswith("s1 DUST：")


def test_a_unit_that_changes_in_the_middle_is_doubted_from_there(whole: Panel) -> None:
    history, panel = parts(whole)
    values = panel.values.copy()
    values[1, 0, 24 * 25 :] *= 1000
    record = joined(history, replace(panel, values=values))
    (doubt,) = doubts(record)
    assert np.flatnonzero(doubt.days).tolist() == list(range(HISTORY + 25, HISTORY + DAYS))


@pytest.mark.parametrize("factor", [0.4, 3.0, 30.0])
def test_a_slope_that_is_no_power_of_ten_is_no_unit(whole: Panel, factor: float) -> None:
    history, panel = parts(whole)
    values = panel.values.copy()
    values[1, 0] *= factor
    assert doubts(joined(history, replace(panel, values=values))) == ()


def test_a_few_days_are_not_enough_to_speak_of_units(whole: Panel) -> None:
    history, panel = parts(whole)
    values = panel.values.copy()
    values[1, 0, : 24 * 5] *= 1000
    assert doubts(joined(history, replace(panel, values=values))) == ()


def test_a_history_full_of_gaps_and_an_analyser_that_reports_every_four_hours(whole: Panel) -> None:
    history, panel = parts(whole)
    gappy, slow = history.values.copy(), history.values.copy()
    gappy[0, 0, np.random.default_rng(1).random(gappy.shape[2]) < 0.7] = np.nan
    slow[0, 0, np.arange(slow.shape[2]) % 4 != 0] = np.nan
    record = joined(replace(history, values=gappy), panel)
    found = doubts(record)
    assert about(record, found) == {("s0", "DUST")}
    assert "缺失多" in found[0].zh
    assert doubts(joined(replace(history, values=slow), panel)) == ()


@pytest.mark.parametrize("held", [20, 50])
def test_a_series_that_began_shortly_before_the_panel(whole: Panel, held: int) -> None:
    history, panel = parts(whole)
    values = history.values.copy()
    values[0, 0, : 24 * (HISTORY - held)] = np.nan
    record = joined(replace(history, values=values), panel)
    found = doubts(record)
    assert about(record, found) == ({("s0", "DUST")} if held == 20 else set())
    assert all(f"仅 {held} 天" in one.zh for one in found)


def test_a_history_that_stood_still(whole: Panel) -> None:
    history, panel = parts(whole)
    values = history.values.copy()
    values[3, 1] = 12.0
    record = joined(replace(history, values=values), panel)
    found = doubts(record)
    assert about(record, found) == {("s3", "NO2")}
    assert "同一数值" in found[0].zh


@pytest.mark.parametrize("factor", [1000.0, 0.001, 0.1])
def test_a_unit_that_changes_for_a_stretch_and_back(whole: Panel, factor: float) -> None:
    history, panel = parts(whole)
    values = panel.values.copy()
    values[1, 0, 24 * 14 : 24 * 27] *= factor
    record = joined(history, replace(panel, values=values))
    (doubt,) = found = doubts(record)
    assert about(record, found) == {("s1", "DUST")}
    assert np.flatnonzero(doubt.days).tolist() == list(range(HISTORY + 14, HISTORY + 27))


@pytest.mark.parametrize("days", [slice(0, 30), slice(30, 60), slice(15, 35)])
def test_a_unit_that_changes_within_the_history(whole: Panel, days: slice) -> None:
    history, panel = parts(whole)
    values = history.values.copy()
    values[1, 0, 24 * days.start : 24 * days.stop] /= 1000
    record = joined(replace(history, values=values), panel)
    found = doubts(record)
    assert any("历史中" in one.zh and one.days.sum() == DAYS for one in found)
    assert about(record, found) == {("s1", "DUST")}


def errors_of(history: Record, station: str, days: slice) -> float:
    """Usual error of what the context models expect of a station's dust on some days of the history they were fitted on."""
    models = fit_context(history)
    at = (
        [one.code for one in history.stations].index(station),
        [one.code for one in history.parameters].index("DUST"),
    )
    shaped = models.shaped(history)
    away = shaped[at] - models.expect(history, shaped, *at).expected
    return float(np.nanmedian(np.abs(away[24 * days.start : 24 * days.stop])))


def test_an_odd_stretch_of_a_history_teaches_nothing(make_network: Callable[..., Panel]) -> None:
    history, days = make_network(160), slice(40, 65)
    values = history.values.copy()
    values[np.random.default_rng(1).random(values.shape) < 0.05] = np.nan  # gaps, as every network has them
    clean = history_record(replace(history, values=values))
    values[1, 0, 24 * days.start : 24 * days.stop] /= 1000
    odd = history_record(replace(history, values=values))
    taught = without_odd_stretches(odd)
    (stretch,) = taught.odd
    assert (stretch.station, stretch.parameter, stretch.power) == ("s1", "DUST", -3)
    assert (stretch.first_day - history.first_day, stretch.last_day - history.first_day) == (40, 64)
    s, p = (
        [one.code for one in row].index(code)
        for row, code in ((odd.stations, "s1"), (odd.parameters, "DUST"))
    )
    assert np.isnan(taught.values[s, p, 24 * days.start : 24 * days.stop]).all()
    assert np.isfinite(taught.values[s, p, : 24 * days.start]).any()
    honest, far, near = (errors_of(one, "s1", slice(70, 110)) for one in (clean, odd, taught))
    assert near - honest < 0.3 * (far - honest)
    assert without_odd_stretches(clean) is clean


def test_the_fewer_of_two_units_teach_nothing(whole: Panel) -> None:
    history, _panel = parts(whole)
    values = history.values.copy()
    values[1, 0, : 24 * 45] /= 1000  # most of the history, and the end is what is left out
    taught = without_odd_stretches(history_record(replace(history, values=values)))
    (stretch,) = taught.odd
    assert (stretch.last_day - stretch.first_day + 1, stretch.power) == (15, 3)


def test_learning_leaves_odd_stretches_out(make_network: Callable[..., Panel]) -> None:
    history = make_network(90)
    values = history.values.copy()
    values[1, 0, 24 * 30 : 24 * 45] *= 1000
    learned = learn_history(replace(history, values=values), 600)
    assert learned is not None
    assert [one.station for one in learned.history.odd] == ["s1"]
