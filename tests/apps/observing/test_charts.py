from __future__ import annotations

import io
from datetime import timedelta

import numpy as np
import openpyxl
import pytest
from django.utils import translation
from tests.apps.conftest import NOW

from qingjian.apps.network import services as network
from qingjian.apps.network.models import Outlet, Point, Series
from qingjian.apps.network.services import Proposal
from qingjian.apps.observing import charts, services, views
from qingjian.apps.observing.own import MOST_ROWS, finest
from qingjian.apps.observing.values import page_values

HOUR = timedelta(hours=1)
START = NOW - timedelta(hours=6)


@pytest.fixture
def staff(registry):
    return registry.person("staff", "station_staff")


def minutes(start, values, flag="N"):
    return [(start + timedelta(minutes=10 * place), value, flag) for place, value in enumerate(values)]


def test_a_gap_is_an_explicit_null(fine, put, staff) -> None:
    put(fine, "minute", minutes(START, [1, 2]) + minutes(START + HOUR, [3]))
    (one,) = charts.chart(staff, [fine], "minute", START, NOW)["series"]
    assert [point[1] for point in one["points"]] == [1.0, 2.0, None, 3.0]
    assert one["points"][2][3] == "gap"


def test_points_carry_status_reason_and_level(fine, put, staff) -> None:
    put(fine, "minute", minutes(START, [1, 2]))
    services.set_mark(staff, fine.point, [fine.code], START, START + timedelta(minutes=10), "fault", "泵故障")
    with translation.override("en"):
        chart = charts.chart(staff, [fine], "minute", START, NOW)
    first, second = chart["series"][0]["points"]
    assert (first[3], second[3]) == ("bad", "ok")
    assert "泵故障" in chart["reasons"][first[4]]
    assert chart["levels"][first[5]] == "provisional"
    assert chart["marks"][0]["reason"] == "泵故障"


def test_what_the_device_sent_is_drawn_beside_the_own_value(fine, put, staff) -> None:
    put(fine, "minute", minutes(START, [10, 12, 14, 16, 18, 20]) + minutes(START + HOUR, [5] * 6))
    put(fine, "hour", [(START, 20.0, "N"), (START + HOUR, 5.0, "N")])
    (one,) = charts.chart(staff, [fine], "hour", START, START + 2 * HOUR)["series"]
    assert [point[1] for point in one["points"]] == [15.0, 5.0]
    assert [(point[1], point[2]) for point in one["sent"]] == [(20.0, True), (5.0, False)]


def test_days_and_months_come_from_the_finest_data(fine, put, staff) -> None:
    midnight = NOW.replace(hour=16) - timedelta(days=2)
    put(fine, "minute", minutes(midnight, [10, 12, 14, 16, 18, 20] * 24))
    put(fine, "day", [(midnight, 99.0, "N")])
    window = (NOW - timedelta(days=60), NOW)
    (day,) = charts.chart(staff, [fine], "day", *window)["series"]
    assert [(point[1], point[3]) for point in day["points"]] == [(15.0, "ok")]
    assert [(point[1], point[2]) for point in day["sent"]] == [(99.0, True)]
    (month,) = charts.chart(staff, [fine], "month", *window)["series"]
    assert [(point[1], point[3]) for point in month["points"]] == [(15.0, "look")], "the month is not over"


def test_a_long_window_does_not_read_all_minutes(fine, put, staff, monkeypatch) -> None:
    put(fine, "minute", minutes(START, [10] * 6))
    put(fine, "hour", [(START, 20.0, "N")])
    assert page_values(staff, [fine], "day", NOW - timedelta(days=2), NOW).value.tolist() == [10.0]
    years = 1 + MOST_ROWS * 600 // (366 * 86_400)
    values = page_values(staff, [fine], "day", NOW - timedelta(days=366 * years), NOW)
    assert values.value.tolist() == [20.0]


def test_stored_results_of_the_platform_stand_in_for_long_windows(fine, put, staff) -> None:
    from qingjian.rulebook import packaged

    if not Series.objects.filter(origin="platform", factor=fine.factor).exists():
        fields = {"code": "A1.a21026.platform", "point": "A1", "factor": "air.a21026", "origin": "platform"}
        network.install([Proposal("series", {**fields, "unit": "µg/m³", "decimals": 1, "medium": "air"})])
        network.publish_directory()
    platform = Series.objects.get(origin="platform", factor=fine.factor)
    rule = packaged().rows("data_validity")[0]
    put(platform, "day", [(NOW.replace(hour=16) - timedelta(days=3), 11.0, "N")], source=f"rule:{rule.id}@x")
    put(fine, "day", [(NOW.replace(hour=16) - timedelta(days=3), 14.0, "N")])
    values = page_values(staff, [fine], "day", NOW - timedelta(days=366 * 9), NOW)
    (row,) = values.rows([0])
    assert (row["value"], row["sent"], row["differs"], row["rule"].id) == (11.0, 14.0, True, rule.id)


@pytest.mark.parametrize(
    ("expected", "target", "source"),
    [
        ({"realtime": 30, "minute": 600, "hour": 3600}, "hour", "minute"),
        ({"realtime": 30}, "hour", "realtime"),
        ({"hour": 3600}, "hour", None),
        ({"hour": 3600}, "day", "hour"),
        ({"day": 86400}, "month", "day"),
    ],
)
def test_the_finest_statistic(expected, target, source) -> None:
    assert finest(expected, target) == source


def test_table_and_workbook_hold_the_same_statuses(fine, put, staff, client) -> None:
    put(fine, "minute", minutes(START, [10, 12, 14, 16, 18, 20]))
    put(fine, "hour", [(START, 20.0, "N")])
    services.set_mark(staff, fine.point, [fine.code], START, START + HOUR, "invalid", "漂移")
    client.force_login(staff)
    query = f"series={fine.code}&statistic=hour&from={START:%Y-%m-%dT%H:%M}Z&to={NOW:%Y-%m-%dT%H:%M}Z"
    page = client.get(f"/data/table/?{query}").content.decode()
    assert "漂移" in page
    answer = client.get(f"/data/table/?{query}&export=xlsx")
    heads, line = openpyxl.load_workbook(io.BytesIO(answer.content)).active.values
    cells = dict(zip(heads, line, strict=True))
    assert any("漂移" in str(value) for value in cells.values())
    assert len(heads) == len(line)
    assert client.get(f"/data/chart/?{query}").json()["series"][0]["points"][0][3] == "bad"
    assert client.get("/points/A1/").status_code == 200
    for wrong in ("from=2026-13-01T00:00", "to=0001-01-01T00:00", "as_of=yesterday"):
        assert client.get(f"/data/chart/?series={fine.code}&{wrong}").status_code == 400, wrong


def test_a_workbook_of_too_many_values_is_refused_with_what_to_do(
    fine, put, staff, client, monkeypatch
) -> None:
    put(fine, "minute", minutes(START, [10, 12, 14]))
    client.force_login(staff)
    query = f"series={fine.code}&statistic=minute&range=day&export=xlsx"
    monkeypatch.setattr(views, "MOST_EXPORTED", 3)
    assert client.get(f"/data/table/?{query}").status_code == 200
    monkeypatch.setattr(views, "MOST_EXPORTED", 2)
    answer = client.get(f"/data/table/?{query}")
    assert answer.status_code == 400
    assert "请缩短时段" in answer.content.decode()


def test_converted_values_and_the_limits_that_apply_to_them_are_told_apart(fine, put, staff) -> None:
    network.install(
        [
            Proposal("outlet", {"code": "S1-G1", "source": "S1", "name": "废气排口", "medium": "gas"}),
            Proposal(
                "limit",
                {
                    "outlet": "S1-G1",
                    "factor": "air.a21026",
                    "averaging": "hour",
                    "upper": "35",
                    "unit": "µg/m³",
                }
                | {"converted": True, "basis": "许可证", "valid_from": "2024-01-01"},
            ),
        ]
    )
    Point.objects.filter(code="A1").update(outlet=Outlet.objects.get(code="S1-G1"))
    starts = [START, START + HOUR, START + 3 * HOUR, START + 4 * HOUR]
    rows = [(start, 20.0, "N") for start in starts]
    put(fine, "hour", rows, converted=[30.0, 40.0, 36.0, np.nan])
    fine.refresh_from_db()
    (one,) = charts.chart(staff, [fine], "hour", START, NOW)["series"]
    assert [value for _moment, value in one["converted"]] == [30.0, 40.0, None, 36.0]
    assert [(limit["value"], limit["converted"]) for limit in one["limits"]] == [(35.0, True)]


def test_a_chart_without_converted_values_draws_none(fine, put, staff) -> None:
    put(fine, "hour", [(START, 20.0, "N")])
    assert charts.chart(staff, [fine], "hour", START, NOW)["series"][0]["converted"] == []


def test_series_of_the_same_factor_elsewhere_can_be_held_beside(fine, staff, registry, client) -> None:
    def station(code: str, region: str) -> list[Proposal]:
        place = {"kind": "air_city", "level": "county", "region": region, "organisation": "B1"}
        series = {"factor": "air.a34004", "unit": "µg/m³", "decimals": 0, "medium": "air"}
        return [
            Proposal("point", {"code": code, "name": f"{code}站", **place}),
            Proposal(
                "series", {"code": f"{code}.a34004", "point": code, "expected": {"hour": 3600}, **series}
            ),
        ]

    network.install([*station("A2", "990101"), *station("A3", "990102")])
    client.force_login(staff)
    page = client.get("/points/A1/").content.decode()
    assert '<option value="A2.a34004">细颗粒物 · A2站</option>' in page
    assert "A3.a34004" not in page, "outside the posts of this person"
    assert "W1.w01018" not in page, "another factor"
    answer = client.get("/data/chart/?series=A1.a34004&series=A2.a34004&series=A3.a34004").json()
    assert [one["code"] for one in answer["series"]] == ["A1.a34004", "A2.a34004"]


def test_a_chart_of_more_series_than_it_draws_says_so_and_the_table_has_all(
    fine, put, staff, client, monkeypatch
) -> None:
    other = Series.objects.get(code="A1.a34004")
    for one in (fine, other):
        put(one, "hour", [(START, 20.0, "N")])
    monkeypatch.setattr("qingjian.apps.observing.views.MOST_DRAWN", 1)
    client.force_login(staff)
    query = f"series={fine.code}&series={other.code}&from={START:%Y-%m-%dT%H:%M}Z&to={NOW:%Y-%m-%dT%H:%M}Z"
    answer = client.get(f"/data/chart/?{query}").json()
    assert [one["code"] for one in answer["series"]] == [fine.code]
    assert "2" in answer["left_out"]
    assert "left_out" not in client.get(f"/data/chart/?series={fine.code}").json()
    page = client.get(f"/data/table/?{query}").content.decode()
    assert str(fine.factor) in page
    assert str(other.factor) in page
    many = "&".join(f"series=S{number}" for number in range(61))
    assert client.get(f"/data/chart/?{many}").status_code == 400


def test_a_chart_of_more_values_than_it_draws_covers_them_all_and_says_so(
    fine, put, staff, monkeypatch
) -> None:
    """The lowest, the highest and what was judged badly stay; a hole stays a hole."""
    values = [float(place % 5) for place in range(60)]
    values[7], values[33] = 90.0, -40.0
    sent = [one for place, one in enumerate(minutes(START, values)) if not 20 <= place < 24]
    sent[12] = (*sent[12][:2], "D")
    put(fine, "minute", sent)
    window = (START, START + timedelta(hours=10))
    (whole,) = charts.chart(staff, [fine], "minute", *window)["series"]
    assert whole["thinned"] == ""
    monkeypatch.setattr(charts, "MOST_POINTS", 24)
    with translation.override("zh-hans"):
        (thin,) = charts.chart(staff, [fine], "minute", *window)["series"]
    assert len(thin["points"]) <= 25
    assert "56" in thin["thinned"]
    assert "7" in thin["thinned"]
    assert [one for one in thin["points"] if one not in whole["points"]] == []
    assert thin["points"][0][0] - whole["points"][0][0] <= 7 * 600_000
    assert {90.0, -40.0} <= {one[1] for one in thin["points"]}
    kept = [one for one in whole["points"] if one[3] in ("bad", "gap")]
    assert len(kept) == 2
    assert [one for one in thin["points"] if one[3] in ("bad", "gap")] == kept
