"""From a frame to the cosignatures over it, with a verdict that is computed and never stored.

Also the receipt of a sender: what was received from one device hour by hour, each frame with its proof.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from qingjian.contracts.clock import CHINA
from qingjian.ledger.checkpoint import open_checkpoint
from qingjian.ledger.entries import Frames, parse_entry
from qingjian.ledger.errors import LedgerError
from qingjian.ledger.frames import FrameBatch
from qingjian.ledger.hashing import leaf_hash
from qingjian.ledger.note import VerifierKey
from qingjian.ledger.tree import verify_inclusion
from qingjian.notary.contents import StoredFrame, batch_of, batch_place, frame_row
from qingjian.notary.errors import NotaryError
from qingjian.notary.notary import Notary
from qingjian.notary.outbox import Place
from qingjian.notary.reading import ProvenEntry, prove


@dataclass(frozen=True)
class Step:
    """One link of the chain: what it is, whether it holds (None: not yet there), and words for people."""

    link: str
    holds: bool | None
    words: str


@dataclass(frozen=True)
class Provenance:
    """The chain of one frame."""

    steps: tuple[Step, ...]
    place: Place | None = None
    cosigned_at: tuple[datetime.datetime, ...] = ()

    @property
    def verdict(self) -> bool | None:
        """True when every link holds, False when one does not, None while one is still missing."""
        states = [step.holds for step in self.steps]
        return False if False in states else None if None in states else True


def trace_frame(
    notary: Notary,
    frame: StoredFrame,
    batch_frames: Iterable[StoredFrame],
    witness_keys: Sequence[VerifierKey] = (),
) -> Provenance:
    """Follow a stored frame to its batch, the ledger's entry, the checkpoint and its cosignatures.

    ``batch_frames`` are all frames of its batch as they are stored now; whatever was changed in them
    since they entered shows as a link that does not hold.
    """
    steps = []
    try:
        batch = batch_of(batch_frames)
        path = batch.proof(frame.sequence)
        size = batch.last - batch.first + 1
        row = frame_row(frame)
        verify_inclusion(row.leaf(), frame.sequence - batch.first, size, path, batch.root)
    except LedgerError as error:
        return Provenance(
            (Step("batch", False, f"报文与批次不符 / the frame does not fit its batch: {error}"),)
        )
    steps.append(Step("batch", True, f"属批次 {batch.journal} {batch.first}–{batch.last} / in its batch"))
    place = batch_place(notary, batch.journal, batch.first)
    if place is None:
        steps.append(Step("entry", None, "批次尚未入账 / the batch is not in the ledger yet"))
        return Provenance(tuple(steps))
    try:
        proven = prove(notary, place)
    except (NotaryError, LedgerError, OSError) as error:
        steps.append(Step("entry", False, f"账本读不出该条 / the ledger cannot show the entry: {error}"))
        return Provenance(tuple(steps), place)
    steps.append(_entry_step(proven, batch))
    checkpoint_steps, moments = _checkpoint_steps(notary, proven, witness_keys)
    return Provenance((*steps, *checkpoint_steps), place, moments)


def _entry_step(proven: ProvenEntry, batch: FrameBatch) -> Step:
    try:
        entry = parse_entry(proven.data)
    except LedgerError as error:
        return Step("entry", False, f"账本记录读不懂 / unreadable entry: {error}")
    same = entry == Frames(batch.journal, batch.first, batch.last, batch.root)
    words = "与入账时一致 / as entered" if same else "存储的报文与入账时不同 / the stored frames were changed"
    return Step("entry", same, f"{proven.place.shard}/{proven.place.index}：{words}")


def _checkpoint_steps(
    notary: Notary, proven: ProvenEntry, witness_keys: Sequence[VerifierKey]
) -> tuple[list[Step], tuple[datetime.datetime, ...]]:
    keys = notary.verifier_keys(proven.place.shard)
    try:
        opened = open_checkpoint(proven.proof.checkpoint, keys, witness_keys)
        head = opened.checkpoint
        verify_inclusion(leaf_hash(proven.data), proven.place.index, head.size, proven.proof.path, head.root)
    except LedgerError as error:
        return [Step("checkpoint", False, f"检查点不成立 / the checkpoint does not hold: {error}")], ()
    steps = [Step("checkpoint", True, f"检查点 {head.size} 条，签名有效 / signed checkpoint")]
    moments = tuple(
        datetime.datetime.fromtimestamp(line.timestamp or 0, datetime.UTC) for line in opened.cosigned
    )
    if witness_keys:
        names = ", ".join(line.signature.name for line in opened.cosigned)
        cosigned = Step("cosignatures", True, f"见证：{names} / cosigned")
        steps.append(cosigned if moments else Step("cosignatures", None, "尚无见证 / not cosigned yet"))
    return steps, moments


@dataclass(frozen=True)
class HourReceipt:
    """What was received from one device in one hour (UTC+08:00), named by its start."""

    hour: datetime.datetime
    frames: int
    proven: int
    first_sequence: int
    last_sequence: int


def receipts(
    notary: Notary, mn: str, batches: Iterable[Sequence[StoredFrame]]
) -> tuple[list[HourReceipt], Mapping[tuple[str, int], Provenance]]:
    """Receipts of one device, hour by hour, and the provenance of each of its frames.

    ``batches`` are whole closed batches of the journal, each in order of sequence.
    """
    hours: dict[datetime.datetime, list[tuple[int, bool | None]]] = {}
    chains = {}
    for batch in batches:
        for frame in batch:
            if frame.mn != mn:
                continue
            chain = trace_frame(notary, frame, batch)
            chains[frame.journal, frame.sequence] = chain
            moment = datetime.datetime.fromtimestamp(frame.received_us // 1_000_000, CHINA)
            hour = moment.replace(minute=0, second=0, microsecond=0)
            hours.setdefault(hour, []).append((frame.sequence, chain.verdict))
    result = []
    for hour, found in sorted(hours.items()):
        sequences = [sequence for sequence, _ in found]
        proven = sum(verdict is True for _, verdict in found)
        result.append(HourReceipt(hour, len(found), proven, min(sequences), max(sequences)))
    return result, chains
