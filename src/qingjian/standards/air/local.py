"""Limits of a place beside those of GB 3095: stricter ones, judged under their own name.

A province may set limits of ambient air that are stricter than the national ones (环境保护法 第十五条). They stand beside the
national verdict and never replace it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from qingjian.rulebook import Row, Rulebook
from qingjian.standards.air.breakpoints import POLLUTANTS
from qingjian.standards.air.comparison import compared_daily, multiple_of, shortened, verdict
from qingjian.standards.errors import EvaluationError
from qingjian.standards.explanation import Text, TraceBuilder, plain
from qingjian.standards.quantity import convert

TABLE, NATIONAL = "ambient_air_limits", "GB 3095"
GRADE = "二级"
YEAR = "年平均"
DAILY = {"O3": "日最大8小时平均"}


@dataclass(frozen=True, slots=True)
class LocalVerdict:
    """One pollutant of a year against one document of a place; None where the document has no such limit.

    Limits in the unit of GB 3095. `exceeding_days`: days above the daily limit that held on each of them. `above`: the mean or
    the percentile lies above them. `met` is None where the year is not valid, as with the national standard.
    """

    document: str
    mean_limit: Decimal | None
    daily_limit: Decimal | None
    exceeding_days: int
    above: bool
    met: bool | None

    @property
    def judged(self) -> bool:
        return self.met is not None


def daily_period(pollutant: str) -> str:
    """The averaging period of a pollutant's daily limit."""
    return DAILY.get(pollutant, "日平均")


def limits_on(book: Rulebook, pollutant: str, grade: str, day: date) -> dict[str, dict[str, Row]]:
    """Rows by document and averaging period that a place sets for a pollutant beside GB 3095 on a day."""
    found: dict[str, dict[str, Row]] = {}
    for row in book.rows(TABLE, day, symbol=pollutant, class_=grade):
        if row.standard != NATIONAL and row["op"] == "<=":
            found.setdefault(row.document, {})[row["averaging_period"]] = row
    return found


def judged(
    book: Rulebook,
    pollutant: str,
    daily: Mapping[date, Decimal],
    mean: Decimal,
    ranked: Decimal,
    on: date,
    *,
    grade: str = GRADE,
    valid: bool = True,
    trace: TraceBuilder,
) -> tuple[LocalVerdict, ...]:
    """Judge a year against every document of the place in force on its last day; each says its name in the trace.

    `mean` and `ranked` are the values that are compared with the national limits, rounded or not. `valid`: whether the year is.
    """
    verdicts = []
    period = daily_period(pollutant)
    by_day = {day: limits_on(book, pollutant, grade, day) for day in daily} if _any(book, pollutant) else {}
    for document, rows in limits_on(book, pollutant, grade, on).items():
        mean_limit, day_limit = (_upper(book, rows.get(name)) for name in (YEAR, period))
        if mean_limit is None and day_limit is None:
            continue
        above = 0
        for day, value in daily.items():
            bound = _upper(book, by_day[day].get(document, {}).get(period))
            above += bound is not None and compared_daily(book, pollutant, value, day) > bound
        sides = [
            (name, value, limit, rows[part])
            for name, value, limit, part in (
                ("年均值", mean, mean_limit, YEAR),
                ("百分位数", ranked, day_limit, period),
            )
            if limit is not None
        ]
        for name, value, limit, row in sides:
            english = "mean" if name == "年均值" else "percentile"
            shown, said = shortened(value, limit), verdict(multiple_of(value, limit))
            trace.step(
                f"地方标准 {row.citation}: {pollutant} {name} {shown}，限值 {grade} {row['averaging_period']} {plain(limit)}: "
                f"{said.zh}（与国家标准并列，不改变国家标准的达标结论）",
                f"local standard {row.citation}: {pollutant} {english} {shown} against {plain(limit)}: "
                f"{said.en} (beside the national standard, whose verdict stands)",
                [row],
            )
        beyond = any(value > limit for _name, value, limit, _row in sides)
        met = not beyond if valid else None
        verdicts.append(LocalVerdict(document, mean_limit, day_limit, above, beyond, met))
    return tuple(verdicts)


def _any(book: Rulebook, pollutant: str) -> bool:
    return any(row.standard != NATIONAL for row in book.rows(TABLE, symbol=pollutant))


def _unit(book: Rulebook, pollutant: str) -> str:
    return book.rows(TABLE, standard=NATIONAL, symbol=pollutant)[0]["unit"]


def _upper(book: Rulebook, row: Row | None) -> Decimal | None:
    """The limit of a row in the unit of the national limits of its pollutant."""
    if row is None:
        return None
    return convert(Decimal(row["limit"]), row["unit"], _unit(book, row["symbol"]))


def problems(book: Rulebook, rows: Iterable[Row]) -> list[Text]:
    """What is wrong with limits of a place in a snapshot that holds them: they would judge nothing, or are not stricter.

    Judged are the six pollutants of grade II by the year and by the day; whatever else stood in the rulebook would look
    like a limit and be none.
    """
    found = []
    for row in rows:
        if row.table != TABLE or row.standard == NATIONAL:
            continue
        pollutant, period = row["symbol"], row["averaging_period"]
        name = f"{row.document} {row['pollutant_cn']} {row['class']} {period}"
        if (
            pollutant not in POLLUTANTS
            or row["class"] != GRADE
            or row["op"] != "<="
            or period
            not in (
                YEAR,
                daily_period(pollutant),
            )
        ):
            found.append(
                Text(
                    f"{name}: 不参与任何评价。地方环境空气限值只用于六项污染物二级的年平均、日平均和臭氧日最大8小时平均上限",
                    f"{name}: no evaluation reads it. Local limits of ambient air are upper limits of the six pollutants, grade II (二级), by the year, the day and the daily maximum 8 hours of ozone",
                )
            )
            continue
        try:
            own = _upper(book, row)
        except EvaluationError as error:
            found.append(Text(f"{name}: {error.zh}", f"{name}: {error.en}"))
            continue
        on = max(row.valid_from or date.min, _first(book, pollutant))
        for national in book.rows(
            TABLE, on, standard=NATIONAL, symbol=pollutant, class_=GRADE, averaging_period=period
        ):
            limit = Decimal(national["limit"])
            if own is not None and own >= limit:
                found.append(
                    Text(
                        f"{name}: {plain(own)} 不严于 {national.document} 的 {plain(limit)} {national['unit']}；地方环境质量标准应当严于国家标准（环境保护法第十五条）",
                        f"{name}: {plain(own)} is not stricter than {plain(limit)} {national['unit']} of {national.document}: local quality standards have to be (Environmental Protection Law, article 15)",
                    )
                )
    return found


def _first(book: Rulebook, pollutant: str) -> date:
    return min(row.valid_from or date.min for row in book.rows(TABLE, standard=NATIONAL, symbol=pollutant))
