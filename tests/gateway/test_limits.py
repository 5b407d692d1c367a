from __future__ import annotations

import asyncio
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.support import MN, MN2, Link, Site, acknowledgement, device, falls_silent, until, upload

from qingjian.gateway.limits import TokenBucket
from qingjian.gateway.server import Gateway
from qingjian.gateway.settings import GatewayLimits, GatewaySettings, limits_from
from qingjian.journal import JournalUnavailableError, Kind


async def ticks(site: Site, gateway: Gateway, seconds: float) -> None:
    site.clock.advance(seconds)  # type: ignore[attr-defined]
    await gateway.tick()
    await asyncio.sleep(0)


def test_a_bucket_refills_and_lends() -> None:
    bucket = TokenBucket(rate=2, burst=4, now=0)
    assert [bucket.take(1, 0) for _ in range(5)] == [True] * 4 + [False]
    assert bucket.take(2, 1)
    assert bucket.spend(4, 1) == 2.0
    assert bucket.spend(0, 2) == 1.0
    assert bucket.spend(0, 100) == 0.0
    assert not bucket.take(5, 1_000)


def test_too_fast_a_sender_is_delayed_and_loses_nothing(site: Site) -> None:
    limits = GatewayLimits(frames_per_second=10, frames_burst=20)

    async def play() -> None:
        async with site.run(limits=limits) as gateway:
            link = await Link.open(gateway)
            await link.send(b"".join(upload(n) for n in range(40)))
            for n in range(40):
                assert await link.receive() == acknowledgement(n)
            await link.send(upload(41))
            await until(lambda: gateway.counters.reading_delayed == 1)
            assert await link.silent()
            await ticks(site, gateway, 1)
            assert await link.silent()
            await ticks(site, gateway, 1.5)
            assert await link.receive() == acknowledgement(41)

    asyncio.run(play())


def test_a_device_gets_no_new_burst_by_connecting_anew(site: Site) -> None:
    site.publish(device(), device(MN2))
    limits = GatewayLimits(frames_per_second=10, frames_burst=20)

    async def play() -> None:
        async with site.run(limits=limits) as gateway:
            first, second, other = [await Link.open(gateway) for _ in range(3)]
            await first.send(b"".join(upload(n) for n in range(15)))
            for n in range(15):
                assert await first.receive() == acknowledgement(n)
            await second.send(b"".join(upload(n) for n in range(15, 30)))
            for n in range(15, 30):
                assert await second.receive() == acknowledgement(n)
            assert gateway.counters.reading_delayed == 1, "thirty frames of one device, a burst of twenty"
            await second.send(upload(31))
            await ticks(site, gateway, 0.5)
            assert await second.silent()
            await other.send(upload(1, MN2))
            assert await other.receive() == acknowledgement(1, MN2), "another device is not held back"
            await ticks(site, gateway, 1)
            assert await second.receive() == acknowledgement(31)

    asyncio.run(play())


def test_a_device_that_vanished_without_a_word_is_disconnected(site: Site) -> None:
    """The system's own clock decides here: one second of silence, and four probes a second apart."""

    async def play() -> None:
        async with site.run(limits=GatewayLimits(keepalive_seconds=1)) as gateway:
            gone, there = await Link.open(gateway), await Link.open(gateway)
            for link in (gone, there):
                await link.send(upload(mn=MN if link is gone else MN2))
                await link.receive()
            falls_silent(gone.writer)
            await until(lambda: gateway.devices.state(MN).connection is None)
            assert gateway.devices.state(MN2).connection is not None, "silence alone ends nothing"

    site.publish(device(), device(MN2))
    asyncio.run(play())


def test_idle_and_silent_connections_are_closed(site: Site) -> None:
    limits = GatewayLimits(idle_seconds=100, first_frame_seconds=10)

    async def play() -> None:
        async with site.run(limits=limits) as gateway:
            silent, device_link = await Link.open(gateway), await Link.open(gateway)
            await device_link.send(upload())
            await device_link.receive()
            await ticks(site, gateway, 10)
            assert await silent.closed()
            await ticks(site, gateway, 89)
            await device_link.send(upload(1))
            assert await device_link.receive() == acknowledgement(1)
            await ticks(site, gateway, 100)
            assert await device_link.closed()
            assert gateway.counters.connections_closed_idle == 2

    asyncio.run(play())


def test_half_a_frame_is_settled_and_what_follows_is_not_held_back(site: Site) -> None:
    """A device with a wrong length keeps its connection; a stranger with half a frame is closed."""
    half = upload(1)[:40]

    async def play() -> None:
        async with site.run() as gateway:
            link, stranger = await Link.open(gateway), await Link.open(gateway)
            await link.send(upload())
            await link.receive()
            await link.send(half)
            await stranger.send(half)
            await until(lambda: gateway.counters.bytes_received == len(upload()) + 80)
            await ticks(site, gateway, 4)
            assert gateway.counters.frames_refused == 0
            await ticks(site, gateway, 2)
            assert await stranger.closed()
            await link.send(upload(2))
            assert await link.receive() == acknowledgement(2)
            (refused,) = [one for one in site.frames() if one.kind is Kind.REFUSED]
            assert refused.content == half
            assert gateway.counters.connections_closed_half_frame == 1

    asyncio.run(play())


def test_a_drip_of_bytes_does_not_last(site: Site) -> None:
    """Slow-loris: a byte now and then keeps no half frame alive beyond its time."""

    async def play() -> None:
        async with site.run(limits=GatewayLimits(half_frame_seconds=30)) as gateway:
            link = await Link.open(gateway)
            for place, byte in enumerate(upload()[:10]):
                await link.send(bytes([byte]))
                await until(lambda seen=place + 1: gateway.counters.bytes_received == seen)
                await ticks(site, gateway, 3)
            assert await link.closed()

    asyncio.run(play())


def test_a_device_that_reads_nothing_is_disconnected(site: Site) -> None:
    async def play() -> None:
        async with site.run(
            limits=GatewayLimits(write_seconds=20, frames_burst=10**9, bytes_burst=10**12)
        ) as gateway:
            link = await Link.open(gateway, limit=1_024)
            await link.send(upload())
            await until(lambda: gateway.connection_of(MN) is not None)
            connection = gateway.connection_of(MN)
            assert connection is not None
            connection.write(b"x" * 50_000_000)
            await until(lambda: gateway.counters.reading_delayed == 1)
            await ticks(site, gateway, 19)
            assert gateway.gauges()["connections"] == 1
            await ticks(site, gateway, 2)
            await until(lambda: gateway.gauges()["connections"] == 0)
            assert gateway.counters.connections_closed_slow_reader == 1

    asyncio.run(play())


def test_the_newest_connection_of_a_device_wins(site: Site) -> None:
    async def play() -> None:
        async with site.run() as gateway:
            old, new = await Link.open(gateway), await Link.open(gateway)
            await old.send(upload())
            await old.receive()
            await new.send(upload(1))
            assert await new.receive() == acknowledgement(1)
            assert await old.closed()
            assert gateway.counters.connections_replaced == 1
            await new.send(upload(2))
            assert await new.receive() == acknowledgement(2)

    asyncio.run(play())


def test_one_connection_may_carry_several_devices(site: Site) -> None:
    site.publish(device(), device(MN2))

    async def play() -> None:
        async with site.run() as gateway:
            both, own = await Link.open(gateway), await Link.open(gateway)
            await both.send(upload() + upload(1, MN2))
            assert [await both.receive() for _ in range(2)] == [acknowledgement(), acknowledgement(1, MN2)]
            await own.send(upload(2, MN2))
            assert await own.receive() == acknowledgement(2, MN2)
            await both.send(upload(3))
            assert await both.receive() == acknowledgement(3), "it still carries the other device"

    asyncio.run(play())


@pytest.mark.parametrize(
    "changes",
    [{"allow": ("10.0.0.0/8",)}, {"limits": GatewayLimits(connections_per_address=0)}],
    ids=["allow-list", "too many from one address"],
)
def test_some_are_turned_away_at_the_door(site: Site, changes: dict[str, Any]) -> None:
    async def play() -> None:
        async with site.run(**changes) as gateway:
            assert await (await Link.open(gateway)).closed()
            assert gateway.counters.connections_refused == 1

    asyncio.run(play())


def test_the_allow_list_lets_others_in(site: Site) -> None:
    async def play() -> None:
        async with site.run(allow=("127.0.0.0/8", "10.0.0.0/8")) as gateway:
            link = await Link.open(gateway)
            await link.send(upload())
            assert await link.receive() == acknowledgement()

    asyncio.run(play())


def test_strangers_cannot_take_the_place_of_devices(site: Site) -> None:
    async def play() -> None:
        async with site.run(limits=GatewayLimits(unregistered_connections=3, connections=8)) as gateway:
            real = await Link.open(gateway)
            await real.send(upload())
            await real.receive()
            strangers = [await Link.open(gateway) for _ in range(5)]
            for number, one in enumerate(strangers):
                await one.send(upload(number, MN2))
                await until(lambda seen=number + 1: gateway.counters.frames_unregistered == seen)
            assert await strangers[0].closed()
            assert await strangers[1].closed()
            silent = [await Link.open(gateway) for _ in range(6)]
            await until(lambda: gateway.counters.connections_opened == 12)
            await real.send(upload(1))
            assert await real.receive() == acknowledgement(1)
            last = silent[-1]
            await last.send(upload(2))
            assert await last.receive() == acknowledgement(2), "there was room for it"

    asyncio.run(play())


def test_while_the_journal_takes_nothing_nothing_is_acknowledged(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Disk low: no acknowledgement, connections stay, a visible state; afterwards all is written and acknowledged."""

    async def play() -> None:
        async with site.run(limits=GatewayLimits(unflushed_frames=4)) as gateway:
            link = await Link.open(gateway)
            real = gateway.commit._writer.append_many

            def failing(frames: object) -> tuple[int, int]:
                raise JournalUnavailableError("disk low")

            monkeypatch.setattr(gateway.commit._writer, "append_many", failing)
            await link.send(b"".join(upload(n) for n in range(4)))
            await until(lambda: gateway.commit.health.failures == 1)
            assert await link.silent()
            await link.send(upload(4))
            assert await link.silent()
            status = gateway.status()
            assert (status["journal"], status["journal_reason"]) == ("failing", "disk low")
            assert gateway.gauges()["journal_failing"] == 1
            assert gateway.counters.frames_accepted == 4, "the connection is not read while the disk fails"
            site.clock.advance(1)  # type: ignore[attr-defined]
            await until(lambda: gateway.commit.health.failures == 2)
            assert gateway.gauges()["connections"] == 1
            monkeypatch.setattr(gateway.commit._writer, "append_many", real)
            site.clock.advance(1)  # type: ignore[attr-defined]
            for n in range(5):
                assert await link.receive() == acknowledgement(n)
            assert gateway.status()["journal"] == "ok"
            assert len(site.frames()) == 5

    asyncio.run(play())


def test_all_connections_wait_when_too_much_waits_for_the_disk(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.publish(device(), device(MN2))

    async def play() -> None:
        async with site.run(limits=GatewayLimits(unflushed_frames_total=3)) as gateway:
            first, second = await Link.open(gateway), await Link.open(gateway)
            real = gateway.commit._writer.append_many

            def failing(frames: object) -> tuple[int, int]:
                raise JournalUnavailableError("disk full")

            monkeypatch.setattr(gateway.commit._writer, "append_many", failing)
            await first.send(b"".join(upload(n) for n in range(3)))
            await until(lambda: gateway.commit.waiting == 3)
            await second.send(upload(3, MN2))
            await until(lambda: gateway.commit.waiting == 4)
            await second.send(upload(4, MN2))
            assert await second.silent()
            assert gateway.commit.waiting == 4
            monkeypatch.setattr(gateway.commit._writer, "append_many", real)
            site.clock.advance(1)  # type: ignore[attr-defined]
            assert [await first.receive() for _ in range(3)] == [acknowledgement(n) for n in range(3)]
            assert [await second.receive() for _ in range(2)] == [acknowledgement(n, MN2) for n in (3, 4)]

    asyncio.run(play())


def test_an_error_in_one_connection_costs_only_that_one(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.publish(device(), device(MN2))

    async def play() -> None:
        async with site.run() as gateway:
            good, bad = await Link.open(gateway), await Link.open(gateway)
            find = gateway.registry.find

            def broken(mn: str) -> object:
                if mn == MN2:
                    raise RuntimeError("a bug")
                return find(mn)

            monkeypatch.setattr(gateway.registry, "find", broken)
            await bad.send(upload(0, MN2))
            assert await bad.closed()
            await good.send(upload())
            assert await good.receive() == acknowledgement()
            assert gateway.counters.errors == 1

    asyncio.run(play())


def test_draining_acknowledges_what_was_received_and_then_closes(site: Site) -> None:
    async def play() -> None:
        async with site.run() as gateway:
            link = await Link.open(gateway)
            await link.send(b"".join(upload(n) for n in range(20)))
            await until(lambda: gateway.counters.frames_accepted == 20)
            port = gateway.port
            assert await gateway.drain() == 0
            assert [await link.receive() for _ in range(21)] == [acknowledgement(n) for n in range(20)] + [
                b""
            ]
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", port)
        assert len(site.frames()) == 20

    asyncio.run(play())


def test_devices_may_speak_tls(site: Site, tmp_path: Path) -> None:
    import ssl

    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-subj", "/CN=localhost", "-days", "2", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    trust = ssl.create_default_context(cafile=str(certificate))
    trust.check_hostname = False

    async def play() -> None:
        async with site.run(tls_certificate=certificate, tls_key=key, tls_port=0) as gateway:
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.tls_port, ssl=trust)
            writer.write(upload())
            assert await asyncio.wait_for(reader.readline(), 60) == acknowledgement()
            writer.close()
            plain = await Link.open(gateway)
            await plain.send(upload(1))
            assert await plain.receive() == acknowledgement(1)

    asyncio.run(play())


def test_settings_that_cannot_be_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="certificate"):
        GatewaySettings(tmp_path, tls_certificate=tmp_path / "c.pem")
    with pytest.raises(ValueError, match="certificate"):
        GatewaySettings(tmp_path, tls_port=1)
    with pytest.raises(ValueError, match="network"):
        GatewaySettings(tmp_path, allow=("nonsense",))


def test_an_operator_sets_other_limits() -> None:
    assert limits_from("") == GatewayLimits()
    assert limits_from(" frames_per_second=2.5  idle_seconds=3600 connections=7") == GatewayLimits(
        frames_per_second=2.5, idle_seconds=3600.0, connections=7
    )


@pytest.mark.parametrize(
    "text", ["colour=3", "connections", "connections=", "connections=2.5", "connections=0", "idle_seconds=-1",
             "idle_seconds=inf", "idle_seconds=nan", "idle_seconds=soon", "=7"],
)  # fmt: skip
def test_limits_that_cannot_be_are_named(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text.partition("=")[0])):
        limits_from(text)


def test_settings_travel_as_text(tmp_path: Path) -> None:
    settings = GatewaySettings(
        tmp_path, name="g2", allow=("10.0.0.0/8",), port=0, limits=GatewayLimits(connections=7)
    )
    assert GatewaySettings.from_json(settings.to_json()) == settings
    with pytest.raises(TypeError):
        GatewaySettings.from_json('{"data": "/x", "colour": "red"}')
