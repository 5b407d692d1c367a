"""Restored backups, lost files, rewritten histories: never two roots for one size."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.notary.conftest import ORIGIN, LocalWitness, fill

from qingjian.contracts.clock import ManualClock
from qingjian.ledger.checkpoint import Checkpoint, read_checkpoint
from qingjian.ledger.entries import Start, StartReason, parse_entry
from qingjian.ledger.errors import LedgerError
from qingjian.ledger.tiles import ENTRIES, Tile
from qingjian.notary.anchors import FolderMirror
from qingjian.notary.errors import DamagedError, FrozenError
from qingjian.notary.files import CHECKPOINT
from qingjian.notary.fsck import fsck
from qingjian.notary.notary import Notary
from qingjian.notary.outbox import MemoryOutbox
from qingjian.notary.procedures import recover, start_new_origin
from qingjian.notary.reading import ShardReader

MakeWitness = Callable[[str], LocalWitness]


class Town:
    """A node with a witness, a mirror and a backup."""

    def __init__(self, tmp_path: Path, clock: ManualClock, witness: LocalWitness) -> None:
        self.folder = tmp_path / "ledger"
        self.backup = tmp_path / "backup"
        self.clock = clock
        self.witness = witness
        (tmp_path / "mirror").mkdir()
        self.mirror = FolderMirror(tmp_path / "mirror")
        self.outbox = MemoryOutbox()
        self.notary = Notary(
            self.folder, clock, origin=ORIGIN, anchors=[witness.anchor], depositaries=[self.mirror]
        )
        self.trusted = self.notary.verifier_keys("2026")
        witness.trust(self.trusted)

    def grow(self, count: int) -> None:
        fill(self.outbox, count)
        self.notary.sequence([self.outbox])

    def show(self) -> None:
        """Let the witness see every shard (the mirror holds each checkpoint before it is published)."""
        for row in self.notary.state.shards():
            keys = self.notary.verifier_keys(row.name)
            if keys[0] not in self.trusted:
                self.trusted = [*self.trusted, *keys]
                self.witness.trust(self.trusted)
            assert self.notary.cosign([self.witness.client], row.name).answers == {
                self.witness.name: "cosigned"
            }

    def back_up(self) -> None:
        self.notary.close()
        shutil.copytree(self.folder, self.backup, ignore=shutil.ignore_patterns("instance"))
        self.open()

    def restore(self, only: str | None = None) -> None:
        self.notary.close()
        if only is None:
            shutil.rmtree(self.folder)
            shutil.copytree(self.backup, self.folder)
        else:
            for path in self.folder.glob(f"{only}*"):
                path.unlink()
            for path in self.backup.glob(f"{only}*"):
                shutil.copy(path, self.folder / path.name)

    def open(self, guarded: bool = True) -> Notary:
        depositaries = [self.mirror] if guarded else []
        self.notary = Notary(
            self.folder, self.clock, anchors=[self.witness.anchor], depositaries=depositaries
        )
        return self.notary


@pytest.fixture
def town(tmp_path: Path, clock: ManualClock, witness: MakeWitness) -> Town:
    return Town(tmp_path, clock, witness("bureau"))


def test_a_restored_backup_is_brought_up_to_what_the_witness_saw(town: Town) -> None:
    town.grow(20)
    town.show()
    town.back_up()
    town.grow(300)
    town.show()
    before = town.notary.current().head
    places = dict(town.outbox.places)
    town.restore()
    town.outbox.places = {i: place for i, place in places.items() if place.index <= 20}  # restored as well
    notary = town.open()
    assert notary.frozen is not None
    with pytest.raises(FrozenError):
        notary.sequence([town.outbox])
    done = recover(notary, [town.mirror])
    assert done.entries == 300
    assert notary.current().head == before
    assert notary.sequence([town.outbox]).added == 0
    assert town.outbox.places == places  # every row found its old place, none was entered twice
    town.grow(5)
    town.show()
    assert fsck(notary, [town.outbox])[0].problems == []


def test_a_restored_backup_is_noticed_even_when_nobody_saw_more(town: Town) -> None:
    town.grow(20)
    town.show()
    town.back_up()
    town.restore()
    assert "backup" in (town.open().frozen or "")
    assert recover(town.notary).entries == 0
    town.grow(1)
    assert town.open().frozen is None


def test_a_copied_folder_does_not_sign(town: Town, tmp_path: Path) -> None:
    town.grow(3)
    town.notary.close()
    shutil.copytree(town.folder, tmp_path / "copy")  # with the marker file
    copy = Notary(tmp_path / "copy", town.clock, anchors=[town.witness.anchor])
    assert copy.frozen is not None


def test_nothing_is_certain_without_an_answer(town: Town) -> None:
    town.grow(20)
    town.show()
    town.back_up()
    town.restore()
    town.witness.down = True
    notary = town.open()
    with pytest.raises(FrozenError, match="did not answer"):
        recover(notary, [town.mirror])
    assert notary.frozen is not None
    town.witness.down = False
    away = town.mirror.folder.rename(town.mirror.folder.with_name("away"))
    with pytest.raises(FrozenError, match="did not answer"):
        recover(notary)
    away.rename(town.mirror.folder)
    assert recover(notary).new_shard is None


def test_a_witness_that_may_be_behind_is_not_enough_to_go_on(town: Town) -> None:
    """Only the witness answers for the time after the backup, and it was last asked before the end."""
    town.grow(20)
    town.back_up()
    town.grow(5)
    town.show()
    town.grow(5)
    shutil.rmtree(town.mirror.folder)
    town.restore()
    notary = town.open(guarded=False)
    with pytest.raises(FrozenError, match="no source"):
        recover(notary)
    start_new_origin(notary, StartReason.HISTORY_LOST)
    start = parse_entry(ShardReader(notary, "2026-2").entry(0))
    assert isinstance(start, Start)
    assert start.previous is not None
    assert start.previous.size == 26


def test_without_a_depositary_recovery_ends_in_a_new_origin(town: Town) -> None:
    town.open(guarded=False)
    town.grow(20)
    town.show()
    town.back_up()
    town.notary.close()
    town.open(guarded=False)
    town.grow(1)
    town.show()
    town.notary.close()
    shutil.copytree(town.folder / "public", town.folder.parent / "web")
    town.restore()
    notary = town.open(guarded=False)
    done = recover(notary, [FolderMirror(town.folder.parent / "web")])
    assert (done.entries, done.new_shard) == (1, "2026-2")
    assert notary.frozen is None
    assert [row.size for row in notary.state.shards()] == [22, 1]
    assert [report.problems for report in fsck(notary, [town.outbox])] == [[], []]


def test_publishing_waits_for_the_depositary(town: Town) -> None:
    town.grow(2)
    away = town.mirror.folder.rename(town.mirror.folder.with_name("away"))
    town.grow(3)
    assert len(town.outbox.places) == 5
    published = town.notary.files("2026").read(CHECKPOINT)
    assert published is not None
    assert read_checkpoint(published)[0].size == 3
    away.rename(town.mirror.folder)
    town.notary.sequence([town.outbox])
    published = town.notary.files("2026").read(CHECKPOINT)
    assert published is not None
    assert read_checkpoint(published)[0].size == 6
    assert town.mirror.latest("2026", "") == published


def test_without_the_missing_entries_a_new_origin_names_the_old(town: Town) -> None:
    town.grow(20)
    town.show()
    town.back_up()
    town.grow(30)
    town.show()
    seen = town.notary.current().head
    for path in town.mirror.folder.rglob("entries"):
        shutil.rmtree(path)
    town.restore()
    notary = town.open()
    with pytest.raises(FrozenError, match="no source"):
        recover(notary, [town.mirror])
    start_new_origin(notary, StartReason.HISTORY_LOST)
    start = parse_entry(ShardReader(notary, "2026-2").entry(0))
    assert isinstance(start, Start)
    assert (start.reason, start.previous) == (StartReason.HISTORY_LOST, seen)
    town.outbox.places.clear()
    notary.sequence([town.outbox])
    assert {place.shard for place in town.outbox.places.values()} == {"2026-2"}
    published = notary.files("2026").read(CHECKPOINT)
    assert published is not None
    assert read_checkpoint(published)[0].size == 21  # nothing was signed for the old origin again


def test_only_the_state_restored_is_recovered_from_the_published_folder(town: Town) -> None:
    town.grow(20)
    town.back_up()
    town.grow(40)
    town.show()
    head = town.notary.current().head
    town.restore(only="state.sqlite3")
    notary = town.open()
    assert notary.frozen is not None
    assert recover(notary).entries == 40
    assert notary.current().head == head


def test_a_backup_from_before_new_year(town: Town, clock: ManualClock) -> None:
    town.grow(20)
    town.show()
    town.back_up()
    clock.advance(60 * 86_400)
    town.grow(10)
    town.show()
    heads = [(row.origin, row.size, row.root) for row in town.notary.state.shards()]
    town.restore()
    notary = town.open()
    with pytest.raises(FrozenError, match="secret key"):
        recover(notary, [town.mirror])  # the key of 2027 was made after the backup
    start_new_origin(notary, StartReason.KEY_LOST)
    assert [row.name for row in notary.state.shards()] == ["2026", "2027", "2027-2"]
    assert (notary.state.shard("2026").size, notary.state.shard("2026").root) == heads[0][1:]


def test_a_backup_from_before_new_year_with_the_keys_kept_elsewhere(town: Town, clock: ManualClock) -> None:
    town.grow(20)
    town.show()
    town.back_up()
    clock.advance(60 * 86_400)
    town.grow(10)
    town.show()
    heads = [(row.origin, row.size, row.root) for row in town.notary.state.shards()]
    shutil.copytree(town.folder / "keys", town.backup / "keys", dirs_exist_ok=True)
    town.restore()
    notary = town.open()
    done = recover(notary, [town.mirror])
    assert done.shards == ("2026", "2027")
    assert [(row.origin, row.size, row.root) for row in notary.state.shards()] == heads
    town.grow(3)
    town.show()
    assert notary.frozen is None


def test_damaged_and_missing_files_come_back_from_the_mirror(town: Town) -> None:
    town.grow(700)
    town.show()
    files = town.notary.files("2026")
    (files.folder / Tile(0, 0).path).unlink()
    edge = files.folder / Tile(ENTRIES, 2, 189).path
    edge.write_bytes(edge.read_bytes()[:-1] + b"!")
    with pytest.raises(DamagedError):
        town.notary.current().check_files()
    town.notary.close()
    notary = town.open()
    assert notary.frozen is not None
    with pytest.raises(DamagedError):
        recover(notary)
    assert recover(notary, [town.mirror]).files == 4  # each damaged file and the one beside it
    assert fsck(notary, [town.outbox])[0].problems == []
    town.grow(1)


def rewrite(town: Town) -> Notary:
    """Somebody with root rights builds another history, signed with the real key, run without anchors."""
    town.notary.close()
    keys = town.folder.parent / "keys"
    shutil.copytree(town.folder / "keys", keys)
    shutil.rmtree(town.folder)
    Notary(town.folder, town.clock, origin=ORIGIN).close()
    shutil.rmtree(town.folder / "keys")
    shutil.copytree(keys, town.folder / "keys")
    database = sqlite3.connect(town.folder / "state.sqlite3")
    database.execute("UPDATE keys SET verifier_key = ?", (town.trusted[0].encode(),))
    database.commit()
    database.close()
    (town.folder / "public" / "2026" / CHECKPOINT).unlink()
    forged = Notary(town.folder, town.clock)
    assert forged.frozen is None
    return forged


def test_a_rewritten_history_is_refused_by_the_witness_and_the_mirror(town: Town) -> None:
    town.grow(50)
    town.show()
    forged = rewrite(town)
    outbox = MemoryOutbox()
    fill(outbox, 80)
    forged.sequence([outbox])
    with pytest.raises(LedgerError):
        town.mirror.update("2026", forged.files("2026"), town.trusted)
    answers = forged.cosign([town.witness.client]).answers
    assert answers["bureau"].startswith("refused")
    assert "history" in (forged.frozen or "")
    forged.close()
    honest = town.open()
    assert honest.frozen is not None
    with pytest.raises(FrozenError, match="another history"):
        recover(honest, [town.mirror])


def test_a_shortened_log_meets_a_witness_that_saw_more(town: Town) -> None:
    town.grow(50)
    town.show()
    forged = rewrite(town)
    assert "has seen 51" in forged.cosign([town.witness.client]).answers["bureau"]
    assert forged.frozen is not None


def test_a_new_year_waits_until_the_old_one_can_be_published(town: Town, clock: ManualClock) -> None:
    town.grow(2)
    away = town.mirror.folder.rename(town.mirror.folder.with_name("away"))
    clock.advance(60 * 86_400)
    town.grow(3)
    assert [row.name for row in town.notary.state.shards()] == ["2026"]
    away.rename(town.mirror.folder)
    town.grow(1)
    assert [row.name for row in town.notary.state.shards()] == ["2026", "2027"]
    assert len(town.outbox.places) == 6
    assert [report.problems for report in fsck(town.notary, [town.outbox])] == [[], []]


@pytest.mark.parametrize("garbage", [b"", b"garbage", b"size"])
def test_an_unreadable_published_checkpoint_is_signed_again(town: Town, garbage: bytes) -> None:
    town.grow(5)
    path = town.folder / "public" / "2026" / CHECKPOINT
    good = path.read_bytes()
    path.write_bytes(good.replace(b"\n6\n", b"\n9\n") if garbage == b"size" else garbage)
    town.notary.close()
    assert town.open().frozen is None
    assert path.read_bytes() == good


def test_a_lying_witness_cannot_freeze_the_log(town: Town) -> None:
    town.grow(5)
    town.show()
    town.notary.close()
    town.witness.service._connection.execute("UPDATE cosigned SET note = ?", (b"lies",))
    assert town.open().frozen is None


def put_back_in_place(town: Town) -> Notary:
    """A snapshot or rsync over the running folder: everything is the old one, the marker file stays."""
    town.notary.close()
    shutil.rmtree(town.folder / "public")
    shutil.copytree(town.backup / "public", town.folder / "public")
    for path in town.folder.glob("state.sqlite3*"):
        path.unlink()
    for path in town.backup.glob("state.sqlite3*"):
        shutil.copyfile(path, town.folder / path.name)
    return town.open(guarded=False)


def seen_and_put_back(town: Town) -> tuple[Notary, Checkpoint]:
    """A witness saw a head of a ledger without mirror that is then put back to 30 entries less."""
    town.notary.close()
    town.open(guarded=False)
    town.grow(20)
    town.show()
    town.back_up()
    town.notary.close()
    town.open(guarded=False)
    town.grow(30)
    town.show()
    head = town.notary.current().head
    shutil.copytree(town.folder / "public", town.folder.parent / "web")
    return put_back_in_place(town), head


def test_a_ledger_put_back_in_place_is_not_thawed_without_the_witness_that_froze_it(town: Town) -> None:
    notary, head = seen_and_put_back(town)
    assert f"{head.size} entries" in (notary.frozen or "")
    assert notary.frozen_by == ["bureau"]
    notary.close()
    alone = Notary(town.folder, town.clock)  # as with a configuration that has lost its witness
    with pytest.raises(FrozenError, match="bureau"):
        recover(alone)
    assert alone.frozen is not None
    alone.close()
    notary = town.open(guarded=False)
    town.witness.down = True
    with pytest.raises(FrozenError, match="did not answer"):
        recover(notary)
    town.witness.down = False
    with pytest.raises(FrozenError, match="no source"):
        recover(notary)
    town.witness.service._connection.execute("DELETE FROM cosigned")  # it answers, and remembers nothing
    with pytest.raises(FrozenError, match="they must be asked"):
        recover(notary)


def test_entries_brought_back_to_a_ledger_put_back_in_place_end_in_a_new_origin(town: Town) -> None:
    """The witness saw 51, and more may have been published since: the marker file proves nothing then."""
    notary, head = seen_and_put_back(town)
    done = recover(notary, [FolderMirror(town.folder.parent / "web")])
    assert (done.entries, done.new_shard) == (30, "2026-2")
    start = parse_entry(ShardReader(town.notary, "2026-2").entry(0))
    assert isinstance(start, Start)
    assert start.previous == head
    assert town.notary.frozen is None
    assert town.notary.frozen_by == []


@pytest.mark.parametrize("shorter", [True, False])
def test_a_refusal_of_a_witness_is_not_recovered_from_without_it(town: Town, shorter: bool) -> None:
    town.grow(50)
    town.show()
    forged = rewrite(town)
    if not shorter:
        outbox = MemoryOutbox()
        fill(outbox, 80)
        forged.sequence([outbox])
    forged.cosign([town.witness.client])
    assert forged.frozen_by == ["bureau"]
    with pytest.raises(FrozenError, match="bureau"):
        recover(forged)
