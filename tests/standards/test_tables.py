"""Tables are complete, monotone and agree with the figures the texts state."""

import itertools
from datetime import date
from decimal import Decimal

import pytest

from qingjian.rulebook import packaged

BOOK = packaged()
PHASES = {
    "2012": date(2016, 1, 1),
    "2018": date(2018, 9, 1),
    "transition": date(2026, 3, 1),
    "final": date(2031, 1, 1),
}
# GB 3095-2026 table 1: grade Ⅰ/Ⅱ in the transition phase and from 2031.
TABLE_1_OF_2026 = {
    ("SO2", "年平均"): ((20, 60), (20, 20)),
    ("SO2", "日平均"): ((50, 150), (50, 50)),
    ("SO2", "1小时平均"): ((150, 500), (150, 150)),
    ("NO2", "年平均"): ((40, 40), (30, 30)),
    ("NO2", "日平均"): ((80, 80), (50, 50)),
    ("NO2", "1小时平均"): ((200, 200), (200, 200)),
    ("CO", "日平均"): ((4, 4), (4, 4)),
    ("CO", "1小时平均"): ((10, 10), (10, 10)),
    ("O3", "日最大8小时平均"): ((100, 160), (100, 160)),
    ("O3", "1小时平均"): ((160, 200), (160, 200)),
    ("PM10", "年平均"): ((40, 60), (20, 50)),
    ("PM10", "日平均"): ((50, 120), (50, 100)),
    ("PM2.5", "年平均"): ((15, 30), (10, 25)),
    ("PM2.5", "日平均"): ((35, 60), (25, 50)),
}


def air(on: date, symbol: str, period: str, grade: str) -> Decimal:
    (row,) = BOOK.rows("ambient_air_limits", on, symbol=symbol, averaging_period=period, class_=grade)
    return Decimal(row["limit"])


@pytest.mark.parametrize("item", TABLE_1_OF_2026, ids="-".join)
def test_the_limits_of_2026_are_those_of_the_text(item: tuple[str, str]) -> None:
    for phase, pair in zip(("transition", "final"), TABLE_1_OF_2026[item], strict=True):
        assert (air(PHASES[phase], *item, "一级"), air(PHASES[phase], *item, "二级")) == pair


def test_air_limits_are_complete_in_every_phase_and_never_relax() -> None:
    for symbol, period in TABLE_1_OF_2026:
        for grade in ("一级", "二级"):
            limits = [air(day, symbol, period, grade) for day in PHASES.values()]
            assert limits == sorted(limits, reverse=True), (symbol, period)
        for day in PHASES.values():
            assert air(day, symbol, period, "一级") <= air(day, symbol, period, "二级")


def test_longer_means_have_lower_limits() -> None:
    for day in PHASES.values():
        for symbol in ("SO2", "NO2", "PM10", "PM2.5"):
            for grade in ("一级", "二级"):
                assert air(day, symbol, "年平均", grade) <= air(day, symbol, "日平均", grade)


def test_levels_are_contiguous() -> None:
    for edition, lowest in (("2012", 0), ("2026", 1)):
        rows = BOOK.rows("aqi_levels", edition=edition)
        bounds = [(int(row["aqi_lo"]), int(row["aqi_hi"])) for row in rows]
        assert bounds[0][0] == lowest
        assert bounds[-1][1] == 500
        assert all(a[1] + 1 == b[0] for a, b in itertools.pairwise(bounds))
        assert len({row["rgb"] for row in rows}) == 6


def test_the_limits_of_iaqi_100_are_the_daily_limits_of_grade_ii() -> None:
    for day in (PHASES["2012"], PHASES["transition"]):
        for symbol in ("SO2", "NO2", "CO", "PM10", "PM2.5"):
            (row,) = BOOK.rows("aqi_breakpoints", day, symbol=symbol, averaging_period="24h", iaqi="100")
            assert Decimal(row["bp"]) == air(day, symbol, "日平均", "二级")
        (row,) = BOOK.rows("aqi_breakpoints", day, symbol="O3", averaging_period="8h", iaqi="100")
        assert Decimal(row["bp"]) == air(day, "O3", "日最大8小时平均", "二级")


def test_composite_limits_are_the_annual_limits_of_their_edition() -> None:
    for variant_start, day in (
        (date(2014, 1, 1), PHASES["2018"]),
        (PHASES["transition"],) * 2,
        (PHASES["final"],) * 2,
    ):
        for row in BOOK.rows("composite_index"):
            if row.valid_from != variant_start:
                continue
            period = {"CO": "日平均", "O3": "日最大8小时平均"}.get(row["symbol"], "年平均")
            assert Decimal(row["standard_value"]) == air(day, row["symbol"], period, "二级")


def test_advice_and_sensitive_groups_are_complete() -> None:
    for edition in ("2012", "2026"):
        levels = {row["level"] for row in BOOK.rows("aqi_levels", edition=edition)}
        for kind in ("effect", "advice"):
            rows = BOOK.rows("aqi_advice", edition=edition, kind=kind)
            assert {row["item"] for row in rows} == levels
            assert all(row["text_zh"] and row["text_en"] for row in rows)
    groups = BOOK.rows("aqi_advice", kind="sensitive")
    assert {row["item"] for row in groups} == {"SO2", "NO2", "CO", "O3", "PM10", "PM2.5"}
    assert {row.edition for row in groups} == {"2026"}


def test_every_row_names_its_source() -> None:
    for table in BOOK.tables():
        for row in BOOK.rows(table):
            assert row.source, (table, dict(row.values))
