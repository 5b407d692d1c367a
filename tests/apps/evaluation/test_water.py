from __future__ import annotations

from datetime import date, datetime

from tests.apps.evaluation.conftest import Data

from qingjian.apps.evaluation import queries, services
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.network.models import Point
from qingjian.contracts.clock import CHINA

START = datetime(2026, 11, 20, tzinfo=CHINA)
DAY = date(2026, 11, 20)


def put(data: Data, oxygen: float, ph: float = 7.5, hours: int = 24, start: datetime = START) -> None:
    data.put("R1.w01009", start, [oxygen] * hours)
    data.put("R1.w01001", start, [ph] * hours)
    data.put("R1.w01014", start, [300.0] * hours)


def test_a_section_is_classed_by_what_is_measured_and_says_what_is_missing(data: Data) -> None:
    put(data, 5.5)
    services.evaluate("water", DAY, DAY)
    for kind in ("water_station_day", "water_month"):
        row = Evaluation.objects.get(kind=kind)
        assert (row.water_class, row.target, row.reached) == ("Ⅲ", "Ⅲ", True)
        assert row.result["decided_by"] == ["DO"]
        assert len(row.result["not_measured"]) == 19
        assert any("仅凭 2 项评价（21 项中缺 19 项）" in step["zh"] for step in row.trace["steps"])
        assert "w01014" not in str(row.values), "conductivity is no item of the class"


def test_a_worse_class_misses_the_target_and_names_the_item(data: Data) -> None:
    put(data, 2.5)
    services.evaluate("water", DAY, DAY)
    row = Evaluation.objects.get(kind="water_station_day")
    assert (row.water_class, row.reached, row.main_items) == ("Ⅴ", False, "DO")


def test_ph_is_averaged_as_activity_and_impossible_values_are_left_out(data: Data) -> None:
    data.put("R1.w01001", START, [6.0] * 12 + [8.0] * 11 + [15.0])
    services.evaluate("water", DAY, DAY)
    row = Evaluation.objects.get(kind="water_station_day")
    assert row.values["hours"] == {"pH": 23}
    assert 6.25 < row.values["used"]["pH"] < 6.3
    assert "不可能的数值" in row.values["rejected"]["pH"]["zh"]


def test_late_data_change_the_day_and_its_month(data: Data, clock) -> None:
    put(data, 8.0)
    services.catch_up("water", 60)
    clock.advance(60)
    put(data, 2.5)
    services.follow("water")
    for kind in ("water_station_day", "water_month"):
        rows = Evaluation.objects.filter(kind=kind).order_by("revision")
        assert [row.water_class for row in rows] == ["Ⅰ", "Ⅴ"]
        assert rows[0].superseded_at is not None


def test_a_month_is_made_of_all_its_days(data: Data) -> None:
    put(data, 8.0, start=datetime(2026, 11, 10, tzinfo=CHINA))
    services.evaluate("water", date(2026, 11, 10), date(2026, 11, 10))
    put(data, 4.0)
    services.evaluate("water", DAY, DAY)
    month = Evaluation.objects.get(kind="water_month", superseded_at=None)
    assert month.values["days"] == {"DO": 2, "pH": 2}
    assert month.values["used"]["DO"] == 6


def test_an_all_missing_day_makes_no_result(data: Data) -> None:
    assert services.evaluate("water", DAY, DAY) == []


def test_a_river_of_few_sections_is_rated_by_means(data: Data) -> None:
    put(data, 5.5)
    services.evaluate("water", DAY, DAY)
    user = _viewer()
    (rating,) = queries.river_ratings(queries.water_sections(user))
    assert (rating["rating"].method, rating["rating"].rating, rating["rating"].sections) == (
        "mean",
        "良好",
        1,
    )


def _viewer():
    from tests.apps.evaluation.test_air import data_person

    return data_person(None)


def test_a_lake_point_without_limits_of_its_kind_still_answers(data: Data) -> None:
    Point.objects.filter(code="R1").update(kind="reservoir")
    put(data, 5.5)
    services.evaluate("water", DAY, DAY)
    assert Evaluation.objects.get(kind="water_station_day").water_class == "Ⅲ"
