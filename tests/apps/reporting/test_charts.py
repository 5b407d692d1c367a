from __future__ import annotations

import io
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from qingjian.apps.reporting import charts
from qingjian.apps.reporting.content import chart, text

VALUES = st.none() | st.floats(0, 1e6) | st.integers(0, 1000)


def drawn(kind: str, values: list, **more) -> str:
    names = [str(place) for place in range(len(values))]
    series = [
        {"name": text("甲", "first"), "colour": "#0f766e", "values": values},
        {"name": text("乙", "second"), "colour": "#a3b8b5", "values": values},
    ]
    return charts.svg(chart(kind, text("图<1>&", "chart <1>&"), "μg/m³", names, series, **more), "zh")


@settings(max_examples=60)
@given(st.sampled_from(["bars", "stack", "lines"]), st.lists(VALUES, max_size=40))
@example("bars", [5e-324])
def test_any_figures_make_sound_xml_inside_its_frame(kind: str, values: list) -> None:
    root = ElementTree.fromstring(drawn(kind, values))
    assert root.find("{http://www.w3.org/2000/svg}title").text == "图<1>&"
    for one in root.iter("{http://www.w3.org/2000/svg}rect"):
        top = float(one.get("y", 0))
        assert top >= -0.5
        assert top + float(one.get("height")) <= charts.HEIGHT + 0.5


def test_bars_stand_for_their_values_and_gaps_stay_gaps() -> None:
    root = ElementTree.fromstring(drawn("bars", [10, None, 20]))
    bars = [
        one
        for one in root.iter("{http://www.w3.org/2000/svg}rect")
        if one.get("fill") == "#0f766e" and one.get("width") != "10"
    ]
    assert len(bars) == 2
    heights = [float(one.get("height")) for one in bars]
    assert heights[1] == pytest.approx(2 * heights[0], abs=0.2)
    broken = drawn("lines", [1, 2, None, 3, 4])
    assert broken.count("<polyline") == 4


def test_limits_are_drawn_and_never_above_the_frame() -> None:
    content = drawn("bars", [1, 2], limits=[{"name": text("限值", "limit"), "value": 50}])
    assert "限值" in content
    assert 'stroke-dasharray="5 3"' in content


def test_the_picture_shows_chinese_letters() -> None:
    content = drawn("bars", [1, 2])
    with_text = Image.open(io.BytesIO(charts.png(content))).convert("L")
    without = Image.open(io.BytesIO(charts.png(content.replace("图&lt;1&gt;&amp;", "")))).convert("L")
    assert with_text.size[0] > 1000
    assert with_text.tobytes() != without.tobytes()
