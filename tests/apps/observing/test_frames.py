from __future__ import annotations

from datetime import timedelta

import pytest
from django.http import HttpResponse
from tests.hj212.building import frame as framed

from qingjian.apps.network import services as network
from qingjian.apps.network.models import Device
from qingjian.apps.observing import device_views, provenance, queries, words
from qingjian.apps.observing.provenance import hex_dump, without_password
from qingjian.apps.rulekeeping import queries as rulekeeping
from qingjian.contracts.current import now
from qingjian.hj212.profiles import facts


@pytest.mark.parametrize(
    ("frame", "shown"),
    [
        (
            b"##0101QN=1;ST=32;CN=2011;PW=123456;MN=A;Flag=5;CP=&&&&1C80",
            b"##0101QN=1;ST=32;CN=2011;PW=******;MN=A;Flag=5;CP=&&&&1C80",
        ),
        (b"##0050PW=abc;MN=A;CP=&&NewPW=654321&&FFFF", b"##0050PW=***;MN=A;CP=&&NewPW=******&&FFFF"),
        (
            b"##0050PW=abc;MN=A;CP=&&SKCreateTime=1,NewSK=fedcba9876543210&&FFFF",
            b"##0050PW=***;MN=A;CP=&&SKCreateTime=1,NewSK=****************&&FFFF",
        ),
        (b"##0050pw=abc;MN=A;CP=&& newpw =654321&&FFFF", b"##0050pw=***;MN=A;CP=&& newpw =******&&FFFF"),
        (b"##0050QN=1;CN=2011; PW=abc;PW =abc;MN=A", b"##0050QN=1;CN=2011; PW=***;PW =***;MN=A"),
        (b"\xff\x00noise", b"\xff\x00noise"),
    ],
)
def test_pages_never_show_an_access_password(frame: bytes, shown: bytes) -> None:
    assert without_password(frame) == shown


def test_a_hex_dump_keeps_every_byte() -> None:
    data = bytes(range(40))
    dump = hex_dump(data)
    assert bytes.fromhex("".join(line[6:53].replace(" ", "") for line in dump.splitlines())) == data


def test_a_frame_is_shown_to_whoever_had_the_device_when_it_was_received(
    client, registry, clock, monkeypatch
) -> None:
    """An MN moves to another holder's device: the frames of before stay with the holder of before."""
    received = now()
    frame = {"mn": "MN-W1", "received_at": received}
    monkeypatch.setattr(provenance, "frame", lambda *_id: frame)
    monkeypatch.setattr(device_views, "render", lambda *_parts: HttpResponse("shown"))
    clock.advance(60)
    Device.objects.filter(code="W1-D1").update(mn="MN-OLD")
    Device.objects.filter(code="A1-D1").update(mn="MN-W1")
    network.publish_directory()
    holder = registry.person("holder", "permit_holder", organisation=registry.holder)
    station = registry.person("q", "permit_holder")  # of the bureau, which has the MN now
    shown = {}
    for moment in (received, now() + timedelta(seconds=1)):
        frame["received_at"] = moment
        for user in (holder, station):
            client.force_login(user)
            shown[user.username, moment == received] = client.get("/data/frames/gateway-1/1/").status_code
    assert shown == {("holder", True): 200, ("q", True): 404, ("holder", False): 404, ("q", False): 200}
    now_theirs, before = Device.objects.get(code="A1-D1"), Device.objects.get(code="W1-D1")
    assert not queries.received_from(now_theirs, "MN-W1", received)
    assert queries.received_from(before, "MN-W1", received)


def test_the_frame_page_reads_by_what_was_switched_off_when_the_frame_came(registry, monkeypatch) -> None:
    mark = next(one for one in facts() if one.edition == "2025" and one.kind == "mark")
    Device.objects.filter(code="A1-D1").update(edition="2025")
    content = framed(
        "QN=20261121100000000;ST=22;CN=2011;PW=123456;MN=MN-A1;Flag=9;",
        f"DataTime=20261121100000;a34004-Rtd=1.5,a34004-Flag={mark.code}",
    )
    versions = []
    for off in (frozenset(), frozenset({mark.id})):
        monkeypatch.setattr(rulekeeping, "facts_switched_off", lambda off=off: off)
        versions.append(network.publish_directory().version)
    plain, without = (
        provenance._reading(content, provenance._policy("MN-A1", version, now()))["deviations"]
        for version in versions
    )
    title = words.code_title("mark_unknown")
    assert set(without) - set(plain) == {(title, f"a34004-Flag={mark.code}")}
