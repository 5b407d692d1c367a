"""Signed notes and verifier keys (C2SP signed-note).

A note is text under one or more signature lines. Every line is reported: verified, failed, of a key
nobody told us about, or of a known key whose algorithm this program does not have ("present, not
checked").
"""

from __future__ import annotations

import base64
import binascii
import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from qingjian.ledger.errors import MalformedError, SignatureError

ED25519 = 0x01
ED25519_COSIGNATURE = 0x04
NAMED = 0xFF
"""Signature type byte of algorithms that C2SP has no byte for; a name follows it."""
SM2_SM3 = "sm2-sm3"
"""Name under which an SM2 line (GB/T 32918.2 with SM3, GB/T 35276 default identity) is announced."""

MAX_NOTE = 1_000_000
MAX_SIGNATURES = 100
_MARK = "— "


def decode_base64(text: str) -> bytes:
    """Standard base64 in its one canonical spelling; MalformedError otherwise."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError(f"not base64: {text!r}") from error
    if base64.b64encode(data).decode() != text:
        raise MalformedError(f"not canonical base64: {text!r}")
    return data


def encode_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def check_key_name(name: str) -> str:
    """The name itself; MalformedError when it is empty or has a space, a plus sign or a control character."""
    if not name or "+" in name or any(c.isspace() or ord(c) < 0x20 for c in name):
        raise MalformedError(f"not a key name: {name!r}")
    return name


@dataclass(frozen=True)
class VerifierKey:
    """A public key with its name, as in ``name+id+base64(type || material)``.

    For ``NAMED`` types the material starts with one length byte and the ASCII name of the algorithm.
    """

    name: str
    type: int
    material: bytes

    def __post_init__(self) -> None:
        check_key_name(self.name)
        if self.type in (ED25519, ED25519_COSIGNATURE) and len(self.material) != 32:
            raise MalformedError(f"an Ed25519 public key has 32 bytes, not {len(self.material)}")

    @property
    def key_id(self) -> bytes:
        """First four bytes of SHA-256(name || 0x0A || type || material)."""
        return sha256(self.name.encode() + b"\n" + bytes([self.type]) + self.material).digest()[:4]

    @property
    def fingerprint(self) -> str:
        """64 hexadecimal digits over type and material, to read out on the telephone or print on paper."""
        return sha256(bytes([self.type]) + self.material).hexdigest()

    @property
    def algorithm(self) -> str:
        """Name of the algorithm, for people and for the table of named algorithms."""
        if self.type == ED25519:
            return "ed25519"
        if self.type == ED25519_COSIGNATURE:
            return "ed25519-cosignature"
        if self.type == NAMED and self.material:
            return self.material[1 : 1 + self.material[0]].decode("ascii", "replace")
        return f"type-{self.type:#04x}"

    @property
    def public_key(self) -> bytes:
        """Public key without the name of a named algorithm."""
        if self.type == NAMED and self.material:
            return self.material[1 + self.material[0] :]
        return self.material

    def encode(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(bytes([self.type]) + self.material)}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        parts = text.split("+", 2)
        if len(parts) != 3:
            raise MalformedError(f"not a verifier key: {text!r}")
        name, key_id, encoded = parts
        data = decode_base64(encoded)
        if not data:
            raise MalformedError("a verifier key without type")
        key = cls(name, data[0], data[1:])
        if key.key_id.hex() != key_id:
            raise MalformedError(f"the id in the verifier key of {name} does not belong to its key")
        return key

    @classmethod
    def named(cls, name: str, algorithm: str, public_key: bytes) -> VerifierKey:
        """Key of an algorithm that is known by name only, such as ``SM2_SM3``."""
        label = algorithm.encode("ascii")
        return cls(name, NAMED, bytes([len(label)]) + label + public_key)


@dataclass(frozen=True)
class Signature:
    """One signature line."""

    name: str
    key_id: bytes
    value: bytes

    def line(self) -> str:
        """The line with its newline."""
        return f"{_MARK}{self.name} {encode_base64(self.key_id + self.value)}\n"


def parse_signature_line(line: str) -> Signature:
    """One line without its newline."""
    if not line.startswith(_MARK):
        raise MalformedError(f"not a signature line: {line!r}")
    name, separator, encoded = line[len(_MARK) :].partition(" ")
    data = decode_base64(encoded)
    if not separator or len(data) < 5:
        raise MalformedError(f"not a signature line: {line!r}")
    return Signature(check_key_name(name), data[:4], data[4:])


@dataclass(frozen=True)
class SignedNote:
    """Text (ending in a newline) and its signature lines; nothing is verified yet."""

    text: str
    signatures: tuple[Signature, ...] = ()

    def encode(self) -> bytes:
        return (self.text + "\n" + "".join(s.line() for s in self.signatures)).encode()

    def merged(self, signatures: Sequence[Signature]) -> SignedNote:
        """The same text with further lines; a line of the same name and id is replaced."""
        lines = {(s.name, s.key_id): s for s in (*self.signatures, *signatures)}
        return SignedNote(self.text, tuple(lines.values()))


def parse_note(data: bytes) -> SignedNote:
    """Read a note; MalformedError when it breaks the format."""
    if len(data) > MAX_NOTE:
        raise MalformedError(f"a note of {len(data)} bytes is too long")
    try:
        content = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError("a note must be UTF-8") from error
    if any(ord(c) < 0x20 and c != "\n" for c in content):
        raise MalformedError("a note must not contain control characters")
    text, separator, block = content.rpartition("\n\n")
    if not separator or not block.endswith("\n"):
        raise MalformedError("a note ends in an empty line and signature lines")
    lines = block[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise MalformedError(f"a note with {len(lines)} signatures")
    return SignedNote(text + "\n", tuple(parse_signature_line(line) for line in lines))


class Signer(Protocol):
    """Makes one signature line over a text."""

    @property
    def key(self) -> VerifierKey: ...

    def sign(self, text: str) -> Signature: ...


def load_private_key(seed: bytes) -> Ed25519PrivateKey:
    """Ed25519 private key from its 32-byte seed."""
    return Ed25519PrivateKey.from_private_bytes(seed)


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


@dataclass(frozen=True)
class Ed25519Signer:
    """Signs the text itself (signature type 0x01): the line of a log."""

    name: str
    private_key: Ed25519PrivateKey = field(repr=False)

    @property
    def key(self) -> VerifierKey:
        return VerifierKey(self.name, ED25519, public_bytes(self.private_key))

    def sign(self, text: str) -> Signature:
        return Signature(self.name, self.key.key_id, self.private_key.sign(text.encode()))


def encode_signer(name: str, seed: bytes) -> str:
    """Secret key in the spelling of Go's ``sumdb/note``: ``PRIVATE+KEY+name+id+base64(0x01 || seed)``."""
    key = VerifierKey(name, ED25519, public_bytes(load_private_key(seed)))
    return f"PRIVATE+KEY+{name}+{key.key_id.hex()}+{encode_base64(bytes([ED25519]) + seed)}"


def parse_signer(text: str) -> Ed25519Signer:
    """Signer from its secret key; MalformedError (which never repeats the secret) when it is not one."""
    parts = text.strip().split("+", 4)
    if len(parts) != 5 or parts[:2] != ["PRIVATE", "KEY"]:
        raise MalformedError("not a secret key of an Ed25519 note signer")
    try:
        data = decode_base64(parts[4])
    except MalformedError:
        raise MalformedError("not a secret key of an Ed25519 note signer") from None
    if len(data) != 33 or data[0] != ED25519:
        raise MalformedError("not a secret key of an Ed25519 note signer")
    signer = Ed25519Signer(check_key_name(parts[2]), load_private_key(data[1:]))
    if signer.key.key_id.hex() != parts[3]:
        raise MalformedError(f"the id in the secret key of {parts[2]} does not belong to its key")
    return signer


NamedVerifier = Callable[[bytes, bytes, bytes], bool]
"""``verify(public key, message, signature)`` of a named algorithm."""


def verify_ed25519(public_key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def cosigned_message(text: str, timestamp: int) -> bytes:
    """What an Ed25519 cosignature signs (C2SP tlog-cosignature): header, time in POSIX seconds, text."""
    return f"cosignature/v1\ntime {timestamp}\n{text}".encode()


def cosignature_time(signature: bytes) -> int:
    """POSIX seconds inside a timestamped Ed25519 cosignature of 8 + 64 bytes."""
    if len(signature) != 72:
        raise MalformedError("a cosignature has 72 bytes")
    return int.from_bytes(signature[:8], "big")


class LineState(enum.Enum):
    """What is known of one signature line."""

    VERIFIED = "verified"
    FAILED = "failed"
    NOT_CHECKED = "present, not checked"
    UNKNOWN_KEY = "unknown key"


@dataclass(frozen=True)
class CheckedLine:
    """One signature line with its state, its key when known, and its time when it is a cosignature."""

    signature: Signature
    state: LineState
    key: VerifierKey | None = None
    timestamp: int | None = None


def check_line(
    text: str, signature: Signature, key: VerifierKey, named: Mapping[str, NamedVerifier]
) -> CheckedLine:
    """Verify one line with the key it names."""
    message, value = text.encode(), signature.value
    if key.type == ED25519:
        valid = verify_ed25519(key.material, message, value)
        return CheckedLine(signature, LineState.VERIFIED if valid else LineState.FAILED, key)
    if key.type == ED25519_COSIGNATURE:
        if len(value) != 72 or (timestamp := cosignature_time(value)) >= 1 << 63:
            return CheckedLine(signature, LineState.FAILED, key)
        valid = verify_ed25519(key.material, cosigned_message(text, timestamp), value[8:])
        return CheckedLine(signature, LineState.VERIFIED if valid else LineState.FAILED, key, timestamp)
    verify = named.get(key.algorithm) if key.type == NAMED else None
    if verify is None:
        return CheckedLine(signature, LineState.NOT_CHECKED, key)
    valid = verify(key.public_key, message, value)
    return CheckedLine(signature, LineState.VERIFIED if valid else LineState.FAILED, key)


def check_note(
    note: SignedNote,
    keys: Sequence[VerifierKey],
    named: Mapping[str, NamedVerifier] | None = None,
) -> list[CheckedLine]:
    """State of every signature line of a note under the given keys (nothing raised)."""
    known = {(key.name, key.key_id): key for key in keys}
    result = []
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        result.append(
            CheckedLine(signature, LineState.UNKNOWN_KEY)
            if key is None
            else check_line(note.text, signature, key, named or {})
        )
    return result


def open_note(
    data: bytes,
    keys: Sequence[VerifierKey],
    named: Mapping[str, NamedVerifier] | None = None,
) -> tuple[SignedNote, list[CheckedLine]]:
    """Read a note and insist that a known key signed it and that no known key's line fails.

    Raises MalformedError or SignatureError.
    """
    note = parse_note(data)
    lines = check_note(note, keys, named)
    if failed := [line.signature.name for line in lines if line.state is LineState.FAILED]:
        raise SignatureError(f"the signature of {', '.join(failed)} does not verify")
    if not any(line.state is LineState.VERIFIED for line in lines):
        raise SignatureError("no signature of a known key")
    return note, lines
