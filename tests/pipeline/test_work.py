"""Rules, aggregation, gaps, imports and replays around the engine."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.pipeline.node import FACTORS, MN, START, Node, everything, make_directory, minutes, wire

from qingjian.contracts.clock import CHINA
from qingjian.contracts.commands import CommandState
from qingjian.contracts.directory import Series
from qingjian.contracts.findings import Finding
from qingjian.gateway.commands import SqliteCommandQueue
from qingjian.intake import ImportResult, ImportSource, KeptFiles, Spool, submit
from qingjian.pipeline.corrections import CorrectionOrder, order_correction
from qingjian.pipeline.engine import Engine
from qingjian.pipeline.rules import CATALOGUE
from qingjian.pipeline.settings import GapSettings, PipelineSettings
from qingjian.pipeline.stating import LISTED
from qingjian.pipeline.work import Work
from qingjian.rulebook import packaged

END = START + timedelta(days=60)


def platform(number: int, factor: str) -> Series:
    like = make_directory().series[0]
    return replace(
        like, id=number, code=f"P1:{factor}:own", factor=factor, origin="platform", device="", expected={}
    )


@pytest.fixture
def made(node: Node) -> tuple[Node, Engine, Work, SqliteCommandQueue]:
    directory = make_directory()
    node.directory.publish(
        make_directory(2, series=[*directory.series, platform(11, FACTORS[0]), platform(12, FACTORS[1])])
    )
    engine = node.engine()
    queue = SqliteCommandQueue(node.folder.commands)
    work = Work(
        engine,
        PipelineSettings(node.folder.root),
        node.clock,
        queue,
        GapSettings(pause=timedelta(minutes=10), most_periods=60),
    )
    engine.recover()
    return node, engine, work, queue


Made = tuple[Node, Engine, Work, SqliteCommandQueue]


def newest(engine: Engine, rule: str) -> list[Finding]:
    found: dict[str, Finding] = {}
    for _, finding in engine.findings.read(0, 10_000):
        if finding.rule == rule:
            found[finding.id] = finding
    return list(found.values())


def test_every_rule_is_explained_in_both_languages() -> None:
    assert set(CATALOGUE) == {
        "device-silent",
        "flag-not-normal",
        "gap",
        "clock-drift",
        "sub-packets-missing",
        "frame-unread",
        "order-failed",
        "journal-unavailable",
        "changed-after-the-fact",
        "device-against-platform",
        "interval-not-registered",
        "series-not-computed",
        "check-companion",
        "check-constant",
        "check-detection-limit",
        "check-flat",
        "check-spike",
        "check-step",
    }
    for rule in CATALOGUE.values():
        assert rule.title_zh
        assert rule.title_en
        assert rule.explanation_zh.endswith("。")
        assert rule.explanation_en.endswith(".")


def test_a_change_after_the_fact_names_both_frames(made: Made) -> None:
    node, engine, _, _ = made
    node.journal([node.upload(at, {"a21026": 1}) for at in minutes(3)])
    engine.step(idle=True)
    node.clock.advance(3600)
    node.journal([node.upload(at, {"a21026": 2}) for at in minutes(3)])
    engine.step(idle=True)
    (finding,) = newest(engine, "changed-after-the-fact")
    assert finding.subject == "P1:a21026"
    assert (finding.start, finding.end) == (START, START + timedelta(minutes=3))
    first = finding.evidence["changes"][0]
    assert (first["old"]["value"], first["new"]["value"]) == (1, 2)
    assert first["frames"] == [["gateway-1", 1], ["gateway-1", 4]]
    assert finding.evidence["periods"] == 3


def test_a_finding_says_how_many_changes_there_are_beside_those_it_lists(made: Made) -> None:
    node, engine, _, _ = made
    for value in (1, 2):
        node.journal([node.upload(at, {"a21026": value}) for at in minutes(LISTED + 5)])
        engine.step(idle=True)
        node.clock.advance(7200)
    (finding,) = newest(engine, "changed-after-the-fact")
    assert finding.evidence["periods"] == LISTED + 5
    assert len(finding.evidence["changes"]) == LISTED
    assert finding.evidence["changes_in_all"] == LISTED + 5


def test_a_silent_device_is_found_and_heard_again(made: Made) -> None:
    node, engine, work, _ = made
    node.journal([node.upload(START, {"a21026": 1})])
    engine.step(idle=True)
    node.clock.advance(3599)
    assert work.watch_silence() == 0
    node.clock.advance(2)
    assert work.watch_silence() == 1
    assert work.watch_silence() == 0
    (finding,) = engine.findings.open_findings("device-silent")
    assert (finding.subject, finding.start) == ("D1", START)
    node.journal([node.upload(START, {"a21026": 1})])
    engine.step(idle=True)
    assert engine.findings.open_findings("device-silent") == []
    assert newest(engine, "device-silent")[0].end == node.clock.now()


def test_while_the_node_was_away_nobody_was_silent(made: Made) -> None:
    node, engine, _, _ = made
    node.journal([node.upload(START, {"a21026": 1})])
    engine.step(idle=True)
    engine.lake.close()
    node.clock.advance(7200)
    again = node.engine(recovering=False)
    restarted = Work(again, PipelineSettings(node.folder.root), node.clock)
    again.recover()
    assert restarted.watch_silence() == 0, "it was the node that could not hear"
    node.clock.advance(3601)
    assert restarted.watch_silence() == 1
    (finding,) = again.findings.open_findings("device-silent")
    assert (finding.subject, finding.start) == ("D1", START)


def test_a_gateway_that_cannot_write_is_found_and_recovers(made: Made) -> None:
    node, engine, work, _ = made
    path = node.folder.presence.parent / "gateway-1.status.json"
    since = node.clock.now().isoformat()

    def say(failing: str | None, state: str = "running") -> None:
        status = {
            "name": "gateway-1",
            "state": state,
            "journal_failing_from": failing,
            "journal_reason": "full",
        }
        path.write_text(json.dumps(status))

    (path.parent / "gateway-2.status.json").write_text("{half")
    say(None)
    assert work.watch_journals() == 0
    say(since)
    assert work.watch_journals() == 1
    assert work.watch_journals() == 0
    (finding,) = engine.findings.open_findings("journal-unavailable")
    assert (finding.subject, finding.severity, finding.evidence) == (
        "gateway-1",
        "critical",
        {"reason": "full"},
    )
    node.clock.advance(30)
    say(None)
    assert work.watch_journals() == 1
    assert engine.findings.open_findings("journal-unavailable") == []
    say((node.clock.now()).isoformat())
    work.watch_journals()
    say(since, "stopped")
    work.watch_journals()
    assert engine.findings.open_findings("journal-unavailable") == []


def test_a_device_never_heard_is_silent_too(made: Made) -> None:
    node, engine, work, _ = made
    node.clock.advance(3700)
    work.watch_silence()
    assert [one.subject for one in engine.findings.open_findings("device-silent")] == ["D1"]


def test_runs_of_marks_that_are_not_normal(made: Made) -> None:
    node, engine, _, _ = made
    flags = "NNMMDNNC"
    for number, (at, flag) in enumerate(zip(minutes(len(flags)), flags, strict=True)):
        node.journal([node.upload(at, {"a21026": number}, flag=flag)])
        engine.step(idle=True)
    closed, still = sorted(newest(engine, "flag-not-normal"), key=lambda one: one.start)
    assert (closed.start, closed.end) == (START + timedelta(minutes=2), START + timedelta(minutes=5))
    assert closed.evidence["flags"] == ["M", "D"]
    assert closed.evidence["periods"] == 3
    assert (still.start, still.end, still.evidence["flags"]) == (START + timedelta(minutes=7), None, ["C"])


def test_a_drifting_clock(made: Made) -> None:
    node, engine, _, _ = made
    for drift in (0, 400, 400, 10):
        node.clock.set_wall(START + timedelta(seconds=drift))
        now = node.upload(node.clock.now(), {"a21026": 1}, command="2011")
        node.clock.set_wall(START)
        node.journal([now])
        engine.step(idle=True)
    (finding,) = newest(engine, "clock-drift")
    assert finding.evidence["offset_seconds"] == 400
    assert finding.end is not None


@pytest.mark.parametrize("days", [1, -1])
def test_a_clock_that_jumps_by_a_day_is_seen_in_hours_too(made: Made, days: int) -> None:
    node, engine, _, _ = made
    for jump in (0, days, 0):
        moment = node.clock.now() + timedelta(days=jump)
        content = node.sender.upload(
            "2061", wire(moment - timedelta(hours=1)), [[("a21026-Avg", "1")]], wire(moment) + "000"
        )
        node.journal([content])
        engine.step(idle=True)
        node.clock.advance(3_600)
    (finding,) = newest(engine, "clock-drift")
    assert abs(finding.evidence["offset_seconds"]) >= 86_400 - 3_600
    assert finding.end is not None


def test_hours_resent_with_their_old_number_say_nothing_of_the_clock(made: Made) -> None:
    node, engine, _, _ = made
    sent = node.upload(START, {"a21026": 1}, command="2061")
    node.clock.advance(5 * 3_600)
    node.journal([sent])
    engine.step(idle=True)
    assert newest(engine, "clock-drift") == []


def test_own_hours_are_stored_with_their_rule_and_compared(made: Made) -> None:
    node, engine, work, _ = made
    node.journal([node.upload(at, {"a21026": 10 + n % 2, "a21002": 5}) for n, at in enumerate(minutes(60))])
    node.journal([node.upload(START, {"a21026": "12.0", "a21002": "5.0"}, command="2061")])
    engine.step(idle=True)
    node.clock.advance(3600)
    assert work.aggregate()
    assert engine.lake.series([11], "hour", START, END).num_rows == 0  # the hour ended, but not by the grace
    node.clock.advance(400)
    assert work.aggregate()
    row = engine.lake.series([11], "hour", START, END).to_pylist()[0]
    assert row["value"] == 10.5
    assert row["source"].startswith("rule:")
    assert row["source"].endswith("@" + packaged().version)
    assert engine.lake.series([12], "hour", START, END)["value"].to_pylist() == [5]
    (finding,) = newest(engine, "device-against-platform")
    assert (finding.subject, finding.evidence["own"], finding.evidence["sent"]) == ("P1:a21026", 10.5, 12)
    assert not work.aggregate()


def test_a_late_minute_makes_a_revision_of_the_hour_and_no_finding_of_change(made: Made) -> None:
    node, engine, work, _ = made
    at = minutes(60)
    node.journal([node.upload(one, {"a21026": 10}) for one in at[:59]])
    engine.step(idle=True)
    node.clock.advance(4000)
    work.aggregate()
    node.journal([node.upload(at[59], {"a21026": 70})])
    engine.step(idle=True)
    work.aggregate()
    history = engine.lake.observation_history(11, "hour", START)
    assert history["value"].to_pylist() == [10, 11]
    assert newest(engine, "changed-after-the-fact") == []
    assert engine.latest.read([11], "hour")[0].value == 11


def test_days_and_months_follow_from_hours(made: Made) -> None:
    node, engine, work, _ = made
    hours = [START + timedelta(hours=16 + n) for n in range(24 * 31)]
    node.journal([node.upload(at, {"a21002": n // 24}, command="2061") for n, at in enumerate(hours)])
    engine.step(idle=True)
    node.clock.advance(40 * 86_400)
    assert work.aggregate()  # the newest month first
    assert engine.lake.series([12], "day", START, END)["value"].to_pylist() == [30.0]
    assert work.aggregate()
    assert not work.aggregate()
    days = engine.lake.series([12], "day", START, END)
    assert days["value"].to_pylist() == [float(n) for n in range(31)]
    assert days["flag"].to_pylist() == ["N"] * 31
    (month,) = engine.lake.series([12], "month", START - timedelta(days=40), END).to_pylist()
    assert (month["start"], month["value"]) == (START - timedelta(hours=8), sum(range(30)) / 30)


def test_gaps_are_stated_asked_for_and_filled(made: Made) -> None:
    node, engine, work, queue = made
    at = minutes(180)
    node.journal([node.upload(one, {"a21026": 1, "a21002": 1, "a34004": 1}) for one in at[:60] + at[90:]])
    engine.step(idle=True)
    node.clock.advance(3 * 3600 + 1000)
    work.look_for_gaps()
    minute_gaps = [one for one in newest(engine, "gap") if one.evidence["statistic"] == "minute"]
    assert {(one.subject, one.start, one.end) for one in minute_gaps} == {
        (f"P1:{factor}", at[60], at[90]) for factor in FACTORS
    }
    (command,) = [one for one in queue.recent() if one.code == "2051"] or [None]
    others = [one.code for one in queue.recent()]
    assert others in (["2051"], ["2061"])  # one waiting command per device
    if command is None:  # the hours were asked for first; the minutes follow after the pause
        first = queue.recent()[0]
        queue.claim("g", [MN], node.clock.now())
        queue.update(first.id, node.clock.now(), state=CommandState.SENT)
        queue.update(first.id, node.clock.now(), state=CommandState.SUCCEEDED)
        node.clock.advance(700)
        work.look_for_gaps()
        command = next(one for one in queue.recent() if one.code == "2051")
    assert command.parameters == {"BeginTime": "20260301090000", "EndTime": "20260301092900"}
    assert command.authorisation == "rule:gap@1"
    node.journal([node.upload(one, {"a21026": 1, "a21002": 1, "a34004": 1}) for one in at[60:90]])
    engine.step(idle=True)
    work.look_for_gaps()
    minute_gaps = [one for one in newest(engine, "gap") if one.evidence["statistic"] == "minute"]
    assert all(one.evidence["filled"] for one in minute_gaps)


def test_what_ended_while_the_node_was_away_has_its_time_to_come(made: Made) -> None:
    """A new node with a history, and any after an upgrade: devices that keep their data deliver them when they connect."""
    node, engine, _, queue = made
    at = minutes(240)
    node.journal([node.upload(one, dict.fromkeys(FACTORS, 1)) for one in at[:60]])
    engine.step(idle=True)
    node.clock.advance(4 * 3600 + 1000)
    again = Work(engine, PipelineSettings(node.folder.root), node.clock, queue)
    assert again.look_for_gaps() == 0
    assert queue.recent() == []
    node.journal([node.upload(one, dict.fromkeys(FACTORS, 1)) for one in at[60:180]])
    engine.step(idle=True)
    node.clock.advance(899)
    assert again.look_for_gaps() == 0
    node.clock.advance(1)
    again.look_for_gaps()
    found = [one for one in newest(engine, "gap") if one.evidence["statistic"] == "minute"]
    assert {(one.start, one.end) for one in found} == {(at[180], None)}


def test_a_gap_that_lasts_ends_when_all_that_was_owed_has_come(made: Made) -> None:
    """Of days the next is judged a day later: until then its alert stood open with nothing missing."""
    node, engine, work, _ = made
    at = minutes(180)
    node.journal([node.upload(one, dict.fromkeys(FACTORS, 1)) for one in at[:60]])
    engine.step(idle=True)
    node.clock.advance(3 * 3600 + 1000)
    work.look_for_gaps()
    assert {one.end for one in newest(engine, "gap") if one.evidence["statistic"] == "minute"} == {None}
    node.journal([node.upload(one, dict.fromkeys(FACTORS, 1)) for one in at[60:]])
    engine.step(idle=True)
    work.look_for_gaps()
    found = [one for one in newest(engine, "gap") if one.evidence["statistic"] == "minute"]
    assert {(one.start, one.end, one.evidence["filled"]) for one in found} == {
        (at[60], START + timedelta(hours=3), True)
    }
    node.clock.advance(3600)
    work.look_for_gaps()
    found = [one for one in newest(engine, "gap") if one.evidence["statistic"] == "minute"]
    assert {one.start for one in found} == {at[60], START + timedelta(hours=3)}


def test_asking_is_bounded_in_size_number_and_tries(made: Made) -> None:
    node, engine, work, queue = made
    node.journal([node.upload(one, dict.fromkeys(FACTORS, 1)) for one in (START, START + timedelta(hours=5))])
    engine.step(idle=True)
    node.clock.advance(6 * 3600 + 1000)
    for _ in range(60):
        work.look_for_gaps()
        waiting = [one for one in queue.recent(MN, 50) if not one.state.is_final]
        assert len(waiting) <= 1
        for one in waiting:
            if one.code == "2051":
                begin, end = one.parameters["BeginTime"], one.parameters["EndTime"]
                assert int(end[8:10]) - int(begin[8:10]) <= 1
            queue.claim("g", [MN], node.clock.now())
            queue.update(one.id, node.clock.now(), state=CommandState.FAILED)
        node.clock.advance(60)
    asked = queue.recent(MN, 500)
    assert len(asked) <= 7  # one in ten minutes


def test_an_import_order_is_carried_out_by_the_pipeline(made: Made, tmp_path: Path) -> None:
    node, engine, work, _ = made
    path = tmp_path / "history.csv"
    path.write_text("series,time,value\nP1:a21026,2026-03-01 08:00,7\nP1:nobody,2026-03-01 08:00,7\n")
    settings = PipelineSettings(node.folder.root)
    kept, spool = KeptFiles(node.folder.intake), Spool(settings.spool_folder)
    hourly = ImportSource("", statistic="hour")
    order = submit(path, kept=kept, spool=spool, source=hourly)
    assert isinstance(order, ImportSource)
    assert kept.result_of(order) is None
    assert work.take_orders() == 1
    result = kept.result_of(order)
    assert result is not None
    assert (result.new, [one.code for one in result.problems]) == (1, ["series-unknown"])
    assert engine.latest.read([1], "hour")[0].value == 7
    assert work.take_orders() == 0
    again = submit(path, kept=kept, spool=spool, source=hourly)
    assert isinstance(again, ImportSource)
    node.clock.advance(2)
    assert work.take_orders() == 1
    second = kept.result_of(again)
    assert second is not None
    assert (second.new, second.repeated, second.refused) == (0, 1, 1)
    path.write_text("series,time,value\nP1:a21026,2026-03-01 07:00,7\n")
    submit(path, kept=kept, spool=spool, source=hourly)
    node.clock.advance(2)
    work.take_orders()
    whole = submit(path, kept=kept, spool=spool, source=hourly)
    assert not isinstance(whole, ImportSource)
    assert whole.already


def test_a_file_fills_gaps_of_a_device_and_changes_nothing_the_device_sent(
    made: Made, tmp_path: Path
) -> None:
    node, engine, work, _ = made
    hour = timedelta(hours=1)
    node.journal([node.upload(START, {"a21026": {"Avg": "120", "Flag": "N"}}, command="2061")])
    engine.step(idle=True)
    kept, spool = KeptFiles(node.folder.intake), Spool(PipelineSettings(node.folder.root).spool_folder)

    def imported(name: str, *rows: tuple[datetime, str, str]) -> ImportResult:
        path = tmp_path / name
        lines = [
            f"P1:a21026,{at.astimezone(CHINA):%Y-%m-%d %H:%M},{value},{flag}" for at, value, flag in rows
        ]
        path.write_text("\n".join(["series,time,value,flag", *lines]))
        node.clock.advance(3602)
        order = submit(path, kept=kept, spool=spool, source=ImportSource("", statistic="hour"))
        work.take_orders()
        result = kept.result_of(order)
        assert result is not None
        return result

    result = imported("a.csv", (START, "12", ""), (START + hour, "13", ""))
    assert (result.new, result.changed, result.refused) == (1, 0, 1)
    assert [(one.row, one.code) for one in result.problems] == [(2, "measured-otherwise")]
    # Neither does a file put a mark on it; the same value again is no change.
    assert imported("b.csv", (START, "120", "D")).refused == 1
    assert imported("c.csv", (START, "120", "N")).repeated == 1
    # What came from a file only can be replaced by a file.
    assert imported("d.csv", (START + hour, "14", "")).changed == 1
    rows = engine.lake.series([1], "hour", START, START + 2 * hour).to_pylist()
    assert [(row["value"], row["flag"], row["revision"]) for row in rows] == [(120, "N", 0), (14, None, 1)]


def correct(node: Node, number: int, value: str, moment: datetime = START) -> CorrectionOrder:
    order = CorrectionOrder(number, 1, "minute", moment.isoformat(), {"value": value})
    order_correction(node.folder.corrections, order)
    return order


def test_a_correction_is_a_revision_that_names_it_and_no_alarm(made: Made) -> None:
    node, engine, work, _ = made
    node.journal([node.upload(START, {"a21026": {"Avg": "5.0", "Max": "6.0", "Flag": "N"}})])
    engine.step(idle=True)
    correct(node, 7, "4.20")
    assert work.take_orders() == 1
    first, second = engine.lake.observation_history(1, "minute", START).to_pylist()
    assert (first["value"], first["journal"], first["revision"]) == (5.0, "gateway-1", 0)
    assert (second["value"], second["value_decimals"], second["max"]) == (4.2, 2, 6.0)
    assert (second["source"], second["journal"], second["flag"]) == ("correction:7", None, "N")
    assert engine.latest.read([1], "minute")[0].value == 4.2
    assert newest(engine, "changed-after-the-fact") == []
    assert work.take_orders() == 0
    # Handed over once more after a crash: nothing happens.
    correct(node, 7, "4.20")
    assert work.take_orders() == 1
    assert engine.lake.observation_history(1, "minute", START).num_rows == 2


def test_a_device_that_sends_the_old_value_again_does_not_undo_a_correction(made: Made) -> None:
    node, engine, work, _ = made
    node.journal([node.upload(START, {"a21026": "5.0"})])
    engine.step(idle=True)
    correct(node, 1, "4.2")
    work.take_orders()
    node.journal([node.upload(START, {"a21026": "5.0"})])
    engine.step(idle=True)
    assert [row["value"] for row in engine.lake.observation_history(1, "minute", START).to_pylist()] == [
        5,
        4.2,
    ]
    assert engine.totals.repeated == 1
    node.journal([node.upload(START, {"a21026": "5.5"})])
    engine.step(idle=True)
    assert [row["value"] for row in engine.lake.observation_history(1, "minute", START).to_pylist()] == [
        5,
        4.2,
        5.5,
    ]
    assert len(newest(engine, "changed-after-the-fact")) == 1
    # An order that comes late once more does not bring its value back either.
    correct(node, 1, "4.2")
    work.take_orders()
    assert engine.lake.observation_history(1, "minute", START).num_rows == 3


def test_an_order_that_cannot_be_read_is_set_aside_and_nothing_is_made_up(made: Made) -> None:
    node, engine, work, _ = made
    correct(node, 2, "1", START + timedelta(days=9))
    for name, text in (("a", "{"), ("b", '{"number": 1}'), ("c", "[]")):
        (node.folder.corrections / f"{name}.json").write_text(text)
    assert work.take_orders() == 1
    assert sorted(one.name for one in node.folder.corrections.iterdir()) == [
        "a.unreadable",
        "b.unreadable",
        "c.unreadable",
    ]
    assert engine.lake.observation_history(1, "minute", START + timedelta(days=9)).num_rows == 0


def test_all_kinds_of_batches_are_carried_out_again_alike(made: Made, tmp_path: Path) -> None:
    node, engine, work, _ = made
    path = tmp_path / "history.csv"
    path.write_text("series,time,value\nP1:a21026,2026-03-01 08:00,7\n")
    settings = PipelineSettings(node.folder.root)
    node.journal([node.upload(at, {"a21026": n}) for n, at in enumerate(minutes(60))])
    engine.step(idle=True)
    submit(
        path,
        kept=KeptFiles(node.folder.intake),
        spool=Spool(settings.spool_folder),
        source=ImportSource("", statistic="hour"),
    )
    correct(node, 1, "99.5")
    work.take_orders()
    node.clock.advance(4000)
    work.aggregate()
    node.journal([node.upload(at, {"a21026": n}) for n, at in enumerate(minutes(60, 3))])
    engine.step(idle=True)
    node.clock.advance(4000)
    work.aggregate()
    first = everything(engine.lake)
    assert {row["series"] for row in first["observations"]} == {1, 11}
    again = node.engine("lake-2", "exchange-2", recovering=False)
    again.batches = engine.batches
    Work(again, replace(settings), node.clock)
    again.recover()
    assert everything(again.lake) == first


def test_the_engine_keeps_its_memory_over_a_restart(made: Made) -> None:
    node, engine, work, _ = made
    node.journal([node.upload(START, {"a21026": 1}, flag="D")])
    engine.step(idle=True)
    engine.close()
    engine.lake.close()
    again = node.engine()
    Work(again, PipelineSettings(node.folder.root), node.clock)
    node.journal([node.upload(START + timedelta(minutes=1), {"a21026": 1})])
    again.step(idle=True)
    (finding,) = newest(again, "flag-not-normal")
    assert finding.end == START + timedelta(minutes=1)
    assert work.errors == 0
