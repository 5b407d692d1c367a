"""Every text of the pages is there in Chinese, says the same things, and compiles."""

from __future__ import annotations

import ast
import io
import re
import string

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo, write_mo
from tools import messages

# One worker collects the texts for all of it.
pytestmark = pytest.mark.xdist_group("messages")
PERCENT = re.compile(r"%(?:\((\w+)\))?([sdif%])")
CHINESE = re.compile(r"[\u4e00-\u9fff\uff00-\uffef]")
SAME_IN_BOTH = {"MN"}


def placeholders(text: str) -> set[str]:
    """Return the names a text is filled with, in either way of writing them."""
    named = {name or kind for name, kind in PERCENT.findall(text) if kind != "%"}
    return named | {name for _, name, _, _ in string.Formatter().parse(text) if name}


def texts(message: Message) -> tuple[tuple[str, ...], tuple[str, ...]]:
    source = message.id if message.pluralizable else (message.id,)
    translated = message.string if message.pluralizable else (message.string,)
    return tuple(source), tuple(translated)


def kept() -> list[Message]:
    return [message for message in messages.stored() if message.id]


def translated() -> list[Message]:
    """Return what has Chinese; that nothing lacks it is a test of its own."""
    return [message for message in kept() if all(texts(message)[1])]


def wrong(catalogue: Catalog | list[Message]) -> list[str]:
    """Return the texts whose translation names other placeholders than the source."""
    found = []
    for message in catalogue:
        source, translated = texts(message)
        # Chinese has one form for any number: it may use what the plural uses.
        if any(placeholders(one) != placeholders(source[-1]) for one in translated):
            found.append(source[0])
    return found


def test_every_text_in_use_is_translated() -> None:
    assert messages.missing() == []


def test_a_doubtful_translation_is_missing_until_it_is_given_again(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text that got or lost its plural keeps its translation as a doubtful one, which no page shows."""
    written = tmp_path / "zh_Hans" / "LC_MESSAGES" / "django.po"
    written.parent.mkdir(parents=True)
    lines = messages._path(messages.TRANSLATED).read_text(encoding="utf-8")
    written.write_text(lines.replace('msgid "Workbench"', '#, fuzzy\nmsgid "Workbench"', 1), encoding="utf-8")
    monkeypatch.setattr(messages, "LOCALES", tmp_path)
    assert messages.missing() == ["Workbench"]
    given = tmp_path / "given.tsv"
    given.write_text("Workbench\t工作台\n", encoding="utf-8")
    messages.merge(given)
    assert messages.missing() == []


def test_every_kept_text_is_in_use() -> None:
    used = {texts(message)[0] for message in messages.catalogue() if message.id}
    assert [texts(message)[0] for message in kept() if texts(message)[0] not in used] == []


def test_no_text_hides_in_an_f_string() -> None:
    # The collector reads Python's tokens, and before 3.12 an f-string is a single one.
    collected = {text for message in messages.catalogue() if message.id for text in texts(message)[0]}
    hidden = [
        f"{path.name}: {ast.unparse(call)}"
        for room in messages.ROOMS
        for path in (messages.PACKAGE / room).rglob("*.py")
        for formatted in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(formatted, ast.JoinedStr)
        for call in ast.walk(formatted)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in messages.KEYWORDS
        if not (isinstance(call.args[0], ast.Constant) and call.args[0].value in collected)
    ]
    assert hidden == []


def test_placeholders_agree() -> None:
    assert wrong(translated()) == []


def test_a_lost_placeholder_is_noticed() -> None:
    bad = Message("%(count)d rows of {name}", "{name}共几行")
    good = Message("%(count)d rows of {name}", "{name}共 %(count)d 行")
    assert wrong([bad, good]) == ["%(count)d rows of {name}"]


def test_plurals_have_the_one_chinese_form() -> None:
    assert messages.stored().num_plurals == 1
    assert [one.id for one in kept() if one.pluralizable and len(one.string) != 1] == []


def test_translations_are_chinese() -> None:
    left = [
        texts(message)[0]
        for message in translated()
        if texts(message)[0][0] not in SAME_IN_BOTH and not CHINESE.search(texts(message)[1][0])
    ]
    assert left == []


def test_the_catalogue_compiles() -> None:
    binary = io.BytesIO()
    write_mo(binary, messages.stored())
    binary.seek(0)
    compiled = read_mo(binary)
    assert compiled.get("Workbench").string == "工作台"
    assert [one.id for one in translated() if compiled.get(texts(one)[0][0]) is None] == []


@pytest.mark.parametrize(
    "line", ["Workbench\t工作台", "no tab here", "Not a text of any page\t没有", "Workbench\t "]
)
def test_merging_takes_known_texts_only(line: str, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts_before = messages.stored()
    monkeypatch.setattr(messages, "LOCALES", tmp_path)
    (tmp_path / "zh_Hans" / "LC_MESSAGES").mkdir(parents=True)
    messages._write(texts_before)
    (tmp_path / "given.tsv").write_text(line + "\n", encoding="utf-8")
    unused = messages.merge(tmp_path / "given.tsv")
    assert unused == (["Not a text of any page"] if line.startswith("Not") else [])
    assert messages.stored().get("Workbench").string == "工作台"
    assert "Not a text of any page" not in messages.stored()
