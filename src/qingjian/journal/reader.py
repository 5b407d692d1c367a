"""Reading a journal, also while another process writes it."""

from __future__ import annotations

import bisect
import sqlite3
from datetime import datetime
from pathlib import Path
from types import TracebackType

from qingjian.journal import segment as segments
from qingjian.journal.frame import Batch, Frame
from qingjian.journal.segment import JournalError


def journals(folder: Path) -> list[str]:
    """Return the names of the journals below DataFolder.journal."""
    if not folder.exists():
        return []
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and segments.segment_paths(path))


class JournalReader:
    """Reads frames in order of sequence across segments; use from one thread at a time."""

    def __init__(self, folder: Path) -> None:
        """`folder` is that of one journal: DataFolder.journal / name."""
        self.folder = folder
        self.name = folder.name
        self._open: dict[Path, sqlite3.Connection] = {}

    def read(self, after_sequence: int = 0, limit: int = 1_024) -> list[Frame]:
        """Return at most `limit` frames with a sequence above `after_sequence`, in order; [] when there is none yet.

        Sequences grow by one, except after a damaged or deleted segment. Unreadable rows of a damaged segment are
        stepped over; `damages` tells of them.
        """
        found: list[Frame] = []
        paths = segments.segment_paths(self.folder)
        for path in paths[self._position(paths, after_sequence + 1) :]:
            found += self._read_segment(path, after_sequence, limit - len(found))
            if len(found) >= limit:
                break
        return found

    def frame(self, sequence: int) -> Frame | None:
        """Return one frame, None when it is not in the journal."""
        found = self.read(sequence - 1, 1)
        return found[0] if found and found[0].sequence == sequence else None

    def batches(self, after: int = 0, limit: int = 1_024) -> list[Batch]:
        """Return closed batches with a number above `after`, in order."""
        found: list[Batch] = []
        for path in segments.segment_paths(self.folder):
            connection = self._connection(path)
            if connection is None:
                continue
            try:
                newest = connection.execute("SELECT max(number) FROM batches").fetchone()[0]
                if newest is not None and newest > after:
                    found += segments.read_batches(connection, after, limit - len(found))
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError:
                continue  # a damaged segment; its diagnosis is kept beside it
            if len(found) >= limit:
                break
        return found

    def last_batch(self) -> Batch | None:
        """Return the newest closed batch, None when there is none."""
        for path in reversed(segments.segment_paths(self.folder)):
            connection = self._connection(path)
            if connection is None:
                continue
            try:
                newest = connection.execute("SELECT max(number) FROM batches").fetchone()[0]
                if newest is not None:
                    return segments.read_batches(connection, newest - 1, 1)[0]
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError:
                continue
        return None

    def last(self) -> int:
        """Return the newest readable sequence, 0 when the journal is empty."""
        for path in reversed(segments.segment_paths(self.folder)):
            connection = self._connection(path)
            if connection is None:
                continue
            try:
                found = segments.last_sequence(connection)
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError:
                continue
            if found:
                return found
        return 0

    def waiting(self, after_sequence: int) -> int:
        """Return how many frames have a greater sequence; numbers nobody ever gave are not counted."""
        paths = segments.segment_paths(self.folder)
        found = 0
        for path in paths[self._position(paths, after_sequence + 1) :]:
            connection = self._connection(path)
            if connection is None:
                continue
            try:
                last = segments.last_sequence(connection)
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError:
                continue
            # Within a segment sequences grow by one.
            found += max(0, last - max(after_sequence, segments.first_sequence_of(path) - 1))
        return found

    def first(self) -> int:
        """Return the oldest sequence still kept, 0 when the journal is empty."""
        found = self.read(0, 1)
        return found[0].sequence if found else 0

    def last_before(self, moment: datetime, up_to: int) -> int:
        """Return the last sequence ≤ `up_to` before the first frame received at or after a moment."""
        low, high = self.first() - 1, up_to
        # Frames are received in the order of their sequence, so the border is found by halving.
        while low < high:
            middle = (low + high + 1) // 2
            found = self.read(middle - 1, 1)
            if found and found[0].received_at < moment:
                low = max(middle, min(found[0].sequence, high))
            else:
                high = middle - 1
        return low

    def highest_connection(self) -> int:
        """Return the highest connection number of the two newest segments, to number new connections behind it."""
        highest = 0
        for path in segments.segment_paths(self.folder)[-2:]:
            connection = self._connection(path)
            if connection is None:
                continue
            try:
                found = connection.execute("SELECT max(connection) FROM frames").fetchone()[0]
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError:
                continue
            highest = max(highest, found or 0)
        return highest

    def close(self) -> None:
        for connection in self._open.values():
            connection.close()
        self._open.clear()

    def __enter__(self) -> JournalReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @staticmethod
    def _position(paths: list[Path], sequence: int) -> int:
        """Return the index of the segment that would hold a sequence."""
        starts = [segments.first_sequence_of(path) for path in paths]
        return max(bisect.bisect_right(starts, sequence) - 1, 0)

    def _read_segment(self, path: Path, after: int, limit: int) -> list[Frame]:
        connection = self._connection(path)
        if connection is None:
            return []
        try:
            return segments.read_frames(connection, self.name, after, limit)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            return self._salvage(path, connection, after, limit)

    def _salvage(self, path: Path, connection: sqlite3.Connection, after: int, limit: int) -> list[Frame]:
        """Read a damaged segment row by row, stepping over what cannot be read."""
        found: list[Frame] = []
        # No row is smaller than 64 bytes, so this bounds the search when even the newest sequence cannot be read.
        end = segments.first_sequence_of(path) + path.stat().st_size // 64
        after = max(after, segments.first_sequence_of(path) - 1)
        while len(found) < limit and after < end:
            try:
                rows = segments.read_frames(connection, self.name, after, 1)
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError:
                after += 1
                continue
            if not rows:
                break
            found += rows
            after = rows[0].sequence
        return found

    def _connection(self, path: Path) -> sqlite3.Connection | None:
        known = self._open.get(path)
        if known is not None:
            if path.exists():
                return known
            known.close()  # deleted after lake and ledger had it
            del self._open[path]
            return None
        try:
            connection = segments.open_for_reading(path)
        except FileNotFoundError:
            return None
        except segments.JournalTooNewError:
            raise
        except sqlite3.OperationalError:
            raise
        except (sqlite3.DatabaseError, JournalError):
            return None
        if len(self._open) >= 4:
            oldest = next(iter(self._open))
            self._open.pop(oldest).close()
        self._open[path] = connection
        return connection
