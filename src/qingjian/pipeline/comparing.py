"""What the device sent against what the platform computes from the finer data of the same device: findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from qingjian.contracts.directory import Series
from qingjian.contracts.findings import Finding
from qingjian.pipeline.converting import Values
from qingjian.pipeline.stating import make_finding
from qingjian.pipeline.windows import DAY, HOUR, floor_day
from qingjian.quality.aggregation import Aggregates
from qingjian.quality.comparison import COLUMNS, Outcome, compare, compare_converted, converted_tolerance
from qingjian.quality.observations import Observations, SeriesInfo
from qingjian.quality.periods import local_day
from qingjian.rulebook import Row, Rulebook

FIGURES = {"value": "value", "minimum": "min", "maximum": "max", "total": "total"}
"""Column of a comparison → column of the lake, which evidence is named by."""
Registered = Mapping[int, Series]
"""Series by id."""


def intervals(made: Aggregates, registered: Registered, known_at: datetime) -> list[Finding]:
    """State the days on which minutes came closer together than the register says."""
    found: dict[tuple[int, datetime], Finding] = {}
    for row in np.flatnonzero(made.step < 3600):
        series = registered[int(made.series[row])]
        owed, seen = series.expected.get("minute"), int(made.step[row])
        day = floor_day(datetime.fromtimestamp(int(made.start[row]), UTC))
        if owed is None or seen >= owed or (series.id, day) in found:
            continue
        found[series.id, day] = make_finding(
            "interval-not-registered",
            series.code,
            day,
            day + DAY,
            {"registered_seconds": owed, "seen_seconds": seen},
            known_at,
        )
    return list(found.values())


def differing(
    made: Aggregates,
    sent: pa.Table,
    infos: Sequence[SeriesInfo],
    registered: Registered,
    hours: Aggregates | None,
    converted: Values,
    book: Rulebook,
    known_at: datetime,
) -> list[Finding]:
    """State every number of an hour or a day that the device sent (`sent`, with the column converted) and that is not ours.

    `hours`: the own hours a day was made of; `converted`: own values at reference oxygen; `book` says how far those may
    differ.
    """
    if not sent.num_rows:
        return []
    found = compare(made, Observations.from_table(sent), infos, columns=COLUMNS, hours=hours)
    wrong = found.differing()
    stated = [
        _finding(
            made.target, registered, {**wrong.evidence(row), "column": _figure(wrong.column[row])}, known_at
        )
        for row in range(len(wrong))
    ]
    agreed = found.take((found.column == COLUMNS.index("value")) & (found.outcome == Outcome.AGREE))
    agreeing = set(zip(agreed.series.tolist(), agreed.start.tolist(), strict=True))
    for key, row in _converted(sent, agreeing, converted, registered, book):
        number, start, own, theirs, allowed = key
        evidence: dict[str, float | int | str] = {
            "series": number,
            "start": start,
            "column": "converted",
            "own": own,
            "sent": theirs,
            "difference": theirs - own,
            "allowed": allowed,
            "explained_percent": float(row["value"]),
            "rule_row": row.id,
            "clause": row.citation,
            "confidence": row.confidence.value,
        }
        stated.append(_finding(made.target, registered, evidence, known_at))
    return stated


def _figure(column: int) -> str:
    return FIGURES[COLUMNS[int(column)]]


def _converted(
    sent: pa.Table,
    agreeing: set[tuple[int, int]],
    converted: Values,
    registered: Registered,
    book: Rulebook,
) -> list[tuple[tuple[int, int, float, float, float], Row]]:
    """Compare converted values where the means agree: where they do not, that is said already.

    Return what differs and the row that says how far it might have.
    """
    if not converted:
        return []
    theirs: dict[tuple[int, int], float] = {}
    for row in sent.select(["series", "start", "converted"]).to_pylist():
        key = row["series"], int(row["start"].timestamp())
        if row["converted"] is not None and key in converted and key in agreeing:
            theirs[key] = row["converted"]
    keys = list(theirs)
    of_day = {day: converted_tolerance(book, day) for day in {local_day(start) for _, start in keys}}
    rows = [of_day[local_day(start)] for _, start in keys]
    found = compare_converted(
        keys,
        np.array([converted[key] for key in keys], np.float64),
        np.array([theirs[key] for key in keys], np.float64),
        np.array([registered[key[0]].decimals for key in keys], np.int64),
        np.array([float(row["value"]) / 100 for row in rows], np.float64),
    )
    return [(one, of_day[local_day(one[1])]) for one in found]


def _finding(
    target: str, registered: Registered, evidence: Mapping[str, float | int | str], known_at: datetime
) -> Finding:
    start = datetime.fromtimestamp(int(evidence["start"]), UTC)
    column = str(evidence["column"])
    part = next((long for long, short in FIGURES.items() if short == column), column)
    return make_finding(
        "device-against-platform",
        registered[int(evidence["series"])].code,
        start,
        start + (HOUR if target == "hour" else DAY),
        {**evidence, "statistic": target},
        known_at,
        part=target if column == "value" else f"{target}|{part}",
    )
