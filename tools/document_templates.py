"""Write the packaged Word templates of official forms; run it again after a change here, and commit the results."""

from __future__ import annotations

from pathlib import Path

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Cm, Pt

APPS = Path(__file__).resolve().parent.parent / "src" / "qingjian" / "apps"
FONT = "宋体"


def _new(title: str) -> Document:
    document = Document()
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    style = document.styles["Normal"]
    style.font.name, style.font.size = FONT, Pt(12)
    style.element.rPr.rFonts.set(qn("w:eastAsia"), FONT)
    _line(document, "{{ body_organisation }}", bold=True, centre=True)
    _line(document, title, bold=True, centre=True, size=20)
    _line(document, "{{ document_number }}", right=True)
    return document


def _line(
    document: Document,
    text: str,
    *,
    bold: bool = False,
    centre: bool = False,
    right: bool = False,
    size: int = 12,
) -> None:
    paragraph = document.add_paragraph()
    run = paragraph.add_run(text)
    run.bold, run.font.size, run.font.name = bold, Pt(size), FONT
    run._element.rPr.rFonts.set(qn("w:eastAsia"), FONT)
    if centre or right:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER if centre else WD_ALIGN_PARAGRAPH.RIGHT


def _facts(document: Document, rows: list[tuple[str, str]]) -> None:
    table = document.add_table(rows=0, cols=2)
    table.style = "Table Grid"
    for title, value in rows:
        cells = table.add_row().cells
        cells[0].text, cells[1].text = title, value
        cells[0].width, cells[1].width = Cm(4), Cm(12)


def _evidence(document: Document) -> None:
    _line(document, "证据清单", bold=True)
    table = document.add_table(rows=4, cols=4)
    table.style = "Table Grid"
    for cell, text in zip(table.rows[0].cells, ("序号", "证明内容", "形成时间", "SHA-256"), strict=True):
        cell.text = text
    table.rows[1].cells[0].text = "{%tr for one in evidence %}"
    for cell, text in zip(
        table.rows[2].cells,
        ("{{ one.number }}", "{{ one.kind }} {{ one.title }}", "{{ one.taken_at }}", "{{ one.digest }}"),
        strict=True,
    ):
        cell.text = text
    table.rows[3].cells[0].text = "{%tr endfor %}"


def _signed(document: Document, *places: str) -> None:
    _line(document, "")
    for place in places:
        _line(document, f"{place}：（电子签字见签字页）")
    _line(document, "{{ made_at }}", right=True)


def main() -> None:
    """Write all templates."""
    common = [
        ("事项编号", "{{ number }}"),
        ("标题", "{{ title }}"),
        ("行政区", "{{ region }}"),
        ("有关单位", "{{ subject }}"),
        ("监测点位", "{{ point }}"),
    ]

    document = _new("线索核实报告")
    _facts(
        document,
        [
            *common,
            ("线索", "{{ clue_statement }}"),
            ("核实情况", "{{ findings }}"),
            ("原因", "{{ cause }}"),
            ("结论", "{{ conclusion }}"),
            ("后续建议", "{{ next_step }}"),
            ("核实人", "{{ assignee }}"),
        ],
    )
    _evidence(document)
    _signed(document, "核实人", "负责人")
    document.save(APPS / "integrity" / "document_templates" / "verification_report.docx")

    document = _new("监测数据真实性自我举证通知书")
    _line(document, "{{ subject }}：")
    _line(document, "请就下列自动监测数据的真实性作出说明：{{ request }}")
    _line(document, "请随说明提交：{{ wanted }}")
    _line(
        document,
        "上述说明和证据请自本通知送达之日起 {{ days }} 个工作日内在本平台提交。{{ missing }}",
    )
    _line(document, "本通知是了解情况的请求，不是对数据是否真实的认定。")
    _facts(document, [*common, ("联系人", "{{ made_by }}")])
    _signed(document, "承办人")
    document.save(APPS / "integrity" / "document_templates" / "self_proof_request.docx")

    document = _new("监测数据真实性自我举证审查意见")
    _line(document, "{{ subject }}：")
    _facts(
        document,
        [
            *common,
            ("请求说明的事项", "{{ request }}"),
            ("单位的说明", "{{ explanation }}"),
            ("审查意见", "{{ opinion }}"),
            ("审查理由", "{{ opinion_text }}"),
            ("决定", "{{ result }}"),
            ("决定理由", "{{ decision }}"),
        ],
    )
    _evidence(document)
    _signed(document, "审查人", "负责人")
    document.save(APPS / "integrity" / "document_templates" / "self_proof_decision.docx")

    document = _new("整改通知书")
    _line(document, "{{ subject }}：")
    _line(document, "经查，你单位存在下列问题：{{ problem }}")
    _line(
        document,
        "依据{{ basis }}，现要求你单位自本通知送达之日起 {{ days }} 个工作日内完成下列整改，并书面报告结果：",
    )
    _line(document, "{{ demand }}")
    _facts(document, [*common, ("类别", "{{ kind }}")])
    _signed(document, "承办人", "负责人")
    document.save(APPS / "governance" / "document_templates" / "order.docx")

    document = _new("整改复查记录")
    _facts(
        document,
        [
            *common,
            ("问题", "{{ problem }}"),
            ("要求", "{{ demand }}"),
            ("整改措施", "{{ measures }}"),
            ("完成日期", "{{ finished_on }}"),
            ("复查日期", "{{ rechecked_on }}"),
            ("复查情况", "{{ recheck_findings }}"),
            ("复查人", "{{ made_by }}"),
        ],
    )
    _evidence(document)
    _line(document, "{{ closed_at }}", right=True)
    document.save(APPS / "governance" / "document_templates" / "result.docx")


if __name__ == "__main__":
    main()
