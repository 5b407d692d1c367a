"""What is signed is shown, all of it; a form that could hide something is refused when it is offered."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from qingjian.apps.governance.processes import CORRECTIVE_ACTION
from qingjian.apps.matters import documents, outlines
from qingjian.apps.matters.models import Matter

ORDER = CORRECTIVE_ACTION.document("order")
BOX = (
    '<w:p {w}><w:r><mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">'
    '<mc:Choice Requires="wps"><w:txbxContent><w:p><w:r><w:t>{{{{ title }}}}</w:t></w:r></w:p></w:txbxContent></mc:Choice>'
    "<mc:Fallback><w:txbxContent><w:p><w:r><w:t>{{{{ title }}}}</w:t></w:r></w:p></w:txbxContent></mc:Fallback>"
    "</mc:AlternateContent></w:r></w:p>"
)
CONTROL = "<w:sdt {w}><w:sdtPr/><w:sdtContent><w:p><w:r><w:t>{{{{ demand }}}}</w:t></w:r></w:p></w:sdtContent></w:sdt>"


def saved(document: Any) -> bytes:
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def before_the_end(document: Any, xml: str) -> None:
    document.element.body.insert(0, parse_xml(xml.format(w=nsdecls("w"))))


def everywhere() -> bytes:
    """Return a form with a field in every place Word has."""
    document = docx.Document()
    document.add_paragraph("{{ number }}")
    document.sections[0].header.paragraphs[0].text = "{{ basis }}"
    document.sections[0].footer.paragraphs[0].text = "{{ kind }}"
    outer = document.add_table(1, 2)
    outer.cell(0, 0).text = "外表"
    outer.cell(0, 1).add_table(1, 1).cell(0, 0).text = "{{ problem }}"
    before_the_end(document, CONTROL)
    before_the_end(document, BOX)
    return saved(document)


def test_every_place_of_a_form_is_on_the_signing_page_and_in_the_pdf(monkeypatch) -> None:
    form = everywhere()
    assert documents.template_problems(form, ORDER) == []
    values = {name: f"〈{name}〉" for name in ("number", "basis", "kind", "problem", "demand", "title")}
    made = documents.render(form, {**documents.sample(ORDER), **values})
    shown = outlines.text(documents.outline(made))
    assert {name for name, text in values.items() if text not in shown} == set()
    # The copy of a text box for older programs is not shown a second time.
    assert shown.count("〈title〉") == 1
    sources = []

    def compiled(path: str, **_settings: Any) -> bytes:
        sources.append(Path(path).read_text(encoding="utf-8"))
        return b"%PDF"

    monkeypatch.setattr(documents.typst, "compile", compiled)
    monkeypatch.setattr(documents.shutil, "which", lambda _name: None)
    documents.pdf(made)
    assert {name for name, text in values.items() if text not in sources[0]} == set()


def test_a_nested_form_can_really_be_set(monkeypatch) -> None:
    monkeypatch.setattr(documents.shutil, "which", lambda _name: None)
    assert documents.pdf(documents.render(everywhere(), documents.sample(ORDER))).startswith(b"%PDF")


def test_the_page_shows_what_the_office_put_into_header_control_and_nested_table(client, office) -> None:
    from qingjian.apps.matters import services

    manager = office.county.person("manager", "data_manager")
    row = services.offer_template(manager, CORRECTIVE_ACTION, ORDER, everywhere(), "o.docx")
    services.approve_template(office.leader, row)
    matter: Matter = office.open(CORRECTIVE_ACTION)
    matter = office.act(matter, "draft", office.handler, demand="拆除旁路", basis="条例第九条", days=5)
    client.force_login(office.handler)
    page = client.get(f"/matters/{matter.pk}/sign/").content.decode()
    assert all(text in page for text in ("拆除旁路", "条例第九条", "未按要求标记", "外表"))


def tracked(document: Any) -> None:
    before_the_end(document, '<w:p {w}><w:ins w:id="1" w:author="a"><w:r><w:t>x</w:t></w:r></w:ins></w:p>')


def concealed(document: Any) -> None:
    document.paragraphs[0].runs[0].font.hidden = True


def computed(document: Any) -> None:
    before_the_end(
        document, '<w:p {w}><w:fldSimple w:instr=" DATE "><w:r><w:t>x</w:t></w:r></w:fldSimple></w:p>'
    )


def computed_in_pieces(document: Any) -> None:
    kinds = (
        '<w:fldChar w:fldCharType="begin"/>',
        "<w:instrText>INCLUDE</w:instrText>",
        "<w:instrText>TEXT x</w:instrText>",
    )
    runs = "".join(f"<w:r>{one}</w:r>" for one in (*kinds, '<w:fldChar w:fldCharType="end"/>'))
    before_the_end(document, f"<w:p {{w}}>{runs}</w:p>")


def bound(document: Any) -> None:
    before_the_end(
        document,
        '<w:sdt {w}><w:sdtPr><w:dataBinding w:xpath="/a" w:storeItemID="b"/></w:sdtPr>'
        "<w:sdtContent><w:p><w:r><w:t>x</w:t></w:r></w:p></w:sdtContent></w:sdt>",
    )


def in_another_file(document: Any) -> None:
    before_the_end(document, "<w:altChunk {w}/>")


def commented(document: Any) -> None:
    document.add_comment(document.paragraphs[0].runs, text="本段不作数", author="a")


def unfilled(document: Any) -> None:
    document.sections[0].header.paragraphs[0].add_run("{{ number }}")
    from docx.opc.constants import RELATIONSHIP_TYPE
    from docx.opc.packuri import PackURI
    from docx.opc.part import Part

    notes = f'<w:endnotes {nsdecls("w")}><w:endnote w:id="2"><w:p><w:r><w:t>{{{{ number }}}}</w:t></w:r></w:p></w:endnote></w:endnotes>'
    part = Part(
        PackURI("/word/endnotes.xml"),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.endnotes+xml",
        notes.encode(),
        document.part.package,
    )
    document.part.relate_to(part, RELATIONSHIP_TYPE.ENDNOTES)


@pytest.mark.parametrize(
    "hide",
    [tracked, concealed, computed, computed_in_pieces, bound, in_another_file, commented, unfilled],
    ids=lambda one: one.__name__,
)
def test_a_form_that_could_hide_something_from_its_signer_is_refused(hide: Callable[[Any], None]) -> None:
    document = docx.Document()
    document.add_paragraph("{{ number }}")
    assert documents.template_problems(saved(document), ORDER) == []
    hide(document)
    assert documents.template_problems(saved(document), ORDER)


def test_page_numbers_are_allowed() -> None:
    document = docx.Document()
    document.add_paragraph("{{ number }}")
    before_the_end(
        document, '<w:p {w}><w:fldSimple w:instr=" PAGE "><w:r><w:t>1</w:t></w:r></w:fldSimple></w:p>'
    )
    assert documents.template_problems(saved(document), ORDER) == []
