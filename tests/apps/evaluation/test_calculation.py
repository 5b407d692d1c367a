"""A corrected calculation: what it touches is evaluated again, what it made different is listed, the earlier stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest
from tests.apps.evaluation.conftest import Data

from qingjian.apps.evaluation import calculation, inputs, services
from qingjian.apps.evaluation.models import Evaluation, Progress, RuleChange
from qingjian.apps.network.models import Point, Series
from qingjian.contracts.clock import CHINA

START = datetime(2026, 11, 20, tzinfo=CHINA)
DAY = date(2026, 11, 20)


def test_versions_follow_each_other_and_say_what_they_corrected() -> None:
    numbers = [one.number for one in calculation.CALCULATIONS]
    assert numbers == list(range(calculation.FIRST + 1, calculation.newest() + 1))
    for one in calculation.CALCULATIONS:
        assert one.text.zh
        assert one.text.en
        assert one.elements
    assert calculation.present("an element never corrected") == calculation.FIRST


def test_a_correction_concerns_an_element_from_its_day_on_and_its_points(data: Data) -> None:
    earlier, later = date(2026, 2, 28), date(2026, 3, 1)
    assert [one.number for one in calculation.later_than(1, "air", later, [])] == [2, 13]
    assert [one.number for one in calculation.later_than(1, "air", earlier, [])] == [13]
    assert calculation.later_than(calculation.newest(), "air", later, []) == []
    assert [one.number for one in calculation.later_than(1, "water", later, [])] == [4]
    Series.objects.filter(code="A1.a34004").update(unit="mg/m³")
    point = Point.objects.get(code="A1").pk
    assert calculation.in_other_units("air") == {point}
    assert [one.number for one in calculation.later_than(1, "air", later, [point])] == [2, 3, 5, 13]
    other = Point.objects.get(code="A2").pk
    assert [one.number for one in calculation.later_than(2, "air", later, [other])] == [5, 13]
    assert calculation.in_other_units("water") == set()


def test_what_an_older_version_worked_out_is_evaluated_again_and_listed(
    data: Data, place, client, monkeypatch
) -> None:
    Series.objects.filter(code="A1.a34004").update(unit="mg/m³")
    data.air("A1", START, 24, a34004=0.08)
    with monkeypatch.context() as older:
        older.setattr(inputs, "scaling", lambda series, unit: inputs.Scaling(1.0, unit))
        services.evaluate("air", DAY, DAY)
    before = Evaluation.objects.get(kind="air_day", point__code="A1")
    assert before.aqi < 50, "80 μg/m³ taken for 0.08"
    services.follow_changes(60)
    change = RuleChange.objects.get(source="program", version="3")
    assert change.todo == []
    now = Evaluation.objects.get(kind="air_day", point__code="A1", superseded_at=None)
    assert (now.aqi > 100, now.revision, now.rule_change) == (True, 1, change)
    before.refresh_from_db()
    assert before.superseded_at is not None
    client.force_login(place.person("manager", "data_manager"))
    assert "程序" in client.get("/evaluations/rules/").content.decode()
    page = client.get(f"/evaluations/rules/{change.pk}/").content.decode()
    for word in ("先换算再评价", f"AQI {before.aqi}", f"AQI {now.aqi}"):
        assert word in page
    assert services.notice_program() == [], "once is enough"


def test_a_fresh_node_has_nothing_to_correct(data: Data) -> None:
    Series.objects.filter(code="A1.a34004").update(unit="mg/m³")
    assert services.notice_program() == []
    assert Progress.objects.get(name="program").limits_until == calculation.newest()
    data.air("A1", START, 24)
    services.evaluate("air", DAY, DAY)
    assert services.notice_program() == []


@pytest.mark.parametrize("touched", [True, False])
def test_a_correction_of_what_is_made_of_results_evaluates_none_again(
    data: Data, monkeypatch, touched: bool
) -> None:
    data.air("A1", START, 24)
    services.evaluate("air", DAY, DAY)
    Progress.objects.create(name="program", limits_until=calculation.newest())
    more = replace(calculation.CALCULATIONS[0], number=calculation.newest() + 1)
    if touched:
        more = replace(more, points=lambda _element: {Point.objects.get(code="A1").pk})
    monkeypatch.setattr(calculation, "CALCULATIONS", (*calculation.CALCULATIONS, more))
    assert len(services.notice_program()) == touched
