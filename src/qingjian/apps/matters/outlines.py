"""What a Word file shows, block by block, for the page on which it is signed and for the PDF that Typst sets.

A signature covers the whole file, so the whole file is shown: headers, footers, notes, content controls, text boxes and tables
inside tables too. `hidden` names what of a file could not be shown; such a file is never offered for a signature.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from typing import Any

import docx
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from docx.document import Document as WordDocument
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import parse_xml

Block = dict[str, Any]
"""A paragraph (`text`, `runs` of text and bold, `bold`, `side`, `heading`), a table (`rows` of cells with `blocks` and `span`,
`columns`), or the name of a `part` that begins here."""

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_VML = "{urn:schemas-microsoft-com:vml}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"

_TEXTS = frozenset({f"{_W}t", f"{_A}t", f"{_M}t"})
_LETTERS = {
    f"{_W}tab": "\t",
    f"{_W}ptab": "\t",
    f"{_W}br": "\n",
    f"{_W}cr": "\n",
    f"{_W}noBreakHyphen": "-",
}
_PICTURES = frozenset({f"{_A}blip", f"{_VML}imagedata"})
_PROPERTIES = frozenset({f"{_W}pPr", f"{_W}rPr", f"{_MC}Fallback"})
"""What says how something looks, and the copy of a text box that older programs show."""
_BESIDE: dict[str, Promise] = {
    RELATIONSHIP_TYPE.HEADER: gettext_lazy("Header"),
    RELATIONSHIP_TYPE.FOOTER: gettext_lazy("Footer"),
    RELATIONSHIP_TYPE.FOOTNOTES: gettext_lazy("Footnotes"),
    RELATIONSHIP_TYPE.ENDNOTES: gettext_lazy("Endnotes"),
}
_NOT_SHOWN = "/word/glossary/"
"""Building blocks an author may insert; they are no part of the document."""
_PAGE_NUMBERS = frozenset({"PAGE", "NUMPAGES", "SECTIONPAGES"})
_REFUSED: dict[str, Promise] = {
    f"{_W}altChunk": gettext_lazy("content that lies in another file inside it"),
    f"{_W}subDoc": gettext_lazy("content that lies in another file inside it"),
    f"{_W}dataBinding": gettext_lazy(
        "content controls bound to data, which Word replaces when it opens the file"
    ),
    f"{_W}ins": gettext_lazy("tracked changes: accept or reject them first"),
    f"{_W}del": gettext_lazy("tracked changes: accept or reject them first"),
    f"{_W}moveFrom": gettext_lazy("tracked changes: accept or reject them first"),
    f"{_W}moveTo": gettext_lazy("tracked changes: accept or reject them first"),
    f"{_W}vanish": gettext_lazy("hidden text"),
}


def outline(content: bytes) -> list[Block]:
    """Return everything a .docx shows: the body, then each header, footer and collection of notes under its name."""
    found: list[Block] = []
    for title, root, styles in _shown_parts(docx.Document(io.BytesIO(content))):
        blocks = list(_blocks(root, styles))
        if title and blocks:
            found.append({"part": str(title)})
        found.extend(blocks)
    return found


def text(blocks: list[Block]) -> str:
    """Return every letter of blocks."""
    return "".join(
        block.get("text", "") + "".join(text(cell["blocks"]) for row in block.get("rows", ()) for cell in row)
        for block in blocks
    )


def hidden(content: bytes) -> list[str]:
    """Return, one sentence each, what of a .docx a signer would not be shown; nothing when all of it is."""
    found: list[str] = []
    document = docx.Document(io.BytesIO(content))
    for title, root, styles in _shown_parts(document):
        where = str(title) or _("Body")
        for tag, words in _REFUSED.items():
            if any(_counts(one) for one in root.iter(tag)):
                found.append(_("%(where)s: %(what)s.") % {"where": where, "what": words})
        found.extend(
            _("%(where)s: the field “%(field)s”, which Word computes anew.")
            % {"where": where, "field": field}
            for field in sorted(_fields(root) - _PAGE_NUMBERS)
        )
        lacking = _letters(root) - Counter(text(list(_blocks(root, styles))))
        if lacking:
            found.append(_("%(where)s: text that cannot be shown here.") % {"where": where})
    found.extend(
        _("Text in “%(part)s” (a comment, chart or diagram) cannot be shown here.") % {"part": name}
        for name in _parts_beside(document)
    )
    return list(dict.fromkeys(found))


def _counts(mark: Any) -> bool:
    # A hidden end of a paragraph is a habit around tables and hides no text.
    of_paragraph = mark.tag == f"{_W}vanish" and mark.getparent().getparent().tag != f"{_W}r"
    return mark.get(f"{_W}val", "1") not in ("0", "false") and not of_paragraph


def _shown_parts(document: WordDocument) -> Iterator[tuple[Promise | str, Any, dict[str, str]]]:
    styles = {one.style_id: one.name or "" for one in document.styles}
    yield "", document.element, styles
    for kind, title in _BESIDE.items():
        for relation in document.part.rels.values():
            if relation.reltype == kind and not relation.is_external:
                yield title, parse_xml(relation.target_part.blob), styles


def _parts_beside(document: WordDocument) -> list[str]:
    """Return the names of parts that hold text and are neither body nor header, footer or notes."""
    part = document.part
    known = {part.partname} | {
        one.target_part.partname
        for one in part.rels.values()
        if one.reltype in _BESIDE and not one.is_external
    }
    return [
        str(one.partname)
        for one in part.package.iter_parts()
        if one.partname not in known
        and str(one.partname).endswith(".xml")
        and not str(one.partname).startswith(_NOT_SHOWN)
        and _letters(parse_xml(one.blob))
    ]


def _letters(root: Any) -> Counter[str]:
    """Count the letters of every text below an element, whatever it lies in."""
    found: Counter[str] = Counter()
    waiting = [root]
    while waiting:
        element = waiting.pop()
        if element.tag in _TEXTS:
            found.update(element.text or "")
        waiting.extend(one for one in element if isinstance(one.tag, str) and one.tag != f"{_MC}Fallback")
    return found


def _fields(root: Any) -> set[str]:
    """Return the names of the fields Word computes: PAGE, DATE, IF …"""
    codes = [one.get(f"{_W}instr", "") for one in root.iter(f"{_W}fldSimple")]
    open_codes: list[str] = []
    for one in root.iter(f"{_W}fldChar", f"{_W}instrText"):
        if one.tag == f"{_W}instrText":
            if open_codes:
                open_codes[-1] += one.text or ""
            else:
                codes.append(one.text or "")
        elif one.get(f"{_W}fldCharType") == "begin":
            open_codes.append("")
        elif one.get(f"{_W}fldCharType") == "end" and open_codes:
            codes.append(open_codes.pop())
    return {(code.split() or [_("without a name")])[0].upper() for code in [*codes, *open_codes]}


def _blocks(container: Any, styles: dict[str, str]) -> Iterator[Block]:
    for child in container:
        if not isinstance(child.tag, str) or child.tag in _PROPERTIES:
            continue
        if child.tag == f"{_W}p":
            yield from _paragraph(child, styles)
        elif child.tag == f"{_W}tbl":
            yield _table(child, styles)
        else:
            yield from _blocks(child, styles)


def _paragraph(paragraph: Any, styles: dict[str, str]) -> Iterator[Block]:
    runs: list[tuple[str, bool]] = []
    boxes: list[Any] = []
    _walk(paragraph, False, runs, boxes)
    style = paragraph.find(f"{_W}pPr/{_W}pStyle")
    side = paragraph.find(f"{_W}pPr/{_W}jc")
    name = styles.get(style.get(f"{_W}val", ""), "") if style is not None else ""
    yield {
        "text": "".join(piece for piece, _bold in runs),
        "runs": runs,
        "bold": any(bold for piece, bold in runs if piece.strip()),
        "side": {"center": "center", "right": "right", "end": "right"}.get(
            side.get(f"{_W}val", "") if side is not None else "", ""
        ),
        "heading": name.startswith(("Heading", "Title")),
    }
    for box in boxes:
        yield from _blocks(box, styles)


def _walk(element: Any, bold: bool, runs: list[tuple[str, bool]], boxes: list[Any]) -> None:
    """Collect the texts below an element in their order; text boxes are blocks of their own."""
    for child in element:
        tag = child.tag
        if not isinstance(tag, str) or tag in _PROPERTIES:
            continue
        if tag == f"{_W}txbxContent":
            boxes.append(child)
        elif tag in _TEXTS:
            runs.append((child.text or "", bold))
        elif tag in _LETTERS:
            runs.append((_LETTERS[tag], bold))
        elif tag == f"{_W}sym":
            runs.append((_("[symbol]"), bold))
        elif tag == f"{_VML}textpath":
            runs.append((child.get("string", ""), bold))
        elif tag in _PICTURES:
            runs.append((_("[picture: see the Word file]"), False))
        else:
            heavy = child.find(f"{_W}rPr/{_W}b") if tag == f"{_W}r" else None
            own = bold if heavy is None else heavy.get(f"{_W}val", "1") not in ("0", "false")
            _walk(child, own, runs, boxes)


def _below(container: Any, wanted: str) -> Iterator[Any]:
    """Yield the rows of a table or the cells of a row, also those inside content controls."""
    for child in container:
        if child.tag == wanted:
            yield child
        elif isinstance(child.tag, str) and child.tag not in (f"{_W}tr", f"{_W}tc", f"{_W}tbl"):
            yield from _below(child, wanted)


def _table(table: Any, styles: dict[str, str]) -> Block:
    rows = []
    for row in _below(table, f"{_W}tr"):
        cells = []
        for cell in _below(row, f"{_W}tc"):
            span = cell.find(f"{_W}tcPr/{_W}gridSpan")
            width = span.get(f"{_W}val", "1") if span is not None else "1"
            cells.append(
                {
                    "blocks": [one for one in _blocks(cell, styles) if one.get("text") != ""],
                    "span": max(int(width), 1) if width.isdecimal() else 1,
                }
            )
        rows.append(cells)
    return {"rows": rows, "columns": max((sum(one["span"] for one in row) for row in rows), default=0)}
