"""What cannot be is no class, what is 0 is said, and one setting of non-detects holds for samples, hours, means and sources."""

from __future__ import annotations

import json
from datetime import date, datetime

import pyarrow as pa
import pytest
from tests.apps.evaluation.conftest import Data, enter

from qingjian.apps.evaluation import inputs, services, sheets
from qingjian.apps.evaluation.models import Evaluation
from qingjian.contracts.clock import CHINA

DAY = date(2026, 11, 20)
START = datetime(2026, 11, 20, tzinfo=CHINA)


def text(row: Evaluation) -> str:
    return json.dumps(row.trace, ensure_ascii=False)


def test_more_oxygen_than_water_holds_is_no_class(elements: Data) -> None:
    enter({"M1.w01009": "500", "B1.w01009": "31"}, "2026-11-05")
    elements.put("R1.w01009", START, [300.0] * 6 + [8.0] * 18)
    elements.put("R1.w01001", START, [7.0] * 24)
    services.evaluate("water", date(2026, 11, 1), DAY)
    samples = {
        row.point.code: row for row in Evaluation.objects.filter(kind="water_sample", superseded_at=None)
    }
    assert samples["M1"].water_class == ""
    assert "不能大于 30" in text(samples["M1"])
    (black,) = Evaluation.objects.filter(kind="black_odorous", superseded_at=None)
    assert black.category == ""
    day = Evaluation.objects.get(kind="water_station_day", start=START, superseded_at=None)
    assert day.values["used"]["DO"] == 8
    assert "不可能的数值（应为 0–30）" in day.values["rejected"]["DO"]["zh"]


def test_a_zero_of_a_lake_is_said_and_enters_no_mean(elements: Data) -> None:
    enter({"L1.w21011": "0", "L1.w01x16": "10"}, "2026-11-05")
    enter({"L1.w21011": "0.05", "L1.w01x16": "10"}, "2026-11-10")
    services.evaluate("water", date(2026, 11, 1), date(2026, 11, 15))
    row = Evaluation.objects.get(kind="lake_month", superseded_at=None)
    assert row.values["used"]["TP"] == "0.05"
    assert "1 天为 0" in text(row)
    assert "1 天的算术平均 = 0.05" in text(row)


def test_a_lake_of_which_nothing_can_be_judged_says_so(elements: Data) -> None:
    enter({"L1.w21011": "0", "L1.w01x16": "0"}, "2026-11-05")
    services.evaluate("water", date(2026, 11, 1), date(2026, 11, 15))
    row = Evaluation.objects.get(kind="lake_month", superseded_at=None)
    assert row.category == ""
    assert "没有可以评价的项目" in text(row)
    assert sheets.face(row).level == 0


def test_the_level_of_a_whole_day_names_its_hours_and_the_night_says_which(elements: Data) -> None:
    elements.put("N1.Leq", START, [50.0] * 20)
    services.evaluate("noise", DAY, DAY)
    row = Evaluation.objects.get(kind="noise_day", superseded_at=None)
    assert row.result["levels"]["Leq"] == 50
    assert "Leq 50.0 (20/24 h)" in sheets.responsible(row)
    assert "夜间为当日 00–06 时和 22–24 时（分属前后两夜）" in text(row)


@pytest.mark.parametrize(("share", "value"), [(0.5, 0.01), (1.0, 0.02), (0.0, 0.0)])
def test_hours_below_the_detection_limit_count_the_share_of_their_day(share: float, value: float) -> None:
    table = pa.table(
        {
            "start": pa.array([START, START], pa.timestamp("us", tz="UTC")),
            "value": [None, 0.3],
            "qualifier": ["below", None],
            "detection_limit": [0.02, None],
        }
    )
    made, hidden = inputs._with_non_detects(table, lambda day: share if day == DAY else 9.0)
    assert made["value"].to_pylist() == [value, 0.3]
    assert hidden.tolist() == [True, False]
