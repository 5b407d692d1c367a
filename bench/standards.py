"""Evaluation kernels: speed against our goals, and a cross-check of the AQI against `aqi-hub`.

    nice python bench/standards.py                                 # our own times (and aqi-hub if it is installed here)
    nice python bench/standards.py --peer-python PATH/TO/python    # an environment with aqi-hub

Data are made here (seeded). The peer computes single hours in Python; its time is that of 20,000 hours, also given per
million for comparison. The cross-check goes through every concentration with one decimal (CO: two) of every item and
lists every kind of disagreement with the clause that decides. aqi-hub 0.3 speaks HJ 633-2026 only.
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
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

PEER_HOURS = 20_000
ORDER = ("PM2.5", "PM10", "SO2", "NO2", "CO", "O3")
# item of aqi-hub, pollutant, period, highest concentration, decimals
ITEMS = [
    ("PM25_24H", "PM2.5", "24h", 600, 1),
    ("PM10_24H", "PM10", "24h", 700, 1),
    ("SO2_1H", "SO2", "1h", 1000, 1),
    ("SO2_24H", "SO2", "24h", 2700, 1),
    ("NO2_1H", "NO2", "1h", 3900, 1),
    ("NO2_24H", "NO2", "24h", 1000, 1),
    ("CO_1H", "CO", "1h", 160, 2),
    ("CO_24H", "CO", "24h", 70, 2),
    ("O3_1H", "O3", "1h", 1300, 1),
    ("O3_8H", "O3", "8h", 900, 1),
]


def peer_job(output: Path) -> None:
    """Runs in the peer's environment: its time and its answers as JSON."""
    import importlib.metadata
    import random

    from aqi_hub.aqi_cn import cal_aqi_cn, cal_iaqi_cn, cal_primary_pollutant

    rng = random.Random(1)
    hours = [
        tuple(round(rng.gammavariate(2, mean / 2), places) for mean, places in
              ((40, 0), (70, 0), (10, 0), (40, 0), (0.8, 1), (80, 0)))
        for _ in range(PEER_HOURS)
    ]  # fmt: skip
    start = time.perf_counter()
    for hour in hours:
        _, parts = cal_aqi_cn(*hour)
        cal_primary_pollutant(parts)
    seconds = time.perf_counter() - start
    answers = {
        item: [cal_iaqi_cn(item, number / 10**places) for number in range(highest * 10**places + 1)]
        for item, _, _, highest, places in ITEMS
    }
    version = importlib.metadata.version("aqi-hub")
    output.write_text(json.dumps({"version": version, "seconds": seconds, "answers": answers}), "utf-8")


def run_peer(python: str | None) -> dict[str, Any] | None:
    """Answers of the peer, or None if it is not installed."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "peer.json"
        command = [python or sys.executable, str(Path(__file__).resolve()), "--peer-job", str(output)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(f"aqi-hub not measured: {done.stderr.strip().splitlines()[-1:] or 'no output'}")
            return None
        return json.loads(output.read_text("utf-8"))  # type: ignore[no-any-return]


def own_speed() -> None:
    """The two goals: a year of hours of 1,000 stations to AQI, and 10,000 sections × 12 months to classes, 2 s each."""
    import numpy as np

    from qingjian.rulebook import packaged
    from qingjian.standards.air.kernel import indices
    from qingjian.standards.editions import resolve
    from qingjian.standards.surface_water.items import ASSESSED, item_limits
    from qingjian.standards.surface_water.kernel import classes

    rng = np.random.default_rng(1)
    shape = (1000, 8760)
    means = {"SO2": (10, 0), "NO2": (40, 0), "CO": (0.8, 1), "O3": (80, 0), "PM10": (70, 0), "PM2.5": (40, 0)}
    hours = {}
    for name, (mean, places) in means.items():
        hours[name] = np.round(rng.gamma(2.0, mean / 2, shape), places)
        hours[name][rng.random(shape) < 0.02] = np.nan
    for edition in ("2012", "2026"):
        times = []
        for _ in range(3):
            start = time.perf_counter()
            indices(hours, edition=edition)
            times.append(time.perf_counter() - start)
        print(
            f"AQI HJ 633-{edition}: 1,000 stations × 8,760 h × 6 items: {min(times):.2f} s best of 3 (goal 2 s)"
        )
    del hours
    book = packaged()
    table = item_limits(book, resolve(book, "surface_water_limits", "GB 3838", None, "2002"))
    water = {}
    for name in ASSESSED:
        middle = 7.5 if name == "pH" else float(table[name].limits[2])
        spread = (
            rng.normal(middle, 0.4, (10_000, 12))
            if name == "pH"
            else rng.gamma(2.0, middle / 2.5, (10_000, 12))
        )
        water[name] = spread
        water[name][rng.random((10_000, 12)) < 0.05] = np.nan
    times = []
    for _ in range(3):
        start = time.perf_counter()
        classes(water, edition="2002")
        times.append(time.perf_counter() - start)
    print(
        f"classes GB 3838-2002: 10,000 sections × 12 months × 21 items: {min(times):.3f} s best of 3 (goal 2 s)"
    )


def cross_check(peer: dict[str, Any]) -> None:
    """Every concentration of every item: count disagreements by the clause that decides, with one example each."""
    from qingjian.rulebook import packaged
    from qingjian.standards.air.breakpoints import scale
    from qingjian.standards.editions import resolve

    book = packaged()
    basis = resolve(book, "aqi_breakpoints", "HJ 633", None, "2026")
    total = differing = 0
    for item, pollutant, period, _, places in ITEMS:
        table = scale(book, basis, pollutant, period)
        kinds: Counter[str] = Counter()
        example: dict[str, str] = {}
        for number, theirs in enumerate(peer["answers"][item]):
            total += 1
            value = Decimal(number).scaleb(-places)
            rounded = table.rounded(value)
            found = table.index(rounded)
            ours = None if found is None else found[0]
            if ours == theirs:
                continue
            differing += 1
            unrounded = table.index(value)
            whole = unrounded is not None and unrounded[1] == unrounded[0]
            if unrounded is not None and unrounded[0] == theirs:
                kind = "input not rounded first (HJ 633-2026: input rounding, GB/T 8170 half to even)"
            elif whole and unrounded is not None and theirs == unrounded[0] + 1:
                kind = "binary fraction pushed up although the exact index is whole (HJ 633-2026: result rounding)"
            else:
                kind = "other breakpoints (HJ 633-2026 table 3)"
            kinds[kind] += 1
            example.setdefault(kind, f"C = {value}: ours {ours}, aqi-hub {theirs}")
        for kind, count in kinds.items():
            print(f"  {item}: {count} × {kind}; e.g. {example[kind]}")
    print(f"  {total} concentrations compared, {differing} differ, all listed above by kind")
    print("  at the precision that is published (whole μg/m³, CO 0.1 mg/m³):")
    for item, pollutant, period, highest, places in ITEMS:
        table = scale(book, basis, pollutant, period)
        finest = 1 if pollutant == "CO" else 0
        compared = range(highest * 10**finest + 1)
        ours_all = [table.index(Decimal(n).scaleb(-finest)) for n in compared]
        theirs_all = peer["answers"][item][:: 10 ** (places - finest)]
        pairs = [
            (n, ours[0] if ours else None, t)
            for n, ours, t in zip(compared, ours_all, theirs_all, strict=True)
        ]
        wrong = [pair for pair in pairs if pair[1] != pair[2]]
        first = (
            f"; first at {Decimal(wrong[0][0]).scaleb(-finest)}: ours {wrong[0][1]}, aqi-hub {wrong[0][2]}"
            if wrong
            else ""
        )
        print(f"    {item}: {len(wrong)} of {len(pairs)} differ{first}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer-python", help="Python of an environment with aqi-hub")
    parser.add_argument("--peer-job", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer_job:
        peer_job(arguments.peer_job)
        return
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores, one thread")
    own_speed()
    peer = run_peer(arguments.peer_python)
    if peer is None:
        return
    rate = peer["seconds"] / PEER_HOURS * 1_000_000
    print(
        f"aqi-hub {peer['version']}: {PEER_HOURS:,} hours in {peer['seconds']:.2f} s = {rate:.1f} s per million hours"
    )
    cross_check(peer)


if __name__ == "__main__":
    main()
