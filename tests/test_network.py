"""Neither tests nor what they start reach another machine."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import loopback_only
import pytest

ELSEWHERE = "192.0.2.1"
"""An address kept for documents: nobody has it."""
SAID = f"tests talk to loopback only, not to {ELSEWHERE}"
WAYS = {
    "connect": "socket.create_connection(('192.0.2.1', 80), 5)",
    "connect_ex": "socket.socket().connect_ex(('192.0.2.1', 80))",
    "sendto": "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 80))",
    "sendto with flags": "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', 0, ('192.0.2.1', 80))",
    "sendmsg": "socket.socket(type=socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, ('192.0.2.1', 80))",
    "the type below": "_socket.socket(socket.AF_INET, socket.SOCK_STREAM).connect(('192.0.2.1', 80))",
    "getaddrinfo": "socket.getaddrinfo('192.0.2.1', 80)",
    "gethostbyname": "socket.gethostbyname('192.0.2.1')",
    "asyncio": "asyncio.run(asyncio.open_connection('192.0.2.1', 80))",
    "datagrams of asyncio": "asyncio.run(datagram())",
    "urllib": "urllib.request.urlopen('http://192.0.2.1/', timeout=5)",
    "a mapped address": "socket.socket(socket.AF_INET6).connect(('::ffff:192.0.2.1', 80))",
}
BEGIN = """
import asyncio, socket, _socket, urllib.request
async def datagram():
    await asyncio.get_running_loop().create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=("192.0.2.1", 80))
"""


def told(code: str, **options: object) -> str:
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + code], capture_output=True, text=True, timeout=120, check=False, **options
    )  # fmt: skip  # type: ignore[call-overload]
    return done.stderr


@pytest.mark.parametrize("way", WAYS)
def test_a_python_that_a_test_starts_is_refused(way: str) -> None:
    assert "tests talk to loopback only, not to " in told(WAYS[way]).splitlines()[-1]


@pytest.mark.parametrize("way", ["connect", "sendto", "getaddrinfo"])
def test_the_test_itself_is_refused(way: str) -> None:
    with pytest.raises(loopback_only.BeyondLoopbackError, match=SAID):
        exec(BEGIN + WAYS[way], {})


@pytest.mark.parametrize(
    "environment", [{}, {"PYTHONPATH": "src"}, {"PYTHONPATH": "src", "PATH": os.environ["PATH"]}]
)
def test_an_environment_of_its_own_does_not_free_a_child(environment: dict[str, str]) -> None:
    assert SAID in told(WAYS["connect"], env=environment)


def test_a_grandchild_is_refused_whatever_stands_between() -> None:
    code = f"import subprocess, sys; subprocess.run(['sh', '-c', sys.argv[1], sys.executable, {WAYS['connect']!r}])"
    done = subprocess.run(
        [sys.executable, "-c", code, 'exec "$0" -c "import socket; $1"'],
        env={"PYTHONPATH": "src"}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert SAID in done.stderr


def test_a_name_is_not_even_looked_up() -> None:
    with pytest.raises(loopback_only.BeyondLoopbackError, match=r"not to upstream\.example"):
        socket.getaddrinfo("upstream.example", 80)
    with pytest.raises(loopback_only.BeyondLoopbackError, match=r"127\.0\.0\.1\.example"):
        socket.create_connection(("127.0.0.1.example", 80))


def test_loopback_is_open_to_tests_and_children() -> None:
    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"heard")
        writer.close()

    async def play() -> bytes:
        server = await asyncio.start_server(hear, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", f"import socket; print(socket.create_connection(('localhost', {port})).recv(9))"),
            env={}, stdout=subprocess.PIPE,
        )  # fmt: skip
        said, _ = await child.communicate()
        server.close()
        return said

    assert asyncio.run(play()) == b"b'heard'\n"


@pytest.mark.parametrize(
    ("host", "near"),
    [
        ("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("", True), ("0.0.0.0", True),
        ("::ffff:127.0.0.1", True), (b"127.0.0.1", True), (None, True), ("fe80::1%lo", False), ("127.evil.example", False),
        ("10.0.0.1", False), ("localhost.example", False), ("8.8.8.8", False), ("::2", False), ("<broadcast>", False),
    ],
)  # fmt: skip
def test_what_is_loopback(host: str | bytes | None, near: bool) -> None:
    assert loopback_only.is_loopback(host) is near


def test_a_file_of_the_same_name_is_still_run(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('the installation speaks')")
    done = subprocess.run(
        [sys.executable, "-c", WAYS["connect"]], env={"PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.stdout == "the installation speaks\n"


def test_where_the_kernel_permits_it_no_program_finds_more_than_loopback() -> None:
    if os.environ["QINGJIAN_TEST_NETWORK"] == "shared":
        tried = subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True)
        assert tried.returncode != 0
        return
    done = subprocess.run(
        ["bash", "-c", f"exec 3<>/dev/tcp/{ELSEWHERE}/80"], capture_output=True, text=True, timeout=120, check=False,
        env={"LC_ALL": "C"},
    )  # fmt: skip
    assert "Network is unreachable" in done.stderr
