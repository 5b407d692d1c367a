"""Checks at start-up: a wrong declaration stops the node before anybody works with it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.utils.translation import override

from qingjian.apps.matters.declarations import Process, problems, processes
from qingjian.rulebook import packaged
from qingjian.workdays import UnknownUnitError, instrument, parse_unit


@register()
def declarations_are_sound(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Check every registered process."""
    return [
        Error(f"{one.code}: {text}", id="matters.E001")
        for one in processes()
        for text in process_problems(one)
    ]


def process_problems(process: Process) -> Sequence[str]:
    """Return what is wrong with a declaration, its rules, its instruments and its packaged templates."""
    found = list(problems(process))
    for limit in process.limits():
        try:
            if limit.rule:
                rows = packaged().rows("deadlines", process=limit.rule[0], step=limit.rule[1])
                if not rows:
                    found.append(f"deadline {limit.code}: the rulebook has no row {limit.rule}")
                for row in rows:
                    parse_unit(row["unit"])
            else:
                parse_unit(limit.unit)
                instrument(limit.instrument)
        except (UnknownUnitError, KeyError) as error:
            found.append(f"deadline {limit.code}: {error}")
    for document in process.documents:
        path = resources.files("qingjian").joinpath(document.template)
        if not path.is_file():
            found.append(f"document {document.code}: there is no template {document.template}")
            continue
        from qingjian.apps.matters.documents import template_problems

        with override("en"):  # declarations are read by programmers, as the other sentences here
            found.extend(
                f"document {document.code}: {text}" for text in template_problems(path.read_bytes(), document)
            )
    return found
