"""The pages that say what processes declare: every state, step and deadline, with reminder and escalation distances."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import timedelta

import openpyxl
import pytest
from django.utils.translation import override

from qingjian.apps.governance.processes import CORRECTIVE_ACTION, RECHECK
from qingjian.apps.integrity.processes import VERIFICATION
from qingjian.apps.matters import declarations, described, services
from qingjian.apps.matters.services import watching

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def test_as_many_levels_are_described_as_there_are() -> None:
    assert len(described.levels()) == watching.HIGHEST


def test_distances_follow_the_declaration() -> None:
    with override("en"):
        limit = replace(RECHECK, remind_before=timedelta(days=5), escalate_after=timedelta(days=3))
        assert described.reminder(limit).startswith("5 days before the end")
        lines = described.escalation(limit)
        assert [line.partition(" ")[0] for line in lines[:3]] == ["at", "3", "6"]
        assert "every 3 days" in lines[3]


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_process_is_described_whole(language: str) -> None:
    with override(language):
        for process in declarations.processes():
            page = described.described(process)
            assert [state for state, _waits in page.states] == list(process.states)
            assert all(waits for _state, waits in page.states)
            assert [one.title for one in page.steps[1:]] == [str(one.title) for one in process.actions]
            assert {one.title for one in page.deadlines} == {str(one.title) for one in process.limits()}
            for one in page.deadlines:
                assert all((one.length, one.counting, one.starts, one.met_by, one.reminder, one.source))
                assert len(one.escalation) == watching.HIGHEST + 1
                assert one.confidence in "VSU"


@pytest.mark.django_db
def test_rules_conditions_and_separation_of_duties_stand_there_in_words() -> None:
    with override("zh-hans"):
        page = described.described(CORRECTIVE_ACTION)
        deadlines = {one.title: one for one in page.deadlines}
        repair = deadlines["修复自动监测设施"]
        assert (repair.length, repair.confidence) == (
            "5 个工作日；仅当类型为“自动监测设施故障”；由当事单位履行",
            "V",
        )
        assert "环保部令19号" in repair.source
        assert "送达日期" in repair.starts
        steps = {one.title: one for one in page.steps}
        assert "行政执法证" in steps["复查合格"].who
        assert "回避" in steps["终止办理"].who
        assert any("公开" in line for line in steps["复查合格"].follows)
        assert any("抄送" in line and "上级" in line for line in steps["责令改正决定书已送达"].follows)
        (evidence,) = (line for line in steps["报告整改情况"].needs if "证据" in line)
        assert all(text in evidence for text in ("1 件", "当事单位", "责令改正决定书已送达", "复查不合格"))
        testing = next(one for one in described.described(VERIFICATION).steps if one.title == "送样检测")
        assert any("停止计时" in line and "样品检测" in line for line in testing.follows)


def test_the_pages_open_export_and_read_in_english(client, office) -> None:
    client.force_login(office.holder)
    page = client.get("/matters/processes/").content.decode()
    for text in ("流程与时限", "到期前 2 天", "逾期 4 天后", "线索核实", "责令改正"):
        assert text in page, text
    for process in declarations.processes():
        assert client.get(f"/matters/processes/{process.code}/").status_code == 200
        book = openpyxl.load_workbook(
            io.BytesIO(client.get(f"/matters/processes/{process.code}/?export=xlsx").content)
        )
        assert book.worksheets[1].max_row == len(process.actions) + 2
    book = openpyxl.load_workbook(io.BytesIO(client.get("/matters/processes/?export=xlsx").content))
    assert book.sheetnames == ["时限", "办理步骤"]
    assert client.get("/matters/processes/nonsense/").status_code == 404
    client.force_login(office.county.person("system", "system_administrator"))
    assert client.get("/matters/processes/").status_code == 403
    with override("en"):
        for page in map(described.described, declarations.processes()):
            words = [line for one in page.steps for line in (one.title, one.who, *one.needs, *one.follows)]
            words += [line for one in page.deadlines for line in (one.length, one.reminder, *one.escalation)]
            assert not [one for one in words if CHINESE.search(one)]


def test_a_running_clock_says_when_it_reminds_and_whom_it_reaches_next(client, office, clock) -> None:
    matter = office.act(office.open(), "take", office.handler)
    row = matter.deadlines.get(code="verify")
    client.force_login(office.leader)
    path = f"/matters/{matter.pk}/?tab=deadlines"
    page = client.get(path).content.decode()
    assert row.remind_at.astimezone().strftime("%Y-%m-%d") in page
    assert "最近一级的审批人" in page
    clock.set_wall(row.due + timedelta(seconds=1))
    services.escalate()
    page = client.get(path).content.decode()
    assert "已升至第 1 级" in page
    assert "最近一级尚未被告知的督办人" in page
    clock.advance(20 * 86400)
    for _level in range(3):
        services.escalate()
    assert "再次提醒待办人" in client.get(path).content.decode()
