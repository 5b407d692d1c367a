"""Values no instrument can mean: they are left out and named, and nobody else's results suffer."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from tests.apps.evaluation.conftest import Data

from qingjian.apps.evaluation import services
from qingjian.apps.evaluation.models import Evaluation
from qingjian.contracts.clock import CHINA

START = datetime(2026, 11, 20, tzinfo=CHINA)
DAY = date(2026, 11, 20)
ABSURD = (1e7, 4.0e9, 9.9e12, -9.9e12)


@pytest.mark.parametrize("value", ABSURD)
def test_air(data: Data, value: float) -> None:
    for point in ("A1", "A2"):
        data.air(point, START, 24)
    data.put("A1.a34004", START, [value] * 2)
    services.evaluate("air", DAY, DAY)
    hour = Evaluation.objects.filter(kind="air_hour", point__code="A1").order_by("start").first()
    assert "PM2.5" not in hour.values["used"]
    assert hour.values["rejected"]["PM2.5"]["value"] == value
    day = Evaluation.objects.get(kind="air_day", point__code="A1")
    assert (day.values["hours"]["PM2.5"], day.values["left_out"]) == (22, {"PM2.5": 2})
    assert day.aqi == Evaluation.objects.get(kind="air_day", point__code="A2").aqi


@pytest.mark.parametrize("value", [1e10, 9.9e12, -9.9e12])
def test_water(data: Data, value: float) -> None:
    data.put("R1.w01009", START, [value] * 2 + [5.5] * 22)
    data.put("R1.w01001", START, [7.5] * 24)
    services.evaluate("water", DAY, DAY)
    row = Evaluation.objects.get(kind="water_station_day")
    assert (row.water_class, row.values["hours"]["DO"]) == ("Ⅲ", 22)
    assert row.values["rejected"]["DO"]["value"] == value


@pytest.mark.parametrize("value", [999.0, 9.9e12, -9.9e12])
def test_noise_and_radiation(elements: Data, value: float) -> None:
    elements.put("N1.Leq", START, [value] * 2 + [50.0] * 22)
    elements.put("RD.r00x01", START, [value] * 2 + [90.0] * 22)
    for element in ("noise", "radiation"):
        services.evaluate(element, DAY, DAY)
    assert Evaluation.objects.get(kind="noise_day").result["levels"]["Ld"] == 50
    assert Evaluation.objects.filter(kind="radiation_day").count() == 1


@pytest.mark.parametrize("value", [4.0e9, 9.9e12, -9.9e12])
def test_outlets(data: Data, value: float) -> None:
    data.put("W1.w01018", START, [value] * 2 + [40.0] * 22)
    data.put("W1.w00000", START, [10.0] * 24)
    services.evaluate("outlets", DAY, DAY)
    services.re_evaluate("outlets", DAY, DAY)
    assert Evaluation.objects.filter(kind="outlet_day").count() == 1
