"""Real cases without any injection: one series under two names, faults that technicians marked, a batch analyser.

  python -m bench.screening_real_cases --data DATA [--case twins batch technicians]

DATA holds the folders pyhydroqc_lro (river) and cn_wastewater_hourly (waste water). Nothing is told to the screen: not
the pair, not the technicians' marks, not the cycle of the analyser.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from qingjian.screening.budget import alarm_score
from qingjian.screening.panel import FLAG_NORMAL, Panel, Parameter, Station, day_text, panel_from_records
from qingjian.screening.record import history_record
from qingjian.screening.screen import DayScore, Screening, Settings, learn_history, screen
from qingjian.screening.twins import find_twins

RESOLUTION = {"temp": 0.01, "cond": 0.1, "ph": 0.01, "do": 0.01, "turb": 0.01}
RIVER_2019 = ("MainStreet2019", "Mendon2019", "WaterLab2019", "TonyGrove2019", "BlackSmithFork2019")
EFFORT = 20_000
NOTHING = (None, "", "NULL")
LEAST_DELETED = 12  # quarters of an hour
SAID = 0.95


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
    """Days on which technicians deleted at least three hours of a series: instrument trouble or tampering?

    Days nobody worked on are counted apart: the corrected series ends before the raw one.
    """
    series: dict[tuple[str, str], tuple[list[int], np.ndarray]] = {}
    deleted: dict[tuple[str, str, str], int] = {}
    never: dict[tuple[str, str, str], int] = {}
    names = ("temp", "cond", "ph", "do", "turb")
    for station in RIVER_2019:
        held = [r for r in rows(folder / f"{station}.csv.gz") if r["datetime"]]
        for p in names:
            time = [minute(r["datetime"]) for r in held]
            series[station, p] = (time, np.array([number(r[p]) for r in held]))
            for r in held:
                kept = deleted if taken_out(r, p) else never if not_corrected(r, p) else None
                if kept is not None:
                    key = (station, p, r["datetime"][:10])
                    kept[key] = kept.get(key, 0) + 1
    whole = panel_of(series, names)
    split = int(np.datetime64("2019-04-01", "D").astype(int))
    history = whole.until(split - 1)
    result = screen(whole.since(whole.first_day + whole.days - split), learn_history(history, EFFORT))
    alarm = alarm_score(1.0, len(names))
    keyed = {(d.station, d.parameter, d.day): d for d in result.days}
    marked = {key: d for key, d in keyed.items() if deleted.get(key, 0) >= LEAST_DELETED}
    untold = {key: d for key, d in keyed.items() if key not in marked and never.get(key, 0) >= LEAST_DELETED}
    others = [d for key, d in keyed.items() if key not in deleted and key not in never]
    for p in names:
        print(
            f"technicians, {p}: {said([d for d in marked.values() if d.parameter == p], alarm)}", flush=True
        )
    for what, days in (("deleted", marked), ("never corrected", untold)):
        for station, p, first, last, stretch in stretches_of(days):
            print(f"technicians, {what}, {station} {p} {first} to {last}: {said(stretch, alarm)}", flush=True)
        print(f"technicians, {what}, all: {said(list(days.values()), alarm)}", flush=True)
    usual = np.mean([d.fault_score >= SAID for d in others])
    print(f"technicians, other days: fault score >= {SAID} on {usual:.2f} of {len(others)}", flush=True)


def taken_out(row: dict[str, str], parameter: str) -> bool:
    """Whether a technician deleted a reading: the corrected series holds -9999 there, with a code that says why."""
    gone = row[f"{parameter}_cor"] not in NOTHING and not np.isfinite(number(row[f"{parameter}_cor"]))
    return bool(gone and row[f"{parameter}_qual"] not in NOTHING and np.isfinite(number(row[parameter])))


def not_corrected(row: dict[str, str], parameter: str) -> bool:
    """Whether nobody worked on a reading: no corrected value and no code. It stands only behind the last corrected value."""
    return bool(row[f"{parameter}_cor"] in NOTHING and np.isfinite(number(row[parameter])))


def said(days: list[DayScore], alarm: float) -> str:
    """How many of some series-days the screen calls a fault, says anything of, and alarms about."""
    spoken = [d for d in days if max(d.fault_score, d.score) >= SAID]
    accused = [d for d in days if d.score >= alarm and d.score >= d.fault_score]
    return (
        f"{len(days)} series-days, a fault on {sum(d.fault_score > d.score for d in days)}; fault score >= {SAID} on "
        f"{sum(d.fault_score >= SAID for d in days)}; something said of {len(spoken)}, a fault of "
        f"{sum(d.fault_score > d.score for d in spoken)} of them; alarms of falsification: {len(accused)}"
    )


def stretches_of(
    days: dict[tuple[str, str, str], DayScore],
) -> Iterator[tuple[str, str, str, str, list[DayScore]]]:
    """Series-days put together where at most a week lies between: station, parameter, first and last day, days."""
    held: list[DayScore] = []
    for _, one in sorted(days.items()):
        last = held[-1] if held else one
        apart = (np.datetime64(one.day) - np.datetime64(last.day)).astype(int)
        if held and ((last.station, last.parameter) != (one.station, one.parameter) or apart > 7):
            yield held[0].station, held[0].parameter, held[0].day, last.day, held
            held = []
        held.append(one)
    if held:
        yield held[0].station, held[0].parameter, held[0].day, held[-1].day, held


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


CASES: dict[str, tuple[Callable[[Path], None], str]] = {
    "twins": (twins, "pyhydroqc_lro"),
    "batch": (batch_analyser, "cn_wastewater_hourly"),
    "technicians": (technicians, "pyhydroqc_lro"),
}


def main() -> None:
    """Run the three cases."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--case", nargs="+", choices=tuple(CASES), default=list(CASES))
    options = parser.parse_args()
    for name in options.case:
        run, folder = CASES[name]
        run(options.data / folder)


if __name__ == "__main__":
    main()
