"""Importing files and tables, offline (this process writes the lake) or through the spool (the pipeline does)."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qingjian.contracts.directory import Directory
from qingjian.contracts.folders import make_durably, sync_folder, write_durably
from qingjian.intake.interpreting import MOST_PROBLEMS, Prepared, prepare
from qingjian.intake.problems import IntakeError, Problem
from qingjian.intake.sheets import read_sheet
from qingjian.intake.source import ImportResult, ImportSource, file_digest, file_source
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

    def result_of(self, order: ImportSource) -> ImportResult | None:
        """Return what became of one order, None while the pipeline has not carried it out."""
        result = self.result(order.digest)
        return result if result is not None and result.order == order.order else None

    def record(self, result: ImportResult) -> None:
        path = self.path(result.digest).with_suffix(".json")
        make_durably(path.parent)
        write_durably(path, json.dumps(result.to_json(), ensure_ascii=False).encode())


def import_table(
    lake: Lake, directory: Directory, table: pa.Table, source: ImportSource, *, again: bool = False
) -> ImportResult:
    """Store a table of observations as one batch; this process must be the lake's writer.

    Columns: series (code or id) or point and factor; statistic (or source.statistic); time; value, min, max, total,
    converted (numbers or texts); flag; unit; row. Wide tables as in `interpreting`. The same table again is counted
    as repeated; with `again` only what an earlier import of the same source did not take is looked at. IntakeError
    when columns are missing.
    """
    prepared = prepare(table, directory, source)
    batch = lake.next_batch(directory_version=directory.version)
    prepared, fresh, known = to_store(lake, directory, prepared, source, batch.known_at, again=again)
    appended = lake.append(batch, observations=fresh)
    return result_of(source, prepared, appended, batch.number, known)


MEASURED = ("device", "platform", "upstream", "simulated")
"""Origins of series whose values machines sent or the platform computed: a file may fill their gaps, never change them."""


def to_store(
    lake: Lake,
    directory: Directory,
    prepared: Prepared,
    source: ImportSource,
    before: datetime,
    *,
    again: bool,
) -> tuple[Prepared, pa.Table, int]:
    """Return what is left of a file, the observations to store now, and how many the same file has given before.

    With `again` only what an earlier import of the same file did not take is stored: what it gave stays as it was
    revised since. Rows that would change what a machine sent are refused: correcting a value takes two persons. So are
    rows of periods that begin after `before`, the moment of the import: nobody has measured them.
    """
    prepared = _without_the_future(prepared, before)
    observations = prepared.observations
    taken = np.zeros(observations.num_rows, np.bool_)
    if again:
        taken = lake.stored_from(observations, file_source(source), before)
    measured = [one.id for one in directory.series if one.origin in MEASURED]
    refused = ~taken & np.isin(observations.column("series").to_numpy(), measured)
    refused[refused] = lake.differing_from_sent(observations.filter(pa.array(refused)), before)
    fresh = observations.filter(pa.array(~taken & ~refused))
    if not refused.any():
        return prepared, fresh, int(taken.sum())
    return _without(prepared, refused, "value", "measured-otherwise"), fresh, int(taken.sum())


def _without_the_future(prepared: Prepared, moment: datetime) -> Prepared:
    starts = prepared.observations.column("start").cast(pa.int64()).to_numpy()
    ahead = starts > int(moment.timestamp() * 1_000_000)
    return _without(prepared, ahead, "time", "time-future") if ahead.any() else prepared


def _without(prepared: Prepared, refused: npt.NDArray[np.bool_], column: str, code: str) -> Prepared:
    """Leave observations out and complain about their rows."""
    rows = sorted(set(prepared.observations.filter(pa.array(refused)).column("sequence").to_pylist()))
    told = {one.row for one in prepared.problems}
    problems = [*prepared.problems, *(Problem(row, column, code) for row in rows)]
    return replace(
        prepared,
        observations=prepared.observations.filter(pa.array(~refused)),
        problems=sorted(problems, key=lambda one: one.row)[:MOST_PROBLEMS],
        refused=prepared.refused + len(set(rows) - told),
    )


def import_file(
    path: Path,
    *,
    lake: Lake,
    directory: Directory,
    kept: KeptFiles,
    source: ImportSource | None = None,
) -> ImportResult:
    """Import a CSV or XLSX file offline.

    The same file (by digest) again adds only what could not be taken before: rows of points registered since, or rows
    that other options make readable. LakeBusyError while the node runs: then `spool.submit` hands the file to the
    pipeline. A file of which nothing can be taken gives a result with one problem and no observations.
    """
    digest = file_digest(path)
    source = replace(
        source or ImportSource(digest), digest=digest, name=(source and source.name) or path.name
    )
    before = kept.result(digest)
    if before is not None and before.covers(source):
        return before.as_already()
    lake.open_for_writing()
    original = kept.keep(path, digest)
    try:
        table = read_sheet(original, source.name)
        result = import_table(lake, directory, table, source, again=before is not None)
    except IntakeError as error:
        return ImportResult(digest, problems=[error.problem], options=source.options)
    kept.record(result)
    return result


def result_of(
    source: ImportSource, prepared: Prepared, appended: Appended, batch: int, known: int = 0
) -> ImportResult:
    """Put together what is told of an import; `known` observations had come from the same file before."""
    return ImportResult(
        digest=source.digest,
        rows=prepared.rows,
        observations=prepared.observations.num_rows,
        new=appended.new + appended.completed,
        refused=prepared.refused,
        repeated=appended.repeated + known,
        changed=appended.changes.num_rows,
        problems=prepared.problems,
        batch=batch,
        order=source.order,
        options=source.options,
    )
