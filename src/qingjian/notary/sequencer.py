"""Growth of one shard on disk in the one safe order.

entries → tiles → fsync → record (size, root) durably → sign → publish. A crash between any two leaves
either the old head or the new one; what was written beyond the recorded head is removed on opening.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qingjian.contracts.clock import Clock
from qingjian.ledger.checkpoint import Checkpoint, read_checkpoint, sign_checkpoint
from qingjian.ledger.errors import LedgerError
from qingjian.ledger.hashing import leaf_hash
from qingjian.ledger.note import Signature, Signer, parse_note
from qingjian.ledger.tiles import (
    ENTRIES,
    TILE_WIDTH,
    Growth,
    Tile,
    TileNodes,
    decode_bundle,
    encode_bundle,
    grow,
)
from qingjian.ledger.tree import root
from qingjian.notary.errors import DamagedError
from qingjian.notary.files import CHECKPOINT, COSIGNED_CHECKPOINT, LogFiles
from qingjian.notary.state import ShardRow, State

MAX_APPEND = 8_192
"""Most leaves one append adds."""

Step = Callable[[str], None]
Deposit = Callable[[bytes], bool]
"""Hands a signed checkpoint to whoever must hold it before it is published; False: not now."""


def no_step(_name: str) -> None:
    return None


class Shard:
    """One log: its files, its recorded head, its signers.

    ``step`` is called with the name of each step after it is done; fault tests cut the power there.
    """

    def __init__(
        self,
        name: str,
        files: LogFiles,
        state: State,
        clock: Clock,
        signers: Sequence[Signer],
        step: Step = no_step,
        deposit: Deposit = lambda _note: True,
    ) -> None:
        self.name = name
        self.files = files
        self.signers = list(signers)
        self._state = state
        self._clock = clock
        self._step = step
        self._deposit = deposit

    @property
    def row(self) -> ShardRow:
        return self._state.shard(self.name)

    @property
    def head(self) -> Checkpoint:
        """The recorded head."""
        row = self.row
        return Checkpoint(row.origin, row.size, row.root)

    def check_files(self) -> None:
        """DamagedError unless the tiles on disk hash to the recorded root and the last entries are there."""
        row = self.row
        try:
            found = root(row.size, TileNodes(row.size, self.files.tile).read)
            if row.size % TILE_WIDTH:
                edge = Tile(ENTRIES, row.size // TILE_WIDTH, row.size % TILE_WIDTH)
                entries = decode_bundle(edge, self.files.tile(edge))
                hashes = self.files.tile(Tile(0, edge.index, edge.width))
                if b"".join(leaf_hash(entry) for entry in entries) != hashes:
                    raise DamagedError(f"the last entries of {self.name} do not hash to their leaves")
        except (OSError, LedgerError) as error:
            raise DamagedError(f"{self.name}: {error}") from error
        if found != row.root:
            raise DamagedError(f"the tiles of {self.name} do not hash to the recorded root at {row.size}")

    def resume(self) -> None:
        """After opening: remove what lies beyond the head, and sign and publish it when that was cut off."""
        self.files.drop_beyond(self.row.size, MAX_APPEND)
        self.catch_up()

    def catch_up(self) -> None:
        """Sign and publish the recorded head when the published one is behind or unreadable."""
        if self.row.size and not self.published:
            self._publish(self.head)

    @property
    def published(self) -> bool:
        """Whether the recorded head is the published one."""
        note = self.files.read(CHECKPOINT)
        try:
            return note is not None and read_checkpoint(note)[0] == self.head
        except LedgerError:
            return False

    def append(self, entries: Sequence[bytes], *, waiting: bool = False) -> int:
        """Append at most ``MAX_APPEND`` entries; returns the index of the first.

        ``waiting`` entries come from an outbox: their places are remembered until it has marked them.
        """
        if not 0 < len(entries) <= MAX_APPEND:
            raise ValueError(f"an append adds 1 to {MAX_APPEND} entries, not {len(entries)}")
        before = self.row
        hashes = [leaf_hash(entry) for entry in entries]
        growth = grow(before.size, hashes, self.files.tile)
        self.files.write_tiles(self._bundles(before.size, entries))
        self._step("entries")
        self.files.write_tiles(growth.tiles.items())
        self._step("tiles")
        self.files.sync()
        self._step("fsync")
        moment = self._clock.now().isoformat()
        places = hashes if waiting else ()
        self._state.record_head(before, growth.size, growth.root, places, moment)
        self._step("record")
        self._publish(Checkpoint(before.origin, growth.size, growth.root))
        self._step("publish")
        self.files.drop_partials(before.size, growth.size)
        self._step("tidy")
        return before.size

    def install(self, growth: Growth, entries: Sequence[bytes], note: bytes) -> None:
        """Take over entries that the world has already seen, with the checkpoint this log signed for them."""
        before = self.row
        index = 0
        while index < len(entries):
            part = entries[index : index + MAX_APPEND]
            self.files.write_tiles(self._bundles(before.size + index, part))
            index += len(part)
        self.files.write_tiles(growth.tiles.items())
        self.files.sync()
        hashes = [leaf_hash(entry) for entry in entries]
        self._state.record_head(before, growth.size, growth.root, hashes, self._clock.now().isoformat())
        self.files.publish(CHECKPOINT, note)

    def _bundles(self, size: int, entries: Sequence[bytes]) -> list[tuple[Tile, bytes]]:
        index, width = divmod(size, TILE_WIDTH)
        edge = b"" if not width else self.files.tile(Tile(ENTRIES, index, width))
        bundles = []
        taken = 0
        while taken < len(entries):
            group = entries[taken : taken + TILE_WIDTH - width]
            bundles.append((Tile(ENTRIES, index, width + len(group)), edge + encode_bundle(group)))
            taken += len(group)
            index, width, edge = index + 1, 0, b""
        return bundles

    def _publish(self, head: Checkpoint) -> None:
        signed = sign_checkpoint(head, self.signers)
        self._step("sign")
        if self._deposit(signed):
            self._step("deposit")
            self.files.publish(CHECKPOINT, signed)

    def republish(self) -> None:
        """Sign the recorded head again, after a key was added or retired."""
        self._publish(self.head)

    def add_cosignatures(self, note: bytes, signatures: Sequence[Signature]) -> bytes:
        """Keep and publish cosignatures on a checkpoint this log published; returns the merged note."""
        checkpoint = read_checkpoint(note)[0]
        kept = self._state.cosigned_at(self.name, checkpoint.size)
        base = parse_note(note)
        if kept is not None:
            base = base.merged(parse_note(kept).signatures)
        merged = base.merged(signatures).encode()
        self._state.keep_cosigned(self.name, checkpoint.size, merged)
        latest = self._state.cosigned(self.name)
        self.files.publish(COSIGNED_CHECKPOINT, merged if latest is None else latest)
        current = self.files.read(CHECKPOINT)
        if current is not None and read_checkpoint(current)[0] == checkpoint:
            self.files.publish(CHECKPOINT, merged)
        return merged
