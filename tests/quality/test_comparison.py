"""The device's own means against ours: rounding is no difference, anything more is."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.quality.aggregation import aggregate_hours
from qingjian.quality.chain import aggregate_upwards
from qingjian.quality.comparison import COLUMNS, Outcome, compare, compare_converted, converted_tolerance
from qingjian.quality.observations import Observations, SeriesInfo
from qingjian.quality.periods import day_start
from qingjian.rulebook import Confidence, Row, packaged

BOOK = packaged()
TODAY = day_start(date(2026, 11, 21))
INFO = [
    SeriesInfo(1, "flue_gas", "a21026", 60, decimals=1),
    SeriesInfo(2, "weather", "rain", 60, "sum", decimals=1),
]


def minutes(values: list[float], series: int = 1) -> Observations:
    n = len(values)
    return Observations.of([series] * n, TODAY + 60 * np.arange(n), values, flag=["N"] * n)


def hour(value: float, series: int = 1, start: int = TODAY, **more: list[float]) -> Observations:
    return Observations.of([series], [start], [value], flag=["N"], **more)  # type: ignore[arg-type]


@given(st.lists(st.floats(0, 1000), min_size=60, max_size=60), st.sampled_from([1, 2]))
def test_rounding_alone_is_never_a_difference(exact: list[float], series: int) -> None:
    """The device averages exact values and rounds; we average the rounded ones it sent."""
    own = aggregate_hours(minutes([round(v, 1) for v in exact], series), INFO, BOOK)
    sent = round(sum(exact) if series == 2 else sum(exact) / 60, 1)
    got = compare(own, hour(sent, series), INFO)
    assert got.outcome.tolist() == [Outcome.AGREE]


def test_a_real_difference_is_found_with_its_figures() -> None:
    own = aggregate_hours(minutes([10.0] * 60), INFO, BOOK)
    got = compare(own, hour(10.2), INFO).differing()
    assert len(got) == 1
    evidence = got.evidence(0)
    assert evidence["column"] == "value"
    assert evidence["difference"] == pytest.approx(0.2)
    assert evidence["allowed"] == pytest.approx(0.1)
    assert compare(own, hour(10.1), INFO).outcome.tolist() == [Outcome.AGREE]
    assert compare(own, hour(10.2), INFO, absolute=0.1).outcome.tolist() == [Outcome.AGREE]
    assert compare(own, hour(10.2), INFO, relative=0.02).outcome.tolist() == [Outcome.AGREE]


def test_lost_minutes_make_a_difference_not_comparable() -> None:
    own = aggregate_hours(minutes([10.0] * 50), INFO, BOOK)
    assert compare(own, hour(11.0), INFO).outcome.tolist() == [Outcome.NOT_COMPARABLE]
    assert compare(own, hour(10.0), INFO).outcome.tolist() == [Outcome.AGREE]


def test_what_only_one_side_has() -> None:
    own = aggregate_hours(minutes([10.0] * 60), INFO, BOOK)
    got = compare(own, hour(10.0, start=TODAY + 3600), INFO)
    assert got.start.tolist() == [TODAY, TODAY + 3600]
    assert got.outcome.tolist() == [Outcome.ONLY_OWN, Outcome.ONLY_SENT]
    assert (
        len(
            compare(
                own.__class__(**{f: getattr(own, f) for f in own.__slots__}),
                Observations.of([], [], []),
                INFO,
            )
        )
        == 1
    )
    none = aggregate_hours(Observations.of([], [], []), INFO, BOOK)
    assert compare(none, hour(1.0), INFO).outcome.tolist() == [Outcome.ONLY_SENT]


def test_all_columns() -> None:
    own = aggregate_hours(minutes([float(i) for i in range(60)]), INFO, BOOK)
    got = compare(own, hour(29.5, minimum=[0.0], maximum=[50.0]), INFO, columns=COLUMNS)
    assert [(COLUMNS[c], Outcome(o)) for c, o in zip(got.column, got.outcome, strict=True)] == [
        ("value", Outcome.AGREE),
        ("minimum", Outcome.AGREE),
        ("maximum", Outcome.DIFFER),
    ]
    with pytest.raises(ValueError, match="cannot compare"):
        compare(own, hour(1.0), INFO, columns=("median",))


def carried(least: float, greatest: float, total: float) -> Observations:
    """An hour of minutes of value 10 with extremes and totals of their own."""
    starts = TODAY + 60 * np.arange(60)
    return Observations.of(
        [1] * 60, starts, [10.0] * 60, flag=["N"] * 60,
        minimum=[least] * 60, maximum=[greatest] * 60, total=[total] * 60,
    )  # fmt: skip


def outcomes(rows: Observations, **sent: list[float]) -> dict[str, Outcome]:
    got = compare(aggregate_hours(rows, INFO, BOOK), hour(10.0, **sent), INFO, columns=COLUMNS)
    return {COLUMNS[c]: Outcome(o) for c, o in zip(got.column, got.outcome, strict=True)}


def test_falsified_extremes_and_totals_are_found() -> None:
    rows = carried(9.0, 11.0, 2.0)
    found = outcomes(rows, minimum=[1.0], maximum=[99.0], total=[5.0])
    assert found == {
        "value": Outcome.AGREE,
        "minimum": Outcome.DIFFER,
        "maximum": Outcome.DIFFER,
        "total": Outcome.DIFFER,
    }
    assert set(outcomes(rows, minimum=[9.0], maximum=[11.0], total=[120.0]).values()) == {Outcome.AGREE}


def test_a_wider_range_says_nothing_where_the_finer_rows_had_no_extremes_of_their_own() -> None:
    wider = outcomes(minutes([10.0] * 60), minimum=[1.0], maximum=[99.0], total=[5.0])
    assert (wider["minimum"], wider["maximum"]) == (Outcome.NOT_COMPARABLE, Outcome.NOT_COMPARABLE)
    assert wider["total"] is Outcome.ONLY_SENT
    narrower = outcomes(minutes([9.0, 11.0] * 30), minimum=[9.5], maximum=[10.5])
    assert (narrower["minimum"], narrower["maximum"]) == (Outcome.DIFFER, Outcome.DIFFER)


@given(st.lists(st.floats(0, 50), min_size=60, max_size=60), st.integers(0, 4), st.integers(0, 4))
def test_rounding_of_amounts_is_never_a_difference(exact: list[float], fine: int, coarse: int) -> None:
    starts = TODAY + 60 * np.arange(60)
    rows = Observations.of(
        [1] * 60, starts, [10.0] * 60, flag=["N"] * 60, total=[round(one, fine) for one in exact]
    )
    found = outcomes(rows, total=[round(sum(exact), coarse)])
    assert found["total"] is Outcome.AGREE


def test_amounts_of_which_one_is_lacking_are_not_compared() -> None:
    rows = carried(9.0, 11.0, 2.0)
    rows.total[7] = np.nan
    assert outcomes(rows, total=[5.0])["total"] is Outcome.NOT_COMPARABLE


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(-5, 5)), unique=True),
    st.lists(st.tuples(st.integers(0, 3), st.integers(-5, 5)), unique=True),
)
def test_keys_are_matched_exactly(left: list[tuple[int, int]], right: list[tuple[int, int]]) -> None:
    info = [SeriesInfo(i, "air", "SO2", 3600) for i in range(4)]
    left, right = sorted(left), sorted(right)
    own = aggregate_hours(
        Observations.of(
            [a for a, _ in left], [3600 * b for _, b in left], [1.0] * len(left), flag=["N"] * len(left)
        ),
        info,
        BOOK,
    )
    sent = Observations.of([a for a, _ in right], [3600 * b for _, b in right], [1.0] * len(right))
    got = compare(own, sent, info)
    keys = list(zip(got.series.tolist(), (got.start // 3600).tolist(), strict=True))
    assert keys == sorted({*left, *right})
    for key, outcome in zip(keys, got.outcome, strict=True):
        expected = (
            Outcome.AGREE
            if key in left and key in right
            else Outcome.ONLY_OWN
            if key in left
            else Outcome.ONLY_SENT
        )
        assert outcome == expected


def day_of(hours: list[Observations]) -> Observations:
    """The rows of several hours, one after the other."""
    return Observations.of(
        [1] * sum(map(len, hours)),
        np.concatenate([one.start + 3600 * place for place, one in enumerate(hours)]),
        np.concatenate([one.value for one in hours]),
        flag=["N"] * sum(map(len, hours)),
        minimum=np.concatenate([one.minimum for one in hours]),
        maximum=np.concatenate([one.maximum for one in hours]),
        total=np.concatenate([one.total for one in hours]),
    )


def day_outcomes(rows: Observations, **sent: list[float]) -> dict[str, Outcome]:
    made = aggregate_upwards({"minute": rows}, INFO, BOOK)
    said = Observations.of([1], [TODAY], [10.0], flag=["N"], **sent)
    got = compare(made["day"], said, INFO, columns=COLUMNS, hours=made["hour"])
    return {COLUMNS[c]: Outcome(o) for c, o in zip(got.column, got.outcome, strict=True)}


def test_extremes_of_a_day_are_held_against_the_finest_data_both_ways() -> None:
    whole = day_of([carried(9.0, 11.0, 2.0)] * 24)
    for least, greatest in ((1.0, 99.0), (9.5, 10.5)):
        found = day_outcomes(whole, minimum=[least], maximum=[greatest], total=[2880.0])
        assert (found["minimum"], found["maximum"]) == (Outcome.DIFFER, Outcome.DIFFER)
        assert found["total"] is Outcome.AGREE
    found = day_outcomes(whole, minimum=[9.0], maximum=[11.0], total=[2880.0])
    assert set(found.values()) == {Outcome.AGREE}


def test_what_a_missing_minute_may_have_held_is_not_said_of_a_day() -> None:
    lacking = day_of([carried(9.0, 11.0, 2.0)] * 24).take(np.arange(24 * 60) != 700)
    found = day_outcomes(lacking, minimum=[1.0], maximum=[99.0], total=[2900.0])
    assert {found[name] for name in ("minimum", "maximum", "total")} == {Outcome.NOT_COMPARABLE}
    found = day_outcomes(lacking, minimum=[9.5], maximum=[10.5], total=[2878.0])
    assert (found["minimum"], found["maximum"]) == (Outcome.DIFFER, Outcome.DIFFER), "it cannot be narrower"


def test_the_mean_of_a_day_is_not_held_against_hours_that_lack_minutes() -> None:
    """The own hour is the mean of what came of it, so the own day is not the mean the device made of all."""
    whole = day_of([carried(9.0, 11.0, 2.0)] * 24)
    risen = np.where((np.arange(24 * 60) >= 700) & (np.arange(24 * 60) < 720), 60.0, 10.0)
    whole = replace(whole, value=risen)
    assert day_outcomes(whole)["value"] is Outcome.DIFFER
    lacking = whole.take((np.arange(24 * 60) < 660) | (np.arange(24 * 60) >= 670))
    assert day_outcomes(lacking)["value"] is Outcome.NOT_COMPARABLE


def test_a_day_of_hours_without_minutes_is_held_against_their_extremes() -> None:
    hours = Observations.of(
        [1] * 24, TODAY + 3600 * np.arange(24), [10.0] * 24, flag=["N"] * 24, minimum=[9.0] * 24, maximum=[11.0] * 24
    )  # fmt: skip
    info = [SeriesInfo(1, "flue_gas", "a21026", 3600, decimals=1)]
    made = aggregate_upwards({"hour": hours}, info, BOOK)
    said = Observations.of([1], [TODAY], [10.0], flag=["N"], minimum=[1.0], maximum=[99.0])
    got = compare(made["day"], said, info, columns=COLUMNS).differing()
    assert [COLUMNS[column] for column in got.column] == ["minimum", "maximum"]


def test_a_converted_value_may_differ_by_what_moving_oxygen_explains() -> None:
    keys = [(1, 0), (1, 3600), (2, 0), (2, 3600), (3, 0)]
    own = np.array([100.0, 100.0, 50.0, np.nan, 0.0])
    sent = np.array([104.0, 70.0, np.nan, 50.0, 0.1])
    found = compare_converted(keys, own, sent, np.array([1, 1, 1, 1, 1]), np.full(5, 0.05))
    assert found == [(1, 3600, 100.0, 70.0, pytest.approx(5.1))]
    narrow = np.array([0.01, 0.4, 0.05, 0.05, 0.05])
    assert compare_converted(keys, own, sent, np.array([1, 1, 1, 1, 1]), narrow) == [
        (1, 0, 100.0, 104.0, pytest.approx(1.1))
    ]


def test_how_far_converted_values_may_differ_is_a_house_rule_to_confirm() -> None:
    row = converted_tolerance(BOOK, date(2026, 11, 1))
    assert (row["value"], row["unit"], row.confidence) == ("5", "%", Confidence.U)
    assert row["source"].startswith("house rule")
    assert row in BOOK.rows_to_confirm()
    own = Row.from_values(
        "evaluation_parameters", {**row.values, "value": "2", "effective_from": "2026-06-01"}, override=True
    )
    book = BOOK.with_rows([own])
    assert [converted_tolerance(book, date(2026, month, 1))["value"] for month in (5, 6)] == ["5", "2"]
    assert converted_tolerance(BOOK.without_rows([row.id]), date(2026, 6, 1)) == row, "an older rulebook"
