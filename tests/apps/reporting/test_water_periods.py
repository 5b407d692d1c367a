"""Water reports of quarters and years rest on the months, hand-sampled sections and lakes included."""

from __future__ import annotations

import io
import json
from datetime import date, datetime

import openpyxl
from tests.apps.evaluation.conftest import Data, elements, enter, put_all

from qingjian.apps.evaluation import queries, services
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.network.models import Point
from qingjian.apps.reporting import services as reports
from qingjian.apps.reporting import water_judged
from qingjian.contracts.clock import CHINA
from qingjian.contracts.periods import QUARTER, YEAR, Period, period_of

__all__ = ["elements"]
AUGUST = date(2026, 8, 15)


def sample(point: str, day: str, **items: str) -> None:
    enter({f"{point}.{code}": value for code, value in items.items()}, day)
    services.evaluate("water", date.fromisoformat(day), date.fromisoformat(day))


def of(period: Period, code: str) -> water_judged.Judged:
    points = list(Point.objects.filter(code=code))
    return water_judged.judged(points, period)[0]


def cells(content: dict, title: str) -> list[list]:
    (found,) = (
        one for one in [*content["sections"], *content["basis"]["sections"]] if one["title"]["zh"] == title
    )
    return found["table"]["rows"]


def test_a_section_sampled_by_hand_has_a_class_in_the_quarter_and_says_which_month_is_missing(
    elements: Data, place
) -> None:
    sample("M1", "2026-07-10", w01009="8.0")
    sample("M1", "2026-08-12", w01009="3.0")
    one = of(period_of(QUARTER, AUGUST), "M1")
    assert (one.cls, one.target, one.reached, one.decided_by) == ("Ⅲ", "Ⅲ", True, ("DO",)), "mean 5.5 mg/L"
    assert (one.months, one.samples, dict(one.counts)) == ((date(2026, 7, 1), date(2026, 8, 1)), 2, {"DO": 2})
    content = reports.content_of("water", place.county, period_of(QUARTER, AUGUST))
    (line,) = (row for row in cells(content, "断面评价") if row[0] == "测点M1")
    assert line[-1] == "2/3"
    (line,) = (row for row in cells(content, "数据完整性") if row[0] == "测点M1")
    assert (line[1], line[2]["zh"], line[3]["zh"]) == (2, "2026-09", "DO 2/3")


def test_one_sample_judges_no_quarter_and_five_months_no_year_and_the_report_says_so(
    elements: Data, place
) -> None:
    for month in range(1, 6):
        sample("M1", f"2025-{month:02d}-10", w01009="8.0")
    first, second, year = (
        period_of(span, day)
        for span, day in ((QUARTER, date(2025, 1, 1)), (QUARTER, date(2025, 4, 1)), (YEAR, date(2025, 1, 1)))
    )
    assert [of(one, "M1").cls for one in (first, second, year)] == ["Ⅰ", "Ⅰ", ""]
    assert "仅 5 个值，少于 6 个" in of(year, "M1").reasons[0].zh
    sample("M1", "2025-07-10", w01009="8.0")
    assert of(year, "M1").cls == "Ⅰ", "six months"
    third = period_of(QUARTER, date(2025, 7, 1))
    assert (of(third, "M1").cls, of(third, "M1").samples) == ("", 1)
    content = reports.content_of("water", place.county, third)
    assert content["facts"][0]["value"].startswith("0 / ")
    assert [row[0] for row in cells(content, "数据不足未评价的断面")] == ["测点M1"]
    assert "没有一个断面的数据足以评价类别" in content["summary"][0]["zh"]
    assert "None" not in json.dumps(content["summary"], ensure_ascii=False)
    sample("M1", "2025-07-20", w01009="6.0")
    assert (of(third, "M1").cls, of(third, "M1").samples) == ("Ⅱ", 2), "two samples of one month: mean 7 mg/L"
    assert of(third, "M1").cls != of(year, "M1").cls


def test_a_year_that_goes_on_is_judged_by_its_months_so_far_against_the_same_part_of_last_year(
    elements: Data, place
) -> None:
    sample("M1", "2026-03-10", w01009="8.0")
    period = period_of(YEAR, date(2026, 3, 1))
    assert of(period, "M1").cls == "Ⅰ"
    base = period.as_known_on(date(2026, 3, 21)).year_before()
    assert (base.first, base.known_last) == (date(2025, 1, 1), date(2025, 3, 20))
    sample("M1", "2025-02-10", w01009="8.0")
    sample("M1", "2025-07-10", w01009="1.0")
    (one,) = water_judged.judged(list(Point.objects.filter(code="M1")), base)
    assert (one.cls, one.months) == ("Ⅰ", (date(2025, 2, 1),)), "the months since are not compared"


def test_a_river_is_rated_alike_on_the_page_and_in_the_report_and_without_its_lakes(
    elements: Data, place, client
) -> None:
    for code in ("M1", "L1", "R1"):
        one = Point.objects.get(code=code)
        one.attributes["river"] = "清河"
        one.save()
    sample("M1", "2026-11-10", w01009="6.5", w20111="0.002")
    sample("L1", "2026-11-10", w21011="0.9")
    start = datetime(2026, 11, 20, tzinfo=CHINA)
    put_all([("R1.w01009", start, [8.0] * 24), ("R1.w01001", start, [7.5] * 24)])
    services.evaluate("water", start.date(), start.date())
    person = place.person("zhiban", "station_staff")
    (page,) = queries.river_ratings(queries.water_sections(person))
    period = period_of("month", start.date())
    present = water_judged.judged(list(Point.objects.filter(code__in=("M1", "L1", "R1"))), period)
    (report,) = queries.rate_rivers(((one.point, one.entering) for one in present if one.cls), period.last)
    assert {one.code for one in page["points"]} == {one.code for one in report["points"]} == {"M1", "R1"}
    for name in ("rating", "sections", "main", "share_good", "share_worst"):
        assert getattr(page["rating"], name) == getattr(report["rating"], name)
    assert page["rating"].rating == "重度污染", "mercury of the laboratory counts: mean 0.002 mg/L"
    content = reports.content_of("water", place.county, period)
    (line,) = cells(content, "河流评价")
    assert (line[0]["zh"], line[1], line[2]["zh"]) == ("清河", 2, "重度污染")
    client.force_login(person)
    book = openpyxl.load_workbook(io.BytesIO(client.get("/water/?export=xlsx").content))
    rows = list(book.worksheets[1].iter_rows(values_only=True))
    assert (rows[1][0], rows[1][1], rows[1][2]) == ("清河", 2, "重度污染")


def test_a_month_of_samples_counts_samples_and_names_what_was_left_out(elements: Data, place) -> None:
    enter({"M1.w01009": "8.0", "M1.w20111": "-1"}, "2026-11-10")
    services.evaluate("water", date(2026, 11, 10), date(2026, 11, 10))
    content = reports.content_of("water", place.county, period_of("month", date(2026, 11, 10)))
    (line,) = (row for row in cells(content, "数据完整性") if row[0] == "测点M1")
    assert line[1]["zh"] == "DO 1", "a sample is no day of thirty"
    assert any(row[0] == "测点M1" and row[1] == "Hg" for row in cells(content, "未参加评价的数据"))


def test_a_day_with_a_sample_only_reports_the_section(elements: Data, place) -> None:
    sample("M1", "2026-11-10", w01009="8.0")
    assert of(period_of("day", date(2026, 11, 10)), "M1").cls == "Ⅰ"


def test_a_stored_month_that_cannot_be_averaged_stops_no_other_section(elements: Data, place) -> None:
    for day in ("2026-07-10", "2026-08-12"):
        sample("M1", day, w01009="8.0")
        sample("B1", day, w01009="8.0")
    broken = Evaluation.objects.filter(kind="water_month", point__code="B1", superseded_at=None).first()
    broken.values["used"]["DO"] = -5
    broken.save()
    points = list(Point.objects.filter(code__in=("B1", "M1")))
    found = {
        one.point.code: one
        for one in queries.sections_over(points, date(2026, 7, 1), date(2026, 9, 30), "quarter")
    }
    assert found["M1"].found.cls == "Ⅰ"
    assert found["B1"].found is None
    assert found["B1"].reasons
