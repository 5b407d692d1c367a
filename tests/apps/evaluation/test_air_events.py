"""Sand dust and exception events: proposed with evidence, decided by a second person, shown with and without."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from tests.apps.conftest import LayOut
from tests.apps.evaluation.conftest import CLEAN, Data, put_all

from qingjian.apps.evaluation import air, air_events, deducting, queries, rankings, services
from qingjian.apps.evaluation.models import AirEvent
from qingjian.apps.evaluation.services import air_events as writing
from qingjian.apps.records import queries as records
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.clock import CHINA

PDF = b"%PDF-1.4 a page of the weather service"
DUSTY = date(2026, 11, 12)


@pytest.fixture
def year(data: Data, place: Any, lay_out: LayOut) -> Any:
    """Ten clean days of two stations, one of them with dust."""
    lay_out("air-events", _fill)
    return place


def _fill() -> None:
    start = datetime(2026, 11, 8, tzinfo=CHINA)
    dust = {"a34002": 640.0, "a34004": 90.0}
    day = (DUSTY - start.date()).days
    entries = []
    for point in ("A1", "A2"):
        for code, value in CLEAN.items():
            values = [value] * 240
            values[24 * day : 24 * day + 24] = [dust.get(code, value)] * 24
            entries.append((f"{point}.{code}", start, values))
    put_all(entries)
    services.catch_up("air", 14)


@pytest.fixture
def people(place: Any) -> tuple[Any, Any]:
    return place.person("shuju", "data_manager"), place.person("shenhe", "data_manager")


def given(place: Any, **changed: Any) -> dict[str, Any]:
    return {
        "kind": "sand_dust",
        "region": place.county,
        "first": DUSTY,
        "last": DUSTY,
        "pollutants": [],
        "approval": "环办监测函〔2026〕1号",
        "reason": "沙尘过境",
        "evidence": PDF,
        "evidence_name": "sand.pdf",
        **changed,
    }


def pm10(lines: list[air_events.Line]) -> air_events.Line:
    return next(one for one in lines if (one.item, one.statistic) == ("PM10", "mean"))


def test_an_approved_event_leaves_the_statistics_and_both_figures_stay(year: Any, people: Any) -> None:
    maker, checker = people
    row = writing.propose(maker, **given(year))
    assert air_events.approved(year.county, 2026) == []
    writing.approve(checker, row, row.version, "与气象部门核对")
    whole, reduced, lines = air_events.compared(year.county, 2026, air_events.approved(year.county, 2026))
    assert (pm10(lines).before, pm10(lines).after, pm10(lines).days) == (100, 40, 1)
    assert next(one for one in lines if one.item == "NO2").days == 0
    assert (whole.days, whole.good, whole.heavy) == (10, 9, 1)
    assert (reduced.days, reduced.good, reduced.heavy) == (10, 10, 0)
    share = next(one for one in lines if one.statistic == air_events.GOOD_DAYS)
    assert (share.before, share.after) == (Decimal("90.0"), Decimal("100.0"))
    (trace,) = reduced.deduction
    assert any("SO2、NO2、CO、O3_8h" in step.text.zh for step in trace.steps)
    assert "环办监测〔2016〕120号 2016" in trace.editions[0] or trace.editions == ("环办监测〔2016〕120号",)
    assert reduced.composite.value < whole.composite.value
    kept = next(one for one in row.effect if (one["item"], one["statistic"]) == ("PM10", "mean"))
    assert (kept["before"], kept["after"]) == ("100.0", "40.0")
    writing.revoke(maker, row, row.version, "批准文件撤回")
    assert air_events.approved(year.county, 2026) == []
    assert row.state == AirEvent.State.REVOKED
    assert not [one for one in records.differences() if "空气质量事件" in one]


def test_nobody_decides_the_own_proposal_and_nothing_is_decided_twice(year: Any, people: Any) -> None:
    maker, checker = people
    row = writing.propose(maker, **given(year))
    for deed in (writing.approve, writing.reject):
        with pytest.raises(PermissionDenied):
            deed(maker, row, row.version, "x")
    with pytest.raises(PermissionDenied):
        writing.withdraw(checker, row, row.version)
    with pytest.raises(PermissionDenied):
        writing.approve(year.person("zhiban", "station_staff"), row, row.version)
    with pytest.raises(ValidationError):
        writing.reject(checker, row, row.version, " ")
    stale = AirEvent.objects.get(pk=row.pk)
    writing.approve(checker, row, row.version)
    with pytest.raises(ValidationError):
        writing.reject(checker, stale, stale.version, "late")
    with pytest.raises(PermissionDenied):
        writing.revoke(checker, row, row.version, "own approval")


@pytest.mark.parametrize(
    "wrong",
    [
        {"last": DUSTY - timedelta(days=1)},
        {"last": date(2026, 12, 1)},
        {"first": date(2026, 9, 1)},
        {"approval": " "},
        {"reason": " "},
        {"evidence": b"<html>"},
        {"evidence": b""},
        {"pollutants": ["NO2"]},
        {"kind": "exception_event", "first": date(2026, 2, 27), "last": date(2026, 3, 1)},
    ],
)
def test_an_impossible_event_is_refused(year: Any, people: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        writing.propose(people[0], **given(year, **wrong))
    assert not AirEvent.objects.exists()


def test_the_same_days_are_not_proposed_twice(year: Any, people: Any) -> None:
    row = writing.propose(people[0], **given(year))
    with pytest.raises(ValidationError, match="2026-11-12"):
        writing.propose(people[1], **given(year))
    writing.withdraw(people[0], row, row.version)
    writing.propose(people[1], **given(year))


def test_the_pages_lead_from_proposal_to_decision(year: Any, people: Any, client: Any) -> None:
    maker, checker = people
    client.force_login(maker)
    fields = {
        name: value for name, value in given(year).items() if not name.startswith(("evidence", "region"))
    }
    address = f"/air/events/?region={year.county.code}"
    assert client.post(address, {**fields, "approval": ""}).status_code == 400
    answer = client.post(address, {**fields, "evidence": SimpleUploadedFile("../sand.pdf", PDF)})
    row = AirEvent.objects.get()
    assert answer.headers["Location"] == f"/air/events/{row.pk}/"
    assert row.evidence_name == "sand.pdf"
    assert "第二人" in client.get(f"/air/events/{row.pk}/").content.decode()
    client.force_login(checker)
    client.post(f"/air/events/{row.pk}/decide/", {"action": "approve", "version": row.version})
    assert AirEvent.objects.get().state == AirEvent.State.APPROVED
    page = client.get(f"/air/year/?region={year.county.code}&year=2026").content.decode()
    assert f"/air/events/?region={year.county.code}" in page
    assert "扣除后" in page
    why = client.get(f"/air/year/why/?region={year.county.code}&year=2026&item=deduction").content.decode()
    assert "环办监测〔2016〕120号" in why
    ranking = client.get("/air/ranking/?period=year").content.decode()
    assert "环办监测〔2016〕120号" in ranking
    file = client.get(f"/air/events/{row.pk}/evidence/")
    assert b"".join(file.streaming_content) == PDF
    assert "attachment" in file.headers["Content-Disposition"]
    assert client.get(address + "&export=xlsx").status_code == 200
    client.force_login(year.person("stranger", "data_manager", region=year.other))
    assert client.get(f"/air/events/{row.pk}/").status_code == 404
    assert client.get(f"/air/events/{row.pk}/evidence/").status_code == 404
    reader = year.person("reader", "station_staff")
    client.force_login(reader)
    assert client.post(address, fields).status_code == 403


def test_a_rule_of_the_office_lets_the_days_leave_the_count(year: Any, people: Any) -> None:
    maker, checker = people
    row = writing.propose(maker, **given(year))
    writing.approve(checker, row, row.version)
    packaged = rulebook()
    (rule,) = packaged.rows("evaluation_parameters", subject="sand_dust", item="days")
    rows = queries.air_days(year.county, 2026)
    left_out = packaged.with_rows([replace(rule, values={**rule.values, "value": "left out"})])
    found = deducting.deducted(rows, [deducting.as_event(row)], left_out)
    assert [one.category for one in found.rows].count("") == 1
    assert found.taken == {DUSTY: frozenset({"PM10", "PM2.5"})}
    assert all(one.category for one in queries.air_days(year.county, 2026))


def test_the_ranking_rests_on_what_is_left_and_shows_both(year: Any, people: Any) -> None:
    maker, checker = people
    points = [one for one in air.stations() if one.code in ("A1", "A2")]
    stretch = rankings.year_stretch(2026, date(2026, 11, 22))
    before = rankings.of_points(points, "station", stretch).lines[0]
    assert before.whole is None
    row = writing.propose(maker, **given(year))
    writing.approve(checker, row, row.version)
    after = rankings.of_points(points, "station", stretch).lines[0]
    assert after.whole.value == before.index.value > after.index.value


def test_counties_are_ranked_by_their_own_days_with_and_without(year: Any, people: Any, client: Any) -> None:
    maker, checker = people
    client.force_login(maker)
    address = "/air/ranking/?by=county&period=year"
    (before,) = client.get(address).context["lines"]
    assert (before.name, before.place.rank, before.days, before.whole) == (year.county.name, 1, 10, None)
    row = writing.propose(maker, **given(year))
    writing.approve(checker, row, row.version)
    (after,) = client.get(address).context["lines"]
    assert after.whole.value == before.index.value > after.index.value
    assert client.get(f"/air/ranking/why/?by=county&period=year&place={year.county.pk}").status_code == 200
    assert client.get(address + "&export=xlsx").content[:2] == b"PK"
    client.force_login(year.person("stranger", "data_manager", region=year.other))
    assert client.get(address).context["lines"] == []


def test_what_the_city_approved_counts_for_its_counties(year: Any, client: Any) -> None:
    maker, checker = (year.person(name, "data_manager", region=year.city) for name in ("m", "c"))
    row = writing.propose(maker, **given(year, region=year.city))
    stretch = rankings.year_stretch(2026, date(2026, 11, 22))
    (before,) = rankings.of_regions([year.county], stretch).lines
    writing.approve(checker, row, row.version)
    (county,) = rankings.of_regions([year.county], stretch).lines
    points = [one for one in air.stations() if one.code == "A1"]
    (station,) = rankings.of_points(points, "station", stretch).lines
    assert county.whole.value == before.index.value > county.index.value
    assert county.index.value == station.index.value
    assert air_events.approved(year.county, 2026) == [row]
    assert air_events.approved(year.other, 2026) == [row]
    assert deducting.decided_after(row.created_at - timedelta(days=1), DUSTY, DUSTY, year.county) == 1
    inside = year.person("inside", "data_manager")
    with pytest.raises(ValidationError, match=r"overlap|重叠"):
        writing.propose(inside, **given(year))
    client.force_login(inside)
    assert f"/air/events/{row.pk}/" in client.get(f"/air/events/?region={year.county.code}").content.decode()
    page = client.get(f"/air/events/{row.pk}/")
    assert page.status_code == 200
    assert page.context["years"] == page.context["days"] == []
    assert "/why/" not in page.content.decode()
    assert client.post(f"/air/events/{row.pk}/decide/", {"action": "revoke", "version": 1}).status_code == 403


def test_the_proposal_of_a_city_is_not_told_to_its_counties(year: Any, client: Any) -> None:
    row = writing.propose(year.person("m", "data_manager", region=year.city), **given(year, region=year.city))
    client.force_login(year.person("inside", "data_manager"))
    assert client.get(f"/air/events/{row.pk}/").status_code == 404


def test_an_event_over_new_year_keeps_what_it_does_to_both_years(year: Any, people: Any, client: Any) -> None:
    maker, checker = people
    row = writing.propose(maker, **given(year, first=date(2025, 12, 30), last=date(2026, 1, 2)))
    row = writing.approve(checker, row, row.version)
    assert {one["year"] for one in row.effect} == {2025, 2026}
    client.force_login(maker)
    page = client.get(f"/air/events/{row.pk}/")
    assert [one[0] for one in page.context["years"]] == [2025, 2026]
    assert [one for one, _lines in page.context["kept"]] == [2025, 2026]
