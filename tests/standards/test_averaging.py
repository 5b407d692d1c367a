"""Periods, units and lines of an office's file: what is meant is accepted and written as the tables write it."""

from __future__ import annotations

import pytest

from qingjian.rulebook import Row, packaged
from qingjian.standards import averaging
from qingjian.standards.emissions.judgement import period_of
from qingjian.standards.proposals import completed, problems_of
from qingjian.standards.quantity import unit_name


def row(table: str, **values: str) -> Row:
    given = {
        "standard": "DB 99/1", "edition": "2025", "effective_from": "2025-01-01", "op": "<=", "limit": "30",
        "confidence": "S", "source": "office", "condition": "", "symbol": "", "class": "一级", "unit": "mg/L",
        "pollutant_cn": "化学需氧量",
    }  # fmt: skip
    return Row.from_values(table, {**given, **values}, override=True)


def emission(period: str, **more: str) -> Row:
    return row("emission_limits", averaging_period=period, **more)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("24 小时均值", "day"),
        ("24h平均", "day"),
        ("日平均浓度", "day"),
        ("日均", "day"),
        ("小时", "hour"),
        ("1 小时均值", "hour"),
        ("１小时平均浓度限值", "hour"),
        ("小时均值", "hour"),
        ("月均值", "month"),
        ("月平均", "month"),
        ("年均值", "year"),
        ("年平均浓度", "year"),
        ("一次值", "instant"),
        ("任意一次浓度值", "instant"),
        ("瞬时值", "instant"),
        ("测定均值", "determination"),
    ],
)
def test_periods_of_emissions_are_read_as_they_are_meant(given: str, meant: str) -> None:
    done = completed(emission(given))
    assert problems_of(done) == []
    assert period_of(done["averaging_period"]) == meant


@pytest.mark.parametrize("given", ["季均值", "季", "4小时均值", "周均值", "平均", "昼间"])
def test_periods_that_nothing_judges_are_refused(given: str) -> None:
    assert [column for column, _text in problems_of(completed(emission(given)))] == ["averaging_period"]


@pytest.mark.parametrize(
    ("standard", "given", "written"),
    [
        ("GB 3096", "昼间", "昼间 06:00-22:00"),
        ("GB 3096", "夜间（22:00～6:00）", "夜间 22:00-06:00"),
        ("GB 12348", "昼间 06:00-22:00", "昼间"),
        ("GB 12348", "夜", "夜间"),
    ],
)
def test_noise_is_written_as_its_standard_writes_it(standard: str, given: str, written: str) -> None:
    (held,) = packaged().rows("noise_limits", standard=standard)[:1]
    typed = Row.from_values("noise_limits", {**held.values, "averaging_period": given}, override=True)
    done = completed(typed)
    assert done["averaging_period"] == written
    assert problems_of(done) == []


def test_other_hours_of_the_night_are_refused() -> None:
    (held,) = packaged().rows("noise_limits", standard="GB 3096")[:1]
    typed = Row.from_values(
        "noise_limits", {**held.values, "averaging_period": "夜间 23:00-07:00"}, override=True
    )
    assert [column for column, _text in problems_of(completed(typed))] == ["averaging_period"]


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("年均值", "年平均"),
        ("24 小时平均", "日平均"),
        ("日均值", "日平均"),
        ("小时均值", "1小时平均"),
        ("8小时平均", "日最大8小时平均"),
        ("季平均", "季平均"),
    ],
)
def test_air_is_written_as_its_standard_writes_it(given: str, written: str) -> None:
    held = next(one for one in packaged().rows("ambient_air_limits") if one["averaging_period"] == written)
    typed = Row.from_values("ambient_air_limits", {**held.values, "averaging_period": given}, override=True)
    assert completed(typed)["averaging_period"] == written
    assert completed(typed).id == held.id


def test_every_packaged_period_stays_as_it_is() -> None:
    book = packaged()
    for name in ("ambient_air_limits", "noise_limits", "emission_limits", "aqi_breakpoints"):
        for one in book.rows(name):
            assert averaging.written(one) == one["averaging_period"]
            assert averaging.problem(one) is None


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("mg／L", "mg/L"),
        ("㎎/L", "mg/L"),
        ("毫克每升", "mg/L"),
        ("mg / ㎥", "mg/m³"),
        ("毫克每立方米", "mg/m³"),
        ("ngTEQ/Nm3", "ng TEQ/m³"),
        ("稀释倍数", "倍"),
        ("千克/小时", "kg/h"),
        ("公斤／小时", "kg/h"),
        ("级", "级"),
        ("无量纲", "无量纲"),
    ],
)
def test_units_are_read_as_they_are_meant(given: str, written: str) -> None:
    assert unit_name(given) == written


@pytest.mark.parametrize(
    ("item", "unit"), [("化学需氧量", "无量纲"), ("pH", "mg/L"), ("色度", "mg/L"), ("二氧化硫", "级")]
)
def test_a_unit_of_another_kind_is_refused(item: str, unit: str) -> None:
    found = problems_of(completed(emission("日均值", pollutant_cn=item, unit=unit)))
    assert "unit" in [column for column, _text in found]
    assert all(text.zh and text.en for _column, text in found)


def test_a_rate_is_a_limit_of_its_item() -> None:
    assert problems_of(completed(emission("", pollutant_cn="二氧化硫", unit="kg/h"))) == []
