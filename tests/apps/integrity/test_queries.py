from __future__ import annotations

from datetime import timedelta

from tests.apps.conftest import NOW, County

from qingjian.apps.integrity.queries import newest_open
from qingjian.apps.network.models import Point
from qingjian.apps.observing.models import Clue


def test_the_newest_open_clues_in_reach(registry: County) -> None:
    point = Point.objects.get(code="A1")

    def clue(days: int, score: float = 0.9, state: str = "open") -> Clue:
        start = NOW - timedelta(days=days)
        return Clue.objects.create(
            point=point,
            kind="k",
            rule="r",
            start=start,
            score=score,
            statement="s",
            opened_at=NOW,
            state=state,
        )

    clue(1, state="dismissed")
    weaker, stronger, older = clue(2), clue(2, 0.99), clue(3)
    clue(9)
    staff = registry.person("staff", "station_staff")
    assert newest_open(staff, 3) == [stronger, weaker, older]
    assert newest_open(registry.person("neighbour", "station_staff", region=registry.other)) == []
