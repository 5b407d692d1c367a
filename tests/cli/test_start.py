"""What a command imports before it begins: its own rooms and nothing heavier."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from qingjian.cli.main import COMMANDS, app, load

HEAVY = {"numpy", "scipy", "pyarrow", "duckdb", "deltalake", "lightgbm", "django", "openpyxl", "structlog"}
CALL = """
import json, sys
from qingjian.cli.main import app
try:
    app(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def imported(*words: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", CALL, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": "src"},
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("words", [("--help",), ("hj212", "decode"), ("up", "--help"), ("ledger", "--help")])
def test_light_commands_import_nothing_heavy(words: tuple[str, ...]) -> None:
    allowed = {"structlog"} if words[0] == "ledger" else set()
    found = imported(*words) & (HEAVY - allowed)
    assert found == set()


def test_what_is_heavy_is_noticed() -> None:
    assert "numpy" in imported("screen", "--help")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_help_can_be_called(name: str) -> None:
    command = load(name)
    assert command.name == name
    result = CliRunner().invoke(app, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert "Usage" in result.output


def test_the_help_names_every_command_in_both_languages() -> None:
    shown = CliRunner().invoke(app, ["--help"]).output
    assert all(name in shown for name in COMMANDS)
    assert all(" / " in text for _, _, text in COMMANDS.values())


def test_an_unknown_command_is_refused_with_the_nearest_name() -> None:
    result = CliRunner().invoke(app, ["statu"])
    assert result.exit_code == 2
    assert "status" in result.output


def test_options_behind_a_command_reach_it(tmp_path) -> None:
    (tmp_path / "something").write_text("")
    result = CliRunner().invoke(app, ["restore", str(tmp_path), "--data", str(tmp_path)])
    assert result.exit_code == 2
    assert "数据目录不为空" in result.output


def test_groups_keep_their_commands() -> None:
    assert isinstance(load("hj212"), typer.core.TyperGroup)
    assert set(load("hj212").commands) == {"decode", "encode", "facts"}
