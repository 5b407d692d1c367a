"""Tests that did not run, mostly for lack of a program: named in one line at the end, and a failure with CI=true."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests import postgresql

BROWSERS = ("/usr/lib/chromium/chromium-headless-shell", "/usr/bin/chromium")
"""The first there is: the same engine without the windows of a desktop takes two thirds of the processor time."""

_reasons: Counter[str] = Counter()


def browser() -> str | None:
    """Return the path of the browser, None without one."""
    return next((path for path in BROWSERS if Path(path).exists()), None)


def mark(items: list[pytest.Item]) -> None:
    """Skip what the machine cannot run."""
    for name, found, what in (
        ("browser", browser(), "Chromium"),
        ("postgresql", postgresql.binaries(), "PostgreSQL"),
    ):
        if found is None:
            for item in items:
                if item.get_closest_marker(name):
                    item.add_marker(pytest.mark.skip(reason=f"{what} is not installed"))


def line() -> str:
    """Say what did not run and why, in one line; empty if all ran."""
    return "; ".join(f"{count} tests, {reason}" for reason, count in _reasons.items())


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail") and isinstance(report.longrepr, tuple):
        _reasons[report.longrepr[2].removeprefix("Skipped: ")] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    # A worker's reports all reach the process that sent it out.
    if not _reasons or hasattr(session.config, "workerinput"):
        return
    if os.environ.get("CI") == "true" and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    # `make test` says at its end what none of its parts ran.
    if kept := os.environ.get("QINGJIAN_TEST_NOT_RUN"):
        with Path(kept).open("a", encoding="utf-8") as file:
            file.write(f"{line()}\n")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if _reasons:
        terminalreporter.write_line(f"NOT RUN (make test-setup installs what they need): {line()}")
