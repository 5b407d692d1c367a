"""From a frame to the cosignatures over it, with a verdict that is computed and never stored.

Also the receipt of a sender: what was received from one device hour by hour, each frame with its proof.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from qingjian.contracts.clock import CHINA
from qingjian.ledger.checkpoint import open_checkpoint, read_checkpoint
from qingjian.ledger.entries import Day, Frames, parse_entry
from qingjian.ledger.errors import LedgerError
from qingjian.ledger.frames import FrameBatch
from qingjian.ledger.hashing import leaf_hash
from qingjian.ledger.note import VerifierKey
from qingjian.ledger.tree import verify_inclusion
from qingjian.notary.contents import StoredFrame, batch_of, batch_place, entered_over, frame_row, runs_of
from qingjian.notary.errors import NotaryError
from qingjian.notary.notary import Notary
from qingjian.notary.outbox import Place
from qingjian.notary.reading import ProvenEntry, ShardReader, awaits_publication
from qingjian.notary.sealing import commit_series_day, seal_of


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


_UNPUBLISHED = Step("checkpoint", None, "已记入账本，等待发布 / recorded, waits for its head to be published")
_LATER = (
    "所示修订在封存之后才到，不在此封存之内，待下次封存 / the revision shown came after the seal and is not under it; "
    "the next seal of the day will hold it"
)


class Tracer:
    """Follows frames to their batch, the ledger's entry, the checkpoint and its cosignatures.

    Keeps what frames of one batch, and batches under one checkpoint, have in common; make one for each question.
    """

    def __init__(self, notary: Notary, witness_keys: Sequence[VerifierKey] = ()) -> None:
        self._notary = notary
        self._witness_keys = witness_keys
        self._readers: dict[str, ShardReader] = {}
        self._heads: dict[bytes, tuple[list[Step], tuple[datetime.datetime, ...]]] = {}

    def trace(self, frame: StoredFrame, batch_frames: Iterable[StoredFrame]) -> Provenance:
        """The chain of one frame. ``batch_frames`` are all frames of its batch as they are stored now."""
        return self.trace_all([frame], batch_frames)[0]

    def trace_all(
        self, frames: Iterable[StoredFrame], batch_frames: Iterable[StoredFrame]
    ) -> list[Provenance]:
        """The chains of some frames of one batch, in their order."""
        rows = list(batch_frames)
        try:
            batch = batch_of(rows)
        except LedgerError as error:
            return [self._beside_a_hole(frame, rows, error) for frame in frames]
        rest = self._above(batch)
        return [_with_batch(frame, batch, rest) for frame in frames]

    def _beside_a_hole(
        self, frame: StoredFrame, rows: Sequence[StoredFrame], error: LedgerError
    ) -> Provenance:
        """A batch that had lost frames before it was entered was entered run by run."""
        for run in runs_of(rows):
            if run[0].sequence <= frame.sequence <= run[-1].sequence:
                batch = batch_of(run)
                if batch_place(self._notary, batch.journal, batch.first, batch.last) is not None:
                    return _with_batch(frame, batch, self._above(batch))
        return Provenance((Step("batch", False, f"批次不成立 / the batch does not hold: {error}"),))

    def _above(self, batch: FrameBatch) -> Provenance:
        """What follows above a batch."""
        place = batch_place(self._notary, batch.journal, batch.first, batch.last)
        if place is None:
            other = entered_over(self._notary, batch.journal, batch.first, batch.last)
            if other is not None and (other.first, other.last) != (batch.first, batch.last):
                words = f"入账的是 {other.first}–{other.last} 帧，存储的不是 / the stored frames are not the batch entered"
                return Provenance((Step("entry", False, words),))
            return Provenance((Step("entry", None, "批次尚未入账 / the batch is not in the ledger yet"),))
        try:
            proven = self._reader(place).prove(place.index)
        except (NotaryError, LedgerError, OSError) as error:
            if _awaits(self._notary, place):
                return Provenance((_UNPUBLISHED,), place)
            step = Step("entry", False, f"账本读不出该条 / the ledger cannot show the entry: {error}")
            return Provenance((step,), place)
        steps, moments = self._head(proven)
        return Provenance((_entry_step(proven, batch), *_included(proven), *steps), place, moments)

    def _reader(self, place: Place) -> ShardReader:
        reader = self._readers.get(place.shard)
        if reader is None or place.index >= reader.checkpoint.size:
            reader = self._readers[place.shard] = ShardReader(self._notary, place.shard, place.index)
        return reader

    def _head(self, proven: ProvenEntry) -> tuple[list[Step], tuple[datetime.datetime, ...]]:
        note = proven.proof.checkpoint
        if note not in self._heads:
            self._heads[note] = _checkpoint_steps(self._notary, proven, self._witness_keys)
        return self._heads[note]


def trace_series_day(
    notary: Notary,
    day: datetime.date,
    series: str,
    canonical: bytes,
    witness_keys: Sequence[VerifierKey] = (),
    known_at: datetime.datetime | None = None,
) -> Provenance | None:
    """The chain of one series on one day: stored rows, seal, entry, checkpoint, cosignatures; None before it is sealed.

    ``canonical`` are the rows as they are stored now, those only that were known when the day was sealed. ``known_at`` is
    when the revision that is asked about became known: one that came after the seal is not under it.
    """
    try:
        seal = seal_of(notary, day)
        if seal is None or seal.lost:
            return None
        tree = seal.tree()
    except LedgerError as error:
        return Provenance((Step("seal", False, f"封存不成立 / the seal does not hold: {error}"),))
    if series not in seal.digests:
        words = "封存时没有这一序列 / the series was not there when the day was sealed"
        return Provenance((Step("seal", None, words),))
    same = commit_series_day(notary, day, series, canonical) == seal.digests[series]
    words = "与封存时一致 / as sealed" if same else "存储的数据与封存时不同 / the stored values were changed"
    stored = [Step("seal", same, f"{day} 第 {seal.revision} 次封存，{tree.size} 个序列：{words}")]
    if known_at is not None and seal.known_until is not None and known_at > seal.known_until:
        stored.append(Step("value", None, _LATER))
    place = notary.state.place(seal.subject)
    if place is None:
        waiting = Step("entry", None, "封存尚未入账 / the seal is not in the ledger yet")
        return Provenance((*stored, waiting))
    try:
        proven = ShardReader(notary, place.shard, place.index).prove(place.index)
        entry = parse_entry(proven.data)
    except (NotaryError, LedgerError, OSError) as error:
        if _awaits(notary, place):
            return Provenance((*stored, _UNPUBLISHED), place)
        step = Step("entry", False, f"账本读不出该条 / the ledger cannot show the entry: {error}")
        return Provenance((*stored, step), place)
    entered = (
        isinstance(entry, Day)
        and (entry.day, entry.revision) == (day, seal.revision)
        and (entry.root, entry.series_days) == (seal.root, tree.size)
    )
    words = (
        "封存的根与入账时一致 / the sealed root as entered"
        if entered
        else "封存被改动 / the seal was changed"
    )
    steps, moments = _checkpoint_steps(notary, proven, witness_keys)
    chain = (
        *stored,
        Step("entry", entered, f"{place.shard}/{place.index}：{words}"),
        *_included(proven),
        *steps,
    )
    return Provenance(chain, place, moments)


def _awaits(notary: Notary, place: Place) -> bool:
    try:
        return awaits_publication(notary, place)
    except (NotaryError, LedgerError, OSError):
        return False


def _with_batch(frame: StoredFrame, batch: FrameBatch, above: Provenance) -> Provenance:
    try:
        path = batch.proof(frame.sequence)
        size = batch.last - batch.first + 1
        verify_inclusion(frame_row(frame).leaf(), frame.sequence - batch.first, size, path, batch.root)
    except LedgerError as error:
        step = Step("batch", False, f"报文与批次不符 / the frame does not fit its batch: {error}")
        return Provenance((step,))
    step = Step("batch", True, f"属批次 {batch.journal} {batch.first}–{batch.last} / in its batch")
    return Provenance((step, *above.steps), above.place, above.cosigned_at)


def _entry_step(proven: ProvenEntry, batch: FrameBatch) -> Step:
    try:
        entry = parse_entry(proven.data)
    except LedgerError as error:
        return Step("entry", False, f"账本记录读不懂 / unreadable entry: {error}")
    same = entry == Frames(batch.journal, batch.first, batch.last, batch.root)
    words = "与入账时一致 / as entered" if same else "存储的报文与入账时不同 / the stored frames were changed"
    return Step("entry", same, f"{proven.place.shard}/{proven.place.index}：{words}")


def _included(proven: ProvenEntry) -> tuple[Step, ...]:
    """A step only when the entry does not lead to the head."""
    try:
        head = read_checkpoint(proven.proof.checkpoint)[0]
        verify_inclusion(leaf_hash(proven.data), proven.place.index, head.size, proven.proof.path, head.root)
    except LedgerError as error:
        return (
            Step("checkpoint", False, f"证明不成立 / the proof does not lead to the checkpoint: {error}"),
        )
    return ()


def _checkpoint_steps(
    notary: Notary, proven: ProvenEntry, witness_keys: Sequence[VerifierKey]
) -> tuple[list[Step], tuple[datetime.datetime, ...]]:
    keys = notary.verifier_keys(proven.place.shard)
    try:
        opened = open_checkpoint(proven.proof.checkpoint, keys, witness_keys)
    except LedgerError as error:
        return [Step("checkpoint", False, f"检查点不成立 / the checkpoint does not hold: {error}")], ()
    steps = [Step("checkpoint", True, f"检查点 {opened.checkpoint.size} 条，签名有效 / signed checkpoint")]
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
    tracer = Tracer(notary)
    for batch in batches:
        wanted = [frame for frame in batch if frame.mn == mn]
        for frame, chain in zip(wanted, tracer.trace_all(wanted, batch) if wanted else (), strict=True):
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
