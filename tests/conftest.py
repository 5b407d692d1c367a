"""What every test relies on: a data folder of its own, no network beyond loopback, honest skips."""

from __future__ import annotations

import atexit
import gc
import os
import socket
import tempfile
from pathlib import Path
from typing import Any

import django
import pytest
from django.db import connection
from hypothesis import settings as hypothesis_settings
from tests import migrated, postgresql
from tests.photographs import Photographs
from tools import messages

MEMORY = Path("/dev/shm")
ROOM = 6 << 30


def _write_to_memory() -> None:
    """Keep the folders of tests in memory where it has room: a test flushes a hundred times what need not outlive it."""
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK):
        return
    found = os.statvfs(MEMORY)
    if found.f_bavail * found.f_frsize > ROOM and not found.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # it is looked for anew


_write_to_memory()
_FOLDER = tempfile.TemporaryDirectory(prefix="qingjian-tests-")
if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["QINGJIAN_TEST_SHARED"] = _FOLDER.name  # the workers of this run inherit it
os.environ["QINGJIAN_DATA"] = _FOLDER.name
# Tests of other things sign administrators in without a telephone.
os.environ["QINGJIAN_SECOND_FACTOR"] = "optional"
os.environ["DJANGO_SETTINGS_MODULE"] = "qingjian.site.settings"
os.environ.setdefault(
    "DJANGO_ALLOW_ASYNC_UNSAFE", "true"
)  # Playwright's loop runs in the thread of the test.
if os.environ.get("QINGJIAN_TEST_DATABASE") == "postgresql" and "PYTEST_XDIST_WORKER" not in os.environ:
    # One server for all workers: they inherit the address.
    _server = postgresql.Server()
    atexit.register(_server.stop)
    os.environ["QINGJIAN_DATABASE"] = _server.address
messages.compile_catalogues()
django.setup()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Keep SQLite's test database in a file: in memory it locks tables, not files, and threads fail at once."""
    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = str(Path(_FOLDER.name) / "test.sqlite3")


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_modify_db_settings: None, django_db_blocker: Any
) -> None:
    """Make the database of this worker; it goes with the folder or the server it is in."""
    with django_db_blocker.unblock():
        migrated.prepare(Path(os.environ["QINGJIAN_TEST_SHARED"]))


@pytest.fixture(scope="session")
def _photographs(tmp_path_factory: pytest.TempPathFactory) -> Photographs:
    return Photographs(tmp_path_factory.mktemp("photographs"))


# How long one example takes says something of the machine, nothing of the code. CI takes the same examples every time,
# so that a landing fails by what it changed; every other run looks for new ones.
hypothesis_settings.register_profile("house", deadline=None, derandomize=os.environ.get("CI") == "true")
hypothesis_settings.load_profile("house")

# What is loaded before the first test stays to the last one; looking through it again and again is a tenth of a run.
_COLLECT_AFTER = (50_000, 20, 20)

LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0", "::")
_connect = socket.socket.connect
_connect_ex = socket.socket.connect_ex
_sendto = socket.socket.sendto
_skipped: list[str] = []


def _on_loopback(self: socket.socket, address: Any) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(LOOPBACK):
        raise OSError(f"tests talk to loopback only, not to {address[0]}")


def _guarded_connect(self: socket.socket, address: Any) -> Any:
    _on_loopback(self, address)
    return _connect(self, address)


def _guarded_connect_ex(self: socket.socket, address: Any) -> int:
    _on_loopback(self, address)
    return _connect_ex(self, address)


def _guarded_sendto(self: socket.socket, data: Any, *rest: Any) -> int:
    _on_loopback(self, rest[-1])
    return _sendto(self, data, *rest)


socket.socket.connect = _guarded_connect  # type: ignore[method-assign]
socket.socket.connect_ex = _guarded_connect_ex  # type: ignore[method-assign]
socket.socket.sendto = _guarded_sendto  # type: ignore[method-assign]


_DATABASE = {"db", "transactional_db", "django_db_setup"}


def _same_on_every_database(item: pytest.Item) -> bool:
    """Whether a test says so itself, or asks for no database at all."""
    if item.get_closest_marker("any_database"):
        return True
    asks = item.get_closest_marker("django_db") or _DATABASE & set(item.fixturenames)  # type: ignore[attr-defined]
    return not asks


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the first database has answered already, and skip what the machine cannot run.

    With CI=true a skip is a failure instead (see `pytest_terminal_summary`).
    """
    if os.environ.get("QINGJIAN_TEST_DATABASE") == "postgresql":
        answered = [item for item in items if _same_on_every_database(item)]
        items[:] = [item for item in items if item not in answered]
        config.hook.pytest_deselected(items=answered)
    for mark, available, what in (
        ("browser", Path("/usr/bin/chromium").exists(), "Chromium"),
        ("postgresql", postgresql.binaries() is not None, "PostgreSQL"),
    ):
        if available:
            continue
        for item in items:
            if item.get_closest_marker(mark):
                item.add_marker(pytest.mark.skip(reason=f"{what} is not installed (make test-setup)"))


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and isinstance(report.longrepr, tuple) and "make test-setup" in report.longrepr[2]:
        _skipped.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    gc.unfreeze()
    if _skipped and os.environ.get("CI") == "true" and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if _skipped:
        terminalreporter.write_line(
            f"NOT RUN for lack of a browser or PostgreSQL: {len(_skipped)} tests; run make test-setup"
        )
