from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from tests.gateway.support import MN, MN2, MN2005, Link, Site, acknowledgement, device, raw, until, upload

from qingjian.gateway.presence import SqlitePresenceStore
from qingjian.journal import Kind


def test_a_frame_is_stored_and_then_acknowledged(site: Site) -> None:
    async def play() -> None:
        async with site.run() as gateway:
            link = await Link.open(gateway)
            await link.send(upload())
            assert await link.receive() == acknowledgement()
            (frame,) = site.frames()
            assert (frame.mn, frame.kind, frame.content) == (MN, Kind.ACCEPTED, upload())
            assert frame.directory_version == 1
            assert frame.policy
            assert frame.peer.startswith("127.0.0.1:")
            assert frame.connection == 1
            assert frame.received_at == site.clock.now()

    asyncio.run(play())


def test_frames_in_one_read_and_frames_in_pieces(site: Site) -> None:
    async def play() -> None:
        async with site.run() as gateway:
            link = await Link.open(gateway)
            await link.send(b"".join(upload(n) for n in range(50)))
            assert [await link.receive() for _ in range(50)] == [acknowledgement(n) for n in range(50)]
            for byte in upload(50):
                await link.send(bytes([byte]))
            assert await link.receive() == acknowledgement(50)
            assert [one.content for one in site.frames()] == [upload(n) for n in range(51)]

    asyncio.run(play())


def test_no_acknowledgement_where_none_is_asked_for(site: Site) -> None:
    async def play() -> None:
        async with site.run() as gateway:
            link = await Link.open(gateway)
            await link.send(upload(1, flag=4) + upload(2))
            assert await link.receive() == acknowledgement(2)
            assert len(site.frames()) == 2

    asyncio.run(play())


@pytest.mark.parametrize(("rule", "flag", "answered"), [("always", 4, True), ("never", 5, False)])
def test_the_policy_may_say_otherwise(site: Site, rule: str, flag: int, answered: bool) -> None:
    """Quirk 24: an acknowledgement is expected although Flag says no, or the other way round."""
    site.publish(device(policy={"acknowledge": rule}))

    async def play() -> None:
        async with site.run() as gateway:
            link = await Link.open(gateway)
            await link.send(upload(flag=flag))
            if answered:
                assert await link.receive() == acknowledgement()
            else:
                await until(lambda: len(site.frames()) == 1)
                assert await link.silent()

    asyncio.run(play())


def test_a_2005_device_is_answered_in_2005_shape(site: Site) -> None:
    site.publish(device(MN2005, edition="2005"))
    frame = raw(
        f"QN=20261121120000000;ST=32;CN=2051;PW=123456;MN={MN2005};Flag=1;"
        "CP=&&DataTime=20261121120000;011-Avg=1.0,011-Flag=N&&"
    )

    async def play() -> None:
        async with site.run() as gateway:
            link = await Link.open(gateway)
            await link.send(frame)
            assert await link.receive() == raw("ST=91;CN=9014;CP=&&QN=20261121120000000;CN=2051&&")

    asyncio.run(play())


def test_heartbeat_and_time_request(site: Site) -> None:
    """2025 9015 → 9013; 1013 → 9013, then the gateway sets the time with 1012, and everything sent is recorded."""

    async def play() -> None:
        async with site.run() as gateway:
            link = await Link.open(gateway)
            await link.send(raw(f"QN=20261121120000001;ST=91;CN=9015;PW=123456;MN={MN};Flag=9;CP=&&&&"))
            assert b"QN=20261121120000001;ST=91;CN=9013;" in await link.receive()
            await link.send(raw(f"QN=20261121120000002;ST=31;CN=1013;PW=123456;MN={MN};Flag=5;CP=&&&&"))
            answers = {await link.receive(), await link.receive()}
            assert any(b"QN=20261121120000002;ST=91;CN=9013;" in one for one in answers)
            (asked,) = [one for one in answers if b"CN=1012;" in one]
            assert b"SystemTime=20261121120000" in asked
            sent = [one for one in site.frames() if one.kind is Kind.SENT]
            assert [one.content for one in sent] == [asked]

    asyncio.run(play())


def test_a_variant_is_accepted_only_where_the_policy_names_it(site: Site) -> None:
    good = upload()
    broken = good[:-6] + b"0123\r\n"
    short = good.replace(b"##0", b"##", 1)  # three digits of length
    site.publish(device(), device(MN2, policy={"accept": ["length_three_digits"]}))

    async def play() -> None:
        async with site.run() as gateway:
            link = await Link.open(gateway)
            await link.send(upload(1))
            assert await link.receive() == acknowledgement(1)
            await link.send(broken + short + upload(2))
            assert await link.receive() == acknowledgement(2)
            refused = [one for one in site.frames() if one.kind is Kind.REFUSED]
            assert [one.content for one in refused] == [broken, short]
            assert [one.codes[0].code for one in refused] == ["check_wrong", "length_three_digits"]
            other = await Link.open(gateway)
            await other.send(upload(3, MN2).replace(b"##0", b"##", 1))
            assert await other.receive() == acknowledgement(3, MN2)
            assert site.frames()[-1].codes[0].code == "length_three_digits"
            await gateway.tick()
            (row,) = SqlitePresenceStore(site.folder.presence).read(MN)
            assert (row.accepted, row.refused, row.last_refusal) == (2, 2, "length_three_digits")

    asyncio.run(play())


def test_presence_tells_who_is_connected_and_how_its_clock_stands(site: Site) -> None:
    async def play() -> None:
        async with site.run() as gateway:
            link = await Link.open(gateway)
            site.clock.advance(7)  # type: ignore[attr-defined]
            await link.send(upload())
            await link.receive()
            await gateway.tick()
            store = SqlitePresenceStore(site.folder.presence)
            (row,) = store.read()
            assert row.online
            assert (row.gateway, row.accepted, row.clock_offset_seconds) == ("g1", 1, -7.0)
            link.close()
            await until(lambda: gateway.gauges()["connections"] == 0)
            await gateway.tick()
            (gone,) = store.read()
            assert not gone.online
            assert gone == replace(row, disconnected_at=site.clock.now())
        async with site.run() as gateway:
            link = await Link.open(gateway)
            await link.send(upload(1))
            await link.receive()
            await gateway.tick()
            assert SqlitePresenceStore(site.folder.presence).read()[0].accepted == 2, "counts go on"

    asyncio.run(play())
