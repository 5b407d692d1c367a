from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.rulebook import Confidence, packaged
from qingjian.standards import ecology, noise, radiation
from qingjian.standards.errors import EditionError, InputError, UnitError
from qingjian.standards.quantity import Quantity
from qingjian.standards.rounding import round_places

DAY = date(2026, 5, 1)


# --- noise


def test_energy_mean() -> None:
    assert noise.energy_mean([60, 60]) == 60
    assert noise.energy_mean([60, 70]) == Decimal("67.403626895")
    assert noise.energy_mean([60, 70], [3, 1]) == Decimal("65.118833610")
    for bad in ([], [-1], [201], ["x"]):
        with pytest.raises(InputError):
            noise.energy_mean(bad)
    with pytest.raises(InputError):
        noise.energy_mean([60], [0])


def test_a_level_keeps_its_digits_until_it_is_rounded_once() -> None:
    """Exact 55.0500037: rounded in two steps it would attain a limit of 55."""
    hours = [
        "54.7",
        "55.2",
        "55.0",
        "55.1",
        "54.8",
        "54.5",
        "54.5",
        "54.9",
        "55.4",
        "55.0",
        "55.3",
        "55.6",
        "55.5",
        "55.4",
        "54.8",
        "54.9",
    ]
    level = noise.energy_mean([Decimal(one) for one in hours])
    assert round_places(level, 1) == Decimal("55.1")
    assert noise.energy_mean([Decimal("55.05")] * 16) == Decimal("55.05")


@given(st.lists(st.integers(200, 1200).map(lambda n: Decimal(n) / 10), min_size=1, max_size=24))
def test_an_energy_mean_lies_between_arithmetic_mean_and_maximum(levels: list[Decimal]) -> None:
    result = noise.energy_mean(levels)
    assert sum(levels) / len(levels) - Decimal("0.0002") <= result <= max(levels) + Decimal("0.0002")


def test_day_and_night() -> None:
    hours = {hour: (55 if 6 <= hour < 22 else 45) for hour in range(24)}
    levels = noise.day_and_night(hours)
    assert (levels.day, levels.night, levels.day_hours, levels.night_hours) == (55, 45, 16, 8)
    assert levels.whole is not None
    assert levels.whole.quantize(Decimal("0.01")) == Decimal("53.45")
    assert levels.day_night == 55
    part = noise.day_and_night({3: 40, 4: None})
    assert (part.day, part.night, part.day_night) == (None, 40, None)
    shifted = noise.day_and_night({6: 50}, day_starts=7, night_starts=23)
    assert shifted.night == 50
    for bad in ({24: 50}, {-1: 50}):
        with pytest.raises(InputError):
            noise.day_and_night(bad)
    with pytest.raises(InputError):
        noise.day_and_night({1: 50}, day_starts=22, night_starts=6)


def test_every_noise_limit_decides() -> None:
    for row in packaged().rows("noise_limits"):
        on = row.valid_from
        key = "day" if row["averaging_period"].startswith("昼间") else "night"
        for excess, expected in ((0, True), (1, False)):
            level = {key: Decimal(row["limit"]) + Decimal(excess) / 10}
            result = noise.zone(row["class"], standard=row.standard, on=on, **level)  # type: ignore[arg-type]
            assert (result.day_attained if key == "day" else result.night_attained) is expected


def test_zones() -> None:
    result = noise.zone("3类", day="55.1", night="58", on=DAY)
    assert (result.day_attained, result.night_attained, result.night_excess) == (True, False, 3)
    assert noise.zone("2", day=60, on=DAY).day_attained
    assert noise.zone("2", night=60, on=DAY).day_attained is None
    assert noise.zone("2类", night=50, night_maximum=65, on=DAY).sudden_attained
    assert noise.zone("2类", night=50, night_maximum="65.1", on=DAY).sudden_attained is False
    assert (
        noise.zone("场界", day=70, standard="GB 12523", on=date(2025, 12, 31)).trace.rows[-1].edition
        == "2011"
    )
    assert (
        noise.zone("场界", day=70, standard="GB 12523", on=date(2026, 1, 1)).trace.rows[-1].edition == "2025"
    )
    with pytest.raises(InputError):
        noise.zone("2类", on=DAY)
    with pytest.raises(InputError):
        noise.zone("7类", day=50, on=DAY)
    with pytest.raises(UnitError):
        noise.zone("2类", day=Quantity(50, "mg/L"), on=DAY)


def test_limits_fall_from_busy_to_quiet_zones() -> None:
    for period in ("昼间", "夜间"):
        limits = [
            Decimal(row["limit"])
            for row in packaged().rows("noise_limits", standard="GB 3096")
            if row["averaging_period"].startswith(period) and row["class"] in ("0类", "1类", "2类", "3类")
        ]
        assert limits == sorted(limits)


def test_urban_ratings_cover_every_level_once() -> None:
    for kind in ("区域", "道路交通"):
        for period in ("昼间", "夜间"):
            grades = [
                noise.urban_rating(kind, period, Decimal(n) / 10, on=DAY).level for n in range(300, 900)
            ]  # type: ignore[arg-type]
            assert list(dict.fromkeys(grades)) == ["一级", "二级", "三级", "四级", "五级"]
    assert noise.urban_rating("区域", "昼间", 50, on=DAY).rating == "好"
    assert noise.urban_rating("区域", "昼间", "50.1", on=DAY).rating == "较好"
    with pytest.raises(InputError):
        noise.urban_rating("天空", "昼间", 50, on=DAY)
    with pytest.raises(EditionError):
        noise.urban_rating("区域", "昼间", 50, on=date(2010, 1, 1))


def test_means_over_points_and_roads() -> None:
    assert noise.area_mean([50, 55]) == Decimal("52.5")
    assert noise.road_mean([(70, 1000), (60, Quantity(3000, "m"))]) == Decimal("62.5")
    assert noise.attainment_rate([True, True, False]) == Decimal("66.7")
    for call in (
        lambda: noise.area_mean([]),
        lambda: noise.road_mean([(60, 0)]),
        lambda: noise.attainment_rate([]),
    ):
        with pytest.raises(InputError):
            call()


# --- radiation


def test_dose_rates_against_history() -> None:
    past = radiation.history([90, 110] * 360)
    assert (past.hours, past.mean) == (720, 100)
    assert past.deviation == Decimal("10.0070")
    high = radiation.judge("130.03", past)
    assert high.threshold == Decimal("130.0210")
    assert high.alert is True
    assert radiation.judge("130.02", past).alert is False
    rain = radiation.judge(140, past, rain=True, background=(60, 120))
    assert (rain.rain, rain.within_background) == (True, False)
    assert "降雨" in "\n".join(rain.trace.lines())
    assert radiation.judge(Quantity("0.1", "μGy/h"), past).value == 100
    assert high.trace.confidence is Confidence.U


def test_short_history_is_not_judged() -> None:
    past = radiation.history([90, 110])
    assert radiation.judge(500, past).alert is None
    for bad in ([], [1], [1, -1]):
        with pytest.raises(InputError):
            radiation.history(bad)
    for value in (-1, "x"):
        with pytest.raises(InputError):
            radiation.judge(value, past)
    with pytest.raises(UnitError):
        radiation.judge(Quantity(1, "μSv"), past)
    with pytest.raises(InputError):
        radiation.judge(100, past, background=(120, 60))


def test_a_dose_range_holds_against_both_ends_of_the_background() -> None:
    inside = radiation.annual_dose_range(90, (60, 100))
    assert (inside.lowest.dose, inside.within) == (0, True)
    assert inside.highest.dose == radiation.annual_dose(90, 60).dose
    assert radiation.annual_dose_range(250, (60, 100)).within is None
    assert radiation.annual_dose_range(300, (60, 100)).within is False
    with pytest.raises(InputError):
        radiation.annual_dose_range(90, (100, 60))


def test_annual_dose_counts_the_increment_only() -> None:
    assert radiation.annual_dose(100, 100).dose == 0
    assert radiation.annual_dose(90, 100).dose == 0
    result = radiation.annual_dose(300, 100)
    assert result.dose == Decimal("1.2264")
    assert result.within is False
    assert radiation.annual_dose(300, 100, occupancy="0.2").within
    with pytest.raises(InputError):
        radiation.annual_dose(300, 100, occupancy=2)


# --- ecology


def test_the_tree_of_the_index() -> None:
    result = ecology.quality(structure=60, function=70, diversity=50, stress=20)
    assert (
        result.value
        == Decimal("0.36") * 60 + Decimal("0.35") * 70 + Decimal("0.19") * 50 + Decimal("0.10") * 80
    )
    assert result.cls == "二类"
    assert ecology.quality(structure=100, function=100, diversity=100, stress=0).value == 100
    assert sum(Decimal(r["value"]) for r in packaged().rows("eqi", kind="weight")) == 1
    with pytest.raises(InputError):
        ecology.quality(structure=101, function=70, diversity=50, stress=20)


@pytest.mark.parametrize(
    ("value", "cls"),
    [
        (100, "一类"),
        (70, "一类"),
        ("69.99", "二类"),
        (55, "二类"),
        (40, "三类"),
        (30, "四类"),
        ("29.99", "五类"),
        (0, "五类"),
    ],
)
def test_classes_of_the_index(value: object, cls: str) -> None:
    assert ecology.class_of(value)[0] == cls  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("difference", "label"),
    [
        ("4", "明显变好"), ("3.99", "一般变好"), ("2", "一般变好"), ("1.99", "轻微变好"), ("1", "轻微变好"),
        ("0.99", "基本稳定"), ("-0.99", "基本稳定"), ("-1", "轻微变差"), ("-2", "一般变差"), ("-3.99", "一般变差"),
        ("-4", "明显变差"), ("-30", "明显变差"),
    ],
)  # fmt: skip
def test_classes_of_change(difference: str, label: str) -> None:
    assert ecology.change(50 + Decimal(difference), 50).label == label


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_every_change_has_a_class(now: int, base: int) -> None:
    assert ecology.change(Decimal(now) / 100, Decimal(base) / 100).label
    with pytest.raises(InputError):
        ecology.class_of(-1)


def test_a_day_is_valid_with_three_quarters_of_its_hours() -> None:
    hours = dict.fromkeys(range(6, 18), 55)
    found = noise.day_and_night(hours)
    assert (found.day_valid, found.night_valid) == (True, False)
    assert (found.least_day_hours, found.least_night_hours) == (12, 6)
    del hours[17]
    assert not noise.day_and_night(hours).day_valid
    assert noise.day_and_night(dict.fromkeys((22, 23, 0, 1, 2, 3), 45)).night_valid


def test_the_history_of_a_station_is_a_year() -> None:
    assert radiation.history_days() == 365
