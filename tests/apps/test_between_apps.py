"""What an app may know of another one; `.importlinter` holds the direction, this the depth (docs/decisions/0012)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

APPS = Path("src/qingjian/apps")
PAGES = ("views", "forms", "tables", "urls", "tasks", "templatetags")
"""Files that make an app's own pages and jobs."""
SHARED_PAGES = {
    ("governance/tables.py", "matters.tables"): "lists of matters of its own kinds",
    ("integrity/tables.py", "matters.tables"): "lists of matters of its own kinds",
    ("governance/views.py", "matters.views.lists"): "its lists open matters as those of matters do",
    ("integrity/views/clues.py", "matters.views.lists"): "its lists open matters as those of matters do",
    (
        "integrity/views/clues.py",
        "matters.views.acting",
    ): "a clue opens a matter with the form of its first step",
    (
        "observing/device_views.py",
        "network.tables",
    ): "the register's list of devices, with what they send beside it",
    ("observing/forms.py", "network.forms"): "a correction is a proposal like one of the register",
    ("integrity/templatetags/integrity.py", "observing.log_book_tables"): "log books shown beside a clue",
}
WRITES = {
    "create",
    "bulk_create",
    "get_or_create",
    "update_or_create",
    "update",
    "delete",
    "bulk_update",
    "save",
}


def modules() -> Iterator[tuple[str, str, ast.Module]]:
    for path in sorted(APPS.rglob("*.py")):
        if "migrations" not in path.parts:
            name = path.relative_to(APPS).as_posix()
            yield name.split("/")[0], name, ast.parse(path.read_text())


def imports_of_others(app: str, tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    """Module below `qingjian.apps`, name imported, name it has here."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("qingjian.apps."):
            module = (node.module or "").removeprefix("qingjian.apps.")
            if module.split(".")[0] != app:
                for alias in node.names:
                    below = f"{module}.{alias.name}" if "." not in module else module
                    yield below, alias.name, alias.asname or alias.name


def test_pages_and_jobs_of_an_app_are_its_own() -> None:
    found = {
        (name, module)
        for app, name, tree in modules()
        for module, _name, _here in imports_of_others(app, tree)
        if any(module.split(".")[1] == page or module.split(".")[1].endswith(f"_{page}") for page in PAGES)
    }
    assert found == set(SHARED_PAGES)


def manager_of(call: ast.Call) -> str | None:
    """The name in front of `Name.objects….write(…)`, or None where the call is no such one."""
    node: ast.expr = call.func
    if not (isinstance(node, ast.Attribute) and node.attr in WRITES):
        return None
    through_manager = False
    while isinstance(node, ast.Attribute | ast.Call):
        through_manager |= isinstance(node, ast.Attribute) and node.attr == "objects"
        node = node.value if isinstance(node, ast.Attribute) else node.func
    return node.id if through_manager and isinstance(node, ast.Name) else None


def written_elsewhere(app: str, tree: ast.Module) -> list[int]:
    """Lines on which rows of another app's models are written past its services."""
    models = {
        here for module, _name, here in imports_of_others(app, tree) if module.split(".")[1] == "models"
    }
    return [
        node.lineno for node in ast.walk(tree) if isinstance(node, ast.Call) and manager_of(node) in models
    ]


def test_rows_of_an_app_are_written_by_its_own_services_only() -> None:
    assert [(name, lines) for app, name, tree in modules() if (lines := written_elsewhere(app, tree))] == []


def test_a_write_past_the_services_would_be_seen() -> None:
    text = (
        "from qingjian.apps.network.models import Point\n"
        "Point.objects.filter(code='A').update(name='B')\n"
        "Point.objects.create(code='A')\n"
        "Point.objects.filter(code='A').first()\n"
    )
    assert written_elsewhere("matters", ast.parse(text)) == [2, 3]
    assert written_elsewhere("network", ast.parse(text)) == []
