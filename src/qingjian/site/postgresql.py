"""Dump and restore of a people's database on PostgreSQL, with PostgreSQL's own programs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import psycopg

INSTALLED = Path("/usr/lib/postgresql")
"""Where Debian keeps the programs of each version; the newest reads the dumps of all older ones."""


class PostgresqlError(RuntimeError):
    """The server or its programs said no; the message says what to do."""


def _program(name: str) -> str:
    newest = max(
        INSTALLED.glob(f"*/bin/{name}"), key=lambda path: _version(path.parent.parent.name), default=None
    )
    found = str(newest) if newest is not None else shutil.which(name)
    if found is None:
        raise PostgresqlError(
            f"缺少 {name}，请安装 PostgreSQL 客户端（Debian：postgresql-client）"
            f" / {name} is missing: install the PostgreSQL client (Debian: postgresql-client)"
        )
    return found


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def _without_password(address: str) -> tuple[str, dict[str, str]]:
    """Split an address into what may stand on a command line and the environment that must not."""
    parts = urlsplit(address)
    environment = dict(os.environ)
    if parts.password:
        environment["PGPASSWORD"] = unquote(parts.password)
        user, _, place = parts.netloc.rpartition("@")
        parts = parts._replace(netloc=f"{user.partition(':')[0]}@{place}")
    return urlunsplit(parts), environment


def _run(address: str, program: str, options: Sequence[str]) -> None:
    place, environment = _without_password(address)
    done = subprocess.run(  # noqa: S603 - a program of PostgreSQL with our own options
        [_program(program), "--no-password", f"--dbname={place}", *options],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"status {done.returncode}"
        raise PostgresqlError(f"{program} 失败 / failed: {reason}")


def dump(address: str, target: Path) -> None:
    """Write a consistent dump of the database; work goes on meanwhile."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _run(address, "pg_dump", ["--format=custom", "--no-owner", "--no-privileges", f"--file={target}"])


def restore(address: str, source: Path) -> None:
    """Load a dump into an empty database, whole or not at all."""
    if not is_empty(address):
        raise PostgresqlError(
            "目标 PostgreSQL 数据库不为空，请先建立空数据库"
            " / the PostgreSQL database is not empty: create an empty one first"
        )
    _run(
        address,
        "pg_restore",
        ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", str(source)],
    )


def is_empty(address: str) -> bool:
    """Say whether a database holds no table of its own."""
    try:
        with psycopg.connect(address, connect_timeout=10) as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
            ).fetchone()
    except psycopg.Error as error:
        raise PostgresqlError(
            f"无法连接 PostgreSQL / PostgreSQL is not reachable: {str(error).strip()}"
        ) from error
    return row is not None and row[0] == 0
