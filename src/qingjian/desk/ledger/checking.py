"""The nightly look at the ledger and at everything it stands for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

from django.conf import settings

from qingjian.apps.records import queries as records
from qingjian.apps.records import services
from qingjian.apps.records.models import LedgerCheck
from qingjian.contracts.current import now
from qingjian.desk.ledger import opening
from qingjian.desk.ledger.received import ENTERING, ReceivedFrames
from qingjian.desk.ledger.sealing import SealedDays
from qingjian.journal import Continuation, JournalReader, continuations, journals
from qingjian.journal.frame import EPOCH, Batch
from qingjian.ledger.checkpoint import open_checkpoint
from qingjian.ledger.entries import Frames, encode_entry
from qingjian.ledger.errors import LedgerError
from qingjian.ledger.tiles import TileNodes
from qingjian.ledger.tree import root
from qingjian.notary import attendance, configured
from qingjian.notary.contents import batch_entry, batch_of, newest_entered
from qingjian.notary.errors import NotaryError
from qingjian.notary.files import CHECKPOINT, COSIGNED_CHECKPOINT
from qingjian.notary.fsck import ShardReport, fsck
from qingjian.notary.notary import Notary

LOOK_BACK = timedelta(hours=26)
"""Frame batches closed since then are hashed again; a little more than the day between two looks."""
MOST_PROBLEMS = 50
OVERDUE = timedelta(hours=36)
SILENT = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Findings:
    """What a check looked at, and what it found."""

    reports: list[ShardReport]
    batches: int
    days: int
    problems: list[str]
    frozen: str

    @property
    def entries(self) -> int:
        return sum(report.entries for report in self.reports)


def check(*, everything: bool = False) -> LedgerCheck | None:
    """Examine the ledger and keep what was found for workbench and doctor; None without a ledger."""
    if not opening.exists():
        return None
    return keep(examine(everything=everything))


def check_restored() -> LedgerCheck | None:
    """Check at once what was restored from a backup; None when nothing was, or it has been checked since."""
    return check() if settings.DATA_FOLDER.restored.exists() else None


def keep(found: Findings) -> LedgerCheck:
    """Keep what a check found."""
    kept = services.store_check(
        found.entries, found.batches, found.days, found.problems[:MOST_PROBLEMS], found.frozen
    )
    settings.DATA_FOLDER.restored.unlink(missing_ok=True)
    return kept


def examine(*, everything: bool = False) -> Findings:
    """Check tiles, records behind leaves, records as they are now, frame batches, and sealed days.

    The nightly look takes the newest log and a thirtieth of the older ones, the batches of the last day and some of all
    older ones in turn, the newest sealed days and a thirtieth of the older ones; `everything` takes all there is.
    """
    published = _published()  # before opening, which puts a damaged head right again
    try:
        with opening.opened() as notary:
            reports = fsck(notary, [records.Records()], turn=None if everything else now().toordinal())
            batches, days, received = _Batches(), SealedDays(notary), ReceivedFrames(notary)
            most = None if everything else MOST_PROBLEMS
            problems = [
                *_heads(notary, published),
                *(problem for report in reports for problem in report.problems),
                *islice(records.differences(), most),
                *islice(batches.problems(notary, None if everything else LOOK_BACK), most),
                *islice(received.problems(everything=everything), most),
                *islice(days.problems(every_day=everything), most),
            ]
            looked_at = batches.count + received.count
            return Findings(reports, looked_at, days.count, problems, notary.frozen or "")
    except (NotaryError, LedgerError, OSError) as error:
        return Findings([], 0, 0, [str(error)], "")


def _published() -> dict[tuple[str, str], bytes]:
    """Return the heads as they lie in the public folder."""
    public = settings.DATA_FOLDER.ledger / "public"
    return {
        (path.parent.name, path.name): path.read_bytes()
        for name in (CHECKPOINT, COSIGNED_CHECKPOINT)
        for path in public.glob(f"*/{name}")
    }


def _heads(notary: Notary, published: dict[tuple[str, str], bytes]) -> Iterator[str]:
    """Return what is wrong with published heads: signature, origin, or a root that is not of this tree."""
    for row in notary.state.shards():
        for name in (CHECKPOINT, COSIGNED_CHECKPOINT):
            note = published.get((row.name, name))
            if note is None:
                if name == CHECKPOINT:
                    yield f"{row.name}/{name}：缺失 / missing"
                continue
            try:
                head = open_checkpoint(note, notary.verifier_keys(row.name)).checkpoint
                nodes = TileNodes(head.size, notary.files(row.name).tile)
                if (
                    head.origin != row.origin
                    or head.size > row.size
                    or root(head.size, nodes.read) != head.root
                ):
                    raise LedgerError("not a head of this log")
            except (LedgerError, OSError) as error:
                yield f"{row.name}/{name}：发布的检查点不成立 / the published head does not hold: {error}"


class _Batches:
    """Compares the stored frames of recent batches with what was entered."""

    def __init__(self) -> None:
        self.count = 0

    def problems(self, notary: Notary, look_back: timedelta | None) -> Iterator[str]:
        for name in journals(settings.DATA_FOLDER.journal):
            with JournalReader(settings.DATA_FOLDER.journal / name) as reader:
                yield from self._journal(notary, reader, look_back)

    def _journal(self, notary: Notary, reader: JournalReader, look_back: timedelta | None) -> Iterator[str]:
        since = EPOCH if look_back is None else now() - look_back
        continued = {one.continues_at: one for one in continuations(reader.folder)}
        last: Batch | None = None
        while batches := reader.batches(last.number if last else 0):
            for batch in batches:
                restored = continued.get(batch.number)
                ends = restored.readable_up_to if restored is not None else 0
                if last is not None and batch.number != last.number + 1 and last.last != ends:
                    yield f"{reader.name}：批次 {last.number} 之后缺失 / batches are missing after this one"
                last = batch
                if EPOCH + timedelta(microseconds=batch.closed_us) >= since:
                    self.count += 1
                    yield from _batch(notary, reader, batch)
        newest, _ = newest_entered(notary, reader.name)
        lost = max((one.known_up_to for one in continued.values()), default=0)
        if last is not None and newest > max(last.first, lost):
            yield f"{reader.name}：末尾的批次缺失 / the last batches that were entered are missing"
        if look_back is None:
            yield from _lost(reader.name, list(continued.values()))
        elif settings.DATA_FOLDER.restored.exists():
            yield from _lost(reader.name, list(continued.values())[-1:])


def _lost(name: str, continued: Sequence[Continuation]) -> Iterator[str]:
    """Name, at the first check after a restore and whenever all is checked, the frames that came after the backup."""
    for one in continued:
        if one.known_up_to > one.readable_up_to:
            first, last = one.readable_up_to + 1, one.known_up_to
            yield f"{name} {first}–{last}：备份之后收到，恢复后没有 / received after the backup was made, not restored"


def _batch(notary: Notary, reader: JournalReader, batch: Batch) -> Iterator[str]:
    where = f"{reader.name} {batch.first}–{batch.last}"
    count = batch.last - batch.first + 1
    rows = [one for one in reader.read(batch.first - 1, count) if one.sequence <= batch.last]
    if len(rows) != count:
        yield f"{where}：日志缺 {count - len(rows)} 帧 / frames of the batch are missing in the journal"
        return
    entered = batch_entry(notary, reader.name, batch.first, batch.last)
    if entered is None:
        if now() - (EPOCH + timedelta(microseconds=batch.closed_us)) > ENTERING:
            yield f"{where}：批次没有入账 / the batch is not in the ledger"
        return
    try:
        stored = batch_of(rows)
        same = entered == encode_entry(Frames(stored.journal, stored.first, stored.last, stored.root))
    except LedgerError:
        same = False
    if not same:
        yield f"{where}：存储的报文与入账时不同 / the stored frames were changed"


@dataclass(frozen=True, slots=True)
class State:
    """What people are told of the ledger: level 0 fine, 1 look at it, 2 wrong."""

    level: int
    frozen: str
    problems: tuple[str, ...]
    overdue: bool
    unchecked: bool
    """Restored from a backup, and not compared with the ledger since."""
    warnings: tuple[str, ...] = ()
    """A witness that does not cosign, a head that is not published, frames that were damaged before they were entered."""


def state() -> State | None:
    """Return what is known now, from the notary's own word and the last check; None before there is a ledger."""
    if not opening.exists():
        return None
    last = records.last_check()
    status = notary_status()
    frozen = str(status.get("frozen") or (last.frozen if last and not status else "") or "")
    problems = tuple(last.problems) if last else ()
    overdue = last is not None and now() - last.at > OVERDUE
    unchecked = settings.DATA_FOLDER.restored.exists()
    names = configured.witness_names(settings.CONFIGURATION.ledger_witnesses)
    warnings = tuple(attendance.warnings(status, names, now()))
    level = 2 if frozen or problems or unchecked else 1 if overdue or warnings else 0
    return State(level, frozen, problems, overdue, unchecked, warnings)


def notary_status() -> dict[str, Any]:
    """Return what the running notary says of itself; empty when it does not run."""
    path = settings.DATA_FOLDER.findings.parent / "notary.json"
    try:
        status: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        fresh = now().timestamp() - float(status["at"]) <= SILENT.total_seconds()
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return status if fresh else {}
