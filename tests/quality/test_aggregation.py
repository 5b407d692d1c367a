"""Means, extremes, totals, validity by rulebook rows, marks of periods; against a slow definition."""

from collections import defaultdict
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qingjian.quality.aggregation import (
    METHODS,
    aggregate,
    aggregate_days,
    aggregate_hours,
    aggregate_minutes,
    aggregate_months,
)
from qingjian.quality.facts import FactKind, IntervalFact
from qingjian.quality.observations import Observations, SeriesInfo
from qingjian.quality.periods import day_start
from qingjian.quality.rules import RuleTextError, change_days, check_text, rules_for
from qingjian.quality.status import Reason, effective_status
from qingjian.rulebook import Confidence, Row, packaged

BOOK = packaged()
TODAY = day_start(date(2026, 11, 21))


def minutes(
    n: int, value: float = 1.0, flags: list[str] | None = None, series: int = 1, start: int = TODAY
) -> Observations:
    return Observations.of([series] * n, start + 60 * np.arange(n), [value] * n, flag=flags or ["N"] * n)


def hours(n: int, value: float = 1.0, series: int = 1, start: int = TODAY, **more: object) -> Observations:
    return Observations.of([series] * n, start + 3600 * np.arange(n), [value] * n, flag=["N"] * n, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(("medium", "factor"), [("air", "SO2"), ("flue_gas", "a21026")])
@pytest.mark.parametrize(("count", "valid"), [(44, False), (45, True), (60, True)])
def test_an_hour_needs_45_minutes(medium: str, factor: str, count: int, valid: bool) -> None:
    got = aggregate_hours(minutes(count), [SeriesInfo(1, medium, factor, 60)], BOOK)
    assert got.valid.tolist() == [valid]
    assert got.value.tolist() == [1.0]
    assert got.count.tolist() == [count]
    assert got.expected.tolist() == [60]
    assert got.completeness[0] == pytest.approx(count / 60)


def test_the_minutes_are_counted_in_time_not_in_rows() -> None:
    five = Observations.of([1] * 9, TODAY + 300 * np.arange(9), [2.0] * 9, flag=["N"] * 9)
    assert aggregate_hours(five, [SeriesInfo(1, "air", "SO2", 300)], BOOK).valid.tolist() == [True]
    assert aggregate_hours(
        five.take(np.arange(8)), [SeriesInfo(1, "air", "SO2", 300)], BOOK
    ).valid.tolist() == [False]


@pytest.mark.parametrize("medium", ["flue_gas", "air", "noise"])
def test_a_few_rows_closer_together_than_described_do_not_fill_an_hour(medium: str) -> None:
    """Described are ten minutes a row; the device sends one each minute, and five arrive."""
    described = [SeriesInfo(1, medium, "a21026", 600)]
    got = aggregate_hours(minutes(5), described, BOOK)
    assert (got.valid.tolist(), got.expected.tolist(), got.step.tolist()) == ([False], [60], [60])
    assert got.completeness[0] == pytest.approx(5 / 60)
    assert aggregate_hours(minutes(50), described, BOOK).valid.tolist() == [True]


def test_one_row_astray_between_others_changes_nothing() -> None:
    starts = sorted([*range(TODAY, TODAY + 3600, 600), TODAY + 60])
    rows = Observations.of([1] * 7, starts, [2.0] * 7, flag=["N"] * 7)
    got = aggregate_hours(rows, [SeriesInfo(1, "flue_gas", "a21026", 600)], BOOK)
    assert (got.step.tolist(), got.valid.tolist(), got.expected.tolist()) == ([600], [True], [6])


def test_the_step_of_one_series_or_hour_is_none_of_another_s() -> None:
    described = [SeriesInfo(1, "flue_gas", "a21026", 600), SeriesInfo(2, "flue_gas", "a21002", 600)]
    ten = TODAY + 600 * np.arange(6)
    starts = [*ten, *(TODAY + 3600 + 60 * np.arange(5)), *ten]
    rows = Observations.of([1] * 11 + [2] * 6, starts, [1.0] * 17, flag=["N"] * 17)
    got = aggregate_hours(rows, described, BOOK)
    assert got.step.tolist() == [600, 60, 600]
    assert got.valid.tolist() == [True, False, True]


def test_the_rule_and_confidence_follow_the_day() -> None:
    old = aggregate_hours(
        minutes(45, start=day_start(date(2025, 6, 1))), [SeriesInfo(1, "air", "SO2", 60)], BOOK
    )
    new = aggregate_hours(minutes(45), [SeriesInfo(1, "air", "SO2", 60)], BOOK)
    assert (old.rule_of(0).row.edition, old.confidence_of(0)) == ("2012", Confidence.U)
    assert (new.rule_of(0).row.edition, new.confidence_of(0)) == ("2026", Confidence.V)
    both = Observations.of(
        [1, 1], [day_start(date(2026, 2, 28)), day_start(date(2026, 3, 1))], [1.0, 1.0], flag=["N", "N"]
    )
    mixed = aggregate_hours(both, [SeriesInfo(1, "air", "SO2", 60)], BOOK)
    assert [mixed.rule_of(i).row.edition for i in (0, 1)] == ["2012", "2026"]


def test_items_the_standard_does_not_list_go_by_analogy_and_are_marked() -> None:
    got = aggregate_hours(minutes(45), [SeriesInfo(1, "air", "a99999", 60)], BOOK)
    assert got.rule_of(0).analogy
    assert got.confidence_of(0) is Confidence.U
    other = aggregate_hours(minutes(45), [SeriesInfo(1, "noise", "LA", 60)], BOOK)
    assert other.rule_of(0).name == "convention"
    assert other.valid.tolist() == [True]


def test_air_days_and_months() -> None:
    info = [SeriesInfo(1, "air", "PM2.5", 3600)]
    assert aggregate_days(hours(19), info, BOOK).valid.tolist() == [False]
    assert aggregate_days(hours(20), info, BOOK).valid.tolist() == [True]
    daily = [SeriesInfo(1, "air", "PM2.5", 86400)]
    for month, days, valid in ((11, 27, True), (11, 26, False), (2, 25, True), (2, 24, False)):
        start = day_start(date(2026, month, 1))
        rows = Observations.of([1] * days, start + 86400 * np.arange(days), [3.0] * days, flag=["N"] * days)
        got = aggregate_months(rows, daily, BOOK)
        assert got.valid.tolist() == [valid], (month, days)
        assert got.expected[0] == (28 if month == 2 else 30)


def test_flue_gas_days_follow_the_operating_hours_and_show_the_dispute() -> None:
    info = [SeriesInfo(1, "flue_gas", "a21026", 3600)]
    stop = [IntervalFact("s", FactKind.STOP, frozenset({1}), TODAY + 8 * 3600, TODAY + 86400)]
    rows = hours(24)
    got = aggregate_days(rows, info, BOOK, effective_status(rows, stop, info))
    assert (got.due[0], got.count[0], got.valid[0], got.disputed[0]) == (8, 8, True, True)
    assert got.rule_of(0).name == "hj75"
    assert got.confidence_of(0) is Confidence.U
    other = aggregate(
        rows, info, BOOK, "day", effective_status(rows, stop, info), prefer={("flue_gas", "day"): "hj212"}
    )
    assert (other.rule_of(0).name, other.valid[0], other.disputed[0]) == ("hj212", False, True)
    for count, valid, disputed in ((17, False, False), (18, True, True), (20, True, False)):
        day = aggregate_days(hours(count), info, BOOK)
        assert (day.valid[0], day.disputed[0]) == (valid, disputed)


def test_stop_marks_of_the_device_leave_the_base() -> None:
    rows = Observations.of(
        [1] * 24, TODAY + 3600 * np.arange(24), [1.0] * 24, flag=["F"] * 12 + ["N"] * 9 + ["D"] * 3
    )
    got = aggregate_days(rows, [SeriesInfo(1, "flue_gas", "a21026", 3600)], BOOK)
    assert (got.due[0], got.count[0], got.valid[0]) == (12, 9, True)


def test_water_means_are_weighted_by_flow_and_idle_hours_are_not_due() -> None:
    info = [
        SeriesInfo(1, "waste_water", "w01018", 3600, "flow_weighted", flow_series=2),
        SeriesInfo(2, "waste_water", "w00000", 3600),
        SeriesInfo(3, "waste_water", "w01001", 3600),
    ]
    start = TODAY + 3600 * np.arange(4)
    rows = Observations.of(
        [1] * 4 + [2] * 4 + [3] * 4,
        np.tile(start, 3),
        [10.0, 20.0, 30.0, 99.0, 1.0, 3.0, 1.0, 0.0, 7.0, 7.0, 8.0, 8.0],
        flag=["N"] * 12,
    )
    got = aggregate_days(rows, info, BOOK)
    assert got.value.tolist() == [20.0, 1.25, 7.5]
    assert [METHODS[m] for m in got.method] == ["flow_weighted", "arithmetic", "arithmetic"]
    assert got.due.tolist() == [23, 24, 24]
    assert got.count.tolist() == [3, 4, 4]
    assert got.maximum[0] == 30.0
    totals = Observations.of(
        [1] * 4 + [2] * 4, np.tile(start, 2), [10.0, 20.0, 30.0, 99.0, 1, 1, 1, 1], total=[1, 2, 3, 4, 6, 2, 0, 2],
        flag=["N"] * 8,
    )  # fmt: skip
    weighted = aggregate_days(totals, info[:2], BOOK)
    assert weighted.value[0] == pytest.approx((60 + 40 + 198) / 10)
    assert weighted.total.tolist() == [7.0, 10.0]  # the hour without discharge carries no load of its own
    idle = Observations.of([1, 2], [TODAY, TODAY], [5.0, 0.0], flag=["N", "N"])
    none = aggregate_days(idle, info[:2], BOOK)
    assert np.isnan(none.value[0])
    assert not none.valid[0]
    alone = aggregate_days(rows.take(rows.series == 1), info[:1], BOOK)
    assert METHODS[int(alone.method[0])] == "arithmetic"
    assert alone.value[0] == pytest.approx(159 / 4)


def test_flows_that_cannot_be_used_as_weights() -> None:
    info = [
        SeriesInfo(1, "waste_water", "w01018", 3600, "flow_weighted", flow_series=2),
        SeriesInfo(2, "waste_water", "w00000", 3600),
    ]
    starts = np.tile(TODAY + 3600 * np.arange(2), 2)
    negative = Observations.of([1, 1, 2, 2], starts, [10.0, 20.0, -1.0, 3.0], flag=["N"] * 4)
    got = aggregate_days(negative, info, BOOK)
    assert METHODS[int(got.method[0])] == "arithmetic"
    assert got.value[0] == 15.0
    nan = float("nan")
    mixed = Observations.of(
        [1, 1, 2, 2], starts, [10.0, 20.0, 1.0, 3.0], total=[nan, nan, 7.0, nan], flag=["N"] * 4
    )
    assert aggregate_days(mixed, info, BOOK).value[0] == pytest.approx((10 + 60) / 4)


def test_a_substitute_replaces_the_extremes_too() -> None:
    rows = hours(2, 5.0, minimum=[1.0, 1.0], maximum=[9.0, 9.0])
    info = [SeriesInfo(1, "flue_gas", "a21026", 3600)]
    facts = [
        IntervalFact("m", FactKind.MARK, frozenset({1}), TODAY, TODAY + 3600, "D"),
        IntervalFact("s", FactKind.SUBSTITUTION, frozenset({1}), TODAY, TODAY + 3600, "20"),
    ]
    got = aggregate_days(rows, info, BOOK, effective_status(rows, facts, info))
    assert (got.value[0], got.minimum[0], got.maximum[0]) == (12.5, 1.0, 20.0)
    assert int(got.reasons[0]) & Reason.SUBSTITUTED


def test_the_confidence_of_the_values_reaches_the_result() -> None:
    info = [SeriesInfo(1, "air", "SO2", 60)]
    assert aggregate_hours(minutes(60), info, BOOK).confidence_of(0) is Confidence.V
    assert aggregate_hours(minutes(60, flags=["N"] * 59 + [""]), info, BOOK).confidence_of(0) is Confidence.U
    assert (
        aggregate_hours(minutes(60, flags=["N"] * 59 + ["Xy"]), info, BOOK).confidence_of(0) is Confidence.V
    )


def test_a_day_that_stood_still_is_neither_valid_nor_disputed() -> None:
    rows = Observations.of([1] * 24, TODAY + 3600 * np.arange(24), [1.0] * 24, flag=["F"] * 24)
    got = aggregate_days(rows, [SeriesInfo(1, "flue_gas", "a21026", 3600)], BOOK)
    assert (got.due[0], got.valid[0], got.disputed[0], got.completeness[0]) == (0, False, False, 1.0)


def test_sum_last_and_wind_direction() -> None:
    start = TODAY + 900 * np.arange(4)
    info = [
        SeriesInfo(1, "weather", "rain", 900, "sum"),
        SeriesInfo(2, "waste_water", "totaliser", 900, "last"),
        SeriesInfo(3, "weather", "direction", 900, "vector"),
        SeriesInfo(4, "weather", "direction", 900, "vector"),
    ]
    values = [1.0, 2.0, 0.0, 4.0, 5.0, 6.0, 7.0, 8.0, 350.0, 10.0, 350.0, 10.0, 0.0, 180.0, 0.0, 180.0]
    flags = ["N"] * 7 + ["D"] + ["N"] * 8
    rows = Observations.of(np.repeat([1, 2, 3, 4], 4), np.tile(start, 4), values, flag=flags)
    got = aggregate_hours(rows, info, BOOK)
    assert got.value[:2].tolist() == [7.0, 7.0]
    assert min(got.value[2], 360 - got.value[2]) == pytest.approx(0.0, abs=1e-9)
    assert np.isnan(got.value[3])
    assert got.valid.tolist() == [True, True, True, False]


@pytest.mark.parametrize(
    ("medium", "flags", "expected"),
    [
        ("waste_water", ["N"] * 6, "N"),
        ("waste_water", ["N"] * 5 + ["C"], "C"),
        ("waste_water", ["N", "C", "D", "D", "N", "N"], "D"),
        ("flue_gas", ["N"] * 3 + ["C"], "N"),
        ("flue_gas", ["N"] * 2 + ["C"] * 2, "D"),
        ("air", ["C"] * 4, "D"),
        ("air", ["3"] * 4, "N"),
    ],
)
def test_the_mark_of_a_period(medium: str, flags: list[str], expected: str) -> None:
    n = len(flags)
    rows = Observations.of([1] * n, TODAY + 600 * np.arange(n), [1.0] * n, flag=flags)
    got = aggregate_hours(rows, [SeriesInfo(1, medium, "x", 600)], BOOK)
    assert got.flags[int(got.flag[0])] == expected


def test_a_missing_number_makes_a_water_period_abnormal() -> None:
    rows = Observations.of([1] * 6, TODAY + 600 * np.arange(6), [1.0] * 5 + [float("nan")], flag=["N"] * 6)
    for medium, expected in (("waste_water", "D"), ("flue_gas", "N")):
        got = aggregate_hours(rows, [SeriesInfo(1, medium, "x", 600)], BOOK)
        assert got.flags[int(got.flag[0])] == expected


def test_minutes_from_real_time_values() -> None:
    info = [SeriesInfo(1, "flue_gas", "a21026", 5)]
    rows = Observations.of([1] * 12, TODAY + 5 * np.arange(12), np.arange(12.0), flag=["N"] * 12)
    got = aggregate_minutes(rows, info, BOOK)
    assert (got.value[0], got.minimum[0], got.maximum[0], got.valid[0]) == (5.5, 0.0, 11.0, True)
    assert not aggregate_minutes(rows.take(np.arange(11)), info, BOOK).valid[0]
    slow = aggregate_minutes(minutes(10), [SeriesInfo(1, "flue_gas", "a21026", 60)], BOOK, minute_seconds=600)
    assert (len(slow), bool(slow.valid[0]), slow.rule_of(0).name) == (1, True, "convention")


def test_a_local_row_changes_the_threshold() -> None:
    (row,) = BOOK.rows("cems_checks", None, check="有效小时均值")
    strict = BOOK.with_rows(
        [
            Row.from_values(
                "cems_checks", dict(row.values) | {"criterion": ">=50 min of valid data"}, override=True
            )
        ]
    )
    info = [SeriesInfo(1, "flue_gas", "a21026", 60)]
    assert aggregate_hours(minutes(45), info, strict).valid.tolist() == [False]
    assert aggregate_hours(minutes(50), info, strict).valid.tolist() == [True]
    vague = BOOK.with_rows(
        [Row.from_values("cems_checks", dict(row.values) | {"criterion": "mostly valid"}, override=True)]
    )
    with pytest.raises(RuleTextError, match="no number"):
        aggregate_hours(minutes(45), info, vague)


def test_every_selector_finds_its_row_today() -> None:
    assert change_days(BOOK)
    for medium in ("air", "flue_gas", "waste_water"):
        for target in ("hour", "day", "month"):
            found = rules_for(BOOK, medium, "SO2", target, date(2026, 11, 21), 3600)
            assert found[0].name != "convention", (medium, target)
    assert rules_for(BOOK, "air", "SO2", "year", date(2026, 11, 21), 86400)[0].threshold == 324


def test_a_row_without_its_number_is_found_before_it_is_used() -> None:
    for row in BOOK.rows("data_validity"):
        check_text(row)
    row = BOOK.rows("data_validity", standard="HJ 212", item="废气", scope="hour")[0]
    vague = Row.from_values("data_validity", dict(row.values) | {"rule": "mostly valid"}, override=True)
    with pytest.raises(RuleTextError, match="no number"):
        check_text(vague)
    other = Row.from_values("data_validity", dict(vague.values) | {"item": "something else"}, override=True)
    check_text(other)


def test_bad_input_is_refused() -> None:
    rows = minutes(3)
    with pytest.raises(ValueError, match="without a description"):
        aggregate_hours(rows, [SeriesInfo(2, "air", "SO2", 60)], BOOK)
    with pytest.raises(ValueError, match="sorted"):
        aggregate_hours(rows.take(np.asarray([1, 0])), [SeriesInfo(1, "air", "SO2", 60)], BOOK)
    with pytest.raises(ValueError, match="sorted"):
        aggregate_hours(rows.take(np.asarray([0, 0])), [SeriesInfo(1, "air", "SO2", 60)], BOOK)
    with pytest.raises(ValueError, match="twice"):
        aggregate_hours(rows, [SeriesInfo(1, "air", "SO2", 60)] * 2, BOOK)
    with pytest.raises(ValueError, match="no such period"):
        aggregate(rows, [SeriesInfo(1, "air", "SO2", 60)], BOOK, "week")
    assert len(aggregate_hours(Observations.of([], [], []), [], BOOK)) == 0


CELLS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 11),
        st.floats(-1e6, 1e6) | st.just(float("nan")),
        st.sampled_from(["N", "D", "C", ""]),
        st.floats(0, 100) | st.just(float("nan")),
    ),
    max_size=60,
    unique_by=lambda row: row[:2],
)


@settings(max_examples=200)
@given(CELLS, st.sampled_from(["air", "flue_gas", "waste_water"]))
def test_against_the_slow_definition(cells: list[tuple[int, int, float, str, float]], medium: str) -> None:
    cells = sorted(cells, key=lambda row: row[:2])
    info = [SeriesInfo(i, medium, "a21026", 900) for i in range(3)]
    rows = Observations.of(
        [c[0] for c in cells],
        [TODAY + 900 * c[1] for c in cells],
        [c[2] for c in cells],
        flag=[c[3] for c in cells],
        total=[c[4] for c in cells],
    )
    got = aggregate_hours(rows, info, BOOK)
    groups: dict[tuple[int, int], list[tuple[float, str, float]]] = defaultdict(list)
    for series, slot, value, flag, total in cells:
        groups[series, TODAY + slot // 4 * 3600].append((value, flag, total))
    assert list(zip(got.series.tolist(), got.start.tolist(), strict=True)) == sorted(groups)
    for row, key in enumerate(sorted(groups)):
        good = [(v, t) for v, f, t in groups[key] if f in ("N", "") and np.isfinite(v)]
        assert got.received[row] == len(groups[key])
        assert got.count[row] == len(good)
        if good:
            numbers = [v for v, _ in good]
            assert got.value[row] == pytest.approx(float(np.mean(numbers)), rel=1e-9, abs=1e-6)
            assert got.minimum[row] == min(numbers)
            assert got.maximum[row] == max(numbers)
            assert got.minimum[row] - 1e-6 <= got.value[row] <= got.maximum[row] + 1e-6
        else:
            assert np.isnan(got.value[row])
            assert not got.valid[row]
        totals = [t for _, t in good if np.isfinite(t)]
        assert np.isnan(got.total[row]) if not totals else got.total[row] == pytest.approx(sum(totals))
        needed = 1 if medium == "waste_water" else 3
        assert got.valid[row] == (len(good) >= needed)
        bad = len(groups[key]) - len(good)
        normal = bad == 0 if medium == "waste_water" else (len(groups[key]) - bad) >= 0.75 * len(groups[key])
        assert (got.flags[int(got.flag[row])] == "N") == normal


@given(st.floats(-1e9, 1e9), st.integers(1, 500))
def test_a_constant_series_keeps_its_value_exactly(value: float, n: int) -> None:
    rows = Observations.of([1] * n, TODAY + 5 * np.arange(n), [value] * n, flag=["N"] * n)
    got = aggregate_hours(rows, [SeriesInfo(1, "air", "SO2", 5)], BOOK)
    assert got.value[0] == pytest.approx(value, rel=1e-15, abs=0)
