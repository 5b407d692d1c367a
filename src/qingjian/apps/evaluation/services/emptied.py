"""Results whose data were all taken back: nothing is left to evaluate, and that is a result too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any

from qingjian.apps.evaluation.drafts import Chosen, Draft, midnight, month_of
from qingjian.apps.evaluation.elements import Element
from qingjian.apps.evaluation.models import Evaluation
from qingjian.standards.explanation import Text, TraceBuilder

MONTHLY = ("lake_month", "water_month", "outlet_month")
YEARLY = ("outlet_year",)
BY_THEMSELVES = ("noise_area_year", "noise_road_year", "ecology_year")
"""Kinds of a year, which a run over some days evaluates only where something of the year came in."""
STATED = ("outlet_hour",)
"""The element itself states which hours do not exceed any more."""


def with_emptied(
    rules: Element, drafts: Iterable[Draft], first: date, last: date, chosen: Chosen
) -> Iterator[Draft]:
    """Yield the drafts of a run over whole days, and an empty one for each current result that none of them speaks of.

    Without it a day that somebody marks invalid as a whole would keep its index: no draft, nothing to compare.
    """
    said: set[tuple[str, int | None, int, Any]] = set()
    for one in drafts:
        said.add((one.kind, *one.subject))
        yield one
    own = {one.pk for one in rules.points() if chosen.has(one.pk)}
    # What is made of several points stands while one of them stands aside: its failure is told instead.
    regions = rules.together and not chosen.aside
    for kind in rules.kinds:
        if kind in BY_THEMSELVES or kind in STATED:
            continue
        begin = month_of(first) if kind in MONTHLY else date(first.year, 1, 1) if kind in YEARLY else first
        rows = Evaluation.objects.filter(
            kind=kind,
            superseded_at=None,
            start__gte=midnight(begin),
            start__lt=midnight(last + timedelta(days=1)),
        ).values_list("point_id", "region_id", "start")
        for point, region, start in rows:
            subject = (kind, point, 0 if point else region, start)
            if subject not in said and (point in own if point else regions):
                yield empty(kind, point, region, start)


def empty(kind: str, point: int | None, region: int, start: Any) -> Draft:
    """Return the result that says that no value counts any more."""
    trace = TraceBuilder(Text("评价撤回", "nothing left to evaluate"))
    trace.step(
        "该时段原有结果所依据的数据已全部被标记、更正或撤回，或点位当时不在运行，没有可参加评价的数据，不再给出结果",
        "all data behind the earlier result of this period were marked, corrected or taken back, or the point did not run then: no value counts, no result is given",
    )
    values: dict[str, Any] = {"used": {}}
    if kind.startswith("air") and point is None:
        values |= {"stations": {}, "of": []}
    return Draft(kind, point, region, start, "", values, "V", publishable=False, trace=trace.done().to_dict())
