"""Frame batches, sealed days, event kinds, and fsck over what went in."""

from __future__ import annotations

import datetime
import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.notary.conftest import START, frames, office_kinds, seal_day

from qingjian.contracts.clock import ManualClock
from qingjian.ledger.commitments import commitment
from qingjian.ledger.entries import Day, Event, Frames, encode_entry, parse_entry
from qingjian.ledger.errors import MalformedError
from qingjian.ledger.hashing import leaf_hash
from qingjian.ledger.seals import canonical_rows
from qingjian.ledger.tiles import ENTRIES, Tile
from qingjian.ledger.tree import verify_inclusion
from qingjian.notary.contents import (
    batch_of,
    batch_place,
    enter_batch,
    frame_row,
)
from qingjian.notary.errors import NotaryError
from qingjian.notary.fsck import fsck
from qingjian.notary.kinds import EventKinds, opens
from qingjian.notary.notary import Notary
from qingjian.notary.outbox import MemoryOutbox
from qingjian.notary.reading import ShardReader, find_place, prove
from qingjian.notary.sealing import prove_series_day

DAY = datetime.date(2026, 11, 20)
COLUMNS = ("start", "statistic", "revision", "value", "flags")


def rows(series: str, values: list[float]) -> tuple[str, bytes]:
    data = [[1_795_000_000_000_000 + i, "avg", 0, value, ""] for i, value in enumerate(values)]
    return series, canonical_rows(series, DAY, COLUMNS, data)


def test_a_batch_enters_once_and_is_found_again(notary: Notary) -> None:
    subject = enter_batch(notary, map(frame_row, frames(1, 50)))
    assert batch_place(notary, "gate-1", 1, 50) is None
    assert enter_batch(notary, map(frame_row, frames(1, 50))) == subject
    notary.sequence()
    place = batch_place(notary, "gate-1", 1, 50)
    assert place is not None
    assert find_place(notary, subject) == find_place(notary, f"2026/{place.index}") == place
    entry = prove(notary, place).entry
    assert entry == Frames("gate-1", 1, 50, batch_of(frames(1, 50)).root)
    changed = [*frames(1, 49), replace(frames(50, 1)[0], content=b"another")]
    with pytest.raises(NotaryError, match="another content"):
        enter_batch(notary, map(frame_row, changed))
    with pytest.raises(NotaryError):
        find_place(notary, "frames/gate-1/2/x")


@pytest.mark.parametrize(
    "change",
    [
        {"content": b"x"},
        {"received_us": 5},
        {"mn": "MN2"},
        {"peer": "p"},
        {"kind": "refused"},
        {"codes": [["a", "b"]]},
    ],
)
def test_a_batch_covers_everything_the_journal_keeps(change: dict[str, object]) -> None:
    frame = frames(1, 1)[0]
    assert frame_row(replace(frame, **change)).leaf() != frame_row(frame).leaf()


def test_sealing_and_sealing_again_after_late_data(notary: Notary) -> None:
    first = seal_day(notary, DAY, [rows("P1", [1.5, 2.0]), rows("P2", [3.25])])
    assert (first.revision, first.supersedes, first.changed) == (1, None, True)
    assert not seal_day(notary, DAY, [rows("P2", [3.25]), rows("P1", [1.5, 2.0])]).changed
    with pytest.raises(NotaryError, match="not in the ledger yet"):
        prove_series_day(notary, DAY, "P1")
    notary.sequence()
    late = seal_day(notary, DAY, [rows("P1", [1.5, 2.0, 2.5]), rows("P2", [3.25])])
    assert (late.revision, late.supersedes, late.changed) == (2, first.root, True)
    back = seal_day(notary, DAY, [rows("P1", [1.5, 2.0]), rows("P2", [3.25])])
    assert (back.revision, back.root, back.supersedes) == (3, first.root, late.root)
    notary.sequence()
    entry = prove(notary, find_place(notary, late.subject)).entry
    assert entry == Day(DAY, 2, late.root, 2, first.root)
    proof = prove_series_day(notary, DAY, "P2")
    leaf = leaf_hash(commitment(rows("P2", [3.25])[1], proof.salt))
    verify_inclusion(leaf, proof.index, proof.size, proof.path, proof.root)
    with pytest.raises(MalformedError):
        prove_series_day(notary, DAY, "P9")
    with pytest.raises(NotaryError, match="not sealed"):
        prove_series_day(notary, datetime.date(2026, 1, 1), "P1")


def test_a_kind_is_added_by_registration() -> None:
    kinds = office_kinds()
    with pytest.raises(NotaryError, match="no such kind"):
        kinds.prepare("release", "r-1", START, {})
    kinds.register("release", "发布", {"scope"})
    kinds.register("release", "发布", {"scope"})
    with pytest.raises(NotaryError, match="another declaration"):
        kinds.register("release", "公开")
    with pytest.raises(NotaryError, match="scope"):
        kinds.prepare("release", "r-1", START, {})
    event = kinds.prepare("release", "r-1", START, {"scope": "county", "values": 12})
    entry = parse_entry(event.entry)
    assert isinstance(entry, Event)
    assert opens(entry, event.canonical, event.salt)
    assert not opens(entry, event.canonical, bytes(32))
    assert json.loads(event.canonical)["at"] == "2026-11-21T04:00:00.000000Z"
    assert "release" in {kind.code for kind in kinds}


def test_nothing_private_can_be_read_from_the_ledger(notary: Notary) -> None:
    kinds = EventKinds()
    kinds.register("interference", "干预记录", {"who"})
    outbox = MemoryOutbox()
    event = kinds.prepare("interference", "i-1", START, {"who": "某某局长", "asked": "SECRETWORD"})
    outbox.add(event.entry)
    enter_batch(notary, map(frame_row, frames(1, 3)))
    seal_day(notary, DAY, [rows("SERIES-NAME", [1.0])])
    notary.sequence([outbox])
    public = b"".join(path.read_bytes() for path in notary.public.rglob("*") if path.is_file())
    for word in (
        b"interference",
        b"SECRETWORD",
        "某某".encode(),
        b"frame 00",
        b"SERIES-NAME",
        b"MN0001",
        b"192.0.2",
    ):
        assert word not in public
    for secret in (event.salt, frames(1, 1)[0].nonce):
        assert secret not in public
        assert secret.hex().encode() not in public


def populated(notary: Notary) -> MemoryOutbox:
    outbox, kinds = MemoryOutbox(), office_kinds()
    for number in range(300):
        outbox.add(kinds.prepare("mark", f"m-{number}", START, {"author": "a", "reason": "r"}).entry)
    enter_batch(notary, map(frame_row, frames(1, 3)))
    seal_day(notary, DAY, [rows("P1", [1.0])])
    notary.sequence([outbox])
    assert fsck(notary, [outbox])[0].problems == []
    return outbox


def test_fsck_names_leaves_whose_record_is_gone(notary: Notary) -> None:
    outbox = populated(notary)
    lost = outbox.places[7].index
    del outbox.entries[7]
    with notary.state.transaction():
        notary.state._connection.execute("DELETE FROM queue WHERE subject LIKE 'day/%'")
    report = fsck(notary, [outbox])[0]
    day = next(
        i for i in range(report.size) if isinstance(parse_entry(ShardReader(notary, "2026").entry(i)), Day)
    )
    assert report.lost_records == sorted([lost, day])
    assert "gone" in report.problems[0]
    assert fsck(notary)[0].lost_records == [day]  # without records, events are not looked up


@pytest.mark.parametrize(
    "name", [Tile(0, 0).path, Tile(ENTRIES, 0).path, Tile(0, 1, 47).path, Tile(1, 0, 1).path]
)
@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_fsck_names_the_damaged_file(notary: Notary, name: str, damage: str) -> None:
    outbox = populated(notary)
    path = notary.public / "2026" / name
    content = bytearray(path.read_bytes())
    if damage == "remove":
        path.unlink()
    else:
        content[len(content) // 2] ^= 1
        path.write_bytes(content if damage == "flip" else content[:-1])
    problems = "\n".join(fsck(notary, [outbox])[0].problems)
    assert name in problems


def test_fsck_checks_the_published_checkpoint(notary: Notary, folder: Path, clock: ManualClock) -> None:
    populated(notary)
    path = notary.public / "2026" / "checkpoint"
    good = path.read_bytes()
    path.write_bytes(good.replace(b"\n303\n", b"\n302\n"))
    assert any("checkpoint" in problem for problem in fsck(notary)[0].problems)
    path.unlink()
    assert any("missing" in problem for problem in fsck(notary)[0].problems)
    path.write_bytes(good)
    assert fsck(notary)[0].problems == []


def test_fsck_reads_entries_of_unknown_form(notary: Notary) -> None:
    outbox = MemoryOutbox()
    outbox.add(b'{"v":1,"kind":"unheard-of"}')
    outbox.add(encode_entry(Event(bytes(32))))
    notary.sequence([outbox])
    assert any("entry 1" in problem for problem in fsck(notary, [outbox])[0].problems)
