"""From journals to lake, latest and findings, batch by batch.

Frames are decoded once; live values go to `latest` at once, the rest waits for the batch. A batch is written into the
batch log, then carried out; what a crash interrupts is carried out again from the log, with the same result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import structlog

from qingjian.contracts.clock import Clock
from qingjian.contracts.directory import STATISTICS, Directory, DirectoryStore
from qingjian.contracts.findings import Finding
from qingjian.journal import Frame, JournalReader, journals
from qingjian.lake import CANDIDATES, FRAMES, STATEMENTS, Appended, Batch, Decimals, Lake
from qingjian.pipeline.batches import BatchLog, Intent
from qingjian.pipeline.decoded import Decoded
from qingjian.pipeline.decoding import Decoder
from qingjian.pipeline.findings import SqliteFindingLog
from qingjian.pipeline.isolating import STORE_ERRORS
from qingjian.pipeline.joining import Parts
from qingjian.pipeline.latest import AHEAD_US, Row, SqliteLatestStore
from qingjian.pipeline.replay import frame_of
from qingjian.pipeline.stating import make_finding

LOG = structlog.get_logger("qingjian.pipeline")
READ_AT_ONCE = 4_096
_SHOW_SECONDS = 0.5
_SHOWN_AT_ONCE = 2_000
"""So few values are shown without waiting for more."""
_SHOWN = ["series", "statistic", "start", "value_mantissa", "value_decimals", "flag", "journal", "sequence"]
_ROWS_AT_MOST = 400_000
EMPTY_DIRECTORY_VERSION = 0


class Watcher(Protocol):
    """Judges what a batch brought; its memory is stored with its findings."""

    def on_batch(
        self, intent: Intent, directory: Directory, heard: Decoded | None, appended: Appended
    ) -> tuple[Sequence[Finding], Mapping[str, object]]:
        """Return findings and what to remember; must depend on nothing but its arguments and its memory."""


@dataclass(slots=True)
class Totals:
    """Counted since the process started."""

    frames: int = 0
    observations: int = 0
    new: int = 0
    repeated: int = 0
    completed: int = 0
    changed: int = 0
    statements: int = 0
    batches: int = 0
    findings: int = 0
    counts: Counter[str] = field(default_factory=Counter)


class Engine:
    """The writer of lake, latest and findings. Use from one thread."""

    def __init__(
        self,
        *,
        journal_folder: Path,
        directory: DirectoryStore,
        lake: Lake,
        batches: BatchLog,
        latest: SqliteLatestStore,
        findings: SqliteFindingLog,
        clock: Clock,
        watchers: Sequence[Watcher] = (),
        batch_seconds: float = 5.0,
    ) -> None:
        self._journal_folder = journal_folder
        self._directory_store = directory
        self.lake = lake
        self.batches = batches
        self.latest = latest
        self.findings = findings
        self._clock = clock
        self.watchers = list(watchers)
        self._batch_seconds = batch_seconds
        self._carriers: dict[str, Callable[[Intent], None]] = {}
        self._asked_again: set[str] = set()
        self._readers: dict[str, JournalReader] = {}
        self._read: dict[str, int] = {}
        self._stored: dict[str, int] = {}
        self._decoder: Decoder | None = None
        self._parts: dict[str, Parts] = {}
        self._pending: list[tuple[str, int, Decoded]] = []
        self._pending_rows = 0
        self._unshown: list[tuple[str, int, pa.Table]] = []
        self._shown_at = clock.monotonic()
        self._opened_at = clock.monotonic()
        self.newest_received: dict[str, datetime] = {}
        self.totals = Totals()

    # -- start -------------------------------------------------------------------------------------------------

    def recover(self) -> int:
        """Carry out what the log has and a sink lacks; returns how many batches."""
        self.lake.open_for_writing()
        stored = self.lake.batch()
        known_until = self.lake.known_until()
        # Numbers any store has seen are never given again: what has one of them is not stored under it anew.
        newest = max(stored, self.lake.newest_batch(), self.findings.position())
        if self.batches.last() < newest:
            self.batches.start_after(newest, known_until or self._clock.now())
        position = min(stored, self.findings.position())
        done = 0
        while following := self.batches.after(position):
            for intent in following:
                try:
                    self.carry_out(intent)
                except STORE_ERRORS:
                    if intent.kind not in self._asked_again:
                        raise
                    LOG.exception("batch_failed", number=intent.number, kind=intent.kind)
                except Exception as error:
                    # An asking chore finds that it was not done and asks for the same again; nothing waits for it.
                    LOG.exception("batch_failed", number=intent.number, kind=intent.kind)
                    if intent.kind not in self._asked_again:
                        self.findings.append_tick([order_failed(intent, error)], {})
                position = intent.number
                done += 1
        self._hold_again(self.batches.last() + 1)
        return done

    # -- frames ------------------------------------------------------------------------------------------------

    def directory(self, version: int | None = None) -> Directory | None:
        """Return the current directory or an older version of it."""
        if version is None:
            return self._directory_store.current()
        return self._directory_store.version(version)

    def _decoder_for(self, version: int) -> Decoder:
        if self._decoder is None or self._decoder.directory.version != version:
            directory = self.directory(version) if version else None
            before, self._decoder = (
                self._decoder,
                Decoder(directory or empty_directory(self._clock.now()), self.directory),
            )
            if before is not None:
                for name, parts in self._parts.items():
                    self._parts[name] = self._held(name, parts.sequences())
        return self._decoder

    # -- sub-packets that wait for others ----------------------------------------------------------------------

    def _hold_again(self, number: int) -> None:
        """Take up the sub-packets that waited when a batch began: those the batch of frames before it left."""
        before = self.batches.last_of("frames", number)
        self._parts = {}
        if before is not None and before.waiting:
            self._decoder_for(before.directory_version)
            self._parts = {name: self._held(name, numbers) for name, numbers in before.waiting.items()}

    def _held(self, name: str, sequences: Sequence[int]) -> Parts:
        parts = Parts()
        if self._decoder is not None:
            self._decoder.hold(parts, [frame for one in sequences for frame in self._frame(name, one)])
        return parts

    def _frame(self, name: str, sequence: int) -> Sequence[Frame]:
        """Return a frame of the journal, or of the lake when its segment is gone."""
        frame = self._reader(name).frame(sequence)
        if frame is None:
            row = self.lake.frame(name, sequence)
            frame = None if row is None else frame_of(row)
        return [] if frame is None else [frame]

    def waiting(self) -> dict[str, list[int]]:
        """Return the sequences of the sub-packets that wait for others, by journal."""
        return {name: parts.sequences() for name, parts in sorted(self._parts.items()) if parts.open}

    def _parts_of(self, name: str) -> Parts:
        return self._parts.setdefault(name, Parts())

    def step(self, *, idle: bool = False) -> int:
        """Read new frames, show them in `latest`, and close the batch when it is due. Returns frames read."""
        current = self.directory()
        version = current.version if current else EMPTY_DIRECTORY_VERSION
        if self._pending and self._decoder is not None and self._decoder.directory.version != version:
            self.close_batch()
        read = 0
        for name in journals(self._journal_folder):
            frames = self._reader(name).read(self._position(name), READ_AT_ONCE)
            if not frames:
                continue
            if not self._pending:
                self._opened_at = self._clock.monotonic()
            decoded = self._decoder_for(version).decode(frames, parts=self._parts_of(name))
            self._take(name, frames, decoded)
            read += len(frames)
        if self._unshown and (
            idle
            or sum(rows.num_rows for _, _, rows in self._unshown) <= _SHOWN_AT_ONCE
            or self._clock.monotonic() - self._shown_at >= _SHOW_SECONDS
        ):
            self._show()
        if self._pending and (idle or self._is_due()):
            self.close_batch()
        return read

    def _show(self) -> None:
        """Write the newest values to `latest`."""
        tables = [rows for _, _, rows in self._unshown if rows.num_rows]
        positions = {name: last for name, last, _ in self._unshown}
        self._unshown = []
        rows: list[Row] = []
        if tables:
            together = pa.concat_tables(tables)
            rows = _rows_of(together, together.column("received").to_numpy())
        self.latest.write_rows(rows, positions)
        self._shown_at = self._clock.monotonic()

    def _is_due(self) -> bool:
        age = self._clock.monotonic() - self._opened_at
        return age >= self._batch_seconds or self._pending_rows >= _ROWS_AT_MOST

    def _reader(self, name: str) -> JournalReader:
        if name not in self._readers:
            self._readers[name] = JournalReader(self._journal_folder / name)
        return self._readers[name]

    def _position(self, name: str) -> int:
        if name not in self._read:
            self._read[name] = self._stored[name] = self.lake.position(name)
        return self._read[name]

    def _take(self, name: str, frames: Sequence[Frame], decoded: Decoded) -> None:
        last = frames[-1].sequence
        self._unshown.append((name, last, _received(decoded)))
        self._pending.append((name, last, decoded))
        self._pending_rows += decoded.observations.num_rows + decoded.frames.num_rows
        self._read[name] = last
        self.newest_received[name] = frames[-1].received_at

    def close_batch(self) -> None:
        """Write what is pending as one batch."""
        if not self._pending or self._decoder is None:
            return
        if self._unshown:
            self._show()
        ranges = {
            name: [self._stored[name], max(last for journal, last, _ in self._pending if journal == name)]
            for name in sorted({name for name, _, _ in self._pending})
        }
        content: dict[str, object] = {"ranges": ranges}
        waiting = self.waiting()
        if waiting:
            content["waiting"] = waiting
        intent = self.batches.add("frames", self._clock.now(), self._decoder.directory.version, content)
        # Recovery reads journal by journal, so this is the order in which arrivals count.
        chunks = [decoded for _, _, decoded in sorted(self._pending, key=lambda one: (one[0], one[1]))]
        self._pending, self._pending_rows = [], 0
        self._store(intent, chunks, self._decoder.directory)

    def carry_out(self, intent: Intent) -> None:
        """Do a batch of the log (again)."""
        if intent.kind == "frames":
            self._hold_again(intent.number)
            decoder = self._decoder_for(intent.directory_version)
            chunks = [
                decoder.decode(part, parts=self._parts_of(name))
                for name, (low, high) in sorted(intent.ranges.items())
                for part in self._between(name, low, high)
            ]
            self._store(intent, chunks, decoder.directory)
        elif intent.kind != "before":
            self._carriers[intent.kind](intent)

    def carry(self, kind: str, carrier: Callable[[Intent], None], *, asked_again: bool = False) -> None:
        """Say who carries out batches of another kind than frames; `asked_again`: whoever starts them sees to those that fail."""
        self._carriers[kind] = carrier
        if asked_again:
            self._asked_again.add(kind)

    def start(self, kind: str, content: Mapping[str, object]) -> Intent:
        """Write a batch of another kind into the log and carry it out, after the frames read so far."""
        self.close_batch()
        current = self.directory()
        version = current.version if current else EMPTY_DIRECTORY_VERSION
        intent = self.batches.add(kind, self._clock.now(), version, content)
        self._carriers[kind](intent)
        return intent

    def _between(self, name: str, low: int, high: int) -> Iterable[list[Frame]]:
        while low < high:
            frames = [
                one
                for one in self._reader(name).read(low, min(READ_AT_ONCE, high - low))
                if one.sequence <= high
            ]
            if not frames:
                return
            yield frames
            low = frames[-1].sequence

    def _store(self, intent: Intent, chunks: Sequence[Decoded], directory: Directory) -> None:
        decoded = combine(chunks)
        ranges = intent.ranges
        positions = {name: high for name, (_, high) in ranges.items()}
        try:
            self.store_rows(
                intent,
                directory,
                observations=decoded.observations,
                frames=decoded.frames,
                statements=decoded.statements,
                positions=positions,
                heard=decoded,
            )
        except STORE_ERRORS:
            raise
        except Exception as error:
            # The frames are kept, so that their values can be read again; the process goes on.
            LOG.exception("batch_failed", number=intent.number, kind=intent.kind)
            self.store_rows(
                intent,
                directory,
                observations=CANDIDATES.empty_table(),
                frames=decoded.frames,
                positions=positions,
                findings=[order_failed(intent, error)],
            )
        self._stored.update(positions)
        for name, high in positions.items():
            self._read[name] = max(self._read.get(name, 0), high)
        self.totals.frames += decoded.frames.num_rows
        self.totals.statements += decoded.statements.num_rows
        self.totals.observations += decoded.observations.num_rows
        self.totals.counts.update(decoded.counts)

    def store_rows(
        self,
        intent: Intent,
        directory: Directory,
        *,
        observations: pa.Table,
        frames: pa.Table | None = None,
        statements: pa.Table | None = None,
        positions: Mapping[str, int] | None = None,
        heard: Decoded | None = None,
        findings: Sequence[Finding] = (),
        memory: Mapping[str, object] | None = None,
    ) -> Appended:
        """Give a batch to lake and findings, each exactly once; `findings` and `memory` come beside those of the watchers."""
        appended = self.lake.append(
            Batch(intent.number, intent.known_at, intent.directory_version, dict(positions or {})),
            observations=observations,
            frames=frames,
            statements=statements,
        )
        if self.findings.position() < intent.number:
            found: list[Finding] = list(findings)
            remember: dict[str, object] = dict(memory or {})
            for watcher in self.watchers:
                try:
                    more, remembered = watcher.on_batch(intent, directory, heard, appended)
                except STORE_ERRORS:
                    raise
                except (
                    Exception
                ) as error:  # one rule that cannot judge stops neither the others nor the frames
                    LOG.exception("rule_failed", rule=type(watcher).__name__, number=intent.number)
                    more, remembered = [order_failed(intent, error, type(watcher).__name__)], {}
                found += more
                remember.update(remembered)
            self.totals.findings += self.findings.append_batch(found, intent.number, remember)
        self.totals.batches += 1
        self.totals.new += appended.new
        self.totals.repeated += appended.repeated
        self.totals.completed += appended.completed
        self.totals.changed += appended.changes.num_rows
        self._show_stored(intent, appended, heard is None)
        return appended

    def _show_stored(self, intent: Intent, appended: Appended, everything: bool) -> None:
        """Tell `latest` of rows that came by no frame, and of revisions (frames were shown when read)."""
        rows = appended.rows
        if rows.num_rows and not everything:
            rows = rows.filter(pa.array(rows.column("revision").to_numpy() > 0))
        if rows.num_rows:
            known = int(intent.known_at.timestamp() * 1_000_000)
            self.latest.write_rows(_rows_of(rows, np.full(rows.num_rows, known)), {})

    # -- where it stands ---------------------------------------------------------------------------------------

    def behind(self) -> dict[str, int]:
        """Return the number of frames each journal has that the lake has not."""
        return {
            name: self._reader(name).waiting(self._stored.get(name, self._position(name)))
            for name in journals(self._journal_folder)
        }

    def oldest_waiting(self) -> datetime | None:
        """Return when the oldest frame that is not in the lake was received, None when all are."""
        moments = []
        for name in journals(self._journal_folder):
            frames = self._reader(name).read(self._stored.get(name, self._position(name)), 1)
            moments += [frame.received_at for frame in frames]
        return min(moments, default=None)

    def positions(self) -> dict[str, int]:
        """Return the stored position of every journal."""
        return {name: self._stored.get(name, self._position(name)) for name in journals(self._journal_folder)}

    def close(self) -> None:
        """Store what is pending and close the files."""
        self.close_batch()
        for reader in self._readers.values():
            reader.close()


def order_failed(intent: Intent, error: Exception, part: str = "") -> Finding:
    """Return that a batch was given up, or that a rule (`part`) could not judge it."""
    evidence = {
        "kind": intent.kind,
        "batch": intent.number,
        "reason": f"{type(error).__name__}: {error}"[:500],
        "content": dict(intent.content),
    }
    if part:
        evidence["part"] = part
    known_at = intent.known_at
    subject = f"{intent.kind}-{intent.number}"
    return make_finding("order-failed", subject, known_at, known_at, evidence, known_at, part=part)


def combine(chunks: Sequence[Decoded]) -> Decoded:
    """Put chunks together, in their order."""
    if not chunks:
        return Decoded(FRAMES.empty_table(), CANDIDATES.empty_table(), STATEMENTS.empty_table())
    whole = Decoded(
        pa.concat_tables([one.frames for one in chunks]),
        pa.concat_tables([one.observations for one in chunks]),
        pa.concat_tables([one.statements for one in chunks]),
    )
    for one in chunks:
        whole.counts.update(one.counts)
        for mn, received in one.heard.items():
            whole.heard[mn] = max(received, whole.heard.get(mn, 0))
        whole.offsets += one.offsets
        whole.missing += one.missing
        whole.unread += one.unread
    return whole


def empty_directory(now: datetime) -> Directory:
    """Before the first publication nobody is registered."""
    return Directory(version=EMPTY_DIRECTORY_VERSION, published_at=now)


def _received(decoded: Decoded) -> pa.Table:
    """Return the columns `latest` needs, with the moment the frame was received."""
    return decoded.observations.select(_SHOWN).append_column("received", pa.array(decoded.received))


def _rows_of(observations: pa.Table, known: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[Row]:
    starts = observations.column("start").cast(pa.int64()).to_numpy()
    # What lies ahead of its receipt goes to the lake only: as the latest value it would stay until then.
    present = np.flatnonzero(starts <= known + AHEAD_US)
    if len(present) < len(starts):
        observations, starts, known = observations.take(pa.array(present)), starts[present], known[present]
    if not len(starts):
        return []
    key = (
        observations.column("series").to_numpy().astype(np.int64) * 16
        + observations.column("statistic").to_numpy()
    )
    order = np.lexsort((np.arange(len(key)), starts, key))
    last = np.r_[key[order][1:] != key[order][:-1], True]
    rows = order[last]
    newest = observations.take(pa.array(rows))
    numbers = Decimals.from_arrow(
        newest.column("value_mantissa").combine_chunks(), newest.column("value_decimals").combine_chunks()
    )
    values = [
        None if not valid else value
        for value, valid in zip(numbers.to_float().tolist(), numbers.valid, strict=True)
    ]
    revision = newest.column("revision").to_pylist() if "revision" in newest.schema.names else [0] * len(rows)
    return list(
        zip(
            newest.column("series").to_pylist(),
            [STATISTICS[code] for code in newest.column("statistic").to_pylist()],
            starts[rows].tolist(),
            values,
            [flag or "" for flag in newest.column("flag").to_pylist()],
            known[rows].tolist(),
            [journal or "" for journal in newest.column("journal").to_pylist()],
            [sequence or 0 for sequence in newest.column("sequence").to_pylist()],
            revision,
            strict=True,
        )
    )
