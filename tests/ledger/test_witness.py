"""The witness protocol from both sides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.ledger.checkpoint import Checkpoint, Cosigner, open_checkpoint, sign_checkpoint
from qingjian.ledger.errors import MalformedError
from qingjian.ledger.hashing import EMPTY_ROOT, leaf_hash
from qingjian.ledger.note import Ed25519Signer, Signature, SignedNote, load_private_key, parse_note
from qingjian.ledger.tree import MemoryTree
from qingjian.ledger.witness import (
    SIZE_TYPE,
    AddCheckpoint,
    Answer,
    Behind,
    Cosigned,
    Refused,
    judge,
    origin_hash,
    parse_add_checkpoint,
    read_answer,
    request_for,
    submitted_origin,
)

ORIGIN = "qingjian.example/county/2026"
LOG = Ed25519Signer(ORIGIN, load_private_key(b"L" * 32))
WITNESS = Cosigner("bureau.example/witness", load_private_key(b"W" * 32))
TREE = MemoryTree([leaf_hash(bytes([i])) for i in range(50)])
REWRITTEN = MemoryTree([leaf_hash(bytes([i if i != 3 else 99])) for i in range(50)])


def head(size: int, tree: MemoryTree = TREE) -> Checkpoint:
    return Checkpoint(ORIGIN, size, tree.root(size))


def ask(
    old: int, new: int, stored: bytes | None, tree: MemoryTree = TREE, signer: Ed25519Signer = LOG
) -> Answer:
    path = tree.consistency_proof(old, new) if old <= new else []
    signed = sign_checkpoint(Checkpoint(signer.name, new, tree.root(new)), [signer])
    body = request_for(head(old) if old else None, path, signed)
    return judge(body, [LOG.key], stored, [WITNESS], 1_800_000_000)


def test_a_growing_log_is_cosigned() -> None:
    stored = None
    for old, new in ((0, 0), (0, 1), (1, 8), (8, 8), (8, 50)):
        answer = ask(old, new, stored)
        assert answer.status == 200
        result = read_answer(answer.status, answer.body, head(new).text(), [WITNESS.key])
        assert isinstance(result, Cosigned)
        stored = answer.keep
        assert stored is not None
        opened = open_checkpoint(stored, [LOG.key], [WITNESS.key])
        assert opened.checkpoint == head(new)
        assert [line.timestamp for line in opened.cosigned] == [1_800_000_000]


def stored_at(size: int) -> bytes:
    return sign_checkpoint(head(size), [LOG])


def test_refusals() -> None:
    assert ask(5, 10, None).status == 409
    behind = ask(5, 10, stored_at(7))
    assert (behind.status, behind.body, behind.content_type) == (409, b"7\n", SIZE_TYPE)
    assert read_answer(409, behind.body, "", []) == Behind(7)
    assert ask(7, 5, stored_at(7)).status == 400
    rewritten = ask(7, 20, stored_at(7), REWRITTEN)
    assert rewritten.status == 422
    assert ask(7, 7, stored_at(7), REWRITTEN).status == 422
    assert isinstance(read_answer(422, rewritten.body, "", []), Refused)
    stranger = Ed25519Signer("stranger.example", load_private_key(b"S" * 32))
    assert ask(0, 5, None, signer=stranger).status == 404
    thief = Ed25519Signer(ORIGIN, load_private_key(b"T" * 32))
    assert ask(0, 5, None, signer=thief).status == 403
    for answer in (rewritten, behind):
        assert answer.keep is None


def test_a_known_keys_broken_line_is_403_even_beside_a_good_one() -> None:
    second = Ed25519Signer(ORIGIN, load_private_key(b"2" * 32))
    text = head(5).text()
    broken = Signature(ORIGIN, second.key.key_id, bytes(64))
    body = AddCheckpoint(0, (), SignedNote(text, (LOG.sign(text), broken)).encode()).encode()
    assert judge(body, [LOG.key, second.key], None, [WITNESS], 1).status == 403
    assert judge(body, [LOG.key], None, [WITNESS], 1).status == 200


def test_proofs_that_should_be_empty_or_are_wrong() -> None:
    body = AddCheckpoint(0, (bytes(32),), sign_checkpoint(head(5), [LOG])).encode()
    assert judge(body, [LOG.key], None, [WITNESS], 1).status == 422
    body = AddCheckpoint(4, (bytes(32),), sign_checkpoint(head(5), [LOG])).encode()
    assert judge(body, [LOG.key], stored_at(4), [WITNESS], 1).status == 422
    empty = Checkpoint(ORIGIN, 0, bytes(32))
    body = AddCheckpoint(0, (), sign_checkpoint(empty, [LOG])).encode()
    assert judge(body, [LOG.key], None, [WITNESS], 1).status == 422
    assert head(0).root == EMPTY_ROOT


def test_lines_of_strangers_are_not_kept() -> None:
    stranger = Ed25519Signer("stranger.example", load_private_key(b"S" * 32))
    signed = sign_checkpoint(head(5), [LOG, stranger])
    answer = judge(AddCheckpoint(0, (), signed).encode(), [LOG.key], None, [WITNESS], 1)
    assert answer.keep is not None
    assert [s.name for s in parse_note(answer.keep).signatures] == [ORIGIN, WITNESS.name]


def test_request_format() -> None:
    body = AddCheckpoint(8, tuple(TREE.consistency_proof(8, 50)), sign_checkpoint(head(50), [LOG])).encode()
    assert body.startswith(b"old 8\n")
    assert parse_add_checkpoint(body).encode() == body
    assert submitted_origin(body) == ORIGIN
    assert origin_hash("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    for wrong in (b"", b"old 1\n", body.replace(b"old 8", b"old 08"), b"old 0\n" + b"A" * 43 + b"=\n" * 64):
        with pytest.raises(MalformedError):
            parse_add_checkpoint(wrong)
    long = AddCheckpoint(1, (bytes(32),) * 64, sign_checkpoint(head(5), [LOG])).encode()
    assert judge(long, [LOG.key], None, [WITNESS], 1).status == 400


@given(st.binary(max_size=300))
def test_any_body_gets_an_answer(body: bytes) -> None:
    for data in (body, b"old 0\n\n" + body, b"old 0\n\n" + head(5).text().encode() + b"\n" + body):
        assert judge(data, [LOG.key], None, [WITNESS], 1).status in (400, 403, 404)


@given(st.binary(max_size=300), st.sampled_from([200, 409, 404, 500]))
def test_any_answer_is_understood_or_refused(body: bytes, status: int) -> None:
    result = read_answer(status, body, head(5).text(), [WITNESS.key])
    assert isinstance(result, Behind | Refused)


def test_answers_that_are_not_from_the_witness() -> None:
    text = head(5).text()
    other = Cosigner("other.example/w", load_private_key(b"O" * 32))
    assert isinstance(read_answer(200, other.cosign(text, 5).line().encode(), text, [WITNESS.key]), Refused)
    wrong = WITNESS.cosign(head(6).text(), 5).line().encode()
    assert isinstance(read_answer(200, wrong, text, [WITNESS.key]), Refused)
    both = other.cosign(text, 5).line() + WITNESS.cosign(text, 6).line()
    result = read_answer(200, both.encode(), text, [WITNESS.key])
    assert isinstance(result, Cosigned)
    assert [s.name for s in result.signatures] == [WITNESS.name]
