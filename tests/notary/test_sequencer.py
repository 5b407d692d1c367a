"""Sequencing: places, write order, crashes between any two writes, one lock."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.notary.conftest import ORIGIN, START, events, fill

from qingjian.contracts.clock import ManualClock
from qingjian.ledger.checkpoint import Checkpoint, open_checkpoint, read_checkpoint, sign_checkpoint
from qingjian.ledger.hashing import leaf_hash
from qingjian.ledger.note import Signer
from qingjian.ledger.tiles import TileNodes
from qingjian.ledger.tree import root, verify_inclusion
from qingjian.notary.files import CHECKPOINT, LogFiles
from qingjian.notary.fsck import check_shard, fsck
from qingjian.notary.notary import Notary
from qingjian.notary.outbox import MemoryOutbox, OutboxRow, Place, RowId
from qingjian.notary.reading import ShardReader


def check_places(notary: Notary, outbox: MemoryOutbox) -> None:
    """Every row has a place of its own, and its entry stands there."""
    assert set(outbox.places) == set(outbox.entries)
    assert len(set(outbox.places.values())) == len(outbox.entries)
    readers = {row.name: ShardReader(notary, row.name) for row in notary.state.shards()}
    for row_id, place in outbox.places.items():
        assert readers[place.shard].entry(place.index) == outbox.entries[row_id]


def test_rows_get_places_and_a_signed_checkpoint(notary: Notary) -> None:
    outbox = MemoryOutbox()
    fill(outbox, 300)
    done = notary.sequence([outbox])
    assert (done.added, done.marked, done.refused) == (300, 300, ())
    assert [place.index for place in outbox.places.values()] == list(range(1, 301))  # 0 starts the shard
    check_places(notary, outbox)
    note = notary.files("2026").read(CHECKPOINT)
    assert note is not None
    checkpoint = open_checkpoint(note, notary.verifier_keys("2026")).checkpoint
    assert (checkpoint.origin, checkpoint.size) == (f"{ORIGIN}/2026", 301)
    assert notary.sequence([outbox]).added == 0
    assert fsck(notary, [outbox])[0].problems == []


def test_late_commits_with_small_ids_are_not_missed(notary: Notary) -> None:
    outbox = MemoryOutbox()
    outbox.add(events(1)[0], id=10)
    notary.sequence([outbox])
    outbox.add(events(1, 5)[0], id=3)  # a transaction that took its id early and committed late
    assert notary.sequence([outbox]).marked == 1
    assert outbox.places[3].index == 2


def test_rows_that_can_never_be_entries_do_not_block_the_others(notary: Notary) -> None:
    outbox = MemoryOutbox()
    outbox.add(b"x" * 65_536, id="long")
    outbox.add(b"", id="empty")
    fill(outbox, 3)
    done = notary.sequence([outbox])
    assert (done.marked, set(done.refused)) == (3, {"long", "empty"})


def test_the_same_entry_twice_in_a_round_gets_one_place(notary: Notary) -> None:
    outbox = MemoryOutbox()
    for _ in range(2):
        outbox.add(events(1)[0])
    assert notary.sequence([outbox]).added == 1
    assert len(set(outbox.places.values())) == 1


@pytest.mark.parametrize("edge", [256, 512, 65_536])
def test_growth_over_the_boundaries_of_tiles(notary: Notary, edge: int) -> None:
    shard = notary.current()
    while (have := shard.row.size) < edge - 1:
        shard.append(events(min(8_192, edge - 1 - have), have))
    for size in (edge, edge + 1, edge + 2):
        shard.append(events(1, size - 1))
        assert shard.row.size == size
        shard.check_files()
        reader = ShardReader(notary, "2026")
        for index in {1, size // 2 + 1, size - 2, size - 1}:
            assert reader.entry(index) == events(1, index)[0]
            found = reader.prove(index)
            verify_inclusion(leaf_hash(found.data), index, size, found.proof.path, shard.row.root)
    assert check_shard(shard.files, shard.head).problems == []
    partial = [p for p in (notary.public / "2026").rglob("*.p") if p.is_dir() and p.with_suffix("").exists()]
    assert partial == []


def test_writers_in_two_threads_share_one_order(folder: Path, clock: ManualClock) -> None:
    Notary(folder, clock, origin=ORIGIN).close()
    outboxes = [MemoryOutbox(), MemoryOutbox()]
    failures: list[BaseException] = []

    def work(outbox: MemoryOutbox) -> None:
        try:
            own = Notary(folder, clock)
            for _ in range(15):
                fill(outbox, 7)
                own.sequence([outbox])
            own.close()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(outbox,)) for outbox in outboxes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    places = [place.index for outbox in outboxes for place in outbox.places.values()]
    assert sorted(places) == list(range(1, 211))
    assert fsck(Notary(folder, clock), outboxes)[0].problems == []


MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""What is lost is decided by the test, so the real disk need not be asked for durability."""


class PowerCutError(Exception):
    """The machine stops here."""


class Disk:
    """Remembers what was not synced, and loses some of it when the power is cut."""

    def __init__(self) -> None:
        self.unsynced: dict[Path, bytes | None] = {}

    def cut(self, chance: random.Random) -> None:
        for path, before in self.unsynced.items():
            fate = chance.choice(["kept", "old", "empty", "half"])
            if fate == "old" and before is None:
                path.unlink(missing_ok=True)
            elif fate == "old" and before is not None:
                path.write_bytes(before)
            elif fate in ("empty", "half") and path.exists():
                content = path.read_bytes()
                path.write_bytes(content[: len(content) // 2 if fate == "half" else 0])
        self.unsynced.clear()


def lossy_files(disk: Disk) -> type[LogFiles]:
    class LossyFiles(LogFiles):
        def write(self, name: str, content: bytes) -> None:
            path = self.folder / name
            disk.unsynced.setdefault(path, path.read_bytes() if path.exists() else None)
            super().write(name, content)

        def sync(self) -> None:
            super().sync()
            disk.unsynced.clear()

    return LossyFiles


class ForgetfulOutbox(MemoryOutbox):
    """An outbox whose database may fail before or after it stored the places."""

    fail: str | None = None

    def mark_sequenced(self, ids: Sequence[RowId], places: Sequence[Place]) -> None:
        if self.fail == "before":
            raise PowerCutError
        super().mark_sequenced(ids, places)
        if self.fail == "after":
            raise PowerCutError

    def unsequenced(self, limit: int) -> Sequence[OutboxRow]:
        rows = list(super().unsequenced(limit))
        random.Random(len(rows)).shuffle(rows)
        return rows


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.integers(1, 400),
            st.one_of(st.none(), st.integers(0, 9)),
            st.sampled_from([None, None, "before", "after"]),
        ),
        min_size=1,
        max_size=6,
    ),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_power_cuts_between_any_two_writes(
    rounds: list[tuple[int, int | None, str | None]], over_new_year: bool, chance: random.Random
) -> None:
    """Whatever is lost: one root for a size, every signed head a prefix of the last, every row once."""
    signed: list[Checkpoint] = []

    def record(checkpoint: Checkpoint, signers: Sequence[Signer]) -> bytes:
        signed.append(checkpoint)
        return sign_checkpoint(checkpoint, signers)

    disk, outbox = Disk(), ForgetfulOutbox()
    clock = ManualClock(START)
    with (
        TemporaryDirectory(dir=MEMORY) as temporary,
        patch("qingjian.notary.notary.LogFiles", lossy_files(disk)),
        patch("qingjian.notary.sequencer.sign_checkpoint", record),
    ):
        folder = Path(temporary) / "ledger"
        countdown: list[int | None] = [None]

        def step(_name: str) -> None:
            if countdown[0] is not None:
                countdown[0] -= 1
                if countdown[0] < 0:
                    countdown[0] = None
                    raise PowerCutError

        for number, (rows, cut, failing) in enumerate(rounds):
            fill(outbox, rows)
            countdown[0], outbox.fail = cut, failing
            if over_new_year and number == len(rounds) // 2:
                clock.advance(60 * 86_400)
            try:
                notary = Notary(folder, clock, origin=ORIGIN, step=step)
                notary.sequence([outbox])
                notary.close()
            except PowerCutError:
                disk.cut(chance)
        countdown[0], outbox.fail = None, None
        notary = Notary(folder, clock, origin=ORIGIN)
        assert notary.frozen is None
        while notary.sequence([outbox]).marked:
            pass
        check_places(notary, outbox)
        assert [report.problems for report in fsck(notary, [outbox])] == [[]] * len(notary.state.shards())
        heads = {(head.origin, head.size): head.root for head in signed}
        assert len(heads) == len({(head.origin, head.size, head.root) for head in signed})
        for row in notary.state.shards():
            nodes = TileNodes(row.size, notary.files(row.name).tile)
            for (origin, size), found in heads.items():
                if origin == row.origin:
                    assert size <= row.size
                    assert root(size, nodes.read) == found
        notary.close()


def test_an_unpublished_head_is_signed_on_opening(folder: Path, clock: ManualClock) -> None:
    def stop(name: str) -> None:
        if name == "record" and armed:
            raise PowerCutError

    armed = False
    notary = Notary(folder, clock, origin=ORIGIN, step=stop)
    outbox = MemoryOutbox()
    fill(outbox, 5)
    armed = True
    with pytest.raises(PowerCutError):
        notary.sequence([outbox])
    published = notary.files("2026").read(CHECKPOINT)
    assert published is not None
    assert read_checkpoint(published)[0].size == 1
    armed = False
    again = Notary(folder, clock)
    published = again.files("2026").read(CHECKPOINT)
    assert published is not None
    assert read_checkpoint(published)[0].size == 6
    assert outbox.places == {}
    assert again.sequence([outbox]).added == 0  # the entries are there; only the marks were missing
    assert len(outbox.places) == 5


def test_the_record_refuses_a_second_root(notary: Notary) -> None:
    row = notary.state.shard("2026")
    with pytest.raises(Exception, match="second root"):
        notary.state.record_head(row, row.size, b"x" * 32, [], "now")
    with pytest.raises(Exception, match="shrink"):
        notary.state.record_head(row, row.size - 1, b"x" * 32, [], "now")
    stale = type(row)(row.position, row.name, row.origin, row.year, row.start, row.size - 1, row.root)
    with pytest.raises(Exception, match="moved underneath"):
        notary.state.record_head(stale, 5, b"x" * 32, [], "now")
