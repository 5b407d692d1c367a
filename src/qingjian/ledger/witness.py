"""The witness protocol (C2SP tlog-witness), both sides, as pure functions.

A witness keeps, for each origin, the latest checkpoint it cosigned. ``judge`` says what it answers and
what it must store durably BEFORE it answers; comparing and storing must be one atomic step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from qingjian.ledger.checkpoint import (
    Checkpoint,
    Cosigner,
    open_checkpoint,
    parse_checkpoint_text,
    parse_size,
)
from qingjian.ledger.errors import LedgerError, MalformedError, ProofError, SignatureError
from qingjian.ledger.hashing import EMPTY_ROOT
from qingjian.ledger.note import (
    LineState,
    Signature,
    SignedNote,
    VerifierKey,
    check_note,
    decode_base64,
    encode_base64,
    parse_note,
    parse_signature_line,
)
from qingjian.ledger.tree import verify_consistency

SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"
MAX_PATH = 63


@dataclass(frozen=True)
class AddCheckpoint:
    """Body of a request: the size the log believes the witness has, the consistency path, the signed note."""

    old_size: int
    path: tuple[bytes, ...]
    checkpoint: bytes

    def encode(self) -> bytes:
        lines = [f"old {self.old_size}", *(encode_base64(item) for item in self.path), ""]
        return "".join(f"{line}\n" for line in lines).encode() + self.checkpoint


def parse_add_checkpoint(body: bytes) -> AddCheckpoint:
    """Read a request; MalformedError when it breaks the format."""
    head, separator, checkpoint = body.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise MalformedError("the lines before the checkpoint must be ASCII") from error
    if not separator or not lines[0].startswith("old "):
        raise MalformedError("a request starts with the old size")
    path = tuple(decode_base64(line) for line in lines[1:])
    if len(path) > MAX_PATH or any(len(item) != 32 for item in path):
        raise MalformedError("the consistency path has a hash of a wrong length or too many")
    return AddCheckpoint(parse_size(lines[0][4:]), path, checkpoint)


@dataclass(frozen=True)
class Answer:
    """HTTP answer of a witness; ``keep`` is the signed note it must store before answering (status 200)."""

    status: int
    body: bytes
    content_type: str = TEXT_TYPE
    keep: bytes | None = None


def origin_hash(origin: str) -> str:
    """Name of a log in the monitoring prefix: lowercase hexadecimal SHA-256 of the origin."""
    return sha256(origin.encode()).hexdigest()


def _refuse(status: int, reason: str) -> Answer:
    return Answer(status, f"{reason}\n".encode())


def submitted_origin(body: bytes) -> str:
    """Origin of the checkpoint in a request, unverified, to look up what is stored for it."""
    return parse_checkpoint_text(parse_note(parse_add_checkpoint(body).checkpoint).text).origin


def judge(
    body: bytes,
    log_keys: Sequence[VerifierKey],
    stored: bytes | None,
    cosigners: Sequence[Cosigner],
    timestamp: int,
) -> Answer:
    """Answer to one ``add-checkpoint``.

    ``log_keys`` are the trusted keys of the submitted origin (none: unknown origin); ``stored`` is the
    note kept for it, or None; ``timestamp`` is POSIX seconds.
    """
    try:
        request = parse_add_checkpoint(body)
        submitted = parse_checkpoint_text(parse_note(request.checkpoint).text)
    except MalformedError as error:
        return _refuse(400, str(error))
    trusted = [key for key in log_keys if key.name == submitted.origin]
    if not trusted:
        return _refuse(404, f"unknown origin {submitted.origin}")
    try:
        note = open_checkpoint(request.checkpoint, trusted).note
    except SignatureError as error:
        return _refuse(403, str(error))
    if request.old_size > submitted.size:
        return _refuse(400, "the old size is larger than the checkpoint")
    known = parse_checkpoint_text(parse_note(stored).text) if stored is not None else None
    known_size, known_root = (known.size, known.root) if known else (0, EMPTY_ROOT)
    if request.old_size != known_size:
        return Answer(409, f"{known_size}\n".encode(), SIZE_TYPE)
    try:
        if submitted.size == 0 and submitted.root != EMPTY_ROOT:
            raise ProofError("the empty tree has another root")
        verify_consistency(known_size, known_root, submitted.size, submitted.root, request.path)
    except ProofError as error:
        return _refuse(422, str(error))
    return _cosign(note, trusted, cosigners, timestamp)


def _cosign(
    note: SignedNote, log_keys: Sequence[VerifierKey], cosigners: Sequence[Cosigner], timestamp: int
) -> Answer:
    lines = [cosigner.cosign(note.text, timestamp) for cosigner in cosigners]
    # Only what was verified is kept and later served; lines of strangers are dropped.
    own = [c.signature for c in check_note(note, log_keys) if c.state is LineState.VERIFIED]
    keep = SignedNote(note.text, (*own, *lines)).encode()
    return Answer(200, "".join(line.line() for line in lines).encode(), keep=keep)


@dataclass(frozen=True)
class Cosigned:
    """The witness cosigned: its verified signature lines."""

    signatures: tuple[Signature, ...]


@dataclass(frozen=True)
class Behind:
    """The witness has another size; send a proof from there (or, when it is larger than the log, stop)."""

    size: int


@dataclass(frozen=True)
class Refused:
    """The witness refused. 422 means that it holds a history the log cannot continue."""

    status: int
    reason: str


def read_answer(
    status: int, body: bytes, checkpoint_text: str, witness_keys: Sequence[VerifierKey]
) -> Cosigned | Behind | Refused:
    """Client side: what an answer to ``add-checkpoint`` means. Lines of unknown keys are ignored."""
    if status == 409:
        try:
            return Behind(parse_size(body.decode("ascii").removesuffix("\n")))
        except (MalformedError, UnicodeDecodeError):
            return Refused(status, "no readable size in the answer")
    if status != 200:
        return Refused(status, body[:500].decode("utf-8", "replace").strip())
    try:
        lines = [parse_signature_line(line) for line in body.decode("utf-8").splitlines()]
    except (LedgerError, UnicodeDecodeError) as error:
        return Refused(status, f"unreadable answer: {error}")
    checked = check_note(SignedNote(checkpoint_text, tuple(lines)), witness_keys)
    if any(line.state is LineState.FAILED for line in checked):
        return Refused(status, "a cosignature does not verify")
    verified = tuple(line.signature for line in checked if line.state is LineState.VERIFIED)
    return Cosigned(verified) if verified else Refused(status, "no cosignature of the expected witness")


def request_for(old: Checkpoint | None, path: Sequence[bytes], checkpoint: bytes) -> bytes:
    """Client side: body of ``add-checkpoint`` after the checkpoint ``old`` (None: nothing cosigned yet)."""
    return AddCheckpoint(old.size if old else 0, tuple(path), checkpoint).encode()
