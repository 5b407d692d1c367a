from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.gateway.support import MN, MN2005, Link, Site, acknowledgement, device, raw, until, upload

from qingjian.contracts.commands import Command, CommandState
from qingjian.gateway.commands import SqliteCommandQueue
from qingjian.gateway.dialogue import groups_of
from qingjian.gateway.server import Gateway
from qingjian.hj212.decoder import decode_frame
from qingjian.hj212.message import Message
from qingjian.journal import Kind


def order(site: Site, number: int = 1, **changes: Any) -> Command:
    now = site.clock.now()
    made = Command(
        id=f"c{number}",
        mn=MN,
        code="2061",
        parameters={"BeginTime": "20261121000000", "EndTime": "20261121010000"},
        author="张三",
        authorisation="gap rule",
        created_at=now + timedelta(milliseconds=number),
        expires_at=now + timedelta(minutes=10),
    )
    return replace(made, **changes)


def queue(site: Site) -> SqliteCommandQueue:
    return SqliteCommandQueue(site.folder.commands)


def state(site: Site, number: int = 1) -> Command:
    found = queue(site).get(f"c{number}")
    assert found is not None
    return found


async def connected(site: Site, gateway: Gateway, mn: str = MN) -> Link:
    link = await Link.open(gateway)
    await link.send(upload(mn=mn))
    assert await link.receive()
    await gateway.tick()  # what the device was sent before is adopted
    return link


async def asked(gateway: Gateway, link: Link) -> Message:
    """Let the gateway hand out its commands and return what the device gets."""
    await gateway.tick()
    got = decode_frame(await link.receive())
    assert isinstance(got, Message)
    return got


def answer(cn: str, qn: str | None, value: str, mn: str = MN) -> bytes:
    return raw(f"QN={qn};ST=91;CN={cn};PW=123456;MN={mn};Flag=4;CP=&&{value}&&")


def history(number: int, hour: int) -> bytes:
    return raw(
        f"QN=20261121130000{number:03d};ST=31;CN=2061;PW=123456;MN={MN};Flag=5;"
        f"CP=&&DataTime=20261121{hour:02d}0000;a21026-Avg=1.0,a21026-Flag=N&&"
    )


def test_a_command_is_sent_answered_and_ended(site: Site) -> None:
    async def play() -> None:
        async with site.run() as gateway:
            link = await connected(site, gateway)
            queue(site).put(order(site))
            got = await asked(gateway, link)
            assert (got.cn, got.st, got.mn, got.pw, got.need_answer) == ("2061", "31", MN, "123456", True)
            assert got.cp == b"BeginTime=20261121000000;EndTime=20261121010000"
            sent = state(site)
            assert (sent.state, sent.qn, sent.claimed_by) == (CommandState.SENT, got.qn, "g1")
            await link.send(answer("9011", got.qn, "QnRtn=1"))
            await until(lambda: state(site).state is CommandState.ACCEPTED)
            await link.send(history(1, 0) + history(2, 1))
            assert b"CN=9014;" in await link.receive()
            assert b"CN=9014;" in await link.receive()
            await link.send(answer("9012", got.qn, "ExeRtn=1"))
            await until(lambda: state(site).state.is_final)
            done = state(site)
            assert (done.state, done.result_code) == (CommandState.SUCCEEDED, "ExeRtn=1")
            frames = {one.id: one for one in site.frames()}
            said = [frames[one] for one in done.answers]
            assert [one.kind for one in said] == [Kind.SENT] + [Kind.ACCEPTED] * 4
            assert b"CN=2061" in said[0].content
            assert said[2].content == history(1, 0)

    asyncio.run(play())


@pytest.mark.parametrize(
    ("answers", "ended", "result"),
    [
        ((("9011", "QnRtn=2"),), CommandState.REFUSED, "QnRtn=2"),
        ((("9011", "QnRtn=1"), ("9012", "ExeRtn=3")), CommandState.FAILED, "ExeRtn=3"),
        ((("9011", "QnRtn=1"), ("9012", "ExeRtn=100")), CommandState.SUCCEEDED, "ExeRtn=100"),
    ],
    ids=["refused", "failed", "no data"],
)
def test_how_a_command_may_end(
    site: Site, answers: tuple[tuple[str, str], ...], ended: CommandState, result: str
) -> None:
    async def play() -> None:
        async with site.run() as gateway:
            link = await connected(site, gateway)
            queue(site).put(order(site))
            got = await asked(gateway, link)
            for cn, value in answers:
                await link.send(answer(cn, got.qn, value))
            await until(lambda: state(site).state.is_final)
            assert (state(site).state, state(site).result_code) == (ended, result)

    asyncio.run(play())


def test_an_unanswered_request_is_resent_and_then_given_up(site: Site) -> None:
    async def play() -> None:
        async with site.run() as gateway:
            link = await connected(site, gateway)
            queue(site).put(order(site))
            first = await asked(gateway, link)
            for _ in range(3):
                site.clock.advance(10)  # type: ignore[attr-defined]
                again = await asked(gateway, link)
                assert again.qn == first.qn
            site.clock.advance(10)  # type: ignore[attr-defined]
            await gateway.tick()
            await until(lambda: state(site).state.is_final)
            assert (state(site).state, state(site).result_code) == (CommandState.FAILED, "no_answer")
            assert sum(one.kind is Kind.SENT for one in site.frames()) == 4
            await link.send(upload(9))
            assert await link.receive() == acknowledgement(9), "data still flow"

    asyncio.run(play())


@pytest.mark.parametrize("days", [-1, 1])
def test_a_clock_that_jumps_does_not_stop_commands(site: Site, days: int) -> None:
    async def play() -> None:
        async with site.run() as gateway:
            link = await connected(site, gateway)
            queue(site).put(order(site, expires_at=site.clock.now() + timedelta(days=9)))
            await asked(gateway, link)
            site.clock.set_wall(site.clock.now() + timedelta(days=days))  # type: ignore[attr-defined]
            for _ in range(8):
                await gateway.tick()
                site.clock.advance(61)  # type: ignore[attr-defined]
            await until(lambda: state(site).state.is_final)
            assert state(site).result_code == "no_answer"
            await link.send(upload(7))
            answers = [await link.receive() for _ in range(4)]
            assert answers[-1] == acknowledgement(7)

    asyncio.run(play())


def test_commands_of_a_device_go_one_after_another(site: Site) -> None:
    async def play() -> None:
        async with site.run() as gateway:
            link = await connected(site, gateway)
            for number in range(1, 71):
                queue(site).put(order(site, number))
            seen = []
            for _ in range(70):
                got = await asked(gateway, link)
                seen.append(got.qn)
                await link.send(answer("9011", got.qn, "QnRtn=1") + answer("9012", got.qn, "ExeRtn=1"))
                number = len(seen)
                await until(lambda number=number: state(site, number).state is CommandState.SUCCEEDED)
            assert len(set(seen)) == 70, "no QN twice although the clock stood still"
            assert seen == sorted(seen)

    asyncio.run(play())


def test_a_command_waits_for_its_device_and_expires_without_it(site: Site) -> None:
    async def play() -> None:
        async with site.run() as gateway:
            queue(site).put(order(site))
            queue(site).put(order(site, 2, expires_at=site.clock.now() + timedelta(hours=9)))
            await gateway.tick()
            assert state(site).state is CommandState.QUEUED
            site.clock.advance(601)  # type: ignore[attr-defined]
            await gateway.tick()
            assert state(site).state is CommandState.EXPIRED
            link = await connected(site, gateway)
            assert (await asked(gateway, link)).cn == "2061"
            assert state(site, 2).state is CommandState.SENT

    asyncio.run(play())


def test_what_was_claimed_and_not_sent_is_given_back(site: Site) -> None:
    async def play() -> None:
        async with site.run() as gateway:
            link = await connected(site, gateway)
            for number in (1, 2):
                queue(site).put(order(site, number))
            await asked(gateway, link)
            assert state(site, 2).state is CommandState.CLAIMED
            link.close()
            await until(lambda: gateway.gauges()["connections"] == 0)
            await gateway.tick()
            assert state(site, 2).state is CommandState.QUEUED
            assert state(site, 1).state is CommandState.SENT
        queue(site).claim("g1", [MN], site.clock.now())  # as a killed process leaves it
        async with site.run():
            assert state(site, 2).state is CommandState.QUEUED, "given back at the start"

    asyncio.run(play())


def test_a_command_goes_on_when_the_device_reconnects(site: Site) -> None:
    async def play() -> None:
        async with site.run() as gateway:
            link = await connected(site, gateway)
            queue(site).put(order(site))
            got = await asked(gateway, link)
            link.close()
            again = await connected(site, gateway)
            await again.send(answer("9011", got.qn, "QnRtn=1") + answer("9012", got.qn, "ExeRtn=1"))
            await until(lambda: state(site).state is CommandState.SUCCEEDED)

    asyncio.run(play())


@pytest.mark.parametrize("early", [False, True], ids=["answers later", "answers at once"])
def test_a_device_that_moves_to_another_process_in_mid_command(site: Site, early: bool) -> None:
    async def play() -> None:
        async with site.run("g1") as first, site.run("g2") as second:
            link = await connected(site, first)
            queue(site).put(order(site))
            got = await asked(first, link)
            await link.send(answer("9011", got.qn, "QnRtn=1"))
            await until(lambda: state(site).state is CommandState.ACCEPTED)
            site.clock.advance(1)  # type: ignore[attr-defined]
            moved = await Link.open(second)
            await moved.send(upload(5))
            await moved.receive()
            if early:
                await moved.send(answer("9012", got.qn, "ExeRtn=1"))
                await until(lambda: len(site.frames("g2")) == 2)
            await second.tick()
            assert state(site).claimed_by == "g2"
            if not early:
                await moved.send(history(1, 0) + answer("9012", got.qn, "ExeRtn=1"))
            await until(lambda: state(site).state is CommandState.SUCCEEDED)
            await first.tick()
            assert await link.closed(), "the newest connection wins across processes"
            for _ in range(3):
                site.clock.advance(61)  # type: ignore[attr-defined]
                await first.tick()
            done = state(site)
            assert (done.state, done.claimed_by) == (CommandState.SUCCEEDED, "g2")
            assert {journal for journal, _ in done.answers} == {"g1", "g2"}

    asyncio.run(play())


def test_a_restarted_process_goes_on_with_what_it_had_sent(site: Site) -> None:
    async def play() -> None:
        async with site.run() as gateway:
            link = await connected(site, gateway)
            queue(site).put(order(site))
            got = await asked(gateway, link)
        async with site.run() as gateway:
            link = await connected(site, gateway)
            await link.send(answer("9011", got.qn, "QnRtn=1") + answer("9012", got.qn, "ExeRtn=1"))
            await until(lambda: state(site).state is CommandState.SUCCEEDED)

    asyncio.run(play())


def test_a_new_password_holds_at_once_and_for_other_processes(site: Site) -> None:
    async def play() -> None:
        async with site.run() as gateway:
            link = await connected(site, gateway)
            site.clock.advance(1)  # type: ignore[attr-defined]
            queue(site).put(order(site, code="1072", parameters={"NewPW": "654321"}))
            got = await asked(gateway, link)
            await link.send(answer("9011", got.qn, "QnRtn=1") + answer("9012", got.qn, "ExeRtn=1"))
            await until(lambda: state(site).state is CommandState.SUCCEEDED)
            await link.send(upload(1, pw="654321"))
            assert b"CN=9014;" in await link.receive()
        async with site.run("g2") as other:
            await other.tick()
            link = await Link.open(other)
            await link.send(upload(2, pw="654321"))
            assert b"CN=9014;" in await link.receive()

    asyncio.run(play())


async def calibration_given_up(site: Site, gateway: Gateway, link: Link, expires_minutes: int) -> str:
    expires = site.clock.now() + timedelta(minutes=expires_minutes)
    queue(site).put(order(site, code="3011", parameters={"PolId": "a21026"}, expires_at=expires))
    got = await asked(gateway, link)
    await link.send(answer("9011", got.qn, "QnRtn=1"))
    await until(lambda: state(site).state is CommandState.ACCEPTED)
    site.clock.advance(1801)  # type: ignore[attr-defined]
    await gateway.tick()
    await until(lambda: state(site).state.is_final)
    return got.qn or ""


@pytest.mark.parametrize("restarted", [False, True], ids=["same process", "after a restart"])
@pytest.mark.parametrize(
    ("expires_minutes", "given_up"), [(60, CommandState.FAILED), (10, CommandState.EXPIRED)]
)
def test_a_late_result_changes_its_own_command_and_no_other(
    site: Site, expires_minutes: int, given_up: CommandState, restarted: bool
) -> None:
    async def go_on(gateway: Gateway, link: Link, late: str) -> None:
        site.clock.advance(1)  # type: ignore[attr-defined]
        queue(site).put(order(site, 2, code="1072", parameters={"NewPW": "654321"}))
        got = await asked(gateway, link)
        await link.send(answer("9011", got.qn, "QnRtn=1") + answer("9012", late, "ExeRtn=1"))
        await until(lambda: state(site).state is CommandState.SUCCEEDED)
        assert state(site).result_code == "ExeRtn=1"
        frames = {one.id: one for one in site.frames(gateway.settings.name)}
        assert b"ExeRtn=1" in frames[state(site).answers[-1]].content
        assert state(site, 2).state is CommandState.ACCEPTED
        await link.send(answer("9012", got.qn, "ExeRtn=2"))
        await until(lambda: state(site, 2).state.is_final)
        assert (state(site, 2).state, state(site, 2).result_code) == (CommandState.FAILED, "ExeRtn=2")
        await link.send(upload(9))
        assert await link.receive() == acknowledgement(9), "the old password still holds"

    async def play() -> None:
        async with site.run() as gateway:
            link = await connected(site, gateway)
            late = await calibration_given_up(site, gateway, link, expires_minutes)
            assert state(site).state is given_up
            if not restarted:
                await go_on(gateway, link, late)
                return
        async with site.run("g2") as gateway:
            await go_on(gateway, await connected(site, gateway), late)

    asyncio.run(play())


def test_a_password_taken_after_the_command_was_given_up_holds(site: Site) -> None:
    async def play() -> None:
        async with site.run() as gateway:
            link = await connected(site, gateway)
            site.clock.advance(1)  # type: ignore[attr-defined]
            queue(site).put(order(site, code="1072", parameters={"NewPW": "654321"}))
            got = await asked(gateway, link)
            await link.send(answer("9011", got.qn, "QnRtn=1"))
            await until(lambda: state(site).state is CommandState.ACCEPTED)
            site.clock.advance(61)  # type: ignore[attr-defined]
            await gateway.tick()
            await until(lambda: state(site).state is CommandState.FAILED)
            await link.send(answer("9012", got.qn, "ExeRtn=1"))
            await until(lambda: state(site).state is CommandState.SUCCEEDED)
            await link.send(upload(1, pw="654321"))
            assert b"CN=9014;" in await link.receive()

    asyncio.run(play())


def test_the_timers_of_a_registered_device_are_its_own(site: Site) -> None:
    site.publish(replace(device(), policy={"reply_seconds": 30, "resends": 0}))

    async def play() -> None:
        async with site.run() as gateway:
            link = await connected(site, gateway)
            queue(site).put(order(site))
            await asked(gateway, link)
            site.clock.advance(29)  # type: ignore[attr-defined]
            await gateway.tick()
            assert state(site).state is CommandState.SENT
            site.clock.advance(2)  # type: ignore[attr-defined]
            await gateway.tick()
            await until(lambda: state(site).state.is_final)
            assert state(site).result_code == "no_answer"

    asyncio.run(play())


def test_a_logger_without_mn_is_given_one(site: Site) -> None:
    """2025: 1001 → 9013, command 1002 to hardware:<number> → 9011, 9012."""
    asking = raw(
        "QN=20261121120000001;ST=91;CN=1001;PW=123456;MN=;Flag=9;CP=&&i23005-Info=LOGGER7;i23006-Info=C&&"
    )
    new = "C" * 24

    async def play() -> None:
        async with site.run() as gateway:
            link = await Link.open(gateway)
            await link.send(asking)
            assert b"CN=9013;" in await link.receive()
            await gateway.tick()
            queue(site).put(
                order(
                    site, mn="hardware:LOGGER7", code="1002", parameters={"MN": new, "i23005-Info": "LOGGER7"}
                )
            )
            got = await asked(gateway, link)
            assert (got.cn, got.mn, got.edition) == ("1002", new, "2025")
            assert got.cp == b"i23005-Info=LOGGER7"
            for cn, value in (("9011", "QnRtn=1"), ("9012", "ExeRtn=1")):
                await link.send(raw(f"QN={got.qn};ST=91;CN={cn};PW=123456;MN={new};Flag=8;CP=&&{value}&&"))
            await until(lambda: state(site).state is CommandState.SUCCEEDED)

    asyncio.run(play())


def test_a_2005_device_is_asked_in_2005_shape(site: Site) -> None:
    site.publish(device(MN2005, edition="2005", system_code="32"))

    async def play() -> None:
        async with site.run() as gateway:
            link = await Link.open(gateway)
            await link.send(
                raw(
                    f"QN=20261121120000000;ST=32;CN=2051;PW=123456;MN={MN2005};Flag=1;CP=&&DataTime=20261121120000&&"
                )
            )
            await link.receive()
            queue(site).put(order(site, mn=MN2005))
            got = await asked(gateway, link)
            assert got.cp == b"BeginTime=20261121000000,EndTime=20261121010000"
            await link.send(raw(f"ST=91;CN=9011;PW=123456;MN={MN2005};Flag=0;CP=&&QN={got.qn};QnRtn=1&&"))
            await link.send(raw(f"ST=91;CN=9012;CP=&&QN={got.qn};ExeRtn=1&&"))
            assert b"CN=9014;" in await link.receive(), "2005 confirms the result too"
            await until(lambda: state(site).state is CommandState.SUCCEEDED)

    asyncio.run(play())


def test_fields_are_grouped_as_the_standard_prints_them() -> None:
    times = {"EndTime": "2", "BeginTime": "1"}
    assert groups_of("2017", "2061", times) == ((("BeginTime", "1"),), (("EndTime", "2"),))
    assert groups_of("2005", "2061", times) == ((("BeginTime", "1"), ("EndTime", "2")),)
    assert groups_of("2017", "3021", {"PolId": "w01018", "x-y": "1", "ST": "32"})[0] == (("PolId", "w01018"),)
    assert groups_of("2017", "9999", {"any": "1"}) == ((("any", "1"),),)


def test_a_clock_is_set_to_the_time_the_command_leaves(site: Site) -> None:
    async def play() -> None:
        async with site.run() as gateway:
            queue(site).put(order(site, code="1012", parameters={}))
            site.clock.advance(300)  # type: ignore[attr-defined]
            link = await connected(site, gateway)
            got = await asked(gateway, link)
            assert (got.cn, got.cp) == ("1012", b"SystemTime=20261121120500")
            link.close()
            queue(site).put(order(site, 2, code="1012", parameters={"SystemTime": "20260101000000"}))

    asyncio.run(play())
