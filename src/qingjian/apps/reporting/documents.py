"""A report as a Word file: headings, tables, the charts as pictures, and the evaluation basis."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import docx
from docx.document import Document
from docx.enum.table import WD_ALIGN_VERTICAL
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor
from docx.table import Table

from qingjian.apps.reporting import charts, columns
from qingjian.apps.reporting.content import said

WORDS = {
    "zh": {
        "basis": "评价依据",
        "digest": "内容摘要（SHA-256）",
        "version": "版本",
        "about": "关于本版本",
        "made": "生成时间",
        "by": "生成",
        "confidence": "可信度",
        "rules": "规则库版本",
        "calculation": "评价方法版本",
        "warning": "本报告所用规则中有未经核实确认的条目：可以计算和提示，不能单独作为处罚或结论的依据。",
        "data": "数据来源提示：含",
    },
    "en": {
        "basis": "Evaluation basis",
        "digest": "Digest of the content (SHA-256)",
        "version": "Version",
        "about": "About this version",
        "made": "Made at",
        "by": "Made by",
        "confidence": "Confidence",
        "rules": "Version of the rulebook",
        "calculation": "Version of the evaluation",
        "warning": "Rests on rules that nobody has confirmed yet: it computes and warns, but decides nothing by itself.",
        "data": "Origin of the data: contains",
    },
}
BODY_FONT, HEADING_FONT = "宋体", "黑体"
LATIN_FONT = "Times New Roman"
LATIN_HEADING_FONT = "Arial"
SMALL = Pt(8.5)
INK, FAINT = RGBColor(0x11, 0x18, 0x27), RGBColor(0x6B, 0x72, 0x80)
WARNING = RGBColor(0xB4, 0x53, 0x09)
HEAD_FILL, LINE = "F1F3F5", "ADB5BD"
TEXT_WIDTH = Cm(17)
_SYMBOL = re.compile(r"(?<=[A-Za-z0-9])-(?=[A-Z](?![a-z0-9]))")
SHORT_TABLE = 12
"""Tables of so many rows stay on one page."""
ABOUT_WIDTHS = (Cm(4.5), Cm(12.5))


def warnings(content: Mapping[str, Any], language: str) -> list[str]:
    """Return what a reader must know before the figures: origin of the data, rules that are not confirmed."""
    words = WORDS[language]
    found = [said(content["notice"], language)] if content["notice"] else []
    if content["labels"]:
        separator = {"zh": "、", "en": ", "}[language]
        found.append(f"{words['data']} {separator.join(said(one, language) for one in content['labels'])}")
    if not content["may_act_alone"]:
        found.append(words["warning"])
    return found


def facts_of(meta: Mapping[str, str], language: str) -> list[tuple[str, str]]:
    """Return what the file says of itself: version, digest, who made it and when."""
    words = WORDS[language]
    names = ("version", "made", "by", "confidence", "rules", "calculation", "digest")
    return [(words[name], meta[name]) for name in names]


def build(content: Mapping[str, Any], meta: Mapping[str, str], language: str) -> bytes:
    """Return the .docx; `meta` holds what `facts_of` names, as text."""
    document = docx.Document()
    words = WORDS[language]
    title = said(content["title"], language)
    under = f"{content['region']['name']} · {said(content['period'], language)}"
    _page(document, f"{title} · {under}", language)
    _properties(document, title, under, language)
    heading = document.add_paragraph()
    heading.alignment = WD_ALIGN_PARAGRAPH.CENTER
    heading.paragraph_format.space_after = Pt(4)
    run = heading.add_run(title)
    run.bold, run.font.size = True, Pt(20)
    _fonts(run._r.get_or_add_rPr(), LATIN_HEADING_FONT, HEADING_FONT)
    line = document.add_paragraph()
    line.alignment = WD_ALIGN_PARAGRAPH.CENTER
    line.add_run(f"{under} · {words['version']} {meta['version']}").font.color.rgb = FAINT
    for warning in warnings(content, language):
        paragraph = document.add_paragraph()
        paragraph.paragraph_format.space_after = Pt(4)
        run = paragraph.add_run(warning)
        run.bold, run.font.color.rgb = True, WARNING
    _facts(document, content, language)
    for one in content["summary"]:
        document.add_paragraph(said(one, language))
    for number, one in enumerate(content["sections"], start=1):
        _section(document, one, f"{number}. ", language)
    document.add_heading(words["basis"], level=1)
    for one in content["basis"]["sections"]:
        _section(document, one, "", language, level=2)
    document.add_heading(words["about"], level=2)
    about = _new_table(document, 0, ABOUT_WIDTHS)
    for name, value in facts_of(meta, language):
        cells = about.add_row().cells
        cells[0].text, cells[1].text = name, value
        _fill(cells[0])
        cells[0].paragraphs[0].paragraph_format.keep_with_next = name != words["digest"]
    _finish(about)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _properties(document: Document, title: str, under: str, language: str) -> None:
    kept = document.core_properties
    kept.title, kept.subject, kept.author = title, under, "清鉴 Qingjian"
    kept.comments, kept.language = "", {"zh": "zh-CN", "en": "en-GB"}[language]


def _page(document: Document, running_title: str, language: str) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2)
    section.top_margin = section.bottom_margin = Cm(2)
    section.header_distance = section.footer_distance = Cm(1)
    for name, size, before in (("Normal", 10.5, 0), ("Heading 1", 14, 14), ("Heading 2", 12, 10)):
        style = document.styles[name]
        style.font.size = Pt(size)
        style.font.color.rgb = INK
        body = name == "Normal"
        _fonts(
            style.element.get_or_add_rPr(),
            LATIN_FONT if body else LATIN_HEADING_FONT,
            BODY_FONT if body else HEADING_FONT,
        )
        if not body:
            style.paragraph_format.space_before, style.paragraph_format.space_after = Pt(before), Pt(6)
            style.paragraph_format.keep_with_next = True
    normal = document.styles["Normal"]
    normal.paragraph_format.space_after = Pt(6)
    spoken = OxmlElement("w:lang")
    spoken.set(qn("w:val"), "en-GB")
    spoken.set(qn("w:eastAsia"), "zh-CN")
    normal.element.get_or_add_rPr().append(spoken)
    head = section.header.paragraphs[0]
    head.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    run = head.add_run(running_title)
    run.font.size, run.font.color.rgb = SMALL, FAINT
    foot = section.footer.paragraphs[0]
    foot.alignment = WD_ALIGN_PARAGRAPH.CENTER
    for part in {"zh": ("第 ", "PAGE", " 页，共 ", "NUMPAGES", " 页"), "en": ("PAGE", " / ", "NUMPAGES")}[
        language
    ]:
        if part.isupper():
            _field(foot, part)
        else:
            _faint(foot).text = part


def _fonts(properties: Any, latin: str, east_asian: str) -> None:
    """Name the fonts; the ones of the theme, which would go before them, are taken out."""
    fonts = properties.get_or_add_rFonts()
    for name in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{name}"), None)
    for name, font in (("ascii", latin), ("hAnsi", latin), ("cs", latin), ("eastAsia", east_asian)):
        fonts.set(qn(f"w:{name}"), font)


def _faint(paragraph: Any) -> Any:
    run = paragraph.add_run()
    run.font.size, run.font.color.rgb = SMALL, FAINT
    return run


def _field(paragraph: Any, name: str) -> None:
    """Add a field such as the page number; each of its parts is a run with the letters of the footer."""
    for kind, text in (
        ("fldChar", "begin"),
        ("instrText", name),
        ("fldChar", "separate"),
        ("t", "1"),
        ("fldChar", "end"),
    ):
        mark = OxmlElement(f"w:{kind}")
        if kind == "fldChar":
            mark.set(qn("w:fldCharType"), text)
        else:
            mark.text = text
        _faint(paragraph)._r.append(mark)


def _facts(document: Document, content: Mapping[str, Any], language: str) -> None:
    facts = content["facts"]
    table = _new_table(document, 2, [int(TEXT_WIDTH / len(facts))] * len(facts))
    for place, one in enumerate(facts):
        name, value = table.cell(0, place), table.cell(1, place)
        name.text, value.text = said(one["name"], language), said(one["value"], language)
        _fill(name)
        for cell in (name, value):
            cell.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.CENTER
        for run in value.paragraphs[0].runs:
            run.bold, run.font.size = True, Pt(14)
    _finish(table)
    document.add_paragraph().paragraph_format.space_after = Pt(0)


def _section(document: Document, one: Mapping[str, Any], number: str, language: str, level: int = 1) -> None:
    heading = document.add_heading(f"{number}{said(one['title'], language)}", level=level)
    heading.paragraph_format.keep_with_next = True
    if one["chart"]:
        picture = charts.png(charts.svg(one["chart"], language))
        document.add_picture(io.BytesIO(picture), width=TEXT_WIDTH)
        _describe(document, said(one["chart"]["title"], language))
        document.paragraphs[-1].paragraph_format.keep_with_next = bool(one["note"] and not one["table"])
    if one["table"]:
        _table(document, one["table"], language)
    if one["note"]:
        paragraph = document.add_paragraph()
        paragraph.paragraph_format.space_before = Pt(4)
        note = paragraph.add_run(said(one["note"], language))
        note.font.size, note.font.color.rgb = SMALL, FAINT


def _describe(document: Document, text: str) -> None:
    """Give the newest picture its alternative text."""
    shape = document.inline_shapes[len(document.inline_shapes) - 1]
    shape._inline.docPr.set("descr", text)


def _table(document: Document, content: Mapping[str, Any], language: str) -> None:
    heads = columns.heads(content, language)
    rows = [[said(cell, language) for cell in row] for row in content["rows"]]
    shares = columns.shares(heads, rows)
    letter = TEXT_WIDTH / max(sum(shares), columns.LETTERS_NARROW)
    numbers = columns.numeric(content)
    table = _new_table(document, 1, [int(one * letter) for one in shares])
    for place, (cell, head) in enumerate(zip(table.rows[0].cells, heads, strict=True)):
        cell.text = head
        _fill(cell)
        for run in cell.paragraphs[0].runs:
            run.bold = True
        cell.paragraphs[0].paragraph_format.keep_with_next = True
        if place in numbers:
            cell.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.RIGHT
    table.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    for line, row in enumerate(rows):
        together = len(rows) <= SHORT_TABLE and line < len(rows) - 1
        for place, (cell, text) in enumerate(zip(table.add_row().cells, row, strict=True)):
            cell.text = _unbroken(text)
            cell.vertical_alignment = WD_ALIGN_VERTICAL.CENTER
            cell.paragraphs[0].paragraph_format.keep_with_next = together
            if place in numbers:
                cell.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.RIGHT
    _finish(table)


def _new_table(document: Document, rows: int, widths: Sequence[int]) -> Table:
    table = document.add_table(rows=rows, cols=len(widths), style="Table Grid")
    table.autofit = False
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
    return table


def _unbroken(text: str) -> str:
    """Keep symbols as NH3-N whole, and let lists of them break behind their commas."""
    return _SYMBOL.sub("\u2011", text).replace("、", "、\u200b")


def _fill(cell: Any) -> None:
    shade = OxmlElement("w:shd")
    for name, value in (("val", "clear"), ("color", "auto"), ("fill", HEAD_FILL)):
        shade.set(qn(f"w:{name}"), value)
    cell._tc.get_or_add_tcPr().append(shade)


def _finish(table: Table) -> None:
    """Set light lines, small letters, and rows that no page break divides."""
    borders = OxmlElement("w:tblBorders")
    for side in ("top", "left", "bottom", "right", "insideH", "insideV"):
        line = OxmlElement(f"w:{side}")
        for name, value in (("val", "single"), ("sz", "4"), ("space", "0"), ("color", LINE)):
            line.set(qn(f"w:{name}"), value)
        borders.append(line)
    properties = table._tbl.tblPr
    before = [one for one in properties if one.tag in (qn("w:tblLayout"), qn("w:tblLook"))]
    if before:
        before[0].addprevious(borders)
    else:
        properties.append(borders)
    widths = [column.width for column in table.columns]
    for row in table.rows:
        row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))
        for cell, width in zip(row.cells, widths, strict=True):
            cell.width = width
            for paragraph in cell.paragraphs:
                paragraph.paragraph_format.space_before = paragraph.paragraph_format.space_after = Pt(1.5)
                for run in paragraph.runs:
                    run.font.size = run.font.size or SMALL
