"""Years, keys, new origins, and opening."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from tests.ledger import sm2_reference
from tests.notary.conftest import ORIGIN, fill, seal_day

from qingjian.contracts.clock import ManualClock
from qingjian.ledger.checkpoint import open_checkpoint
from qingjian.ledger.entries import KeyAction, KeyChange, Start, StartReason, parse_entry
from qingjian.ledger.errors import SignatureError
from qingjian.ledger.note import SM2_SM3, LineState, Signature, VerifierKey
from qingjian.notary.errors import FrozenError, NotaryError
from qingjian.notary.files import CHECKPOINT
from qingjian.notary.fsck import fsck
from qingjian.notary.notary import Notary
from qingjian.notary.outbox import MemoryOutbox
from qingjian.notary.procedures import add_key, retire_key, start_new_origin
from qingjian.notary.reading import ShardReader
from qingjian.notary.sealing import seal_of


def checkpoint(notary: Notary, shard: str) -> bytes:
    note = notary.files(shard).read(CHECKPOINT)
    assert note is not None
    return note


def first_entry(notary: Notary, shard: str) -> Start:
    entry = parse_entry(ShardReader(notary, shard).entry(0))
    assert isinstance(entry, Start)
    return entry


def test_the_first_shard_starts_with_its_origin_and_key(notary: Notary) -> None:
    start = first_entry(notary, "2026")
    assert (start.origin, start.reason, start.previous) == (f"{ORIGIN}/2026", StartReason.FIRST, None)
    assert list(start.keys) == notary.verifier_keys("2026")
    secret = next((notary.folder / "keys").glob("*.key"))
    assert secret.stat().st_mode & 0o077 == 0
    assert not any(b"PRIVATE" in path.read_bytes() for path in notary.public.rglob("*") if path.is_file())


def test_a_new_year_starts_a_shard_that_commits_the_last_checkpoint(
    notary: Notary, clock: ManualClock
) -> None:
    outbox = MemoryOutbox()
    fill(outbox, 10)
    notary.sequence([outbox])
    clock.advance(40 * 86_400 + 12 * 3_600)  # 2026-12-31 16:00 UTC is 2027-01-01 00:00 in China
    fill(outbox, 5)
    notary.sequence([outbox])
    names = [row.name for row in notary.state.shards()]
    assert names == ["2026", "2027"]
    old = open_checkpoint(checkpoint(notary, "2026"), notary.verifier_keys("2026")).checkpoint
    start = first_entry(notary, "2027")
    assert (start.reason, start.previous) == (StartReason.NEW_YEAR, old)
    last = parse_entry(ShardReader(notary, "2026").entry(old.size - 1))
    assert last == KeyChange(KeyAction.SUCCESSOR, notary.verifier_keys("2027")[0])
    index = json.loads((notary.public / "shards.json").read_text())
    assert [item["origin"] for item in index["shards"]] == [f"{ORIGIN}/2026", f"{ORIGIN}/2027"]
    clock.set_wall(clock.now().replace(year=2026))  # a clock that jumps back does not reopen the old year
    fill(outbox, 1)
    notary.sequence([outbox])
    assert notary.state.shard("2026").size == old.size
    assert [report.problems for report in fsck(notary, [outbox])] == [[], []]


def test_key_rotation(notary: Notary) -> None:
    old = notary.verifier_keys("2026")[0]
    new = add_key(notary)
    both = checkpoint(notary, "2026")
    for key in (old, new):
        assert open_checkpoint(both, [key]).checkpoint.size == 2
    retire_key(notary, old)
    with pytest.raises(SignatureError):
        open_checkpoint(checkpoint(notary, "2026"), [old])
    assert open_checkpoint(checkpoint(notary, "2026"), [new]).checkpoint.size == 3
    entries = [parse_entry(ShardReader(notary, "2026").entry(i)) for i in (1, 2)]
    assert entries == [KeyChange(KeyAction.ADD, new), KeyChange(KeyAction.RETIRE, old)]
    with pytest.raises(NotaryError):
        retire_key(notary, new)
    assert fsck(notary)[0].problems == []


def test_a_lost_key_stops_signing_until_a_new_origin_names_the_old(
    notary: Notary, folder: Path, clock: ManualClock
) -> None:
    outbox = MemoryOutbox()
    fill(outbox, 3)
    notary.sequence([outbox])
    head = notary.current().head
    notary.close()
    for path in (folder / "keys").glob("*.key"):
        path.unlink()
    again = Notary(folder, clock)
    assert again.frozen is not None
    with pytest.raises(FrozenError):
        again.sequence([outbox])
    with pytest.raises(FrozenError):
        add_key(again)
    start_new_origin(again, StartReason.KEY_LOST)
    start = first_entry(again, "2026-2")
    assert (start.origin, start.reason, start.previous) == (f"{ORIGIN}/2026-2", StartReason.KEY_LOST, head)
    fill(outbox, 2)
    assert again.sequence([outbox]).added == 2
    again.close()
    third = Notary(folder, clock)
    assert third.frozen is None
    assert [report.problems for report in fsck(third, [outbox])] == [[], []]


def test_a_compromised_key_is_left_behind(notary: Notary) -> None:
    start_new_origin(notary, StartReason.KEY_COMPROMISED)
    start = first_entry(notary, "2026-2")
    assert start.reason is StartReason.KEY_COMPROMISED
    assert start.keys[0].public_key != notary.verifier_keys("2026")[0].public_key


def test_an_sm2_line_stands_beside_the_ed25519_line(folder: Path, clock: ManualClock) -> None:
    class Sm2Signer:
        def __init__(self, origin: str) -> None:
            self.key = VerifierKey.named(origin, SM2_SM3, sm2_reference.PUBLIC_KEY)

        def sign(self, text: str) -> Signature:
            return Signature(self.key.name, self.key.key_id, sm2_reference.sign(text.encode()))

    notary = Notary(folder, clock, origin=ORIGIN, further_signers=lambda origin: [Sm2Signer(origin)])
    keys = list(first_entry(notary, "2026").keys)
    assert [key.algorithm for key in keys] == ["ed25519", SM2_SM3]
    opened = open_checkpoint(checkpoint(notary, "2026"), keys)
    assert [line.state for line in opened.lines] == [LineState.VERIFIED, LineState.NOT_CHECKED]
    opened = open_checkpoint(checkpoint(notary, "2026"), keys, named={SM2_SM3: sm2_reference.verify})
    assert [line.state for line in opened.lines] == [LineState.VERIFIED, LineState.VERIFIED]


def test_opening(folder: Path, clock: ManualClock, notary: Notary, tmp_path: Path) -> None:
    with pytest.raises(NotaryError, match="no ledger"):
        Notary(tmp_path / "elsewhere", clock)
    assert not (tmp_path / "elsewhere").exists()
    with pytest.raises(NotaryError, match="another origin"):
        Notary(folder, clock, origin="another.example/log")
    notary.state.set_fact("format", "3")
    notary.close()
    with pytest.raises(NotaryError, match="unknown format"):
        Notary(folder, clock)


def test_a_store_of_the_first_format_is_taken_over(folder: Path, clock: ManualClock, notary: Notary) -> None:
    day = date(2026, 11, 20)
    notary.state._connection.execute("ALTER TABLE seals DROP COLUMN known_until")
    notary.state._connection.execute(
        "INSERT INTO seals VALUES ('2026-11-20', 1, ?, ?, ?)", (bytes(32), b"", b"")
    )
    notary.state.set_fact("format", "1")
    notary.close()
    again = Notary(folder, clock)
    assert again.state.fact("format") == "2"
    assert seal_of(again, day) is not None
    assert seal_day(again, day, [("P1", b"rows")], clock.now()).revision == 2
    assert seal_of(again, day).known_until == clock.now()


def test_a_lost_state_never_continues_under_the_same_origin(
    notary: Notary, folder: Path, clock: ManualClock
) -> None:
    head = notary.current().head
    notary.close()
    for path in folder.glob("state.sqlite3*"):
        path.unlink()
    again = Notary(folder, clock, origin=ORIGIN)
    start = first_entry(again, "2026-2")
    assert (start.reason, start.previous) == (StartReason.HISTORY_LOST, head)
