"""How long a screen takes: 12 stations × 6 factors, hourly, simulated, ten years in all.

  python -m bench.screening_speed [--years 3 5 10] [--history 2]

The first years are the history, the rest is screened. Prints wall-clock and processor time for learning and for
screening; the time must grow linearly with the screened years. Everything is simulated: only the size matters here.
"""

from __future__ import annotations

import argparse
import os
import platform
import time

import numpy as np

from qingjian.screening.panel import FLAG_CALIBRATION, FLAG_NORMAL, Panel, Parameter, Station
from qingjian.screening.parallel import processes
from qingjian.screening.screen import learn_history, screen

STATIONS, FACTORS = 12, 6
YEAR = 365


def network(days: int) -> Panel:
    """Stations under one sky: a common weather, own unrest, routine checks and gaps."""
    r = np.random.default_rng(1)
    hours = days * 24
    sky = smooth(r.normal(size=hours), 0.97)
    season = np.cos(np.arange(hours) / (YEAR * 24) * 2 * np.pi)
    wind = np.abs(2 + smooth(r.normal(size=hours), 0.9))
    values = np.full((STATIONS, FACTORS + 2, hours), np.nan)
    for s in range(STATIONS):
        for p in range(FACTORS):
            own = smooth(r.normal(size=hours), 0.8)
            level = 1.5 + 0.6 * sky + 0.3 * own + 0.4 * season - 0.15 * wind + 0.1 * p
            values[s, p] = np.round(10 * np.exp(level * 0.6) + r.normal(0, 1, hours)).clip(0)
            values[s, p, r.random(hours) < 0.02] = np.nan
        values[s, FACTORS] = np.round(wind + r.normal(0, 0.2, hours), 1)
        values[s, FACTORS + 1] = np.round(15 - 12 * season + 3 * sky, 1)
    flags = np.full(values.shape, FLAG_NORMAL, np.uint8)
    flags[:, :FACTORS, 10 :: 24 * 9] = FLAG_CALIBRATION
    return Panel(
        tuple(Station(f"S{s}", medium="air", parent="town") for s in range(STATIONS)),
        (
            *(Parameter(f"P{p}", resolution=1.0, limit=75.0) for p in range(FACTORS)),
            Parameter("WIND", resolution=0.1, role="context"),
            Parameter("TEMP", resolution=0.1, role="context"),
        ),
        16_000 * 1440,
        60,
        values,
        flags,
    )


def smooth(shocks: np.ndarray, memory: float) -> np.ndarray:
    """First-order memory of shocks, spread 1."""
    out = np.zeros(len(shocks))
    for i in range(1, len(shocks)):
        out[i] = memory * out[i - 1] + shocks[i] * np.sqrt(1 - memory**2)
    return out


def processor() -> float:
    """Seconds of processor time, that of finished worker processes included."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> None:
    """Time learning once and screening for several lengths."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--years", type=int, nargs="+", default=[3, 5, 10], help="years in all, history included"
    )
    parser.add_argument("--history", type=int, default=2)
    options = parser.parse_args()
    print(
        f"host: {platform.processor() or platform.machine()}, {os.cpu_count()} cores; python -m bench.screening_speed"
    )
    whole = network(max(options.years) * YEAR)
    cut = whole.first_day + options.history * YEAR - 1
    with processes():
        began, worked = time.perf_counter(), processor()
        learned = learn_history(whole.until(cut))
        learning = time.perf_counter() - began
        print(
            f"learned {options.history} years: {learning:.0f} s ({processor() - worked:.0f} s of processor)",
            flush=True,
        )
        rest = whole.since(whole.days - options.history * YEAR)
        for years in options.years:
            panel = rest.until(rest.first_day + (years - options.history) * YEAR - 1)
            began, worked = time.perf_counter(), processor()
            result = screen(panel, learned)
            took = time.perf_counter() - began
            print(
                f"{years} years in all: screened {years - options.history} in {took:.0f} s "
                f"({processor() - worked:.0f} s of processor), together {learning + took:.0f} s, "
                f"{len(result.days)} station-factor-days, {len(result.findings)} findings",
                flush=True,
            )


if __name__ == "__main__":
    main()
