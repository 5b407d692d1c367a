"""Statistics and attainment of a period (HJ 663): validity, mean, percentile, multiples, attainment rate.

Everything is worked out in exact decimals; results carry the exact value and the value rounded as the edition asks.
"""

from __future__ import annotations

import calendar
import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from qingjian.rulebook import Row, Rulebook, packaged
from qingjian.standards.air import local
from qingjian.standards.air.breakpoints import POLLUTANTS, pollutant_name
from qingjian.standards.air.comparison import (
    NAMES,
    STANDARD,
    Comparison,
    compared_daily,
    comparison_rule,
    decimals,
    multiple_of,
    shortened,
    verdict,
)
from qingjian.standards.air.local import LocalVerdict
from qingjian.standards.air.means import ValidityRules, validity_rules
from qingjian.standards.editions import Basis, explain_caveats, governing, in_force, resolve
from qingjian.standards.errors import EditionError, InputError
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.quantity import decimal_of
from qingjian.standards.rounding import round_places

LIMITS = "GB 3095"
"""Whose limits decide; what a region adds beside them is judged under its own name (`local`)."""
RANKED = ("CO", "O3")
"""Pollutants whose value of a period is a percentile of the daily values; of all others it is the mean."""
DAILY = {"O3": "日最大8小时平均"}
_EXACT = Decimal("1e-12")


@dataclass(frozen=True, slots=True)
class PeriodStatistics:
    """One pollutant over one year. Concentrations in the unit of its limits (μg/m³, CO mg/m³).

    `valid` is False with `reasons` when too few days are valid; mean and percentile are then still given, but nothing is
    judged on them. Multiples are (C-S)/S against `mean_limit` and `percentile_limit` (grade in `grade`), None if met; C is the
    value that is compared, rounded or not (`comparison`).
    """

    pollutant: str
    year: int
    grade: str
    days_in_period: int
    valid_days: int
    valid_days_by_month: tuple[int, ...]
    valid: bool
    reasons: tuple[Text, ...]
    mean: Decimal
    mean_rounded: Decimal
    percentile_rank: int
    percentile: Decimal
    percentile_rounded: Decimal
    mean_limit: Decimal | None
    percentile_limit: Decimal
    exceeding_days: int
    attainment_rate: Decimal
    mean_multiple: Decimal | None
    percentile_multiple: Decimal | None
    attained: bool | None
    trace: Trace
    local: tuple[LocalVerdict, ...] = ()
    """Verdicts on limits of the place beside the national ones; `attained` is the national verdict alone."""

    @property
    def above(self) -> bool:
        """Say whether the mean or the percentile lies above its limit, whether or not the year can be judged."""
        return self.mean_multiple is not None or self.percentile_multiple is not None

    @property
    def judged(self) -> bool:
        return self.attained is not None


@dataclass(frozen=True, slots=True)
class Attainment:
    """Annual attainment of a place: all six pollutants meet mean and percentile. None = cannot be judged."""

    year: int
    attained: bool | None
    not_met: tuple[str, ...]
    not_judged: tuple[str, ...]
    pollutants: Mapping[str, PeriodStatistics]
    trace: Trace


def percentile(values: Sequence[Decimal], rank: int) -> Decimal:
    """Percentile of HJ 663: k = 1+(n-1)·p/100, linear between the neighbours. Raises InputError if empty."""
    if not values:
        raise InputError("没有可统计的数据", "nothing to take a percentile of")
    ordered = sorted(values)
    position = Fraction((len(ordered) - 1) * rank, 100)
    below = position.numerator // position.denominator
    if below + 1 >= len(ordered):
        return ordered[-1]
    exact = Fraction(ordered[below]) + (Fraction(ordered[below + 1]) - Fraction(ordered[below])) * (
        position - below
    )
    return _decimal(exact)


def yearly(
    pollutant: str,
    daily: Mapping[date, Decimal | float | int | str | None],
    year: int,
    *,
    grade: str = "二级",
    edition: str | None = None,
    comparison: Comparison | None = None,
    rulebook: Rulebook | None = None,
) -> PeriodStatistics:
    """Statistics of one pollutant and year from its daily values (daily means; for O3 the daily maximum 8 h means).

    `daily`: value by local day, None = not valid; days of other years are refused. `edition`: of GB 3095 and HJ 663
    together (`2012` goes with HJ 663-2013); default is the edition in force on 31 December of the year.
    `comparison`: `full` compares every digit, `rounded` the rounded value (GB/T 8170); default is what the rulebook says.
    Raises InputError (negative values, wrong year, no value at all), EditionError.
    """
    book = rulebook or packaged()
    name = pollutant_name(pollutant)
    if name not in POLLUTANTS:
        raise InputError(f"不是六项污染物: {pollutant}", f"not one of the six pollutants: {pollutant}")
    basis = resolve(book, "ambient_air_limits", LIMITS, date(year, 12, 31), edition)
    rules = validity_rules(basis, book)
    trace = TraceBuilder(Text(f"{year} 年 {name} 评价", f"{name} in {year}"))
    basis.explain(trace)
    if edition is None and not _same_rules(book, date(year, 1, 1), basis.day):
        trace.step(
            f"{year} 年内标准换版，年评价按年末适用的版本",
            f"the standard changed during {year}: the year is judged on the edition at its end",
        )
    explain_caveats(book, STANDARD, basis.day, trace)
    values = _daily_values(name, daily, year)
    if not values:
        raise InputError(f"{year} 年 {name} 没有有效日均值", f"no valid daily value of {name} in {year}")
    by_month = tuple(sum(1 for day in values if day.month == month) for month in range(1, 13))
    reasons = _validity(year, by_month, rules)
    trace.step(
        f"有效日 {len(values)} 天；{'满足年评价有效性' if not reasons else '不满足: ' + '；'.join(r.zh for r in reasons)}",
        f"{len(values)} valid days; {'valid year' if not reasons else 'not valid: ' + '; '.join(r.en for r in reasons)}",
        rules.rows,
    )
    limit_rows = {row["averaging_period"]: row for row in _limit_rows(book, basis, name, grade)}
    daily_row = limit_rows.get("日最大8小时平均") or limit_rows["日平均"]
    year_row = limit_rows.get("年平均")
    day_limit = Decimal(daily_row["limit"])
    mean_limit = Decimal(year_row["limit"]) if year_row else None
    rank, rank_row = percentile_rank(book, basis, name)
    places, places_row = decimals(book, basis, name)
    mean = _mean(list(values.values()))
    ranked = percentile(list(values.values()), rank)
    mean_rounded, ranked_rounded = round_places(mean, places), round_places(ranked, places)
    exceeding = above_daily_limit(
        name, values, grade=grade, on=basis.day if edition is not None else None, rulebook=book
    )
    method, method_row = comparison_rule(book, basis)
    chosen = comparison or method
    compared = (mean, ranked) if chosen == "full" else (mean_rounded, ranked_rounded)
    mean_multiple = None if mean_limit is None else multiple_of(compared[0], mean_limit)
    ranked_multiple = multiple_of(compared[1], day_limit)
    if edition is None and len({daily_limit(name, day, grade=grade, rulebook=book) for day in values}) > 1:
        trace.step(
            "超标天数按各日适用的日限值统计",
            "days above the limit are counted by the daily limit in force on each day",
        )
    _explain(trace, name, compared[0], mean_limit, mean_multiple, year_row)
    _explain(trace, f"{name} P{rank}", compared[1], day_limit, ranked_multiple, daily_row)
    trace.step(
        f"统计值修约到 {places} 位小数，比较用{NAMES[chosen].zh}",
        f"rounded to {places} decimals; compared by {NAMES[chosen].en}",
        [places_row, rank_row, *([method_row] if comparison is None else [])],
    )
    attained = None if reasons else mean_multiple is None and ranked_multiple is None
    beside = (
        local.judged(book, name, values, *compared, basis.day, grade=grade, valid=not reasons, trace=trace)
        if edition is None
        else ()
    )
    if reasons:
        trace.step(
            "年评价有效性不满足: 只与限值并列，不判定达标",
            "not a valid year: the figures stand beside the limits and are not judged",
        )
    return PeriodStatistics(
        pollutant=name,
        year=year,
        grade=grade,
        days_in_period=366 if calendar.isleap(year) else 365,
        valid_days=len(values),
        valid_days_by_month=by_month,
        valid=not reasons,
        reasons=reasons,
        mean=mean,
        mean_rounded=mean_rounded,
        percentile_rank=rank,
        percentile=ranked,
        percentile_rounded=ranked_rounded,
        mean_limit=mean_limit,
        percentile_limit=day_limit,
        exceeding_days=exceeding,
        attainment_rate=_rate(len(values) - exceeding, len(values)),
        mean_multiple=mean_multiple,
        percentile_multiple=ranked_multiple,
        attained=attained,
        trace=trace.done(),
        local=beside,
    )


@dataclass(frozen=True, slots=True)
class PeriodValue:
    """What stands for a period: the mean, or for CO and O3 the percentile `rank` of the daily values (0: the mean)."""

    exact: Decimal
    rounded: Decimal
    rank: int


def period_value(
    pollutant: str, values: Sequence[Decimal], on: date, *, rulebook: Rulebook | None = None
) -> PeriodValue:
    """The value of a pollutant over any period from its daily values, rounded once as the edition of a day asks.

    Rankings, reports and years take it from here, so that they cannot differ. Raises InputError if empty, EditionError.
    """
    book = rulebook or packaged()
    name, basis = pollutant_name(pollutant), Basis(on)
    if not values:
        raise InputError("没有可统计的数据", "nothing to take a mean of")
    rank = percentile_rank(book, basis, name)[0] if name in RANKED else 0
    exact = percentile(values, rank) if rank else _mean(values)
    return PeriodValue(exact, round_places(exact, decimals(book, basis, name)[0]), rank)


def _mean(values: Sequence[Decimal]) -> Decimal:
    return _decimal(sum((Fraction(value) for value in values), Fraction(0)) / len(values))


def above_daily_limit(
    pollutant: str,
    daily: Mapping[date, Decimal],
    *,
    grade: str = "二级",
    on: date | None = None,
    rulebook: Rulebook | None = None,
) -> int:
    """Days above the daily limit of the edition in force on each of them; `on` holds all by the rules of one day instead.

    Daily values are rounded first where the rulebook says so, as the index of the day does.
    """
    book = rulebook or packaged()
    name = pollutant_name(pollutant)
    above = 0
    for day, value in daily.items():
        bound = daily_limit(name, on or day, grade=grade, rulebook=book)
        above += bound is not None and compared_daily(book, name, value, on or day) > bound
    return above


def daily_limit(
    pollutant: str, day: date, *, grade: str = "二级", rulebook: Rulebook | None = None
) -> Decimal | None:
    """Limit of the daily value (of O3 of the daily maximum 8 h mean) in force on a day; None where there is none."""
    return _daily_limit(rulebook or packaged(), pollutant_name(pollutant), grade, day)


@functools.lru_cache(maxsize=8192)
def _daily_limit(book: Rulebook, name: str, grade: str, day: date) -> Decimal | None:
    rows = book.rows(
        "ambient_air_limits",
        day,
        standard=LIMITS,
        symbol=name,
        class_=grade,
        averaging_period=DAILY.get(name, "日平均"),
    )
    return Decimal(rows[0]["limit"]) if rows else None


def by_day(
    pairs: Iterable[tuple[date, Decimal | float | int | str | None]],
) -> dict[date, Decimal | float | int | str | None]:
    """Daily values by day. Raises InputError for a day given twice: which value counts is not ours to guess."""
    values: dict[date, Decimal | float | int | str | None] = {}
    for day, value in pairs:
        if day in values:
            raise InputError(f"日期重复: {day}", f"day given twice: {day}")
        values[day] = value
    return values


def attainment(statistics: Mapping[str, PeriodStatistics]) -> Attainment:
    """Does the place meet the standard in the year? Needs all six pollutants; one failure is enough to say no."""
    by_name = {pollutant_name(name): value for name, value in statistics.items()}
    years = {value.year for value in by_name.values()}
    if len(years) != 1:
        raise InputError("应为同一年的统计", "statistics of one year are needed")
    not_met = tuple(name for name in POLLUTANTS if name in by_name and by_name[name].attained is False)
    open_names = tuple(name for name in POLLUTANTS if name not in by_name or by_name[name].attained is None)
    attained = False if not_met else (None if open_names else True)
    (year,) = years
    trace = TraceBuilder(Text(f"{year} 年达标评价", f"attainment in {year}"))
    for value in by_name.values():
        trace.include(value.trace, prefix=f"{value.pollutant}: ")
    trace.step(
        f"六项均达标方为达标；未达标: {'、'.join(not_met) or '无'}；不能判定: {'、'.join(open_names) or '无'}",
        f"all six must attain; not met: {', '.join(not_met) or 'none'}; not judged: {', '.join(open_names) or 'none'}",
    )
    return Attainment(year, attained, not_met, open_names, by_name, trace.done())


@dataclass(frozen=True, slots=True)
class ThreeYearMean:
    """Mean of the annual means of three years in a row, in the unit of the pollutant's limits.

    `valid` is False with `reasons` when one of the years is not valid; the mean is then still given.
    """

    pollutant: str
    last_year: int
    means: Mapping[int, Decimal]
    value: Decimal
    rounded: Decimal
    valid: bool
    reasons: tuple[Text, ...]
    trace: Trace


def three_year_mean(
    years: Mapping[int, PeriodStatistics], last_year: int, *, rulebook: Rulebook | None = None
) -> ThreeYearMean:
    """Mean of the annual means of the three years that end with `last_year` (HJ 663-2026; the rule is unverified).

    `years`: statistics of one pollutant by year. Which of the annual means are rounded first is not known: they enter
    exactly. Raises EditionError for years before the edition that has it, InputError if a year is missing or the
    pollutant has no annual limit (CO and O3 are judged by percentiles).
    """
    book = rulebook or packaged()
    rows = three_year_rule(last_year, rulebook=book)
    names = {one.pollutant for one in years.values()}
    if len(names) > 1:
        raise InputError("应为同一污染物的统计", "statistics of one pollutant are needed")
    span = range(last_year - int(rows[0]["value"]) + 1, last_year + 1)
    missing = [str(year) for year in span if year not in years]
    if missing:
        raise InputError(f"缺少年份 {'、'.join(missing)}", f"years missing: {', '.join(missing)}")
    (name,) = names
    if any(years[year].mean_limit is None for year in span):
        raise InputError(f"{name} 没有年均值限值", f"{name} has no annual limit")
    value = _decimal(sum((Fraction(years[year].mean) for year in span), Fraction(0)) / len(span))
    places, places_row = decimals(book, Basis(date(last_year, 12, 31)), name)
    trace = TraceBuilder(Text(f"{name} 三年滑动平均", f"three-year moving mean of {name}"))
    reasons: list[Text] = []
    for year in span:
        one = years[year]
        trace.step(
            f"{year} 年均值 {plain(one.mean_rounded)}，有效日 {one.valid_days} 天{'' if one.valid else '：不满足年评价有效性'}",
            f"{year}: annual mean {plain(one.mean_rounded)}, {one.valid_days} valid days{'' if one.valid else ': not a valid year'}",
        )
        if not one.valid:
            reasons.append(Text(f"{year} 年不满足有效性", f"{year} is not a valid year"))
    rounded = round_places(value, places)
    trace.step(
        f"{span[0]}–{span[-1]} 年均值（未修约）的算术平均: {plain(rounded)}",
        f"arithmetic mean of the annual means (not rounded) of {span[0]}–{span[-1]}: {plain(rounded)}",
        [*rows, places_row],
    )
    trace.step(
        "HJ 663-2026 的条文未核对：只给出数值，不据此判定达标",
        "the text of HJ 663-2026 has not been compared: the figure is given, nothing is judged by it",
    )
    means = {year: years[year].mean_rounded for year in span}
    return ThreeYearMean(name, last_year, means, value, rounded, not reasons, tuple(reasons), trace.done())


def three_year_rule(last_year: int, *, rulebook: Rulebook | None = None) -> tuple[Row, ...]:
    """The rule of the three-year mean that ends with a year. Raises EditionError where the edition has none."""
    rows = (rulebook or packaged()).rows(
        "evaluation_parameters", date(last_year, 12, 31), standard=STANDARD, subject="three_year_mean"
    )
    if not rows:
        raise EditionError(
            f"{last_year} 年适用的版本没有三年滑动平均", f"the edition of {last_year} has no 3-year mean"
        )
    return rows


def percentile_rank(book: Rulebook, basis: Basis, pollutant: str) -> tuple[int, Row]:
    """The percentile HJ 663 uses for a pollutant, read from the rulebook. Raises EditionError."""
    row = governing(in_force(book, "data_validity", basis, standard=STANDARD, item="percentiles"))
    for part in row["rule"].split(";"):
        match = re.search(r"\bP(\d+)\b", part)
        if match is not None and pollutant in re.split(r"[,\s]+", part[: match.start()].strip()):
            return int(match[1]), row
    raise EditionError(f"没有 {pollutant} 的百分位数规则", f"no percentile rule for {pollutant}")


def _same_rules(book: Rulebook, first: date, last: date) -> bool:
    ids = [{row.id for row in book.rows("ambient_air_limits", day)} for day in (first, last)]
    return ids[0] == ids[1]


def _daily_values(name: str, daily: Mapping[date, object], year: int) -> dict[date, Decimal]:
    values: dict[date, Decimal] = {}
    for day, given in daily.items():
        if day.year != year:
            raise InputError(f"日期 {day} 不在 {year} 年", f"{day} is not in {year}")
        if given is None or given != given:
            continue
        if not isinstance(given, Decimal | float | int | str):
            raise InputError(f"{day} 的值不是数: {given!r}", f"the value of {day} is no number: {given!r}")
        value = decimal_of(given, f"{name} {day}")
        if value < 0:
            raise InputError(f"{name} {day} 为负: {value}", f"{name} of {day} is negative: {value}")
        values[day] = value
    return values


def _validity(year: int, by_month: tuple[int, ...], rules: ValidityRules) -> tuple[Text, ...]:
    reasons = []
    total = sum(by_month)
    if total < rules.year_days:
        reasons.append(
            Text(
                f"有效日 {total} 天，少于 {rules.year_days} 天",
                f"{total} valid days, fewer than {rules.year_days}",
            )
        )
    for month, count in enumerate(by_month, start=1):
        needed = rules.february_days if month == 2 else rules.month_days
        if count < needed:
            reasons.append(
                Text(
                    f"{month} 月有效日 {count} 天，少于 {needed} 天",
                    f"month {month}: {count} of {needed} days needed",
                )
            )
    return tuple(reasons)


def days_needed(first: date, last: date, *, rulebook: Rulebook | None = None) -> int:
    """Valid days that calendar months in a row, or a whole year, need by the edition in force at their end (GB 3095).

    `first` is the first day of a month and `last` the last day of a month. Raises InputError otherwise, EditionError.
    """
    if (
        first.day != 1
        or last != last.replace(day=calendar.monthrange(last.year, last.month)[1])
        or last < first
    ):
        raise InputError("须为整月", "whole months are needed")
    book = rulebook or packaged()
    rules = validity_rules(resolve(book, "ambient_air_limits", "GB 3095", last, None), book)
    months = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    if len(months) == 12 and first.month == 1:
        return rules.year_days
    return sum(rules.february_days if month % 12 == 1 else rules.month_days for month in months)


def _limit_rows(book: Rulebook, basis: Basis, name: str, grade: str) -> tuple[Row, ...]:
    return in_force(book, "ambient_air_limits", basis, standard=LIMITS, symbol=name, class_=grade)


def _rate(part: int, whole: int) -> Decimal:
    return round_places(_decimal(Fraction(part * 100, whole)), 1)


def _decimal(value: Fraction) -> Decimal:
    """A fraction as a decimal: exact if it ends within 12 places, else cut off far below any rounding."""
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    short = exact.quantize(_EXACT)
    return short if Fraction(short) == value else exact


def _explain(
    trace: TraceBuilder,
    name: str,
    value: Decimal,
    limit: Decimal | None,
    multiple: Decimal | None,
    row: Row | None,
) -> None:
    if limit is None or row is None:
        trace.step(
            f"{name} 年均值 {plain(value)}（无年均限值）",
            f"{name} annual mean {plain(value)} (no annual limit)",
        )
        return
    shown, said = shortened(value, limit), verdict(multiple)
    trace.step(
        f"{name} {shown}，限值 {row['class']} {row['averaging_period']} {plain(limit)} {row['unit']}: {said.zh}",
        f"{name} {shown} against {plain(limit)} {row['unit']} ({row['class']} {row['averaging_period']}): {said.en}",
        [row],
    )
