import dataclasses
import importlib.resources
import random
import re
from datetime import date

import pytest

from qingjian.rulebook import (
    TABLES,
    Confidence,
    Confirmation,
    Row,
    Rulebook,
    difference,
    may_act_alone,
    packaged,
)

BOOK = packaged()
COD = {
    "standard": "GB 18918",
    "edition": "2002",
    "effective_from": "2003-07-01",
    "pollutant_cn": "化学需氧量",
    "symbol": "COD",
    "unit": "mg/L",
    "class": "一级A",
    "averaging_period": "日均值",
    "op": "<=",
    "limit": "50",
    "condition": "表1; 日均值 (24 h mixed sample, one each 2 h)",
}


def packaged_cod() -> Row:
    (row,) = BOOK.rows("emission_limits", standard="GB 18918", symbol="COD", class_="一级A")
    return row


def test_every_line_of_every_packaged_file_is_a_row() -> None:
    folder = importlib.resources.files("qingjian.rulebook").joinpath("data")
    files = [file for file in folder.iterdir() if file.name.endswith(".csv")]
    assert len(files) == 28
    for file in files:
        import csv

        lines = list(csv.DictReader(file.read_text("utf-8").splitlines(keepends=True)))
        rows = BOOK.rows(file.name.removesuffix(".csv"))
        assert [dict(row.values) for row in rows] == [
            {k: v.strip() for k, v in line.items()} for line in lines
        ]
    assert len(BOOK) == sum(len(BOOK.rows(table)) for table in BOOK.tables())


def test_every_table_is_filled_but_those_an_office_fills_itself() -> None:
    assert set(TABLES) - set(BOOK.tables()) == {
        "permit_limits",
        "outlet_standards",
        "regional_targets",
        "eqi_indicators",
        "hj212_facts",  # filled from the tables of hj212, with what the office switches off
    }


def test_edition_follows_the_date() -> None:
    def pm25(on: date) -> list[tuple[str, str]]:
        rows = BOOK.rows("ambient_air_limits", on, symbol="PM2.5", class_="二级", averaging_period="日平均")
        return [(row.edition, row["limit"]) for row in rows]

    assert pm25(date(2018, 8, 31)) == [("2012", "75")]
    assert pm25(date(2018, 9, 1)) == [("2012+2018修改单", "75")]
    assert pm25(date(2026, 2, 28)) == [("2012+2018修改单", "75")]
    assert pm25(date(2026, 3, 1)) == [("2026", "60")]
    assert pm25(date(2030, 12, 31)) == [("2026", "60")]
    assert pm25(date(2031, 1, 1)) == [("2026", "50")]


def test_no_packaged_row_hides_another_on_any_day_of_change() -> None:
    days = {row.valid_from for t in BOOK.tables() for row in BOOK.rows(t) if row.valid_from}
    for day in sorted(days):
        for table in BOOK.tables():
            if table == "warning_levels":
                continue  # the rules of 2018 and of 2024 share January 2024; the later one decides
            assert len(BOOK.rows(table, day)) == len([r for r in BOOK.rows(table) if r.in_force(day)]), (
                table,
                day,
            )


def test_local_row_of_the_same_key_replaces_the_packaged_one() -> None:
    local = Row.from_values("emission_limits", COD | {"limit": "40"}, override=True)
    assert local.id == packaged_cod().id
    book = BOOK.with_rows([local])
    assert len(book) == len(BOOK)
    assert book.row(local.id)["limit"] == "40"
    assert book.local_rows() == (local,)
    assert book.version != BOOK.version
    assert packaged_cod()["limit"] == "50"


def test_newer_row_on_the_same_subject_decides_from_its_start() -> None:
    newer = Row.from_values(
        "emission_limits",
        COD | {"limit": "30", "edition": "2002+2027", "effective_from": "2027-01-01"},
        override=True,
    )
    book = BOOK.with_rows([newer])

    def limit(on: date) -> list[str]:
        return [
            r["limit"]
            for r in book.rows("emission_limits", on, standard="GB 18918", symbol="COD", class_="一级A")
        ]

    assert limit(date(2026, 12, 31)) == ["50"]
    assert limit(date(2027, 1, 1)) == ["30"]


def test_difference_lists_what_a_change_touches() -> None:
    local = Row.from_values("emission_limits", COD | {"limit": "40"}, override=True)
    changes = difference(BOOK, BOOK.with_rows([local]))
    assert changes.changed == ((packaged_cod(), local),)
    assert not changes.added
    assert not changes.removed
    assert changes.affected_days() == (date(2003, 7, 1), None)
    assert difference(BOOK, BOOK).affected_days() is None
    removed = difference(BOOK, BOOK.without_rows([local.id]))
    assert removed.removed == (packaged_cod(),)
    confirmed = BOOK.with_confirmation(local.id, Confirmation("王工", date(2026, 11, 2), "GB 18918 PDF"))
    assert difference(BOOK, confirmed).affected_days() is None


def test_an_unverified_row_may_not_act_alone_until_confirmed() -> None:
    row = packaged_cod()
    assert row.confidence is Confidence.U
    assert not may_act_alone([row])
    assert row in BOOK.rows_to_confirm()
    book = BOOK.with_confirmation(row.id, Confirmation("王工", date(2026, 11, 2), "GB 18918 PDF"))
    confirmed = book.row(row.id)
    assert may_act_alone([confirmed])
    assert confirmed.confidence is Confidence.U
    assert confirmed not in book.rows_to_confirm()
    assert list(book.confirmations()) == [row.id]
    verified = BOOK.rows("aqi_breakpoints")[0]
    assert may_act_alone([verified])
    assert verified not in BOOK.rows_to_confirm()
    assert may_act_alone(BOOK.rows("groundwater_limits"))


def test_json_keeps_everything_and_the_version_ignores_order() -> None:
    row = packaged_cod()
    book = BOOK.with_confirmation(row.id, Confirmation("王工", date(2026, 11, 2), "GB 18918 PDF"))
    again = Rulebook.from_json(book.to_json())
    assert again == book
    assert hash(again) == hash(book)
    assert again.row(row.id) == book.row(row.id)
    rows = [r for t in book.tables() for r in book.rows(t)]
    random.Random(1).shuffle(rows)
    assert Rulebook(rows).version == book.version
    with pytest.raises(ValueError, match="format"):
        Rulebook.from_json('{"format": 2, "rows": []}')


def test_two_rows_of_one_key_and_unknown_names_are_refused() -> None:
    row = packaged_cod()
    with pytest.raises(ValueError, match="same key"):
        Rulebook([row, dataclasses.replace(row, override=True)])
    with pytest.raises(KeyError):
        BOOK.rows("nonsense")
    with pytest.raises(KeyError):
        BOOK.row("nonsense")


def test_the_readme_example_says_what_it_prints() -> None:
    readme = importlib.resources.files("qingjian.rulebook").joinpath("README.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    printed: list[str] = []
    exec(code, {"print": lambda *values: printed.append(" ".join(str(value) for value in values))})
    assert [f"# {line}" for line in printed] == re.findall(r"^# .*", code, re.MULTILINE)
