"""Checkpoints, cosignatures, policies and offline proofs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.ledger.checkpoint import (
    Checkpoint,
    Cosigner,
    open_checkpoint,
    parse_checkpoint_text,
    parse_size,
    read_checkpoint,
    sign_checkpoint,
)
from qingjian.ledger.errors import LedgerError, MalformedError, ProofError, SignatureError
from qingjian.ledger.hashing import leaf_hash
from qingjian.ledger.note import Ed25519Signer, Signature, cosignature_time, load_private_key, parse_note
from qingjian.ledger.policy import parse_policy
from qingjian.ledger.proof import TlogProof, parse_proof, verify_proof
from qingjian.ledger.tree import MemoryTree

ORIGIN = "qingjian.example/county/2026"
LOG = Ed25519Signer(ORIGIN, load_private_key(b"L" * 32))
WITNESSES = [Cosigner(f"witness.example/w{i}", load_private_key(bytes([i]) * 32)) for i in range(1, 4)]
TREE = MemoryTree.of_entries([f"entry {i}".encode() for i in range(100)])
HEAD = Checkpoint(ORIGIN, 100, TREE.root())

# Example of C2SP tlog-cosignature.
EXAMPLE = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo"
    "+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5"
    "nNo0xUe+mbIUBkBIfZ+qnA==\n"
).encode()


def cosigned(*witnesses: Cosigner, head: Checkpoint = HEAD) -> bytes:
    note = parse_note(sign_checkpoint(head, [LOG]))
    return note.merged([w.cosign(note.text, 1_700_000_000 + i) for i, w in enumerate(witnesses)]).encode()


def policy_text(quorum: str) -> str:
    lines = [f"log {LOG.key.encode()} https://log.example/"]
    lines += [f"witness w{i} {w.key.encode()}" for i, w in enumerate(WITNESSES, 1)]
    return "\n".join(["# trusted", "", *lines, quorum]) + "\n"


def test_example_of_the_specification_is_read() -> None:
    checkpoint, note = read_checkpoint(EXAMPLE)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert note.encode() == EXAMPLE
    assert cosignature_time(note.signatures[1].value) == 0x641850CB


def test_round_trip_with_extension_lines() -> None:
    head = Checkpoint(ORIGIN, 0, HEAD.root, ("extension", "另一行"))
    assert parse_checkpoint_text(head.text()) == head
    assert open_checkpoint(sign_checkpoint(head, [LOG]), [LOG.key]).checkpoint == head


@pytest.mark.parametrize("size", ["", "01", "+1", "-1", "1 ", "１", "9223372036854775808", "1_0"])
def test_sizes_have_one_spelling(size: str) -> None:
    with pytest.raises(MalformedError):
        parse_size(size)
    with pytest.raises(MalformedError):
        parse_checkpoint_text(HEAD.text().replace("\n100\n", f"\n{size}\n"))


@pytest.mark.parametrize(
    "text", ["", "a\n1\n", "a\n1\nAAAA\n", "\n1\n" + "A" * 43 + "=\n", HEAD.text() + "\n"]
)
def test_malformed_checkpoints(text: str) -> None:
    with pytest.raises(MalformedError):
        parse_checkpoint_text(text)


def test_key_name_must_be_the_origin() -> None:
    stranger = Ed25519Signer("another.example/log", load_private_key(b"S" * 32))
    with pytest.raises(SignatureError):
        open_checkpoint(sign_checkpoint(HEAD, [stranger]), [stranger.key, LOG.key])
    with pytest.raises(SignatureError):
        sign_checkpoint(HEAD, [])


def test_a_cosignature_covers_its_time_and_is_no_signature_of_a_log() -> None:
    opened = open_checkpoint(cosigned(*WITNESSES[:2]), [LOG.key], [w.key for w in WITNESSES])
    assert [line.timestamp for line in opened.cosigned] == [1_700_000_000, 1_700_000_001]
    line = opened.note.signatures[1]
    later = Signature(line.name, line.key_id, (1_700_000_009).to_bytes(8, "big") + line.value[8:])
    with pytest.raises(SignatureError):
        open_checkpoint(opened.note.merged([later]).encode(), [LOG.key], [w.key for w in WITNESSES])
    # The same private key under the log's name and a cosignature type is another key.
    assert Cosigner(ORIGIN, LOG.private_key).key.key_id != LOG.key.key_id
    with pytest.raises(MalformedError):
        WITNESSES[0].cosign(HEAD.text(), 0)


@pytest.mark.parametrize(
    ("quorum", "good", "bad"),
    [
        ("quorum none", [[]], []),
        ("quorum w1", [[0], [0, 1]], [[], [1, 2]]),
        ("group any1 any w1 w2\nquorum any1", [[0], [1]], [[], [2]]),
        ("group all2 all w1 w2\nquorum all2", [[0, 1]], [[0], [1, 2]]),
        ("group k 2 w1 w2 w3\nquorum k", [[0, 1], [1, 2], [0, 1, 2]], [[0], []]),
        ("group a any w1 w2\ngroup b all a w3\nquorum b", [[0, 2], [1, 2]], [[2], [0, 1]]),
    ],
)
def test_quorums(quorum: str, good: list[list[int]], bad: list[list[int]]) -> None:
    policy = parse_policy(policy_text(quorum))
    assert parse_policy(policy.encode()) == policy
    for chosen in good:
        assert policy.open(cosigned(*(WITNESSES[i] for i in chosen))).checkpoint == HEAD
    for chosen in bad:
        with pytest.raises(SignatureError, match="quorum"):
            policy.open(cosigned(*(WITNESSES[i] for i in chosen)))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "quorum nobody",
        "quorum none\nquorum none",
        "group g 0 w1\nquorum g",
        "group g 3 w1 w2\nquorum g",
        "group g any\nquorum none",
        "group g any w1\ngroup h any w1\nquorum h",
        "group w1 any w2\nquorum none",
        "group none any w2\nquorum none",
        f"witness w9 {LOG.key.encode()}\nquorum none",
        f"witness w9 {WITNESSES[0].key.encode()}\nquorum none",
        f"log {LOG.key.encode()}\nquorum none",
        "log nonsense\nquorum none",
        "unknown line\nquorum none",
    ],
)
def test_malformed_policies(line: str) -> None:
    with pytest.raises(MalformedError):
        parse_policy(policy_text(line))


def test_offline_proof() -> None:
    policy = parse_policy(policy_text("quorum w1"))
    proof = TlogProof(42, tuple(TREE.inclusion_proof(42)), cosigned(WITNESSES[0]), b"extra")
    assert parse_proof(proof.encode()) == proof
    assert proof.encode().startswith(b"c2sp.org/tlog-proof@v1\nextra ZXh0cmE=\nindex 42\n")
    leaf = leaf_hash(b"entry 42")
    assert verify_proof(parse_proof(proof.encode()), leaf, policy).checkpoint == HEAD
    with pytest.raises(ProofError):
        verify_proof(proof, leaf_hash(b"entry 43"), policy)
    with pytest.raises(ProofError):
        verify_proof(TlogProof(100, proof.path, proof.checkpoint), leaf, policy)
    with pytest.raises(SignatureError):
        verify_proof(TlogProof(42, proof.path, cosigned(WITNESSES[1])), leaf, policy)
    single = Checkpoint(ORIGIN, 1, leaf_hash(b"only"))
    lone = TlogProof(0, (), cosigned(WITNESSES[0], head=single))
    assert parse_proof(lone.encode()) == lone
    assert verify_proof(lone, leaf_hash(b"only"), policy).checkpoint == single


@given(st.data())
def test_any_changed_byte_of_a_proof_is_noticed(data: st.DataObject) -> None:
    """Without extra data and with a policy that knows every key, nothing in a proof is loose."""
    policy = parse_policy(policy_text("quorum w1"))
    proof = bytearray(TlogProof(42, tuple(TREE.inclusion_proof(42)), cosigned(WITNESSES[0])).encode())
    proof[data.draw(st.integers(0, len(proof) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(LedgerError):
        verify_proof(parse_proof(bytes(proof)), leaf_hash(b"entry 42"), policy)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_proof_or_refused(content: bytes) -> None:
    for data in (
        content,
        b"c2sp.org/tlog-proof@v1\n" + content,
        b"c2sp.org/tlog-proof@v1\nindex 1\n" + content,
    ):
        try:
            proof = parse_proof(data)
        except MalformedError:
            continue
        assert proof.encode() == data
