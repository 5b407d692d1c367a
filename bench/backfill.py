"""A 30-day backfill of 1,000 series of hours while live data flow.

Run: python -m bench.backfill [--devices 50] [--days 30] [--live 1.0] [--rate 2000]

50 devices of 20 series each resend 30 days of hours (36,000 frames, 720,000 values) at `rate` frames per second, and
each sends a live real-time frame every `live` seconds meanwhile. One writer puts both into a journal, as a gateway does;
the pipeline reads it. Printed: how long live values needed to `latest`, how long until everything was in the lake. Every
value is counted and compared in the end.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path

from bench.pipeline import FACTORS, directory

from qingjian.contracts.clock import CHINA, SystemClock
from qingjian.contracts.directory import FileDirectoryStore
from qingjian.contracts.folders import DataFolder
from qingjian.hj212.encoder import Sender
from qingjian.journal import JournalWriter, Kind, NewFrame
from qingjian.pipeline.latest import SqliteLatestStore
from qingjian.pipeline.process import PipelineNode
from qingjian.pipeline.settings import PipelineSettings


class Source(threading.Thread):
    """Writes history and live frames into the journal, and remembers when each live frame was written."""

    def __init__(self, folder: DataFolder, devices: int, days: int, live: float, rate: float) -> None:
        super().__init__()
        self._folder, self._live, self._rate = folder, live, rate
        self._senders = [Sender("2017", "31", "123456", f"{number:024X}") for number in range(devices)]
        self._clock = SystemClock()
        begin = self._clock.now().replace(minute=0, second=0, microsecond=0) - timedelta(days=days)
        self._history = [
            (sender, begin + timedelta(hours=hour)) for hour in range(days * 24) for sender in self._senders
        ]
        self.written: list[float] = []
        """Clock at which the n-th round of live frames was on disk; its values are n."""
        self.done_after = 0.0

    def run(self) -> None:
        begun = time.monotonic()
        first_live = self._clock.now().replace(microsecond=0)
        with JournalWriter.open(self._folder.journal, "gateway-1", self._clock) as writer:
            place = 0
            while place < len(self._history):
                due = min(int((time.monotonic() - begun) * self._rate), len(self._history))
                frames = [self._frame(sender, at, "2061", at.hour) for sender, at in self._history[place:due]]
                place = due
                live = len(self.written) < (time.monotonic() - begun) / self._live
                if live:
                    number = len(self.written)
                    at = first_live + timedelta(seconds=number)  # a time of its own, however late it is sent
                    frames += [self._frame(sender, at, "2011", number) for sender in self._senders]
                if frames:
                    writer.append_many(frames)
                if live:
                    self.written.append(time.monotonic())
                time.sleep(0.01)
        self.done_after = time.monotonic() - begun

    def _frame(self, sender: Sender, at: object, command: str, value: int) -> NewFrame:
        text = at.astimezone(CHINA).strftime("%Y%m%d%H%M%S")  # type: ignore[attr-defined]
        suffix = "Rtd" if command == "2011" else "Avg"
        groups = [[(f"{factor}-{suffix}", str(value)), (f"{factor}-Flag", "N")] for factor in FACTORS]
        now = self._clock.now()
        qn = now.astimezone(CHINA).strftime("%Y%m%d%H%M%S") + "000"
        content = sender.upload(command, text, groups, qn)
        return NewFrame(int(now.timestamp() * 1_000_000), "127.0.0.1:1", 1, sender.mn, Kind.ACCEPTED, content)


class Page(threading.Thread):
    """Looks at the latest value of one series, as a page does, and notes when each live value was there."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self._path = path
        self.stop = threading.Event()
        self.seen: dict[int, float] = {}

    def run(self) -> None:
        store = SqliteLatestStore(self._path)
        while not self.stop.wait(0.05):
            for value in store.read([1], "realtime"):
                self.seen.setdefault(int(value.value or 0), time.monotonic())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--devices", type=int, default=50)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--live", type=float, default=1.0, help="seconds between live frames of a device")
    parser.add_argument("--rate", type=float, default=2_000, help="frames of history per second")
    arguments = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        folder, clock = DataFolder(Path(name)), SystemClock()
        folder.make()
        FileDirectoryStore(folder.directory).publish(directory(arguments.devices))
        node = PipelineNode(PipelineSettings(folder.root, ask_for_history=False), clock)
        node.start()
        source = Source(folder, arguments.devices, arguments.days, arguments.live, arguments.rate)
        page = Page(folder.latest)
        begun, cpu = time.monotonic(), time.process_time()
        source.start()
        page.start()
        while source.is_alive() or node.engine.behind().get("gateway-1", 0):
            if not node.turn():
                time.sleep(0.02)
                if not source.is_alive():
                    node.engine.close_batch()
        took, used = time.monotonic() - begun, time.process_time() - cpu
        time.sleep(0.2)
        page.stop.set()
        page.join()
        rounds = len(source.written)
        # Values of a round may be overtaken by the next one before the page looks.
        delays = sorted(
            min(at for number, at in page.seen.items() if number >= round_number) - written
            for round_number, written in enumerate(source.written)
            if any(number >= round_number for number in page.seen)
        )
        history = arguments.devices * arguments.days * 24
        totals = node.engine.totals
        assert totals.frames == history + rounds * arguments.devices, totals
        assert totals.new == totals.frames * len(FACTORS), totals
        assert totals.changed == totals.repeated == 0, totals
        print(
            f"{history:,} frames of history ({history * len(FACTORS):,} values of {arguments.devices * len(FACTORS):,} "
            f"series) in {source.done_after:.1f} s, {rounds} live rounds of {arguments.devices} frames"
        )
        print(
            f"live value to `latest`: median {delays[len(delays) // 2]:.2f} s, worst {delays[-1]:.2f} s; "
            f"everything in the lake {took - source.done_after:.1f} s after the last frame; "
            f"{used / totals.frames * 1e6:.0f} µs of processor time a frame (writer and pipeline)"
        )
        node.stop()


if __name__ == "__main__":
    main()
