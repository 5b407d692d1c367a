"""The present value is the one whose period ended last, not the one that arrived last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings

from qingjian.apps.network.models import Point, Series
from qingjian.apps.observing import present, series_panel
from qingjian.contracts.latest import LatestValue
from qingjian.desk import queries as desk
from qingjian.pipeline.latest import SqliteLatestStore

HOUR = timedelta(hours=1)
MIDNIGHT = datetime(2026, 11, 20, 16, tzinfo=UTC)
"""In China."""
HOURLY = {"hour": 3600, "day": 86_400}


def latest(statistic: str, start: datetime, value: float, received: datetime, series: int = 1) -> LatestValue:
    return LatestValue(series, statistic, start, value, "N", received, "g", 1)


HOUR_23 = latest("hour", MIDNIGHT - HOUR, 35, MIDNIGHT + timedelta(minutes=2))
YESTERDAY = latest("day", MIDNIGHT - 24 * HOUR, 80, MIDNIGHT + timedelta(minutes=3))
MONTH_OF_2020 = latest("month", datetime(2020, 1, 31, 16, tzinfo=UTC), 111, MIDNIGHT + 9 * HOUR)
REALTIME = latest("realtime", MIDNIGHT + timedelta(seconds=30), 36, MIDNIGHT + timedelta(minutes=1))


@pytest.mark.parametrize(
    ("values", "expected", "shown"),
    [
        ([HOUR_23, YESTERDAY], HOURLY, 35),
        ([HOUR_23, YESTERDAY, MONTH_OF_2020], HOURLY, 35),
        ([HOUR_23, REALTIME, YESTERDAY], HOURLY, 36),
        ([YESTERDAY, MONTH_OF_2020], {"day": 86_400}, 80),
        ([HOUR_23, YESTERDAY], {}, 35),
        ([MONTH_OF_2020], HOURLY, 111),
        ([], HOURLY, None),
    ],
)
def test_the_finest_value_whose_period_ended_last_is_the_present_one(values, expected, shown) -> None:
    found = present.present(values, expected)
    assert (found and found.value) == shown


@pytest.mark.parametrize(
    ("statistic", "start", "end"),
    [
        ("realtime", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)),
        ("day", datetime(2026, 1, 1, 16, tzinfo=UTC), datetime(2026, 1, 2, 16, tzinfo=UTC)),
        ("month", datetime(2026, 1, 31, 16, tzinfo=UTC), datetime(2026, 2, 28, 16, tzinfo=UTC)),
        ("month", datetime(2026, 11, 30, 16, tzinfo=UTC), datetime(2026, 12, 31, 16, tzinfo=UTC)),
        ("year", datetime(2025, 12, 31, 16, tzinfo=UTC), datetime(2026, 12, 31, 16, tzinfo=UTC)),
    ],
)
def test_periods_end_by_the_calendar_of_china(statistic, start, end) -> None:
    assert present.period_end(latest(statistic, start, 1, end)) == end


@pytest.fixture
def air(registry):
    Series.objects.filter(code="A1.a34004").update(expected=HOURLY)
    return Series.objects.get(code="A1.a34004")


def shown(user, air: Series) -> tuple:
    """Return the state and value on the map, the value on the tile, and the share of present series."""
    point = next(one for one in desk.map_points(user) if one["code"] == "A1")
    tile = series_panel.rows_of(user, [Series.objects.get(pk=air.pk)])[0]["newest"]
    return point["state"], point["values"][0]["value"], tile.value, desk.freshness(user)["current"]


def test_yesterday_s_mean_and_an_imported_month_do_not_stand_for_the_present(registry, clock, air) -> None:
    user = registry.person("u", "data_manager")
    Series.objects.exclude(pk=air.pk).update(expected={})
    store = SqliteLatestStore(settings.DATA_FOLDER.latest)
    clock.set_wall(MIDNIGHT + HOUR / 2)
    store.write([one._replace(series=air.pk) for one in (HOUR_23, YESTERDAY)])
    assert shown(user, air) == ("ok", 35, 35, 1)
    store.write([MONTH_OF_2020._replace(series=air.pk)])
    assert shown(user, air) == ("ok", 35, 35, 1)
    clock.set_wall(MIDNIGHT + 5 * HOUR)
    assert shown(user, air) == ("stale", 35, 35, 0)


@pytest.mark.parametrize(
    ("expected", "hours", "state"),
    [
        ({"hour": 14_400}, 11, "ok"),
        ({"hour": 14_400}, 13, "stale"),
        ({"day": 86_400}, 60, "ok"),
        ({"minute": 60, "hour": 3600}, 4, "stale"),
    ],
)
def test_a_value_is_present_for_three_owed_periods(registry, clock, air, expected, hours, state) -> None:
    Series.objects.filter(pk=air.pk).update(expected=expected)
    statistic = "day" if "day" in expected else "hour"
    SqliteLatestStore(settings.DATA_FOLDER.latest).write(
        [latest(statistic, MIDNIGHT, 7, MIDNIGHT + HOUR, air.pk)]
    )
    clock.set_wall(MIDNIGHT + hours * HOUR)
    assert shown(registry.person("u", "data_manager"), air)[0] == state


def test_the_tile_says_which_arriving_values_may_take_its_place(client, registry, clock, air) -> None:
    store = SqliteLatestStore(settings.DATA_FOLDER.latest)
    store.write([HOUR_23._replace(series=air.pk), YESTERDAY._replace(series=air.pk)])
    clock.set_wall(MIDNIGHT + HOUR / 2)
    client.force_login(registry.person("u", "data_manager"))
    page = client.get(f"/points/{Point.objects.get(pk=air.point_id).code}/").content.decode()
    assert 'data-live-statistics="realtime minute hour"' in page
    assert f'data-live-end="{int(MIDNIGHT.timestamp() * 1000)}"' in page
