"""The example of the README runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from qingjian import screening
from qingjian.screening.panel import Panel


def test_the_example_runs(make_network: Callable[..., Panel]) -> None:
    text = (Path(screening.__file__).parent / "README.md").read_text(encoding="utf-8")
    example = re.search(r"```python\n(.*?)```", text, re.S)
    assert example
    whole = make_network(130)
    history, last = whole.until(whole.first_day + 99), whole.since(30)
    code = example[1].replace("learn_history(history)", "learn_history(history, 1000)")
    names = {"history": history, "panel": replace(last)}
    exec(code, names)
    assert names["result"].days
