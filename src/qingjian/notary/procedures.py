"""What an operator does to a ledger, each step recorded in it: keys, recovery, new origin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qingjian.ledger.checkpoint import Checkpoint
from qingjian.ledger.entries import KeyAction, KeyChange, Start, StartReason, encode_entry, parse_entry
from qingjian.ledger.errors import LedgerError
from qingjian.ledger.hashing import EMPTY_ROOT
from qingjian.ledger.note import VerifierKey
from qingjian.notary.anchors import Source, SourceAnchor, SourceFiles
from qingjian.notary.errors import DamagedError, FrozenError, NotaryError
from qingjian.notary.files import CHECKPOINT
from qingjian.notary.fsck import check_shard
from qingjian.notary.notary import Notary
from qingjian.notary.recovery import PublishedFolder, Survey, extend, read_entries, repair
from qingjian.notary.sealing import remember_seals
from qingjian.notary.sequencer import Shard
from qingjian.notary.state import ShardRow


def add_key(notary: Notary) -> VerifierKey:
    """Make a second key for the current shard; from now on checkpoints carry both signatures."""
    with notary.locked():
        shard = _writable(notary)
        signer = notary.keys.create(shard.row.origin)
        shard.append([encode_entry(KeyChange(KeyAction.ADD, signer.key))])
        notary.state.set_key(shard.name, signer.key.encode(), retired=False)
        notary.shard(shard.name).republish()
        return signer.key


def retire_key(notary: Notary, key: VerifierKey) -> None:
    """Stop signing with a key of the current shard; its last signature covers the entry that says so."""
    with notary.locked():
        shard = _writable(notary)
        active = notary.state.keys(shard.name)
        if key.encode() not in active or len(active) < 2:
            raise NotaryError("该密钥不在用，或是最后一把 / the key is not in use or is the last one")
        shard.append([encode_entry(KeyChange(KeyAction.RETIRE, key))])
        notary.state.set_key(shard.name, key.encode(), retired=True)
        notary.shard(shard.name).republish()


def _writable(notary: Notary) -> Shard:
    if (reason := notary.frozen) is not None:
        raise FrozenError(reason)
    return notary.current()


@dataclass(frozen=True)
class Recovered:
    """What a recovery brought back, and the new shard when signing could not go on under the old origin."""

    entries: int
    files: int
    shards: tuple[str, ...]
    new_shard: str | None = None


def recover(notary: Notary, sources: Sequence[Source] = ()) -> Recovered:
    """Bring the ledger to what the world has seen, and let it sign again.

    Missing files and entries come from ``sources`` and this node's own published folder, and count only
    when they lead to a signed root. While the ledger is frozen every anchor must answer, and whoever's
    memory froze it must show a head that agrees. When the folder was restored or copied, or when the
    world had seen more than this node, signing goes on under the old origin only if a depositary held
    every checkpoint before it was published; otherwise something newer may be out there, and a new
    origin that names the old is started. Raises FrozenError with the reason when entries are missing,
    somebody does not answer or has seen another history; then ``start_new_origin`` is the way.
    """
    with notary.locked():
        restored = notary.state.fact("instance") != notary.instance()
        must_answer = restored or notary.frozen is not None
        entries, files, shards = 0, 0, []
        showed: set[str] = set()
        row = notary.state.shards()[-1]
        while True:
            found, got_entries, got_files = _recover_shard(notary, row, sources, must_answer)
            entries, files = entries + got_entries, files + got_files
            showed |= set(found.showed)
            shards.append(row.name)
            following = _following(notary, row, sources)
            if following is None:
                break
            row = following
        if silent := set(notary.frozen_by) - showed:
            raise FrozenError(
                f"账本因 {', '.join(sorted(silent))} 所见而冻结，须由其出示所见并一致；请在 ledger_witnesses 或 "
                "ledger_mirror 中保留它 / it froze because of what they have seen, so they must be asked and agree"
            )
        # A record is made before a head is published: whoever knows more than the record shows that the record
        # itself was put back, marker file or not.
        put_back = restored or entries > 0 or len(shards) > 1
        certain = not put_back or any(item.name in notary.guarded_by for item in notary.depositaries)
        with notary.state.transaction():
            notary.state.set_fact("successor", None)
        if not certain:
            new = start_new_origin(notary, StartReason.HISTORY_LOST)
            return Recovered(entries, files, tuple(shards), new.name)
        notary.settle_instance()
        notary.thaw()
        notary.shard(row.name).resume()
        return Recovered(entries, files, tuple(shards))


def _recover_shard(
    notary: Notary, row: ShardRow, sources: Sequence[Source], must_answer: bool
) -> tuple[Survey, int, int]:
    shard = notary.shard(row.name)
    available = [PublishedFolder(shard.files), *sources]
    replaced = 0
    try:
        shard.check_files()
    except DamagedError:
        bad = check_shard(shard.files, shard.head).bad_tiles
        replaced = repair(row.name, row.size, bad, shard.files, sources)
        shard.check_files()
    found = notary.survey(row, [SourceAnchor(source) for source in sources])
    if found.conflicts:
        raise FrozenError(f"与 {', '.join(found.conflicts)} 所见不同 / they have seen another history")
    if must_answer and found.unreachable:
        raise FrozenError(f"{', '.join(found.unreachable)} 没有应答 / did not answer, so nothing is certain")
    if found.largest.size == row.size or found.note is None:
        return found, 0, replaced
    grown = extend(row.name, shard.head, found.largest, shard.files, available)
    if grown is None:
        raise FrozenError(
            f"找不到第 {row.size} 至 {found.largest.size} 条 / no source has the missing entries"
        )
    growth, entries = grown
    shard.install(growth, entries, found.note)
    remember_seals(notary, entries)
    return found, len(entries), replaced


def _following(notary: Notary, row: ShardRow, sources: Sequence[Source]) -> ShardRow | None:
    """The shard that the last entry of ``row`` announces, when the world knows it and this node forgot it."""
    row = notary.state.shard(row.name)
    (last,) = read_entries(notary.files(row.name), row.size - 1, row.size)
    entry = parse_entry(last)
    if not isinstance(entry, KeyChange) or entry.action is not KeyAction.SUCCESSOR:
        return None
    name = entry.key.name.rpartition("/")[2]
    if any(item.name == name for item in notary.state.shards()):
        return None
    for source in [PublishedFolder(notary.files(name)), *sources]:
        if source.read(name, CHECKPOINT) is None:
            continue
        try:
            first = read_entries(SourceFiles(source, name), 0, 1)[0]
            start = parse_entry(first)
        except (OSError, LedgerError, ValueError):
            continue
        if isinstance(start, Start) and entry.key in start.keys:
            year = int(name.partition("-")[0])
            notary.state.add_shard(name, entry.key.name, year, first, EMPTY_ROOT, [entry.key.encode()])
            return notary.state.shard(name)
    return None


def start_new_origin(notary: Notary, reason: StartReason) -> Shard:
    """Give up the current origin and start one with a fresh key whose first leaf names the old head.

    For a lost or compromised key, and for a history that no anchor or source can bring back.
    """
    with notary.locked():
        row = notary.state.shards()[-1]
        previous = Checkpoint(row.origin, row.size, row.root)
        try:
            largest = notary.survey(row).largest
        except (LedgerError, OSError):
            largest = previous
        notary.settle_instance()
        notary.thaw()
        with notary.state.transaction():
            notary.state.set_fact("successor", None)
        return notary.open_shard(reason, largest if largest.size > previous.size else previous)
