"""The dialogue with one registered device: acknowledgements, answers to its requests, commands to it.

What is said is decided by `qingjian.hj212.sessions.host`; here it is tied to the journal, the connection and the
command queue. A dialogue outlives connections, so a command goes on when the device reconnects.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

import structlog

from qingjian.contracts.clock import Clock
from qingjian.contracts.commands import Command, CommandState
from qingjian.gateway.link import Link
from qingjian.gateway.metrics import Counters
from qingjian.gateway.registry import Registered, Registry
from qingjian.gateway.settings import GatewaySettings
from qingjian.hj212 import times
from qingjian.hj212.encoder import Group
from qingjian.hj212.message import Message
from qingjian.hj212.profiles import profile
from qingjian.hj212.sessions import host
from qingjian.hj212.sessions.actions import (
    Acknowledge,
    Action,
    CommandAccepted,
    CommandFailed,
    CommandFinished,
    LinkUnusable,
    Received,
    Send,
    SettingChanged,
    Unmatched,
    Waiting,
)
from qingjian.hj212.sessions.actions import Command as SessionCommand

LOG = structlog.get_logger("qingjian.gateway")
_UNMATCHED_KEPT = 8
_HEADER_PARAMETERS = ("MN", "ST")
"""Parameters of a command that belong to the header of its frame (1002 gives a new MN, power data of 2025 have ST 44)."""


def groups_of(edition: str, code: str, parameters: Mapping[str, str]) -> tuple[Group, ...]:
    """Return the data area of a command, grouped as the standard's table groups it."""
    known = profile(edition).command(code, "down")
    left = {name: value for name, value in parameters.items() if name not in _HEADER_PARAMETERS}
    groups: list[Group] = []
    for part in (known.parameters if known is not None else "").split(";"):
        names = [name.strip("[] ") for name in part.split(",")]
        group = tuple((name, left.pop(name)) for name in names if name in left)
        if group:
            groups.append(group)
    groups.extend(((name, value),) for name, value in left.items())
    return tuple(groups)


class Surroundings(Protocol):
    """What a dialogue asks of the gateway it is held in."""

    settings: GatewaySettings
    clock: Clock
    counters: Counters
    registry: Registry

    def connection_of(self, mn: str) -> Link | None:
        """Return the connection on which a device is spoken to."""

    def record_sent(self, mn: str, content: bytes, then: Callable[[int], None]) -> None:
        """Write down what a device is about to be sent."""

    def report(self, command_id: str, then: Callable[[bool], None], **changes: Any) -> None:
        """Write a command's progress to the queue; `then` hears whether this process still holds the command."""


class Dialogue:
    """State of one device's dialogue; all methods run in the event loop."""

    def __init__(self, gateway: Surroundings, mn: str, registered: Registered) -> None:
        self._gateway = gateway
        self.mn = mn
        self._registered = registered
        device = registered.device
        self._state = host.new(mn, device.password, device.system_code, registered.policy)
        self._pending: deque[Command] = deque()
        self._current: Command | None = None
        self._unmatched: deque[tuple[Message, int]] = deque(maxlen=_UNMATCHED_KEPT)

    # ------------------------------------------------------------------ what the device says

    def heard(self, connection: Link, registered: Registered, message: Message, sequence: int) -> None:
        """Take a frame of the device that came on a connection and is on disk under `sequence`."""
        if registered is not self._registered:
            self._registered = registered
            self._state = replace(
                self._state,
                policy=registered.policy,
                pw=registered.device.password,
                timeouts=host.timeouts_of(registered.policy),
            )
        if not self._state.pw and message.pw:
            self._state = replace(self._state, pw=message.pw)
        self._state, actions = host.on_message(self._state, message, self._gateway.clock.now())
        self._perform(actions, sequence, connection)

    def tick(self, now: datetime) -> None:
        """Let time pass: resend, give up, send the next command."""
        wake = host.wake_at(self._state)
        waiting = self._state.under_way
        longest = host.patience(self._state, waiting) if waiting is not None else None
        if waiting is not None and longest is not None and waiting.deadline - now > longest:
            # The clock was set back; a command must not wait for the time lost.
            self._state = replace(self._state, under_way=replace(waiting, deadline=now + longest))
        elif wake is not None and now >= wake:
            self._state, actions = host.on_time(self._state, now)
            self._perform(actions)
        if self.is_idle and self._pending and self._gateway.connection_of(self.mn) is not None:
            self._begin(self._pending.popleft(), now)

    # ------------------------------------------------------------------ commands

    @property
    def is_idle(self) -> bool:
        """Whether nothing is asked of the device just now."""
        return self._current is None and self._state.under_way is None and not self._state.queue

    @property
    def wants_commands(self) -> bool:
        return self._current is None and not self._pending

    @property
    def current(self) -> Command | None:
        """The command from the queue that is under way."""
        return self._current

    def give(self, command: Command) -> None:
        """Take a command this process has claimed."""
        self._pending.append(command)

    def know(self, sent: Iterable[Command]) -> None:
        """Take note of what the device was sent before this dialogue began: an answer to it ends nothing else."""
        self._state = host.remember(
            self._state,
            [
                Waiting(
                    one.qn,
                    one.code,
                    b"",
                    one.created_at,
                    stage="late" if one.may_still_end else "ended",
                    command=self._session_command(one),
                )
                for one in sent
                if one.state.is_final
            ],
        )

    def adopt(self, command: Command) -> None:
        """Go on with a command that another process (or this one before its restart) had sent."""
        if self._current is not None or self._state.under_way is not None:
            return
        now = self._gateway.clock.now()
        waiting = Waiting(
            command.qn,
            command.code,
            b"",
            now + host.execution_time(self._state, command.code),
            stage="execution",
            command=self._session_command(command),
        )
        self._current = command
        self._state = replace(self._state, under_way=waiting, last_qn=max(self._state.last_qn, command.qn))
        LOG.info("a command goes on here", mn=self.mn, command=command.id)
        for message, sequence in list(self._unmatched):
            self._state, actions = host.on_message(self._state, message, now)
            # Its acknowledgement, if any, left when the message came.
            self._perform([one for one in actions if not isinstance(one, Acknowledge)], sequence)
        self._unmatched.clear()

    def disconnected(self) -> bool:
        """The connection ended; returns whether commands were claimed that are to be given back."""
        had = bool(self._pending)
        self._pending.clear()
        return had

    def forget(self) -> None:
        """Another process holds the device or the command now; say no more about it."""
        self._pending.clear()
        self._drop_current()

    def _begin(self, command: Command, now: datetime) -> None:
        if command.expires_at <= now:
            return  # the queue has ended it or will do so
        self._current = command
        self._state, actions = host.on_command(self._state, self._session_command(command), now)
        self._perform(actions)

    def _session_command(self, command: Command) -> SessionCommand:
        parameters = dict(command.parameters)
        if command.code == "1012":
            # The time of the order is past when a waiting command leaves at last.
            parameters.setdefault("SystemTime", times.text14(self._gateway.clock.now()))
        return SessionCommand(
            command.id,
            command.code,
            groups_of(self._state.edition, command.code, parameters),
            st=command.parameters.get("ST"),
            mn=command.parameters.get("MN"),
        )

    def _drop_current(self) -> None:
        self._current = None
        under_way = self._state.under_way
        if under_way is not None and under_way.command is not None:
            self._state = host.abandon(self._state)

    # ------------------------------------------------------------------ doing what the session says

    def _perform(self, actions: Sequence[Action], sequence: int = 0, connection: Link | None = None) -> None:
        gateway = self._gateway
        for action in actions:
            if isinstance(action, Acknowledge):
                if connection is not None and connection.write(action.data):
                    gateway.counters.acknowledgements += 1
            elif isinstance(action, Send):
                self._send(action)
            elif isinstance(action, Received):
                if action.command_id is not None:
                    self._report(action.command_id, answers=[(gateway.settings.name, sequence)])
            elif isinstance(action, CommandAccepted):
                self._report(
                    action.id,
                    state=CommandState.ACCEPTED,
                    result_code="QnRtn=1",
                    answers=[(gateway.settings.name, sequence)],
                )
            elif isinstance(action, CommandFinished):
                code = "9013" if action.value is None else f"ExeRtn={action.value}"
                self._end(action.id, CommandState.SUCCEEDED, code, "", sequence, action.late)
            elif isinstance(action, CommandFailed):
                self._failed(action, sequence)
            elif isinstance(action, Unmatched):
                if sequence:
                    self._unmatched.append((action.message, sequence))
            elif isinstance(action, SettingChanged):
                if action.name in ("pw", "sm4_key"):
                    gateway.registry.changed_secret(self.mn, action.name, action.value)
            elif isinstance(action, LinkUnusable):
                LOG.warning("a device does not answer", mn=self.mn, cn=action.cn, qn=action.qn)

    def _send(self, action: Send) -> None:
        """Write down what is sent, then send it; a command is marked as sent before it leaves."""
        gateway = self._gateway
        if not action.data:
            return  # an adopted command is not sent again
        current = self._current
        under_way = self._state.under_way
        first = (
            current is not None
            and under_way is not None
            and under_way.qn == action.qn
            and under_way.command is not None
            and under_way.command.id == current.id
            and action.repeated == 0
        )

        def stored(sequence: int) -> None:
            if first and current is not None:
                gateway.report(
                    current.id,
                    lambda held: self._leave(action.data) if held else self.forget(),
                    state=CommandState.SENT,
                    qn=action.qn,
                    answers=[(gateway.settings.name, sequence)],
                )
                gateway.counters.commands_sent += 1
            else:
                self._leave(action.data)

        gateway.record_sent(self.mn, action.data, stored)

    def _leave(self, content: bytes) -> None:
        connection = self._gateway.connection_of(self.mn)
        if connection is not None and connection.write(content):
            self._gateway.counters.frames_sent += 1

    def _failed(self, action: CommandFailed, sequence: int) -> None:
        state, code = CommandState.FAILED, action.reason
        if action.reason == "refused":
            state, code = CommandState.REFUSED, f"QnRtn={action.value}"
        elif action.reason == "failed":
            code = f"ExeRtn={action.value}"
        self._end(action.id, state, code, action.detail, sequence, action.late)

    def _end(
        self, command_id: str, state: CommandState, code: str, detail: str, sequence: int, late: bool
    ) -> None:
        answers = [(self._gateway.settings.name, sequence)] if sequence else []
        changes = {"state": state, "result_code": code, "detail": detail, "answers": answers}
        if late:
            LOG.info("a result came late", mn=self.mn, command=command_id, result=code)
            self._gateway.report(command_id, lambda held: None, **changes)
            return
        self._report(command_id, **changes)
        if self._current is not None and self._current.id == command_id:
            self._current = None
            self._gateway.counters.commands_ended += 1

    def _report(self, command_id: str, **changes: Any) -> None:
        if self._current is None or self._current.id != command_id:
            return  # a request of the gateway's own, such as 1012 after 1013

        def answered(held: bool) -> None:
            if not held and self._current is not None and self._current.id == command_id:
                self.forget()

        self._gateway.report(command_id, answered, **changes)
