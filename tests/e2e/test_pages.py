"""Every page opens for the people it is for, in both sizes, in Chinese, without an error in the console."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("e2e"), pytest.mark.timeout(600)]

STAFF_PAGES = [
    "/", "/map/", "/alerts/", "/clues/", "/points/", "/points/AQ01/", "/points/SW02/", "/points/WW01/", "/points/FG01/", "/points/FG03/",
    "/sources/", "/sources/QY04/", "/devices/", "/devices/FG03-D1/", "/quarantine/", "/forwarding/", "/changes/", "/registry/import/",
    "/propose/point/", "/duties/", "/series/", "/rules/", "/people/", "/organisations/", "/regions/", "/roles/", "/schedule/", "/password/",
    "/air/", "/air/year/", "/air/ranking/", "/water/", "/water/SW02/", "/outlets/", "/outlets/exceedances/", "/outlets/amounts/",
    "/matters/", "/matters/inbox/", "/matters/punctuality/", "/notifications/", "/certificates/", "/delegations/", "/completeness/", "/public/ledger/",
    "/integrity/funnel/", "/integrity/suspects/", "/integrity/self-proofs/", "/integrity/verifications/", "/integrity/rules/", "/integrity/rules/1/",
]  # fmt: skip


@pytest.mark.parametrize("size", ["office", "phone"])
def test_staff_pages_open_in_both_sizes(signed_in, node, size: str) -> None:
    page = signed_in("shuju", size)
    too_wide = []
    capitals = []
    for path in STAFF_PAGES:
        response = page.goto(f"{node.address}{path}")
        assert response.status == 200, path
        assert page.locator("h1").inner_text().strip(), path
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            too_wide.append(path)
        # A style that writes headings in capitals turns µg into MG.
        if page.evaluate(
            "[...document.querySelectorAll('th')].some(th => getComputedStyle(th).textTransform === 'uppercase')"
        ):
            capitals.append(path)
    assert too_wide == []
    assert capitals == []


def test_administrators_see_their_pages_only(signed_in, node) -> None:
    page = signed_in("shenji")
    assert page.goto(f"{node.address}/audit/").status == 200
    menu = page.locator("#side-menu").inner_text()
    assert "数采仪" not in menu
    assert page.request.get(f"{node.address}/map/").status == 403


def test_pages_are_chinese_and_english_by_switch(signed_in, node) -> None:
    page = signed_in("shuju")
    assert page.locator("h1").inner_text() == "工作台"
    page.click("button[name=language][value=en]")
    assert page.locator("h1").inner_text() == "Workbench"


def test_a_permit_holder_sees_its_own_outlet_only(signed_in, node) -> None:
    page = signed_in("huagong")
    page.goto(f"{node.address}/points/")
    assert page.locator("tbody tr").count() == 1
    assert page.request.get(f"{node.address}/points/AQ01/").status == 404
