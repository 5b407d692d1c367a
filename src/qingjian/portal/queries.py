"""What the public pages say of the ledger, read from its public files only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from django.conf import settings

from qingjian.contracts.current import clock
from qingjian.ledger.checkpoint import Checkpoint, read_checkpoint
from qingjian.ledger.errors import LedgerError
from qingjian.ledger.note import LineState, SignedNote, VerifierKey, check_note
from qingjian.notary import configured, verify
from qingjian.notary.files import CHECKPOINT, COSIGNED_CHECKPOINT, LogFiles
from qingjian.notary.witness import Witness

SHARDS = "shards.json"


@dataclass(frozen=True, slots=True)
class Log:
    """One log of this node: its keys and its newest heads; a head is None when there is none or it does not verify."""

    prefix: str
    origin: str
    keys: tuple[VerifierKey, ...]
    head: Checkpoint | None
    cosigned: Checkpoint | None
    cosigners: tuple[str, ...]
    """Names on the cosigned head beside the log's own; the reader checks their keys, not this page."""


def public_folder() -> Path:
    return settings.DATA_FOLDER.ledger / "public"


def logs() -> list[Log]:
    """Return the logs of this node, newest first; empty before the ledger exists."""
    path = public_folder() / SHARDS
    if not path.exists():
        return []
    return [_log(one) for one in reversed(json.loads(path.read_text(encoding="utf-8"))["shards"])]


def _log(row: dict[str, object]) -> Log:
    prefix, origin = str(row["prefix"]), str(row["origin"])
    keys = tuple(VerifierKey.parse(key) for key in row["keys"])  # type: ignore[attr-defined]
    files = LogFiles(public_folder() / prefix)
    head, _note = _signed(files.read(CHECKPOINT), origin, keys)
    cosigned, note = _signed(files.read(COSIGNED_CHECKPOINT), origin, keys)
    own = {key.key_id for key in keys}
    names = tuple(line.name for line in note.signatures if line.key_id not in own) if note else ()
    return Log(prefix, origin, keys, head, cosigned, names)


def _signed(
    data: bytes | None, origin: str, keys: tuple[VerifierKey, ...]
) -> tuple[Checkpoint | None, SignedNote | None]:
    try:
        checkpoint, note = read_checkpoint(data or b"")
    except LedgerError:
        return None, None
    signed = any(line.state is LineState.VERIFIED for line in check_note(note, keys))
    return (checkpoint, note) if signed and checkpoint.origin == origin else (None, None)


def own_policy() -> str:
    """Return a policy that trusts the logs of this node and asks for no witness; who knows better brings their own."""
    keys = [key.encode() for log in logs() for key in log.keys]
    return "".join(f"log {key}\n" for key in keys) + "quorum none\n"


def verify_program() -> bytes:
    """Return the stand-alone program that checks bundles."""
    return Path(verify.__file__).read_bytes()


def verify_digest() -> str:
    return sha256(verify_program()).hexdigest()


def witness_folder() -> Path:
    return settings.DATA_FOLDER.root / "witness"


def witness_name() -> str:
    return f"{settings.CONFIGURATION.node_name}/qingjian-witness"


def own_witness() -> Witness | None:
    """Return this node as a witness, None when it is not one. The caller closes it."""
    return configured.own_witness(
        witness_folder(), witness_name(), settings.CONFIGURATION.witness_logs, clock()
    )


def witness_key() -> VerifierKey | None:
    """Return the key this node cosigns with, None when it is no witness."""
    if not settings.CONFIGURATION.witness_logs.strip():
        return None
    return configured.own_cosigner(witness_folder(), witness_name()).key
