"""Disks that are full or lie: no acknowledgement without the frame on disk, recovery by itself."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
from pathlib import Path

import pytest
from tests.faults.senders import frame
from tests.faults.test_gateway_killed import root, stored
from tests.gateway.process_support import Process
from tests.gateway.support import Link, PatientClock, Site, acknowledgement, until, upload

from qingjian.journal import (
    JournalLimits,
    JournalReader,
    JournalUnavailableError,
    JournalWriter,
    Kind,
    NewFrame,
)

__all__ = ["root"]
pytestmark = pytest.mark.faults


def test_a_file_that_cannot_grow_stops_acknowledgements_and_keeps_connections(root: Path) -> None:
    """The process may write no file beyond 1 MiB: the journal's log fills up under load."""

    async def play() -> None:
        gateway = Process(root, limit_bytes=1 << 20)
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        done = 0
        try:
            while done < 20_000:
                for one in range(50):
                    writer.write(frame(0, done + one)[1])
                for _ in range(50):
                    line = await asyncio.wait_for(reader.readline(), 3)
                    assert b"CN=9014" in line
                    done += 1
        except TimeoutError:
            pass
        assert 100 < done < 20_000, "the limit was met"
        other, other_writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        other_writer.write(frame(1, 0)[1])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(other.readline(), 1)
        assert not writer.is_closing()
        assert gateway.process.poll() is None
        gateway.kill()
        healthy = Process(root)
        kept = stored(root)
        qns = [frame(0, n)[0] for n in range(done)]
        assert [one for one in qns if not any(one in key for key in kept)] == [], "all acknowledged are kept"
        reader, writer = await asyncio.open_connection("127.0.0.1", healthy.port)
        writer.write(frame(0, 99_000)[1])
        assert b"CN=9014" in await asyncio.wait_for(reader.readline(), 60)
        assert healthy.stop() == 0

    asyncio.run(play())


def test_a_full_disk_and_its_recovery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite is told its file may have no more pages (SQLITE_FULL), then that it may."""
    clock = PatientClock()
    writer = JournalWriter.open(tmp_path, "g1", clock, JournalLimits(minimum_free_bytes=0))
    row = NewFrame(1, "p", 1, "M", Kind.ACCEPTED, b"x" * 3_000)
    writer.append_many([row])
    connection = writer._ready()
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages + 1}")
    with pytest.raises(JournalUnavailableError, match="full"):
        writer.append_many([row] * 30)
    before = writer.last_sequence
    first, last = writer.append_many([row, row])
    assert (first, last) == (before + 1, before + 2), (
        "the next call starts afresh and nothing half-done is left"
    )
    writer.close()
    with JournalReader(tmp_path / "g1") as reader:
        assert [one.sequence for one in reader.read(0, 1_000)] == list(range(1, last + 1))


def test_a_failing_folder_is_no_reason_to_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = PatientClock()
    writer = JournalWriter.open(tmp_path, "g1", clock, JournalLimits(minimum_free_bytes=0, segment_frames=2))
    row = NewFrame(1, "p", 1, "M", Kind.ACCEPTED, b"x")
    writer.append_many([row, row])
    real = os.open

    def failing(path: object, *rest: object, **more: object) -> int:
        if str(path).endswith(".part"):
            raise OSError(errno.EIO, "I/O error")
        return real(path, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("qingjian.journal.writer.os.open", failing)
    for _ in range(3):
        with pytest.raises(JournalUnavailableError, match="I/O error"):
            writer.append_many([row])
    monkeypatch.setattr("qingjian.journal.writer.os.open", real)
    assert writer.append_many([row]) == (3, 3)
    writer.close()
    with JournalReader(tmp_path / "g1") as reader:
        assert [one.sequence for one in reader.read()] == [1, 2, 3]
        assert [(one.first, one.last) for one in reader.batches()] == [(1, 2), (3, 3)]


def test_an_exchange_folder_that_fails_does_not_stop_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.gateway.support import device

    site = Site(tmp_path / "data", PatientClock())
    site.publish(device())

    async def play() -> None:
        async with site.run() as gateway:
            link = await Link.open(gateway)
            presence = gateway._exchange._presence
            real = presence.write

            def failing(rows: object) -> None:
                raise sqlite3.OperationalError("disk I/O error")

            monkeypatch.setattr(presence, "write", failing)
            await link.send(upload())
            assert await link.receive() == acknowledgement()
            await gateway.tick()
            assert presence.read() == []
            monkeypatch.setattr(presence, "write", real)
            await gateway.tick()
            assert presence.read()[0].accepted == 1, "what could not be written is written later"
            await until(lambda: len(site.frames()) == 1)

    asyncio.run(play())


def test_a_corrupt_last_segment_does_not_keep_a_gateway_from_starting(root: Path) -> None:
    async def once(sequence: int) -> None:
        gateway = Process(root)
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(frame(0, sequence)[1])
        assert b"CN=9014" in await asyncio.wait_for(reader.readline(), 60)
        writer.close()
        assert gateway.stop() == 0

    asyncio.run(once(1))
    segment = next((root / "journal" / "g1").glob("segment-*.sqlite3"))
    content = bytearray(segment.read_bytes())
    content[4_096 : 4_096 * 3] = os.urandom(4_096 * 2)
    segment.write_bytes(content)
    asyncio.run(once(2))
    with JournalReader(root / "journal" / "g1") as reader:
        assert frame(0, 2)[1] in [one.content for one in reader.read(0, 100)]
    assert segment.read_bytes() == bytes(content)
