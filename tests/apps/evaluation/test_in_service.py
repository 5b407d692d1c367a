"""The past keeps the points it had: what stopped counts for the days on which it was in service, and no longer."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from tests.apps.evaluation.conftest import Data
from tests.apps.evaluation.test_water import put as put_water

from qingjian.apps.evaluation import (
    air,
    amounts,
    calculation,
    in_service,
    outlet_statistics,
    outlets,
    queries,
    services,
)
from qingjian.apps.evaluation.in_service import Pause
from qingjian.apps.evaluation.models import Evaluation, Exceedance, RuleChange
from qingjian.apps.network import queries as registry
from qingjian.apps.network import registered
from qingjian.apps.network import services as network
from qingjian.apps.network.models import Point
from qingjian.apps.network.services import Proposal
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.clock import CHINA

START = datetime(2026, 11, 20, tzinfo=CHINA)
DAY = START.date()


def after(count: float) -> timedelta:
    return timedelta(days=count)


def say(code: str, status: str) -> None:
    """Let the registry say that a point runs or has stopped, from now on."""
    row = Point.objects.get(code=code)
    fields = registered.plain(registered.KINDS["point"], row)
    network.register([Proposal("point", {**fields, "status": status})])


def region_day(day: date) -> Evaluation | None:
    start = datetime(day.year, day.month, day.day, tzinfo=CHINA)
    return Evaluation.objects.filter(
        kind="air_day", point=None, region__code="990101", start=start, superseded_at=None
    ).first()


def test_a_day_evaluated_again_has_the_stations_it_had(data: Data, clock) -> None:
    for point, value in (("A1", 20.0), ("A2", 40.0)):
        data.air(point, START, 24, a34004=value)
    clock.advance(86400)
    services.evaluate("air", DAY, DAY)
    assert region_day(DAY).values["used"]["PM2.5"] == 30
    clock.advance(86400)
    say("A2", "stopped")
    last = DAY + timedelta(days=3)
    assert in_service.pauses(Point.objects.all()) == {
        Point.objects.get(code="A2").pk: [Pause(last + timedelta(days=1), date.max)]
    }
    data.air("A1", START, 24, a34004=30.0)
    later = START + timedelta(days=4)
    for point in ("A1", "A2"):
        data.air(point, later, 24)
    clock.advance(4 * 86400)
    services.evaluate("air", DAY, later.date())
    row = region_day(DAY)
    assert (row.values["of"], row.values["used"]["PM2.5"]) == (["A1", "A2"], 35)
    assert region_day(later.date()).values["of"] == ["A1"]
    assert not Evaluation.objects.filter(point__code="A2", start__gte=later).exists()


def test_what_a_stopped_outlet_discharged_stays_in_statistics_amounts_and_tax(
    data: Data, place, clock
) -> None:
    staff = place.person("staff", "station_staff")
    data.put("W1.w01018", START, [40.0] * 24)
    data.put("W1.w00000", START, [10.0] * 24)
    clock.advance(86400)
    services.catch_up("outlets", 60)
    quarter = date(2026, 10, 1), date(2026, 12, 31)
    before = outlet_statistics.tax_extract(staff, *quarter, rulebook())[0]
    clock.advance(40 * 86400)
    say("W1", "stopped")
    assert queries.outlets_in_reach(staff) == []
    (group,) = outlet_statistics.of_period(staff, *quarter, "region")
    assert (group.outlets, group.hours["judged"]) == (1, 24)
    assert [one.kilograms for one in outlet_statistics.tax_extract(staff, *quarter, rulebook())[0]] == [
        one.kilograms for one in before
    ]
    (standing,) = amounts.standings(list(Point.objects.filter(code="W1")), 2026, rulebook())
    assert standing.tonnes is not None
    assert outlet_statistics.of_period(staff, date(2027, 4, 1), date(2027, 6, 30), "region") == []
    (row,) = Evaluation.objects.filter(kind="outlet_day", superseded_at=None)
    services.evaluate("outlets", DAY, DAY)
    row.refresh_from_db()
    assert row.superseded_at is None


def test_a_stopped_section_keeps_its_page_and_its_place_in_the_reports_of_its_time(
    data: Data, place, clock, client
) -> None:
    put_water(data, 5.5, hours=24)
    services.run(60)
    clock.advance(40 * 86400)
    say("R1", "stopped")
    client.force_login(place.person("staff", "station_staff"))
    assert "大桥断面" in client.get("/water/R1/").content.decode()
    assert "大桥断面" not in client.get("/water/").content.decode()
    assert queries.sections_of(place.county) == []
    assert [one.code for one in queries.sections_of(place.county, date(2026, 11, 1))] == ["R1"]
    assert queries.sections_of(place.county, date(2027, 2, 1)) == []


def test_reports_of_the_past_have_the_stations_of_the_past(place, clock) -> None:
    clock.advance(86400)
    say("A2", "stopped")

    def codes(since: date | None) -> list[str]:
        return sorted(one.code for one in queries.air_place(place.county, since).points)

    assert (codes(date(2026, 11, 1)), codes(None)) == (["A1", "A2"], ["A1"])
    assert {one.code for one in air.stations(in_service.EVER)} == {"A1", "A2", "A3"}
    assert [one.point.code for one in outlets.outlets()] == ["W1"]


def test_the_history_says_when_a_point_stopped_and_ran_again(place, clock) -> None:
    moments = []
    for status in ("stopped", "running", "stopped", "removed"):
        clock.advance(86400)
        say("A2", status)
        moments.append(clock.now())
    assert registry.stops_of(["A2", "A1"]) == {"A2": [(moments[0], moments[1]), (moments[2], None)]}


def test_a_point_that_stopped_and_runs_again_counts_for_no_day_in_between(data: Data, clock, place) -> None:
    """A2 stops on the 24th and runs again on the 28th: the 25th to 27th are the county's without it."""
    for point, value in (("A1", 20.0), ("A2", 40.0)):
        data.air(point, START, 24 * 12, a34004=value)
    clock.advance(3 * 86400)
    say("A2", "stopped")
    clock.advance(4 * 86400)
    say("A2", "running")
    clock.advance(5 * 86400)
    services.evaluate("air", DAY, DAY + timedelta(days=11))
    means = [region_day(DAY + timedelta(days=one)).values["used"]["PM2.5"] for one in range(12)]
    assert means == [30] * 5 + [20] * 3 + [30] * 4
    own = Evaluation.objects.filter(kind="air_day", point__code="A2", superseded_at=None)
    days = {row.start.astimezone(CHINA).day for row in own}
    assert days == {20, 21, 22, 23, 24, 28, 29, 30, 1}
    assert {one.code for one in air.stations(date(2026, 11, 26))} == {"A1", "A2", "A3"}


def test_an_outlet_judged_while_it_stood_still_is_taken_back(data: Data, clock, place, monkeypatch) -> None:
    data.put("W1.w01018", START, [120.0] * 24 * 6)
    data.put("W1.w00000", START, [10.0] * 24 * 6)
    clock.advance(86400)
    say("W1", "stopped")
    clock.advance(3 * 86400)
    say("W1", "running")
    clock.advance(3 * 86400)
    with monkeypatch.context() as older:
        older.setattr(in_service, "pauses", lambda points: {})
        services.evaluate("outlets", DAY, DAY + timedelta(days=5))
    shown = Evaluation.objects.filter(kind="outlet_day", superseded_at=None).exclude(result={})
    assert {row.start.astimezone(CHINA).day for row in shown} == {20, 21, 22, 23, 24, 25}
    assert calculation.ran_again("outlets") == {Point.objects.get(code="W1").pk}
    assert calculation.ran_again("air") == set()
    services.follow_changes(60)
    assert RuleChange.objects.get(source="program", version="11").todo == []
    assert {row.start.astimezone(CHINA).day for row in shown.all()} == {20, 21, 22, 25}
    assert not Evaluation.objects.filter(
        kind="outlet_hour",
        superseded_at=None,
        exceeds=True,
        start__range=(START + after(3), START + after(4.9)),
    ).exists()
    assert {one.start for one in Exceedance.objects.filter(averaging="hour")} == {START, START + after(5)}


def test_a_point_the_registry_never_called_running_ends_with_its_newest_result(data: Data, clock) -> None:
    data.air("A2", START, 24)
    clock.advance(86400)
    services.evaluate("air", DAY, DAY)
    one = Point.objects.get(code="A2")
    registry.models.Version.objects.filter(kind="point", key="A2").delete()
    one.status = "stopped"
    assert in_service.pauses([one]) == {one.pk: [Pause(DAY + timedelta(days=1), date.max)]}
    never = Point.objects.get(code="A3")
    registry.models.Version.objects.filter(kind="point", key="A3").delete()
    never.status = "removed"
    assert in_service.pauses([never]) == {never.pk: [Pause(in_service.EVER, date.max)]}


@pytest.mark.parametrize(
    ("out", "expected"),
    [
        ({}, [((1, 2), 0, 4)]),
        ({2: [(3, 99)]}, [((1, 2), 0, 2), ((1,), 2, 4)]),
        ({2: [(0, 99)]}, [((1,), 0, 4)]),
        ({1: [(2, 99)], 2: [(4, 99)]}, [((1, 2), 0, 1), ((2,), 1, 3), ((), 3, 4)]),
        ({1: [(9, 99)]}, [((1, 2), 0, 4)]),
        ({2: [(2, 3)]}, [((1, 2), 0, 1), ((1,), 1, 3), ((1, 2), 3, 4)]),
        ({2: [(2, 2), (4, 4)]}, [((1, 2), 0, 1), ((1,), 1, 2), ((1, 2), 2, 3), ((1,), 3, 4)]),
    ],
)
def test_stretches_change_where_a_point_stops_or_runs_again(
    out: dict[int, list[tuple[int, int]]], expected: list[Any]
) -> None:
    points = [SimpleNamespace(pk=1), SimpleNamespace(pk=2)]
    days = [date(2026, 11, day) for day in (1, 2, 3, 4)]
    base = date(2026, 10, 31)
    pauses = {
        pk: [Pause(base + timedelta(days=first), base + timedelta(days=last)) for first, last in own]
        for pk, own in out.items()
    }
    found = in_service.stretches(points, pauses, days)
    assert [(tuple(one.pk for one in own), part.start, part.stop) for own, part in found] == expected
    assert list(in_service.stretches(points, pauses, [])) == []
