from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.standards.emissions.equivalents import equivalent_rows, recheck
from qingjian.standards.errors import InputError

ON = date(2026, 6, 30)


def test_kilograms_become_equivalents_ranked_and_the_first_three_count() -> None:
    found = recheck({"a21026": 95, "a21002": 190, "a34013": 218, "a21005": 16.7}, "gas", ON)
    assert [(one.item, one.equivalents, one.rank, one.taxed) for one in found.items] == [
        ("a21002", Decimal("200.00"), 1, True),
        ("a21026", Decimal("100.00"), 2, True),
        ("a34013", Decimal("100.00"), 3, True),
        ("a21005", Decimal("1.00"), 4, False),
    ]
    assert found.confidence.value == "S"
    assert any("附表二" in row.clause for one in found.items for row in [one.row])


def test_of_cod_and_bod_only_the_larger_counts_and_groups_rank_apart() -> None:
    found = recheck({"w01018": 100, "w01017": 60, "w21003": 8, "w20111": 0.0005}, "water", ON)
    items = {one.item: one for one in found.items}
    assert (items["w01017"].equivalents, items["w01017"].rank, items["w01017"].taxed) == (
        Decimal("120.00"),
        1,
        True,
    )
    assert (items["w01018"].passed_over_for, items["w01018"].taxed) == ("五日生化需氧量", False)
    assert (items["w21003"].rank, items["w20111"].rank) == (2, 1)


def test_unknown_items_are_named_and_impossible_amounts_refused() -> None:
    assert recheck({"w99999": 5}, "water", ON).without_value == ("w99999",)
    with pytest.raises(InputError):
        recheck({"w01018": -1}, "water", ON)
    with pytest.raises(InputError):
        recheck({}, "soil", ON)


@given(st.dictionaries(st.sampled_from(sorted(equivalent_rows("gas", ON))), st.decimals(0, 1e6, places=2)))
def test_ranks_are_whole_and_follow_the_equivalents(amounts) -> None:
    found = recheck(amounts, "gas", ON).items
    assert [one.rank for one in found] == list(range(1, len(amounts) + 1))
    assert [one.equivalents for one in found] == sorted((one.equivalents for one in found), reverse=True)
    assert sum(one.taxed for one in found) == min(3, len(amounts))


def test_the_first_items_are_uncertain_beside_one_without_a_value() -> None:
    found = recheck({"a21026": 100, "a24088": 500}, "gas", ON)
    assert found.without_value == ("a24088",)
    assert not found.ranks_certain
    assert any("不确定" in step.text.zh and "a24088" in step.text.zh for step in found.trace.steps)
    assert recheck({"a21026": 100}, "gas", ON).ranks_certain


@pytest.mark.parametrize(
    ("medium", "code", "kilograms"),
    [
        ("gas", "a21001", "9.09"),
        ("gas", "a20091", "0.27"),
        ("gas", "a31002", "0.45"),
        ("gas", "a34017", "0.59"),
        ("water", "w22002", "0.16"),
    ],
)
def test_items_of_annex_2_that_outlets_measure_have_a_value(medium: str, code: str, kilograms: str) -> None:
    """Ammonia is measured behind every catalytic reduction of nitrogen oxides."""
    found = recheck({code: kilograms}, medium, ON)
    assert [(one.equivalents, one.row.confidence.value) for one in found.items] == [(1, "U")]
