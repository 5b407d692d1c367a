"""A lake to fill by hand, and a station whose device sends ten-minute and hour values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest
from django.conf import settings

from qingjian.apps.network import services as network
from qingjian.apps.network.models import Series
from qingjian.apps.network.services import Proposal
from qingjian.lake import Lake, candidates, from_float


@pytest.fixture
def fine(lay_out, registry) -> Series:
    """SO2 of the station: ten-minute values and hours."""
    lay_out("fine", _register_sulphur)
    return Series.objects.select_related("point", "factor", "device").get(code="A1.a21026")


def _register_sulphur() -> None:
    network.install(
        [
            Proposal(
                "factor",
                {
                    "code": "air.a21026",
                    "medium": "air",
                    "wire_code": "a21026",
                    "name_zh": "二氧化硫",
                    "name_en": "SO2",
                    "unit": "µg/m³",
                    "decimals": 1,
                },
            ),
            Proposal(
                "series",
                {
                    "code": "A1.a21026",
                    "point": "A1",
                    "factor": "air.a21026",
                    "device": "A1-D1",
                    "unit": "µg/m³",
                    "decimals": 1,
                    "medium": "air",
                    "expected": {"minute": 600, "hour": 3600},
                    "valid_from": "2024-01-01",
                },
            ),
        ]
    )
    network.publish_directory()


Put = Callable[..., None]


@pytest.fixture
def put(registry, clock) -> Put:
    """Return a way to store values: put(series, statistic, [(start, value, flag), …], converted=[…])."""

    def store(
        series: Series, statistic: str, rows: Sequence[tuple[datetime, float, str]], **more: object
    ) -> None:
        numbers = {"value": from_float(np.array([row[1] for row in rows], float))}
        if "converted" in more:
            numbers["converted"] = from_float(np.array(more.pop("converted"), float))
        observations = candidates(
            series=np.full(len(rows), series.pk, np.int32),
            statistic=statistic,
            start=pa.array([row[0] for row in rows], pa.timestamp("us", "UTC")),
            numbers=numbers,
            flag=[row[2] for row in rows],
            **{"journal": "gateway-1", "sequence": np.arange(1, len(rows) + 1), **more},
        )
        with Lake(settings.DATA_FOLDER.lake, clock) as lake:
            lake.append(lake.next_batch(), observations=observations)

    return store
