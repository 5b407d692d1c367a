"""The first answer of the workbench: the air, the water and the outlets of one's own reach, now."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.apps.conftest import NOW
from tests.apps.evaluation.conftest import Data
from tests.apps.evaluation.test_water import put as put_water

from qingjian.apps.evaluation import queries, services
from qingjian.apps.evaluation.elements import ELEMENT_RULES
from qingjian.apps.evaluation.models import Exceedance
from qingjian.apps.evaluation.present import present
from qingjian.apps.network.models import PermitLimit
from qingjian.contracts.clock import CHINA

START = datetime(2026, 11, 20, tzinfo=CHINA)


def evaluate(data: Data, hours: int = 34) -> None:
    for point in ("A1", "A2", "A3"):
        data.air(point, START, hours, a34004=80.0)
    put_water(data, 5.5, hours=hours)
    for element in ELEMENT_RULES:
        services.catch_up(element, 60)


def test_nothing_is_said_before_anything_came(place, client) -> None:
    staff = place.person("staff", "station_staff", region=place.other)
    assert not present(staff)
    client.force_login(staff)
    assert "环境质量现状" not in client.get("/").content.decode()


def test_each_element_has_one_line(data: Data, place, client) -> None:
    evaluate(data)
    staff = place.person("staff", "station_staff")
    found = present(staff)
    (air,) = found.air
    assert (air.region.name, air.category, air.primary) == ("甲县", "轻度污染", "PM2.5")
    assert found.water == [("Ⅲ", 1)]
    assert (found.outlets_exceeding, found.outlets) == (0, 1)
    client.force_login(staff)
    text = client.get("/").content.decode()
    for told in ("环境质量现状", str(air.aqi), "轻度污染", "qe-class-3", "1 个自动监控排口"):
        assert told in text, told


def test_what_is_old_is_not_present(data: Data, place, clock) -> None:
    evaluate(data)
    staff = place.person("staff", "station_staff")
    clock.set_wall(NOW + timedelta(hours=5))
    assert present(staff).air == []
    assert present(staff).sections == 1
    clock.set_wall(NOW + timedelta(days=9))
    assert present(staff).sections == 0


def test_an_outlet_counts_while_it_exceeds_and_others_see_nothing_of_it(data: Data, place) -> None:
    data.put("W1.w01018", START, [40] * 30 + [150] * 4)
    for element in ELEMENT_RULES:
        services.catch_up(element, 60)
    assert Exceedance.objects.filter(running=True).exists()
    staff = place.person("staff", "station_staff")
    assert present(staff).outlets_exceeding == 1
    neighbour = place.person("neighbour", "station_staff", region=place.other)
    assert present(neighbour).outlets_exceeding == 0


def test_a_month_above_its_limit_is_no_exceedance_of_this_moment(data: Data, place) -> None:
    """A run of months goes on until the next month is judged: neither page says that the outlet exceeds now."""
    data.put("W1.w01018", START, [40] * 30 + [150] * 4)
    for element in ELEMENT_RULES:
        services.catch_up(element, 60)
    Exceedance.objects.filter(running=True).update(averaging="month")
    staff = place.person("staff", "station_staff")
    assert present(staff).outlets_exceeding == 0
    assert [one["running"] for one in queries.outlet_overview(staff)] == [False]


def test_an_outlet_without_limits_is_not_said_to_keep_them(data: Data, place, client) -> None:
    staff = place.person("staff", "station_staff")
    client.force_login(staff)
    assert (present(staff).outlets_judged, present(staff).outlets) == (1, 1)
    assert "当前未超标" in client.get("/").content.decode()
    PermitLimit.objects.all().delete()
    assert (present(staff).outlets_judged, present(staff).outlets) == (0, 1)
    text = client.get("/").content.decode()
    assert "当前未超标" not in text
    assert "其中 0 个有限值" in text
