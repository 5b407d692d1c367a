"""Measure the pipeline alone: frames of 20 values from a full journal into lake, latest and findings.

Run: python -m bench.pipeline [--frames 40000] [--devices 1000]

Prints frames per second of wall and of CPU time. Together with a gateway and its load generator on the same machine:
see bench/gateway.py.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from qingjian.contracts.clock import CHINA, SystemClock
from qingjian.contracts.directory import Device, Directory, FileDirectoryStore, Route, Series
from qingjian.contracts.folders import DataFolder
from qingjian.hj212.encoder import Sender
from qingjian.journal import JournalWriter, Kind, NewFrame
from qingjian.pipeline.process import PipelineNode
from qingjian.pipeline.settings import PipelineSettings

FACTORS = tuple(f"a{21000 + number}" for number in range(20))


def directory(devices: int) -> Directory:
    mns = [f"{number:024X}" for number in range(devices)]
    series = [
        Series(
            id=place * len(FACTORS) + number + 1,
            code=f"P{place}:{factor}",
            point=f"P{place}",
            factor=factor,
            name_zh=factor,
            name_en=factor,
            unit="mg/m3",
            decimals=1,
            medium="flue_gas",
            device=mn,
        )
        for place, mn in enumerate(mns)
        for number, factor in enumerate(FACTORS)
    ]
    return Directory(
        version=1,
        published_at=datetime.now(UTC),
        devices=[Device(f"D{place}", mn, "123456", "", f"P{place}", "31") for place, mn in enumerate(mns)],
        series=series,
        routes=[Route(one.device, one.factor, one.id) for one in series],
    )


def fill_journal(folder: DataFolder, clock: SystemClock, known: Directory, frames: int) -> int:
    """Write real-time frames of 20 values; returns the length of one frame in bytes."""
    values = random.Random(1)
    senders = [Sender("2017", "31", "123456", one.mn) for one in known.devices]
    writer = JournalWriter.open(folder.journal, "gateway-1", clock)
    begin = clock.now().replace(microsecond=0) - timedelta(seconds=frames // len(senders) * 30)
    held: list[NewFrame] = []
    content = b""
    for number in range(frames):
        moment = begin + timedelta(seconds=number // len(senders) * 30)
        text = moment.astimezone(CHINA).strftime("%Y%m%d%H%M%S")
        groups = [[(f"{one}-Rtd", f"{values.gauss(50, 5):.1f}"), (f"{one}-Flag", "N")] for one in FACTORS]
        content = senders[number % len(senders)].upload("2011", text, groups, text + "000")
        received = int(moment.timestamp() * 1_000_000) + number % 1_000_000
        held.append(
            NewFrame(received, "127.0.0.1:1", 1, senders[number % len(senders)].mn, Kind.ACCEPTED, content)
        )
        if len(held) == 1_000 or number == frames - 1:
            writer.append_many(held)
            held = []
    writer.close()
    return len(content)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=40_000)
    parser.add_argument("--devices", type=int, default=1_000)
    arguments = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        folder, clock = DataFolder(Path(name)), SystemClock()
        folder.make()
        known = directory(arguments.devices)
        FileDirectoryStore(folder.directory).publish(known)
        length = fill_journal(folder, clock, known, arguments.frames)
        node = PipelineNode(PipelineSettings(folder.root), clock)
        node.start()
        wall, cpu = time.perf_counter(), time.process_time()
        while node.turn():
            pass
        node.engine.close_batch()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        totals = node.engine.totals
        assert totals.new == arguments.frames * len(FACTORS), totals
        print(
            f"{arguments.frames:,} frames of {length} B and 20 values: {arguments.frames / wall:,.0f} frames/s wall, "
            f"{arguments.frames / cpu:,.0f} frames/s of CPU time"
        )
        for table, report in node.engine.lake.statistics().items():
            print(f"  {table}: {report}")
        node.stop()


if __name__ == "__main__":
    main()
