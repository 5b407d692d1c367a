"""What the documents show is true."""

import doctest
import re
import shlex
from pathlib import Path
from typing import Any

import typer

from qingjian.cli.simulate import register
from qingjian.simulator import demo
from qingjian.simulator.quirks import QUIRKS
from qingjian.simulator.tampering import KINDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/simulator.md").read_text("utf-8")


def test_the_example_of_the_readme_runs() -> None:
    result = doctest.testfile(str(ROOT / "src/qingjian/simulator/README.md"), module_relative=False)
    assert result.attempted > 5
    assert result.failed == 0


def test_the_page_lists_every_quirk_and_kind() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)
    assert rows == [(one.code, str(one.number), one.name_zh, one.name_en) for one in QUIRKS.values()]
    assert all(f"`{kind}`" in PAGE for kind in KINDS)


def test_the_page_describes_every_table_of_the_county() -> None:
    county = demo.county()
    assert all(f"`{key}`" in PAGE for key in county)
    described = set(re.findall(r"`(\w+)`", PAGE))
    for key in ("regions", "organisations", "users", "factors", "sources", "points", "duties", "instruments"):
        names: set[str] = set()
        for row in county[key]:
            names |= set(row)
        assert names - {"valid_from", "valid_to"} <= described, key


def test_the_commands_of_the_page_parse() -> None:
    application = typer.Typer()
    application.callback()(lambda: None)
    register(application)
    group: Any = typer.main.get_command(application)
    lines = re.findall(r"^    qingjian (simulate.*)$", PAGE, re.MULTILINE)
    assert len(lines) == 7
    for line in lines:
        _, *arguments = shlex.split(line)
        command = group.commands["simulate"]
        command.make_context("simulate", list(arguments))
    known = {option for parameter in group.commands["simulate"].params for option in parameter.opts}
    assert set(re.findall(r"(?<!-)(--[a-z][a-z0-9-]*)", PAGE)) <= known
