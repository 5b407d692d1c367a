"""Word files: fonts, heads, page numbers, and tables whose columns hold their texts."""

from __future__ import annotations

import io
from typing import Any

import docx
import pytest
from docx.oxml.ns import qn
from hypothesis import given
from hypothesis import strategies as st

from qingjian.apps.reporting import columns, documents
from qingjian.apps.reporting.content import chart, column, listed, section, table, text

META = dict.fromkeys(("version", "made", "by", "confidence", "rules", "calculation", "digest"), "f" * 64)
WIDE = table(
    [
        column("排名", "Rank"),
        column("测站", "Station"),
        *(column(f"P{n}", f"P{n}", "μg/m³") for n in range(7)),
    ],
    [[n, "演示县实验小学站", *range(100, 107)] for n in range(1, 30)],
)


def content(*sections: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": text("环境空气质量月报", "Ambient air quality, monthly report"),
        "region": {"code": "990121", "name": "甲县"},
        "period": text("2026年10月", "2026-10"),
        "notice": None,
        "labels": [text("回放", "replayed"), text("模拟", "simulated")],
        "may_act_alone": True,
        "facts": [{"name": text("优良天数比例", "Good days"), "value": "87.1%"}],
        "summary": [text("一句话。", "One sentence.")],
        "sections": list(sections),
        "basis": {"sections": []},
    }


def built(language: str, *sections: dict[str, Any]) -> Any:
    return docx.Document(io.BytesIO(documents.build(content(*sections), META, language)))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_word_file_names_its_fonts_and_has_a_head_and_page_numbers(language: str) -> None:
    made = built(language, section(text("测站比较", "Stations compared"), table=WIDE))
    for name in ("Normal", "Heading 1", "Heading 2"):
        fonts = made.styles[name].element.rPr.rFonts
        assert not [key for key in fonts.attrib if "Theme" in key or key.endswith("cstheme")], name
        assert fonts.get(qn("w:eastAsia")) in ("宋体", "黑体")
    assert made.core_properties.title == content()["title"][language]
    (part,) = made.sections
    assert content()["title"][language] in part.header.paragraphs[0].text
    fields = [one.text for one in part.footer.paragraphs[0]._p.iter(qn("w:instrText"))]
    assert fields == ["PAGE", "NUMPAGES"]
    assert ("含 回放、模拟" in made.paragraphs[2].text) is (language == "zh")
    assert ("replayed, simulated" in made.paragraphs[2].text) is (language == "en")


def test_tables_repeat_their_head_divide_no_row_and_stay_within_the_page() -> None:
    made = built("zh", section(text("测站比较", "Stations compared"), table=WIDE))
    for one in made.tables:
        assert sum(cell.width for cell in one.rows[0].cells) <= documents.TEXT_WIDTH * 1.001, (
            "but for rounding"
        )
        for row in one.rows:
            assert row._tr.trPr.findall(qn("w:cantSplit"))
    ranking = made.tables[1]
    assert ranking.rows[0]._tr.trPr.findall(qn("w:tblHeader"))
    assert ranking.rows[0].cells[0].width < ranking.rows[0].cells[1].width


def test_a_short_table_stays_together_and_a_note_with_its_picture() -> None:
    short = table([column("日期", "Day"), column("AQI", "AQI")], [[f"2026-10-0{n}", n] for n in range(1, 5)])
    bars = chart(
        "bars", text("图", "chart"), "", ["1"], [{"name": text("a", "a"), "values": [1], "colour": "#111111"}]
    )
    made = built(
        "zh",
        section(text("短表", "Short"), table=short),
        section(text("图", "Picture"), chart=bars, note=text("注", "note")),
    )
    kept = [row.cells[0].paragraphs[0].paragraph_format.keep_with_next for row in made.tables[1].rows]
    assert kept == [True, True, True, True, False]
    picture = next(one for one in made.paragraphs if one._p.findall(f".//{qn('w:drawing')}"))
    assert picture.paragraph_format.keep_with_next
    assert [one.text for one in made.paragraphs if one.style.name == "Heading 2"] == ["关于本版本"]


def test_lists_are_written_as_each_language_writes_them_and_symbols_stay_whole() -> None:
    cell = listed(["COD", "NH3-N", "TP"])
    assert cell == text("COD、NH3-N、TP", "COD, NH3-N, TP")
    assert listed([]) is None
    items = table([column("项目", "Items"), column("日期", "Day")], [[cell, "2026-10-01"]])
    chinese, english = (
        built(language, section(text("项目", "Items"), table=items)).tables[1] for language in ("zh", "en")
    )
    assert chinese.cell(1, 0).text == "COD、\u200bNH3\u2011N、\u200bTP"
    assert english.cell(1, 0).text == "COD, NH3\u2011N, TP"
    assert chinese.cell(1, 1).text == "2026-10-01", "a date is no symbol"


TEXTS = st.text(st.sampled_from("ab 1、甲乙丙-"), max_size=60)


@given(
    st.integers(1, 12).flatmap(
        lambda n: st.lists(st.lists(TEXTS, min_size=n, max_size=n), min_size=1, max_size=6)
    )
)
def test_columns_share_the_page_whatever_stands_in_them(rows: list[list[str]]) -> None:
    found = columns.shares(rows[0], rows[1:])
    assert len(found) == len(rows[0])
    assert min(found) >= columns.LEAST + columns.BETWEEN
    if columns.fits(rows):
        needed = [
            max(columns.LEAST, *(columns.width(row[place]) for row in rows)) for place in range(len(found))
        ]
        assert found == [one + columns.BETWEEN for one in needed], "every text stays on one line"


def test_a_wide_table_keeps_names_and_short_heads_whole() -> None:
    titles = columns.heads(WIDE, "zh")
    rows = [[str(cell) for cell in row] for row in WIDE["rows"]]
    assert not columns.fits([titles, *rows])
    found = columns.shares(titles, rows)
    assert sum(found) <= columns.LETTERS_ACROSS + columns.BETWEEN
    assert found[1] - columns.BETWEEN >= columns.UNBROKEN
    assert columns.numeric(WIDE) == {0, *range(2, 9)}
