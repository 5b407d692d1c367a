from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import OperationalError

from qingjian.contracts.anchored import Anchored, AnchoredPositions
from qingjian.contracts.clock import ManualClock
from qingjian.contracts.folders import DataFolder
from qingjian.journal import JournalWriter, NewFrame
from qingjian.journal.frame import Kind
from qingjian.notary.contents import batch_place
from qingjian.notary.fsck import fsck
from qingjian.notary.service import NotaryService
from qingjian.site.configuration import Configuration
from qingjian.site.notary import FrameBatches, _say, _tick, open_notary

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
    assert batch_place(notary, "gateway-1", 1, 1) is not None
    assert fsck(notary, [])[0].problems == []


def test_the_ledger_says_how_far_each_journal_is_anchored(tmp_path: Path) -> None:
    folder, clock = DataFolder(tmp_path), ManualClock(NOW)
    folder.make()
    write(folder, clock, 4)
    notary = open_notary(folder, Configuration(), clock)
    service, batches = NotaryService(notary, []), FrameBatches(folder, notary)
    batches.enter()
    assert not batches.anchor(), "what waits for the ledger is not in it"
    assert AnchoredPositions(folder.anchored).read() == {}
    service.tick()
    assert batches.anchor()
    assert AnchoredPositions(folder.anchored).read() == {"gateway-1": Anchored(4, 4)}
    assert not batches.anchor()


class AwayDatabase:
    """An outbox whose database does not answer."""

    def unsequenced(self, limit: int) -> list:
        raise OperationalError("no connection")

    def mark_sequenced(self, ids, places) -> None:
        raise OperationalError("no connection")


@pytest.mark.django_db
def test_frames_enter_while_the_people_s_database_is_away(tmp_path: Path) -> None:
    folder, clock = DataFolder(tmp_path), ManualClock(NOW)
    folder.make()
    write(folder, clock, 3)
    notary = open_notary(folder, Configuration(), clock)
    service, batches = NotaryService(notary, []), FrameBatches(folder, notary)
    batches.enter()
    tick = _tick(service, [AwayDatabase()])
    assert tick.frozen is None
    assert batch_place(notary, "gateway-1", 1, 1) is not None
    _say(folder, notary, tick)
    said = json.loads((folder.findings.parent / "notary.json").read_text())
    assert (said["size"], said["frozen"], said["at"]) == (4, None, NOW.timestamp())


def test_a_mirror_in_the_configuration_has_every_head_first(tmp_path: Path) -> None:
    folder, clock = DataFolder(tmp_path / "data"), ManualClock(NOW)
    folder.make()
    (tmp_path / "mirror").mkdir()
    configuration = Configuration(ledger_mirror=str(tmp_path / "mirror"))
    write(folder, clock, 2)
    notary = open_notary(folder, configuration, clock)
    FrameBatches(folder, notary).enter()
    NotaryService(notary, []).tick()
    published = (folder.ledger / "public/2026/checkpoint").read_bytes()
    assert (tmp_path / "mirror/2026/checkpoint").read_bytes() == published
    assert notary.guarded_by == [str((tmp_path / "mirror").resolve())]
