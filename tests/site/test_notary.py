from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from qingjian.contracts.clock import ManualClock
from qingjian.contracts.folders import DataFolder
from qingjian.journal import JournalWriter, NewFrame
from qingjian.journal.frame import Kind
from qingjian.notary.contents import batch_place
from qingjian.notary.fsck import fsck
from qingjian.notary.service import NotaryService
from qingjian.site.configuration import Configuration
from qingjian.site.notary import FrameBatches, open_notary

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


def write(folder: DataFolder, clock: ManualClock, count: int) -> None:
    writer = JournalWriter.open(folder.journal, "gateway-1", clock)
    for number in range(count):
        writer.append_many(
            [
                NewFrame(
                    content=f"frame {number}".encode(),
                    received_us=int(clock.now().timestamp() * 1e6),
                    peer="127.0.0.1:1",
                    connection=1,
                    mn="MN1",
                    kind=Kind.ACCEPTED,
                )
            ]
        )
        writer.close_batch()
    writer.close()


def test_every_closed_batch_enters_the_ledger_once(tmp_path: Path) -> None:
    folder, clock = DataFolder(tmp_path), ManualClock(NOW)
    folder.make()
    write(folder, clock, 5)
    notary = open_notary(folder, Configuration(), clock)
    service, batches = NotaryService(notary, []), FrameBatches(folder, notary)
    assert batches.enter() == 5
    before = service.tick().added
    batches.remember()
    assert batches.enter() == 0
    # The position file is only a short cut: without it nothing is entered twice.
    (folder.ledger / "journal-positions.json").unlink()
    again = FrameBatches(folder, notary)
    assert again.enter() == 5
    assert service.tick().added == 0
    assert before >= 5
    assert batch_place(notary, "gateway-1", 1) is not None
    assert fsck(notary, [])[0].problems == []
