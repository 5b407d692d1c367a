"""One series that cannot be worked with does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import duckdb
from deltalake.exceptions import DeltaError

STORE_ERRORS: tuple[type[Exception], ...] = (OSError, MemoryError, duckdb.Error, DeltaError)
"""What a disk or a full memory says; no series is to blame for it, and the whole run is tried again."""


Made = TypeVar("Made")


def isolated(
    numbers: Sequence[int], work: Callable[[Sequence[int]], Made], failed: dict[int, str]
) -> list[Made]:
    """Work on many series at once; where that fails, on halves of them, until those that fail stand alone in `failed`.

    Series that are in `failed` already are left out. Errors of a store pass through.
    """
    numbers = [one for one in numbers if one not in failed]
    if not numbers:
        return []
    try:
        return [work(numbers)]
    except STORE_ERRORS:
        raise
    except Exception as error:
        if len(numbers) == 1:
            failed[numbers[0]] = f"{type(error).__name__}: {error}"
            return []
        middle = len(numbers) // 2
        return isolated(numbers[:middle], work, failed) + isolated(numbers[middle:], work, failed)
