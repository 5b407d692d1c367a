"""The rulebook: an immutable snapshot of rows that functions take and results name."""

from __future__ import annotations

import bisect
import functools
import hashlib
import importlib.resources
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from types import MappingProxyType

from qingjian.rulebook.loading import load_csv
from qingjian.rulebook.row import Confidence, Confirmation, Row
from qingjian.rulebook.tables import SETTINGS, TABLES


class Rulebook:
    """Immutable set of rows, one per id. All changes give a new snapshot with another `version`."""

    __slots__ = ("__dict__", "_by_id", "_by_table")

    _by_id: Mapping[str, Row]
    _by_table: Mapping[str, tuple[Row, ...]]

    def __init__(self, rows: Iterable[Row]) -> None:
        """Raises ValueError if two rows have the same id."""
        by_id: dict[str, Row] = {}
        for row in rows:
            if row.id in by_id:
                raise ValueError(f"two rows with the same key: {row.id} {dict(row.values)}")
            by_id[row.id] = row
        by_table: dict[str, list[Row]] = {}
        for row in by_id.values():
            by_table.setdefault(row.table, []).append(row)
        self._by_id = MappingProxyType(by_id)
        self._by_table = MappingProxyType({name: tuple(rows) for name, rows in by_table.items()})

    @functools.cached_property
    def version(self) -> str:
        """Digest of the whole content, whatever the order of the rows."""
        content = [self._by_id[row_id].to_dict() for row_id in sorted(self._by_id)]
        text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rulebook) and self.version == other.version

    def __hash__(self) -> int:
        return hash(self.version)

    def __len__(self) -> int:
        return len(self._by_id)

    def __repr__(self) -> str:
        return f"<Rulebook {self.version}: {len(self)} rows>"

    def tables(self) -> tuple[str, ...]:
        """Names of the tables that hold at least one row."""
        return tuple(self._by_table)

    def row(self, row_id: str) -> Row:
        """The row with that id. Raises KeyError."""
        return self._by_id[row_id]

    def rows(self, table: str, on: date | None = None, **equals: str) -> tuple[Row, ...]:
        """Rows of a table whose columns equal the given texts, in file order.

        Without `on`: every row, of every edition. With `on`: the rows in force on that day; where several speak
        about the same subject, the one with the latest start wins, and a local row before a packaged one.
        Write `class_=` for the column `class`. Raises KeyError for an unknown table.
        """
        if table not in TABLES:
            raise KeyError(f"no such table: {table}")
        wanted = {name.rstrip("_"): value for name, value in equals.items()}
        found = [
            row
            for row in self._by_table.get(table, ())
            if (on is None or row.in_force(on)) and all(row.values.get(k, "") == v for k, v in wanted.items())
        ]
        return tuple(found) if on is None else _latest_of_each_subject(found)

    def on(self, day: date) -> Rulebook:
        """The snapshot whose settings are those of a day: of each the row in force, else the one nearest in time.

        Only tables of `SETTINGS` are cut: limits and editions keep all their rows, for they are asked for by day or by
        name. A row before its day must not change what earlier days say.
        """
        place = bisect.bisect_right(self._borders, day)
        if place not in self._cut:
            kept = {row.id for name in SETTINGS for row in _on_day(self._by_table.get(name, ()), day)}
            self._cut[place] = Rulebook(
                row for row in self._by_id.values() if row.table not in SETTINGS or row.id in kept
            )
        return self._cut[place]

    @functools.cached_property
    def _borders(self) -> list[date]:
        """Days on which a setting begins, or has ended."""
        rows = [row for name in SETTINGS for row in self._by_table.get(name, ())]
        begins = {row.valid_from for row in rows if row.valid_from}
        return sorted(begins | {row.valid_to + timedelta(days=1) for row in rows if row.valid_to})

    @functools.cached_property
    def _cut(self) -> dict[int, Rulebook]:
        """Snapshots of days, by the place of the day among the borders."""
        return {}

    def rows_to_confirm(self) -> tuple[Row, ...]:
        """Rows marked U or S that nobody has confirmed yet: the page "rules to confirm"."""
        return tuple(
            row for row in self._by_id.values() if row.confidence is not Confidence.V and not row.confirmed
        )

    def local_rows(self) -> tuple[Row, ...]:
        """Rows added by this office (local standards, newer editions, permits, replaced values)."""
        return tuple(row for row in self._by_id.values() if row.override)

    def confirmations(self) -> dict[str, Confirmation]:
        """Confirmations by row id, to carry over to a newer packaged rulebook."""
        return {row.id: row.confirmation for row in self._by_id.values() if row.confirmation}

    def with_rows(self, rows: Iterable[Row]) -> Rulebook:
        """A new snapshot in which `rows` replace the rows of the same id and are added otherwise.

        An office's row in the place of a packaged one says so (`Row.replaces`).
        """
        merged = dict(self._by_id)
        merged.update((row.id, _in_place_of(row, merged.get(row.id))) for row in rows)
        return Rulebook(merged.values())

    def without_rows(self, row_ids: Iterable[str]) -> Rulebook:
        """A new snapshot without these rows. Raises KeyError for an unknown id."""
        merged = dict(self._by_id)
        for row_id in row_ids:
            del merged[row_id]
        return Rulebook(merged.values())

    def with_confirmation(self, row_id: str, confirmation: Confirmation) -> Rulebook:
        """A new snapshot in which a person has confirmed one row against a document.

        Raises KeyError for an unknown row, ValueError if the row changed after the person saw it.
        """
        return self.with_rows([self.row(row_id).confirmed_by(confirmation)])

    def to_json(self) -> str:
        """The whole content as JSON text."""
        return json.dumps(
            {"format": 1, "rows": [row.to_dict() for row in self._by_id.values()]},
            ensure_ascii=False,
            separators=(",", ":"),
        )

    @classmethod
    def from_json(cls, text: str) -> Rulebook:
        """Inverse of `to_json`. Raises ValueError for another format."""
        data = json.loads(text)
        if data.get("format") != 1:
            raise ValueError(f"unknown rulebook format: {data.get('format')!r}")
        return cls(Row.from_dict(item) for item in data["rows"])


def _latest_of_each_subject(rows: list[Row]) -> tuple[Row, ...]:
    best: dict[tuple[str, ...], Row] = {}
    for row in rows:
        subject = row.subject
        held = best.get(subject)
        if held is None or _rank(row) > _rank(held):
            best[subject] = row
    chosen = {row.id for row in best.values()}
    return tuple(row for row in rows if row.id in chosen)


def _on_day(rows: Iterable[Row], day: date) -> list[Row]:
    """Of each setting the row in force on a day, else the one nearest to it in time."""
    subjects: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        # Whose document it is does not matter: an office's own setting takes the place of the packaged one from its day on.
        own_subject = tuple(row.values.get(name, "") for name in _subject_of(row.table))
        subjects.setdefault(own_subject, []).append(row)
    return [max(own, key=lambda row: _nearness(row, day)) for own in subjects.values()]


@functools.cache
def _subject_of(table: str) -> tuple[str, ...]:
    return tuple(
        name
        for name in TABLES[table].key
        if name not in ("standard", "edition", "effective_from", "effective_to")
    )


def _nearness(row: Row, day: date) -> tuple[bool, int, tuple[date, bool]]:
    start, end = row.valid_from or date.min, row.valid_to or date.max
    away = max((start - day).days, (day - end).days, 0)
    return (row.in_force(day), -away, _rank(row))


def _rank(row: Row) -> tuple[date, bool]:
    return (row.valid_from or date.min, row.override)


@functools.cache
def packaged() -> Rulebook:
    """The rulebook that ships with the product, from `rulebook/data/*.csv`."""
    rows: list[Row] = []
    for file in sorted(
        importlib.resources.files(__package__).joinpath("data").iterdir(), key=lambda f: f.name
    ):
        if not file.name.endswith(".csv"):
            continue
        found, errors = load_csv(file.read_text("utf-8"), file.name.removesuffix(".csv"), override=False)
        if errors:
            raise ValueError(f"{file.name}: {errors[0].message_en}")
        rows.extend(found)
    return Rulebook(rows)


def may_act_alone(rows: Iterable[Row]) -> bool:
    """May a result that rests on these rows open a penalty, close a case or reject a sample by itself?

    An unverified row (U) may compute and warn; it may not act alone until a person has confirmed it.
    """
    return all(row.confidence is not Confidence.U or row.confirmed for row in rows)


@dataclass(frozen=True, slots=True)
class Difference:
    """What separates two snapshots: the rows to look at when a limit changes with past effect."""

    added: tuple[Row, ...]
    removed: tuple[Row, ...]
    changed: tuple[tuple[Row, Row], ...]

    def affected_days(self) -> tuple[date | None, date | None] | None:
        """First and last day whose evaluation may change (None inside = open end), or None if nothing changed."""
        rows = [*self.added, *self.removed, *(row for pair in self.changed for row in pair)]
        if not rows:
            return None
        starts = [row.valid_from for row in rows]
        ends = [row.valid_to for row in rows]
        first = None if None in starts else min(day for day in starts if day)
        last = None if None in ends else max(day for day in ends if day)
        return (first, last)


def difference(old: Rulebook, new: Rulebook) -> Difference:
    """Rows added, removed and changed in content (a confirmation alone is no change)."""
    old_rows, new_rows = dict(old._by_id), dict(new._by_id)
    return Difference(
        added=tuple(row for row_id, row in new_rows.items() if row_id not in old_rows),
        removed=tuple(row for row_id, row in old_rows.items() if row_id not in new_rows),
        changed=tuple(
            (old_rows[row_id], row)
            for row_id, row in new_rows.items()
            if row_id in old_rows and old_rows[row_id].digest != row.digest
        ),
    )


def _in_place_of(row: Row, held: Row | None) -> Row:
    if held is None or not row.override or row.replaces:
        return row
    return replace(row, replaces=held.replaces if held.override else held.citation)
