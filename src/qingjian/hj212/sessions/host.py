"""The host's side (上位机) of a dialogue with one field device.

One command is under way at a time, others wait in a bounded queue. Answers are matched by QN (2005: the QN inside CP),
then, for devices that answer with a QN of their own, by the kind of answer that is being waited for.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from qingjian.hj212 import times
from qingjian.hj212.encoder import EncodingError, Group, Sender
from qingjian.hj212.message import Message
from qingjian.hj212.policy import DEFAULT, Policy
from qingjian.hj212.profiles import profile
from qingjian.hj212.sessions.actions import (
    Acknowledge,
    Action,
    Command,
    CommandAccepted,
    CommandFailed,
    CommandFinished,
    KeyWanted,
    LinkUnusable,
    Received,
    RegistrationWanted,
    Send,
    SettingChanged,
    Timeouts,
    Unmatched,
    Waiting,
)

QUEUE = 64


@dataclass(frozen=True, slots=True)
class HostState:
    """What the host knows of one device. ``edition`` follows the device's frames when the policy says ``auto``."""

    mn: str = ""
    pw: str = "123456"
    st: str = "32"
    edition: str = "2017"
    policy: Policy = DEFAULT
    timeouts: Timeouts = field(default_factory=Timeouts)
    under_way: Waiting | None = None
    queue: tuple[Command, ...] = ()
    last_qn: str = ""
    last_heard: datetime | None = None


Step = tuple[HostState, list[Action]]


def new(
    mn: str = "",
    pw: str = "123456",
    st: str = "32",
    policy: Policy = DEFAULT,
    timeouts: Timeouts | None = None,
) -> HostState:
    """The state of a fresh connection."""
    edition = "2017" if policy.edition == "auto" else policy.edition
    return HostState(mn, pw, st, edition, policy, timeouts or Timeouts())


def wake_at(state: HostState) -> datetime | None:
    """When ``on_time`` must be called at the latest, or None."""
    return None if state.under_way is None else state.under_way.deadline


def on_command(state: HostState, command: Command, now: datetime) -> Step:
    """Take a command of a person or a program; it is sent at once or queued."""
    if len(state.queue) >= QUEUE:
        return state, [CommandFailed(command.id, "queue_full")]
    return _send_next(replace(state, queue=(*state.queue, command)), now, [])


def on_message(state: HostState, message: Message, now: datetime) -> Step:
    """Take a decoded frame of the device."""
    state = replace(state, last_heard=now)
    if state.policy.edition == "auto" and message.edition != state.edition:
        state = replace(state, edition=message.edition)
    if message.mn and not state.mn:
        state = replace(state, mn=message.mn)
    if message.cn in ("9011", "9012", "9013", "9014"):
        return _on_answer(state, message, now)
    known = profile(message.edition).command(message.cn, "up", state.policy.unconfirmed)
    if known is not None and known.flow == "notify":
        return _on_notification(state, message, now)
    return _on_upload(state, message, now)


def on_time(state: HostState, now: datetime) -> Step:
    """Let time pass: resend what got no answer, give up what took too long."""
    waiting = state.under_way
    if waiting is None or now < waiting.deadline:
        return _send_next(state, now, [])
    command = waiting.command
    identifier = command.id if command is not None else ""
    if waiting.stage == "execution":
        actions: list[Action] = [CommandFailed(identifier, "execution_timeout")]
        return _send_next(replace(state, under_way=None), now, actions)
    if waiting.repeated < state.timeouts.resends:
        again = replace(waiting, repeated=waiting.repeated + 1, deadline=now + state.timeouts.reply)
        return replace(state, under_way=again), [Send(waiting.data, waiting.qn, waiting.cn, again.repeated)]
    actions = [CommandFailed(identifier, "no_answer"), LinkUnusable(waiting.qn, waiting.cn)]
    return _send_next(replace(state, under_way=None), now, actions)


def on_disconnect(state: HostState) -> Step:
    """The connection is gone: all commands fail, whoever gave them may give them again."""
    actions: list[Action] = []
    if state.under_way is not None and state.under_way.command is not None:
        actions.append(CommandFailed(state.under_way.command.id, "disconnected"))
    actions.extend(CommandFailed(command.id, "disconnected") for command in state.queue)
    return replace(state, under_way=None, queue=()), actions


def first_commands(
    now: datetime,
    edition: str = "2017",
    timeouts: Timeouts | None = None,
    rtd_interval: int | None = None,
    min_interval: int | None = None,
    realtime: bool | None = None,
    status: bool | None = None,
) -> list[Command]:
    """The host's commands after a first connection, in the order of HJ 212-2017 6.7; None leaves a setting alone.

    1012 time, 1000 timeouts, 1062 real-time interval (s), 1064 minute interval (min), 2011/2012, 2021/2022.
    """
    commands = [Command("first-1012", "1012", ((("SystemTime", times.text14(now)),),))]
    if timeouts is not None:
        seconds = str(int(timeouts.reply.total_seconds()))
        commands.append(
            Command("first-1000", "1000", ((("OverTime", seconds),), (("ReCount", str(timeouts.resends)),)))
        )
    if rtd_interval is not None:
        commands.append(Command("first-1062", "1062", ((("RtdInterval", str(rtd_interval)),),)))
    if min_interval is not None and edition != "2005":
        commands.append(Command("first-1064", "1064", ((("MinInterval", str(min_interval)),),)))
    if realtime is not None:
        cn = "2011" if realtime else "2012"
        commands.append(Command(f"first-{cn}", cn))
    if status is not None:
        cn = "2021" if status else "2022"
        commands.append(Command(f"first-{cn}", cn))
    return commands


def history(identifier: str, cn: str, begin: datetime, end: datetime, edition: str = "2017") -> Command:
    """A request for history; both ends are inclusive, so begin = end asks for one record."""
    pairs = (("BeginTime", times.text14(begin)), ("EndTime", times.text14(end)))
    groups: tuple[Group, ...] = (pairs,) if edition == "2005" else ((pairs[0],), (pairs[1],))
    return Command(identifier, cn, groups)


def _sender(state: HostState, mn: str | None = None, edition: str | None = None) -> Sender:
    return Sender(
        edition or state.edition, state.st, state.pw, state.mn if mn is None else mn, state.policy.sm4_key
    )


def _send_next(state: HostState, now: datetime, actions: list[Action]) -> Step:
    while state.under_way is None and state.queue:
        command, *rest = state.queue
        state = replace(state, queue=tuple(rest))
        known = profile(state.edition).command(command.cn, "down", state.policy.unconfirmed)
        if known is None or known.flow == "interaction":
            actions.append(
                CommandFailed(command.id, "unknown_command", detail=f"{command.cn} {state.edition}")
            )
            continue
        qn = _next_qn(state, now)
        try:
            data = _sender(state, command.mn).message(
                command.cn, command.groups, qn, need_answer=True, st=command.st
            )
        except EncodingError as error:
            actions.append(CommandFailed(command.id, "encoding", detail=str(error)))
            continue
        waiting = Waiting(qn, command.cn, data, now + state.timeouts.reply, command=command)
        state = replace(state, under_way=waiting, last_qn=qn)
        actions.append(Send(data, qn, command.cn))
    return state, actions


def _next_qn(state: HostState, now: datetime) -> str:
    """17 digits, strictly increasing: the standard's QN has milliseconds only."""
    return times.next_number(now, state.last_qn)


def _acknowledgement(state: HostState, message: Message, notification: bool) -> list[Action]:
    """9013 or 9014 when the device wants it, by the policy of the device."""
    rule = state.policy.acknowledge
    wanted = rule == "always" or (
        rule == "flag" and (message.need_answer or _answers_2005(message, notification))
    )
    if not wanted:
        return []
    sender = Sender(message.edition, "91", message.pw or state.pw, message.mn, state.policy.sm4_key)
    qn = message.qn
    if notification:
        if qn is None:
            return []
        return [Acknowledge(sender.notify_answer(qn), message)]
    if qn is None and message.edition != "2005":
        return []
    packets = None
    if message.pnum is not None and message.pno is not None:
        packets = (message.fields["PNUM"], message.fields["PNO"])
    return [Acknowledge(sender.data_answer(qn, message.cn, packets), message)]


def _answers_2005(message: Message, notification: bool) -> bool:
    """2005 notifications are answered by 9013 although the standard's example has Flag=0."""
    return notification and message.edition == "2005"


def _on_upload(state: HostState, message: Message, now: datetime) -> Step:
    waiting = state.under_way
    identifier = None
    if waiting is not None and waiting.command is not None and _belongs(waiting, message):
        identifier = waiting.command.id
        waiting = replace(
            waiting,
            stage="execution",
            uploads=waiting.uploads + 1,
            deadline=now + state.timeouts.execution,
        )
        state = replace(state, under_way=waiting)
    actions: list[Action] = [Received(message, identifier)]
    actions.extend(_acknowledgement(state, message, notification=False))
    if waiting is not None and identifier is not None and waiting.cn in ("2011", "2021"):
        history_wanted = waiting.command is not None and bool(waiting.command.groups)
        if not history_wanted:
            # Data that flow are the result of a start command, also from devices that never send 9012.
            actions.append(CommandFinished(identifier, 1, waiting.uploads))
            return _send_next(replace(state, under_way=None), now, actions)
    return state, actions


def _belongs(waiting: Waiting, message: Message) -> bool:
    if message.cn != waiting.cn:
        return False
    return message.qn == waiting.qn or waiting.stage == "execution" or message.qn is None


def _on_notification(state: HostState, message: Message, now: datetime) -> Step:
    actions: list[Action] = [Received(message)]
    actions.extend(_acknowledgement(state, message, notification=True))
    if message.cn == "1013":
        groups: list[Group] = []
        pollutant = message.parameters.get("PolId")
        if isinstance(pollutant, str):
            groups.append((("PolId", pollutant),))
        groups.append((("SystemTime", times.text14(now)),))
        command = Command(f"1012-{message.qn or ''}", "1012", tuple(groups))
        state, sent = on_command(state, command, now)
        actions.extend(sent)
    elif message.cn == "1001":
        hardware = {item.factor: item.value for item in message.items if item.suffix == "Info"}
        actions.append(RegistrationWanted(message, hardware))
    elif message.cn == "1014":
        actions.append(KeyWanted(message))
    return state, actions


def _on_answer(state: HostState, message: Message, now: datetime) -> Step:
    waiting = state.under_way
    command = None if waiting is None else waiting.command
    if message.cn == "9014" or waiting is None or command is None:
        return state, [Unmatched(message)]
    if message.answered_qn != waiting.qn and not _expected(state, waiting, message):
        return state, [Unmatched(message)]
    identifier = command.id
    if message.cn == "9013":
        return _finish(state, waiting, now, [CommandFinished(identifier, None)])
    value = _returned(message, "QnRtn" if message.cn == "9011" else "ExeRtn")
    if message.cn == "9011":
        if value == 1:
            waiting = replace(waiting, stage="execution", deadline=now + state.timeouts.execution)
            return replace(state, under_way=waiting), [CommandAccepted(identifier)]
        return _finish(state, waiting, now, [CommandFailed(identifier, "refused", value)])
    actions: list[Action] = []
    if message.edition == "2005":
        sender = Sender("2005", "91", state.pw, state.mn)
        actions.append(Send(sender.data_answer(waiting.qn, "9012"), waiting.qn, "9014"))
    if value in (1, 100):
        state, changed = _apply(state, command)
        actions += [*changed, CommandFinished(identifier, value, waiting.uploads)]
    else:
        actions.append(CommandFailed(identifier, "failed", value))
    return _finish(state, waiting, now, actions)


def _expected(state: HostState, waiting: Waiting, message: Message) -> bool:
    """An answer under a QN of its own, but of the kind that is waited for next."""
    known = profile(state.edition).command(waiting.cn, "down", state.policy.unconfirmed)
    notified = known is not None and known.flow == "notify"
    if message.cn == "9013":
        return notified
    if notified:
        return False
    return (message.cn == "9011") == (waiting.stage == "reply")


def _returned(message: Message, name: str) -> int | None:
    text = message.parameters.get(name)
    return int(text) if isinstance(text, str) and text.isdecimal() and len(text) <= 4 else None


def _finish(state: HostState, waiting: Waiting, now: datetime, actions: list[Action]) -> Step:
    return _send_next(replace(state, under_way=None), now, actions)


def _apply(state: HostState, command: Command) -> tuple[HostState, list[Action]]:
    """What a command that succeeded changes in the dialogue itself."""
    given = {name: value for group in command.groups for name, value in group}
    if command.cn == "1072":
        pw = given.get("NewPW", given.get("PW", state.pw))
        return replace(state, pw=pw), [SettingChanged("pw", pw)]
    if command.cn == "1002" and command.mn:
        return replace(state, mn=command.mn), [SettingChanged("mn", command.mn)]
    if command.cn == "1014" and len(given.get("NewSK", "").encode()) == 16:
        key = given["NewSK"].encode()
        return replace(state, policy=replace(state.policy, sm4_key=key)), [
            SettingChanged("sm4_key", key.hex())
        ]
    return state, []
