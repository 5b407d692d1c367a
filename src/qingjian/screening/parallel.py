"""Series are independent of each other: work on several at a time, results in the order of the items."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

# NumPy and LightGBM release the interpreter lock in their inner loops.
WORKERS: Final = 2


def each(work: Callable[[Item], Answer], items: Iterable[Item]) -> list[Answer]:
    """`work` applied to every item, two at a time; the answers do not depend on the timing."""
    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(work, items))
