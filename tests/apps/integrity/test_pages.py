from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import timedelta

import openpyxl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.apps.integrity.conftest import found, scores
from tests.apps.integrity.test_rules_of_screening import WATER

from qingjian.apps.integrity.models import Mute, RuleSet, Suspect
from qingjian.apps.integrity.services import rulesets
from qingjian.apps.matters.models import Matter
from qingjian.apps.network.checking import Proposal
from qingjian.apps.network.models import Series
from qingjian.apps.observing import filing
from qingjian.apps.observing.log_books import BOOKS
from qingjian.apps.observing.models import Clue, Mark

BUREAU_PAGES = ("/clues/", "/integrity/funnel/", "/integrity/suspects/", "/integrity/rules/")


@pytest.fixture
def clue(screened) -> Clue:
    return screened(found())[0]


def text(client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, path
    return response.content.decode()


def test_the_clue_says_everything_in_both_languages(client, office, clue) -> None:
    client.force_login(office.handler)
    page = text(client, f"/clues/{clue.pk}/")
    for words in (
        "疑似填报恒定值",
        "恒值检验",
        "数值不变的时间",
        "需先排除",
        "检出限",
        "要求单位自我举证",
        "现场核实",
        "环发〔2015〕175号",
        "clue-chart",
    ):
        assert words in page, words
    client.cookies.load({"django_language": "en"})
    page = text(client, f"/clues/{clue.pk}/")
    for words in (
        "values held or typed in",
        "Rule out first",
        "Ask the unit for self-proof",
        "about 1 in 2,000 honest days",
    ):
        assert words in page, words


def test_lowered_confidence_and_simulation_stand_on_the_page(client, office, screened, said) -> None:
    Series.objects.filter(code="W1.w01018").update(origin="simulated", notice="模拟数据 / simulated")
    said.notes = [
        "没有可用的历史数据，以待筛查数据自身为参照 / no usable history",
        "A1 air.a34004：自身历史不足 / little history",
        "W1：各因子的日变化较历史整体推迟约 8 小时 / another clock",
    ]
    (clue,) = screened(found(confidence="low"))
    client.force_login(office.handler)
    page = text(client, f"/clues/{clue.pk}/")
    assert "自身历史不足或难以比较" in page
    assert "推迟约 8 小时" in page
    assert "模拟序列" in page
    assert "没有可用的历史数据" in page
    assert "air.a34004：" not in page
    assert "模拟" in text(client, "/clues/")
    assert "含模拟篡改" in text(client, "/integrity/funnel/")


def test_units_open_no_page_of_clues(client, office, clue) -> None:
    client.force_login(office.holder)
    for path in (
        *BUREAU_PAGES,
        f"/clues/{clue.pk}/",
        f"/clues/{clue.pk}/self-proof/",
        f"/clues/{clue.pk}/verify/",
    ):
        assert client.get(path).status_code == 403, path
    assert client.post(f"/clues/{clue.pk}/dismiss/", {"reason": "x", "version": 0}).status_code == 403
    assert "线索漏斗" not in text(client, "/")
    assert "真实性自我举证" in text(client, "/")


def test_another_county_finds_nothing_there(client, office, clue) -> None:
    client.force_login(office.outsider)
    assert client.get(f"/clues/{clue.pk}/").status_code == 404


def test_a_request_is_made_on_the_page_and_read_by_the_unit(client, office, clue) -> None:
    client.force_login(office.handler)
    page = client.get(f"/clues/{clue.pk}/self-proof/")
    assert "化学需氧量" in page.content.decode()
    assert "疑似" not in page.context["form"].initial["title"]
    form = {**page.context["form"].initial, "key": page.context["key"], "confidentiality": "internal"}
    wrong = client.post(f"/clues/{clue.pk}/self-proof/", {**form, "subject": office.county.bureau.pk})
    assert wrong.status_code == 400
    assert not Matter.objects.filter(kind="self-proof").exists()
    client.post(f"/clues/{clue.pk}/self-proof/", form)
    matter = Matter.objects.get(kind="self-proof")
    assert matter.origin == f"clue:{clue.pk}"
    assert matter.subject == office.county.holder
    assert client.get(f"/clues/{clue.pk}/self-proof/").status_code == 302
    assert matter.number in text(client, f"/clues/{clue.pk}/")
    client.force_login(office.holder)
    assert matter.number in text(client, "/integrity/self-proofs/")
    page = text(client, f"/matters/{matter.pk}/")
    assert "/clues/" not in page
    assert "疑似" not in page


def test_dismissing_on_the_page_needs_a_reason_and_changes_the_funnel(client, office, clue) -> None:
    client.force_login(office.handler)
    client.post(f"/clues/{clue.pk}/dismiss/", {"reason": "", "version": clue.version})
    clue.refresh_from_db()
    assert clue.state == "open"
    client.post(f"/clues/{clue.pk}/dismiss/", {"reason": "做样周期四小时", "version": clue.version})
    clue.refresh_from_db()
    assert (clue.state, clue.reason) == ("dismissed", "做样周期四小时")
    page = text(client, "/integrity/funnel/")
    assert "0 / 1" in page
    assert "数量少" in page


def test_a_finding_that_joined_says_what_it_rests_on(client, office, screened) -> None:
    (clue,) = screened(found(), found(kind="copy_neighbour", other="A1", score=0.998))
    client.force_login(office.handler)
    page = text(client, f"/clues/{clue.pk}/")
    joined = page.split("同一点位同期的其他发现")[1]
    assert "另一站点" in joined
    assert "恒值检验" in joined
    assert "0.99800" in joined
    name = f"joined-chart-{clue.suspects.get(rule='screening-twins').pk}"
    assert f'data-clue-chart="{name}"' in joined
    drawn = json.loads(joined.split(f'<script id="{name}" type="application/json">')[1].split("</script>")[0])
    assert drawn["values"]
    assert drawn["texts"]["value"] == "数值"


def test_rules_are_muted_and_unmuted_on_the_funnel(client, office, clue) -> None:
    client.force_login(office.handler)
    data = {"rule": "screening-day", "kind": "constant", "reason": "春节停产"}
    assert client.post("/integrity/mute/", data).status_code == 403
    client.force_login(office.county.person("checker", "data_manager", region=office.county.city))
    client.post("/integrity/mute/", data)
    assert "春节停产" not in text(client, "/clues/")
    client.force_login(office.county.person("manager", "data_manager", region=office.county.city))
    client.post(f"/integrity/mutes/{Mute.objects.get().pk}/agree/")
    page = client.get("/integrity/funnel/")
    assert "春节停产" in page.content.decode()
    assert "春节停产" in text(client, "/clues/")
    (mute,) = page.context["mutes"]
    client.post(f"/integrity/mutes/{mute['mute'].pk}/lift/", {"reason": "复产"})
    page = text(client, "/integrity/funnel/")
    assert "复产" in page
    assert "已静音的规则" not in page
    assert client.post("/integrity/mute/", {**data, "rule": "nonsense"}).status_code == 404


def test_a_rule_set_is_written_tried_and_switched_on_on_pages(client, office, said, screened) -> None:
    from datetime import date

    said.days = scores(*WATER, {date(2026, 11, 3): 0.95, date(2026, 11, 10): 0.5})
    screened()
    city = office.county.city
    client.force_login(office.county.person("manager", "data_manager", region=city))
    form = {name: getattr(rulesets.active(), name) for name in RuleSet.SETTINGS}
    form |= {"budget": 2.0, "weak_as_clues": "on", "reason": "放宽"}
    form.pop("faults_as_clues")
    assert client.post("/integrity/rules/new/", {**form, "budget": 0}).status_code == 400
    assert client.post("/integrity/rules/new/", form)["Location"] == "/integrity/rules/2/"
    author, second = (
        office.county.person(name, "data_manager", region=city) for name in ("author", "checker")
    )
    RuleSet.objects.filter(version=2).update(author=author)
    assert "disabled" in text(client, "/integrity/rules/2/")
    client.force_login(author)
    client.post("/integrity/rules/2/try/")
    page = text(client, "/integrity/rules/2/")
    assert "假如已经启用" in page
    assert "2026-11-03" in page
    assert client.get("/integrity/rules/2/?export=xlsx").status_code == 200
    assert "由另一名" in page
    assert client.post("/integrity/rules/2/switch-on/", {"reason": "可以承受"}).status_code == 403
    client.force_login(second)
    assert "由另一名" not in text(client, "/integrity/rules/2/")
    client.post("/integrity/rules/2/switch-on/", {"reason": "可以承受"})
    assert rulesets.active().version == 2
    assert "可以承受" in text(client, "/integrity/rules/")


def test_everything_is_exported(client, office, clue) -> None:
    client.force_login(office.handler)
    for path in (
        "/clues/?export=xlsx",
        f"/clues/{clue.pk}/?export=xlsx",
        "/integrity/funnel/?export=xlsx",
        "/integrity/suspects/?export=xlsx",
        "/integrity/rules/?export=xlsx",
    ):
        response = client.get(path)
        rows = list(openpyxl.load_workbook(io.BytesIO(response.content)).active.iter_rows(values_only=True))
        assert len(rows) > 1, path
    lines = client.get("/integrity/funnel/?export=csv").content.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("口径,项目")
    assert len(lines) >= 4


def test_wrong_filters_are_answered_and_an_empty_node_explains_itself(client, office, settings) -> None:
    client.force_login(office.handler)
    for on, said, unsaid in ((True, "每日筛查在", "已关闭每日筛查"), (False, "已关闭每日筛查", "每日筛查在")):
        settings.CONFIGURATION = replace(settings.CONFIGURATION, screening=on)
        page = text(client, "/integrity/funnel/")
        assert "此处尚未筛查" in page
        assert "没有超过误报预算" not in page  # where nobody looked, nothing was found either
        assert said in page
        assert unsaid not in page
    assert client.get("/integrity/funnel/?period=nonsense").status_code == 400
    text(client, "/integrity/funnel/?county=x&rule=y&kind=z&element=w&simulated=2")
    text(client, "/clues/?state=open&kind=constant&rule=screening-day&element=air&simulated=0&q=x")


def test_pages_ask_the_database_as_often_for_much_as_for_little(client, office, clue) -> None:
    """A clue with one session, reading, mark and similar clue, and with many of each; lists with few rows and many."""
    pages = (f"/clues/{clue.pk}/", "/clues/", "/integrity/suspects/", "/integrity/funnel/")
    client.force_login(office.handler)

    def more(numbers: range) -> None:
        for k in numbers:
            begin = clue.start + timedelta(hours=2 * k)
            rows = {
                "remote-sessions": {"device": "W1-D1", "start": begin, "end": begin, "person": f"某公司 {k}"},
                "software-found": {
                    "device": "W1-D1",
                    "read_at": begin,
                    "version": f"V{k}",
                    "digest": f"{k:012x}",
                    "reader": "李",
                },
            }
            for book, row in rows.items():
                filing.file(office.handler, BOOKS[book], [Proposal(book, row)])
            Mark.objects.create(
                point=clue.point,
                series=["W1.w01018"],
                start=begin,
                end=begin + timedelta(hours=1),
                kind="maintenance",
                reason="例行维护",
                author=office.handler,
                known_at=begin,
            )
            other = Clue.objects.create(
                point=clue.point,
                series=clue.series,
                kind=clue.kind,
                rule=clue.rule,
                start=begin - timedelta(days=60),
                end=begin - timedelta(days=59),
                score=0.999,
                statement="…",
                opened_at=begin,
                state="dismissed",
            )
            Suspect.objects.create(
                series=clue.series,
                rule=clue.rule,
                kind=clue.kind,
                first_day=other.start.date(),
                last_day=other.start.date(),
                score=0.999,
                outcome="clue",
                clue=other,
                found_at=begin,
            )

    def asked() -> dict[str, int]:
        counts = {}
        for path in pages:
            with CaptureQueriesContext(connection) as queries:
                text(client, path)
            counts[path] = len(queries)
        return counts

    more(range(1))
    asked()
    few = asked()
    more(range(1, 12))
    assert asked() == few
    assert max(few.values()) < 60, few
