"""Air on another basis: the arrays agree with the functions that explain one day, and the page says which basis it is."""

from __future__ import annotations

import io
from datetime import date, datetime, timedelta

import numpy as np
import openpyxl
import pytest
from tests.apps.evaluation.conftest import CLEAN, Data, put_all

from qingjian.apps.accounts.models import User
from qingjian.apps.evaluation import air as stations
from qingjian.apps.evaluation import queries, services
from qingjian.apps.evaluation.bases import air
from qingjian.apps.evaluation.bases.lines import Line
from qingjian.contracts.clock import CHINA
from qingjian.contracts.periods import period_of
from qingjian.rulebook import packaged
from qingjian.standards.air import index

ITEMS = {"SO2": 300, "NO2": 300, "PM10": 500, "CO": 20, "O3": 900, "PM2.5": 400, "O3_1h": 1200}
BASES = {"2012": date(2026, 2, 28), "2026": date(2026, 3, 1), "2026@2031-01-01": date(2031, 1, 1)}


@pytest.mark.parametrize("basis", BASES)
def test_graded_days_are_those_of_the_days_one_by_one(basis: str) -> None:
    rng = np.random.default_rng(4)
    first = date(2025, 1, 1)
    days = {
        first + timedelta(days=place): {
            name: round(float(rng.gamma(1, top / 6)), 2) for name, top in ITEMS.items() if rng.random() < 0.93
        }
        for place in range(120)
    }
    found, not_published = air.graded(days, BASES[basis], packaged())
    missing = 0
    for day, used in days.items():
        named = {("O3_8h" if name == "O3" else name): value for name, value in used.items()}
        one = index.daily(named, on=day, edition=basis.split("@")[0])
        if one.publishable:
            assert (found[day].aqi, found[day].category) == (one.aqi, one.category)
            assert set(found[day].primary.split(",")) - {""} == {name.split("_")[0] for name in one.primary}
        else:
            missing += 1
            assert found[day] == air.Grade(None, "", "")
    assert not_published == missing
    assert air.graded({}, BASES[basis], packaged()) == ({}, 0)


@pytest.fixture
def years(data: Data) -> None:
    """Ten days of 2025 and ten of 2026 with PM2.5 of 55: within 75 and 60, above 50."""
    for start in (datetime(2025, 12, 22, tzinfo=CHINA), datetime(2026, 11, 9, tzinfo=CHINA)):
        values = {**CLEAN, "a34004": 55.0}
        put_all(
            [
                (f"{point}.{code}", start, [value] * 240)
                for point in ("A1", "A2")
                for code, value in values.items()
            ]
        )
        services.evaluate("air", start.date(), start.date() + timedelta(days=9))


def place() -> stations.Assessed:
    return queries.air_places()[0]


@pytest.mark.parametrize("span", ["day", "month", "quarter", "year"])
def test_a_period_is_counted_on_the_limits_of_each_phase(years: None, span: str) -> None:
    period = period_of(span, date(2025, 12, 25))
    days = 1 if span == "day" else 10
    limits = {}
    for phase in air.choices(packaged()):
        found = air.over(place(), period, phase)
        item = found.items["PM2.5"]
        assert (item.days, item.value.rounded) == (days, 55)
        limits[phase.name] = (item.limit, item.above)
        assert (item.year is not None) == (span == "year")
    assert limits == {"2012": (75, 0), "2026": (60, 0), "2026@2031-01-01": (50, days)}
    own = air.over(place(), period, None)
    assert own.items["PM2.5"].limit == 75
    old, new = (air.over(place(), period, phase) for phase in air.choices(packaged())[:2])
    assert own.grades.keys() == old.grades.keys()
    assert all(
        (own.grades[day].aqi, own.grades[day].primary) == (old.grades[day].aqi, old.grades[day].primary)
        for day in own.grades
    ), "the basis of the date and the edition of the date are one"
    assert {one.aqi for one in own.grades.values()} != {one.aqi for one in new.grades.values()}


def test_days_of_2026_on_the_edition_of_2012_are_judged_with_the_highest_hour_of_ozone(data: Data) -> None:
    """HJ 633-2012 asks for it; results of 2026 do not hold it: it is read from the hours."""
    start = datetime(2026, 11, 9, tzinfo=CHINA)
    hours = [60.0] * 12 + [390.0] + [60.0] * 11
    for point in ("A1", "A2"):
        put_all(
            [(f"{point}.{code}", start, [value] * 24) for code, value in CLEAN.items() if code != "a05024"]
        )
        data.put(f"{point}.a05024", start, hours)
    services.evaluate("air", start.date(), start.date())
    day = start.date()
    old = next(one for one in air.choices(packaged()) if one.name == "2012")
    found = air.over(place(), period_of("day", day), old)
    used = {
        "O3_8h": 101.25,
        "O3_1h": 390,
        **{
            n: CLEAN[c]
            for c, n in (
                ("a34004", "PM2.5"),
                ("a34002", "PM10"),
                ("a21026", "SO2"),
                ("a21004", "NO2"),
                ("a21005", "CO"),
            )
        },
    }
    expected = index.daily(used, on=day, edition="2012")
    assert expected.aqi > 100
    assert found.grades[day].aqi == expected.aqi
    assert [one[2].aqi for one in air.stations_on(place(), day, old) if one[2]] == [expected.aqi] * 2


def page(client, county, query: str) -> str:
    client.force_login(
        User.objects.filter(username="viewer").first() or county.person("viewer", "station_staff")
    )
    answer = client.get(f"/air/basis/?{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_page_says_which_basis_and_keeps_it_in_address_and_file(years: None, client, registry) -> None:
    text = page(client, registry, "span=month&at=2025-12-31&basis=2026@2031-01-01")
    for word in (
        "GB 3095-2026",
        "2031-01-01",
        "HJ 633-2026",
        "HJ 663-2026",
        "按另一版本或另一阶段的限值评价",
        "GB 3095-2012",
    ):
        assert word in text
    assert "basis=2026%402031-01-01&amp;export=xlsx" in text
    answer = client.get("/air/basis/?span=month&at=2025-12-31&basis=2026@2031-01-01&export=xlsx")
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    said = " ".join(str(cell) for row in book.worksheets[0].iter_rows(values_only=True) for cell in row)
    assert "GB 3095-2026" in said
    assert "2031-01-01" in said
    assert "GB 3095-2012" in said
    rows = {row[0]: row[1:] for row in book.worksheets[1].iter_rows(min_row=2, values_only=True)}
    assert rows["优良天数"][:2] == (0, 0) or rows["优良天数"][2] == rows["优良天数"][1] - rows["优良天数"][0]
    days = list(book.worksheets[3].iter_rows(min_row=2, values_only=True))
    assert len(days) == 10
    assert len(answer.headers["Content-Disposition"]) > 20


def test_the_page_refuses_what_is_no_basis_and_keeps_the_year_of_old_links(
    years: None, client, registry
) -> None:
    text = page(client, registry, "year=2025")
    assert "2025年" in text
    assert client.get("/air/basis/?basis=1996").status_code == 400
    assert client.get("/air/basis/?span=decade").status_code == 400
    assert client.get("/air/basis/?at=yesterday").status_code == 400
    empty = page(client, registry, "span=month&at=2024-05-01")
    assert "没有" in empty


@pytest.mark.parametrize("item", ["attainment", "PM2.5", "composite"])
def test_every_figure_answers_why_on_both_sides(years: None, client, registry, item: str) -> None:
    query = f"span=year&at=2025-12-31&basis=2026&item={item}"
    for side in ("", "&side=date"):
        text = page(client, registry, "year=2025")
        answer = client.get(f"/air/basis/why/?{query}{side}")
        assert answer.status_code == 200
        text = answer.content.decode()
        assert ("GB 3095-2012" in text or "2018" in text) == bool(side) or item == "composite"
    answer = client.get("/air/basis/why/?span=year&at=2025-12-31&basis=2026&day=2025-12-25")
    assert "HJ 633-2026" in answer.content.decode()


def test_only_one_edition_offers_no_choice(years: None, client, registry, monkeypatch) -> None:
    monkeypatch.setattr(air, "choices", lambda book: ())
    text = page(client, registry, "span=month&at=2025-12-31")
    assert 'name="basis"' not in text
    assert "只有一个版本" in text


def test_a_difference_is_the_other_less_the_present() -> None:
    assert Line("x", 10, 7).change == -3
    assert Line("x", None, 7).change is None
    assert Line("x", True, False).change is None
    assert not Line("x", 5, 5).differs
