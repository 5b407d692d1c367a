"""What every test relies on: a data folder of its own, no network beyond loopback, honest skips."""

from __future__ import annotations

import atexit
import gc
import os
import tempfile
from pathlib import Path
from typing import Any

import django
import loopback_only
import pytest
from django.db import connection
from hypothesis import settings as hypothesis_settings
from tests import migrated, missing, postgresql
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


# The workers of a run and whatever they start inherit both.
if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["QINGJIAN_TEST_NETWORK"] = "alone" if loopback_only.isolate() else "shared"
loopback_only.install()
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

_DATABASE = {"db", "transactional_db", "django_db_setup"}


def _same_on_every_database(item: pytest.Item) -> bool:
    """Whether a test says so itself, or asks for no database at all."""
    if item.get_closest_marker("any_database"):
        return True
    asks = item.get_closest_marker("django_db") or _DATABASE & set(item.fixturenames)  # type: ignore[attr-defined]
    return not asks


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the first database has answered already, and skip what the machine cannot run."""
    if os.environ.get("QINGJIAN_TEST_DATABASE") == "postgresql":
        answered = [item for item in items if _same_on_every_database(item)]
        items[:] = [item for item in items if item not in answered]
        config.hook.pytest_deselected(items=answered)
    missing.mark(items)


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(missing)


def pytest_sessionfinish() -> None:
    gc.unfreeze()


def pytest_report_header() -> str:
    if os.environ["QINGJIAN_TEST_NETWORK"] == "alone":
        return "network: loopback only, in a namespace of its own"
    return "network: loopback only, by guards in Python and the browser (the kernel gives no namespace)"
