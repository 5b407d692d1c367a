"""What live values do to a page: the script itself, asked in a browser with a stream of the test's own, without a node."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.conftest import PATIENCE_SECONDS

pytestmark = pytest.mark.browser

SCRIPT = Path(__file__).resolve().parents[2] / "src/qingjian/ui/static/ui/qingjian.js"
HOUR = 3_600_000
MIDNIGHT = 1_763_654_400_000
PAGE = f"""<body><span data-live-state hidden><span data-live-text data-on="on" data-off="off"></span></span>
<span data-live-value="7" data-decimals="0" data-live-statistics="realtime minute hour" data-live-statistic="hour"
 data-live-end="{MIDNIGHT}">35</span><span data-live-age="7">1 小时前</span></body>"""
STREAM = """
window.asked = [];
window.EventSource = class {
  static CLOSED = 2;
  constructor(address) { window.asked.push(address); window.stream = this; this.heard = {}; this.readyState = 1; setTimeout(() => this.onopen()); }
  addEventListener(name, hear) { this.heard[name] = hear; }
  close() { this.readyState = 2; }
};
window.BroadcastChannel = undefined;
delete window.BroadcastChannel;
const later = window.setTimeout;
window.setTimeout = (act, pause) => later(act, pause > 1000 ? 1 : pause);
"""


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_SECONDS * 1000)
    page.set_content(PAGE)
    page.evaluate(STREAM)
    page.add_script_tag(path=SCRIPT)
    page.wait_for_selector("[data-live-state].on")
    yield page
    page.close()


def tell(page: Any, statistic: str, start: int, value: float | None, end: int, number: str = "1") -> str:
    """Send one value down the stream; return what the tile shows then."""
    page.evaluate(
        "([data, id]) => window.stream.heard.values({ data: JSON.stringify(data), lastEventId: id })",
        [[[7, statistic, start, value, "N", end]], number],
    )
    return str(page.inner_text("[data-live-value]"))


def test_a_tile_takes_what_ended_later_and_leaves_means_of_a_day(page) -> None:
    assert tell(page, "day", MIDNIGHT - 24 * HOUR, 80, MIDNIGHT) == "35"
    assert tell(page, "month", MIDNIGHT - 720 * HOUR, 111, MIDNIGHT + HOUR) == "35"
    assert tell(page, "hour", MIDNIGHT - 2 * HOUR, 12, MIDNIGHT - HOUR) == "35", "an hour filled in late"
    assert tell(page, "hour", MIDNIGHT - HOUR, 36, MIDNIGHT) == "36", "a revision of the shown one"
    assert tell(page, "hour", MIDNIGHT, 40, MIDNIGHT + HOUR) == "40"
    assert page.inner_text("[data-live-age]") == "11-21 00:00", "when its period began, in China"
    assert tell(page, "minute", MIDNIGHT + HOUR - 60_000, 41, MIDNIGHT + HOUR) == "41"
    assert tell(page, "hour", MIDNIGHT, 42, MIDNIGHT + HOUR) == "41", "of two that end together the finer"


def test_a_stream_that_was_refused_goes_on_from_what_was_told_last(page) -> None:
    tell(page, "hour", MIDNIGHT, 40, MIDNIGHT + HOUR, "1700000000000")
    page.evaluate("window.stream.readyState = 2; window.stream.onerror()")
    page.wait_for_function("window.asked.length === 2")
    assert page.evaluate("window.asked") == ["/live/", "/live/?since=1700000000000"]
