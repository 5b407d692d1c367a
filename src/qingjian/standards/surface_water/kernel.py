"""Classes of whole arrays of sections and months.

Limits and values are decimals with at most 15 significant digits; their nearest floats are ordered exactly like the
decimals themselves, so plain comparisons decide as `Decimal` would.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from qingjian.rulebook import Rulebook, packaged
from qingjian.standards.editions import resolve
from qingjian.standards.errors import InputError
from qingjian.standards.surface_water.items import (
    ASSESSED,
    ItemLimits,
    WaterBody,
    highest_possible,
    item_limits,
    item_name,
    non_detect_share,
)

MISSING = -1


@dataclass(frozen=True, slots=True)
class SectionClasses:
    """Classes as places in `items.CLASSES` (0 = Ⅰ … 5 = 劣Ⅴ, -1 = not measured), int8.

    `deciding`: uint32 bit mask over `items`: the items that have the worst class.
    """

    items: tuple[str, ...]
    by_item: Mapping[str, npt.NDArray[np.int8]]
    cls: npt.NDArray[np.int8]
    deciding: npt.NDArray[np.uint32]

    def deciding_items(self, *place: int) -> tuple[str, ...]:
        """Items that decide the class at one place of the array."""
        mask = int(self.deciding[place])
        return tuple(name for bit, name in enumerate(self.items) if mask >> bit & 1)


def classes(
    values: Mapping[str, npt.ArrayLike],
    *,
    on: date | None = None,
    edition: str | None = None,
    water_body: WaterBody = "river",
    below_detection: Mapping[str, npt.ArrayLike] | None = None,
    rulebook: Rulebook | None = None,
) -> SectionClasses:
    """Classes by the 21 items (mg/L), arrays of one shape, NaN = not measured.

    `below_detection`: boolean arrays by item; there the value is the detection limit and counts the share that the rulebook says.
    Raises InputError for unknown items, different shapes, negative values or pH outside 0–14; EditionError.
    """
    book = rulebook or packaged()
    basis = resolve(book, "surface_water_limits", "GB 3838", on, edition)
    limits = item_limits(book, basis, water_body)
    arrays = {item_name(name): np.asarray(given, dtype=np.float64) for name, given in values.items()}
    masks = {
        item_name(name): np.asarray(given, dtype=np.bool_) for name, given in (below_detection or {}).items()
    }
    names = tuple(name for name in ASSESSED if name in arrays)
    if not names or len(arrays) != len(values):
        raise InputError("没有参评项目或项目重复", "no assessed item, or an item given twice")
    shape = arrays[names[0]].shape
    if any(array.shape != shape for array in (*arrays.values(), *masks.values())):
        raise InputError("各项目数组形状不一致", "the arrays have different shapes")
    share = float(non_detect_share(book, basis.day))
    cls = np.full(shape, MISSING, np.int8)
    by_item: dict[str, npt.NDArray[np.int8]] = {}
    for name in names:
        array = np.where(masks[name], arrays[name] * share, arrays[name]) if name in masks else arrays[name]
        highest = highest_possible(book, name, limits[name].unit, basis.day)
        by_item[name] = _classes_of(limits[name], array, np.inf if highest is None else float(highest))
        np.maximum(cls, by_item[name], out=cls)
    deciding = np.zeros(shape, np.uint32)
    for bit, name in enumerate(names):
        deciding |= np.left_shift(by_item[name] == cls, bit, dtype=np.uint32)
    deciding[cls == MISSING] = 0
    return SectionClasses(names, by_item, cls, deciding)


def _classes_of(limits: ItemLimits, values: npt.NDArray[np.float64], highest: float) -> npt.NDArray[np.int8]:
    with np.errstate(invalid="ignore"):
        if bool(np.any(values < 0)) or bool(np.any(values > highest)) or bool(np.any(np.isinf(values))):
            raise InputError(f"{limits.symbol} 含不可能的值", f"{limits.symbol} has impossible values")
        if limits.low is not None and limits.high is not None:
            inside = (values >= float(limits.low)) & (values <= float(limits.high))
            result = np.where(inside, 0, 5).astype(np.int8)
        elif limits.direction == "<=":
            points = np.array([float(limit) for limit in limits.limits])
            result = np.searchsorted(points, values, side="left").astype(np.int8)
        else:
            points = np.array([-float(limit) for limit in limits.limits])
            result = np.searchsorted(points, -values, side="left").astype(np.int8)
    result[np.isnan(values)] = MISSING
    return result
