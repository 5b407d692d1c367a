from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.apps.conftest import NOW

from qingjian.apps.network.models import Factor, Outlet, PermitLimit, Point, Series
from qingjian.apps.observing import limit_lines
from qingjian.rulebook import packaged

WEEK = timedelta(days=7)


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def shown(series: Series, statistic: str, start: datetime, end: datetime) -> list[tuple]:
    found = limit_lines.lines(series, statistic, start, end, packaged())
    return [(one["value"], one["from"], one["to"]) for one in found]


def test_a_limit_that_changes_within_the_chart_is_drawn_for_as_long_as_it_held(registry) -> None:
    series = Series.objects.get(code="W1.w01018")
    changed = NOW - timedelta(days=3)
    fixed = {"outlet": Outlet.objects.get(), "factor": series.factor, "averaging": "hour", "unit": "mg/L"}
    PermitLimit.objects.create(**fixed, upper=100, valid_to=NOW - WEEK)
    PermitLimit.objects.create(**fixed, upper=60, valid_from=NOW - WEEK, valid_to=changed)
    PermitLimit.objects.create(**fixed, upper=50, valid_from=changed)
    moment = milliseconds(changed)
    assert shown(series, "hour", NOW - WEEK, NOW) == [(60.0, None, moment), (50.0, moment, None)]
    assert shown(series, "hour", NOW - timedelta(days=1), NOW) == [(50.0, None, None)]


def test_a_station_of_the_air_has_the_limit_of_the_standard_with_its_change(registry) -> None:
    series = Series.objects.get(code="A1.a34004")
    rows = packaged().rows("ambient_air_limits", symbol="PM2.5", class_="二级", averaging_period="日平均")
    days = {row.valid_from: float(row["limit"]) for row in rows if row.valid_from}
    newest = max(days)
    start = datetime(newest.year - 1, 6, 1, tzinfo=UTC)
    before = max(day for day in days if day < newest)
    lines = shown(series, "day", start, start + timedelta(days=366))
    if days[before] == days[newest]:
        assert {value for value, *_stretch in lines} == {days[newest]}
    else:
        moment = milliseconds(limit_lines._midnight(newest))
        assert lines == [(days[before], None, moment), (days[newest], moment, None)]
    assert shown(series, "hour", NOW - WEEK, NOW) == [], "there is no limit of an hour for fine particles"
    (line,) = limit_lines.lines(series, "day", NOW - WEEK, NOW, packaged())
    assert line["note"].startswith("二级")
    assert "GB 3095" in line["basis"]


def test_a_section_of_a_river_has_the_limits_of_its_target_class(registry) -> None:
    factor = Factor.objects.create(
        code="surface_water.w21003", medium="surface_water", wire_code="w21003", name_zh="氨氮", unit="mg/L"
    )
    series = Series.objects.get(code="W1.w01018")
    Point.objects.filter(pk=series.point_id).update(
        kind="water_section", outlet=None, attributes={"target_class": "Ⅲ"}
    )
    Series.objects.filter(pk=series.pk).update(factor=factor)
    assert shown(Series.objects.get(pk=series.pk), "hour", NOW - WEEK, NOW) == [(1.0, None, None)]
    Point.objects.filter(pk=series.point_id).update(attributes={})
    assert shown(Series.objects.get(pk=series.pk), "hour", NOW - WEEK, NOW) == []
