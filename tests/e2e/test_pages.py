"""Every page opens for the people it is for, in both sizes, in Chinese, without an error in the console."""

from __future__ import annotations

import base64
import json
import re
import urllib.error
import urllib.request
from datetime import UTC, datetime

import pytest
from tests.e2e.conftest import press

from qingjian.apps.accounts import second_factor

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1200)]

STAFF_PAGES = [
    "/", "/map/", "/alerts/", "/clues/", "/points/", "/points/AQ01/", "/points/SW02/", "/points/WW01/", "/points/FG01/", "/points/FG03/",
    "/sources/", "/sources/QY04/", "/devices/", "/devices/FG03-D1/", "/quarantine/", "/forwarding/", "/changes/", "/registry/import/",
    "/propose/point/", "/duties/", "/series/", "/settings/", "/rules/", "/people/", "/organisations/", "/regions/", "/roles/", "/schedule/", "/password/", "/second-factor/", "/access-tokens/", "/api/", "/propose/device/", "/propose/organisation/",
    "/air/", "/air/year/", "/air/events/", "/air/ranking/", "/water/", "/water/SW02/", "/outlets/", "/outlets/exceedances/", "/outlets/amounts/",
    "/matters/", "/matters/inbox/", "/matters/punctuality/", "/notifications/", "/certificates/", "/delegations/", "/completeness/", "/corrections/", "/points/AQ01/evidence/", "/public/ledger/",
    "/air/basis/", "/water/SW05/", "/water/indices/", "/elements/noise/", "/elements/noise/NO01/", "/elements/radiation/", "/elements/radiation/RA01/",
    "/elements/groundwater/", "/elements/groundwater/GW02/", "/elements/drinking/", "/elements/soil/", "/elements/soil/SO01/", "/elements/ecology/",
    "/elements/ecology/EC01/", "/elements/lakes/", "/elements/black-odorous/", "/measurements/import/", "/evaluations/rules/",
    "/outlets/limits/", "/outlets/trends/", "/outlets/statistics/", "/outlets/tax/", "/limits/", "/limits/propose/", "/limits/changes/", "/reports/",
    "/matters/processes/", "/matters/processes/corrective-action/", "/matters/open/self-proof/", "/matters/open/self-proof/?point=WW01",
    "/matters/deadlines/", "/governance/corrective-actions/", "/governance/alerts/", "/document-templates/", "/working-days/", "/desk/ledger/", "/receipts/", "/public/disclosures/", "/public/demo-data/",
    "/integrity/funnel/", "/integrity/suspects/", "/integrity/self-proofs/", "/integrity/verifications/", "/integrity/rules/", "/integrity/rules/1/",
]  # fmt: skip


LINKS = (
    "[...document.querySelectorAll('main a[href^=\"/\"]:not(.qe-why)')].map(one => one.getAttribute('href'))"
)
# Cells of cards that carry no label although their table has heads; a line over the whole width needs none.
UNLABELLED = (
    "[...document.querySelectorAll('table.qj-cards')].filter(one => one.tHead)"
    ".flatMap(one => [...one.tBodies].flatMap(body => [...body.rows]))"
    ".filter(row => row.cells.length > 1).flatMap(row => [...row.cells])"
    ".filter(cell => cell.dataset.label === undefined && cell.innerText.trim())"
    ".map(cell => cell.innerText.slice(0, 40))"
)


def shape(path: str) -> str:
    """An address without the names and numbers of what it shows: pages of one kind have the same."""
    return re.sub(r"/[^/]*[A-Z0-9][^/]*(?=/)", "/…", path.split("?")[0])


@pytest.mark.parametrize("size", ["office", "phone"])
def test_staff_pages_open_in_both_sizes(signed_in, node, size: str) -> None:
    """The pages above, and one of every other kind that a link on one of them leads to."""
    page = signed_in("shuju", size)
    waiting = [*STAFF_PAGES]
    known = {shape(path) for path in waiting}
    opened: list[str] = []
    too_wide = []
    capitals = []
    sideways = []
    unlabelled = []
    while waiting:
        path = waiting.pop(0)
        response = page.goto(f"{node.address}{path}")
        assert response.status == 200, path
        assert page.locator("h1").inner_text().strip(), path
        opened.append(path)
        for link in page.evaluate(LINKS):
            if link.split("?")[0].endswith("/") and "export=" not in link and shape(link) not in known:
                kind = page.request.head(f"{node.address}{link}").headers["content-type"]
                known.add(shape(link))
                waiting += [link] * kind.startswith("text/html")
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            too_wide.append(path)
        # On a phone a list is cards: no row is read by moving sideways.
        if page.evaluate(
            "[...document.querySelectorAll('.qj-cards')].some(one => one.parentElement.scrollWidth > one.parentElement.clientWidth + 1)"
        ):
            sideways.append(path)
        # On a card every value says what it is: the heads of the table are not seen there.
        if cells := page.evaluate(UNLABELLED):
            unlabelled.append((path, cells))
        # A style that writes headings in capitals turns µg into MG.
        if page.evaluate(
            "[...document.querySelectorAll('th')].some(th => getComputedStyle(th).textTransform === 'uppercase')"
        ):
            capitals.append(path)
    assert len(opened) > len(STAFF_PAGES) + 15, opened
    assert too_wide == []
    assert sideways == [] or size == "office"
    assert unlabelled == []
    assert capitals == []


def test_on_a_phone_the_list_comes_before_its_filters(signed_in, node) -> None:
    page = signed_in("shuju", "phone")
    page.goto(f"{node.address}/clues/?simulated=1")
    shown = "form.qj-filters select:visible"
    assert page.locator(shown).count() == page.locator("form.qj-filters select").evaluate_all(
        "all => all.filter(one => one.value).length"
    )
    page.locator("form.qj-filters button", has_text="更多筛选").click()
    assert page.locator(shown).count() == page.locator("form.qj-filters select").count() > 3
    assert page.evaluate("document.activeElement.tagName") == "SELECT"
    assert page.locator("form.qj-filters button", has_text="更多筛选").count() == 0


def test_administrators_see_their_pages_only(signed_in, node) -> None:
    page = signed_in("shenji")
    assert page.goto(f"{node.address}/audit/").status == 200
    menu = page.locator("#side-menu").inner_text()
    assert "数采仪" not in menu
    assert page.request.get(f"{node.address}/map/").status == 403


@pytest.mark.parametrize("path", ["/webhooks/", "/deliveries/"])
def test_the_system_administrator_opens_where_calls_go(signed_in, node, path) -> None:
    page = signed_in("xitong")
    assert page.goto(f"{node.address}{path}").status == 200
    assert page.locator("h1").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


def test_pages_are_chinese_and_english_by_switch(signed_in, node) -> None:
    page = signed_in("shuju")
    assert page.locator("h1").inner_text() == "工作台"
    press(page, "button[name=language][value=en]")
    assert page.locator("h1").inner_text() == "Workbench"


def test_a_permit_holder_sees_its_own_outlet_only(signed_in, node) -> None:
    page = signed_in("huagong")
    page.goto(f"{node.address}/points/")
    assert page.locator("tbody tr").count() == 1
    assert page.request.get(f"{node.address}/points/AQ01/").status == 404


def answered(address: str, token: str) -> tuple[int, dict]:
    """Status and body of what a program without a browser asks."""
    question = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(question, timeout=120) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


@pytest.mark.parametrize("size", ["office", "phone"])
def test_a_program_reads_with_a_token_made_on_the_page_until_it_is_revoked(
    signed_in, node, size: str
) -> None:
    page = signed_in("shuju", size)
    page.goto(f"{node.address}/access-tokens/")
    name = f"报表程序 {size}"
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", node.passwords["shuju"])
    press(page, "main form:has(input[name=last_day]) button")
    token = page.locator("#token").input_value()
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    path = f"{node.address}/api/v1/points/AQ01/observations?limit=1"
    status, body = answered(path, token)
    assert status == 200
    assert body["rows"][0]["data"] == "replayed"
    page.goto(f"{node.address}/access-tokens/")
    press(page, f"tr:has-text('{name}') button")
    assert page.locator("tr", has_text=name).locator("button").count() == 0
    status, body = answered(path, token)
    assert (status, body["code"]) == (401, "token-revoked")


def test_keyboards_reach_the_content_first(signed_in, node) -> None:
    page = signed_in("shuju")
    page.goto(f"{node.address}/alerts/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#content"
    seen = set()
    for _press in range(60):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.tagName + (document.activeElement.name || '')"))
    assert {"A", "SELECTstate"} <= seen


def test_the_menu_shows_where_one_is(signed_in, node) -> None:
    page = signed_in("shuju")
    page.goto(f"{node.address}/schedule/")
    # No wait_for_function: its second look needs eval, which the pages forbid.
    top, bottom, height = page.evaluate(
        "(() => { const box = document.querySelector('#side-menu .active').getBoundingClientRect();"
        " return [box.top, box.bottom, window.innerHeight]; })()"
    )
    assert 0 <= top < bottom <= height
    assert page.locator("#side-menu details[open] .active").count() == 1


def test_a_person_sets_up_a_second_factor_and_signs_in_with_it(signed_in, node) -> None:
    page = signed_in("jiance")
    page.goto(f"{node.address}/second-factor/")
    key = base64.b32decode(page.locator(".qj-key").inner_text().replace(" ", ""))

    def code() -> str:
        return second_factor.code_of(key, second_factor.step_of(datetime.now(UTC)))

    page.fill("input[name=code]", code())
    press(page, "main button.btn-primary")
    recovery = page.locator(".qj-codes li").all_inner_texts()
    assert len(recovery) == second_factor.RECOVERY_CODES
    page.goto(f"{node.address}/")
    page.locator("header .dropdown > button").click()
    press(page, "header form[action='/logout/'] button")
    page.fill("input[name=username]", "jiance")
    page.fill("input[name=password]", node.passwords["jiance"])
    page.click("button.btn-primary")
    page.wait_for_url(f"{node.address}/login/code/")
    page.fill("input[name=code]", recovery[0])
    page.click("button.btn-primary")
    page.wait_for_url(f"{node.address}/")
