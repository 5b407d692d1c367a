from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from tests.apps.conftest import LayOut
from tests.apps.evaluation.conftest import Data

from qingjian.apps.evaluation import services, statistics, targets
from qingjian.apps.rulekeeping import services as rules
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.clock import CHINA

YEAR = 2026


@pytest.fixture
def target(place):
    maker, checker = place.person("m", "data_manager"), place.person("c", "data_manager")

    def put(item: str, value: str, year: int = YEAR) -> None:
        row = {
            "standard": "市考核文件",
            "region": "990101",
            "year": str(year),
            "item": item,
            "value": value,
            "effective_from": f"{year}-01-01",
            "source": "市考核文件附表",
        }
        text = rules.as_csv("regional_targets", [row])
        rules.approve(checker, rules.propose(maker, "regional_targets", text, "年度目标"), 0, "市考核文件")

    return put


@pytest.fixture
def year(data: Data, place, lay_out: LayOut) -> statistics.Year:
    """Four days, one of them heavily polluted."""
    lay_out("targets", lambda: _fill(data))
    return statistics.year_of(place.county, YEAR, date(2026, 11, 20))


def _fill(data: Data) -> None:
    for back, particles in enumerate((20.0, 30.0, 40.0, 250.0)):
        for point in ("A1", "A2"):
            start = datetime(2026, 11, 20, tzinfo=CHINA) - timedelta(days=back)
            data.air(point, start, 24, a34004=particles)
    services.evaluate("air", date(2026, 11, 17), date(2026, 11, 20))


def test_each_target_says_how_the_year_stands_and_what_is_left(year, place, target) -> None:
    for item, value in (
        ("优良天数比例", "90"),
        ("重污染天数", "3"),
        ("PM2.5", "40"),
        ("O3", "160"),
        ("综合指数", "9"),
    ):
        target(item, value)
    found = {one.item: one for one in targets.against(place.county, year, rulebook())}
    assert list(found) == ["优良天数比例", "重污染天数", "综合指数", "O3", "PM2.5"]
    good = found["优良天数比例"]
    # 4 days so far, one of them not good; 41 days remain: a tenth of 45 is 4, one is used up.
    assert (good.value, good.met, good.left, good.reachable) == (Decimal("75.0"), False, 3, True)
    assert (found["重污染天数"].value, found["重污染天数"].left) == (1, 2)
    particles = found["PM2.5"]
    assert (particles.value, particles.met) == (Decimal(85), False)
    assert particles.left == round((Decimal(40) * 45 - Decimal(85) * 4) / 41, 1)
    assert (found["O3"].met, found["O3"].left) == (True, None)
    assert good.row.confirmed


def test_a_target_out_of_reach_says_so_and_other_years_and_regions_do_not_mix(year, place, target) -> None:
    target("优良天数比例", "99")
    target("PM2.5", "30", year=2025)
    (only,) = targets.against(place.county, year, rulebook())
    assert (only.left, only.reachable) == (Decimal(-1), False)
    assert targets.against(place.other, year, rulebook()) == []


def test_the_page_shows_target_last_year_and_the_way_to_set_one(year, place, target, client) -> None:
    client.force_login(place.person("manager", "data_manager"))
    page = client.get("/air/year/").content.decode()
    assert "table=regional_targets&amp;region=990101&amp;year=2026" in page
    target("PM2.5", "40")
    page = client.get("/air/year/").content.decode()
    assert "市考核文件" in page
    form = client.get("/limits/propose/?table=regional_targets&region=990101&year=2026").content.decode()
    assert 'value="990101"' in form
