"""Pages of the elements, entering files, changed rules."""

from __future__ import annotations

import io
from datetime import date, datetime, timedelta

import openpyxl
import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from tests.apps.conftest import County, LayOut
from tests.apps.evaluation.conftest import Data, enter

from qingjian.apps.evaluation import entering, queries, recorded, services, sheets
from qingjian.apps.evaluation.elements import ELEMENT_RULES
from qingjian.apps.evaluation.models import EnteredFile, Evaluation, RuleChange
from qingjian.apps.evaluation.services import changes, following
from qingjian.apps.network import registered
from qingjian.apps.network import services as network
from qingjian.apps.network.models import Point, Series
from qingjian.apps.network.services import Proposal
from qingjian.apps.rulekeeping import queries as rules
from qingjian.apps.rulekeeping import services as rule_services
from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import clock
from qingjian.intake import KeptFiles, Spool, import_file
from qingjian.lake import Lake
from qingjian.rulebook import Row

DAY = date(2026, 11, 10)
PAGES = (
    *(f"/elements/{name}/" for name in sheets.SHEETS),
    *(f"/elements/{name}/points.json" for name in sheets.SHEETS),
    "/elements/groundwater/G1/",
    "/elements/groundwater/G1/chart.json?item=氨氮",
    "/elements/soil/F1/",
    "/elements/soil/F1/chart.json?item=镉",
    "/elements/soil/C1/",
    "/elements/drinking/D1/",
    "/elements/drinking/D1/chart.json?item=NH3-N",
    "/elements/drinking/D2/chart.json?item=氨氮",
    "/elements/lakes/L1/",
    "/elements/lakes/L1/chart.json",
    "/elements/black-odorous/B1/",
    "/elements/black-odorous/B1/chart.json?item=DO",
    "/elements/noise/N1/",
    "/elements/noise/N1/chart.json",
    "/elements/noise/NA/",
    "/elements/radiation/RD/",
    "/elements/radiation/RD/chart.json",
    "/elements/ecology/EC/",
    "/elements/ecology/EC/chart.json",
    "/water/",
    "/water/sections.json",
    "/water/indices/",
    "/water/indices/why/?section=M1",
    "/water/M1/",
    "/water/M1/trend.json?item=DO",
    "/measurements/import/",
    "/evaluations/rules/",
)
EXPORTS = (
    *(f"/elements/{name}/?export=xlsx" for name in sheets.SHEETS),
    "/elements/groundwater/G1/?export=xlsx",
    "/elements/noise/N1/?export=xlsx",
    "/water/indices/?export=xlsx",
    *(f"/measurements/import/template/{name}/" for name in entering.ITEMS),
    "/measurements/import/registry/groundwater/?kind=factor",
    "/measurements/import/registry/soil/?kind=series",
)


@pytest.fixture
def measured(elements: Data, lay_out: LayOut) -> Data:
    lay_out("measured", lambda: _measure(elements))
    return elements


def _measure(elements: Data) -> None:
    services.notice_program()  # a node looks for changes before it has results
    midnight = datetime(2026, 11, 10, tzinfo=CHINA)
    enter({"G1.gx018": "0.62", "G1.gx033": "0.002L"})
    enter({"F1.sx000": "7.0", "F1.sx002": "0.7", "C1.sx001": "35"})
    enter({"D1.w21003": "0.3", "D1.dx000": "100000", "D2.gx018": "0.2"})
    enter({"L1.w21011": "0.05", "L1.w01x16": "10", "L1.w01x04": "1.0"})
    enter({"M1.w01009": "6.2", "B1.w01009": "1.5"})
    enter({"NA.Ld": "54", "NR.Ld": "69"})
    parts = ("EC.ex01", "EC.ex02", "EC.ex03", "EC.ex04")
    enter(dict(zip(parts, ("60", "58", "55", "30"), strict=True)), "2025-01-01", "year")
    elements.put("N1.Leq", midnight, [52.0] * 24)
    elements.put("RD.r00x01", midnight - timedelta(days=40), [80.0, 82.0] * (12 * 41))
    for element in ELEMENT_RULES:
        services.catch_up(element, 120)


@pytest.fixture
def staff(place: County):
    return place.person("zhiban", "station_staff")


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_page_opens_with_and_without_data(measured, staff, client, language: str) -> None:
    client.force_login(staff)
    client.cookies["django_language"] = language
    for path in PAGES:
        answer = client.get(path)
        assert answer.status_code == 200, path
        text = answer.content.decode()
        assert " style=" not in text, path
        assert "onclick" not in text, path
    assert not Evaluation.objects.exclude(point=None).filter(trace=None, kind__in=sheets.FACES).exists()


def test_pages_say_what_to_do_before_there_are_data(place, staff, client) -> None:
    client.force_login(staff)
    for name in sheets.SHEETS:
        text = client.get(f"/elements/{name}/").content.decode()
        assert 'class="empty' in text, name
        assert "/measurements/import/" in text, name
    assert client.get("/water/indices/").status_code == 200
    assert client.get("/elements/nothing/").status_code == 404


def test_a_section_without_an_index_is_named_with_its_reason(measured, staff, client) -> None:
    enter({"M1.w01009": "0"}, day="2026-10-12")
    services.evaluate("water", date(2026, 10, 12), date(2026, 10, 12))
    client.force_login(staff)
    page = client.get("/water/indices/?month=2026-10")
    assert [(point.code, why) for point, why in page.context["undefined"]] == [
        ("M1", "溶解氧为 0，指数无意义")
    ]
    assert "溶解氧为 0" in page.content.decode()
    book = openpyxl.load_workbook(io.BytesIO(client.get("/water/indices/?month=2026-10&export=xlsx").content))
    assert "溶解氧为 0，指数无意义" in [line[-1] for line in book.active.iter_rows(values_only=True)]


def test_every_table_exports(measured, staff, client) -> None:
    client.force_login(staff)
    for path in EXPORTS:
        answer = client.get(path)
        assert answer.status_code == 200, path
        rows = list(openpyxl.load_workbook(io.BytesIO(answer.content)).active.iter_rows(values_only=True))
        assert len(rows) >= 2, path


def test_why_has_an_answer_for_every_kind(measured, staff, client) -> None:
    client.force_login(staff)
    seen = set()
    for row in Evaluation.objects.filter(kind__in=sheets.FACES):
        seen.add(row.kind)
        text = client.get(f"/evaluations/{row.pk}/why/").content.decode()
        assert "qe-steps" in text, row.kind
        assert sheets.face(row).text in text, row.kind
    assert seen == set(sheets.FACES)


def test_a_person_of_another_county_sees_nothing(measured, place, client) -> None:
    client.force_login(place.person("x", "station_staff", region=place.other))
    for name, code in (("groundwater", "G1"), ("noise", "N1"), ("ecology", "EC"), ("lakes", "L1")):
        assert client.get(f"/elements/{name}/{code}/").status_code == 404
        assert client.get(f"/elements/{name}/{code}/chart.json").status_code == 404
        assert client.get(f"/elements/{name}/points.json").json() == {"points": []}
    assert client.get("/water/M1/trend.json?item=DO").status_code == 404


def test_the_chart_draws_non_detects_at_half_and_limits_of_the_item(measured, staff, client) -> None:
    client.force_login(staff)
    data = client.get("/elements/groundwater/G1/chart.json?item=铅").json()
    assert data["lines"][0]["values"] == [0.001]
    assert [one["value"] for one in data["limits"]] == [0.01, 0.1]
    data = client.get("/elements/soil/F1/chart.json?item=镉").json()
    assert [one["value"] for one in data["limits"]] == [0.6, 3.0]


def test_the_map_says_the_class_in_words(measured, staff, client) -> None:
    client.force_login(staff)
    (point,) = client.get("/elements/groundwater/points.json").json()["points"]
    assert (point["label"], point["level"], point["url"]) == ("Ⅳ", 4, "/elements/groundwater/G1/")


# -- entering ----------------------------------------------------------------------------------------------------------


def upload(client, text: str, **fields: str):
    file = SimpleUploadedFile("化验.csv", text.encode())
    return client.post("/measurements/import/", {"file": file, "statistic": "day", **fields})


def carried_out(county: County) -> None:
    """Do what the pipeline does with a file that was handed over."""
    kept = KeptFiles(settings.DATA_FOLDER.intake)
    spool = Spool(settings.DATA_FOLDER.intake / "spool")
    for order, source in spool.orders():
        with Lake(settings.DATA_FOLDER.lake, clock()) as lake:
            import_file(
                kept.path(source.digest),
                lake=lake,
                directory=network.directory_store().current(),
                kept=kept,
                source=source,
            )
        spool.done(order)


def test_a_right_file_is_handed_over_and_evaluated(elements, place, client) -> None:
    client.force_login(place.person("huayan", "laboratory_staff"))
    answer = upload(client, "时间,点位,pH,镉,氨氮\n2026-11-10,F1,7.0,0.7,\n2026-11-10,G1,7.1,,0.62\n")
    row = EnteredFile.objects.get()
    assert answer.url == f"/measurements/import/{row.digest}/"
    assert (row.rows, row.left_out, len(row.series)) == (2, 0, 4)
    carried_out(place)
    text = client.get(answer.url).content.decode()
    assert "/elements/soil/F1/" in text
    services.catch_up("soil", 60)
    assert Evaluation.objects.get(kind="soil").category == "安全利用"
    upload(client, "时间,点位,pH,镉,氨氮\n2026-11-10,F1,7.0,0.7,\n2026-11-10,G1,7.1,,0.62\n")
    assert EnteredFile.objects.count() == 1


def test_a_wrong_file_is_told_row_by_row_and_nothing_is_stored(elements, place, client) -> None:
    client.force_login(place.person("huayan", "laboratory_staff"))
    bad = "时间,点位,镉\n2026-11-10,F1,0.7\n昨天,F1,0.7\n2026-11-11,F9,0.7\n2026-11-12,F1,很多\n"
    text = upload(client, bad).content.decode()
    for row in ("第 3 行", "第 4 行", "第 5 行"):
        assert row in text
    assert not EnteredFile.objects.exists()
    assert upload(client, bad, partly="on").status_code == 302
    assert EnteredFile.objects.get().left_out == 3


def test_a_file_stored_in_part_is_handed_over_again_after_the_registry_was_completed(
    elements, place, client, clock
) -> None:
    client.force_login(place.person("huayan", "laboratory_staff"))
    text = "时间,点位,镉\n2026-11-10,F1,0.7\n2026-11-10,F9,0.8\n"
    answer = upload(client, text, partly="on")
    carried_out(place)
    page = client.get(answer.url).content.decode()
    assert "再次提交同一文件" in page
    assert "部分入库" in client.get("/measurements/import/").content.decode()
    soil = Series.objects.select_related("point", "factor").get(point__code="F1", factor__name_zh="镉")
    point = Point.objects.get(code="F1")
    point.pk, point.code = None, "F9"
    point.save()
    soil.pk, soil.code, soil.point = None, "F9.new", point
    soil.save()
    network.publish_directory()
    clock.advance(60)
    again = upload(client, text)
    assert again.url == answer.url
    assert "等待处理" in client.get(again.url).content.decode()
    carried_out(place)
    first, second = EnteredFile.objects.order_by("attempt")
    assert (first.left_out, second.left_out) == (1, 0)
    assert set(second.series) == {*first.series, "F9.new"}
    assert [recorded._reread(one.identifier) for one in (first, second)] == [
        recorded.file_imported(one) for one in (first, second)
    ]
    result = entering.outcome(second)
    assert (result.new, result.repeated, result.refused) == (1, 1, 0)
    assert [one.pk for one in entering.entered_by(first.author)] == [second.pk]
    upload(client, text)
    assert EnteredFile.objects.count() == 2
    for text in ("", "a,b\n1,2\n", "\x00\x01"):
        answer = upload(client, text)
        assert answer.status_code == 200
        assert "invalid-feedback" in answer.content.decode()


def test_nobody_enters_values_for_points_out_of_reach(elements, place, client) -> None:
    client.force_login(place.person("x", "laboratory_staff", region=place.other))
    text = upload(client, "时间,点位,镉\n2026-11-10,F1,0.7\n").content.decode()
    assert "invalid-feedback" in text
    assert not EnteredFile.objects.exists()
    client.force_login(place.person("h", "permit_holder", organisation=place.holder))
    assert client.get("/measurements/import/").status_code == 403


def test_the_template_comes_back_as_a_right_file(elements, place, client) -> None:
    client.force_login(place.person("huayan", "laboratory_staff"))
    content = client.get("/measurements/import/template/soil/").content
    book = openpyxl.load_workbook(io.BytesIO(content))
    sheet = book.active
    heads = [cell.value for cell in sheet[1]]
    assert heads[:2] == ["时间", "点位"]
    sheet.cell(2, heads.index("砷") + 1).value = 30
    target = io.BytesIO()
    book.save(target)
    file = SimpleUploadedFile("土壤.xlsx", target.getvalue())
    answer = client.post("/measurements/import/", {"file": file, "statistic": "day"})
    assert answer.status_code == 302, answer.content.decode()
    assert EnteredFile.objects.get().series == ["C1.sx001"]


def test_registry_files_hold_what_is_missing(elements, place, client) -> None:
    client.force_login(place.person("huayan", "laboratory_staff"))
    content = client.get("/measurements/import/registry/groundwater/?kind=series").content
    rows = list(openpyxl.load_workbook(io.BytesIO(content)).active.iter_rows(values_only=True))
    assert len(rows) == 1 + 39 - 4
    assert client.get("/measurements/import/registry/groundwater/?kind=limit").status_code == 404
    assert client.get("/measurements/import/template/air/").status_code == 404


# -- changed rules -----------------------------------------------------------------------------------------------------


def own_limit(people, book, item: str, cls: str, limit: str) -> str:
    """Put a groundwater limit of this office in the place of the packaged one; return its row id."""
    maker, checker = people
    (row,) = book.rows("groundwater_limits", pollutant_cn=item, class_=cls)
    text = rule_services.as_csv(
        "groundwater_limits", [dict(row.values) | {"limit": limit, "source": "地方标准"}]
    )
    proposal = rule_services.propose(maker, "groundwater_limits", text, "地方标准")
    rule_services.approve(checker, proposal, 0, "地方标准 第 3 页")
    return row.id


def test_a_changed_limit_evaluates_again_keeps_the_old_result_and_lists_it(
    measured, place, staff, client
) -> None:
    services.run(60)
    assert RuleChange.objects.get().rows == [], "the first look only remembers"
    people = tuple(place.person(name, "data_manager", region=place.city) for name in ("guize", "fuhe"))
    row_id = own_limit(people, rules.rulebook(), "氨氮", "Ⅳ", "0.6")
    clock().advance(60)
    services.run(60)
    change = RuleChange.objects.first()
    assert [(one["element"], one["results"]) for one in change.done] == [("groundwater", 1), ("drinking", 0)]
    assert change.todo == []
    old, new = Evaluation.objects.filter(kind="groundwater").order_by("revision")
    assert (old.water_class, new.water_class, new.rule_change) == ("Ⅳ", "Ⅴ", change)
    assert old.superseded_at is not None
    client.force_login(staff)
    assert f"/evaluations/rules/{change.pk}/" in client.get("/evaluations/rules/").content.decode()
    text = client.get(f"/evaluations/rules/{change.pk}/").content.decode()
    for word in ("1.50", "0.6", "Ⅳ", "Ⅴ", "测点G1"):
        assert word in text, word
    assert f"/evaluations/rules/{change.pk}/" in client.get(f"/evaluations/{new.pk}/why/").content.decode()
    (pair,) = queries.with_before([new])
    assert pair == (new, old)
    services.run(60)
    assert RuleChange.objects.count() == 2, "the same rules are no change"
    back = rule_services.propose(people[0], "groundwater_limits", "", "误改", taken_back=[row_id])
    rule_services.approve(people[1], back, 0, "地方标准 第 3 页")
    clock().advance(60)
    services.run(60)
    again = Evaluation.objects.get(kind="groundwater", superseded_at=None)
    assert (again.water_class, again.revision, again.rule_change) == ("Ⅳ", 2, RuleChange.objects.first())


def test_a_change_touches_only_the_elements_that_rest_on_it(measured, monkeypatch) -> None:
    services.run(60)
    book = rules.rulebook()
    (row,) = book.rows("noise_limits", standard="GB 3096", class_="2类", averaging_period="夜间 22:00-06:00")
    changed = book.with_rows(
        [Row.from_values("noise_limits", dict(row.values) | {"limit": "55"}, override=True)]
    )
    for room in (changes, following):
        monkeypatch.setattr(room, "rulebook", lambda: changed)
    clock().advance(60)
    change = services.notice_rules()
    assert [one["element"] for one in change.todo] == ["noise"]
    services.follow_changes(60)
    row = Evaluation.objects.get(kind="noise_day", superseded_at=None)
    assert (row.revision, row.reached, row.result["limits"]["Ln"]) == (1, True, 55.0)


def test_a_changed_attribute_of_a_point_evaluates_it_again_and_says_so(measured, staff, client) -> None:
    services.run(60)
    before = Evaluation.objects.get(kind="noise_day", superseded_at=None)
    point = registered.plain(registered.KINDS["point"], Point.objects.get(code="N1"))
    clock().advance(60)
    network.install([Proposal("point", point | {"name": "新名"})])
    assert services.notice_registry() == []
    network.install([Proposal("point", point | {"attributes": {"noise_zone": "0"}})])
    assert services.follow_changes(60) > 0
    change = RuleChange.objects.get(source="registry")
    assert (change.rows[0]["before"]["noise_zone"], change.rows[0]["after"]["noise_zone"]) == ("2", "0")
    row = Evaluation.objects.get(kind="noise_day", superseded_at=None)
    assert (row.revision, row.rule_change) == (before.revision + 1, change)
    assert row.result["limits"] != before.result["limits"]
    client.force_login(staff)
    page = client.get(f"/evaluations/rules/{change.pk}/").content.decode()
    assert row.point.name in page
    assert "声环境功能区类别" in page
