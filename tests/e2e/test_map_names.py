"""Where names stand on the map: the function of the page itself, asked in a browser, without a node."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

SCRIPT = Path(__file__).resolve().parents[2] / "src/qingjian/ui/static/ui/map-names.js"
Box = tuple[float, float, float, float]


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    page = browser.new_page()
    page.add_script_tag(path=SCRIPT)
    yield page
    page.close()


def mark(
    x: float, y: float, text: str = "县政府站", *, first: bool = False, half: float = 11
) -> dict[str, Any]:
    return {"x": x, "y": y, "half": half, "text": text, "first": first}


def arranged(page: Any, marks: list[dict[str, Any]], frame: Box | None = None) -> list[dict[str, Any] | None]:
    return page.evaluate("([marks, frame]) => window.qingjianNames.arrange(marks, frame)", [marks, frame])


def overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def covered(marks: list[dict[str, Any]]) -> list[Box]:
    return [(one["x"] - one["half"], one["y"] - 11, one["x"] + one["half"], one["y"] + 11) for one in marks]


def test_alone_a_name_stands_below_its_mark_and_in_the_middle(page) -> None:
    (name,) = arranged(page, [mark(100, 100, "县政府站\nPM2.5 35")])
    assert (name["text"], name["align"], name["x"]) == ("县政府站\nPM2.5 35", "center", 0)
    left, top, right, bottom = name["box"]
    assert top >= 111
    assert (left + right) / 2 == 100
    assert bottom - top == 32  # two lines
    assert right - left == page.evaluate("window.qingjianNames.wide('PM2.5 35')") + 4


def test_a_name_goes_to_another_side_when_its_place_is_taken(page) -> None:
    below = arranged(page, [mark(100, 100, "甲"), mark(100, 125, "乙")])
    assert below[0]["y"] < 0  # above
    # Above and below stand other marks: to the right of it, then to the left.
    between = [mark(100, 100, "甲"), mark(100, 125, ""), mark(100, 75, "")]
    assert (arranged(page, between)[0]["align"], arranged(page, between)[0]["x"]) == ("left", 14)
    closed = [*between, mark(125, 100, "")]
    assert (arranged(page, closed)[0]["align"], arranged(page, closed)[0]["x"]) == ("right", -14)
    assert arranged(page, [*closed, mark(75, 100, "")])[0] is None


@pytest.mark.parametrize(
    ("x", "y", "align", "down"),
    [(385, 150, "right", 0), (15, 150, "left", 0), (200, 285, "center", -1), (385, 285, "right", 0)],
)
def test_at_the_edge_of_the_map_a_name_goes_where_it_is_not_cut(page, x, y, align, down) -> None:
    (name,) = arranged(page, [mark(x, y, "青川河入境断面")], (0, 0, 400, 300))
    assert (name["align"], (name["y"] > 0) - (name["y"] < 0)) == (align, down)
    left, top, right, bottom = name["box"]
    assert (left >= 0, top >= 0, right <= 400, bottom <= 300) == (True,) * 4


def test_where_every_side_is_cut_a_mark_has_no_name(page) -> None:
    assert arranged(page, [mark(50, 50, "青川河入境断面")], (0, 0, 80, 60)) == [None]


@pytest.mark.parametrize(
    "lines",
    [
        ["县政府站", "PM2.5 35"],
        ["东塬镇站（清洁对照点）", "细颗粒物 PM2.5 136"],
        ["清鉴县第一化工有限公|司废水总排口监测点"],
        ["清鉴县燃气热电有限公司|1号燃气轮机烟气监测点", "Nitrogen oxides 73.8"],
        ["Outlet of the |waste-water works |of Qingjian county"],
    ],
)
def test_long_names_stand_in_lines_of_about_the_same_length(page, lines: list[str]) -> None:
    given = "\n".join(lines).replace("|", "")
    found = page.evaluate("text => window.qingjianNames.wrapped(text)", given)
    assert found == "\n".join(lines).replace(" |", "\n").replace("|", "\n")


@pytest.mark.parametrize("size", [150, 400, 1200, 4000])
def test_however_close_the_points_are_no_name_covers_a_mark_or_a_name(page, size: int) -> None:
    chance = random.Random(size)
    for _ in range(10):
        marks = [
            mark(
                chance.uniform(0, size),
                chance.uniform(0, size),
                chance.choice(("县政府站", "青川河入境断面\n溶解氧 8.31", "Boiler stack\nNOx 45.2", "W")),
                first=chance.random() < 0.2,
                half=chance.choice((11, 30)),
            )
            for _ in range(chance.randint(1, 80))
        ]
        names = arranged(page, marks)
        assert [one["text"] for one in names if one] == [
            given["text"] for given, one in zip(marks, names, strict=True) if one
        ]
        boxes = [tuple(one["box"]) for one in names if one]
        assert not [pair for pair in combinations(boxes, 2) if overlap(*pair)]
        assert not [one for one in boxes if any(overlap(one, other) for other in covered(marks))]
        if size == 4000 and len(marks) < 10:
            assert all(names)


def test_what_alarms_takes_its_place_before_its_neighbours(page) -> None:
    """Both names want the room below their marks; whoever comes second goes above."""
    for first in (0, 1):
        names = arranged(page, [mark(100 + 30 * place, 100, first=place == first) for place in (0, 1)])
        assert (names[first]["y"] > 0, names[1 - first]["y"] < 0) == (True, True)


def test_six_hundred_points_have_names_and_more_have_none(page) -> None:
    spread = [mark(place % 30 * 200, place // 30 * 80, "站") for place in range(601)]
    assert all(arranged(page, spread[:600]))
    assert not any(arranged(page, spread))
