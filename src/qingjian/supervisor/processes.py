"""Children of the supervisor.

A child is a command; it stops on SIGTERM, and also when its standard input closes, so that no child outlives a
supervisor that was killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qingjian.contracts.clock import Clock


@dataclass(frozen=True, slots=True)
class Child:
    """What to run. `drain_seconds` is how long it may take to finish its work after SIGTERM."""

    name: str
    command: Sequence[str]
    drain_seconds: float = 20.0
    environment: Mapping[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0


@dataclass(slots=True)
class _Running:
    child: Child
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    next_start: float = 0.0
    failures: int = 0
    restarts: int = 0


class Supervisor:
    """Run children until told to stop; a child that ends by itself is started again with growing pauses."""

    def __init__(
        self, children: Sequence[Child], logs: Path, clock: Clock, report: Callable[[str], None] = print
    ) -> None:
        self._running = [_Running(child) for child in children]
        self._logs = logs
        self._clock = clock
        self._report = report
        self._stop = threading.Event()

    def request_stop(self) -> None:
        """Ask the loop to drain and stop; safe in a signal handler."""
        self._stop.set()

    def run(self, poll_seconds: float = 0.5) -> None:
        """Start every child in order and watch them until `request_stop`."""
        self._logs.mkdir(parents=True, exist_ok=True)
        begin = self._clock.monotonic()
        for one in self._running:
            one.next_start = begin + one.child.delay_seconds
        try:
            while not self._stop.is_set():
                for one in self._running:
                    self._watch(one)
                self._stop.wait(poll_seconds)
        finally:
            self._drain()

    def states(self) -> dict[str, dict[str, int | None]]:
        """Return process id and number of restarts by child name."""
        return {
            one.child.name: {
                "pid": one.process.pid if one.process is not None and one.process.poll() is None else None,
                "restarts": one.restarts,
            }
            for one in self._running
        }

    def _watch(self, one: _Running) -> None:
        now = self._clock.monotonic()
        if one.process is None:
            if now >= one.next_start:
                self._start(one)
            return
        code = one.process.poll()
        if code is None:
            return
        lived = now - one.started_at
        one.failures = 0 if lived > 60 else one.failures + 1
        pause = min(30.0, 0.5 * 2.0**one.failures)
        one.process = None
        one.restarts += 1
        one.next_start = now + pause
        self._report(
            f"{one.child.name}: 已退出（{code}），{pause:.0f} 秒后重启，日志 / ended ({code}), "
            f"starting again in {pause:.0f} s, log: {self._log_path(one)}"
        )

    def _log_path(self, one: _Running) -> Path:
        return self._logs / f"{one.child.name}.log"

    def _start(self, one: _Running) -> None:
        with self._log_path(one).open("ab") as log:
            # Its own session: Ctrl-C reaches the supervisor only, which then drains in order.
            one.process = subprocess.Popen(  # noqa: S603 - the command is composed by this program
                list(one.child.command),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, **one.child.environment},
            )
        one.started_at = self._clock.monotonic()

    def _drain(self) -> None:
        for one in reversed(self._running):
            process = one.process
            if process is None or process.poll() is not None:
                continue
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(one.child.drain_seconds)
            except subprocess.TimeoutExpired:
                self._report(f"{one.child.name}: 未在时限内停止，强制结束 / did not stop in time, killed")
                process.kill()
                process.wait()


def stop_with_parent() -> None:
    """Send this process SIGTERM when its standard input closes: its supervisor is gone."""

    def watch() -> None:
        # Not through sys.stdin: a buffered reader blocked in a daemon thread is a fatal error at interpreter shutdown.
        while os.read(0, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
