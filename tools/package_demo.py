"""Make the packaged replay data of the demo county from a folder of public data sets.

    python tools/package_demo.py FOLDER

FOLDER holds `beijing_multisite`, `gas_turbine_pems`, `pyhydroqc_lro`, `cn_wastewater_hourly` and
`cn_surface_water_snapshot` as gzip csv. Writes one Parquet file a data set and `datasets.json` (where each comes from,
its grid of times, the resolution of each parameter) into `src/qingjian/simulator/demo/data`. Only the periods named
in `ALLOWED` leave this script; later periods are kept for judging the screening.

Values are stored as integers, value × 10^decimals, on a complete grid of times; nothing is filled or smoothed.
"""

# ruff: noqa: DTZ001 - the sources give civil time without a zone
from __future__ import annotations

import csv
import gzip
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

OUT = Path(__file__).resolve().parent.parent / "src/qingjian/simulator/demo/data"

ALLOWED = {
    "beijing": (datetime(2013, 3, 1), datetime(2015, 3, 1)),
    "stack": (datetime(2011, 1, 1), datetime(2012, 1, 1)),
    "river": (datetime(2014, 1, 1), datetime(2019, 4, 1)),
    "wastewater": (datetime(2021, 1, 1), datetime(2023, 1, 1)),
}
MISSING = {"", "NA", "NULL", "-9999", "-9999.0"}
WIND = ["N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW"]
STATIONS = {
    "Aotizhongxin": "奥体中心",
    "Changping": "昌平镇",
    "Dingling": "定陵",
    "Dongsi": "东四",
    "Guanyuan": "官园",
    "Nongzhanguan": "农展馆",
    "Shunyi": "顺义新城",
    "Wanshouxigong": "万寿西宫",
}
HOUR = timedelta(hours=1)
QUARTER = timedelta(minutes=15)


@dataclass
class Column:
    """A parameter: name in the package, column of the source, decimals kept, factor on the source's number."""

    name: str
    source: str
    decimals: int
    unit: str
    scale: str = "1"


@dataclass
class Dataset:
    code: str
    attribution: str
    place_zh: str
    place_en: str
    kind: str
    start: datetime
    end: datetime
    step: timedelta
    columns: list[Column]
    shift_years: int
    """Whole years added to source times for the pass that holds late 2026."""
    timed: bool = True
    rows: dict[datetime, dict[str, Any]] = field(default_factory=dict)


def read(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as handle:
        yield from csv.DictReader(handle)


def scaled(text: str | None, column: Column) -> int | None:
    """Round to the resolution of the instrument and return the integer to store."""
    if text is None or text.strip() in MISSING:
        return None
    try:
        value = Decimal(text) * Decimal(column.scale)
    except InvalidOperation:
        return None
    if not value.is_finite() or value <= -9000:
        return None
    return int(value.scaleb(column.decimals).to_integral_value(rounding=ROUND_HALF_EVEN))


def write(dataset: Dataset, allowed: str) -> dict[str, Any]:
    first, last = ALLOWED[allowed]
    if not first <= dataset.start < dataset.end <= last:
        raise SystemExit(f"{dataset.code}: {dataset.start} .. {dataset.end} is not an allowed period")
    count = (dataset.end - dataset.start) // dataset.step
    table: dict[str, pa.Array] = {}
    coverage: dict[str, float] = {}
    for column in dataset.columns:
        values = [
            scaled(dataset.rows.get(dataset.start + n * dataset.step, {}).get(column.source), column)
            for n in range(count)
        ]
        table[column.name] = pa.array(values, pa.int32())
        coverage[column.name] = round(sum(v is not None for v in values) / count, 4)
    name = f"{dataset.code}.parquet"
    pq.write_table(
        pa.table(table),
        OUT / name,
        compression="zstd",
        compression_level=19,
        use_dictionary=True,
        write_statistics=False,
        store_schema=False,
    )
    return {
        "code": dataset.code,
        "file": name,
        "attribution": dataset.attribution,
        "place_zh": dataset.place_zh,
        "place_en": dataset.place_en,
        "kind": dataset.kind,
        "timed": dataset.timed,
        "start": dataset.start.isoformat(),
        "end": dataset.end.isoformat(),
        "step_seconds": int(dataset.step.total_seconds()),
        "shift_years": dataset.shift_years,
        "parameters": {
            c.name: {"decimals": c.decimals, "unit": c.unit, "coverage": coverage[c.name]}
            for c in dataset.columns
        },
    }


def air(folder: Path) -> Iterator[Dataset]:
    start, end = ALLOWED["beijing"]
    # The names on the right are the wind sectors; a degree is the middle of its sector.
    columns = [
        Column("pm25", "PM2.5", 0, "µg/m³"),
        Column("pm10", "PM10", 0, "µg/m³"),
        Column("so2", "SO2", 0, "µg/m³"),
        Column("no2", "NO2", 0, "µg/m³"),
        Column("co", "CO", 1, "mg/m³", "0.001"),
        Column("o3", "O3", 0, "µg/m³"),
        Column("temperature", "TEMP", 1, "℃"),
        Column("pressure", "PRES", 2, "kPa", "0.1"),
        Column("dew_point", "DEWP", 1, "℃"),
        Column("rain", "RAIN", 1, "mm"),
        Column("wind_direction", "wd_degrees", 1, "°"),
        Column("wind_speed", "WSPM", 1, "m/s"),
    ]
    for station, name in STATIONS.items():
        dataset = Dataset(
            f"air_{station.lower()}",
            "beijing_multisite",
            f"北京市{name}",
            f"{station}, Beijing",
            "air",
            start,
            end,
            HOUR,
            columns,
            12,
        )
        path = next((folder / "beijing_multisite").glob(f"PRSA_Data_{station}_*.csv.gz"))
        for row in read(path):
            moment = datetime(int(row["year"]), int(row["month"]), int(row["day"]), int(row["hour"]))
            if start <= moment < end:
                row["wd_degrees"] = str(WIND.index(row["wd"]) * 22.5) if row["wd"] in WIND else ""
                dataset.rows[moment] = row
        yield dataset


def stack(folder: Path) -> Iterator[Dataset]:
    columns = [
        Column("nox", "NOX", 1, "mg/m³"),
        Column("co", "CO", 2, "mg/m³"),
        Column("ambient_temperature", "AT", 1, "℃"),
        Column("ambient_pressure", "AP", 2, "kPa", "0.1"),
        Column("ambient_humidity", "AH", 1, "%"),
        Column("air_filter_pressure", "AFDP", 3, "hPa"),
        Column("exhaust_pressure", "GTEP", 2, "hPa"),
        Column("inlet_temperature", "TIT", 1, "℃"),
        Column("after_temperature", "TAT", 2, "℃"),
        Column("energy_yield", "TEY", 2, "MWh"),
        Column("compressor_pressure", "CDP", 3, "bar"),
    ]
    start = ALLOWED["stack"][0]
    rows = {start + n * HOUR: row for n, row in enumerate(read(folder / "gas_turbine_pems/gt_2011.csv.gz"))}
    yield Dataset(
        "stack_2011",
        "gas_turbine_pems",
        "土耳其西北部某燃气轮机",
        "a gas turbine in north-western Turkey",
        "stack",
        start,
        start + len(rows) * HOUR,
        HOUR,
        columns,
        15,
        timed=False,
        rows=dict(rows),
    )


def river(folder: Path) -> Iterator[Dataset]:
    four = [
        Column("temperature", "temp", 2, "℃"),
        Column("conductivity", "cond", 1, "µS/cm"),
        Column("ph", "ph", 2, ""),
        Column("oxygen", "do", 2, "mg/L"),
    ]
    six = [*four, Column("turbidity", "turb", 2, "NTU"), Column("stage", "stage", 2, "cm")]
    sites = [
        (
            "river_franklin_basin",
            "Franklin Basin",
            ["FranklinBasin2017_2019"],
            (2017, 4, 1),
            (2019, 4, 1),
            8,
            four,
        ),
        ("river_main_street", "Main Street", ["MS2018"], (2018, 1, 1), (2019, 1, 1), 8, four),
        ("river_tony_grove", "Tony Grove", ["TonyGrove2014"], (2014, 6, 1), (2015, 1, 1), 12, six),
    ]
    for code, site, files, first, last, shift, columns in sites:
        dataset = Dataset(
            code,
            "pyhydroqc_lro",
            f"美国犹他州洛根河 {site} 站",
            f"Logan River at {site}, Utah, USA",
            "river",
            datetime(*first),
            datetime(*last),
            QUARTER,
            columns,
            shift,
        )
        for name in files:
            for row in read(folder / f"pyhydroqc_lro/{name}.csv.gz"):
                if row["datetime"]:
                    dataset.rows[datetime.fromisoformat(row["datetime"][:16])] = row
        yield dataset


def wastewater(folder: Path) -> Iterator[Dataset]:
    start, end = datetime(2021, 8, 1), datetime(2022, 8, 1)
    dataset = Dataset(
        "wastewater",
        "cn_wastewater_hourly",
        "江苏省某化工企业",
        "a chemical works in Jiangsu",
        "waste_water",
        start,
        end,
        HOUR,
        [Column("unnamed", "monitorAvgValue", 2, "")],
        5,
    )
    for row in read(folder / "cn_wastewater_hourly/monitor_hourly_2021_2022.csv.gz"):
        dataset.rows[datetime.fromisoformat(row["monitorTime"])] = row
    yield dataset


def sections(folder: Path) -> dict[str, Any]:
    """Write the eleven days of national sections: no names, no places, so they are a table and not series."""
    names = {
        "日期": "date",
        "水质类别": "class",
        "水温（℃）": "temperature",
        "pH(无量纲)": "ph",
        "溶氧量(mg/L)": "oxygen",
        "电导率（μS/cm）": "conductivity",
        "浊度（NTU）": "turbidity",
        "高锰酸盐指数（mg/L）": "permanganate_index",
        "氨氮（mg/L）": "ammonia_nitrogen",
        "总磷（mg/L）": "total_phosphorus",
        "总氮（mg/L）": "total_nitrogen",
        "站点情况": "state",
    }
    rows = list(read(folder / "cn_surface_water_snapshot/water_quality_snapshot_2024.csv.gz"))
    table = pa.table({new: pa.array([row[old] or None for row in rows]) for old, new in names.items()})
    pq.write_table(table, OUT / "sections_2024.parquet", compression="zstd", compression_level=19)
    return {"file": "sections_2024.parquet", "attribution": "cn_surface_water_snapshot", "rows": len(rows)}


def main(folder: Path) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    index = [
        write(dataset, allowed)
        for allowed, make in (
            ("beijing", air),
            ("stack", stack),
            ("river", river),
            ("wastewater", wastewater),
        )
        for dataset in make(folder)
    ]
    document = {"format": 1, "datasets": index, "sections": sections(folder)}
    (OUT / "datasets.json").write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", "utf-8")
    for path in sorted(OUT.iterdir()):
        print(f"{path.stat().st_size:9,d}  {path.name}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
