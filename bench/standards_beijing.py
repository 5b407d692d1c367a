"""Annual air evaluation of the Beijing multi-site data (2013-03 … 2017-02) on both editions.

    python bench/standards_beijing.py DATA_FOLDER

DATA_FOLDER holds `PRSA_Data_<station>_20130301-20170228.csv.gz` (Beijing Multi-Site Air Quality, S. Chen (2017), UCI
Machine Learning Repository, CC BY 4.0; hourly, local time, μg/m³, CO too). The data are read, never copied.
Prints for each station and year 2014–2016: valid days, mean and percentile of the six pollutants, attainment, composite
index; and 2013, which is refused as a year with its reason. Evaluated "as on" both editions: the data are older than
either nationwide date, so the edition is named and not taken from the date.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import sys
import time
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np

from qingjian.rulebook import packaged
from qingjian.standards.air.breakpoints import POLLUTANTS
from qingjian.standards.air.composite import composite_index
from qingjian.standards.air.means import daily_maximum_8h, daily_mean, validity_rules
from qingjian.standards.air.statistics import PeriodStatistics, attainment, yearly
from qingjian.standards.editions import resolve

FIRST = date(2013, 3, 1)
EDITIONS = {"2012": "2018 rule", "2026": "2026 limits, equal weights"}


def read_hours(file: Path) -> dict[str, np.ndarray]:
    """Hours by pollutant as (days, 24), NaN = missing. CO in mg/m³."""
    columns: dict[str, list[float]] = {name: [] for name in POLLUTANTS}
    with gzip.open(file) as packed:
        for row in csv.DictReader(io.TextIOWrapper(packed, "utf-8")):
            for name in POLLUTANTS:
                text = row[name]
                columns[name].append(float("nan") if text == "NA" else float(text))
    grids = {name: np.array(values).reshape(-1, 24) for name, values in columns.items()}
    grids["CO"] = grids["CO"] / 1000
    return grids


def daily_values(hours: dict[str, np.ndarray], edition: str) -> dict[str, dict[date, Decimal]]:
    """Valid daily values by pollutant and day; O3 as daily maximum 8 h mean."""
    book = packaged()
    basis = resolve(book, "ambient_air_limits", "GB 3095", None, edition)
    rules = validity_rules(basis, book)
    (limit,) = book.rows(
        "ambient_air_limits", basis.day, symbol="O3", class_="二级", averaging_period="日最大8小时平均"
    )
    result = {}
    for name, grid in hours.items():
        if name == "O3":
            values, _ = daily_maximum_8h(
                grid,
                limit=float(limit["limit"]),
                hours_at_least=rules.eight_hour_hours,
                windows_at_least=rules.eight_hour_windows,
            )
        else:
            values = daily_mean(grid, at_least=rules.day_hours)
        result[name] = {
            FIRST + timedelta(days=place): Decimal(repr(round(float(value), 9)))
            for place, value in enumerate(values)
            if not np.isnan(value)
        }
    return result


def line(statistics: dict[str, PeriodStatistics], edition: str) -> str:
    """One line of a table: mean/percentile by pollutant, index, attainment."""
    parts = []
    for name in POLLUTANTS:
        s = statistics[name]
        mean = "" if s.mean_limit is None else f"{s.mean_rounded}/"
        mark = "" if s.valid else "?"
        parts.append(f"{name} {mean}{s.percentile_rounded}{mark} ({s.valid_days}d)")
    # As the product does: the index is made of the values that HJ 663 has people publish.
    inputs = {
        name: s.percentile_rounded if name in ("CO", "O3") else s.mean_rounded
        for name, s in statistics.items()
    }
    index = composite_index(inputs, variant=EDITIONS[edition])
    result = attainment(statistics)
    verdict = {
        True: "attained",
        False: f"not attained: {', '.join(result.not_met)}",
        None: "cannot be judged",
    }
    open_items = f"; not judged: {', '.join(result.not_judged)}" if result.not_judged else ""
    mark = " (provisional)" if index.provisional else ""
    return f"{'; '.join(parts)} | index {index.value}{mark} | {verdict[result.attained]}{open_items}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="DATA_FOLDER")
    folder: Path = parser.parse_args().folder
    files = sorted(folder.glob("PRSA_Data_*.csv.gz"))
    if not files:
        sys.exit(f"no PRSA_Data_*.csv.gz in {folder}")
    start = time.perf_counter()
    print(
        "mean/percentile by pollutant (CO and O3: percentile only), ? = too few valid days, nothing judged on it"
    )
    for file in files:
        station = file.name.split("_")[2]
        hours = read_hours(file)
        for edition in EDITIONS:
            daily = daily_values(hours, edition)
            for year in range(2013, 2017):
                of_year = {
                    name: {d: v for d, v in days.items() if d.year == year} for name, days in daily.items()
                }
                statistics = {name: yearly(name, of_year[name], year, edition=edition) for name in POLLUTANTS}
                label = f"{station} {year} on GB 3095-{edition}"
                if year == 2013:
                    s = statistics["PM2.5"]
                    covered = (date(2013, 12, 31) - FIRST).days + 1
                    reasons = "; ".join(reason.en for reason in s.reasons)
                    print(f"{label}: refused as a year ({covered} days of data). PM2.5: {reasons}")
                    continue
                print(f"{label}: {line(statistics, edition)}")
    print(f"{len(files)} stations in {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
