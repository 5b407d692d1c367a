"""Every family of tests is asked, says something of a network, and has words."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from types import FunctionType

import numpy as np
import pytest

from qingjian import screening
from qingjian.screening.panel import Panel
from qingjian.screening.record import Record, history_record
from qingjian.screening.series import Statistics
from qingjian.screening.statistics import ABSOLUTE, COMMON, TESTS, fit_models, gather, series_of
from qingjian.screening.wording import TESTS as WORDS
from qingjian.screening.wording import test_words as words_of


@pytest.fixture(scope="module")
def found(make_network: Callable[..., Panel]) -> tuple[Record, dict[tuple[int, int], Statistics]]:
    record = history_record(make_network(60))
    return record, gather(series_of(record, fit_models(record)))


def test_every_module_with_statistics_is_asked() -> None:
    modules = [
        importlib.import_module(f"{screening.__name__}.{one.name}")
        for one in pkgutil.iter_modules(screening.__path__)
    ]
    families = {own for one in modules if isinstance(own := getattr(one, "statistics", None), FunctionType)}
    assert families == set(TESTS)


def test_every_statistic_is_one_number_a_day_with_words(
    found: tuple[Record, dict[tuple[int, int], Statistics]],
) -> None:
    record, statistics = found
    assert set(statistics) == {(s, p) for s in range(4) for p in record.measured()}
    names = {name for own in statistics.values() for name in own}
    assert len(names) > 130
    for name in names:
        assert words_of(name) != (name, name), name
    for own in statistics.values():
        for name, values in own.items():
            assert values.shape == (record.days,), name
            assert not np.isinf(values).any(), name


def test_what_is_taken_as_it_is_or_from_others_exists(
    found: tuple[Record, dict[tuple[int, int], Statistics]],
) -> None:
    names = {name for own in found[1].values() for name in own}
    needs_more = {
        name
        for name in (*ABSOLUTE, *COMMON)
        if name.startswith(("spraying.", "mist.", "hours.together."))  # both particle factors
    }
    assert {*ABSOLUTE, *COMMON} - needs_more <= names
    assert {name.split(".")[0] for name in names} <= set(WORDS)
