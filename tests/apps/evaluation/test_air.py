from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from tests.apps.evaluation.conftest import Data

from qingjian.apps.evaluation import explanation, services
from qingjian.apps.evaluation.elements import ELEMENT_RULES
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.network.models import Point
from qingjian.apps.observing import services as observing
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.clock import CHINA

NAN = float("nan")
TODAY = date(2026, 11, 21)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=CHINA)


YESTERDAY = midnight(date(2026, 11, 20))


def current(kind: str, point: str | None, start: datetime) -> Evaluation:
    rows = Evaluation.objects.filter(kind=kind, start=start, superseded_at=None)
    return rows.get(point__code=point) if point else rows.get(point=None)


def test_hours_and_days_of_stations_and_the_county(data: Data) -> None:
    for point in ("A1", "A2", "A3"):
        data.air(point, YESTERDAY, 24, a34004={"A1": 70.0, "A2": 90.0, "A3": 400.0}[point])
    services.evaluate("air", date(2026, 11, 20), date(2026, 11, 20))
    assert Evaluation.objects.filter(kind="air_hour").count() == 4 * 24
    station = current("air_day", "A1", YESTERDAY)
    assert (station.category, station.primary, station.edition) == ("轻度污染", "PM2.5", "HJ 633-2026")
    county = current("air_day", None, YESTERDAY)
    # The township station is not assessed: the mean of 70 and 90.
    assert county.values["used"]["PM2.5"] == 80
    assert county.values["of"] == ["A1", "A2"]
    assert county.confidence == "U", "how a city's mean is formed is not verified in the text"


@pytest.mark.any_database
def test_the_arrays_say_what_the_reference_functions_say(data: Data) -> None:
    for place, point in enumerate(("A1", "A2", "A3")):
        for step, start in enumerate((midnight(date(2026, 2, 28)), midnight(date(2026, 3, 1)))):
            data.air(
                point,
                start,
                24,
                a34004=13.37 + 40.5 * place + 61 * step,
                a05024=55.5 + 101.1 * place + 47 * step,
                a34002=44.49 + 80 * step,
            )
    rows = services.evaluate("air", date(2026, 2, 28), date(2026, 3, 1))
    assert len(rows) == 4 * (48 + 2)
    for row in rows:
        index = explanation.air_index(row, rulebook())
        assert (row.aqi, row.category, row.primary.split(",") if row.primary else [], row.publishable) == (
            index.aqi,
            index.category,
            list(index.primary),
            index.publishable,
        ), row
        assert row.edition == f"HJ 633-{index.edition}"


def test_the_edition_follows_the_date_of_the_data(data: Data) -> None:
    for day in (date(2026, 2, 28), date(2026, 3, 1)):
        data.air("A1", midnight(day), 24, a34004=62.0)
    services.evaluate("air", date(2026, 2, 28), date(2026, 3, 1))
    before, after = (current("air_day", "A1", midnight(day)) for day in (date(2026, 2, 28), date(2026, 3, 1)))
    assert (before.edition, after.edition) == ("HJ 633-2012", "HJ 633-2026")
    assert before.aqi == 84
    assert after.aqi == 102, "PM2.5 of 60 is the limit of the day since March 2026"


def test_late_data_make_a_revision_and_keep_the_old_result(data: Data, clock) -> None:
    data.air("A1", YESTERDAY, 24)
    services.catch_up("air", 60)
    old = current("air_day", "A1", YESTERDAY)
    assert services.follow("air") == 0
    clock.advance(60)
    data.put("A1.a34004", YESTERDAY, [300.0] * 12)
    made = services.follow("air")
    assert made > 0
    new = current("air_day", "A1", YESTERDAY)
    old.refresh_from_db()
    assert (new.revision, new.aqi > old.aqi, new.inputs_digest != old.inputs_digest) == (1, True, True)
    assert old.superseded_at == new.known_at
    assert (
        old.aqi == Evaluation.objects.get(kind="air_day", point__code="A1", start=YESTERDAY, revision=0).aqi
    )
    clock.advance(60)
    assert services.follow("air") == 0
    assert services.renew() == ", ".join(f"{rules.title}：0 条" for rules in ELEMENT_RULES.values())


def test_a_mark_takes_hours_out_and_taking_it_back_brings_them_back(data: Data, clock) -> None:
    data.air("A1", YESTERDAY, 24)
    services.catch_up("air", 60)
    person = data_person(data)
    point = Point.objects.get(code="A1")
    mark = observing.set_mark(
        person, point, ["A1.a34004"], YESTERDAY, YESTERDAY + timedelta(hours=6), "maintenance", "更换滤膜"
    )
    services.follow("air")
    day = current("air_day", "A1", YESTERDAY)
    assert "PM2.5" not in day.values["used"], "18 of 24 hours do not make a day"
    assert not day.publishable
    hour = current("air_hour", "A1", YESTERDAY)
    assert hour.values["rejected"]["PM2.5"]["zh"] == "无效；人工标记；station 更换滤膜"
    assert any("更换滤膜" in str(one.get("remark")) for one in hour.trace["inputs"])
    clock.advance(60)
    observing.set_mark(
        person, point, mark.series, mark.start, mark.end, mark.kind, "误标", supersedes=mark, withdrawn=True
    )
    services.follow("air")
    assert current("air_day", "A1", YESTERDAY).revision == 2
    assert current("air_day", "A1", YESTERDAY).values["used"]["PM2.5"] == 20


def data_person(data: Data):
    from qingjian.apps.accounts.models import Organisation, Region, User
    from qingjian.apps.accounts.services import place_post

    bureau = Organisation.objects.get(code="B1")
    user = User.objects.create_user("station", "station", "a-long-password-1", organisation=bureau)
    place_post(user, "station_staff", bureau, Region.objects.get(code="990101"), date(2024, 1, 1))
    return user


@pytest.mark.parametrize(("day", "published"), [(date(2026, 2, 28), True), (date(2026, 3, 1), False)])
def test_a_missing_pollutant_is_na_since_2026(data: Data, day: date, published: bool) -> None:
    data.air("A1", midnight(day), 24, a05024=NAN)
    services.evaluate("air", day, day)
    row = current("air_day", "A1", midnight(day))
    assert (row.publishable, row.aqi is not None) == (published, True)
    trace, _again = explanation.trace_of(row, rulebook())
    assert any("O3" in step["zh"] for step in trace["steps"])


def test_above_100_a_missing_pollutant_does_not_hide_the_aqi(data: Data) -> None:
    data.air("A1", YESTERDAY, 24, a05024=NAN, a34004=200.0)
    services.evaluate("air", date(2026, 11, 20), date(2026, 11, 20))
    assert current("air_day", "A1", YESTERDAY).publishable


def test_one_of_two_stations_is_not_enough_for_the_county(data: Data) -> None:
    data.air("A1", YESTERDAY, 24)
    services.evaluate("air", date(2026, 11, 20), date(2026, 11, 20))
    county = current("air_day", None, YESTERDAY)
    assert (county.aqi, county.values["used"], county.values["stations"]["PM2.5"]) == (None, {}, 1)
    trace, _again = explanation.trace_of(county, rulebook())
    assert any("1/2" in step["zh"] for step in trace["steps"])


def test_negative_values_and_device_marks_are_rejected_with_their_reason(data: Data) -> None:
    data.air("A1", YESTERDAY, 24, a21026=-3.0, a34004=NAN)
    data.put("A1.a34004", YESTERDAY, [500.0] * 24, flag="D")
    services.evaluate("air", date(2026, 11, 20), date(2026, 11, 20))
    hour = current("air_hour", "A1", YESTERDAY)
    assert set(hour.values["rejected"]) == {"SO2", "PM2.5"}
    assert "负值" in hour.values["rejected"]["SO2"]["zh"]
    assert "设备标记" in hour.values["rejected"]["PM2.5"]["zh"]


def test_a_day_that_has_not_ended_has_no_daily_result(data: Data) -> None:
    data.air("A1", midnight(TODAY), 9)
    services.evaluate("air", TODAY, TODAY)
    assert not Evaluation.objects.filter(kind="air_day").exists()
    assert Evaluation.objects.filter(kind="air_hour", point__code="A1").count() == 9


def test_the_back_history_is_worked_off_in_parts_newest_first(data: Data) -> None:
    for start in (midnight(date(2026, 9, 10)), YESTERDAY):
        data.air("A1", start, 24)
    made, complete = services.catch_up("air", 0)
    assert (made > 0, complete) == (True, False)
    assert not Evaluation.objects.filter(start__lt=midnight(date(2026, 10, 1))).exists()
    while not complete:
        more, complete = services.catch_up("air", 0)
        made += more
    assert Evaluation.objects.filter(kind="air_day", point__code="A1").count() == 2
    assert services.catch_up("air", 60) == (0, True)


def test_evaluating_again_lists_what_changed(data: Data, clock) -> None:
    data.air("A1", YESTERDAY, 24)
    services.evaluate("air", date(2026, 11, 20), date(2026, 11, 20))
    assert services.re_evaluate("air", date(2026, 11, 20), date(2026, 11, 20)) == []
    clock.advance(60)
    data.put("A1.a34004", YESTERDAY, [180.0] * 24)
    changed = services.re_evaluate("air", date(2026, 11, 20), date(2026, 11, 20))
    day = next(one for one in changed if one["row"].kind == "air_day" and one["row"].point_id)
    assert day["before"]["aqi"] < day["after"]["aqi"]
