"""What every command queue must do; a new back end is one more entry in BACK_ENDS."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from qingjian.contracts.commands import Command, CommandQueue, CommandState
from qingjian.gateway.commands import SqliteCommandQueue

NOW = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)


class Reopened:
    """The same queue opened anew for every call: what it knows is what it kept."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **keywords: Any) -> Any:
            queue = SqliteCommandQueue(self._path)
            try:
                return getattr(queue, name)(*args, **keywords)
            finally:
                queue.close()

        return call


BACK_ENDS: dict[str, Callable[[Path], CommandQueue]] = {
    "sqlite": lambda folder: SqliteCommandQueue(folder / "exchange" / "commands.sqlite3"),
    "sqlite-reopened": lambda folder: Reopened(folder / "exchange" / "commands.sqlite3"),
}


@pytest.fixture(params=sorted(BACK_ENDS))
def queue(request: pytest.FixtureRequest, tmp_path: Path) -> CommandQueue:
    return BACK_ENDS[request.param](tmp_path)


def command(number: int = 1, mn: str = "MN1", **changes: Any) -> Command:
    made = Command(
        id=f"c{number}",
        mn=mn,
        code="2061",
        parameters={"BeginTime": "20260101000000", "EndTime": "20260101230000"},
        author="张三",
        authorisation="gap rule 1",
        created_at=NOW + timedelta(seconds=number),
        expires_at=NOW + timedelta(hours=1),
        purpose="缺数",
    )
    return replace(made, **changes)


def test_what_was_put_is_kept_whole(queue: CommandQueue) -> None:
    queue.put(command())
    got = queue.get("c1")
    assert got == replace(command(), updated_at=command().created_at)
    assert queue.get("other") is None


def test_the_same_id_again_changes_nothing(queue: CommandQueue) -> None:
    queue.put(command())
    queue.put(command(code="3011"))
    kept = queue.get("c1")
    assert kept is not None
    assert kept.code == "2061"
    assert len(queue.recent()) == 1


@pytest.mark.parametrize(
    "wrong",
    [{"authorisation": ""}, {"state": CommandState.SENT}, {"expires_at": NOW}],
    ids=["no authorisation", "not queued", "expired at birth"],
)
def test_a_command_that_cannot_be_is_refused(queue: CommandQueue, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"authorisation|queued|expire"):
        queue.put(command(**wrong))
    assert queue.recent() == []


def test_claims_go_to_one_process_oldest_first(queue: CommandQueue) -> None:
    for number, mn in ((3, "MN1"), (1, "MN1"), (2, "MN2"), (4, "MN3")):
        queue.put(command(number, mn))
    claimed = queue.claim("g1", ["MN1", "MN3"], NOW + timedelta(seconds=9))
    assert [one.id for one in claimed] == ["c1", "c3", "c4"]
    assert all(one.state is CommandState.CLAIMED and one.claimed_by == "g1" for one in claimed)
    assert list(claimed) == [queue.get(one.id) for one in claimed]
    assert [one.id for one in queue.claim("g2", ["MN1", "MN2", "MN3"], NOW)] == ["c2"]
    assert queue.claim("g1", ["MN1"], NOW) == []
    assert queue.claim("g1", [], NOW) == []


def test_an_expired_command_is_not_handed_out(queue: CommandQueue) -> None:
    queue.put(command())
    late = NOW + timedelta(hours=1)
    assert queue.claim("g1", ["MN1"], late) == []
    assert [(one.id, one.state) for one in queue.expire(late)] == [("c1", CommandState.EXPIRED)]
    assert queue.expire(late) == []
    kept = queue.get("c1")
    assert kept is not None
    assert kept.updated_at == late


def test_a_process_gives_back_only_what_it_had_not_sent(queue: CommandQueue) -> None:
    for number in (1, 2, 3):
        queue.put(command(number, f"MN{number}"))
    queue.claim("g1", ["MN1", "MN2"], NOW)
    queue.claim("g2", ["MN3"], NOW)
    queue.update("c1", NOW, state=CommandState.SENT, qn="20261121120000001")
    assert queue.release("g1", NOW) == 1
    states = {one.id: (one.state, one.claimed_by) for one in queue.recent()}
    assert states == {
        "c1": (CommandState.SENT, "g1"),
        "c2": (CommandState.QUEUED, ""),
        "c3": (CommandState.CLAIMED, "g2"),
    }
    assert [one.id for one in queue.claim("g2", ["MN2"], NOW)] == ["c2"]


def test_updates_add_answers_and_end(queue: CommandQueue) -> None:
    queue.put(command())
    queue.claim("g1", ["MN1"], NOW)
    queue.update("c1", NOW, state=CommandState.SENT, qn="q", answers=[("g1", 4)])
    queue.update("c1", NOW, state=CommandState.ACCEPTED, answers=[("g1", 4), ("g1", 5)])
    done = queue.update(
        "c1", NOW, state=CommandState.SUCCEEDED, result_code="ExeRtn=1", detail="成功", answers=[("g2", 1)]
    )
    assert done.answers == (("g1", 4), ("g1", 5), ("g2", 1))
    assert (done.qn, done.result_code, done.detail) == ("q", "ExeRtn=1", "成功")
    with pytest.raises(ValueError, match="ended"):
        queue.update("c1", NOW, state=CommandState.FAILED)
    with pytest.raises(KeyError):
        queue.update("none", NOW, detail="x")
    queue.put(command(2))
    with pytest.raises(ValueError, match="cannot change"):
        queue.update("c2", NOW, mn="MN9")
    queue.update("c2", NOW, state=CommandState.CANCELLED)
    assert queue.claim("g1", ["MN1"], NOW) == []


@pytest.mark.parametrize(
    ("ended", "late", "taken"),
    [
        ({"state": CommandState.FAILED, "result_code": "execution_timeout"}, CommandState.SUCCEEDED, True),
        ({"state": CommandState.FAILED, "result_code": "no_answer"}, CommandState.REFUSED, True),
        ({"state": CommandState.EXPIRED}, CommandState.SUCCEEDED, True),
        ({"state": CommandState.FAILED, "result_code": "execution_timeout"}, CommandState.ACCEPTED, False),
        ({"state": CommandState.FAILED, "result_code": "ExeRtn=2"}, CommandState.SUCCEEDED, False),
        ({"state": CommandState.SUCCEEDED, "result_code": "ExeRtn=1"}, CommandState.FAILED, False),
        ({"state": CommandState.CANCELLED}, CommandState.SUCCEEDED, False),
    ],
)
def test_a_late_result_is_taken_only_where_none_was_known(
    tmp_path: Path, ended: dict[str, Any], late: CommandState, taken: bool
) -> None:
    queue = SqliteCommandQueue(tmp_path / "commands.sqlite3")
    queue.put(command())
    queue.claim("g1", ["MN1"], NOW)
    queue.update("c1", NOW, state=CommandState.SENT, qn="q")
    queue.update("c1", NOW, **ended)
    changes = {"state": late, "result_code": "ExeRtn=1", "answers": [("g2", 7)]}
    assert queue.report("c1", "g2", NOW, **changes) is taken
    held = queue.get("c1")
    assert held is not None
    assert (held.state is late) is taken
    assert bool(held.answers) is taken
    again = queue.report("c1", "g2", NOW, state=CommandState.FAILED, result_code="ExeRtn=9")
    assert again is (late is CommandState.ACCEPTED), "the first result stands; an acceptance alone is none"
    queue.close()


def test_secrets_changed_are_in_the_order_they_were_sent(tmp_path: Path) -> None:
    queue = SqliteCommandQueue(tmp_path / "commands.sqlite3")
    for number in (1, 2):
        queue.put(command(number, code="1072", parameters={"NewPW": str(number) * 6}))
        queue.claim("g1", ["MN1"], NOW)
        queue.update(f"c{number}", NOW, state=CommandState.SENT, qn=f"2026112100000000{number}")
    assert [one.id for one in queue.sent_before(["MN1", "MN2"])] == ["c2", "c1"]
    for number in (2, 1):
        queue.update(f"c{number}", NOW + timedelta(seconds=9 - number), state=CommandState.SUCCEEDED)
    assert [one.id for one in queue.changed_secrets()] == ["c1", "c2"]
    queue.close()


def test_recent_is_newest_first(queue: CommandQueue) -> None:
    for number in range(1, 6):
        queue.put(command(number, "MN1" if number % 2 else "MN2"))
    assert [one.id for one in queue.recent(limit=2)] == ["c5", "c4"]
    assert [one.id for one in queue.recent("MN1")] == ["c5", "c3", "c1"]


def test_many_claimers_never_share_a_command(queue: CommandQueue, tmp_path: Path) -> None:
    for number in range(60):
        queue.put(command(number + 1, f"MN{number % 7}"))
    taken: list[list[str]] = [[] for _ in range(4)]
    start = threading.Barrier(4)

    def claim(who: int) -> None:
        mine = SqliteCommandQueue(tmp_path / "exchange" / "commands.sqlite3")
        start.wait()
        for turn in range(7):
            taken[who] += [one.id for one in mine.claim(f"g{who}", [f"MN{(turn + who) % 7}"], NOW)]
        mine.close()

    threads = [threading.Thread(target=claim, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = sorted(one for part in taken for one in part)
    assert everything == sorted(f"c{number + 1}" for number in range(60))
