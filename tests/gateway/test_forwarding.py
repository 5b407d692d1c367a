from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.gateway.support import (
    MN,
    MN2,
    START,
    Site,
    acknowledgement,
    device,
    falls_silent,
    raw,
    until,
    upload,
)

from qingjian.contracts.directory import Directory, FileDirectoryStore, Target
from qingjian.gateway import upstream
from qingjian.gateway.forwarding import Forwarder, ForwardingLimits, TargetProgress, progress, send_again
from qingjian.gateway.positions import PositionStore
from qingjian.hj212.decoder import Framer
from qingjian.hj212.encoder import Sender
from qingjian.hj212.message import Message
from qingjian.hj212.policy import DEFAULT, Policy
from qingjian.hj212.profiles import facts
from qingjian.journal import JournalLimits, JournalWriter, Kind, NewFrame

Answer = Callable[[Message], bytes | None]


def usual(message: Message) -> bytes | None:
    return acknowledgement(int(message.qn[-3:]), message.mn) if message.qn and message.need_answer else None


class Platform:
    """An upper platform that can be down, deaf or picky."""

    def __init__(self) -> None:
        self.got: list[Message] = []
        self.raw = b""
        self.answer: Answer = usual
        self.policy = DEFAULT
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers:
            writer.close()
        self._writers.clear()
        await asyncio.sleep(0.02)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        framer = Framer(self.policy)
        try:
            while content := await reader.read(65_536):
                self.raw += content
                for stretch in framer.feed(content):
                    assert stretch.message is not None
                    self.got.append(stretch.message)
                    answer = self.answer(stretch.message)
                    if answer == b"close":
                        writer.close()
                        return
                    if answer:
                        writer.write(answer)
        except OSError:
            return

    @property
    def connected(self) -> bool:
        return bool(self._writers)

    def numbers(self) -> list[int]:
        return [int((one.qn or "0")[-3:]) for one in self.got]


class Scene:
    """A journal that grows, an upper platform, and a forwarder between them."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.platform = Platform()
        self.target = Target("t1", "省厅", "127.0.0.1", 0, ("*",))
        self.journal = JournalWriter.open(
            site.folder.journal, "g1", site.clock, JournalLimits(minimum_free_bytes=0)
        )

    def publish(self, **changes: object) -> None:
        self.target = replace(self.target, port=self.platform.port, **changes)  # type: ignore[arg-type]
        self.site.publish(device(), device(MN2), targets=(self.target,))

    def store(self, *contents: bytes, mn: str = MN, kind: Kind = Kind.ACCEPTED) -> None:
        self.journal.append_many([NewFrame(0, "p", 1, mn, kind, content) for content in contents])

    def progress(self) -> TargetProgress:
        (one,) = progress(self.site.folder, [self.target])
        return one

    def pass_time(self, seconds: float) -> None:
        self.site.clock.advance(seconds)  # type: ignore[attr-defined]

    @asynccontextmanager
    async def forwarder(self, **limits: float) -> AsyncIterator[Forwarder]:
        one = Forwarder(
            self.site.folder,
            self.site.clock,
            FileDirectoryStore(self.site.folder.directory),
            ForwardingLimits(**limits),  # type: ignore[arg-type]
        )
        await one.tick()
        try:
            yield one
        finally:
            await one.close()

    async def flows(self, condition: Callable[[], bool], step: float = 0.05) -> None:
        """Let polls pass until something is so."""
        for _ in range(2_000):
            if condition():
                return
            self.pass_time(step)
            await asyncio.sleep(0.003)
        raise AssertionError("it never became so")


@pytest.fixture
def scene(site: Site) -> Scene:
    return Scene(site)


def test_frames_reach_the_target_once_and_in_order(scene: Scene) -> None:
    async def play() -> None:
        await scene.platform.start()
        scene.store(upload(1))
        scene.publish()
        async with scene.forwarder():
            await scene.flows(lambda: bool(progress(scene.site.folder, [scene.target])))
            scene.store(*(upload(n) for n in range(2, 42)))
            scene.store(raw(f"QN=1;ST=91;CN=9011;PW=1;MN={MN};Flag=4;CP=&&QnRtn=1&&"))
            scene.store(b"garbage", kind=Kind.REFUSED)
            scene.store(upload(42), kind=Kind.SENT)
            await scene.flows(lambda: scene.progress().position == 44)
            assert scene.platform.numbers() == list(range(2, 42)), "what came before the target is not sent"
            assert scene.platform.raw == b"".join(upload(n) for n in range(2, 42))
            one = scene.progress()
            assert (one.forwarded, one.skipped, one.given_up, one.behind) == (40, 3, 0, 0)
            assert (one.state, one.name) == ("connected", "省厅")
        async with scene.forwarder():
            scene.store(upload(50))
            await scene.flows(lambda: scene.progress().forwarded == 41)
            assert scene.platform.numbers()[40:] == [50], "a restart goes on where it stopped"

    asyncio.run(play())


def test_what_the_office_switched_off_is_forwarded_as_it_came(scene: Scene) -> None:
    """Switched off is a reading of ours: the upper platform gets every byte, and may read it otherwise."""
    without = frozenset(one.id for one in facts())

    async def play() -> None:
        await scene.platform.start()
        scene.target = replace(scene.target, port=scene.platform.port)
        row = device(edition="2025", policy={"without": ["hj212:2025:factor"]})
        scene.site.version += 1
        scene.site.directory.publish(
            Directory(
                version=scene.site.version,
                published_at=START,
                devices=[row],
                targets=[scene.target],
                without=without,
            )
        )
        async with scene.forwarder():
            await scene.flows(lambda: bool(progress(scene.site.folder, [scene.target])))
            scene.store(upload(1, flag=9), upload(2, flag=9))
            await scene.flows(lambda: scene.progress().forwarded == 2)
        assert scene.platform.raw == upload(1, flag=9) + upload(2, flag=9)

    asyncio.run(play())


def test_a_platform_that_vanished_without_a_word_is_connected_anew(scene: Scene, monkeypatch) -> None:
    """The system's own clock decides when: one second of silence, and four probes a second apart."""
    monkeypatch.setattr(upstream, "KEEPALIVE_SECONDS", 1)

    async def play() -> None:
        await scene.platform.start()
        scene.publish()
        async with scene.forwarder():
            await scene.flows(lambda: scene.platform.connected)
            falls_silent(scene.platform._writers[0])

            def connected_anew() -> bool:
                scene.pass_time(0.05)
                return len(scene.platform._writers) > 1

            await until(connected_anew)

    asyncio.run(play())


@pytest.mark.parametrize("retired", [False, True])
def test_the_frames_of_the_self_test_go_to_no_platform(scene: Scene, retired: bool) -> None:
    async def play() -> None:
        await scene.platform.start()
        scene.target = replace(scene.target, port=scene.platform.port)
        scene.site.publish(device(), device(MN2, synthetic=True), targets=(scene.target,))
        version = scene.site.version
        async with scene.forwarder():
            await scene.flows(lambda: bool(progress(scene.site.folder, [scene.target])))
            own = NewFrame(0, "p", 1, MN2, Kind.ACCEPTED, upload(1, mn=MN2), directory_version=version)
            scene.journal.append_many([own])
            if retired:
                scene.site.publish(device(), targets=(scene.target,))
            scene.store(upload(2))
            await scene.flows(lambda: scene.progress().forwarded == 1)
            assert scene.platform.numbers() == [2]
            assert scene.progress().skipped == 1

    asyncio.run(play())


def test_a_target_that_was_down_gets_everything_afterwards(scene: Scene) -> None:
    async def play() -> None:
        await scene.platform.start()
        await scene.platform.stop()
        scene.publish()
        async with scene.forwarder():
            await scene.flows(lambda: bool(progress(scene.site.folder, [scene.target])))
            scene.store(*(upload(n) for n in range(300)))
            pauses = []
            for _ in range(40):
                await until(lambda: scene.progress().state == "waiting")
                next_at = scene.progress().next_attempt_at
                assert next_at is not None
                pauses.append((next_at - scene.site.clock.now()).total_seconds())
                scene.pass_time(max(pauses[-1], 0.1))
                await asyncio.sleep(0.02)
            assert max(pauses) == 300
            assert scene.progress().behind == 300
            assert scene.progress().reason
            await scene.platform.start()
            scene.pass_time(86_400)
            await scene.flows(lambda: scene.progress().behind == 0)
            assert scene.platform.numbers() == list(range(300))

    asyncio.run(play())


@pytest.mark.parametrize("down", [False, True])
def test_a_gateway_process_that_joins_later_is_forwarded_from_its_first_frame(
    scene: Scene, down: bool
) -> None:
    async def play() -> None:
        scene.store(upload(1), upload(2))  # before the target: none of its business
        await scene.platform.start()
        scene.publish()
        async with scene.forwarder():
            await scene.flows(lambda: scene.platform.connected)
            if down:
                await scene.platform.stop()
                await scene.flows(lambda: scene.progress().state == "waiting")
            scene.journal = JournalWriter.open(
                scene.site.folder.journal, "g2", scene.site.clock, JournalLimits(minimum_free_bytes=0)
            )
            scene.store(upload(3), upload(4))
            if down:
                scene.pass_time(600)
                await asyncio.sleep(0.05)
                await scene.platform.start()
            await scene.flows(lambda: len(scene.platform.got) == 2, step=0.05 if not down else 10)
            assert scene.platform.numbers() == [3, 4]

    asyncio.run(play())


def test_a_person_lets_frames_be_sent_again_from_a_moment(scene: Scene) -> None:
    start = scene.site.clock.now()

    def at(minute: int) -> int:
        return int((start + timedelta(minutes=minute)).timestamp() * 1_000_000)

    async def play() -> None:
        await scene.platform.start()
        scene.publish()
        async with scene.forwarder():
            await scene.flows(lambda: scene.platform.connected)
            scene.journal.append_many(
                [NewFrame(at(n), "p", 1, MN, Kind.ACCEPTED, upload(n)) for n in range(40)]
            )
            await scene.flows(lambda: len(scene.platform.got) == 40 and scene.progress().behind == 0)
            assert send_again(scene.site.folder, "t1", start + timedelta(minutes=35)) == 5
            await scene.flows(lambda: len(scene.platform.got) == 45 and scene.progress().behind == 0)
            assert scene.platform.numbers()[40:] == [35, 36, 37, 38, 39]
            assert send_again(scene.site.folder, "t1", start + timedelta(days=1)) == 0, "never forward"
            assert send_again(scene.site.folder, "nobody", start) == 0

    asyncio.run(play())


def test_a_position_set_by_a_person_is_not_overrun_by_what_was_under_way(scene: Scene) -> None:
    store = PositionStore(scene.site.folder.forwarding)
    now = scene.site.clock.now()
    store.begin("t1", "g1", 5)
    assert store.advance("t1", "g1", 9, now, forwarded=4, start=5)
    store.restart("t1", "g1", 2)
    assert not store.advance("t1", "g1", 12, now, forwarded=3, given_up=[(11, "x")], start=9)
    (one,) = store.positions("t1")
    assert (one.sequence, one.forwarded, one.given_up) == (2, 4, 0)
    assert store.given_up("t1") == []
    store.close()


def test_a_new_target_begins_everywhere_at_once(scene: Scene) -> None:
    store = PositionStore(scene.site.folder.forwarding)
    store.begin_all("t1", {"g1": 5, "g2": 7})
    store.begin_all("t1", {"g1": 50, "g3": 9})
    assert {(one.journal, one.sequence) for one in store.positions("t1")} == {("g1", 5), ("g2", 7)}
    assert store.begin("t1", "g3").sequence == 0
    store.close()


def test_a_connection_that_breaks_in_between_loses_nothing(scene: Scene) -> None:
    async def play() -> None:
        await scene.platform.start()
        scene.publish()

        def breaking(message: Message) -> bytes | None:
            if len(scene.platform.got) % 7 == 0:
                return b"close"
            return usual(message)

        scene.platform.answer = breaking
        async with scene.forwarder():
            await scene.flows(lambda: bool(progress(scene.site.folder, [scene.target])))
            scene.store(*(upload(n) for n in range(60)))
            await scene.flows(lambda: scene.progress().behind == 0)
            assert set(scene.platform.numbers()) == set(range(60))
            assert scene.progress().given_up == 0

    asyncio.run(play())


def test_a_deaf_target_makes_nothing_be_given_up(scene: Scene) -> None:
    async def play() -> None:
        await scene.platform.start()
        scene.publish()
        scene.platform.answer = lambda message: None
        async with scene.forwarder():
            await scene.flows(lambda: bool(progress(scene.site.folder, [scene.target])))
            scene.store(*(upload(n) for n in range(3)))
            await scene.flows(lambda: scene.progress().state == "waiting")
            assert scene.platform.numbers() == [0, 1, 2] * 4, "sent once and three times again"
            assert (scene.progress().behind, scene.progress().forwarded) == (3, 0)
            scene.platform.answer = usual
            await scene.flows(lambda: scene.progress().behind == 0)
            assert scene.progress().given_up == 0

    asyncio.run(play())


@pytest.mark.parametrize("manner", ["silent", "closes"])
def test_one_frame_the_target_cannot_take_does_not_stop_the_others(scene: Scene, manner: str) -> None:
    async def play() -> None:
        await scene.platform.start()
        scene.publish()

        def picky(message: Message) -> bytes | None:
            if message.qn is not None and message.qn.endswith("005"):
                return b"close" if manner == "closes" else None
            return usual(message)

        scene.platform.answer = picky
        async with scene.forwarder():
            await scene.flows(lambda: bool(progress(scene.site.folder, [scene.target])))
            scene.store(*(upload(n) for n in range(10)))
            await scene.flows(lambda: scene.progress().behind == 0, step=0.3)
            assert (scene.progress().forwarded, scene.progress().given_up) == (9, 1)
            store = PositionStore(scene.site.folder.forwarding)
            (lost,) = store.given_up("t1")
            assert (lost.journal, lost.sequence) == ("g1", 6)
            assert "2011" in lost.reason
            store.restart("t1", "g1", 5)
            scene.platform.answer = usual
            await scene.flows(lambda: scene.platform.numbers()[-1] == 9 and scene.progress().behind == 0)
            assert 5 in scene.platform.numbers()

    asyncio.run(play())


def test_the_target_knows_the_device_under_its_own_number(scene: Scene) -> None:
    async def play() -> None:
        await scene.platform.start()
        scene.publish(mn={MN: "F" * 24}, password="999999", devices=(MN,))
        async with scene.forwarder():
            await scene.flows(lambda: bool(progress(scene.site.folder, [scene.target])))
            scene.store(upload(1, flag=4), upload(2))
            scene.store(upload(3, MN2), mn=MN2)
            await scene.flows(lambda: scene.progress().behind == 0)
            assert [(one.mn, one.pw, one.flag) for one in scene.platform.got] == [
                ("F" * 24, "999999", 4),
                ("F" * 24, "999999", 5),
            ]
            assert scene.platform.got[0].cp == b"DataTime=20261121120000;a21026-Rtd=1.0,a21026-Flag=N"
            assert scene.progress().skipped == 1

    asyncio.run(play())


def test_several_targets_keep_their_own_positions_and_one_process_forwards(scene: Scene) -> None:
    async def play() -> None:
        second = Platform()
        await scene.platform.start()
        await second.start()
        one = replace(scene.target, port=scene.platform.port)
        two = Target("t2", "市局", "127.0.0.1", second.port, ("*",))
        scene.site.publish(device(), targets=(one, two))
        async with scene.forwarder() as forwarder, scene.forwarder() as idle:
            assert (forwarder.active, idle.active) == (True, False)
            await scene.flows(lambda: second.connected and len(progress(scene.site.folder, [one, two])) == 2)
            await second.stop()
            scene.store(*(upload(n) for n in range(5)))

            def behind() -> dict[str, int]:
                return {row.target: row.behind for row in progress(scene.site.folder, [one, two])}

            await scene.flows(lambda: behind() == {"t1": 0, "t2": 5})
            assert scene.platform.numbers() == [0, 1, 2, 3, 4]
            scene.site.publish(device(), targets=(replace(one, enabled=False), two))
            await forwarder.tick()
            await second.start()
            scene.store(upload(5))
            await scene.flows(lambda: second.numbers() == [0, 1, 2, 3, 4, 5])
            assert scene.platform.numbers() == [0, 1, 2, 3, 4]
            await forwarder.close()
            await idle.tick()
            assert idle.active, "another process takes over"

    asyncio.run(play())


def test_requests_of_the_upper_platform_are_declined(scene: Scene) -> None:
    async def play() -> None:
        await scene.platform.start()
        scene.publish()
        request = raw(
            f"QN=20261121120000777;ST=31;CN=2061;PW=123456;MN={MN};Flag=5;CP=&&BeginTime=1;EndTime=2&&"
        )
        scene.platform.answer = lambda message: (
            usual(message) if message.cn == "9011" else (usual(message) or b"") + request
        )
        async with scene.forwarder():
            await scene.flows(lambda: bool(progress(scene.site.folder, [scene.target])))
            scene.store(upload(1))
            await scene.flows(lambda: len(scene.platform.got) == 2)
            said = scene.platform.got[1]
            assert (said.cn, said.qn, said.cp) == ("9011", "20261121120000777", b"QnRtn=2")

    asyncio.run(play())


def test_a_frame_whose_kind_the_target_never_answers_does_not_hold_up_those_that_ask_nothing(
    scene: Scene,
) -> None:
    """Frames that ask for nothing are confirmed by the target's system; one that asks in vain is given up alone."""

    def boot() -> bytes:
        qn = "20261121120000500"
        cp = "DataTime=20261121120000;RestartTime=20261121115900"
        return raw(f"QN={qn};ST=31;CN=2081;PW=123456;MN={MN};Flag=5;CP=&&{cp}&&")

    async def play() -> None:
        await scene.platform.start()
        scene.publish()
        scene.platform.answer = lambda message: None
        async with scene.forwarder():
            await scene.flows(lambda: bool(progress(scene.site.folder, [scene.target])))
            plain = [upload(n, flag=4) for n in range(40)]
            scene.store(*plain[:5], boot(), *plain[5:])
            await scene.flows(lambda: scene.progress().behind == 0, step=0.3)
            assert (scene.progress().forwarded, scene.progress().given_up) == (40, 1)
            (lost,) = PositionStore(scene.site.folder.forwarding).given_up("t1")
            assert (lost.sequence, lost.reason.split()[0]) == (6, "2081")
            assert sorted(set(scene.platform.numbers())) == [*range(40), 500]
            assert len(scene.platform.got) < 200

    asyncio.run(play())


def test_the_backlog_of_an_exchanged_key_reaches_the_target_and_what_nobody_can_read_is_recorded(
    scene: Scene,
) -> None:
    old, new, foreign = b"0123456789abcdef", b"fedcba9876543210", b"0000000000000000"

    def keyed(key: bytes) -> None:
        scene.target = replace(scene.target, port=scene.platform.port)
        scene.site.publish(device(edition="2025", sm4_key_hex=key.hex()), targets=(scene.target,))

    def sealed(key: bytes, number: int) -> bytes:
        sender = Sender("2025", "31", "123456", MN, key)
        groups = [[("a21026-Rtd", "1.0"), ("a21026-Flag", "N")]]
        return sender.upload("2011", "20261121120000", groups, f"20261121120000{number:03d}")

    async def play() -> None:
        scene.platform.policy = Policy(sm4_key=old)
        await scene.platform.start()
        keyed(old)
        store = FileDirectoryStore(scene.site.folder.directory)
        current = store.current()
        assert current is not None
        async with scene.forwarder():
            await scene.flows(lambda: bool(progress(scene.site.folder, [scene.target])))
        now = int(scene.site.clock.now().timestamp() * 1_000_000)
        scene.journal.append_many(
            [
                NewFrame(now, "p", 1, MN, Kind.ACCEPTED, sealed(key, number), (), "", current.version)
                for number, key in enumerate((old, foreign, old))
            ]
        )
        keyed(new)
        async with scene.forwarder():
            await scene.flows(lambda: scene.progress().behind == 0, step=0.3)
            assert (scene.progress().forwarded, scene.progress().skipped, scene.progress().given_up) == (
                2,
                0,
                1,
            )

    asyncio.run(play())
