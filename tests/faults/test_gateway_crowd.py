"""Crowds and bad neighbours: a thousand devices, and others that misbehave while they are served."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest
from tests.gateway.support import Link, PatientClock, Site, device, raw, until, upload

from qingjian.gateway.settings import GatewayLimits

pytestmark = pytest.mark.faults


def mn_of(number: int) -> str:
    return f"{number:024X}"


def test_a_thousand_connections_each_get_their_acknowledgements(tmp_path: Path) -> None:
    site = Site(tmp_path / "data", PatientClock())
    site.publish(*(device(mn_of(number)) for number in range(1_000)))

    async def play() -> None:
        async with site.run() as gateway:
            links = [await Link.open(gateway) for _ in range(1_000)]
            for turn in range(3):
                for number, link in enumerate(links):
                    link.writer.write(upload(turn, mn_of(number)))
                answers = await asyncio.gather(*(link.receive(60) for link in links))
                for number, answer in enumerate(answers):
                    assert f"MN={mn_of(number)};".encode() in answer
                    assert f"QN=20261121120000{turn:03d};".encode() in answer
            await gateway.tick()
            assert gateway.gauges()["devices_connected"] == 1_000
        assert len(site.frames()) == 3_000

    asyncio.run(play())


def test_good_devices_are_served_while_others_misbehave(tmp_path: Path) -> None:
    """Noise, half frames, floods, slow drips, wrong checks, aborted connections; the good lose nothing."""
    site = Site(tmp_path / "data", PatientClock())
    site.publish(*(device(mn_of(number)) for number in range(20)))
    chance = random.Random(7)
    stop = False

    async def bad(gateway: object, manner: int) -> None:
        while not stop:
            link = await Link.open(gateway)  # type: ignore[arg-type]
            try:
                for _ in range(20):
                    if manner == 0:
                        await link.send(os.urandom(chance.randrange(1, 5_000)))
                    elif manner == 1:
                        await link.send(upload(mn=mn_of(19))[: chance.randrange(1, 90)])
                    elif manner == 2:
                        await link.send(b"##9999QN=" + b"2" * 4_000)
                    elif manner == 3:
                        await link.send(upload(mn=mn_of(18))[:-6] + b"0000\r\n")
                    elif manner == 4:
                        await link.send(upload(mn="unknown") * 50)
                    else:
                        await link.send(raw(f"QN=1;ST=31;CN=2011;PW=bad;MN={mn_of(17)};Flag=5;CP=&&a=1&&"))
                    await asyncio.sleep(0)
                    if stop:
                        break
            except ConnectionError:
                pass
            link.writer.transport.abort()

    async def good(gateway: object, number: int) -> None:
        link = await Link.open(gateway)  # type: ignore[arg-type]
        for turn in range(40):
            await link.send(upload(turn, mn_of(number)))
            assert f"QN=20261121120000{turn:03d};".encode() in await link.receive(60)

    async def play() -> None:
        nonlocal stop
        async with site.run(limits=GatewayLimits(unregistered_connections=5)) as gateway:
            bads = [asyncio.ensure_future(bad(gateway, manner)) for manner in range(6)]
            await asyncio.gather(*(good(gateway, number) for number in range(10)))
            stop = True
            await asyncio.gather(*bads)
            await until(lambda: gateway.gauges()["connections"] <= 10)
            assert gateway.counters.errors == 0
            assert gateway.counters.frames_unregistered > 100
        accepted = [one for one in site.frames() if one.kind.value == "accepted"]
        assert len(accepted) == 400

    asyncio.run(play())
