from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import qingjian.gateway
from qingjian.gateway.settings import GatewayLimits, GatewaySettings

DOCUMENT = Path(__file__).parents[2] / "docs" / "gateway.md"


def test_the_example_runs() -> None:
    text = (Path(qingjian.gateway.__file__).parent / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})


def test_the_table_of_limits_is_complete_and_true() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    told: dict[str, float] = {}
    for names, values in re.findall(r"^\| (`[^|]+`) \| ([^|]+) \|", text, re.MULTILINE):
        told |= dict(zip(re.findall(r"`(\w+)`", names), map(float, values.split(",")), strict=True))
    limits = GatewayLimits()
    assert told == {one.name: float(getattr(limits, one.name)) for one in fields(limits)}


def test_every_setting_is_named() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert [one.name for one in fields(GatewaySettings) if f"`{one.name}`" not in text] == []
