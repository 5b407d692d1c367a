from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from django.utils.translation import override
from tests.apps.integrity.conftest import UNTIL, found, scores
from tests.apps.observing.test_corrections import carry_out

from qingjian.apps.integrity import panels, queries, screener
from qingjian.apps.integrity.models import ScoreMonth, Suspect, SuspectVersion
from qingjian.apps.network.models import Series
from qingjian.apps.observing import correcting
from qingjian.apps.observing import services as observing
from qingjian.apps.observing.models import Clue
from qingjian.apps.scheduling import services as scheduling
from qingjian.apps.scheduling.models import Run
from qingjian.screening.comparability import without_odd_stretches
from qingjian.screening.context import fit_context
from qingjian.screening.panel import FLAG_CALIBRATION, Panel, PanelError
from qingjian.screening.record import history_record
from qingjian.screening.screen import LOWERED, MonthScore

WATER = ("W1", "waste_water.w01018")


def test_a_finding_becomes_a_clue_with_all_its_page_needs(screened) -> None:
    (clue,) = screened(found())
    assert (clue.point.code, clue.series.code, clue.kind, clue.rule) == (
        "W1",
        "W1.w01018",
        "constant",
        "screening-day",
    )
    assert "化工厂总排口 化学需氧量" in clue.statement
    assert "COD" in clue.statement_en
    assert [one["test"] for one in clue.evidence["tests"]] == ["constants.run", "smoothing.rough.3"]
    assert "R02" in clue.evidence["circumstances"]
    assert "检出限" in clue.evidence["innocent_zh"]
    chart = clue.evidence["chart"]
    assert len(chart["values"]) == 24 * 17
    assert chart["first"] == clue.start.timestamp() * 1000
    suspect = Suspect.objects.get()
    assert (suspect.clue, suspect.version, suspect.outcome) == (clue, 1, "clue")


def test_the_same_again_says_nothing_new(screened) -> None:
    screened(found())
    screened(found())
    assert Clue.objects.count() == Suspect.objects.count() == SuspectVersion.objects.count() == 1


def test_what_is_known_later_is_a_new_version_of_the_same_suspect_and_clue(screened) -> None:
    screened(found())
    (clue,) = screened(found(last=date(2026, 11, 15), score=0.9999))
    assert clue.revision == 2
    assert clue.end == panels.midnight(date(2026, 11, 16))
    assert [one.record["to"] for one in SuspectVersion.objects.all()] == ["2026-11-12", "2026-11-15"]


def test_what_is_no_longer_found_is_taken_back_and_its_clue_left_to_a_person(screened) -> None:
    screened(found())
    (clue,) = screened()
    suspect = Suspect.objects.get()
    assert suspect.withdrawn
    assert suspect.version == 2
    assert clue.state == "open"
    screened(found())
    suspect.refresh_from_db()
    assert not suspect.withdrawn
    assert suspect.version == 3
    assert Clue.objects.count() == 1


def test_a_decided_clue_keeps_what_it_said(screened, office) -> None:
    (clue,) = screened(found())
    observing.decide_clue(office.handler, clue, clue.version, "dismissed", "检出限附近")
    screened(found(last=date(2026, 11, 13)))
    clue.refresh_from_db()
    assert (clue.revision, clue.state) == (1, "dismissed")
    assert Suspect.objects.get().version == 2
    assert Clue.objects.count() == 1


@pytest.mark.parametrize(
    ("finding", "outcome"),
    [(found(fault=0.9999), "fault"), (found(confidence="low"), "clue"), (found(kind="spray"), "clue")],
)
def test_what_looks_like_trouble_asks_nobody(screened, finding, outcome: str) -> None:
    screened(finding)
    assert Suspect.objects.get().outcome == outcome
    assert Clue.objects.count() == (outcome == "clue")


@pytest.fixture
def ammonia(hours) -> None:
    """A second factor at the outlet of the demo's sewage works, higher late in the day."""
    from qingjian.apps.network import services as network
    from qingjian.apps.network.services import Proposal

    network.install(
        [
            Proposal(
                "factor",
                {
                    "code": "waste_water.w21003",
                    "medium": "waste_water",
                    "wire_code": "w21003",
                    "name_zh": "氨氮",
                    "name_en": "NH3-N",
                    "unit": "mg/L",
                    "decimals": 2,
                },
            ),
            Proposal(
                "series",
                {
                    "code": "W1.w21003",
                    "point": "W1",
                    "factor": "waste_water.w21003",
                    "device": "W1-D1",
                    "unit": "mg/L",
                    "decimals": 2,
                    "medium": "waste_water",
                    "expected": {"hour": 3600},
                },
            ),
        ]
    )
    hours("W1.w21003", UNTIL - timedelta(days=59), UNTIL, lambda day, hour: 2 + hour / 24)


def test_measured_and_simulated_data_never_share_a_clue(screened, ammonia) -> None:
    Series.objects.filter(code="W1.w01018").update(origin="simulated")
    screened(found(score=0.9995), found(factor="waste_water.w21003", score=0.998))
    clues = {one.series.code: one.simulated for one in Clue.objects.all()}
    assert clues == {"W1.w01018": True, "W1.w21003": False}


def test_other_factors_of_the_point_join_the_clue_of_the_same_days(screened, ammonia) -> None:
    (clue,) = screened(found(score=0.998), found(factor="waste_water.w21003", score=0.9995))
    assert clue.series.code == "W1.w21003"
    held = {one.series.code: one.chart for one in clue.suspects.all()}
    assert held["W1.w21003"] is None  # it stands on the clue
    assert set(held) == {"W1.w01018", "W1.w21003"}
    assert max(clue.evidence["chart"]["values"]) < 3 < max(held["W1.w01018"]["values"])


def test_the_chart_of_a_joined_finding_follows_it_until_the_clue_is_decided(screened, office) -> None:
    twins = found(kind="copy_neighbour", other="A1", score=0.998)
    (clue,) = screened(found(), twins)
    joined = clue.suspects.get(rule="screening-twins")
    before = joined.chart
    assert before["values"]
    screened(found(), replace(twins, last_day=twins.last_day + 2))
    joined.refresh_from_db()
    assert joined.chart["last"] > before["last"]
    clue.refresh_from_db()
    observing.decide_clue(office.handler, clue, clue.version, "dismissed", "更换试剂")
    kept = joined.chart
    screened(found(), replace(twins, last_day=twins.last_day + 4))
    joined.refresh_from_db()
    assert joined.chart == kept


def test_a_month_without_a_single_suspect_day_is_a_suspect_of_its_own(screened, said) -> None:
    said.months = [MonthScore(*WATER, "2026-10", 0.995, "scale")]
    (clue,) = screened()
    assert clue.rule == "screening-month"
    assert "整月" in clue.statement
    assert (Suspect.objects.get().first_day, Suspect.objects.get().last_day) == (
        date(2026, 10, 1),
        date(2026, 10, 31),
    )


def test_the_dossier_of_a_month_revises_the_days_in_it(screened, said) -> None:
    days = found(first=date(2026, 10, 5), last=date(2026, 10, 8))
    screened(days)
    said.months = [MonthScore(*WATER, "2026-10", 0.995, "constant")]
    (clue,) = screened(days)
    assert clue.revision == 2
    assert clue.evidence["dossier"] == [["2026-10", 0.995]]
    assert Suspect.objects.get().version == 2


def test_two_monitors_with_one_series_name_the_other(screened) -> None:
    (clue,) = screened(found(kind="copy_neighbour", other="A1"))
    assert clue.rule == "screening-twins"
    assert "县政府站" not in clue.statement


def test_two_findings_of_one_series_and_rule_do_not_revise_each_other(screened) -> None:
    pair = (
        found(kind="copy_neighbour", other="A1"),
        found(kind="copy_neighbour", other="A2", last=date(2026, 11, 16), score=0.998),
    )
    screened(*pair)
    before = set(Suspect.objects.values_list("pk", "version", "last_day"))
    assert {version for _pk, version, _day in before} == {1}
    screened(*pair)
    assert set(Suspect.objects.values_list("pk", "version", "last_day")) == before
    screened(pair[0])
    assert [one.withdrawn for one in Suspect.objects.order_by("last_day")] == [False, True]


def test_another_rule_joins_the_clue_of_the_same_series_and_days(screened) -> None:
    (clue,) = screened(found(), found(kind="copy_neighbour", other="A1", score=0.998))
    own, joined = queries.suspects_of(clue)
    assert (own.rule, [one.rule for one in joined]) == ("screening-day", ["screening-twins"])
    assert screened(found(), found(kind="copy_neighbour", other="A1", score=0.9985)) == [clue]
    clue.refresh_from_db()
    assert (clue.rule, clue.revision) == ("screening-day", 1)


def test_nothing_joins_a_clue_that_is_no_longer_found(screened, said) -> None:
    said.months = [MonthScore(*WATER, "2026-10", 0.995, "scale")]
    (old,) = screened()
    said.months = []
    clues = screened(found(first=date(2026, 10, 5), last=date(2026, 10, 8)))
    assert {(one.rule, one.suspects.get().withdrawn) for one in clues} == {
        ("screening-month", True),
        ("screening-day", False),
    }
    assert old in clues


def test_scores_are_kept_by_month_with_the_number_of_values(screened, said) -> None:
    said.days = scores(*WATER, {date(2026, 11, 10): 0.99, date(2026, 10, 31): 0.2})
    screened()
    rows = {one.month: one for one in ScoreMonth.objects.filter(series__code="W1.w01018")}
    assert rows[date(2026, 11, 1)].scores[9] == 0.99
    assert rows[date(2026, 11, 1)].values == 20 * 24
    assert rows[date(2026, 10, 1)].scores[30] == 0.2
    assert len(rows[date(2026, 10, 1)].scores) == 31


def test_months_that_nobody_looked_at_are_caught_up(said, hours, monkeypatch) -> None:
    """A node that was off for months, and values that came late, are looked at; what was looked at is not again."""
    hours("W1.w01018", date(2026, 1, 1), date(2026, 9, 21))
    group = next(one for one in panels.groups() if one.element == "water_source")

    def first(until: date) -> date:
        whole = panels.read(group, until - timedelta(days=400), until)
        return screener.first_screened(group, whole, until)

    assert first(date(2026, 6, 30)) == date(2026, 5, 1)  # 150 days teach
    screener.run(until=date(2026, 7, 31))
    assert first(date(2026, 7, 31)) == date(2026, 6, 1)
    assert first(UNTIL) == date(2026, 8, 1)
    screener.run()
    assert first(UNTIL) == date(2026, 10, 1)
    ScoreMonth.objects.filter(series__code="W1.w01018", month=date(2026, 8, 1)).update(values=100)
    assert first(UNTIL) == date(2026, 8, 1)


def test_a_panel_that_breaks_keeps_no_other_from_being_screened(said, monkeypatch) -> None:
    looked_at = []

    def screen_group(group, *others) -> None:
        looked_at.append(group.code)
        if len(looked_at) == 1:
            raise ZeroDivisionError("x")

    monkeypatch.setattr(screener, "screen_group", screen_group)
    with override("en"):
        text = screener.run()
    assert len(looked_at) == 2
    assert "1 panels not screened" in text
    assert "ZeroDivisionError" in text


def test_an_empty_lake_is_a_clear_result(office) -> None:
    with override("en"):
        assert "2 panels not screened" in screener.run()
    with pytest.raises(PanelError, match="没有任何记录"):
        panels.read(next(panels.groups()), UNTIL, UNTIL)


def test_marks_of_people_stand_above_what_the_device_said(hours, office) -> None:
    hours("W1.w01018", UNTIL, UNTIL)
    group = next(one for one in panels.groups() if one.element == "water_source")
    point = Series.objects.get(code="W1.w01018").point
    manager = office.county.person("marker", "data_manager")
    start = panels.midnight(UNTIL)
    observing.set_mark(
        manager, point, ["W1.w01018"], start, start + timedelta(hours=3), "calibration", "校准"
    )
    panel = panels.read(group, UNTIL, UNTIL)
    assert panel.flags[0, 0].tolist() == [FLAG_CALIBRATION] * 3 + [1] * 21


def test_what_a_unit_marks_takes_no_value_out_of_screening(hours, office) -> None:
    hours("W1.w01018", UNTIL - timedelta(days=2), UNTIL)
    group = next(one for one in panels.groups() if one.element == "water_source")
    point = Series.objects.get(code="W1.w01018").point
    start = panels.midnight(UNTIL - timedelta(days=2))
    observing.set_mark(
        office.holder, point, ["W1.w01018"], start, start + timedelta(days=3), "maintenance", "例行维护"
    )
    panel = panels.read(group, UNTIL - timedelta(days=2), UNTIL)
    assert int(np.isfinite(panel.usable()).sum()) == 72


def test_what_a_unit_declares_at_high_levels_is_tested_like_a_flag_of_the_device(hours, office) -> None:
    first = UNTIL - timedelta(days=2)
    hours("W1.w01018", first, UNTIL)
    group = next(one for one in panels.groups() if one.element == "water_source")
    assert panels.read(group, first, UNTIL).declared is None
    point = Series.objects.get(code="W1.w01018").point
    start = panels.midnight(UNTIL) + timedelta(hours=8)
    observing.set_mark(
        office.holder, point, ["W1.w01018"], start, start + timedelta(hours=3), "calibration", "校准"
    )
    panel = panels.read(group, first, UNTIL)
    assert np.flatnonzero(panel.declared[0, 0] == FLAG_CALIBRATION).tolist() == [56, 57, 58]
    assert set(panel.flags[0, 0].tolist()) == {1}


def twin(code: str, **changed) -> Series:
    """Return another series like W1.w01018, as the registry would hold it."""
    held = Series.objects.select_related("point").get(code="W1.w01018")
    if "point" in changed:
        point = held.point
        point.pk, point.code, point.name = None, changed.pop("point"), "二号排口"
        point._state.adding = True
        point.save()
        held.point = point
    held.pk, held.code, held.device = None, code, None
    for name, value in changed.items():
        setattr(held, name, value)
    held._state.adding = True
    held.save()
    return held


def test_series_of_one_factor_stand_in_one_unit(hours, office) -> None:
    twin("W2.w01018", point="W2", unit="ug/L", decimals=0)
    hours("W1.w01018", UNTIL, UNTIL, lambda _day, hour: 40.0 + hour)
    hours("W2.w01018", UNTIL, UNTIL, lambda _day, hour: 40_000.0 + 1000 * hour)
    group = next(one for one in panels.groups() if one.element == "water_source")
    panel = panels.read(group, UNTIL, UNTIL)
    assert [one.unit for one in panel.parameters] == ["mg/L"]
    assert np.allclose(panel.values[0, 0], panel.values[1, 0])
    assert panel.values[0, 0, 0] == pytest.approx(40.0)


def test_a_series_whose_unit_cannot_be_converted_is_named(screened, said) -> None:
    twin("W2.w01018", point="W2", unit="kPa")
    said.findings = [found()]
    with override("en"):
        said_of_it = screener.run()
    assert "W2.w01018: kPa cannot be converted to mg/L" in said_of_it
    assert "0 panels not screened" in said_of_it
    assert Clue.objects.count() == 1


def test_two_monitors_of_one_factor_at_a_point_are_both_screened_and_compared(said, hours) -> None:
    twin("W1.w01018.2", position=2)
    hours("W1.w01018.2", UNTIL - timedelta(days=59), UNTIL)
    group = next(one for one in panels.groups() if one.element == "water_source")
    assert [one.code for one in group.stations] == ["W1", "W1#2"]
    assert np.isfinite(panels.read(group, UNTIL, UNTIL).values).all()
    said.findings = [found("W1#2", kind="copy_neighbour", other="W1")]
    screener.run()
    clue = Clue.objects.get()
    assert (clue.series.code, clue.point.code, clue.evidence["other_station"]) == ("W1.w01018.2", "W1", "W1")
    assert len(clue.evidence["chart"]["values"]) > 24


def test_hours_that_are_left_out_are_not_looked_at(hours, office) -> None:
    hours("A1.a34004", UNTIL, UNTIL)
    group = next(one for one in panels.groups() if one.element == "air")
    start = int(panels.midnight(UNTIL).timestamp())

    def leave_out(series: str, starts: np.ndarray) -> np.ndarray:
        assert series == "A1.a34004"
        return starts < start + 6 * 3600

    panel = panels.read(group, UNTIL, UNTIL, leave_out)
    assert np.isnan(panel.values[0, 0]).tolist() == [True] * 6 + [False] * 18


def test_screening_reads_what_was_received_and_not_what_people_made_of_it(
    hours, put, office, clock, django_capture_on_commit_callbacks
) -> None:
    """A person's correction could hide what is looked for; a device's own later value is taken."""
    hours("A1.a34004", UNTIL, UNTIL, lambda _day, hour: float(hour))
    series = Series.objects.select_related("point", "factor").get(code="A1.a34004")
    staff, manager = (office.county.person(name, "data_manager") for name in ("staff", "manager"))
    group = next(one for one in panels.groups() if one.element == "air")
    start = panels.midnight(UNTIL)
    for hour, numbers in ((3, ("70", "71")), (5, ("90",)), (23, ("99",))):
        for place, text in enumerate(numbers):
            row = correcting.propose(
                staff, series, "hour", start + timedelta(hours=hour), place, {"value": text}, "抄录颠倒"
            )
            with django_capture_on_commit_callbacks(execute=True):
                correcting.approve(manager, row, row.version)
            assert carry_out(clock) == 1
    received = panels.read(group, UNTIL, UNTIL).values[0, 0]
    assert received.tolist() == [float(hour) for hour in range(24)]
    put(series, "hour", [(start + timedelta(hours=5), 55.0, "N")])
    received = panels.read(group, UNTIL, UNTIL).values[0, 0]
    assert (received[3], received[5], received[23]) == (3.0, 55.0, 23.0)


def test_a_correction_stands_on_the_clue_as_what_may_explain_it(screened, office, client) -> None:
    screened(found("A1", "air.a34004"))
    clue = Clue.objects.get()
    staff, manager = (office.county.person(name, "data_manager") for name in ("staff", "manager"))
    row = correcting.propose(staff, clue.series, "hour", clue.start, 0, {"value": "77"}, "电源波动后抄录颠倒")
    correcting.approve(manager, row, row.version)
    client.force_login(manager)
    page = client.get(f"/clues/{clue.pk}/").content.decode()
    assert "电源波动后抄录颠倒" in page
    assert "77" in page


def test_days_under_an_open_clue_do_not_teach_what_is_normal(screened, office) -> None:
    (clue,) = screened(found())
    group = next(one for one in panels.groups() if one.element == "water_source")
    panel = panels.read(group, UNTIL - timedelta(days=20), UNTIL)

    def missing() -> int:
        return int(np.isnan(panels.without_clues(group, panel).values).sum())

    assert missing() == 3 * 24
    observing.decide_clue(office.handler, clue, clue.version, "dismissed", "检出限附近")
    assert missing() == 0


def test_the_job_runs_in_its_own_lane_once_a_day(office, monkeypatch) -> None:
    monkeypatch.setattr(screener, "run", lambda **more: "two panels")
    assert not any(one.job == "screening" for one in Run.objects.all())
    scheduling.run_due()
    assert not Run.objects.filter(job="screening").exists()
    assert scheduling.run_due(lane="screening") == 1
    assert scheduling.run_due(lane="screening") == 0
    assert Run.objects.get(job="screening").result == "two panels"


def test_a_stopped_screening_is_taken_up_again(office, monkeypatch) -> None:
    def stopped(**more: object) -> str:
        raise SystemExit(0)

    monkeypatch.setattr(screener, "run", stopped)
    with pytest.raises(SystemExit):
        scheduling.run_due(lane="screening")
    monkeypatch.setattr(screener, "run", lambda **more: "done")
    assert scheduling.run_due(lane="screening") == 1
    assert Run.objects.get(job="screening").state == "done"


@pytest.mark.timeout(300)
@pytest.mark.any_database
def test_a_week_that_is_played_again_is_found_in_real_data(hours, monkeypatch) -> None:
    """Learning and screening as they are, on a small past: eight months, one week of them shown twice."""
    monkeypatch.setattr(screener, "REHEARSED", 1500)
    first = UNTIL - timedelta(days=260)
    noise = np.random.default_rng(3).normal(0, 4, 24 * 261)

    def shape(day: int, hour: int) -> float:
        day = day - 40 if 240 <= day <= 246 else day
        wave = 60 + 15 * np.sin(hour / 24 * 6.283) + 10 * np.sin(day / 11) + noise[24 * day + hour]
        return round(float(wave), 1)

    hours("W1.w01018", first, UNTIL, shape)
    screener.run()
    copied = panels.midnight(first + timedelta(days=241)), panels.midnight(first + timedelta(days=246))
    clue = Clue.objects.get(point__code="W1", start__lt=copied[0], end__gt=copied[1])
    assert clue.confidence == "normal"
    assert clue.evidence["history"]["days"] >= 150
    assert any(one["test"].startswith("copies") for one in clue.evidence["tests"])
    assert len(clue.evidence["chart"]["expected"]) == len(clue.evidence["chart"]["values"])


@pytest.mark.parametrize("case", ["short", "gappy", "unit", "constant", "clock"])
@pytest.mark.timeout(300)
@pytest.mark.any_database
def test_bad_pasts_give_a_clear_result_with_lowered_confidence(hours, monkeypatch, case: str) -> None:
    """Little past, or enough of it that is one held value or follows another clock than the weeks screened."""
    monkeypatch.setattr(screener, "REHEARSED", 600)
    days = {"short": 20, "gappy": 75, "unit": 75, "constant": 140, "clock": 140}[case]
    screened_from = days - (UNTIL - date(2026, 10, 1)).days - 1
    noise = np.random.default_rng(5).normal(0, 3, 24 * days)

    def shape(day: int, hour: int) -> float | None:
        late = day >= screened_from
        value = (
            50 + 10 * np.sin((hour + 8 * (case == "clock" and late)) / 24 * 6.283) + noise[24 * day + hour]
        )
        if case == "gappy" and (day % 5 or hour % 3):
            return None
        if case == "constant" and not late:
            return 50.0
        return round(float(value) * (1000 if case == "unit" and day > 60 else 1), 1)

    hours("W1.w01018", UNTIL - timedelta(days=days - 1), UNTIL, shape)
    with override("en"):
        assert "1 panels" in screener.run()
    kept = ScoreMonth.objects.filter(series__code="W1.w01018")
    assert [one.lowered for one in kept] == [True] * len(kept)
    scored = [score for one in kept for score in one.scores if score is not None]
    assert bool(scored) is (case != "gappy")  # eight hours on one day in five can be compared with nothing
    assert max(scored, default=0.0) <= LOWERED
    assert not Suspect.objects.filter(series__code="W1.w01018").exclude(confidence="low").exists()
    for clue in Clue.objects.filter(point__code="W1"):
        assert "历史不足或难以比较，结论可信度低" in clue.statement


def test_days_of_the_past_that_taught_nothing_are_not_counted_as_learned_from(
    hours, said, screened, monkeypatch
) -> None:
    """Twenty-five days of a past of months stand in another unit."""
    first, odd = UNTIL - timedelta(days=199), range(60, 85)
    noise = np.random.default_rng(7).normal(0, 3, 24 * 200)

    def shape(day: int, hour: int) -> float:
        value = 40 + 12 * np.sin(hour / 24 * 6.283) + 8 * np.sin(day / 9) + noise[24 * day + hour]
        return round(float(value) * (1000 if day in odd else 1), 1)

    def learned(history: Panel, days: int) -> SimpleNamespace:
        record = without_odd_stretches(history_record(history))
        return SimpleNamespace(history=record, models=SimpleNamespace(context=fit_context(record, only=[])))

    hours("W1.w01018", first, UNTIL, shape)
    monkeypatch.setattr(screener, "learn_history", learned)
    (clue,) = screened(found())
    past = clue.evidence["history"]
    assert past["from"] == first.isoformat()
    assert past["days"] == (date.fromisoformat(past["to"]) - first).days + 1 - len(odd)


def test_what_was_learned_from_nothing_names_no_period(screened, office) -> None:
    (clue,) = screened(found())
    assert set(clue.evidence["history"]) == {"days"}


def test_a_clue_keeps_what_was_said_of_its_own_point_and_of_the_whole_panel() -> None:
    from qingjian.apps.integrity.services.results import _notes_about

    said = [
        "W1：时钟",
        "W2：时钟",
        "W1 w.cod：单位",
        "W1 w.nh3n：单位",
        "W2 w.cod：单位",
        "历史数据：重复",
        "3 条记录",
    ]
    kept = _notes_about("W1", "w.cod", said, {"W1", "W2"})
    assert kept == ["W1：时钟", "W1 w.cod：单位", "历史数据：重复", "3 条记录"]
