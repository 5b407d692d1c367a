"""The symbol under which an evaluation looks for a limit: filled in, translated from a code or another spelling, or refused.

A limit whose symbol is another than the evaluation's judges nothing, and in the place of a packaged row it takes that away.
"""

from __future__ import annotations

import contextlib
import functools
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType

from qingjian.hj212.policy import EDITIONS
from qingjian.hj212.profiles import profile
from qingjian.rulebook import Row, packaged
from qingjian.standards import names
from qingjian.standards.errors import InputError
from qingjian.standards.explanation import Text
from qingjian.standards.surface_water import items as surface_water

EMISSIONS = "emission_limits"
_CODES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "ambient_air_limits": names.AIR,
        "aqi_breakpoints": names.AIR,
        "composite_index": names.AIR,
        "surface_water_limits": names.SURFACE_WATER,
        EMISSIONS: {**names.WASTE_WATER, **names.FLUE_GAS},
        "soil_limits_agri": {},
        "soil_limits_construction": {},
        "tli": {},
        "tax_equivalents": {},
    }
)
"""Tables that are searched by symbol, and what the codes of HJ 212 are called there."""
_NAMED_IN = {
    "ambient_air_limits": ("ambient_air_limits", "aqi_breakpoints"),
    EMISSIONS: (EMISSIONS, "tax_equivalents"),
}
"""Packaged tables that say which symbol a Chinese name has, where they are more than the table itself."""
_EXACT = ("soil_limits_agri", "soil_limits_construction")
"""Tables in which a name with a remark in brackets is another item."""
_BRACKETS = re.compile(r"\(([^()]*)\)")
_CODE = re.compile(r"[aw]\d{2}[0-9a-z]{3}\Z")
_JUDGED = frozenset({*names.WASTE_WATER.values(), *names.FLUE_GAS.values()})


def completed(row: Row) -> Row:
    """The row with the symbol that the evaluation looks for, where it is empty, a code or another spelling of it."""
    symbol = _symbol(row)
    if symbol is None or symbol == row.values.get("symbol", ""):
        return row
    return Row.from_values(row.table, {**row.values, "symbol": symbol}, override=row.override)


def problem(row: Row, factors: Collection[str] = ()) -> tuple[str, Text] | None:
    """Return (column, why) for a row that no evaluation would find by its symbol or its name.

    `factors`: Chinese names of the factors of this office, beside those of HJ 212.
    """
    if not _searched(row):
        return None
    given, wanted = row.values.get("symbol", ""), _symbol(row)
    name = row.values.get("pollutant_cn", "") or given
    if wanted is None:
        known = sorted(_of_name(row) or (set() if _may_be_new(row) else _known(row)))
        if not known:
            return (
                "symbol",
                Text(
                    f"符号 {given} 属于另一项目，不是 {name}",
                    f"the symbol {given} is of another item than {name}",
                ),
            )
        listing = "、".join(known)
        wrong, wrong_en = (f"，不能写 {given}", f", not {given}") if given else ("，不能为空", ", not empty")
        return (
            "symbol",
            Text(
                f"{name}: 评价按符号查找限值，符号须写作 {listing}{wrong}",
                f"{name}: evaluations look for the symbol, which is {listing}{wrong_en}",
            ),
        )
    if wanted != given:
        return (
            "symbol",
            Text(
                f"{name}: 符号须写作 {wanted}，不能是“{given}”",
                f"{name}: the symbol is {wanted}, not “{given}”",
            ),
        )
    if row.table == EMISSIONS and not _is_measured(row, factors):
        return (
            "pollutant_cn",
            Text(
                f"{name}: 没有排口监测因子用这个名称或符号，这项限值不会判定任何数据；请写 HJ 212 的因子名称或其符号，"
                "由实验室监测的项目先在登记信息中登记同名的因子",
                f"{name}: no factor of an outlet has this name or symbol, so the limit would judge nothing: write the name "
                "of the factor in HJ 212, or its symbol; register a factor of this name first where laboratories measure it",
            ),
        )
    return None


def units_of(row: Row) -> tuple[str, ...]:
    """The units in which packaged emission limits and the factors of HJ 212 have the item of a row; none for a new item."""
    rows = [one for one in packaged().rows(EMISSIONS) if one["symbol"] and one["symbol"] == row["symbol"]]
    if not rows:
        name = _without_remark(_plain(row["pollutant_cn"]))
        rows = [
            one for one in packaged().rows(EMISSIONS) if _without_remark(_plain(one["pollutant_cn"])) == name
        ]
    return tuple(dict.fromkeys(one["unit"] for one in rows))


def _searched(row: Row) -> bool:
    if row.table == "surface_water_limits":
        return row["class"] in surface_water.CLASSES  # tables 2 and 3 are looked up by their Chinese names
    if row.table == "tli":
        return row["kind"] == "coef"
    return row.table in _CODES


def _may_be_new(row: Row) -> bool:
    """Whether documents may add items of their own to a table."""
    return row.table in (EMISSIONS, "tax_equivalents", *_EXACT)


def _symbol(row: Row) -> str | None:
    """The symbol a row should have; None where it has one that is wrong, or none and nobody could say which."""
    if not _searched(row):
        return row.values.get("symbol", "")
    given, own = row.values.get("symbol", ""), _of_name(row)
    if not given:
        if len(own) == 1:
            return next(iter(own))
        return "" if not own and _may_be_new(row) and row.table != "tax_equivalents" else None
    if own:
        return _read(given, own, row.table)
    if row.table == "tax_equivalents":
        return given if _CODE.match(given) else None
    read = _read(given, _known(row), row.table)
    if row.table in _EXACT:
        return given if read is None else None
    return given if read is None and row.table == EMISSIONS else read


def _read(given: str, known: Collection[str], table: str) -> str | None:
    """The one of some symbols that a text means: itself, its HJ 212 code, or another spelling."""
    if given in known:
        return given
    spellings = [given, _CODES[table].get(given, "")]
    with contextlib.suppress(InputError):
        spellings.append(surface_water.item_name(given))
    for fold in (_folded, _without_signs):
        found = {one for one in known for text in spellings if text and fold(one) == fold(text)}
        if len(found) == 1:
            return found.pop()
    return None


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).replace("−", "-").replace("_", "")
    return re.sub(r"[\s.{}]", "", plain).casefold()


def _without_signs(text: str) -> str:
    return re.sub(r"[-+()]", "", _folded(text))


def _medium(row: Row) -> str:
    """`w` for what is measured in a litre, `a` for what is measured in a cubic metre, empty for other units."""
    unit = row.values.get("unit", "").strip().lower()
    return "w" if unit.endswith(("/l", "升")) else "a" if unit.endswith(("m³", "m3", "立方米")) else ""


def _known(row: Row) -> frozenset[str]:
    """Every symbol a table is searched by; of emissions those of its medium."""
    return _symbols(row.table, _medium(row) if row.table == EMISSIONS else "")


@functools.cache
def _symbols(table: str, medium: str) -> frozenset[str]:
    rows = [one for one in packaged().rows(table) if _fits(one, medium)]
    codes = {item for code, item in _CODES[table].items() if code.startswith(medium)}
    if table != EMISSIONS:
        codes = set()
    return frozenset({one["symbol"] for one in rows if one["symbol"] and _searched(one)} | codes)


def _fits(row: Row, medium: str) -> bool:
    return not medium or _medium(row) in (medium, "")


def _of_name(row: Row) -> frozenset[str]:
    """The symbols that packaged tables give to the Chinese name of a row, by the nearest way one is found."""
    name = _plain(row.values.get("pollutant_cn", ""))
    if not name:
        return frozenset()
    medium = _medium(row) if row.table == EMISSIONS else ""
    return _by_name(row.table, row.standard, name, row.values.get("medium", ""), medium)


@functools.lru_cache(maxsize=4096)
def _by_name(table: str, standard: str, name: str, part: str, medium: str) -> frozenset[str]:
    rows = [
        one
        for one in packaged().rows(table)
        if _searched(one) and _fits(one, medium) and (not part or one["medium"] == part)
    ]
    own = [one for one in rows if one.standard == standard]
    for held in (own, rows):
        found = _symbols_named(held, name, _plain)
        if found:
            return found
    if table in _EXACT:
        return frozenset()
    known = _symbols(table, medium)
    for text in (*_BRACKETS.findall(name), name):
        read = _read(text, known, table)
        if read is not None:
            return frozenset({read})
    codes = _CODES[table]
    short = _without_remark(name)
    for other in _NAMED_IN.get(table, ())[1:]:
        for one in packaged().rows(other):
            if _without_remark(_plain(one["pollutant_cn"])) == short:
                symbol = codes.get(one["symbol"], one["symbol"])
                if symbol in known and (
                    not medium or not _CODE.match(one["symbol"]) or one["symbol"].startswith(medium)
                ):
                    return frozenset({symbol})
    found = _symbols_named(rows, short, lambda text: _without_remark(_plain(text)))
    if found:
        return found
    read = _read(short, known, table)
    return frozenset({read} if read is not None else ())


def _symbols_named(rows: Iterable[Row], name: str, spelling: Callable[[str], str]) -> frozenset[str]:
    return frozenset(
        one["symbol"]
        for one in rows
        if one["symbol"] and spelling(one.values.get("pollutant_cn", "")) == name
    )


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).replace(" ", "")


def _without_remark(text: str) -> str:
    return _BRACKETS.sub("", text)


def _is_measured(row: Row, factors: Collection[str]) -> bool:
    """Whether some series of an outlet is held against a limit: by its symbol, or by the name of its factor."""
    name = row["pollutant_cn"]
    named = {name, _without_remark(_plain(name))}
    if row["symbol"] in _JUDGED or not named.isdisjoint(factors) or not named.isdisjoint(_factor_names()):
        return True
    # What a packaged document limits can be registered and measured in samples, whatever document limits it too.
    return not named.isdisjoint(_limited())


@functools.cache
def _limited() -> frozenset[str]:
    rows = packaged().rows(EMISSIONS)
    return frozenset(
        one for row in rows for one in (row["pollutant_cn"], _without_remark(_plain(row["pollutant_cn"])))
    )


@functools.cache
def _factor_names() -> frozenset[str]:
    return frozenset(one.name_zh for edition in EDITIONS for one in profile(edition).factors.values())
