"""Measure the lake: bytes per stored number, one series of a year among many, latest of 10,000.

Run: python -m bench.lake [--series 10000] [--devices 10] [--days 28] [--frames 5000000] [--only size|speed|latest|frames]

Size: minutes of devices with 20 factors each, written as the pipeline writes them (frame sequence and known_at of
irregular arrivals, marks, revisions), counted with every column and the log. Speed: a year of minutes is written for
one of the 16 series buckets in full (the other 15 are never opened for this question), then read series by series.
Frames: a week of 1,000 devices in files of some hours, one frame in twenty with two codes whose details never repeat; asked
for what the page of a device shows.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from qingjian.contracts.latest import LatestValue
from qingjian.lake import Lake, candidates
from qingjian.lake.numbers import Decimals
from qingjian.lake.reading import BUCKETS, local_month, month_bounds
from qingjian.lake.schemas import OBSERVATIONS, STORED_FRAMES
from qingjian.pipeline.latest import SqliteLatestStore

FACTORS = 20
START = datetime(2025, 1, 31, 16, tzinfo=UTC)
MINUTE = 60_000_000


def measured(random: np.random.Generator, count: int, level: float) -> np.ndarray:
    """A wandering, noisy signal as instruments give it: slow drift, daily course, jitter of each reading."""
    steps = random.normal(0, 0.01 * level, count)
    drift = np.cumsum(steps)
    drift -= np.linspace(0, drift[-1], count)
    course = 0.2 * level * np.sin(np.arange(count) * 2 * np.pi / 1440)
    return np.maximum(level + course + drift + random.normal(0, 0.05 * level, count), 0)


def decimals(values: np.ndarray, places: int) -> Decimals:
    mantissa = np.rint(values * 10**places).astype(np.int64)
    return Decimals(mantissa, np.full(len(values), places, np.int16), np.ones(len(values), np.bool_))


def device_rows(random: np.random.Generator, device: int, devices: int, days: int) -> pa.Table:
    """All minutes of one device: 20 factors with mean, minimum, maximum; amounts and converted values for some."""
    count = days * 1440
    arrival = np.arange(count) * 60 + random.integers(2, 9, count) + device % 50
    sequence = (
        np.arange(count) * devices + random.permutation(devices)[0] + random.integers(-3, 4, count) + 10
    )
    known = arrival - arrival % 5 + 5
    start = int(START.timestamp()) * 1_000_000 + np.arange(count) * MINUTE
    parts = []
    for factor in range(FACTORS):
        level, places = [(45.0, 1), (0.8, 3), (350.0, 0), (12.0, 2)][factor % 4]
        value = measured(random, count, level)
        spread = np.abs(random.normal(0, 0.04 * level, count))
        numbers = {
            "value": decimals(value, places),
            "min": decimals(np.maximum(value - spread, 0), places),
            "max": decimals(value + spread, places),
        }
        if factor % 2:
            numbers["total"] = decimals(value * 0.06, places + 2)
        if factor % 5 == 0:
            numbers["converted"] = decimals(value * (1.1 + random.normal(0, 0.01, count)), places)
        flags = np.where(random.random(count) < 0.004, "M", "N")
        rows = candidates(
            series=np.full(count, device * FACTORS + factor, np.int32),
            statistic="minute",
            start=start,
            numbers=numbers,
            flag=flags,
            journal="gateway-1",
            sequence=sequence,
        )
        rows = rows.append_column("revision", pa.array((random.random(count) < 0.0005).astype(np.int32)))
        rows = rows.append_column("known_at", pa.array(int(START.timestamp()) + known))
        parts.append(rows.append_column("directory_version", pa.array(np.full(count, 7, np.int32))))
    return pa.concat_tables(parts).cast(OBSERVATIONS)


def size(folder: Path, devices: int, days: int) -> None:
    random = np.random.default_rng(1)
    with Lake(folder) as lake:
        lake.open_for_writing()
        rows = pa.concat_tables(
            [device_rows(random, device, devices, days) for device in range(1, devices + 1)]
        )
        order = np.lexsort(
            (rows.column("start").cast(pa.int64()).to_numpy(), rows.column("series").to_numpy())
        )
        rows = rows.take(pa.array(order))
        days_of = (rows.column("start").cast(pa.int64()).to_numpy() + 8 * 60 * MINUTE) // (1440 * MINUTE)
        table = lake.observations
        months = set()
        for day in np.unique(days_of):
            name = str(np.datetime64(int(day), "D"))
            months.add(name[:7])
            part = rows.filter(pa.array(days_of == day))
            table.commit([table.write_file(part, "recent", name[:7], name, row_group=131_072)], moment=START)
        print(f"{rows.num_rows:,} rows of {devices} devices x {FACTORS} factors, {days} days of minutes")
        report = lake.statistics()["observations"]
        print(f"  recent, by local day: {report['bytes_per_number']:.3f} bytes per stored number")
        for month in sorted(months):
            lake.settle(month)
        report = lake.statistics()["observations"]
        print(f"  settled: {report['bytes_per_number']:.3f} bytes per stored number")
        print(
            f"  {report['numbers']:,} numbers, data {report['data_bytes']:,} B, log {report['log_bytes']:,} B"
        )


def months_of_year() -> Iterator[tuple[str, datetime, int]]:
    moment = START
    for _ in range(12):
        month = local_month(moment)
        begin, end = month_bounds(month)
        yield month, begin, int((end - begin).total_seconds()) // 60
        moment = end


def year(folder: Path, series: int) -> list[int]:
    """Write one full bucket of every month; returns the series in it."""
    random = np.random.default_rng(2)
    numbers = [one for one in range(1, series + 1) if one % BUCKETS == 7]
    with Lake(folder) as lake:
        lake.open_for_writing()
        table = lake.observations
        for month, begin, minutes in months_of_year():
            signal = measured(random, minutes * 2, 45.0)

            def parts(
                begin: datetime = begin, minutes: int = minutes, signal: np.ndarray = signal
            ) -> Iterator[pa.Table]:
                start = int(begin.timestamp()) * 1_000_000 + np.arange(minutes) * MINUTE
                for number in numbers:
                    value = np.roll(signal, -37 * number)[:minutes]
                    rows = candidates(
                        series=np.full(minutes, number, np.int32),
                        statistic="minute",
                        start=start,
                        numbers={
                            name: decimals(value + shift, 1)
                            for name, shift in (("min", -2), ("value", 0), ("max", 2))
                        },
                        flag="N",
                        journal="gateway-1",
                        sequence=np.arange(minutes) * 1000 + random.integers(0, 900, minutes),
                    )
                    rows = rows.append_column("revision", pa.array(np.zeros(minutes, np.int32)))
                    rows = rows.append_column("known_at", pa.array(start // 1_000_000 + 65))
                    rows = rows.append_column("directory_version", pa.array(np.ones(minutes, np.int32)))
                    yield rows.cast(OBSERVATIONS)

            added = [table.write_stream(parts(), "settled", month, "07", row_group=262_144)]
            table.commit(added, moment=START)
    return numbers


def speed(folder: Path, series: int) -> None:
    begun = time.perf_counter()
    numbers = year(folder, series)
    print(
        f"one year of minutes of {len(numbers)} series (one bucket of {series:,}) written in {time.perf_counter() - begun:.0f} s"
    )
    random = np.random.default_rng(3)
    with Lake(folder) as lake:
        for title, columns in (("value and flag", ("start", "value", "flag")), ("all columns", None)):
            taken, work = [], []
            for number in random.choice(numbers, 12):
                begun, before = time.perf_counter(), time.process_time()
                found = lake.series(
                    [int(number)], "minute", START, START + timedelta(days=365), columns=columns
                )
                taken.append(time.perf_counter() - begun)
                work.append(time.process_time() - before)
                assert found.num_rows == 525_600
            print(
                f"  a year of one series, {title}: first {taken[0]:.3f} s, "
                f"median {np.median(taken):.3f} s, worst {max(taken):.3f} s; CPU time first {work[0]:.3f} s, "
                f"median {np.median(work):.3f} s"
            )


def latest(folder: Path) -> None:
    store = SqliteLatestStore(folder / "latest.sqlite3")
    store.write(
        LatestValue(number, "minute", START, 1.5, "N", START, "gateway-1", number) for number in range(10_000)
    )
    taken = []
    for _ in range(10):
        begun = time.perf_counter()
        assert len(store.read(statistic="minute")) == 10_000
        taken.append(time.perf_counter() - begun)
    print(
        f"latest of 10,000 series: median {np.median(taken) * 1000:.0f} ms, worst {max(taken) * 1000:.0f} ms"
    )


def week_of_frames(folder: Path, count: int) -> datetime:
    """Write a week of frames; return its end."""
    random = np.random.default_rng(4)
    files = 35
    each = count // files
    span = timedelta(days=7) / files
    numbers = np.array([f"990121{number:018d}" for number in range(1000)])
    contents = [b"ST=32;CN=2051;Flag=5;CP=&&w01018-Rtd=%d.1,w01018-Flag=N&&" % one * 4 for one in range(500)]
    table = Lake(folder).frames_table
    folder.mkdir(parents=True)
    table.create()
    added = []
    for file in range(files):
        begin = int((START + file * span).timestamp()) * 1_000_000
        moments = begin + np.sort(random.integers(0, int(span.total_seconds()) * 1_000_000, each))
        noted = random.random(each) < 0.05
        columns = {
            "journal": ["gateway-1"] * each,
            "sequence": np.arange(each) + file * each,
            "received_at": moments,
            "peer": ["10.0.0.1:5000"] * each,
            "connection": random.integers(0, 1000, each),
            "mn": numbers[random.integers(0, 1000, each)],
            "kind": ["accepted"] * each,
            "content": [contents[one] for one in random.integers(0, 500, each)],
            "codes": [
                f'[["length_wrong","{file}.{place}"],["check_lower_case","{place}"]]' if one else ""
                for place, one in enumerate(noted)
            ],
            "policy": ["{}"] * each,
            "frame_directory": np.ones(each, np.int32),
            "nonce": [bytes(16)] * each,
            "batch": np.full(each, file),
            "known_at": moments // 1_000_000 + 2,
            "directory_version": np.ones(each, np.int32),
        }
        rows = pa.table({one.name: pa.array(columns[one.name], one.type) for one in STORED_FRAMES})
        added.append(table.write_file(rows, "fresh", local_month(START), "", row_group=131_072))
    table.commit(added, moment=START)
    return START + timedelta(days=7)


def frames(folder: Path, count: int) -> None:
    end = week_of_frames(folder, count)
    with Lake(folder, threads=1) as lake:
        for title, days in (("codes of a day", 1), ("codes of a week", 7), ("newest 15 of two days", 2)):
            taken, work = [], []
            for device in range(12):
                number, begin = f"990121{device:018d}", end - timedelta(days=days)
                begun, before = time.perf_counter(), time.process_time()
                if title.startswith("codes"):
                    assert len(lake.frame_codes(number, begin, end)) <= 2
                else:
                    assert lake.frames(begin, end, mn=number, limit=15, newest_first=True).num_rows <= 15
                taken.append(time.perf_counter() - begun)
                work.append(time.process_time() - before)
            print(
                f"  of one device among {count:,} frames of a week, {title}: median {np.median(taken):.3f} s, "
                f"worst {max(taken):.3f} s; CPU time median {np.median(work):.3f} s"
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--devices", type=int, default=10)
    parser.add_argument("--days", type=int, default=28)
    parser.add_argument("--only", choices=("size", "speed", "latest", "frames"))
    parser.add_argument("--frames", type=int, default=5_000_000)
    arguments = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        if arguments.only in (None, "size"):
            size(Path(folder) / "size", arguments.devices, arguments.days)
        if arguments.only in (None, "latest"):
            latest(Path(folder))
        if arguments.only in (None, "speed"):
            speed(Path(folder) / "speed", arguments.series)
        if arguments.only in (None, "frames"):
            frames(Path(folder) / "frames", arguments.frames)


if __name__ == "__main__":
    main()
