"""The whole screen on a small constructed network."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from qingjian.screening.learning import Learned
from qingjian.screening.panel import Panel, panel_from_records
from qingjian.screening.screen import LOWERED, Screening, Settings, learn_history, screen
from qingjian.screening.wording import KINDS

HISTORY_DAYS, PANEL_DAYS = 150, 60
EFFORT = 1_500  # rehearsed series-days: enough for a constructed network


def tampered(panel: Panel) -> Panel:
    """Station s1 DUST: a held value; s2 NO2: an earlier week replayed; s0 DUST: noise (instrument trouble)."""
    values = panel.values.copy()
    values[1, 0, 24 * 20 : 24 * 27] = 40
    values[2, 1, 24 * 40 : 24 * 47] = values[2, 1, 24 * 10 : 24 * 17]
    values[0, 0, 24 * 30 : 24 * 35] += np.random.default_rng(2).normal(0, 40, 120).round()
    return replace(panel, values=values)


@pytest.fixture(scope="module")
def network(make_network: Callable[..., Panel]) -> tuple[Panel, Panel]:
    """History and panel of one network."""
    whole = make_network(HISTORY_DAYS + PANEL_DAYS)
    history = whole.until(whole.first_day + HISTORY_DAYS - 1)
    cut = HISTORY_DAYS * 24
    panel = replace(
        whole,
        start=whole.start + HISTORY_DAYS * 1440,
        values=whole.values[:, :, cut:].copy(),
        flags=whole.flags[:, :, cut:].copy(),
    )
    return history, tampered(panel)


@pytest.fixture(scope="module")
def learned(network: tuple[Panel, Panel]) -> Learned:
    """What the history teaches."""
    found = learn_history(network[0], EFFORT)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def result(network: tuple[Panel, Panel], learned: Learned) -> Screening:
    """The screened panel."""
    return screen(network[1], learned)


def scores(result: Screening) -> dict[tuple[str, str, str], tuple[float, float]]:
    return {(d.station, d.parameter, d.day): (d.score, d.fault_score) for d in result.days}


def days_of(panel: Panel, first: int, beyond: int) -> list[str]:
    return [str(np.datetime64(panel.first_day + d, "D")) for d in range(first, beyond)]


def test_tampered_weeks_rank_above_nearly_all_clean_days(
    network: tuple[Panel, Panel], result: Screening
) -> None:
    found = scores(result)
    clean = [v[0] for k, v in found.items() if k[0] == "s3"]
    bound = np.quantile(clean, 0.9)
    for station, parameter, first in (("s1", "DUST", 21), ("s2", "NO2", 41)):
        for day in days_of(network[1], first, first + 5):
            assert found[station, parameter, day][0] > bound, (station, day)


def test_noise_is_rather_trouble_than_falsification(network: tuple[Panel, Panel], result: Screening) -> None:
    found = scores(result)
    noisy = [found["s0", "DUST", day] for day in days_of(network[1], 31, 34)]
    held = [found["s1", "DUST", day] for day in days_of(network[1], 21, 26)]
    assert np.mean([f for _, f in noisy]) > np.mean([f for _, f in held])
    assert np.mean([s for s, _ in noisy]) < np.mean([s for s, _ in held])


def test_findings_say_what_a_person_needs(result: Screening) -> None:
    held = next(f for f in result.findings if f.station == "s1" and f.parameter == "DUST")
    record = held.as_record()
    assert record["kind"] in KINDS
    assert held.evidence
    assert all(0 < e.p <= 0.02 for e in held.evidence)
    assert "需先排除" in str(record["text_zh"])
    assert "Rule out first" in str(record["text_en"])
    assert record["from"] <= record["to"]
    assert record["circumstances"] == list(KINDS[held.kind].circumstances)


def test_every_finding_can_be_drawn(network: tuple[Panel, Panel], result: Screening) -> None:
    panel = network[1]
    for finding in result.findings:
        plot = finding.plot
        assert plot is not None
        rows = (plot.values, plot.expected, plot.low, plot.high, *(row for _, row in plot.others))
        assert len({len(row) for row in rows}) == 1
        assert plot.marked == ((finding.first_day * 1440, (finding.last_day + 1) * 1440),)
        end = plot.start + plot.step * len(plot.values)
        assert plot.start <= plot.marked[0][0] < plot.marked[0][1] <= end
        known = [
            (a, b, c) for a, b, c in zip(plot.low, plot.expected, plot.high, strict=True) if b is not None
        ]
        assert known
        assert all(low <= middle <= high for low, middle, high in known)
        at = (plot.marked[0][0] - plot.start) // 60
        s, p = (
            [x.code for x in group].index(code)
            for group, code in ((panel.stations, finding.station), (panel.parameters, finding.parameter))
        )
        if plot.step == 60:
            first = (finding.first_day - panel.first_day) * 24
            assert plot.values[at] == panel.values[s, p, first]
    assert json.loads(json.dumps([f.as_record() for f in result.findings], allow_nan=False))


def test_scores_lie_in_the_unit_interval_and_cover_every_day(
    network: tuple[Panel, Panel], result: Screening
) -> None:
    assert len(result.days) == 4 * 2 * PANEL_DAYS
    assert all(0 <= d.score <= 1 and 0 <= d.fault_score <= 1 for d in result.days)
    assert all(0 <= m.score <= 1 for m in result.months)
    assert {m.month for m in result.months} >= {m.day[:7] for m in result.days[:1]}


def test_order_and_names_of_stations_do_not_matter(network: tuple[Panel, Panel], result: Screening) -> None:
    history, panel = network
    order, parameters = [2, 0, 3, 1], [1, 2, 0]
    renamed = {s.code: f"z{9 - i}" for i, s in enumerate(panel.stations)}

    def shuffled(p: Panel) -> Panel:
        moved = p.reordered(order, parameters)
        return replace(
            moved, stations=tuple(replace(s, code=renamed[s.code], name="x") for s in moved.stations)
        )

    other = screen(shuffled(panel), learn_history(shuffled(history), EFFORT))
    months = [{(m.station, m.parameter, m.month): m.score for m in r.months} for r in (result, other)]
    assert {(renamed[s], p, m): v for (s, p, m), v in months[0].items()} == months[1]
    assert {(renamed[s], p, d): v for (s, p, d), v in scores(result).items()} == scores(other)


def test_streaming_equals_batch_restricted_to_what_was_known(
    network: tuple[Panel, Panel], learned: Learned
) -> None:
    panel = network[1]
    day = panel.first_day + 33
    later = panel.values.copy()
    later[:, :, 34 * 24 :] = 999.0
    stream = screen(replace(panel, values=later).until(day), learned)
    batch = screen(panel.until(day), learned)
    assert stream == batch  # days, months, findings with their plots, notes: bit for bit
    assert stream.findings
    assert max(d.day for d in stream.days) == str(np.datetime64(day, "D"))


def test_a_stream_of_records_says_the_same_as_the_panel_cut_at_that_day(
    network: tuple[Panel, Panel], learned: Learned
) -> None:
    """What arrived by the end of day t, put on the grid as records, against the whole panel restricted to t."""
    panel = network[1]
    day = panel.first_day + 20
    s, p, t = (part.ravel() for part in np.indices(panel.values.shape))
    minute = panel.start + t * panel.step
    known = (minute < (day + 1) * 1440) & np.isfinite(panel.values.ravel())
    arrived = panel_from_records(
        panel.stations,
        panel.parameters,
        s[known],
        p[known],
        minute[known],
        panel.values.ravel()[known],
        panel.flags.ravel()[known],
    )
    stream, batch = screen(arrived, learned), screen(panel.until(day), learned)
    assert stream == batch
    assert stream.days


def test_screening_again_gives_the_same(
    network: tuple[Panel, Panel], learned: Learned, result: Screening
) -> None:
    assert screen(network[1], learned) == result


def test_without_history_claims_are_lowered_and_it_is_said(network: tuple[Panel, Panel]) -> None:
    found = screen(network[1], None, Settings(rehearsed_series_days=EFFORT))
    assert found.days
    assert max(d.score for d in found.days) <= LOWERED
    assert any("没有可用的历史数据" in note for note in found.notes)
    assert all(f.confidence == "low" for f in found.findings if not f.other_station)


def test_a_new_station_is_measured_with_the_others_at_lower_confidence(
    network: tuple[Panel, Panel], learned: Learned, make_network: Callable[..., Panel]
) -> None:
    panel = network[1]
    extra = make_network(PANEL_DAYS, seed=77, stations=1, first_day=panel.first_day)
    values = np.concatenate([panel.values, extra.values])
    stations = (*panel.stations, replace(extra.stations[0], code="new"))
    found = screen(
        replace(panel, stations=stations, values=values, flags=np.ones(values.shape, np.uint8)), learned
    )
    assert max(d.score for d in found.days if d.station == "new") <= LOWERED
    assert any(note.startswith("new DUST") for note in found.notes)


def test_a_replayed_week_is_named_as_such(network: tuple[Panel, Panel], result: Screening) -> None:
    days = days_of(network[1], 41, 46)
    kinds = {d.day: d.kind for d in result.days if (d.station, d.parameter) == ("s2", "NO2")}
    assert [kinds[day] for day in days] == ["copy_period"] * 5


def test_clean_data_stay_near_the_budget(
    make_network: Callable[..., Panel], network: tuple[Panel, Panel], learned: Learned
) -> None:
    whole = make_network(HISTORY_DAYS + PANEL_DAYS)
    found = screen(whole.since(PANEL_DAYS), learned, Settings(1.0))
    assert len(found.findings) <= 2 * 4 * PANEL_DAYS / 30.4


def test_a_budget_decides_how_many_findings_there_are(network: tuple[Panel, Panel], learned: Learned) -> None:
    strict = screen(network[1], learned, Settings(0.05))
    loose = screen(network[1], learned, Settings(20))
    covered = [sum(f.last_day - f.first_day + 1 for f in r.findings) for r in (strict, loose)]
    assert covered[0] < covered[1]


@pytest.mark.parametrize("harm", ["empty", "constant", "gappy", "unit", "shift"])
def test_bad_panels_give_a_clear_result(network: tuple[Panel, Panel], learned: Learned, harm: str) -> None:
    history, panel = network
    values = panel.values.copy()
    if harm == "empty":
        assert learn_history(replace(history, values=np.full(history.values.shape, np.nan)), EFFORT) is None
        values[0, 0] = np.nan
    elif harm == "constant":
        values[0, 0] = 12.0
    elif harm == "gappy":
        values[0, 0, np.random.default_rng(1).random(values.shape[2]) < 0.7] = np.nan
    elif harm == "unit":
        values[0, 0] *= 1000
    else:
        values[0] = np.roll(values[0], 8, axis=1)
    found = screen(replace(panel, values=values), learned)
    own = [d for d in found.days if (d.station, d.parameter) == ("s0", "DUST")]
    assert all(np.isfinite(d.score) for d in own)
    assert len(own) <= 4 if harm == "empty" else len(own) == PANEL_DAYS
    said = [note for note in found.notes if note.startswith("s0")]
    if harm in ("unit", "shift"):
        assert len(said) == 1
        assert ("单位" in said[0]) if harm == "unit" else ("时区" in said[0])
        assert max(d.score for d in own) <= LOWERED
        claims = [f for f in found.findings if (f.station, f.parameter) == ("s0", "DUST")]
        assert all(f.confidence == "low" for f in claims)
        months = [m.score for m in found.months if (m.station, m.parameter) == ("s0", "DUST")]
        assert max(months) <= LOWERED
        assert max(d.score for d in found.days if d.station == "s2") > LOWERED  # the others claim as ever
    else:
        assert said == []


def test_a_history_that_teaches_little_lowers_the_claims_and_it_is_said(
    network: tuple[Panel, Panel],
) -> None:
    """One series began twenty days before the panel, one stood still, one is full of gaps."""
    history, panel = network
    values = history.values.copy()
    values[0, 0, : -24 * 20] = np.nan
    values[3, 1] = 30.0
    values[2, 0, np.random.default_rng(1).random(values.shape[2]) < 0.7] = np.nan
    found = screen(panel, learn_history(replace(history, values=values), EFFORT))
    for station, parameter, word in (
        ("s0", "DUST", "20 天"),
        ("s3", "NO2", "同一数值"),
        ("s2", "DUST", "缺失多"),
    ):
        own = [d for d in found.days if (d.station, d.parameter) == (station, parameter)]
        assert len(own) == PANEL_DAYS
        assert max(d.score for d in own) <= LOWERED
        (note,) = [one for one in found.notes if one.startswith(f"{station} {parameter}：")]
        assert word in note
        assert "scores lowered" in note
    assert not any(note.startswith("s1") for note in found.notes)


def in_milligrams(learned: Learned, code: str) -> Learned:
    """What was learned, from a history that declares one of its factors in mg/m3."""
    parameters = tuple(
        replace(one, unit="mg/m3") if one.code == code else one for one in learned.history.parameters
    )
    return replace(learned, history=replace(learned.history, parameters=parameters))


def test_a_declared_change_of_unit_changes_nothing(
    network: tuple[Panel, Panel], learned: Learned, result: Screening
) -> None:
    panel = network[1]
    stated = in_milligrams(learned, "DUST")
    values = panel.values.copy()
    values[:, 0] *= 1000
    other = replace(panel.parameters[0], unit="µg/m3", resolution=1000.0, limit=75_000.0)
    found = screen(replace(panel, values=values, parameters=(other, *panel.parameters[1:])), stated)
    assert len(found.days) == len(result.days)
    for one, before in zip(found.days, result.days, strict=True):
        assert (one.station, one.parameter, one.day) == (before.station, before.parameter, before.day)
        assert one.score == pytest.approx(before.score, abs=1e-6)
    assert any("已换算" in note for note in found.notes)
    assert not any("降低" in note for note in found.notes)


def test_a_unit_that_cannot_be_converted_makes_the_factor_its_own_reference(
    network: tuple[Panel, Panel], learned: Learned
) -> None:
    panel = network[1]
    stated = in_milligrams(learned, "NO2")
    given = tuple(replace(one, unit="ppb") if one.code == "NO2" else one for one in panel.parameters)
    found = screen(replace(panel, parameters=given), stated, Settings(1.0, EFFORT))
    assert any("NO2" in note and "无法换算" in note for note in found.notes)
    assert max(d.score for d in found.days if d.parameter == "NO2") <= LOWERED
    assert max(d.score for d in found.days if d.parameter == "DUST") > LOWERED


def test_a_context_column_the_history_lacks_is_left_out_and_lowers_nothing(
    network: tuple[Panel, Panel], learned: Learned, result: Screening
) -> None:
    panel = network[1]
    extra = np.concatenate([panel.values, panel.values[:, 2:]], axis=1)
    parameters = (*panel.parameters, replace(panel.parameters[2], code="RAIN"))
    found = screen(
        replace(panel, parameters=parameters, values=extra, flags=np.ones(extra.shape, np.uint8)), learned
    )
    assert scores(found) == scores(result)
    assert [note for note in found.notes if "RAIN" in note]
    assert not any("没有可用的历史数据" in note for note in found.notes)


def test_a_panel_of_a_few_days_without_history_says_that_nothing_can_be_scored(
    network: tuple[Panel, Panel],
) -> None:
    found = screen(network[1].until(network[1].first_day + 6), None, Settings(rehearsed_series_days=EFFORT))
    assert found.days == ()
    assert any("无法评分" in note for note in found.notes)


def test_a_factor_the_history_does_not_hold_is_its_own_reference_and_said(
    network: tuple[Panel, Panel], learned: Learned, result: Screening
) -> None:
    panel = network[1]
    parameters = (*panel.parameters[:-1], replace(panel.parameters[-1], code="NEW"))
    found = screen(replace(panel, parameters=parameters), learned, Settings(1.0, EFFORT))
    assert any("NEW" in note and "历史数据中没有因子" in note for note in found.notes)
    assert {one.parameter for one in found.days} <= {one.code for one in parameters}
    known = {one.code for one in panel.parameters[:-1]}
    measured = {one.parameter for one in result.days}
    assert known & measured <= {one.parameter for one in found.days}
    both = [(one.station, one.parameter, one.day) for one in found.days]
    assert len(both) == len(set(both))


def test_stations_alike_in_the_history_do_not_depend_on_order_or_names(network: tuple[Panel, Panel]) -> None:
    history, panel = network
    values = history.values.copy()
    values[1] = values[0]
    history = replace(history, values=values)
    order = [3, 2, 1, 0]
    renamed = {"s0": "z", "s1": "a"}
    parts = [one.reordered(order, range(3)) for one in (history, panel)]
    other = [
        replace(one, stations=tuple(replace(s, code=renamed.get(s.code, s.code)) for s in one.stations))
        for one in parts
    ]
    usual, turned, named = (
        scores(screen(b, learn_history(a, 1_000))) for a, b in ((history, panel), parts, other)
    )
    assert turned == usual
    assert named == {(renamed.get(s, s), p, day): found for (s, p, day), found in usual.items()}


def test_what_the_panel_does_not_hold_has_no_rows(network: tuple[Panel, Panel], learned: Learned) -> None:
    panel = network[1].reordered([0, 2], [0, 2])
    found = screen(panel, learned)
    assert {(d.station, d.parameter) for d in found.days} == {("s0", "DUST"), ("s2", "DUST")}
    assert {(d.station, d.parameter) for d in found.months} == {("s0", "DUST"), ("s2", "DUST")}
    empty = replace(panel, values=np.where([[[False], [True]]], panel.values, np.nan), flags=panel.flags * 0)
    nothing = screen(empty, learned)
    assert (nothing.days, nothing.months, nothing.findings) == ((), (), ())
    assert any("没有一个测量值" in note for note in nothing.notes)


def test_a_panel_of_circumstances_only_is_answered(network: tuple[Panel, Panel], learned: Learned) -> None:
    panel = network[1]
    told = replace(panel, parameters=tuple(replace(one, role="context") for one in panel.parameters))
    for reference in (learned, None):
        found = screen(told, reference)
        assert (found.days, found.months, found.findings) == ((), (), ())
        assert any("没有要筛查的因子" in note for note in found.notes)
