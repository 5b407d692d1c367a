"""A report as PDF, for reading and printing: the Word file through LibreOffice when that is there, else set by Typst.

Made on demand of the stored content; the Word file stays the document of record.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import typst
from django.utils.translation import gettext as _

from qingjian.apps.matters import documents as forms
from qingjian.apps.reporting import charts, columns, documents
from qingjian.apps.reporting.content import said

LONGEST_WORD = 16
"""Longer runs of letters and digits, such as digests, may break anywhere after so many."""
HEAD_FILL = 'fill: (_, row) => if row == 0 { rgb("#f1f3f5") }, '


def build(content: Mapping[str, Any], meta: Mapping[str, str], word: bytes, language: str) -> bytes:
    """Return the PDF; `word` is the .docx of the same content. Raises OSError when none can be made here."""
    if forms.office_program() is not None:
        return forms.pdf(word)
    fonts = forms.font_folder()
    with tempfile.TemporaryDirectory() as folder:
        lines = list(_lines(content, meta, Path(folder), language))
        if missing := forms.missing_glyphs("".join(lines)):
            raise OSError(
                _("the bundled font cannot draw: %(letters)s") % {"letters": " ".join(sorted(missing)[:20])}
            )
        path = Path(folder) / "report.typ"
        path.write_text("\n".join(_breakable(line) for line in lines), encoding="utf-8")
        try:
            return bytes(
                typst.compile(str(path), root=folder, font_paths=[str(fonts)], ignore_system_fonts=True)
            )
        except RuntimeError as error:
            raise OSError(_("the document could not be set: %(error)s") % {"error": error}) from error


def _lines(content: Mapping[str, Any], meta: Mapping[str, str], folder: Path, language: str) -> Iterator[str]:
    words = documents.WORDS[language]
    title = said(content["title"], language)
    yield f"#set document(title: {_string(title)})"
    yield '#set page(paper: "a4", margin: 2cm, numbering: "1")'
    yield f'#set text(font: "{forms.FONT_FAMILY}", size: 10pt, lang: "{language}", fallback: false)'
    yield '#set table(inset: (x: 5pt, y: 4pt), stroke: 0.5pt + rgb("#ced4da"))'
    yield "#set table.cell(breakable: false)"
    yield "#show heading: set block(above: 1.2em, below: 0.7em)"
    under = f"{content['region']['name']} · {said(content['period'], language)} · {words['version']} {meta['version']}"
    yield f"#align(center)[#text(size: 18pt, weight: 700, {_string(title)}) #linebreak() #text({_string(under)})]"
    for line in documents.warnings(content, language):
        yield f'#block(text(fill: rgb("#b45309"), weight: 700, {_string(line)}))'
    facts = content["facts"]
    yield _table(
        [said(one["name"], language) for one in facts],
        [[said(one["value"], language) for one in facts]],
        set(),
    )
    yield from (f"#par(text({_string(said(one, language))}))" for one in content["summary"])
    for number, one in enumerate(content["sections"], start=1):
        yield from _section(one, f"{number}. ", 1, folder, language)
    yield _heading(words["basis"], 1)
    for one in content["basis"]["sections"]:
        yield from _section(one, "", 2, folder, language)
    yield _heading(words["about"], 2)
    yield _table([], [list(pair) for pair in documents.facts_of(meta, language)], set())


def _section(one: Mapping[str, Any], number: str, level: int, folder: Path, language: str) -> Iterator[str]:
    yield _heading(f"{number}{said(one['title'], language)}", level)
    if one["chart"]:
        name = f"chart-{len(list(folder.glob('chart-*.svg')))}.svg"
        (folder / name).write_text(charts.svg(one["chart"], language), encoding="utf-8")
        described = _string(said(one["chart"]["title"], language))
        yield f'#image("{name}", width: 100%, alt: {described})'
    if one["table"]:
        heads, numbers = columns.heads(one["table"], language), columns.numeric(one["table"])
        rows = one["table"]["rows"]
        yield _table(heads, [[said(cell, language) for cell in row] for row in rows], numbers)
    if one["note"]:
        yield f'#par(text(size: 8.5pt, fill: rgb("#555555"), {_string(said(one["note"], language))}))'


def _heading(text: str, level: int) -> str:
    return f"#heading(level: {level}, text({_string(text)}))"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: set[int]) -> str:
    """Set a table whose head stands on every page it reaches; columns share the width by the length of their texts."""
    every = [list(heads), *rows] if heads else list(rows)
    if not every:
        return ""
    count = len(every[0])
    widths = ["auto"] * count if columns.fits(every) else [f"{one}fr" for one in columns.shares(heads, rows)]
    sides = ["right" if place in numbers else "left" for place in range(count)]
    head = f"table.header({', '.join(f'strong(text({_string(one)}))' for one in heads)}), " if heads else ""
    body = ", ".join(f"text({_string(cell)})" for row in rows for cell in row)
    return (
        f"#block[#set text(size: 8.5pt)\n#table(columns: ({', '.join(widths)},), align: ({', '.join(sides)},), "
        f"{HEAD_FILL if heads else ''}{head}{body})]"
    )


def _string(text: str) -> str:
    """Return text as a Typst string: nothing in it is taken for a command."""
    escaped = json.dumps(text, ensure_ascii=False).replace("\\b", "").replace("\\f", "")
    return escaped.replace("\\t", "    ")


def _breakable(line: str) -> str:
    """Let long words, of which digests are the worst, break inside the strings of a line."""
    parts = line.split('"')
    for place in range(1, len(parts), 2):
        words = parts[place].split(" ")
        parts[place] = " ".join(
            "\u200b".join(word[begin : begin + LONGEST_WORD] for begin in range(0, len(word), LONGEST_WORD))
            if len(word) > 2 * LONGEST_WORD and word.isalnum() and word.isascii()
            else word
            for word in words
        )
    return '"'.join(parts)
