"""What every finding log must do."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from qingjian.contracts.findings import Finding, FindingLog, finding_id
from qingjian.pipeline.findings import SqliteFindingLog

START = datetime(2026, 3, 1, tzinfo=UTC)


def finding(number: int = 1, **changes: object) -> Finding:
    start = START + timedelta(hours=number)
    made = Finding(
        id=finding_id("gap", "1", "S1", start),
        rule="gap",
        rule_version="1",
        subject="S1",
        subject_kind="series",
        start=start,
        end=None,
        severity="minor",
        evidence={"missing": 3, "frames": [["gateway-1", 7]], "说明": "缺"},
        known_at=START,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def sqlite_log(folder: Path) -> FindingLog:
    return SqliteFindingLog(folder / "findings.sqlite3")


@pytest.fixture(params=[sqlite_log])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> FindingLog:
    make: Callable[[Path], FindingLog] = request.param
    return make(tmp_path)


def test_what_is_appended_is_read_in_order(log: FindingLog) -> None:
    assert log.append([finding(1), finding(2)]) == 2
    read = log.read(0)
    assert [one for _, one in read] == [finding(1), finding(2)]
    positions = [position for position, _ in read]
    assert positions == sorted(positions)
    assert [one for _, one in log.read(positions[0])] == [finding(2)]
    assert log.read(positions[1]) == []
    assert len(log.read(0, limit=1)) == 1


def test_the_same_statement_again_is_dropped_whenever_it_is_known(log: FindingLog) -> None:
    log.append([finding()])
    assert log.append([finding(), finding(known_at=START + timedelta(days=1))]) == 0
    assert len(log.read(0)) == 1


def test_a_later_statement_replaces_what_is_known_of_the_end(log: FindingLog) -> None:
    log.append([finding(1), finding(2)])
    assert len(log.open_findings()) == 2
    ended = finding(1, end=START + timedelta(days=1))
    assert log.append([ended]) == 1
    assert log.open_findings() == [finding(2)]
    assert log.open_findings("other") == []
    assert log.append([finding(1)]) == 1  # opened again: different from the newest statement
    assert len(log.open_findings("gap")) == 2


def test_ids_are_deterministic_and_distinct() -> None:
    assert finding(1).id == finding(1).id
    assert finding(1).id != finding(2).id


def test_sqlite_keeps_position_and_memory_with_the_findings(tmp_path: Path) -> None:
    log = SqliteFindingLog(tmp_path / "f.sqlite3")
    assert log.append_batch([finding(1)], 5, {"open": {"a": 1}}) == 1
    assert log.append_batch([finding(2)], 5, {"open": {}}) == 0
    log.close()
    again = SqliteFindingLog(tmp_path / "f.sqlite3")
    assert again.position() == 5
    assert again.memory("open") == {"a": 1}
    assert again.memory("nothing", 0) == 0
    assert again.get(finding(1).id) == finding(1)
    assert again.get("none") is None
