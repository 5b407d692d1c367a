"""as_of(T) is what a page showed at T, whatever arrived in whatever order, also after compaction and settling."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qingjian.contracts.clock import ManualClock
from qingjian.lake import Lake

START = datetime(2026, 3, 1, tzinfo=UTC)
END = START + timedelta(days=60)
Maker = Callable[..., pa.Table]

ARRIVAL = st.tuples(st.integers(1, 3), st.sampled_from([0, 1, 2, 45_000]), st.sampled_from([1.0, 2.0, 2.5]))
STEP = st.one_of(
    st.tuples(st.just("batch"), st.lists(ARRIVAL, max_size=5), st.sampled_from(["N", "D"])),
    st.tuples(st.just("compact"), st.none(), st.none()),
    st.tuples(st.just("settle"), st.sampled_from(["2026-03", "2026-04"]), st.none()),
    st.tuples(st.just("jump"), st.integers(-86_400, 86_400), st.none()),
)


def shown(lake: Lake, **options: Any) -> list[tuple[Any, ...]]:
    rows = lake.series([1, 2, 3], "minute", START, END, **options).to_pylist()
    return [(row["series"], row["start"], row["value"], row["flag"], row["revision"]) for row in rows]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, min_size=1, max_size=12))
def test_as_of_is_what_a_page_showed(rows: Maker, steps: list[tuple[str, Any, Any]]) -> None:
    with TemporaryDirectory() as folder:
        clock = ManualClock(START)
        with Lake(Path(folder) / "lake", clock) as lake, Lake(Path(folder) / "lake") as page:
            pages: list[tuple[datetime, list[tuple[Any, ...]]]] = []
            model: dict[tuple[int, int], list[tuple[float, str]]] = {}
            for kind, content, flag in steps:
                if kind == "batch":
                    lake.append(lake.next_batch(), observations=rows(content, flag=flag))
                    for series, minute, value in content:
                        history = model.setdefault((series, minute), [])
                        if not history or history[-1] != (value, flag):
                            history.append((value, flag))
                elif kind == "compact":
                    lake.compact(at_least=1)
                elif kind == "settle":
                    lake.settle(content)
                else:
                    clock.set_wall(clock.now() + timedelta(seconds=content))
                now = page.known_until()
                if now is not None:
                    pages.append((now, shown(page)))
            for moment, seen in pages:
                assert shown(page, as_of=moment) == seen
            expected = [
                (series, START + timedelta(minutes=minute), *history[-1], len(history) - 1)
                for (series, minute), history in sorted(model.items())
            ]
            assert shown(page) == expected
            every = [
                (series, START + timedelta(minutes=minute), *one, revision)
                for (series, minute), history in sorted(model.items())
                for revision, one in enumerate(history)
            ]
            assert shown(page, all_revisions=True) == every
