"""No network beyond loopback for tests and every program they start.

Where the kernel lets this process have a network namespace of its own, whatever it starts, in any language, finds nothing
but loopback (`isolate`). Everywhere, Python refuses to connect, to send and to look up names beyond loopback (`install`),
in this process and in every Python it starts: they find `sitecustomize.py` beside this file first on their path.
"""

from __future__ import annotations

import ctypes
import fcntl
import ipaddress
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = str(Path(__file__).resolve().parent)
_CONNECTING = ("socket.connect", "socket.sendto", "socket.sendmsg")
_LOOKING_UP = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 0x1
_installed = False


class BeyondLoopbackError(OSError):
    """A test, or a program it started, turned to another machine."""


def is_loopback(host: object) -> bool:
    """Whether a host is this machine's loopback, or the address a server takes to listen on all of its own."""
    if isinstance(host, bytes | bytearray):
        host = host.decode("ascii", "replace")
    if host is None or host in ("", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(str(host).partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback or address.is_unspecified


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if not event.startswith("socket."):
        return
    if event in _CONNECTING:
        connection, address = arguments[:2]
        # A message on a connected socket names no address.
        if connection.family not in (socket.AF_INET, socket.AF_INET6) or not isinstance(address, tuple):
            return
        host = address[0]
    elif event in _LOOKING_UP:
        host = arguments[0]
        if host == socket.gethostname():
            return
    else:
        return
    if not is_loopback(host):
        raise BeyondLoopbackError(f"tests talk to loopback only, not to {host}")


def _first_on_path(environment: dict[str, str]) -> dict[str, str]:
    others = [one for one in environment.get("PYTHONPATH", "").split(os.pathsep) if one and one != HERE]
    return {**environment, "PYTHONPATH": os.pathsep.join([HERE, *others])}


def install() -> None:
    """Guard this process and every Python it starts, also those that get an environment of their own."""
    global _installed
    if _installed:
        return
    _installed = True
    # Nothing takes such a hook off again, and every socket of Python asks it.
    sys.addaudithook(_watch)
    os.environ.update(_first_on_path(dict(os.environ)))
    start = subprocess.Popen.__init__

    def guarded(self: Any, *arguments: Any, **options: Any) -> None:
        if options.get("env") is not None:
            options["env"] = _first_on_path(dict(options["env"]))
        start(self, *arguments, **options)

    subprocess.Popen.__init__ = guarded  # type: ignore[method-assign]


def isolate() -> bool:
    """Move this process, while it has one thread, into a network namespace with nothing but loopback.

    False where the kernel refuses it: to root without the right to it, or to users where they may make none; nothing is
    changed then.
    """
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        return False  # the other threads would stay where they are
    trial = os.fork()
    if trial == 0:
        works = False
        try:
            works = _moved() and _hears_itself()
        finally:
            os._exit(0 if works else 1)
    return os.waitpid(trial, 0)[1] == 0 and _moved()


def _moved() -> bool:
    system = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    if system.unshare(_NEW_NETWORK) != 0:
        if system.unshare(_NEW_USER | _NEW_NETWORK) != 0:
            return False
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        name, flags = struct.unpack(
            "16sh14x", fcntl.ioctl(asking, _GET_FLAGS, struct.pack("16sh14x", b"lo", 0))
        )
        fcntl.ioctl(asking, _SET_FLAGS, struct.pack("16sh14x", name, flags | _UP))
    return True


def _hears_itself() -> bool:
    with socket.socket() as listening, socket.socket() as calling:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        calling.settimeout(5)
        calling.connect(listening.getsockname())
    return True
