"""Files waiting for the pipeline, which is the only writer of the lake while the node runs.

The kept file comes first, then the order as one small file, so the pipeline never sees an order without its file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from qingjian.contracts.folders import make_durably, write_durably
from qingjian.intake.importing import KeptFiles
from qingjian.intake.source import ImportResult, ImportSource, file_digest


@dataclass(frozen=True, slots=True)
class Spool:
    """`DataFolder.intake / "spool"`; one order per digest."""

    folder: Path

    def orders(self) -> list[tuple[Path, ImportSource]]:
        """Return waiting orders, oldest first; an unreadable order is set aside."""
        waiting = []
        if not self.folder.is_dir():
            return []
        for path in sorted(self.folder.glob("*.json"), key=lambda one: (one.stat().st_mtime_ns, one.name)):
            try:
                waiting.append((path, ImportSource.from_json(json.loads(path.read_bytes()))))
            except (ValueError, TypeError):
                path.rename(path.with_suffix(".unreadable"))
        return waiting

    def done(self, order: Path) -> None:
        """Take an order off the list."""
        order.unlink(missing_ok=True)


def submit(
    path: Path, *, kept: KeptFiles, spool: Spool, source: ImportSource | None = None
) -> ImportResult | str:
    """Hand a file to the pipeline; returns its digest, or the result when this file was imported before."""
    digest = file_digest(path)
    before = kept.result(digest)
    if before is not None:
        return replace(before, already=True)
    source = replace(
        source or ImportSource(digest), digest=digest, name=(source and source.name) or path.name
    )
    kept.keep(path, digest)
    make_durably(spool.folder)
    write_durably(spool.folder / f"{digest}.json", json.dumps(source.to_json(), ensure_ascii=False).encode())
    return digest
