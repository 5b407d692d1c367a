"""The rule that looks at values that changed after the fact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from qingjian.contracts.directory import STATISTICS, Directory
from qingjian.contracts.findings import Finding
from qingjian.lake import Appended
from qingjian.pipeline.batches import Intent
from qingjian.pipeline.decoded import Decoded
from qingjian.pipeline.stating import LISTED, PERIOD_SECONDS, Outcome, listed, make_finding, series_code


class ChangeWatcher:
    """changed-after-the-fact: neighbouring periods of one batch become one finding."""

    def on_batch(
        self, intent: Intent, directory: Directory, heard: Decoded | None, appended: Appended
    ) -> Outcome:
        if not appended.changes.num_rows or intent.kind in ("aggregate", "correction"):
            # What the platform computes anew follows from changes that were reported; a correction has its author,
            # reason and approval.
            return [], {}
        return [
            self._finding(rows, intent, directory)
            for rows in _neighbours(sorted(appended.changes.to_pylist(), key=_change_order))
        ], {}

    def _finding(self, rows: list[dict[str, Any]], intent: Intent, directory: Directory) -> Finding:
        first, last = rows[0], rows[-1]
        statistic = STATISTICS[first["statistic"]]
        end = last["start"] + timedelta(seconds=PERIOD_SECONDS.get(statistic, 0))
        evidence: dict[str, Any] = {
            "statistic": statistic,
            "periods": len({row["start"] for row in rows}),
            **listed("changes", rows, LISTED),
        }
        evidence["changes"] = [_change_evidence(row) for row in evidence["changes"]]
        subject = series_code(directory, first["series"])
        return make_finding(
            "changed-after-the-fact",
            subject,
            first["start"],
            end,
            evidence,
            intent.known_at,
            part=f"{statistic}|{first['revision']}",
        )


def _change_order(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["series"], row["statistic"], row["start"], row["revision"]


def _neighbours(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Join changes of the same series whose periods follow each other."""
    held: list[dict[str, Any]] = []
    for row in rows:
        if held and not _follows(held[-1], row):
            yield held
            held = []
        held.append(row)
    if held:
        yield held


def _follows(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    seconds = PERIOD_SECONDS.get(STATISTICS[after["statistic"]], 0)
    return (before["series"], before["statistic"]) == (after["series"], after["statistic"]) and (
        (after["start"] - before["start"]).total_seconds() <= seconds
    )


def _change_evidence(row: Mapping[str, Any]) -> dict[str, Any]:
    sides = {
        side: {
            name: row[f"{side}_{name}"]
            for name in ("value", "min", "max", "total", "converted", "flag", "source")
            if row[f"{side}_{name}"] is not None
        }
        for side in ("old", "new")
    }
    frames = [[row[f"{side}_journal"], row[f"{side}_sequence"]] for side in ("old", "new")]
    return {"start": row["start"].isoformat(), "revision": row["revision"], **sides, "frames": frames}
