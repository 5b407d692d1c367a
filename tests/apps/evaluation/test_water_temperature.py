"""Limits that depend on the water temperature: it is used where measured; unknown, nobody is accused by it."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from tests.apps.evaluation.conftest import Data
from tests.apps.evaluation.test_bounds import assign

from qingjian.apps.evaluation import calculation, explanation, outlets, services
from qingjian.apps.evaluation.bounds import Bound, at_temperature, depends_on_temperature
from qingjian.apps.evaluation.models import Evaluation, Exceedance
from qingjian.apps.network import services as network
from qingjian.apps.network.models import Factor, Point, Series
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.clock import CHINA

START = datetime(2026, 11, 20, tzinfo=CHINA)
DAY = date(2026, 11, 20)


def measured(point: Point, code: str, name: str, unit: str) -> None:
    """Register an hourly series of waste water with a factor of its own."""
    factor = Factor.objects.create(
        code=f"waste_water.{code}",
        medium="waste_water",
        wire_code=code,
        name_zh=name,
        name_en=code,
        unit=unit,
        decimals=1,
    )
    more = {"medium": "waste_water", "expected": {"hour": 3600}}
    Series.objects.create(code=f"W1.{code}", point=point, factor=factor, unit=unit, **more)


def register(place, *, thermometer: bool, **assigned: str) -> None:
    """A sewage works under GB 18918 一级A: ammonia 5 mg/L, 8 at 12 ℃ and below."""
    point = Point.objects.get(code="W1")
    measured(point, "w21003", "氨氮", "mg/L")
    if thermometer:
        measured(point, "w01010", "水温", "℃")
    network.publish_directory()
    assign(place, **assigned)


def judged(data: Data, ammonia: float, temperature: float | None = None) -> tuple[Evaluation, dict]:
    data.put("W1.w21003", START, [ammonia] * 24)
    data.put("W1.w00000", START, [10.0] * 24)
    if temperature is not None:
        data.put("W1.w01010", START, [temperature] * 24)
    services.re_evaluate("outlets", DAY, DAY)
    row = Evaluation.objects.get(kind="outlet_day", start=START, superseded_at=None)
    return row, next(one for one in row.result["items"] if one["factor"] == "w21003")


def said(row: Evaluation) -> str:
    trace, _again = explanation.trace_of(row, rulebook())
    return " ".join(f"{step['zh']} {step['en']}" for step in trace["steps"])


@pytest.mark.parametrize(
    ("temperature", "ammonia", "bounds", "exceeds"),
    [
        (8.0, 6.0, "≤8", False),
        (12.0, 6.0, "≤8", False),
        (12.1, 6.0, "≤5", True),
        (20.0, 6.0, "≤5", True),
        (8.0, 9.0, "≤8", True),
        (20.0, 5.0, "≤5", False),
    ],
)
def test_the_measured_temperature_says_which_limit_applies(
    data: Data, place, temperature: float, ammonia: float, bounds: str, exceeds: bool
) -> None:
    register(place, thermometer=True)
    row, item = judged(data, ammonia, temperature)
    assert (item["bounds"], item["exceeds"]) == (bounds, exceeds)
    assert item["temperature"]["measured"] == temperature
    assert not depends_on_temperature(item)
    assert Exceedance.objects.filter(averaging="day").exists() is exceeds
    assert f"当日水温均值 {temperature:g} ℃" in said(row)


def test_an_exceedance_that_depends_on_an_unknown_temperature_accuses_nobody(
    data: Data, place, client
) -> None:
    register(place, thermometer=False)
    row, item = judged(data, 6.0)
    assert (item["bounds"], item["exceeds"], item["multiple"]) == ("≤8", False, None)
    assert item["temperature"]["bounds"] == "≤5"
    assert depends_on_temperature(item)
    assert row.exceeds is False
    assert not Exceedance.objects.exists()
    text = said(row)
    assert "水温未知" in text
    assert "是否超标取决于水温" in text
    assert "whether it exceeds depends on the water temperature" in text
    client.force_login(place.person("zhiban", "station_staff"))
    assert "1 天是否超标取决于水温，水温未监测" in client.get("/outlets/").content.decode()
    assert client.get("/outlets/?export=xlsx").status_code == 200
    page = client.get("/outlets/limits/?on=2026-11-20").content.decode()
    assert page.count("按水温") >= 3
    assert "水温&gt;12℃" in page
    assert "水温≤12℃" in page


def test_what_exceeds_at_any_temperature_exceeds_where_it_is_unknown(data: Data, place) -> None:
    register(place, thermometer=False)
    _row, item = judged(data, 9.0)
    assert (item["bounds"], item["exceeds"]) == ("≤8", True)
    assert not depends_on_temperature(item)
    assert Exceedance.objects.filter(averaging="day").count() == 1


def test_what_is_within_every_limit_depends_on_nothing(data: Data, place) -> None:
    register(place, thermometer=False)
    _row, item = judged(data, 5.0)
    assert not item["exceeds"]
    assert not depends_on_temperature(item)


def test_a_temperature_that_cannot_be_is_none(data: Data, place) -> None:
    register(place, thermometer=True)
    _row, item = judged(data, 6.0, 150.0)
    assert item["temperature"]["measured"] is None
    assert depends_on_temperature(item)


def test_a_temperature_of_a_few_hours_is_none(data: Data, place) -> None:
    register(place, thermometer=True)
    data.put("W1.w01010", START, [20.0] * 3)
    _row, item = judged(data, 6.0)
    assert item["temperature"]["measured"] is None


def test_a_temperature_that_comes_late_settles_the_day(data: Data, place) -> None:
    register(place, thermometer=True)
    row, item = judged(data, 6.0)
    assert depends_on_temperature(item)
    later, item = judged(data, 6.0, 20.0)
    assert (later.revision, item["exceeds"]) == (row.revision + 1, True)


def test_an_office_that_keeps_one_of_the_limits_has_said_which_applies(data: Data, place) -> None:
    register(place, thermometer=False, left_out="水温≤12℃")
    _row, item = judged(data, 6.0)
    assert (item["bounds"], item["exceeds"], "temperature" in item) == ("≤5", True, False)


def test_limits_without_a_temperature_are_left_alone() -> None:
    given = [Bound(5.0, None), Bound(8.0, None)]
    assert at_temperature(given, 3.0) == given
    assert at_temperature(given, None) == given


def test_outlets_under_such_a_standard_are_evaluated_again(data: Data, place) -> None:
    assert calculation.with_old_faults("outlets") == set()
    register(place, thermometer=False)
    assert calculation.with_old_faults("outlets") == {outlets.outlets()[0].point.pk}
