"""Checkpoints (C2SP tlog-checkpoint) and cosignatures (C2SP tlog-cosignature, Ed25519)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from qingjian.ledger.errors import MalformedError, SignatureError
from qingjian.ledger.hashing import HASH_SIZE
from qingjian.ledger.note import (
    ED25519_COSIGNATURE,
    CheckedLine,
    LineState,
    NamedVerifier,
    Signature,
    SignedNote,
    Signer,
    VerifierKey,
    cosigned_message,
    decode_base64,
    encode_base64,
    open_note,
    parse_note,
    public_bytes,
)

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


def parse_size(text: str) -> int:
    """Decimal tree size or index without leading zeroes, below 2**63."""
    if not _SIZE.fullmatch(text) or int(text) >= 1 << 63:
        raise MalformedError(f"not a tree size: {text!r}")
    return int(text)


@dataclass(frozen=True)
class Checkpoint:
    """Head of a log: origin, number of leaves, 32-byte root, and extension lines (kept, without meaning)."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lines = (self.origin, *self.extensions)
        if not all(lines) or any(ord(c) < 0x20 for line in lines for c in line):
            raise MalformedError("a line of a checkpoint is empty or has a control character")
        if not 0 <= self.size < 1 << 63 or len(self.root) != HASH_SIZE:
            raise MalformedError("a checkpoint needs a size and a 32-byte root")

    def text(self) -> str:
        """The text that is signed."""
        lines = (self.origin, str(self.size), encode_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


def parse_checkpoint_text(text: str) -> Checkpoint:
    """Checkpoint from the text of a note; MalformedError when it is not one."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] != "":
        raise MalformedError("a checkpoint has at least three lines")
    return Checkpoint(lines[0], parse_size(lines[1]), decode_base64(lines[2]), tuple(lines[3:-1]))


def read_checkpoint(data: bytes) -> tuple[Checkpoint, SignedNote]:
    """Parse a signed checkpoint WITHOUT verifying any signature."""
    note = parse_note(data)
    return parse_checkpoint_text(note.text), note


def sign_checkpoint(checkpoint: Checkpoint, signers: Sequence[Signer]) -> bytes:
    """Signed note of a checkpoint, one line per signer (at least one)."""
    if not signers:
        raise SignatureError("a checkpoint needs a signer")
    text = checkpoint.text()
    return SignedNote(text, tuple(signer.sign(text) for signer in signers)).encode()


@dataclass(frozen=True)
class OpenedCheckpoint:
    """A checkpoint that a trusted log key signed, with the state of every signature line."""

    checkpoint: Checkpoint
    note: SignedNote
    lines: tuple[CheckedLine, ...]

    @property
    def cosigned(self) -> tuple[CheckedLine, ...]:
        """Verified cosignatures."""
        return tuple(
            line
            for line in self.lines
            if line.state is LineState.VERIFIED
            and line.key is not None
            and line.key.type == ED25519_COSIGNATURE
        )


def open_checkpoint(
    data: bytes,
    log_keys: Sequence[VerifierKey],
    witness_keys: Sequence[VerifierKey] = (),
    named: Mapping[str, NamedVerifier] | None = None,
) -> OpenedCheckpoint:
    """Read a checkpoint and insist on a signature of one of the log's keys.

    The key's name must be the origin line. Raises MalformedError, or SignatureError also when the
    line of any known key (of the log or of a witness) does not verify.
    """
    note, lines = open_note(data, [*log_keys, *witness_keys], named)
    checkpoint = parse_checkpoint_text(note.text)
    own = {key.encode() for key in log_keys if key.name == checkpoint.origin}
    if not any(
        line.state is LineState.VERIFIED and line.key is not None and line.key.encode() in own
        for line in lines
    ):
        raise SignatureError(f"no trusted key of {checkpoint.origin} signed this checkpoint")
    return OpenedCheckpoint(checkpoint, note, tuple(lines))


@dataclass(frozen=True)
class Cosigner:
    """Makes timestamped Ed25519 cosignatures (signature type 0x04): the line of a witness."""

    name: str
    private_key: Ed25519PrivateKey = field(repr=False)

    @property
    def key(self) -> VerifierKey:
        return VerifierKey(self.name, ED25519_COSIGNATURE, public_bytes(self.private_key))

    def cosign(self, text: str, timestamp: int) -> Signature:
        """Cosignature over a checkpoint text at ``timestamp`` (POSIX seconds, above 0)."""
        if not 0 < timestamp < 1 << 63:
            raise MalformedError(f"not a time for a cosignature: {timestamp}")
        value = self.private_key.sign(cosigned_message(text, timestamp))
        return Signature(self.name, self.key.key_id, timestamp.to_bytes(8, "big") + value)
