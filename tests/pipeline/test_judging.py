"""What people state and what checks doubt reaches the stored results, as new revisions, and the past stays as it was."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.pipeline.node import FACTORS, START, Node, everything, make_directory, minutes
from tests.pipeline.test_work import platform

from qingjian.contracts.directory import Setting
from qingjian.contracts.facts import StatedFact
from qingjian.contracts.rulebooks import RulebookStore
from qingjian.pipeline.engine import Engine
from qingjian.pipeline.facts import SqliteFactLog
from qingjian.pipeline.settings import PipelineSettings
from qingjian.pipeline.work import Work
from qingjian.quality.facts import FactKind
from qingjian.rulebook import Row, packaged

HOUR = timedelta(hours=1)
END = START + timedelta(days=40)
OWN = 11


def publish(node: Node, **changes: Any) -> None:
    before = node.directory.current()
    assert before is not None
    series = [*make_directory().series, platform(OWN, FACTORS[0])]
    node.directory.publish(
        make_directory(before.version + 1, **{"series": series, "rulebook_version": "", **changes})
    )


@pytest.fixture
def made(node: Node) -> tuple[Node, Engine, Work]:
    publish(node)
    engine = node.engine(recovering=False)
    work = Work(engine, PipelineSettings(node.folder.root, ask_for_history=False), node.clock)
    engine.recover()
    return node, engine, work


Made = tuple[Node, Engine, Work]


def send(node: Node, engine: Engine, hours: int = 3, **odd: Any) -> None:
    """Minutes of value 10 (but for `odd`: minute → value)."""
    node.journal(
        [
            node.upload(at, {"a21026": odd.get(f"m{number}", 10)})
            for number, at in enumerate(minutes(hours * 60))
        ]
    )
    node.clock.advance(hours * 3600 + 600)
    engine.step(idle=True)


def aggregate(node: Node, work: Work) -> None:
    node.clock.advance(60)
    while work.aggregate() and work._due.pop("aggregate-rest", None) is not None:
        node.clock.advance(1)


def own_hours(engine: Engine, as_of: datetime | None = None) -> list[tuple[float | None, str, int]]:
    rows = engine.lake.series([OWN], "hour", START, END, as_of=as_of).to_pylist()
    return [(row["value"], row["flag"], row["revision"]) for row in rows]


def mark(number: int, begin: int, end: int, value: str = "D", **changes: Any) -> StatedFact:
    made = StatedFact(
        f"mark-{number:012d}",
        FactKind.MARK,
        ("P1:a21026",),
        START + timedelta(minutes=begin),
        START + timedelta(minutes=end),
        START + timedelta(days=1),
        value,
        "张三",
        "invalid: 校准",
    )
    return replace(made, **changes)


def test_a_mark_makes_the_stored_hours_anew_and_the_past_stays(made: Made) -> None:
    node, engine, work = made
    send(node, engine, m70=70)
    aggregate(node, work)
    assert own_hours(engine) == [(10, "N", 0), (11, "N", 0), (10, "N", 0)]
    shown = engine.lake.known_until()
    SqliteFactLog(node.folder.facts).append([mark(1, 70, 71)])
    aggregate(node, work)
    assert own_hours(engine) == [(10, "N", 0), (10, "N", 1), (10, "N", 0)]
    assert own_hours(engine, shown) == [(10, "N", 0), (11, "N", 0), (10, "N", 0)]
    aggregate(node, work)
    assert own_hours(engine)[1][2] == 1, "nothing new was stated"


@pytest.mark.parametrize(
    ("expected", "count", "stated"),
    [({"hour": 3600}, 1, set()), ({"minute": 600, "hour": 3600}, 5, {"interval-not-registered"})],
    ids=["only hours are owed, one stray minute", "ten minutes registered, five single ones"],
)
def test_an_hour_of_which_little_came_is_not_valid_whatever_step_is_registered(
    made: Made, expected: dict[str, int], count: int, stated: set[str]
) -> None:
    node, engine, work = made
    series = replace(make_directory().series[0], expected=expected, medium="flue_gas")
    publish(node, series=[series, replace(platform(OWN, FACTORS[0]), medium="flue_gas")])
    node.journal(
        [node.upload(START + timedelta(minutes=one), {"a21026": 1}) for one in range(count)]
        + [node.upload(START, {"a21026": 50}, command="2061")]
    )
    node.clock.advance(2 * 86_400)
    engine.step(idle=True)
    aggregate(node, work)
    assert own_hours(engine) == [(1, "D", 0)]
    found = {one.rule for _, one in engine.findings.read(0, 100)}
    assert found & {"device-against-platform", "interval-not-registered"} == stated


def test_a_false_extreme_or_amount_of_an_hour_is_found_though_its_mean_is_right(made: Made) -> None:
    node, engine, work = made
    fine = {"Avg": "10", "Min": "9", "Max": "11", "Cou": "2", "Flag": "N"}
    node.journal(
        [node.upload(at, {"a21026": fine}) for at in minutes(60)]
        + [node.upload(START, {"a21026": {**fine, "Min": "1", "Max": "99", "Cou": "5"}}, command="2061")]
    )
    node.clock.advance(2 * 3600)
    engine.step(idle=True)
    aggregate(node, work)
    found = [one for _, one in engine.findings.read(0, 100) if one.rule == "device-against-platform"]
    assert {one.evidence["column"]: (one.evidence["own"], one.evidence["sent"]) for one in found} == {
        "min": (9, 1),
        "max": (11, 99),
        "total": (120, 5),
    }
    assert len({one.id for one in found}) == 3


def test_an_hour_without_a_value_that_counts_is_taken_back(made: Made) -> None:
    node, engine, work = made
    send(node, engine)
    aggregate(node, work)
    log = SqliteFactLog(node.folder.facts)
    log.append([mark(1, 60, 120)])
    aggregate(node, work)
    assert own_hours(engine) == [(10, "N", 0), (None, "D", 1), (10, "N", 0)]
    log.append([mark(2, 60, 120, kind=FactKind.WITHDRAWAL, supersedes="mark-000000000001")])
    aggregate(node, work)
    assert own_hours(engine) == [(10, "N", 0), (10, "N", 2), (10, "N", 0)]


def test_marks_that_were_there_before_the_data_count_too(made: Made) -> None:
    node, engine, work = made
    SqliteFactLog(node.folder.facts).append([mark(1, 0, 30)])
    send(node, engine, hours=1)
    aggregate(node, work)
    ((value, flag, _),) = own_hours(engine)
    assert (value, flag) == (10, "D"), "30 valid minutes are too few"


def test_a_log_keeps_a_fact_once(made: Made) -> None:
    node, _, _ = made
    log = SqliteFactLog(node.folder.facts)
    assert log.append([mark(1, 0, 1), mark(2, 0, 1)]) == 2
    assert log.append([mark(2, 0, 5), replace(mark(3, 0, 1), end=None)]) == 1
    assert [number for number, _ in log.read()] == [1, 2, 3]
    assert log.read(1, 2)[0][1] == mark(2, 0, 1)
    assert log.last() == 3


def test_a_value_out_of_range_is_doubted_and_does_not_count(made: Made) -> None:
    node, engine, work = made
    publish(node, settings=[Setting("P1:a21026", "range_upper", "50", "ug/m3")])
    send(node, engine, m70=70)
    aggregate(node, work)
    assert own_hours(engine) == [(10, "N", 0), (10, "N", 0), (10, "N", 0)]


def test_a_range_set_later_judges_what_was_stored(made: Made) -> None:
    node, engine, work = made
    send(node, engine, m70=70, m130=70)
    aggregate(node, work)
    assert [value for value, _, _ in own_hours(engine)] == [10, 11, 11]
    # The instrument was exchanged at the beginning of the third hour.
    publish(node, settings=[Setting("P1:a21026", "range_upper", "50", valid_from=START + 2 * HOUR)])
    aggregate(node, work)
    assert own_hours(engine) == [(10, "N", 0), (11, "N", 0), (10, "N", 1)]


def test_a_range_in_another_unit_says_nothing(made: Made) -> None:
    node, engine, work = made
    publish(node, settings=[Setting("P1:a21026", "range_upper", "0.05", "mg/m3")])
    send(node, engine, m70=70)
    aggregate(node, work)
    assert [value for value, _, _ in own_hours(engine)] == [10, 11, 10]


def strict_rulebook(node: Node) -> str:
    """A rulebook in which an hour of air needs 59 minutes."""
    book = packaged()
    rows = [row for row in book.rows("data_validity") if row["scope"] == "1h" and "SO2" in row["item"]]
    local = [
        Row.from_values("data_validity", {**row.values, "rule": ">=59 min sampling"}, override=True)
        for row in rows
    ]
    return RulebookStore(node.folder.rulebook).keep(book.with_rows(local))


def test_a_local_rule_judges_new_data(made: Made) -> None:
    node, engine, work = made
    publish(node, rulebook_version=strict_rulebook(node))
    SqliteFactLog(node.folder.facts).append([mark(1, 60, 65)])
    send(node, engine)
    aggregate(node, work)
    assert [flag for _, flag, _ in own_hours(engine)] == ["N", "D", "N"]
    (source,) = set(engine.lake.series([OWN], "hour", START, END)["source"].to_pylist())
    assert source.endswith("@" + RulebookStore(node.folder.rulebook).read(strict_rulebook(node)).version)


def test_a_changed_rule_judges_stored_data_again(made: Made) -> None:
    node, engine, work = made
    SqliteFactLog(node.folder.facts).append([mark(1, 60, 65)])
    send(node, engine)
    aggregate(node, work)
    assert [flag for _, flag, _ in own_hours(engine)] == ["N", "N", "N"]
    shown = engine.lake.known_until()
    publish(node, rulebook_version=strict_rulebook(node))
    aggregate(node, work)
    assert [flag for _, flag, _ in own_hours(engine)] == ["N", "D", "N"]
    assert [flag for _, flag, _ in own_hours(engine, shown)] == ["N", "N", "N"]


def test_everything_is_made_again_from_the_log(made: Made) -> None:
    node, engine, work = made
    send(node, engine, m70=70)
    aggregate(node, work)
    SqliteFactLog(node.folder.facts).append([mark(1, 70, 71)])
    aggregate(node, work)
    publish(node, rulebook_version=strict_rulebook(node))
    SqliteFactLog(node.folder.facts).append([mark(2, 120, 180)])
    aggregate(node, work)
    assert len(own_hours(engine)) == 3
    again = node.engine("lake-2", "exchange-2", recovering=False, batches=engine.batches)
    Work(again, PipelineSettings(node.folder.root), node.clock)
    again.recover()
    assert everything(again.lake) == everything(engine.lake)
