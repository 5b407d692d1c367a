"""Threads and forked processes give the same answers in the same order."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable

import numpy as np
import pytest

from qingjian.screening.parallel import both, each, processes
from qingjian.screening.series import SeriesDays
from qingjian.screening.statistics import gather

CAN_FORK = "fork" in multiprocessing.get_all_start_methods()


def test_answers_come_in_the_order_of_the_items() -> None:
    assert each(lambda x: x * x, range(20)) == [x * x for x in range(20)]
    with processes():
        assert each(lambda x: x * x, range(20), forking=True) == [x * x for x in range(20)]


def test_processes_only_where_both_sides_allow_them() -> None:
    def place(_: int) -> int:
        return os.getpid()

    own = {os.getpid()}
    assert set(each(place, range(20), forking=True)) == own
    with processes():
        assert set(each(place, range(20))) == own
        assert set(each(place, range(3), forking=True)) == own  # not worth a fork
        assert (own == set(each(place, range(20), forking=True))) == (not CAN_FORK)


def test_two_pieces_of_work_are_done_at_the_same_time() -> None:
    meeting = threading.Barrier(2, timeout=60)

    def wait(answer: str) -> str:
        meeting.wait()  # breaks unless the other piece has begun
        return answer

    assert both(lambda: wait("one"), lambda: wait("other")) == ("one", "other")
    with pytest.raises(ZeroDivisionError):
        both(lambda: 1, lambda: 1 / 0)


def test_an_error_of_one_item_reaches_the_caller() -> None:
    def fail(x: int) -> float:
        return 1 / (x - 12)

    with processes(), pytest.raises(ZeroDivisionError):
        each(fail, range(20), forking=True)


def test_statistics_are_the_same_bit_for_bit(make_series: Callable[..., SeriesDays]) -> None:
    series = {(s, 0): make_series(seed=s) for s in range(9)}
    threads = gather(series)
    with processes():
        forked = gather(series)
    assert list(threads) == list(forked)
    for key, found in threads.items():
        for name, values in found.items():
            assert np.array_equal(values, forked[key][name], equal_nan=True), name
