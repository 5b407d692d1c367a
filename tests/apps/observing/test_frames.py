from __future__ import annotations

import pytest

from qingjian.apps.observing.provenance import hex_dump, without_password


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
        (b"\xff\x00noise", b"\xff\x00noise"),
    ],
)
def test_pages_never_show_an_access_password(frame: bytes, shown: bytes) -> None:
    assert without_password(frame) == shown


def test_a_hex_dump_keeps_every_byte() -> None:
    data = bytes(range(40))
    dump = hex_dump(data)
    assert bytes.fromhex("".join(line[6:53].replace(" ", "") for line in dump.splitlines())) == data
