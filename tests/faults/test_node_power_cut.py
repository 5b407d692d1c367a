"""A power cut of the whole data folder: what was acknowledged, accepted or published before it is there after it.

The shim of `power` stands in for the disk of every file the node writes itself; SQLite files are taken as they are at the
cut, because SQLite flushes each commit before it returns (asserted for the journal in `test_gateway_power`).
"""

import os
import random
from datetime import timedelta
from pathlib import Path

import pytest
from tests.faults.power import Disk, PowerCutError
from tests.pipeline.node import FACTORS, START, Node, everything, make_directory, minutes, open_node
from tests.pipeline.test_work import platform

from qingjian.contracts.anchored import Anchored, AnchoredPositions
from qingjian.contracts.directory import FileDirectoryStore
from qingjian.contracts.folders import DataFolder
from qingjian.contracts.rulebooks import RulebookStore
from qingjian.intake import ImportSource, KeptFiles, Spool, submit
from qingjian.pipeline.engine import Engine
from qingjian.pipeline.process import PipelineNode
from qingjian.pipeline.replay import order_replay
from qingjian.pipeline.settings import PipelineSettings
from qingjian.pipeline.work import Work
from qingjian.rulebook import packaged

pytestmark = [pytest.mark.faults]
END = START + timedelta(days=60)


def settings(node: Node) -> PipelineSettings:
    return PipelineSettings(node.folder.root, ask_for_history=False, aggregate_seconds=1.0, journal_days=0)


def start(node: Node) -> PipelineNode:
    process = PipelineNode(settings(node), node.clock)
    process.start()
    return process


def lights_out(node: Node, process: PipelineNode, disk: Disk) -> Node:
    """Cut the power, and come back on what the disk kept."""
    disk.hold()
    for writer in node.writers.values():
        writer.close()
    process.engine.lake.close()
    for store in (process.engine.batches, process.engine.findings, process.engine.latest):
        store.close()
    disk.restore()
    disk.left = 10**9
    folder = DataFolder(node.folder.root)
    return Node(folder, node.clock, FileDirectoryStore(folder.directory), sent=node.sent)


def publish(node: Node) -> int:
    """A new directory with its rulebook, as the registry publishes them."""
    before = node.directory.current()
    assert before is not None
    version = RulebookStore(node.folder.rulebook).keep(packaged())
    series = [*make_directory().series, platform(11, FACTORS[0])]
    node.directory.publish(make_directory(before.version + 1, rulebook_version=version, series=series))
    return before.version + 1


def file_of(number: int, folder: Path) -> Path:
    path = folder.parent / f"hours-{number}.csv"
    start = f"2026-02-{1 + number:02d} 00:00"
    path.write_text(f"series,time,value\nP1:a21002,{start},{number}.5\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("seed", range(3))
def test_after_a_cut_nothing_promised_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    root = tmp_path / "data"
    with open_node(root) as node:
        disk = Disk(root)
        disk.everything_is_durable()
        monkeypatch.setattr(os, "fsync", disk.sync)
        process = start(node)
        published, imported, perhaps, cuts = publish(node), 0, 0, 0
        for round_number in range(10):
            node.journal(
                [
                    node.upload(at, {"a21026": round_number})
                    for at in minutes(6, 6 * round_number + chance.randrange(3))
                ]
            )
            node.clock.advance(chance.choice([2, 90, 3_700]))
            disk.left = chance.randrange(1, 60)
            try:
                if chance.random() < 0.3:
                    published = publish(node)
                if chance.random() < 0.3:
                    perhaps += 1
                    submit(
                        file_of(round_number, root),
                        kept=KeptFiles(node.folder.intake),
                        spool=Spool(settings(node).spool_folder),
                        source=ImportSource("", statistic="hour"),
                    )
                    imported += 1
                if chance.random() < 0.2:
                    begin, end = node.clock.now() - timedelta(days=9000), node.clock.now() + timedelta(days=1)
                    order_replay(settings(node).replay_folder, "A" * 24, begin, end)
                if chance.random() < 0.2:
                    AnchoredPositions(node.folder.anchored).write({"gateway-1": Anchored(1, node.sent)})
                for _ in range(3):
                    process.turn()
                    node.clock.advance(6)
                process.engine.close_batch()
            except PowerCutError:
                cuts += 1
                node = lights_out(node, process, disk)
                current = node.directory.current()
                assert current is not None
                assert current.version >= published, "what publish promised is there"
                published = current.version
                assert RulebookStore(node.folder.rulebook).read(current.rulebook_version)
                process = start(node)
        disk.left = 10**9
        for _ in range(4):
            process.turn()
            node.clock.advance(61)
        process.engine.close_batch()
        assert cuts > 0
        assert process.work.errors == 0
        frames = everything(process.engine.lake)["frames"]
        assert [row["sequence"] for row in frames] == list(range(1, node.sent + 1))
        got = process.engine.lake.series([2], "hour", START - timedelta(days=60), END)
        assert imported <= got.num_rows <= perhaps
        assert_rebuilt(node, process.engine)
        process.stop()


def assert_rebuilt(node: Node, engine: Engine) -> None:
    """The log over an empty lake gives the same content."""
    again = node.engine("lake-2", "exchange-2", recovering=False, batches=engine.batches)
    Work(again, settings(node), node.clock)
    again.recover()
    assert everything(again.lake) == everything(engine.lake)
    again.lake.close()
