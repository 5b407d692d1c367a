"""What every page of evaluation hands its template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from qingjian.apps.evaluation.drafts import day_of
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.current import now
from qingjian.contracts.periods import DAY, MONTH, QUARTER, YEAR, Period
from qingjian.rulebook import Row
from qingjian.standards import editions


def frame(title: str, tab: str, **more: Any) -> dict[str, Any]:
    """Return title, active tab and the present moment, with what else the page shows."""
    return {"title": title, "tab": tab, "now": now(), **more}


SPAN_TITLES = ((DAY, _("Day")), (MONTH, _("Month")), (QUARTER, _("Quarter")), (YEAR, _("Year")))


def choice(
    period: Period,
    bases: Sequence[tuple[str, str, bool]],
    kept: Mapping[str, str],
    only: str,
) -> dict[str, Any]:
    """Return what the choice of a basis shows: `bases` as (name, title, chosen), what the address keeps, why there is none."""
    chosen = next(({"basis": name} for name, _title, is_chosen in bases if is_chosen), {})
    return {
        "period": period,
        "stepping": urlencode({**kept, "span": period.span, **chosen}),
        "spans": list(SPAN_TITLES),
        "bases": [{"name": name, "title": title, "chosen": chosen} for name, title, chosen in bases],
        "kept": list(kept.items()),
        "only": only,
    }


def caveats(*standards: str) -> list[Row]:
    """Return the documents in force of which part is unknown or was not compared, until a person confirms them."""
    book, today = rulebook(), day_of(now())
    return [
        row for standard in standards for row in editions.caveats(book, standard, today) if not row.confirmed
    ]
