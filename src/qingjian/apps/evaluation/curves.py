"""What the chart of a point shows: the course of its values, and the limits they are held against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.utils.translation import gettext as _

from qingjian.apps.evaluation import words
from qingjian.apps.evaluation.drafts import day_of
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.evaluation.sheets import Sheet
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.current import now
from qingjian.standards import groundwater
from qingjian.standards.editions import of_standard
from qingjian.standards.surface_water import items as surface_water


def chart(results: Sequence[Evaluation], sheet: Sheet, item: str = "") -> dict[str, Any]:
    """Return lines and limits of a point's results, newest first, for its chart; `item` for elements that measure many."""
    rows = list(reversed(results))
    stamps = [int(row.start.timestamp() * 1000) for row in rows]
    if sheet.name == "noise":
        names = ("Ld", "Ln")
        lines_ = [(name, [row.result.get("levels", {}).get(name) for row in rows]) for name in names]
        limits = [
            (name, _last(rows, lambda row, name=name: row.result.get("limits", {}).get(name)))
            for name in names
        ]
        return _chart(stamps, lines_, limits, "dB(A)", sheet.step)
    if sheet.name == "radiation":
        lines_ = [
            (_("highest hour"), [row.result.get("highest") for row in rows]),
            (_("mean of the day"), [row.result.get("mean") for row in rows]),
            (_("threshold"), [row.result.get("threshold") for row in rows]),
        ]
        local = _last(rows, lambda row: row.result.get("background")) or [None, None]
        limits = [(_("background, low"), local[0]), (_("background, high"), local[1])]
        return _chart(stamps, lines_, limits, "nGy/h", sheet.step)
    if sheet.name == "ecology":
        parts = sorted({name for row in rows for name in row.result.get("parts", {})})
        lines_ = [("EQI", [row.result.get("eqi") for row in rows])]
        lines_ += [
            (words.item(name), [_number(row.values.get("used", {}).get(name)) for row in rows])
            for name in parts
        ]
        return _chart(stamps, lines_, [], "", sheet.step)
    if sheet.name == "lakes":
        lines_ = [("TLI", [row.result.get("tli") for row in rows])]
        bounds = [
            (str(row["label"]).split(" ")[0], _number(row["hi"]))
            for row in rulebook().rows("tli", kind="threshold")
            if row["hi"]
        ]
        return _chart(stamps, lines_, [(words.category(name), top) for name, top in bounds], "", sheet.step)
    values = [_number(row.values.get("used", {}).get(item)) for row in rows]
    unit = next(
        (row.values["units"][item] for row in reversed(rows) if item in row.values.get("units", {})), ""
    )
    return _chart(stamps, [(words.item(item), values)], _limits(sheet, rows, item), unit, sheet.step)


def items_of(rows: Sequence[Evaluation]) -> list[str]:
    """Return the items of a point's results, those that decided the newest one first."""
    if not rows or rows[0].kind not in ("groundwater", "drinking", "soil", "black_odorous"):
        return []
    deciding = list(rows[0].result.get("decided_by", ()))
    rest = list(dict.fromkeys(item for row in rows for item in row.values.get("used", {})))
    return [*(item for item in deciding if item in rest), *(item for item in rest if item not in deciding)]


def _limits(sheet: Sheet, rows: Sequence[Evaluation], item: str) -> list[tuple[str, float | None]]:
    """Return the limits an item is held against, from the newest result or the table."""
    for row in reversed(rows):
        for one in row.result.get("items", ()):
            if one["item"] == item and "screening" in one:
                return [
                    (_("screening value"), _number(one["screening"])),
                    (_("control value"), _number(one["control"])),
                ]
    if sheet.name == "groundwater" or (
        sheet.name == "drinking" and rows and rows[-1].result.get("kind") == "ground"
    ):
        found = of_standard(
            rulebook().rows("groundwater_limits", day_of(now()), pollutant_cn=item), groundwater.STANDARD
        )
        return [
            (_("class %(name)s") % {"name": row["class"]}, _number(row["limit"]))
            for row in found
            if row["op"] == "<=" and row["class"] in ("Ⅲ", "Ⅳ")
        ]
    if sheet.name == "drinking":
        book = rulebook()
        today = day_of(now())
        found = of_standard(
            book.rows("surface_water_limits", today, symbol=item, class_="Ⅲ")
            or book.rows("surface_water_limits", today, pollutant_cn=item, class_="标准限值"),
            surface_water.STANDARD,
        )
        return [(_("limit"), _number(row["limit"])) for row in found[:1]]
    return []


def _last(rows: Sequence[Evaluation], read: Callable[[Evaluation], Any]) -> Any:
    return next((value for row in reversed(rows) if (value := read(row)) is not None), None)


def _number(text: Any) -> float | None:
    """Return a number for a chart; a non-detect is drawn at the share of its detection limit that counts."""
    if text is None:
        return None
    try:
        given = str(text)
        return (
            float(given[:-1]) * float(surface_water.non_detect_share(rulebook()))
            if given.endswith("L")
            else float(given)
        )
    except ValueError:
        return None


def _chart(
    stamps: list[int],
    lines_: Sequence[tuple[str, list[Any]]],
    limits: Sequence[tuple[str, float | None]],
    unit: str,
    step: str,
) -> dict[str, Any]:
    return {
        "x": stamps,
        "lines": [{"name": str(name), "values": values} for name, values in lines_],
        "limits": [{"name": str(name), "value": value} for name, value in limits if value is not None],
        "unit": unit if unit != "无量纲" else "",
        "step": step,
        "texts": {"no_data": _("No data in this period.")},
    }
