"""A node that could not listen says so before it starts anything."""

from __future__ import annotations

import socket

from qingjian.cli.node import taken_ports
from qingjian.site.configuration import Configuration


def test_ports_of_another_program_are_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        web, gateway = (
            taken_ports(Configuration(web_port=port, gateway_host="127.0.0.1", gateway_port=0)),
            taken_ports(Configuration(web_port=0, gateway_host="127.0.0.1", gateway_port=port)),
        )
    assert len(web) == len(gateway) == 1
    assert f"端口 {port}（web_port）" in web[0]
    assert "gateway_port" in gateway[0]


def test_free_ports_are_nothing_to_talk_about() -> None:
    assert taken_ports(Configuration(web_port=0, gateway_host="127.0.0.1", gateway_port=0)) == []


def test_an_address_this_machine_does_not_have_is_named() -> None:
    assert "web_port" in taken_ports(Configuration(web_host="192.0.2.1", web_port=0, gateway_port=0))[0]
