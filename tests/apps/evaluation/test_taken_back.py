"""Results whose data, rules or limits were taken back: what stays is said, nothing stays in force by accident."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from tests.apps.evaluation.conftest import HOUR, Data, enter
from tests.apps.evaluation.test_air import data_person

from qingjian.apps.evaluation import air_rules, elements, explanation, services
from qingjian.apps.evaluation.models import Evaluation, Exceedance
from qingjian.apps.network.models import Outlet, PermitLimit, Point, Series
from qingjian.apps.observing import services as observing
from qingjian.apps.rulekeeping import queries as rules
from qingjian.apps.rulekeeping import services as rule_services
from qingjian.contracts.clock import CHINA
from qingjian.rulebook import Row, packaged

START = datetime(2026, 11, 20, tzinfo=CHINA)
DAY = date(2026, 11, 20)


def current(kind: str, **where: object) -> Evaluation:
    return Evaluation.objects.get(kind=kind, superseded_at=None, **where)


def test_a_day_that_is_marked_invalid_as_a_whole_keeps_no_index(data: Data, client, place) -> None:
    for point in ("A1", "A2"):
        data.air(point, START, 24)
    services.catch_up("air", 60)
    assert current("air_day", point__code="A1").aqi is not None
    assert current("air_day", point=None, region__code="990101").aqi is not None
    person = data_person(data)
    for code in ("A1", "A2"):
        point = Point.objects.get(code=code)
        series = list(Series.objects.filter(point=point).values_list("code", flat=True))
        observing.set_mark(person, point, series, START, START + timedelta(days=1), "invalid", "采样管脱落")
    services.follow("air")
    for row in Evaluation.objects.filter(kind="air_day", start=START, superseded_at=None):
        assert (row.aqi, row.published_category, row.revision) == (None, "", 1), row
        trace, _again = explanation.trace_of(row, rules.rulebook())
        assert "全部被标记、更正或撤回" in str(trace)
    hours = Evaluation.objects.filter(kind="air_hour", start__gte=START, superseded_at=None)
    assert hours.count() > 48
    assert set(hours.values_list("aqi", flat=True)) == {None}
    before = Evaluation.objects.count()
    services.evaluate("air", DAY, DAY)
    assert Evaluation.objects.count() == before, "once is enough"
    client.force_login(place.person("zhiban", "station_staff"))
    for address in ("/air/", "/air/year/", "/air/basis/", "/air/ranking/"):
        assert client.get(address).status_code == 200, address


def test_a_month_of_a_lake_without_a_value_left_has_no_state(elements: Data, place, client) -> None:
    enter({"L1.w21011": "0.05", "L1.w01x16": "10"})
    services.catch_up("water", 60)
    assert current("lake_month").result["tli"]
    person = data_person(elements)
    point = Point.objects.get(code="L1")
    series = list(Series.objects.filter(point=point).values_list("code", flat=True))
    observing.set_mark(
        person,
        point,
        series,
        datetime(2026, 11, 10, tzinfo=CHINA),
        datetime(2026, 11, 11, tzinfo=CHINA),
        "invalid",
        "污染",
    )
    services.follow("water")
    row = current("lake_month")
    assert (row.category, row.result, row.revision) == ("", {}, 1)
    client.force_login(place.person("zhiban", "station_staff"))
    assert "无有效数据" in client.get("/elements/lakes/").content.decode()


def change_limit(county, row: Row, **changes: str):
    people = (
        county.person("guize", "data_manager", region=county.city),
        county.person("fuhe", "data_manager", region=county.city),
    )
    text = rule_services.as_csv(row.table, [dict(row.values) | {"source": "原文", **changes}])
    made = rule_services.propose(people[0], row.table, text, "更正")
    rule_services.approve(people[1], made, 0, "标准原文 第 3 页")
    return people


@pytest.fixture
def assigned(data: Data, place) -> Outlet:
    """The outlet is held against a standard of this office beside its permit, which allows more."""
    outlet = Outlet.objects.get(code="S1-W1")
    PermitLimit.objects.filter(outlet=outlet, averaging="day").update(upper=500)
    people = (
        place.person("a", "data_manager", region=place.city),
        place.person("b", "data_manager", region=place.city),
    )
    for table, values in (
        (
            "emission_limits",
            {
                "standard": "DB99/T 2", "edition": "2025", "pollutant_cn": "化学需氧量", "symbol": "COD", "unit": "mg/L",
                "class": "一级", "averaging_period": "日均值", "op": "<=", "limit": "50", "condition": "",
            },
        ),
        ("outlet_standards", {"standard": "DB99/T 2", "outlet": "S1-W1", "class": "一级", "condition": ""}),
    ):  # fmt: skip
        text = rule_services.as_csv(
            table, [{**values, "effective_from": "2025-01-01", "source": "原文", "confidence": "S"}]
        )
        made = rule_services.propose(people[0], table, text, "地方标准")
        rule_services.approve(people[1], made, 0, "地方标准原文")
    return outlet


def test_why_of_a_kept_result_answers_by_the_limit_of_its_time(
    data: Data, assigned, place, client, clock
) -> None:
    data.put("W1.w01018", START, [80.0] * 24)
    Series.objects.filter(code="W1.w01018").update(averaging="arithmetic")
    services.run(60)
    old = current("outlet_day")
    assert old.exceeds
    assert old.result["items"][0]["bounds"] == "≤50"
    clock.advance(60)
    (row,) = rules.rulebook().rows("emission_limits", standard="DB99/T 2")
    people = change_limit(place, row, limit="100")
    clock.advance(60)
    services.run(60)
    new = current("outlet_day")
    assert new.exceeds is False
    client.force_login(place.person("zhiban", "station_staff"))
    said = client.get(f"/evaluations/{old.pk}/why/").content.decode()
    assert "50 mg/L" in said
    assert "超标" in said
    assert "达标（最严" not in said
    now = client.get(f"/evaluations/{new.pk}/why/").content.decode()
    assert "100 mg/L" in now
    clock.advance(60)
    back = rule_services.propose(people[0], "emission_limits", "", "误改", taken_back=[row.id])
    rule_services.approve(people[1], back, 0, "地方标准原文")
    services.run(60)
    for one in Evaluation.objects.filter(kind="outlet_day"):
        answer = client.get(f"/evaluations/{one.pk}/why/")
        assert answer.status_code == 200
    assert "50 mg/L" in client.get(f"/evaluations/{old.pk}/why/").content.decode()


def test_why_answers_even_where_the_limit_is_nowhere_any_more(data: Data, assigned, place) -> None:
    data.put("W1.w01018", START, [80.0] * 24)
    Series.objects.filter(code="W1.w01018").update(averaging="arithmetic")
    services.run(60)
    trace, _again = explanation.trace_of(current("outlet_day"), packaged())
    said = " ".join(one["zh"] for one in trace["steps"])
    assert "≤50" in said
    assert "已撤回" in said
    assert "超标" in said


def test_a_permit_that_was_widened_does_not_rewrite_what_was_judged(data: Data) -> None:
    data.put("W1.w01018", START, [120.0] * 3)
    services.catch_up("outlets", 60)
    PermitLimit.objects.filter(outlet__code="S1-W1", averaging="hour").update(upper=200)
    row = Evaluation.objects.filter(kind="outlet_hour").first()
    trace, _again = explanation.trace_of(row, rules.rulebook())
    said = " ".join(one["zh"] for one in trace["steps"])
    assert "≤100" in said
    assert "此后已变更" in said
    assert Exceedance.objects.exists()


def test_a_day_says_the_same_alone_and_among_others(data: Data, monkeypatch) -> None:
    """A local row that ends is a border: the days after it are not judged by it because they were evaluated with it."""
    row = next(
        one
        for one in packaged().rows("ambient_air_limits", DAY, symbol="O3", averaging_period="日最大8小时平均")
        if one["class"] == "二级"
    )
    values = dict(row.values) | {"limit": "140", "effective_from": "2026-11-10", "effective_to": "2026-11-19"}
    book = packaged().with_rows([Row.from_values("ambient_air_limits", values, override=True)])
    days = [DAY - timedelta(days=back) for back in (2, 1, 0)]
    parts = [(on, part.start, part.stop) for on, part in air_rules.segments(book, days)]
    assert [one[1:] for one in parts] == [(0, 2), (2, 3)]
    assert [air_rules.rules_of(book, on).ozone_limit for on, _first, _last in parts] == [140, 160]


def test_an_hour_with_sulphur_dioxide_beyond_the_scale_is_not_called_good(data: Data) -> None:
    start = datetime(2026, 1, 10, tzinfo=CHINA)
    data.air("A1", start, 1, a21026=900.0)
    data.air("A1", start + HOUR, 1, a21026=900.0, a34004=400.0)
    services.evaluate("air", start.date(), start.date())
    first, second = Evaluation.objects.filter(kind="air_hour", point__code="A1").order_by("start")
    assert (first.aqi, first.category) == (None, "")
    assert first.values["used"]["SO2"] == 900
    assert second.aqi > 200


def test_every_setting_that_a_stored_result_reads_evaluates_it_again() -> None:
    listed = {subject for one in elements.ELEMENT_RULES.values() for subject in one.subjects}
    read_when_asked = {
        "amount_warning", "assessment_decimals", "comparison", "composite_index", "cwqi", "exception_event", "fluctuation",
        "published_index_2013", "sand_dust", "tax_recheck", "three_year_mean", "time_mean", "trend_warning_day",
        "trend_warning_hour", "water_trend",
    }  # fmt: skip
    read_by_checks_of_arriving_data = {"converted_comparison"}
    known = {row["subject"] for row in packaged().rows("evaluation_parameters")}
    read = listed | read_when_asked | read_by_checks_of_arriving_data
    assert known - read == set(), "a new subject: is it read by a stored result?"
