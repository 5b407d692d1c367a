"""A list of CSV files as a fleet of devices."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.simulator.hosts import listening
from typer.testing import CliRunner

from qingjian.cli.simulate import register
from qingjian.simulator.csv_devices import NAMES, read_list
from qingjian.simulator.csvfile import CsvError

application = typer.Typer()
application.callback()(lambda: None)
register(application)
runner = CliRunner()

FIRST, SECOND = "990121009900000000000001", "990121009900000000000002"


def write_list(folder: Path, rows: Any) -> Path:
    path = folder / "fleet.json"
    path.write_text(json.dumps(rows, ensure_ascii=False), "utf-8")
    return path


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "stack.csv").write_text(
        "t,so2\n" + "".join(f"2024-05-01 0{hour}:00,{hour}.5\n" for hour in range(5)), "utf-8"
    )
    (tmp_path / "river.csv").write_text(
        "t,temp\n" + "".join(f"2024-06-01 00:{minute:02},{minute}\n" for minute in range(0, 50, 10)), "utf-8"
    )
    return tmp_path


def test_every_device_of_a_list_plays_its_file_in_its_edition_with_its_quirks(files: Path) -> None:
    fleet = write_list(
        files,
        [
            {"mn": FIRST, "csv": "stack.csv", "mapping": ["so2=a21026"], "speed": 36000, "quirk": ["halves"]},
            {
                "mn": SECOND,
                "csv": "river.csv",
                "mapping": ["temp=w01010*2"],
                "speed": 6000,
                "system_code": "21",
                "edition": "2025",
                "statistic": "minute",
            },
        ],
    )
    with listening() as (host, port):
        result = runner.invoke(application, ["simulate", "--csv-fleet", str(fleet), "--port", str(port)])
        assert result.exit_code == 0, result.output
        stack = [one for one in host.station(FIRST).messages if one.cn == "2061"]
        river = [one for one in host.station(SECOND).messages if one.cn == "2051"]
    assert [one.items[0].time for one in stack] == [f"2024-05-01T0{hour}:00:00+08:00" for hour in range(5)]
    assert {one.edition for one in stack} == {"2017"}
    assert [one.items[0].value for one in river] == ["0", "20", "40", "60", "80"]
    assert {one.edition for one in river} == {"2025"}
    figures = json.loads(result.stdout)
    assert figures["devices"] == 2
    assert figures["acknowledged"] >= 10


GOOD = {"mn": SECOND, "csv": "river.csv", "mapping": ["temp=w01010"]}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("text", ("应为对象", "must be an object")),
        ({"mn": SECOND, "csv": "river.csv"}, ("缺少", "lacks: mapping")),
        ({**GOOD, "colour": "red"}, ("没有这些项", "colour")),
        ({**GOOD, "speed": 0}, ("speed", "positive number")),
        ({**GOOD, "speed": 10**400}, ("speed", "positive number")),
        ({**GOOD, "speed": True}, ("speed", "positive number")),
        ({**GOOD, "from_now": "yes"}, ("from_now", "true or false")),
        ({**GOOD, "mapping": "temp=w01010"}, ("mapping", "list of texts")),
        ({**GOOD, "mapping": ["temp"]}, ("映射", "COLUMN=FACTOR")),
        ({**GOOD, "quirk": ["unheard_of"]}, ("怪癖", "--list-quirks")),
        ({**GOOD, "without": ["Td"]}, ("待确认", "unconfirmed")),
        ({**GOOD, "edition": "1999"}, ("版本", "edition")),
        ({**GOOD, "sm4_key": "12"}, ("sm4_key", "32 hex digits")),
        ({**GOOD, "sm4_key": "00" * 16, "quirk": ["halves"]}, ("加密", "encrypt")),
        ({**GOOD, "csv": "nowhere.csv"}, ("无法读取", "cannot read")),
        ({**GOOD, "csv": "\0"}, ("第 2 台", "device 2")),
        ({**GOOD, "mn": FIRST}, ("MN 与第 1 台相同", "has the MN of device 1")),
    ],
)
def test_a_mistake_in_a_list_names_the_device_and_what_would_be_right(
    files: Path, row: Any, words: tuple[str, str]
) -> None:
    fleet = write_list(files, [{"mn": FIRST, "csv": "stack.csv", "mapping": ["so2=a21026"]}, row])
    with pytest.raises(CsvError) as told:
        read_list(fleet)
    assert "第 2 台 / device 2" in str(told.value)
    assert all(word in str(told.value) for word in words)
    result = runner.invoke(application, ["simulate", "--csv-fleet", str(fleet)])
    assert result.exit_code == 2
    assert words[0] in result.output


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[", "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[]", "非空列表"),
        (b"{}", "非空列表"),
        (b"[" * 100_000, "JSON"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "fleet.json"
    path.write_bytes(content)
    with pytest.raises(CsvError, match=words):
        read_list(path)


def test_a_list_goes_alone(files: Path) -> None:
    fleet = write_list(files, [GOOD])
    result = runner.invoke(application, ["simulate", "--csv-fleet", str(fleet), "--quirk", "halves"])
    assert result.exit_code == 2
    assert "--csv-fleet" in result.output


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(
    rows=st.lists(
        st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), VALUES, max_size=6), max_size=3
    )
)
def test_no_list_fails_in_another_way(files: Path, rows: list[dict[str, Any]]) -> None:
    fleet = write_list(files, [{**GOOD, **row} for row in rows])
    try:
        devices = read_list(fleet)
    except CsvError:
        return
    assert len({one.identity.mn for one in devices}) == len(devices) == len(rows) > 0
