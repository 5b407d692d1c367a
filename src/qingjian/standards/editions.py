"""Which edition applies: the one in force on the date of the data, unless another basis is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from qingjian.rulebook import Row, Rulebook
from qingjian.standards.errors import EditionError
from qingjian.standards.explanation import TraceBuilder


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
    the phase in force on `on` if it is in force then, else in its first phase. Raises EditionError.
    """
    if edition is None:
        if on is None:
            raise EditionError(
                "未给出数据日期或评价版本", "neither the date of the data nor an edition is given"
            )
        return Basis(on)
    name = edition.strip().removeprefix(standard).lstrip("-/ ")
    rows = rulebook.rows(table, standard=standard, edition=name)
    if not rows:
        known = "、".join(dict.fromkeys(row.edition for row in rulebook.rows(table, standard=standard)))
        raise EditionError(
            f"没有版本 {edition}（已有 {known}）", f"no edition {edition} of {standard} (known: {known})"
        )
    if on is not None and any(row.in_force(on) for row in rows):
        return Basis(on, explicit=True, label=f"{standard}-{name}")
    first = min(row.valid_from or date.min for row in rows)
    return Basis(first, explicit=True, label=f"{standard}-{name}")


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


def caveats(rulebook: Rulebook, standard: str, day: date) -> tuple[Row, ...]:
    """Register rows of a standard in force on a day that say that part of it is unknown or has not been compared."""
    rows = rulebook.rows("registry", day, standard=standard)
    return tuple(row for row in rows if re.search(r"not known|not (yet )?compared|not found", row["status"]))


def explain_caveats(rulebook: Rulebook, standard: str, day: date, trace: TraceBuilder) -> None:
    """Say in the trace what is not known of a standard."""
    for row in caveats(rulebook, standard, day):
        trace.step(
            f"注意 {row.document}《{row['title']}》: 部分内容未取得或未核对（{row['status']}）",
            f"note on {row.document}: {row['status']}",
            [row],
        )
