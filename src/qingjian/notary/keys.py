"""Secret keys of the log: one file each, readable by its owner only, never in a backup of the public part."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from qingjian.contracts.folders import sync_folder
from qingjian.ledger.note import Ed25519Signer, VerifierKey, encode_signer, parse_signer
from qingjian.notary.errors import FrozenError


class KeyFolder:
    """Secret keys by the id of their verifier key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self, origin: str) -> Ed25519Signer:
        """Make a key for an origin and store it durably before anybody hears of it."""
        text = encode_signer(origin, secrets.token_bytes(32))
        signer = parse_signer(text)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(signer.key.key_id)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as handle:
            handle.write(text + "\n")
            handle.flush()
            os.fsync(handle.fileno())
        sync_folder(self.folder)
        return signer

    def for_origin(self, origin: str) -> list[Ed25519Signer]:
        """All keys stored for an origin, oldest file first."""
        found = []
        for path in sorted(self.folder.glob("*.key"), key=lambda item: (item.stat().st_mtime_ns, item.name)):
            signer = parse_signer(path.read_text(encoding="ascii"))
            if signer.name == origin:
                found.append(signer)
        return found

    def load(self, verifier_keys: list[str]) -> list[Ed25519Signer]:
        """Signers of the given verifier keys; FrozenError when none of their secret keys is here."""
        found = []
        for key in map(VerifierKey.parse, verifier_keys):
            path = self._path(key.key_id)
            if path.exists() and (signer := parse_signer(path.read_text(encoding="ascii"))).key == key:
                found.append(signer)
        if not found:
            raise FrozenError(
                "签名私钥不在：请恢复密钥文件，或用 recover --new-origin key-lost 启用新的日志 / "
                "no secret key of this log is here: restore the key file or start a new origin"
            )
        return found

    def _path(self, key_id: bytes) -> Path:
        return self.folder / f"{key_id.hex()}.key"
