from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from tests.gateway.support import (
    MN,
    MN2,
    Link,
    PatientClock,
    Site,
    acknowledgement,
    device,
    raw,
    until,
    upload,
)

from qingjian.gateway.quarantine import Quarantine, QuarantineStore, Sender
from qingjian.gateway.settings import GatewayLimits
from qingjian.journal import Kind


def senders(site: Site) -> dict[tuple[str, bool], Sender]:
    store = QuarantineStore(site.folder.presence.parent / "quarantine.sqlite3")
    return {(one.mn, one.registered): one for one in store.read()}


def test_an_unknown_device_is_sampled_counted_and_never_answered(site: Site) -> None:
    async def play() -> None:
        async with site.run(limits=GatewayLimits(samples_burst=3)) as gateway:
            link = await Link.open(gateway)
            await link.send(b"".join(upload(n, MN2) for n in range(10)))
            await until(lambda: gateway.counters.frames_unregistered == 10)
            assert await link.silent()
            await gateway.tick()
            one = senders(site)[MN2, False]
            assert (one.frames, one.kept, one.dropped) == (10, 3, 7)
            assert one.bytes == 10 * len(upload(0, MN2))
            assert one.last_reason == "unregistered"
            await until(lambda: len(site.frames()) == 3)
            kept = site.frames()
            assert [frame.kind for frame in kept] == [Kind.UNREGISTERED] * 3
            assert [frame.content for frame in kept] == [upload(n, MN2) for n in range(3)]

    asyncio.run(play())


def test_registration_takes_effect_on_an_open_connection(site: Site) -> None:
    async def play() -> None:
        async with site.run() as gateway:
            link = await Link.open(gateway)
            await link.send(upload(0, MN2))
            await until(lambda: gateway.counters.frames_unregistered == 1)
            site.publish(device(), device(MN2))
            await gateway.tick()
            await link.send(upload(1, MN2))
            assert await link.receive() == acknowledgement(1, MN2)
            site.publish(device())
            await gateway.tick()
            await link.send(upload(2, MN2))
            assert await link.silent()
            await until(lambda: len(site.frames()) == 3)
            assert [one.kind for one in site.frames()] == [
                Kind.UNREGISTERED,
                Kind.ACCEPTED,
                Kind.UNREGISTERED,
            ]

    asyncio.run(play())


@pytest.mark.parametrize(
    ("changes", "content", "reason"),
    [
        ({}, upload(pw="654321"), "password_wrong"),
        ({}, upload(pw="654321").replace(b"Rtd=1.0", b"Rtd=9.0"), "check_wrong"),
        ({"addresses": ("10.0.0.0/8",)}, upload(), "address_not_allowed"),
        ({"addresses": ("nonsense",)}, upload(), "address_not_allowed"),
    ],
    ids=["wrong password", "tampered", "from elsewhere", "unreadable address"],
)
def test_who_only_says_the_mn_is_not_the_device(
    site: Site, changes: dict[str, object], content: bytes, reason: str
) -> None:
    site.publish(device(**changes))

    async def play() -> None:
        async with site.run() as gateway:
            link = await Link.open(gateway)
            await link.send(content)
            await until(lambda: gateway.counters.frames_unregistered == 1)
            assert await link.silent()
            await gateway.tick()
            assert senders(site)[MN, False].last_reason == reason
            assert gateway.gauges()["devices_connected"] == 0

    asyncio.run(play())


def test_a_missing_password_counts_as_none(site: Site) -> None:
    segment = upload()[6:-6].replace(b"PW=123456;", b"")

    async def play() -> None:
        async with site.run() as gateway:
            link = await Link.open(gateway)
            await link.send(raw(segment))
            await until(lambda: gateway.counters.frames_unregistered == 1)
            await link.send(upload())
            assert await link.receive() == acknowledgement()
            await link.send(raw(segment))
            await until(lambda: gateway.counters.frames_accepted == 2)

    asyncio.run(play())


def test_noise_and_other_protocols_do_no_harm(site: Site) -> None:
    async def play() -> None:
        async with site.run() as gateway:
            noise = (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", bytes(range(256)) * 40, b"##9999" * 2_000)
            for content in noise:
                link = await Link.open(gateway)
                await link.send(content)
                link.close()
            good = await Link.open(gateway)
            await good.send(b"\x16\x03\x01\x02" + upload())
            assert await good.receive() == acknowledgement()
            await until(lambda: gateway.gauges()["connections"] == 1)
            await gateway.tick()
            known = senders(site)["", False]
            assert known.bytes == sum(map(len, noise)) + 4
            assert known.frames == known.kept + known.dropped
            assert gateway.counters.errors == 0

    asyncio.run(play())


def test_refused_bytes_of_a_device_are_kept_under_a_quota(site: Site) -> None:
    broken = upload()[:-6] + b"0123\r\n"

    async def play() -> None:
        limits = GatewayLimits(refused_bytes_burst=len(broken) * 3, refused_bytes_per_day=1)
        async with site.run(limits=limits) as gateway:
            link = await Link.open(gateway)
            await link.send(upload())
            await link.receive()
            await link.send(broken * 8 + upload(1))
            assert await link.receive() == acknowledgement(1)
            await gateway.tick()
            one = senders(site)[MN, True]
            assert (one.frames, one.kept, one.dropped) == (8, 3, 5)
            assert gateway.counters.samples_dropped == 5
            assert sum(frame.kind is Kind.REFUSED for frame in site.frames()) == 3

    asyncio.run(play())


def test_a_device_whose_every_frame_is_refused_is_seen_as_that_device(site: Site) -> None:
    """Another check algorithm: nothing is accepted, but the bytes are the device's refused bytes."""
    from qingjian.gateway.presence import SqlitePresenceStore

    broken = upload()[:-6] + b"0123\r\n"

    async def play() -> None:
        async with site.run() as gateway:
            link = await Link.open(gateway)
            await link.send(broken * 3)
            await until(lambda: len(site.frames()) == 3)
            site.clock.advance(120)  # type: ignore[attr-defined]
            await gateway.tick()
            assert [one.kind for one in site.frames()] == [Kind.REFUSED] * 3
            assert senders(site)[MN, True].frames == 3
            (row,) = SqlitePresenceStore(site.folder.presence).read(MN)
            assert (row.refused, row.last_refusal, row.online) == (3, "check_wrong", False)
            assert gateway.gauges()["connections"] == 1
            await link.send(broken.replace(b"123456", b"654321"))
            await until(lambda: gateway.counters.bytes_received == 4 * len(broken))

    asyncio.run(play())


def test_a_2025_logger_without_mn_is_heard_and_its_1001_answered(site: Site) -> None:
    asking = raw(
        "QN=20261121120000001;ST=91;CN=1001;PW=123456;MN=;Flag=9;"
        "CP=&&i23005-Info=LOGGER7;i23006-Info=CPU1;i23007-Info=MAC1&&"
    )

    async def play() -> None:
        async with site.run() as gateway:
            link = await Link.open(gateway)
            await link.send(asking)
            assert b"QN=20261121120000001;ST=91;CN=9013;" in await link.receive()
            await gateway.tick()
            assert senders(site)["hardware:LOGGER7", False].last_reason == "registration_wanted"
            assert [one.kind for one in site.frames()] == [Kind.UNREGISTERED]

    asyncio.run(play())


def test_more_senders_than_are_counted_one_by_one_are_counted_together(tmp_path: object) -> None:
    clock = PatientClock()
    quarantine = Quarantine(GatewayLimits(senders=5), clock)
    for number in range(50):
        quarantine.unknown(f"M{number}", "10.0.0.1", 10, "unregistered")
    rows = quarantine.flush()
    assert sum(one.frames for one in rows) == 50
    assert len(rows) == 6
    assert quarantine.flush() == []
    quarantine.give_back(rows)
    assert sum(one.frames for one in quarantine.flush()) == 50


def test_the_store_adds_up_over_processes_and_stays_bounded(site: Site) -> None:
    path = site.folder.presence.parent / "quarantine.sqlite3"
    now = site.clock.now()
    stores = [QuarantineStore(path, senders=4) for _ in range(2)]
    for number in range(10):
        for store in stores:
            at = now + timedelta(seconds=number)
            store.add([Sender(f"M{number}", "a", False, 2, 20, 1, 1, "unregistered", at, at)])
    rows = stores[0].read()
    assert sum(one.frames for one in rows) == 40
    assert sum(one.bytes for one in rows) == 400
    assert {one.mn for one in rows} == {"M6", "M7", "M8", "M9", "*"}, "new ones are always seen"
    assert stores[0].forget("M9") == 1
    assert len(stores[1].read(registered=False)) == 4
    assert stores[1].read(registered=True) == []
