from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from qingjian.contracts.clock import SystemClock
from qingjian.supervisor.lock import AlreadyRunningError, FolderLock, holder
from qingjian.supervisor.processes import Child, Supervisor


def script(code: str) -> list[str]:
    return [sys.executable, "-u", "-c", code]


def wait_for(condition, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "condition not reached in time"
        time.sleep(0.02)


def running(supervisor: Supervisor) -> threading.Thread:
    thread = threading.Thread(target=supervisor.run, kwargs={"poll_seconds": 0.05})
    thread.start()
    return thread


def test_children_drain_in_reverse_order(tmp_path: Path) -> None:
    order = tmp_path / "order"
    code = (
        "import signal,sys,time\n"
        f"def stop(*_):\n open({str(order)!r},'a').write(sys.argv[1]+' ');sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, stop)\nprint('ready')\ntime.sleep(60)"
    )
    children = [Child(name, [*script(code), name]) for name in ("gateway", "pipeline", "web")]
    supervisor = Supervisor(children, tmp_path, SystemClock())
    thread = running(supervisor)
    wait_for(
        lambda: all(
            (tmp_path / f"{child.name}.log").exists()
            and b"ready" in (tmp_path / f"{child.name}.log").read_bytes()
            for child in children
        )
    )
    supervisor.request_stop()
    thread.join(120)
    assert order.read_text() == "web pipeline gateway "


def test_a_child_that_falls_is_started_again(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor(
        [Child("short", script("raise SystemExit(3)"))], tmp_path, SystemClock(), said.append
    )
    thread = running(supervisor)
    wait_for(lambda: supervisor.states()["short"]["restarts"] >= 2)
    supervisor.request_stop()
    thread.join(120)
    assert "ended (3)" in said[0]


def test_a_child_does_not_outlive_a_killed_supervisor(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    child = f"import os,time;from qingjian.supervisor.processes import stop_with_parent;stop_with_parent();open({str(pid_file)!r},'w').write(str(os.getpid()));time.sleep(60)"
    parent = (
        "import pathlib,sys\nfrom qingjian.contracts.clock import SystemClock\n"
        "from qingjian.supervisor.processes import Child,Supervisor\n"
        f"Supervisor([Child('c',[sys.executable,'-c',{child!r}])],pathlib.Path({str(tmp_path)!r}),SystemClock()).run()"
    )
    environment = {**os.environ, "PYTHONPATH": "src"}
    process = subprocess.Popen(script(parent), env=environment)
    wait_for(lambda: pid_file.exists() and pid_file.read_text())
    process.send_signal(signal.SIGKILL)
    process.wait()
    pid = int(pid_file.read_text())
    wait_for(
        lambda: (
            not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split(")")[1]
        )
    )


def test_a_second_start_on_the_same_folder_is_refused_clearly(tmp_path: Path) -> None:
    with (
        FolderLock(tmp_path / "running.lock"),
        pytest.raises(AlreadyRunningError, match="in use by process"),
        FolderLock(tmp_path / "running.lock"),
    ):
        pass
    with FolderLock(tmp_path / "running.lock"):
        pass


def test_who_holds_a_folder_is_found_out_without_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "running.lock"
    assert holder(path) == ""
    with FolderLock(path):
        assert holder(path) == str(os.getpid())

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    assert holder(path) == ""
    with FolderLock(path), pytest.raises(AlreadyRunningError), FolderLock(path):
        pass
    with FolderLock(path):
        assert holder(path) == "?"
