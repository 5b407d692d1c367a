"""Commitments, frame batches, sealed days and the entries of the ledger."""

from __future__ import annotations

import datetime
import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.ledger.checkpoint import Checkpoint
from qingjian.ledger.commitments import canonical_json, commitment, derive_salt, parse_canonical_json
from qingjian.ledger.entries import (
    Day,
    Entry,
    Event,
    Frames,
    KeyAction,
    KeyChange,
    Start,
    StartReason,
    encode_entry,
    parse_entry,
)
from qingjian.ledger.errors import MalformedError
from qingjian.ledger.frames import FrameRow, build_batch
from qingjian.ledger.hashing import leaf_hash
from qingjian.ledger.note import Ed25519Signer, load_private_key
from qingjian.ledger.seals import DaySeal, canonical_rows, series_day, series_day_salt
from qingjian.ledger.tree import verify_inclusion

DAY = datetime.date(2026, 11, 20)
KEY = Ed25519Signer("qingjian.example/2026", load_private_key(b"L" * 32)).key


@pytest.mark.parametrize(
    ("bits", "text"),
    [  # RFC 8785 appendix B
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("41b3de4355555553", "333333333.3333332"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
    ],
)
def test_numbers_of_rfc_8785(bits: str, text: str) -> None:
    assert canonical_json(struct.unpack(">d", bytes.fromhex(bits))[0]) == text.encode()


def test_example_of_rfc_8785() -> None:
    """RFC 8785 section 3.2.2 to 3.2.3."""
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"\u002f",
        "literals": [None, True, False],
    }
    assert (
        canonical_json(value)
        == (
            '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
            '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
        ).encode()
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, {1: 2}, {"a": object()}, "\ud800"])
def test_what_has_no_canonical_form(value: Any) -> None:
    with pytest.raises(MalformedError):
        canonical_json(value)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_canonical_json_is_stable(value: Any) -> None:
    data = canonical_json(value)
    assert canonical_json(parse_canonical_json(data)) == data
    with pytest.raises(MalformedError):
        parse_canonical_json(b" " + data)


def test_commitments_need_their_salt() -> None:
    data = canonical_json({"kind": "sample", "value": 1})
    salt = bytes(range(32))
    assert commitment(data, salt) == commitment(data, salt)
    assert commitment(data, salt) != commitment(data, bytes(32))
    assert commitment(data, salt) != commitment(data + b" ", salt)
    with pytest.raises(MalformedError):
        commitment(data, b"short")
    with pytest.raises(MalformedError):
        derive_salt(b"short", "a")
    assert derive_salt(bytes(32), "ab", "c") != derive_salt(bytes(32), "a", "bc")


def rows(count: int, first: int = 10) -> list[FrameRow]:
    return [
        FrameRow.of(
            "gate-1", first + i, 1_700_000_000_000_000 + i, f"frame {i}".encode(), bytes([i % 256]) * 16
        )
        for i in range(count)
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 1000, 1024])
def test_frame_batches(count: int) -> None:
    batch = build_batch(rows(count))
    assert (batch.first, batch.last) == (10, 9 + count)
    for row in (rows(count)[0], rows(count)[-1], rows(count)[count // 2]):
        path = batch.proof(row.sequence)
        verify_inclusion(row.leaf(), row.sequence - batch.first, count, path, batch.root)


def test_a_frame_leaf_covers_everything_about_the_frame() -> None:
    row = FrameRow.of("gate-1", 10, 1_700_000_000_000_000, b"frame", bytes(16))
    others = [
        FrameRow.of("gate-2", 10, 1_700_000_000_000_000, b"frame", bytes(16)),
        FrameRow.of("gate-1", 11, 1_700_000_000_000_000, b"frame", bytes(16)),
        FrameRow.of("gate-1", 10, 1_700_000_000_000_001, b"frame", bytes(16)),
        FrameRow.of("gate-1", 10, 1_700_000_000_000_000, b"frbme", bytes(16)),
        FrameRow.of("gate-1", 10, 1_700_000_000_000_000, b"frame", b"\x01" + bytes(15)),
        FrameRow.of("gate-1", 10, 1_700_000_000_000_000, b"frame", bytes(16), b'{"mn":"1"}'),
    ]
    assert len({r.leaf() for r in [row, *others]}) == 7


def test_batches_that_cannot_be() -> None:
    with pytest.raises(MalformedError):
        build_batch([])
    with pytest.raises(MalformedError):
        build_batch(rows(1025))
    with pytest.raises(MalformedError, match="does not follow"):
        build_batch([*rows(2), *rows(1, first=13)])
    with pytest.raises(MalformedError):
        build_batch([FrameRow("gate", 1, 1, b"short", bytes(16))])
    with pytest.raises(MalformedError):
        build_batch([FrameRow("", 1, 1, bytes(32), bytes(16))])
    with pytest.raises(MalformedError):
        build_batch(rows(3)).proof(13)


COLUMNS = ("start", "statistic", "revision", "value")


@given(st.permutations([[1, "avg", 0, 1.5], [2, "avg", 0, None], [3, "avg", 0, 0.1], [3, "avg", 1, 0.2]]))
def test_rows_are_canonical_whatever_their_order(shuffled: list[list[Any]]) -> None:
    data = canonical_rows("P1-a01", DAY, COLUMNS, shuffled)
    assert data == (
        b'{"columns":["start","statistic","revision","value"],"day":"2026-11-20","series":"P1-a01"}\n'
        b'[1,"avg",0,1.5]\n[2,"avg",0,null]\n[3,"avg",0,0.1]\n[3,"avg",1,0.2]\n'
    )


def test_rows_that_cannot_be_sealed() -> None:
    with pytest.raises(MalformedError, match="twice"):
        canonical_rows("s", DAY, COLUMNS, [[1, "avg", 0, 1.5], [1, "avg", 0, 1.5]])
    with pytest.raises(MalformedError, match="columns"):
        canonical_rows("s", DAY, COLUMNS, [[1, "avg", 0]])
    with pytest.raises(MalformedError):
        canonical_rows("s", DAY, COLUMNS, [[1, "avg", 0, float("nan")]])


def test_a_seal_opens_one_series_only() -> None:
    secret = b"s" * 32
    data = {f"P{i}": canonical_rows(f"P{i}", DAY, COLUMNS, [[1, "avg", 0, i / 2]]) for i in range(9)}
    seal = DaySeal(
        DAY, [series_day(secret, series, DAY, content) for series, content in reversed(data.items())]
    )
    assert [item.series for item in seal.series_days] == sorted(data)
    salt = series_day_salt(secret, "P3", DAY)
    leaf = leaf_hash(commitment(data["P3"], salt))
    verify_inclusion(leaf, seal.place("P3"), seal.size, seal.proof("P3"), seal.root)
    assert (
        salt != series_day_salt(secret, "P4", DAY) != series_day_salt(secret, "P4", datetime.date(2026, 1, 1))
    )
    with pytest.raises(MalformedError):
        seal.place("P99")
    with pytest.raises(MalformedError, match="twice"):
        DaySeal(DAY, [*seal.series_days, seal.series_days[0]])


ENTRIES: list[Entry] = [
    Start("qingjian.example/2026", StartReason.FIRST, (KEY,)),
    Start(
        "qingjian.example/2027",
        StartReason.NEW_YEAR,
        (KEY,),
        Checkpoint("qingjian.example/2026", 7, bytes(32)),
    ),
    Frames("gate-1", 1, 1024, b"r" * 32),
    Day(DAY, 1, b"d" * 32, 12),
    Day(DAY, 2, b"e" * 32, 12, b"d" * 32),
    Event(b"c" * 32),
    KeyChange(KeyAction.SUCCESSOR, KEY),
]


@pytest.mark.parametrize("entry", ENTRIES)
def test_entries_round_trip(entry: Entry) -> None:
    data = encode_entry(entry)
    assert parse_entry(data) == entry
    value = json.loads(data)
    for other in (
        value | {"v": 2},
        value | {"kind": "unheard"},
        value | {"more": 1},
        {k: v for k, v in value.items() if k not in ("origin", "root", "commitment", "key")},
    ):
        with pytest.raises(MalformedError):
            parse_entry(canonical_json(other))
    with pytest.raises(MalformedError):
        parse_entry(json.dumps(value).encode())


def test_an_event_entry_tells_nothing_but_its_commitment() -> None:
    assert encode_entry(Event(b"c" * 32)) == b'{"commitment":"' + b"63" * 32 + b'","kind":"event","v":1}'


@given(JSON)
def test_any_json_is_an_entry_or_refused(value: Any) -> None:
    for item in (
        value,
        {"v": 1, "kind": "frames", "root": value, "journal": value, "first": value, "last": value},
    ):
        with pytest.raises(MalformedError):
            parse_entry(canonical_json(item))
