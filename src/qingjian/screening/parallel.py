"""Series are independent of each other: work on several at a time, results in the order of the items.

Threads by default, because a server must not fork. A program that does nothing else (the command line, a bench) may allow
processes for the steps that keep the interpreter busy: `with processes(): …`. The answers are the same either way.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Other = TypeVar("Other")

# NumPy and LightGBM release the interpreter lock in their inner loops.
WORKERS: Final = 2
LEAST_ITEMS: Final = 8

_allowed: ContextVar[bool] = ContextVar("processes_allowed", default=False)
# what the forked workers inherit: closures cannot be sent to them
_inherited: dict[int, tuple[Callable[[Any], Any], list[Any]]] = {}


@contextmanager
def processes() -> Iterator[None]:
    """Allow forked worker processes inside the block, where the system can fork."""
    token = _allowed.set("fork" in multiprocessing.get_all_start_methods())
    try:
        yield
    finally:
        _allowed.reset(token)


def each(work: Callable[[Item], Answer], items: Iterable[Item], forking: bool = False) -> list[Answer]:
    """`work` applied to every item, two at a time; the answers do not depend on the timing.

    `forking` says that the work is plain NumPy and may run in forked processes where these are allowed.
    """
    held = list(items)
    if not (forking and _allowed.get() and len(held) >= LEAST_ITEMS):
        with ThreadPoolExecutor(WORKERS) as pool:
            return list(pool.map(work, held))
    key = id(held)
    _inherited[key] = (work, held)
    try:
        with ProcessPoolExecutor(WORKERS, multiprocessing.get_context("fork")) as workers:
            return list(workers.map(_one, [key] * len(held), range(len(held))))
    finally:
        del _inherited[key]


def both(one: Callable[[], Answer], other: Callable[[], Other]) -> tuple[Answer, Other]:
    """The answers of two pieces of work that need nothing of each other, done at the same time."""
    with ThreadPoolExecutor(1) as pool:
        beside = pool.submit(other)
        return one(), beside.result()


def _one(key: int, at: int) -> Any:
    work, items = _inherited[key]
    return work(items[at])
