from __future__ import annotations

import io
from datetime import date, datetime

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.apps.evaluation.conftest import Data
from tests.apps.evaluation.test_air import data_person

from qingjian.apps.evaluation import explanation, services
from qingjian.apps.evaluation.bounds import Bound, strictest_first
from qingjian.apps.evaluation.models import Evaluation, Exceedance
from qingjian.apps.rulekeeping import services as rules
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.clock import CHINA

START = datetime(2026, 11, 20, tzinfo=CHINA)


def assign(place, **changes: str) -> None:
    """A second person approves that GB 18918 applies to the outlet."""
    values = {
        "standard": "GB 18918",
        "outlet": "S1-W1",
        "class": "一级A",
        "effective_from": "2024-01-01",
        "source": "环评批复",
        **changes,
    }
    maker, checker = place.person("m", "data_manager"), place.person("c", "data_manager")
    names = ",".join(values)
    cells = ",".join(f'"{value}"' for value in values.values())
    change = rules.propose(maker, "outlet_standards", f"{names}\n{cells}\n", "环评批复")
    rules.approve(checker, change, 0, "环评批复第3页")


def day(data: Data, value: float) -> Evaluation:
    data.put("W1.w01018", START, [value] * 24)
    data.put("W1.w00000", START, [10.0] * 24)
    services.catch_up("outlets", 60)
    return Evaluation.objects.get(kind="outlet_day", start=START, superseded_at=None)


def test_the_permit_decides_where_it_is_as_strict(data: Data, place) -> None:
    assign(place)
    row = day(data, 45)
    (item,) = row.result["items"]
    assert (item["bounds"], item["exceeds"], bool(item["limit"])) == ("≤50", False, True)
    assert [one["document"] for one in item["others"]] == ["GB 18918-2002 表1 一级A"]


def test_a_stricter_standard_decides_and_why_lists_both(data: Data, place, client) -> None:
    assign(place, **{"class": "一级A"})
    maker = place.person("m2", "data_manager", region=place.city)
    checker = place.person("c2", "data_manager", region=place.city)
    row = next(
        one
        for one in rulebook().rows("emission_limits", date(2026, 11, 20), standard="GB 18918")
        if (one.values["symbol"], one["class"]) == ("COD", "一级A")
    )
    local = {**row.values, "limit": "30", "source": "地方标准", "confidence": "V"}
    change = rules.propose(maker, "emission_limits", rules.as_csv("emission_limits", [local]), "地方标准")
    rules.approve(checker, change, 0, "地方标准第2页")
    evaluated = day(data, 45)
    (item,) = evaluated.result["items"]
    assert (item["limit"], item["bounds"], item["exceeds"], item["multiple"]) == (None, "≤30", True, 0.5)
    run = Exceedance.objects.get(averaging="day")
    assert (run.limit, run.rule) == (None, row.id)
    own = "地方标准第2页 (本单位 own; 替代 in place of GB 18918-2002 表1)"
    assert run.held_against == f"≤30 mg/L ({own} 一级A)"
    trace, _again = explanation.trace_of(evaluated, rulebook())
    steps = " ".join(step["zh"] for step in trace["steps"])
    assert "最严，作为判定依据" in steps
    assert "排污许可证" in steps
    client.force_login(data_person(data))
    assert "GB 18918" in client.get("/outlets/exceedances/").content.decode()
    page = client.get("/outlets/limits/?on=2026-11-20").content.decode()
    assert page.count("GB 18918") >= 1
    export = client.get("/outlets/limits/?on=2026-11-20&export=xlsx").content
    rows = list(openpyxl.load_workbook(io.BytesIO(export)).active.iter_rows(values_only=True))
    by_device = {line[3] for line in rows[1:] if line[5]}
    assert by_device == {"≤100 mg/L", "≤50 mg/L", "≤30 mg/L"}
    assert client.get("/outlets/limits/?on=x").status_code == 400


def test_an_assignment_with_past_effect_re_evaluates_what_it_touches(data: Data, place) -> None:
    services.notice_rules()
    before = day(data, 45)
    assign(place, **{"class": "一级A"})
    services.run(60)
    after = Evaluation.objects.get(kind="outlet_day", start=START, superseded_at=None)
    before.refresh_from_db()
    assert (before.superseded_at is None, after.revision, after.rule_change is None) == (False, 1, False)
    assert "others" in after.result["items"][0]
    assert "others" not in before.result["items"][0]


def test_what_is_left_out_by_the_assignment_does_not_apply(data: Data, place) -> None:
    assign(place, left_out="24 h mixed")
    (item,) = day(data, 45).result["items"]
    assert "others" not in item


BOUNDS = st.builds(Bound, st.none() | st.floats(0.1, 100), st.none() | st.floats(0.01, 0.09)).filter(
    lambda one: (one.upper, one.lower) != (None, None)
)


@given(st.lists(BOUNDS, min_size=1, max_size=5), st.floats(0, 200))
def test_nothing_within_the_strictest_upper_limit_exceeds_another_upper_limit(bounds, value: float) -> None:
    ordered = strictest_first(one for one in bounds if one.lower is None)
    if ordered and not ordered[0].exceeded(value):
        assert not any(one.exceeded(value) for one in ordered)


@pytest.mark.parametrize(
    ("bound", "text"),
    [
        (Bound(50.0, None), "≤50"),
        (Bound(0.5, None), "≤0.5"),
        (Bound(9.0, 6.0), "6–9"),
        (Bound(None, 1.0), "≥1"),
        (Bound(1500000.0, None), "≤1500000"),
    ],
)
def test_limits_are_written_as_people_write_them(bound: Bound, text: str) -> None:
    assert bound.text == text
