"""Limits of ambient air that a place sets beside the national ones."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.rulebook import Row, packaged
from qingjian.standards.air.local import problems
from qingjian.standards.air.statistics import attainment, yearly

YEAR = 2027
DAYS = [date(YEAR, 1, 1) + timedelta(days=one) for one in range(365)]


def limit(value: str, **changes: str) -> Row:
    given = {
        "standard": "DB 99/T 5", "edition": "2026", "clause": "表1", "effective_from": "2026-06-01",
        "pollutant_cn": "颗粒物(粒径≤2.5μm)", "symbol": "PM2.5", "unit": "μg/m³", "class": "二级",
        "averaging_period": "年平均", "op": "<=", "limit": value, "condition": "", "confidence": "S", "source": "office",
    }  # fmt: skip
    return Row.from_values("ambient_air_limits", {**given, **changes}, override=True)


def test_a_stricter_local_limit_is_judged_beside_the_national_one_under_its_own_name() -> None:
    """22 μg/m³ meet the national 30 of the year; the place allows 20, and 40 by the day (P95)."""
    book = packaged().with_rows([limit("20"), limit("40", averaging_period="日平均")])
    values = dict.fromkeys(DAYS, Decimal(22)) | {DAYS[0]: Decimal(45)}
    found = yearly("PM25", values, YEAR, rulebook=book)
    plain = yearly("PM25", values, YEAR)
    assert (found.attained, found.mean_multiple) == (True, None) == (plain.attained, plain.mean_multiple)
    (one,) = found.local
    assert (one.document, one.mean_limit, one.daily_limit) == ("DB 99/T 5-2026", Decimal(20), Decimal(40))
    assert (one.met, one.exceeding_days) == (False, 1)
    said = found.trace.lines("zh")
    assert any("地方标准 DB 99/T 5-2026 表1: PM2.5 年均值" in line and "超标 0.1 倍" in line for line in said)
    assert any("DB 99/T 5" in line and "百分位数 22" in line and "达标" in line for line in said)
    assert any("DB 99/T 5" in line for line in attainment({"PM2.5": found}).trace.lines("en"))
    assert plain.local == ()


def test_a_local_limit_holds_from_its_day_and_in_any_unit_of_its_kind() -> None:
    row = limit("0.02", unit="mg/m³", effective_from=f"{YEAR}-07-01", averaging_period="日平均")
    book = packaged().with_rows([row])
    found = yearly("PM2.5", dict.fromkeys(DAYS, Decimal(25)), YEAR, rulebook=book)
    assert [(one.daily_limit, one.exceeding_days) for one in found.local] == [(Decimal(20), 184)]
    earlier = {date(YEAR - 1, 1, 1) + timedelta(days=one): Decimal(25) for one in range(365)}
    assert yearly("PM2.5", earlier, YEAR - 1, rulebook=book).local == ()


def test_another_edition_asked_for_knows_no_local_limits() -> None:
    book = packaged().with_rows([limit("20")])
    assert yearly("PM2.5", dict.fromkeys(DAYS, 25), YEAR, edition="2012", rulebook=book).local == ()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (limit("30"), "不严于 GB 3095-2026 的"),
        (limit("50"), "环境保护法第十五条"),
        (limit("0.05", unit="mg/m³"), "不严于"),
        (limit("20", **{"class": "一级"}), "不参与任何评价"),
        (limit("20", averaging_period="1小时平均"), "不参与任何评价"),
        (limit("20", op=">="), "不参与任何评价"),
        (limit("0.001", symbol="BaP", pollutant_cn="苯并[a]芘"), "不参与任何评价"),
        (limit("20", unit="dB(A)"), "DB 99/T 5"),
    ],
)
def test_a_limit_that_would_judge_nothing_or_is_not_stricter_is_refused(row: Row, said: str) -> None:
    (problem,) = problems(packaged().with_rows([row]), [row])
    assert said in problem.zh
    assert problem.en


def test_every_packaged_row_and_every_stricter_one_passes() -> None:
    book = packaged()
    assert problems(book, book.rows("ambient_air_limits")) == []


@given(st.decimals("0.1", "24.9", places=1))
def test_what_is_stricter_passes(value: Decimal) -> None:
    row = limit(str(value))
    assert problems(packaged().with_rows([row]), [row]) == []
