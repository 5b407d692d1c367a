"""What the processes of a node are told at their start."""

from __future__ import annotations

import ipaddress

import pytest

from qingjian.cli.children import allowed_networks
from qingjian.gateway.registry import contains
from qingjian.gateway.settings import reached_at
from qingjian.site.configuration import Configuration


@pytest.mark.parametrize(
    ("allow", "address", "may"),
    [
        ("10.0.0.0/8 172.16.0.0/12", "127.0.0.1", True),
        ("10.0.0.0/8 172.16.0.0/12", "::1", True),
        ("10.0.0.0/8 172.16.0.0/12", "172.16.0.9", True),
        ("10.0.0.0/8 172.16.0.0/12", "8.8.8.8", False),
        ("", "8.8.8.8", True),
    ],
)
def test_an_allow_list_does_not_shut_out_the_self_test_of_this_machine(
    allow: str, address: str, may: bool
) -> None:
    networks = [ipaddress.ip_network(one) for one in allowed_networks(Configuration(gateway_allow=allow))]
    assert (not networks or any(contains(one, address) for one in networks)) is may


def test_a_gateway_of_one_address_is_reached_there() -> None:
    configuration = Configuration(gateway_allow="10.0.0.0/8", gateway_host="192.168.3.4")
    assert "192.168.3.4" in allowed_networks(configuration)
    named = allowed_networks(Configuration(gateway_allow="10.0.0.0/8", gateway_host="localhost"))
    assert all(ipaddress.ip_network(one) for one in named)
    assert reached_at("192.168.3.4") == "192.168.3.4"
    assert [reached_at(one) for one in ("0.0.0.0", "", "::")] == ["127.0.0.1", "127.0.0.1", "::1"]
