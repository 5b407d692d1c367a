"""Which edition applies: the one in force on the date of the data, unless another basis is asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from qingjian.rulebook import Row, Rulebook
from qingjian.standards.errors import EditionError
from qingjian.standards.explanation import TraceBuilder
from qingjian.standards.phrases import chinese

PHASE = "@"
"""Stands between an edition and the day from which on one of its phases is in force."""


@dataclass(frozen=True, slots=True)
class Basis:
    """Rules as in force on `day`. `explicit`: asked for by name instead of following the date of the data."""

    day: date
    explicit: bool = False
    label: str = ""

    def explain(self, trace: TraceBuilder) -> None:
        """Say in the trace on which basis the result stands."""
        if self.explicit:
            trace.step(f"按指定版本评价: {self.label}", f"evaluated on the edition asked for: {self.label}")
        else:
            trace.step(
                f"按数据日期 {self.day} 适用的版本评价", f"edition in force on the data date {self.day}"
            )


def resolve(rulebook: Rulebook, table: str, standard: str, on: date | None, edition: str | None) -> Basis:
    """The basis for one evaluation.

    `edition` is e.g. `2026` or `GB 3095-2026`. An edition in phases (GB 3095-2026: until 2030 and from 2031) is taken in
    the phase in force on `on` if it is in force then, else in its first phase; `2026@2031-01-01` names the phase in force
    from that day on. Raises EditionError.
    """
    if edition is None:
        if on is None:
            raise EditionError(
                "未给出数据日期或评价版本", "neither the date of the data nor an edition is given"
            )
        return Basis(on)
    name, _, start = edition.strip().removeprefix(standard).lstrip("-/ ").partition(PHASE)
    rows = rulebook.rows(table, standard=standard, edition=name)
    if not rows:
        known = "、".join(dict.fromkeys(row.edition for row in rulebook.rows(table, standard=standard)))
        raise EditionError(
            f"没有版本 {edition}（已有 {known}）", f"no edition {edition} of {standard} (known: {known})"
        )
    if start:
        begins = {row.valid_from for row in rows if row.valid_from}
        named = next((day for day in begins if day.isoformat() == start), None)
        if named is None:
            known = "、".join(sorted(day.isoformat() for day in begins))
            raise EditionError(
                f"{standard}-{name} 没有自 {start} 起的阶段（已有 {known}）",
                f"{standard}-{name} has no phase from {start} on (known: {known})",
            )
        return Basis(named, explicit=True, label=f"{standard}-{name} ({start})")
    if on is not None and any(row.in_force(on) for row in rows):
        return Basis(on, explicit=True, label=f"{standard}-{name}")
    first = min(row.valid_from or date.min for row in rows)
    return Basis(first, explicit=True, label=f"{standard}-{name}")


@dataclass(frozen=True, slots=True)
class Phase:
    """What a standard says over one stretch of time. `name` is what `resolve` takes; `until` is the last day, None = open."""

    name: str
    standard: str
    edition: str
    since: date | None
    until: date | None

    @property
    def day(self) -> date:
        """A day on which it is in force."""
        return self.since or self.until or date.min

    @property
    def document(self) -> str:
        return f"{self.standard}-{self.edition}" if self.edition else self.standard


def phases(
    rulebook: Rulebook, table: str, standard: str, concerns: Callable[[Row], bool] = lambda row: True
) -> tuple[Phase, ...]:
    """What a standard has said one after the other, oldest first: its editions, and phases within one.

    Two stretches are told apart only where a row that `concerns` the question differs: an amendment that leaves all of
    them alone is no other basis.
    """
    rows = [row for row in rulebook.rows(table, standard=standard) if concerns(row)]
    starts = sorted({row.valid_from or date.min for row in rows})
    found: list[Phase] = []
    said: frozenset[tuple[str, ...]] | None = None
    for start in starts:
        own = [row for row in rulebook.rows(table, start, standard=standard) if concerns(row)]
        present = frozenset(_said(row) for row in own)
        if present == said:
            continue
        said = present
        edition = next(row.edition for row in own if (row.valid_from or date.min) == start)
        name = f"{edition}{PHASE}{start}" if any(one.edition == edition for one in found) else edition
        if found:
            found[-1] = replace(found[-1], until=start - timedelta(days=1))
        found.append(Phase(name, standard, edition, None if start == date.min else start, None))
    return tuple(found)


def in_force_on(found: Iterable[Phase], first: date, last: date) -> list[Phase]:
    """The phases in force on any day of a period."""
    return [
        one
        for one in found
        if (one.since is None or one.since <= last) and (one.until is None or one.until >= first)
    ]


def _said(row: Row) -> tuple[str, ...]:
    return (*row.subject, *(row.values.get(name, "") for name in ("op", "limit", "unit")))


def in_force(rulebook: Rulebook, table: str, basis: Basis, **equals: str) -> tuple[Row, ...]:
    """Rows of a table on the basis. Raises EditionError if there is none."""
    rows = rulebook.rows(table, basis.day, **equals)
    if not rows:
        wanted = " ".join(equals.values())
        raise EditionError(
            f"{basis.day} 没有适用的规则: {table} {wanted}",
            f"no rule in force on {basis.day}: {table} {wanted}",
        )
    return rows


def of_standard(rows: Iterable[Row], standard: str) -> tuple[Row, ...]:
    """The rows of a standard, and of others only where they speak of items that it does not have.

    A local standard adds items; beside an item of the standard its rows would be two limits in one place, of which
    neither may win by the order of a file.
    """
    held = list(rows)
    own = {row["pollutant_cn"] for row in held if row.standard == standard}
    first: dict[str, str] = {}
    for row in held:
        first.setdefault(row["pollutant_cn"], standard if row["pollutant_cn"] in own else row.standard)
    return tuple(row for row in held if row.standard == first[row["pollutant_cn"]])


def governing(rows: Iterable[Row]) -> Row:
    """Of rows in force on one subject the later begun, an office's own before a packaged one. Raises EditionError if none.

    An office names its own document, so that its row stands beside that of the standard.
    """
    held = list(rows)
    if not held:
        raise EditionError("没有适用的规则", "no rule in force")
    return max(held, key=lambda row: (row.valid_from or date.min, row.override))


def newest_first(rows: Iterable[Row]) -> list[Row]:
    """Rows by their start, the newest first: where a table is searched for the first that fits, a newer edition goes before."""
    return sorted(rows, key=lambda row: row.valid_from or date.min, reverse=True)


def caveats(rulebook: Rulebook, standard: str, day: date) -> tuple[Row, ...]:
    """Register rows of a standard in force on a day that say that part of it is unknown or has not been compared."""
    rows = rulebook.rows("registry", day, standard=standard)
    return tuple(row for row in rows if re.search(r"not known|not (yet )?compared|not found", row["status"]))


def explain_caveats(rulebook: Rulebook, standard: str, day: date, trace: TraceBuilder) -> None:
    """Say in the trace what is not known of a standard."""
    for row in caveats(rulebook, standard, day):
        trace.step(
            f"注意 {row.document}《{row['title']}》: 部分内容未取得或未核对（{chinese(row['status'])}）",
            f"note on {row.document}: {row['status']}",
            [row],
        )
