from __future__ import annotations

import io
import json
import zipfile
from datetime import date, datetime, timedelta

import docx
import openpyxl
import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from tests.apps.reporting.conftest import DAY, OCTOBER, START, air, put_all

from qingjian.apps.evaluation import services as evaluation
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.evaluation.services import air_events as events
from qingjian.apps.matters.errors import RefusedError
from qingjian.apps.matters.services import files
from qingjian.apps.records.models import LedgerEvent
from qingjian.apps.reporting import pdfs, queries, services
from qingjian.apps.reporting.content import digest_of, section, table, text
from qingjian.apps.reporting.models import Report
from qingjian.contracts.clock import CHINA

FIRST_OF_OCTOBER = date(2026, 10, 1)


@pytest.fixture
def manager(place):
    return place.person("manager", "data_manager")


@pytest.fixture
def leader(place):
    return place.person("leader", "leader")


def make(author, place, element: str = "air", span: str = "day", day: date = DAY) -> Report:
    return services.make(author, element, span, place.county, day)


def words_of(document: bytes) -> str:
    opened = docx.Document(io.BytesIO(document))
    cells = [cell.text for table in opened.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(one.text for one in opened.paragraphs), *cells])


def test_every_kind_has_page_word_and_excel_with_charts_and_basis(
    filled, place, manager, client, monkeypatch
) -> None:
    client.force_login(manager)
    for element in ("air", "water"):
        for span in ("day", "month", "quarter", "year"):
            report = make(manager, place, element, span)
            _has_everything(report, client)
            # An office program, where one is installed, takes seconds for each and knows no database; the bundled
            # typesetter sets every kind.
            with monkeypatch.context() as patch:
                if span != "month" or connection.vendor == "postgresql":
                    patch.setattr(pdfs.forms, "office_program", lambda: None)
                for language in ("zh", "en"):
                    _is_a_whole_pdf(services.file_in(report, "pdf", language), report)


def _has_everything(report: Report, client) -> None:
    assert report.digest == digest_of(report.content) == digest_of(json.loads(json.dumps(report.content)))
    for language in ("zh-hans", "en"):
        client.cookies["django_language"] = language
        page = client.get(f"/reports/{report.pk}/").content.decode()
        assert "<svg" in page
        assert " style=" not in page
        assert report.digest in page
    word = services.file_in(report, "docx", "zh")
    text = words_of(word)
    standard = "GB 3095-2026" if report.element == "air" else "GB 3838-2002"
    for wanted in (standard, "评价依据", "数据完整性", "数据来源", "未参加评价的数据", report.digest):
        assert wanted in text, (report, wanted)
    names = zipfile.ZipFile(io.BytesIO(word)).namelist()
    assert any(name.startswith("word/media/") for name in names)
    content = services.file_in(report, "xlsx", "zh")
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert any(name.startswith("xl/charts/chart") for name in names)
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert len(book.sheetnames) == 1 + len(report.content["sections"]) + 4
    if report.span == "month":
        assert "Evaluation basis" in words_of(services.file_in(report, "docx", "en"))
        english = openpyxl.load_workbook(io.BytesIO(services.file_in(report, "xlsx", "en")))
        assert "Completeness" in english.sheetnames


def _is_a_whole_pdf(content: bytes, report: Report) -> None:
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    assert len(content) > 20_000, "the charts and the font are inside"


def test_a_pdf_that_cannot_be_made_is_said_and_the_page_stays(
    filled, place, manager, client, monkeypatch
) -> None:
    report = make(manager, place)
    client.force_login(manager)
    answer = client.get(f"/reports/{report.pk}/file.pdf")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/pdf")
    monkeypatch.setattr(pdfs.forms, "missing_glyphs", lambda _text: {"鿿"})
    monkeypatch.setattr(pdfs.forms, "office_program", lambda: None)
    page = client.get(f"/reports/{report.pk}/file.pdf", follow=True).content.decode()
    assert "鿿" in page


def test_nothing_in_a_report_is_taken_for_a_command_of_the_typesetter(monkeypatch) -> None:
    monkeypatch.setattr(pdfs.forms, "office_program", lambda: None)
    nasty = 'a" + read("/etc/passwd") + "b #panic() \\ $x$ ]#['
    column = {"zh": nasty, "en": nasty, "unit": ""}
    one = section(
        text(nasty, nasty), note=text(nasty, nasty), table=table([column], [[nasty], [1.5], [None]])
    )
    content = {
        "title": text(nasty, nasty),
        "region": {"name": nasty},
        "period": text("2026", "2026"),
        "notice": None,
        "labels": [],
        "may_act_alone": True,
        "facts": [{"name": text("a", "a"), "value": nasty}],
        "summary": [text(nasty, nasty)],
        "sections": [one],
        "basis": {"sections": []},
    }
    meta = dict.fromkeys(("version", "made", "by", "confidence", "rules", "calculation", "digest"), "f" * 64)
    assert pdfs.build(content, meta, b"", "zh").startswith(b"%PDF-")


def test_the_figures_in_the_files_are_those_of_the_results(filled, place, manager) -> None:
    report = make(manager, place)
    row = Evaluation.objects.get(
        kind="air_day", point=None, region=place.county, start=START, superseded_at=None
    )
    assert report.content["facts"][0]["value"] == row.aqi == 119
    book = openpyxl.load_workbook(io.BytesIO(services.file_in(report, "xlsx", "zh")))
    rows = {line[0]: line for line in book["各项污染物"].iter_rows(values_only=True)}
    assert (rows["PM2.5"][2], rows["PM2.5"][3]) == (80, row.result["iaqi"]["PM2.5"])
    assert "119" in words_of(services.file_in(report, "docx", "zh"))
    left_out = [line for line in book["未参加评价的数据"].iter_rows(values_only=True) if line[1] == "PM2.5"]
    assert left_out[0][0] == "县政府站"


def test_a_month_compares_counts_and_ranks(filled, place, manager) -> None:
    report = make(manager, place, span="month")
    sections = {one["title"]["en"]: one for one in report.content["sections"]}
    counts = {row[0]["zh"]: row[1] for row in sections["Days by category"]["table"]["rows"]}
    assert sum(counts.values()) == 3
    assert "没有结果，不作比较" in report.content["summary"][1]["zh"]
    pollutants = {row[0]: row for row in sections["Six pollutants"]["table"]["rows"]}
    assert pollutants["PM2.5 (μg/m³)"][2] == 120
    assert pollutants["PM2.5 (μg/m³)"][6:] == [3, 3]
    assert report.content["notice"]["zh"].startswith("期间尚未结束")
    assert {row[1] for row in sections["Stations compared"]["table"]["rows"]} == {"县政府站", "学校站"}


def test_an_october_report_knows_last_year_only_when_there_is_one(filled, place, manager, clock) -> None:
    last_year = datetime(2025, 10, 7, tzinfo=CHINA)
    put_all([*air("A1", last_year, a34004=100.0), *air("A2", last_year, a34004=100.0)])
    evaluation.evaluate("air", last_year.date(), last_year.date())
    report = make(manager, place, span="month", day=OCTOBER.date())
    assert "上年同期有效 1 天，优良比例 0.0%，同比变化 +100.0 个百分点" in report.content["summary"][1]["zh"]
    assert report.content["notice"] is None


def test_a_month_that_goes_on_is_compared_with_the_same_days_of_last_year(filled, place, manager) -> None:
    for day, fine in ((10, 100.0), (12, 20.0), (20, 20.0), (21, 100.0), (25, 100.0)):
        start = datetime(2025, 11, day, tzinfo=CHINA)
        put_all([*air("A1", start, a34004=fine), *air("A2", start, a34004=fine)])
        evaluation.evaluate("air", start.date(), start.date())
    report = make(manager, place, span="month")
    assert "上年同期（截至 2025-11-20）有效 3 天，优良比例 66.7%" in report.content["summary"][1]["zh"]
    assert "(up to 2025-11-20): 3 days" in report.content["summary"][1]["en"]


def test_newer_data_are_shown_and_make_a_new_version(filled, place, manager, client, clock) -> None:
    report = make(manager, place)
    client.force_login(manager)
    assert queries.newer_results(report) == 0
    assert "report-renew" not in client.get(f"/reports/{report.pk}/").content.decode()
    clock.advance(3600)
    put_all([(f"{name}.a34004", START, [300.0] * 12) for name in ("A1", "A2")])
    evaluation.follow("air")
    assert queries.newer_results(report) > 0
    page = client.get(f"/reports/{report.pk}/").content.decode()
    assert f"/reports/{report.pk}/renew/" in page
    answer = client.post(f"/reports/{report.pk}/renew/")
    newest = Report.objects.get(revision=2)
    assert answer.url == f"/reports/{newest.pk}/"
    assert newest.digest != report.digest
    assert files.read(report.word) != files.read(newest.word)
    assert queries.newer_results(newest) == 0
    assert make(manager, place).pk == newest.pk, "the same content is not a new version"
    assert [row.pk for row in queries.newest_only(queries.reports_visible_to(manager))] == [newest.pk]


def test_a_second_person_signs_off_and_the_ledger_holds_the_digests(filled, place, manager, leader) -> None:
    report = make(manager, place)
    with pytest.raises(PermissionDenied):
        services.sign_off(manager, report)
    with pytest.raises(PermissionDenied):
        services.sign_off(place.person("staff", "station_staff"), report)
    services.sign_off(leader, report, "同意")
    assert (report.state, report.final_by) == ("final", leader)
    event = LedgerEvent.objects.get(kind="report.final")
    assert report.digest in bytes(event.canonical).decode()
    with pytest.raises(ValidationError):
        services.sign_off(leader, report)
    unfinished = make(manager, place, span="month")
    with pytest.raises(ValidationError):
        services.sign_off(leader, unfinished)


def test_a_file_that_was_touched_is_not_given_out(filled, place, manager, leader) -> None:
    report = make(manager, place)
    path = files.path_of(report.word_id)
    path.chmod(0o640)
    path.write_bytes(b"other")
    with pytest.raises(RefusedError):
        services.file_in(report, "docx", "zh")
    with pytest.raises(RefusedError):
        services.sign_off(leader, report)
    assert services.file_in(report, "docx", "en")


def test_the_schedule_makes_what_has_ended_and_settled_once(filled, place, clock) -> None:
    services.make_due(600)
    made = set(Report.objects.values_list("element", "span", "first", "made_by"))
    assert ("air", "day", DAY, None) in made
    assert ("water", "day", DAY, None) in made
    assert ("air", "month", FIRST_OF_OCTOBER, None) in made
    assert not any(first == date(2026, 11, 21) for _element, _span, first, _by in made)
    count = Report.objects.count()
    services.make_due(600)
    assert Report.objects.count() == count
    assert set(Report.objects.values_list("region__code", flat=True)) == {"990101"}


def test_nothing_to_report_is_said_and_nothing_is_stored(filled, place, manager) -> None:
    for day in (date(2020, 1, 1), date(2027, 1, 1)):
        with pytest.raises(ValidationError):
            make(manager, place, day=day)
    assert not Report.objects.exists()


def test_who_sees_and_makes(filled, place, manager, client) -> None:
    report = make(manager, place)
    other = place.person("elsewhere", "data_manager", region=place.other)
    holder = place.person("holder", "permit_holder", organisation=place.holder)
    for person in (other, holder):
        client.force_login(person)
        assert client.get(f"/reports/{report.pk}/").status_code == 404
        for kind in ("docx", "xlsx", "pdf"):
            assert client.get(f"/reports/{report.pk}/file.{kind}").status_code == 404
        with pytest.raises(PermissionDenied):
            make(person, place)
    client.force_login(manager)
    assert client.get("/reports/?element=air&span=day&state=draft&q=甲").status_code == 200
    assert client.get("/reports/?export=xlsx").content[:2] == b"PK"
    assert client.get(f"/reports/{report.pk}/file.odt").status_code == 404
    for kind in ("docx", "xlsx"):
        answer = client.get(f"/reports/{report.pk}/file.{kind}?language=en")
        assert answer.content[:2] == b"PK"
        assert "-en." in answer.headers["Content-Disposition"]
    client.post(
        "/reports/make/", {"element": "water", "span": "day", "region": place.county.pk, "day": "2026-11-20"}
    )
    assert Report.objects.filter(element="water").exists()
    assert client.post("/reports/make/", {"element": "water"}).status_code == 302
    for day in ("9999-12-31", "0001-01-01", "2026-02-30"):
        wanted = {"element": "air", "span": "year", "region": place.county.pk, "day": day}
        answer = client.post("/reports/make/", wanted, follow=True)
        assert "期间内任一天: " in answer.content.decode(), day


def test_a_day_on_which_too_few_stations_speak_still_reports_them(filled, place, manager) -> None:
    day = DAY - timedelta(days=5)
    filled.air("A1", START - timedelta(days=5), 24)
    evaluation.evaluate("air", day, day)
    report = services.make(manager, "air", "day", place.county, day)
    assert "不足规定比例" in report.content["summary"][0]["zh"]
    assert report.content["facts"][0]["value"] is None
    assert "县政府站" in words_of(services.file_in(report, "docx", "zh"))
    assert services.file_in(report, "xlsx", "zh")[:2] == b"PK"


def test_a_day_of_na_has_no_category_and_is_not_counted(filled, place, manager) -> None:
    day = DAY - timedelta(days=5)
    for point in ("A1", "A2"):
        filled.air(point, START - timedelta(days=5), 24, a34004=float("nan"))
    evaluation.evaluate("air", day, day)
    daily = services.make(manager, "air", "day", place.county, day).content
    assert "不评价类别" in daily["summary"][0]["zh"]
    assert [one["value"] for one in daily["facts"][:2]] == ["NA", "NA"]
    monthly = services.make(manager, "air", "month", place.county, day).content
    (counted,) = [one for one in monthly["sections"] if one["title"]["en"] == "Days by category"]
    assert "1 天因缺项" in counted["note"]["zh"]
    assert sum(row[1] for row in counted["table"]["rows"]) == 3


def test_an_approved_event_stands_beside_in_every_report_with_its_basis(
    filled, place, manager, client, clock
) -> None:
    before = make(manager, place, span="month")
    clock.advance(60)
    checker = place.person("checker", "data_manager")
    day = DAY - timedelta(days=2)
    row = events.propose(
        manager,
        kind="sand_dust",
        region=place.county,
        first=day,
        last=day,
        pollutants=[],
        approval="环办监测函〔2026〕1号",
        reason="沙尘过境",
        evidence=b"%PDF-1.4 a page of the weather service",
        evidence_name="sand.pdf",
    )
    events.approve(checker, row, row.version, "")
    assert queries.newer_results(before) == 1
    report = make(manager, place, span="month")
    assert report.revision == before.revision + 1
    facts = {one["name"]["en"]: one["value"] for one in report.content["facts"]}
    assert (facts["Good days"], facts["Good days after deduction"]) == ("0.0%", "33.3%")
    assert facts["Composite index after deduction"] < facts["Composite index"]
    sections = {one["title"]["en"]: one for one in report.content["sections"]}
    lines = {
        str(line[0]["en"] if isinstance(line[0], dict) else line[0]): line[2:4]
        for line in sections["With and without sand dust and exception events"]["table"]["rows"]
    }
    assert lines["Good days, count"] == [0, 1]
    assert lines["Days counted"] == [3, 3]
    assert lines["PM2.5"] == [120, 100]
    assert lines["SO2"][0] == lines["SO2"][1]
    assert sections["Approved events"]["table"]["rows"][0][4] == "环办监测函〔2026〕1号"
    basis = report.content["basis"]["sections"][0]["table"]["rows"]
    assert any("环办监测〔2016〕120号" in line[0] for line in basis)
    assert sections["Stations compared"]["table"]["heads"][3]["en"] == "Index after deduction"
    assert "扣除后" in words_of(services.file_in(report, "docx", "zh"))
    client.force_login(manager)
    assert client.get(f"/reports/{report.pk}/").status_code == 200
    daily = make(manager, place, day=day)
    assert any(
        "已批准的事件" in one["zh"] and "发布的 AQI 不变" in one["zh"] for one in daily.content["summary"]
    )
    assert "Annual attainment after deduction" in {
        one["title"]["en"] for one in make(manager, place, span="year").content["sections"]
    }


def test_a_report_of_an_older_evaluation_says_so_shows_what_differs_and_is_renewed(
    filled, place, manager, client
) -> None:
    day = DAY - timedelta(days=5)
    for point in ("A1", "A2"):
        filled.air(point, START - timedelta(days=5), 24, a34004=float("nan"))
    evaluation.evaluate("air", day, day)
    report = make(manager, place, span="month")
    # As the version before it made it: the day whose index is NA counted as a good one.
    old = json.loads(json.dumps(report.content))
    old.pop("calculation")
    (good,) = [one for one in old["facts"] if one["name"]["en"] == "Good days"]
    good["value"], stands = "25.0%", good["value"]
    Report.objects.filter(pk=report.pk).update(content=old, digest=digest_of(old), calculation=1)
    client.force_login(manager)
    page = client.get(f"/reports/{report.pk}/").content.decode()
    assert "按评价方法第 1 版生成" in page
    assert "不再计入优良天数" in page
    assert "评价方法较旧" in client.get("/reports/").content.decode()
    compared = client.get(f"/reports/{report.pk}/compare/")
    assert [(one.item, one.stored, one.now) for one in compared.context["found"]] == [
        ("优良天数比例", "25.0%", stands)
    ]
    assert client.get(f"/reports/{report.pk}/compare/?export=xlsx").content[:2] == b"PK"
    assert Report.objects.count() == 1, "looking changes nothing"
    answer = client.post(f"/reports/{report.pk}/renew/")
    newest = Report.objects.get(revision=2)
    assert answer.url == f"/reports/{newest.pk}/"
    page = client.get(answer.url).content.decode()
    assert "按评价方法第" not in page
    assert "评价方法版本" in page
    assert client.get(f"/reports/{newest.pk}/compare/").context["found"] == []
    assert Report.objects.get(pk=report.pk).content == old, "the earlier version stays"
    client.force_login(place.person("elsewhere", "data_manager", region=place.other))
    assert client.get(f"/reports/{report.pk}/compare/").status_code == 404
