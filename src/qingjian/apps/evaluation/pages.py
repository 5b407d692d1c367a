"""What every page of evaluation hands its template."""

from __future__ import annotations

from typing import Any

from qingjian.apps.evaluation.drafts import day_of
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.current import now
from qingjian.rulebook import Row
from qingjian.standards import editions


def frame(title: str, tab: str, **more: Any) -> dict[str, Any]:
    """Return title, active tab and the present moment, with what else the page shows."""
    return {"title": title, "tab": tab, "now": now(), **more}


def caveats(*standards: str) -> list[Row]:
    """Return the documents in force of which part is unknown or was not compared, until a person confirms them."""
    book, today = rulebook(), day_of(now())
    return [
        row for standard in standards for row in editions.caveats(book, standard, today) if not row.confirmed
    ]
