"""A backup taken in mid-flow, restored: nothing that comes afterwards is taken for something known before."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.pipeline.node import START, Node, make_directory, minutes, open_node

from qingjian.contracts.directory import FileDirectoryStore
from qingjian.contracts.folders import DataFolder
from qingjian.gateway.positions import PositionStore
from qingjian.journal import JournalReader, continuations
from qingjian.journal.segment import NUMBERS_APART
from qingjian.notary.contents import batch_of, frame_row
from qingjian.notary.fsck import fsck
from qingjian.notary.notary import Notary
from qingjian.notary.provenance import Tracer
from qingjian.notary.service import NotaryService
from qingjian.pipeline.batches import BatchLog
from qingjian.site import backup
from qingjian.site.configuration import Configuration
from qingjian.site.continuing import continue_journals
from qingjian.site.notary import FrameBatches, open_notary


@dataclass
class Whole:
    """The parts of a node that move while a backup is made."""

    node: Node
    minute: int = 0
    notary: Notary = field(init=False)

    def __post_init__(self) -> None:
        self.engine = self.node.engine()
        self.notary = open_notary(self.node.folder, Configuration(), self.node.clock)
        self.service = NotaryService(self.notary, [])
        self.batches = FrameBatches(self.node.folder, self.notary)

    def receive(self, count: int = 1, seconds: float = 0.4) -> None:
        """A batch of the journal lasts a second, so that often one is open."""
        for moment in minutes(count, self.minute):
            self.node.clock.advance(seconds)
            self.node.journal([self.node.upload(moment, {"a21026": 10 + self.minute})])
            self.minute += 1
        self.node.writers["gateway-1"].close_batch_if_due()

    def process(self) -> None:
        self.engine.step(idle=True)

    def note(self) -> None:
        self.batches.enter()
        assert self.service.tick().frozen is None
        self.batches.remember()
        self.batches.anchor()

    def stop(self) -> None:
        for writer in self.node.writers.values():
            writer.close()
        self.node.writers.clear()
        self.engine.close()
        self.engine.lake.close()
        self.notary.close()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with open_node(tmp_path / "node") as made:
        yield made


def started(folder: DataFolder, before: Whole) -> Whole:
    """Start a node on a folder as `qingjian up` does."""
    continue_journals(folder)
    (folder.ledger / "instance").unlink(missing_ok=True)
    node = Node(folder, before.node.clock, FileDirectoryStore(folder.directory))
    node.journal([])  # the gateway opens its journal before anything is received
    whole = Whole(node, before.minute)
    if whole.notary.frozen:  # a ledger without mirror or witness signs again on a person's word
        from qingjian.notary.procedures import recover

        recover(whole.notary, [])
    return whole


def assert_everything_once(whole: Whole) -> None:
    """Every frame of the journal is once in the lake and proven by the ledger; every observation is there once."""
    with JournalReader(whole.node.folder.journal / "gateway-1") as reader:
        kept = reader.read(0, 10_000)
        closed = reader.batches(0, 10_000)
        assert {one.sequence for one in kept} == {
            sequence for one in closed for sequence in range(one.first, one.last + 1)
        }
        for one in closed:
            frames = reader.read(one.first - 1, one.last - one.first + 1)
            for frame in frames:
                chain = Tracer(whole.notary).trace(frame, frames)
                assert chain.verdict is True, (frame.sequence, chain.steps)
    rows = whole.engine.lake.frames(START.replace(year=2000), START.replace(year=2100), limit=10_000)
    assert Counter(rows.column("sequence").to_pylist()) == Counter(one.sequence for one in kept)
    observations = whole.engine.lake.series([1], "minute", START, START.replace(year=2100))
    assert observations.num_rows == len(kept)
    assert set(observations.column("revision").to_pylist()) == {0}
    assert not [report.problems for report in fsck(whole.notary, []) if report.problems]


@pytest.mark.parametrize("seed", range(4))
def test_after_a_backup_in_mid_flow_every_new_frame_is_noted_and_stored_once(
    node: Node, tmp_path: Path, seed: int
) -> None:
    chance, running = random.Random(seed), Whole(node)
    running.receive(5)
    running.process()
    running.note()

    def meanwhile(part: str) -> None:
        running.receive(chance.randrange(3), chance.choice([0.1, 0.6]))
        for act in (running.process, running.note):
            if chance.random() < 0.6:
                act()

    backup.make(node.folder, tmp_path / "backup", node.clock.now(), meanwhile)
    running.receive(3)  # after the backup, lost with the machine
    running.process()
    running.note()
    running.stop()

    again = DataFolder(tmp_path / "again")
    backup.restore(tmp_path / "backup", again, node.clock.now())
    restored = started(again, running)
    with JournalReader(again.journal / "gateway-1") as reader:
        before = reader.last()
    restored.receive(7)
    restored.process()
    node.clock.advance(2)
    restored.node.writers["gateway-1"].close_batch_if_due()
    restored.note()
    with JournalReader(again.journal / "gateway-1") as reader:
        new = [one.sequence for one in reader.read(before, 100)]
    assert new == list(range(NUMBERS_APART, NUMBERS_APART + 7))
    assert restored.engine.behind() == {"gateway-1": 0}
    assert_everything_once(restored)
    restored.stop()


@pytest.mark.parametrize("ahead", ["lake", "ledger", "forwarding"])
def test_a_journal_put_back_alone_goes_on_behind_whoever_is_ahead_of_it(
    node: Node, tmp_path: Path, ahead: str
) -> None:
    """Not through `restore`: somebody copied an older journal folder into place."""
    running = Whole(node)
    running.receive(4)
    running.process()
    running.note()
    running.node.writers["gateway-1"].close()
    shutil.copytree(node.folder.journal, tmp_path / "older")
    running.node.writers.clear()
    running.receive(4)
    if ahead == "lake":
        running.process()
    elif ahead == "ledger":
        running.node.clock.advance(2)
        running.node.writers["gateway-1"].close_batch_if_due()
        running.note()
    else:
        store = PositionStore(node.folder.forwarding)
        store.begin("T1", "gateway-1", 8)
        store.close()
    running.stop()
    shutil.rmtree(node.folder.journal)
    shutil.copytree(tmp_path / "older", node.folder.journal)

    again = started(node.folder, running)
    again.receive(3)
    again.process()
    node.clock.advance(2)
    again.node.writers["gateway-1"].close_batch_if_due()
    again.note()
    (found,) = continuations(node.folder.journal / "gateway-1")
    assert (found.readable_up_to, found.known_up_to) == (4, 8)
    with JournalReader(node.folder.journal / "gateway-1") as reader:
        new = reader.read(8, 100)
        assert [one.sequence for one in new] == [NUMBERS_APART + one for one in range(3)]
        assert reader.waiting(8) == 3
        closed = [one for one in reader.batches() if one.first >= NUMBERS_APART]
        for one in closed:
            frames = reader.read(one.first - 1, one.last - one.first + 1)
            assert all(Tracer(again.notary).trace(frame, frames).verdict for frame in frames)
    stored = again.engine.lake.frames(START.replace(year=2000), START.replace(year=2100))
    assert {one.sequence for one in new} <= set(stored.column("sequence").to_pylist())
    again.stop()
    assert continue_journals(node.folder) == {}, "once is enough"


def test_a_journal_that_is_ahead_of_all_others_keeps_its_numbers(node: Node) -> None:
    running = Whole(node)
    running.receive(4)
    running.process()
    running.note()
    running.receive(4)
    running.stop()
    again = started(node.folder, running)
    again.receive(2)
    again.process()
    node.clock.advance(2)
    again.node.writers["gateway-1"].close_batch_if_due()
    again.note()
    with JournalReader(node.folder.journal / "gateway-1") as reader:
        assert [one.sequence for one in reader.read()] == list(range(1, 11))
    assert_everything_once(again)
    again.stop()


def test_a_journal_that_was_lost_whole_begins_behind_what_others_have_of_it(node: Node) -> None:
    running = Whole(node)
    running.receive(4)
    running.process()
    running.stop()
    shutil.rmtree(node.folder.journal)
    again = started(node.folder, running)
    again.receive(1)
    again.process()
    assert again.engine.lake.position("gateway-1") == NUMBERS_APART
    again.stop()


def test_a_batch_number_the_findings_know_is_not_given_to_other_frames(node: Node, tmp_path: Path) -> None:
    """The batch log put back alone: what came under its lost numbers must not swallow what comes now."""
    running = Whole(node)
    running.receive(2)
    running.process()
    copy = tmp_path / "batches.sqlite3"
    backup._copy_file(node.folder.root / "exchange" / "batches.sqlite3", copy)
    running.receive(2)
    running.process()
    newest = running.engine.lake.batch()
    running.stop()
    for name in ("batches.sqlite3", "batches.sqlite3-wal", "batches.sqlite3-shm"):
        (node.folder.root / "exchange" / name).unlink(missing_ok=True)
    shutil.copyfile(copy, node.folder.root / "exchange" / "batches.sqlite3")
    again = started(node.folder, running)
    again.receive(2)
    again.process()
    assert again.engine.lake.batch() > newest
    assert BatchLog(node.folder.root / "exchange" / "batches.sqlite3").last() == again.engine.lake.batch()
    again.stop()


def test_frames_are_read_with_the_directory_their_batch_names(node: Node, tmp_path: Path) -> None:
    """A directory published while the backup is made: the restored node can still carry out every batch of its log."""
    running = Whole(node)
    running.receive(2)

    def meanwhile(part: str) -> None:
        if part == "exchange/findings.sqlite3":
            node.directory.publish(make_directory(2))
            running.receive(2)
            running.process()

    backup.make(node.folder, tmp_path / "backup", node.clock.now(), meanwhile)
    running.stop()
    again = DataFolder(tmp_path / "again")
    backup.restore(tmp_path / "backup", again, node.clock.now())
    restored = started(again, running)
    rows = restored.engine.lake.series([1], "minute", START, START.replace(year=2100))
    assert rows.num_rows == 4
    current = FileDirectoryStore(again.directory).current()
    assert current is not None
    restored.stop()


def test_frames_in_the_order_of_their_proof(node: Node) -> None:
    """The shorter batch of a restored journal stands beside the whole one, and neither hides the other."""
    from qingjian.notary.contents import batch_place, enter_batch

    running = Whole(node)
    running.receive(5, 0.0)
    running.stop()
    with JournalReader(node.folder.journal / "gateway-1") as reader:
        frames = reader.read()
    notary = open_notary(node.folder, Configuration(), node.clock)
    enter_batch(notary, map(frame_row, frames))
    enter_batch(notary, map(frame_row, frames[:3]))
    notary.sequence()
    whole, part = (batch_place(notary, "gateway-1", 1, last) for last in (5, 3))
    assert None not in (whole, part)
    assert whole != part
    for some in (frames, frames[:3]):
        assert Tracer(notary).trace(some[0], some).verdict is True
    assert batch_of(frames).root != batch_of(frames[:3]).root
    assert [report.problems for report in fsck(notary, [])] == [[]]
