from __future__ import annotations

import asyncio

from tests.gateway.support import MN, Link, Site, acknowledgement, upload

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

    asyncio.run(play())
