from datetime import date

import pytest

from qingjian.rulebook import Confidence, Confirmation, Row, packaged
from qingjian.rulebook.row import parse_day

VALUES = {
    "standard": "DB 99/1",
    "edition": "2025",
    "clause": "表1",
    "effective_from": "2025-06",
    "effective_to": "2026-01",
    "pollutant_cn": "化学需氧量",
    "symbol": "COD",
    "unit": "mg/L",
    "class": "一级",
    "averaging_period": "日均值",
    "op": "<=",
    "limit": "30",
    "condition": "",
    "source": "local gazette",
    "confidence": "V",
}


def test_id_depends_on_the_key_not_on_value_or_position() -> None:
    row = Row.from_values("emission_limits", VALUES)
    assert Row.from_values("emission_limits", VALUES | {"limit": "20", "confidence": "U"}).id == row.id
    assert Row.from_values("emission_limits", dict(reversed(VALUES.items()))).id == row.id
    assert Row.from_values("emission_limits", VALUES | {"class": "二级"}).id != row.id


def test_partial_dates_cover_their_whole_month() -> None:
    row = Row.from_values("emission_limits", VALUES)
    assert (row.valid_from, row.valid_to) == (date(2025, 6, 1), date(2026, 1, 31))
    assert not row.in_force(date(2025, 5, 31))
    assert row.in_force(date(2025, 6, 1))
    assert row.in_force(date(2026, 1, 31))
    assert not row.in_force(date(2026, 2, 1))


@pytest.mark.parametrize(
    ("text", "last", "day"),
    [
        ("", False, None),
        ("2024", False, date(2024, 1, 1)),
        ("2024", True, date(2024, 12, 31)),
        ("2024-02", True, date(2024, 2, 29)),
        ("2023-02", True, date(2023, 2, 28)),
    ],
)
def test_parse_day(text: str, last: bool, day: date | None) -> None:
    assert parse_day(text, last=last) == day


@pytest.mark.parametrize("text", ["2024-13", "24-01-01", "2024-02-30", "soon", "2024-1-1"])
def test_parse_day_refuses(text: str) -> None:
    with pytest.raises(ValueError, match=r"date|day|month"):
        parse_day(text)


def test_a_confirmation_is_bound_to_what_was_seen() -> None:
    row = Row.from_values("emission_limits", VALUES | {"confidence": "U"})
    confirmed = row.confirmed_by(Confirmation("李工", date(2026, 11, 1), "DB 99/1-2025 PDF"))
    assert confirmed.confirmed
    assert confirmed.confirmation is not None
    assert confirmed.confirmation.row_digest == row.digest
    changed = Row.from_values("emission_limits", VALUES | {"confidence": "U", "limit": "25"})
    with pytest.raises(ValueError, match="changed since"):
        changed.confirmed_by(confirmed.confirmation)


def test_weakest_confidence() -> None:
    assert Confidence.weakest([Confidence.V, Confidence.U, Confidence.S]) is Confidence.U
    assert Confidence.weakest([]) is Confidence.V
    assert {mark.label_zh for mark in Confidence} == {"已核对原文", "二手来源", "未核实"}
    assert all(mark.label_en for mark in Confidence)


def test_citation() -> None:
    book = packaged()
    (row,) = book.rows(
        "ambient_air_limits", date(2026, 3, 1), symbol="SO2", class_="一级", averaging_period="年平均"
    )
    assert row.citation == "GB 3095-2026 表1"
    assert book.rows("cwqi")[0].citation == "环办监测〔2017〕51号"
