from __future__ import annotations

import io
import math
from datetime import date, datetime, timedelta

import openpyxl
import pytest
from django.utils.translation import override
from tests.apps.conftest import LayOut
from tests.apps.evaluation.conftest import Data
from tests.apps.evaluation.test_water import put as put_water

from qingjian.apps.evaluation import queries, services, statistics
from qingjian.apps.evaluation.elements import ELEMENT_RULES
from qingjian.apps.evaluation.models import Evaluation, Exceedance
from qingjian.contracts.clock import CHINA

START = datetime(2026, 11, 20, tzinfo=CHINA)
PAGES = (
    "/air/",
    "/air/trend.json",
    "/air/year/",
    "/air/year/calendar.json",
    "/air/year/why/",
    "/air/year/why/?item=PM2.5",
    "/air/year/why/?item=attainment",
    "/air/ranking/",
    "/air/ranking/?by=township&period=year",
    "/air/ranking/?period=month&month=2026-10",
    "/air/ranking/?by=county&period=year&year=2025",
    "/water/",
    "/water/river/why/",
    "/water/R1/",
    "/water/R1/calendar.json",
    "/outlets/",
    "/outlets/exceedances/",
    "/outlets/exceedances/?state=ended&averaging=hour&q=COD",
    "/outlets/amounts/",
)
EXPORTS = (
    "/air/year/?export=xlsx",
    "/air/ranking/?export=xlsx",
    "/water/?export=xlsx",
    "/water/R1/?export=xlsx",
    "/outlets/?export=xlsx",
    "/outlets/exceedances/?export=xlsx",
    "/outlets/amounts/?export=xlsx",
)


@pytest.fixture
def evaluated(data: Data, lay_out: LayOut) -> None:
    lay_out("evaluated", lambda: _evaluate(data))


def _evaluate(data: Data) -> None:
    for point in ("A1", "A2", "A3"):
        data.air(point, START, 33, a34004=80.0)
    put_water(data, 5.5, hours=33)
    data.put("W1.w01018", START, [40] * 5 + [120, 150] + [40] * 26)
    data.put("W1.w00000", START, [10.0] * 33)
    for element in ELEMENT_RULES:
        services.catch_up(element, 60)


@pytest.fixture
def staff(place):
    return place.person("zhiban", "station_staff")


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_page_opens(evaluated, staff, client, language: str) -> None:
    client.force_login(staff)
    client.cookies["django_language"] = language
    for path in PAGES:
        answer = client.get(path)
        assert answer.status_code == 200, path
        text = answer.content.decode()
        assert " style=" not in text, path
        assert "onclick" not in text, path


def test_every_list_exports(evaluated, staff, client) -> None:
    client.force_login(staff)
    for path in EXPORTS:
        answer = client.get(path)
        assert answer.status_code == 200, path
        rows = list(openpyxl.load_workbook(io.BytesIO(answer.content)).active.iter_rows(values_only=True))
        assert len(rows) >= 2, path


def test_pages_open_before_anything_was_evaluated(place, staff, client) -> None:
    client.force_login(staff)
    for path in PAGES:
        assert client.get(path).status_code in (200, 404), path


def test_the_air_page_gives_one_answer_with_age_and_reason(evaluated, staff, client) -> None:
    client.force_login(staff)
    text = client.get("/air/").content.decode()
    county = Evaluation.objects.filter(kind="air_hour", point=None).order_by("start").last()
    assert f"<strong>{county.aqi}</strong>" in text
    assert f"/evaluations/{county.pk}/why/" in text
    assert county.category in text


def test_why_opens_in_the_drawer_and_as_a_page(evaluated, staff, client) -> None:
    client.force_login(staff)
    for kind in ("air_hour", "air_day", "water_station_day", "water_month", "outlet_hour", "outlet_day"):
        row = Evaluation.objects.filter(kind=kind).first()
        drawer = client.get(f"/evaluations/{row.pk}/why/", headers={"HX-Request": "true"})
        assert drawer.status_code == 200
        assert "<html" not in drawer.content.decode()
        page = client.get(f"/evaluations/{row.pk}/why/")
        assert "<html" in page.content.decode()
    air = Evaluation.objects.filter(kind="air_day", point__code="A1").first()
    text = client.get(f"/evaluations/{air.pk}/why/").content.decode()
    for word in ("HJ 633-2026", "PM2.5", "80", "GB 3095-2026"):
        assert word in text


def test_people_see_their_own_region_and_outlets_only(evaluated, place, staff, client) -> None:
    stranger = place.person("x", "station_staff", region=place.other)
    holder = place.person("h", "permit_holder", organisation=place.holder)
    assert queries.evaluations_visible_to(staff).count() == Evaluation.objects.count()
    assert queries.evaluations_visible_to(stranger).count() == 0
    assert set(queries.evaluations_visible_to(holder).values_list("point__code", flat=True)) == {"W1"}
    assert queries.exceedances_visible_to(stranger).count() == 0
    row = Evaluation.objects.filter(kind="air_hour", point=None).first()
    for person in (stranger, holder):
        client.force_login(person)
        assert client.get(f"/evaluations/{row.pk}/why/").status_code == 404
        assert client.get("/air/?region=990101").status_code == 404
        assert client.get("/water/R1/").status_code == 404
    client.force_login(stranger)
    assert "县政府站" not in client.get("/air/").content.decode()
    client.force_login(holder)
    assert client.get("/outlets/").content.decode().count("甲县化工厂") >= 1


def test_an_explained_exceedance_shows_its_cause(evaluated, staff, client) -> None:
    from qingjian.apps.observing import services as observing
    from qingjian.apps.observing.models import Alert

    observing.consume_findings()
    alert = Alert.objects.get(rule="exceedance-hour")
    observing.close(staff, alert, alert.version, "process", "曝气机故障")
    client.force_login(staff)
    assert client.get("/outlets/exceedances/?state=explained").context["page"].paginator.count == 1
    assert client.get("/outlets/exceedances/?state=running").context["page"].paginator.count == 0
    assert Exceedance.objects.filter(averaging="hour").count() == 1


def test_a_ranking_names_what_it_cannot_rank(evaluated, staff, client, data: Data) -> None:
    client.force_login(staff)
    lines = client.get("/air/ranking/").context["lines"]
    assert [one.place.rank for one in lines] == [1, 1, 1]
    why = client.get(f"/air/ranking/why/?place={lines[0].key}")
    assert lines[0].name in why.content.decode()
    assert client.get("/air/ranking/why/?place=0").status_code == 404
    assert client.get("/air/ranking/?by=township").context["left_out"] == []


def test_a_ranking_says_who_improved_against_the_same_days_of_last_year(staff, client, data: Data) -> None:
    before = START.replace(year=2025)
    for point, then, today in (("A1", 80.0, 40.0), ("A2", 40.0, 60.0)):
        data.air(point, before, 24, a34004=then)
        data.air(point, START, 24, a34004=today)
    data.air("A3", START, 24)
    for day in (before.date(), START.date()):
        services.evaluate("air", day, day)
    client.force_login(staff)
    for period in ("month", "year"):
        answer = client.get(f"/air/ranking/?period={period}")
        found = {one.name: one.improved for one in answer.context["lines"]}
        assert [one and one.rank for one in (found[name] for name in ("县政府站", "学校站", "乡镇站"))] == [
            1,
            2,
            None,
        ]
        assert found["县政府站"].value < 0 < found["学校站"].value
    line = next(one for one in answer.context["lines"] if one.name == "县政府站")
    past = line.before.value
    assert found["县政府站"].value == round((line.index.value - past) / past * 100, 1)
    assert "第 1" in answer.content.decode()
    book = openpyxl.load_workbook(io.BytesIO(client.get("/air/ranking/?export=xlsx").content))
    heads = next(book.active.iter_rows(values_only=True))
    assert "改善名次" in heads


def test_the_workbook_of_the_ranking_says_what_it_rests_on(evaluated, staff, client) -> None:
    client.force_login(staff)
    answer = client.get("/air/ranking/?export=xlsx")
    lines, basis = openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets
    heads, first, *_others = lines.iter_rows(values_only=True)
    assert dict(zip(heads, first, strict=True))["可信度"] in ("V", "S", "U")
    said = dict(list(basis.iter_rows(values_only=True))[1:])
    assert said["时段"] == "2026-11-01 – 2026-11-21"
    assert "暂行" in said["暂行"]


def test_the_same_air_in_two_years_has_one_composite_index(staff, client, data: Data) -> None:
    """The rule of the index changed between them; the page compares both years by that of the later one."""
    before = START.replace(year=2025)
    for start in (before, START):
        for point in ("A1", "A2", "A3"):
            data.air(point, start, 24, a34004=60.0)
        services.evaluate("air", start.date(), start.date())
    client.force_login(staff)
    answer = client.get("/air/year/")
    present, past = (answer.context[name].composite for name in ("present", "before"))
    assert present.variant == past.variant
    assert present.value == past.value
    assert answer.context["change"] == 0
    alone = statistics.year_of(answer.context["place"].region, 2025)
    assert alone.composite.variant != present.variant


def test_what_stops_an_index_is_said_in_the_language_of_each_reader(staff, client, data: Data) -> None:
    for point in ("A1", "A2", "A3"):
        data.air(point, START, 24, a21005=math.nan)
    services.evaluate("air", START.date(), START.date())
    client.force_login(staff)
    region = client.get("/air/year/").context["place"].region
    with override("zh-hans"):
        chinese = statistics.year_of(region, 2026).problem
    with override("en"):
        english = statistics.year_of(region, 2026).problem
    assert "CO" in chinese
    assert "CO" in english
    assert chinese != english


def test_an_improvement_needs_as_many_days_on_both_sides(staff, client, data: Data) -> None:
    data.air("A1", START.replace(year=2025), 24)
    data.air("A1", START - timedelta(days=9), 240)
    services.evaluate("air", START.date().replace(year=2025), START.date().replace(year=2025))
    services.evaluate("air", START.date() - timedelta(days=9), START.date())
    client.force_login(staff)
    (line,) = client.get("/air/ranking/").context["lines"]
    assert line.improved is None


def test_a_day_of_na_is_neither_good_nor_bad(staff, client, data: Data) -> None:
    """HJ 633-2026: an item is missing and the index of the rest is not above 100."""
    for point in ("A1", "A2"):
        data.air(point, START, 24, a34004=float("nan"))
        data.air(point, START - timedelta(days=1), 24)
    services.evaluate("air", START.date() - timedelta(days=1), START.date())
    row = Evaluation.objects.get(kind="air_day", point=None, region__code="990101", start=START)
    assert (row.publishable, row.published_aqi, row.published_category) == (False, None, "")
    client.force_login(staff)
    answer = client.get("/air/year/")
    present = answer.context["present"]
    assert (present.days, present.good, present.not_published) == (1, 1, 1)
    assert "1 天为 NA" in answer.content.decode()
    days = {one[0]: one[1:4] for one in client.get("/air/year/calendar.json").json()["days"]}
    assert days["2026-11-20"] == [0, None, ""]
    assert days["2026-11-19"][1] is not None
    book = openpyxl.load_workbook(io.BytesIO(client.get("/air/year/?export=xlsx").content))
    lines = {str(line[0])[:10]: line for line in book.active.iter_rows(min_row=2, values_only=True)}
    assert (lines["2026-11-20"][1], lines["2026-11-20"][2] or "") == ("NA", "")
    assert "AQI NA" in client.get(f"/evaluations/{row.pk}/why/").content.decode()


def test_an_unfinished_year_is_not_judged(evaluated, staff, client) -> None:
    client.force_login(staff)
    present = client.get("/air/year/").context["present"]
    assert present.attainment.attained is None
    assert (present.days, present.last) == (1, date(2026, 11, 21))
    assert client.get("/air/year/").context["comparable"] is False
    assert client.get("/air/year/?year=abc").status_code == 400
    assert client.get("/air/year/?year=99999").status_code == 400
    assert client.get("/air/basis/?year=99999").status_code == 400


def test_jobs_are_registered_and_run(data: Data) -> None:
    from qingjian.apps.evaluation import tasks
    from qingjian.apps.scheduling.jobs import jobs

    assert {"evaluation", "evaluation-nightly"} <= {job.name for job in jobs()}
    data.air("A1", START, 24)
    assert "环境空气" in tasks.follow(START)
    assert Evaluation.objects.exists()
    assert "环境空气：0" in tasks.renew(START + timedelta(days=1))
