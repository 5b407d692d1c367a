"""The first rows of a query for a page, and how many it leaves out: a page never cuts a list silently."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet


class Newest(list[Any]):
    """Rows shown; `more`: how many there are beside them."""

    def __init__(self, rows: Iterable[Any], more: int = 0) -> None:
        super().__init__(rows)
        self.more = more


def newest(rows: QuerySet[Any], most: int) -> Newest:
    """Return the first `most` rows in the order of the query; the others are counted only where there are any."""
    found = list(rows[: most + 1])
    return Newest(found[:most], rows.count() - most if len(found) > most else 0)
