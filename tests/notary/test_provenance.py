"""From a value's frame to the cosignatures, and receipts for the sender."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.notary.conftest import START, LocalWitness, frames

from qingjian.contracts.clock import SystemClock
from qingjian.notary.contents import enter_batch, frame_row
from qingjian.notary.hammer import hammer_reads, hammer_writes
from qingjian.notary.notary import Notary
from qingjian.notary.provenance import Tracer, receipts

MakeWitness = Callable[[str], LocalWitness]


def test_the_chain_grows_link_by_link(notary: Notary, witness: MakeWitness) -> None:
    one = witness("bureau")
    one.trust(notary.verifier_keys("2026"))
    batch = frames(1, 10)
    enter_batch(notary, map(frame_row, batch))
    waiting = Tracer(notary).trace(batch[3], batch)
    assert (waiting.verdict, waiting.place) == (None, None)
    notary.sequence()
    assert Tracer(notary).trace(batch[3], batch).verdict is True
    keys = [one.cosigner.key]
    assert Tracer(notary, keys).trace(batch[3], batch).verdict is None  # not cosigned yet
    notary.cosign([one.client])
    done = Tracer(notary, keys).trace(batch[3], batch)
    assert done.verdict is True
    assert done.cosigned_at == (START,)
    assert [step.link for step in done.steps] == ["batch", "entry", "checkpoint", "cosignatures"]


def test_whatever_was_changed_behind_the_program_shows(notary: Notary) -> None:
    batch = frames(1, 10)
    enter_batch(notary, map(frame_row, batch))
    notary.sequence()
    changed = [*batch[:3], replace(batch[3], content=b"forged"), *batch[4:]]
    for chain in (
        Tracer(notary).trace(changed[3], changed),
        Tracer(notary).trace(changed[3], batch),
        Tracer(notary).trace(batch[3], changed),
        Tracer(notary).trace(batch[3], batch[:5] + batch[6:]),
    ):
        assert chain.verdict is False
    path = notary.public / "2026" / "tile/entries/000.p/2"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert Tracer(notary).trace(batch[3], batch).verdict is False


def test_receipts_by_hour(notary: Notary) -> None:
    batches = [frames(1, 5), [replace(f, mn="MN0002") for f in frames(6, 5)], frames(3_601, 4)]
    for batch in batches[:2]:
        enter_batch(notary, map(frame_row, batch))
    notary.sequence()
    found, chains = receipts(notary, "MN0001", batches)
    assert [(r.frames, r.proven, r.first_sequence, r.last_sequence) for r in found] == [
        (5, 5, 1, 5),
        (4, 0, 3601, 3604),
    ]
    assert [r.hour.isoformat() for r in found] == ["2026-11-18T19:00:00+08:00", "2026-11-18T20:00:00+08:00"]
    assert set(chains) == {("gate-1", n) for n in (*range(1, 6), *range(3_601, 3_605))}


def test_hammer_reads_and_writes(notary: Notary) -> None:
    clock = SystemClock()
    assert hammer_reads(notary, clock, 3).count == 3
    assert hammer_writes(notary.folder, clock, 500, 100).count == 500
    assert notary.state.shard("2026").size == 1
