"""Witnessing: this node as a witness of other logs, and this node's log before its witnesses."""

from __future__ import annotations

import sqlite3
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from qingjian.contracts.clock import Clock
from qingjian.ledger.checkpoint import Cosigner, read_checkpoint
from qingjian.ledger.errors import LedgerError
from qingjian.ledger.note import VerifierKey
from qingjian.ledger.tiles import TileNodes
from qingjian.ledger.tree import consistency_proof
from qingjian.ledger.witness import (
    AddCheckpoint,
    Answer,
    Behind,
    Cosigned,
    Refused,
    judge,
    origin_hash,
    read_answer,
    submitted_origin,
)
from qingjian.notary.files import LogFiles

MAX_REQUEST = 200_000


class Witness:
    """Cosigns checkpoints of the logs it was told to trust, never a rewritten history.

    Comparing with the stored checkpoint and storing the new one is one durable transaction, done
    before the answer leaves.
    """

    def __init__(
        self, path: Path, cosigners: Sequence[Cosigner], trusted: Sequence[VerifierKey], clock: Clock
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._cosigners = list(cosigners)
        self._trusted: Mapping[str, list[VerifierKey]] = {
            key.name: [other for other in trusted if other.name == key.name] for key in trusted
        }
        self._clock = clock
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS cosigned (origin_hash TEXT PRIMARY KEY, note BLOB NOT NULL) WITHOUT ROWID"
        )

    def close(self) -> None:
        self._connection.close()

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer to ``POST <prefix>/add-checkpoint``."""
        if len(body) > MAX_REQUEST:
            return Answer(400, b"the request is too long\n")
        try:
            origin = submitted_origin(body)
        except LedgerError as error:
            return Answer(400, f"{error}\n".encode())
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                stored = self.checkpoint(origin_hash(origin))
                keys = self._trusted.get(origin, [])
                seconds = int(self._clock.now().timestamp())
                answer = judge(body, keys, stored, self._cosigners, seconds)
                if answer.keep is not None:
                    self._connection.execute(
                        "INSERT OR REPLACE INTO cosigned VALUES (?, ?)", (origin_hash(origin), answer.keep)
                    )
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
        return answer

    def checkpoint(self, name: str) -> bytes | None:
        """What ``GET <prefix>/<origin hash>/checkpoint`` returns, None when it never cosigned that log."""
        row = self._connection.execute("SELECT note FROM cosigned WHERE origin_hash = ?", (name,)).fetchone()
        return None if row is None else bytes(row[0])

    def handle(self, method: str, path: str, body: bytes = b"") -> Answer:
        """Route one HTTP request below the witness's prefix; for any web framework."""
        parts = path.strip("/").split("/")
        if method == "POST" and parts == ["add-checkpoint"]:
            return self.add_checkpoint(body)
        if method == "GET" and len(parts) == 2 and parts[1] == "checkpoint":
            with self._lock:
                note = self.checkpoint(parts[0])
            return Answer(404, b"never cosigned\n") if note is None else Answer(200, note)
        return Answer(404, b"no such resource\n")


HttpPost = Callable[[str, bytes], tuple[int, bytes]]
"""``post(url, body) -> (status, body)``; raises OSError when there is no answer."""


class WitnessClient:
    """Asks one witness for cosignatures on checkpoints of this node's log."""

    def __init__(self, name: str, key: VerifierKey, prefix: str, post: HttpPost) -> None:
        self.name = name
        self.key = key
        self._url = f"{prefix.rstrip('/')}/add-checkpoint"
        self._post = post
        self._sizes: dict[str, int] = {}

    def cosign(self, note: bytes, files: LogFiles) -> Cosigned | Behind | Refused:
        """Submit a published checkpoint.

        ``Behind`` means that the witness has seen a larger log than this one; ``Refused`` with status
        0 that it did not answer.
        """
        checkpoint = read_checkpoint(note)[0]
        nodes = TileNodes(checkpoint.size, files.tile)
        old = self._sizes.get(checkpoint.origin, 0)
        result: Cosigned | Behind | Refused = Refused(0, "not asked")
        for _ in range(3):
            if old > checkpoint.size:
                return Behind(old)
            path = consistency_proof(old, checkpoint.size, nodes.read)
            try:
                status, body = self._post(self._url, AddCheckpoint(old, tuple(path), note).encode())
            except OSError as error:
                return Refused(0, str(error))
            result = read_answer(status, body, checkpoint.text(), [self.key])
            if not isinstance(result, Behind):
                break
            old = result.size
        if isinstance(result, Cosigned):
            self._sizes[checkpoint.origin] = checkpoint.size
        elif isinstance(result, Behind):
            return result if result.size > checkpoint.size else Refused(409, "the witness keeps moving")
        return result


def http_request(url: str, body: bytes | None = None, timeout: float = 10.0) -> tuple[int, bytes]:
    """GET or POST over HTTP(S) with the standard library; OSError when there is no answer."""
    if not url.startswith(("http://", "https://")):
        raise OSError(f"not an HTTP address: {url}")
    request = urllib.request.Request(url, data=body)  # noqa: S310 - the scheme is checked above
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:  # noqa: S310
            return int(response.status), response.read(MAX_REQUEST)
    except urllib.error.HTTPError as error:
        return error.code, error.read(MAX_REQUEST)
