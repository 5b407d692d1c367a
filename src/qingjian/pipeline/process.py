"""The pipeline as a process: what a supervisor starts, stops and asks for its state."""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Mapping
from types import FrameType
from typing import Any

import structlog
from prometheus_client import start_http_server

from qingjian.contracts.clock import Clock, SystemClock
from qingjian.contracts.directory import FileDirectoryStore
from qingjian.contracts.folders import write_durably
from qingjian.gateway.commands import SqliteCommandQueue
from qingjian.lake import Lake
from qingjian.pipeline.batches import BatchLog
from qingjian.pipeline.engine import READ_AT_ONCE, Engine
from qingjian.pipeline.findings import SqliteFindingLog
from qingjian.pipeline.latest import SqliteLatestStore
from qingjian.pipeline.metrics import registry_of
from qingjian.pipeline.settings import PipelineSettings
from qingjian.pipeline.work import Work

LOG = structlog.get_logger("qingjian.pipeline")
_STATUS_SECONDS = 2.0


def main(settings: PipelineSettings) -> None:
    """Run until SIGTERM or SIGINT, then store what was read; the target of a spawned process."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    # Values move through short-lived lists by the thousand, none of them in cycles: looking for cycles is for rarely.
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
    try:
        sys.exit(run(settings))
    finally:
        gc.unfreeze()  # DuckDB takes for leaked, and prints, what the end of Python may not clear


def run(settings: PipelineSettings, clock: Clock | None = None, stop: threading.Event | None = None) -> int:
    """Run the pipeline in this process until `stop` is set or a signal came; returns 0 after a clean end."""
    clock = clock or SystemClock()
    stop = stop or threading.Event()
    if threading.current_thread() is threading.main_thread():

        def stopping(number: int, frame: FrameType | None) -> None:
            stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stopping)
    node = PipelineNode(settings, clock)
    metrics = None
    if settings.metrics_port is not None:
        metrics, _ = start_http_server(
            settings.metrics_port, addr="127.0.0.1", registry=registry_of(node.numbers)
        )
    try:
        node.start()
        while not stop.is_set():
            if node.turn() == 0:
                clock.wait(settings.idle_seconds)
    finally:
        node.stop()
        if metrics is not None:
            metrics.shutdown()
    return 0


class PipelineNode:
    """The stores of a data folder with an engine and its chores."""

    def __init__(self, settings: PipelineSettings, clock: Clock) -> None:
        settings.folder.make()
        self._settings = settings
        self._clock = clock
        folder = settings.folder
        self.engine = Engine(
            journal_folder=folder.journal,
            directory=FileDirectoryStore(folder.directory),
            lake=Lake(folder.lake, clock),
            batches=BatchLog(settings.batches_path),
            latest=SqliteLatestStore(folder.latest),
            findings=SqliteFindingLog(folder.findings),
            clock=clock,
            batch_seconds=settings.batch_seconds,
        )
        self.work = Work(self.engine, settings, clock, SqliteCommandQueue(folder.commands))
        self._numbers: dict[str, float] = {}
        self._rates: deque[tuple[float, int]] = deque(maxlen=30)
        self._status_at = 0.0
        self._state = "starting"

    def start(self) -> None:
        """Carry out what a crash interrupted."""
        done = self.engine.recover()
        self._state = "running"
        LOG.info("started", recovered_batches=done, position=self.engine.positions())
        self.write_status()

    def turn(self) -> int:
        """Read new frames once and do what is due; chores wait while there is a backlog of frames."""
        read = self.engine.step()
        if read < READ_AT_ONCE:
            self.work.do_due()
        if self._clock.monotonic() - self._status_at >= _STATUS_SECONDS:
            self.write_status()
        return read

    def numbers(self) -> Mapping[str, float]:
        """Return the numbers of the last status."""
        return self._numbers

    def status(self) -> dict[str, Any]:
        """Return how far the pipeline is and what it counted."""
        totals = self.engine.totals
        behind = self.engine.behind()
        now = self._clock.now()
        self._rates.append((self._clock.monotonic(), totals.frames))
        (first, before), (last, after) = self._rates[0], self._rates[-1]
        rate = (after - before) / (last - first) if last > first else 0.0
        waiting = self.engine.oldest_waiting()
        seconds = 0.0 if waiting is None else max(0.0, (now - waiting).total_seconds())
        self._numbers = {
            "frames": totals.frames,
            "observations": totals.observations,
            "new": totals.new,
            "repeated": totals.repeated,
            "completed": totals.completed,
            "changed": totals.changed,
            "statements": totals.statements,
            "batches": totals.batches,
            "findings": totals.findings,
            "chore_errors": self.work.errors,
            "behind_frames": sum(behind.values()),
            "behind_seconds": round(seconds, 3),
            "frames_per_second": round(rate, 1),
            "batch": self.engine.lake.batch(),
        }
        return {
            "state": self._state,
            "pid": os.getpid(),
            "at": now.isoformat(),
            "position": self.engine.positions(),
            "behind": behind,
            "known_until": _text(self.engine.lake.known_until()),
            "counts": dict(totals.counts),
            "open_gaps": len(self.work.gaps.open_gaps()),
            **self._numbers,
        }

    def write_status(self) -> None:
        """Write the status file."""
        content = json.dumps(self.status(), ensure_ascii=False, default=str).encode()
        write_durably(self._settings.status_path, content)
        self._status_at = self._clock.monotonic()

    def stop(self) -> None:
        """Store what was read and give the lake back."""
        self.engine.close()
        self._state = "stopped"
        self.write_status()
        self.engine.lake.close()
        LOG.info("stopped", position=self.engine.positions())


def _text(moment: object) -> str | None:
    return None if moment is None else str(moment)


def read_status(settings: PipelineSettings) -> Mapping[str, Any] | None:
    """Return the newest status the process wrote, or None when there is none."""
    try:
        found = json.loads(settings.status_path.read_bytes())
    except FileNotFoundError:
        return None
    return dict(found)
