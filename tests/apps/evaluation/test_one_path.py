"""Figures that stand in several places come from one calculation, rounded once, each day by its own edition."""

from __future__ import annotations

import io
from datetime import date, datetime, timedelta
from decimal import Decimal

import openpyxl
from tests.apps.evaluation.conftest import Data, enter, put_all

from qingjian.apps.evaluation import amounts, exceedances, outlet_statistics, rankings, services, statistics
from qingjian.apps.evaluation.models import Evaluation, Exceedance
from qingjian.apps.network.models import PermitLimit, Point, Series
from qingjian.apps.observing import services as observing
from qingjian.apps.observing import stores
from qingjian.apps.observing.models import FindingRecord
from qingjian.apps.reporting import air_figures
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.clock import CHINA

START = datetime(2026, 11, 20, tzinfo=CHINA)
DAY = START.date()


def day_row(code: str | None, kind: str = "air_day") -> Evaluation:
    rows = Evaluation.objects.filter(kind=kind, superseded_at=None)
    return rows.get(point__code=code) if code else rows.get(point=None)


# -- rounding ----------------------------------------------------------------------------------------------------------


def test_a_daily_mean_just_below_a_half_keeps_its_index_for_station_and_region(
    data: Data, client, place
) -> None:
    """Mean 35.4967: to two decimals 35.50, and that to 36; rounded once it is 35."""
    hours = [35.5] * 23 + [35.42]
    for point in ("A1", "A2"):
        data.put(f"{point}.a34004", START, hours)
    services.evaluate("air", DAY, DAY)
    for row in (day_row("A1"), day_row(None)):
        assert row.result["iaqi"]["PM2.5"] == 50
        assert abs(row.values["used"]["PM2.5"] - 35.496666667) < 1e-9
    client.force_login(place.person("zhiban", "station_staff"))
    page = client.get("/air/").content.decode()
    assert "35.496666667" not in page


def test_the_mean_of_stations_is_not_made_of_rounded_means(data: Data) -> None:
    data.put("A1.a34004", START, [35.49] * 12 + [35.50] * 12)  # 35.495
    data.put("A2.a34004", START, [35.50] * 24)
    services.evaluate("air", DAY, DAY)
    assert day_row(None).values["used"]["PM2.5"] == 35.4975
    assert day_row(None).result["iaqi"]["PM2.5"] == 50


# -- ranking and year --------------------------------------------------------------------------------------------------


def test_the_ranking_says_of_the_year_what_the_page_of_the_year_and_the_report_say(data: Data, place) -> None:
    entries = []
    for back in range(5):
        for point in ("A1", "A2"):
            for code, value in (
                ("a34004", 33.3 + back), ("a34002", 61.7 - back), ("a21026", 7.7), ("a21004", 28.4 + back / 3),
                ("a21005", 0.64), ("a05024", 91.3 + back),
            ):  # fmt: skip
                entries.append((f"{point}.{code}", START - timedelta(days=back), [value] * 24))
    put_all(entries)
    services.evaluate("air", DAY - timedelta(days=4), DAY)
    (line,) = rankings.of_regions([place.county], rankings.year_stretch(2026, DAY)).lines
    year = statistics.year_of(place.county, 2026)
    rows = list(Evaluation.objects.filter(kind="air_day", point=None, superseded_at=None))
    report = air_figures.figures(rows, date(2026, 12, 31), rulebook())
    assert line.index.value == year.composite.value == report.index.value
    assert line.index.parts == year.composite.parts == report.index.parts


def test_days_above_the_limit_are_counted_by_the_limit_of_their_own_day(data: Data, place) -> None:
    """PM2.5 of 70 keeps the limit of 75 in February 2026 and passes that of 60 in March."""
    days = [datetime(2026, 2, 27, tzinfo=CHINA) + timedelta(days=one) for one in range(4)]
    put_all([(f"{point}.a34004", day, [70.0] * 24) for point in ("A1", "A2") for day in days])
    services.evaluate("air", days[0].date(), days[-1].date())
    rows = list(Evaluation.objects.filter(kind="air_day", point=None, superseded_at=None))
    found = air_figures.statistics(rows, date(2026, 3, 31), rulebook())
    assert found["PM2.5"][1:3] == (4, 2)
    year = statistics.year_of(place.county, 2026)
    assert year.pollutants["PM2.5"].exceeding_days == 2
    assert year.pollutants["PM2.5"].attainment_rate == Decimal("50.0")
    assert any("各日适用" in step.text.zh for step in year.pollutants["PM2.5"].trace.steps)
    assert year.editions == ("HJ 633-2012", "HJ 633-2026")


def test_a_change_of_edition_inside_a_comparison_is_said(data: Data, place, client) -> None:
    days = [datetime(2026, 2, 28, tzinfo=CHINA), datetime(2026, 3, 1, tzinfo=CHINA)]
    put_all([(f"{point}.a34004", day, [120.0] * 24) for point in ("A1", "A2") for day in days])
    services.evaluate("air", days[0].date(), days[-1].date())
    client.force_login(place.person("zhiban", "station_staff"))
    assert "HJ 633-2012, HJ 633-2026" in client.get("/air/year/").content.decode()


# -- noise -------------------------------------------------------------------------------------------------------------


def test_a_year_takes_the_newest_day_and_the_newest_night_of_each_point(elements: Data) -> None:
    enter({"NA.Ld": "56", "NA.Ln": "48"}, "2026-03-10")
    enter({"NA.Ld": "52"}, "2026-06-10")
    services.evaluate("noise", date(2026, 3, 1), date(2026, 6, 30))
    row = Evaluation.objects.get(kind="noise_area_year", superseded_at=None)
    assert row.values["used"] == {"Ld": 52, "Ln": 48}, "no night was measured in June: that of March counts"


def night_levels(elements: Data, highest: float) -> Evaluation:
    Point.objects.filter(code="N1").update(kind="noise_zone")
    enter_series(highest)
    services.evaluate("noise", DAY, DAY)
    return Evaluation.objects.get(kind="noise_day", superseded_at=None)


def enter_series(highest: float) -> None:
    from qingjian.apps.network import services as network
    from qingjian.apps.network.services import Proposal

    factor = {
        "code": "noise.LMx",
        "medium": "noise",
        "wire_code": "LMx",
        "name_zh": "最大声级",
        "name_en": "LMx",
    }
    series = {"code": "N1.LMx", "point": "N1", "factor": "noise.LMx", "medium": "noise", "origin": "device"}
    network.install(
        [
            Proposal("factor", {**factor, "unit": "dB(A)", "decimals": 1}),
            Proposal("series", {**series, "unit": "dB(A)", "decimals": 1, "expected": {"hour": 3600}}),
        ]
    )
    network.publish_directory()
    put_all([("N1.Leq", START, [45.0] * 24), ("N1.LMx", START, [60.0] * 2 + [highest] + [60.0] * 21)])


def test_an_absurd_highest_level_takes_no_verdict_away(elements: Data) -> None:
    row = night_levels(elements, 999.0)
    assert (row.reached, row.exceeds) == (True, False)
    assert row.values["rejected"]["LMx 02:00"]["zh"] == "不可能的声级"
    assert row.result["sudden"] == {"value": 60, "limit": 65, "attained": True}


def test_sudden_noise_at_night_exceeds_and_is_found(elements: Data) -> None:
    row = night_levels(elements, 80.0)
    assert (row.reached, row.exceeds, row.main_items) == (False, True, "LMx")
    services.re_evaluate("noise", DAY, DAY)
    (finding,) = [one for _at, one in stores.findings().read(0, 100) if one.rule == "noise-above-zone"][-1:]
    assert "LMx 80 > 65 dB(A)" in finding.evidence["levels"]
    assert finding.severity == "major"


# -- outlets -----------------------------------------------------------------------------------------------------------


def test_negative_flow_and_values_enter_no_mean_no_amount_and_no_recheck(data: Data, place) -> None:
    data.put("W1.w01018", START, [40.0] * 20 + [-30.0] * 4)
    data.put("W1.w00000", START, [10.0] * 18 + [-500.0] * 2 + [10.0] * 4)
    services.catch_up("outlets", 60)
    row = Evaluation.objects.get(kind="outlet_day", superseded_at=None)
    assert row.values["used"]["w01018"] == 40
    assert row.result["amounts"]["w01018"] == {"kg": round(40 * 36 * 18 / 1000, 4), "hours": 18, "skipped": 6}
    user = place.person("zhiban", "station_staff")
    lines, rechecks = outlet_statistics.tax_extract(user, DAY, DAY, rulebook())
    assert [float(one.kilograms) for one in lines] == [25.92]
    assert rechecks


def test_a_negative_amount_of_an_older_version_stops_no_recheck(data: Data, place) -> None:
    data.put("W1.w01018", START, [40.0] * 24)
    data.put("W1.w00000", START, [10.0] * 24)
    services.catch_up("outlets", 60)
    row = Evaluation.objects.get(kind="outlet_day", superseded_at=None)
    row.result["amounts"]["w01018"]["kg"] = -5.0
    row.save()
    lines, _rechecks = outlet_statistics.tax_extract(
        place.person("zhiban", "station_staff"), DAY, DAY, rulebook()
    )
    assert lines == []


def test_the_peak_of_a_range_is_the_value_farthest_outside(data: Data) -> None:
    assert exceedances.beyond(2, "6–9") > exceedances.beyond(9.5, "6–9") > exceedances.beyond(7, "6–9") == 0
    assert exceedances.beyond(1, "≥5") == 4
    assert exceedances.beyond(60, "≤50") == 10
    limit = PermitLimit.objects.get(averaging="hour")
    PermitLimit.objects.filter(pk=limit.pk).update(upper=None, lower=50)
    data.put("W1.w01018", START, [60.0, 40.0, 10.0, 30.0, 60.0])
    services.catch_up("outlets", 60)
    run = Exceedance.objects.get(averaging="hour")
    assert (run.periods, run.peak) == (3, 10)


def test_a_late_flow_changes_the_amount_though_no_mean_changes(data: Data, clock) -> None:
    data.put("W1.w01018", START, [40.0] * 24)
    data.put("W1.w00000", START, [10.0] * 24)
    services.catch_up("outlets", 60)
    clock.advance(60)
    data.put("W1.w00000", START, [20.0] * 24)
    services.follow("outlets")
    row = Evaluation.objects.get(kind="outlet_day", superseded_at=None)
    assert row.result["amounts"]["w01018"]["kg"] == round(40 * 72 * 24 / 1000, 4)


def test_a_warning_of_the_yearly_amount_ends_when_the_amount_falls_back(data: Data, clock) -> None:
    data.put("W1.w01018", START, [90.0] * 24)
    data.put("W1.w00000", START, [400.0] * 24)
    services.catch_up("outlets", 60)
    observing.consume_findings()
    record = FindingRecord.objects.get(rule="amount-near-permit")
    assert record.end is None
    clock.advance(60)
    data.put("W1.w00000", START, [0.1] * 24)
    services.follow("outlets")
    observing.consume_findings()
    record.refresh_from_db()
    assert record.end is not None
    assert record.evidence["withdrawn"] is True
    assert not amounts.warnings(None, rulebook()), "said once"
    clock.advance(60)
    data.put("W1.w00000", START, [400.0] * 24)
    services.follow("outlets")
    observing.consume_findings()
    record.refresh_from_db()
    assert record.end is None


def test_a_warning_of_the_yearly_amount_ends_with_its_year(data: Data, clock) -> None:
    data.put("W1.w01018", START, [90.0] * 24)
    data.put("W1.w00000", START, [400.0] * 24)
    services.catch_up("outlets", 60)
    observing.consume_findings()
    clock.advance(60 * 86400)
    (ended,) = amounts.warnings(None, rulebook())
    assert ended.end == datetime(2027, 1, 1, tzinfo=CHINA)
    assert ended.severity != "minor" or "withdrawn" not in ended.evidence


def test_a_flow_in_a_unit_that_gives_no_volume_is_said_on_the_page_and_in_the_export(
    data: Data, place, client
) -> None:
    data.put("W1.w01018", START, [40.0] * 24)
    client.force_login(place.person("zhiban", "station_staff"))
    for unit in ("Nm³/h", "t/h"):
        Series.objects.filter(code="W1.w00000").update(unit=unit)
        services.evaluate("outlets", DAY, DAY)
        page = client.get("/outlets/amounts/").content.decode()
        assert f"流量单位 {unit} 不能换算为 m³/h" in page
        book = openpyxl.load_workbook(io.BytesIO(client.get("/outlets/amounts/?export=xlsx").content))
        (_head, first, *_rest) = book.active.iter_rows(values_only=True)
        assert any(f"流量单位 {unit}" in str(cell) for cell in first)
