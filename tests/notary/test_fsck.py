"""Older logs are looked at in turn: every bundle once in a round, the newest log each time."""

from __future__ import annotations

import pytest
from tests.notary.conftest import events

from qingjian.contracts.clock import ManualClock
from qingjian.ledger.tiles import ENTRIES, Tile
from qingjian.notary import fsck as checks
from qingjian.notary.fsck import ROUND, fsck
from qingjian.notary.notary import Notary


def test_a_damaged_bundle_of_an_older_log_is_met_once_in_a_round(
    notary: Notary, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "SMALL", 1)
    shard = notary.current()
    shard.append(events(1_500))
    clock.advance(60 * 86_400)
    notary.sequence()
    assert [row.name for row in notary.state.shards()] == ["2026", "2027"]
    path = notary.files("2026").folder / Tile(ENTRIES, 3).path
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    met = [bool(fsck(notary, turn=night)[0].problems) for night in range(2 * ROUND)]
    assert [night for night, found in enumerate(met) if found] == [3, ROUND + 3]
    assert fsck(notary)[0].problems
    monkeypatch.setattr(checks, "SMALL", 64)
    assert fsck(notary, turn=0)[0].problems  # a small log is looked at whole each time
