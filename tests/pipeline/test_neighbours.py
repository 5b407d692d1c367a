"""Constant runs, steps, spikes and missing companions: findings, once a person confirmed the row that calls for them."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from tests.pipeline.node import START, Node, everything, make_directory
from tests.pipeline.test_converting import stack
from tests.pipeline.test_judging import Made, aggregate, publish

from qingjian.contracts.directory import Setting
from qingjian.contracts.findings import Finding
from qingjian.contracts.rulebooks import RulebookStore
from qingjian.pipeline.engine import Engine
from qingjian.pipeline.rules import CATALOGUE
from qingjian.pipeline.settings import PipelineSettings
from qingjian.pipeline.work import Work
from qingjian.quality.calls import called_checks, calling_row, followed_row, may_follow
from qingjian.quality.checks import catalogue
from qingjian.rulebook import Confirmation, Rulebook, packaged

HOUR = timedelta(hours=1)
DAY = date(2026, 3, 1)
MIDNIGHT = datetime(2026, 3, 1, 16, tzinfo=START.tzinfo)
SETTINGS = [
    Setting("P1:a21026", "constant_count", "4"),
    Setting("P1:a21026", "step_threshold", "20", "ug/m3"),
    Setting("P1:a21026", "spike_threshold", "15", "ug/m3"),
]


@pytest.fixture
def made(node: Node) -> Made:
    publish(node)
    engine = node.engine(recovering=False)
    work = Work(engine, PipelineSettings(node.folder.root, ask_for_history=False), node.clock)
    engine.recover()
    return node, engine, work


def confirmed(check: str = "constant", medium: str = "air") -> Rulebook:
    row = calling_row(packaged(), check, medium, DAY)
    assert row is not None
    return packaged().with_confirmation(row.id, Confirmation("张三", DAY, "已看过原文"))


def switch_on(node: Node, book: Rulebook, **changes: Any) -> None:
    publish(
        node,
        **{
            "settings": SETTINGS,
            **changes,
            "rulebook_version": RulebookStore(node.folder.rulebook).keep(book),
        },
    )


def send(
    node: Node, engine: Engine, values: dict[int, float], begin: datetime = MIDNIGHT, factor: str = "a21026"
) -> None:
    """Hours, by number from `begin`."""
    frames = [
        node.upload(begin + number * HOUR, {factor: {"Avg": str(value), "Flag": "N"}}, command="2061")
        for number, value in values.items()
    ]
    node.journal(frames)
    node.clock.set_wall(max(node.clock.now(), begin + (max(values) + 1) * HOUR + timedelta(minutes=10)))
    engine.step(idle=True)


def stated(engine: Engine) -> dict[str, Finding]:
    """The newest statement of each id of these rules."""
    newest = {one.id: one for _, one in engine.findings.read(0, 1000) if one.rule.startswith("check-")}
    return newest


def rows_of(engine: Engine) -> list[tuple[str, datetime, datetime | None]]:
    return sorted((one.rule, one.start, one.end) for one in stated(engine).values())


def test_nothing_is_stated_before_a_person_confirmed_the_row(made: Made) -> None:
    node, engine, work = made
    switch_on(node, packaged())
    send(node, engine, dict.fromkeys(range(8), 12.0))
    aggregate(node, work)
    assert rows_of(engine) == []
    row = calling_row(packaged(), "constant", "air", DAY)
    assert row is not None
    assert (row.confidence, followed_row(packaged(), "constant", "air", DAY)) == ("U", None)


def test_without_a_setting_of_the_series_nothing_is_checked(made: Made) -> None:
    node, engine, work = made
    switch_on(node, confirmed(), settings=[])
    send(node, engine, dict.fromkeys(range(8), 12.0))
    aggregate(node, work)
    assert rows_of(engine) == []


def test_a_constant_run_is_one_finding_that_grows_hour_by_hour(made: Made) -> None:
    node, engine, work = made
    switch_on(node, confirmed())
    for number in range(6):
        send(node, engine, {number: 12.0 if number else 13.0})
        aggregate(node, work)
        if number == 3:
            assert rows_of(engine) == [], "three equal values are not four"
    ((name, start, end),) = rows_of(engine)
    assert (name, start, end) == ("check-constant", MIDNIGHT + HOUR, MIDNIGHT + 6 * HOUR)
    (one,) = stated(engine).values()
    assert one.subject == "P1:a21026"
    assert one.severity == CATALOGUE["check-constant"].severity
    row = calling_row(confirmed(), "constant", "air", DAY)
    assert row is not None
    assert one.evidence == {
        "periods": 5,
        "found": 5.0,
        "threshold": 4.0,
        "rule_row": row.id,
        "clause": row.citation,
        "confidence": "U",
    }


def test_steps_and_spikes_are_stated_and_values_keep_their_validity(made: Made) -> None:
    node, engine, work = made
    switch_on(node, confirmed("step"))
    send(node, engine, {0: 10.0, 1: 11.0, 2: 40.0, 3: 12.0, 4: 13.0})
    aggregate(node, work)
    assert rows_of(engine) == [
        ("check-spike", MIDNIGHT + 2 * HOUR, MIDNIGHT + 3 * HOUR),
        ("check-step", MIDNIGHT + 2 * HOUR, MIDNIGHT + 4 * HOUR),
    ]
    flags = engine.lake.series([1], "hour", START, START + timedelta(days=2))["flag"].to_pylist()
    assert flags == ["N"] * 5


def test_a_run_over_midnight_is_stated_for_each_day(made: Made) -> None:
    node, engine, work = made
    switch_on(node, confirmed())
    send(node, engine, dict.fromkeys(range(20, 30), 12.0))
    aggregate(node, work)
    assert rows_of(engine) == [
        ("check-constant", MIDNIGHT + 20 * HOUR, MIDNIGHT + 24 * HOUR),
        ("check-constant", MIDNIGHT + 24 * HOUR, MIDNIGHT + 30 * HOUR),
    ]


def test_hours_that_do_not_count_end_a_run(made: Made) -> None:
    node, engine, work = made
    switch_on(node, confirmed())
    node.journal(
        [
            node.upload(
                MIDNIGHT + number * HOUR,
                {"a21026": {"Avg": "12", "Flag": "D" if number == 3 else "N"}},
                command="2061",
            )
            for number in range(7)
        ]
    )
    node.clock.set_wall(MIDNIGHT + 8 * HOUR)
    engine.step(idle=True)
    aggregate(node, work)
    assert rows_of(engine) == []


def test_a_concentration_without_its_oxygen_is_stated(node: Node) -> None:
    book = confirmed("companion", "flue_gas")
    node.directory.publish(
        make_directory(2, **stack(), rulebook_version=RulebookStore(node.folder.rulebook).keep(book))
    )
    engine = node.engine(recovering=False)
    work = Work(engine, PipelineSettings(node.folder.root, ask_for_history=False), node.clock)
    engine.recover()
    send(node, engine, dict.fromkeys(range(5), 30.0), factor="a21002")
    send(node, engine, dict.fromkeys((0, 1, 4), 9.0), factor="a19001")
    aggregate(node, work)
    assert rows_of(engine) == [("check-companion", MIDNIGHT + 2 * HOUR, MIDNIGHT + 4 * HOUR)]


def test_the_batch_log_gives_the_same_findings_again(made: Made) -> None:
    node, engine, work = made
    switch_on(node, confirmed())
    send(node, engine, dict.fromkeys(range(8), 12.0))
    aggregate(node, work)
    before, first = everything(engine.lake), rows_of(engine)
    assert first
    aggregate(node, work)
    assert rows_of(engine) == first
    assert everything(engine.lake) == before


def test_own_hours_are_looked_at_where_minutes_are_sent(made: Made) -> None:
    node, engine, work = made
    switch_on(node, confirmed())
    minutes = [MIDNIGHT + timedelta(minutes=number) for number in range(6 * 60)]
    node.journal([node.upload(at, {"a21026": 12}) for at in minutes])
    node.clock.set_wall(MIDNIGHT + 7 * HOUR)
    engine.step(idle=True)
    aggregate(node, work)
    assert rows_of(engine) == [("check-constant", MIDNIGHT, MIDNIGHT + 6 * HOUR)]


def test_every_selector_finds_its_row_and_every_check_its_words() -> None:
    assert called_checks() <= {one.id for one in catalogue()}
    for check in called_checks():
        found = [
            medium
            for medium in ("air", "flue_gas", "waste_water", "noise")
            if calling_row(packaged(), check, medium, DAY)
        ]
        assert found, check
        assert "check-" + check.replace("_", "-") in CATALOGUE
    assert not any(may_follow(packaged(), check, "air") for check in called_checks())
    assert may_follow(confirmed(), "constant", "air")
    assert not may_follow(confirmed(), "constant", "noise"), "another row calls for it there"
