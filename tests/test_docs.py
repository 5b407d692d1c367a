"""What the documents tell a reader to run, set or open exists."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from tools import docs

from qingjian.cli.main import COMMANDS, load
from qingjian.site.configuration import Configuration

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
NAMES = [path.relative_to(ROOT).as_posix() for path in DOCUMENTS]

CODE = re.compile(r"```.*?\n(.*?)```|`([^`\n]+)`", re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
MAKE = re.compile(r"^\s*(?:CI=true )?make ([a-z][a-z-]*)", re.MULTILINE)
QINGJIAN = re.compile(r"(?:^|\s|/)qingjian((?: [a-z][a-z0-9-]*)+)([^\n|;#&>]*)", re.MULTILINE)
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
SETTING = re.compile(r"QINGJIAN_[A-Z_]+[A-Z]")
OTHER_SETTINGS = {"QINGJIAN_DATA", "QINGJIAN_TEST_DATABASE"}


def code_of(text: str) -> str:
    """Return the code blocks and code spans of a document, one per line."""
    return "\n".join(block or span for block, span in CODE.findall(text))


def unknown_targets(text: str) -> list[str]:
    makefile = (ROOT / "Makefile").read_text()
    known = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    return [name for name in MAKE.findall(code_of(text)) if name not in known]


def unknown_commands(text: str) -> list[str]:
    """Commands that do not exist, and options that a command does not have."""
    found = []
    for words, rest_of_line in QINGJIAN.findall(code_of(text)):
        first, *rest = words.split()
        if first not in COMMANDS:
            found.append(f"qingjian{words}")
            continue
        command = load(first)
        below = getattr(command, "commands", None)
        # What follows a command that is no group is its argument.
        if below is not None and rest:
            if rest[0] not in below:
                found.append(f"qingjian{words}")
                continue
            command = below[rest[0]]
        if command.context_settings.get("ignore_unknown_options"):
            continue
        known = {"--help"}.union(*([*one.opts, *one.secondary_opts] for one in command.params))
        found += [f"qingjian{words} {one}" for one in OPTION.findall(rest_of_line) if one not in known]
    return found


def unknown_settings(text: str) -> list[str]:
    known = {f"QINGJIAN_{one.name.upper()}" for one in fields(Configuration)} | OTHER_SETTINGS
    return [name for name in SETTING.findall(text) if name not in known]


def broken_links(text: str, folder: Path) -> list[str]:
    found = []
    for target in LINK.findall(text):
        if target.startswith(("http:", "https:", "mailto:", "#")):
            continue
        path = (folder / target.partition("#")[0]).resolve()
        if not path.exists():
            found.append(target)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_make_targets_exist(name: str) -> None:
    assert unknown_targets((ROOT / name).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", NAMES)
def test_commands_exist(name: str) -> None:
    assert unknown_commands((ROOT / name).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", NAMES)
def test_settings_exist(name: str) -> None:
    assert unknown_settings((ROOT / name).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    path = ROOT / name
    assert broken_links(path.read_text(encoding="utf-8"), path.parent) == []


def test_the_built_pages_lead_to_each_other(tmp_path: Path) -> None:
    first = docs.build(tmp_path / "docs")
    assert first.exists()
    broken = []
    for path in (tmp_path / "docs").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        for target in re.findall(r'(?:href|src)="((?![a-z]+:)[^"#]+)', text):
            inside = (path.parent / target).resolve()
            outside = ROOT / inside.relative_to(tmp_path / "docs")
            # What is no document (a folder, a file of the program) stays where it is.
            if not inside.exists() and (target.endswith((".html", ".png", ".css")) or not outside.exists()):
                broken.append(f"{path.name}: {target}")
    assert broken == []


def test_every_decision_is_in_the_list() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = set(LINK.findall((folder / "README.md").read_text(encoding="utf-8")))
    assert {path.name for path in folder.glob("0*.md")} == listed


def test_what_does_not_exist_is_noticed() -> None:
    text = "`make nonsense`, `qingjian fly --high`, `qingjian up --demo --loud`, `QINGJIAN_NO_SUCH=1`, [x](nowhere.md), `make up`"
    assert unknown_targets(text) == ["nonsense"]
    assert unknown_commands(text) == ["qingjian fly", "qingjian up --loud"]
    assert unknown_settings(text) == ["QINGJIAN_NO_SUCH"]
    assert broken_links(text, ROOT) == ["nowhere.md"]
