"""Frames per second a gateway stores, fsyncs and acknowledges.

`python -m bench.gateway [--connections 1000] [--seconds 20] [--rate N] [--window 1] [--processes 1] [--with-pipeline]
[--data DIR]`

The load generator is a process of its own on the same machine. Every connection is one registered device that sends a
frame of 20 values and waits for its 9014 before the next (window 1), as a device does. With `--rate` the generator
offers so many frames per second in all instead of as many as possible.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from qingjian.contracts.clock import CHINA
from qingjian.contracts.directory import Device, Directory, FileDirectoryStore, Route, Series
from qingjian.contracts.folders import DataFolder
from qingjian.gateway.settings import GatewayLimits, GatewaySettings
from qingjian.hj212 import checksum
from qingjian.journal import JournalReader, Kind
from qingjian.pipeline.process import read_status
from qingjian.pipeline.settings import PipelineSettings

FACTORS = tuple(f"a{21000 + n:05d}" for n in (2, 3, 4, 5, 26)) + tuple(f"a{n:05d}" for n in range(1001, 1016))
BEGIN = datetime(2026, 11, 21, 12, tzinfo=CHINA)


def mn_of(number: int) -> str:
    return f"{0xBE << 88 | number:024X}"


@cache
def times_of(turn: int) -> tuple[bytes, bytes]:
    """DataTime and the first 14 digits of the QN of a device's n-th frame: one second after the other."""
    moment = (BEGIN + timedelta(seconds=turn)).strftime("%Y%m%d%H%M%S").encode()
    return moment, moment


class Device20:
    """Makes frames of 20 values, each with its own time and its own numbers."""

    VARIANTS = 8

    def __init__(self, number: int) -> None:
        self.head = b";ST=31;CN=2011;PW=123456;MN=%s;Flag=5;CP=&&DataTime=" % mn_of(number).encode()
        self.values = [
            b";"
            + ";".join(
                f"{factor}-Rtd={(number * 7 + variant * 31 + place * 13) % 1000 / 10:.1f},{factor}-Flag=N"
                for place, factor in enumerate(FACTORS)
            ).encode()
            + b"&&"
            for variant in range(self.VARIANTS)
        ]
        self.turn = 0

    def next(self) -> tuple[bytes, bytes]:
        """A frame and the QN its acknowledgement must carry."""
        moment, start = times_of(self.turn)
        qn = start + b"000"
        segment = b"QN=" + qn + self.head + moment + self.values[self.turn % self.VARIANTS]
        self.turn += 1
        return b"##%04d%s%s\r\n" % (len(segment), segment, checksum.check_text(segment)), qn


def directory(devices: int) -> Directory:
    """Devices with 20 series each."""
    series = [
        Series(
            number * len(FACTORS) + place + 1,
            f"p{number}.{factor}",
            f"p{number}",
            factor,
            factor,
            factor,
            "mg/m3",
            1,
            "flue_gas",
            device=mn_of(number),
        )
        for number in range(devices)
        for place, factor in enumerate(FACTORS)
    ]
    return Directory(
        version=1,
        published_at=datetime(2026, 1, 1, tzinfo=UTC),
        devices=[Device(f"d{n}", mn_of(n), "123456", "", f"p{n}", "31") for n in range(devices)],
        series=series,
        routes=[Route(one.device, one.factor, one.id) for one in series],
    )


class Sender(asyncio.Protocol):
    """One device: sends, waits for the acknowledgement, sends again."""

    def __init__(self, number: int, load: Load) -> None:
        self.number = number
        self.load = load
        self.device = Device20(number)
        self.sent: list[tuple[bytes, float]] = []
        self.rest = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def send(self) -> None:
        assert self.transport is not None
        content, qn = self.device.next()
        self.sent.append((qn, time.perf_counter()))
        self.transport.write(content)

    def data_received(self, data: bytes) -> None:
        lines = (self.rest + data).split(b"\r\n")
        self.rest = lines.pop()
        now = time.perf_counter()
        for line in lines:
            qn, at = self.sent.pop(0)
            assert line[9:26] == qn, line
            assert b";CN=9014;" in line, line
            self.load.latencies.append(now - at)
            if self.load.open_loop is None and not self.load.stopping:
                self.send()


class Load:
    """The load generator."""

    def __init__(self, port: int, connections: int, seconds: float, rate: float, window: int) -> None:
        self.port, self.connections, self.seconds, self.window = port, connections, seconds, window
        self.open_loop = rate or None
        self.latencies: list[float] = []
        self.stopping = False

    async def run(self) -> dict[str, float]:
        loop = asyncio.get_running_loop()
        senders = []
        for number in range(self.connections):
            _, sender = await loop.create_connection(lambda n=number: Sender(n, self), "127.0.0.1", self.port)
            senders.append(sender)
        begin = time.perf_counter()
        cpu = time.process_time()
        if self.open_loop is None:
            for sender in senders:
                for _ in range(self.window):
                    sender.send()
            await asyncio.sleep(self.seconds)
        else:
            done, place = 0, 0
            while (passed := time.perf_counter() - begin) < self.seconds:
                due = int(passed * self.open_loop)
                while done < due:
                    senders[place].send()
                    place = (place + 1) % len(senders)
                    done += 1
                await asyncio.sleep(0.005)
        within = len(self.latencies)
        lasted = time.perf_counter() - begin
        used = time.process_time() - cpu
        self.stopping = True
        for _ in range(1_000):
            if not any(one.sent for one in senders):
                break
            await asyncio.sleep(0.01)
        ordered = sorted(self.latencies)
        return {
            "frames": within,
            "seconds": lasted,
            "rate": within / lasted,
            "p50": ordered[len(ordered) // 2],
            "p99": ordered[int(len(ordered) * 0.99)],
            "worst": ordered[-1],
            "acknowledged": len(ordered),
            "unanswered": sum(len(one.sent) for one in senders),
            "generator_cpu": used / lasted,
        }


def generate(port: int, connections: int, seconds: float, rate: float, window: int, pipe: object) -> None:
    result = asyncio.run(Load(port, connections, seconds, rate, window).run())
    pipe.send(result)  # type: ignore[attr-defined]


class Pipeline:
    """The pipeline process beside the gateway."""

    def __init__(self, root: Path) -> None:
        self.settings = PipelineSettings(root, ask_for_history=False)
        program = (
            "import sys; from qingjian.pipeline.process import main; "
            "from qingjian.pipeline.settings import PipelineSettings as P; main(P.from_json(sys.argv[1]))"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, self.settings.to_json()], stderr=subprocess.DEVNULL
        )
        while read_status(self.settings) is None:
            assert self.process.poll() is None, "the pipeline did not start"
            time.sleep(0.05)

    def finish(self, frames: int) -> None:
        """Say how far it is behind right after the load, and how long it takes to have everything."""
        begin = time.perf_counter()
        known = read_status(self.settings) or {}
        print(
            f"pipeline at the end of the load: {known['behind_frames']:.0f} frames, {known['behind_seconds']:.1f} s behind"
        )
        while (known := read_status(self.settings) or {})["behind_frames"] > 0 or known["frames"] < frames:
            assert self.process.poll() is None, "the pipeline ended"
            if time.perf_counter() - begin > 300:
                raise SystemExit("the pipeline does not catch up")
            time.sleep(0.2)
        used = cpu_seconds(self.process.pid)
        print(
            f"pipeline: had all {known['frames']:.0f} frames ({known['observations']:.0f} observations) in the lake "
            f"{time.perf_counter() - begin:.1f} s after the load, {used / frames * 1e6:.0f} µs/frame"
        )
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(120)


def describe_host(folder: Path) -> str:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 30
    device = subprocess.run(
        ["df", "--output=source,fstype", str(folder)], capture_output=True, text=True, check=False
    ).stdout.splitlines()[-1]
    return (
        f"host: {os.cpu_count()} cores, {model}, {memory} GiB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}\ndisk: {device}, fsync of 4 KiB: {fsync_milliseconds(folder):.2f} ms median"
    )


def fsync_milliseconds(folder: Path) -> float:
    times = []
    with tempfile.TemporaryFile(dir=folder) as handle:
        for _ in range(50):
            handle.write(b"x" * 4_096)
            handle.flush()
            begin = time.perf_counter()
            os.fsync(handle.fileno())
            times.append(time.perf_counter() - begin)
    return sorted(times)[25] * 1_000


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--connections", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument(
        "--rate", type=float, default=0, help="frames per second offered in all; 0: as many as possible"
    )
    parser.add_argument("--window", type=int, default=1, help="unacknowledged frames per connection")
    parser.add_argument("--processes", type=int, default=1, help="gateway processes sharing the port")
    parser.add_argument(
        "--with-pipeline", action="store_true", help="the pipeline stores the frames meanwhile"
    )
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--python", default=sys.executable, help="interpreter of the gateway")
    options = parser.parse_args(arguments)
    root = options.data or Path(
        tempfile.mkdtemp(
            prefix="qingjian-bench-", dir=Path.cwd() / "build" if Path("build").is_dir() else None
        )
    )
    folder = DataFolder(root)
    folder.make()
    FileDirectoryStore(folder.directory).publish(directory(options.connections))
    print("command: python -m bench.gateway", *(arguments if arguments is not None else sys.argv[1:]))
    print(describe_host(root))
    limits = GatewayLimits(frames_per_second=1e6, frames_burst=1_000_000, connections_per_address=100_000)
    gateways = []
    port = 0
    for number in range(options.processes):
        settings = GatewaySettings(
            root,
            name=f"bench-{number + 1}",
            host="127.0.0.1",
            port=port,
            limits=limits,
            share_port=options.processes > 1,
            forwarding=False,
        )
        process = subprocess.Popen(
            [options.python, "-m", "qingjian.gateway", settings.to_json()], stderr=subprocess.DEVNULL
        )
        while not settings.ready_path.exists():
            time.sleep(0.02)
            assert process.poll() is None, "the gateway did not start"
        port = json.loads(settings.ready_path.read_bytes())["port"]
        gateways.append((settings, process))
    pipeline = Pipeline(root) if options.with_pipeline else None
    receiving, sending = multiprocessing.Pipe(duplex=False)
    generator = multiprocessing.get_context("spawn").Process(
        target=generate,
        args=(port, options.connections, options.seconds, options.rate, options.window, sending),
    )
    generator.start()
    before = [cpu_seconds(process.pid) for _, process in gateways]
    result = receiving.recv()
    used = [cpu_seconds(process.pid) - was for (_, process), was in zip(gateways, before, strict=True)]
    generator.join()
    print(
        f"frames/s: {result['rate']:.0f}  ({result['frames']} in {result['seconds']:.1f} s, {options.connections} connections)"
    )
    if pipeline is not None:
        pipeline.finish(result["acknowledged"])
    stored = 0
    for settings, process in gateways:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        with JournalReader(folder.journal / settings.name) as reader:
            after = 0
            while found := reader.read(after, 10_000):
                stored += sum(one.kind is Kind.ACCEPTED for one in found)
                after = found[-1].sequence
    size = sum(path.stat().st_size for path in folder.journal.rglob("*") if path.is_file())
    print(
        f"latency: p50 {result['p50'] * 1e3:.1f} ms, p99 {result['p99'] * 1e3:.1f} ms, worst {result['worst'] * 1e3:.1f} ms"
    )
    print(
        f"acknowledged {result['acknowledged']}, unanswered {result['unanswered']}, stored {stored}, journal {size / max(stored, 1):.0f} bytes/frame"
    )
    print(
        f"cpu: generator {result['generator_cpu']:.2f} cores, gateway {sum(used):.1f} s = {sum(used) / max(stored, 1) * 1e6:.0f} µs/frame"
    )
    if options.data is None:
        shutil.rmtree(root)
    if stored < result["acknowledged"]:
        raise SystemExit("an acknowledged frame is missing")


if __name__ == "__main__":
    main()
