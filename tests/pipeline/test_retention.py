"""Journal segments go only when they are old and lake, ledger and every upper platform have their frames."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.pipeline.node import START, Node, make_directory
from tests.pipeline.test_joining import joined_style

from qingjian.contracts.anchored import Anchored, AnchoredPositions
from qingjian.contracts.directory import Target
from qingjian.gateway.positions import PositionStore
from qingjian.journal import JournalLimits, JournalReader, JournalWriter
from qingjian.pipeline.engine import Engine
from qingjian.pipeline.process import PipelineNode
from qingjian.pipeline.retention import release_segments
from qingjian.pipeline.settings import PipelineSettings
from qingjian.pipeline.work import Work

NAME = "gateway-1"
UPPER = Target("upper", "省平台", "192.0.2.1", 9000, ("*",))


def small_segments(node: Node) -> None:
    """A journal whose segments hold five frames."""
    node.writers[NAME] = JournalWriter.open(
        node.folder.journal,
        NAME,
        node.clock,
        JournalLimits(segment_frames=5, segment_seconds=10**9, minimum_free_bytes=0),
    )


def write(node: Node, count: int) -> None:
    for number in range(count):
        node.journal([node.upload(START + timedelta(minutes=number), {"a21026": number})])


def stored(node: Node, count: int = 20) -> Engine:
    small_segments(node)
    engine = node.engine()
    write(node, count)
    engine.step(idle=True)
    return engine


def anchor(node: Node, sequence: int) -> None:
    AnchoredPositions(node.folder.anchored).write({NAME: Anchored(1, sequence)})


def kept(node: Node) -> list[int]:
    with JournalReader(node.folder.journal / NAME) as reader:
        return [one.sequence for one in reader.read(0, 1_000)]


def release(node: Node, engine: Engine, days: float = 0, **changes: Any) -> dict[str, list[Path]]:
    return release_segments(
        node.folder,
        make_directory(**changes),
        engine.positions(),
        engine.waiting(),
        node.clock.now() - timedelta(days=days) + timedelta(seconds=1),
    )


def test_what_all_have_goes_and_the_last_segment_stays(node: Node) -> None:
    engine = stored(node)
    anchor(node, 20)
    assert len(release(node, engine)[NAME]) == 3
    assert kept(node) == list(range(16, 21))
    write(node, 1)
    engine.step(idle=True)
    assert engine.positions() == {NAME: 21}
    assert engine.lake.frame(NAME, 1) is not None


def test_what_is_not_in_the_ledger_stays(node: Node) -> None:
    engine = stored(node)
    assert release(node, engine) == {}
    anchor(node, 9)
    release(node, engine)
    assert kept(node)[0] == 6


def test_what_is_not_in_the_lake_stays(node: Node) -> None:
    engine = stored(node, 7)
    write(node, 13)
    anchor(node, 20)
    release(node, engine)
    assert kept(node)[0] == 6
    engine.step(idle=True)
    assert engine.totals.frames == 20


def test_what_an_upper_platform_has_not_got_stays(node: Node) -> None:
    engine = stored(node)
    anchor(node, 20)
    assert release(node, engine, targets=[UPPER]) == {}, "a target that has not begun needs all of it"
    store = PositionStore(node.folder.forwarding)
    store.begin("upper", NAME, 0)
    store.advance("upper", NAME, 11, node.clock.now(), forwarded=11)
    other = replace(UPPER, id="second")
    assert release(node, engine, targets=[UPPER, other]) == {}
    release(node, engine, targets=[UPPER, replace(other, enabled=False)])
    assert kept(node)[0] == 11
    store.close()


def test_what_is_younger_than_the_setting_stays(node: Node) -> None:
    small_segments(node)
    engine = node.engine()
    for _ in range(10):
        write(node, 2)
        node.clock.advance(86_400)
    engine.step(idle=True)
    anchor(node, 20)
    assert release(node, engine, days=30) == {}
    release(node, engine, days=4)
    assert kept(node)[0] == 11, "frames 1-14 are older; the segment of 11-15 holds the border"


def test_sub_packets_that_wait_stay(node: Node) -> None:
    small_segments(node)
    engine = node.engine()
    node.journal([joined_style(3)[0]])
    write(node, 19)
    engine.step(idle=True)
    anchor(node, 20)
    assert engine.waiting() == {NAME: [1]}
    assert release(node, engine) == {}


@pytest.mark.parametrize(("days", "left"), [(0.0, 20), (1.0, 5)])
def test_the_chore_follows_the_setting(node: Node, days: float, left: int) -> None:
    stored(node).lake.close()
    anchor(node, 20)
    node.clock.advance(2 * 86_400)
    settings = PipelineSettings(node.folder.root, journal_days=days, ask_for_history=False)
    process = PipelineNode(settings, node.clock)
    process.start()
    work = Work(process.engine, settings, node.clock)
    work.release()
    assert len(kept(node)) == left
    process.stop()
