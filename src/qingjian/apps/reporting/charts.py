"""Charts of reports as SVG, drawn once for page and Word; Excel has its own native charts of the same figures.

Presentation attributes only, no style: the content security policy of the pages forbids it.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

import typst

from qingjian.apps.reporting.content import said

WIDTH, HEIGHT = 760, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 46, 34
FONT = "Noto Sans SC, PingFang SC, Microsoft YaHei, sans-serif"
FONT_PACKAGE = "pylopdf_fonts_zh_cn"
PICTURE_DOTS = 160
GRID, INK, FAINT = "#dee2e6", "#1f2937", "#6b7280"
LABELS = 16
SMALLEST = 1e-9
"""What lies below is drawn as nothing: no unit of a report goes that far down."""


def svg(chart: Mapping[str, Any], language: str) -> str:
    """Return a chart as an SVG element with a title for screen readers."""
    names = [said(one, language) for one in chart["categories"]]
    top = _top(chart)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" font-family="{FONT}" font-size="11">',
        f"<title>{escape(said(chart['title'], language))}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    parts += _axes(chart, names, top)
    parts += _limits(chart, top, language)
    draw = {"bars": _bars, "stack": _stack, "lines": _lines}[chart["kind"]]
    parts += draw(chart["series"], len(names), top)
    parts += _legend(chart, language)
    return "".join([*parts, "</svg>"])


def _top(chart: Mapping[str, Any]) -> float:
    columns = [one["values"] for one in chart["series"]]
    if chart["kind"] == "stack":
        highest = max(
            (sum(value or 0 for value in values) for values in zip(*columns, strict=True)), default=0
        )
    else:
        highest = max((value for values in columns for value in values if value is not None), default=0)
    highest = max([highest, *(one["value"] for one in chart["limits"])])
    if highest < SMALLEST:
        return 4.0
    whole = all(value is None or value == int(value) for values in columns for value in values)
    if whole:
        # Four steps of a whole number: nobody counts three quarters of a day.
        return float(4 * _nice(math.ceil(highest / 4)))
    return 4 * _nice(highest / 4)


def _nice(step: float) -> float:
    """Return the next round number: 1, 1.5, 2, 2.5, 3, 4, 5, 7.5 or 10 times a power of ten; whole where `step` is."""
    power = 10.0 ** math.floor(math.log10(step))
    factors = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 7.5, 8, 10)
    found = (factor * power for factor in factors if factor * power >= step * (1 - 1e-12))
    return next(one for one in found if not isinstance(step, int) or one == int(one))


def _height(value: float, top: float) -> float:
    return (HEIGHT - TOP - BOTTOM) * value / top


def _axes(chart: Mapping[str, Any], names: Sequence[str], top: float) -> list[str]:
    parts = []
    whole = top >= 4
    for step in range(5):
        value = top * step / 4
        y = HEIGHT - BOTTOM - _height(value, top)
        label = f"{value:.0f}" if whole and value == int(value) else f"{value:g}"
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" fill="{FAINT}">{label}</text>')
    slot = _slot(len(names))
    every = max(1, math.ceil(len(names) / LABELS))
    for place, name in enumerate(names):
        if place % every == 0:
            parts.append(
                f'<text x="{LEFT + slot * (place + 0.5):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle" fill="{FAINT}">{escape(name)}</text>'
            )
    if chart["unit"]:
        parts.append(f'<text x="{LEFT}" y="{TOP - 8}" fill="{FAINT}">{escape(chart["unit"])}</text>')
    return parts


def _slot(count: int) -> float:
    return (WIDTH - LEFT - RIGHT) / max(count, 1)


def _limits(chart: Mapping[str, Any], top: float, language: str) -> list[str]:
    parts = []
    for one in chart["limits"]:
        y = HEIGHT - BOTTOM - _height(one["value"], top)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#c92a2a" stroke-dasharray="5 3"/>'
        )
        parts.append(
            f'<text x="{WIDTH - RIGHT}" y="{y - 4:.1f}" text-anchor="end" fill="#c92a2a">{escape(said(one["name"], language))}</text>'
        )
    return parts


def _rect(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.6):.1f}" height="{height:.1f}" fill="{colour}" stroke="#00000033" stroke-width="0.4"/>'


def _bars(series: Sequence[Mapping[str, Any]], count: int, top: float) -> list[str]:
    slot = _slot(count)
    width = slot * 0.74 / max(len(series), 1)
    parts = []
    for line, one in enumerate(series):
        for place, value in enumerate(one["values"]):
            if value is None:
                continue
            height = _height(value, top)
            x = LEFT + slot * (place + 0.13) + width * line
            colour = one["colours"][place] if "colours" in one else one["colour"]
            parts.append(_rect(x, HEIGHT - BOTTOM - height, width, height, colour))
            if width >= 16 and value:
                parts.append(
                    f'<text x="{x + width / 2:.1f}" y="{HEIGHT - BOTTOM - height - 4:.1f}" text-anchor="middle" font-size="10" fill="{INK}">{value:g}</text>'
                )
    return parts


def _stack(series: Sequence[Mapping[str, Any]], count: int, top: float) -> list[str]:
    slot = _slot(count)
    width = min(slot * 0.7, 60)
    parts = []
    for place in range(count):
        y = float(HEIGHT - BOTTOM)
        for one in series:
            value = one["values"][place] or 0
            if value:
                height = _height(value, top)
                y -= height
                x = LEFT + slot * (place + 0.5) - width / 2
                parts.append(_rect(x, y, width, height, one["colour"]))
                if height >= 13:
                    parts.append(
                        f'<text x="{x + width / 2:.1f}" y="{y + height / 2 + 4:.1f}" text-anchor="middle" font-size="10" fill="{_ink_on(one["colour"])}">{value:g}</text>'
                    )
    return parts


def _ink_on(colour: str) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return "#ffffff" if 0.299 * red + 0.587 * green + 0.114 * blue < 110 else INK


def _lines(series: Sequence[Mapping[str, Any]], count: int, top: float) -> list[str]:
    slot = _slot(count)
    parts = []
    for one in series:
        run: list[str] = []
        for place, value in enumerate([*one["values"], None]):
            if value is not None:
                run.append(f"{LEFT + slot * (place + 0.5):.1f},{HEIGHT - BOTTOM - _height(value, top):.1f}")
                continue
            # A gap in the data is a gap in the line.
            if run:
                parts.append(
                    f'<polyline points="{" ".join(run)}" fill="none" stroke="{one["colour"]}" stroke-width="1.8"/>'
                )
            run = []
    return parts


def _legend(chart: Mapping[str, Any], language: str) -> list[str]:
    title = escape(said(chart["title"], language))
    parts = [f'<text x="{LEFT}" y="18" font-size="13" font-weight="bold" fill="{INK}">{title}</text>']
    if len(chart["series"]) < 2:
        return parts
    x = float(WIDTH - RIGHT)
    for one in reversed(chart["series"]):
        name = said(one["name"], language)
        x -= sum(12 if ord(letter) > 255 else 6.5 for letter in name) + 22
        parts.append(
            f'<rect x="{x:.1f}" y="{TOP - 20}" width="10" height="10" fill="{one["colour"]}" stroke="#00000055" stroke-width="0.5"/>'
        )
        parts.append(f'<text x="{x + 14:.1f}" y="{TOP - 11}" fill="{INK}">{escape(name)}</text>')
    return parts


def png(drawn: str) -> bytes:
    """Return an SVG chart as a picture, set in the bundled open font. Raises OSError when the font is missing."""
    try:
        fonts = str(resources.files(FONT_PACKAGE))
    except ModuleNotFoundError as error:
        raise OSError(f"the font package {FONT_PACKAGE} is not installed") from error
    source = (
        f'#set page(width: {WIDTH}pt, height: {HEIGHT}pt, margin: 0pt)\n#image("chart.svg", width: {WIDTH}pt)'
    )
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "chart.svg").write_text(drawn, encoding="utf-8")
        page = Path(folder) / "page.typ"
        page.write_text(source, encoding="utf-8")
        return bytes(
            typst.compile(
                str(page),
                root=folder,
                font_paths=[fonts],
                ignore_system_fonts=True,
                format="png",
                ppi=PICTURE_DOTS,
            )
        )
