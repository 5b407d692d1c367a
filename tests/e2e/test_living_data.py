"""The main job on a running node: values arrive, are drawn, lead back to their frame, and devices answer."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import time

import pytest
from tests.e2e.conftest import PATIENCE_SECONDS, START_SECONDS, press

from qingjian.simulator.demo import county

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1200)]


def wait_for(condition, seconds: float = PATIENCE_SECONDS * 3, what: str = "condition") -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} not reached within {seconds} s"
        time.sleep(0.5)


def pipeline(node) -> dict:
    path = node.data / "exchange" / "pipeline.json"
    return json.loads(path.read_text()) if path.exists() else {}


def test_devices_come_online_and_values_change_without_reload(signed_in, node) -> None:
    wait_for(lambda: pipeline(node).get("observations", 0) > 1000, what="values stored")
    page = signed_in("zhiban")
    page.goto(f"{node.address}/points/FG03/")
    cell = page.locator("[data-live-value]").first
    first = cell.inner_text()
    wait_for(lambda: cell.inner_text() not in (first, "–"), what="a live value")


def test_a_value_leads_back_to_its_frame(signed_in, node) -> None:
    wait_for(lambda: pipeline(node).get("observations", 0) > 1000, what="values stored")
    page = signed_in("zhiban")
    page.goto(f"{node.address}/points/FG03/?statistic=minute&range=day")
    page.locator("#tab-data details summary").click()
    page.locator("[data-table-body] button").first.wait_for()

    def asked() -> bool:
        """A row that is exchanged for its successor just when it is pressed asks nothing: people press again."""
        from playwright.sync_api import TimeoutError as Overdue

        try:
            with page.expect_response(lambda one: "/data/provenance/" in one.url, timeout=20_000) as answer:
                page.locator("[data-table-body] button").first.click()
        except Overdue:
            return False
        assert answer.value.ok
        return True

    wait_for(asked, what="an answer to where a value comes from")
    drawer = page.locator("#drawer-body")
    wait_for(lambda: drawer.inner_text().strip(), what="the drawer")
    assert drawer.locator(".qj-hex").count(), drawer.inner_text()
    text = drawer.inner_text()
    assert re.search(r"##\d{4}QN=\d{17};ST=31;CN=2051", text)
    assert "gateway-1/" in text


def test_the_chart_draws_a_year_of_replayed_history_with_its_notice(signed_in, node) -> None:
    page = signed_in("shuju")
    with page.expect_response(
        lambda response: "/data/chart/" in response.url and "range=year" in response.url
    ) as answer:
        page.goto(f"{node.address}/points/AQ01/?range=year")
    (series,) = answer.value.json()["series"]
    assert len([point for point in series["points"] if point[1] is not None]) > 7000
    assert any(point[3] == "gap" for point in series["points"])
    page.locator("[data-notices]", has_text="回放真实数据").wait_for()


def test_another_station_is_held_beside_in_the_chart(signed_in, node) -> None:
    page = signed_in("shuju")
    page.goto(f"{node.address}/points/AQ01/")
    with page.expect_response(
        lambda response: "/data/chart/" in response.url and response.url.count("series=") == 2
    ) as answer:
        page.select_option("[data-compare]", index=1)
    first, second = answer.value.json()["series"]
    assert first["place"] != second["place"]
    assert page.locator(".qj-compared").count() == 1


def test_a_command_reaches_the_device_and_its_answer_is_shown(signed_in, node) -> None:
    page = signed_in("shuju")
    address = f"{node.address}/devices/FG03-D1/"
    page.goto(address)
    page.select_option("select[name=code]", "1011")
    page.fill("input[name=purpose]", "校时核查")
    press(page, "form.card button.btn-primary")

    def done() -> bool:
        page.goto(address)
        return "完成" in page.locator("table").first.inner_text()

    # A device does one command at a time, and the first may be a day of minutes that the gap finder asked for.
    wait_for(done, START_SECONDS, "the answer of the device")


def test_an_unknown_sender_is_quarantined_and_visible(signed_in, node) -> None:
    from qingjian.contracts.clock import SystemClock
    from qingjian.hj212.encoder import RequestNumbers, Sender, factor_group

    moment = SystemClock().now()
    sender = Sender("2017", "32", "123456", "UNKNOWN0000000000000001")
    frame = sender.upload(
        "2011", "20261121080000", [factor_group("w01018", {"Rtd": "1"})], RequestNumbers().next(moment)
    )
    with socket.create_connection(("127.0.0.1", node.gateway_port)) as connection:
        connection.sendall(frame)
        connection.settimeout(2)
        with pytest.raises(TimeoutError):
            connection.recv(100)
    page = signed_in("shuju")

    def shown() -> bool:
        page.goto(f"{node.address}/quarantine/")
        return "UNKNOWN0000000000000001" in page.content()

    wait_for(shown, what="the sender on the page")


def test_a_change_is_proposed_by_one_and_approved_by_another(signed_in, node) -> None:
    maker = signed_in("shuju")
    maker.goto(f"{node.address}/propose/point/AQ01/")
    maker.fill("input[name=name]", "县政府一号站")
    maker.fill("textarea[name=reason]", "更名")
    press(maker, "form.qj-form button.btn-primary")
    assert "/changes/" in maker.url
    assert maker.locator("button[value=approve]").count() == 0
    checker = signed_in("shenhe")
    checker.goto(f"{node.address}/")
    press(checker, "text=更名")
    press(checker, "button[value=approve]")
    checker.goto(f"{node.address}/points/AQ01/")
    assert checker.locator("h1").inner_text() == "县政府一号站"


def test_eight_tabs_share_one_stream(signed_in, node) -> None:
    first = signed_in("zhiban")
    pages = [first] + [first.context.new_page() for _tab in range(7)]
    for page in pages:
        page.goto(f"{node.address}/points/FG03/", wait_until="domcontentloaded")
    for page in pages:
        page.locator(".qj-live.on").wait_for()
    assert (
        sum(
            len(
                page.evaluate(
                    "performance.getEntriesByType('resource').filter(e => e.name.endsWith('/live/')).map(e => e.name)"
                )
            )
            for page in pages
        )
        <= 1
    )


def test_a_second_start_on_the_same_folder_is_refused(node) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "qingjian.cli.main", "up", "--demo", "--data", str(node.data)],
        env={"PYTHONPATH": "src", "PATH": "/usr/bin:/bin"}, capture_output=True, timeout=START_SECONDS,
    )  # fmt: skip
    assert second.returncode == 2
    assert "正在被进程" in second.stderr.decode()


def test_a_backup_of_the_running_node_restores(node, tmp_path) -> None:
    environment = {"PYTHONPATH": "src", "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-m", "qingjian.cli.main"]
    backup, again = tmp_path / "backup", tmp_path / "again"
    subprocess.run(
        [*command, "backup", str(backup), "--data", str(node.data)],
        env=environment,
        check=True,
        timeout=START_SECONDS,
    )
    subprocess.run(
        [*command, "restore", str(backup), "--data", str(again)],
        env=environment,
        check=True,
        timeout=START_SECONDS,
    )
    state = json.loads(
        subprocess.run(
            [*command, "status", "--json", "--data", str(again)],
            env=environment,
            check=True,
            capture_output=True,
            timeout=START_SECONDS,
        ).stdout
    )
    assert state["devices_registered"] == sum(not one["synthetic"] for one in county()["devices"])
    assert state["lake_known_until"] != "None"
    victim = next(path for path in sorted(backup.rglob("*.parquet")))
    victim.write_bytes(victim.read_bytes()[:-1] + b"x")
    refused = subprocess.run(
        [*command, "restore", str(backup), "--data", str(tmp_path / "third")],
        env=environment,
        capture_output=True,
        timeout=START_SECONDS,
    )
    assert refused.returncode == 2
    assert victim.name in refused.stderr.decode()
    shutil.rmtree(backup)  # the node looks at its newest backup, and other tests ask whether all is well


def test_a_chart_is_zoomed_with_the_wheel(signed_in, node) -> None:
    page = signed_in("shuju")
    page.goto(f"{node.address}/points/AQ01/")
    chart = page.locator("[data-chart] canvas").first
    chart.wait_for()
    shown = (
        "() => echarts.getInstanceByDom(document.querySelector('[data-chart]'))?.getOption()?.dataZoom?.[0]"
    )
    page.wait_for_function(f"() => ({shown})()?.end === 100")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -600)
    page.wait_for_function(f"() => (({shown})().end - ({shown})().start) < 100")
