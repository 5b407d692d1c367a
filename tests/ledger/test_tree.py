"""Roots and proofs against RFC 6962 vectors, pymerkle, and the definitions themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree
from pymerkle import verify_consistency as verify_pymerkle_consistency

from qingjian.ledger.errors import ProofError
from qingjian.ledger.hashing import EMPTY_ROOT, leaf_hash, node_hash
from qingjian.ledger.tree import (
    MemoryTree,
    inclusion_proof,
    root,
    root_from_inclusion,
    verify_consistency,
    verify_inclusion,
)

# The eight leaves and roots that Certificate Transparency implementations share.
CT_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def by_definition(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1, word for word."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(by_definition(leaves[:k]), by_definition(leaves[k:]))


def test_published_roots() -> None:
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    tree = MemoryTree.of_entries(CT_LEAVES)
    assert [tree.root(size).hex() for size in range(1, 9)] == CT_ROOTS
    assert tree.root(0) == EMPTY_ROOT


def test_roots_follow_the_definition() -> None:
    leaves = [bytes([i]) * (i % 5) for i in range(70)]
    tree = MemoryTree.of_entries(leaves)
    assert all(tree.root(n) == by_definition(leaves[:n]) for n in range(71))


def test_against_pymerkle() -> None:
    theirs = InmemoryTree(algorithm="sha256")
    ours = MemoryTree()
    for number in range(1, 41):
        entry = f"leaf {number}".encode()
        theirs.append_entry(entry)
        ours.append_hash(leaf_hash(entry))
        assert theirs.get_root() == ours.root()
        for place in range(1, number + 1):
            their_path = theirs.prove_inclusion(place, number).path
            leaf = theirs.get_leaf(place)
            assert sorted(their_path) == sorted([leaf, *ours.inclusion_proof(place - 1)])
            # pymerkle spells consistency paths differently: each side checks its own against the other's roots.
            verify_pymerkle_consistency(
                ours.root(place), ours.root(), theirs.prove_consistency(place, number), place, number
            )
            path = ours.consistency_proof(place)
            verify_consistency(place, theirs.get_root(place), number, theirs.get_root(), path)


@given(st.integers(1, 600), st.data())
def test_every_proof_verifies_and_no_other_does(size: int, data: st.DataObject) -> None:
    tree = MemoryTree([leaf_hash(i.to_bytes(4, "big")) for i in range(size)])
    index = data.draw(st.integers(0, size - 1))
    leaf = leaf_hash(index.to_bytes(4, "big"))
    path = tree.inclusion_proof(index)
    verify_inclusion(leaf, index, size, path, tree.root())
    other = data.draw(st.integers(0, size - 1).filter(lambda i: i != index) if size > 1 else st.just(None))
    if other is not None:
        with pytest.raises(ProofError):
            verify_inclusion(leaf, other, size, path, tree.root())
        with pytest.raises(ProofError):
            verify_inclusion(leaf, index, size, path[:-1], tree.root())
    with pytest.raises(ProofError):
        verify_inclusion(leaf, index, size, [*path, bytes(32)], tree.root())
    with pytest.raises(ProofError):
        verify_inclusion(leaf_hash(b"other"), index, size, path, tree.root())
    old = data.draw(st.integers(0, size))
    path = tree.consistency_proof(old)
    verify_consistency(old, tree.root(old), size, tree.root(), path)
    with pytest.raises(ProofError):
        verify_consistency(old, bytes(32), size, tree.root(), path)
    if 0 < old < size:
        with pytest.raises(ProofError):
            verify_consistency(old, tree.root(old), size, bytes(32), path)
        for wrong in (path[:-1], [*path, bytes(32)], [bytes(32), *path[1:]]):
            with pytest.raises(ProofError):
                verify_consistency(old, tree.root(old), size, tree.root(), wrong)


def test_a_rewritten_history_has_no_consistency_proof() -> None:
    honest = MemoryTree([leaf_hash(bytes([i])) for i in range(100)])
    rewritten = MemoryTree([leaf_hash(bytes([i if i != 7 else 200])) for i in range(120)])
    with pytest.raises(ProofError, match="old root"):
        verify_consistency(100, honest.root(), 120, rewritten.root(), rewritten.consistency_proof(100))


def test_places_that_do_not_exist() -> None:
    tree = MemoryTree([leaf_hash(b"a")])
    for index, size in ((1, 1), (-1, 1), (0, 0)):
        with pytest.raises(ProofError):
            inclusion_proof(index, size, tree.read)
        with pytest.raises(ProofError):
            root_from_inclusion(leaf_hash(b"a"), index, size, [])
    with pytest.raises(ProofError):
        root(-1, tree.read)
    with pytest.raises(ProofError):
        tree.consistency_proof(2, 1)
    with pytest.raises(ProofError):
        verify_consistency(2, bytes(32), 1, bytes(32), [])
    with pytest.raises(ProofError, match="32 bytes"):
        verify_inclusion(b"short", 0, 1, [], bytes(32))
