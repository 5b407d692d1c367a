"""Reading a published shard: entries, proofs, and the checkpoint a proof should stand on."""

from __future__ import annotations

from dataclasses import dataclass

from qingjian.ledger.checkpoint import Checkpoint, read_checkpoint
from qingjian.ledger.entries import Entry, parse_entry
from qingjian.ledger.proof import TlogProof
from qingjian.ledger.tiles import ENTRIES, TILE_WIDTH, Tile, TileNodes, decode_bundle
from qingjian.ledger.tree import consistency_proof, inclusion_proof, root
from qingjian.notary.errors import NotaryError
from qingjian.notary.files import CHECKPOINT
from qingjian.notary.notary import Notary
from qingjian.notary.outbox import Place


@dataclass(frozen=True)
class ProvenEntry:
    """An entry with its offline proof."""

    place: Place
    data: bytes
    proof: TlogProof

    @property
    def entry(self) -> Entry:
        return parse_entry(self.data)


class ShardReader:
    """Entries and proofs of one shard at one checkpoint; keeps the tiles it read."""

    def __init__(self, notary: Notary, shard: str, above: int = -1) -> None:
        """Stand on the latest cosigned checkpoint with more than ``above`` leaves, else on the latest one."""
        self.shard = shard
        self._files = notary.files(shard)
        note = notary.state.cosigned(shard, above) or self._files.read(CHECKPOINT)
        if note is None:
            raise NotaryError(f"分卷 {shard} 尚无检查点 / the shard has no checkpoint yet")
        self.note = note
        self.checkpoint: Checkpoint = read_checkpoint(note)[0]
        self._nodes = TileNodes(self.checkpoint.size, self._files.tile)
        self._bundles: dict[int, list[bytes]] = {}

    def entry(self, index: int) -> bytes:
        """Bytes of an entry; NotaryError when the checkpoint does not reach it."""
        if not 0 <= index < self.checkpoint.size:
            raise NotaryError(f"{self.shard}/{index} 不在检查点内 / is not below the checkpoint")
        bundle = index // TILE_WIDTH
        if bundle not in self._bundles:
            width = min(TILE_WIDTH, self.checkpoint.size - bundle * TILE_WIDTH)
            tile = Tile(ENTRIES, bundle, width)
            self._bundles[bundle] = decode_bundle(tile, self._files.tile(tile))
        return self._bundles[bundle][index % TILE_WIDTH]

    def path(self, index: int) -> tuple[bytes, ...]:
        """Inclusion path of a leaf."""
        return tuple(inclusion_proof(index, self.checkpoint.size, self._nodes.read))

    def prove(self, index: int) -> ProvenEntry:
        """Entry and offline proof (C2SP tlog-proof)."""
        data = self.entry(index)
        return ProvenEntry(Place(self.shard, index), data, TlogProof(index, self.path(index), self.note))

    def root_at(self, size: int) -> bytes:
        """Root of the first ``size`` leaves."""
        return root(size, self._nodes.read)

    def consistency(self, old: int) -> list[bytes]:
        """Consistency path from an older size to the checkpoint."""
        return consistency_proof(old, self.checkpoint.size, self._nodes.read)


def awaits_publication(notary: Notary, place: Place) -> bool:
    """Say whether a recorded entry lies beyond the published head: no proof of it is out yet (a depositary is away)."""
    return published_size(notary, place.shard) <= place.index < notary.state.shard(place.shard).size


def published_size(notary: Notary, shard: str) -> int:
    """Size of the published head of a shard, 0 before the first."""
    note = notary.files(shard).read(CHECKPOINT)
    return 0 if note is None else read_checkpoint(note)[0].size


def find_place(notary: Notary, name: str) -> Place:
    """Place from "shard/index", "index" (of the newest shard) or a subject such as "frames/gate-1/1"."""
    if (place := notary.state.place(name)) is not None:
        return place
    shard, _, index = name.rpartition("/")
    if not index.isdecimal():
        raise NotaryError(f"账本里没有 {name} / nothing of that name is in the ledger")
    return Place(notary.state.shard(shard).name if shard else notary.state.shards()[-1].name, int(index))


def prove(notary: Notary, place: Place) -> ProvenEntry:
    """Proof of one entry, on a cosigned checkpoint when one reaches it."""
    return ShardReader(notary, place.shard, place.index).prove(place.index)
