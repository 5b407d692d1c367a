"""A real process killed with SIGKILL while it sequences."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.notary.conftest import ORIGIN

from qingjian.contracts.clock import SystemClock
from qingjian.ledger.checkpoint import open_checkpoint
from qingjian.ledger.tiles import TileNodes
from qingjian.ledger.tree import root
from qingjian.notary.files import CHECKPOINT
from qingjian.notary.fsck import fsck
from qingjian.notary.hammer import LoadOutbox
from qingjian.notary.notary import Notary

PROGRAM = """
import sys
from pathlib import Path
from qingjian.contracts.clock import SystemClock
from qingjian.notary.hammer import LoadOutbox
from qingjian.notary.notary import Notary
notary = Notary(Path(sys.argv[1]), SystemClock())
print("open", flush=True)
outbox = LoadOutbox(30_000)
while notary.sequence([outbox], 300).added:
    pass
"""


@pytest.mark.faults
def test_kill_while_sequencing(folder: Path) -> None:
    Notary(folder, SystemClock(), origin=ORIGIN).close()
    chance = random.Random(5)
    published: dict[int, bytes] = {}
    for _ in range(3):
        command = [sys.executable, "-c", PROGRAM, str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            # Waiting for progress, not for time: the kill falls anywhere in a later round.
            for _ in range(chance.randrange(20, 300)):
                note = (folder / "public" / shard_name(folder) / CHECKPOINT).read_bytes()
            while note == (folder / "public" / shard_name(folder) / CHECKPOINT).read_bytes():
                time.sleep(0)
            process.kill()
        notary = Notary(folder, SystemClock())
        assert notary.frozen is None
        row = notary.state.shards()[-1]
        current = notary.files(row.name).read(CHECKPOINT)
        assert current is not None
        head = open_checkpoint(current, notary.verifier_keys(row.name)).checkpoint
        assert head.size == row.size
        published[head.size] = head.root
        nodes = TileNodes(row.size, notary.files(row.name).tile)
        assert all(root(size, nodes.read) == found for size, found in published.items())
        assert notary.sequence([LoadOutbox(10)]).added == 10
        assert fsck(notary)[0].problems == []
        notary.close()
    assert len(published) == 3


def shard_name(folder: Path) -> str:
    return next(path.parent.name for path in (folder / "public").glob(f"*/{CHECKPOINT}"))
