from __future__ import annotations

from datetime import UTC, datetime

import pytest

from qingjian.contracts.directory import Device, Directory, Series
from qingjian.lake import Lake
from qingjian.pipeline.aggregation import Aggregator
from qingjian.rulebook import packaged


@pytest.mark.parametrize(
    ("expected", "seconds"),
    [
        ({"realtime": 15, "minute": 600, "hour": 3600}, 600),
        ({"hour": 3600}, 3600),
        ({"realtime": 15, "hour": 3600}, 3600),
        ({"day": 86400}, 86400),
    ],
)
def test_means_are_made_of_reported_periods_never_of_real_time_values(tmp_path, expected, seconds) -> None:
    series = Series(
        1, "p.a", "p", "a21026", "二氧化硫", "SO2", "mg/m³", 1, "flue_gas", device="MN", expected=expected
    )
    device = Device("d", "MN", "1", "数采仪", "p", "31", edition="2005")
    directory = Directory(
        version=1, published_at=datetime(2026, 1, 1, tzinfo=UTC), devices=[device], series=[series]
    )
    (info,) = Aggregator(Lake(tmp_path), directory, packaged())._infos([1])
    assert (info.source_seconds, info.edition) == (seconds, "2005")
