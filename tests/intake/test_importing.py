"""Files of every kind into the lake; what is wrong is said row by row and the rest is stored."""

import json
import re
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qingjian.contracts.clock import CHINA, ManualClock
from qingjian.contracts.directory import Directory, Series, Setting
from qingjian.intake import (
    ImportSource,
    IntakeError,
    KeptFiles,
    Spool,
    import_file,
    import_table,
    prepare,
    read_sheet,
    submit,
)
from qingjian.intake.interpreting import Prepared
from qingjian.lake import Lake, LakeBusyError

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2027, 4, 1, tzinfo=UTC)
"""What files hold has been measured before they come."""
EVER = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


def series(number: int, factor: str, name: str, **changes: object) -> Series:
    arguments = {
        "id": number,
        "code": f"P1-{factor}",
        "point": "P1",
        "factor": factor,
        "name_zh": name,
        "name_en": factor,
        "unit": "mg/L",
        "decimals": 2,
        "medium": "waste_water",
        "origin": "laboratory",
    }
    return Series(**{**arguments, **changes})  # type: ignore[arg-type]


DIRECTORY = Directory(
    version=3,
    published_at=START,
    series=[
        series(1, "w01018", "化学需氧量"),
        series(2, "w21003", "氨氮", valid_from=START),
        series(3, "w01001", "pH"),
    ],
)


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with Lake(tmp_path / "lake", ManualClock(NOW)) as opened:
        yield opened


@pytest.fixture
def kept(tmp_path: Path) -> KeptFiles:
    return KeptFiles(tmp_path / "intake")


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


LONG = """点位,因子,统计,时间,数值,标记,单位
P1,w01018,小时,2026-01-02 03:00,12.50,N,mg/L
P1,氨氮,hour,2026/01/02 03:00:00,<0.025,,mg/L
P1,w01018,小时,2026-01-02 04:00,0.5L,,mg/L
P1,w01018,小时,2026-01-02 05:00,,D,mg/L
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_long_file(tmp_path: Path, lake: Lake, kept: KeptFiles, encoding: str) -> None:
    path = write(tmp_path / "化验.csv", LONG, encoding)
    result = import_file(path, lake=lake, directory=DIRECTORY, kept=kept)
    assert (result.rows, result.observations, result.new, list(result.problems)) == (4, 4, 4, [])
    rows = lake.series([1, 2], "hour", *EVER).to_pylist()
    assert [row["value"] for row in rows] == [12.5, None, None, None]
    assert [row["qualifier"] for row in rows] == ["none", "below", "none", "below"]
    assert [row["detection_limit"] for row in rows] == [None, 0.5, None, 0.025]
    assert [row["flag"] for row in rows] == ["N", None, "D", None]
    assert rows[0]["start"] == datetime(2026, 1, 1, 19, tzinfo=UTC)
    assert rows[0]["source"] == f"file:{result.digest}"
    assert [row["sequence"] for row in rows] == [2, 4, 5, 3]
    assert rows[0]["value_decimals"] == 2
    assert kept.path(result.digest).read_bytes() == path.read_bytes()


def test_the_same_file_again_does_nothing(tmp_path: Path, lake: Lake, kept: KeptFiles) -> None:
    path = write(tmp_path / "a.csv", LONG)
    first = import_file(path, lake=lake, directory=DIRECTORY, kept=kept)
    other_name = write(tmp_path / "b.csv", LONG)
    again = import_file(other_name, lake=lake, directory=DIRECTORY, kept=kept)
    assert again.already
    assert (again.new, again.repeated) == (0, first.new)
    assert lake.batch() == 1


PART = """点位,因子,统计,时间,数值
P1,w01018,小时,2026-01-02 03:00,12.50
P2,w01018,小时,2026-01-02 03:00,9
P1,w01018,小时,昨天,1
"""


def values(lake: Lake, *numbers: int) -> list[tuple[int, datetime, float, int]]:
    rows = lake.series(list(numbers), "hour", START, START + timedelta(days=9)).to_pylist()
    return [(row["series"], row["start"], row["value"], row["revision"]) for row in rows]


def test_a_file_taken_in_part_gives_the_rest_once_its_point_is_registered(
    tmp_path: Path, lake: Lake, kept: KeptFiles
) -> None:
    path = write(tmp_path / "a.csv", PART)
    first = import_file(path, lake=lake, directory=DIRECTORY, kept=kept)
    assert (first.new, first.repeated, first.refused) == (1, 0, 2)
    unchanged = import_file(path, lake=lake, directory=DIRECTORY, kept=kept)
    assert (unchanged.new, unchanged.repeated, unchanged.refused) == (0, 1, 2)
    added = series(4, "w01018", "化学需氧量", code="P2-w01018", point="P2")
    complete = Directory(version=4, published_at=START, series=[*DIRECTORY.series, added])
    second = import_file(path, lake=lake, directory=complete, kept=kept)
    assert (second.new, second.repeated, second.changed, second.refused) == (1, 1, 0, 1)
    assert not second.already
    assert [one.row for one in second.problems] == [4]
    assert kept.result(second.digest) == second
    at = datetime(2026, 1, 1, 19, tzinfo=UTC)
    assert values(lake, 1, 4) == [(1, at, 12.5, 0), (4, at, 9.0, 0)]


def test_a_file_that_comes_again_takes_nothing_back(tmp_path: Path, lake: Lake, kept: KeptFiles) -> None:
    path = write(tmp_path / "a.csv", PART)
    import_file(path, lake=lake, directory=DIRECTORY, kept=kept)
    newer = write(tmp_path / "b.csv", "点位,因子,统计,时间,数值\nP1,w01018,小时,2026-01-02 03:00,13\n")
    assert import_file(newer, lake=lake, directory=DIRECTORY, kept=kept).changed == 1
    again = import_file(path, lake=lake, directory=DIRECTORY, kept=kept)
    assert (again.new, again.repeated, again.changed) == (0, 1, 0)
    assert [value for _series, _start, value, _revision in values(lake, 1)] == [13.0]


def test_a_file_is_read_again_with_other_options(tmp_path: Path, lake: Lake, kept: KeptFiles) -> None:
    path = write(tmp_path / "a.csv", "点位,因子,时间,数值\nP1,w01018,2026-01-02 03:00,12.50\n")
    first = import_file(path, lake=lake, directory=DIRECTORY, kept=kept)
    assert (first.new, [one.code for one in first.problems]) == (0, ["columns"])
    hourly = ImportSource("", statistic="hour")
    second = import_file(path, lake=lake, directory=DIRECTORY, kept=kept, source=hourly)
    assert (second.new, second.refused) == (1, 0)
    assert import_file(path, lake=lake, directory=DIRECTORY, kept=kept, source=hourly).already
    ends = replace(hourly, time_names="end")
    assert import_file(path, lake=lake, directory=DIRECTORY, kept=kept, source=ends).new == 1
    assert [start.hour for _series, start, _value, _revision in values(lake, 1)] == [18, 19]


def test_every_refused_row_is_counted_though_not_all_are_listed(
    tmp_path: Path, lake: Lake, kept: KeptFiles
) -> None:
    rows = "".join(f"P1,w01018,小时,很早,{number}\n" for number in range(1_500))
    path = write(tmp_path / "a.csv", f"点位,因子,统计,时间,数值\n{rows}")
    result = import_file(path, lake=lake, directory=DIRECTORY, kept=kept)
    assert (len(result.problems), result.refused) == (1_000, 1_500)
    assert kept.result(result.digest) == result


def test_results_of_earlier_programs_are_read(tmp_path: Path, lake: Lake, kept: KeptFiles) -> None:
    path = write(tmp_path / "a.csv", PART)
    result = import_file(path, lake=lake, directory=DIRECTORY, kept=kept)
    place = kept.path(result.digest).with_suffix(".json")
    older = json.loads(place.read_text())
    for name in ("refused", "order", "options"):
        del older[name]
    place.write_text(json.dumps(older))
    found = kept.result(result.digest)
    assert found is not None
    assert (found.refused, found.options) == (2, None)
    assert import_file(path, lake=lake, directory=DIRECTORY, kept=kept).repeated == 1


def test_each_bad_row_is_named_in_both_languages_and_the_rest_is_stored(
    tmp_path: Path, lake: Lake, kept: KeptFiles
) -> None:
    text = (
        "序列,统计,时间,值,单位\n"
        "P1-w01018,hour,2026-01-02 03:00,1,mg/L\n"
        "P9-none,hour,2026-01-02 03:00,1,mg/L\n"
        "P1-w01018,weekly,2026-01-02 03:00,1,mg/L\n"
        "P1-w01018,hour,the day before,1,mg/L\n"
        "P1-w01018,hour,2026-01-02 03:30,1,mg/L\n"
        "P1-w01018,hour,2026-01-02 05:00,high,mg/L\n"
        "P1-w01018,hour,2026-01-02 06:00,,mg/L\n"
        "P1-w01018,hour,2026-01-02 07:00,1,ug/L\n"
        "P1-w21003,hour,2025-12-31 07:00,1,mg/L\n"
    )
    result = import_file(write(tmp_path / "a.csv", text), lake=lake, directory=DIRECTORY, kept=kept)
    assert result.observations == 1
    assert {(one.row, one.code) for one in result.problems} == {
        (3, "series-unknown"),
        (4, "statistic-unknown"),
        (5, "time-malformed"),
        (6, "time-off-period"),
        (7, "value-malformed"),
        (8, "value-missing"),
        (9, "unit-differs"),
        (10, "not-valid-then"),
    }
    worst = next(one for one in result.problems if one.code == "value-malformed")
    assert worst.zh == "第 7 行 value: 数值不能识别 “high”"
    assert worst.en == 'row 7 value: the value is not a number "high"'
    assert kept.result(result.digest) == result


def test_a_day_that_does_not_exist_takes_no_other_rows_place(
    tmp_path: Path, lake: Lake, kept: KeptFiles
) -> None:
    text = "序列,统计,时间,值\nP1-w01018,日,2026-02-30,9\nP1-w01018,日,2026-03-02,1\n"
    result = import_file(write(tmp_path / "a.csv", text), lake=lake, directory=DIRECTORY, kept=kept)
    assert [(one.row, one.code, one.value) for one in result.problems] == [
        (2, "time-malformed", "2026-02-30")
    ]
    assert lake.series([1], "day", *EVER)["value"].to_pylist() == [1.0]


def test_a_wide_workbook(tmp_path: Path, lake: Lake, kept: KeptFiles) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["时间", "化学需氧量", "P1-w21003", "w01001"])
    sheet.append([datetime(2026, 1, 2, 3), 12.5, "0.10", 7])  # noqa: DTZ001 - a cell of a workbook has no zone
    sheet.append([])
    sheet.append(["2026-01-02 04:00", None, "缺测", 7.25])
    path = tmp_path / "a.xlsx"
    book.save(path)
    source = ImportSource("", point="P1", statistic="hour")
    result = import_file(path, lake=lake, directory=DIRECTORY, kept=kept, source=source)
    assert (result.rows, result.observations, list(result.problems)) == (2, 4, [])
    found = lake.series([1, 2, 3], "hour", *EVER)
    assert found["value"].to_pylist() == [12.5, 0.1, 7, 7.25]
    assert found["sequence"].to_pylist() == [2, 2, 2, 4]


def test_times_that_name_the_end_of_the_period(lake: Lake) -> None:
    table = pa.table(
        {
            "series": ["P1-w01018"] * 2,
            "statistic": ["hour", "month"],
            "time": ["2026-01-02 01:00", "2026-03-01"],
            "value": ["1", "2"],
        }
    )
    import_table(lake, DIRECTORY, table, ImportSource("x", time_names="end"))
    assert lake.series([1], "hour", *EVER)["start"].to_pylist() == [datetime(2026, 1, 1, 16, tzinfo=UTC)]
    assert lake.series([1], "month", *EVER)["start"].to_pylist() == [datetime(2026, 1, 31, 16, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.xlsx", b"PK\x03\x04 not really", "unreadable"),
        ("a.xlsx", b"", "unreadable"),
        ("a.csv", b"", "empty"),
        ("a.csv", "时间,值\n".encode(), "empty"),
        ("a.csv", b"time,time\n2026-01-01,1\n", "column-repeated"),
        ("a.csv", b"time,value\n2026-01-01,1\n", "columns"),
        ("a.docx", b"x", "kind"),
        ("a.csv", b"a\x00b\n\xff\xfe\x00,,,\n", "columns"),
    ],
)
def test_a_file_of_which_nothing_can_be_taken(
    tmp_path: Path, lake: Lake, kept: KeptFiles, name: str, content: bytes, code: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    result = import_file(
        path, lake=lake, directory=DIRECTORY, kept=kept, source=ImportSource("", statistic="hour")
    )
    assert [one.code for one in result.problems] == [code]
    assert result.observations == 0


def test_a_truncated_workbook_is_refused_clearly(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for number in range(200):
        book.active.append([number] * 5)
    path = tmp_path / "a.xlsx"
    book.save(path)
    whole = path.read_bytes()
    for size in range(0, len(whole), 701):
        path.write_bytes(whole[:size])
        with pytest.raises(IntakeError, match=r"文件无法读取.*cannot be read"):
            read_sheet(path)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    content=st.binary(max_size=400)
    | st.text(alphabet="点位,时间值\n\t;\"'0123456789.-:<L\x00", max_size=200).map(str.encode)
)
def test_any_bytes_give_rows_or_a_clear_refusal(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(content)
    try:
        prepared = prepare(read_sheet(path), DIRECTORY, ImportSource("d", statistic="hour"))
    except IntakeError as error:
        complaint = error.problem.zh
    else:
        complaint = "none"
        assert prepared.rows >= prepared.observations.num_rows == 0
    assert complaint


def test_while_the_node_runs_a_file_goes_through_the_spool(
    tmp_path: Path, lake: Lake, kept: KeptFiles
) -> None:
    lake.open_for_writing()
    path = write(tmp_path / "a.csv", LONG)
    with Lake(lake.folder) as second, pytest.raises(LakeBusyError):
        import_file(path, lake=second, directory=DIRECTORY, kept=kept)
    spool = Spool(tmp_path / "spool")
    submitted = submit(path, kept=kept, spool=spool)
    assert submit(path, kept=kept, spool=spool) == submitted
    (order, source), *others = spool.orders()
    assert not others
    assert source == submitted
    assert spool.waits(source.digest)
    corrected = submit(path, kept=kept, spool=spool, source=ImportSource("", time_names="end"))
    assert [one.order for _path, one in spool.orders()] == [source.order, corrected.order]
    spool.done(spool.orders()[1][0])
    assert kept.path(source.digest).exists()
    (spool.folder / "bad.json").write_text("{")
    assert len(spool.orders()) == 1
    spool.done(order)
    assert spool.orders() == []


def test_thirteen_months_of_hours_of_a_hundred_series_take_seconds(lake: Lake) -> None:
    count, hours = 100, 9_490
    many = Directory(
        version=1, published_at=START, series=[series(n, f"f{n}", f"f{n}") for n in range(1, count + 1)]
    )
    random = np.random.default_rng(1)
    table = pa.table(
        {
            "series": pa.array(np.repeat(np.arange(1, count + 1), hours), pa.int32()),
            "statistic": pa.array(["hour"] * (count * hours)),
            "time": pa.array(
                np.tile(np.arange(hours) * 3_600_000_000 + int(START.timestamp() * 1e6), count)
            ).cast(pa.timestamp("us", "UTC")),
            "value": np.round(random.normal(50, 10, count * hours), 1),
        }
    )
    begun = time.perf_counter()
    result = import_table(lake, many, table, ImportSource("demo"))
    taken = time.perf_counter() - begun
    assert result.new == count * hours
    assert taken < 30  # measured below 5 s on a quiet machine; the limit allows for a crowded one
    found = lake.series([7], "hour", START, START + timedelta(days=500))
    assert found.num_rows == hours


# -- the same period more than once ------------------------------------------------------------------------------------

TWICE = pa.table(
    {
        "time": ["2026-03-01", "2026-03-01", "2026-03-01", "2026-03-02", "2026-03-02"],
        "series": ["P1-w01018", "P1-w01018", "P1-w21003", "P1-w01018", "P1-w01018"],
        "value": ["40", "41", "0.5", "39.0", "39"],
    }
)


def test_a_period_given_twice_with_different_values_is_named_and_neither_is_taken() -> None:
    found = prepare(TWICE, DIRECTORY, ImportSource("d", "化验.csv", statistic="day"))
    assert [(one.row, one.code) for one in found.problems] == [
        (2, "period-contradicted"),
        (3, "period-contradicted"),
    ]
    assert "出现多次且内容不同" in found.problems[0].zh
    assert found.observations.num_rows == 3, "the other item, and the row that only repeats itself"


@pytest.mark.parametrize(
    ("first", "second", "contradicts"),
    [("0.02L", "0.02L", False), ("0.02L", "0.02", True), ("0.02L", "0.04L", True), ("0.020", "0.02", False)],
)
def test_non_detects_contradict_like_numbers(first: str, second: str, contradicts: bool) -> None:
    table = pa.table({"time": ["2026-03-01"] * 2, "series": ["P1-w21003"] * 2, "value": [first, second]})
    found = prepare(table, DIRECTORY, ImportSource("d", "化验.csv", statistic="day"))
    assert bool(found.problems) is contradicts


@pytest.mark.parametrize("told", ["12D", "12N", "12C", "12 T", "12LD", "12DL"])
def test_a_value_with_a_mark_behind_it_is_no_detection_limit(told: str) -> None:
    table = pa.table({"time": ["2026-03-01"], "series": ["P1-w21003"], "value": [told]})
    found = prepare(table, DIRECTORY, ImportSource("d", "化验.csv", statistic="day"))
    assert [one.code for one in found.problems] == ["value-malformed"]


@pytest.mark.parametrize(
    "told",
    [
        "0.02L",
        "0.02l",
        "0.02 ND",
        "<0.02",
        "＜0.02",
        "0.02(未检出)",
        "未检出（0.02）",
        "ND(<0.02)",
        "nd 0.02L",
    ],
)
def test_ways_to_write_a_detection_limit(told: str) -> None:
    table = pa.table({"time": ["2026-03-01"], "series": ["P1-w21003"], "value": [told]})
    found = prepare(table, DIRECTORY, ImportSource("d", "化验.csv", statistic="day"))
    assert (found.problems, limits_of(found)) == ([], ["0.02"])


def limits_of(found: Prepared) -> list[str | None]:
    """The detection limit of each observation below it, as decimal text."""
    rows = found.observations.to_pylist()
    assert all((one["qualifier"] == 1) == (one["limit_mantissa"] is not None) for one in rows)
    return [
        None
        if one["limit_mantissa"] is None
        else str(Decimal(one["limit_mantissa"]).scaleb(-one["limit_decimals"]))
        for one in rows
    ]


BARE = ["ND", "nd", "N.D.", "未检出", "（未检出）", "低于检出限", "<DL", "＜MDL", "<检出限"]


@pytest.mark.parametrize("told", BARE)
def test_not_detected_without_a_limit_says_what_to_enter(told: str) -> None:
    table = pa.table({"time": ["2026-03-01"], "series": ["P1-w21003"], "value": [told]})
    found = prepare(table, DIRECTORY, ImportSource("d", "化验.csv", statistic="day"))
    (problem,) = found.problems
    assert (problem.code, found.observations.num_rows) == ("limit-missing", 0)
    assert "0.05L" in problem.zh
    assert "检出限" in problem.zh
    assert "detection limit" in problem.en


@pytest.mark.parametrize("told", BARE)
@pytest.mark.parametrize("limit", ["0.025", 0.025, "<0.025"])
def test_not_detected_takes_the_limit_of_its_row(told: str, limit: object) -> None:
    columns = {"时间": ["2026-03-01", "2026-03-02"], "序列": ["P1-w21003"] * 2, "数值": [told, "3.1"]}
    table = pa.table({**columns, "检出限": [limit, limit]})
    found = prepare(table, DIRECTORY, ImportSource("d", "化验.csv", statistic="day"))
    if limit == "<0.025":
        assert [one.code for one in found.problems] == ["limit-missing"], "a limit is a number"
    else:
        assert (found.problems, limits_of(found)) == ([], ["0.025", None])


def test_not_detected_takes_the_limit_in_the_register_at_its_time() -> None:
    later = datetime(2026, 3, 2, tzinfo=CHINA)
    limits = [
        Setting("P1-w21003", "detection_limit", "0.025", "mg/L", valid_to=later),
        Setting("P1-w21003", "detection_limit", "0.01", "", valid_from=later),
        Setting("P1-w01018", "detection_limit", "15", "μg/L"),
    ]
    directory = Directory(version=4, published_at=START, series=DIRECTORY.series, settings=limits)
    table = pa.table(
        {
            "时间": ["2026-03-01", "2026-03-02"],
            "氨氮": ["未检出", "ND"],
            "化学需氧量": ["未检出", "20"],
        }
    )
    source = ImportSource("d", "化验.csv", statistic="day", point="P1")
    found = prepare(table, directory, source)
    assert [(one.row, one.code) for one in found.problems] == [(2, "limit-missing")], (
        "the limit has another unit"
    )
    assert limits_of(found) == ["0.025", "0.01", None]


def test_one_column_of_limits_beside_several_items_is_refused() -> None:
    table = pa.table({"时间": ["2026-03-01"], "氨氮": ["ND"], "化学需氧量": ["20"], "检出限": ["0.01"]})
    with pytest.raises(IntakeError, match="检出限"):
        prepare(table, DIRECTORY, ImportSource("d", "化验.csv", statistic="day", point="P1"))
    alone = prepare(
        table.drop_columns(["化学需氧量"]), DIRECTORY, ImportSource("d", "x.csv", statistic="day", point="P1")
    )
    assert (alone.problems, limits_of(alone)) == ([], ["0.01"])


@pytest.mark.parametrize("told", ["0L", "<0", "ND0", "未检出(0)"])
def test_a_detection_limit_is_more_than_nothing(told: str) -> None:
    table = pa.table({"time": ["2026-03-01"], "series": ["P1-w21003"], "value": [told]})
    found = prepare(table, DIRECTORY, ImportSource("d", "化验.csv", statistic="day"))
    assert [one.code for one in found.problems] == ["value-malformed"]


@pytest.mark.parametrize(
    ("statistic", "told", "taken"),
    [
        ("month", "2026-03-01", True),
        ("month", "2026-03", True),
        ("month", "2026-03-15", False),
        ("month", "2026-03-01 08:00", False),
        ("year", "2026-01-01", True),
        ("year", "2026-03-01", False),
    ],
)
def test_a_month_or_year_is_named_by_its_first_day(statistic: str, told: str, taken: bool) -> None:
    table = pa.table({"time": [told], "series": ["P1-w01018"], "value": ["1"]})
    found = prepare(table, DIRECTORY, ImportSource("d", "化验.csv", statistic=statistic))
    assert [one.code for one in found.problems] == ([] if taken else ["time-off-period"])
    assert found.observations.num_rows == int(taken)


def test_two_lines_of_a_wide_table_for_one_day_contradict_only_where_they_differ() -> None:
    table = pa.table(
        {"时间": ["2026-03-01", "2026-03-01"], "P1-w01018": ["40", "41"], "P1-w21003": ["0.5", "0.5"]}
    )
    found = prepare(table, DIRECTORY, ImportSource("d", "化验.csv", statistic="day"))
    assert [one.row for one in found.problems] == [2, 3]
    assert set(found.observations.column("series").to_pylist()) == {2}


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=12))
def test_what_is_left_out_is_exactly_what_contradicts(rows: list[tuple[int, int]]) -> None:
    table = pa.table(
        {
            "time": [f"2026-03-0{day + 1}" for day, _value in rows],
            "series": ["P1-w01018"] * len(rows),
            "value": [str(value) for _day, value in rows],
        }
    )
    found = prepare(table, DIRECTORY, ImportSource("d", "化验.csv", statistic="day"))
    values: dict[int, set[int]] = {}
    for day, value in rows:
        values.setdefault(day, set()).add(value)
    expected = [place + 2 for place, (day, _value) in enumerate(rows) if len(values[day]) > 1]
    assert [one.row for one in found.problems] == expected
    assert found.observations.num_rows == len(rows) - len(expected)


def complaints(tmp_path: Path, text: str, **options: str) -> list[tuple[int, str]]:
    path = write(tmp_path / "x.csv", text)
    found = prepare(read_sheet(path), DIRECTORY, ImportSource("d", point="P1", **options))
    return [(one.row, one.code) for one in found.problems]


def test_a_time_column_means_start_or_end(tmp_path: Path) -> None:
    with pytest.raises(IntakeError, match="start"):
        complaints(tmp_path, "因子,统计,时间,数值\nw01018,hour,2026-01-02 01:00,1\n", time_names="ende")


def workbook(path: Path, *sheets: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    for number, rows in enumerate(sheets):
        sheet = book.active if number == 0 else book.create_sheet(f"表{number}")
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_further_worksheets_are_named_and_empty_ones_are_not(tmp_path: Path) -> None:
    rows = [["时间", "化学需氧量"], ["2026-01-02 01:00", 1]]
    path = workbook(tmp_path / "a.xlsx", rows, [], rows)
    source = ImportSource("d", point="P1", statistic="hour")
    found = prepare(read_sheet(path), DIRECTORY, source)
    assert found.observations.num_rows == 1
    assert [(one.row, one.code, one.value) for one in found.problems] == [(0, "sheets-left", "表2")]
    alone = prepare(read_sheet(workbook(tmp_path / "b.xlsx", rows, [])), DIRECTORY, source)
    assert alone.problems == []


def test_a_formula_without_its_result_is_complained_about(tmp_path: Path) -> None:
    head = ["时间", "化学需氧量", "pH"]
    path = workbook(
        tmp_path / "a.xlsx", [head, ["2026-01-02 01:00", "=1+1", 7], ["2026-01-02 02:00", None, 8]]
    )
    source = ImportSource("d", point="P1", statistic="hour")
    found = prepare(read_sheet(path), DIRECTORY, source)
    assert [(one.row, one.code, one.value) for one in found.problems] == [(2, "value-malformed", "=1+1")]
    assert found.observations.num_rows == 2


def test_a_formula_that_gives_an_empty_text_is_an_empty_cell(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [["时间", "化学需氧量", "pH"], ["2026-01-02 01:00", "=IF(1,,)", 7]])
    empty = tmp_path / "b.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(empty, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("sheet1.xml"):
                # As Excel writes the cell once it has computed it.
                content = re.sub(
                    rb'<c r="B2"[^>]*><f>(.*?)</f><v\s*/?>(</v>)?</c>',
                    rb'<c r="B2" t="str"><f>\1</f><v></v></c>',
                    content,
                )
                assert b't="str"' in content
            new.writestr(name, content)
    found = prepare(read_sheet(empty), DIRECTORY, ImportSource("d", point="P1", statistic="hour"))
    assert (found.problems, found.observations.num_rows) == ([], 1)
