"""`qingjian evaluate`: values of outlets against emission standards, as others script it."""

from __future__ import annotations

from typing import Any

import pytest

from qingjian.rulebook import packaged
from qingjian.standards.evaluation import evaluate


def case(edition: str, **inputs: Any) -> dict[str, Any]:
    named = {name.rstrip("_"): value for name, value in inputs.items()}
    (found,) = evaluate([{"id": "1", "kind": "emission", "edition": edition, "inputs": named}])
    return found


@pytest.mark.parametrize(
    ("edition", "inputs", "exceeds", "multiple"),
    [
        ("GB 8978-1996", {"item": "动植物油", "value": "15 mg/L", "class_": "一级"}, True, 0.5),
        ("GB 8978-1996", {"item": "Mn", "value": "1 mg/L", "class_": "一级"}, False, None),
        ("GB 8978-1996", {"item": "磷酸盐", "value": "0.75", "class_": "一级"}, True, 0.5),
        ("GB 8978-1996", {"item": "硝基苯类", "value": "1900 μg/L", "class_": "一级"}, False, None),
        ("GB 8978-1996", {"item": "苯并(a)芘", "value": "0.00006", "class_": "一级"}, True, 1),
        ("GB 8978-1996", {"item": "色度", "value": "75 倍", "class_": "一级"}, True, 0.5),
        ("GB 8978-1996", {"item": "烷基汞", "value": "0.00002L"}, False, None),
        ("GB 8978-1996", {"item": "烷基汞", "value": "0.00002"}, True, None),
        ("GB 18485-2014", {"item": "二噁英类", "value": "0.2 ng TEQ/m³"}, True, 1),
        ("GB 18485-2014", {"item": "Cd+Tl", "value": "0.05"}, False, None),
        ("GB 18485-2014", {"item": "SO2", "value": "90", "period": "24小时均值"}, True, 0.125),
        ("GB 14554-1993", {"item": "臭气浓度", "value": "30"}, True, 0.5),
    ],
)
def test_values_are_judged(
    edition: str, inputs: dict[str, Any], exceeds: bool, multiple: float | None
) -> None:
    found = case(edition, **inputs)
    assert "error" not in found, found
    assert (found["outputs"]["exceeds"], found["outputs"].get("multiple")) == (exceeds, multiple)
    assert found["trace"]["zh"]


@pytest.mark.parametrize(
    ("edition", "inputs", "said"),
    [
        ("GB 8978-1996", {"item": "动植物油", "value": "15"}, "请给出 class（可用: 一级 / 二级 / 三级）"),
        ("GB 18485-2014", {"item": "SO2", "value": "90"}, "请给出 period"),
        ("GB 18918-2002", {"item": "NH3-N", "value": "6", "class_": "一级A"}, "请给出 condition"),
        ("GB 8978-1996", {"item": "动植物油", "value": "15", "class_": "九级"}, "没有 class 为 九级 的限值"),
        ("GB 8978-1996", {"item": "铀", "value": "15"}, "没有项目 铀"),
        ("GB 8978-1996", {"item": "色度", "value": "5 mg/L", "class_": "一级"}, "单位不符"),
        ("GB 8978-1996", {"item": "pH", "value": "17", "class_": "一级"}, "不能大于 14"),
        ("GB 9999-1996", {"item": "pH", "value": "7"}, "没有版本"),
        ("GB 8978-1996", {"item": "pH", "value": "7", "class_": "一级", "date": "1990-01-01"}, "未实施"),
        ("GB 8978-1996", {"item": "pH", "value": "7", "class_": "一级", "date": "昨天"}, "date 应写作"),
        ("GB 8978-1996", {"item": "pH", "value": "7", "class_": "一级", "wind": 3}, "不认识的输入"),
    ],
)
def test_what_cannot_be_judged_says_why(edition: str, inputs: dict[str, Any], said: str) -> None:
    found = case(edition, **inputs)
    assert said in found["error_detail"]["zh"]
    assert found["error_detail"]["en"]


def test_a_value_at_another_oxygen_is_brought_to_that_of_the_limit() -> None:
    found = case(
        "GB 13223-2011", item="SO2", value="45", class_="特别排放限值", condition="燃煤锅炉", oxygen=9
    )
    assert found["outputs"]["exceeds"] is True  # 45 × (21-6)/(21-9) = 56.25 > 50


def test_every_packaged_limit_can_be_asked_for() -> None:
    rows = packaged().rows("emission_limits")
    cases = [
        {
            "id": row.id,
            "kind": "emission",
            "edition": row.document,
            "inputs": {
                "item": row["pollutant_cn"],
                "value": {"value": "7", "unit": row["unit"]},
                "class": row["class"],
                "condition": f"{row['pollutant_cn']} {row['condition']}".strip(),
                **({"period": row["averaging_period"]} if row["averaging_period"] else {}),
                **({"date": row["effective_from"]} if row["effective_from"] else {}),
            },
        }
        for row in rows
    ]
    errors = {
        one["edition"] + one["inputs"]["item"]: one["error"] for one in evaluate(cases) if "error" in one
    }
    assert errors == {}
