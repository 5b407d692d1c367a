from __future__ import annotations

from pathlib import Path

import pytest
from tests.gateway.support import PatientClock, Site, device


@pytest.fixture
def clock() -> PatientClock:
    """A clock that only tests move."""
    return PatientClock()


@pytest.fixture
def site(tmp_path: Path, clock: PatientClock) -> Site:
    """A data folder whose directory knows one device."""
    made = Site(tmp_path / "data", clock)
    made.publish(device())
    return made
