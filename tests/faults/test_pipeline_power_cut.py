"""A power cut: of the lake only what was fsynced is left, and the journal refills the rest.

A shim stands in for the disk: `os.fsync` of a file keeps its content, of a folder the names in it. The cut comes at a
random fsync; the lake is laid out again from what was kept, the SQLite files as they are (SQLite does its own fsync).
"""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.power import Disk, PowerCutError
from tests.pipeline.node import Node, everything, minutes, open_node

pytestmark = [pytest.mark.faults]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with open_node(tmp_path) as made:
        yield made


@pytest.mark.parametrize("seed", range(8))
def test_after_a_power_cut_the_journal_refills_the_lake(
    node: Node, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    disk = Disk(node.folder.lake)
    monkeypatch.setattr(os, "fsync", disk.sync)
    engine = node.engine()
    cuts = 0
    for round_number in range(12):
        node.journal(
            [node.upload(at, {"a21026": round_number % 3}) for at in minutes(5, chance.randrange(0, 12))]
        )
        node.clock.advance(2)
        disk.left = chance.randrange(1, 25)
        try:
            engine.step(idle=True)
            if chance.random() < 0.4:
                engine.lake.compact(at_least=2)
            if chance.random() < 0.3:
                engine.lake.checkpoint()
        except PowerCutError:
            cuts += 1
            engine.lake.close()
            engine.batches.close()
            disk.restore()
            disk.left = 10**9
            engine = node.engine()
    disk.left = 10**9
    engine.step(idle=True)
    assert cuts > 0
    frames = everything(engine.lake)["frames"]
    assert [row["sequence"] for row in frames] == list(range(1, node.sent + 1))
    again = node.engine("lake-2", "exchange-2", batches=engine.batches)
    assert everything(again.lake) == everything(engine.lake)
