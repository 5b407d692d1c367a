"""The example of the README works."""

import re
from pathlib import Path

import qingjian.pipeline


def test_the_example_of_the_readme(tmp_path: Path) -> None:
    text = (Path(qingjian.pipeline.__file__).parent / "README.md").read_text()
    code = re.search(r"```python\n(.*?)```", text, re.S)
    assert code is not None
    names: dict[str, object] = {}
    exec(code[1], names)
    assert names["example"](tmp_path) == (12.5, 1)  # type: ignore[operator]
