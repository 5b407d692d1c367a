"""Any CSV becomes a device, and bad ones give clear errors."""

import gzip
import re
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.contracts.clock import CHINA
from qingjian.simulator.csvfile import CsvError, CsvFeed, _scaled, mapping, read, statistic_of, time_of

TEXT = "时间,SO2,NOx,状态\n2024-05-01 00:00,12.5,80,N\n2024-05-01 01:00,,81,D\n坏行,1,2,N\n2024-05-01 02:00,abc,82,\n2024-05-01 02:00,9,9,N\n"


def file(tmp_path: Path, content: bytes, name: str = "a.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_reads_rows_and_counts_what_it_leaves_out(tmp_path: Path, encoding: str) -> None:
    columns = mapping(["SO2=a21026", "NOx=a21002*0.5", "状态=a21026-Flag"])
    recorder = read(file(tmp_path, TEXT.encode(encoding)), columns)
    assert recorder.statistic == "hour"
    assert recorder.step == timedelta(hours=1)
    first, second, third = (recorder.record("hour", at, 3600) for at in recorder.times)
    assert [(one.factor, dict(one.values)) for one in first] == [
        ("a21026", {"Avg": "12.5", "Flag": "N"}),
        ("a21002", {"Avg": "40", "Flag": "N"}),
    ]
    assert [one.factor for one in second] == ["a21002"]
    assert [one.factor for one in third] == ["a21002"]
    assert recorder.left_out == {"time": 1, "value": 2, "repeated_time": 1}
    assert recorder.record("minute", recorder.times[0], 600) == ()
    assert recorder.between(recorder.times[0], recorder.times[2]) == list(recorder.times[:2])


def test_reads_gzip_and_named_time_column(tmp_path: Path) -> None:
    content = gzip.compress(b"v,t\n1,2024/01/02 03:04\n2,2024/01/02 03:14\n")
    recorder = read(file(tmp_path, content, "a.csv.gz"), mapping(["v=w01018"]), time_column="t")
    assert recorder.statistic == "minute"
    assert recorder.times[0] == datetime(2024, 1, 2, 3, 4, tzinfo=CHINA)


@pytest.mark.parametrize(
    ("content", "columns", "words"),
    [
        (b"", ["v=w01018"], "列"),
        (b"t,v\n", ["v=w01018"], "没有可用的行"),
        (b"t,v\n2024-01-01,x\n", ["v=w01018"], "没有可用的行"),
        (b"t,v\n2024-01-01,1\n", ["other=w01018"], "other"),
    ],
)
def test_unusable_files_are_explained(tmp_path: Path, content: bytes, columns: list[str], words: str) -> None:
    with pytest.raises(CsvError, match=words):
        read(file(tmp_path, content), mapping(columns))


def test_unreadable_files_and_mappings_are_explained(tmp_path: Path) -> None:
    with pytest.raises(CsvError, match="无法读取"):
        read(tmp_path / "none.csv", mapping(["v=w01018"]))
    with pytest.raises(CsvError, match="无法读取"):
        read(file(tmp_path, b"no gzip", "a.csv.gz"), mapping(["v=w01018"]))
    for bad in (["v"], ["=a"], ["v=a b"], ["v=a*1e"], []):
        with pytest.raises(CsvError):
            mapping(bad)


def test_spacing_names_the_statistic() -> None:
    steps = [timedelta(seconds=30), timedelta(minutes=10), timedelta(hours=1), timedelta(days=1)]
    assert [statistic_of(step) for step in steps] == ["realtime", "minute", "hour", "day"]


@given(st.binary(max_size=400))
def test_any_bytes_give_rows_or_a_clear_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(b"t,v\n2024-01-01 00:00,1\n" + content)
    try:
        recorder = read(path, mapping(["v=w01018"]))
    except CsvError:
        return
    assert recorder.times


@given(st.text(max_size=30))
def test_times_are_read_or_none(text: str) -> None:
    moment = time_of(text)
    assert moment is None or moment.tzinfo is not None


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters_are_read(tmp_path: Path, delimiter: str) -> None:
    text = "t,v\n2024-05-01 00:00,1.50\n2024-05-01 01:00,2\n".replace(",", delimiter)
    recorder = read(file(tmp_path, text.encode()), mapping(["v=w01018"]))
    assert [dict(recorder.rows[at][0].values)["Avg"] for at in recorder.times] == ["1.50", "2"]


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=8))
def test_numbers_go_out_as_devices_write_them(value) -> None:
    for text in (str(value), f"{value:+}", f"{value:e}"):
        written = _scaled(text, 1.0)
        assert re.fullmatch(r"-?\d+(\.\d+)?", written)
        assert Decimal(written) == Decimal(text)


def test_an_unknown_statistic_is_explained(tmp_path: Path) -> None:
    with pytest.raises(CsvError, match="realtime, minute, hour, day"):
        read(file(tmp_path, TEXT.encode()), mapping(["SO2=a21026"]), statistic="month")


@pytest.mark.parametrize("speed", [0.0, -1.0, float("inf"), float("nan")])
def test_an_impossible_speed_is_explained(tmp_path: Path, speed: float) -> None:
    recorder = read(file(tmp_path, TEXT.encode()), mapping(["SO2=a21026"]))
    with pytest.raises(ValueError, match="speed"):
        CsvFeed(recorder, datetime(2026, 11, 20, tzinfo=CHINA), speed)
