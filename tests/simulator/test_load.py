"""Load frames are canonical, numbered without repetition, and answered ones are counted."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.simulator.hosts import Listening, SteppedClock

from qingjian.hj212.decoder import Framer
from qingjian.simulator import load

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@settings(max_examples=30)
@given(st.integers(0, 99_999), st.integers(1, 25), st.sampled_from(["2005", "2017", "2025"]))
def test_frames_decode_as_they_were_meant(number: int, values: int, edition: str) -> None:
    framer = Framer()
    seen = set()
    for qn, frame in islice(load.frames(number, values, NOW, timedelta(milliseconds=1), edition), 3):
        (stretch,) = framer.feed(frame)
        message = stretch.message
        assert message is not None
        assert message.edition == edition
        # The load's MN has the form of 2017 and 2025; 2005 takes any, and says so.
        tolerated = {"factor_unknown", "segment_over_1024"} | ({"mn_form"} if edition == "2005" else set())
        assert {one.code for one in message.deviations} <= tolerated
        assert message.qn == qn.decode()
        assert message.mn == load.mn(number)
        assert message.need_answer
        assert sum(one.suffix == "Rtd" for one in message.items) == values
        seen.add(qn)
    assert len(seen) == 3


def test_devices_are_what_a_directory_needs() -> None:
    rows = load.devices(3, 20)
    assert len({row["mn"] for row in rows}) == 3
    assert all(len(row["mn"]) == 24 and len(row["factors"]) == 20 for row in rows)


@pytest.mark.parametrize("edition", ["2005", "2017", "2025"])
def test_a_run_counts_answers_and_measures_them(edition: str) -> None:
    async def work() -> load.LoadResult:
        clock = SteppedClock(NOW)
        listening = Listening(clock)
        port = await listening.start()
        try:
            return await load.run(
                "127.0.0.1", port, fleet=5, rate=400.0, values=20, seconds=0.5, clock=clock, edition=edition
            )
        finally:
            await listening.stop()

    result = asyncio.run(work())
    assert result.connections == 5
    assert result.sent == result.acknowledged
    assert 180 <= result.sent <= 200
    assert result.lost_connections == 0
    assert result.other_answers == 0
    assert 0 <= result.median_ms <= result.p99_ms <= result.greatest_ms


def test_impossible_loads_are_refused() -> None:
    async def work() -> None:
        with pytest.raises(ValueError, match="正数"):
            await load.run("127.0.0.1", 9, fleet=0, rate=1.0, values=1, seconds=1.0, clock=SteppedClock(NOW))
        with pytest.raises(OSError, match="Connect"):
            await load.run("127.0.0.1", 9, fleet=1, rate=1.0, values=1, seconds=1.0, clock=SteppedClock(NOW))

    asyncio.run(work())
