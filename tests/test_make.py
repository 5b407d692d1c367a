"""`make test` says at its very end what it could not run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

PYTHON = """#!/bin/sh
case "$*" in
*--ignore*) [ -z "$LACKING" ] || echo "3 tests, golang-go is not installed" >>"$QINGJIAN_TEST_NOT_RUN" ;;
*tests/e2e*) [ -z "$LACKING" ] || echo "2 tests, Chromium is not installed" >>"$QINGJIAN_TEST_NOT_RUN"; sleep 0.5 ;;
esac
"""


def make(tmp_path: Path, postgresql: str = "/usr/bin/postgres", **environment: str) -> tuple[int, list[str]]:
    """Run `make test` with programs that do nothing but say what they lack."""
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True, exist_ok=True)
    for name in ("python", "ruff", "mypy", "lint-imports", "deptry"):
        (venv / "bin" / name).write_text(PYTHON)
        (venv / "bin" / name).chmod(0o755)
    for name in ("run.stamp", "dev.stamp", "assets", "catalogue.po", "catalogue.mo"):
        (venv / name).touch()
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "MAKEFLAGS", "MAKELEVEL")}
    done = subprocess.run(
        [
            *("make", "--no-print-directory", "test", f"VENV={venv}", f"POSTGRESQL={postgresql}"),
            *(f"ASSETS={venv}/assets", f"CATALOGUE={venv}/catalogue", f"PYTHON={sys.executable}"),
        ],
        cwd=ROOT, env=kept | environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout.splitlines()


def test_all_that_was_lacking_stands_in_the_last_line(tmp_path: Path) -> None:
    code, said = make(tmp_path, postgresql="", LACKING="yes")
    assert code == 0
    assert said[-1].startswith("NOT RUN (make test-setup installs what they need): ")
    assert set(said[-1].partition(": ")[2].split("; ")) == {
        "2 tests, Chromium is not installed",
        "3 tests, golang-go is not installed",
        "all tests of the apps on PostgreSQL, PostgreSQL is not installed",
    }


@pytest.mark.parametrize(("postgresql", "lacking"), [("", ""), ("/usr/bin/postgres", "yes")])
def test_in_ci_what_did_not_run_is_a_failure(tmp_path: Path, postgresql: str, lacking: str) -> None:
    code, said = make(tmp_path, postgresql=postgresql, LACKING=lacking, CI="true")
    assert code != 0
    assert said[-1].startswith("NOT RUN")


def test_where_all_ran_nothing_is_said_and_nothing_is_kept_from_the_run_before(tmp_path: Path) -> None:
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "not-run").write_text("2 tests, Chromium was not installed\n")
    code, said = make(tmp_path, CI="true")
    assert code == 0
    assert "NOT RUN" not in "\n".join(said)


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)])
def test_a_part_writes_down_what_it_skipped(tmp_path: Path, ci: str, code: int) -> None:
    (tmp_path / "test_one.py").write_text(
        "import pytest\n"
        "def test_runs(): pass\n"
        "def test_lacks(): pytest.skip('an abacus is not installed')\n"
        "@pytest.mark.xfail\ndef test_known(): assert False\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", "pyproject.toml", "--rootdir", ".", "-p", "tests.missing", str(tmp_path)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": ".", "CI": ci, "QINGJIAN_TEST_NOT_RUN": str(tmp_path / "kept")},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert (done.returncode, (tmp_path / "kept").read_text()) == (
        code,
        "1 tests, an abacus is not installed\n",
    )
    assert "NOT RUN (make test-setup installs what they need): 1 tests, an abacus" in done.stdout
