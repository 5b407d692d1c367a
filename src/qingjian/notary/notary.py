"""The notary: one ledger in a data folder, its yearly shards, and the one lock under which it grows."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qingjian.contracts.clock import CHINA, Clock
from qingjian.contracts.folders import write_durably
from qingjian.ledger.checkpoint import Checkpoint, read_checkpoint
from qingjian.ledger.entries import Entry, KeyAction, KeyChange, Start, StartReason, encode_entry
from qingjian.ledger.errors import LedgerError
from qingjian.ledger.hashing import EMPTY_ROOT, leaf_hash
from qingjian.ledger.note import Ed25519Signer, Signer, VerifierKey
from qingjian.ledger.tiles import MAX_ENTRY
from qingjian.ledger.witness import Behind, Cosigned, Refused
from qingjian.notary.anchors import Anchor, AnchorUnreachableError, Depositary
from qingjian.notary.errors import DamagedError, FrozenError, NotaryError
from qingjian.notary.files import CHECKPOINT, LogFiles
from qingjian.notary.keys import KeyFolder
from qingjian.notary.outbox import Outbox, OutboxRow, Place, RowId
from qingjian.notary.recovery import PublishedFolder, Survey, read_entries, survey
from qingjian.notary.sequencer import MAX_APPEND, Shard, Step, no_step
from qingjian.notary.state import ShardRow, State
from qingjian.notary.witness import WitnessClient

FurtherSigners = Callable[[str], Sequence[Signer]]
"""Signers beside the Ed25519 ones for an origin, such as one that adds an SM2 line."""

DEFAULT_BATCH = 4_096


@dataclass(frozen=True)
class Sequenced:
    """What one round did: entries added, rows marked, rows that can never be entries."""

    added: int
    marked: int
    refused: tuple[RowId, ...] = ()


@dataclass(frozen=True)
class Cosigning:
    """What the witnesses said about one checkpoint: by name, "cosigned" or why not."""

    shard: str
    size: int
    answers: dict[str, str]


class Notary:
    """Opens the ledger in ``folder`` (``DIR/ledger``), creating it when there is none and an origin is given.

    A notary that cannot be sure that its record is the newest is *frozen*: it reads and proves, but
    does not sign (see ``frozen``, and ``procedures.recover`` / ``procedures.start_new_origin``).
    ``anchors`` are asked on opening; ``depositaries`` moreover get every checkpoint before it is
    published (while one does not answer, entries are taken and publishing waits).
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        origin: str | None = None,
        anchors: Sequence[Anchor] = (),
        depositaries: Sequence[Depositary] = (),
        further_signers: FurtherSigners | None = None,
        step: Step = no_step,
    ) -> None:
        self.folder = folder
        self.public = folder / "public"
        self.clock = clock
        self.anchors = list(anchors)
        self.depositaries = list(depositaries)
        self.keys = KeyFolder(folder / "keys")
        self._further_signers = further_signers or (lambda _origin: ())
        self._step = step
        self._thread_lock = threading.RLock()
        self._depth = 0
        if origin is None and not (folder / "state.sqlite3").exists():
            raise NotaryError(f"{folder} 里没有账本 / there is no ledger in this folder")
        folder.mkdir(parents=True, exist_ok=True)
        self.state = State(folder / "state.sqlite3")
        with self.locked():
            self._open(origin)

    def close(self) -> None:
        self.state.close()

    # The lock --------------------------------------------------------------------------------

    @contextmanager
    def locked(self) -> Iterator[None]:
        """The one lock of this ledger, over threads and processes; may be taken again by its holder."""
        with self._thread_lock:
            if self._depth == 0:
                self._descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
                fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if self._depth == 0:
                    os.close(self._descriptor)

    # Opening ---------------------------------------------------------------------------------

    def _open(self, origin: str | None) -> None:
        base = self.state.fact("origin")
        if base is None:
            if origin is None:
                raise NotaryError("新账本需要名称 / a new ledger needs an origin")
            with self.state.transaction():
                self.state.set_fact("origin", origin)
            self.settle_instance()
        elif origin is not None and origin != base:
            raise NotaryError(f"账本名称是 {base}，不是 {origin} / the ledger has another origin")
        shards = self.state.shards()
        if not shards:
            self.open_shard(StartReason.FIRST, self._known_elsewhere())
            self._guard()
            return
        if self.frozen is None:
            reason, by = self._reason_to_freeze(shards[-1])
            if reason is not None:
                self.freeze(reason, by)
        if self.frozen is None:
            shard = self.shard(shards[-1].name)
            shard.resume()
            self._ensure_started(shard)
            self._write_index()
            self._guard()

    def _guard(self) -> None:
        """Remember which depositaries hold the published head: from here on nothing passes them by."""
        row = self.state.shards()[-1]
        held = []
        for depositary in self.depositaries:
            try:
                note = depositary.latest(row.name, row.origin)
            except NotaryError:
                continue
            if note is not None and read_checkpoint(note)[0].size >= row.size:
                held.append(depositary.name)
        with self.state.transaction():
            self.state.set_fact("guarded_by", json.dumps(held))

    @property
    def guarded_by(self) -> list[str]:
        """Depositaries that have held every checkpoint before it was published."""
        return list(json.loads(self.state.fact("guarded_by") or "[]"))

    def _known_elsewhere(self) -> Checkpoint | None:
        """An earlier log of this origin that state has no memory of: the state was lost."""
        heads = []
        for path in sorted(self.public.glob(f"*/{CHECKPOINT}")):
            heads.append(read_checkpoint(path.read_bytes())[0])
        return heads[-1] if heads else None

    def _reason_to_freeze(self, row: ShardRow) -> tuple[str | None, tuple[str, ...]]:
        """Why not to sign, and whose memory says so."""
        if self.state.fact("instance") != self.instance():
            return "账本目录是从备份恢复或复制的 / the folder was restored from a backup or copied", ()
        try:
            shard = self.shard(row.name)
            shard.check_files()
        except (FrozenError, DamagedError) as error:
            return str(error), ()
        found = self.survey(row)
        if found.conflicts:
            words = f"与 {', '.join(found.conflicts)} 所见不同 / they have seen another history"
            return words, found.conflicts
        if found.largest.size > row.size:
            words = (
                f"{', '.join(found.ahead)} 已见到 {found.largest.size} 条，本机只有 {row.size} 条 / "
                f"the world has seen {found.largest.size} entries, this node has {row.size}"
            )
            return words, found.ahead
        return None, ()

    @property
    def world(self) -> list[Anchor]:
        """Everybody outside this folder who remembers checkpoints."""
        return [*self.depositaries, *self.anchors]

    def survey(self, row: ShardRow, further: Sequence[Anchor] = ()) -> Survey:
        """Ask the published folder, every anchor and depositary (and ``further`` ones) about a shard."""
        files = self.files(row.name)
        head = Checkpoint(row.origin, row.size, row.root)
        keys = self.verifier_keys(row.name)
        return survey(row.name, head, keys, files, [PublishedFolder(files), *self.world, *further])

    def instance(self) -> str | None:
        """Identity of the marker file. A copy or a restored file has another inode or change time."""
        path = self.folder / "instance"
        try:
            found = path.stat()
            return f"{path.read_text(encoding='ascii')}:{found.st_ino}:{found.st_ctime_ns}"
        except FileNotFoundError:
            return None

    def settle_instance(self) -> None:
        """Make a new marker file, which backups leave out, and remember it."""
        write_durably(self.folder / "instance", secrets.token_hex(16).encode())
        with self.state.transaction():
            self.state.set_fact("instance", self.instance())

    # Freezing --------------------------------------------------------------------------------

    @property
    def frozen(self) -> str | None:
        """Why this notary does not sign, or None."""
        return self.state.fact("frozen")

    @property
    def frozen_by(self) -> list[str]:
        """Anchors whose memory contradicts this node's: they must agree before it signs again."""
        return list(json.loads(self.state.fact("frozen_by") or "[]"))

    def freeze(self, reason: str, by: Sequence[str] = ()) -> None:
        """Stop signing until a person recovers the ledger or starts a new origin."""
        with self.state.transaction():
            self.state.set_fact("frozen", reason)
            self.state.set_fact("frozen_by", json.dumps(sorted({*self.frozen_by, *by})))

    def thaw(self) -> None:
        with self.state.transaction():
            self.state.set_fact("frozen", None)
            self.state.set_fact("frozen_by", None)

    def _must_not_be_frozen(self) -> None:
        if (reason := self.frozen) is not None:
            raise FrozenError(reason)

    # Shards ----------------------------------------------------------------------------------

    @property
    def origin(self) -> str:
        """Name of this node's ledger; a shard's origin is this, a slash and the shard's name."""
        return self.state.fact("origin") or ""

    def files(self, shard: str) -> LogFiles:
        return LogFiles(self.public / shard)

    def verifier_keys(self, shard: str) -> list[VerifierKey]:
        """Keys of a shard, also the retired ones: they signed what is older."""
        texts = self.state.keys(shard) + self.state.keys(shard, retired=True)
        return [VerifierKey.parse(text) for text in texts]

    def shard(self, name: str) -> Shard:
        """A shard ready to grow; FrozenError when its secret keys are not here."""
        row = self.state.shard(name)
        signers: list[Signer] = list(self.keys.load(self.state.keys(name)))
        signers += self._further_signers(row.origin)
        files, keys = self.files(name), self.verifier_keys(name)

        def deposit(note: bytes) -> bool:
            for depositary in self.depositaries:
                try:
                    depositary.deposit(name, note, files, keys)
                except (OSError, AnchorUnreachableError):
                    return False
                except LedgerError as error:
                    words = f"{depositary.name} 存有另一份历史 / holds another history: {error}"
                    self.freeze(words, [depositary.name])
                    raise FrozenError(str(self.frozen)) from error
            return True

        return Shard(name, files, self.state, self.clock, signers, self._step, deposit)

    def open_shard(
        self, reason: StartReason, previous: Checkpoint | None, signer: Ed25519Signer | None = None
    ) -> Shard:
        """Start a new log with a fresh key (or ``signer``) whose first leaf names the log before."""
        year = self.year()
        if previous is not None and reason is StartReason.FIRST:
            reason = StartReason.HISTORY_LOST
        name = self.free_name(year) if signer is None else signer.name.rpartition("/")[2]
        signer = signer or self.keys.create(f"{self.origin}/{name}")
        keys = (signer.key, *(further.key for further in self._further_signers(signer.name)))
        start = encode_entry(Start(signer.name, reason, keys, previous))
        self.state.add_shard(name, signer.name, year, start, EMPTY_ROOT, [signer.key.encode()])
        shard = self.shard(name)
        self._ensure_started(shard)
        self._write_index()
        return shard

    def year(self) -> int:
        """Year of the current shard: the clock's (UTC+08:00), but never one that already ended."""
        now = self.clock.now().astimezone(CHINA).year
        return max([now, *(row.year for row in self.state.shards())])

    def free_name(self, year: int) -> str:
        """A shard name that neither the state, the public folder, the keys nor an anchor knows."""
        taken = {row.name for row in self.state.shards()}
        number = 1
        while True:
            name = f"{year}" if number == 1 else f"{year}-{number}"
            used = (
                name in taken
                or (self.public / name).exists()
                or self.keys.for_origin(f"{self.origin}/{name}")
            )
            if not used and not self._anchors_know(name):
                return name
            number += 1

    def _anchors_know(self, name: str) -> bool:
        for anchor in self.world:
            try:
                if anchor.latest(name, f"{self.origin}/{name}") is not None:
                    return True
            except NotaryError:
                continue
        return False

    def _ensure_started(self, shard: Shard) -> None:
        row = shard.row
        if row.size == 0:
            shard.append([row.start])

    def current(self) -> Shard:
        """The shard that grows now; a new year closes the old one first."""
        row = self.state.shards()[-1]
        shard = self.shard(row.name)
        self._ensure_started(shard)
        return self._roll(shard) if self.year() > row.year else shard

    def _roll(self, old: Shard) -> Shard:
        successor = self._successor()
        entry = encode_entry(KeyChange(KeyAction.SUCCESSOR, successor.key))
        size = old.row.size
        if read_entries(old.files, size - 1, size) != [entry]:
            old.append([entry])
        self._step("closed")
        old.catch_up()
        if not old.published:
            return old  # a depositary does not answer; the year ends when its last head can be published
        shard = self.open_shard(StartReason.NEW_YEAR, old.head, successor)
        with self.state.transaction():
            self.state.set_fact("successor", None)
        return shard

    def _successor(self) -> Ed25519Signer:
        """Key of the next shard; the same one again after a crash between closing and opening."""
        waiting = self.state.fact("successor")
        shards = {row.origin for row in self.state.shards()}
        if waiting is not None and (key := VerifierKey.parse(waiting)).name not in shards:
            return self.keys.load([key.encode()])[0]
        signer = self.keys.create(f"{self.origin}/{self.free_name(self.year())}")
        with self.state.transaction():
            self.state.set_fact("successor", signer.key.encode())
        return signer

    def _write_index(self) -> None:
        """``shards.json``: which logs there are, for clients that start from the newest."""
        shards = [
            {
                "origin": row.origin,
                "prefix": row.name,
                "keys": [key.encode() for key in self.verifier_keys(row.name)],
            }
            for row in self.state.shards()
        ]
        content = json.dumps({"format": 1, "shards": shards}, ensure_ascii=False, indent=1) + "\n"
        self.public.mkdir(parents=True, exist_ok=True)
        write_durably(self.public / "shards.json", content.encode())

    # Sequencing ------------------------------------------------------------------------------

    def enqueue(self, subject: str, entry: Entry) -> None:
        """Let an entry of the notary itself (batch, seal, key) wait for its place; durable on return."""
        with self.state.transaction():
            self.state.enqueue(subject, encode_entry(entry))

    def sequence(self, outboxes: Sequence[Outbox] = (), limit: int = DEFAULT_BATCH) -> Sequenced:
        """Give waiting rows of all outboxes (and the notary's own queue) a place; one round.

        Raises FrozenError or what an outbox raises; calling again is always safe.
        """
        limit = min(limit, MAX_APPEND)
        with self.locked():
            self._must_not_be_frozen()
            shard = self.current()
            taken: list[tuple[Outbox, list[OutboxRow]]] = []
            refused: list[RowId] = []
            room = limit
            for outbox in (self.state, *outboxes):
                rows = list(outbox.unsequenced(room)) if room else []
                good = [row for row in rows if 0 < len(row.entry) <= MAX_ENTRY]
                refused += [row.id for row in rows if not 0 < len(row.entry) <= MAX_ENTRY]
                room -= len(good)
                taken.append((outbox, good))
            entries = {leaf_hash(row.entry): row.entry for _, rows in taken for row in rows}
            places = self.state.unmarked(list(entries))
            fresh = {item: entry for item, entry in entries.items() if item not in places}
            if not fresh:
                shard.catch_up()
            else:
                first = shard.append(list(fresh.values()), waiting=True)
                places |= {item: Place(shard.name, first + i) for i, item in enumerate(fresh)}
            marked = 0
            for outbox, rows in taken:
                if rows:
                    outbox.mark_sequenced([r.id for r in rows], [places[leaf_hash(r.entry)] for r in rows])
                    self._step("mark")
                    marked += len(rows)
            if entries:
                self.state.forget_unmarked(list(entries))
            if set(self.guarded_by) != {item.name for item in self.depositaries}:
                self._guard()
            return Sequenced(len(fresh), marked, tuple(refused))

    # Witnesses -------------------------------------------------------------------------------

    def cosign(self, witnesses: Sequence[WitnessClient], shard: str | None = None) -> Cosigning:
        """Ask witnesses to cosign the published checkpoint; freezes when one has seen another history."""
        name = shard or self.state.shards()[-1].name
        files = self.files(name)
        note = files.read(CHECKPOINT)
        if note is None:
            raise NotaryError(f"分卷 {name} 尚无检查点 / the shard has no checkpoint yet")
        size = read_checkpoint(note)[0].size
        answers = {}
        for witness in witnesses:
            try:
                result = witness.cosign(note, files)
            except (LedgerError, OSError) as error:
                answers[witness.name] = f"error: {error}"
                continue
            match result:
                case Cosigned(signatures):
                    with self.locked():
                        self.shard(name).add_cosignatures(note, signatures)
                    answers[witness.name] = "cosigned"
                case Behind(larger):
                    words = f"证人 {witness.name} 已见到 {larger} 条 / the witness has seen a larger log"
                    self.freeze(words, [witness.name])
                    answers[witness.name] = f"has seen {larger} entries"
                case Refused(422, reason):
                    words = f"证人 {witness.name} 拒绝：历史不一致 / the witness refuses this history"
                    self.freeze(words, [witness.name])
                    answers[witness.name] = f"refused: {reason}"
                case Refused(status, reason):
                    answers[witness.name] = f"no cosignature ({status}): {reason}"
        return Cosigning(name, size, answers)
