"""A throw-away PostgreSQL server on a loopback port, for running tests of the apps on the other database."""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

INSTALLED = Path("/usr/lib/postgresql")
START_SECONDS = 60
_PR_SET_PDEATHSIG = 1


def binaries() -> Path | None:
    """Return the folder with the newest installed server, None without one."""
    found = [path.parent for path in INSTALLED.glob("*/bin/postgres")]
    return max(found, key=lambda folder: [int(part) for part in folder.parent.name.split(".")], default=None)


def _ordinary_user() -> dict[str, Any]:
    # PostgreSQL refuses to run as root; its Debian package brings a user of its own.
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


class Server:
    """A server with an empty cluster in a temporary folder; `address` is what `QINGJIAN_DATABASE` takes."""

    def __init__(self) -> None:
        folder = binaries()
        if folder is None:
            raise RuntimeError("PostgreSQL is not installed (make test-setup)")
        self.folder = Path(tempfile.mkdtemp(prefix="qingjian-postgresql-"))
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        password = secrets.token_hex(16)
        (self.folder / "password").write_text(password)
        if os.geteuid() == 0:
            shutil.chown(self.folder / "password", "postgres", "postgres")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"postgresql://qingjian:{password}@127.0.0.1:{port}/postgres"
        data = self.folder / "data"
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        common = {"cwd": self.folder, "env": environment, **_ordinary_user()}
        subprocess.run(
            [
                *(folder / "initdb", "-D", data, "-U", "qingjian", "--pwfile", self.folder / "password"),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--no-sync"),
            ],
            check=True,
            capture_output=True,
            **common,
        )
        # Nothing in it outlives the tests, so it need not reach the disk.
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": "",
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
        }
        self.log = self.folder / "log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [folder / "postgres", "-D", data]
                + [part for name, value in settings.items() for part in ("-c", f"{name}={value}")],
                stdout=log,
                stderr=log,
                preexec_fn=_end_with_parent,
                **common,
            )
        self._wait()

    def _wait(self) -> None:
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(self.address, connect_timeout=5).close()
                return
            except psycopg.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > end:
                    text = self.log.read_text(errors="replace")
                    self.stop()
                    raise RuntimeError(f"PostgreSQL did not start: {text}") from error
                time.sleep(0.1)

    def stop(self) -> None:
        """End the server at once and remove its folder."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(timeout=120)
        shutil.rmtree(self.folder, ignore_errors=True)
