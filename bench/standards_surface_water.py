"""Our classes against the classes published by the national automatic stations (2,199 records of 2024).

    python bench/standards_surface_water.py DATA_FOLDER

DATA_FOLDER holds `water_quality_snapshot_2024.csv.gz` (Software_Engineering by ZhouJunCheng99, Apache-2.0; data published
by CNEMC). The data are read, never copied. The records do not say whether a point lies in a lake: either reading counts.
Prints the agreement when every digit is compared and when values are rounded first.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

from qingjian.standards.rounding import round_places
from qingjian.standards.surface_water.classification import classify

COLUMNS = {
    "pH(无量纲)": "pH",
    "溶氧量(mg/L)": "DO",
    "高锰酸盐指数（mg/L）": "CODMn",
    "氨氮（mg/L）": "NH3-N",
    "总磷（mg/L）": "TP",
}
ABSENT = {"", "-", "--", "*"}
ROUNDINGS: dict[str, dict[str, int]] = {
    "every digit": {},
    "pH to an integer": {"pH": 0},
    "pH 0, DO 1, CODMn 1 decimals": {"pH": 0, "DO": 1, "CODMn": 1},
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="DATA_FOLDER")
    file = parser.parse_args().folder / "water_quality_snapshot_2024.csv.gz"
    with gzip.open(file) as packed:
        records = list(csv.DictReader(io.TextIOWrapper(packed, "utf-8")))
    records = [record for record in records if record["水质类别"].strip() not in ABSENT]
    print(f"{len(records)} records with a published class")
    for name, places in ROUNDINGS.items():
        agree = 0
        different: Counter[str] = Counter()
        for record in records:
            items = {item: record[column] for column, item in COLUMNS.items() if record[column] not in ABSENT}
            for item, digits in places.items():
                if item in items:
                    items[item] = str(round_places(Decimal(items[item]), digits))
            day = date.fromisoformat(record["日期"]) if record["日期"] else date(2024, 4, 11)
            river = classify(items, day)
            ours = {river.cls, classify(items, day, water_body="lake").cls}
            if record["水质类别"] in ours:
                agree += 1
            else:
                different[f"{record['水质类别']} published, {river.cls} by {'/'.join(river.decided_by)}"] += 1
        print(f"{name}: {agree} agree ({agree * 100 / len(records):.1f} %)")
        for kind, count in different.most_common(5):
            print(f"    {count} × {kind}")


if __name__ == "__main__":
    main()
