"""What the office switches off of HJ 212 reaches gateway and pipeline through the directory."""

from __future__ import annotations

import pytest
from tests.gateway.support import MN, START, Site, device

from qingjian.contracts.clock import ManualClock
from qingjian.contracts.directory import Directory
from qingjian.gateway import registry
from qingjian.pipeline import reading

OFF = frozenset({"hj212:2025:mark:Td"})


def test_the_directory_switches_facts_off_for_every_device_beside_its_own(site: Site) -> None:
    own = device(policy={"without": ["hj212:2025:factor"]})
    site.directory.publish(Directory(version=2, published_at=START, devices=[own], without=OFF))
    found = registry.Registry(site.directory, ManualClock(START)).find(MN)
    assert found is not None
    assert found.policy.without == OFF | {"hj212:2025:factor"}


@pytest.mark.parametrize("policy", [{}, {"without": ["hj212:2025:factor"], "accept": ["length_wrong"]}])
@pytest.mark.parametrize("without", [frozenset(), OFF])
def test_gateway_and_pipeline_read_a_device_by_the_same_policy(
    policy: dict[str, list[str]], without: frozenset[str]
) -> None:
    row = device(policy=policy, edition="2025")
    assert registry.policy_of(row, without) == reading.policy_of(row, without)
