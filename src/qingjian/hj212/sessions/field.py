"""The field device's side (现场机) of a dialogue with one host: for simulators and for the forwarding client.

Settings that belong to the dialogue itself (clock, intervals, password, MN, key, streams on and off) are kept here and
answered at once. What the device must really do comes out as ``Execute``; the caller answers with ``complete``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from qingjian.hj212 import times
from qingjian.hj212.encoder import Group, Sender
from qingjian.hj212.message import Message
from qingjian.hj212.model import Refusal
from qingjian.hj212.policy import DEFAULT, Policy
from qingjian.hj212.profiles import profile
from qingjian.hj212.sessions.actions import (
    Action,
    Execute,
    LinkUnusable,
    SampleDue,
    Send,
    SettingChanged,
    Timeouts,
    Unmatched,
    UploadAcknowledged,
    UploadFailed,
    Waiting,
)

READY, REFUSED, WRONG_PW, WRONG_MN, WRONG_ST, WRONG_FLAG, WRONG_QN, WRONG_CN, WRONG_CHECK = range(1, 10)
DONE, FAILED, CONDITIONS, TIMED_OUT, BUSY, OUT_OF_ORDER = range(1, 7)
NO_DATA = 100
WAITING = 256
ANSWERED = 64
"""Requests whose answers are remembered."""
_ANSWERS = ("9011", "9012", "9013")
RTD_INTERVALS = range(30, 3601)
MIN_INTERVALS = frozenset({1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30})


@dataclass(frozen=True, slots=True)
class HistoryReply:
    """A history read being answered: the next packet leaves when all QNs in ``outstanding`` are acknowledged."""

    request_qn: str
    cn: str
    value: int
    remaining: tuple[tuple[str, tuple[Group, ...]], ...]
    outstanding: frozenset[str]


@dataclass(frozen=True, slots=True)
class FieldState:
    """A field device as one host sees it. ``edition`` is 2005, 2017 or 2025.

    ``clock_offset`` is the device's clock minus true time: 1012 sets it right. ``streams``: uploads that run
    (``2011``, ``2021``) with the time of the next one. ``executing``: requests answered by 9011 that wait for
    ``complete``. ``answered``: (QN, CN) of the last requests with what was sent for each: one that comes again because
    its answers were lost gets the same answers and is not carried out again.
    """

    sender: Sender
    policy: Policy = DEFAULT
    timeouts: Timeouts = field(default_factory=Timeouts)
    rtd_interval: int = 30
    min_interval: int = 10
    clock_offset: timedelta = timedelta()
    heartbeat: timedelta | None = None
    heartbeat_at: datetime | None = None
    streams: tuple[tuple[str, datetime], ...] = ()
    waiting: tuple[Waiting, ...] = ()
    executing: tuple[tuple[str, str], ...] = ()
    replies: tuple[HistoryReply, ...] = ()
    last_qn: str = ""
    answered: tuple[tuple[str, str, tuple[Send, ...]], ...] = ()


Step = tuple[FieldState, list[Action]]


def new(
    edition: str,
    st: str,
    pw: str,
    mn: str,
    policy: Policy = DEFAULT,
    timeouts: Timeouts | None = None,
    heartbeat: timedelta | None = None,
) -> FieldState:
    """The state of a device that has just connected. ``heartbeat`` (2025 only): how often 9015 is sent."""
    sender = Sender(edition, st, pw, mn, policy.sm4_key)
    known = profile(edition, policy.without).command("9015", "up", policy.unconfirmed)
    beat = heartbeat if known is not None else None
    return FieldState(sender, policy, timeouts or Timeouts(), heartbeat=beat)


def wake_at(state: FieldState) -> datetime | None:
    """When ``on_time`` must be called at the latest, or None."""
    moments = [waiting.deadline for waiting in state.waiting]
    moments += [at for _, at in state.streams]
    if state.heartbeat_at is not None:
        moments.append(state.heartbeat_at)
    return min(moments, default=None)


def on_connect(state: FieldState, now: datetime, restarted: datetime | None = None) -> Step:
    """Say what a device says first: 1001 without MN (2025), 2081 after a start (since 2017), heartbeat from now."""
    if state.heartbeat is not None:
        state = replace(state, heartbeat_at=now + state.heartbeat)
    if restarted is None or state.sender.edition == "2005":
        return state, []
    groups: list[Group] = [
        (("DataTime", times.text14(_device_time(state, now))),),
        (("RestartTime", times.text14(restarted)),),
    ]
    return _transmit(state, "2081", groups, now, need_answer=True)


def upload(
    state: FieldState,
    cn: str,
    datatime: str,
    factors: Sequence[Group],
    now: datetime,
    *,
    need_answer: bool = True,
    backfill: bool = False,
    merging: str = "factors",
) -> Step:
    """Upload data, in sub-packets when they do not fit. Raises encoder.EncodingError for text that cannot be sent.

    Of more than ``WAITING`` frames without an answer the oldest have failed.
    """
    numbers = _Numbers(state, now)
    frames = state.sender.split(
        cn, datatime, factors, numbers, need_answer=need_answer, backfill=backfill, merging=merging
    )
    actions: list[Action] = []
    waiting = list(state.waiting)
    issued = numbers.issued
    for place, data in enumerate(frames):
        qn = issued[min(place, len(issued) - 1)]
        actions.append(Send(data, qn, cn))
        if need_answer:
            waiting.append(Waiting(qn, cn, data, now + state.timeouts.reply))
    return _bounded(replace(state, waiting=tuple(waiting), last_qn=issued[-1]), actions)


def notify(state: FieldState, cn: str, groups: Sequence[Group], now: datetime) -> Step:
    """Send a notification (1001, 1013, 1014, 2072, 9015), which the host answers by 9013."""
    known = profile(state.sender.edition, state.policy.without).command(cn, "up", state.policy.unconfirmed)
    if known is None or known.flow != "notify":
        raise ValueError(
            f"{cn} 在 {state.sender.edition} 版中不是上行通知 is no notification of this edition"
        )
    return _transmit(state, cn, groups, now, need_answer=True)


def complete(
    state: FieldState,
    qn: str,
    now: datetime,
    value: int = DONE,
    answer: Sequence[Group] | None = None,
    uploads: Sequence[tuple[str, Sequence[Group]]] = (),
    need_answer: bool = True,
) -> Step:
    """Report that a request was done: data first, then 9012 with ``value`` as ExeRtn.

    With ``need_answer`` a packet of history leaves when the one before is acknowledged; when one never is, the result
    is a time-out.

    ``answer``: groups of the one upload that carries the request's QN (reads such as 3017, 3019, 3020). ``uploads``:
    (DataTime, factors) of the packets of a history read, each with its own QN. Raises KeyError for an unknown QN.
    """
    return _remembered(_complete(state, qn, now, value, answer, uploads, need_answer))


def _complete(
    state: FieldState,
    qn: str,
    now: datetime,
    value: int,
    answer: Sequence[Group] | None,
    uploads: Sequence[tuple[str, Sequence[Group]]],
    need_answer: bool,
) -> Step:
    open_requests = dict(state.executing)
    cn = open_requests.pop(qn)
    state = replace(state, executing=tuple(open_requests.items()))
    actions: list[Action] = []
    if answer is not None:
        actions.append(_answer_upload(state, cn, qn, answer))
    if uploads:
        packets = tuple((datatime, tuple(factors)) for datatime, factors in uploads)
        state, sent = _continue(state, HistoryReply(qn, cn, value, packets, frozenset()), now, need_answer)
        return state, [*actions, *sent]
    if answer is None and value == DONE and _reads_history(state, cn):
        value = NO_DATA
    actions.append(Send(state.sender.result(qn, value), qn, "9012"))
    return state, actions


def on_refusal(state: FieldState, refusal: Refusal, now: datetime) -> Step:
    """Answer a broken request of the host by 9011 with the reason, as far as it can be told who asked what."""
    qn, cn = refusal.fields.get("QN"), refusal.fields.get("CN", "")
    reasons = {"flag_form": WRONG_FLAG, "flag_version": WRONG_FLAG, "st_form": WRONG_ST, "cn_form": WRONG_CN}
    value = reasons.get(refusal.code)
    if refusal.code.startswith("check_"):
        value = WRONG_CHECK
    if value is None or qn is None or refusal.fields.get("MN") != state.sender.mn or cn.startswith("901"):
        return state, []
    return state, [Send(state.sender.request_answer(qn, _known_value(state, value)), qn, "9011")]


def on_message(state: FieldState, message: Message, now: datetime) -> Step:
    """Take a decoded frame of the host: an answer to what was sent, a request or a notification."""
    if message.cn in ("9013", "9014"):
        return _remembered(_on_answer(state, message, now))
    qn = message.qn or ""
    for known_qn, cn, sent in state.answered:
        if (known_qn, cn) == (qn, message.cn):
            return state, list(sent)
    step = _on_request(state, message, now)
    return _remembered(step, (qn, message.cn)) if qn else step


def _on_request(state: FieldState, message: Message, now: datetime) -> Step:
    qn = message.qn
    known = profile(state.sender.edition, state.policy.without).command(
        message.cn, "down", state.policy.unconfirmed
    )
    if qn is None:
        return state, [Unmatched(message)]
    value = READY
    if message.mn != state.sender.mn and message.cn != "1002":
        value = WRONG_MN
    elif message.pw != state.sender.pw:
        value = WRONG_PW
    elif known is None or known.flow == "interaction":
        value = WRONG_CN
    if value != READY or known is None:
        return state, [Send(state.sender.request_answer(qn, _known_value(state, value)), qn, "9011")]
    if known.flow == "notify":
        streams = tuple(stream for stream in state.streams if stream[0] != _stream_of(message.cn))
        actions: list[Action] = [Send(state.sender.notify_answer(qn), qn, "9013")]
        actions.append(SettingChanged("realtime" if message.cn == "2012" else "status", "off"))
        return replace(state, streams=streams), actions
    if any(open_qn == qn for open_qn, _ in state.executing) or any(
        reply.request_qn == qn for reply in state.replies
    ):
        # A resent request: it is being executed, say so again and do it once.
        return state, [Send(state.sender.request_answer(qn, READY), qn, "9011")]
    return _execute(state, message, qn, now)


def on_time(state: FieldState, now: datetime) -> Step:
    """Let time pass: resend, give up, send the heartbeat, ask for samples that are due."""
    return _remembered(_on_time(state, now))


def _remembered(step: Step, request: tuple[str, str] | None = None) -> Step:
    """Keep what was sent for a request, a new one or one remembered already."""
    state, actions = step
    if request is None and not (state.answered and any(isinstance(one, Send) for one in actions)):
        return step
    held = list(state.answered)
    if request is not None:
        held.append((*request, ()))
    places = {qn: place for place, (qn, _, _) in enumerate(held)}
    changed = request is not None
    for action in actions:
        if isinstance(action, Send) and action.qn in places and action.repeated == 0:
            qn, cn, sent = held[places[action.qn]]
            if action.cn in (*_ANSWERS, cn):
                held[places[action.qn]] = (qn, cn, (*sent, action))
                changed = True
    return (replace(state, answered=tuple(held[-ANSWERED:])) if changed else state), actions


def _on_time(state: FieldState, now: datetime) -> Step:
    actions: list[Action] = []
    kept: list[Waiting] = []
    for waiting in state.waiting:
        if now < waiting.deadline:
            kept.append(waiting)
        elif waiting.repeated < state.timeouts.resends:
            again = replace(waiting, repeated=waiting.repeated + 1, deadline=now + state.timeouts.reply)
            kept.append(again)
            actions.append(Send(again.data, again.qn, again.cn, again.repeated))
        else:
            actions += [UploadFailed(waiting.qn, waiting.cn), LinkUnusable(waiting.qn, waiting.cn)]
    state = replace(state, waiting=tuple(kept))
    for action in [action for action in actions if isinstance(action, UploadFailed)]:
        state, sent = _abandoned(state, action.qn)
        actions.extend(sent)
    streams = []
    for cn, at in state.streams:
        moment = at
        if now >= at:
            actions.append(SampleDue(cn, at))
            interval = timedelta(seconds=state.rtd_interval)
            moment = at + interval * ((now - at) // interval + 1)
        streams.append((cn, moment))
    state = replace(state, streams=tuple(streams))
    if state.heartbeat is not None and state.heartbeat_at is not None and now >= state.heartbeat_at:
        state = replace(state, heartbeat_at=now + state.heartbeat)
        state, beat = notify(state, "9015", (), now)
        actions.extend(beat)
    return state, actions


def _device_time(state: FieldState, now: datetime) -> datetime:
    return now + state.clock_offset


class _Numbers:
    """QN texts for one step, remembered."""

    def __init__(self, state: FieldState, now: datetime) -> None:
        self._moment = _device_time(state, now)
        self._last = state.last_qn
        self.issued: list[str] = []

    def __iter__(self) -> _Numbers:
        return self

    def __next__(self) -> str:
        self._last = times.next_number(self._moment, self._last)
        self.issued.append(self._last)
        return self._last


def _transmit(
    state: FieldState, cn: str, groups: Sequence[Group], now: datetime, *, need_answer: bool
) -> Step:
    qn = next(_Numbers(state, now))
    data = state.sender.message(cn, groups, qn, need_answer=need_answer)
    waiting = Waiting(qn, cn, data, now + state.timeouts.reply)
    kept = (*state.waiting, waiting) if need_answer else state.waiting
    return _bounded(replace(state, waiting=kept, last_qn=qn), [Send(data, qn, cn)])


def _bounded(state: FieldState, actions: list[Action]) -> Step:
    """Give up the oldest frames beyond what may wait for an answer."""
    dropped = state.waiting[:-WAITING]
    state = replace(state, waiting=state.waiting[-WAITING:])
    for one in dropped:
        actions.append(UploadFailed(one.qn, one.cn))
        state, sent = _abandoned(state, one.qn)
        actions.extend(sent)
    return state, actions


def _known_value(state: FieldState, value: int) -> int:
    """QnRtn as the edition knows it: 2005 has only ready, refused and wrong password."""
    return (
        value
        if str(value) in profile(state.sender.edition, state.policy.without).request_returns
        else REFUSED
    )


def _continue(state: FieldState, reply: HistoryReply, now: datetime, need_answer: bool = True) -> Step:
    """Send the next packet of a history reply, or its result when all are acknowledged."""
    actions: list[Action] = []
    while reply.remaining:
        (datatime, factors), *rest = reply.remaining
        state, sent = upload(state, reply.cn, datatime, factors, now, need_answer=need_answer)
        actions.extend(sent)
        numbers = frozenset(
            action.qn for action in sent if isinstance(action, Send) and action.cn == reply.cn
        )
        reply = replace(reply, remaining=tuple(rest), outstanding=numbers)
        if need_answer:
            return replace(state, replies=(*state.replies, reply)), actions
    actions.append(Send(state.sender.result(reply.request_qn, reply.value), reply.request_qn, "9012"))
    return state, actions


def _acknowledged(state: FieldState, qn: str, now: datetime) -> Step:
    for reply in state.replies:
        if qn in reply.outstanding:
            state = replace(state, replies=tuple(other for other in state.replies if other is not reply))
            outstanding = reply.outstanding - {qn}
            if outstanding:
                return replace(state, replies=(*state.replies, replace(reply, outstanding=outstanding))), []
            return _continue(state, reply, now)
    return state, []


def _abandoned(state: FieldState, qn: str) -> Step:
    """A packet of history was never acknowledged: report the read as timed out."""
    for reply in state.replies:
        if qn in reply.outstanding:
            kept = tuple(other for other in state.replies if other is not reply)
            value = TIMED_OUT if state.sender.edition != "2005" else FAILED
            result = state.sender.result(reply.request_qn, value)
            return replace(state, replies=kept), [Send(result, reply.request_qn, "9012")]
    return state, []


def _stream_of(cn: str) -> str:
    return {"2012": "2011", "2022": "2021"}.get(cn, cn)


def _reads_history(state: FieldState, cn: str) -> bool:
    known = profile(state.sender.edition, state.policy.without).command(cn, "down", state.policy.unconfirmed)
    return known is not None and known.flow in ("history", "read")


def _answer_upload(state: FieldState, cn: str, qn: str, groups: Sequence[Group]) -> Send:
    """The upload between 9011 and 9012 that carries the request's QN; in 2005 the QN stands inside CP."""
    if state.sender.edition == "2005":
        data = state.sender.message(cn, [(("QN", qn),), *groups], None, with_flag=False)
    else:
        data = state.sender.message(cn, groups, qn)
    return Send(data, qn, cn)


def _on_answer(state: FieldState, message: Message, now: datetime) -> Step:
    qn = message.answered_qn
    for waiting in state.waiting:
        if waiting.qn == qn:
            kept = tuple(other for other in state.waiting if other is not waiting)
            state, following = _acknowledged(replace(state, waiting=kept), waiting.qn, now)
            return state, [UploadAcknowledged(waiting.qn, waiting.cn), *following]
    return state, [Unmatched(message)]


def _execute(state: FieldState, message: Message, qn: str, now: datetime) -> Step:
    """Answer 9011; do at once what concerns the dialogue, hand on the rest."""
    actions: list[Action] = [Send(state.sender.request_answer(qn, READY), qn, "9011")]
    given = {name: value for name, value in message.parameters.items() if isinstance(value, str)}
    cn = message.cn
    done = _setting(state, cn, given, message, now)
    if done is not None:
        changed, value, answer, events = done
        if answer is not None:
            actions.append(_answer_upload(state, cn, qn, answer))
        # The result still carries the password and the MN under which the request came.
        actions.append(Send(state.sender.result(qn, value), qn, "9012"))
        return changed, [*actions, *events]
    if cn in ("2011", "2021") and "BeginTime" not in given:
        name = "realtime" if cn == "2011" else "status"
        others = tuple(stream for stream in state.streams if stream[0] != cn)
        actions += [Send(state.sender.result(qn, DONE), qn, "9012"), SettingChanged(name, "on")]
        return replace(state, streams=(*others, (cn, now))), actions
    if len(state.executing) >= WAITING:
        return state, [Send(state.sender.request_answer(qn, REFUSED), qn, "9011")]
    state = replace(state, executing=(*state.executing, (qn, cn)))
    return state, [*actions, Execute(qn, cn, message)]


_Done = tuple[FieldState, int, list[Group] | None, list[Action]]


def _setting(
    state: FieldState, cn: str, given: dict[str, str], message: Message, now: datetime
) -> _Done | None:
    """(new state, ExeRtn, answer, events) of a command that reads or sets the dialogue; None for others."""
    modern = state.sender.edition != "2005"
    if cn == "1000":
        seconds, count = _number(given.get("OverTime")), _number(given.get("ReCount"))
        if seconds is None or count is None or not 0 < seconds <= 99999 or count > 99:
            return state, CONDITIONS if modern else FAILED, None, []
        timeouts = replace(state.timeouts, reply=timedelta(seconds=seconds), resends=count)
        return _changed(replace(state, timeouts=timeouts), "timeouts", f"{seconds};{count}")
    if cn in ("1011", "1012") and "PolId" in given:
        return None  # the clock of an instrument, not of the data logger
    if cn == "1011":
        clock = times.text14(_device_time(state, now))
        return state, DONE, [(("SystemTime", clock),)], []
    if cn == "1012":
        moment = times.parse(given.get("SystemTime", ""))
        if moment is None:
            return state, CONDITIONS if modern else FAILED, None, []
        return _changed(replace(state, clock_offset=moment - now), "clock", given["SystemTime"])
    if cn == "1061":
        return state, DONE, [(("RtdInterval", str(state.rtd_interval)),)], []
    if cn == "1063":
        return state, DONE, [(("MinInterval", str(state.min_interval)),)], []
    if cn == "1062":
        seconds = _number(given.get("RtdInterval"))
        if seconds is None or (seconds not in RTD_INTERVALS if modern else seconds <= 0):
            return state, CONDITIONS if modern else FAILED, None, []
        return _changed(replace(state, rtd_interval=seconds), "rtd_interval", str(seconds))
    if cn == "1064":
        minutes = _number(given.get("MinInterval"))
        if minutes not in MIN_INTERVALS or minutes is None:
            return state, CONDITIONS, None, []
        return _changed(replace(state, min_interval=minutes), "min_interval", str(minutes))
    return _identity(state, cn, given, message)


def _identity(state: FieldState, cn: str, given: dict[str, str], message: Message) -> _Done | None:
    """Password, MN and key."""
    if cn == "1072":
        pw = given.get("NewPW") or given.get("PW", "")
        if len(pw) != 6:
            return state, CONDITIONS if state.sender.edition != "2005" else FAILED, None, []
        return _changed(replace(state, sender=replace(state.sender, pw=pw)), "pw", pw)
    if cn == "1002":
        if not message.mn:
            return state, CONDITIONS, None, []
        return _changed(replace(state, sender=replace(state.sender, mn=message.mn)), "mn", message.mn)
    if cn == "1014":
        key = given.get("NewSK", "").encode()
        if len(key) != 16:
            return state, CONDITIONS, None, []
        policy = replace(state.policy, sm4_key=key)
        state = replace(state, sender=state.sender.with_key(key), policy=policy)
        return _changed(state, "sm4_key", key.hex())
    return None


def _changed(state: FieldState, name: str, value: str) -> _Done:
    return state, DONE, None, [SettingChanged(name, value)]


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() and len(text) <= 6 else None
