"""What stands beside the values of a file is heeded or complained about, never left out unread."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from qingjian.contracts.directory import Directory, Series
from qingjian.intake import ImportSource, IntakeError, prepare, read_sheet
from qingjian.intake.interpreting import Prepared

DIRECTORY = Directory(
    version=1,
    published_at=datetime(2026, 1, 1, tzinfo=UTC),
    series=[
        Series(
            id=number,
            code=f"P1-{factor}",
            point="P1",
            factor=factor,
            name_zh=name,
            name_en=factor,
            unit="ug/m3",
            decimals=1,
            medium="air",
            origin="manual",
        )
        for number, (factor, name) in enumerate((("a21026", "二氧化硫"), ("a21002", "氮氧化物")), 1)
    ],
)


def prepared(tmp_path: Path, text: str) -> Prepared:
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    return prepare(read_sheet(path), DIRECTORY, ImportSource("d", point="P1", statistic="hour"))


def said(found: Prepared) -> list[tuple[int, str, str]]:
    return [(one.row, one.code, one.value) for one in found.problems]


def test_the_unit_of_a_wide_row_is_that_of_its_values(tmp_path: Path) -> None:
    found = prepared(tmp_path, "时间,a21026,单位\n2026-01-01 00:00,1,mg/m3\n2026-01-01 01:00,2,ug/m3\n")
    assert said(found) == [(2, "unit-differs", "mg/m3")]
    assert (found.observations.num_rows, found.refused) == (1, 1)


def test_what_belongs_to_one_value_stands_beside_one_column_only(tmp_path: Path) -> None:
    found = prepared(tmp_path, "时间,a21026,折算值,最大值\n2026-01-01 00:00,1,5,7\n2026-01-01 01:00,,6,\n")
    rows = found.observations.to_pylist()
    kept = [(one["value_mantissa"], one["converted_mantissa"], one["max_mantissa"]) for one in rows]
    assert kept == [(1, 5, 7), (None, 6, None)]
    with pytest.raises(IntakeError) as refused:
        prepared(tmp_path, "时间,a21026,a21002,折算值\n2026-01-01 00:00,1,2,5\n")
    assert refused.value.problem.code == "column-of-which"


@pytest.mark.parametrize(
    "text",
    [
        "时间,a21026\n2026-01-01 00:00,1,234\n2026-01-01 01:00,2\n",
        "时间,a21026,\n2026-01-01 00:00,1,234\n2026-01-01 01:00,2,\n",
        "时间,,a21026\n2026-01-01 00:00,234,1\n2026-01-01 01:00,,2\n",
        "点位,因子,统计,时间,值\nP1,a21026,小时,2026-01-01 00:00,1,234\nP1,a21026,小时,2026-01-01 01:00,2\n",
    ],
    ids=["thousands", "empty head", "head between", "long form"],
)
def test_a_row_with_a_cell_under_no_head_is_refused(tmp_path: Path, text: str) -> None:
    found = prepared(tmp_path, text)
    assert said(found) == [(2, "cell-without-head", "234")]
    assert found.observations["value_mantissa"].to_pylist() == [2]
