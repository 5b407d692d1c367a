"""What an arriving observation means beside what is known: new, repeated, completing or changing.

Same key and values → counted; values that only fill what was absent → a revision; different values → a revision that
is current by default and reported, with the frames of both (DESIGN §4, resends). Derived values are made anew whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from qingjian.lake.numbers import Decimals
from qingjian.lake.schemas import CANDIDATES, NUMBERS

KEY = ("series", "statistic", "start")
RULE_SOURCE = "rule:"
"""How the source of a derived value begins."""
FILE_SOURCE = "file:"
"""How the source of a value begins that was read from a file."""
CORRECTION_SOURCE = "correction:"
"""How the source of a value begins that a person corrected; the number of the approved correction follows."""
_FIELDS = (*NUMBERS, "limit")

Rows = npt.NDArray[np.intp]

CHANGES = pa.schema(
    [
        pa.field("series", pa.int32()),
        pa.field("statistic", pa.int8()),
        pa.field("start", pa.timestamp("us", "UTC")),
        pa.field("revision", pa.int32()),
        *(
            pa.field(f"{side}_{name}", kind)
            for side in ("old", "new")
            for name, kind in (
                *((number, pa.float64()) for number in NUMBERS),
                ("flag", pa.string()),
                ("journal", pa.string()),
                ("sequence", pa.int64()),
                ("source", pa.string()),
            )
        ),
    ]
)
"""One row per observation that was changed after the fact, with both values and both origins."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """Rows to store (CANDIDATES + revision) and what was found out on the way."""

    rows: pa.Table
    new: int
    repeated: int
    completed: int
    changes: pa.Table = field(default_factory=CHANGES.empty_table)


def resolve(candidates: pa.Table, known: pa.Table | None) -> Resolution:
    """Give every candidate its revision.

    `candidates` has the columns of CANDIDATES in order of arrival. `known` has those of OBSERVATIONS: the current
    revision of each key of the candidates that exists, None when surely none does.
    """
    count = candidates.num_rows
    if known is not None and not known.num_rows:
        known = None
    group, first, occurrence = _keys(candidates, known)
    if known is None and not occurrence.any():
        return Resolution(_with_revision(candidates, np.zeros(count, np.int32)), count, 0, 0)
    state = _State(candidates, known, group, first)
    kept: list[pa.Table] = []
    changes: list[pa.Table] = []
    tally = {"new": 0, "repeated": 0, "completed": 0}
    for turn in range(int(occurrence.max(initial=0)) + 1):
        rows = np.flatnonzero(occurrence == turn)
        stored, changed = state.take(candidates, rows, group[rows], tally)
        kept.append(stored)
        changes.append(changed)
    return Resolution(
        pa.concat_tables(kept).combine_chunks(),
        tally["new"],
        tally["repeated"],
        tally["completed"],
        pa.concat_tables(changes).combine_chunks(),
    )


def only_repeats(candidates: pa.Table, uncorrected: pa.Table) -> npt.NDArray[np.bool_]:
    """Say which candidates only repeat what a person has corrected since: they leave the correction in force.

    `uncorrected` holds, for each corrected key, the newest revision that is no correction. From the first candidate
    of a key on that says something else, all of them count.
    """
    found = np.zeros(candidates.num_rows, np.bool_)
    base = {key: row for row, key in enumerate(_key_rows(uncorrected))}
    maybe = np.isin(_numpy(candidates, "series"), _numpy(uncorrected, "series"))
    maybe &= np.isin(_numpy(candidates, "start"), _numpy(uncorrected, "start"))
    for place in np.flatnonzero(maybe):
        arriving = candidates.slice(place, 1)
        (key,) = _key_rows(arriving)
        source = arriving.column("source")[0].as_py() or ""
        if key not in base or source.startswith(CORRECTION_SOURCE):
            continue
        _merged, conflict, adds = _merge(
            uncorrected.slice(base[key], 1).select(CANDIDATES.names), arriving.select(CANDIDATES.names)
        )
        found[place] = not (conflict | adds).any()
        if not found[place]:
            del base[key]
    return found


def differing(candidates: pa.Table, known: pa.Table) -> npt.NDArray[np.bool_]:
    """Say which candidates state something that a known row of their key does not: another value, mark or a further one."""
    found = np.zeros(candidates.num_rows, np.bool_)
    if not candidates.num_rows or not known.num_rows:
        return found
    group, first, _occurrence = _keys(candidates, known)
    place = np.full(int(group.max()) + 1, -1, np.int64)
    place[group[first:]] = np.arange(known.num_rows)
    rows = np.flatnonzero(place[group[:first]] >= 0)
    before = known.take(place[group[rows]]).select(CANDIDATES.names)
    _merged, conflict, adds = _merge(before, candidates.take(rows).select(CANDIDATES.names))
    found[rows] = conflict | adds
    return found


def _key_rows(table: pa.Table) -> list[tuple[int, int, int]]:
    return list(zip(*(_numpy(table, name).tolist() for name in KEY), strict=True))


def _numpy(table: pa.Table, name: str) -> npt.NDArray[np.int64]:
    column = table.column(name)
    if name == "start":
        column = column.cast(pa.int64())
    numbers: npt.NDArray[np.int64] = column.to_numpy().astype(np.int64, copy=False)
    return numbers


def _keys(candidates: pa.Table, known: pa.Table | None) -> tuple[Rows, int, npt.NDArray[np.int64]]:
    """Return the key number of each candidate (then of each known row), where known rows begin, and which
    occurrence of its key within the candidates each one is."""
    tables = [candidates] if known is None else [candidates, known]
    columns = [np.concatenate([_numpy(table, name) for table in tables]) for name in reversed(KEY)]
    order = np.lexsort(columns)
    fresh = np.zeros(len(order), np.bool_)
    if len(order):
        fresh[0] = True
    for column in columns:
        fresh[1:] |= np.diff(column[order]) != 0
    group = np.empty(len(order), np.intp)
    group[order] = np.cumsum(fresh) - 1
    count = candidates.num_rows
    of_candidates = order[order < count]  # lexsort is stable: equal keys keep their order of arrival
    numbers = group[of_candidates]
    starts = np.r_[True, np.diff(numbers) != 0] if len(numbers) else np.zeros(0, np.bool_)
    position = np.arange(len(numbers))
    occurrence = np.empty(count, np.int64)
    occurrence[of_candidates] = position - np.maximum.accumulate(np.where(starts, position, 0))
    return group, count, occurrence


def _with_revision(table: pa.Table, revision: npt.NDArray[np.int32]) -> pa.Table:
    return table.select(CANDIDATES.names).append_column("revision", pa.array(revision, pa.int32()))


class _State:
    """What is current for each key: a row of one of the tables seen, with its revision."""

    def __init__(self, candidates: pa.Table, known: pa.Table | None, group: Rows, first: int) -> None:
        keys = int(group.max(initial=-1)) + 1
        self.revision = np.full(keys, -1, np.int32)
        self.row = np.full(keys, -1, np.int64)
        self.current = CANDIDATES.empty_table()
        if known is not None:
            places = group[first:]
            self.revision[places] = known.column("revision").to_numpy()
            self.row[places] = np.arange(known.num_rows)
            self.current = known.select(CANDIDATES.names)

    def take(
        self, candidates: pa.Table, rows: Rows, keys: Rows, tally: dict[str, int]
    ) -> tuple[pa.Table, pa.Table]:
        """Judge candidates with distinct keys; return (rows to store, changes) and make them current."""
        exists = self.revision[keys] >= 0
        unseen = candidates.take(rows[~exists]).select(CANDIDATES.names)
        tally["new"] += len(unseen)
        arriving = candidates.take(rows[exists]).select(CANDIDATES.names)
        before = self.current.take(self.row[keys[exists]])
        merged, conflict, adds = _merge(before, arriving)
        keep = conflict | adds
        tally["repeated"] += int((~keep).sum())
        tally["completed"] += int((adds & ~conflict).sum())
        revised_keys = keys[exists][keep]
        revised = merged.filter(keep)
        revision = np.r_[
            np.zeros(len(unseen), np.int32), (self.revision[revised_keys] + 1).astype(np.int32)
        ].astype(np.int32)
        stored = pa.concat_tables([unseen, revised]).combine_chunks()
        touched = np.r_[keys[~exists], revised_keys]
        self.row[touched] = len(self.current) + np.arange(len(touched))
        self.current = pa.concat_tables([self.current, stored]).combine_chunks()
        self.revision[touched] = revision
        changed_keys = keys[exists][conflict]
        return (
            _with_revision(stored, revision),
            _changes(before.filter(conflict), merged.filter(conflict), self.revision[changed_keys]),
        )


def _decimals(table: pa.Table, name: str) -> Decimals:
    return Decimals.from_arrow(
        table.column(f"{name}_mantissa").combine_chunks(), table.column(f"{name}_decimals").combine_chunks()
    )


def _merge(
    before: pa.Table, arriving: pa.Table
) -> tuple[pa.Table, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return (arriving, completed by what was known before; conflicts; adds something).

    A result of a rule made anew replaces its own earlier result as a whole: what it no longer states is gone.
    """
    count = arriving.num_rows
    conflict = np.zeros(count, np.bool_)
    adds = np.zeros(count, np.bool_)
    anew = _of_rule(before) & _of_rule(arriving)
    columns = {name: arriving.column(name) for name in CANDIDATES.names}
    for name in _FIELDS:
        old, new = _decimals(before, name), _decimals(arriving, name)
        both = old.valid & new.valid
        conflict |= both & (old.to_float() != new.to_float())
        adds |= new.valid & ~old.valid
        missing = old.valid & ~new.valid
        conflict |= missing & anew
        missing &= ~anew
        if missing.any():
            mixed = Decimals(
                np.where(missing, old.mantissa, new.mantissa),
                np.where(missing, old.decimals, new.decimals),
                old.valid | new.valid,
            )
            columns[f"{name}_mantissa"], columns[f"{name}_decimals"] = mixed.to_arrow()
    old_flag, new_flag = before.column("flag"), arriving.column("flag")
    differs = pc.fill_null(pc.not_equal(old_flag, new_flag), False)
    conflict |= differs.to_numpy()
    conflict |= pc.not_equal(before.column("qualifier"), arriving.column("qualifier")).to_numpy()
    adds |= pc.and_(pc.is_valid(new_flag), pc.is_null(old_flag)).to_numpy()
    columns["flag"] = pc.coalesce(new_flag, old_flag)
    return pa.table(columns, schema=CANDIDATES), conflict, adds


def _of_rule(table: pa.Table) -> npt.NDArray[np.bool_]:
    derived: npt.NDArray[np.bool_] = pc.fill_null(
        pc.starts_with(table.column("source"), RULE_SOURCE), False
    ).to_numpy()
    return derived


def _changes(before: pa.Table, after: pa.Table, revision: npt.NDArray[np.int32]) -> pa.Table:
    columns: dict[str, pa.Array | pa.ChunkedArray] = {name: after.column(name) for name in KEY}
    columns["revision"] = pa.array(revision, pa.int32())
    for side, table in (("old", before), ("new", after)):
        for name in NUMBERS:
            numbers = _decimals(table, name)
            columns[f"{side}_{name}"] = pa.array(numbers.to_float(), mask=~numbers.valid)
        for name in ("flag", "journal", "sequence", "source"):
            columns[f"{side}_{name}"] = table.column(name)
    return pa.table(columns, schema=CHANGES)
