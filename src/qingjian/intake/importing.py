"""Importing files and tables, offline (this process writes the lake) or through the spool (the pipeline does)."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from qingjian.contracts.directory import Directory
from qingjian.contracts.folders import make_durably, sync_folder, write_durably
from qingjian.intake.interpreting import Prepared, prepare
from qingjian.intake.problems import IntakeError
from qingjian.intake.sheets import read_sheet
from qingjian.intake.source import ImportResult, ImportSource, file_digest
from qingjian.lake import Appended, Lake


@dataclass(frozen=True, slots=True)
class KeptFiles:
    """Received files by digest, with what became of each, below DataFolder.intake."""

    folder: Path

    def path(self, digest: str) -> Path:
        return self.folder / "files" / digest[:2] / digest

    def keep(self, path: Path, digest: str) -> Path:
        """Keep a copy of the file as it came."""
        target = self.path(digest)
        if not target.exists():
            make_durably(target.parent)
            beside = target.with_suffix(".part")
            shutil.copyfile(path, beside)
            with beside.open("rb") as handle:
                os.fsync(handle.fileno())
            beside.replace(target)
            sync_folder(target.parent)
        return target

    def result(self, digest: str) -> ImportResult | None:
        """Return what became of a file, None when it was never imported to the end."""
        path = self.path(digest).with_suffix(".json")
        return ImportResult.from_json(json.loads(path.read_text())) if path.exists() else None

    def results(self) -> list[ImportResult]:
        """Return what became of every file."""
        return [
            ImportResult.from_json(json.loads(one.read_text()))
            for one in sorted(self.folder.glob("files/*/*.json"))
        ]

    def record(self, result: ImportResult) -> None:
        path = self.path(result.digest).with_suffix(".json")
        make_durably(path.parent)
        write_durably(path, json.dumps(result.to_json(), ensure_ascii=False).encode())


def import_table(lake: Lake, directory: Directory, table: pa.Table, source: ImportSource) -> ImportResult:
    """Store a table of observations as one batch; this process must be the lake's writer.

    Columns: series (code or id) or point and factor; statistic (or source.statistic); time; value, min, max, total,
    converted (numbers or texts); flag; unit; row. Wide tables as in `interpreting`. The same table again is counted
    as repeated. IntakeError when columns are missing.
    """
    prepared = prepare(table, directory, source)
    batch = lake.next_batch(directory_version=directory.version)
    appended = lake.append(batch, observations=prepared.observations)
    return result_of(source, prepared, appended, batch.number)


def import_file(
    path: Path,
    *,
    lake: Lake,
    directory: Directory,
    kept: KeptFiles,
    source: ImportSource | None = None,
) -> ImportResult:
    """Import a CSV or XLSX file offline; the same file (by digest) is not imported twice.

    LakeBusyError while the node runs: then `spool.submit` hands the file to the pipeline. A file of which nothing can
    be taken gives a result with one problem and no observations.
    """
    digest = file_digest(path)
    before = kept.result(digest)
    if before is not None:
        return replace(before, already=True)
    source = replace(
        source or ImportSource(digest), digest=digest, name=(source and source.name) or path.name
    )
    lake.open_for_writing()
    original = kept.keep(path, digest)
    try:
        result = import_table(lake, directory, read_sheet(original, source.name), source)
    except IntakeError as error:
        return ImportResult(digest, problems=[error.problem])
    kept.record(result)
    return result


def result_of(source: ImportSource, prepared: Prepared, appended: Appended, batch: int) -> ImportResult:
    """Put together what is told of an import."""
    return ImportResult(
        digest=source.digest,
        rows=prepared.rows,
        observations=prepared.observations.num_rows,
        new=appended.new + appended.completed,
        repeated=appended.repeated,
        changed=appended.changes.num_rows,
        problems=prepared.problems,
        batch=batch,
    )
