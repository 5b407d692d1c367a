"""What is rounded by the standard is compared rounded; a pollutant attains with mean and percentile; one calculation for each year."""

from __future__ import annotations

import io
import math
import re
from datetime import date, datetime
from decimal import Decimal

import openpyxl
import pytest
from tests.apps.evaluation.conftest import Data, put_all

from qingjian.apps.accounts.models import Region
from qingjian.apps.evaluation import queries, rankings, services, statistics
from qingjian.apps.evaluation.air_views import _times
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.reporting import air_period
from qingjian.apps.reporting.air_figures import figures
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.clock import CHINA
from qingjian.contracts.periods import period_of
from qingjian.standards.air.events import Event
from qingjian.standards.air.ranking import change_rate

NOVEMBER = date(2026, 11, 2)


def county(place) -> Region:
    return Region.objects.get(pk=place.county.pk)


def words(page: bytes) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.decode()))


def of_november(values: list[float]) -> None:
    start = datetime(2026, 11, 2, tzinfo=CHINA)
    put_all(
        [
            (f"{point}.{code}", start, [one for value in each for one in [value] * 24])
            for point in ("A1", "A2")
            for code, each in {
                "a34004": values,
                "a34002": [40.0] * len(values),
                "a21026": [10.0] * len(values),
                "a21004": [20.0] * len(values),
                "a21005": [0.5] * len(values),
                "a05024": [60.0] * len(values),
            }.items()
        ]
    )
    services.evaluate("air", NOVEMBER, date(2026, 11, 2 + len(values) - 1))


def test_days_published_as_good_are_none_above_the_limit(data: Data, place, client) -> None:
    """PM2.5 of 60.3 is 60 by HJ 633-2026: AQI 100; the same page may not count it above the limit of 60."""
    of_november([60.3] * 17)
    rows = Evaluation.objects.filter(kind="air_day", superseded_at=None, point=None)
    assert {(row.aqi, row.category) for row in rows} == {(100, "良")}
    found = statistics.year_of(county(place), 2026).pollutants["PM2.5"]
    assert (found.valid_days, found.exceeding_days, found.attainment_rate) == (17, 0, Decimal("100.0"))
    assert "超标 0 倍" not in "".join(found.trace.lines("zh"))


def test_the_page_of_the_year_shows_mean_and_percentile_and_attains_with_both(data, place, client) -> None:
    """The mean of 24 meets 30; one day of 150 in ten brings P95 above 60."""
    of_november([10.0] * 9 + [150.0])
    found = statistics.year_of(county(place), 2026).pollutants["PM2.5"]
    assert (found.mean_multiple, found.percentile_multiple is None) == (None, False)
    client.force_login(place.person("zhiban", "station_staff"))
    client.cookies["django_language"] = "zh-hans"
    line = words(client.get("/air/year/?year=2026").content)
    line = next(one for one in re.findall(r"PM2\.5 .{0,400}", line) if "P95" in one)
    assert str(found.mean_rounded) in line
    assert str(found.percentile_rounded) in line
    assert f"P95 {found.percentile_multiple:.2f}×" in line
    book = openpyxl.load_workbook(io.BytesIO(client.get("/air/year/?year=2026&export=xlsx").content))
    lines = list(book.worksheets[1].iter_rows(values_only=True))
    (state,) = [one[lines[0].index("状态")] for one in lines if one[0] == "PM2.5"]
    assert state == "高于限值，不判定", "ten days are no year"


@pytest.mark.parametrize(
    ("multiple", "shown"), [(None, ""), ("0.0001", "< 0.01×"), ("0.004", "< 0.01×"), ("1.234", "1.23×")]
)
def test_a_multiple_on_a_page_is_never_nothing(multiple: str | None, shown: str) -> None:
    assert _times(None if multiple is None else Decimal(multiple)) == shown


def test_the_six_pollutants_of_a_yearly_report_hold_mean_percentile_and_one_verdict(data, place) -> None:
    of_november([10.0] * 9 + [150.0])
    period = period_of("year", NOVEMBER)
    days = list(queries.stored("air_day", period.first, period.last, region=county(place)))
    where = type("Place", (), {"region": county(place), "points": ()})
    sections = air_period.build(where, period, days, [], rulebook())["sections"]
    (table,) = [one["table"] for one in sections if one["title"]["en"] == "Six pollutants"]
    own = [row for row in table["rows"] if str(row[0]).startswith("PM2.5")]
    assert [row[1]["en"] for row in own] == ["mean", "P95"]
    assert own[0][3:4] + own[1][3:4] == [30, 60]
    assert own[1][2] > 60
    assert {row[-1]["en"] for row in own} == {"cannot be judged"}, "ten days are no year"
    assert table["heads"][-1]["en"] == "Result"
    assert all(len(row) == len(table["heads"]) for row in table["rows"])


def test_last_year_is_rounded_by_its_own_edition_in_reports_as_in_rankings(data: Data, place) -> None:
    for year, fine in ((2025, 35.45), (2026, 30.2)):
        for point in ("A1", "A2"):
            start = datetime(year, 10, 1, tzinfo=CHINA)
            data.air(point, start, 24 * 31, a34004=fine, a21004=20.45, a34002=50.45)
        services.evaluate("air", date(year, 10, 1), date(year, 10, 31))
    period = period_of("month", date(2026, 10, 5))
    rows = {
        year: list(queries.stored("air_day", date(year, 10, 1), date(year, 10, 31), region=county(place)))
        for year in (2025, 2026)
    }
    ranked = rankings.of_regions(
        [county(place)], rankings.month_stretch(date(2026, 10, 1), date(2026, 11, 21))
    )
    (line,) = ranked.every
    where = type("Place", (), {"region": county(place), "points": ()})
    built = air_period.build(where, period, rows[2026], [], rulebook())
    (table,) = [one["table"] for one in built["sections"] if one["title"]["en"] == "Six pollutants"]
    last_year = {row[0].split()[0]: row[4] for row in table["rows"]}
    assert (last_year["PM2.5"], last_year["NO2"], last_year["PM10"]) == (35, 20, 50)
    own = figures(rows[2025], date(2025, 10, 31), rulebook(), line.index.variant)
    change = change_rate(line.index.value, own.index.value)
    assert f"同比变化 {change:+}%" in "".join(one["zh"] for one in built["summary"])


def test_after_a_deduction_a_day_with_an_item_missing_is_na(data: Data, place) -> None:
    """PM10 of 400 made the day publishable without NO2; without PM10 nothing is above 100: NA by HJ 633-2026."""
    for day in (18, 19):
        for point in ("A1", "A2"):
            dust = 400.0 if day == 19 else 40.0
            start = datetime(2026, 11, day, tzinfo=CHINA)
            data.air(point, start, 24, a34002=dust, a34004=30.0, a21004=math.nan)
    services.catch_up("air", 60)
    event = Event("sand_dust", date(2026, 11, 19), date(2026, 11, 19), "批复〔2026〕1号")
    whole = statistics.year_of(county(place), 2026)
    rest = statistics.year_of(county(place), 2026, without=(event,))
    assert (whole.days, whole.not_published) == (1, 1)
    assert (rest.days, rest.good, rest.not_published) == (0, 0, 2)
    assert any("NA" in step.text.zh and "NO2" in step.text.zh for step in rest.deduction[0].steps)


def test_after_a_deduction_a_whole_day_counts_with_what_is_left(data: Data, place) -> None:
    """What the event takes out is no missing item."""
    of_november([30.0])
    start = datetime(2026, 11, 3, tzinfo=CHINA)
    for point in ("A1", "A2"):
        data.air(point, start, 24, a34002=400.0)
    services.evaluate("air", date(2026, 11, 3), date(2026, 11, 3))
    event = Event("sand_dust", date(2026, 11, 3), date(2026, 11, 3), "批复〔2026〕1号")
    rest = statistics.year_of(county(place), 2026, without=(event,))
    assert (rest.days, rest.good, rest.not_published) == (2, 2, 0)
