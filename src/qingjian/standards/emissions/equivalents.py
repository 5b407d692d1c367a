"""Pollution equivalents (污染当量) of the Environmental Protection Tax Law, to recheck what a taxpayer declares.

The tax itself is not computed: rates, reductions and exemptions are the tax authority's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from qingjian.rulebook import Confidence, Row, Rulebook, packaged
from qingjian.standards.errors import InputError
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.quantity import Given, measured
from qingjian.standards.rounding import round_places

_PLACES = 2


@dataclass(frozen=True, slots=True)
class Equivalent:
    """One item of one outlet and month: kg, equivalents (kg ÷ equivalent value), its rank within its group.

    `taxed`: among the first items of its group (annex 2, article 9), and not passed over for an alternative item.
    """

    item: str
    name_zh: str
    group: str
    kilograms: Decimal
    value: Decimal
    equivalents: Decimal
    rank: int
    taxed: bool
    passed_over_for: str
    row: Row


@dataclass(frozen=True, slots=True)
class Recheck:
    """Items by group and rank, the items without an equivalent value, and the weakest confidence used."""

    items: tuple[Equivalent, ...]
    without_value: tuple[str, ...]
    confidence: Confidence
    trace: Trace

    @property
    def ranks_certain(self) -> bool:
        """False while an item was measured whose equivalents nobody knows: it might be among the first of its group."""
        return not self.without_value


def equivalent_rows(medium: str, on: date, *, rulebook: Rulebook | None = None) -> dict[str, Row]:
    """Rows of a medium (`water`, `gas`) in force on a day, by HJ 212 code."""
    book = rulebook or packaged()
    return {row["symbol"]: row for row in book.rows("tax_equivalents", on, medium=medium)}


def recheck(
    amounts: Mapping[str, Given], medium: str, on: date, *, rulebook: Rulebook | None = None
) -> Recheck:
    """Equivalents of one outlet from kg by HJ 212 code, ranked within each group.

    Of alternative items (COD, BOD5, TOC) only the one with the most equivalents is taken. Raises InputError for negative
    amounts.
    """
    if medium not in ("water", "gas"):
        raise InputError(f"介质应为 water 或 gas: {medium}", f"medium is water or gas, not {medium}")
    book = rulebook or packaged()
    rows = equivalent_rows(medium, on, rulebook=book)
    counts = {row["item"]: row for row in book.rows("evaluation_parameters", on, subject="tax_recheck")}
    trace = TraceBuilder(Text("污染当量复核", "recheck of equivalents"))
    found: list[tuple[Row, Decimal, Decimal]] = []
    for item, given in amounts.items():
        if item in rows:
            kilograms = measured(given, item, "kg").value
            found.append((rows[item], kilograms, kilograms / Decimal(rows[item]["equivalent_kg"])))
    found.sort(key=lambda one: (one[0]["group"], -one[2], one[0]["symbol"]))
    heads = _heads(found)
    results: list[Equivalent] = []
    ranks: dict[str, int] = {}
    for row, kilograms, exact in found:
        group = row["group"]
        head = heads.get(row.values.get("alternative", ""), row)
        passed_over = "" if head is row else head["pollutant_cn"]
        if not passed_over:
            ranks[group] = ranks.get(group, 0) + 1
        most = int(counts[group]["value"]) if group in counts else 0
        rank = 0 if passed_over else ranks[group]
        taxed = 0 < rank <= most
        results.append(
            Equivalent(
                row["symbol"],
                row["pollutant_cn"],
                group,
                kilograms,
                Decimal(row["equivalent_kg"]),
                round_places(exact, _PLACES),
                rank,
                taxed,
                passed_over,
                row,
            )
        )
        shown = plain(round_places(exact, _PLACES))
        verdict = (
            (f"与{passed_over}只计一项", f"only one of it and {passed_over} counts")
            if passed_over
            else (
                f"{group}第 {rank} 位，{'计征' if taxed else '不在前列'}（前 {most} 项）",
                f"rank {rank} of its group, {'taxed' if taxed else 'not among the first'} (first {most})",
            )
        )
        trace.step(
            f"{row['pollutant_cn']}: {plain(round_places(kilograms, 4))} kg ÷ {row['equivalent_kg']} kg = {shown}；{verdict[0]}",
            f"{row['symbol']}: {plain(round_places(kilograms, 4))} kg ÷ {row['equivalent_kg']} kg = {shown}; {verdict[1]}",
            [row, *([counts[group]] if group in counts else [])],
        )
    without = tuple(item for item in amounts if item not in rows)
    if without:
        trace.step(
            f"{'、'.join(without)}: 当量值表中没有这些项目，未计当量、未参加排序；各组前几位因此不确定",
            f"{', '.join(without)}: no equivalent value in the table, so neither counted nor ranked; which items are the first "
            "of their group is uncertain",
        )
    used = [one.row for one in results] + [counts[one.group] for one in results if one.group in counts]
    return Recheck(tuple(results), without, Confidence.weakest(row.confidence for row in used), trace.done())


def _heads(found: list[tuple[Row, Decimal, Decimal]]) -> dict[str, Row]:
    """The item of each set of alternatives that has the most equivalents."""
    heads: dict[str, tuple[Decimal, Row]] = {}
    for row, _kilograms, exact in found:
        name = row.values.get("alternative", "")
        if name and (name not in heads or exact > heads[name][0]):
            heads[name] = (exact, row)
    return {name: row for name, (_exact, row) in heads.items()}
