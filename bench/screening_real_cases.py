"""Real cases without any injection: one series under two names, faults that technicians marked, a batch analyser.

  python -m bench.screening_real_cases --data DATA

DATA holds the folders pyhydroqc_lro (river) and cn_wastewater_hourly (waste water). Nothing is told to the screen: not
the pair, not the technicians' marks, not the cycle of the analyser.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from qingjian.screening.budget import alarm_score
from qingjian.screening.panel import FLAG_NORMAL, Panel, Parameter, Station, day_text, panel_from_records
from qingjian.screening.record import history_record
from qingjian.screening.screen import Screening, Settings, learn_history, screen
from qingjian.screening.twins import find_twins

RESOLUTION = {"temp": 0.01, "cond": 0.1, "ph": 0.01, "do": 0.01, "turb": 0.01}
RIVER_2019 = ("MainStreet2019", "Mendon2019", "WaterLab2019", "TonyGrove2019", "BlackSmithFork2019")
EFFORT = 20_000


def rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8-sig") as handle:
        yield from csv.DictReader(handle)


def number(text: str | None) -> float:
    value = float(text) if text not in (None, "", "NULL", "NA") else np.nan
    return value if value > -9000 else np.nan


def minute(text: str, year: str | None = None) -> int:
    moment = text[:16].replace(" ", "T")
    found = int(np.datetime64((year or moment[:4]) + moment[4:], "m").astype(int))
    return round(found / 15) * 15


def panel_of(
    series: dict[tuple[str, str], tuple[list[int], np.ndarray]], step_names: tuple[str, ...]
) -> Panel:
    """Panel of series keyed by station and parameter."""
    stations = sorted({s for s, _ in series})
    pieces = [
        (np.full(len(t), stations.index(s)), np.full(len(t), step_names.index(p)), np.array(t), v)
        for (s, p), (t, v) in series.items()
    ]
    station, parameter, time, value = (np.concatenate(column) for column in zip(*pieces, strict=True))
    return panel_from_records(
        [Station(s, medium="water", parent="river") for s in stations],
        [Parameter(p, resolution=RESOLUTION.get(p, 0.1)) for p in step_names],
        station.astype(np.int64),
        parameter.astype(np.int64),
        time.astype(np.int64),
        value.astype(float),
        np.full(len(value), FLAG_NORMAL, np.uint8),
    )


def twins(folder: Path) -> None:
    """FB2017 and 2017 of FranklinBasin2017_2019 as two stations among five others (other years, moved to 2017)."""
    parameters = ("temp", "cond", "ph", "do")
    base: dict[tuple[str, str], tuple[list[int], np.ndarray]] = {}
    for name in ("FB2017", "FranklinBasin2017_2019", *RIVER_2019):
        year = None if "2017" in name else "2017"
        held = [
            r
            for r in rows(folder / f"{name}.csv.gz")
            if r["datetime"] and (year or r["datetime"][:4] == "2017")
        ]
        for p in parameters:
            base[name, p] = (
                [minute(r["datetime"], year) for r in held],
                np.array([number(r[p]) for r in held]),
            )
    for disguise in ("exact", "noise", "rounding", "noise and rounding"):
        r = np.random.default_rng(3)
        series = dict(base)
        for p in parameters:
            time, value = base["FranklinBasin2017_2019", p]
            if "noise" in disguise:
                value = value + r.normal(0, 0.02 * np.nanstd(value), len(value))
            if "rounding" in disguise:
                value = np.round(value / (10 * RESOLUTION[p])) * 10 * RESOLUTION[p]
            series["FranklinBasin2017_2019", p] = (time, value)
        record = history_record(panel_of(series, parameters))
        found = find_twins(record)
        pairs: dict[tuple[str, str], list[str]] = {}
        for twin in found:
            pair = sorted((record.stations[twin.first].code, record.stations[twin.second].code))
            days = twin.last_day - twin.first_day + 1
            pairs.setdefault((pair[0], pair[1]), []).append(
                f"{record.parameters[twin.parameter].code} {days} d r={twin.correlation:.4f}"
            )
        print(f"twins, {disguise}: {pairs}", flush=True)


def technicians(folder: Path) -> None:
    """Days on which the technicians deleted at least three hours of a series: instrument trouble or tampering?"""
    series: dict[tuple[str, str], tuple[list[int], np.ndarray]] = {}
    deleted: dict[tuple[str, str, str], int] = {}
    names = ("temp", "cond", "ph", "do", "turb")
    for station in RIVER_2019:
        held = [r for r in rows(folder / f"{station}.csv.gz") if r["datetime"]]
        for p in names:
            time = [minute(r["datetime"]) for r in held]
            series[station, p] = (time, np.array([number(r[p]) for r in held]))
            for r in held:
                if np.isfinite(number(r[p])) and not np.isfinite(number(r[f"{p}_cor"])):
                    key = (station, p, r["datetime"][:10])
                    deleted[key] = deleted.get(key, 0) + 1
    whole = panel_of(series, names)
    split = int(np.datetime64("2019-04-01", "D").astype(int))
    history = whole.until(split - 1)
    result = screen(whole.since(whole.first_day + whole.days - split), learn_history(history, EFFORT))
    marked = [d for d in result.days if deleted.get((d.station, d.parameter, d.day), 0) >= 12]
    others = [d for d in result.days if (d.station, d.parameter, d.day) not in deleted]
    right = np.mean([d.fault_score > d.score for d in marked]) if marked else float("nan")
    for p in names:
        own = [d for d in marked if d.parameter == p]
        print(
            f"technicians, {p}: a fault on {sum(d.fault_score > d.score for d in own)} of {len(own)} series-days",
            flush=True,
        )
    high = np.mean([d.fault_score >= 0.95 for d in marked]) if marked else float("nan")
    usual = np.mean([d.fault_score >= 0.95 for d in others])
    spoken = [d for d in marked if max(d.fault_score, d.score) >= 0.95]
    as_fault = sum(d.fault_score > d.score for d in spoken)
    accused = [d for d in marked if d.score >= alarm_score(1.0, len(names)) and d.score >= d.fault_score]
    print(
        f"technicians: {len(marked)} series-days with deletions; fault score above tamper score on {right:.2f} of them; "
        f"fault score >= 0.95 on {high:.2f} (other days: {usual:.2f}); something is said (either score >= 0.95) of {len(spoken)}, "
        f"a fault of {as_fault} of them; alarms as falsification at the default budget: {len(accused)}",
        flush=True,
    )


def batch_analyser(folder: Path) -> None:
    """Waste-water analyser with a cycle of 2-4 hours: 79 % of the values repeat the one before."""
    path = next(folder.glob("*.csv.gz"))
    held = list(rows(path))
    time_column, value_column = list(held[0])[:2]
    time = [minute(r[time_column].replace("/", "-")) for r in held]
    whole = panel_of({("works", "X"): (time, np.array([number(r[value_column]) for r in held]))}, ("X",))
    held_hours = np.cumsum(np.isfinite(whole.values[0, 0]))
    split = int(np.searchsorted(held_hours, 0.6 * held_hours[-1])) // whole.per_day
    learned = learn_history(whole.until(whole.first_day + split - 1), EFFORT)
    result: Screening = screen(whole.since(whole.days - split), learned, Settings(1.0))
    constants = [f for f in result.findings if f.kind == "constant"]
    months = len({d.day[:7] for d in result.days})
    print(
        f"batch analyser: {len(result.days)} days, {len(result.findings)} findings in {months} months, "
        f"{len(constants)} of them as constant values: {[(day_text(f.first_day), day_text(f.last_day)) for f in constants]}",
        flush=True,
    )


def main() -> None:
    """Run the three cases."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    twins(options.data / "pyhydroqc_lro")
    batch_analyser(options.data / "cn_wastewater_hourly")
    technicians(options.data / "pyhydroqc_lro")


if __name__ == "__main__":
    main()
