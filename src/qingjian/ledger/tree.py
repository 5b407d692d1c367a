"""Roots, inclusion and consistency proofs of RFC 6962 (checked as in RFC 9162 section 2.1).

A *node* is the coordinate ``(level, index)`` of a perfect subtree: it covers the leaves
``[index << level, (index + 1) << level)``. Functions that build something take a reader of
nodes, so the same code serves a list in memory and tiles on a disk or a web server.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qingjian.ledger.errors import ProofError
from qingjian.ledger.hashing import EMPTY_ROOT, HASH_SIZE, leaf_hash, node_hash

Node = tuple[int, int]
NodeReader = Callable[[Sequence[Node]], list[bytes]]
"""Given nodes, returns their 32-byte hashes in the same order."""


def range_nodes(start: int, end: int) -> list[Node]:
    """Perfect subtrees, left to right, that make up the RFC 6962 subtree ``[start, end)``.

    ``start`` must be a multiple of the smallest power of two that is not less than ``end - start``,
    which holds for every range that occurs in a proof.
    """
    nodes = []
    position = start
    while position < end:
        level = (end - position).bit_length() - 1
        nodes.append((level, position >> level))
        position += 1 << level
    return nodes


def fold(hashes: Sequence[bytes]) -> bytes:
    """Root over the perfect subtrees of one range, given left to right (at least one)."""
    result = hashes[-1]
    for left in reversed(hashes[:-1]):
        result = node_hash(left, result)
    return result


def _split(size: int) -> int:
    """Largest power of two smaller than ``size`` (``size`` at least 2)."""
    return 1 << (size - 1).bit_length() - 1


def _hash_ranges(ranges: Sequence[tuple[int, int]], read: NodeReader) -> list[bytes]:
    nodes = [range_nodes(start, end) for start, end in ranges]
    hashes = iter(read([node for group in nodes for node in group]))
    return [fold([next(hashes) for _ in group]) for group in nodes]


def root(size: int, read: NodeReader) -> bytes:
    """Root hash of the first ``size`` leaves."""
    if size < 0:
        raise ProofError(f"a tree cannot have {size} leaves")
    return EMPTY_ROOT if size == 0 else _hash_ranges([(0, size)], read)[0]


def inclusion_proof(index: int, size: int, read: NodeReader) -> list[bytes]:
    """Hashes that lead from leaf ``index`` to the root at ``size`` (RFC 6962 section 2.1.1)."""
    if not 0 <= index < size:
        raise ProofError(f"leaf {index} is not in a tree of {size} leaves")
    ranges = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return _hash_ranges(ranges[::-1], read)


def consistency_proof(old: int, new: int, read: NodeReader) -> list[bytes]:
    """Hashes that show that the tree at ``new`` continues the tree at ``old`` (RFC 6962 section 2.1.2)."""
    if not 0 <= old <= new:
        raise ProofError(f"a tree of {new} leaves cannot continue one of {old}")
    if old in (0, new):
        return []
    ranges = []
    start, end = 0, new
    whole = True  # the old tree ends exactly where the current range starts or is the range itself
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
            whole = False
    if not whole:
        ranges.append((start, end))
    return _hash_ranges(ranges[::-1], read)


def root_from_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Root that an inclusion proof leads to; ProofError when the proof cannot belong to this place."""
    if not 0 <= index < size:
        raise ProofError(f"leaf {index} is not in a tree of {size} leaves")
    if any(len(item) != HASH_SIZE for item in (leaf, *path)):
        raise ProofError("a hash in the proof does not have 32 bytes")
    place, last, result = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise ProofError("the inclusion proof is too long")
        if place & 1 or place == last:
            result = node_hash(sibling, result)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            result = node_hash(result, sibling)
        place >>= 1
        last >>= 1
    if last:
        raise ProofError("the inclusion proof is too short")
    return result


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root_hash: bytes) -> None:
    """Raise ProofError unless the leaf hash is at ``index`` of the tree (``size``, ``root_hash``)."""
    if root_from_inclusion(leaf, index, size, path) != root_hash:
        raise ProofError("the inclusion proof leads to another root")


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """Raise ProofError unless the tree (``new``, ``new_root``) continues (``old``, ``old_root``)."""
    if not 0 <= old <= new:
        raise ProofError(f"a tree of {new} leaves cannot continue one of {old}")
    if any(len(item) != HASH_SIZE for item in (old_root, new_root, *path)):
        raise ProofError("a hash in the proof does not have 32 bytes")
    if old == 0 or old == new:
        if path:
            raise ProofError("the consistency proof must be empty here")
        if old == new and old_root != new_root:
            raise ProofError("two roots for one size")
        if old == 0 and old_root != EMPTY_ROOT:
            raise ProofError("the empty tree has another root")
        return
    hashes = list(path)
    if old & (old - 1) == 0:  # a perfect old tree is its own first subtree
        hashes.insert(0, old_root)
    if not hashes:
        raise ProofError("the consistency proof is too short")
    place, last = old - 1, new - 1
    while place & 1:
        place >>= 1
        last >>= 1
    old_result = new_result = hashes[0]
    for item in hashes[1:]:
        if last == 0:
            raise ProofError("the consistency proof is too long")
        if place & 1 or place == last:
            old_result = node_hash(item, old_result)
            new_result = node_hash(item, new_result)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            new_result = node_hash(new_result, item)
        place >>= 1
        last >>= 1
    if last:
        raise ProofError("the consistency proof is too short")
    if old_result != old_root:
        raise ProofError("the consistency proof leads to another old root")
    if new_result != new_root:
        raise ProofError("the consistency proof leads to another new root")


class MemoryTree:
    """A Merkle tree held in memory: for frame batches, sealed days and tests."""

    def __init__(self, leaf_hashes: Sequence[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [[]]
        for item in leaf_hashes:
            self.append_hash(item)

    @classmethod
    def of_entries(cls, entries: Sequence[bytes]) -> MemoryTree:
        """Tree over entries (not yet hashed)."""
        return cls([leaf_hash(entry) for entry in entries])

    @property
    def size(self) -> int:
        return len(self._levels[0])

    def append_hash(self, item: bytes) -> None:
        """Add one 32-byte leaf hash."""
        level = 0
        self._levels[0].append(item)
        while len(self._levels[level]) % 2 == 0:
            if len(self._levels) == level + 1:
                self._levels.append([])
            self._levels[level + 1].append(node_hash(*self._levels[level][-2:]))
            level += 1

    def read(self, nodes: Sequence[Node]) -> list[bytes]:
        """Node reader for the functions of this module."""
        return [self._levels[level][index] for level, index in nodes]

    def root(self, size: int | None = None) -> bytes:
        """Root at ``size`` leaves, or of the whole tree."""
        return root(self.size if size is None else size, self.read)

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        return inclusion_proof(index, self.size if size is None else size, self.read)

    def consistency_proof(self, old: int, new: int | None = None) -> list[bytes]:
        return consistency_proof(old, self.size if new is None else new, self.read)
