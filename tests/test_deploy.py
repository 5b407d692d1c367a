"""The files an office copies fit the program they start."""

from __future__ import annotations

import configparser
import re
import shutil
from dataclasses import fields
from pathlib import Path

import pytest

from qingjian.cli.children import metrics_port_of, of
from qingjian.cli.main import COMMANDS
from qingjian.contracts.folders import DataFolder
from qingjian.site.configuration import Configuration, load

ROOT = Path(__file__).resolve().parent.parent
SERVER = ROOT / "deploy" / "server"


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    shutil.copy(SERVER / "qingjian.toml", tmp_path)
    return load(tmp_path, {}).values


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[method-assign, assignment]
    parser.read_string((SERVER / name).read_text(encoding="utf-8"))
    return parser


def test_the_settings_are_a_server_with_several_processes_behind_a_proxy(
    configuration: Configuration,
) -> None:
    assert configuration.profile == "server"
    assert configuration.web_host == "127.0.0.1"
    assert configuration.public_address.startswith("https://")
    assert configuration.database.startswith("postgresql://")
    names = [child.name for child in of(DataFolder(Path("data")), configuration)]
    assert names == ["web-1", "web-2", "pipeline", "notary", "worker", "screening", "gateway-1", "gateway-2"]
    assert [metrics_port_of(name, configuration) for name in names[-2:]] == [9301, 9302]


@pytest.mark.parametrize("name", ["qingjian.service", "qingjian-backup.service"])
def test_units_start_commands_that_exist(name: str) -> None:
    service = unit(name)["Service"]
    command = re.search(r"/opt/qingjian/bin/qingjian (\S+)", service["ExecStart"])
    assert command is not None
    assert command.group(1) in COMMANDS
    assert "/var/lib/qingjian" in service["ExecStart"]
    assert service["User"] == "qingjian"


def test_stopping_gives_every_process_its_time_to_drain(configuration: Configuration) -> None:
    longest = sum(child.drain_seconds for child in of(DataFolder(Path("data")), Configuration()))
    assert int(unit("qingjian.service")["Service"]["TimeoutStopSec"]) >= longest / 2


def test_the_timer_names_a_unit_that_exists() -> None:
    assert (SERVER / "qingjian-backup.timer").with_suffix(".service").exists()
    assert "OnCalendar" in unit("qingjian-backup.timer")["Timer"]


def test_the_proxy_leads_to_the_pages_and_passes_on_who_asks(configuration: Configuration) -> None:
    text = (SERVER / "nginx.conf").read_text(encoding="utf-8")
    assert f"server 127.0.0.1:{configuration.web_port};" in text
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in text
    assert "proxy_set_header X-Forwarded-Proto $scheme;" in text
    assert "proxy_buffering off;" in text.partition("location = /live/")[2]
    assert "TLSv1.1" not in text
    assert configuration.public_address.removeprefix("https://") in text


def test_every_setting_stands_in_the_table_of_the_guide() -> None:
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    table = text.partition("## Settings")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([a-z_]+)`", table))
    assert {one.name for one in fields(Configuration)} - named == set()
