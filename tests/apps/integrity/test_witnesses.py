"""What devices and processes say joins the findings on data, or stands as a suspect of its own rule."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from tests.apps.integrity.conftest import UNTIL, at, found

from qingjian.apps.integrity import panels, witnesses
from qingjian.apps.integrity.models import Suspect
from qingjian.apps.integrity.words import DAY, DEVICE, PROCESS, RULE_TEXTS, RULES
from qingjian.apps.network.models import Series, Setting
from qingjian.apps.observing.models import Clue, FindingRecord, Mark
from qingjian.screening.findings import Evidence, Finding

CHANGED = date(2026, 11, 11)


def noted(rule: str, subject: str, start: datetime) -> FindingRecord:
    series = Series.objects.get(code="W1.w01018")
    return FindingRecord.objects.create(
        id=f"{rule}-{start:%Y%m%d}"[:32],
        rule=rule,
        rule_version="1",
        subject=subject,
        subject_kind="series",
        point=series.point,
        start=start,
        severity="major",
    )


def setting(value: str, origin: str, since: datetime | None = None) -> Setting:
    return Setting.objects.create(
        series=Series.objects.get(code="W1.w01018"),
        name="slope",
        value=value,
        origin=origin,
        valid_from=since,
    )


def test_a_setting_off_the_register_is_a_clue_by_itself(screened) -> None:
    setting("1.0", "register")
    setting("0.7", "device", at(CHANGED))
    (clue,) = screened()
    assert (clue.rule, clue.kind, clue.series.code) == (DEVICE, "setting_off_register", "W1.w01018")
    assert "0.7" in clue.statement
    assert "备案" in clue.statement
    assert panels.midnight(CHANGED) == clue.start


def test_a_setting_on_the_register_says_nothing(screened) -> None:
    setting("1.0", "register")
    setting("1.0", "device", at(CHANGED))
    assert screened() == []


def test_data_and_device_are_one_clue_that_weighs_more(screened) -> None:
    setting("1.0", "register")
    setting("0.7", "device", at(CHANGED))
    (clue,) = screened(found(score=0.99))
    assert (clue.rule, clue.kind) == (DAY, "constant")
    assert clue.score > 0.99
    assert {one["test"] for one in clue.evidence["tests"]} >= {"constants.run", "device.setting_off_register"}


def test_what_the_pipeline_noted_joins_but_asks_nobody_alone(screened) -> None:
    noted("changed-after-the-fact", "W1.w01018", at(CHANGED))
    assert screened() == []
    assert not Suspect.objects.exists()
    (clue,) = screened(found(score=0.99))
    assert "device.changed_later" in {one["test"] for one in clue.evidence["tests"]}


def test_what_happens_every_week_says_little(screened) -> None:
    for week in range(7):
        noted("changed-after-the-fact", "W1.w01018", at(UNTIL - timedelta(days=5 + 7 * week)))
    (clue,) = screened(found(score=0.99, first=date(2026, 11, 14), last=date(2026, 11, 15)))
    told = next(one for one in clue.evidence["tests"] if one["test"] == "device.changed_later")
    assert told["p"] > 0.04  # a fact that never happened before: 0.01


def test_marks_and_settings_are_what_process_logic_hears(screened, office) -> None:
    from qingjian.screening.record import alone

    screened()
    group = next(one for one in panels.groups() if ("W1", "waste_water.w01018") in one.places)
    series = group.places["W1", "waste_water.w01018"]
    for kind, day in ((Mark.Kind.STOPPED, 10), (Mark.Kind.MAINTENANCE, 12)):
        Mark.objects.create(
            point=series.point,
            series=[series.code],
            kind=kind,
            start=at(date(2026, 11, day)),
            end=at(date(2026, 11, day)) + timedelta(hours=3),
            reason="x",
            known_at=at(UNTIL),
            author=office.handler,
        )
    setting("1.0", "register", at(date(2026, 11, 14)))
    record = alone(panels.read(group, UNTIL - timedelta(days=20), UNTIL))
    declared = witnesses._declared(group, record)
    s = [one.code for one in record.stations].index("W1")
    p = [one.code for one in record.parameters].index("waste_water.w01018")
    first = panels.day_of(record.first_day)
    assert declared.stopped[s].sum() == 3
    assert declared.stopped[s, (date(2026, 11, 10) - first).days * 24]
    touched = [first + timedelta(days=int(day)) for day in declared.touched[s, p].nonzero()[0]]
    assert touched == [date(2026, 11, 12), date(2026, 11, 14)]


@pytest.mark.parametrize(
    ("tests", "rule"),
    [
        (("device.clock_jump",), DEVICE),
        (("process.load", "generated.waves"), PROCESS),
        (("constants.run", "process.load"), DAY),
        ((), DAY),
    ],
)
def test_each_source_has_a_rule_whose_precision_is_its_own(tests: tuple[str, ...], rule: str) -> None:
    finding = Finding(
        "s", "x", 1, 2, 0.99, 0.0, "load", tuple(Evidence(one, 0.01, 1) for one in tests), "normal"
    )
    assert witnesses.rule_of(finding) == rule
    assert rule in RULES
    assert rule in RULE_TEXTS


def test_a_fact_about_the_whole_point_stands_at_its_first_factor(screened) -> None:
    series = Series.objects.get(code="W1.w01018")
    if series.device_id is None:
        pytest.fail("the test's series needs a device")
    Setting.objects.create(device=series.device, name="slope", value="1", origin="register")
    Setting.objects.create(
        device=series.device, name="slope", value="2", origin="device", valid_from=at(CHANGED)
    )
    screened()
    assert Clue.objects.get().series.point == series.point
