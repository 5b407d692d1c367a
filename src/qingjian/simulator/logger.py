"""A simulated data logger (数采仪): what it measures, what it still has to deliver, how it answers. No sockets.

Time comes in with each call; out come frames to send, canonical ones. The protocol's dialogue is that of
`hj212.sessions.field`; this class adds the measurements, the backlog and the doing of requests.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from qingjian.hj212 import times
from qingjian.hj212.decoder import Framer
from qingjian.hj212.encoder import Group, factor_group, segment_of
from qingjian.hj212.policy import Policy
from qingjian.hj212.sessions import field as dialogue
from qingjian.hj212.sessions.actions import (
    Action,
    Execute,
    LinkUnusable,
    SampleDue,
    Send,
    SettingChanged,
    UploadAcknowledged,
    UploadFailed,
)
from qingjian.simulator.demo.records import Simulated
from qingjian.simulator.readings import Reading, Recorder
from qingjian.simulator.requests import Instrument, perform
from qingjian.simulator.schedule import COMMANDS, Backlog, Due, Feed

WINDOW = 8
"""Records under way at once."""
HEARTBEAT = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the logger is on the wire."""

    mn: str
    password: str = "123456"  # noqa: S105 - the customary default of the field
    system_code: str = "31"
    edition: str = "2017"
    sm4_key: bytes | None = None
    without: frozenset[str] = frozenset()
    """Facts of HJ 212 the logger does not know (`hj212.profiles.switched_off`)."""

    def __post_init__(self) -> None:
        if self.edition not in ("2005", "2017", "2025"):
            raise ValueError(
                f"版本应为 2005、2017 或 2025 / edition must be 2005, 2017 or 2025: {self.edition!r}"
            )
        segment_of(
            (("ST", self.system_code), ("PW", self.password), ("MN", self.mn)), b""
        )  # or EncodingError


@dataclass(slots=True)
class _History:
    """A history read under way. One record with values is held back: the last one goes out with the result."""

    qn: str
    records: deque[Due]
    held: tuple[Due, list[Group]] | None = None


class FieldLogger:
    """One logger and its one host. Counters: `uploaded`, `acknowledged`, `given_up` (of frames), `settings`."""

    def __init__(
        self,
        identity: Identity,
        recorder: Recorder,
        feed: Feed,
        now: datetime,
        *,
        expected: Mapping[str, int] | None = None,
        factors: Sequence[str] = (),
        ignores_answers: bool = False,
        backlog: int = 10_000,
    ) -> None:
        """What fell due before `now` counts as late: it is delivered after fresh records, marked as backfill."""
        self.identity = identity
        self.instrument = Instrument(identity.mn, factors)
        self.uploaded = 0
        self.acknowledged = 0
        self.given_up = 0
        self.settings: dict[str, str] = {}
        self.link_unusable = False
        self._recorder = recorder
        self._feed = feed
        self._expected = dict(expected or {})
        self._answers = not ignores_answers
        self._backlog = Backlog(backlog)
        self._started = now
        self._announced = False
        self._under_way: dict[str, Due] = {}
        self._histories: deque[_History] = deque()
        self._framer: Framer | None = None
        policy = Policy(edition=identity.edition, sm4_key=identity.sm4_key, without=identity.without)
        state = dialogue.new(
            identity.edition,
            identity.system_code,
            identity.password,
            identity.mn,
            policy,
            heartbeat=HEARTBEAT,
        )
        interval = self._expected.get("realtime", 0)
        if interval:
            state = replace(state, rtd_interval=interval, streams=(("2011", now),))
        if "minute" in self._expected:
            state = replace(state, min_interval=self._expected["minute"] // 60)
        self._state = state
        for due in feed.due(now):
            self._backlog.add(due, late=True)

    @property
    def connected(self) -> bool:
        return self._framer is not None

    @property
    def idle(self) -> bool:
        """Whether everything there will ever be has been delivered."""
        return self._feed.finished and not len(self._backlog) and not self._under_way and not self._histories

    @property
    def waiting(self) -> int:
        """Records not delivered yet."""
        return len(self._backlog) + len(set(self._under_way.values()))

    @property
    def dropped(self) -> int:
        """Records lost because the link was down for too long."""
        return self._backlog.dropped

    def on_connect(self, now: datetime) -> list[bytes]:
        """The connection stands: announce the start, then deliver."""
        self._framer = Framer(self._state.policy)
        self.link_unusable = False
        restarted = None if self._announced else self._started
        self._announced = True
        self._state, actions = dialogue.on_connect(self._state, now, restarted)
        return [*self._carry_out(actions, now), *self._deliver(now)]

    def on_disconnect(self) -> None:
        """The connection is gone: what was not acknowledged waits again."""
        self._framer = None
        for due in dict.fromkeys(self._under_way.values()):
            self._backlog.add(due, late=True)
        self._under_way.clear()
        self._histories.clear()
        self._backlog.link_lost()
        self._state = replace(self._state, waiting=(), executing=())

    def on_bytes(self, data: bytes, now: datetime) -> list[bytes]:
        """Take what the host sent."""
        if self._framer is None:
            return []
        frames: list[bytes] = []
        for stretch in self._framer.feed(data):
            if stretch.message is not None:
                self._state, actions = dialogue.on_message(self._state, stretch.message, now)
            elif stretch.refusal is not None:
                self._state, actions = dialogue.on_refusal(self._state, stretch.refusal, now)
            else:
                continue
            frames.extend(self._carry_out(actions, now))
        return [*frames, *self._deliver(now)]

    def on_time(self, now: datetime) -> list[bytes]:
        """Let time pass, connected or not."""
        for due in self._feed.due(now):
            self._backlog.add(due, late=not self.connected)
        if not self.connected:
            return []
        self._state, actions = dialogue.on_time(self._state, now)
        return [*self._carry_out(actions, now), *self._deliver(now)]

    def _carry_out(self, actions: Iterable[Action], now: datetime) -> list[bytes]:
        frames: list[bytes] = []
        for action in actions:
            if isinstance(action, Send):
                frames.append(action.data)
            elif isinstance(action, UploadAcknowledged):
                self.acknowledged += 1
                self._under_way.pop(action.qn, None)
            elif isinstance(action, UploadFailed):
                self.given_up += 1
                self._failed(action.qn)
            elif isinstance(action, LinkUnusable):
                self.link_unusable = True
            elif isinstance(action, SettingChanged):
                self._changed(action, now)
            elif isinstance(action, SampleDue):
                frames.extend(self._sample(action, now))
            elif isinstance(action, Execute):
                frames.extend(self._execute(action, now))
        return frames

    def _failed(self, qn: str) -> None:
        due = self._under_way.pop(qn, None)
        if due is not None:
            self._under_way = {other: one for other, one in self._under_way.items() if one != due}
            self._backlog.add(due, late=True)

    def _changed(self, setting: SettingChanged, now: datetime) -> None:
        self.settings[setting.name] = setting.value
        # A replayed source has the grid it has; cutting it finer would invent values.
        if setting.name == "min_interval" and isinstance(self._recorder, Simulated):
            self._expected["minute"] = 60 * int(setting.value)
            self._feed.change("minute", 60 * int(setting.value), now)

    def _sample(self, sample: SampleDue, now: datetime) -> list[bytes]:
        instant = now.replace(microsecond=0)
        stamp = times.text14(instant + self._state.clock_offset)
        if sample.cn == "2021":
            groups: list[Group] = [(("SB1-RS", "2" if self.instrument.mark(now) == "C" else "1"),)]
        else:
            groups = self._groups(self._recorder.record("realtime", instant, self._state.rtd_interval), now)
        return self._upload(sample.cn, stamp, groups, now) if groups else []

    def _groups(self, readings: Sequence[Reading], now: datetime) -> list[Group]:
        mark = self.instrument.mark(now)
        groups: list[Group] = []
        for reading in readings:
            values = dict(reading.values)
            if mark != "N" and "Flag" in values:
                values["Flag"] = mark
            groups.append(factor_group(reading.factor, values))
        return groups

    def _upload(
        self,
        cn: str,
        stamp: str,
        groups: Sequence[Group],
        now: datetime,
        due: Due | None = None,
        late: bool = False,
    ) -> list[bytes]:
        self._state, actions = dialogue.upload(
            self._state,
            cn,
            stamp,
            groups,
            now,
            need_answer=self._answers,
            backfill=late and self.identity.edition == "2025",
        )
        frames = []
        for action in actions:
            if isinstance(action, Send):
                frames.append(action.data)
                self.uploaded += 1
                if due is not None and self._answers:
                    self._under_way[action.qn] = due
        return frames

    def _execute(self, request: Execute, now: datetime) -> list[bytes]:
        outcome = perform(request.message, self.instrument, self._expected, now)
        if outcome.records:
            self._histories.append(_History(request.qn, deque(outcome.records)))
            return []
        self._state, actions = dialogue.complete(self._state, request.qn, now, outcome.value, outcome.answer)
        return self._carry_out(actions, now)

    def _recorded(self, due: Due, now: datetime) -> list[Group]:
        if due.statistic == "runtime":
            return [(("SB1-RT", "24.0"),)]
        return self._groups(self._recorder.record(due.statistic, due.start, due.length), now)

    def _deliver(self, now: datetime) -> list[bytes]:
        """Send what waits, as far as the window allows: requested history first, then the backlog."""
        frames: list[bytes] = []
        while self._histories and len(self._under_way) < WINDOW:
            history = self._histories[0]
            if not history.records:
                if self._under_way:
                    break
                self._histories.popleft()
                frames.extend(self._finish(history, now))
                continue
            due = history.records.popleft()
            groups = self._recorded(due, now)
            if groups:
                if history.held is not None:
                    before, held = history.held
                    frames.extend(
                        self._upload(_command(before), times.text14(before.start), held, now, before)
                    )
                history.held = (due, groups)
        while len(self._under_way) < WINDOW and not self._histories:
            taken = self._backlog.take()
            if taken is None:
                break
            due, late = taken
            groups = self._recorded(due, now)
            if groups:
                frames.extend(self._upload(_command(due), times.text14(due.start), groups, now, due, late))
        return frames

    def _finish(self, history: _History, now: datetime) -> list[bytes]:
        uploads = [] if history.held is None else [(times.text14(history.held[0].start), history.held[1])]
        self.uploaded += len(uploads)
        value = dialogue.DONE if uploads else dialogue.NO_DATA
        self._state, actions = dialogue.complete(self._state, history.qn, now, value, uploads=uploads)
        return self._carry_out(actions, now)


def _command(due: Due) -> str:
    return "2041" if due.statistic == "runtime" else COMMANDS[due.statistic]
