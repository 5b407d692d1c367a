"""What the data or the registration of one point breaks stops no other point, day or element.

It is kept as a failure that people see, and tried again at every run until it passes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import TypeVar

import structlog
from django.db import InterfaceError, OperationalError
from django.db.models import Q

from qingjian.apps.evaluation.models import Failure
from qingjian.contracts.current import now

NOBODY = (OSError, OperationalError, InterfaceError, MemoryError)
"""What no point is to blame for: the store, the database or the machine."""
LONGEST = 500
Made = TypeVar("Made")
Broken = dict[int, list[tuple[date, date, Exception]]]
"""By point the stretches of days it spoils."""
log = structlog.get_logger()


def failing(candidates: Sequence[int], attempt: Callable[[set[int]], object]) -> dict[int, Exception]:
    """Return the candidates for which an attempt fails also when they stand alone, by halves. Raises `NOBODY`."""
    try:
        attempt(set(candidates))
    except NOBODY:
        raise
    except Exception as error:
        if len(candidates) <= 1:
            return dict.fromkeys(candidates, error)
        half = len(candidates) // 2
        return failing(candidates[:half], attempt) | failing(candidates[half:], attempt)
    return {}


def failing_days(
    first: date, last: date, attempt: Callable[[date, date], object]
) -> list[tuple[date, date, Exception]]:
    """Return the stretches of first … last on which an attempt fails also when they stand alone. Raises `NOBODY`.

    Where the first, the middle and the last day fail, all between them is taken to fail: a registration may be broken for
    years, and not every day of them is to be tried.
    """
    error = _error(attempt, first, last)
    if error is None:
        return []
    middle = first + (last - first) // 2
    days = {first, middle, last}
    if first == last:
        return [(first, last, error)]
    if len(days) == 3 and all(_error(attempt, day, day) is not None for day in sorted(days)):
        return [(first, last, error)]
    return failing_days(first, middle, attempt) + failing_days(middle + timedelta(days=1), last, attempt)


def _error(attempt: Callable[[date, date], object], first: date, last: date) -> Exception | None:
    try:
        attempt(first, last)
    except NOBODY:
        raise
    except Exception as error:
        return error
    return None


def stretches(first: date, last: date, broken: Broken) -> list[tuple[date, date, frozenset[int]]]:
    """Return the consecutive days between two that the same points spoil, with those points."""
    days = [first + timedelta(days=one) for one in range((last - first).days + 1)]

    def spoiled(day: date) -> frozenset[int]:
        return frozenset(
            point for point, own in broken.items() if any(begin <= day <= end for begin, end, _error in own)
        )

    return [(own[0], own[-1], points) for points, part in groupby(days, spoiled) for own in [list(part)]]


def record(
    element: str,
    step: str,
    error: Exception,
    point: int | None = None,
    first: date | None = None,
    last: date | None = None,
) -> None:
    """Keep a failure: a new row, or one more attempt of what there is of the same days."""
    rows = Failure.objects.filter(element=element, step=step, point=point)
    rows = rows.filter(first__gte=first, last__lte=last) if first is not None else rows.filter(first=None)
    held = rows.order_by("-attempts").first()
    if held is None:
        log.error(
            "evaluation failed", element=element, step=step, point=point, day=str(first), exc_info=error
        )
        held = Failure(element=element, step=step, point_id=point, attempts=0, first_at=now())
    rows.exclude(pk=held.pk).delete()
    held.first, held.last, held.at = first, last, now()
    held.error = f"{type(error).__name__}: {error}"[:LONGEST]
    held.attempts += 1
    held.save()


def guarded(element: str, step: str, action: Callable[[], Made]) -> Made | None:
    """Do a step of an element; None where an error stopped it, which is kept and shown. The step is tried again later."""
    try:
        made = action()
    except Exception as error:
        record(element, step, error)
        return None
    passed(element, step)
    return made


def passed(
    element: str,
    step: str,
    first: date | None = None,
    last: date | None = None,
    points: Iterable[int] | None = None,
) -> None:
    """Take away the failures of a step that went well: of the element as a whole, or of points on some days."""
    rows = Failure.objects.filter(element=element, step=step)
    if first is not None:
        rows = rows.filter(first__gte=first, last__lte=last)
    if points is not None:
        # Days that broke whoever stood aside are days that go well now.
        rows = rows.filter(Q(point__in=set(points)) | Q(point=None, first__isnull=False))
    if rows.exists():
        rows.delete()
