"""The equipped county of the evaluation tests with three days of November and one of October, filled in two writes."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from tests.apps.conftest import LayOut
from tests.apps.evaluation.conftest import CLEAN, HOUR, Data, data, place, put_all

from qingjian.apps.evaluation import services as evaluation
from qingjian.apps.evaluation.models import Progress
from qingjian.apps.observing import stores
from qingjian.contracts.clock import CHINA

__all__ = ["Data", "data", "place", "put_all"]
DAY = date(2026, 11, 20)
START = datetime(2026, 11, 20, tzinfo=CHINA)
OCTOBER = datetime(2026, 10, 5, tzinfo=CHINA)


def air(point: str, start: datetime, **changed: float) -> list[tuple[str, datetime, list[float]]]:
    return [(f"{point}.{code}", start, [value] * 24) for code, value in {**CLEAN, **changed}.items()]


@pytest.fixture
def filled(data: Data, lay_out: LayOut) -> Data:
    lay_out("reported", lambda: _fill(data))
    return data


def _fill(data: Data) -> None:
    entries = []
    for back in range(3):
        start = START - timedelta(days=back)
        for point in ("A1", "A2", "A3"):
            entries += air(point, start, a34004=80.0 + 40 * back)
        for code, value in (("w01009", 4.5), ("w01001", 7.5), ("w01014", 300.0)):
            entries.append((f"R1.{code}", start, [value] * 24))
    for point in ("A1", "A2"):
        entries += air(point, OCTOBER)
    put_all(entries)
    data.put("A1.a34004", START + 3 * HOUR, [500.0], flag="D")
    for element in ("air", "water"):
        evaluation.evaluate(element, DAY - timedelta(days=2), DAY)
        evaluation.evaluate(element, OCTOBER.date(), OCTOBER.date())
        Progress.objects.create(
            name=element, known_until=stores.lake().known_until(), back_until=OCTOBER, complete=True
        )
