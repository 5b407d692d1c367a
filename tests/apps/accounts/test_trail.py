"""Whatever writes into the access trail has a name on its page."""

from __future__ import annotations

import ast
import re

from tools.messages import PACKAGE

from qingjian.apps.accounts import services, trail

SHAPE = re.compile(r"[a-z]+:[a-z-]+:[a-z-]+")


def recorded() -> set[str]:
    """Return every text in code that looks like an action given to `record`."""
    found = set()
    for path in (PACKAGE / "apps").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(call, ast.Call)
                and getattr(call.func, "attr", getattr(call.func, "id", "")) == "record"
            ):
                for part in ast.walk(call):
                    if (
                        isinstance(part, ast.Constant)
                        and isinstance(part.value, str)
                        and SHAPE.fullmatch(part.value)
                    ):
                        found.add(part.value)
    return found


def test_every_action_has_a_name() -> None:
    found = recorded()
    assert len(found) > 30
    assert found - set(trail.ACTIONS) == set()


def test_the_page_shows_names_and_filters_by_them(client, county) -> None:
    person = county.person("staff", "station_staff")
    services.signed_in(person, "10.0.0.9")
    services.sign_in_failed("nobody", "10.0.0.8")
    client.force_login(county.person("shenji", "audit_administrator"))
    page = client.get("/audit/").content.decode()
    assert "session:user:signed-in</td>" not in page
    assert "未知登录名" in page
    only = client.get("/audit/?action=session:user:signed-in").content.decode()
    assert "10.0.0.9" in only
    assert "10.0.0.8" not in only
