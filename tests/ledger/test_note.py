"""Signed notes, verifier keys and signature lines against the examples of the specification."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger import sm2_reference

from qingjian.ledger.errors import MalformedError, SignatureError
from qingjian.ledger.note import (
    SM2_SM3,
    Ed25519Signer,
    LineState,
    Signature,
    SignedNote,
    VerifierKey,
    check_note,
    encode_signer,
    load_private_key,
    open_note,
    parse_note,
    parse_signer,
)

# Example of C2SP signed-note, "Verifier keys".
VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()

SIGNER = Ed25519Signer("qingjian.example/log", load_private_key(bytes(range(32))))
OTHER = Ed25519Signer("qingjian.example/log", load_private_key(bytes(32)))
TEXT = "清鉴\nsecond line\n\nafter an empty line\n"


def signed(*signers: Ed25519Signer) -> bytes:
    return SignedNote(TEXT, tuple(s.sign(TEXT) for s in signers)).encode()


def test_example_of_the_specification() -> None:
    key = VerifierKey.parse(VKEY)
    assert key.encode() == VKEY
    note, lines = open_note(NOTE, [key])
    assert note.text == "This is an example message.\n"
    assert [line.state for line in lines] == [LineState.VERIFIED]
    assert note.encode() == NOTE


def test_round_trip_and_unknown_keys() -> None:
    data = signed(SIGNER, OTHER)
    note, lines = open_note(data, [SIGNER.key])
    assert note.text == TEXT
    assert [line.state for line in lines] == [LineState.VERIFIED, LineState.UNKNOWN_KEY]
    with pytest.raises(SignatureError, match="no signature of a known key"):
        open_note(data, [Ed25519Signer("other", load_private_key(b"o" * 32)).key])


def test_a_failing_line_of_a_known_key_rejects_the_note() -> None:
    good = parse_note(signed(SIGNER, OTHER))
    broken = Signature(OTHER.name, OTHER.key.key_id, bytes(64))
    data = SignedNote(TEXT, (good.signatures[0], broken)).encode()
    with pytest.raises(SignatureError, match="does not verify"):
        open_note(data, [SIGNER.key, OTHER.key])
    assert open_note(data, [SIGNER.key])[0].text == TEXT


@given(st.data())
def test_any_changed_byte_is_noticed(data: st.DataObject) -> None:
    content = bytearray(signed(SIGNER))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises((MalformedError, SignatureError)):
        open_note(bytes(content), [SIGNER.key])


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    for data in (content, b"text\n\n" + content, b"text\n\n\xe2\x80\x94 " + content):
        try:
            note = parse_note(data)
        except MalformedError:
            continue
        assert note.encode() == data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\n\xe2\x80\x94 name AAAAAA==",
        b"text\n\n\xe2\x80\x94 name AAAAAB==\n",  # base64 with bits that mean nothing
        b"text\n\n\xe2\x80\x94 na+me AAAAAAA=\n",
        b"text\n\n\xe2\x80\x94 na\xc2\xa0me AAAAAAA=\n",
        b"te\txt\n\n\xe2\x80\x94 name AAAAAAA=\n",
        b"\xff\n\n\xe2\x80\x94 name AAAAAAA=\n",
        b"text\n\n" + b"\xe2\x80\x94 name AAAAAAA=\n" * 101,
    ],
)
def test_malformed_notes(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_note(data)


def test_at_least_16_signatures_are_read() -> None:
    signers = [Ed25519Signer(f"k{i}", load_private_key(bytes([i]) * 32)) for i in range(16)]
    _, lines = open_note(signed(*signers), [s.key for s in signers])
    assert {line.state for line in lines} == {LineState.VERIFIED}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        VKEY.replace("530d903a", "530D903A"),
        VKEY[:-4],
        "example.com/foo+530d903a+",
    ],
)
def test_malformed_verifier_keys(text: str) -> None:
    with pytest.raises(MalformedError):
        VerifierKey.parse(text)


def test_secret_keys_round_trip_and_never_show_themselves() -> None:
    secret = encode_signer("qingjian.example/log", bytes(range(32)))
    assert re.fullmatch(r"PRIVATE\+KEY\+qingjian\.example/log\+[0-9a-f]{8}\+\S{44}", secret)
    assert parse_signer(secret).key == SIGNER.key
    assert secret not in repr(parse_signer(secret))
    for wrong in (secret[:-4], secret.replace("log+", "lag+"), "PRIVATE+KEY", secret[:-1] + "!"):
        with pytest.raises(MalformedError) as caught:
            parse_signer(wrong)
        assert secret[-20:-2] not in str(caught.value)


def sm2_key() -> VerifierKey:
    return VerifierKey.named("qingjian.example/log", SM2_SM3, sm2_reference.PUBLIC_KEY)


def sm2_line(text: str) -> Signature:
    key = sm2_key()
    return Signature(key.name, key.key_id, sm2_reference.sign(text.encode()))


def test_sm2_line_is_present_not_checked_without_sm2() -> None:
    key = sm2_key()
    assert VerifierKey.parse(key.encode()) == key
    assert key.algorithm == SM2_SM3
    data = parse_note(signed(SIGNER)).merged([sm2_line(TEXT)]).encode()
    _, lines = open_note(data, [SIGNER.key, key])
    assert [line.state for line in lines] == [LineState.VERIFIED, LineState.NOT_CHECKED]
    assert lines[1].state.value == "present, not checked"


def test_sm2_line_alone_is_never_enough_without_sm2() -> None:
    data = SignedNote(TEXT, (sm2_line(TEXT),)).encode()
    with pytest.raises(SignatureError):
        open_note(data, [sm2_key()])


def test_sm2_line_is_checked_when_sm2_is_there() -> None:
    table = {SM2_SM3: sm2_reference.verify}
    note = parse_note(signed(SIGNER)).merged([sm2_line(TEXT)])
    _, lines = open_note(note.encode(), [SIGNER.key, sm2_key()], table)
    assert [line.state for line in lines] == [LineState.VERIFIED, LineState.VERIFIED]
    forged = note.merged([sm2_line("another text\n")])
    assert check_note(forged, [sm2_key()], table)[1].state is LineState.FAILED
    with pytest.raises(SignatureError):
        open_note(forged.encode(), [SIGNER.key, sm2_key()], table)


def test_sm2_reference_gives_the_published_signature() -> None:
    """GB/T 32918.5-2017 appendix A.2: message "message digest" with the fixed random number."""
    assert sm2_reference.sign(b"message digest").hex().upper() == (
        "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
        "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"
    )
