"""Rehearsals change what they label and nothing else, and always in the same way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from qingjian.screening.panel import FLAG_NORMAL, Panel
from qingjian.screening.record import history_record
from qingjian.screening.rehearsal import CLEAN, UNCLEAR, stage
from qingjian.screening.ways import FAMILIES, KINDS, REPLACING, TAMPERING, TAMPERING_FAMILIES, TROUBLE, Scene


def test_a_rehearsal_is_deterministic_and_touches_only_labelled_days(
    make_network: Callable[..., Panel],
) -> None:
    record = history_record(make_network(120))
    one, two = stage(record, 4, 0.15), stage(record, 4, 0.15)
    assert np.array_equal(one.record.values, two.record.values, equal_nan=True)
    assert np.array_equal(one.kind, two.kind)
    same = (one.record.values == record.values) & (one.record.flags == record.flags)
    untouched = same.reshape(*one.kind.shape, 24).all(axis=3)
    assert untouched[one.kind == CLEAN].all()
    assert not untouched[one.kind != CLEAN].any()
    share = (one.kind[:, :2] >= 0).mean()
    assert 0.05 < share < 0.35


def test_context_is_never_tampered_with(make_network: Callable[..., Panel]) -> None:
    record = history_record(make_network(120))
    context = [p for p, parameter in enumerate(record.parameters) if parameter.role == "context"]
    assert (stage(record, 4, 0.2).kind[:, context] == CLEAN).all()


def test_other_seeds_give_other_exercises(make_network: Callable[..., Panel]) -> None:
    record = history_record(make_network(120))
    assert not np.array_equal(stage(record, 1, 0.15).kind, stage(record, 2, 0.15).kind)


@pytest.mark.parametrize("name", KINDS)
def test_every_exercise_changes_a_series(name: str, make_network: Callable[..., Panel]) -> None:
    panel = make_network(60)
    x = panel.values[0, 0, -24 * 8 :]
    scene = Scene(
        0.8,
        75.0,
        1.0,
        1,
        panel.values[0, 0, : -24 * 8],
        panel.values[1, 0, -24 * 8 :],
        panel.values[0, 1, -24 * 8 :],
    )
    y, flag = (TAMPERING | TROUBLE)[name](x.copy(), np.random.default_rng(5), scene)
    assert y.shape == x.shape
    moved = ~((y == x) | (np.isnan(y) & np.isnan(x)))
    assert moved.any() or (flag is not None and (flag != FLAG_NORMAL).any())


def test_kinds_are_either_tampering_or_trouble() -> None:
    assert not set(TAMPERING) & set(TROUBLE)
    assert set(KINDS) >= REPLACING
    assert sorted(kind for family in FAMILIES for kind in family) == sorted(KINDS)
    assert {kind for family in FAMILIES[:TAMPERING_FAMILIES] for kind in family} == set(TAMPERING)
    assert CLEAN < 0
    assert UNCLEAR < 0


def test_nothing_can_be_staged_in_an_empty_record(make_network: Callable[..., Panel]) -> None:
    record = history_record(make_network(9))
    assert (stage(record, 1, 0.2).kind == CLEAN).all()
