import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.rulebook import TABLES, Confidence, load_csv

HEADER = "standard,edition,effective_from,effective_to,pollutant_cn,symbol,unit,class,averaging_period,op,limit,confidence"
GOOD = "DB 99/1,2025,2025-06-01,,化学需氧量,COD,mg/L,一级,日均值,<=,30,V"


def test_a_local_file_with_one_good_line() -> None:
    rows, errors = load_csv(f"\ufeff{HEADER}\n{GOOD}\n", "emission_limits")
    assert not errors
    assert [(r.standard, r["limit"], r.override) for r in rows] == [("DB 99/1", "30", True)]


def test_an_unmarked_row_is_unverified() -> None:
    rows, _ = load_csv(f"{HEADER}\n{GOOD[:-1]}\n", "emission_limits")
    assert rows[0].confidence is Confidence.U


@pytest.mark.parametrize(
    ("line", "column", "english"),
    [
        (GOOD.replace(",30,", ",thirty,"), "limit", "not a number"),
        (GOOD.replace(",30,", ",-3,"), "limit", "negative"),
        (GOOD.replace(",30,", ",NaN,"), "limit", "not a number"),
        (GOOD.replace(",30,", ",,"), "limit", "must not be empty"),
        (GOOD.replace("<=", "at most"), "op", "unknown operator"),
        (GOOD.replace("mg/L", " "), "unit", "must not be empty"),
        (GOOD.replace("2025-06-01", "2025-06-31"), "effective_from", "not a date"),
        (GOOD.replace("2025-06-01,", "2025-06-01,2024-01-01"), "effective_to", "before it starts"),
        (GOOD[:-1] + "X", "confidence", "V, S or U"),
        (GOOD + ",extra", "", "number of cells"),
        ("DB 99/1,2025", "", "number of cells"),
    ],
)
def test_a_bad_line_is_named_and_the_good_one_kept(line: str, column: str, english: str) -> None:
    rows, errors = load_csv(f"{HEADER}\n{line}\n{GOOD}\n", "emission_limits")
    assert len(rows) == 1
    assert errors[0].line == 2
    assert errors[0].column == column
    assert english in errors[0].message_en
    assert errors[0].message_zh
    assert errors[0].message_zh != errors[0].message_en


def test_duplicate_lines_and_missing_columns() -> None:
    rows, errors = load_csv(f"{HEADER}\n{GOOD}\n{GOOD}\n", "emission_limits")
    assert len(rows) == 1
    assert [(e.line, e.message_en) for e in errors] == [(3, "same key as an earlier line")]
    rows, errors = load_csv("standard,edition\nGB,1\n", "emission_limits")
    assert not rows
    assert "unit" in errors[0].column
    assert load_csv("", "emission_limits")[1][0].line == 1
    with pytest.raises(KeyError):
        load_csv("", "nonsense")


def test_numeric_columns_of_other_tables() -> None:
    text = "variant,symbol,statistic,unit,standard_value,weight\nlocal,SO2,mean,μg/m³,sixty,1\n"
    rows, errors = load_csv(text, "composite_index")
    assert not rows
    assert errors[0].column == "standard_value"


def test_a_permit_limit() -> None:
    text = (
        "standard,outlet,pollutant_cn,symbol,unit,averaging_period,op,limit,effective_from,effective_to,confidence\n"
        "许可证 91330000X,DW001,化学需氧量,COD,t,年,<=,12.5,2026-01-01,2030-12-31,V\n"
    )
    rows, errors = load_csv(text, "permit_limits")
    assert not errors
    assert rows[0]["outlet"] == "DW001"


@given(st.text(max_size=400), st.sampled_from(sorted(TABLES)))
def test_any_text_gives_rows_or_errors_never_a_crash(text: str, table: str) -> None:
    rows, errors = load_csv(text, table)
    assert isinstance(rows, tuple)
    assert isinstance(errors, tuple)


@given(st.lists(st.lists(st.text(max_size=12), max_size=13), max_size=6))
def test_any_cells_under_a_good_header_never_crash(cells: list[list[str]]) -> None:
    body = "\n".join(",".join(row) for row in cells)
    rows, errors = load_csv(f"{HEADER}\n{body}", "emission_limits")
    assert all(row.table == "emission_limits" for row in rows)
    assert all(error.message_zh and error.message_en for error in errors)
