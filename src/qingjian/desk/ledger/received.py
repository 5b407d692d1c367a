"""Stored frames compared with the batches that were entered: in the lake, which keeps them longest, or in the journal.

The walk follows the ledger, not the folders there are: a frame, a file or a whole journal that is gone shows as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings

from qingjian.apps.observing import stores
from qingjian.contracts.current import now
from qingjian.desk.ledger.frames import LakeFrame
from qingjian.journal import JournalReader, continuations, journals
from qingjian.lake import Lake
from qingjian.ledger.entries import Frames, parse_entry
from qingjian.ledger.errors import LedgerError
from qingjian.notary.contents import StoredFrame, batch_of
from qingjian.notary.notary import Notary

ENTERING = timedelta(minutes=10)
"""A closed batch must have reached the ledger's queue by then."""
FRAMES_A_NIGHT = 300_000
"""About so many frames are read again each night, the night after goes on behind them."""
FRAMES_AT_ONCE = 20_000
ENTRIES_AT_ONCE = 2_000
_POSITION = "received_checked"
"""Fact of the notary's state: number in its queue up to which frames were compared."""


@dataclass(slots=True)
class _Stretch:
    """Batches of one journal in rising order, near enough to be read in one go."""

    journal: str
    low: int
    """First sequence looked at: what lies between the batch before and this one belongs to no batch."""
    batches: list[Frames] = field(default_factory=list)
    frames: int = 0


@dataclass(slots=True)
class _Wrong:
    """Neighbouring batches with the same fault, told in one sentence."""

    journal: str
    first: int
    last: int
    words: str

    def __str__(self) -> str:
        return f"{self.journal} {self.first}–{self.last}：{self.words}"


class ReceivedFrames:
    """Compares stored frames with what was entered; `count` says how many batches the journal no longer holds."""

    def __init__(self, notary: Notary) -> None:
        self._notary = notary
        self._lake: Lake = stores.lake()
        self._folder = settings.DATA_FOLDER.journal
        self._readers: dict[str, JournalReader] = {}
        self._last: dict[str, int] = {}
        """Last sequence entered of each journal that was walked."""
        self.count = 0

    def problems(self, *, everything: bool) -> Iterator[str]:
        """Return a sentence for each range of frames that is not as it was entered.

        All batches with `everything`, and then frames that no batch has too; otherwise those whose turn it is.
        """
        for name in journals(self._folder):
            self._readers[name] = JournalReader(self._folder / name)
        try:
            yield from map(str, _together(self._everything() if everything else self._in_turn()))
            if everything:
                yield from self._never_entered()
        finally:
            for reader in self._readers.values():
                reader.close()

    # Which batches ----------------------------------------------------------------------------------------------

    def _everything(self) -> Iterator[_Wrong]:
        position = 0
        while page := self._notary.state.queued_after("frames/", position, ENTRIES_AT_ONCE):
            position = page[-1][0]
            for stretch in self._stretches([entry for _, entry in page]):
                yield from self._compare(stretch)

    def _in_turn(self) -> Iterator[_Wrong]:
        begin = position = int(self._notary.state.fact(_POSITION) or 0)
        looked, wrapped = 0, False
        while looked < FRAMES_A_NIGHT:
            page = self._notary.state.queued_after("frames/", position, ENTRIES_AT_ONCE)
            if wrapped:
                page = [row for row in page if row[0] <= begin]
            if not page:
                if wrapped or not begin:
                    break
                position, wrapped = 0, True
                self._last.clear()
                continue
            taken = []
            for number, entry in page:
                taken.append(entry)
                position = number
                looked += _size(entry)
                if looked >= FRAMES_A_NIGHT:
                    break
            for stretch in self._stretches(taken):
                yield from self._compare(stretch)
        with self._notary.state.transaction():
            self._notary.state.set_fact(_POSITION, str(position))

    def _stretches(self, entries: Sequence[bytes]) -> list[_Stretch]:
        done: list[_Stretch] = []
        open_: dict[str, _Stretch] = {}
        for data in entries:
            entry = parse_entry(data)
            if not isinstance(entry, Frames):
                continue
            stretch = open_.get(entry.journal)
            before = self._last.get(entry.journal)
            rising = before is not None and entry.first > before
            if stretch is None or not rising or stretch.frames >= FRAMES_AT_ONCE:
                low = before + 1 if rising and before is not None else entry.first
                stretch = open_[entry.journal] = _Stretch(entry.journal, low)
                done.append(stretch)
            stretch.batches.append(entry)
            stretch.frames += entry.last - entry.first + 1
            self._last[entry.journal] = max(entry.last, before or 0)
        return done

    # Comparing --------------------------------------------------------------------------------------------------

    def _compare(self, stretch: _Stretch) -> Iterator[_Wrong]:
        name, last = stretch.journal, stretch.batches[-1].last
        in_lake = self._lake.position(name)  # before the rows: a running node writes on between the two
        rows = self._lake.frame_range(name, stretch.low, last).to_pylist()
        stored = [LakeFrame.of(row) for row in rows]
        place = 0
        for batch in stretch.batches:
            between = place
            while place < len(stored) and stored[place].sequence < batch.first:
                place += 1
            if place > between:
                words = "数据湖中有未入账的报文 / the lake holds frames that were never entered"
                yield _Wrong(name, stored[between].sequence, stored[place - 1].sequence, words)
            begin = place
            while place < len(stored) and stored[place].sequence <= batch.last:
                place += 1
            reader = self._readers.get(name)
            kept = reader is not None and reader.first() <= batch.first and batch.last <= reader.last()
            self.count += not kept
            if batch.last > in_lake and kept and reader is not None:
                continue  # on its way into the lake; what the journal holds of it is looked at there
            if words := self._fault(batch, stored[begin:place]):
                yield _Wrong(name, batch.first, batch.last, words)

    def _fault(self, batch: Frames, stored: Sequence[StoredFrame]) -> str:
        lost = self._lost_with_a_restore(batch)
        lacking = batch.last - batch.first + 1 - len({one.sequence for one in stored})
        if lacking:
            return "" if lost else "数据湖中缺报文 / frames are missing in the lake"
        try:
            return "" if batch_of(stored).root == batch.root else _CHANGED
        except LedgerError:
            return _CHANGED

    def _lost_with_a_restore(self, batch: Frames) -> bool:
        """Whether the frames came after the backup this node was restored from: named at the check after that."""
        return any(
            one.readable_up_to < batch.last <= one.known_up_to
            for one in continuations(self._folder / batch.journal)
        )

    # Frames without a batch -------------------------------------------------------------------------------------

    def _never_entered(self) -> Iterator[str]:
        for name, first, last, newest in self._lake.frame_spans():
            low = max(first, self._last.get(name, 0) + 1)
            reader = self._readers.get(name)
            if reader is not None and last >= low and last <= reader.last():
                last = min(last, reader.first() - 1)  # the journal's own batches are looked at there
            if last >= low and now() - newest > ENTERING:
                yield f"{name} {low}–{last}：数据湖中的报文没有入账 / frames in the lake are not in the ledger"


_CHANGED = "数据湖中的报文与入账时不同 / the stored frames were changed in the lake"


def _size(data: bytes) -> int:
    entry = parse_entry(data)
    return entry.last - entry.first + 1 if isinstance(entry, Frames) else 0


def _together(found: Iterator[_Wrong]) -> Iterator[_Wrong]:
    """Join neighbours with the same fault, so that a month that is gone is one sentence."""
    held: _Wrong | None = None
    for one in found:
        if (
            held is not None
            and (held.journal, held.words) == (one.journal, one.words)
            and one.first == held.last + 1
        ):
            held.last = one.last
            continue
        if held is not None:
            yield held
        held = one
    if held is not None:
        yield held
