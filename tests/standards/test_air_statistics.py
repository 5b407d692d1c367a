import calendar
import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.rulebook import Confidence, packaged
from qingjian.standards.air.index import daily
from qingjian.standards.air.statistics import (
    PeriodStatistics,
    attainment,
    days_needed,
    percentile,
    three_year_mean,
    yearly,
)
from qingjian.standards.errors import EditionError, InputError

DAY = date(2024, 12, 31)


def days(year: int) -> list[date]:
    first = date(year, 1, 1)
    return [first + timedelta(days=n) for n in range(366 if calendar.isleap(year) else 365)]


def constant(year: int, value: object) -> dict[date, object]:
    return dict.fromkeys(days(year), value)


@given(
    st.lists(st.decimals(min_value=0, max_value=1000, places=1), min_size=1, max_size=60), st.integers(1, 100)
)
def test_percentile_is_the_linear_one(values: list[Decimal], rank: int) -> None:
    expected = np.percentile([float(v) for v in values], rank, method="linear")
    assert float(percentile(values, rank)) == pytest.approx(expected, abs=1e-9)


def test_percentile_by_hand() -> None:
    values = [Decimal(n) for n in range(1, 366)]
    assert percentile(values, 95) == Decimal("346.8")  # k = 1 + 364·0.95 = 346.8
    assert percentile([Decimal(7)], 98) == 7
    with pytest.raises(InputError):
        percentile([], 95)


def test_a_clean_year_of_both_editions() -> None:
    old = yearly("PM2.5", constant(2025, 32), 2025)
    assert (old.attained, old.mean_limit, old.percentile_limit) == (True, 35, 75)
    new = yearly("PM2.5", constant(2025, 32), 2025, edition="2026")
    assert (new.attained, new.mean_limit, new.percentile_limit) == (False, 30, 60)
    assert new.mean_multiple is not None
    assert round(new.mean_multiple, 4) == Decimal("0.0667")
    assert (old.mean_rounded, new.mean_rounded) == (32, Decimal("32.0"))
    assert "按指定版本评价" in "\n".join(new.trace.lines())
    final = yearly("PM2.5", constant(2031, 26), 2031)
    assert (final.mean_limit, final.percentile_limit, final.attained) == (25, 50, False)


def test_the_year_in_which_the_standard_changes() -> None:
    result = yearly("PM2.5", constant(2026, 32), 2026)
    assert result.mean_limit == 30
    assert "the standard changed during 2026" in "\n".join(result.trace.lines("en"))
    assert "changed during" not in "\n".join(yearly("PM2.5", constant(2025, 3), 2025).trace.lines("en"))


def test_a_year_of_306_days_is_refused_with_its_reason() -> None:
    part = {day: 40.0 for day in days(2013) if day >= date(2013, 3, 1)}
    result = yearly("PM2.5", part, 2013, edition="2012")
    assert (result.valid, result.valid_days, result.attained) == (False, 306, None)
    assert result.reasons[0].zh == "有效日 306 天，少于 324 天"
    assert result.reasons[1].en == "month 1: 0 of 27 days needed"
    assert result.mean == 40


@pytest.mark.parametrize(
    ("year", "missing", "valid"), [(2024, 4, True), (2024, 5, False), (2023, 3, True), (2023, 4, False)]
)
def test_february_of_leap_years(year: int, missing: int, valid: bool) -> None:
    values: dict[date, object] = dict(constant(year, 10))
    for n in range(missing):
        values[date(year, 2, 1 + n)] = None
    result = yearly("SO2", values, year, edition="2012")
    assert result.valid is valid
    assert result.days_in_period == (366 if year == 2024 else 365)


def test_april_needs_27_days() -> None:
    values: dict[date, object] = dict(constant(2024, 10))
    for n in range(4):
        values[date(2024, 4, 1 + n)] = float("nan")
    result = yearly("SO2", values, 2024)
    assert [r.en for r in result.reasons] == ["month 4: 26 of 27 days needed"]


def test_ranks_and_limits_by_pollutant() -> None:
    ranks = {"SO2": 98, "NO2": 98, "PM10": 95, "PM2.5": 95, "CO": 95, "O3": 90}
    for edition, year in (("2012", 2024), ("2026", 2027)):
        for name, rank in ranks.items():
            result = yearly(name, constant(year, 1), year, edition=edition)
            assert result.percentile_rank == rank
            assert (result.mean_limit is None) == (name in ("CO", "O3"))
            assert result.trace.confidence in (Confidence.S, Confidence.U)


def test_percentile_can_fail_where_the_mean_attains() -> None:
    values: dict[date, object] = dict(constant(2024, 20))
    for day in days(2024)[:40]:
        values[day] = 100
    result = yearly("PM2.5", values, 2024)
    assert result.mean_multiple is None
    assert result.percentile == 100
    assert result.percentile_multiple == Decimal(100 - 75) / 75
    assert (result.exceeding_days, result.attainment_rate, result.attained) == (40, Decimal("89.1"), False)


def test_comparison_by_all_digits_or_by_the_rounded_value() -> None:
    values = constant(2024, "35.4")
    assert yearly("PM2.5", values, 2024, comparison="full").attained is False
    assert yearly("PM2.5", values, 2024, comparison="rounded").attained is True
    assert yearly("PM2.5", values, 2024).attained is True, "the rulebook says rounded (HJ 663-2013, 5.3)"


def test_the_row_that_says_rounded_is_shown_open_and_can_be_corrected() -> None:
    (row,) = packaged().rows("evaluation_parameters", DAY, subject="comparison")
    assert (row.standard, row["clause"], row["value"], row.confidence) == (
        "HJ 663",
        "5.3",
        "rounded",
        Confidence.U,
    )
    assert row in packaged().rows_to_confirm()
    steps = yearly("PM2.5", constant(2024, 35), 2024).trace.to_dict()["steps"]
    assert row.id in str(steps)
    corrected = packaged().with_rows([replace(row, values={**row.values, "value": "full"})])
    found = yearly("PM2.5", constant(2024, "35.004"), 2024, rulebook=corrected)
    assert (found.attained, found.exceeding_days) == (False, 0)
    said = "\n".join(found.trace.lines("zh"))
    assert "PM2.5 35.004，限值 二级 年平均 35 μg/m³: 超标不足 0.01 倍" in said
    assert "全数值比较法" in said
    days_above = yearly("PM2.5", constant(2024, "75.3"), 2024, rulebook=corrected).exceeding_days
    assert (days_above, yearly("PM2.5", constant(2024, "75.3"), 2024).exceeding_days) == (366, 0)
    wrong = packaged().with_rows([replace(row, values={**row.values, "value": "sometimes"})])
    with pytest.raises(EditionError, match="full or rounded"):
        yearly("PM2.5", constant(2024, 35), 2024, rulebook=wrong)


def test_a_day_that_is_good_by_its_index_is_not_above_its_limit() -> None:
    """60.3 is 60 by HJ 633-2026: AQI 100, good; of 60.6 it makes 61."""
    november = [date(2026, 11, 2 + n) for n in range(17)]
    for value, above in (("60.3", 0), ("60.5", 0), ("60.6", 17)):
        index = daily({"PM2.5": value}, on=november[0]).aqi
        assert (index > 100) == bool(above)
        assert yearly("PM2.5", dict.fromkeys(november, value), 2026).exceeding_days == above


@given(
    st.sampled_from(["SO2", "NO2", "PM10", "PM2.5", "CO", "O3"]),
    st.sampled_from([2024, 2027, 2031]),
    st.sampled_from(["full", "rounded"]),
    st.integers(-70, 70),
    st.sampled_from(["0.01", "0.001", "0.0001"]),
)
def test_what_a_trace_shows_agrees_with_what_it_says(
    name: str, year: int, method: str, off: int, step: str
) -> None:
    """Whenever the compared value equals the limit it is met, and the shown number lies on the side of the verdict."""
    (row,) = packaged().rows("evaluation_parameters", date(year, 12, 31), subject="comparison")
    book = packaged().with_rows([replace(row, values={**row.values, "value": method})])
    clean = yearly(name, {date(year, 1, 1): 1}, year)
    limit = clean.mean_limit if clean.mean_limit is not None else clean.percentile_limit
    value = max(limit + off * Decimal(step), Decimal(0))
    found = yearly(name, dict.fromkeys(days(year)[:3], value), year, rulebook=book)
    sides = [(found.percentile, found.percentile_rounded, found.percentile_limit, found.percentile_multiple)]
    if found.mean_limit is not None:
        sides.append((found.mean, found.mean_rounded, found.mean_limit, found.mean_multiple))
    for exact, rounded, bound, multiple in sides:
        compared = rounded if method == "rounded" else exact
        assert multiple == ((compared - bound) / bound if compared > bound else None)
    lines = [
        one for one in found.trace.lines("zh") if "限值 二级" in one and (": 达标" in one or "超标" in one)
    ]
    assert len(lines) == len(sides)
    for line in lines:
        shown, bound = (Decimal(one) for one in re.findall(r"([\d.]+)，限值 .*? ([\d.]+) \S+: ", line)[0])
        assert ("超标" in line) == (shown > bound), line
        assert "超标 0 倍" not in line


@pytest.mark.parametrize("bad", [-1, "x", float("inf"), True, [3]])
def test_bad_daily_values(bad: object) -> None:
    values: dict[date, object] = dict(constant(2024, 20))
    values[date(2024, 5, 1)] = bad
    with pytest.raises(InputError):
        yearly("PM2.5", values, 2024)  # type: ignore[arg-type]


def test_no_day_wrong_year_unknown_pollutant() -> None:
    with pytest.raises(InputError, match="no valid daily value"):
        yearly("PM2.5", constant(2024, None), 2024)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="is not in 2024"):
        yearly("PM2.5", {date(2025, 1, 1): 3}, 2024)
    with pytest.raises(InputError):
        yearly("radon", constant(2024, 1), 2024)  # type: ignore[arg-type]
    with pytest.raises(EditionError):
        yearly("PM2.5", constant(2014, 1), 2014)  # type: ignore[arg-type]


def test_attainment_of_a_place() -> None:
    clean = {
        name: yearly(name, constant(2024, 1), 2024) for name in ("SO2", "NO2", "CO", "O3", "PM10", "PM2.5")
    }
    assert attainment(clean).attained is True
    dirty = clean | {"PM2.5": yearly("PM2.5", constant(2024, 50), 2024)}
    assert (attainment(dirty).attained, attainment(dirty).not_met) == (False, ("PM2.5",))
    part = {name: value for name, value in clean.items() if name != "CO"}
    assert (attainment(part).attained, attainment(part).not_judged) == (None, ("CO",))
    with pytest.raises(InputError):
        attainment(clean | {"CO": yearly("CO", constant(2025, 1), 2025)})


def three_years() -> dict[int, PeriodStatistics]:
    means = {2024: "30", 2025: "31", 2026: "29.5"}
    return {year: yearly("PM2.5", constant(year, Decimal(value)), year) for year, value in means.items()}


def test_three_year_mean_exists_from_2026_only() -> None:
    years = three_years()
    found = three_year_mean(years, 2026)
    assert (found.value.quantize(Decimal("0.0001")), found.rounded) == (Decimal("30.1667"), Decimal("30.2"))
    assert found.means == {2024: 30, 2025: 31, 2026: Decimal("29.5")}
    assert (found.valid, found.trace.confidence) == (True, Confidence.U)
    with pytest.raises(EditionError):
        three_year_mean(years, 2025)
    with pytest.raises(InputError, match="2027"):
        three_year_mean(years, 2027)


def test_a_three_year_mean_names_the_years_that_are_not_valid_and_judges_nothing() -> None:
    part = {day: value for day, value in constant(2025, Decimal(31)).items() if day.month > 6}
    years = three_years() | {2025: yearly("PM2.5", part, 2025)}
    found = three_year_mean(years, 2026)
    assert (found.valid, [one.en for one in found.reasons]) == (False, ["2025 is not a valid year"])
    assert found.rounded == Decimal("30.2"), "the figure is given all the same"
    assert any("not a valid year" in line for line in found.trace.lines("en"))


def test_a_three_year_mean_is_of_one_pollutant_with_an_annual_limit() -> None:
    with pytest.raises(InputError, match="CO"):
        three_year_mean({year: yearly("CO", constant(year, 1), year) for year in (2024, 2025, 2026)}, 2026)
    with pytest.raises(InputError):
        three_year_mean(three_years() | {2025: yearly("PM10", constant(2025, 1), 2025)}, 2026)


@pytest.mark.parametrize(
    ("first", "last", "needed"),
    [
        (date(2026, 10, 1), date(2026, 10, 31), 27),
        (date(2026, 2, 1), date(2026, 2, 28), 25),
        (date(2024, 2, 1), date(2024, 2, 29), 25),
        (date(2026, 1, 1), date(2026, 3, 31), 79),
        (date(2026, 1, 1), date(2026, 12, 31), 324),
        (date(2025, 1, 1), date(2025, 12, 31), 324),
    ],
)
def test_whole_months_and_years_need_the_days_of_the_standard(first: date, last: date, needed: int) -> None:
    assert days_needed(first, last) == needed


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2026, 10, 2), date(2026, 10, 31)),
        (date(2026, 10, 1), date(2026, 10, 30)),
        (date(2026, 10, 1), date(2026, 9, 30)),
    ],
)
def test_parts_of_months_have_no_number_of_days(first: date, last: date) -> None:
    with pytest.raises(InputError):
        days_needed(first, last)
