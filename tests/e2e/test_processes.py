"""The two processes played by an officer, a leader and a permit holder; one late with escalation, one with its clock stopped."""

from __future__ import annotations

import io
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.e2e.conftest import START_SECONDS, of_the_node, press

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1200)]

ROOT = Path(__file__).resolve().parents[2]
OFFICER, LEADER, HOLDER, UPPER = "zhifa1", "juzhang", "huagong", "shiju"

LATE = """
import uuid
import django
django.setup()
from datetime import timedelta
from qingjian.apps.accounts.models import User
from qingjian.apps.matters import services
from qingjian.apps.matters.models import Matter
from qingjian.apps.integrity.processes import VERIFICATION
from qingjian.contracts.clock import ManualClock
from qingjian.contracts.current import now, use_clock

officer = User.objects.get(username="zhifa1")
with use_clock(ManualClock(now() - timedelta(days=60))):
    region = officer.posts.get().region
    opened = services.open_matter(VERIFICATION, officer, title="迟办的核实", region=region, data={"statement": "恒值"}, idempotency_key=uuid.uuid4().hex)
    services.act(opened.matter, "take", officer, {}, 0, uuid.uuid4().hex)
services.escalate()
services.escalate()
print(opened.matter.pk)
"""


def photo(folder: Path, name: str) -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (320, 240), (90, 120, 140)).save(buffer, "JPEG", comment=name.encode())
    path = folder / f"{name}.jpg"
    path.write_bytes(buffer.getvalue())
    return str(path)


class Desk:
    """One person at one page, doing what a person does: open a form, fill it in, press its button."""

    def __init__(self, page: Any, address: str, password: str) -> None:
        self.page, self.address, self.password = page, address, password

    def open(self, path: str) -> None:
        assert self.page.goto(f"{self.address}{path}").status == 200, path

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            field = self.page.locator(f"#content [name={name}]").first
            kind = field.evaluate("one => one.type")
            if kind == "radio":
                self.page.check(f"#content [name={name}][value='{value}']")
            elif kind == "select-one":
                field.select_option(value)
            elif kind == "file":
                field.set_input_files(value)
            else:
                field.fill(value)

    def act(self, matter: str, action: str, **fields: str) -> None:
        self.open(f"{matter}act/{action}/")
        self.fill(**fields)
        self.page.click("form.qj-form button.btn:not(.btn-link)")
        self.page.wait_for_url(lambda url: "/act/" not in url)

    def attach(self, matter: str, path: str) -> None:
        self.act(matter, "attach", file=path, title="现场", kind="photo", capture="live")

    def sign(self, matter: str) -> None:
        self.open(f"{matter}sign/")
        assert self.page.locator(".qj-paper").inner_text().strip()
        self.page.fill("#content [name=password]", self.password)
        self.page.click("button[value=sign]")
        self.page.wait_for_url(lambda url: not url.endswith("/sign/"))

    def sign_outsider(self, matter: str, name: str, capacity: str) -> None:
        """Let a person without an account draw a signature on this screen."""
        self.open(f"{matter}sign/")
        self.fill(outsider_name=name, outsider_capacity=capacity)
        pad = self.page.locator("#pad")
        pad.scroll_into_view_if_needed()
        place = pad.bounding_box()
        self.page.mouse.move(place["x"] + 20, place["y"] + 30)
        self.page.mouse.down()
        self.page.mouse.move(place["x"] + 120, place["y"] + 90, steps=5)
        self.page.mouse.up()
        press(self.page, "button[value=sign-outsider]")
        assert name in self.page.locator("#content").inner_text()

    def state(self, matter: str) -> str:
        self.open(matter)
        return self.page.locator("[aria-current=step]").inner_text().strip()


@pytest.fixture
def desk(signed_in, node):
    return lambda username, size="office": Desk(
        signed_in(username, size), node.address, node.passwords[username]
    )


def test_a_clue_is_verified_and_what_was_wrong_is_put_right(desk, node, tmp_path) -> None:
    officer, leader, holder = desk(OFFICER), desk(LEADER), desk(HOLDER, "phone")

    officer.open("/matters/open/clue-verification/")
    officer.fill(title="总排口夜间恒值", statement="夜间 6 小时不变")
    officer.page.click("form.qj-form button.btn-primary")
    officer.page.wait_for_url("**/matters/*/")
    matter = officer.page.url.removeprefix(node.address)
    leader.open("/matters/inbox/")
    assert "总排口夜间恒值" in leader.page.locator("tbody").inner_text()
    leader.open(f"{matter}act/assign_verifier/")
    leader.page.locator("#content [name=verifier]").select_option(
        label=officer.page.locator(".qj-top-tools .dropdown > button").inner_text().strip()
    )
    leader.page.click("form.qj-form button.btn-primary")
    leader.page.wait_for_url(lambda url: "/act/" not in url)
    officer.attach(matter, photo(tmp_path, "a"))
    officer.act(
        matter,
        "report",
        visited_on="2026-11-20",
        findings="采样管路加装三通阀",
        cause="tampering",
        conclusion="confirmed",
    )
    field = desk(OFFICER, "phone")
    field.sign_outsider(matter, "王经理", "企业负责人")
    officer.sign(matter)
    leader.sign(matter)
    final = leader.state(matter)
    assert leader.page.locator(f"#content a[href='{matter}act/comment/']").count() == 0, final
    leader.open(f"{matter}?tab=signatures")
    assert leader.page.locator("tbody tr").count() == 3
    drawn = leader.page.locator("img.qj-drawn")
    assert drawn.evaluate("one => one.complete && one.naturalWidth > 0")

    officer.open(matter)
    press(officer.page, "a[href*='/matters/open/corrective-action/']")
    officer.fill(title="恢复采样管路", kind="internal", problem="三通阀")
    officer.page.locator("#content [name=subject]").select_option(label=holder_organisation(holder))
    officer.page.click("form.qj-form button.btn-primary")
    officer.page.wait_for_url("**/matters/*/")
    order = officer.page.url.removeprefix(node.address)
    officer.act(order, "draft", demand="拆除三通阀", basis="生态环境监测条例", days="5")
    officer.sign(order)
    assert holder.page.request.get(f"{node.address}{order}").status == 404
    leader.sign(order)
    officer.attach(order, photo(tmp_path, "b"))
    officer.act(order, "serve", served_on="2026-11-20", served_how="hand")

    officer.act(order, "request-stop", start="2026-11-20T12:00", reason="委托检测")
    leader.act(order, "approve-stop", note="同意扣除检测时间")
    officer.open(f"{order}?tab=deadlines")
    assert "委托检测" in officer.page.locator("#content").inner_text()
    officer.act(order, "resume")
    officer.open(f"{order}?tab=deadlines")
    # Every date on the page is explained day by day, and the stopped days are named as taken out.
    clocks = officer.page.locator("#content .qj-clock")
    assert clocks.count() >= 1
    for place in range(clocks.count()):
        clock = clocks.nth(place)
        days = clock.locator(".qj-days li")
        assert days.count() >= 2
        assert clock.get_attribute("data-last-day") in days.last.text_content()
    explained = clocks.first.locator(".qj-days").text_content()
    assert "2026-11-20" in explained
    assert "第 1 日" in explained
    assert "扣除：委托检测" in explained

    holder.open("/matters/inbox/")
    assert "恢复采样管路" in holder.page.locator("tbody").inner_text()
    holder.attach(order, photo(tmp_path, "c"))
    holder.act(order, "report", measures="已拆除", finished_on="2026-11-21")
    officer.act(order, "pass_recheck", rechecked_on="2026-11-21", recheck_findings="已恢复")
    holder.open(f"{order}?tab=documents")
    assert holder.page.locator("tbody tr").count() == 2
    assert not holder.page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    assert (
        holder.page.request.get(holder.page.locator("a[href$='/pdf/']").first.evaluate("one => one.href"))
        .body()
        .startswith(b"%PDF")
    )


def holder_organisation(holder: Desk) -> str:
    return (
        holder.page.locator(".dropdown-header").first.inner_text().strip()
        or holder.page.locator(".dropdown-header").first.text_content().strip()
    )


def test_a_late_matter_climbs_and_everybody_is_told(desk, node) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LATE],
        env=of_the_node(node.data),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    matter = f"/matters/{done.stdout.split()[-1]}/"
    leader = desk(LEADER)
    leader.open("/notifications/")
    assert "核实〔" in leader.page.locator("tbody").inner_text()
    upper = desk(UPPER)
    upper.open("/notifications/")
    assert "升级" in upper.page.locator("tbody").inner_text()
    upper.act(matter, "urge", note="请三日内报告")
    officer = desk(OFFICER, "phone")
    officer.open("/notifications/")
    assert "请三日内报告" in officer.page.locator("tbody").inner_text()
    leader.open("/matters/?light=overdue")
    assert "迟办的核实" in leader.page.locator("tbody").inner_text()
    leader.open(f"{matter}?tab=trail")
    assert leader.page.locator("tbody tr").count() >= 4
    leader.open(f"{matter}?tab=deadlines")
    assert leader.page.locator("#content .badge.bg-red-lt").count() >= 1
    leader.open("/matters/punctuality/")
    assert leader.page.locator("tbody tr").count() >= 1
    leader.open(f"{matter}?tab=all")
    assert leader.page.locator(".qj-part").count() == 6


def corrected_year(day: date) -> str:
    """Return the table of the year with one working day more taken off, as a corrected notice would."""
    path = ROOT / f"src/qingjian/workdays/data/years/{day.year}.csv"
    if path.exists():
        text = path.read_text()
    else:
        # A year nobody knows yet: the days off of another one, as a table without public holidays is refused.
        known = (path.parent / "2026.csv").read_text().replace("2026", str(day.year)).splitlines()
        text = "\n".join(one for one in known if "work_in_lieu" not in one)
    return f"{text.rstrip()}\n{day.isoformat()},rest_in_lieu,更正\n"


def test_people_and_the_calendar_change_while_the_work_goes_on(desk, node, tmp_path) -> None:
    """An officer stands in, one is transferred, the work is handed over, a year is corrected: number and date stay right."""
    officer, deputy, leader = desk("zhifa2"), desk(OFFICER), desk(LEADER)
    officer.open("/matters/open/clue-verification/")
    officer.fill(title="途中换人的核实", statement="夜间恒值")
    officer.page.click("form.qj-form button.btn-primary")
    officer.page.wait_for_url("**/matters/*/")
    matter = officer.page.url.removeprefix(node.address)
    number = officer.page.locator("#content .qj-head strong").inner_text()
    officer.act(matter, "take")

    # Absence: the deputy finds the work, and no longer once the absence ended.
    officer.open("/delegations/add/")
    name = deputy.page.locator(".qj-top-tools .dropdown > button").inner_text().strip()
    officer.page.locator("#content [name=deputy]").select_option(label=name)
    officer.fill(reason="年假")
    officer.page.click("form.qj-form button.btn-primary")
    officer.page.wait_for_url("**/delegations/")
    deputy.open("/matters/inbox/")
    assert "途中换人的核实" in deputy.page.locator("tbody").inner_text()
    assert "宋明哲" in deputy.page.locator(".alert").first.inner_text()
    officer.open("/delegations/")
    press(officer.page, ".alert button")
    deputy.open("/matters/inbox/")
    assert "途中换人的核实" not in deputy.page.locator("#content").inner_text()

    # Transfer: the post ends, the rights at once; the leader hands over.
    security = desk("anquan")
    security.open("/people/?q=zhifa2")
    press(security.page, "tbody a")
    press(security.page, "form[action*='/posts/'] button")
    assert officer.page.request.get(f"{node.address}{matter}").status in (403, 404)
    leader.open("/matters/inbox/")
    assert number in leader.page.locator(".alert-warning").inner_text()
    leader.open("/hand-over/")
    leader.page.locator("#content [name=giver]").select_option(label="宋明哲")
    leader.page.locator("#content [name=receiver]").select_option(label=name)
    leader.fill(reason="调离")
    press(leader.page, "form button.btn-primary")
    assert number in leader.page.locator("#content").inner_text()
    deputy.open(f"{matter}?tab=deadlines")
    assert deputy.page.locator("#content .qj-head strong").inner_text() == number
    clock = deputy.page.locator("#content .qj-clock").last
    last_day = clock.get_attribute("data-last-day")

    # The calendar is corrected: the date moves, the old one stays beside it, the person is told.
    day = date.fromisoformat(last_day) - timedelta(days=2)
    while day.weekday() > 4:
        day -= timedelta(days=1)
    table = tmp_path / "year.csv"
    table.write_text(corrected_year(day), encoding="utf-8")
    manager = desk("shuju")
    manager.open("/working-days/")
    manager.fill(document="国办发明电〔2026〕99号（测试）", file=str(table))
    press(manager.page, "#content form[enctype] button.btn-primary")
    deputy.open(f"{matter}?tab=deadlines")
    clock = deputy.page.locator("#content .qj-clock").last
    assert clock.get_attribute("data-last-day") > last_day
    assert last_day in clock.inner_text()
    assert "更正" in clock.locator(".qj-days").text_content()
    deputy.open("/notifications/")
    assert last_day in deputy.page.locator("tbody").inner_text()
    deputy.open(f"{matter}?tab=trail")
    assert deputy.page.locator("tbody").first.inner_text().count("调离") == 1
