"""Files waiting for the pipeline, which is the only writer of the lake while the node runs.

The kept file comes first, then the order as one small file, so the pipeline never sees an order without its file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex

from qingjian.contracts.folders import make_durably, write_durably
from qingjian.intake.importing import KeptFiles
from qingjian.intake.source import ImportResult, ImportSource, file_digest


@dataclass(frozen=True, slots=True)
class Spool:
    """`DataFolder.intake / "spool"`; one order per file and way of understanding it."""

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

    def waits(self, digest: str) -> bool:
        """Say whether a file waits to be imported."""
        return any(source.digest == digest for _path, source in self.orders())

    def done(self, order: Path) -> None:
        """Take an order off the list."""
        order.unlink(missing_ok=True)


def submit(
    path: Path, *, kept: KeptFiles, spool: Spool, source: ImportSource | None = None
) -> ImportResult | ImportSource:
    """Hand a file to the pipeline; returns the order, or the result when the whole file was taken before.

    `kept.result_of(order)` tells when the order is carried out.
    """
    digest = file_digest(path)
    source = replace(
        source or ImportSource(digest), digest=digest, name=(source and source.name) or path.name
    )
    before = kept.result(digest)
    if before is not None and before.covers(source):
        return before.as_already()
    for _path, waiting in spool.orders():
        if (waiting.digest, waiting.options) == (digest, source.options):
            return waiting
    order = replace(source, order=token_hex(8))
    kept.keep(path, digest)
    make_durably(spool.folder)
    place = spool.folder / f"{digest}-{order.order}.json"
    write_durably(place, json.dumps(order.to_json(), ensure_ascii=False).encode())
    return order
