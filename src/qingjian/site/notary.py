"""The notary process: frame batches and business events go into the ledger as soon as they are there."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path

import structlog
from django.db import Error as DatabaseError
from django.db import close_old_connections

from qingjian.apps.records.services import RecordsOutbox
from qingjian.contracts.anchored import Anchored, AnchoredPositions
from qingjian.contracts.clock import Clock, SystemClock
from qingjian.contracts.folders import DataFolder, write_durably
from qingjian.journal import Batch, Frame, JournalReader, journals
from qingjian.ledger.errors import LedgerError
from qingjian.notary import attendance, configured, damaged
from qingjian.notary.contents import batch_place, enter_batch, frame_row, runs_of
from qingjian.notary.errors import NotaryError
from qingjian.notary.notary import Notary
from qingjian.notary.service import NotaryService, Tick
from qingjian.site.configuration import Configuration

log = structlog.get_logger("qingjian.notary")
TICK_SECONDS = 1.0
BATCHES_AT_ONCE = 256


class FrameBatches:
    """Hands closed journal batches to the notary, in order, with a position of its own per journal.

    The position is only a short cut: entering a batch again changes nothing.
    """

    def __init__(self, folder: DataFolder, notary: Notary) -> None:
        self._folder = folder
        self._notary = notary
        self._path = folder.entered
        self._positions: dict[str, int] = json.loads(self._path.read_text()) if self._path.exists() else {}
        self._anchored = AnchoredPositions(folder.anchored)

    def enter(self) -> int:
        """Enter what was closed since; returns how many batches."""
        entered = 0
        for name in journals(self._folder.journal):
            with JournalReader(self._folder.journal / name) as reader:
                for batch in reader.batches(self._positions.get(name, 0), BATCHES_AT_ONCE):
                    entered += self._enter(name, batch, _frames(reader, batch))
                    self._positions[name] = batch.number
        return entered

    def _enter(self, name: str, batch: Batch, frames: list[Frame]) -> int:
        """Enter a batch, or what is left of it run by run; whatever comes after a damaged one must not wait."""
        runs = runs_of(frames)
        entered = 0
        reason = "" if [len(run) for run in runs] == [batch.last - batch.first + 1] else "frames are missing"
        for run in runs:
            try:
                enter_batch(self._notary, map(frame_row, run))
                entered += 1
            except (NotaryError, LedgerError) as error:
                reason = str(error)  # not as they were entered, or unreadable: the nightly check names them
        if reason:
            log.error("a batch cannot be entered whole", journal=name, batch=batch.number, reason=reason)
            damaged.note(self._notary, name, batch.first, batch.last)
        return entered

    def remember(self) -> None:
        """Store the position, after the notary has made its entries durable."""
        write_durably(self._path, json.dumps(self._positions).encode())

    def anchor(self) -> bool:
        """Say how far each journal has its places in the ledger; returns whether that has moved."""
        before = dict(self._anchored.read())
        known = dict(before)
        for name in journals(self._folder.journal):
            last = known.get(name, Anchored(0, 0))
            with JournalReader(self._folder.journal / name) as reader:
                for batch in reader.batches(last.batch, BATCHES_AT_ONCE):
                    if not self._has_place(reader, batch):
                        break
                    last = Anchored(batch.number, batch.last)
            if last.batch:
                known[name] = last
        if known == before:
            return False
        self._anchored.write(known)
        return True

    def _has_place(self, reader: JournalReader, batch: Batch) -> bool:
        """Whether all that is left of a batch has its place."""
        if batch_place(self._notary, reader.name, batch.first, batch.last) is not None:
            return True
        return batch.number <= self._positions.get(reader.name, 0) and all(
            batch_place(self._notary, reader.name, run[0].sequence, run[-1].sequence) is not None
            for run in runs_of(_frames(reader, batch))
        )


def _frames(reader: JournalReader, batch: Batch) -> list[Frame]:
    """What is left of a closed batch; rows that went missing are not made up for by those after it."""
    rows = reader.read(batch.first - 1, batch.last - batch.first + 1)
    return [frame for frame in rows if frame.sequence <= batch.last]


def open_notary(folder: DataFolder, configuration: Configuration, clock: Clock) -> Notary:
    """Open the ledger of a node, creating it at the first start under the node's own origin.

    Witnesses and mirror are asked what they have seen before anything is signed.
    """
    folder.ledger.mkdir(parents=True, exist_ok=True)
    exists = (folder.ledger / "state.sqlite3").exists()
    return Notary(
        folder.ledger,
        clock,
        origin=None if exists else f"{configuration.node_name}/qingjian-ledger",
        anchors=configured.witness_anchors(configuration.ledger_witnesses),
        depositaries=configured.mirrors(configuration.ledger_mirror),
    )


def _service(notary: Notary, configuration: Configuration) -> NotaryService:
    return NotaryService(notary, [], configured.witness_clients(configuration.ledger_witnesses))


def _tick(service: NotaryService, outboxes: list[RecordsOutbox]) -> Tick:
    """Give places to what waits; while the people's database is away, frames still enter and events wait in it."""
    close_old_connections()
    service.outboxes = list(outboxes)
    try:
        return service.tick()
    except DatabaseError:
        log.exception("the people's database does not answer")
        service.outboxes = []
        return service.tick()


def _say(folder: DataFolder, notary: Notary, tick: Tick) -> None:
    """Leave word for pages and doctor; replaced each second, so it need not reach the disk at once."""
    shard = notary.state.shards()[-1]
    word = {
        "at": notary.clock.now().timestamp(),
        "shard": shard.name,
        "size": shard.size,
        "frozen": tick.frozen,
        **attendance.said(notary),
    }
    path = folder.findings.parent / "notary.json"
    beside = path.with_name("notary.json.part")
    beside.write_text(json.dumps(word, ensure_ascii=False), encoding="utf-8")
    beside.replace(path)


def run(data: Path, configuration: Configuration) -> None:
    """Work until SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    folder = DataFolder(data)
    notary = open_notary(folder, configuration, SystemClock())
    service, outboxes = _service(notary, configuration), [RecordsOutbox()]
    batches = FrameBatches(folder, notary)
    while not stop.is_set():
        try:
            entered = batches.enter()
            tick = _tick(service, outboxes)
            if entered:
                batches.remember()
            batches.anchor()
            _say(folder, notary, tick)
            if tick.frozen:
                log.error("the notary does not sign", reason=tick.frozen)
        except Exception:
            log.exception("notary tick failed")
        stop.wait(TICK_SECONDS)
