"""Peers that vanish without a word (power, radio link): the system asks them and ends the connection."""

from __future__ import annotations

import socket

PROBES = 4
INTERVAL_SHARE = 10
"""Probes follow each other after this part of the silence that brought the first one."""


def keep_alive(of: socket.socket, seconds: float) -> None:
    """Let the system ask a peer that has been silent for `seconds`, and end the connection when no probe is answered.

    What was written and never confirmed ends it after the same time. A peer that answers probes may stay silent.
    """
    idle = max(1, round(seconds))
    interval = max(1, round(seconds / INTERVAL_SHARE))
    of.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    of.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle)
    of.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, interval)
    of.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, PROBES)
    of.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, (idle + PROBES * interval) * 1000)
