"""Rehearsals change what they label and nothing else, and always in the same way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from qingjian.screening.panel import FLAG_NORMAL, Panel, Parameter
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


def test_mist_is_staged_on_both_particle_factors_and_on_nothing_else(
    make_network: Callable[..., Panel],
) -> None:
    panel = make_network(240)
    gas = Parameter("SO2", resolution=1.0)
    panel = replace(
        panel,
        parameters=(*panel.parameters, gas),
        values=np.concatenate([panel.values, panel.values[:, :1] + 3], axis=1),
        flags=np.concatenate([panel.flags, panel.flags[:, :1]], axis=1),
    )
    record = history_record(panel)
    codes = [parameter.code for parameter in record.parameters]
    dust, no2 = codes.index("DUST"), codes.index("NO2")
    staged = stage(record, 3, 0.15, ("spray",), {dust: no2, no2: dust})
    mist = staged.kind >= 0
    assert mist[:, dust].any()
    assert not mist[:, codes.index("SO2")].any()
    assert ((staged.kind[:, dust] != CLEAN) == (staged.kind[:, no2] != CLEAN)).mean() > 0.98


@pytest.mark.parametrize("ambient", [True, False])
def test_short_dips_are_campaigns_of_weeks_only_at_an_inlet_of_two_particle_factors(
    ambient: bool, make_network: Callable[..., Panel]
) -> None:
    record = history_record(make_network(720))
    dust, no2 = ([p.code for p in record.parameters].index(code) for code in ("DUST", "NO2"))
    staged = stage(record, 3, 0.15, ("spray",), {dust: no2, no2: dust} if ambient else None)
    days = staged.kind[:, [dust, no2]] != CLEAN
    lengths = [
        length
        for series in days.reshape(-1, days.shape[2])
        for length in np.diff(np.flatnonzero(np.diff(np.r_[False, series, False])))[::2]
    ]
    assert bool(np.median(lengths) >= 8) is ambient


def test_every_kind_is_rehearsed_about_equally_often(make_network: Callable[..., Panel]) -> None:
    record = history_record(make_network(720))
    kinds = ("clip_limit", "scale", "offset", "spikes", "drift")
    staged = stage(record, 3, 0.25, kinds)
    begins = (staged.kind[:, :, 1:] >= 0) & (staged.kind[:, :, 1:] != staged.kind[:, :, :-1])
    counts = [int((begins & (staged.kind[:, :, 1:] == KINDS.index(kind))).sum()) for kind in kinds[:3]]
    assert min(counts) > 0.4 * max(counts)


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
