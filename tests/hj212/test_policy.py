import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.hj212 import codes
from qingjian.hj212.policy import DEFAULT, Policy

POLICIES = st.builds(
    Policy,
    edition=st.sampled_from(["auto", "2005", "2017", "2025"]),
    accept=st.frozensets(st.sampled_from(sorted(codes.SWITCHABLE))),
    maximum_segment=st.integers(1, 9999),
    sm4_key=st.none() | st.binary(min_size=16, max_size=16),
    unconfirmed=st.frozensets(st.sampled_from(sorted(codes.UNCONFIRMED))),
    datatime=st.sampled_from(["start", "end"]),
    acknowledge=st.sampled_from(["flag", "always", "never"]),
    minute_interval=st.integers(1, 60),
)


@given(POLICIES)
def test_json_round_trip(policy: Policy) -> None:
    assert Policy.from_json(json.loads(json.dumps(policy.to_json()))) == policy


@pytest.mark.parametrize(
    "value",
    [
        {"edition": "2030"},
        {"accept": ["noise"]},
        {"accept": "length_wrong"},
        {"accept": 5},
        {"sm4_key": "00"},
        {"sm4_key": "zz"},
        {"maximum_segment": 0},
        {"maximum_segment": "7"},
        {"unconfirmed": ["x"]},
        {"datatime": "middle"},
        {"acknowledge": "sometimes"},
        {"minute_interval": 0},
        {"colour": "red"},
    ],
)
def test_bad_policies_are_refused(value: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each value has a text of its own
        Policy.from_json(value)


def test_defaults() -> None:
    assert Policy.from_json({}) == DEFAULT
    assert DEFAULT.accept == frozenset()


def test_the_key_does_not_show_in_logs() -> None:
    assert "3030" not in repr(Policy(sm4_key=b"0" * 16))
    assert "0000" not in repr(Policy(sm4_key=b"0" * 16))
