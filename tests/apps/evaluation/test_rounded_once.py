"""Levels of noise are rounded once, and dose rates lose no digit before they are converted."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from tests.apps.evaluation.conftest import Data

from qingjian.apps.evaluation import calculation, radiation, services
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.network import services as network
from qingjian.apps.network.models import Point, Series
from qingjian.contracts.clock import CHINA

START = datetime(2026, 11, 19, tzinfo=CHINA)
DAY = date(2026, 11, 19)
LEVELS = [54.7, 55.2, 55.0, 55.1, 54.8, 54.5, 54.5, 54.9, 55.4, 55.0, 55.3, 55.6, 55.5, 55.4, 54.8, 54.9]


def test_a_day_a_hair_above_its_zone_is_not_rounded_down_to_it(elements: Data) -> None:
    """Exact 55.0500037 dB(A) by day, zone 1 allows 55: 55.1, not 55.05 and then 55.0."""
    Point.objects.filter(code="N1").update(attributes={"noise_zone": "1"})
    elements.put("N1.Leq", START + timedelta(hours=6), LEVELS)
    services.evaluate("noise", DAY, DAY)
    row = Evaluation.objects.get(kind="noise_day")
    assert row.result["levels"]["Ld"] == 55.1
    assert (row.reached, row.exceeds) == (False, True)


def test_a_dose_rate_in_milligray_raises_its_alarm(elements: Data) -> None:
    """History 84 nGy/h, a day of 120: four decimals of mGy/h would call both 100."""
    Series.objects.filter(code="RD.r00x01").update(unit="mGy/h", decimals=9)
    network.publish_directory()
    begin = datetime(2026, 8, 1, tzinfo=CHINA)
    elements.put("RD.r00x01", begin, [0.000084] * 24 * 70)
    elements.put("RD.r00x01", START, [0.00012] * 24)
    services.evaluate("radiation", DAY, DAY)
    row = Evaluation.objects.get(kind="radiation_day", start=START)
    assert (row.result["mean"], row.result["highest"], row.result["threshold"]) == (120, 120, 84)
    assert row.exceeds is True
    assert len(row.result["outside_background"]) == 24


@pytest.mark.parametrize(
    ("value", "unit", "wanted"),
    [
        (0.08444, "μGy/h", "84.44"),
        (0.10005, "μGy/h", "100.05"),
        (0.00012, "mGy/h", "120"),
        (100.04999999999999, "nGy/h", "100.05"),
        (0.1 + 0.2, "nGy/h", "0.3"),
        (1e-15, "nGy/h", "0"),
    ],
)
def test_a_dose_rate_keeps_its_digits_whatever_its_unit(value: float, unit: str, wanted: str) -> None:
    assert radiation.Block._given(Series(unit=unit), value) == Decimal(wanted)


def test_stations_of_noise_radiation_and_groundwater_are_evaluated_again(elements: Data) -> None:
    def codes(element: str) -> set[str]:
        found = calculation.with_old_faults(element)
        return set(Point.objects.filter(pk__in=found).values_list("code", flat=True))

    assert {"N1", "NA"} <= codes("noise")
    assert codes("radiation") == {"RD"}
    assert codes("groundwater") == {"G1"}
