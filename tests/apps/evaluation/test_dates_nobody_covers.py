"""A value dated before any edition, or in the future, stops nothing: it is named, everything else is evaluated."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from tests.apps.evaluation.conftest import Data, enter

from qingjian.apps.evaluation import air, explanation, services
from qingjian.apps.evaluation.models import Evaluation, Exceedance, Failure, Progress
from qingjian.apps.evaluation.services.following import afterwards, try_again
from qingjian.apps.network.models import Point
from qingjian.apps.observing.services import set_mark
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.clock import CHINA

NOW = datetime(2026, 11, 20, tzinfo=CHINA)
DAY = NOW.date()


def at(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=CHINA)


def current(kind: str, code: str, day: str) -> Evaluation:
    return Evaluation.objects.get(kind=kind, point__code=code, start=at(day), superseded_at=None)


def caught_up(*names: str) -> None:
    for name in names:
        while not services.catch_up(name, 60)[1]:
            pass


def follow(name: str) -> None:
    """Follow what arrived; the position must move."""
    before = Progress.objects.get(name=name).known_until
    services.follow(name)
    assert Progress.objects.get(name=name).known_until > before
    assert not Failure.objects.exists(), [(one.step, one.error) for one in Failure.objects.all()]


def test_air_of_days_before_any_edition_is_named_and_stops_nothing(data: Data) -> None:
    data.air("A1", NOW - timedelta(days=1), 24)
    caught_up("air")
    data.air("A1", at("2015-11-19"), 24)
    data.air("A1", at("2000-01-01"), 3)
    follow("air")
    data.air("A1", NOW, 24)
    follow("air")
    assert current("air_day", "A1", "2026-11-19").aqi
    old = current("air_day", "A1", "2015-11-19")
    assert (old.aqi, old.publishable, old.values["used"]) == (None, False, {})
    assert old.values["hours"]["PM2.5"] == 24
    hour = current("air_hour", "A1", "2000-01-01")
    assert hour.values["rejected"]["PM2.5"]["value"] == 20
    assert "2000-01-01 没有适用的规则" in hour.values["rejected"]["PM2.5"]["zh"]
    for row in (old, hour):
        row.trace = None
        told, _again = explanation.trace_of(row, rulebook())
        assert "没有适用的规则" in str(told)
        assert "no rule in force" in str(told)


def test_a_day_after_the_first_edition_is_evaluated_with_the_day_before_it(data: Data) -> None:
    data.air("A1", at("2015-12-31"), 48)
    services.evaluate("air", date(2015, 12, 31), date(2016, 1, 1))
    assert current("air_day", "A1", "2016-01-01").aqi
    assert current("air_day", "A1", "2015-12-31").aqi is None


def test_water_of_days_before_any_edition_is_named_and_stops_nothing(elements: Data) -> None:
    elements.put("R1.w01009", NOW - timedelta(days=1), [8.0] * 24)
    caught_up("water")
    elements.put("R1.w01009", at("2000-01-01"), [8.0] * 3)
    enter({"M1.w01009": "8.0"}, "2001-05-01")
    follow("water")
    elements.put("R1.w01009", NOW, [8.0] * 20)
    follow("water")
    assert current("water_station_day", "R1", "2026-11-20").water_class
    old = current("water_station_day", "R1", "2000-01-01")
    assert old.water_class == ""
    assert "2000-01-01 没有适用的 GB 3838 版本" in old.values["rejected"]["DO"]["zh"]
    assert current("water_month", "R1", "2000-01-01").water_class == ""
    sample = current("water_sample", "M1", "2001-05-01")
    assert sample.water_class == ""
    assert "GB 3838" in sample.values["rejected"]["DO"]["zh"]


def test_a_mark_over_years_that_no_edition_covers_stops_nothing(data: Data, place) -> None:
    data.air("A1", NOW - timedelta(days=1), 24)
    caught_up("air")
    person = place.person("shenhe", "data_manager")
    point = Point.objects.get(code="A1")
    set_mark(
        person, point, ["A1.a34004"], at("2015-12-30"), at("2016-01-03"), "invalid", "the clock was wrong"
    )
    data.air("A1", NOW, 24)
    follow("air")
    assert current("air_hour", "A1", "2026-11-20").aqi


OLD = {
    "G1.gx018": "groundwater",
    "F1.sx002": "soil",
    "D1.w21003": "drinking",
    "NA.Ld": "noise",
    "NR.Ld": "noise",
    "B1.w01009": "water",
    "L1.w21011": "water",
}


@pytest.mark.parametrize("day", ["1999-06-01", "2003-06-01", "2009-06-01", "2017-05-10"])
def test_an_old_sample_of_any_element_is_a_result_with_its_reason(elements: Data, day: str) -> None:
    enter({code: "40" if "Ld" in code else "0.2" for code in OLD}, day)
    on = date.fromisoformat(day)
    for name in sorted(set(OLD.values())):
        services.evaluate(name, on, on)
    assert not Failure.objects.exists(), [(one.element, one.error) for one in Failure.objects.all()]
    evaluated = set(Evaluation.objects.filter(superseded_at=None).values_list("point__code", flat=True))
    assert {code.split(".")[0] for code in OLD} <= evaluated


def test_groundwater_older_than_its_standard_tells_so(elements: Data) -> None:
    enter({"G1.gx018": "0.2"}, "2017-05-10")
    services.evaluate("groundwater", date(2017, 5, 10), date(2017, 5, 10))
    row = current("groundwater", "G1", "2017-05-10")
    assert (row.water_class, row.values["used"]) == ("", {})
    assert "没有适用的规则" in row.values["rejected"]["氨氮"]["zh"]


def test_days_that_break_the_evaluation_whoever_stands_aside_do_not_hold_the_others(
    data: Data, monkeypatch
) -> None:
    data.air("A1", NOW - timedelta(days=2), 24)
    caught_up("air")
    data.air("A1", NOW - timedelta(days=4), 96)
    real = air.Block.__init__

    def broken(self, book, points, first, last, *more):
        if first <= DAY - timedelta(days=3) <= last:
            raise ZeroDivisionError("nobody's fault")
        real(self, book, points, first, last, *more)

    with monkeypatch.context() as patched:
        patched.setattr(air.Block, "__init__", broken)
        before = Progress.objects.get(name="air").known_until
        services.follow("air")
        assert Progress.objects.get(name="air").known_until > before
        (failure,) = Failure.objects.all()
        assert (failure.point, failure.first, failure.last) == (
            None,
            DAY - timedelta(days=3),
            DAY - timedelta(days=3),
        )
        assert current("air_day", "A1", "2026-11-19").aqi
    try_again(60)
    assert not Failure.objects.exists()
    assert current("air_day", "A1", "2026-11-17").aqi


def test_an_hour_in_the_future_exceeds_nothing_at_an_outlet(data: Data) -> None:
    data.put("W1.w01018", at("2027-03-01"), [300.0] * 3)
    services.re_evaluate("outlets", date(2027, 3, 1), date(2027, 3, 1))
    assert not Exceedance.objects.exists()
    assert not Evaluation.objects.filter(kind="outlet_hour", exceeds=True).exists()


def test_a_run_stored_in_the_future_by_an_earlier_version_falls_away(data: Data) -> None:
    data.put("W1.w01018", at("2027-03-01"), [300.0] * 3)
    day = date(2027, 3, 1)
    services.evaluate("outlets", day, day, None, at("2027-03-02"))
    afterwards("outlets", None)
    assert Evaluation.objects.filter(kind="outlet_hour", exceeds=True, superseded_at=None).count() == 3
    assert not Exceedance.objects.exists()
