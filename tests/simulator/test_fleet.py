"""A fleet against a small host over loopback: delivery, commands, reconnecting, misbehaviour."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs
from tests.simulator.hosts import Listening, SteppedClock, items, until

from qingjian.hj212.policy import Policy
from qingjian.hj212.sessions import host as host_session
from qingjian.hj212.sessions.actions import Command, CommandFailed, CommandFinished, Received
from qingjian.simulator import demo
from qingjian.simulator.fleet import Fleet, Link, UnreachedError
from qingjian.simulator.process import links
from qingjian.simulator.settings import SimulatorSettings, Tampering

NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
AIR = "990121002200000000000001"
SIGNAL = "990121002200000000000101"
RIVER = "990121002100000000000001"
TURBINE = "990121003100000000000001"
KILN = "990121003100000000000002"
BOILER = "990121003100000000000003"
FOOD = "99012100000032"
POLICIES = {
    row["mn"]: Policy(edition=row["edition"], sm4_key=bytes.fromhex(row["sm4_key_hex"]) or None)
    for row in demo.county()["devices"]
}
Body = Callable[[Listening, Fleet, SteppedClock], Awaitable[None]]


def run(
    body: Body, *, now: datetime = NOW, policies: dict[str, Policy] | None = None, **settings: object
) -> None:
    """Run a fleet and a host in one loop while `body` looks on."""

    async def work() -> None:
        clock = SteppedClock(now)
        listening = Listening(clock, POLICIES if policies is None else policies)
        port = await listening.start()
        fleet = Fleet(links(SimulatorSettings(port=port, **settings), clock), clock)  # type: ignore[arg-type]
        stop = asyncio.Event()
        task = asyncio.create_task(fleet.run(stop))
        try:
            await body(listening, fleet, clock)
        finally:
            stop.set()
            await task
            await listening.stop()

    asyncio.run(work())


def count(listening: Listening, mn: str, cn: str) -> int:
    return sum(message.cn == cn for message in listening.station(mn).messages)


def test_every_demo_device_delivers_frames_the_decoder_finds_canonical() -> None:
    async def body(listening: Listening, fleet: Fleet, clock: SteppedClock) -> None:
        await until(lambda: len(listening.stations) == len(fleet.links), clock)
        await until(lambda: all(link.logger.waiting == 0 for link in fleet.links), clock, 40_000)
        assert not listening.refusals
        # Private codes and ozone stand in no table of the standard; nothing else may deviate.
        expected = {"factor_unknown"}
        seen = {
            one.code
            for station in listening.stations.values()
            for message in station.messages
            for one in message.deviations
        }
        assert seen <= expected
        assert {
            message.edition for station in listening.stations.values() for message in station.messages
        } == {"2005", "2017", "2025"}
        state = fleet.state()
        assert state.connected == len(fleet.links)
        assert state.dropped == 0

    run(body, backfill_hours=3.0)


def test_real_hours_come_within_the_first_minute_and_equal_the_source() -> None:
    async def body(listening: Listening, fleet: Fleet, clock: SteppedClock) -> None:
        await until(lambda: count(listening, AIR, "2061") >= 26, clock)
        assert clock.now() - NOW < timedelta(minutes=1)
        for message in listening.station(AIR).messages:
            if message.cn == "2061":
                start = datetime.fromisoformat(message.items[0].time or "")
                readings = demo.recorder(AIR).record("hour", start, 3600)
                assert items(message) == {
                    f"{one.factor}-{name}": value for one in readings for name, value in one.values.items()
                }
        assert count(listening, AIR, "2011") == 0, "a real source is never cut finer than it is"

    run(body, devices=(AIR,))


def test_pages_stay_alive_with_marked_signals() -> None:
    async def body(listening: Listening, fleet: Fleet, clock: SteppedClock) -> None:
        await until(lambda: count(listening, SIGNAL, "2011") >= 3, clock, 100_000)
        assert clock.now() - NOW < timedelta(seconds=75)
        origins = {row["origin"] for row in demo.county()["series"] if row["device"] == SIGNAL}
        assert origins == {"simulated"}

    run(body, devices=(SIGNAL,))


def test_2025_backfills_newest_first_with_rf_and_encrypts() -> None:
    async def body(listening: Listening, fleet: Fleet, clock: SteppedClock) -> None:
        await until(
            lambda: fleet.links[0].logger.waiting == 0 and count(listening, KILN, "2061") >= 5, clock, 60_000
        )
        messages = [one for one in listening.station(KILN).messages if one.cn == "2061"]
        late = [one for one in messages if one.rf]
        assert len(late) >= 5
        starts = [one.items[0].time for one in late]
        assert starts == sorted(starts, reverse=True)
        assert all(one.encrypted for one in messages)
        assert "a21026-ZsAvg" in items(messages[0])

    run(body, devices=(KILN,), backfill_hours=6.0)


def test_commands_are_answered_and_done() -> None:
    async def body(listening: Listening, fleet: Fleet, clock: SteppedClock) -> None:
        await until(lambda: count(listening, BOILER, "2081") == 1, clock)
        begin = datetime(2026, 11, 20, 16, tzinfo=UTC)
        listening.command(BOILER, host_session.history("hours", "2061", begin, begin + timedelta(hours=5)))
        listening.command(BOILER, host_session.history("minutes", "2051", begin, begin + timedelta(hours=3)))
        listening.command(
            BOILER, host_session.history("days", "2031", begin - timedelta(days=2), begin - timedelta(days=1))
        )
        listening.command(
            BOILER,
            host_session.history("running", "2041", begin - timedelta(days=1), begin - timedelta(days=1)),
        )
        listening.command(
            BOILER, host_session.history("future", "2061", NOW + timedelta(days=1), NOW + timedelta(days=2))
        )
        read = ("1011", "1061", "1063", "3015", "3017", "3018", "3019", "3020")
        done = ("3011", "3012", "3013", "3014")
        for cn in (*read, *done):
            listening.command(
                BOILER,
                Command(
                    cn, cn, ((("PolId", "a21026"),), (("InfoId", "i11001"),)) if cn.startswith("3") else ()
                ),
            )
        listening.command(BOILER, Command("stop", "2012"))
        listening.command(BOILER, Command("start", "2011"))
        listening.command(BOILER, Command("interval", "1062", ((("RtdInterval", "60"),),)))
        listening.command(BOILER, Command("minute", "1064", ((("MinInterval", "5"),),)))
        listening.command(
            BOILER,
            Command(
                "slope", "3021", ((("PolId", "a21026"),), (("InfoId", "i13004"),), (("i13004-Info", "1.05"),))
            ),
        )
        listening.command(
            BOILER,
            Command("bad", "3016", ((("PolId", "a21026"),), (("CstartTime", "9"),), (("Ctime", "99"),))),
        )
        wanted = 5 + len(read) + len(done) + 6
        events = listening.station(BOILER).events

        def over() -> int:
            return sum(isinstance(one, CommandFinished | CommandFailed) for one in events)

        await until(lambda: over() == wanted, clock, 60_000)
        finished = {one.id: one for one in events if isinstance(one, CommandFinished)}
        failed = {one.id: one for one in events if isinstance(one, CommandFailed)}
        assert set(failed) == {"bad"}
        assert failed["bad"].value == 3
        assert (finished["hours"].uploads, finished["minutes"].uploads, finished["days"].uploads) == (
            6,
            19,
            2,
        )
        assert finished["future"].value == 100
        received = [one.message for one in events if isinstance(one, Received) and one.command_id is not None]
        answers = {one.cn: one for one in received}
        assert set(read) <= set(answers)
        assert answers["1061"].parameters["RtdInterval"] == "15"
        assert "//" in items(answers["3020"])["i11001-Info"]
        assert items(answers["2041"])["SB1-RT"] == "24.0"
        hours = [one for one in received if one.cn == "2061"]
        for one in hours:
            start = datetime.fromisoformat(one.items[0].time or "")
            assert (
                items(one)["a21026-Avg"]
                == dict(demo.recorder(BOILER).record("hour", start, 3600)[0].values)["Avg"]
            )
        settings = fleet.links[0].logger.settings
        assert (settings["realtime"], settings["rtd_interval"], settings["min_interval"]) == ("on", "60", "5")

    run(body, devices=(BOILER,), backfill_hours=0.0)


def test_a_2005_device_answers_in_its_own_shape() -> None:
    async def body(listening: Listening, fleet: Fleet, clock: SteppedClock) -> None:
        await until(lambda: count(listening, FOOD, "2011") >= 1, clock)
        begin = datetime(2026, 11, 20, 16, tzinfo=UTC)
        listening.command(
            FOOD, host_session.history("hours", "2061", begin, begin + timedelta(hours=2), edition="2005")
        )
        listening.command(FOOD, Command("limits", "1021"))
        events = listening.station(FOOD).events
        await until(lambda: sum(isinstance(one, CommandFinished) for one in events) == 2, clock, 20_000)
        (hours,) = [one for one in events if isinstance(one, CommandFinished) and one.id == "hours"]
        assert hours.uploads == 3
        assert {one.edition for one in listening.station(FOOD).messages} == {"2005"}

    run(body, devices=(FOOD,), backfill_hours=0.0)


def test_the_clock_is_set_and_calibration_marks_values() -> None:
    async def body(listening: Listening, fleet: Fleet, clock: SteppedClock) -> None:
        await until(lambda: count(listening, BOILER, "2011") >= 1, clock)
        listening.command(BOILER, Command("calibrate", "3011", ((("PolId", "a21026"),),)))
        listening.command(BOILER, Command("time", "1012", ((("SystemTime", "20261121213000"),),)))

        def marked() -> bool:
            return any(
                items(one).get("a21026-Flag") == "C"
                for one in listening.station(BOILER).messages
                if one.cn == "2011"
            )

        await until(marked, clock, 20_000)
        newest = [one for one in listening.station(BOILER).messages if one.cn == "2011"][-1]
        assert (newest.items[0].time or "").startswith("2026-11-21T21:3"), "an hour ahead, as the host said"

    run(body, devices=(BOILER,), backfill_hours=0.0)


def test_nothing_is_lost_while_the_link_is_down_and_it_is_said_once() -> None:
    async def body(listening: Listening, fleet: Fleet, clock: SteppedClock) -> None:
        link = fleet.links[0]
        await until(lambda: count(listening, RIVER, "2051") >= 4, clock)
        port = listening.transports[0].get_extra_info("sockname")[1]
        await listening.stop()
        await until(lambda: not link.logger.connected, clock)
        down = clock.now()
        clock.advance(3 * 3600)
        await until(lambda: link.logger.waiting >= 12, clock)
        assert await listening.start(port) == port
        await until(lambda: link.logger.connected and link.logger.waiting == 0, clock, 60_000)
        starts = Counter(one.items[0].time for one in listening.station(RIVER).messages if one.cn == "2051")
        due = [down.replace(minute=0, second=0, microsecond=0) + n * timedelta(minutes=15) for n in range(12)]
        for start in due:
            assert any(datetime.fromisoformat(text or "") == start for text in starts), start
        assert link.connects >= 2
        await until(lambda: len(said) == 2, clock)
        assert (link.problem, [one["log_level"] for one in said]) == ("", ["warning", "info"])
        assert str(port) in said[0]["reason"]
        assert sum(one.cn == "2081" for one in listening.station(RIVER).messages) <= 2

    with capture_logs() as said:
        run(body, devices=(RIVER,), backfill_hours=1.0)


def unused_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_a_fleet_nobody_ever_answered_gives_up_after_its_tries_and_says_so() -> None:
    async def work(tries: int) -> list[Link]:
        clock = SteppedClock(NOW)
        found = links(SimulatorSettings(port=port, devices=(AIR, RIVER), tries=tries), clock)
        stop = asyncio.Event()
        fleet = Fleet(found, clock, tries=tries, say=said.append)
        task = asyncio.create_task(fleet.run(stop))
        await until(lambda: task.done() or all(link.failures > 6 for link in found), clock, 60_000)
        stop.set()
        try:
            await task
        finally:
            failures.append([link.failures for link in found])
        return found

    port = unused_port()
    failures: list[list[int]] = []
    said: list[str] = []
    with pytest.raises(UnreachedError, match=str(port)):
        asyncio.run(work(3))
    assert min(failures[0]) == 3
    (told,) = said
    assert f"连不上 127.0.0.1:{port}" in told
    assert f"cannot reach 127.0.0.1:{port}" in told
    asyncio.run(work(0))
    assert min(failures[1]) > 6, "without a number of tries they go on"


def test_a_host_that_never_answers_makes_the_logger_resend_and_reconnect() -> None:
    async def body(listening: Listening, fleet: Fleet, clock: SteppedClock) -> None:
        listening.answers = False
        link = fleet.links[0]
        await until(lambda: link.connects >= 2, clock, 60_000)
        starts = [one.qn for one in listening.station(AIR).messages if one.cn == "2061"]
        assert max(Counter(starts).values()) == 4, "sent once and three times again"
        listening.answers = True
        await until(lambda: link.logger.connected and link.logger.waiting == 0, clock, 60_000)

    run(body, devices=(AIR,), backfill_hours=2.0)


@pytest.mark.parametrize(
    ("quirk", "deviation"),
    [("spaces", "spaces"), ("crc_lower", "check_lower_case"), ("lf_only", "terminator_form"), ("halves", "")],
)
def test_quirks_reach_the_wire(quirk: str, deviation: str) -> None:
    async def body(listening: Listening, fleet: Fleet, clock: SteppedClock) -> None:
        await until(lambda: count(listening, BOILER, "2011") >= 2, clock, 60_000)
        uploads = [one for one in listening.station(BOILER).messages if one.cn == "2011"]
        found = {one.code for message in uploads for one in message.deviations}
        assert found == ({deviation} if deviation else set())

    run(body, devices=(BOILER,), backfill_hours=0.0, quirks={BOILER: (quirk,)})


def test_quirks_of_behaviour() -> None:
    async def second(listening: Listening, fleet: Fleet, clock: SteppedClock) -> None:
        await until(
            lambda: len([one for one in listening.transports if not one.is_closing()]) == 2, clock, 20_000
        )

    run(second, devices=(BOILER,), backfill_hours=0.0, quirks={BOILER: ("second_connection",)})

    async def unasked(listening: Listening, fleet: Fleet, clock: SteppedClock) -> None:
        await until(lambda: count(listening, AIR, "2061") >= 12, clock, 60_000)
        uploads = [one for one in listening.station(AIR).messages if one.cn == "2061"]
        assert {one.flag for one in uploads} == {4}
        assert max(Counter(one.qn for one in uploads).values()) > 1, (
            "it waits for an answer it did not ask for"
        )

    run(unasked, devices=(AIR,), backfill_hours=2.0, quirks={AIR: ("wants_answer_unasked",)})

    async def ignoring(listening: Listening, fleet: Fleet, clock: SteppedClock) -> None:
        await until(lambda: count(listening, AIR, "2061") >= 2, clock)
        listening.answers = False
        assert {one.flag for one in listening.station(AIR).messages if one.cn == "2061"} == {5}
        assert fleet.links[0].logger.waiting == 0

    run(ignoring, devices=(AIR,), backfill_hours=2.0, quirks={AIR: ("ignores_answer",)})


def test_tampering_reaches_the_wire_and_settings_are_checked() -> None:
    async def body(listening: Listening, fleet: Fleet, clock: SteppedClock) -> None:
        await until(lambda: count(listening, BOILER, "2011") >= 1, clock)
        uploads = [one for one in listening.station(BOILER).messages if one.cn == "2011"]
        assert items(uploads[0])["a21026-Rtd"] == "3.00"

    run(
        body,
        devices=(BOILER,),
        backfill_hours=0.0,
        tampering=(Tampering(BOILER, "constant", 3.0, ("a21026",)),),
    )
    clock = SteppedClock(NOW)
    for bad in (
        {"devices": ("FFFF",)},
        {"quirks": {"FFFF": ("spaces",)}},
        {"quirks": {KILN: ("spaces",)}},
        {"quirks": {AIR: ("clock_drift",)}},
        {"tampering": (Tampering(AIR, "constant", 1.0),)},
    ):
        with pytest.raises(ValueError, match=r"MN|加密|回放"):
            links(SimulatorSettings(**bad), clock)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="quirks"):
        SimulatorSettings(quirks={AIR: ("unheard_of",)})
    with pytest.raises(ValueError, match="kind"):
        Tampering(AIR, "invisible")
    settings = SimulatorSettings(
        port=1234, quirks={"*": ("spaces",)}, tampering=(Tampering(BOILER, "scaled", 0.5, ("a21026",)),)
    )
    assert SimulatorSettings.from_json(settings.to_json()) == settings
