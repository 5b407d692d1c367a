"""How far each journal is in the ledger: written by the notary's process, read by whoever deletes journal segments."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qingjian.contracts.folders import write_durably


@dataclass(frozen=True, slots=True)
class Anchored:
    """The newest batch of a journal up to which every batch has its place in the ledger."""

    batch: int
    sequence: int
    """Last frame of that batch."""


class AnchoredPositions:
    """One small file, replaced as a whole; what it says is true for ever, so an old version only says less."""

    def __init__(self, path: Path) -> None:
        """`path` is DataFolder.anchored."""
        self._path = path

    def read(self) -> Mapping[str, Anchored]:
        """Return the position of every journal; nothing when the notary has not written yet."""
        try:
            content = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        return {name: Anchored(int(batch), int(sequence)) for name, (batch, sequence) in content.items()}

    def write(self, positions: Mapping[str, Anchored]) -> None:
        """Replace the positions; on disk when this returns."""
        rows = {name: [one.batch, one.sequence] for name, one in sorted(positions.items())}
        write_durably(self._path, json.dumps(rows).encode())
