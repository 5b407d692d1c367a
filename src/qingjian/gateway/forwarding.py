"""Store-and-forward to upper platforms: the journal is the store, every target keeps its own position.

One process of a node forwards (the one that holds the lock), from all journals of the node, so a gateway process that
is gone for good leaves nothing behind unsent.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from qingjian.contracts.clock import Clock
from qingjian.contracts.directory import DirectoryStore, FileDirectoryStore, Target
from qingjian.contracts.folders import DataFolder
from qingjian.gateway.positions import LinkState, PositionStore
from qingjian.gateway.registry import Registered, Registry, policy_of
from qingjian.gateway.upstream import Outgoing, Upstream, outgoing
from qingjian.hj212.decoder import decode_frame
from qingjian.hj212.encoder import EncodingError
from qingjian.hj212.message import Message
from qingjian.hj212.policy import DEFAULT, Policy
from qingjian.journal import Frame, JournalReader, Kind, journals

LOG = structlog.get_logger("qingjian.gateway.forwarding")
_UPLOADS = ("2", "3")
"""Commands of these groups carry data; answers, heartbeats and time requests are between a device and its host."""


@dataclass(frozen=True, slots=True)
class ForwardingLimits:
    """How a target is treated."""

    window: int = 16
    """Frames sent together before their acknowledgements are waited for."""
    answer_seconds: float = 10.0
    resends: int = 3
    connect_seconds: float = 15.0
    first_pause_seconds: float = 1.0
    longest_pause_seconds: float = 300.0
    poll_seconds: float = 0.5
    page: int = 256
    rounds_before_giving_up: int = 3
    """A frame the target leaves unanswered so many rounds, while it answers others, is given up and recorded."""


@dataclass(frozen=True, slots=True)
class TargetProgress:
    """How far a target is with one journal, for a page or `qingjian status`."""

    target: str
    name: str
    address: str
    enabled: bool
    journal: str
    position: int
    behind: int
    """Frames of the journal that are still to be looked at."""
    forwarded: int
    skipped: int
    given_up: int
    state: str
    reason: str
    next_attempt_at: datetime | None
    moved_at: datetime | None


def progress(folder: DataFolder, targets: Sequence[Target]) -> list[TargetProgress]:
    """Return the progress of every target in every journal; readable from any process."""
    if not folder.forwarding.exists():
        return []
    store = PositionStore(folder.forwarding)
    try:
        positions, links = store.positions(), store.links()
    finally:
        store.close()
    known = {target.id: target for target in targets}
    rows = []
    for one in positions:
        target = known.get(one.target)
        link: LinkState | None = links.get(one.target)
        with JournalReader(folder.journal / one.journal) as reader:
            behind = reader.waiting(one.sequence)
        rows.append(
            TargetProgress(
                target=one.target,
                name=target.name if target is not None else one.target,
                address=f"{target.host}:{target.port}" if target is not None else "",
                enabled=target is not None and target.enabled,
                journal=one.journal,
                position=one.sequence,
                behind=behind,
                forwarded=one.forwarded,
                skipped=one.skipped,
                given_up=one.given_up,
                state=link.state if link is not None else "off",
                reason=link.reason if link is not None else "",
                next_attempt_at=link.next_attempt_at if link is not None else None,
                moved_at=one.moved_at,
            )
        )
    return rows


def send_again(folder: DataFolder, target: str, start: datetime) -> int:
    """Let a target get the frames received since a moment once more; returns how many frames are gone through again.

    Only back, never forward: what a target has not got yet is not passed over. Frames whose journal segments are gone
    cannot be sent. The forwarding process notices by itself.
    """
    store = PositionStore(folder.forwarding)
    again = 0
    try:
        for name in journals(folder.journal):
            with JournalReader(folder.journal / name) as reader:
                behind = reader.last_before(start, reader.last())
                position = store.position(target, name)
                if position is not None and behind < position.sequence:
                    store.restart(target, name, max(behind, 0))
                    again += reader.waiting(max(behind, 0)) - reader.waiting(position.sequence)
    finally:
        store.close()
    return again


class Forwarder:
    """Keeps one task per enabled target of the directory."""

    def __init__(
        self,
        folder: DataFolder,
        clock: Clock,
        directory: DirectoryStore,
        limits: ForwardingLimits | None = None,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._limits = limits or ForwardingLimits()
        self._registry = Registry(directory, clock)
        self._lock: int | None = None
        self._store: PositionStore | None = None
        self._tasks: dict[str, tuple[Target, asyncio.Task[None]]] = {}

    @property
    def active(self) -> bool:
        """Whether this process is the one that forwards."""
        return self._store is not None

    async def tick(self) -> None:
        """Take the lock when it is free and follow the directory; called about once a second."""
        if not self.active and not self._take_lock():
            return
        self._registry.refresh()
        wanted = {target.id: target for target in self._registry.targets if target.enabled}
        for name, (target, task) in list(self._tasks.items()):
            if target != wanted.get(name) or task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                del self._tasks[name]
                if name not in wanted and self._store is not None:
                    self._store.link(name, "off", self._clock.now())
        for name, target in wanted.items():
            if name not in self._tasks and self._store is not None:
                task = asyncio.ensure_future(self._keep(target, self._store))
                self._tasks[name] = (target, task)

    async def close(self) -> None:
        tasks = [task for _, task in self._tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()
        if self._store is not None:
            self._store.close()
            self._store = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _take_lock(self) -> bool:
        path = self._folder.forwarding.with_suffix(".lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._lock = descriptor
        self._store = PositionStore(self._folder.forwarding)
        return True

    async def _keep(self, target: Target, store: PositionStore) -> None:
        """Serve one target for ever, with growing pauses while it cannot be reached."""
        route = _Route(target, store, self._folder, self._clock, self._registry, self._limits)
        pause = self._limits.first_pause_seconds
        attempts = 0
        try:
            while True:
                try:
                    await route.serve()
                except (OSError, asyncio.IncompleteReadError) as error:
                    if route.moved:
                        pause, attempts, route.moved = self._limits.first_pause_seconds, 0, False
                    attempts += 1
                    now = self._clock.now()
                    reason = str(error) or type(error).__name__
                    store.link(
                        target.id,
                        "waiting",
                        now,
                        reason=reason,
                        attempts=attempts,
                        next_attempt_at=now + timedelta(seconds=pause),
                    )
                    LOG.warning("a target cannot be served", target=target.id, reason=reason, pause=pause)
                    await self._clock.sleep(pause)
                    pause = min(pause * 2, self._limits.longest_pause_seconds)
        except asyncio.CancelledError:
            raise
        except Exception:
            LOG.exception("forwarding to a target failed", target=target.id)
            store.link(target.id, "waiting", self._clock.now(), reason="internal error")
            await self._clock.sleep(self._limits.longest_pause_seconds)
        finally:
            route.close()


class _Route:
    """The way of the frames of all journals to one target."""

    def __init__(
        self,
        target: Target,
        store: PositionStore,
        folder: DataFolder,
        clock: Clock,
        registry: Registry,
        limits: ForwardingLimits,
    ) -> None:
        self._target = target
        self._store = store
        self._journal_folder = folder.journal
        self._clock = clock
        self._registry = registry
        self._directory = FileDirectoryStore(folder.directory)
        self._limits = limits
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="forwarding")
        self._readers: dict[str, JournalReader] = {}
        self._failures: dict[tuple[str, int], int] = {}
        """How often the connection failed with this frame next in line."""
        self._answering: set[str] = set()
        """Commands of which the target has acknowledged a frame."""
        self._wanted = None if "*" in target.devices else frozenset(target.devices)
        self.moved = False
        """Whether a frame was delivered since the last failure."""
        self._begun = False

    async def serve(self) -> None:
        """Connect and forward until the connection fails."""
        self._begin_all()
        upstream = await Upstream.open(self._target, self._clock, self._limits.connect_seconds)
        self._store.link(self._target.id, "connected", self._clock.now())
        try:
            while True:
                busy = False
                for name in journals(self._journal_folder):
                    busy |= await self._page(name, upstream)
                if upstream.is_closed:
                    raise ConnectionResetError("the target closed the connection")
                if not busy:
                    await self._clock.sleep(self._limits.poll_seconds)
        finally:
            await upstream.close()

    def _begin_all(self) -> None:
        """Begin a new target: it gets what comes from now on; older frames only on a person's word (`restart`)."""
        if not self._begun:
            names = journals(self._journal_folder)
            self._store.begin_all(self._target.id, {name: self._reader(name).last() for name in names})
            self._begun = True

    def _begin(self, name: str) -> int:
        known = self._store.position(self._target.id, name)
        if known is None:
            # A journal begun since, by another gateway process: all of it came after the target.
            known = self._store.begin(self._target.id, name)
        return known.sequence

    def _reader(self, name: str) -> JournalReader:
        if name not in self._readers:
            self._readers[name] = JournalReader(self._journal_folder / name)
        return self._readers[name]

    async def _page(self, name: str, upstream: Upstream) -> bool:
        """Forward the next page of a journal; returns whether there was any."""
        position = self._begin(name)
        loop = asyncio.get_running_loop()
        frames = await loop.run_in_executor(
            self._executor, self._reader(name).read, position, self._limits.page
        )
        window = _Window(position)
        for frame in frames:
            window.look_at(frame, self._prepare)
            if len(window.frames) >= self._limits.window:
                if not await self._deliver(name, window, upstream):
                    return True  # a person has set the position: read on from there
                window = _Window(frame.sequence)
        if window.reached > window.start:
            await self._deliver(name, window, upstream)
        return bool(frames)

    def _prepare(self, frame: Frame) -> Outgoing | None:
        """Return what the target gets of a frame; None when it is none of its business."""
        if frame.kind is not Kind.ACCEPTED or (self._wanted is not None and frame.mn not in self._wanted):
            return None
        registered = self._registry.find(frame.mn)
        if self._is_self_test(frame, registered):
            return None
        policy = registered.policy if registered is not None else DEFAULT
        message = decode_frame(frame.content, policy)
        if not isinstance(message, Message):
            # Its key was exchanged, its policy tightened or the device retired while the target was away.
            policy = self._policy_then(frame) or policy
            message = decode_frame(frame.content, policy)
        if not isinstance(message, Message):
            raise EncodingError("not readable by the directory")
        if not message.cn.startswith(_UPLOADS):
            return None
        return outgoing(frame.sequence, message, self._target, policy)

    def _is_self_test(self, frame: Frame, registered: Registered | None) -> bool:
        """Whether a frame is the node's own proof that alerting lives: no data of anybody, so no platform's business."""
        if registered is not None:
            return registered.device.synthetic
        then = self._directory.version(frame.directory_version)
        device = then.device(frame.mn, frame.received_at) if then is not None else None
        return device is not None and device.synthetic

    def _policy_then(self, frame: Frame) -> Policy | None:
        """Return the policy of a frame's device in the directory the gateway had when the frame came."""
        directory = self._directory.version(frame.directory_version)
        device = directory.device(frame.mn, frame.received_at) if directory is not None else None
        if directory is None or device is None:
            return None
        try:
            return policy_of(device, directory.without)
        except (ValueError, TypeError):
            return None

    async def _deliver(self, name: str, window: _Window, upstream: Upstream) -> bool:
        """Deliver a window and store the position behind it; OSError when the target cannot be served now.

        False when the position was set elsewhere meanwhile (`send_again`).
        """
        limits = self._limits
        frames = window.frames
        left: list[Outgoing] = []
        if frames:
            head = (name, frames[0].sequence)
            suspect = self._failures.get(head, 0) >= limits.rounds_before_giving_up
            # A frame that made the connection fail again and again goes last: if the target takes the others, it is
            # the frame and not the target.
            todo = frames[1:] + frames[:1] if suspect else frames
            for _ in range(limits.rounds_before_giving_up):
                try:
                    left = await upstream.deliver(todo, seconds=limits.answer_seconds, resends=limits.resends)
                    if left and len(left) == sum(one.asked for one in frames):
                        if suspect and self._is_odd(frames):
                            return self._give_up_head(name, window)
                        raise TimeoutError("the target acknowledges nothing")
                    if left and upstream.is_closed and not (suspect and left == frames[:1]):
                        raise ConnectionResetError("the target closed the connection")
                except OSError:
                    self._store_prefix(name, window)
                    raise
                if not left or upstream.is_closed:
                    break
                todo = left
        self._failures.clear()
        self.moved = True
        self._answering.update(one.cn for one in frames if one.asked and one.answered.is_set())
        return self._store.advance(
            self._target.id,
            name,
            window.reached,
            self._clock.now(),
            forwarded=len(frames) - len(left),
            skipped=window.skipped,
            given_up=[
                *window.unwritable,
                *((one.sequence, f"{one.cn} {one.qn}: never acknowledged, others were") for one in left),
            ],
            start=window.start,
        )

    def _is_odd(self, frames: Sequence[Outgoing]) -> bool:
        """Whether it is the first frame and not the target: of its kind none was ever answered, and others got there."""
        first, *others = frames
        return (
            first.asked and first.cn not in self._answering and any(one.answered.is_set() for one in others)
        )

    def _give_up_head(self, name: str, window: _Window) -> bool:
        """Give up the first frame of a window alone; the others are read again."""
        head = window.frames[0]
        self._failures.clear()
        self.moved = True
        self._store.advance(
            self._target.id,
            name,
            head.sequence,
            self._clock.now(),
            forwarded=0,
            given_up=[
                *(one for one in window.unwritable if one[0] < head.sequence),
                (head.sequence, f"{head.cn} {head.qn}: never acknowledged, others arrived"),
            ],
            start=window.start,
        )
        return False

    def _store_prefix(self, name: str, window: _Window) -> None:
        """Before a failure is reported: keep what was acknowledged without a gap, and remember who came next."""
        done = 0
        for one in window.frames:
            if not one.answered.is_set():
                break
            done += 1
        if done:
            sequence = window.frames[done - 1].sequence
            self._store.advance(
                self._target.id, name, sequence, self._clock.now(), forwarded=done, start=window.start
            )
            self.moved = True
        if done < len(window.frames):
            head = (name, window.frames[done].sequence)
            self._failures = {head: self._failures.get(head, 0) + 1}

    def close(self) -> None:
        for reader in self._readers.values():
            reader.close()
        self._executor.shutdown(wait=False)


class _Window:
    """Frames that are delivered together, and what was stepped over on the way."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.reached = start
        self.frames: list[Outgoing] = []
        self.skipped = 0
        self.unwritable: list[tuple[int, str]] = []

    def look_at(self, frame: Frame, prepare: Callable[[Frame], Outgoing | None]) -> None:
        self.reached = frame.sequence
        try:
            prepared = prepare(frame)
        except EncodingError as error:
            self.unwritable.append((frame.sequence, f"cannot be written: {error}"))
            return
        if prepared is None:
            self.skipped += 1
        else:
            self.frames.append(prepared)
