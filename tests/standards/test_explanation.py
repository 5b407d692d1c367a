import importlib.resources
import re
from datetime import date
from decimal import Decimal

import pytest

from qingjian.rulebook import Confidence, packaged
from qingjian.standards.editions import Basis, in_force, resolve
from qingjian.standards.errors import EditionError
from qingjian.standards.explanation import Text, TraceBuilder, plain
from qingjian.standards.quantity import measured


def test_a_trace_names_inputs_rejections_steps_and_the_weakest_mark() -> None:
    book = packaged()
    builder = TraceBuilder(Text("标题", "title"))
    builder.use(measured("0.002L", "Hg", "mg/L"))
    builder.reject("T", 20, "不参评", "not assessed")
    builder.step("甲", "first", book.rows("aqi_levels")[:1])
    builder.step("乙", "second", book.rows("eqi")[:1])
    trace = builder.done()
    assert trace.lines("en") == [
        "title",
        "used: Hg = 0.002L → 0.001 mg/L (below the detection limit 0.002)",
        "not used: T = 20 (not assessed)",
        "first",
        "second",
        "basis: HJ 633-2012 表2 [V verified in the text]",
        "basis: 环监测〔2021〕99号 [U unverified]",
        "rests on unverified rules: computes and warns, cannot act alone",
    ]
    assert trace.lines("zh")[0] == "标题"
    assert trace.confidence is Confidence.U
    form = trace.to_dict()
    assert form["may_act_alone"] is False
    assert form["steps"][1]["rows"] == [book.rows("eqi")[0].id]
    assert form["inputs"][0]["remark"]["zh"].startswith("低于检出限")


def test_plain_decimals() -> None:
    shown = [plain(Decimal(text)) for text in ("1E+3", "0.00005", "2.50", "100", "-0.0")]
    assert shown == ["1000", "0.00005", "2.5", "100", "-0"]


def test_an_edition_in_phases_follows_the_day_within_it() -> None:
    book = packaged()

    def basis(on: date | None, edition: str | None) -> Basis:
        return resolve(book, "ambient_air_limits", "GB 3095", on, edition)

    assert basis(date(2025, 12, 31), "2026").day == date(2026, 3, 1)
    assert basis(date(2032, 1, 1), "GB 3095-2026").day == date(2032, 1, 1)
    assert basis(None, "2012").day == date(2016, 1, 1)
    assert basis(date(2025, 1, 1), None) == Basis(date(2025, 1, 1))
    assert basis(None, "2012").explicit
    for on, edition in ((None, None), (None, "1996"), (date(2026, 1, 1), "")):
        with pytest.raises(EditionError):
            basis(on, edition)
    with pytest.raises(EditionError):
        in_force(book, "ambient_air_limits", Basis(date(2000, 1, 1)))


def test_the_readme_example_runs_and_prints_what_it_says() -> None:
    text = importlib.resources.files("qingjian.standards").joinpath("README.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (expected,) = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    printed: list[str] = []
    exec(code, {"print": lambda *values: printed.append(" ".join(str(v) for v in values))})
    assert "\n".join(printed) == expected.strip()
