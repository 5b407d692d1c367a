"""Rows from CSV text: packaged tables and the files an office brings (local limits, permits, newer editions)."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from qingjian.rulebook.row import Confidence, Row, parse_day
from qingjian.rulebook.tables import TABLES, TableDefinition

_IN_WORDS = re.compile(r"[<>≤≥]")
_RANGE = re.compile(r"(?<=[\d.\s])[-~–—－〜～−至](?=[\d.\s])")
_DAY = re.compile(r"(\d{4})(?:[/.]|年)(\d{1,2})(?:[/.]|月)(\d{1,2})日?\Z")
_SIGNS = {
    "≤": "<=",
    "＜=": "<=",
    "＜＝": "<=",
    "≦": "<=",
    "＜": "<",
    "≥": ">=",
    "≧": ">=",
    "＞=": ">=",
    "＞＝": ">=",
    "＞": ">",
}
_OPERATORS = {"<=", "<", ">=", ">", "range", "change", "text", "not_detected"}


@dataclass(frozen=True, slots=True)
class RowError:
    """Why one line of a file was refused. `line` counts from 1, the header being line 1."""

    line: int
    column: str
    message_zh: str
    message_en: str


def load_csv(text: str, table: str, *, override: bool = True) -> tuple[tuple[Row, ...], tuple[RowError, ...]]:
    """Read a CSV file of one table; good lines become rows, bad lines become errors, none stops the rest.

    A row without `confidence` is U until someone confirms it. Raises KeyError for an unknown table.
    """
    rows, errors = load_lines(text, table, override=override)
    return tuple(row for _line, row in rows), errors


def load_lines(
    text: str, table: str, *, override: bool = True
) -> tuple[tuple[tuple[int, Row], ...], tuple[RowError, ...]]:
    """As `load_csv`, each row with the line of the file in which it ends."""
    definition = TABLES[table]
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    reader = csv.DictReader(io.StringIO(plain, newline="\n"), strict=False)
    rows: dict[str, tuple[int, Row]] = {}
    errors: list[RowError] = []
    try:
        header = reader.fieldnames or []
        missing = [name for name in definition.required if name not in header]
        if missing:
            names = ", ".join(missing)
            return (), (RowError(1, names, f"表头缺少列: {names}", f"the header lacks the columns: {names}"),)
        for typed in reader:
            line = reader.line_num
            values = _in_one_spelling(typed)
            if problems := _problems(definition, values, line):
                errors.extend(problems)
                continue
            row = Row.from_values(table, values, override=override)
            if row.id in rows:
                errors.append(RowError(line, "", "与前面一行重复(主键相同)", "same key as an earlier line"))
                continue
            rows[row.id] = (line, row)
    except csv.Error as problem:
        errors.append(
            RowError(reader.line_num + 1, "", f"不是合格的 CSV: {problem}", f"not valid CSV: {problem}")
        )
    return tuple(rows.values()), tuple(errors)


def _problems(definition: TableDefinition, values: Mapping[str, str], line: int) -> list[RowError]:
    if None in values or None in values.values():
        return [RowError(line, "", "列数与表头不一致", "the number of cells differs from the header")]
    found = [
        RowError(line, name, f"{name} 不能为空", f"{name} must not be empty")
        for name in definition.required
        if not values[name].strip()
    ]
    found.extend(
        RowError(line, name, f"{name} 不是数: {values[name]}", f"{name} is not a number: {values[name]}")
        for name in definition.numeric
        if values.get(name, "").strip() and _number(values[name]) is None
    )
    found.extend(_date_problems(values, line))
    mark = values.get("confidence", "").strip()
    if mark and mark not in list(Confidence):
        found.append(
            RowError(
                line, "confidence", f"可信度只能是 V、S、U: {mark}", f"confidence is V, S or U, not {mark}"
            )
        )
    if "op" in definition.required:
        found.extend(_limit_problems(definition, values, line))
    return found


def _date_problems(values: Mapping[str, str], line: int) -> list[RowError]:
    found = []
    days = []
    for name in ("effective_from", "effective_to"):
        try:
            days.append(parse_day(values.get(name, ""), last=name == "effective_to"))
        except ValueError:
            text = values[name]
            found.append(RowError(line, name, f"日期不能识别: {text}", f"not a date: {text}"))
    if len(days) == 2 and days[0] and days[1] and days[1] < days[0]:
        found.append(RowError(line, "effective_to", "失效日期早于生效日期", "ends before it starts"))
    return found


def _limit_problems(definition: TableDefinition, values: Mapping[str, str], line: int) -> list[RowError]:
    operator, limit = values["op"].strip(), values["limit"].strip()
    if operator not in _OPERATORS:
        return [RowError(line, "op", f"运算符不能识别: {operator}", f"unknown operator: {operator}")]
    if operator in {"<=", "<", ">=", ">"}:
        number = _number(limit)
        if number is None:
            return [RowError(line, "limit", f"限值不是数: {limit}", f"the limit is not a number: {limit}")]
        if number < 0:
            return [RowError(line, "limit", f"限值不能为负: {limit}", f"the limit is negative: {limit}")]
    # GB/T 14848 writes classes Ⅳ and Ⅴ of pH as two ranges in words; no other table does.
    if operator == "range" and not (definition.name == "groundwater_limits" and _IN_WORDS.search(limit)):
        sides = [_number(one) for one in _RANGE.split(limit)]
        low, high = sides if len(sides) == 2 else (None, None)
        if low is None or high is None:
            return [
                RowError(
                    line, "limit", f"范围应写作 6-9: {limit}", f"a range is written like 6-9, not {limit}"
                )
            ]
        if low >= high:
            return [
                RowError(
                    line,
                    "limit",
                    f"范围的下限须小于上限: {limit}",
                    f"the range begins above its end: {limit}",
                )
            ]
    return []


def _in_one_spelling(values: Mapping[str, str]) -> Mapping[str, str]:
    """Signs, ranges and days as the tables write them: people type `≤`, `6~9`, `６－９` and `2026/1/1`."""
    if None in values or None in values.values():
        return values  # refused for its number of cells
    made = dict(values)
    for name in ("effective_from", "effective_to"):
        if (found := _DAY.match(made.get(name, "").strip())) is not None:
            made[name] = f"{found[1]}-{found[2]:0>2}-{found[3]:0>2}"
    if "op" not in made or "limit" not in made:
        return made
    made["op"] = _SIGNS.get(made["op"].strip(), made["op"])
    limit = made["limit"].strip()
    if made["op"].strip() != "range":
        plain = unicodedata.normalize("NFKC", limit)
        return made | {"limit": plain if _number(plain) is not None else limit}
    if _IN_WORDS.search(limit):
        return made
    sides = [unicodedata.normalize("NFKC", one.strip()) for one in _RANGE.split(limit)]
    return made | {"limit": "-".join(sides)}


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
