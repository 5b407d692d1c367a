"""The office's own table of indicators: proposed, approved by a second person, entered, worked out whole, shown as its own."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import pytest
from django.core.exceptions import ValidationError
from tests.apps.evaluation.conftest import Data, _factor, _series
from tests.apps.evaluation.test_elements import enter, only_year, steps

from qingjian.apps.evaluation import services
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.network import services as network
from qingjian.apps.network.models import Factor
from qingjian.apps.rulekeeping import services as rules
from qingjian.apps.rulekeeping.models import RuleProposal

HEAD = "standard,item,parent,weight,direction,lo,hi,unit,effective_from,source"
ROWS = (
    "某省指标表,组分指数,生态格局,0.6,,,,,2021-01-01,表1",
    "某省指标表,结构指数,生态格局,0.4,,,,,2021-01-01,表1",
    "某省指标表,林地比例,组分指数,0.5,,0,80,%,2021-01-01,表2",
    "某省指标表,裸地比例,组分指数,0.5,negative,0,50,%,2021-01-01,表2",
)
LEAVES = ("结构指数", "林地比例", "裸地比例")


@pytest.fixture
def own(elements: Data) -> Data:
    """Series of the measured indicators beside those of the four parts."""
    factors = [(f"ey0{n}", name, "无量纲" if n == 0 else "%") for n, name in enumerate(LEAVES)]
    for code, name, unit in factors:
        proposal = _factor("ecology", code, unit)
        proposal.fields.update(name_zh=name, name_en=name)
        network.install([proposal, _series("EC", "ecology", code, unit, expected={}, origin="manual")])
    network.publish_directory()
    return elements


def propose(author: Any, *rows: str) -> Any:
    return rules.propose(author, "eqi_indicators", "\n".join((HEAD, *rows)), "省厅下发的指标表")


def test_the_whole_tree_is_worked_out_and_said_to_be_the_offices_own(
    own: Data, place: Any, client: Any, clock: Any
) -> None:
    maker, checker = (
        place.person("shuju", "data_manager", region=place.city),
        place.person("shenhe", "data_manager", region=place.city),
    )
    parts = {"EC.ex01": "10", "EC.ex02": "70", "EC.ex03": "50", "EC.ex04": "20"}
    enter({**parts, "EC.ey00": "70", "EC.ey01": "40", "EC.ey02": "10"}, "2025-01-01", "year")
    services.notice_rules()
    services.catch_up("ecology", 60)
    assert only_year(2025).result["eqi"] == pytest.approx(0.36 * 10 + 0.35 * 70 + 0.19 * 50 + 8)
    client.force_login(maker)
    assert "按录入值使用" in client.get("/elements/ecology/EC/").content.decode()
    with pytest.raises(ValidationError, match=r"0\.6"):
        propose(maker, ROWS[0], *ROWS[2:])
    change = propose(maker, *ROWS)
    rules.approve(checker, change, change.version, "某省指标表 第3页")
    clock.advance(60)
    services.notice_rules()
    services.follow_changes(60)
    row = only_year(2025)
    assert row.result["eqi"] == pytest.approx(0.36 * 67 + 0.35 * 70 + 0.19 * 50 + 8)
    assert row.revision == 1
    assert [one["name"] for one in row.result["tree"]] == [
        "生态格局",
        "组分指数",
        "林地比例",
        "裸地比例",
        "结构指数",
    ]
    assert "权重为本机关所定" in steps(row)
    page = client.get("/elements/ecology/EC/").content.decode()
    assert "某省指标表" in page
    assert "裸地比例" in page
    assert client.get(f"/evaluations/{row.pk}/why/").status_code == 200


def test_missing_indicators_leave_the_part_as_entered_or_the_index_open(own: Data, place: Any) -> None:
    maker, checker = (
        place.person("shuju", "data_manager", region=place.city),
        place.person("shenhe", "data_manager", region=place.city),
    )
    change = propose(maker, *ROWS)
    rules.approve(checker, change, change.version, "某省指标表 第3页")
    enter(
        {"EC.ex01": "60", "EC.ex02": "70", "EC.ex03": "50", "EC.ex04": "20", "EC.ey01": "40"},
        "2024-01-01",
        "year",
    )
    enter({"EC.ex02": "70", "EC.ex03": "50", "EC.ex04": "20", "EC.ey01": "40"}, "2025-01-01", "year")
    services.catch_up("ecology", 60)
    assert "缺指标" in steps(only_year(2024))
    assert "tree" not in only_year(2024).result
    assert "缺 生态格局，不计算 EQI" in steps(only_year(2025))
    assert Evaluation.objects.filter(kind="ecology_year", superseded_at=None).count() == 2


def test_the_files_for_the_registry_name_the_measured_indicators(
    elements: Data, place: Any, client: Any
) -> None:
    maker, checker = (
        place.person("shuju", "data_manager", region=place.city),
        place.person("shenhe", "data_manager", region=place.city),
    )
    change = propose(maker, *ROWS)
    rules.approve(checker, change, change.version, "某省指标表 第3页")
    client.force_login(maker)
    file = client.get("/measurements/import/registry/ecology/?kind=factor")
    assert file.status_code == 200
    assert not Factor.objects.filter(name_zh="林地比例").exists()


def test_an_office_brings_its_table_by_pages_alone(own: Data, place: Any, client: Any, clock: Any) -> None:
    maker, checker = (
        place.person("shuju", "data_manager", region=place.city),
        place.person("shenhe", "data_manager", region=place.city),
    )
    client.force_login(maker)
    address = "/limits/propose/?table=eqi_indicators"
    single = dict(zip(HEAD.split(","), ROWS[0].split(","), strict=True)) | {
        "confidence": "S",
        "reason": "只有一行",
    }
    refused = client.post(address, single).content.decode()
    assert "权重之和为 0.6，应为 1" in refused
    template = openpyxl.load_workbook(
        io.BytesIO(client.get("/limits/template/?table=eqi_indicators").content)
    )
    heads = [cell.value for cell in template.active[1]]
    for line in ROWS:
        row = dict(zip(HEAD.split(","), line.split(","), strict=True))
        template.active.append([row.get(head) or None for head in heads])
    file = io.BytesIO()
    template.save(file)
    file.name, _ = "indicators.xlsx", file.seek(0)
    answer = client.post(address, {"file_form": "1", "reason": "省厅下发的指标表", "file": file})
    change = RuleProposal.objects.get()
    assert answer.url == f"/limits/changes/{change.pk}/"
    assert "林地比例" in client.get(answer.url).content.decode()
    client.force_login(checker)
    decision = {"decision": "approve", "version": str(change.version), "document": "某省指标表 第3页"}
    client.post(f"{answer.url}decide/", decision)
    clock.advance(60)
    values = {"EC.ex02": "70", "EC.ex03": "50", "EC.ex04": "20"}
    enter({**values, "EC.ey00": "70", "EC.ey01": "40", "EC.ey02": "10"}, "2025-01-01", "year")
    services.notice_rules()
    services.catch_up("ecology", 60)
    page = client.get("/elements/ecology/EC/").content.decode()
    for shown in ("某省指标表", "组分指数", "裸地比例", "67"):
        assert shown in page
    assert "林地比例" in client.get("/limits/?table=eqi_indicators&on=").content.decode()
