"""An office begins with nothing: first administrators, first people, empty pages, and the commands about a node."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.conftest import PATIENCE_SECONDS, START_SECONDS, STOP_SECONDS, free_port, press

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1200)]

EMPTY_PAGES = [
    "/", "/map/", "/alerts/", "/points/", "/sources/", "/devices/", "/quarantine/", "/forwarding/", "/changes/", "/registry/import/",
    "/propose/region/", "/propose/organisation/", "/propose/point/", "/duties/", "/series/", "/settings/", "/people/", "/organisations/", "/regions/",
    "/roles/", "/schedule/", "/air/", "/air/year/", "/air/events/", "/air/ranking/", "/water/", "/outlets/", "/outlets/exceedances/", "/outlets/amounts/",
    "/matters/", "/matters/inbox/", "/notifications/", "/certificates/", "/delegations/", "/completeness/", "/data-levels/", "/receipts/",
    "/desk/ledger/", "/public/ledger/",
]  # fmt: skip
PASSWORD = "an-office-begins-here-1"


@dataclass
class Office:
    """An empty node and how to call the program about it."""

    address: str
    data: Path
    environment: dict[str, str]

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "qingjian.cli.main", *words, "--data", str(self.data)],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    data = tmp_path_factory.mktemp("office") / "data"
    web, gateway = free_port(), free_port()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("QINGJIAN_", "DJANGO_"))
    }
    environment |= {"PYTHONPATH": "src", "QINGJIAN_SECOND_FACTOR": "optional", "QINGJIAN_WEB_PROCESSES": "2"}
    office = Office(f"http://127.0.0.1:{web}", data, environment)
    log = (data.parent / "up.log").open("wb")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "qingjian.cli.main", "up", "--empty", "--data", str(data)),
            *("--web-port", str(web), "--gateway-port", str(gateway)),
        ],
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    end = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, (data.parent / "up.log").read_text()
        assert time.monotonic() < end, "the node did not start in time"
        try:
            with urllib.request.urlopen(f"{office.address}/health/", timeout=PATIENCE_SECONDS):
                break
        except OSError:
            time.sleep(0.5)
    yield office
    process.send_signal(signal.SIGINT)
    assert process.wait(STOP_SECONDS) == 0, (data.parent / "up.log").read_text()


@pytest.fixture
def visitor(browser: Any, office: Office) -> Iterator[Callable[[str, str], Any]]:
    """Return a function that signs a person in, who sets an own password when asked to."""
    errors: list[str] = []
    contexts: list[Any] = []

    def sign_in(username: str, password: str) -> Any:
        context = browser.new_context(viewport={"width": 390, "height": 844}, locale="zh-CN")
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(f"{page.url}: {error}"))
        page.on(
            "console",
            lambda message: errors.append(f"{page.url}: {message.text}") if message.type == "error" else None,
        )
        page.goto(f"{office.address}/login/")
        page.fill("input[name=username]", username)
        page.fill("input[name=password]", password)
        press(page, "button.btn-primary")
        if "/password/" in page.url:
            page.fill("input[name=old]", password)
            page.fill("input[name=new]", f"{PASSWORD}-{username}")
            page.fill("input[name=again]", f"{PASSWORD}-{username}")
            page.locator("main button.btn-primary").click()
        page.wait_for_url(f"{office.address}/")
        return page

    yield sign_in
    for context in contexts:
        context.close()
    assert errors == []


def first_logins(office: Office) -> dict[str, str]:
    lines = (office.data / "people" / "first-logins.txt").read_text().splitlines()
    return dict(line.split(" ", 1) for line in lines)


def test_the_first_people_come_in_and_every_empty_page_says_what_to_do(visitor, office) -> None:
    logins = first_logins(office)
    system = visitor("system", logins["system"])
    assert "报警自检" in system.content()
    system.goto(f"{office.address}/people/add/")
    system.fill("input[name=username]", "guanli")
    system.fill("input[name=name]", "王管理")
    system.select_option("select[name=organisation]", index=1)
    system.fill("input[name=password]", "first-password-77")
    system.locator("main button.btn-primary").click()
    system.wait_for_url(re.compile(r"/people/\d+/$"))
    person = system.url
    security = visitor("security", logins["security"])
    security.goto(person)
    security.select_option("select[name=role]", "data_manager")
    security.locator("main button.btn-primary").click()
    security.locator("tbody tr", has_text="数据管理员").wait_for()
    manager = visitor("guanli", "first-password-77")
    problems = []
    for path in EMPTY_PAGES:
        answer = manager.goto(f"{office.address}{path}")
        if answer.status != 200 or not manager.locator("h1").first.inner_text().strip():
            problems.append(f"{path}: {answer.status}")
        if manager.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            problems.append(f"{path}: wider than the phone")
    assert problems == []


def test_commands_tell_how_the_node_is(office) -> None:
    status = office.call("status", "--json")
    assert status.returncode == 0, status.stderr
    facts = json.loads(status.stdout)
    assert facts["running"]
    assert facts["devices_registered"] == 0
    end = time.monotonic() + START_SECONDS
    while json.loads(office.call("status", "--json").stdout)["alerting"] != "running":
        assert time.monotonic() < end, "the synthetic device did not speak through the gateway"
        time.sleep(1)
    doctor = office.call("doctor")
    assert "self-test running" in doctor.stdout
    assert "setting second_factor" in doctor.stdout
    assert "optional  (environment)" in doctor.stdout


def test_an_upgrade_of_a_running_node_is_refused(office, tmp_path) -> None:
    done = office.call("upgrade", "--backup", str(tmp_path / "kept"))
    assert done.returncode == 2
    assert "正在被进程" in done.stderr


def test_an_import_without_a_registry_says_what_comes_first(office, tmp_path) -> None:
    (tmp_path / "a.csv").write_text("time,factor,value\n2026-01-01,x,1\n")
    done = office.call("import", str(tmp_path / "a.csv"))
    assert done.returncode == 2
    assert "先登记点位" in done.stderr
    assert office.call("import", str(tmp_path / "none.csv")).returncode == 2
