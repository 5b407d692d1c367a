"""Offline proofs that an entry is in a log (C2SP tlog-proof)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qingjian.ledger.checkpoint import OpenedCheckpoint, parse_size
from qingjian.ledger.errors import MalformedError, ProofError
from qingjian.ledger.note import NamedVerifier, decode_base64, encode_base64
from qingjian.ledger.policy import Policy
from qingjian.ledger.tree import verify_inclusion

HEADER = "c2sp.org/tlog-proof@v1"
MAX_PATH = 63


@dataclass(frozen=True)
class TlogProof:
    """Index of an entry, its inclusion path, and the signed checkpoint verbatim; ``extra`` is not authenticated."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def encode(self) -> bytes:
        lines = [HEADER]
        if self.extra is not None:
            lines.append(f"extra {encode_base64(self.extra)}")
        lines += [f"index {self.index}", *(encode_base64(item) for item in self.path), ""]
        return "".join(f"{line}\n" for line in lines).encode() + self.checkpoint


def parse_proof(data: bytes) -> TlogProof:
    """Read a proof; MalformedError when it breaks the format."""
    head, separator, checkpoint = data.partition(b"\n\n")
    try:
        lines = head.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise MalformedError("a proof must be UTF-8") from error
    if not separator or lines.pop(0) != HEADER:
        raise MalformedError(f"a proof starts with {HEADER} and has a checkpoint after an empty line")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = decode_base64(lines.pop(0)[6:])
    if not lines or not lines[0].startswith("index "):
        raise MalformedError("a proof needs an index line")
    index = parse_size(lines.pop(0)[6:])
    path = tuple(decode_base64(line) for line in lines)
    if len(path) > MAX_PATH or any(len(item) != 32 for item in path):
        raise MalformedError("the inclusion path has a hash of a wrong length or too many")
    return TlogProof(index, path, checkpoint, extra)


def verify_proof(
    proof: TlogProof,
    leaf: bytes,
    policy: Policy,
    named: Mapping[str, NamedVerifier] | None = None,
) -> OpenedCheckpoint:
    """The checkpoint that contains the 32-byte leaf hash, when log, witnesses and path hold.

    Raises MalformedError, SignatureError or ProofError.
    """
    opened = policy.open(proof.checkpoint, named)
    if proof.index >= opened.checkpoint.size:
        raise ProofError(f"leaf {proof.index} is not in a tree of {opened.checkpoint.size} leaves")
    verify_inclusion(leaf, proof.index, opened.checkpoint.size, proof.path, opened.checkpoint.root)
    return opened
