"""Reads of matters begin at `visible_to`: no page, form or table asks the tables directly."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import qingjian

SOURCE = Path(qingjian.__file__).parent
GUARDED = {
    "ClockStop",
    "Deadline",
    "Disclosure",
    "Document",
    "Evidence",
    "Matter",
    "MatterLink",
    "Notification",
    "SignOff",
    "SignSheet",
    "TrailEntry",
}
FREE = (
    "apps/matters/services/",
    "apps/matters/queries.py",
    "apps/matters/rules.py",
    "apps/matters/recorded.py",
)


def bare(path: Path) -> list[str]:
    """Return the places where a guarded table is asked without its base query; `none()` asks for nothing."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    empty = {
        id(node.func.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "none"
    }
    return [
        f"{path.name}:{node.lineno}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in ("objects", "_default_manager")
        and id(node) not in empty
        and isinstance(node.value, ast.Name | ast.Attribute)
        and (node.value.id if isinstance(node.value, ast.Name) else node.value.attr) in GUARDED
    ]


@pytest.mark.parametrize("room", ["apps", "desk", "portal", "site"])
def test_no_bare_manager_outside_services_and_queries(room: str) -> None:
    found = [
        place
        for path in sorted((SOURCE / room).rglob("*.py"))
        if "migrations" not in path.parts and not str(path.relative_to(SOURCE)).startswith(FREE)
        for place in bare(path)
    ]
    assert found == []


def test_the_search_finds_a_bare_manager(tmp_path) -> None:
    path = tmp_path / "views.py"
    path.write_text("Matter.objects.none()\nmodels.Matter.objects.get(pk=1)\n", encoding="utf-8")
    assert bare(path) == ["views.py:2"]
