"""What the environment is like now, in one line per element: the first answer of the workbench."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.evaluation import queries
from qingjian.apps.evaluation.drafts import day_of, midnight
from qingjian.apps.evaluation.exceedances import RIGHT_NOW
from qingjian.apps.evaluation.models import Evaluation
from qingjian.contracts.current import now
from qingjian.standards.surface_water.items import CLASSES

AIR_PRESENT = timedelta(hours=4)
"""An hour older than this is not called present: the mean of an hour is complete some time after it."""
WATER_DAYS = 7


@dataclass(frozen=True, slots=True)
class Present:
    """`air`: the newest hour of each region in reach, counties first; `water`: how many sections have which class on their newest day."""

    air: list[Evaluation]
    water: list[tuple[str, int]]
    sections: int
    outlets_exceeding: int
    outlets_judged: int
    """Those with a limit or a standard: nothing can be said of the others."""
    outlets: int

    def __bool__(self) -> bool:
        return bool(self.air or self.water or self.outlets)


def present(user: Any) -> Present:
    """Return the present state of air, surface water and outlets in reach of a person who may view data."""
    moment = now()
    visible = dict(queries.points_visible_to(user).filter(status="running").values_list("pk", "kind"))
    hours: dict[int, Evaluation] = {}
    for row in (
        queries.current("air_hour")
        .filter(
            point=None,
            region__in=account_rules.scope(user, Capability.VIEW_DATA).regions,
            start__gte=moment - AIR_PRESENT,
        )
        .select_related("region")
        .defer("trace")
        .order_by("start")
    ):
        hours[row.region_id] = row
    days = (
        queries.current("water_station_day")
        .filter(start__gte=midnight(day_of(moment) - timedelta(days=WATER_DAYS)))
        .exclude(water_class="")
        .order_by("start")
        .values_list("point", "water_class")
    )
    classes = {point: name for point, name in days if point in visible}
    exceeding = set(
        queries.exceedances_visible_to(user)
        .filter(running=True, marked=False, averaging__in=RIGHT_NOW)
        .order_by()
        .values_list("point", flat=True)
    )
    return Present(
        air=sorted(hours.values(), key=lambda row: (row.region.level == "city", row.region.code)),
        water=sorted(Counter(classes.values()).items(), key=lambda one: CLASSES.index(one[0])),
        sections=len(classes),
        outlets_exceeding=len(exceeding & visible.keys()),
        outlets_judged=sum(one.point.pk in visible for one in queries.outlets_in_reach(user)),
        outlets=sum(kind.startswith("outlet") for kind in visible.values()),
    )
