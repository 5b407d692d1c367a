"""Whether what works with a rulebook can still work with an office's own rows: tried before somebody approves them.

Levels with a gap, a rule in words nobody reads, or a number that is none would stop every result that rests on them. So the
functions themselves are run over all their values on the days that a row touches, with and without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Literal

from qingjian.rulebook import Row, Rulebook, packaged
from qingjian.standards import ecology, noise, settings
from qingjian.standards.air import breakpoints, composite, index, kernel, means, statistics
from qingjian.standards.air.comparison import comparison_rule, decimals
from qingjian.standards.editions import Basis
from qingjian.standards.emissions import approach, equivalents
from qingjian.standards.errors import EvaluationError, InputError
from qingjian.standards.explanation import Text
from qingjian.standards.quantity import one_unit
from qingjian.standards.surface_water import classification, lakes, rating, trend
from qingjian.standards.surface_water.items import ASSESSED, CLASSES

Probe = Callable[[Rulebook, date], object]
PARAMETERS = "evaluation_parameters"
_OF_ANY_ITEM = ("possible_value", "assessment_decimals")
"""Subjects that are read for whatever item of surface water has a row."""
_NAMED_BY = {
    PARAMETERS: ("subject", "item"),
    "aqi_breakpoints": ("symbol",),
    "composite_index": ("symbol",),
    "tli": ("kind", "symbol"),
}
"""Columns that say what a number of a table is of; it is read in one unit, whatever its row names."""
_OF_THE_STANDARD = ("decimals", "three_year_mean", "main_pollutants")
"""Subjects that are read of one document only; everywhere else an office's own document takes the place."""
_HIGHEST_INDEX, _HIGHEST_LEVEL, _HIGHEST_TLI = 500, Decimal(200), Decimal(150)
_PLACES = 2
"""Decimals at which arrays look concentrations up; of CO three."""
_STEP = Decimal("0.1")
_ANY_DAY = date(2026, 3, 1)
"""For tables whose rows have no dates."""


def unreadable(
    before: Rulebook, after: Rulebook, rows: Iterable[Row], gone: Iterable[Row] = ()
) -> list[Text]:
    """Return what a change of rows would break: what can be worked out on a day before it, and not after it.

    `rows` are new, `gone` are taken back.
    """
    held = list(rows)
    found: dict[str, Text] = {}
    for row in held:
        for wrong in (_in_another_unit(row), _parameter(row) if row.table == PARAMETERS else None):
            if wrong is not None:
                found.setdefault(wrong.zh, wrong)
    held += gone
    # What is no setting at all need not be tried.
    for table in ({row.table for row in held} & set(PROBES)) - ({PARAMETERS} if found else set()):
        for day in sorted(_days(after, [row for row in held if row.table == table])):
            problem = _fails(PROBES[table], after, day)
            if problem is not None and _fails(PROBES[table], before, day) is None:
                said = Text(
                    f"{day} 起不能评价: {problem.zh}",
                    f"nothing could be evaluated from {day} on: {problem.en}",
                )
                found.setdefault(problem.zh, said)
    return list(found.values())


class _Alone:
    """Asks again without the row that decided: another one begun on the same day would be a second answer.

    A row begun later goes before the earlier ones, and is no overlap.
    """

    def __init__(self, book: Rulebook) -> None:
        self._book = book
        self._without: dict[str, Rulebook] = {}

    def check(self, said: str, row_of: Callable[[Rulebook], Row]) -> None:
        """Raise InputError where two rows of one day answer; whatever `row_of` raises where none does."""
        row = row_of(self._book)
        if row.id not in self._without:
            self._without[row.id] = self._book.without_rows([row.id])
        try:
            other = row_of(self._without[row.id])
        except EvaluationError:
            return
        if other.valid_from == row.valid_from:
            raise InputError(
                f"{said} 同时属于两行（起止范围重叠）", f"{said} is in two rows at once: their bounds overlap"
            )


def _row_of_shares(good: Decimal, worst: Decimal, book: Rulebook) -> Row:
    return rating.rating_of_shares(good, worst, rulebook=book)[2]


def _row_of_state(level: Decimal, book: Rulebook) -> Row:
    return lakes.state_of(level, rulebook=book)[1]


def _row_of_class(value: Decimal, book: Rulebook) -> Row:
    return ecology.class_of(value, rulebook=book)[1]


def _row_of_change(difference: Decimal, book: Rulebook) -> Row:
    return ecology.change_row(book, difference)


def _days(book: Rulebook, rows: Iterable[Row]) -> set[date]:
    """Days on which what the rows say begins or has ended, and on which other rows begin beside them."""
    days: set[date] = set()
    for row in rows:
        first, last = row.valid_from or date.min, row.valid_to or date.max
        begins = {one.valid_from for one in book.rows(row.table) if one.valid_from is not None}
        days |= {day for day in begins if first <= day <= last}
        days |= {first} - {date.min}
        if row.valid_to is not None and row.valid_to < date.max:
            days.add(row.valid_to + timedelta(days=1))
    return days or {_ANY_DAY}


def _fails(probe: Probe, book: Rulebook, day: date) -> Text | None:
    try:
        probe(book, day)
    except EvaluationError as error:
        return Text(error.zh, error.en)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        return Text(f"数值无法使用（{error}）", f"a value cannot be used ({error})")
    return None


def _in_another_unit(row: Row) -> Text | None:
    """Say where a number would be read in the unit of the packaged rows although its row names another."""
    unit = row.values.get("unit", "")
    if row.table not in _NAMED_BY or not unit:
        return None
    names = _NAMED_BY[row.table]
    same = [one for one in packaged().rows(row.table) if all(one[name] == row[name] for name in names)]
    if row.table == PARAMETERS and row["subject"] in _OF_ANY_ITEM:
        same = [one for one in packaged().rows(PARAMETERS) if one["subject"] == row["subject"]]
    units = dict.fromkeys(one["unit"] for one in same if one["unit"])
    if not units or one_unit(unit) in {one_unit(other) for other in units}:
        return None
    name, listing = " · ".join(row[one] for one in names), " / ".join(units)
    return Text(f"{name}: 以 {listing} 为单位，不能写 {unit}", f"{name} is in {listing}, not in {unit}")


def _parameter(row: Row) -> Text | None:
    """Say what is wrong with a setting: one that nothing reads, or a value of another kind than the packaged one."""
    subject, item, value = row["subject"], row["item"], row["value"]
    known = packaged().rows(PARAMETERS)
    same = [one for one in known if (one["subject"], one["item"]) == (subject, item)]
    name = f"{subject} · {item}"
    if not same and subject in _OF_ANY_ITEM and item in ASSESSED:
        same = [one for one in known if one["subject"] == subject]
    if not same:
        items = "、".join(dict.fromkeys(one["item"] for one in known if one["subject"] == subject))
        subjects = "、".join(dict.fromkeys(one["subject"] for one in known))
        listing = items or subjects
        return Text(
            f"{name}: 没有评价读取这项参数（可用 {listing}）",
            f"{name}: nothing reads this setting (known: {listing})",
        )
    if subject in _OF_THE_STANDARD and row.standard not in {one.standard for one in same}:
        named = same[0].standard
        return Text(
            f"{name}: 只从 {named} 读取，须写作该文件的参数",
            f"{name} is read of {named} only: name that document",
        )
    if (subject, item) in settings.UNREAD and value not in {one["value"] for one in same}:
        fixed = " / ".join(dict.fromkeys(one["value"] for one in same))
        return Text(
            f"{name}: 程序固定按 {fixed} 计算，不读取这项参数，改为 {value} 不起作用",
            f"{name}: the program always works with {fixed} and does not read this setting, {value} would change nothing",
        )
    wrong = settings.problem(subject, item, value)
    return None if wrong is None else Text(f"{name}: {wrong.zh}", f"{name} {wrong.en}")


def _levels(book: Rulebook, day: date) -> None:
    basis = Basis(day)
    known = {row["category"] for row in packaged().rows("aqi_levels")}
    for aqi in range(_HIGHEST_INDEX + 1):
        if aqi == 0 and breakpoints.edition_of(book, basis) >= "2026":
            continue  # its range begins at 1
        held = [
            row for row in book.rows("aqi_levels", day) if int(row["aqi_lo"]) <= aqi <= int(row["aqi_hi"])
        ]
        if len(held) > 1:
            raise InputError(f"AQI {aqi} 属于 {len(held)} 个级别", f"AQI {aqi} is in {len(held)} levels")
        category = index.level_of(book, basis, aqi)["category"]
        if category not in known:
            words = "、".join(sorted(known))
            raise InputError(
                f"不认识的类别 {category}（可用 {words}）", f"unknown category {category} (known: {words})"
            )


def _breakpoints(book: Rulebook, day: date) -> None:
    basis = Basis(day)
    for pollutant, period in _scales(day):
        table = breakpoints.scale(book, basis, pollutant, period)
        kernel.build_lookup(table, _PLACES + (pollutant == "CO"))
        for (low_index, low), (high_index, high) in zip(table.points, table.points[1:], strict=False):
            if not (low < high and low_index < high_index):
                raise InputError(
                    f"{pollutant} {period} 的分段点没有递增: {low}、{high}",
                    f"the breakpoints of {pollutant} {period} do not rise: {low}, {high}",
                )


def _scales(day: date) -> set[tuple[str, str]]:
    rows = packaged().rows("aqi_breakpoints", day) or packaged().rows("aqi_breakpoints")
    return {(row["symbol"], row["averaging_period"]) for row in rows}


def _validity(book: Rulebook, day: date) -> None:
    basis = Basis(day)
    means.validity_rules(basis, book)
    for pollutant in breakpoints.POLLUTANTS:
        statistics.percentile_rank(book, basis, pollutant)


def _parameters(book: Rulebook, day: date) -> None:
    comparison_rule(book, Basis(day))
    for pollutant in breakpoints.POLLUTANTS:
        decimals(book, Basis(day), pollutant)
    averagings: tuple[Literal["hour", "day"], ...] = ("hour", "day")
    for averaging in averagings:
        rules = approach.warning_rules(averaging, rulebook=book.on(day))
        if rules.valid > rules.window:
            raise InputError(
                f"趋势预警需要 {rules.valid} 个有效值，窗口只有 {rules.window} 个",
                f"a trend warning needs {rules.valid} valid values, its window has {rules.window}",
            )


def _composite(book: Rulebook, day: date) -> None:
    for variant in composite.variants(book):
        rows = composite.variant_rows(book, variant, None)
        if any(Decimal(row["standard_value"]) <= 0 or Decimal(row["weight"]) < 0 for row in rows):
            raise InputError(
                f"{variant}: 标准值须为正，权重不能为负",
                f"{variant}: a standard value must be above 0, a weight not below",
            )
        composite.composite_index(dict.fromkeys(breakpoints.POLLUTANTS, 1), variant=variant, rulebook=book)


def _rating(book: Rulebook, day: date) -> None:
    cut = book.on(day)
    alone = _Alone(cut)
    for cls in CLASSES:
        classification.rating_of_class(cut, cls, day)
    for row in cut.rows("water_rating", level=rating.RIVER):
        for shares in ((0, 0), (0, 100), (50, 0), (100, 0)):  # a rule is read up to what is not met
            rating.holds(row["rule"], *map(Fraction, shares))
    for good in range(101):
        for worst in range(101 - good):
            held = Decimal(good), Decimal(worst)
            alone.check(f"{good}% / {worst}%", partial(_row_of_shares, *held))


def _trophic(book: Rulebook, day: date) -> None:
    cut = book.on(day)
    alone = _Alone(cut)
    lakes.trophic_level(dict.fromkeys(lakes.PARAMETERS, 1), rulebook=cut)
    for level in _around(cut.rows("tli", kind="threshold"), ("lo", "hi"), _HIGHEST_TLI):
        alone.check(f"TLI {level}", partial(_row_of_state, level))


def _around(rows: Iterable[Row], columns: Iterable[str], highest: Decimal) -> list[Decimal]:
    """Values at, just below and just above every bound of some rows, from 0 to the highest there can be."""
    names = tuple(columns)
    bounds = {abs(Decimal(row[name])) for row in rows for name in names if row[name]}
    near = {bound + step for bound in bounds for step in (-_STEP, Decimal(0), _STEP)}
    return sorted(one for one in {Decimal(0), highest, *near} if 0 <= one <= highest)


def _noise(book: Rulebook, day: date) -> None:
    periods: tuple[noise.Period, ...] = ("昼间", "夜间")
    for kind in ("区域", "道路交通"):
        for period in periods:
            for level in _around(book.rows("noise_rating_hj640", day), ("gt", "le"), _HIGHEST_LEVEL):
                noise.urban_rating(kind, period, level, on=day, rulebook=book)
    for row in (rows := book.rows("noise_rating_hj640", day)):
        beside = [one for one in rows if (one["kind"], one["period"]) == (row["kind"], row["period"])]
        for level in _around([row], ("gt", "le"), _HIGHEST_LEVEL):
            held = [one for one in beside if _in_band(one, level)]
            if len(held) > 1:
                said = f"{row['kind']} {row['period']} {level} dB(A)"
                raise InputError(f"{said} 属于 {len(held)} 个等级", f"{said} is in {len(held)} grades")


def _in_band(row: Row, level: Decimal) -> bool:
    return (not row["gt"] or level > Decimal(row["gt"])) and (not row["le"] or level <= Decimal(row["le"]))


def _ecology(book: Rulebook, day: date) -> None:
    cut = book.on(day)
    alone = _Alone(cut)
    weights = [Decimal(row["value"]) for row in cut.rows("eqi", kind="weight")]
    if sum(weights) != 1:
        raise InputError(
            f"权重合计应为 1，现为 {sum(weights)}", f"the weights add up to {sum(weights)}, not 1"
        )
    for value in _around(cut.rows("eqi", kind="class"), ("lo", "hi"), Decimal(100)):
        alone.check(f"EQI {value}", partial(_row_of_class, value))
    for value in _around(cut.rows("eqi", kind="change"), ("lo", "hi"), Decimal(100)):
        for difference in (value, -value):
            alone.check(f"ΔEQI {difference}", partial(_row_of_change, difference))


def _correlation(book: Rulebook, _day: date) -> None:
    for row in book.rows("spearman_critical"):
        five, one = Decimal(row["p05"]), Decimal(row["p01"] or row["p05"])
        if not 0 < five <= one <= 1:
            raise InputError(
                f"N = {row['n']} 的临界值应在 0–1 之间且 0.05 的不大于 0.01 的",
                f"the critical values of N = {row['n']} must lie in 0–1, that of 0.05 not above that of 0.01",
            )
    trend.spearman([Decimal(place) for place in range(5)], rulebook=book)


def _equivalents(book: Rulebook, day: date) -> None:
    for row in book.rows("tax_equivalents", day):
        if Decimal(row["equivalent_kg"]) <= 0:
            raise InputError(
                f"{row['pollutant_cn']}: 污染当量值须大于 0，不能是 {row['equivalent_kg']}",
                f"{row['pollutant_cn']}: an equivalent value is above 0, not {row['equivalent_kg']}",
            )
    for medium in ("water", "gas"):
        equivalents.recheck(
            dict.fromkeys(equivalents.equivalent_rows(medium, day, rulebook=book), 1),
            medium,
            day,
            rulebook=book,
        )


PROBES: dict[str, Probe] = {
    "aqi_levels": _levels,
    "aqi_breakpoints": _breakpoints,
    "data_validity": _validity,
    PARAMETERS: _parameters,
    "composite_index": _composite,
    "water_rating": _rating,
    "tli": _trophic,
    "noise_rating_hj640": _noise,
    "eqi": _ecology,
    "spearman_critical": _correlation,
    "tax_equivalents": _equivalents,
}
"""By table: run over everything its rows decide on a day. Raises as the functions do."""
