"""Checks and hour validity side by side with saqc and ioos_qc, one thread each, check by check.

    nice python bench/quality.py --peer-python PATH/TO/python   # an environment with saqc and ioos_qc installed
    python bench/quality.py                                     # our own times only

The data are made here (seeded): minutes of several series with realistic noise, steps, constant runs, spikes and
missing values. Building the peers' own containers is not counted, nor are imports. Hits differ where definitions
differ (named in the table); they are printed so that nobody compares unequal work unknowingly.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np  # noqa: E402

RANGE = (0.0, 150.0)
STEP = 15.0
SPIKE = 15.0
RUN = 60
TOLERANCE = 0.05
BEGIN = 1_795_190_400 // 86_400 * 86_400 - 28_800
COMMON = ("range", "constant", "step", "spike", "flat", "valid hours")


def make_data(series: int, rows: int) -> dict[str, np.ndarray]:
    """Minutes of one decimal with constant runs, spikes, steps and 2 % missing values."""
    rng = np.random.default_rng(20261121)
    walk = 60 + np.cumsum(rng.normal(0, 0.6, (series, rows)), axis=1)
    values = np.round(np.abs(walk), 1)
    for line in values:
        for head in rng.integers(0, rows - 2 * RUN, rows // 2000):
            line[head : head + RUN + rng.integers(0, RUN)] = line[head]
        line[rng.integers(0, rows, rows // 500)] += 40
        line[rng.random(rows) < 0.02] = np.nan
    return {"values": values, "start": BEGIN + 60 * np.arange(rows, dtype=np.int64)}


def best(work: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Shortest of some runs, and the last result."""
    times, result = [], None
    for _ in range(repeats):
        begin = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - begin)
    return min(times), result


def run_ours(data: dict[str, np.ndarray], repeats: int) -> dict[str, tuple[float, int]]:
    from qingjian.quality.aggregation import aggregate_hours
    from qingjian.quality.checks import CheckSettings, run_checks
    from qingjian.quality.observations import Observations, SeriesInfo
    from qingjian.rulebook import packaged

    values, start = data["values"], data["start"]
    n, m = values.shape
    observations = Observations.of(
        np.repeat(np.arange(n), m), np.tile(start, n), values.reshape(-1), flag=["N"] * (n * m)
    )
    settings = [
        CheckSettings(
            i,
            60,
            low=RANGE[0],
            high=RANGE[1],
            step=STEP,
            spike=SPIKE,
            constant_count=RUN,
            flat_count=RUN,
            flat_tolerance=TOLERANCE,
        )
        for i in range(n)
    ]
    info = [SeriesInfo(i, "flue_gas", "a21026", 60) for i in range(n)]
    book = packaged()
    aggregate_hours(observations.take(np.arange(120)), info, book)
    result: dict[str, tuple[float, int]] = {}
    for name in COMMON[:-1]:
        seconds, hits = best(lambda name=name: run_checks(observations, settings, only=[name]), repeats)
        result[name] = (seconds, len(hits))
    seconds, hours = best(lambda: aggregate_hours(observations, info, book), repeats)
    result["valid hours"] = (seconds, int(hours.valid.sum()))
    seconds, hits = best(lambda: run_checks(observations, settings, only=COMMON[:-1]), repeats)
    result["all five checks in one call"] = (seconds, len(hits))
    return result


def run_saqc(data: dict[str, np.ndarray], repeats: int) -> dict[str, tuple[float, int]]:
    import pandas as pd
    import saqc

    values, start = data["values"], data["start"]
    index = pd.DatetimeIndex(pd.to_datetime(start, unit="s"))
    frame = pd.DataFrame({f"s{i}": values[i] for i in range(len(values))}, index=index)
    fields = list(frame.columns)
    base = saqc.SaQC(frame)
    window = f"{RUN}min"
    work: dict[str, Callable[[], Any]] = {
        "range": lambda: base.flagRange(fields, min=RANGE[0], max=RANGE[1]),
        "constant": lambda: base.flagConstants(fields, window=window, thresh=0.0, min_periods=RUN),
        "step": lambda: base.flagJumps(fields, thresh=STEP, window="2min"),
        "spike": lambda: base.flagOffset(fields, thresh=SPIKE, tolerance=SPIKE, window="5min"),
        "flat": lambda: base.flagConstants(fields, window=window, thresh=TOLERANCE, min_periods=RUN),
        "valid hours": lambda: base.resample(fields, freq="1h", func="mean", maxna=15),
    }
    result = {}
    for name, call in work.items():
        seconds, done = best(call, repeats)
        if name == "valid hours":
            count = sum(int(done.data[field].notna().sum()) for field in fields)
        else:
            count = sum(int((done.flags[field] > 0).sum()) for field in fields)
        result[name] = (seconds, count)
    return result


def run_ioos(data: dict[str, np.ndarray], repeats: int) -> dict[str, tuple[float, int]]:
    from ioos_qc import qartod

    values, start = data["values"], data["start"]
    moments = start.astype("datetime64[s]").astype("datetime64[ns]")
    lines = [np.ma.masked_invalid(line) for line in values]
    seconds_of_run = (RUN - 1) * 60
    flat = {"suspect_threshold": seconds_of_run, "fail_threshold": seconds_of_run}
    tests: dict[str, Callable[[Any], Any]] = {
        "range": lambda line: qartod.gross_range_test(line, fail_span=RANGE),
        "constant": lambda line: qartod.flat_line_test(line, moments, tolerance=1e-9, **flat),
        "step": lambda line: qartod.rate_of_change_test(line, moments, threshold=STEP / 60),
        "spike": lambda line: qartod.spike_test(line, suspect_threshold=SPIKE, fail_threshold=SPIKE),
        "flat": lambda line: qartod.flat_line_test(line, moments, tolerance=TOLERANCE, **flat),
    }
    result = {}
    for name, test in tests.items():
        seconds, flags = best(lambda test=test: [test(line) for line in lines], repeats)
        count = sum(int(np.isin(np.ma.filled(one, 9), (3, 4)).sum()) for one in flags)
        result[name] = (seconds, count)
    return result


RUNNERS = {"ours": run_ours, "saqc": run_saqc, "ioos_qc": run_ioos}


def run_peer(
    python: str, peer: str, data: dict[str, np.ndarray], repeats: int
) -> dict[str, tuple[float, int]] | None:
    """The same file under another interpreter; None (with a line) when the peer cannot be imported there."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.npz"
        np.savez(path, **data)
        command = [python, __file__, "--worker", peer, "--data", str(path), "--repeats", str(repeats)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"{peer}: not measured ({done.stderr.strip().splitlines()[-1]})")
        return None
    return {name: (row[0], row[1]) for name, row in json.loads(done.stdout.splitlines()[-1]).items()}


def show(n: int, m: int, results: dict[str, dict[str, tuple[float, int]]]) -> None:
    print(f"{n} series x {m} minutes = {n * m:,} rows; best run; seconds (hits or valid hours)")
    print(
        f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, NumPy {np.__version__}"
    )
    ours = results["ours"]
    peers = [name for name in results if name != "ours"]
    print(f"\n{'':30}{'ours':>20}" + "".join(f"{peer:>22}{'times':>8}" for peer in peers))
    for name, (seconds, hits) in ours.items():
        line = f"{name:30}{seconds:>10.4f} {hits:>9}"
        for peer in peers:
            row = results[peer].get(name)
            line += f"{row[0]:>12.4f} {row[1]:>9}{row[0] / seconds:>8.1f}" if row else f"{'-':>22}{'-':>8}"
        print(line)
    for peer in peers:
        common = [name for name in COMMON if name in results[peer]]
        theirs = sum(results[peer][name][0] for name in common)
        mine = sum(ours[name][0] for name in common)
        print(
            f"\nwhole common set with {peer} ({', '.join(common)}): {mine:.4f} s against {theirs:.4f} s = {theirs / mine:.1f} x"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer-python", help="interpreter of an environment with saqc and ioos_qc")
    parser.add_argument("--series", type=int, default=20)
    parser.add_argument("--rows", type=int, default=20_000, help="minutes per series")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--worker", choices=sorted(RUNNERS), help=argparse.SUPPRESS)
    parser.add_argument("--data", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        with np.load(options.data) as stored:
            data = dict(stored)
        print(json.dumps(RUNNERS[options.worker](data, options.repeats)))
        return
    data = make_data(options.series, options.rows)
    results = {"ours": run_ours(data, options.repeats)}
    if options.peer_python:
        for peer in ("saqc", "ioos_qc"):
            found = run_peer(options.peer_python, peer, data, options.repeats)
            if found:
                results[peer] = found
    show(options.series, options.rows, results)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))
    main()
