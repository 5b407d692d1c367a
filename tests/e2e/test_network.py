"""Neither the browser of the tests nor the node it looks at reaches another machine."""

from __future__ import annotations

import os
from pathlib import Path

import loopback_only
import pytest

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1800)]


@pytest.mark.parametrize(
    "elsewhere", ["http://192.0.2.1/", "https://upstream.example/", "http://[2001:db8::1]/"]
)
def test_the_browser_finds_no_host_beyond_loopback(browser, elsewhere: str) -> None:
    page = browser.new_page()
    with pytest.raises(Exception, match="ERR_NAME_NOT_RESOLVED"):
        page.goto(elsewhere)
    page.close()


def test_every_process_of_the_node_carries_the_guard(node) -> None:
    seen = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_text().split("\0")
            if str(node.data) in command and "qingjian.cli.main" in command:
                seen[command[command.index("qingjian.cli.main") + 2]] = (
                    dict(
                        one.split("=", 1)
                        for one in (process / "environ").read_text().split("\0")
                        if "=" in one
                    ),
                    (process / "ns" / "net").readlink(),
                )
        except (FileNotFoundError, ProcessLookupError):
            continue
    assert {"gateway-1", "pipeline", "worker", "web", "notary", "simulator"} <= seen.keys()
    for environment, network in seen.values():
        assert environment["PYTHONPATH"].split(os.pathsep)[0] == loopback_only.HERE
        assert network == Path("/proc/self/ns/net").readlink()
