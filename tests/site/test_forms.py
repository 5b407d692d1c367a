"""Inputs of days and moments hold what browsers understand, in every language."""

from __future__ import annotations

import ast

import pytest
from tools.messages import PACKAGE


def bare_inputs() -> list[str]:
    """Return the date inputs that would be written as the language writes dates."""
    found = []
    for path in PACKAGE.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            if call.func.attr not in ("DateInput", "DateTimeInput"):
                continue
            if "format" not in {one.arg for one in call.keywords}:
                found.append(f"{path.name}:{call.lineno}")
    return found


def test_every_input_of_a_day_or_moment_names_its_format() -> None:
    assert bare_inputs() == []


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_form_of_a_post_holds_a_day_browsers_understand(language: str) -> None:
    import datetime

    from django.utils import translation

    from qingjian.apps.accounts.forms import PostForm

    with translation.override(language):
        field = str(PostForm(initial={"valid_from": datetime.date(2026, 11, 22)})["valid_from"])
    assert 'value="2026-11-22"' in field
