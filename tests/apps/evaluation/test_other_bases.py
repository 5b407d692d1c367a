"""Sections and outlets on another basis: a choice only where there is one, and the difference as the limits make it."""

from __future__ import annotations

import io
from datetime import date, datetime, timedelta

import openpyxl
import pytest
from django.utils.http import urlencode
from tests.apps.evaluation.conftest import Data
from tests.apps.evaluation.test_water import put

from qingjian.apps.accounts.models import User
from qingjian.apps.evaluation import outlets as held
from qingjian.apps.evaluation import queries, services
from qingjian.apps.evaluation.bases import outlets, water
from qingjian.apps.network.models import Point, Series
from qingjian.apps.rulekeeping import services as rule_services
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.clock import CHINA
from qingjian.contracts.periods import period_of

START = datetime(2026, 11, 20, tzinfo=CHINA)
DAY = date(2026, 11, 20)


def ask(client, place, address: str):
    client.force_login(
        User.objects.filter(username="zhiban").first() or place.person("zhiban", "station_staff")
    )
    return client.get(address)


def strict_ladder(place, standard: str, edition: str, since: str) -> None:
    """Approve classes of dissolved oxygen that ask for twice as much, under a document."""
    people = (
        place.person(f"a{edition}", "data_manager", region=place.city),
        place.person(f"b{edition}", "data_manager", region=place.city),
    )
    rows = [
        {
            "standard": standard, "edition": edition, "effective_from": since, "pollutant_cn": "溶解氧", "symbol": "DO",
            "unit": "mg/L", "class": cls, "op": ">=", "limit": limit, "condition": "表1", "source": "原文", "confidence": "S",
        }
        for cls, limit in zip("ⅠⅡⅢⅣⅤ", ("15", "12", "10", "6", "4"), strict=True)
    ]  # fmt: skip
    made = rule_services.propose(
        people[0], "surface_water_limits", rule_services.as_csv("surface_water_limits", rows), "另一版本"
    )
    rule_services.approve(people[1], made, 0, "标准原文")


@pytest.mark.parametrize("span", ["day", "month", "quarter", "year"])
def test_with_one_edition_the_page_says_so_and_offers_no_choice(data: Data, place, client, span: str) -> None:
    put(data, 5.5)
    services.evaluate("water", DAY, DAY)
    text = ask(client, place, f"/water/basis/?span={span}&at=2026-11-20").content.decode()
    assert "只有一个版本：GB 3838-2002" in text
    assert 'name="basis"' not in text
    assert ask(client, place, "/water/basis/?basis=2026").status_code == 400
    assert ask(client, place, "/water/basis/why/?section=R1").status_code == 404


def test_sections_are_held_against_a_local_document_with_every_class(data: Data, place, client) -> None:
    put(data, 6.5)
    services.evaluate("water", DAY, DAY)
    strict_ladder(place, "DB99/T 5", "2025", "2025-01-01")
    assert [water.key(one) for one in water.choices(rulebook())] == ["2002", "DB99/T 5-2025"]
    for span in ("day", "month"):
        (found,) = water.over(
            [Point.objects.get(code="R1")], period_of(span, DAY), water.choices(rulebook())[1]
        )
        assert (found.present, found.present_reached) == ("Ⅱ", True)
        assert found.other is not None
        assert (found.other.cls, found.other.reached, found.differs) == ("Ⅳ", False, True)
    row = queries.section_months(Point.objects.get(code="R1"))[0]
    assert row.water_class == "Ⅱ", "what counts does not change"
    address = "/water/basis/?span=month&at=2026-11-20&basis=DB99/T 5-2025"
    text = ask(client, place, address).content.decode()
    for word in ("DB99/T 5-2025", "GB 3838-2002", "basis=DB99%2FT+5-2025&amp;export=xlsx"):
        assert word in text
    why = ask(client, place, address.replace("/basis/", "/basis/why/") + "&section=R1").content.decode()
    assert "DB99/T 5-2025" in why
    book = openpyxl.load_workbook(io.BytesIO(ask(client, place, address + "&export=xlsx").content))
    (line,) = book.worksheets[2].iter_rows(min_row=2, values_only=True)
    assert (line[2], line[5], line[8]) == ("Ⅱ", "Ⅳ", "是")


def test_a_newer_edition_judges_the_past_only_when_asked(data: Data, place) -> None:
    put(data, 6.5)
    strict_ladder(place, "GB 3838", "2027", "2027-01-01")
    services.evaluate("water", DAY, DAY)
    (row,) = queries.section_months(Point.objects.get(code="R1"))
    assert row.water_class == "Ⅱ"
    old, new = water.choices(rulebook())
    assert (old.name, new.name, new.since) == ("2002", "2027", date(2027, 1, 1))
    (found,) = water.over([Point.objects.get(code="R1")], period_of("month", DAY), new)
    assert found.other is not None
    assert found.other.cls == "Ⅳ"


def the_outlet() -> held.Outlet:
    return next(one for one in held.outlets() if one.point.code == "W1")


def test_an_outlet_is_held_against_another_class_of_another_document(data: Data, place, client) -> None:
    """The permit allows 100 by the hour and 50 by the day; GB 8978 allows 100 of either, GB 18918 一级A 50 by the day."""
    Series.objects.filter(code="W1.w01018").update(averaging="arithmetic")
    data.put("W1.w01018", START, [60.0] * 20 + [110.0] * 4)
    services.catch_up("outlets", 60)
    outlet = the_outlet()
    choices = {one.name: one for one in outlets.choices(outlet, rulebook())}
    names = [one for one in choices if one.startswith("GB 18918-2002|")]
    assert any("|一级A|" in one for one in names)
    assert any("|二级|" in one for one in names)
    assert not any(one.startswith("GB 13223") for one in choices), "gas has nothing to say of water"
    lenient = next(choices[one] for one in names if "|二级|" in one)
    found = {one.averaging: one for one in outlets.over(outlet, period_of("day", DAY), DAY, lenient)}
    hours, days = found["hour"], found["day"]
    assert hours.present is not None
    assert (hours.present.exceeding, hours.present.judged, hours.other) == (4, 24, None)
    assert days.present is not None
    assert days.other is not None
    assert (days.present.exceeding, days.other.exceeding) == (1, 0)
    assert (days.present.limits, days.other.limits) == (("≤50",), ("≤100",))
    assert [(one.start, one.present, one.other) for one in days.differing] == [(START, True, False)]
    strict = next(choices[one] for one in names if "|一级A|" in one)
    (same,) = (
        one for one in outlets.over(outlet, period_of("day", DAY), DAY, strict) if one.averaging == "day"
    )
    assert same.other is not None
    assert (same.other.exceeding, same.differing) == (1, ())


def test_the_page_of_an_outlet_keeps_its_basis_in_address_and_file(data: Data, place, client) -> None:
    data.put("W1.w01018", START, [60.0] * 24)
    services.catch_up("outlets", 60)
    name = next(one.name for one in outlets.choices(the_outlet(), rulebook()) if "|二级|" in one.name)
    query = urlencode({"outlet": "W1", "span": "month", "at": "2026-11-20", "basis": name})
    text = ask(client, place, f"/outlets/basis/?{query}").content.decode()
    assert "GB 18918-2002" in text
    assert "二级" in text
    assert "≤100" in text
    assert (
        '<div class="small text-secondary">二级 · 表1；日均值（24 小时混合样，至少每 2 小时一次）</div>'
        in text
    )
    answer = ask(client, place, f"/outlets/basis/?{query}&export=xlsx")
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    said = " ".join(str(cell) for row in book.worksheets[0].iter_rows(values_only=True) for cell in row)
    assert "GB 18918-2002" in said
    assert ask(client, place, "/outlets/basis/?basis=GB+1").status_code == 400
    assert ask(client, place, "/outlets/basis/?outlet=nobody").status_code == 404
    assert ask(client, place, "/outlets/basis/?span=week").status_code == 400
    assert ask(client, place, "/outlets/basis/?at=2030-01-01").status_code == 200


def test_a_year_of_an_outlet_is_held_against_another_document(data: Data, place, client) -> None:
    """Two days of the year have data; the hours of both stand in one comparison."""
    Series.objects.filter(code="W1.w01018").update(averaging="arithmetic")
    for start in (START - timedelta(days=200), START):
        data.put("W1.w01018", start, [60.0] * 20 + [110.0] * 4)
    services.catch_up("outlets", 400)
    outlet = the_outlet()
    choice = next(one for one in outlets.choices(outlet, rulebook()) if "|二级|" in one.name)
    found = {one.averaging: one for one in outlets.over(outlet, period_of("year", DAY), DAY, choice)}
    assert found["hour"].present is not None
    assert (found["hour"].present.judged, found["hour"].present.exceeding) == (48, 8)
    days = found["day"]
    assert days.present is not None
    assert days.other is not None
    assert (days.present.judged, days.present.exceeding, days.other.exceeding) == (2, 2, 0)
    page = ask(client, place, f"/outlets/basis/?span=year&at=2026-11-20&{urlencode({'basis': choice.name})}")
    assert page.status_code == 200
    assert "2026" in page.content.decode()
