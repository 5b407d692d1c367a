"""The list of deviation and refusal codes, read from a packaged table."""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import NamedTuple


class Code(NamedTuple):
    """``kind``: ``deviation`` (tolerated), ``refusal`` (never accepted), ``switchable`` (refused unless the
    device's policy accepts it; then reported as a deviation), ``feature`` (unconfirmed, off unless switched on)."""

    code: str
    kind: str
    name_zh: str
    name_en: str
    source: str


def _load() -> dict[str, Code]:
    text = files("qingjian.hj212").joinpath("data/codes.csv").read_text(encoding="utf-8")
    return {row["code"]: Code(**row) for row in csv.DictReader(text.splitlines())}


CODES: dict[str, Code] = _load()
SWITCHABLE: frozenset[str] = frozenset(code.code for code in CODES.values() if code.kind == "switchable")
UNCONFIRMED: frozenset[str] = frozenset(code.code for code in CODES.values() if code.kind == "feature")


def explain(code: str, language: str = "zh") -> str:
    """One sentence for a person; ``language`` is ``zh`` or ``en``. Unknown codes come back as they are."""
    known = CODES.get(code)
    if known is None:
        return code
    return known.name_en if language == "en" else known.name_zh
