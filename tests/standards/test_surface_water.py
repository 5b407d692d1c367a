from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.rulebook import Confidence, packaged
from qingjian.standards.errors import InputError, UnitError
from qingjian.standards.quantity import Quantity
from qingjian.standards.surface_water import black_odorous, cwqi, drinking_water, lakes, stations
from qingjian.standards.surface_water.items import ASSESSED
from qingjian.standards.surface_water.means import mean, mean_ph
from qingjian.standards.surface_water.rating import percentage, rating_of_shares, river_rating
from qingjian.standards.surface_water.trend import PeriodShares, spearman, two_periods

DAY = date(2026, 5, 1)


# --- means


def test_ph_is_averaged_as_activity() -> None:
    assert mean_ph([Decimal(6), Decimal(8)]).quantize(Decimal("1e-6")) == Decimal("6.296709")
    assert mean_ph([Decimal(9), Decimal(9), Decimal("9.0000004")]) > 9, "what decides is not rounded off"
    assert mean_ph([Decimal("7.2")] * 3) == Decimal("7.2")
    with pytest.raises(InputError):
        mean_ph([])


def test_means_of_samples_with_non_detects() -> None:
    means = mean([{"Hg": "0.00004L", "COD": 10}, {"Hg": "0.0001", "COD": 20, "TN": None}], "month", on=DAY)
    assert means.items["Hg"].value == Decimal("0.00006")
    assert (means.items["Hg"].count, means.items["Hg"].below_detection) == (2, 1)
    assert means.values()["COD"] == 15
    assert means.valid


def test_quarters_and_years_need_enough_values() -> None:
    one = [{"COD": 10}]
    assert mean(one, "month", on=DAY).valid
    assert not mean(one, "quarter", on=DAY).valid
    assert mean(one * 2, "quarter", on=DAY).valid
    short = mean(one * 5, "year", on=DAY)
    assert (short.valid, short.reasons[0].en) == (False, "5 values, fewer than 6")
    assert mean(one * 6, "year", on=DAY).valid
    with pytest.raises(InputError):
        mean([], "month", on=DAY)
    with pytest.raises(InputError):
        mean([{"COD": 1, "CODCr": 1}], on=DAY)
    with pytest.raises(InputError):
        mean([{"pH": 15}], on=DAY)


# --- rating


@pytest.mark.parametrize(
    ("good", "worst", "rating"),
    [
        (90, 0, "优"), ("89.99", 0, "良好"), (75, 25, "良好"), ("74.9", "19.9", "轻度污染"), (0, 20, "中度污染"),
        (50, "39.99", "中度污染"), (50, 40, "重度污染"), (0, 100, "重度污染"), (100, 0, "优"),
    ],
)  # fmt: skip
def test_rating_by_shares(good: object, worst: object, rating: str) -> None:
    assert rating_of_shares(Decimal(str(good)), Decimal(str(worst)))[0] == rating


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_every_possible_pair_of_shares_has_one_rating(good: int, worst: int) -> None:
    if good + worst > 1000:
        with pytest.raises(InputError):
            rating_of_shares(Decimal(good) / 10, Decimal(worst) / 10)
    else:
        assert rating_of_shares(Decimal(good) / 10, Decimal(worst) / 10)[0]


def test_a_river_with_five_sections_is_rated_by_shares() -> None:
    sections: list[dict[str, object]] = [
        {"COD": 15},
        {"COD": 15},
        {"COD": 18},
        {"COD": 25, "TP": 0.3},
        {"COD": 50},
    ]
    result = river_rating(sections, DAY)  # type: ignore[arg-type]
    assert (result.method, result.share_good, result.share_worst, result.rating) == (
        "shares",
        60,
        20,
        "中度污染",
    )
    assert result.main == ("TP", "COD")
    assert result.shares["Ⅰ"] == 40


def test_a_river_with_fewer_sections_is_rated_by_means() -> None:
    result = river_rating([{"COD": 10}, {"COD": 28}], DAY)
    assert (result.method, result.rating) == ("mean", "良好")
    assert result.mean_class is not None
    assert result.mean_class.cls == "Ⅲ"
    with pytest.raises(InputError):
        river_rating([], DAY)


def test_percentage() -> None:
    assert percentage(28, 42) == Decimal("66.7")
    for bad in ((1, 0), (-1, 3), (4, 3)):
        with pytest.raises(InputError):
            percentage(*bad)


# --- trend


def shares(good: float, worst: float, rating: str = "良好") -> PeriodShares:
    return PeriodShares(Decimal(str(good)), Decimal(str(worst)), rating)


@pytest.mark.parametrize(
    ("before", "after", "label"),
    [
        (shares(80, 5), shares(85, 0), "无明显变化"),
        (shares(80, 5), shares(86, 0), "有所好转"),
        (shares(75, 20), shares(85, 9), "明显好转"),
        (shares(85, 0), shares(80, 6), "有所变差"),
        (shares(80, 5), shares(80, 5), "无明显变化"),
        (shares(80, 5), shares(90, 5, "优"), "有所好转"),
        (shares(95, 0, "优"), shares(60, 10, "轻度污染"), "明显变差"),
    ],
)
def test_two_periods(before: PeriodShares, after: PeriodShares, label: str) -> None:
    result = two_periods(before, after)
    assert result.label == label
    assert result.trace.confidence is Confidence.U


def test_two_periods_refuse_nonsense() -> None:
    with pytest.raises(InputError):
        two_periods(shares(80, 30), shares(80, 5))
    with pytest.raises(InputError):
        two_periods(shares(80, 5, "好"), shares(80, 5))


def test_spearman() -> None:
    rising = spearman([Decimal(n) for n in (1, 2, 3, 4, 5)])
    assert (rising.coefficient, rising.direction, rising.highly) == (1, "rising", True)
    falling = spearman([Decimal(n) for n in (9, 8, 7, 5, 6, 4)])
    assert (falling.coefficient, falling.direction) == (Decimal("-0.9429"), "falling")
    assert spearman([Decimal(n) for n in (3, 1, 2, 1, 3)]).direction == "none"
    assert spearman([Decimal(n) for n in range(11)]).critical == Decimal("0.564")
    assert spearman([Decimal(n) for n in range(40)]).critical == Decimal("0.306")
    assert spearman([Decimal(4)] * 5).direction == "none"
    with pytest.raises(InputError):
        spearman([Decimal(1)] * 4)


def test_the_critical_table_falls_with_n() -> None:
    rows = packaged().rows("spearman_critical")
    assert [int(r["n"]) for r in rows] == sorted(int(r["n"]) for r in rows)
    for column in ("p05", "p01"):
        values = [Decimal(r[column]) for r in rows if r[column]]
        assert values == sorted(values, reverse=True)
    assert all(Decimal(r["p05"]) < Decimal(r["p01"]) for r in rows if r["p01"])


# --- lakes


def test_trophic_level_of_a_lake() -> None:
    full = lakes.trophic_level({"chla": 10, "TP": 0.05, "TN": 1, "SD": 1, "CODMn": 5})
    assert sum(full.weights.values()).quantize(Decimal("1e-9")) == 1
    assert not full.missing
    assert full.parts["chla"].quantize(Decimal("0.001")) == Decimal("50.006")
    assert full.state == "中营养"
    part = lakes.trophic_level({"chla": 10, "TP": None})
    assert part.weights == {"chla": 1}
    assert part.missing == ("TP", "TN", "SD", "CODMn")
    assert lakes.parameter_index("SD", Quantity(50, "cm"))[0] == lakes.parameter_index("SD", "0.5")[0]
    for bad in ({}, {"TP": 0}, {"TP": -1}, {"gold": 1}):
        with pytest.raises(InputError):
            lakes.trophic_level(bad)
    with pytest.raises(UnitError):
        lakes.parameter_index("TP", Quantity(1, "mg/m³"))


@pytest.mark.parametrize(
    ("level", "state"),
    [
        ("29.999", "贫营养"), (30, "中营养"), (50, "中营养"), ("50.01", "轻度富营养"), (60, "轻度富营养"),
        ("60.01", "中度富营养"), (70, "中度富营养"), ("70.01", "重度富营养"), (-3, "贫营养"), (140, "重度富营养"),
    ],
)  # fmt: skip
def test_trophic_states(level: object, state: str) -> None:
    assert lakes.state_of(Decimal(str(level)))[0] == state


def test_weights_of_the_table_follow_from_the_correlations() -> None:
    rows = packaged().rows("tli", kind="coef")
    total = sum(Decimal(r["rij2"]) for r in rows)
    for row in rows:
        assert abs(Decimal(row["rij2"]) / total - Decimal(row["weight"])) < Decimal("0.0001")
        assert abs(Decimal(row["rij"]) ** 2 - Decimal(row["rij2"])) < Decimal("0.0001")


# --- CWQI


def at_class_iii() -> dict[str, object]:
    rows = {
        r["symbol"]: r["limit"]
        for r in packaged().rows("surface_water_limits", class_="Ⅲ")
        if "湖" not in r["condition"]
    }
    return {name: rows[name] for name in ASSESSED if name != "pH"} | {"pH": 9}


def test_cwqi_of_water_at_class_iii_is_21() -> None:
    result = cwqi.body_index([at_class_iii()], DAY)  # type: ignore[list-item]
    assert result.value == 21
    assert cwqi.body_index([at_class_iii() | {"pH": 6}], DAY).value == 21  # type: ignore[list-item]
    assert cwqi.body_index([at_class_iii() | {"pH": 7}], DAY).value == 20  # type: ignore[list-item]
    better = cwqi.body_index([at_class_iii() | {"DO": 10}], DAY)  # type: ignore[list-item]
    assert better.parts["DO"] == Decimal("0.5")
    lake = cwqi.body_index([at_class_iii()], DAY, water_body="lake")  # type: ignore[list-item]
    assert lake.parts["TP"] == 4


def test_cwqi_needs_all_items_and_some_oxygen() -> None:
    few = {"COD": 10, "pH": 7}
    with pytest.raises(InputError, match="lacks items"):
        cwqi.body_index([few], DAY)
    assert len(cwqi.body_index([few], DAY, allow_missing=True).missing) == 19
    with pytest.raises(InputError):
        cwqi.body_index([at_class_iii() | {"DO": 0}], DAY)  # type: ignore[list-item]


def test_city_index_is_weighted_by_sections() -> None:
    assert cwqi.city_index(Decimal(6), 3, Decimal(10), 1) == 7
    assert cwqi.city_index(Decimal("5.12345"), 4) == Decimal("5.1234")
    for bad in ((None, 0), (Decimal(1), 0)):
        with pytest.raises(InputError):
            cwqi.city_index(*bad)


# --- black and odorous


@pytest.mark.parametrize(
    ("inputs", "grade"),
    [
        ({"oxygen": "2.01"}, "none"), ({"oxygen": 2}, "mild"), ({"oxygen": "0.2"}, "mild"), ({"oxygen": "0.19"}, "severe"),
        ({"ammonia": "7.9"}, "none"), ({"ammonia": 8}, "mild"), ({"ammonia": "15.1"}, "severe"),
        ({"transparency": 26}, "none"), ({"transparency": 25}, "mild"), ({"transparency": 9}, "severe"),
        ({"transparency": 9, "depth": 20}, "none"), ({"transparency": 12, "depth": 20}, "none"),
        ({"transparency": 8, "depth": 20}, "mild"), ({"transparency": "7.9", "depth": 20}, "severe"),
        ({"transparency": 9, "depth": 9}, "none"), ({"transparency": 9, "depth": 25}, "severe"),
        ({"oxygen": 5, "ammonia": 16}, "severe"),
    ],
)  # fmt: skip
def test_black_odorous(inputs: dict[str, object], grade: str) -> None:
    assert black_odorous.grade(**inputs).grade == grade  # type: ignore[arg-type]


@given(st.integers(0, 400), st.integers(0, 400), st.integers(1, 600))
def test_clearer_water_is_never_worse_and_a_share_of_the_depth_says_its_confidence(
    one: int, other: int, depth: int
) -> None:
    clear, dim = max(one, other), min(one, other)
    grades = ("none", "mild", "severe")
    found = [
        black_odorous.grade(transparency=Decimal(value) / 10, depth=Decimal(depth) / 10)
        for value in (clear, dim)
    ]
    assert grades.index(found[0].grade) <= grades.index(found[1].grade)
    assert found[0].trace.confidence is (Confidence.U if depth < 250 else Confidence.S)


def test_black_odorous_needs_something() -> None:
    with pytest.raises(InputError):
        black_odorous.grade()
    with pytest.raises(InputError):
        black_odorous.grade(oxygen=-1)


# --- drinking water


def test_a_surface_source() -> None:
    clean = {"COD": 20, "NH3-N": 1, "硫酸盐": 250, "铊": "0.00005L", "TN": 9, "粪大肠菌群": 10**6, "pH": 7}
    result = drinking_water.evaluate_source(clean, DAY)
    assert result.attained
    assert result.reference_only == ("TN", "FC")
    dirty = drinking_water.evaluate_source(clean | {"铊": "0.0003", "DO": 3}, DAY)
    assert dirty.exceeding == {"铊": 2, "DO": None}
    with pytest.raises(InputError):
        drinking_water.evaluate_source({"TN": 3}, DAY)
    with pytest.raises(InputError):
        drinking_water.evaluate_source({"unknown": 3}, DAY)
    with pytest.raises(InputError):
        drinking_water.evaluate_source({"COD": 3, "化学需氧量": 3}, DAY)


def test_every_special_item_is_judged_at_its_limit() -> None:
    rows = packaged().rows("surface_water_limits", class_="标准限值")
    assert len(rows) == 85
    for row in rows:
        limit = Decimal(row["limit"])
        assert drinking_water.evaluate_source({row["pollutant_cn"]: limit}, DAY).attained
        beyond = drinking_water.evaluate_source({row["pollutant_cn"]: limit * 2}, DAY)
        assert beyond.exceeding == {row["pollutant_cn"]: 1}


def test_a_groundwater_source_and_rates() -> None:
    assert drinking_water.evaluate_source({"锰": "0.10"}, DAY, kind="ground").attained
    assert drinking_water.evaluate_source({"锰": "0.2"}, DAY, kind="ground").exceeding == {"锰": 1}
    rates = drinking_water.rates(
        [(True, Quantity(300, "万m³")), (False, Quantity(1_000_000, "m³")), (True, 0)]
    )
    assert (rates.by_number, rates.by_volume) == (Decimal("66.7"), 75)
    for bad in ([], [(True, 0)]):
        with pytest.raises(InputError):
            drinking_water.rates(bad)  # type: ignore[arg-type]


# --- automatic stations


def test_a_station_is_judged_on_its_five_items() -> None:
    result = stations.station_class([{"DO": 6, "COD": 99, "TN": 4}, {"DO": 8, "TP": 0.15}], DAY, target="Ⅲ")
    assert (result.result.cls, result.result.reached) == ("Ⅲ", True)
    assert any("COD" in line for line in result.trace.lines() if line.startswith("未采用"))


def test_fluctuations() -> None:
    week = [1, 1, 2, 1, 1, 1, 1]
    assert stations.fluctuation("NH3-N", "2.1", week).abnormal
    assert not stations.fluctuation("NH3-N", 2, week).abnormal
    assert stations.fluctuation("DO", 3, [8, 8, 8]).abnormal
    assert not stations.fluctuation("DO", 20, [8, 8, 8]).abnormal
    for value, before in ((1, [1, 1]), (1, [0, 0, 0]), (-1, [1, 1, 1])):
        with pytest.raises(InputError):
            stations.fluctuation("TP", value, before)
