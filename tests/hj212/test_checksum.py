import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.hj212 import checksum


@pytest.mark.parametrize(
    ("segment", "text"),
    [
        (
            b"QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;CP=&&RtdInterval=30&&",
            b"1C80",
        ),
        (b"QN=20240601085857223;ST=32;CN=1011;PW=123456;MN=010000A8900016F000169DC0;Flag=9;CP=&&&&", b"2200"),
        (b"123456789", b"2F80"),
        (b"", b"FFFF"),
        (b"\x00", b"4040"),
    ],
)
def test_printed_examples(segment: bytes, text: bytes) -> None:
    assert checksum.check_text(segment) == text
    assert b"%04X" % checksum.check_by_definition(segment) == text


@given(st.binary(max_size=1300))
def test_fold_agrees_with_the_definition(segment: bytes) -> None:
    assert checksum.check(segment) == checksum.check_by_definition(segment)


def test_fold_agrees_at_every_length_around_its_widths() -> None:
    source = random.Random(212)
    for length in [
        *range(1, 140),
        255,
        256,
        257,
        511,
        512,
        513,
        1023,
        1024,
        1025,
        2047,
        2048,
        2049,
        4097,
        9999,
    ]:
        segment = source.randbytes(length)
        assert checksum.check(segment) == checksum.check_by_definition(segment), length


@given(st.binary(min_size=1, max_size=300))
def test_the_check_has_256_values(segment: bytes) -> None:
    text = checksum.check_text(segment)
    assert text in checksum.POSSIBLE_TEXTS
    assert text[3:] in (b"0", b"1")


@given(st.binary(min_size=1, max_size=200), st.data())
def test_every_single_byte_error_is_caught(segment: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(segment) - 1))
    error = data.draw(st.integers(1, 255))
    changed = bytearray(segment)
    changed[place] ^= error
    assert checksum.check(bytes(changed)) != checksum.check(segment)


def test_modbus_differs() -> None:
    assert checksum.modbus(b"123456789") == 0x4B37
