"""Addresses that ask for what cannot be: a clear refusal, on every page of evaluation."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from django.urls import URLPattern, reverse
from tests.apps.conftest import LayOut
from tests.apps.evaluation.conftest import Data
from tests.apps.evaluation.test_water import put as put_water

from qingjian.apps.evaluation import services, urls
from qingjian.apps.evaluation.models import Evaluation
from qingjian.contracts.clock import CHINA

START = datetime(2026, 11, 20, tzinfo=CHINA)
KNOWN = {"code": "R1", "element": "noise", "digest": "0" * 64, "name": "noise"}
"""What stands in the addresses, but for the number of a row and the points of elements."""
IMPOSSIBLE = (
    "year=abc",
    "year=99999",
    "year=9999",
    "year=0",
    "month=abc",
    "month=9999-12",
    "month=0001-01",
    "from=0001-01-01&to=9999-12-31",
    "from=x",
    "from=2026-11-20&to=2026-11-01",
    "on=0001-01-01",
    "on=2026-02-30",
    "by=zzz&period=zzz",
    "region=zzz",
    "item=zzz&name=zzz&basin=zzz&river=zzz&section=zzz&edition=zzz&limit=zzz&point=zzz&kind=zzz&part=zzz",
    "state=zzz&averaging=zzz&outcome=zzz&order=zzz&page=zzz&source=zzz&export=zzz",
    "q=%00",
)
REFUSED = (
    ("/air/year/", ("year=abc", "year=99999", "year=9999", "region=zzz")),
    ("/air/year/calendar.json", ("year=abc", "year=9999")),
    ("/air/year/why/", ("year=0", "item=zzz")),
    ("/air/basis/", ("year=9999",)),
    ("/air/ranking/", ("by=zzz", "period=zzz", "month=abc", "month=2027-05", "period=year&year=2027")),
    ("/air/events/", ("region=zzz",)),
    ("/water/indices/", ("month=abc", "month=0001-01", "month=9999-12")),
    ("/water/R1/calendar.json", ("year=abc", "year=99999")),
    ("/water/R1/trend.json", ("item=zzz",)),
    ("/elements/noise/N1/chart.json", ("item=zzz",)),
    ("/outlets/amounts/", ("year=abc", "year=0")),
    ("/outlets/limits/", ("on=0001-01-01", "on=2026-02-30")),
    ("/outlets/statistics/", ("by=zzz", "from=x", "to=9999-12-31")),
    ("/outlets/tax/", ("from=0001-01-01", "from=2026-11-20&to=2026-11-01")),
)


@pytest.fixture
def filled(elements: Data, lay_out: LayOut) -> int:
    """A day of air, water and an outlet; returns the number of one result."""
    lay_out("asked", lambda: _fill(elements))
    return Evaluation.objects.filter(point__code="R1").values_list("pk", flat=True)[0]


def _fill(data: Data) -> None:
    for point in ("A1", "A2"):
        data.air(point, START, 24)
    put_water(data, 5.5)
    data.put("W1.w01018", START, [120.0] * 24)
    for element in ("air", "water", "outlets"):
        services.catch_up(element, 60)


def addresses(pk: int) -> dict[str, str]:
    """Return an address of every page of evaluation by its name."""
    found = {}
    for pattern in urls.urlpatterns:
        assert isinstance(pattern, URLPattern)
        wanted = re.findall(r"<(?:\w+:)?(\w+)>", str(pattern.pattern))
        given = {name: pk if name == "pk" else KNOWN[name] for name in wanted}
        if set(given) == {"name", "code"}:
            given["code"] = "N1"
        found[pattern.name] = reverse(pattern.name, kwargs=given)
    return found


@pytest.mark.parametrize("query", IMPOSSIBLE)
def test_no_page_breaks_at_what_cannot_be(filled: int, place, client, query: str) -> None:
    client.force_login(place.person("shuju", "data_manager"))
    for name, address in addresses(filled).items():
        answer = client.get(f"{address}?{query}")
        assert answer.status_code in (200, 400, 404, 405), name


@pytest.mark.parametrize(("address", "queries"), REFUSED, ids=lambda one: str(one)[:40])
def test_what_a_page_reads_is_refused_when_it_cannot_be(filled: int, place, client, address, queries) -> None:
    client.force_login(place.person("shuju", "data_manager"))
    assert client.get(address).status_code in (200, 404)
    for query in queries:
        assert client.get(f"{address}?{query}").status_code in (400, 404), query


def test_the_page_says_what_was_wrong_with_the_address(filled: int, place, client) -> None:
    client.force_login(place.person("shuju", "data_manager"))
    assert "年份应为数字" in client.get("/air/year/?year=abc").content.decode()
    client.cookies["django_language"] = "en"
    assert "between 1970 and 2100" in client.get("/air/year/?year=99999").content.decode()
    assert "city, county, station, township" in client.get("/air/ranking/?by=zzz").content.decode()


def test_what_lies_in_another_county_does_not_exist(filled: int, place, client) -> None:
    client.force_login(place.person("elsewhere", "data_manager", region=place.other))
    pages = addresses(filled)
    for name in (
        "water-section",
        "water-trend",
        "water-trend-why",
        "water-calendar",
        "element-point",
        "element-chart",
        "evaluation-why",
        "trend-why",
        "air-event",
        "rule-change",
    ):
        assert client.get(pages[name]).status_code == 404, name
    for name in ("air", "air-year", "air-basis", "air-events", "air-trend"):
        assert client.get(f"{pages[name]}?region=990101").status_code == 404, name


def test_a_number_no_database_holds_is_no_page(filled: int, place, client) -> None:
    client.force_login(place.person("shuju", "data_manager"))
    for name, address in addresses(10**30).items():
        if str(10**30) in address:
            assert client.get(address).status_code in (404, 405), name
