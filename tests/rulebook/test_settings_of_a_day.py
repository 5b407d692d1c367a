"""A setting holds from its day on: an earlier day is worked out with the earlier one."""

from __future__ import annotations

from datetime import date

import pytest

from qingjian.rulebook import Row, packaged
from qingjian.rulebook.loading import load_csv

SHARE = {"subject": "water_day", "item": "valid share", "unit": "%", "confidence": "S", "source": "office"}


def setting(value: str, **more: str) -> Row:
    return Row.from_values(
        "evaluation_parameters",
        {
            "standard": "HJ 356",
            "edition": "2030",
            "effective_from": "2030-01-01",
            "value": value,
            **SHARE,
            **more,
        },
        override=True,
    )


def share(book, day: date) -> str:
    return book.on(day).rows("evaluation_parameters", subject="water_day")[-1]["value"]


@pytest.mark.parametrize("standard", ["HJ 356", "本局规定"])
def test_a_setting_to_come_changes_no_earlier_day(standard: str) -> None:
    book = packaged().with_rows([setting("100", standard=standard)])
    assert [share(book, date(year, 6, 1)) for year in (2019, 2026, 2029, 2030, 2040)] == [
        "75", "75", "75", "100", "100",
    ]  # fmt: skip
    assert len(book.on(date(2026, 1, 1)).rows("evaluation_parameters", subject="water_day")) == 1


def test_a_setting_that_has_ended_is_nobodys() -> None:
    book = packaged().with_rows(
        [setting("90", effective_from="2026-06-01", effective_to="2026-06-30", edition="x")]
    )
    assert [share(book, date(2026, month, 15)) for month in (5, 6, 7)] == ["75", "90", "75"]


def test_limits_of_every_edition_stay_in_the_snapshot_of_a_day() -> None:
    book = packaged()
    for table in ("ambient_air_limits", "aqi_breakpoints", "emission_limits"):
        assert book.on(date(2020, 1, 1)).rows(table) == book.rows(table)
    assert book.on(date(2020, 1, 1)) is book.on(date(2020, 1, 2)), "one snapshot for a stretch"


HEAD = "standard,edition,effective_from,pollutant_cn,symbol,unit,class,averaging_period,op,limit,condition,source\n"


@pytest.mark.parametrize("text", ["6-9", "6~9", "6–9", "6－9", "6 ～ 9", "6至9"])
def test_a_range_is_read_however_it_is_typed(text: str) -> None:
    rows, errors = load_csv(
        f"{HEAD}DB 1,2025,2025-01-01,pH,pH,无量纲,,日均值,range,{text},,x\n", "emission_limits"
    )
    assert (errors, [row["limit"] for row in rows]) == ((), ["6-9"])


@pytest.mark.parametrize("text", ["abc", "6", "9-6", "6-6", "6-9-12", "6-", ""])
def test_a_range_that_nobody_can_read_is_refused(text: str) -> None:
    rows, errors = load_csv(
        f"{HEAD}DB 1,2025,2025-01-01,pH,pH,无量纲,,日均值,range,{text},,x\n", "emission_limits"
    )
    assert rows == ()
    assert [one.column for one in errors][-1:] == ["limit"]
