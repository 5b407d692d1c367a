"""A limit of the office in the place of a standard's is named as such wherever a result says why."""

from __future__ import annotations

import json
from datetime import date, datetime

import pytest
from django.test import Client
from django.urls import reverse
from tests.apps.conftest import County
from tests.apps.evaluation.conftest import Data, enter

from qingjian.apps.evaluation import services
from qingjian.apps.evaluation.models import Evaluation, RuleChange
from qingjian.apps.evaluation.rule_views import said, said_now
from qingjian.apps.reporting import basis
from qingjian.apps.rulekeeping import services as rules
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import clock
from qingjian.rulebook import Rulebook, packaged

DAY = date(2026, 11, 20)
SOURCE = "DB99/T 12-2026 表1"
DOCUMENT = "DB99/T 12-2026 第3页"
CITED = f"{DOCUMENT} (本单位 own; 替代 in place of GB 3838-2002 表1)"


@pytest.fixture
def stricter(data: Data, place: County) -> str:
    """Dissolved oxygen of class Ⅲ is 5.5 here; GB 3838 says 5.0. Returns the id of the row."""
    (row,) = packaged().rows("surface_water_limits", DAY, standard="GB 3838", symbol="DO", class_="Ⅲ")
    text = rules.as_csv("surface_water_limits", [{**row.values, "limit": "5.5", "source": SOURCE}])
    maker, checker = (place.person(name, "data_manager", region=place.city) for name in ("m3", "c3"))
    rules.approve(checker, rules.propose(maker, "surface_water_limits", text, "地方标准"), 0, DOCUMENT)
    return row.id


def judged(data: Data) -> Evaluation:
    data.put("R1.w01009", datetime(2026, 11, 20, tzinfo=CHINA), [5.2] * 24)
    services.evaluate("water", DAY, DAY)
    return Evaluation.objects.get(kind="water_station_day", superseded_at=None)


def test_the_trace_names_the_document_the_office_and_who_approved(data: Data, stricter: str) -> None:
    row = judged(data)
    assert row.water_class == "Ⅳ"
    told = json.dumps(row.trace["steps"], ensure_ascii=False)
    assert "GB 3838-2002 表1 Ⅲ类限值 5.5" not in told
    assert f"{CITED} Ⅲ类限值 5.5" in told
    assert "c3 于 2026-11-21 对照《DB99/T 12-2026 第3页》核准" in told
    assert "approved by c3 on 2026-11-21 against DB99/T 12-2026" in told
    cited = {one["citation"]: one["confirmed"] for one in row.trace["rows"]}
    assert cited["GB 3838-2002 表1"] is False
    assert cited[CITED] is True


def test_the_page_shows_it(data: Data, stricter: str, place: County, client: Client) -> None:
    row = judged(data)
    client.force_login(place.person("z3", "station_staff"))
    page = client.get(f"/evaluations/{row.pk}/why/").content.decode()
    clauses = page.split('class="qe-steps"')[1]
    assert CITED in clauses
    assert "核准" in clauses or "approved by" in clauses


def test_reports_list_it_by_its_own_document(data: Data, stricter: str) -> None:
    book = rulebook()
    rows = book.rows("surface_water_limits", DAY, standard="GB 3838", symbol="DO")
    section, _weakest, _alone = basis.documents(rows)
    lines = {line[0]: line for line in section["table"]["rows"]}
    own = next(line for name, line in lines.items() if name == CITED)
    assert (own[1], own[5]["zh"]) == (None, "本机关（c3 核准）")
    assert lines["GB 3838-2002 表1"][5]["zh"] == "随系统"


def test_it_is_told_through_a_snapshot_and_forgotten_when_taken_back(data: Data, stricter: str) -> None:
    book = rulebook()
    again = Rulebook.from_json(book.to_json())
    assert again.row(stricter).replaces == "GB 3838-2002 表1"
    assert again == book
    own = book.row(stricter)
    back = book.without_rows([own.id]).with_rows([packaged().row(own.id)])
    assert back.row(own.id).citation == "GB 3838-2002 表1"


def test_a_result_that_says_the_same_is_listed_as_such(elements: Data, place: County, client: Client) -> None:
    """60 dB(A) exceed 55 and 50: only the excess is another, and a reader would look for a difference in vain."""
    enter({"NA.Ld": "60"}, "2026-11-10")
    enter({"NA.Ld": "52"}, "2026-11-12")
    services.notice_rules()
    services.evaluate("noise", date(2026, 11, 10), date(2026, 11, 12))
    (row,) = packaged().rows(
        "noise_limits", DAY, standard="GB 3096", class_="1类", averaging_period="昼间 06:00-22:00"
    )
    text = rules.as_csv("noise_limits", [{**row.values, "limit": "50", "source": SOURCE}])
    maker, checker = (place.person(name, "data_manager", region=place.city) for name in ("m4", "c4"))
    change = rules.propose(maker, "noise_limits", text, "地方标准")
    client.force_login(checker)
    ahead = client.get(f"/limits/changes/{change.pk}/ahead/").content.decode()
    rules.approve(checker, change, 0, DOCUMENT)
    clock().advance(60)  # type: ignore[attr-defined]
    services.follow_changes(60)
    seen = RuleChange.objects.filter(source=RuleChange.Source.RULES).latest("pk")
    page = client.get(reverse("rule-change", args=(seen.pk,))).content.decode()
    same, other = Evaluation.objects.filter(rule_change=seen, kind="noise_survey").order_by("start")
    assert said(same) == said(before_of(same))
    assert said_now(other, before_of(other)) == said(other)
    for shown in (page, ahead):
        assert "only the basis changed" in shown or "仅依据变化" in shown


def before_of(row: Evaluation) -> Evaluation:
    return Evaluation.objects.get(
        kind=row.kind, point=row.point_id, start=row.start, revision=row.revision - 1
    )
