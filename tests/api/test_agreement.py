"""A program sees what its person sees on the pages: no more, no less, and the same numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from tests.api.conftest import Program, everything
from tests.apps.conftest import County, LayOut
from tests.apps.evaluation.conftest import HOUR, Data

from qingjian.api import access
from qingjian.apps.accounts.models import User
from qingjian.apps.evaluation import queries, services
from qingjian.apps.evaluation.models import Evaluation, Exceedance
from qingjian.apps.network import queries as network
from qingjian.apps.network.models import PermitLimit, Point, Series
from qingjian.apps.observing import services as observing
from qingjian.apps.observing.values import page_values
from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import now

START = datetime(2026, 11, 20, tzinfo=CHINA)
READERS = {
    "staff": ("station_staff", "county", "bureau"),
    "city": ("leader", "city", "bureau"),
    "elsewhere": ("station_staff", "other", "bureau"),
    "holder": ("permit_holder", "county", "holder"),
    "system": ("system_administrator", "county", "bureau"),
    "auditor": ("audit_administrator", "county", "bureau"),
}


def reader(county: County, name: str) -> User:
    role, region, organisation = READERS[name]
    return county.person(
        name, role, region=getattr(county, region), organisation=getattr(county, organisation)
    )


@pytest.fixture
def measured(data: Data, lay_out: LayOut, clock) -> Data:
    """Two days of an outlet and two stations, evaluated; an hour came again with another value."""

    def build() -> None:
        for point in ("A1", "A2", "A3"):
            data.air(point, START - 12 * HOUR, 30, a34004=30.0 + ord(point[1]))
        data.put("W1.w01018", START, [40] * 5 + [120, 150, 130] + [40] * 16)
        data.put("W1.w00000", START, [10] * 24)
        services.catch_up("outlets", 60)
        services.catch_up("air", 60)
        clock.advance(60)
        data.put("W1.w01018", START + 6 * HOUR, [180])
        services.follow("outlets")
        observing.consume_findings()

    lay_out("measured", build)
    return data


@pytest.mark.parametrize("name", READERS)
def test_the_reach_of_a_program_is_that_of_the_pages(
    county: County, measured: Data, program: Program, name: str
) -> None:
    person = reader(county, name)
    client, pages = program(person), Client()
    pages.force_login(person)
    held = everything(client, "/api/v1/points", limit=2)
    assert [one["code"] for one in held] == sorted(
        network.points_visible_to(person).exclude(kind="synthetic").values_list("code", flat=True)
    )
    for row in Point.objects.order_by("code"):
        access.REQUESTS.forget()
        answer = client.get(f"/api/v1/points/{row.code}")
        assert answer.status_code == pages.get(f"/points/{row.code}/").status_code, row.code
        values = client.get(f"/api/v1/points/{row.code}/observations")
        assert values.status_code == answer.status_code
        if answer.status_code == 200:
            readable = set(network.series_visible_to(person).filter(point=row).values_list("code", flat=True))
            assert {one["code"] for one in answer.json()["series"]} == readable
            assert {one["series"] for one in values.json()["rows"]} <= readable
    period = {"from": "2026-11-18", "to": "2026-11-23"}
    results = everything(client, "/api/v1/results", limit=37, **period)
    visible = queries.evaluations_visible_to(person)
    assert {one["id"] for one in results} == set(
        visible.filter(superseded_at=None).values_list("pk", flat=True)
    )
    for code in Point.objects.values_list("code", flat=True):
        every = everything(client, "/api/v1/results", versions="all", point=code, **period)
        assert {one["id"] for one in every} == set(
            visible.filter(point__code=code).values_list("pk", flat=True)
        )
    runs = everything(client, "/api/v1/exceedances", limit=1)
    assert {one["id"] for one in runs} == set(
        queries.exceedances_visible_to(person).values_list("pk", flat=True)
    )


@pytest.mark.parametrize("name", READERS)
def test_why_is_answered_to_those_who_may_ask_on_the_page(
    county: County, measured: Data, program: Program, name: str
) -> None:
    person = reader(county, name)
    client, pages = program(person), Client()
    pages.force_login(person)
    for kind in Evaluation.objects.values_list("kind", flat=True).distinct().order_by():
        for row in Evaluation.objects.filter(kind=kind).order_by("pk")[:3]:
            access.REQUESTS.forget()
            answer = client.get(f"/api/v1/results/{row.pk}")
            assert answer.status_code == pages.get(f"/evaluations/{row.pk}/why/").status_code
            if answer.status_code == 200:
                body = answer.json()
                assert body["result"]["trace"]["steps"]
                assert body["result"]["rules"] == [one["id"] for one in body["result"]["trace"]["rows"]]
                assert row.pk in body["versions"]


def test_earlier_versions_stay_readable_and_the_latest_comes_alone(
    county: County, measured: Data, program: Program
) -> None:
    client = program(reader(county, "staff"))
    asked = {"point": "W1", "kind": "outlet_hour", "from": "2026-11-20T06:00:00", "to": "2026-11-20T07:00:00"}
    [latest] = everything(client, "/api/v1/results", **asked)
    both = everything(client, "/api/v1/results", versions="all", **asked)
    assert [one["revision"] for one in both] == [latest["revision"], latest["revision"] - 1]
    assert latest["superseded_at"] is None
    assert both[1]["superseded_at"].endswith("+08:00")
    assert latest["multiple"] > both[1]["multiple"]
    assert client.get(f"/api/v1/results/{latest['id']}").json()["versions"] == [one["id"] for one in both]
    [traced, _older] = everything(client, "/api/v1/results", versions="all", trace="true", **asked)
    assert traced["trace"]["confidence"] == latest["confidence"]


def test_results_are_found_by_what_they_are_about(county: County, measured: Data, program: Program) -> None:
    client = program(reader(county, "city"))
    every = everything(client, "/api/v1/results", limit=500)
    assert every == sorted(every, key=lambda one: (one["start"], one["id"]), reverse=True)

    def asked(**by: str) -> set[int]:
        return {one["id"] for one in everything(client, "/api/v1/results", limit=500, **by)}

    air = {one["id"] for one in every if one["kind"].startswith("air")}
    assert asked(element="air") == air
    assert asked(element="water_source") == {one["id"] for one in every} - air
    assert asked(kind="air_day") == {one["id"] for one in every if one["kind"] == "air_day"}
    assert asked(region="990102") == set()
    assert asked(region="990100") == {one["id"] for one in every}
    assert asked(point="A1") == {one["id"] for one in every if (one["point"] or {}).get("code") == "A1"}
    assert any(one["point"] is None for one in every)


def test_exceedances_say_what_was_exceeded_and_lead_to_the_reason(
    county: County, measured: Data, program: Program
) -> None:
    client = program(reader(county, "holder"))
    [run] = everything(client, "/api/v1/exceedances", averaging="hour")
    stored = Exceedance.objects.get(averaging="hour")
    assert (run["periods"], run["peak"], run["unit"]) == (3, stored.peak, "mg/L")
    assert run["start"] == "2026-11-20T05:00:00+08:00"
    assert run["result"] == stored.evaluation_id
    assert client.get(f"/api/v1/results/{run['result']}").status_code == 200
    assert everything(client, "/api/v1/exceedances", averaging="hour", running="true") == []
    assert everything(client, "/api/v1/exceedances", averaging="hour", to="2026-11-20T05:00:00+08:00") == []


@pytest.mark.parametrize(
    "averaging", [value for value, _name in Exceedance._meta.get_field("averaging").choices]
)
def test_exceedances_are_found_by_every_averaging_period_a_limit_has(
    county: County, measured: Data, program: Program, averaging: str
) -> None:
    run = Exceedance.objects.get(averaging="hour")
    run.averaging, run.pk = averaging, None if averaging != "hour" else run.pk
    run.save()
    found = everything(program(reader(county, "holder")), "/api/v1/exceedances", averaging=averaging)
    assert run.pk in {one["id"] for one in found}
    assert {one["averaging"] for one in found} == {averaging}


def test_a_month_above_a_permit_limit_is_asked_for_by_its_period(
    county: County, measured: Data, program: Program
) -> None:
    series = Series.objects.get(code="W1.w01018")
    PermitLimit.objects.create(
        outlet=series.point.outlet,
        factor=series.factor,
        upper=Decimal(45),
        unit="mg/L",
        averaging="month",
        valid_from=datetime(2024, 1, 1, tzinfo=CHINA),
    )
    october = datetime(2026, 10, 1, tzinfo=CHINA)
    measured.put("W1.w01018", october, [30] * 372 + [60] * 372)
    measured.put("W1.w00000", october, [10] * 372 + [30] * 372)
    services.follow("outlets")
    client = program(reader(county, "holder"))
    [run] = everything(client, "/api/v1/exceedances", averaging="month", **{"from": "2026-10-15"})
    # (30 · 10 + 60 · 30) / 40: by flow; the mean of the values alone is within the limit.
    assert (run["peak"], run["periods"], run["end"]) == (52.5, 1, "2026-11-01T00:00:00+08:00")
    answer = client.get(f"/api/v1/results/{run['result']}").json()["result"]
    assert (answer["kind"], answer["inputs"]["used"]) == ("outlet_month", {"w01018": 52.5})
    assert everything(client, "/api/v1/exceedances", averaging="year", **{"from": "2026-01-15"}) == []
    # Without a period the last week is asked for: October goes on until November is judged.
    assert everything(client, "/api/v1/exceedances", averaging="month", running="true") == [run]
    assert run["end"] < everything(client, "/api/v1/exceedances", averaging="hour")[0]["start"]


MOMENTS = st.integers(-20, 40).map(lambda hours: START + hours * HOUR)


def as_on_the_page(
    person: User, series: list[Series], statistic: str, first: datetime, last: datetime, as_of: Any
) -> list[tuple[Any, ...]]:
    values = page_values(person, series, statistic, first, last, as_of)
    codes = {one.pk: one.code for one in series}
    rows = [
        (row["start"], codes[row["series"]], row["value"], row["verdict"].name.lower(), row["reason"])
        for row in values.rows(range(len(values)))
    ]
    return sorted(rows, key=lambda one: one[:2])


def test_values_are_those_of_the_page_however_they_are_asked_for(
    county: County, measured: Data, program: Program
) -> None:
    person = reader(county, "staff")
    client = program(person)

    @given(
        point=st.sampled_from(["A1", "A3", "W1"]),
        statistic=st.sampled_from(["hour", "day", "month"]),
        period=st.tuples(MOMENTS, MOMENTS).filter(lambda one: one[0] < one[1]),
        limit=st.sampled_from([1, 5, 40, 2000]),
        as_of=st.none() | st.sampled_from([0, 30, 120]),
    )
    @examples(max_examples=25)
    def check(
        point: str, statistic: str, period: tuple[datetime, datetime], limit: int, as_of: int | None
    ) -> None:
        first, last = period
        known = None if as_of is None else now() - timedelta(seconds=as_of)
        asked = {"statistic": statistic, "from": first.isoformat(), "to": last.isoformat(), "limit": limit}
        if known is not None:
            asked["as_of"] = known.isoformat()
        if limit == 1 and last - first > 6 * HOUR:
            return
        rows = everything(client, f"/api/v1/points/{point}/observations", **asked)
        series = list(network.series_visible_to(person).filter(point__code=point))
        shown = [
            (datetime.fromisoformat(one["start"]), one["series"], one["value"], one["status"], one["reason"])
            for one in rows
        ]
        assert shown == as_on_the_page(person, series, statistic, first, last, known)

    check()


def test_pages_go_on_behind_a_gap(county: County, measured: Data, program: Program) -> None:
    measured.put("W1.w01018", START - timedelta(days=80), [1, 2, 3])
    client = program(reader(county, "staff"))
    asked = {"series": "W1.w01018", "from": (START - timedelta(days=90)).isoformat(), "to": START.isoformat()}
    path = "/api/v1/points/W1/observations"
    whole = everything(client, path, limit=2000, **asked)
    assert [one["value"] for one in whole] == [1, 2, 3]
    assert everything(client, path, limit=2, **asked) == whole
    assert everything(client, path, limit=3, **asked) == whole


def test_values_say_what_they_are(county: County, measured: Data, program: Program) -> None:
    client = program(reader(county, "staff"))
    path = "/api/v1/points/W1/observations"
    asked = {"series": "W1.w01018", "from": "2026-11-20T06:00:00 08:00", "to": "2026-11-20T07:00:00+08:00"}
    [row] = everything(client, path, **asked)
    assert (row["value"], row["unit"], row["data"], row["revision"]) == (180.0, "mg/L", "measured", 1)
    assert row["start"] == "2026-11-20T06:00:00+08:00"
    assert row["known_at"].endswith("+08:00")
    before = (now() - timedelta(seconds=30)).astimezone(UTC).isoformat()
    [earlier] = everything(client, path, as_of=before, **asked)
    assert (earlier["value"], earlier["revision"]) == (150.0, 0)


def test_marks_come_with_the_values_they_are_on(
    county: County, measured: Data, program: Program, clock
) -> None:
    client = program(reader(county, "staff"))
    point = Point.objects.get(code="W1")
    marker = county.person("marker", "data_manager")
    before = now()
    clock.advance(60)
    codes = ["W1.w01018"]
    observing.set_mark(marker, point, codes, START, START + 2 * HOUR, "fault", "泵坏")
    path = "/api/v1/points/W1/observations"
    asked = {"from": START.isoformat(), "to": (START + 3 * HOUR).isoformat()}
    body = client.get(path, {**asked, "series": "W1.w01018"}).json()
    [mark] = body["marks"]
    assert (mark["kind"], mark["series"], mark["reason"], mark["author"]) == (
        "fault",
        codes,
        "泵坏",
        "marker",
    )
    assert [one["status"] for one in body["rows"]] == ["invalid", "invalid", "valid"]
    assert "泵坏" in body["rows"][0]["reason"] or "故障" in body["rows"][0]["reason"]
    assert client.get(path, {**asked, "series": "W1.w00000"}).json()["marks"] == []
    earlier = client.get(path, {**asked, "series": "W1.w01018", "as_of": before.isoformat()}).json()
    assert earlier["marks"] == []
    assert {one["status"] for one in earlier["rows"]} == {"valid"}


@pytest.mark.parametrize(
    ("origin", "notice", "said"),
    [
        ("device", "", "measured"),
        ("device", "回放 replayed: elsewhere", "replayed"),
        ("simulated", "", "simulated"),
    ],
)
def test_simulated_and_replayed_values_say_so(
    county: County, measured: Data, program: Program, origin: str, notice: str, said: str
) -> None:
    Series.objects.filter(code="W1.w01018").update(origin=origin, notice=notice)
    client = program(reader(county, "staff"))
    rows = client.get("/api/v1/points/W1/observations?series=W1.w01018").json()["rows"]
    assert {one["data"] for one in rows} == {said}
    series = client.get("/api/v1/points/W1").json()["series"]
    assert {one["code"]: one["data"] for one in series}["W1.w01018"] == said
    [run] = everything(client, "/api/v1/exceedances", averaging="hour")
    results = everything(client, "/api/v1/results", point="W1")
    assert {run["data"], *(one["data"] for one in results)} == {said}


def test_a_result_of_a_region_says_what_its_stations_measure(
    county: County, measured: Data, program: Program
) -> None:
    person = reader(county, "city")
    client, pages = program(person), Client()
    pages.force_login(person)

    def regional() -> list[dict[str, Any]]:
        found = everything(client, "/api/v1/results", element="air", limit=500)
        return [one for one in found if one["point"] is None]

    assert {one["data"] for one in regional()} == {"measured"}
    Series.objects.filter(code="A2.a34004").update(notice="回放 replayed: elsewhere")
    assert {one["data"] for one in regional()} == {"replayed"}
    assert "回放" in pages.get(f"/evaluations/{regional()[0]['id']}/why/").content.decode()


def test_series_that_may_not_be_read_are_as_if_there_were_none(
    county: County, measured: Data, program: Program
) -> None:
    client = program(reader(county, "holder"))
    assert client.get("/api/v1/points/W1/observations?series=A1.a34004").status_code == 404
    assert client.get("/api/v1/points/A1/observations").status_code == 404
    assert client.get("/api/v1/points/W1/observations?factor=waste_water.w01018").status_code == 200


def test_a_question_for_too_much_says_how_much_is_allowed(
    county: County, measured: Data, program: Program
) -> None:
    client = program(reader(county, "staff"))
    answer = client.get("/api/v1/points/A1/observations?statistic=minute&from=2025-01-01&to=2026-01-01")
    assert (answer.status_code, answer.json()["code"]) == (422, "period-too-long")
    assert "50000" in answer.json()["message"]["zh"]


def test_points_are_found_by_kind_element_region_and_words(
    county: County, measured: Data, program: Program
) -> None:
    client = program(reader(county, "city"))

    def codes(**asked: str) -> list[str]:
        return [one["code"] for one in everything(client, "/api/v1/points", **asked)]

    every = codes()
    assert codes(element="air") == ["A1", "A2", "A3"]
    assert codes(kind="air_township") == ["A3"]
    assert codes(region="990102") == []
    assert codes(region="990100") == every
    assert codes(q="大桥") == ["R1"]
    assert codes(status="stopped") == []
