from __future__ import annotations

import re
from pathlib import Path

import qingjian.journal


def test_the_example_runs() -> None:
    text = (Path(qingjian.journal.__file__).parent / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})
