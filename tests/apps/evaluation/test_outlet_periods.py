"""Limits of a permit for months and years: means, validity, runs, findings, pages, late data."""

from __future__ import annotations

from datetime import date, datetime
from io import BytesIO

import openpyxl
import pytest
from django.test import Client
from tests.apps.conftest import County
from tests.apps.evaluation.conftest import Data

from qingjian.apps.evaluation import explanation, outlet_periods, services
from qingjian.apps.evaluation.models import Evaluation, Exceedance
from qingjian.apps.network import services as network
from qingjian.apps.network.models import PermitLimit
from qingjian.apps.network.services import Proposal
from qingjian.apps.observing import services as observing
from qingjian.apps.observing import stores
from qingjian.apps.observing.models import Alert
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.clock import CHINA

OCTOBER = datetime(2026, 10, 1, tzinfo=CHINA)
NOVEMBER = datetime(2026, 11, 1, tzinfo=CHINA)
SEPTEMBER = datetime(2026, 9, 1, tzinfo=CHINA)


def limit(averaging: str, upper: str, since: str = "2024-01-01") -> None:
    network.install(
        [
            Proposal(
                "limit",
                {
                    "outlet": "S1-W1",
                    "factor": "waste_water.w01018",
                    "unit": "mg/L",
                    "basis": "排污许可证",
                    "valid_from": since,
                    "averaging": averaging,
                    "upper": upper,
                },
            )
        ]
    )


def month(data: Data, start: datetime, concentration: list[float], flow: list[float]) -> None:
    data.put("W1.w01018", start, concentration)
    data.put("W1.w00000", start, flow)


def test_a_month_is_weighted_by_flow_and_makes_a_finding(data: Data, clock) -> None:
    clock.advance((datetime(2026, 12, 2, 10, tzinfo=CHINA) - clock.now()).total_seconds())
    limit("month", "45")
    month(data, NOVEMBER, [30] * 360 + [60] * 360, [10.0] * 360 + [30.0] * 360)
    services.catch_up("outlets", 60)
    row = Evaluation.objects.get(kind="outlet_month")
    assert row.start == NOVEMBER
    assert row.values["used"] == {"w01018": 52.5}
    assert (row.exceeds, row.confidence) == (True, "U")
    (item,) = row.result["items"]
    assert (item["valid"], item["due"], item["bounds"]) == (720, 720, "≤45")
    assert item["multiple"] == pytest.approx(0.1667)
    run = Exceedance.objects.get(averaging="month")
    assert (run.periods, run.start, run.end, run.running) == (
        1,
        NOVEMBER,
        datetime(2026, 12, 1, tzinfo=CHINA),
        True,
    )
    observing.consume_findings()
    assert Alert.objects.get(rule="exceedance-month").point.code == "W1"
    trace, _again = explanation.trace_of(row, rulebook())
    told = "".join(step["zh"] for step in trace["steps"])
    assert "2026-11 月均值: 30 个有效日按流量加权 Σ(C·Q)/ΣQ = 52.5（有效小时 720/720" in told
    assert "未与标准原文核对" in told
    assert "超标 0.17 倍" in told


def test_months_in_a_row_are_one_run_and_late_data_take_one_back(data: Data) -> None:
    limit("month", "45")
    month(data, SEPTEMBER, [50] * 720, [10.0] * 720)
    month(data, OCTOBER, [50] * 744, [10.0] * 744)
    services.catch_up("outlets", 60)
    run = Exceedance.objects.get(averaging="month")
    assert (run.periods, run.start) == (2, SEPTEMBER)
    data.put("W1.w01018", SEPTEMBER, [10] * 400)
    services.follow("outlets")
    run = Exceedance.objects.get(averaging="month")
    assert (run.periods, run.start) == (1, OCTOBER)
    assert Evaluation.objects.get(kind="outlet_month", start=SEPTEMBER, superseded_at=None).exceeds is False
    withdrawn = [one for _place, one in stores.findings().read(0, 1000) if one.evidence.get("withdrawn")]
    assert [one.rule for one in withdrawn if one.start == SEPTEMBER and one.rule == "exceedance-month"]


def test_a_month_with_too_few_hours_is_not_judged_and_says_so(data: Data) -> None:
    limit("month", "45")
    month(data, OCTOBER, [50] * 500, [10.0] * 744)
    services.catch_up("outlets", 60)
    row = Evaluation.objects.get(kind="outlet_month")
    assert (row.exceeds, row.values["used"]) == (None, {"w01018": None})
    trace, _again = explanation.trace_of(row, rulebook())
    told = "".join(step["zh"] for step in trace["steps"])
    assert "有效小时 500/744，至少 75%" in told
    assert "月均值无效，不评价" in told


def test_hours_of_days_that_are_not_valid_enter_no_month_of_waste_water(data: Data) -> None:
    """HJ 356: weighted over valid days. One day has twelve hours of 600 mg/L only and is not valid."""
    limit("month", "45")
    month(data, OCTOBER, [40] * 720 + [600] * 12, [10.0] * 744)
    services.catch_up("outlets", 60)
    row = Evaluation.objects.get(kind="outlet_month")
    assert (row.values["used"], row.exceeds) == ({"w01018": 40}, False)
    (item,) = row.result["items"]
    assert (item["valid"], item["due"]) == (720, 744)


def test_the_running_month_is_not_judged(data: Data) -> None:
    limit("month", "45")
    month(data, datetime(2026, 11, 1, tzinfo=CHINA), [90] * 480, [10.0] * 480)
    services.catch_up("outlets", 60)
    assert not Evaluation.objects.filter(kind="outlet_month").exists()


def test_a_year_is_judged_when_it_is_over(data: Data) -> None:
    limit("year", "45")
    hours = 8760
    month(data, datetime(2025, 1, 1, tzinfo=CHINA), [50] * hours, [10.0] * hours)
    services.re_evaluate("outlets", date(2025, 12, 30), date(2025, 12, 31))
    row = Evaluation.objects.get(kind="outlet_year")
    assert (row.start, row.exceeds, row.values["used"]["w01018"]) == (
        datetime(2025, 1, 1, tzinfo=CHINA),
        True,
        50,
    )
    run = Exceedance.objects.get(averaging="year")
    assert (run.periods, run.end) == (1, datetime(2026, 1, 1, tzinfo=CHINA))
    trace, _again = explanation.trace_of(row, rulebook())
    assert any("2025 年均值" in step["zh"] for step in trace["steps"])


def test_a_limit_that_began_within_the_month_judges_where_there_was_none(data: Data) -> None:
    limit("month", "45", since="2026-10-10")
    month(data, OCTOBER, [50] * 744, [10.0] * 744)
    services.catch_up("outlets", 60)
    assert Evaluation.objects.get(kind="outlet_month").exceeds is True
    PermitLimit.objects.filter(averaging="month").update(valid_from=datetime(2026, 11, 1, tzinfo=CHINA))
    services.evaluate("outlets", date(2026, 10, 1), date(2026, 10, 31))
    row = Evaluation.objects.get(kind="outlet_month", superseded_at=None)
    assert (row.exceeds, row.result) == (None, {})


def test_a_permit_limit_that_is_registered_later_judges_the_months_before(data: Data, clock) -> None:
    month(data, OCTOBER, [50] * 744, [10.0] * 744)
    services.catch_up("outlets", 60)
    services.run(30)
    assert not Evaluation.objects.filter(kind="outlet_month").exists()
    limit("month", "45")
    clock.advance(60)
    services.run(30)
    services.run(30)
    assert Evaluation.objects.get(kind="outlet_month").exceeds is True


def test_pages_and_files_show_it(data: Data, place: County, client: Client) -> None:
    limit("month", "45")
    limit("year", "40")
    month(data, OCTOBER, [50] * 744, [10.0] * 744)
    services.catch_up("outlets", 60)
    client.force_login(place.person("zz", "station_staff"))
    page = client.get("/outlets/exceedances/?averaging=month").content.decode()
    assert "1 month" in page or "1 个月" in page
    sheet = openpyxl.load_workbook(BytesIO(client.get("/outlets/exceedances/?export=xlsx").content)).active
    assert any("≤45 mg/L" in [str(cell) for cell in row] for row in sheet.iter_rows(values_only=True))
    limits = client.get("/outlets/limits/").content.decode()
    assert "≤45 mg/L" in limits
    assert "≤40 mg/L" in limits
    overview = client.get("/outlets/")
    assert [one["lasting"] for one in overview.context["rows"]] == ["1 个月"]
    why = client.get(f"/evaluations/{Evaluation.objects.get(kind='outlet_month').pk}/why/").content.decode()
    assert "· 2026-10 " in why


def test_a_standard_without_a_period_judges_no_month(data: Data) -> None:
    """GB 8978 writes no period beside its numbers: they are those of samples and days."""
    assert outlet_periods.SPANS[0].averaging == "month"
    from qingjian.apps.evaluation.bounds import of_standards
    from qingjian.apps.network.models import Series
    from qingjian.rulebook import Row

    book = rulebook().with_rows(
        [
            Row.from_values(
                "outlet_standards",
                {
                    "standard": "GB 8978",
                    "outlet": "S1-W1",
                    "class": "",
                    "condition": "",
                    "effective_from": "2020-01-01",
                    "source": "x",
                },
                override=True,
            )
        ]
    )
    series = Series.objects.get(code="W1.w01018")
    day = date(2026, 10, 1)
    assert of_standards(book, "S1-W1", "water", series, "day", day)
    assert not of_standards(book, "S1-W1", "water", series, "month", day)
