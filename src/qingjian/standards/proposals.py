"""What an office's own rows must be so that an evaluation can read them: units, averaging periods, whole ladders of classes.

A row that nobody can read would judge nothing without a word, or stop every point with its item: it is refused before
somebody approves it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import pairwise

from qingjian.rulebook import Row, Rulebook, packaged
from qingjian.standards import averaging, groundwater, soil, spelling, symbols
from qingjian.standards.air import local as local_air
from qingjian.standards.emissions.oxygen import reference_oxygen, speaks_of_oxygen
from qingjian.standards.errors import EvaluationError
from qingjian.standards.explanation import Text
from qingjian.standards.quantity import convert, is_mass_flow, one_unit, unit_name
from qingjian.standards.surface_water import items as surface_water

LADDERS = {
    "surface_water_limits": (surface_water.STANDARD, surface_water.CLASSES[:5]),
    "groundwater_limits": (groundwater.STANDARD, groundwater.CLASSES),
}
"""Tables of classes: the document that decides, and the classes each item needs."""
NATIONAL_ONLY = {
    "soil_limits_agri": soil.FARMLAND,
    "soil_limits_construction": soil.LAND,
    "noise_limits": "GB 3096",
}
"""Tables of which evaluations read the national document, and others for items of their own at most."""
_ITEM = {"surface_water_limits": "symbol", "groundwater_limits": "pollutant_cn"}
"""The column by which the evaluation puts the rows of one item together."""


def completed(row: Row) -> Row:
    """A row as the tables write it, where only one thing can be meant: its symbol, its unit and its class."""
    return symbols.completed(spelling.respelled(row))


def problems_of(row: Row, factors: Collection[str] = ()) -> list[tuple[str, Text]]:
    """Return (column, what is wrong) for a row whose symbol, unit or averaging period no evaluation reads.

    `factors`: Chinese names of this office's own factors, of which emission limits may be.
    """
    unfound = symbols.problem(row, factors)
    unclassed = spelling.class_problem(row)
    found = [one for one in (unfound, unclassed) if one is not None]
    if "op" not in row.values or "limit" not in row.values:
        return found
    known = packaged().rows(row.table)
    unit = row.values.get("unit", "").strip()
    if unit not in {one["unit"] for one in known}:
        try:
            unit_name(unit)
        except EvaluationError as error:
            found.append(("unit", Text(error.zh, error.en)))
    if row.table in spelling.QUALITY_LIMITS:
        found += _as_beside(row)
        if row["op"] in ("<=", "<") and _is_zero(row["limit"]):
            found.append(("limit", Text("上限须大于 0", "an upper limit must be above 0")))
    if row.table == averaging.EMISSIONS:
        found += _in_no_unit_of_the_item(row)
        found += _at_unread_oxygen(row)
    found += _beside_the_nation(row)
    if row.table == "soil_limits_agri":
        found += _of_no_band(row)
    unread = averaging.problem(row)
    if unread is not None:
        found.append(unread)
    return found


def _as_beside(row: Row) -> list[tuple[str, Text]]:
    """Say where a row has another unit or comparison than the packaged ones of its document and item: it would be read as theirs."""
    beside = packaged().rows(row.table, standard=row.standard, pollutant_cn=row["pollutant_cn"])
    found = []
    same_class = [one for one in beside if one["class"] == row.values.get("class", "")] or beside
    alike = beside or _of_the_item(row)
    units = dict.fromkeys(one["unit"] for one in alike)
    signs = dict.fromkeys(one["op"] for one in same_class)
    if units and one_unit(row["unit"]) not in {one_unit(one) for one in units}:
        listing = " / ".join(units)
        document = alike[0].document
        text = Text(
            f"{document} 的 {row['pollutant_cn']} 以 {listing} 为单位，评价不换算限值，不能写 {row['unit']}",
            f"{row['pollutant_cn']} of {document} is in {listing} and limits are not converted: not in {row['unit']}",
        )
        found.append(("unit", text))
    # Of an item that the document does not have, whatever the table has anywhere can be read.
    signs = signs or dict.fromkeys(one["op"] for one in packaged().rows(row.table))
    if row["op"] not in signs:
        listing = " / ".join(signs)
        text = Text(
            f"{row.document} 的 {row['pollutant_cn']} 的比较方式为 {listing}，不能写 {row['op']}",
            f"{row['pollutant_cn']} of {row.document} is compared by {listing}, not by {row['op']}",
        )
        found.append(("op", text))
    return found


def _at_unread_oxygen(row: Row) -> list[tuple[str, Text]]:
    """Say where a condition speaks of oxygen in words nobody reads: values would be held against the limit as they are."""
    condition = row.values.get("condition", "")
    if not speaks_of_oxygen(condition) or reference_oxygen(condition) is not None:
        return []
    text = Text(
        f"条件中的基准含氧量读不出来: {condition}（写作 O2ref=6% 或 基准含氧量6%）",
        f"the reference oxygen of the condition cannot be read: {condition} (write O2ref=6%)",
    )
    return [("condition", text)]


def _beside_the_nation(row: Row) -> list[tuple[str, Text]]:
    """Say where a document of the place limits what only the national one is read for: soil, and zones of noise."""
    national = NATIONAL_ONLY.get(row.table)
    if national is None or row.standard in {one.standard for one in packaged().rows(row.table)}:
        return []
    beside = packaged().rows(row.table, standard=national, pollutant_cn=row["pollutant_cn"])
    if not beside and row.table != "noise_limits":
        return []  # an item of its own
    text = Text(
        f"{row['pollutant_cn']} 只按 {national} 评价，{row.document} 的限值不参与任何评价；要采用地方限值，请以 {national} 的文件号提交该行",
        f"{row['pollutant_cn']} is judged by {national} only, a limit of {row.document} would judge nothing: to use it, "
        f"propose it as a row of {national}",
    )
    return [("standard", text)]


def _of_no_band(row: Row) -> list[tuple[str, Text]]:
    """Say where a limit of farmland has a use or a band of acidity that no other row of its item and class has."""
    known = dict.fromkeys(
        one["condition"]
        for one in packaged().rows(row.table, pollutant_cn=row["pollutant_cn"])
        if one["class"] == row["class"]
    )
    if not known or row["condition"] in known:
        return []
    listing = " / ".join(known)
    text = Text(
        f"{row['pollutant_cn']} {row['class']}: 条件须为 {listing}，不能是 {row['condition'] or '空'}",
        f"{row['pollutant_cn']} {row['class']}: the condition is one of {listing}, not {row['condition'] or 'empty'}",
    )
    return [("condition", text)]


def _in_no_unit_of_the_item(row: Row) -> list[tuple[str, Text]]:
    """Say where no value of an item could ever be held against an emission limit: pH in mg/L, COD without a unit."""
    units = symbols.units_of(row)
    unit = row["unit"]
    if (
        not units
        or not _converts(unit, unit)
        or is_mass_flow(unit)
        or any(_converts(unit, one) for one in units)
    ):
        return []
    name, listing = row["pollutant_cn"], " / ".join(units)
    return [
        (
            "unit",
            Text(
                f"{name} 以 {listing} 为单位，{unit} 的限值不能与之比较",
                f"{name} is in {listing}: a limit in {unit} cannot be compared with it",
            ),
        )
    ]


def _converts(unit: str, other: str) -> bool:
    try:
        convert(Decimal(1), unit_name(unit), unit_name(other))
    except EvaluationError:
        return False
    return True


def _of_the_item(row: Row) -> tuple[Row, ...]:
    """The packaged rows of the same item in the unit of which a document of the place is read.

    None of the air: only its local limits are converted.
    """
    if row.table == local_air.TABLE:
        return ()
    item = _ITEM.get(row.table, "pollutant_cn")
    item = item if row.values.get(item) else "pollutant_cn"
    return tuple(one for one in packaged().rows(row.table) if one[item] == row[item])


def _is_zero(text: str) -> bool:
    try:
        return Decimal(text) == 0
    except InvalidOperation:
        return False


def ladder_problems(book: Rulebook, rows: Iterable[Row]) -> list[Text]:
    """Return what is wrong with the classes of the items of some rows in a snapshot that holds them.

    Of each document every item needs one limit for each class, none laxer than that of a worse class: a single stricter limit of a local document can neither
    enter the classes of the national standard nor make classes of its own.
    """
    found: dict[str, Text] = {}
    for row in rows:
        if row.table not in LADDERS or row["class"] not in LADDERS[row.table][1]:
            continue
        standard, classes = LADDERS[row.table]
        item = _ITEM[row.table]
        day = row.valid_from or date.min
        held = [
            one
            for one in book.rows(row.table, day, standard=row.standard)
            if one[item] == row[item] and one["class"] in classes and _same_water(one, row)
        ]
        begun = {
            one["class"]: max(_start(other) for other in held if other["class"] == one["class"])
            for one in held
        }
        present = sorted(
            (one["class"] for one in held if _start(one) == begun[one["class"]]), key=classes.index
        )
        name = f"{row.document} {row['pollutant_cn']}"
        if tuple(present) == tuple(classes):
            units = dict.fromkeys(one["unit"] for one in held if _start(one) == begun[one["class"]])
            if len(units) > 1:
                listing = "、".join(units)
                found[name] = Text(
                    f"{name}: 各类别限值的单位须相同，现有 {listing}",
                    f"{name}: the limits of all classes need one unit, there are {listing}",
                )
                continue
            turned = _turned([one for one in held if _start(one) == begun[one["class"]]], classes)
            if turned is not None:
                better, worse = turned
                found[name] = Text(
                    f"{name}: {better['class']}类限值 {better['limit']} 比 {worse['class']}类 {worse['limit']} 宽松，类别顺序颠倒",
                    f"{name}: the limit of class {better['class']}, {better['limit']}, is laxer than that of class "
                    f"{worse['class']}, {worse['limit']}",
                )
            continue
        missing = "、".join(one for one in classes if one not in present)
        twice = "、".join(dict.fromkeys(one for one in present if present.count(one) > 1))
        wrong = f"缺 {missing}" if missing else f"重复 {twice}"
        wrong_en = f"{missing} missing" if missing else f"{twice} twice"
        more = (
            Text("", "")
            if row.standard == standard
            else Text(
                f"；{standard} 以外的文件须给出全部类别，并只作为另一评价依据",
                f"; a document other than {standard} needs all classes, and is another basis only",
            )
        )
        found[name] = Text(
            f"{name}: 类别须为 {'、'.join(classes)} 各一项（{wrong}）{more.zh}",
            f"{name}: one limit for each of {', '.join(classes)} is needed ({wrong_en}){more.en}",
        )
    return list(found.values())


def _turned(rows: Iterable[Row], classes: Sequence[str]) -> tuple[Row, Row] | None:
    """Return (better, worse) class whose limits stand in the wrong order; None where classes only become laxer.

    Pairs that are both packaged stand as the document has them.
    """
    own = sorted(rows, key=lambda one: classes.index(one["class"]))
    for better, worse in pairwise(own):
        if (better.override or worse.override) and _laxer(better, worse):
            return better, worse
    return None


def _laxer(better: Row, worse: Row) -> bool:
    if worse["op"] == "not_detected":
        return better["op"] != "not_detected"
    if better["op"] == "not_detected" or better["unit"] != worse["unit"]:
        return False
    try:
        first, second = Decimal(better["limit"]), Decimal(worse["limit"])
    except InvalidOperation:  # ranges and words have no order
        return False
    if better["op"] in (">=", ">"):
        return first < second
    return first > second


def _start(row: Row) -> date:
    return row.valid_from or date.min


def _same_water(one: Row, other: Row) -> bool:
    """Total phosphorus has limits of rivers and of lakes: each is a ladder of its own."""
    lakes = "湖、库"
    return (lakes in one.values.get("condition", "")) == (lakes in other.values.get("condition", ""))
