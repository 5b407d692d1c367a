"""How single values stand in a table."""

from __future__ import annotations

from datetime import UTC, date, datetime

from django.template import Context, Template

CELL = Template("{% load kit %}{{ value|unbroken }}")


def test_a_moment_breaks_after_the_day_only() -> None:
    moment = datetime(2026, 12, 4, 15, 59, tzinfo=UTC)
    assert CELL.render(Context({"value": moment})) == '<span class="text-nowrap">2026-12-04</span> 23:59'
    assert CELL.render(Context({"value": date(2026, 12, 4)})) == '<span class="text-nowrap">2026-12-04</span>'


def test_other_values_are_shown_as_they_are_and_stay_text() -> None:
    assert CELL.render(Context({"value": None})) == "–"
    assert CELL.render(Context({"value": "<b>2026-12-04 1</b>"})) == "&lt;b&gt;2026-12-04 1&lt;/b&gt;"
