"""What only the library knew before: three years of air, the week and fluctuations of a water station, the annual dose."""

from __future__ import annotations

import io
from datetime import date, datetime, timedelta

import openpyxl
import pytest
from tests.apps.evaluation.conftest import Data

from qingjian.apps.evaluation import automatic, doses, services
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.network.models import Point
from qingjian.contracts.clock import CHINA

MONDAY = datetime(2026, 11, 9, tzinfo=CHINA)
START = datetime(2026, 11, 20, tzinfo=CHINA)


@pytest.fixture
def staff(place):
    return place.person("zhiban", "station_staff")


def sheets(client, address: str) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(client.get(address).content))


# -- rolling means of the air ------------------------------------------------------------------------------------------


def test_the_air_now_has_rolling_means_that_say_what_they_rest_on(data: Data, staff, client) -> None:
    for point in ("A1", "A2"):
        data.air(point, START, 33, a34004=60.0, a05024=80.0)
        data.put(f"{point}.a34004", START + timedelta(hours=31), [120.0, 180.0])
        data.put(f"{point}.a05024", START + timedelta(hours=26), [20.0] * 3, "D")
        data.put(f"{point}.a21026", START + timedelta(hours=10), [8.0] * 12, "D")
    services.evaluate("air", START.date(), START.date() + timedelta(days=1))
    client.force_login(staff)
    answer = client.get("/air/")
    found = {one.name: one for one in answer.context["rolling"]}
    assert (found["PM2.5"].hour, found["PM2.5"].value) == (180, (22 * 60 + 120 + 180) / 24)
    assert (found["PM2.5"].valid, found["PM2.5"].window) == (24, 24)
    assert (found["O3"].value, found["O3"].valid, found["O3"].window) == (None, 5, 8), (
        "six of eight are needed"
    )
    assert (found["SO2"].value, found["SO2"].valid) == (None, 12)
    assert "滑动平均" in answer.content.decode()
    why = client.get("/air/rolling/why/?item=PM2.5").content.decode()
    assert "截至 11-21 08:00 起的一小时" in why
    assert "67.5 μg/m³" in why
    assert client.get("/air/rolling/why/?item=O9").status_code == 404
    rows = list(sheets(client, "/air/?export=xlsx").active.iter_rows(values_only=True))
    assert [row[0] for row in rows[1:]] == ["A1", "A2"]


def test_an_hour_that_is_not_published_names_no_primary_pollutant_and_gives_no_advice(
    data: Data, staff, client
) -> None:
    for point in ("A1", "A2"):
        data.air(point, START, 33, a34004=50.0, a21026=float("nan"))
    services.evaluate("air", START.date(), START.date() + timedelta(days=1))
    client.force_login(staff)
    answer = client.get("/air/")
    row = answer.context["row"]
    assert (row.publishable, row.primary, row.published_primary) == (False, "PM2.5", "")
    assert answer.context["advice"] is None
    assert "首要污染物: <strong>无</strong>" in answer.content.decode().replace("：", ": ")
    rows = list(sheets(client, "/air/?export=xlsx").active.iter_rows(min_row=2, values_only=True))
    assert {(one[3], one[5] or "") for one in rows} == {("NA", "")}


# -- three years of air ------------------------------------------------------------------------------------------------


def air_of(data: Data, years: dict[int, float]) -> None:
    for year, value in years.items():
        for point in ("A1", "A2"):
            data.air(point, START.replace(year=year), 24, a34004=value)
        services.evaluate("air", date(year, 11, 20), date(year, 11, 20))


def test_three_years_have_a_mean_with_its_reason_and_say_which_year_is_not_valid(
    data: Data, staff, client
) -> None:
    air_of(data, {2024: 30.0, 2025: 40.0, 2026: 50.0})
    client.force_login(staff)
    answer = client.get("/air/year/?year=2026")
    line = next(one for one in answer.context["three"] if one.name == "PM2.5")
    assert (line.found.rounded, [float(one) for one in line.means]) == (40, [30, 40, 50])
    assert not line.found.valid
    assert {one.name for one in answer.context["three"]} == {"SO2", "NO2", "PM10", "PM2.5"}
    assert "三年滑动平均" in answer.content.decode()
    assert "2024 年不满足有效性" in answer.content.decode()
    why = client.get("/air/year/why/?year=2026&item=three-years:PM2.5").content.decode()
    assert "条文未核对" in why
    assert "HJ 663-2026" in why
    book = sheets(client, "/air/year/?year=2026&export=xlsx")
    rows = list(book["三年滑动平均"].iter_rows(values_only=True))
    assert rows[0][1:4] == ("2024", "2025", "2026")
    assert next(one for one in rows if one[0] == "PM2.5")[4] == 40


def test_a_year_before_the_edition_has_no_three_year_mean_and_says_why(data: Data, staff, client) -> None:
    air_of(data, {2025: 40.0, 2026: 50.0})
    client.force_login(staff)
    answer = client.get("/air/year/?year=2025")
    assert (answer.context["three"], answer.context["span"]) == ([], [])
    assert "2025 年适用的版本没有三年滑动平均" in answer.content.decode()
    client.cookies["django_language"] = "en"
    assert "the edition of 2025 has no 3-year mean" in client.get("/air/year/?year=2025").content.decode()
    line = client.get("/air/year/?year=2026").context["three"][0]
    assert (line.found, line.means[0]) == (None, None), "2024 is missing: no mean"
    assert client.get("/air/year/why/?year=2026&item=three-years:PM2.5").status_code == 404


# -- automatic water stations ------------------------------------------------------------------------------------------


def river(data: Data, oxygen: list[float], start: datetime = MONDAY) -> None:
    """Store one value for every hour of consecutive days and evaluate them."""
    data.put("R1.w01009", start, [value for value in oxygen for _hour in range(24)])
    data.put("R1.w01001", start, [7.5] * 24 * len(oxygen))
    data.put("R1.w01014", start, [300.0] * 24 * len(oxygen))
    first = start.date()
    services.evaluate("water", first, first + timedelta(days=len(oxygen) - 1))


def test_a_station_has_the_class_of_its_week_from_the_readings(data: Data, staff, client) -> None:
    river(data, [8.0] * 5 + [3.0, 3.0, 6.0])
    client.force_login(staff)
    answer = client.get("/water/R1/")
    week = answer.context["week"]
    assert (week.monday, week.sunday, week.running) == (date(2026, 11, 9), date(2026, 11, 15), False)
    assert (week.found.result.cls, week.hours) == ("Ⅱ", {"DO": 168, "pH": 168})
    assert round(float(week.found.means.items["DO"].value), 4) == round((5 * 8 + 2 * 3) / 7, 4)
    text = answer.content.decode()
    assert "自动站周评价" in text
    assert client.get("/water/R1/?week=2026-11-17").context["week"].hours == {"DO": 24, "pH": 24}
    why = client.get("/water/R1/week/why/?week=2026-11-11").content.decode()
    assert "直接由小时读数求均值" in why
    assert why.count("<tr") < 40, "the readings are not listed one by one"
    assert client.get("/water/R1/?week=2025-01-01").status_code == 404
    assert client.get("/water/R1/?week=never").status_code == 400
    book = sheets(client, "/water/R1/?export=xlsx")
    assert next(row[3:5] for row in book["自动站周评价"].iter_rows(min_row=2, values_only=True))[0] == "pH"


def test_a_week_leaves_out_what_does_not_count_and_names_it(data: Data, staff, client) -> None:
    river(data, [8.0] * 7)
    data.put("R1.w01009", MONDAY, [-1.0, 1.0], "D")
    services.follow("water")
    services.evaluate("water", MONDAY.date(), MONDAY.date())
    point = Point.objects.get(code="R1")
    week = automatic.week(point, MONDAY.date())
    assert week.hours["DO"] == 166
    assert any(one.name == "DO" and one.used is None for one in week.trace.inputs)


def test_a_day_that_turns_to_the_worse_stands_out(data: Data, staff, client) -> None:
    river(data, [8.0] * 9 + [3.0, 8.0], MONDAY)
    client.force_login(staff)
    answer = client.get("/water/R1/")
    (one,) = answer.context["fluctuating"]
    assert (one.day, one.found.item, float(one.ratio)) == (date(2026, 11, 18), "DO", 2.67)
    assert answer.context["newest_day"] == date(2026, 11, 19)
    text = answer.content.decode()
    assert "异常波动" in text
    why = client.get("/water/R1/fluctuation/why/?day=2026-11-18&item=DO").content.decode()
    assert "中位数/日值 = 2.67" in why
    assert "HJ 915" in why
    assert client.get("/water/R1/fluctuation/why/?day=2026-11-18&item=TP").status_code == 404
    rows = list(sheets(client, "/water/R1/?export=xlsx")["异常波动"].iter_rows(min_row=2, values_only=True))
    assert [row[1] for row in rows] == ["DO"] * len(rows), "pH has no multiple"
    assert sum(row[5] == "是" for row in rows) == 1


def test_too_few_days_before_and_the_running_day_say_nothing(data: Data) -> None:
    river(data, [8.0, 8.0, 2.0], START - timedelta(days=1))
    point = Point.objects.get(code="R1")
    assert automatic.fluctuations(point) == []


def test_a_section_that_is_sampled_by_hand_has_no_week(data: Data, staff, client) -> None:
    Point.objects.filter(code="R1").update(kind="water_section")
    river(data, [8.0] * 7)
    client.force_login(staff)
    text = client.get("/water/R1/").content.decode()
    assert "自动站周评价" not in text
    assert client.get("/water/R1/week/why/").status_code == 404


# -- annual dose -------------------------------------------------------------------------------------------------------


def radiate(data: Data, rates: list[float], start: datetime = MONDAY) -> None:
    data.put("RD.r00x01", start, rates)
    last = start.date() + timedelta(days=len(rates) // 24)
    services.evaluate("radiation", start.date(), last)


@pytest.mark.parametrize(
    ("rate", "lowest", "highest", "within"),
    [
        (90.0, "0", "0.184", True),
        (150.0, "0.307", "0.552", True),
        (250.0, "0.92", "1.165", None),
        (300.0, "1.226", "1.472", False),
        (50.0, "0", "0", True),
    ],
)
def test_the_annual_dose_lies_between_both_ends_of_the_background(
    elements: Data, rate: float, lowest: str, highest: str, within: bool | None
) -> None:
    radiate(elements, [rate] * 48)
    (dose,) = doses.of(Point.objects.get(code="RD"))
    assert (dose.year, dose.running, dose.hours, dose.mean) == (2026, True, 48, rate)
    assert (f"{dose.lowest.normalize():f}", f"{dose.highest.normalize():f}") == (lowest, highest)
    assert dose.within is within
    assert dose.trace.confidence.value == "U"


def test_the_page_of_a_radiation_station_shows_the_dose_its_reason_and_its_background(
    elements: Data, staff, client
) -> None:
    radiate(elements, [150.0] * 48)
    radiate(elements, [90.0] * 24, MONDAY.replace(year=2025))
    client.force_login(staff)
    answer = client.get("/elements/radiation/RD/")
    assert [one.year for one in answer.context["doses"]] == [2026, 2025]
    text = answer.content.decode()
    assert "年有效剂量" in text
    assert "0.307–0.552" in text
    why = client.get("/elements/radiation/RD/dose/why/?year=2026").content.decode()
    for word in ("GB 18871", "48 个有效小时", "公众限值", "年度尚未结束"):
        assert word in why
    assert client.get("/elements/radiation/RD/dose/why/?year=2020").status_code == 404
    assert client.get("/elements/noise/N1/dose/why/").status_code == 404
    rows = list(
        sheets(client, "/elements/radiation/RD/?export=xlsx")["年有效剂量"].iter_rows(values_only=True)
    )
    assert [row[0] for row in rows[1:]] == [2026, 2025]


def test_without_a_background_there_is_no_dose_and_the_page_says_what_to_do(
    elements: Data, staff, client
) -> None:
    Point.objects.filter(code="RD").update(attributes={})
    radiate(elements, [150.0] * 24)
    client.force_login(staff)
    answer = client.get("/elements/radiation/RD/")
    assert answer.context["doses"] == []
    assert "天然本底未登记" in answer.content.decode()
    assert Evaluation.objects.filter(kind="radiation_day").exists()
