"""History that comes in beside live data: nothing is lost or mixed up, and the live value stays the latest."""

from datetime import timedelta

from tests.pipeline.node import FACTORS, START, Node, minutes

from qingjian.pipeline.engine import READ_AT_ONCE
from qingjian.pipeline.settings import PipelineSettings
from qingjian.pipeline.work import Work

DAYS = 2


def test_a_backfill_flows_beside_live_data(node: Node) -> None:
    engine = node.engine(batch_seconds=20.0)
    node.clock.set_wall(START + timedelta(days=DAYS))
    live_begins = node.clock.now()
    history = [START + timedelta(minutes=number) for number in range(DAYS * 24 * 60)]
    rounds = 0
    # Newest first, as a 2025 device resends; 60 minutes of history for one live minute.
    for place in range(len(history), 0, -60):
        node.clock.advance(60)
        live = live_begins + timedelta(minutes=rounds)
        rounds += 1
        part = [node.upload(at, dict.fromkeys(FACTORS, at.minute)) for at in history[place - 60 : place]]
        node.journal([*part, node.upload(live, dict.fromkeys(FACTORS, 1_000 + rounds))])
        engine.step()
        values = engine.latest.read([1], "minute")
        assert [(one.start, one.value) for one in values] == [(live, 1_000 + rounds)], (
            "history never hides it"
        )
    engine.step(idle=True)
    assert engine.totals.changed == engine.totals.repeated == 0
    for number in range(1, len(FACTORS) + 1):
        rows = engine.lake.series([number], "minute", START, START + timedelta(days=DAYS + 1))
        assert rows["value"].to_pylist() == [at.minute for at in history] + [
            1_000 + number for number in range(1, rounds + 1)
        ]


def test_live_data_do_not_wait_for_a_backlog_of_history(node: Node) -> None:
    """One gateway process is flooded with history, the device beside it speaks through another one."""
    engine = node.engine(batch_seconds=20.0)
    begins = START + timedelta(days=30)
    node.clock.set_wall(begins)
    backlog = 2 * READ_AT_ONCE + 10
    node.journal([node.upload(at, {FACTORS[0]: 1}) for at in minutes(backlog)])
    read = 0
    for number in range(3):
        node.clock.advance(1)
        live = begins + timedelta(minutes=number)
        node.journal([node.upload(live, {FACTORS[1]: 1_000 + number})], name="gateway-2")
        read += engine.step()
        (value,) = engine.latest.read([2], "minute")
        assert (value.start, value.value) == (live, 1_000 + number), "shown in the step that read it"
        assert read <= (number + 1) * (READ_AT_ONCE + 1)
    assert read == backlog + 3
    engine.step(idle=True)
    assert engine.lake.series([1], "minute", START, begins).num_rows == backlog
    assert engine.latest.read([1], "minute")[0].start == START + timedelta(minutes=backlog - 1)


def test_marks_of_history_say_nothing_of_the_present(node: Node) -> None:
    engine = node.engine()
    Work(engine, PipelineSettings(node.folder.root), node.clock)
    node.clock.set_wall(START + timedelta(days=2))
    node.journal([node.upload(at, {"a21026": 1}) for at in minutes(5, 2 * 1440 - 5)])
    engine.step(idle=True)
    node.journal([node.upload(at, {"a21026": 1}, flag="M") for at in minutes(60)])
    engine.step(idle=True)
    assert engine.findings.open_findings() == []
    node.clock.advance(60)
    node.journal([node.upload(START + timedelta(days=2), {"a21026": 1}, flag="M")])
    engine.step(idle=True)
    (finding,) = engine.findings.open_findings("flag-not-normal")
    assert finding.start == START + timedelta(days=2)
