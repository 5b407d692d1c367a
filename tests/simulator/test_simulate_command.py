"""`qingjian simulate` and the process entry."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import typer
from tests.simulator.hosts import items, listening
from typer.testing import CliRunner

from qingjian.cli.simulate import register
from qingjian.simulator.settings import SimulatorSettings

application = typer.Typer()
application.callback()(lambda: None)
register(application)
runner = CliRunner()


@pytest.mark.parametrize("edition", ["2005", "2017", "2025"])
def test_csv_is_played_in_order(tmp_path: Path, edition: str) -> None:
    rows = "".join(f"2024-05-01 {hour:02}:00,{hour + 0.5},{hour}\n" for hour in range(10))
    path = tmp_path / "a.csv"
    path.write_text("t,so2,nox\n" + rows, "utf-8")
    so2, nox = ("02", "03") if edition == "2005" else ("a21026", "a21002")
    mn = "99012100000099" if edition == "2005" else "990121009900000000000001"
    with listening() as (host, port):
        arguments = [
            "--csv",
            str(path),
            "--mapping",
            f"so2={so2}",
            "--mapping",
            f"nox={nox}*2",
            "--speed",
            "36000",
        ]
        result = runner.invoke(
            application, ["simulate", *arguments, "--port", str(port), "--edition", edition, "--mn", mn]
        )
        assert result.exit_code == 0, result.output
        messages = [one for one in host.station(mn).messages if one.cn == "2061"]
    assert [one.items[0].time for one in messages] == [
        f"2024-05-01T{hour:02}:00:00+08:00" for hour in range(10)
    ]
    assert items(messages[3]) == {
        f"{so2}-Avg": "3.5",
        f"{so2}-Flag": "N",
        f"{nox}-Avg": "6",
        f"{nox}-Flag": "N",
    }
    assert {one.edition for one in messages} == {edition}
    assert json.loads(result.stdout)["acknowledged"] >= 10


def test_load_prints_one_line_of_figures() -> None:
    with listening() as (_, port):
        result = runner.invoke(
            application,
            [
                "simulate",
                "--fleet",
                "3",
                "--rate",
                "200",
                "--values",
                "20",
                "--seconds",
                "0.3",
                "--port",
                str(port),
            ],
        )
    figures = json.loads(result.stdout)
    assert figures["sent"] == figures["acknowledged"] > 20


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--csv", "nowhere.csv", "--mapping", "a=b"], "无法读取"),
        (["--device", "FFFF"], "演示县没有"),
        (["--quirk", "unheard_of"], "怪癖"),
        (["--tamper", "990121003100000000000003:scaled:x"], "强度"),
        (["--tamper", "990121003100000000000003:invisible"], "未知的模拟方式"),
        (["--csv", "a.csv", "--mapping", "a=b", "--edition", "1999"], "版本"),
        (["--fleet", "1", "--port", "9"], "无法连接"),
        (["--fleet", "1", "--port", "9", "--edition", "1999"], "版本"),
        (["--fleet", "1", "--port", "9", "--quirk", "spaces"], "--fleet"),
        (["--port", "0"], "端口"),
        (["--without", "hj212:2025:mark:Td"], "--csv"),
        (["--csv", "a.csv", "--mapping", "a=b", "--without", "Td"], "待确认"),
    ],
)
def test_mistakes_are_explained(arguments: list[str], words: str) -> None:
    result = runner.invoke(application, ["simulate", *arguments])
    assert result.exit_code == 2
    assert words in result.output


@pytest.mark.parametrize("what", ["csv", "county"])
def test_a_port_nobody_listens_on_is_told_with_what_to_do(tmp_path: Path, what: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text("t,v\n2024-05-01 00:00,1\n", "utf-8")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    chosen = (
        ["--csv", str(path), "--mapping", "v=w01018"]
        if what == "csv"
        else ["--device", "990121002200000000000001"]
    )
    result = runner.invoke(application, ["simulate", *chosen, "--port", str(port), "--tries", "2"])
    assert result.exit_code == 2
    first, *rest = result.stderr.splitlines()
    assert f"连不上 127.0.0.1:{port}" in first
    told = "\n".join(rest)
    for words in (
        "试了 2 次",
        "qingjian up",
        "--keep-trying",
        "Nobody answered in 2 tries",
        "Start the receiver",
    ):
        assert words in told


def test_lists_quirks_and_kinds() -> None:
    result = runner.invoke(application, ["simulate", "--list-quirks"])
    assert "crc_modbus_swapped" in result.stdout
    assert "constant" in result.stdout


def test_the_process_runs_and_stops_on_sigterm() -> None:
    with listening() as (host, port):
        settings = SimulatorSettings(port=port, devices=("990121003100000000000003",), backfill_hours=0.0)
        source = str(Path(__file__).parents[2] / "src")
        process = subprocess.Popen(
            [sys.executable, "-m", "qingjian.simulator", settings.to_json()],
            env={**os.environ, "PYTHONPATH": source},
        )
        try:
            waited = threading.Event()
            for _ in range(2_400):
                if any(one.cn == "2011" for one in list(host.station("990121003100000000000003").messages)):
                    break
                waited.wait(0.05)
            process.send_signal(signal.SIGTERM)
            assert process.wait(120) == 0
        finally:
            process.kill()
        assert {one.cn for one in host.station("990121003100000000000003").messages} >= {"2081", "2011"}


@pytest.mark.parametrize(
    "option", [("--mn", "监测;1"), ("--password", "a;b"), ("--speed", "inf"), ("--statistic", "month")]
)
def test_what_cannot_be_played_is_explained_before_a_connection(
    tmp_path: Path, option: tuple[str, str]
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("t,v\n2024-05-01 00:00,1\n", "utf-8")
    done = runner.invoke(
        application, ["simulate", "--csv", str(path), "--mapping", "v=w01018", "--port", "1", *option]
    )
    assert done.exit_code == 2
    assert done.stderr.strip()
    assert "Traceback" not in done.output
