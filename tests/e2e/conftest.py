"""A whole demo node with real sockets, and a browser to look at it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests import missing

# Without these the browser tries to reach the network at every start.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # It is no Python, so the guard of the tests is not in it: beyond loopback it finds no host, by name or number.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]
SIZES = {"office": (1366, 768), "phone": (390, 844)}
START_SECONDS = 600
STOP_SECONDS = 300
PATIENCE_SECONDS = 120
"""How long one thing may take: several times what a small, busy machine needs, since every wait ends with its condition."""


@dataclass(frozen=True)
class Node:
    """A running demo node."""

    address: str
    gateway_port: int
    data: Path
    passwords: dict[str, str]
    screening: subprocess.Popen[str] | None = None
    """What screens its waste-water outlets, where a test asks for clues (see `SCREEN`)."""


SCREEN = """
import django
django.setup()
from qingjian.apps.integrity import panels, screener
from qingjian.apps.integrity.services import results, rulesets
from qingjian.apps.integrity.tasks import DEMO_LOOK_BACK
from qingjian.apps.observing.models import Clue
screener.REHEARSED = 2000
group = next(one for one in panels.groups() if one.element == "water_source")
screener.screen_group(group, panels.yesterday(), DEMO_LOOK_BACK, rulesets.active(), results.Totals())
own = Clue.objects.filter(point__code="WW02").order_by("-start")
print(own.first().pk, own.filter(kind="copy_period").last().pk)
"""
"""Screens the waste-water outlets of the demo county as the nightly job does; prints the numbers of two clues about the
sewage works: the newest, and the one about the staged copies."""


def of_the_node(data: Path) -> dict[str, str]:
    """Return the environment of a script about the node."""
    return {
        **os.environ,
        "PYTHONPATH": "src",
        "QINGJIAN_DATA": str(data),
        "DJANGO_SETTINGS_MODULE": "qingjian.site.settings",
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


ORDER = (
    "test_map_names",
    "test_map_base",
    "test_live_tiles",
    "test_empty_node",
    "test_network",
    "test_living_data",
    "test_clues",
    "test_pages",
    "test_processes",
    "test_rewriting",
)
"""First what asks nothing of the demo node, which starts meanwhile; then what needs no clue, while its outlets are screened.
The walk over all pages finds the clues there, and what is rewritten comes last."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    items.sort(key=lambda item: ORDER.index(item.path.stem) if item.path.parent == here else -1)


def _is_wanted(request: pytest.FixtureRequest, fixture: str) -> bool:
    return any(fixture in item.fixturenames for item in request.session.items)  # type: ignore[attr-defined]


@pytest.fixture(scope="session", autouse=True)
def _start_early(request: pytest.FixtureRequest) -> None:
    if _is_wanted(request, "node"):
        request.getfixturevalue("starting")


@dataclass(frozen=True)
class Starting:
    """A demo node that was told to start."""

    process: subprocess.Popen[bytes]
    address: str
    gateway_port: int
    data: Path

    @property
    def log(self) -> Path:
        return self.data.parent / "up.log"


@pytest.fixture(scope="session")
def starting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starting]:
    data = tmp_path_factory.mktemp("node") / "data"
    web, gateway = free_port(), free_port()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("QINGJIAN_", "DJANGO_"))
    }
    environment["PYTHONPATH"] = "src"
    # The first screening would take half of a small machine for minutes; the test of clues screens what it needs.
    environment["QINGJIAN_SCREENING"] = "false"
    command = [
        sys.executable,
        "-m",
        "qingjian.cli.main",
        "up",
        "--demo",
        "--data",
        str(data),
        "--web-port",
        str(web),
        "--gateway-port",
        str(gateway),
    ]
    with (data.parent / "up.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    one = Starting(process, f"http://127.0.0.1:{web}", gateway, data)
    yield one
    process.send_signal(signal.SIGINT)
    assert process.wait(STOP_SECONDS) == 0, one.log.read_text()


@pytest.fixture(scope="session")
def node(request: pytest.FixtureRequest, starting: Starting) -> Iterator[Node]:
    end = time.monotonic() + START_SECONDS
    while True:
        assert starting.process.poll() is None, starting.log.read_text()
        assert time.monotonic() < end, "the node did not start in time"
        try:
            with urllib.request.urlopen(f"{starting.address}/health/", timeout=PATIENCE_SECONDS) as answer:
                if answer.status == 200:
                    break
        except OSError:
            time.sleep(0.5)
    lines = (starting.data / "people" / "first-logins.txt").read_text().splitlines()
    passwords = dict(line.split(" ", 1) for line in lines)
    screening = None
    if _is_wanted(request, "screened"):
        screening = subprocess.Popen(
            [sys.executable, "-c", SCREEN],
            env=of_the_node(starting.data),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    yield Node(starting.address, starting.gateway_port, starting.data, passwords, screening)
    if screening is not None and screening.poll() is None:
        screening.kill()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    # Its event loop stays in the thread of the tests: `make test` runs this folder in a process of its own.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=missing.browser(),
            headless=True,
            args=FLAGS,
            timeout=PATIENCE_SECONDS * 1000,
        )
        yield chromium
        chromium.close()


def press(page: Any, button: str) -> None:
    """Press a button that sends a form, and wait for the page that answers.

    Without waiting, the next look is at the old page, and the next address cuts the request off.
    """
    with page.expect_navigation():
        page.locator(button).first.click()


@pytest.fixture(scope="session")
def sessions() -> dict[str, Any]:
    """Cookies of people who signed in before: doing so is slow on purpose."""
    return {}


@pytest.fixture
def signed_in(browser: Any, node: Node, sessions: dict[str, Any]) -> Iterator[Callable[..., Any]]:
    """Return a function that opens a page of a person; errors of its console fail the test."""
    contexts: list[Any] = []
    errors: list[str] = []

    def open_page(username: str, size: str = "office") -> Any:
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height},
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            storage_state=sessions.get(username),
        )
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console",
            lambda message: errors.append(f"{page.url}: {message.text}") if message.type == "error" else None,
        )
        page.on("pageerror", lambda error: errors.append(f"{page.url}: {error}"))
        page.goto(f"{node.address}/")
        if "/login/" in page.url:
            page.fill("input[name=username]", username)
            page.fill("input[name=password]", node.passwords[username])
            page.click("button.btn-primary")
            page.wait_for_url(f"{node.address}/")
            sessions[username] = context.storage_state()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []
