"""A mean meets its limit with every digit it has (GB/T 8170): it is shortened for reading only, never before it is judged."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from tests.apps.evaluation.conftest import Data, enter

from qingjian.apps.evaluation import (
    amounts,
    automatic,
    explanation,
    outlets,
    queries,
    services,
    water,
    waters,
)
from qingjian.apps.evaluation.drafts import settled, short
from qingjian.apps.evaluation.models import Evaluation, Exceedance
from qingjian.apps.network.models import Point, Series
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.clock import CHINA

START = datetime(2026, 11, 20, tzinfo=CHINA)
DAY = date(2026, 11, 20)
JUST_ABOVE = [50.0] * 23 + [50.001]
"""Their mean is 50.0000416…: 50.0000 at four decimals."""
JUST_BELOW = [50.0] * 23 + [49.999]
AROUND = [49.9, 50.1] * 12
"""Their mean is 50; the binary fractions of both add up to something else."""


def steps(row: Evaluation) -> str:
    trace, _again = explanation.trace_of(row, rulebook())
    return "\n".join(one["zh"] for one in trace["steps"])


@pytest.mark.parametrize(("hours", "exceeds"), [(JUST_ABOVE, True), (JUST_BELOW, False), (AROUND, False)])
def test_a_daily_mean_of_an_outlet_is_held_against_its_limit_unrounded(
    data: Data, hours: list[float], exceeds: bool
) -> None:
    Series.objects.filter(code="W1.w01018").update(averaging="arithmetic")
    data.put("W1.w01018", START, hours)
    services.catch_up("outlets", 60)
    row = Evaluation.objects.get(kind="outlet_day")
    assert row.exceeds is exceeds
    assert Exceedance.objects.filter(averaging="day").exists() is exceeds
    (item,) = row.result["items"]
    assert item["value"] == pytest.approx(sum(hours) / 24, abs=1e-11)
    said = steps(row)
    assert ("超标 0 倍" in said or ": 超标" in said) is exceeds, "the answer to why is that of the page"


def test_the_flow_weighted_mean_is_not_rounded_either(data: Data) -> None:
    data.put("W1.w01018", START, [50.0] * 23 + [50.01])
    data.put("W1.w00000", START, [10.0] * 23 + [0.01])
    services.catch_up("outlets", 60)
    row = Evaluation.objects.get(kind="outlet_day")
    assert row.exceeds, "50.0000004 is above 50"
    run = Exceedance.objects.get(averaging="day")
    assert 50 < run.peak < 50.00001, "the list does not write 50 against a limit of 50"


def test_an_hour_that_equals_its_limit_is_within_it_and_a_ten_thousandth_is_not(data: Data) -> None:
    data.put("W1.w01018", START, [100.0, 100.00004, 99.99996])
    services.catch_up("outlets", 60)
    (row,) = Evaluation.objects.filter(kind="outlet_hour")
    assert row.result["items"][0]["value"] == 100.00004
    assert Exceedance.objects.get(averaging="hour").peak == 100.00004


@pytest.mark.parametrize(
    ("oxygen", "found"),
    [([5.0] * 23 + [4.999], "Ⅳ"), ([5.0] * 23 + [5.001], "Ⅲ"), ([4.9, 5.1] * 12, "Ⅲ")],
)
def test_means_of_a_section_are_classed_unrounded_by_day_week_and_month(
    data: Data, oxygen: list[float], found: str
) -> None:
    data.put("R1.w01009", START, oxygen)
    services.evaluate("water", DAY, DAY)
    for kind in ("water_station_day", "water_month"):
        row = Evaluation.objects.get(kind=kind)
        assert row.water_class == found
        assert row.values["used"]["DO"] == pytest.approx(sum(oxygen) / 24, abs=1e-11)
    week = automatic.week(Point.objects.get(code="R1"), automatic.monday_of(DAY))
    assert week is not None
    assert week.found.result.cls == found
    if found == "Ⅳ":
        assert "溶解氧 4.99996 mg/L" in steps(row), "as many digits as tell on which side it lies"
        assert row.result["items"][0]["value"] == "4.99996"


def test_a_month_is_not_made_of_rounded_days(data: Data) -> None:
    """Two days that lie 0.00004 below 5 each round to 5: the month below 5 would pass."""
    for day in (19, 20):
        data.put("R1.w01009", datetime(2026, 11, day, tzinfo=CHINA), [5.0] * 23 + [4.999])
        services.evaluate("water", date(2026, 11, day), date(2026, 11, day))
    month = Evaluation.objects.get(kind="water_month", superseded_at=None)
    assert (month.values["days"]["DO"], month.water_class) == (2, "Ⅳ")


def test_a_month_of_samples_keeps_the_digits_of_mercury(elements: Data) -> None:
    enter({"M1.w01009": "8", "M1.w20111": "0.000050001"})
    services.evaluate("water", date(2026, 11, 10), date(2026, 11, 10))
    row = Evaluation.objects.get(kind="water_month", point__code="M1")
    assert row.result["decided_by"] == ["Hg"], "0.000050001 mg/L is above the 0.00005 of class Ⅱ"


def test_a_year_just_above_the_permitted_amount_is_above_it(data: Data, clock) -> None:
    """1 t is permitted; what is rounded to a tenth of a gram a day still tells 1.0000001 t from 1 t."""
    outlet = next(one for one in outlets.outlets() if one.point.code == "W1")
    (limit,) = outlet.amounts(DAY)
    point = Point.objects.get(code="W1")
    for place, kilograms in enumerate((999.99995, 0.00004, 0.00004)):
        Evaluation.objects.create(
            kind="outlet_day",
            point=point,
            region=point.region,
            start=datetime(2026, 11, 17 + place, tzinfo=CHINA),
            result={"amounts": {"w01018": {"kg": kilograms, "hours": 24, "skipped": 0}}},
            confidence="S",
            rulebook="x",
            inputs_known_at=START,
            inputs_digest="x",
            known_at=START,
        )
    (standing,) = amounts.standings([point], 2026, rulebook())
    assert (standing.tonnes, limit.yearly_amount_t) == (Decimal("1.00000003"), Decimal(1))
    assert standing.standing is not None
    assert standing.standing.standing == "exceeded"


def test_settled_figures_lose_dust_and_nothing_else() -> None:
    assert settled(0.1 + 0.2) == 0.3
    assert settled(50.00004166666666) == 50.000041666667
    assert settled(123456789.123456789) == 123456789.12346
    assert settled(0.0) == 0
    assert settled(1e-13) == 0
    assert isinstance(settled(7.0), int)


def test_pages_shorten_but_never_across_a_limit() -> None:
    assert short(48.312458333333) == 48.3125
    assert short(50.000041666667, [50.0]) == 50.00004
    assert short(50.000000416667, [50.0]) == 50.0000004
    assert short(0.000041234567) == 0.0000412
    assert short(0.000050001, [0.00005]) == 0.000050001
    assert short(50, [50.0]) == 50


def test_the_chart_of_a_section_reads_like_the_page(data: Data) -> None:
    data.put("R1.w01009", START, [5.0] * 23 + [5.7])
    services.evaluate("water", DAY, DAY)
    chart = waters.section_chart(Point.objects.get(code="R1"), "DO")
    assert chart["lines"][0]["values"] == [5.0292]
    (row,) = queries.section_months(Point.objects.get(code="R1"))
    assert water.entering(row)["DO"] == pytest.approx(5.0291666, abs=1e-6)
