"""A county with two assessed stations, a township station, a river station and two outlets, and a lake to fill."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from django.conf import settings
from tests.apps.conftest import County, LayOut

from qingjian.apps.network import services as network
from qingjian.apps.network.models import Series
from qingjian.apps.network.services import Proposal
from qingjian.contracts.current import clock
from qingjian.intake import ImportSource, import_table
from qingjian.lake import Lake, candidates, from_float

AIR = {"a34004": "PM2.5", "a34002": "PM10", "a21026": "SO2", "a21004": "NO2", "a21005": "CO", "a05024": "O3"}
CLEAN = {"a34004": 20.0, "a34002": 40.0, "a21026": 8.0, "a21004": 30.0, "a21005": 0.6, "a05024": 60.0}
HOUR = timedelta(hours=1)


def _factor(medium: str, code: str, unit: str) -> Proposal:
    return Proposal(
        "factor",
        {
            "code": f"{medium}.{code}",
            "medium": medium,
            "wire_code": code,
            "name_zh": code,
            "name_en": code,
            "unit": unit,
            "decimals": 2,
        },
    )


def _series(point: str, medium: str, code: str, unit: str, **more: object) -> Proposal:
    return Proposal(
        "series",
        {
            "code": f"{point}.{code}",
            "point": point,
            "factor": f"{medium}.{code}",
            "unit": unit,
            "decimals": 2,
            "medium": medium,
            "expected": {"hour": 3600},
            **more,
        },
    )


@pytest.fixture
def place(lay_out: LayOut, registry: County) -> County:
    """The county of the app tests, fully equipped."""
    lay_out("place", _equip)
    return registry


def _equip() -> None:
    point = {"region": "990101", "organisation": "B1", "longitude": 115.2, "latitude": 35.4}
    rows = [
        _factor("air", code, "mg/m³" if code == "a21005" else "µg/m³") for code in AIR if code != "a34004"
    ]
    rows += [
        Proposal("point", {"code": "A2", "name": "学校站", "kind": "air_city", "level": "county", **point}),
        Proposal(
            "point", {"code": "A3", "name": "乡镇站", "kind": "air_township", "level": "township", **point}
        ),
    ]
    for code in AIR:
        unit = "mg/m³" if code == "a21005" else "µg/m³"
        rows += [
            _series(name, "air", code, unit)
            for name in ("A1", "A2", "A3")
            if (name, code) != ("A1", "a34004")
        ]
    rows += [
        _factor("surface_water", "w01001", "无量纲"),
        _factor("surface_water", "w01009", "mg/L"),
        _factor("surface_water", "w01014", "µS/cm"),
    ]
    rows.append(
        Proposal(
            "point",
            {
                "code": "R1",
                "name": "大桥断面",
                "kind": "water_station",
                "level": "county",
                "attributes": {"target_class": "Ⅲ"},
                **point,
            },
        )
    )
    rows += [
        _series("R1", "surface_water", "w01001", "无量纲"),
        _series("R1", "surface_water", "w01009", "mg/L"),
        _series("R1", "surface_water", "w01014", "µS/cm"),
    ]
    rows += [_factor("waste_water", "w00000", "L/s"), _series("W1", "waste_water", "w00000", "L/s")]
    limit = {
        "outlet": "S1-W1",
        "factor": "waste_water.w01018",
        "unit": "mg/L",
        "basis": "排污许可证",
        "valid_from": "2024-01-01",
    }
    rows += [
        Proposal("limit", {**limit, "averaging": "hour", "upper": "100"}),
        Proposal("limit", {**limit, "averaging": "day", "upper": "50"}),
        Proposal("limit", {**limit, "averaging": "year", "yearly_amount_t": "1", "unit": "t"}),
    ]
    network.install(rows)
    Series.objects.filter(code="W1.w01018").update(averaging="flow_weighted")
    network.publish_directory()


def put_all(
    entries: Sequence[tuple[str, datetime, Sequence[float]]],
    flag: str = "N",
    converted: Sequence[float] | None = None,
) -> None:
    """Store consecutive hours of several series in one write; NaN leaves an hour out. `converted`: what a device sends beside."""
    numbers = dict(Series.objects.values_list("code", "pk"))
    rows = [
        (numbers[code], int((start + place * HOUR).timestamp()) * 1_000_000, value)
        for code, start, values in entries
        for place, value in enumerate(values)
        if value == value
    ]
    table = candidates(
        series=np.asarray([one[0] for one in rows], np.int32),
        statistic="hour",
        start=np.asarray([one[1] for one in rows], np.int64),
        numbers={
            "value": from_float(np.asarray([one[2] for one in rows], np.float64)),
            **({} if converted is None else {"converted": from_float(np.asarray(converted, np.float64))}),
        },
        flag=flag,
    )
    with Lake(settings.DATA_FOLDER.lake, clock()) as lake:
        lake.append(lake.next_batch(), observations=table)


class Data:
    """Writes hourly values into the lake of the test."""

    def put(
        self,
        series: str,
        start: datetime,
        values: Sequence[float],
        flag: str = "N",
        converted: Sequence[float] | None = None,
    ) -> None:
        """Store consecutive hours; NaN leaves the hour out. Every call becomes known later than the one before."""
        put_all([(series, start, values)], flag, converted)

    def air(self, point: str, start: datetime, hours: int, **changed: float) -> None:
        """Store clean air for all six pollutants, some of them changed by wire code (NaN leaves one out)."""
        put_all([(f"{point}.{code}", start, [value] * hours) for code, value in {**CLEAN, **changed}.items()])


@pytest.fixture
def data(place: County) -> Data:
    return Data()


POINTS: dict[str, tuple[str, dict[str, Any]]] = {
    "G1": ("groundwater", {"target_class": "Ⅲ"}),
    "F1": ("farmland", {"use": "水田"}),
    "C1": ("soil", {"land_class": "第一类用地", "background": {"砷": "40"}}),
    "D1": ("drinking_county", {"source_kind": "surface"}),
    "D2": ("drinking_township", {"source_kind": "ground"}),
    "L1": ("reservoir", {"target_class": "Ⅲ"}),
    "M1": ("water_section", {"target_class": "Ⅲ"}),
    "B1": ("water_section", {"black_odorous": True}),
    "N1": ("noise_zone", {"noise_zone": "2"}),
    "NA": ("noise_area", {"noise_zone": "1"}),
    "NB": ("noise_area", {}),
    "NR": ("noise_road", {"noise_zone": "4a", "length_m": 1000}),
    "NS": ("noise_road", {"noise_zone": "4a"}),
    "RD": ("radiation", {"background": [60, 100]}),
    "EC": ("ecology", {}),
}
FACTORS: dict[str, tuple[tuple[str, str, str, str], ...]] = {
    "G1": (
        ("groundwater", "gx005", "pH", "无量纲"),
        ("groundwater", "gx018", "氨氮", "mg/L"),
        ("groundwater", "gx033", "铅", "mg/L"),
        ("groundwater", "gx002", "嗅和味", "无量纲"),
    ),
    "F1": (("soil", "sx000", "pH", "无量纲"), ("soil", "sx002", "镉", "mg/kg")),
    "C1": (("soil", "sx001", "砷", "mg/kg"), ("soil", "sx020", "苯", "mg/kg")),
    "D1": (
        ("surface_water", "w21003", "氨氮", "mg/L"),
        ("surface_water", "w21001", "总氮", "mg/L"),
        ("drinking_water", "dx004", "铁", "mg/L"),
        ("drinking_water", "dx000", "取水量", "m³"),
    ),
    "D2": (("groundwater", "gx018", "氨氮", "mg/L"), ("drinking_water", "dx000", "取水量", "m³")),
    "L1": (
        ("surface_water", "w21011", "总磷", "mg/L"),
        ("surface_water", "w21001", "总氮", "mg/L"),
        ("surface_water", "w01x16", "叶绿素a", "mg/m³"),
        ("surface_water", "w01x04", "透明度", "m"),
        ("surface_water", "w01019", "高锰酸盐指数", "mg/L"),
    ),
    "M1": (("surface_water", "w01009", "溶解氧", "mg/L"), ("surface_water", "w20111", "汞", "mg/L")),
    "B1": (
        ("surface_water", "w01009", "溶解氧", "mg/L"),
        ("surface_water", "w21003", "氨氮", "mg/L"),
        ("surface_water", "w01x04", "透明度", "m"),
    ),
    "NA": (("noise", "Ld", "昼间等效声级", "dB(A)"), ("noise", "Ln", "夜间等效声级", "dB(A)")),
    "NB": (("noise", "Ld", "昼间等效声级", "dB(A)"),),
    "NR": (("noise", "Ld", "昼间等效声级", "dB(A)"),),
    "NS": (("noise", "Ld", "昼间等效声级", "dB(A)"),),
    "EC": tuple(
        ("ecology", f"ex0{n}", name, "无量纲")
        for n, name in enumerate(("生态格局", "生态功能", "生物多样性", "生态胁迫"), 1)
    ),
}
STATIONS = {"N1": ("noise", "Leq", "等效声级", "dB(A)"), "RD": ("radiation", "r00x01", "剂量率", "nGy/h")}


@pytest.fixture
def elements(data: Data, lay_out: LayOut) -> Data:
    """Points of every element with their series."""
    lay_out("elements", _register_elements)
    return data


def _register_elements() -> None:
    rows: list[Proposal] = []
    known = {"surface_water.w01009"}
    for code, (kind, attributes) in POINTS.items():
        rows.append(
            Proposal(
                "point",
                {
                    "code": code,
                    "name": f"测点{code}",
                    "kind": kind,
                    "level": "county",
                    "region": "990101",
                    "organisation": "B1",
                    "longitude": 115.2,
                    "latitude": 35.4,
                    "attributes": attributes,
                },
            )
        )
        own = [(one, {}) for one in FACTORS.get(code, ())]
        if code in STATIONS:
            own = [(STATIONS[code], {"hour": 3600})]
        if code == "RD":
            own.append((("weather", "a01x02", "降水量", "mm"), {"hour": 3600}))
        for (medium, wire, name, unit), expected in own:
            if f"{medium}.{wire}" not in known:
                known.add(f"{medium}.{wire}")
                rows.append(
                    Proposal(
                        "factor",
                        {
                            "code": f"{medium}.{wire}",
                            "medium": medium,
                            "wire_code": wire,
                            "name_zh": name,
                            "name_en": wire,
                            "unit": unit,
                            "decimals": 4,
                        },
                    )
                )
            rows.append(
                Proposal(
                    "series",
                    {
                        "code": f"{code}.{wire}",
                        "point": code,
                        "factor": f"{medium}.{wire}",
                        "unit": unit,
                        "decimals": 4,
                        "medium": medium,
                        "origin": "device" if expected else "laboratory",
                        "expected": expected,
                    },
                )
            )
    network.install(rows)
    network.publish_directory()


def enter(values: dict[str, str], day: str = "2026-11-10", statistic: str = "day") -> None:
    """Bring values in as a laboratory's file does."""
    directory = network.directory_store().current()
    assert directory is not None
    table = pa.table({"series": list(values), "time": [day] * len(values), "value": list(values.values())})
    name = f"{day}{values}".encode()
    source = ImportSource(hashlib.sha256(name).hexdigest(), "化验.csv", statistic=statistic)
    with Lake(settings.DATA_FOLDER.lake, clock()) as lake:
        result = import_table(lake, directory, table, source)
    assert not result.problems, [one.en for one in result.problems]
