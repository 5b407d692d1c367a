"""Which emission standard applies to an outlet: rows that name a document, a class or a condition that nothing has judge nothing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from qingjian.rulebook import Row, Rulebook
from qingjian.standards.emissions.judgement import is_of_class
from qingjian.standards.explanation import Text
from qingjian.standards.limits import EVERY_CLASS, limit_of
from qingjian.standards.spelling import folded_class

TABLE = "outlet_standards"
_LIMITS = "emission_limits"


def completed(row: Row, book: Rulebook) -> Row:
    """The row with document, class and condition as the limits have them, where they are only spelled otherwise."""
    if row.table != TABLE:
        return row
    standard = _standard(row["standard"], book)
    changes = {"standard": standard or row["standard"]}
    held = [] if standard is None else book.rows(_LIMITS, standard=standard)
    category = _class([one["class"] for one in held], row.values.get("class", ""))
    if category:
        changes["class"] = category
    condition = _within([one["condition"] for one in held], row.values.get("condition", ""))
    if condition:
        changes["condition"] = condition
    if all(row.values.get(name, "") == value for name, value in changes.items()):
        return row
    return Row.from_values(row.table, {**row.values, **changes}, override=row.override)


def problems(row: Row, book: Rulebook) -> list[tuple[str, Text]]:
    """Return (column, what is wrong) for an assignment under which some text leaves no limit, or leaves none out."""
    if row.table != TABLE:
        return []
    held = [limit_of(one) for one in book.rows(_LIMITS, standard=row["standard"])]
    if not held:
        known = "、".join(dict.fromkeys(one.standard for one in book.rows(_LIMITS)))
        return [
            (
                "standard",
                Text(
                    f"没有 {row['standard']} 的排放限值（已有: {known}）；地方标准先提交其限值",
                    f"there is no limit of {row['standard']} (known: {known}); propose the limits of a local standard first",
                ),
            )
        ]
    category, condition = row.values.get("class", ""), row.values.get("condition", "")
    of_class = [one for one in held if is_of_class(one, category)]
    if category and not any(one.category == category for one in held):
        known = "、".join(dict.fromkeys(one.category for one in held if one.category != EVERY_CLASS))
        return [
            (
                "class",
                Text(
                    f"{row['standard']} 没有级别“{category}”（可用 {known}，空为全部）",
                    f"{row['standard']} has no class “{category}” (known: {known}, empty for all)",
                ),
            )
        ]
    fitting = [one for one in of_class if condition in one.condition]
    if not fitting:
        known = " / ".join(dict.fromkeys(one.condition for one in of_class if one.condition))
        return [
            (
                "condition",
                Text(
                    f"{row['standard']} {category} 没有条件含“{condition}”的限值（条件有: {known or '无'}）",
                    f"no limit of {row['standard']} {category} has a condition with “{condition}” (there are: {known or 'none'})",
                ),
            )
        ]
    parts = [
        one.strip() for one in row.values.get("left_out", "").replace(";", "；").split("；") if one.strip()
    ]
    idle = [
        part for part in parts if not any(part in one.condition or part in one.name_zh for one in fitting)
    ]
    if idle:
        listing = "、".join(idle)
        return [
            (
                "left_out",
                Text(
                    f"没有限值的项目或条件含“{listing}”，不会排除任何限值",
                    f"no limit has “{listing}” in its item or condition: nothing would be left out",
                ),
            )
        ]
    return []


def _standard(given: str, book: Rulebook) -> str | None:
    """The standard that a text names, with or without its year."""
    rows = book.rows(_LIMITS)
    if any(one.standard == given for one in rows):
        return given
    wanted = _squeezed(given)
    found = {one.standard for one in rows if wanted in (_squeezed(one.standard), _squeezed(one.document))}
    return found.pop() if len(found) == 1 else None


def _class(known: Sequence[str], given: str) -> str:
    """The class of a standard that is meant; as it is where none or several are."""
    if not given or given in known:
        return given
    found = {one for one in known if folded_class(one) == folded_class(given)}
    return found.pop() if len(found) == 1 else given


def _within(known: Sequence[str], given: str) -> str:
    """The part of a condition that is meant where only spaces differ (`新建燃煤` for `新建 燃煤`)."""
    plain = "".join(given.split())
    if not plain or any(given in one for one in known):
        return given
    pattern = re.compile(r"\s*".join(map(re.escape, plain)))
    found = {match[0] for one in known if (match := pattern.search(one)) is not None}
    return found.pop() if len(found) == 1 else given


def _squeezed(text: str) -> str:
    return (
        re.sub(r"\s", "", unicodedata.normalize("NFKC", text)).replace("—", "-").replace("–", "-").casefold()
    )
