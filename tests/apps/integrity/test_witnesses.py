"""What devices and processes say joins the findings on data, or stands as a suspect of its own rule."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pytest
from tests.apps.integrity.conftest import UNTIL, at, found
from tests.apps.integrity.test_screener import twin

from qingjian.apps.integrity import panels, witnesses
from qingjian.apps.integrity.materials import balance_tests
from qingjian.apps.integrity.models import Suspect
from qingjian.apps.integrity.words import DAY, DEVICE, PROCESS, RULE_TEXTS, RULES
from qingjian.apps.network.checking import Proposal
from qingjian.apps.network.models import Series, Setting, Software
from qingjian.apps.observing import filing
from qingjian.apps.observing import services as observing
from qingjian.apps.observing.log_books import BOOKS
from qingjian.apps.observing.models import Clue, FindingRecord, Mark, SoftwareReading
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


@pytest.mark.parametrize(
    ("rule", "subject", "fact"),
    [
        ("changed-after-the-fact", "W1.w01018", "changed_later"),
        ("device-against-platform", "W1.w01018", "mean_differs"),
        ("clock-drift", "W1-D1", "clock_jump"),
    ],
)
def test_what_the_pipeline_noted_joins_but_asks_nobody_alone(
    screened, rule: str, subject: str, fact: str
) -> None:
    noted(rule, subject, at(CHANGED))
    assert screened() == []
    assert not Suspect.objects.exists()
    (clue,) = screened(found(score=0.99))
    assert f"device.{fact}" in {one["test"] for one in clue.evidence["tests"]}


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


def session(person, start: datetime, notice: str = "") -> None:
    row = {
        "device": "W1-D1",
        "start": start,
        "end": start + timedelta(hours=1),
        "person": "某公司",
        "notice": notice,
    }
    filing.file(person, BOOKS["remote-sessions"], [Proposal("remote-sessions", row)])


@pytest.mark.parametrize("notice", ["", "YW-2026-11"])
def test_a_setting_that_changes_in_a_session_nobody_announced(screened, office, notice: str) -> None:
    setting("1.0", "register", at(date(2026, 1, 1)))
    Setting.objects.filter(origin="register").update(valid_to=at(CHANGED))
    setting("0.9", "register", at(CHANGED))
    setting("1.0", "device", at(date(2026, 10, 30)))
    setting("0.9", "device", at(CHANGED))
    session(office.handler, at(CHANGED) - timedelta(minutes=90), notice)
    clues = screened()
    if notice:
        assert clues == []
        return
    (clue,) = clues
    assert (clue.rule, clue.kind) == (DEVICE, "change_in_remote_session")
    assert "某公司 远程访问期间参数 斜率 由 1 改为 0.9" in clue.statement
    assert "Slope went from 1 to 0.9" in clue.statement_en


@pytest.mark.parametrize(
    ("version", "digest", "kind"),
    [
        ("V2.1", "aa11bb22cc33", None),
        ("V2.1", "aa11bb22cc34", "software_hash"),
        ("V3.0", "aa11bb22cc33", "software_unknown"),
    ],
)
def test_software_found_is_held_against_the_register(
    screened, office, version: str, digest: str, kind: str | None
) -> None:
    device = Series.objects.get(code="W1.w01018").device
    read = {"device": "W1-D1", "read_at": at(CHANGED), "version": version, "digest": digest, "reader": "李"}
    filing.file(office.handler, BOOKS["software-found"], [Proposal("software-found", read)])
    assert screened() == [], "nothing is registered, so nothing differs"
    Software.objects.create(device=device, version="V2.1", digest="aa11bb22cc33")
    found_now = screened()
    assert [one.kind for one in found_now] == ([kind] if kind else [])
    if kind:
        filing.strike(office.handler, BOOKS["software-found"], SoftwareReading.objects.get(), "读错")
        screened()
        assert Suspect.objects.get().withdrawn


@pytest.fixture
def plant(office, hours):
    """A year of an outlet whose emission follows the coal burnt, but for the last month."""
    from qingjian.apps.network import services as network

    network.install(
        [
            Proposal("outlet", {"code": "S1-G1", "source": "S1", "name": "锅炉排口", "medium": "gas"}),
            Proposal(
                "point",
                {
                    "code": "G1",
                    "name": "锅炉",
                    "kind": "outlet_gas",
                    "level": "enterprise",
                    "region": "990101",
                    "organisation": "H1",
                    "outlet": "S1-G1",
                },
            ),
            *(
                item
                for code, name, unit in (("a21026", "二氧化硫", "mg/m³"), ("a00000", "流量", "m³/h"))
                for item in (
                    Proposal(
                        "factor",
                        {
                            "code": f"flue_gas.{code}",
                            "medium": "flue_gas",
                            "wire_code": code,
                            "name_zh": name,
                            "name_en": code,
                            "unit": unit,
                            "decimals": 1,
                        },
                    ),
                    Proposal(
                        "series",
                        {
                            "code": f"G1.{code}",
                            "point": "G1",
                            "factor": f"flue_gas.{code}",
                            "unit": unit,
                            "decimals": 1,
                            "medium": "flue_gas",
                            "expected": {"hour": 3600},
                        },
                    ),
                )
            ),
        ]
    )
    days = 365
    first = UNTIL - timedelta(days=days - 1)
    dice = np.random.default_rng(5)
    coal = 80 + 20 * dice.random(days)

    def fill(factor_of_last_month: float, material: str = "coal") -> dict:
        def sulphur(day: int, _hour: int) -> float:
            level = 20 * coal[day] / 90 * (1 + 0.05 * dice.standard_normal())
            return round(level * (factor_of_last_month if day >= days - 25 else 1.0), 2)

        hours("G1.a21026", first, UNTIL, sulphur)
        hours("G1.a00000", first, UNTIL, lambda _day, _hour: 100_000 + 1000 * dice.standard_normal())
        rows = [
            {
                "outlet": "S1-G1",
                "material": material,
                "first_day": (first + timedelta(days=k)).isoformat(),
                "last_day": (first + timedelta(days=k)).isoformat(),
                "amount": f"{coal[k]:.2f}",
                "unit": "t",
            }
            for k in range(days)
        ]
        filing.file(office.handler, BOOKS["materials"], [Proposal("materials", row) for row in rows])
        group = next(one for one in panels.groups() if ("G1", "flue_gas.a21026") in one.places)
        whole = panels.read(group, first, UNTIL)
        from qingjian.screening.record import history_record, join

        history = history_record(whole.until(panels.day_number(UNTIL) - 30))
        record = join(history, whole.since(30))
        tests = balance_tests(group, record)
        return {record.parameters[p].code: own for (_s, p), own in tests.items()}

    return fill


def test_emission_below_what_was_burnt_is_seen(plant) -> None:
    (test,) = plant(0.5)["flue_gas.a21026"]
    assert (test.name, test.kind) == ("process.balance", "balance")
    assert np.nanmin(test.p[-25:]) < 1e-6
    assert np.nanmedian(test.p[:-30]) > 0.1


def test_emission_that_follows_what_was_burnt_is_not(plant) -> None:
    (test,) = plant(1.0)["flue_gas.a21026"]
    assert np.nanmin(test.p[-25:]) > 1e-3


def test_what_cleans_the_gas_enters_no_balance(plant) -> None:
    assert plant(0.5, "urea") == {}


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


def slope(
    series: Series, value: str, origin: str, since: datetime | None = None, until: datetime | None = None
):
    return Setting.objects.create(
        series=series, name="slope", value=value, origin=origin, valid_from=since, valid_to=until
    )


@pytest.mark.parametrize("position", [1, 2])
def test_sessions_are_heard_of_every_monitor_of_a_point(screened, office, position: int) -> None:
    second = twin("W1.w01018.2", position=2)
    series = Series.objects.get(code="W1.w01018") if position == 1 else second
    slope(series, "1.0", "register", at(date(2026, 1, 1)), at(CHANGED))
    slope(series, "0.9", "register", at(CHANGED))
    slope(series, "1.0", "device", at(date(2026, 10, 30)))
    slope(series, "0.9", "device", at(CHANGED))
    session(office.handler, at(CHANGED) - timedelta(minutes=90))
    (clue,) = screened()
    assert (clue.series.position, clue.kind) == (position, "change_in_remote_session")


def test_what_is_said_of_a_point_is_kept_at_its_first_monitor_and_heard_at_all(screened) -> None:
    held = Series.objects.get(code="W1.w01018")
    twin("W1.w01018.2", position=2, device=held.device)
    Setting.objects.create(device=held.device, name="version", value="1.0", origin="register")
    Setting.objects.create(
        device=held.device, name="version", value="0.7", origin="device", valid_from=at(CHANGED)
    )
    group = next(one for one in panels.groups() if one.element == "water_source")
    assert list(witnesses._settings(group, at(UNTIL))) == [("W1", "")]
    screened(found("W1#2"))
    beside = Suspect.objects.get(series__position=2)
    said = {one["test"] for one in beside.versions.get().record["tests"]}
    assert "device.setting_off_register" in said
    assert Suspect.objects.filter(series__position=1).count() == 0


@pytest.mark.parametrize(("noise", "asks"), [(0.0, 1), (0.5, 0)])
def test_monitors_of_one_point_are_one_series_only_where_their_readings_are(
    screened, hours, noise: float, asks: int
) -> None:
    twin("W1.w01018.2", position=2)
    own = np.random.default_rng(3).normal(0, 1, (60, 24))
    for code, more in (("W1.w01018", 0.0), ("W1.w01018.2", noise)):
        hours(
            code,
            UNTIL - timedelta(days=59),
            UNTIL,
            lambda day, hour, more=more: round(40 + hour + day % 7 + more * float(own[day, hour]), 1),
        )
    clues = screened(found(kind="copy_neighbour", other="W1#2"))
    assert len([one for one in clues if one.rule == "screening-twins"]) == asks


def test_the_same_setting_falsified_further_on_the_next_day_asks_again(screened, office) -> None:
    setting("1.0", "register")
    setting("0.7", "device", at(CHANGED))
    (clue,) = screened()
    observing.decide_clue(office.handler, clue, clue.version, "dismissed", "换表")
    screened()
    assert Clue.objects.count() == 1
    next_day = CHANGED + timedelta(days=1)
    setting("0.5", "device", at(next_day) + timedelta(hours=5))
    screened()
    asked = Clue.objects.get(state="open")
    assert asked.start == at(next_day)
    assert [one["test"] for one in asked.evidence["tests"]] == ["device.setting_off_register"]
