"""The node's own synthetic device: it speaks from this machine only, and its silence proves every day that alerting lives."""

from __future__ import annotations

import ipaddress
import secrets

from qingjian.apps.accounts.models import Organisation, Region
from qingjian.apps.network import models, queries, registered, services
from qingjian.apps.network.services import Proposal

FACTOR = "synthetic.x00001"
POINT = "QINGJIAN-SELF-TEST"
DEVICE = f"{POINT}-D1"
SERIES = f"{POINT}.x00001"
MN = "QINGJIANSELFTEST00000001"
SYSTEM_CODE = "91"
LOOPBACK = ("127.0.0.0/8", "::1/128")
SILENCE_SECONDS = 600


def ensure(region: Region, organisation: Organisation, gateway_host: str) -> bool:
    """Register the node's synthetic device where none is in force; True when something was registered.

    It may speak from loopback and from the address this node's own gateway listens on, from nowhere else.
    """
    own = models.Device.objects.filter(code=DEVICE).first()
    held = queries.in_force(models.Device.objects.filter(synthetic=True))
    addresses = [*LOOPBACK, *_network(gateway_host)]
    if own is None and not held:
        services.register(_rows(region, organisation, addresses))
        return True
    if own in held and not set(addresses) <= set(own.addresses):
        device = registered.KINDS["device"]
        fields = registered.plain(device, own)
        services.register([Proposal("device", {**fields, "addresses": addresses})])
        return True
    return False


def _network(host: str) -> list[str]:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return []
    return [] if address.is_loopback or address.is_unspecified else [str(ipaddress.ip_network(address))]


def _rows(region: Region, organisation: Organisation, addresses: list[str]) -> list[Proposal]:
    rows = [
        Proposal(
            "point",
            {
                "code": POINT,
                "name": "报警自检",
                "kind": "synthetic",
                "level": "county",
                "region": region.code,
                "organisation": organisation.code,
                "notice": "合成信号，不是监测数据 / synthetic signal, not monitoring data",
            },
        ),
        Proposal(
            "device",
            {
                "code": DEVICE,
                "mn": MN,
                "password": secrets.token_hex(3),
                "name": "报警自检（本机）",
                "point": POINT,
                "system_code": SYSTEM_CODE,
                "edition": "2017",
                "addresses": addresses,
                "silence_seconds": SILENCE_SECONDS,
                "synthetic": True,
            },
        ),
        Proposal(
            "series",
            {
                "code": SERIES,
                "point": POINT,
                "factor": FACTOR,
                "origin": "simulated",
                "device": DEVICE,
                "unit": "无量纲",
                "decimals": 0,
                "medium": "synthetic",
            },
        ),
        Proposal("route", {"device": DEVICE, "wire_factor": "x00001", "series": SERIES}),
    ]
    if models.Factor.objects.filter(code=FACTOR).exists():
        return rows
    factor = {
        "code": FACTOR,
        "medium": "synthetic",
        "wire_code": "x00001",
        "name_zh": "报警自检信号",
        "name_en": "Alerting self-test signal",
        "unit": "无量纲",
        "decimals": 0,
    }
    return [Proposal("factor", factor), *rows]
