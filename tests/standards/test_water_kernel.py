from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qingjian.rulebook import packaged
from qingjian.standards.errors import InputError
from qingjian.standards.surface_water.classification import classify
from qingjian.standards.surface_water.items import ASSESSED, CLASSES
from qingjian.standards.surface_water.kernel import MISSING, classes

DAY = date(2026, 5, 1)


def limits_of(item: str) -> list[float]:
    rows = packaged().rows("surface_water_limits", symbol=item)
    return [float(r["limit"]) for r in rows if r["op"] != "range"]


@st.composite
def sections(draw: st.DrawFn) -> dict[str, float | None]:
    values: dict[str, float | None] = {}
    for item in draw(st.lists(st.sampled_from(ASSESSED), min_size=1, unique=True)):
        if item == "pH":
            values[item] = draw(st.none() | st.integers(0, 1400).map(lambda n: n / 100))
            continue
        near = st.sampled_from(limits_of(item)).flatmap(lambda x: st.sampled_from([x, x * 0.999, x * 1.001]))
        values[item] = draw(st.none() | near.map(lambda x: float(f"{x:.9g}")))
    return values


@settings(max_examples=150)
@given(st.lists(sections(), min_size=1, max_size=5), st.sampled_from(["river", "lake"]))
def test_arrays_agree_with_single_sections(many: list[dict[str, Any]], body: Any) -> None:
    names = sorted({name for section in many for name in section})
    arrays = {name: [np.nan if s.get(name) is None else s[name] for s in many] for name in names}
    result = classes(arrays, on=DAY, water_body=body)
    for place, section in enumerate(many):
        if all(value is None for value in section.values()):
            assert result.cls[place] == MISSING
            assert result.deciding_items(place) == ()
            continue
        single = classify(section, DAY, water_body=body)
        assert CLASSES[result.cls[place]] == single.cls
        assert result.deciding_items(place) == single.decided_by


def test_non_detects_count_half() -> None:
    result = classes({"VP": [0.004, 0.004]}, on=DAY, below_detection={"VP": [False, True]})
    assert [CLASSES[c] for c in result.cls] == ["Ⅲ", "Ⅰ"]


@pytest.mark.parametrize(
    "bad",
    [{"COD": [-1.0]}, {"pH": [14.1]}, {"pH": [-0.1]}, {"COD": [np.inf]}, {"TN": [1.0]}, {"gold": [1.0]}, {}],
)
def test_impossible_values(bad: dict[str, list[float]]) -> None:
    with pytest.raises(InputError):
        classes(bad, on=DAY)


def test_shapes_and_duplicates() -> None:
    with pytest.raises(InputError):
        classes({"COD": [1.0], "TP": [1.0, 2.0]}, on=DAY)
    with pytest.raises(InputError):
        classes({"COD": [1.0], "CODCr": [1.0]}, on=DAY)
    cube = classes({"COD": np.full((3, 4, 5), 21.0)}, on=DAY)
    assert cube.cls.shape == (3, 4, 5)
    assert np.all(cube.cls == 3)
