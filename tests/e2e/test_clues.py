"""From the funnel to a clue, a request to the unit, its answer, the decision, and the precision that follows."""

from __future__ import annotations

from typing import Any

import pytest
from tests.e2e.conftest import START_SECONDS, press
from tests.e2e.test_processes import Desk, photo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1200)]

OFFICER, LEADER, HOLDER, OTHER_HOLDER = "zhifa1", "juzhang", "wushui", "huagong"


@pytest.fixture
def desk(signed_in: Any, node: Any) -> Any:
    return lambda name, size="office": Desk(signed_in(name, size), node.address, node.passwords[name])


@pytest.fixture(scope="module")
def screened(node: Any) -> list[str]:
    """Addresses of two clues about the sewage works: the newest, and the one about the staged copies."""
    said, errors = node.screening.communicate(timeout=START_SECONDS)
    assert node.screening.returncode == 0, errors[-2000:]
    return [f"/clues/{pk}/" for pk in said.split()[-2:]]


@pytest.fixture
def clue(screened: list[str]) -> str:
    return screened[0]


def content(desk: Desk) -> str:
    return desk.page.locator("#content").inner_text()


def test_a_unit_proves_its_data_and_the_precision_follows(desk, node, clue, tmp_path) -> None:
    officer = desk(OFFICER)
    officer.open("/integrity/funnel/")
    assert "无办结" in content(officer)
    assert "模拟" in content(officer)
    officer.open(clue)
    assert "模拟序列" in content(officer)
    assert "需先排除" in content(officer)
    assert officer.page.locator("[data-clue-chart] canvas").count() == 1
    press(officer.page, "text=要求单位自我举证")
    assert "疑似" not in officer.page.locator("#content [name=title]").input_value()
    officer.page.click("form.qj-form button.btn-primary")
    officer.page.wait_for_url("**/matters/*/")
    matter = officer.page.url.removeprefix(node.address)
    number = officer.page.locator(".qj-head strong").first.inner_text()

    stranger = desk(OTHER_HOLDER)
    stranger.open("/integrity/self-proofs/")
    assert number not in content(stranger)
    assert stranger.page.request.get(f"{node.address}{matter}").status == 404
    assert stranger.page.request.get(f"{node.address}{clue}").status == 403

    holder = desk(HOLDER, "phone")
    holder.open("/integrity/self-proofs/")
    assert number in content(holder)
    holder.attach(matter, photo(tmp_path, "record"))
    holder.act(matter, "answer", explanation="当日更换蠕动泵管，已校准", contact="江澄")
    assert not holder.page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    assert holder.page.request.get(f"{node.address}/integrity/funnel/").status == 403

    officer.act(matter, "review", opinion="explained", opinion_text="更换记录与数据相符")
    holder.open(matter)
    assert number in content(holder), "the unit keeps its request"
    assert "更换记录与数据相符" not in content(holder), "an opinion is read with the decision"
    leader = desk(LEADER)
    leader.act(matter, "accept", decision="同意")
    holder.open(matter)
    assert "更换记录与数据相符" in content(holder)

    officer.open(clue)
    assert "更换记录与数据相符" in content(officer)
    assert "参考意义有限" in content(officer)
    officer.open("/integrity/funnel/")
    assert "0 / 1" in content(officer)


def test_a_proof_that_does_not_hold_leads_to_a_visit_and_a_case(desk, node, screened, tmp_path) -> None:
    copied = screened[1]
    officer, leader, holder = desk(OFFICER), desk(LEADER), desk(HOLDER)

    def verified_and_cases() -> list[int]:
        officer.open("/integrity/funnel/")
        counts = [int(one.inner_text()) for one in officer.page.locator(".qj-step strong").all()[3:]]
        assert len(counts) == 2
        return counts

    before = verified_and_cases()

    def opened_by(button: str, **fields: str) -> str:
        press(officer.page, button)
        officer.fill(**fields)
        officer.page.click("form.qj-form button.btn-primary")
        officer.page.wait_for_url("**/matters/*/")
        return officer.page.url.removeprefix(node.address)

    officer.open(copied)
    proof = opened_by("a[href$='/self-proof/']")
    holder.attach(proof, photo(tmp_path, "log"))
    holder.act(proof, "answer", explanation="数据采集仪死机后自动补数")
    officer.act(proof, "review", opinion="not_explained", opinion_text="日志没有死机记录")
    leader.act(proof, "reject", decision="现场核查")

    officer.open(copied)
    assert "未能说明" in content(officer)
    visit = opened_by("a[href$='/verify/']")
    officer.act(visit, "take")
    officer.attach(visit, photo(tmp_path, "logger"))
    officer.act(
        visit,
        "report",
        visited_on="2026-11-20",
        findings="数据采集仪定时任务重发前一日数据",
        cause="tampering",
        conclusion="confirmed",
    )
    officer.sign(visit)
    leader.sign(visit)
    officer.open(copied)
    assert "数据采集仪定时任务重发前一日数据" in content(officer)
    again = [one.strip() for one in officer.page.locator("a[href$='/verify/']").all_inner_texts()]
    assert again == ["再次核实"], "a confirmation is doubted by a second verification, by nothing else"
    assert holder.page.request.get(f"{node.address}{visit}").status == 404

    officer.open(visit)
    case = opened_by(
        "a[href*='/matters/open/corrective-action/']",
        title="停用重发任务",
        kind="internal",
        problem="重发数据",
    )
    officer.open(case)
    assert visit.strip("/").split("/")[-1] in officer.page.content()
    assert verified_and_cases() == [one + 1 for one in before]


def test_clue_pages_fit_both_sizes_and_languages(desk, clue) -> None:
    for size in ("office", "phone"):
        person = desk("shuju", size)
        for path in (clue, "/clues/", "/integrity/funnel/", "/integrity/rules/new/"):
            person.open(path)
            assert not person.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"), (
                size,
                path,
            )
        press(person.page, "button[name=language][value=en]")
        person.open(clue)
        assert "Rule out first" in content(person)
        press(person.page, "button[name=language][value=zh-hans]")  # the choice stays with the person


def test_a_rule_set_is_tried_before_a_second_person_switches_it_on(desk, clue) -> None:
    manager = desk("shuju")
    manager.open("/integrity/rules/new/")
    manager.fill(budget="2", reason="看看放宽以后多出多少")
    manager.page.click("form.qj-form button.btn-primary")
    manager.page.wait_for_url("**/integrity/rules/2/")
    assert "由另一名" in content(manager)
    assert not manager.page.locator("form[action$='switch-on/']").count()
    second = desk("shenhe")
    second.open("/integrity/rules/2/")
    assert second.page.locator("form[action$='switch-on/'] button").is_disabled()
    manager.page.click("form[action$='try/'] button")
    manager.page.wait_for_selector("text=假如已经启用")
    second.open("/integrity/rules/2/")
    second.page.fill("form[action$='switch-on/'] [name=reason]", "多出的数量可以核查")
    second.page.click("form[action$='switch-on/'] button")
    second.page.wait_for_selector("text=自下一次筛查起执行")
    second.open("/integrity/rules/")
    assert "多出的数量可以核查" in content(second)
