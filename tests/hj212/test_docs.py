"""The pages say what the code does."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

from qingjian.hj212 import codes

PAGE = (Path(__file__).parents[2] / "docs" / "hj212.md").read_text(encoding="utf-8")
README = files("qingjian.hj212").joinpath("README.md").read_text(encoding="utf-8")
SOURCES = [path.read_text(encoding="utf-8") for path in Path(str(files("qingjian.hj212"))).rglob("*.py")]
SECTIONS = {
    "Refused": "refusal",
    "Switchable": "switchable",
    "Deviations": "deviation",
    "Unconfirmed": "feature",
}


def test_the_page_lists_every_code_in_its_section() -> None:
    found = {}
    for section in PAGE.split("\n### ")[1:]:
        kind = SECTIONS[re.split(r"[^A-Za-z]", section)[0]]
        for code, name_zh, name_en in re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|", section, re.MULTILINE):
            found[code] = (kind, name_zh, name_en)
    assert found == {code.code: (code.kind, code.name_zh, code.name_en) for code in codes.CODES.values()}


@pytest.mark.parametrize("code", sorted(codes.CODES))
def test_every_code_is_used(code: str) -> None:
    tables = files("qingjian.hj212").joinpath("data/commands.csv").read_text(encoding="utf-8")
    assert any(f'"{code}"' in source for source in SOURCES) or code in tables


def test_the_code_uses_no_other_code() -> None:
    used = set()
    for source in SOURCES:
        used |= set(re.findall(r'(?:Deviation|Refusal)\(\s*"(\w+)"', source))
    assert used <= set(codes.CODES)
    assert len(used) > 40


def test_the_example_of_the_readme_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(example, "README.md", "exec"), names)
    answer = names["answer"]
    assert isinstance(answer, bytes)
    head = b"##0087QN=20260801120003123;ST=91;CN=9014;PW=123456;MN=010000A8900016F000169DC0;Flag=4;CP=&&&&"
    assert answer.startswith(head)
