"""A host and a field device that talk through bytes, with a clock that only the test moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from qingjian.hj212.decoder import Framer
from qingjian.hj212.sessions import field as device
from qingjian.hj212.sessions import host
from qingjian.hj212.sessions.actions import Acknowledge, Action, Execute, Send

START = datetime(2026, 8, 1, 0, 0, tzinfo=UTC)
Wire = Callable[[bytes], bytes]


def intact(data: bytes) -> bytes:
    return data


def lost(data: bytes) -> bytes:
    return b""


@dataclass
class Dialogue:
    """``down`` and ``up`` may lose or change what is sent."""

    host_state: host.HostState
    device_state: device.FieldState
    now: datetime = START
    down: Wire = intact
    up: Wire = intact
    execute: Callable[[Dialogue, Execute], device.Step] | None = None
    host_actions: list[Action] = field(default_factory=list)
    device_actions: list[Action] = field(default_factory=list)
    sent_down: list[bytes] = field(default_factory=list)
    sent_up: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._to_device = Framer(self.device_state.policy)
        self._to_host = Framer(self.host_state.policy)

    def by_host(self, step: host.Step) -> None:
        self.host_state, actions = step
        self.host_actions += actions
        for action in actions:
            if isinstance(action, (Send, Acknowledge)):
                self.sent_down.append(action.data)
                for stretch in self._to_device.feed(self.down(action.data)):
                    if stretch.message is not None:
                        self.by_device(device.on_message(self.device_state, stretch.message, self.now))
                    elif stretch.refusal is not None:
                        self.by_device(device.on_refusal(self.device_state, stretch.refusal, self.now))

    def by_device(self, step: device.Step) -> None:
        self.device_state, actions = step
        self.device_actions += actions
        for action in actions:
            if isinstance(action, Send):
                self.sent_up.append(action.data)
                for stretch in self._to_host.feed(self.up(action.data)):
                    if stretch.message is not None:
                        self.by_host(host.on_message(self.host_state, stretch.message, self.now))
            elif isinstance(action, Execute) and self.execute is not None:
                self.by_device(self.execute(self, action))

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.by_host(host.on_time(self.host_state, self.now))
        self.by_device(device.on_time(self.device_state, self.now))

    def of_host(self, kind: type) -> list[Action]:
        return [action for action in self.host_actions if isinstance(action, kind)]

    def of_device(self, kind: type) -> list[Action]:
        return [action for action in self.device_actions if isinstance(action, kind)]
