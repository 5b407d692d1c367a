"""The example in the room's README runs."""

from __future__ import annotations

import re
from pathlib import Path

import qingjian.notary

README = Path(qingjian.notary.__file__).parent / "README.md"


def test_example_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(example, str(README), "exec"), names)
    assert names["code"] == 2
