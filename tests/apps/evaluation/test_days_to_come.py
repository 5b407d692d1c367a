"""Samples and surveys dated in the future wait until their day has come, and the entrance refuses them."""

from __future__ import annotations

import hashlib
from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pytest
from django.conf import settings
from django.test import Client
from tests.apps.conftest import County
from tests.apps.evaluation.conftest import Data, enter

from qingjian.apps.evaluation import calculation, services
from qingjian.apps.evaluation.models import Evaluation, Progress
from qingjian.apps.network import services as network
from qingjian.apps.network.models import Series
from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import clock
from qingjian.intake import ImportSource, import_table
from qingjian.lake import Lake, candidates, from_float

ELEMENTS = ("groundwater", "water", "drinking", "noise", "soil", "ecology")
NOW = {
    "G1.gx018": 0.2,
    "M1.w01009": 6.2,
    "B1.w01009": 3.0,
    "D1.w21003": 0.3,
    "NA.Ld": 54.0,
    "NR.Ld": 69.0,
    "F1.sx000": 7.0,
    "F1.sx002": 0.1,
    "L1.w21011": 0.05,
    "L1.w01x16": 10.0,
}
AHEAD = {name: value * 9 if name != "F1.sx000" and name[0] != "N" else value for name, value in NOW.items()}


def store(values: dict[str, float], day: date, statistic: str = "day") -> None:
    """Store what no entrance takes any more, as earlier versions did."""
    numbers = dict(Series.objects.values_list("code", "pk"))
    at = int(datetime(day.year, day.month, day.day, tzinfo=CHINA).timestamp()) * 1_000_000
    table = candidates(
        series=np.asarray([numbers[code] for code in values], np.int32),
        statistic=statistic,
        start=np.full(len(values), at, np.int64),
        numbers={"value": from_float(np.asarray(list(values.values()), np.float64))},
        flag="N",
    )
    with Lake(settings.DATA_FOLDER.lake, clock()) as lake:
        lake.append(lake.next_batch(), observations=table)


def caught_up() -> None:
    for element in ELEMENTS:
        while not services.catch_up(element, 60)[1]:
            pass


def ahead() -> list[str]:
    rows = Evaluation.objects.filter(superseded_at=None, start__gt=clock().now())
    return [row.kind for row in rows if row.values.get("used")]


def test_what_is_dated_in_the_future_is_not_judged(elements: Data, place: County, client: Client) -> None:
    enter({name: str(value) for name, value in NOW.items()}, "2026-11-10")
    caught_up()
    month = Evaluation.objects.get(kind="water_month", point__code="M1", superseded_at=None)
    clock().advance(60)  # type: ignore[attr-defined]
    store(AHEAD, date(2027, 11, 10))
    store(AHEAD, date(2026, 11, 29))
    for element in ELEMENTS:
        services.follow(element)
    assert ahead() == []
    held = Evaluation.objects.get(kind="water_month", point__code="M1", superseded_at=None)
    assert held.values["used"] == month.values["used"]
    client.force_login(place.person("zhiban9", "station_staff"))
    for page in ("/elements/groundwater/", "/elements/soil/", "/elements/drinking/", "/elements/noise/"):
        assert "2027-11" not in client.get(page).content.decode()


def test_they_are_judged_when_their_day_has_come(elements: Data) -> None:
    enter({"G1.gx018": "0.2"}, "2026-11-10")
    caught_up()
    clock().advance(60)  # type: ignore[attr-defined]
    store({"G1.gx018": 9.0}, date(2026, 11, 29))
    services.follow("groundwater")
    clock().advance(9 * 86_400)  # type: ignore[attr-defined]
    services.renew()
    newest = Evaluation.objects.filter(kind="groundwater", superseded_at=None).latest("start")
    assert newest.start.astimezone(CHINA).date() == date(2026, 11, 29)
    assert newest.water_class == "Ⅴ"


BEFORE = next(one.number for one in calculation.CALCULATIONS if one.points is calculation.dated_ahead) - 1
"""The version of the calculation before the one that takes them back."""


@pytest.mark.parametrize(
    ("code", "kind"),
    [("G1.gx018", "groundwater"), ("M1.w01009", "water_month"), ("NA.Ld", "noise_area_year")],
)
def test_results_of_the_future_are_taken_back(
    elements: Data, monkeypatch: pytest.MonkeyPatch, code: str, kind: str
) -> None:
    """What an earlier version judged goes with the correction that this one brings."""
    enter({code: "8"}, "2026-11-10")
    store({code: 9.0}, date(2027, 11, 10))
    element = {"G": "groundwater", "M": "water", "N": "noise"}[code[0]]
    services.evaluate(
        element, date(2026, 11, 1), date(2027, 11, 30), until=datetime(2028, 1, 1, tzinfo=CHINA)
    )
    future = Evaluation.objects.filter(
        kind=kind, superseded_at=None, start__gte=datetime(2026, 12, 1, tzinfo=CHINA)
    )
    assert [bool(row.values["used"]) for row in future] == [True]
    Progress.objects.update_or_create(name="program", defaults={"limits_until": BEFORE})
    services.follow_changes(60)
    assert ahead() == []


def test_the_entrance_refuses_a_date_to_come(elements: Data) -> None:
    directory = network.directory_store().current()
    assert directory is not None
    table = pa.table(
        {
            "series": ["G1.gx018"] * 3,
            "time": ["2026-11-21", "2026-11-22", "2027-11-10"],
            "value": ["0.2", "0.2", "9"],
        }
    )
    source = ImportSource(hashlib.sha256(b"x").hexdigest(), "化验.csv", statistic="day")
    with Lake(settings.DATA_FOLDER.lake, clock()) as lake:
        result = import_table(lake, directory, table, source)
    assert [(one.row, one.code) for one in result.problems] == [(3, "time-future"), (4, "time-future")]
    assert "未来" in result.problems[0].zh
    assert "future" in result.problems[0].en
    assert (result.new, result.refused) == (1, 2)
