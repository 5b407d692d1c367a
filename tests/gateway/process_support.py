"""A gateway in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from qingjian.gateway.settings import GatewayLimits, GatewaySettings


def read_ready(settings: GatewaySettings) -> dict[str, Any] | None:
    """What the ready file says, or None while the process does not listen."""
    try:
        return dict(json.loads(settings.ready_path.read_bytes()))
    except FileNotFoundError:
        return None


class Process:
    """A gateway process that can be killed."""

    def __init__(
        self, root: Path, name: str = "g1", limit_bytes: int | None = None, **changes: object
    ) -> None:
        self.settings = GatewaySettings(
            root,
            name=name,
            host="127.0.0.1",
            port=0,
            minimum_free_bytes=0,
            limits=GatewayLimits(frames_per_second=1e6, frames_burst=10**6),
            **changes,  # type: ignore[arg-type]
        )
        command = [sys.executable, "-m", "qingjian.gateway", self.settings.to_json()]
        if limit_bytes is not None:
            # Python ignores SIGXFSZ, so a file at its limit is a write error, as on a full disk.
            limit = f"import resource,os,sys; resource.setrlimit(resource.RLIMIT_FSIZE,({limit_bytes},{limit_bytes}))"
            command = [sys.executable, "-c", f"{limit}; os.execv(sys.argv[1], sys.argv[1:])", *command]
        self.process = subprocess.Popen(
            command, env={**os.environ, "PYTHONPATH": "src"}, stderr=subprocess.DEVNULL
        )
        begin = time.monotonic()
        while (ready := read_ready(self.settings)) is None or ready["pid"] != self.process.pid:
            assert self.process.poll() is None, "the gateway did not start"
            assert time.monotonic() - begin < 240
            time.sleep(0.02)
        self.seconds_to_start = time.monotonic() - begin
        self.port = ready["port"]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(240)
