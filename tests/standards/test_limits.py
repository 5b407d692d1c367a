from datetime import date
from decimal import Decimal

import pytest

from qingjian.rulebook import packaged
from qingjian.standards.errors import EditionError, InputError
from qingjian.standards.limits import applicable, limit_of


def test_limit_lines_of_pm25_over_the_change_of_edition() -> None:
    def day(on: date) -> Decimal | None:
        (line,) = applicable("air", "PM25", on=on, category="二级", averaging_period="日平均")
        return line.upper

    assert [day(d) for d in (date(2026, 2, 28), date(2026, 3, 1), date(2031, 1, 1))] == [75, 60, 50]
    (line,) = applicable(
        "air", "PM2.5", on=date(2025, 1, 1), edition="2026", category="二级", averaging_period="日平均"
    )
    assert line.upper == 60
    assert line.label.zh == "GB 3095-2026 表1 二级 日平均 60 μg/m³"


def test_labels_show_the_mark_of_unverified_rows() -> None:
    lines = applicable("emission", "化学需氧量", on=date(2026, 5, 1), standard="GB 18918", category="一级A")
    assert [line.label.en for line in lines] == ["GB 18918-2002 表1 一级A 日均值 50 mg/L [U]"]


def test_lower_limits_ranges_and_nothing() -> None:
    (oxygen,) = applicable("surface_water", "DO", on=date(2026, 5, 1), category="Ⅲ")
    assert (oxygen.lower, oxygen.upper) == (5, None)
    (acid,) = applicable("surface_water", "pH", on=date(2026, 5, 1), category="Ⅲ")
    assert (acid.lower, acid.upper) == (6, 9)
    assert applicable("air", "radon", on=date(2026, 5, 1)) == ()
    with pytest.raises(InputError):
        applicable("soil gas", "x", on=date(2026, 5, 1))  # type: ignore[arg-type]
    with pytest.raises(EditionError):
        applicable("air", "PM2.5")


def test_every_limit_row_of_every_table_has_bounds_or_is_a_text_limit() -> None:
    book = packaged()
    count = 0
    for table in book.tables():
        for row in book.rows(table):
            if "limit" in row.values and "op" in row.values:
                limit = limit_of(row)
                count += 1
                bounded = limit.upper is not None or limit.lower is not None
                assert bounded or row["op"] in ("text", "change") or "or" in row["limit"], row
    assert count == 178 + 206 + 465 + 79 + 340 + 26 + 225
