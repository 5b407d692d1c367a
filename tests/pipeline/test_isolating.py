"""Whatever the register holds of one series, the others are computed, and the one is named and tried again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.pipeline.node import FACTORS, MN, START, Node, everything, make_directory, minutes, open_node

from qingjian.contracts.directory import Directory, Route, Series, Setting, owed
from qingjian.pipeline.aggregation import Aggregated, Aggregator
from qingjian.pipeline.engine import Engine
from qingjian.pipeline.gaps import GapFinder
from qingjian.pipeline.halting import RULE, Halted, halted, stretches
from qingjian.pipeline.isolating import isolated
from qingjian.pipeline.settings import PipelineSettings
from qingjian.pipeline.windows import EPOCH, Window
from qingjian.pipeline.work import Work
from qingjian.quality.configured import SETTING_NAMES as CHECKED
from qingjian.quality.flue_gas import SETTING_NAMES as CONVERTED
from qingjian.rulebook import packaged

END = START + timedelta(hours=26)
SPAN = Window(EPOCH, END.replace(year=2100), START, END)


def platform(number: int, factor: str) -> Series:
    like = make_directory().series[0]
    return replace(
        like, id=number, code=f"P1:{factor}:own", factor=factor, origin="platform", device="", expected={}
    )


def with_series(third: Series, version: int = 2, **more: Any) -> Directory:
    plain = make_directory()
    own = [platform(10 + number, factor) for number, factor in enumerate(FACTORS, start=1)]
    return make_directory(version, series=[*plain.series[:2], third, *own], **more)


def numbers_of(made: Aggregated, series: int) -> list[dict[str, Any]]:
    return [row for row in made.observations.to_pylist() if row["series"] == series]


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Minutes of three series of one device over an hour, in the lake."""
    with open_node(tmp_path_factory.mktemp("isolating")) as node:
        node.journal([node.upload(at, dict.fromkeys(FACTORS, 5)) for at in minutes(60)])
        engine = node.engine()
        engine.step(idle=True)
        yield engine


TEXTS = st.one_of(
    st.text(max_size=8), st.sampled_from(["NaN", "1e999", "-1", "0", "１２", "wet", "actual", "21"])
)
MOMENTS = st.one_of(
    st.none(), st.integers(0, 7 * 10**9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
)
WHOLE = st.integers(-(10**9), 10**9)
ANY_JSON = st.one_of(
    st.none(), st.booleans(), WHOLE, st.floats(), st.text(max_size=5), st.just([]), st.just({})
)
THIRD = st.builds(
    Series,
    id=st.just(3),
    code=st.just("P1:a34004"),
    point=st.just("P1"),
    factor=st.one_of(st.sampled_from(["a34004", "a34002", "a00000"]), st.text(max_size=6)),
    name_zh=TEXTS,
    name_en=TEXTS,
    unit=TEXTS,
    decimals=st.one_of(st.integers(0, 6), WHOLE),
    medium=st.one_of(st.sampled_from(["air", "flue_gas", "waste_water"]), TEXTS),
    origin=st.sampled_from(["device", "simulated", "manual"]),
    position=st.one_of(st.just(1), WHOLE),
    device=st.one_of(st.just(MN), st.text(max_size=5)),
    averaging=st.one_of(st.sampled_from(["arithmetic", "flow_weighted", "sum", "last", "vector"]), TEXTS),
    flow_series=st.one_of(st.none(), st.sampled_from([1, 2, 3, 99])),
    expected=st.dictionaries(st.sampled_from(["realtime", "minute", "hour", "day", "month", "x"]), ANY_JSON),
    valid_from=MOMENTS,
    valid_to=MOMENTS,
)  # fmt: skip
SETTINGS = st.lists(
    st.builds(
        Setting,
        subject=st.just("P1:a34004"),
        name=st.one_of(st.sampled_from(sorted({*CHECKED, *CONVERTED})), st.text(max_size=6)),
        value=TEXTS,
        unit=TEXTS,
        valid_from=MOMENTS,
        valid_to=MOMENTS,
    ),
    max_size=4,
)


def loaded(directory: Directory) -> Directory:
    """What a process reads from the published file."""
    return Directory.from_json(directory.to_json())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(third=THIRD, others=SETTINGS, scale=TEXTS)
def test_no_registry_content_of_one_series_stops_the_others(
    county: Engine, third: Series, others: list[Setting], scale: str
) -> None:
    routes = [
        Route(MN, factor, number, scale if number == 3 else "1") for number, factor in enumerate(FACTORS, 1)
    ]
    plain = loaded(with_series(make_directory().series[2]))
    odd = loaded(with_series(third, settings=others, routes=routes))
    good, made = (Aggregator(county.lake, one, packaged()).run(SPAN, END) for one in (plain, odd))
    for own in (11, 12):
        assert numbers_of(good, own)
        assert numbers_of(made, own) == numbers_of(good, own)
    assert {one.subject for one in made.findings if one.rule == RULE} <= {"P1:a34004"}
    gaps = GapFinder(county.lake, {}).look(odd, END, START)
    assert {"P1:a21026", "P1:a21002"} <= {one.subject for one in gaps}


@pytest.mark.parametrize("scale", ["", "abc", "0", "NaN", "1e400", "1e-400", "一"])
def test_a_factor_of_a_route_that_is_no_number_keeps_the_other_values_of_the_frame(
    node: Node, scale: str
) -> None:
    routes = [
        Route(MN, factor, number, scale if number == 3 else "1") for number, factor in enumerate(FACTORS, 1)
    ]
    node.directory.publish(make_directory(2, routes=routes))
    node.journal([node.upload(START, dict.fromkeys(FACTORS, 5))])
    engine = node.engine()
    engine.step(idle=True)
    kept = everything(engine.lake)
    assert [row["series"] for row in kept["observations"]] == [1, 2]
    reasons = {(row["name"], row["reason"]) for row in kept["statements"]}
    assert reasons == {("a34004", "unscalable")}
    assert len(kept["frames"]) == 1
    work = Work(engine, PipelineSettings(node.folder.root), node.clock)
    node.clock.advance(7200)
    work.aggregate()
    (finding,) = engine.findings.open_findings(RULE)
    assert (finding.subject, finding.evidence["reason"]) == ("P1:a34004", f"scale {scale!r}")


def test_a_series_that_cannot_be_computed_is_named_once_and_made_anew_when_the_register_changes(
    node: Node,
) -> None:
    third = make_directory().series[2]
    node.directory.publish(loaded(with_series(replace(third, averaging="median"))))
    engine = node.engine()
    work = Work(engine, PipelineSettings(node.folder.root), node.clock)
    for hour in range(3):
        node.journal([node.upload(at, dict.fromkeys(FACTORS, 5)) for at in minutes(60, 60 * hour)])
        node.clock.advance(3600 + 301 * (hour == 0))
        engine.step(idle=True)
        work.aggregate()
    assert work.errors == 0
    (finding,) = engine.findings.open_findings(RULE)
    assert (finding.subject, finding.start) == ("P1:a34004", START)
    assert "median" in finding.evidence["reason"]
    stored = {row["series"] for row in everything(engine.lake)["observations"] if row["statistic"] == 2}
    assert stored == {11, 12}
    node.directory.publish(loaded(with_series(third, 3)))
    assert work.aggregate()
    while work.aggregate():
        node.clock.advance(1)
    assert engine.findings.open_findings(RULE) == []
    hours = [row for row in everything(engine.lake)["observations"] if row["statistic"] == 2]
    assert sorted((row["series"], row["start"]) for row in hours) == sorted(
        (number, START + timedelta(hours=hour)) for number in (11, 12, 13) for hour in range(3)
    )
    kinds = [one.end for _, one in engine.findings.read(0) if one.rule == RULE]
    assert len(kinds) == 2, "once open, once over"


def test_a_run_that_fails_as_a_whole_is_asked_for_again_and_stops_no_restart(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fails in the middle of a run: the periods of its window are made at the next one."""
    node.directory.publish(with_series(make_directory().series[2]))
    engine = node.engine()
    work = Work(engine, PipelineSettings(node.folder.root), node.clock)
    work.aggregate()
    node.journal([node.upload(at, dict.fromkeys(FACTORS, 5)) for at in minutes(60)])
    node.clock.advance(3600 + 301)
    engine.step(idle=True)

    def failing(self: Aggregator, *_: object) -> None:
        raise OSError("the disk does not answer")

    with monkeypatch.context() as broken:
        broken.setattr(Aggregator, "run", failing)
        with pytest.raises(OSError, match="disk"):
            work.aggregate()
        node.journal([node.upload(at, {"a21026": 6}) for at in minutes(5, 60)])
        engine.step(idle=True)
        engine.lake.close()
        again = node.engine(recovering=False)
        restarted = Work(again, PipelineSettings(node.folder.root), node.clock)
        again.recover()
    assert restarted.aggregate()
    hours = [row for row in everything(again.lake)["observations"] if row["statistic"] == 2]
    assert {row["series"] for row in hours} == {11, 12, 13}


def test_halves_are_tried_until_the_one_that_fails_stands_alone() -> None:
    failed: dict[int, str] = {}

    def work(numbers: Any) -> list[int]:
        if 7 in numbers:
            raise KeyError("seven")
        return list(numbers)

    assert sorted(one for some in isolated(range(20), work, failed) for one in some) == [
        *range(7), *range(8, 20),
    ]  # fmt: skip
    assert failed == {7: "KeyError: 'seven'"}

    def full(numbers: Any) -> None:
        raise OSError(28, "no space")

    with pytest.raises(OSError, match="no space"):
        isolated([1, 2], full, failed)


def test_what_is_owed_can_be_counted() -> None:
    assert owed({"minute": 60, "hour": True, "day": 86_400, "x": 5, "realtime": 7}) == {
        "minute": 60, "day": 86_400, "realtime": 7,
    }  # fmt: skip
    assert owed({"hour": 5000, "minute": 0, "day": "86400", "month": -1}) == {}


def test_stretches_cover_every_period_that_is_over() -> None:
    since, until = datetime(2026, 1, 5, 3, tzinfo=UTC), datetime(2026, 3, 10, 7, 30, tzinfo=UTC)
    for target, seconds in (("hour", 3600), ("day", 86_400)):
        parts = [(begin, end) for name, begin, end in stretches(since, until) if name == target]
        assert parts[0][0] == datetime(2026, 1, 4, 16, tzinfo=UTC)
        assert all(one[1] == other[0] for one, other in pairwise(parts))
        assert 0 <= (until - parts[-1][1]).total_seconds() < seconds
    assert [begin for name, begin, _ in stretches(since, until) if name == "month"] == [
        datetime(2025, 12, 31, 16, tzinfo=UTC), datetime(2026, 1, 31, 16, tzinfo=UTC),
    ]  # fmt: skip


def test_what_halts_survives_the_batch_log() -> None:
    one = Halted(START, START - timedelta(days=2), "x")
    assert Halted.from_json(one.to_json()) == one
    assert halted([]) == {}
