"""The host's side (上位机) of a dialogue with one field device.

One command is under way at a time, others wait in a bounded queue. Answers are matched by QN (2005: the QN inside CP):
with the command under way, then with earlier ones, whose late result is theirs alone. Only an answer under a QN that was
never issued (some devices answer with one of their own) is matched by the kind of answer that is being waited for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

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
EARLIER = 32
"""Requests remembered after they ended."""


@dataclass(frozen=True, slots=True)
class HostState:
    """What the host knows of one device. ``edition`` follows the device's frames when the policy says ``auto``.

    ``flagged``: it has sent a Flag, so a frame without one is no sign of 2005.
    ``earlier``: requests no longer under way, by QN. ``changed``: command code → QN of the last change taken over.
    """

    mn: str = ""
    pw: str = "123456"
    st: str = "32"
    edition: str = "2017"
    policy: Policy = DEFAULT
    timeouts: Timeouts = field(default_factory=Timeouts)
    under_way: Waiting | None = None
    queue: tuple[Command, ...] = ()
    last_qn: str = ""
    flagged: bool = False
    earlier: tuple[Waiting, ...] = ()
    changed: tuple[tuple[str, str], ...] = ()


Step = tuple[HostState, list[Action]]


def new(
    mn: str = "",
    pw: str = "123456",
    st: str = "32",
    policy: Policy = DEFAULT,
    timeouts: Timeouts | None = None,
) -> HostState:
    """The state of a fresh connection. ``timeouts``: those of the policy when left out."""
    edition = "2017" if policy.edition == "auto" else policy.edition
    return HostState(mn, pw, st, edition, policy, timeouts or timeouts_of(policy))


def timeouts_of(policy: Policy) -> Timeouts:
    """The timers a device's policy names."""
    return Timeouts(
        timedelta(seconds=policy.reply_seconds),
        policy.resends,
        timedelta(seconds=policy.execution_seconds),
        timedelta(seconds=policy.operation_seconds),
    )


def remember(state: HostState, requests: Iterable[Waiting]) -> HostState:
    """Take note of requests sent before this state was made (by another process, or before a restart)."""
    known = {one.qn for one in state.earlier}
    if state.under_way is not None:
        known.add(state.under_way.qn)
    fresh = [one for one in requests if one.qn and one.qn not in known]
    if not fresh:
        return state
    earlier = sorted([*state.earlier, *fresh], key=lambda one: one.qn)[-EARLIER:]
    return replace(state, earlier=tuple(earlier), last_qn=max(state.last_qn, earlier[-1].qn))


def abandon(state: HostState) -> HostState:
    """Give up the command under way without a word; its late result is still known as its own."""
    waiting = state.under_way
    return state if waiting is None else _ended(state, waiting, "late")


def wake_at(state: HostState) -> datetime | None:
    """When ``on_time`` must be called at the latest, or None."""
    return None if state.under_way is None else state.under_way.deadline


def on_command(state: HostState, command: Command, now: datetime) -> Step:
    """Take a command of a person or a program; it is sent at once or queued."""
    if len(state.queue) >= QUEUE:
        return state, [CommandFailed(command.id, "queue_full")]
    return _send_next(replace(state, queue=(*state.queue, command)), now, [])


def on_message(state: HostState, message: Message, now: datetime) -> Step:
    """Take a decoded frame of the device. A frame that tells nothing new of the device leaves the state as it is."""
    flagged = message.flag is not None
    told = (message.edition, flagged)
    if (
        state.policy.edition == "auto"
        and (flagged or not state.flagged)
        and told != (state.edition, state.flagged)
    ):
        state = replace(state, edition=message.edition, flagged=flagged)
    if message.mn and not state.mn:
        state = replace(state, mn=message.mn)
    if message.cn in ("9011", "9012", "9013", "9014"):
        return _on_answer(state, message, now)
    known = profile(message.edition, state.policy.without).command(message.cn, "up", state.policy.unconfirmed)
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
        return _send_next(_ended(state, waiting, "late"), now, actions)
    if waiting.repeated < state.timeouts.resends:
        again = replace(waiting, repeated=waiting.repeated + 1, deadline=now + state.timeouts.reply)
        return replace(state, under_way=again), [Send(waiting.data, waiting.qn, waiting.cn, again.repeated)]
    actions = [CommandFailed(identifier, "no_answer"), LinkUnusable(waiting.qn, waiting.cn)]
    return _send_next(_ended(state, waiting, "late"), now, actions)


def on_disconnect(state: HostState) -> Step:
    """The connection is gone: all commands fail, whoever gave them may give them again."""
    actions: list[Action] = []
    if state.under_way is not None and state.under_way.command is not None:
        actions.append(CommandFailed(state.under_way.command.id, "disconnected"))
    actions.extend(CommandFailed(command.id, "disconnected") for command in state.queue)
    return replace(abandon(state), queue=()), actions


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
        known = profile(state.edition, state.policy.without).command(
            command.cn, "down", state.policy.unconfirmed
        )
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
    if waiting is not None and waiting.command is not None and _belongs(state, waiting, message):
        identifier = waiting.command.id
        waiting = replace(
            waiting,
            stage="execution",
            uploads=waiting.uploads + 1,
            deadline=now + execution_time(state, waiting.cn),
        )
        state = replace(state, under_way=waiting)
    actions: list[Action] = [Received(message, identifier)]
    actions.extend(_acknowledgement(state, message, notification=False))
    if waiting is not None and identifier is not None and waiting.cn in ("2011", "2021"):
        history_wanted = waiting.command is not None and bool(waiting.command.groups)
        if not history_wanted:
            # Data that flow are the result of a start command, also from devices that never send 9012.
            actions.append(CommandFinished(identifier, 1, waiting.uploads))
            return _send_next(_ended(state, waiting, "ended"), now, actions)
    return state, actions


def execution_time(state: HostState, cn: str) -> timedelta:
    """How long a device may take over a command it has accepted."""
    known = profile(state.edition, state.policy.without).command(cn, "down", state.policy.unconfirmed)
    by_instrument = cn.startswith("3") and known is not None and known.flow == "execute"
    return state.timeouts.operation if by_instrument else state.timeouts.execution


def patience(state: HostState, waiting: Waiting) -> timedelta:
    """How long a request waits from now at most for what comes next."""
    return state.timeouts.reply if waiting.stage == "reply" else execution_time(state, waiting.cn)


def _belongs(state: HostState, waiting: Waiting, message: Message) -> bool:
    if message.cn != waiting.cn:
        return False
    if message.qn == waiting.qn or message.qn is None:
        return True
    return waiting.stage == "execution" and _earlier(state, message.qn) is None


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
    if message.cn == "9014":
        return state, [Unmatched(message)]
    if waiting is None or message.answered_qn != waiting.qn:
        earlier = _earlier(state, message.answered_qn)
        if earlier is not None:
            return _on_late_answer(state, earlier, message)
    command = None if waiting is None else waiting.command
    if waiting is None or command is None:
        return state, [Unmatched(message)]
    if message.answered_qn != waiting.qn and not _expected(state, waiting, message):
        return state, [Unmatched(message)]
    if message.cn == "9011" and _returned(message, "QnRtn") == 1:
        waiting = replace(waiting, stage="execution", deadline=now + execution_time(state, waiting.cn))
        return replace(state, under_way=waiting), [CommandAccepted(command.id)]
    state, actions = _result(state, waiting, command, message)
    return _send_next(_ended(state, waiting, "ended"), now, actions)


def _on_late_answer(state: HostState, earlier: Waiting, message: Message) -> Step:
    """What a device says of a request that is no longer under way changes that request only."""
    accepted = message.cn == "9011" and _returned(message, "QnRtn") == 1
    if earlier.stage != "late" or earlier.command is None or accepted:
        # A result repeated in 2005 says that its acknowledgement was lost.
        return state, [*_acknowledged_result(state, earlier, message), Unmatched(message)]
    state, actions = _result(state, earlier, earlier.command, message, late=True)
    kept = tuple(replace(one, stage="ended") if one.qn == earlier.qn else one for one in state.earlier)
    return replace(state, earlier=kept), actions


def _result(
    state: HostState, waiting: Waiting, command: Command, message: Message, late: bool = False
) -> Step:
    """How a command ended, by 9011 (refused), 9012 or 9013."""
    if message.cn == "9013":
        return state, [CommandFinished(command.id, None, late=late)]
    if message.cn == "9011":
        return state, [CommandFailed(command.id, "refused", _returned(message, "QnRtn"), late=late)]
    actions = _acknowledged_result(state, waiting, message)
    value = _returned(message, "ExeRtn")
    if value in (1, 100):
        state, changed = _apply(state, command, waiting.qn)
        return state, [*actions, *changed, CommandFinished(command.id, value, waiting.uploads, late)]
    return state, [*actions, CommandFailed(command.id, "failed", value, late=late)]


def _acknowledged_result(state: HostState, waiting: Waiting, message: Message) -> list[Action]:
    """The 9014 by which 2005 confirms a 9012."""
    if message.cn != "9012" or message.edition != "2005":
        return []
    sender = Sender("2005", "91", state.pw, state.mn)
    return [Send(sender.data_answer(waiting.qn, "9012"), waiting.qn, "9014")]


def _earlier(state: HostState, qn: str | None) -> Waiting | None:
    return next((one for one in state.earlier if one.qn == qn), None)


def _ended(state: HostState, waiting: Waiting, stage: str) -> HostState:
    """Nothing is under way any more; the request stays known by its QN."""
    kept = (*state.earlier, replace(waiting, data=b"", stage=stage))[-EARLIER:]
    return replace(state, under_way=None, earlier=kept)


def _expected(state: HostState, waiting: Waiting, message: Message) -> bool:
    """An answer under a QN of its own, but of the kind that is waited for next."""
    known = profile(state.edition, state.policy.without).command(waiting.cn, "down", state.policy.unconfirmed)
    notified = known is not None and known.flow == "notify"
    if message.cn == "9013":
        return notified
    if notified:
        return False
    return (message.cn == "9011") == (waiting.stage == "reply")


def _returned(message: Message, name: str) -> int | None:
    text = message.parameters.get(name)
    return int(text) if isinstance(text, str) and text.isdecimal() and len(text) <= 4 else None


def _apply(state: HostState, command: Command, qn: str) -> tuple[HostState, list[Action]]:
    """What a command that succeeded changes in the dialogue itself, unless a later one of its kind has done so."""
    if qn < dict(state.changed).get(command.cn, ""):
        return state, []
    given = {name: value for group in command.groups for name, value in group}
    changed: list[Action] = []
    if command.cn == "1072":
        pw = given.get("NewPW", given.get("PW", state.pw))
        state, changed = replace(state, pw=pw), [SettingChanged("pw", pw)]
    elif command.cn == "1002" and command.mn:
        state, changed = replace(state, mn=command.mn), [SettingChanged("mn", command.mn)]
    elif command.cn == "1014" and len(given.get("NewSK", "").encode()) == 16:
        key = given["NewSK"].encode()
        state = replace(state, policy=replace(state.policy, sm4_key=key))
        changed = [SettingChanged("sm4_key", key.hex())]
    if changed:
        state = replace(state, changed=tuple({**dict(state.changed), command.cn: qn}.items()))
    return state, changed
