from __future__ import annotations

from pathlib import Path

import pytest
from tests.gateway.support import START, Site, device

from qingjian.contracts.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    """A clock that only tests move."""
    return ManualClock(START)


@pytest.fixture
def site(tmp_path: Path, clock: ManualClock) -> Site:
    """A data folder whose directory knows one device."""
    made = Site(tmp_path / "data", clock)
    made.publish(device())
    return made
