from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.apps.conftest import NOW

from qingjian.api import limiting
from qingjian.api.limiting import Limiter
from qingjian.contracts.clock import ManualClock
from qingjian.contracts.current import use_clock


@given(
    most=st.integers(1, 20),
    seconds=st.integers(1, 900),
    steps=st.lists(st.floats(0, 100), min_size=1, max_size=200),
)
def test_never_more_than_a_bucket_and_what_flows_in(most: int, seconds: int, steps: list[float]) -> None:
    limiter = Limiter(most, seconds)
    taken = 0
    with use_clock(ManualClock(NOW)) as manual:
        for step in steps:
            manual.advance(step)
            waiting = limiter.take("somebody")
            taken += not waiting
            assert 0 <= waiting <= seconds / most + 1e-6
            assert taken <= most + manual.monotonic() * most / seconds + 1e-6
        if waiting:
            manual.advance(waiting + 1e-6)
            assert limiter.take("somebody") == 0


def test_one_key_does_not_empty_the_bucket_of_another_and_few_are_kept(monkeypatch) -> None:
    monkeypatch.setattr(limiting, "MOST_KEYS", 3)
    with use_clock(ManualClock(NOW)):
        limiter = Limiter(1, 60)
        assert [limiter.take(key) == 0 for key in "aab"] == [True, False, True]
        for key in "cde":
            limiter.take(key)
        assert limiter.take("e") > 0
        assert limiter.take("a") == 0
