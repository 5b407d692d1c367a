"""A report as a Word file: headings, tables, the charts as pictures, and the evaluation basis."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import docx
from docx.document import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor
from docx.table import Table

from qingjian.apps.reporting import charts
from qingjian.apps.reporting.content import said

WORDS = {
    "zh": {
        "basis": "评价依据",
        "digest": "内容摘要（SHA-256）",
        "version": "版本",
        "made": "生成时间",
        "by": "生成",
        "confidence": "可信度",
        "rules": "规则库版本",
        "warning": "本报告所用规则中有未经核实确认的条目：可以计算和提示，不能单独作为处罚或结论的依据。",
        "data": "数据来源提示：含",
    },
    "en": {
        "basis": "Evaluation basis",
        "digest": "Digest of the content (SHA-256)",
        "version": "Version",
        "made": "Made at",
        "by": "Made by",
        "confidence": "Confidence",
        "rules": "Version of the rulebook",
        "warning": "Rests on rules that nobody has confirmed yet: it computes and warns, but decides nothing by itself.",
        "data": "Origin of the data: contains",
    },
}
EAST_ASIAN_FONT = "宋体"
LATIN_FONT = "Times New Roman"
SMALL = Pt(8.5)


def warnings(content: Mapping[str, Any], language: str) -> list[str]:
    """Return what a reader must know before the figures: origin of the data, rules that are not confirmed."""
    words = WORDS[language]
    found = [said(content["notice"], language)] if content["notice"] else []
    if content["labels"]:
        found.append(f"{words['data']} {'、'.join(said(one, language) for one in content['labels'])}")
    if not content["may_act_alone"]:
        found.append(words["warning"])
    return found


def facts_of(meta: Mapping[str, str], language: str) -> list[tuple[str, str]]:
    """Return what the file says of itself: version, digest, who made it and when."""
    words = WORDS[language]
    return [(words[name], meta[name]) for name in ("version", "made", "by", "confidence", "rules", "digest")]


def build(content: Mapping[str, Any], meta: Mapping[str, str], language: str) -> bytes:
    """Return the .docx; `meta` holds version, made, by, confidence, rules and digest as text."""
    document = docx.Document()
    _page(document)
    words = WORDS[language]
    title = document.add_paragraph()
    title.alignment = WD_ALIGN_PARAGRAPH.CENTER
    run = title.add_run(said(content["title"], language))
    run.bold, run.font.size = True, Pt(18)
    under = document.add_paragraph()
    under.alignment = WD_ALIGN_PARAGRAPH.CENTER
    under.add_run(
        f"{content['region']['name']} · {said(content['period'], language)} · {words['version']} {meta['version']}"
    )
    for line in warnings(content, language):
        paragraph = document.add_paragraph()
        run = paragraph.add_run(line)
        run.bold, run.font.color.rgb = True, RGBColor(0xB4, 0x53, 0x09)
    _facts(document, content, language)
    for one in content["summary"]:
        document.add_paragraph(said(one, language))
    for number, one in enumerate(content["sections"], start=1):
        _section(document, one, f"{number}. ", language)
    document.add_heading(words["basis"], level=1)
    for one in content["basis"]["sections"]:
        _section(document, one, "", language, level=2)
    document.add_heading(words["version"], level=2)
    about = document.add_table(rows=0, cols=2, style="Table Grid")
    for name, value in facts_of(meta, language):
        cells = about.add_row().cells
        cells[0].text, cells[1].text = name, value
    _small(about)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _page(document: Document) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2)
    section.top_margin = section.bottom_margin = Cm(2)
    for name in ("Normal", "Heading 1", "Heading 2"):
        style = document.styles[name]
        style.font.name = LATIN_FONT
        style.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), EAST_ASIAN_FONT)
        if name != "Normal":
            style.font.color.rgb = RGBColor(0x11, 0x11, 0x11)
    document.styles["Normal"].font.size = Pt(10.5)
    footer = section.footer.paragraphs[0]
    footer.alignment = WD_ALIGN_PARAGRAPH.CENTER
    run = footer.add_run()
    for kind, text in (("begin", ""), ("", "PAGE"), ("end", "")):
        if kind:
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
        else:
            mark = OxmlElement("w:instrText")
            mark.text = text
        run._r.append(mark)


def _facts(document: Document, content: Mapping[str, Any], language: str) -> None:
    facts = content["facts"]
    table = document.add_table(rows=2, cols=len(facts), style="Table Grid")
    for place, one in enumerate(facts):
        table.cell(0, place).text = said(one["name"], language)
        table.cell(1, place).text = said(one["value"], language)
        for paragraph in table.cell(1, place).paragraphs:
            for run in paragraph.runs:
                run.bold, run.font.size = True, Pt(14)
    document.add_paragraph()


def _section(document: Document, one: Mapping[str, Any], number: str, language: str, level: int = 1) -> None:
    document.add_heading(f"{number}{said(one['title'], language)}", level=level)
    if one["chart"]:
        picture = charts.png(charts.svg(one["chart"], language))
        document.add_picture(io.BytesIO(picture), width=Cm(17))
        _describe(document, said(one["chart"]["title"], language))
    if one["table"]:
        _table(document, one["table"], language)
    if one["note"]:
        note = document.add_paragraph().add_run(said(one["note"], language))
        note.italic, note.font.size = True, Pt(9)


def _describe(document: Document, text: str) -> None:
    """Give the newest picture its alternative text."""
    shape = document.inline_shapes[len(document.inline_shapes) - 1]
    shape._inline.docPr.set("descr", text)


def _table(document: Document, content: Mapping[str, Any], language: str) -> None:
    table = document.add_table(rows=1, cols=len(content["heads"]), style="Table Grid")
    for cell, head in zip(table.rows[0].cells, content["heads"], strict=True):
        unit = f" ({head['unit']})" if head["unit"] else ""
        cell.text = f"{head[language]}{unit}"
        for run in cell.paragraphs[0].runs:
            run.bold = True
    repeated = OxmlElement("w:tblHeader")
    table.rows[0]._tr.get_or_add_trPr().append(repeated)
    for row in content["rows"]:
        for cell, value in zip(table.add_row().cells, row, strict=True):
            cell.text = said(value, language)
            if isinstance(value, int | float) and not isinstance(value, bool):
                cell.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.RIGHT
    _small(table)


def _small(table: Table) -> None:
    for row in table.rows:
        for cell in row.cells:
            for paragraph in cell.paragraphs:
                paragraph.paragraph_format.space_after = Pt(0)
                for run in paragraph.runs:
                    run.font.size = run.font.size or SMALL
