"""A county with two assessed stations, a township station, a river station and two outlets, and a lake to fill."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pytest
from django.conf import settings
from tests.apps.conftest import County

from qingjian.apps.network import services as network
from qingjian.apps.network.models import Series
from qingjian.apps.network.services import Proposal
from qingjian.contracts.current import clock
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
def place(registry: County) -> County:
    """The county of the app tests, fully equipped."""
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
    return registry


class Data:
    """Writes hourly values into the lake of the test."""

    def put(self, series: str, start: datetime, values: Sequence[float], flag: str = "N") -> None:
        """Store consecutive hours; NaN leaves the hour out. Every call becomes known later than the one before."""
        number = Series.objects.get(code=series).pk
        kept = [(start + place * HOUR, value) for place, value in enumerate(values) if value == value]
        table = candidates(
            series=np.full(len(kept), number, np.int32),
            statistic="hour",
            start=np.asarray([int(moment.timestamp()) * 1_000_000 for moment, _value in kept], np.int64),
            numbers={"value": from_float(np.asarray([value for _moment, value in kept], np.float64))},
            flag=flag,
        )
        with Lake(settings.DATA_FOLDER.lake, clock()) as lake:
            lake.append(lake.next_batch(), observations=table)

    def air(self, point: str, start: datetime, hours: int, **changed: float) -> None:
        """Store clean air for all six pollutants, some of them changed by wire code (NaN leaves one out)."""
        for code, value in {**CLEAN, **changed}.items():
            if value == value:
                self.put(f"{point}.{code}", start, [value] * hours)


@pytest.fixture
def data(place: County) -> Data:
    return Data()
