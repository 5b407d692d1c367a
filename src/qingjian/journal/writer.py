"""The one writer of a journal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from qingjian.contracts.clock import Clock
from qingjian.contracts.folders import sync_folder
from qingjian.journal import segment as segments
from qingjian.journal import wal
from qingjian.journal.frame import NewFrame, codes_to_text, now_microseconds
from qingjian.journal.segment import Damage, JournalError, JournalUnavailableError


class JournalInUseError(JournalError):
    """Another process is writing this journal."""


@dataclass(frozen=True, slots=True)
class JournalLimits:
    """When a segment and a batch end, and how much disk is left alone."""

    segment_bytes: int = 64 << 20
    segment_seconds: int = 86_400
    segment_frames: int = segments.CAPACITY
    batch_frames: int = 1_024
    batch_seconds: float = 1.0
    minimum_free_bytes: int = 256 << 20
    """With less free space than this nothing is accepted (and nothing acknowledged)."""


_ROW = "(" + ",".join("?" * 12) + ")"
_CHUNKS = (256, 64, 16, 4, 1)
"""Rows per statement. One statement is one call into SQLite, which gives up the interpreter lock once, not per row."""
_INSERT = {n: f"INSERT INTO frames({segments.COLUMNS}) VALUES " + ",".join([_ROW] * n) for n in _CHUNKS}  # noqa: S608


class JournalWriter:
    """Appends frames; what `append_many` returned is on disk. Use from one thread at a time."""

    def __init__(self, folder: Path, name: str, clock: Clock, limits: JournalLimits) -> None:
        self.folder = folder
        self.name = name
        self._clock = clock
        self._limits = limits
        self._connection: sqlite3.Connection | None = None
        self._path: Path | None = None
        self._lock: int | None = None
        self._next_sequence = 1
        self._next_batch = 1
        self._segment_first = 1
        self._segment_bytes = 0
        self._segment_created_us = 0
        self._batch_first: int | None = None
        self._batch_started_us = 0

    @classmethod
    def open(
        cls, folder: Path, name: str, clock: Clock, limits: JournalLimits | None = None
    ) -> JournalWriter:
        """Open or create the journal `name` below `folder` (DataFolder.journal).

        JournalInUseError when another process writes it, JournalTooNewError when a newer version wrote it. A damaged last
        segment is kept and recorded (`damages`), and a new one is begun.
        """
        if not name or any(letter in name for letter in "/\\\0") or name.startswith("."):
            raise JournalError(f"{name!r} cannot be the name of a journal")
        writer = cls(folder / name, name, clock, limits or JournalLimits())
        created = not writer.folder.exists()
        writer.folder.mkdir(parents=True, exist_ok=True)
        if created:
            sync_folder(writer.folder.parent)
        writer._take_lock()
        try:
            writer._open_last(first_time=True)
        except BaseException:
            writer._release()
            raise
        return writer

    # ------------------------------------------------------------------ appending

    def append_many(self, frames: Sequence[NewFrame]) -> tuple[int, int]:
        """Append frames in order and return their first and last sequence; they are on disk when this returns.

        JournalUnavailableError when the disk is low, full or failing: then none of them counts as received. The next call
        starts afresh, so the journal recovers by itself when there is room again.
        """
        if not frames:
            raise ValueError("there is nothing to append")
        self._check_space()
        try:
            connection = self._ready()
            if self._segment_is_full(len(frames)):
                self._rotate()
                connection = self._ready()
            connection.execute("BEGIN IMMEDIATE")
            result = self._insert(connection, frames)
            connection.execute("COMMIT")
        except (sqlite3.DatabaseError, OSError) as error:
            self._forget_connection()
            raise JournalUnavailableError(f"流水写入失败 · the journal cannot be written: {error}") from error
        except BaseException:
            self._forget_connection()
            raise
        self._next_sequence, self._next_batch, self._batch_first, self._batch_started_us, grown = result
        self._segment_bytes += grown
        last = self._next_sequence - 1
        return last - len(frames) + 1, last

    def close_batch(self) -> int | None:
        """Close the open batch, if any; returns its number."""
        if self._batch_first is None:
            return None
        try:
            if self._connection is None:
                self._open_last(first_time=False)  # closes the batch that was begun
            else:
                self._write_batch(
                    self._connection,
                    self._next_batch,
                    self._batch_first,
                    self._next_sequence - 1,
                    self._now(),
                )
                self._next_batch += 1
        except sqlite3.DatabaseError as error:
            self._forget_connection()
            raise JournalUnavailableError(f"流水写入失败 · the journal cannot be written: {error}") from error
        self._batch_first = None
        return self._next_batch - 1

    def close_batch_if_due(self) -> int | None:
        """Close the open batch when its second is over; to be called regularly."""
        if self._batch_first is not None and self._is_old(self._batch_started_us, self._now()):
            return self.close_batch()
        return None

    @property
    def last_sequence(self) -> int:
        """Newest sequence given, 0 before the first."""
        return self._next_sequence - 1

    @property
    def segment(self) -> Path | None:
        return self._path

    def close(self) -> None:
        """Close the open batch and the segment, and let another process write."""
        try:
            self.close_batch()
        except JournalUnavailableError:
            pass  # the batch is closed at the next start
        finally:
            self._release()

    def __enter__(self) -> JournalWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ------------------------------------------------------------------ inside

    def _insert(
        self, connection: sqlite3.Connection, frames: Sequence[NewFrame]
    ) -> tuple[int, int, int | None, int, int]:
        """Insert rows and batch ends; returns the state to take over after the commit."""
        now = self._now()
        sequence, batch, batch_first, batch_started = (
            self._next_sequence,
            self._next_batch,
            self._batch_first,
            self._batch_started_us,
        )
        limits = self._limits
        nonces = os.urandom(16 * len(frames))
        values: list[object] = []
        ended: list[tuple[int, int, int, int]] = []
        grown = 0
        for position, frame in enumerate(frames):
            if batch_first is not None and (
                sequence - batch_first >= limits.batch_frames or self._is_old(batch_started, now)
            ):
                ended.append((batch, batch_first, sequence - 1, now))
                batch += 1
                batch_first = None
            if batch_first is None:
                batch_first, batch_started = sequence, now
            grown += len(frame.content) + 128
            values += (
                sequence, frame.received_us, frame.peer, frame.connection, frame.mn, frame.kind.value,
                frame.content, codes_to_text(frame.codes) if frame.codes else "", frame.policy,
                frame.directory_version, nonces[16 * position : 16 * position + 16], batch,
            )  # fmt: skip
            sequence += 1
        start = 0
        for chunk in _CHUNKS:
            while len(frames) * 12 - start >= chunk * 12:
                connection.execute(_INSERT[chunk], values[start : start + chunk * 12])
                start += chunk * 12
        if ended:
            connection.executemany("INSERT INTO batches VALUES (?,?,?,?)", ended)
        return sequence, batch, batch_first, batch_started, grown

    def _write_batch(
        self, connection: sqlite3.Connection, number: int, first: int, last: int, now: int
    ) -> None:
        connection.execute("INSERT INTO batches VALUES (?,?,?,?)", (number, first, last, now))

    def _now(self) -> int:
        return now_microseconds(self._clock)

    def _is_old(self, started: int, now: int) -> bool:
        # A clock set back must not keep a batch open for ever.
        return not 0 <= now - started < self._limits.batch_seconds * 1e6

    def _check_space(self) -> None:
        try:
            free = shutil.disk_usage(self.folder).free
        except OSError as error:
            raise JournalUnavailableError(
                f"数据目录不可用 · the data folder cannot be used: {error}"
            ) from error
        if free < self._limits.minimum_free_bytes:
            raise JournalUnavailableError(
                f"磁盘空间不足，剩余 {free >> 20} MiB · disk low, {free >> 20} MiB free, "
                f"{self._limits.minimum_free_bytes >> 20} MiB kept free"
            )

    def _segment_is_full(self, coming: int) -> bool:
        limits = self._limits
        used = self._next_sequence - self._segment_first
        if used == 0:
            return False
        age = self._now() - self._segment_created_us
        return (
            used + coming > min(limits.segment_frames, segments.CAPACITY)
            or self._segment_bytes >= limits.segment_bytes
            or age >= limits.segment_seconds * 1_000_000
        )

    def _rotate(self) -> None:
        """End the segment with its batch and begin the next one."""
        self.close_batch()
        self._close_segment()
        self._begin_segment(self._next_sequence)

    def _begin_segment(self, first_sequence: int) -> None:
        path = segments.segment_path(self.folder, first_sequence)
        beside = path.with_suffix(".part")
        beside.unlink(missing_ok=True)
        now = self._now()
        # Made beside and renamed, so that a reader never meets a segment without its tables.
        connection = sqlite3.connect(beside, isolation_level=None)
        try:
            connection.executescript(
                f"PRAGMA application_id={segments.APPLICATION_ID}; PRAGMA user_version={segments.FORMAT};"
                "PRAGMA synchronous=FULL;" + segments.SCHEMA
            )
            connection.execute(
                "INSERT INTO segment VALUES (?,?,?,?)", (self.name, first_sequence, self._next_batch, now)
            )
        finally:
            connection.close()
        descriptor = os.open(beside, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        beside.rename(path)
        sync_folder(self.folder)
        self._next_sequence = self._segment_first = first_sequence
        self._open_segment(path)

    def _open_segment(self, path: Path) -> None:
        connection = sqlite3.connect(
            path, isolation_level=None, timeout=10, check_same_thread=False, cached_statements=64
        )
        try:
            segments.check_format(connection, path)
            mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
            if mode != "wal":
                raise JournalError(f"{path.name} cannot use a write-ahead log (mode {mode})")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA wal_autocheckpoint=2000")
            row = connection.execute("SELECT first_sequence, first_batch, created_us FROM segment").fetchone()
            last = segments.last_sequence(connection)
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            size = connection.execute("PRAGMA page_size").fetchone()[0]
            newest = connection.execute("SELECT max(number), max(last) FROM batches").fetchone()
        except BaseException:
            connection.close()
            raise
        self._connection, self._path = connection, path
        self._segment_first, first_batch, self._segment_created_us = row
        self._segment_bytes = pages * size
        self._next_sequence = max(last + 1, self._segment_first)
        self._next_batch = newest[0] + 1 if newest[0] is not None else first_batch
        self._batch_first = None
        begun = connection.execute(
            "SELECT min(sequence), max(batch) FROM frames WHERE sequence > ?", (newest[1] or 0,)
        ).fetchone()
        if begun[0] is not None:
            # The process died within a batch; its range is fixed now.
            self._write_batch(connection, begun[1], begun[0], last, self._now())
            self._next_batch = begun[1] + 1

    def _open_last(self, *, first_time: bool) -> None:
        """Open the newest segment; its log is looked at only before SQLite has touched it."""
        for leftover in self.folder.glob("segment-*.part*"):
            leftover.unlink(missing_ok=True)
        paths = segments.segment_paths(self.folder)
        continued = segments.continuations(self.folder)
        start = continued[-1].continues_at if continued else 1
        if not paths:
            self._next_batch = start
            self._begin_segment(start)
            return
        self._open_newest(paths[-1], first_time=first_time)
        if self._next_sequence < start:
            # Restored: the numbers up to there may stand for other frames in lake, ledger or at an upper platform.
            self._close_segment()
            self._next_batch = start
            self._begin_segment(start)

    def _open_newest(self, path: Path, *, first_time: bool) -> None:
        log = path.with_name(path.name + "-wal")
        state = wal.inspect(log) if first_time else None
        kept = ""
        if state is not None and state.torn:
            kept = f"{path.stem}.torn-{self._now()}"
            shutil.copyfile(log, self.folder / kept)
        try:
            self._open_segment(path)
            connection = self._ready()
            verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if verdict != "ok":
                raise sqlite3.DatabaseError(verdict)
        except JournalError as error:
            if isinstance(error, segments.JournalTooNewError):
                raise
            self._begin_after_damage(path, str(error))
        except sqlite3.OperationalError:
            raise  # a lock or a failing disk is no proof of damage
        except (sqlite3.DatabaseError, TypeError) as error:
            self._begin_after_damage(path, str(error))
        else:
            if state is not None and state.torn:
                reason = (
                    "the write-ahead log is damaged and promised frames stood behind the damage"
                    if state.commits_behind > 1
                    else "the last commit in the write-ahead log is torn; what was promised before it is intact"
                )
                segments.record_damage(
                    self.folder,
                    Damage(
                        path.name, self._now(), reason, self._next_sequence - 1, self._next_sequence, kept
                    ),
                )

    def _begin_after_damage(self, path: Path, reason: str) -> None:
        """Keep an unreadable segment and continue where no number can have been given before."""
        self._forget_connection()
        first = segments.first_sequence_of(path)
        readable = batch = 0
        try:
            with_damage = segments.open_for_reading(path)
            try:
                readable = segments.last_sequence(with_damage)
                batch = with_damage.execute("SELECT max(batch) FROM frames").fetchone()[0] or 0
            finally:
                with_damage.close()
        except (sqlite3.DatabaseError, JournalError):
            pass  # nothing of it can be read; the diagnosis says so
        start = first + segments.CAPACITY
        # Every batch holds at least one frame, so batch numbers stay below sequence numbers.
        self._next_batch = max(batch + 1, start)
        segments.record_damage(self.folder, Damage(path.name, self._now(), reason, readable, start))
        self._begin_segment(start)

    def _ready(self) -> sqlite3.Connection:
        """Return the connection, opened again after an error."""
        if self._lock is None:
            raise JournalError("the journal is closed")
        if self._connection is None:
            self._open_last(first_time=False)
        assert self._connection is not None  # noqa: S101 - _open_last sets it or raises
        return self._connection

    def _forget_connection(self) -> None:
        """Drop the connection, so that the next call starts from what is really on disk."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):  # the file is opened again from what is on disk
                self._connection.close()
            self._connection = None

    def _close_segment(self) -> None:
        if self._connection is not None:
            # Without a log the segment is one file that readers need not write beside. A reader that is attached
            # just now prevents the change; the pages then move now and the log stays beside.
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            self._connection.execute("PRAGMA busy_timeout=0")
            with contextlib.suppress(sqlite3.OperationalError):
                self._connection.execute("PRAGMA journal_mode=DELETE").fetchall()
            self._connection.close()
            self._connection = None

    def _take_lock(self) -> None:
        descriptor = os.open(self.folder / "writer.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise JournalInUseError(
                f"流水 {self.name} 正在被另一进程写入 · another process writes the journal {self.name}"
            ) from error
        self._lock = descriptor

    def _release(self) -> None:
        self._forget_connection()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
