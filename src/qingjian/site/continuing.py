"""No number is given to two frames: journals go on behind everything another store may know of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from qingjian.contracts.anchored import Anchored, AnchoredPositions
from qingjian.contracts.folders import DataFolder, write_durably
from qingjian.gateway.positions import PositionStore
from qingjian.journal import Continuation, JournalReader, continue_above, journals
from qingjian.lake.reader import LakeReader
from qingjian.ledger.entries import Frames, parse_entry
from qingjian.notary.state import State
from qingjian.site.configuration import load

LEDGER_STATE = "state.sqlite3"


@dataclass(frozen=True, slots=True)
class _Held:
    """What a journal holds."""

    last: int
    batch: int
    """Newest closed batch."""
    batch_end: int


def continue_journals(folder: DataFolder, *, restored: bool = False) -> dict[str, Continuation]:
    """Find the journals that other stores are ahead of, and let them go on behind all of them; returns those.

    To be called while no process of the node runs: at each start, because a folder can also be put back without
    `qingjian restore`; and at a restore for every journal, because frames that came after the backup have numbers at
    upper platforms, mirrors and witnesses of which nothing here tells.
    """
    known = _known(folder, restored=restored)
    done: dict[str, Continuation] = {}
    for name, newest in sorted(known.items()):
        held = _held(folder.journal / name)
        if newest > held.last or restored:
            _step_back(folder, name, held)
            done[name] = continue_above(folder.journal / name, newest)
    return done


def _known(folder: DataFolder, *, restored: bool) -> dict[str, int]:
    """Return the newest sequence lake, ledger or an upper platform has of each journal there is or may be."""
    processes = load(folder.root).values.gateway_processes
    known = dict.fromkeys([*journals(folder.journal), *(f"gateway-{one + 1}" for one in range(processes))], 0)
    entered = _entered(folder)
    anchored = {name: one.sequence for name, one in AnchoredPositions(folder.anchored).read().items()}
    for found in (dict.fromkeys(entered, 0), anchored, _forwarded(folder.forwarding)):
        for name, sequence in found.items():
            known[name] = max(known.get(name, 0), sequence)
    if (folder.lake / "format").exists():
        lake = LakeReader(folder.lake)
        try:
            known = {name: max(sequence, lake.position(name)) for name, sequence in known.items()}
        finally:
            lake.close()
    for name in known:
        held = _held(folder.journal / name)
        # The two small files tell whether the ledger is ahead; by how much is a search through all it has.
        if restored or entered.get(name, 0) > held.batch or anchored.get(name, 0) > held.last:
            known[name] = max(known[name], _in_ledger(folder.ledger / LEDGER_STATE, name))
    return known


def _entered(folder: DataFolder) -> dict[str, int]:
    """Return the newest batch of each journal the notary has looked at."""
    if not folder.entered.exists():
        return {}
    return {name: int(batch) for name, batch in json.loads(folder.entered.read_text()).items()}


def _in_ledger(path: Path, name: str) -> int:
    """Return the newest frame of a journal that was entered, 0 when none was."""
    if not path.exists():
        return 0
    state = State(path)
    try:
        subject = state.newest_subject(f"frames/{name}/")
        held = state.queued(subject) if subject is not None else None
    finally:
        state.close()
    entry = parse_entry(held) if held is not None else None
    return entry.last if isinstance(entry, Frames) else 0


def _forwarded(path: Path) -> dict[str, int]:
    if not path.exists():
        return {}
    store = PositionStore(path)
    found: dict[str, int] = {}
    try:
        for one in store.positions():
            found[one.journal] = max(found.get(one.journal, 0), one.sequence)
    finally:
        store.close()
    return found


def _held(folder: Path) -> _Held:
    with JournalReader(folder) as reader:
        newest = reader.last_batch()
        return _Held(reader.last(), newest.number if newest else 0, newest.last if newest else 0)


def _step_back(folder: DataFolder, name: str, held: _Held) -> None:
    """Let the notary look again at what the journal closes from now on: its last batch may be a shorter one now."""
    positions = _entered(folder)
    if positions.get(name, 0) > held.batch:
        write_durably(folder.entered, json.dumps({**positions, name: held.batch}).encode())
    anchored = AnchoredPositions(folder.anchored)
    known = dict(anchored.read())
    if name in known and known[name].batch > held.batch:
        anchored.write({**known, name: Anchored(held.batch, held.batch_end)})
