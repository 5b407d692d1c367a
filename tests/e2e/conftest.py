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

# Without these the browser tries to reach the network at every start.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
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
    log = (data.parent / "up.log").open("wb")
    process = subprocess.Popen(
        command, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
    )
    address = f"http://127.0.0.1:{web}"
    end = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, (data.parent / "up.log").read_text()
        assert time.monotonic() < end, "the node did not start in time"
        try:
            with urllib.request.urlopen(f"{address}/health/", timeout=PATIENCE_SECONDS) as answer:
                if answer.status == 200:
                    break
        except OSError:
            time.sleep(0.5)
    lines = (data / "people" / "first-logins.txt").read_text().splitlines()
    yield Node(address, gateway, data, dict(line.split(" ", 1) for line in lines))
    process.send_signal(signal.SIGINT)
    assert process.wait(STOP_SECONDS) == 0, (data.parent / "up.log").read_text()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    # Its event loop stays in the thread of the tests: `make test` runs this folder in a process of its own.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", headless=True, args=FLAGS, timeout=PATIENCE_SECONDS * 1000
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
