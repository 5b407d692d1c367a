"""Rating of rivers and basins by shares of classes, and their main pollutants (环办〔2011〕22号)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from qingjian.rulebook import Row, Rulebook, packaged
from qingjian.standards.editions import newest_first, resolve
from qingjian.standards.errors import InputError
from qingjian.standards.explanation import Text, Trace, TraceBuilder
from qingjian.standards.phrases import chinese
from qingjian.standards.quantity import Given
from qingjian.standards.rounding import round_places
from qingjian.standards.surface_water.classification import SectionClass, classify, main_rule
from qingjian.standards.surface_water.items import CLASSES, STANDARD, class_index, item_limits
from qingjian.standards.surface_water.means import mean
from qingjian.standards.words import english

_LEAST_SECTIONS = 5
RIVER = "river/basin (>=5 sections)"


@dataclass(frozen=True, slots=True)
class RiverRating:
    """Rating of a river or basin. Shares in %, one decimal; `method` is `shares` or `mean` (fewer than 5 sections)."""

    rating: str
    color: str
    method: str
    sections: int
    share_good: Decimal
    share_worst: Decimal
    shares: Mapping[str, Decimal]
    main: tuple[str, ...]
    mean_class: SectionClass | None
    trace: Trace


def percentage(part: int, whole: int) -> Decimal:
    """part/whole in %, one decimal. Raises InputError for an empty whole or a part outside it."""
    if whole <= 0 or not 0 <= part <= whole:
        raise InputError(f"不可能的占比: {part}/{whole}", f"impossible share: {part}/{whole}")
    return round_places(Decimal(part) * 100 / Decimal(whole), 1)


def rating_of_shares(
    share_good: Decimal | Fraction, share_worst: Decimal | Fraction, *, rulebook: Rulebook | None = None
) -> tuple[str, str, Row]:
    """Rating and colour from the share of classes Ⅰ–Ⅲ and of 劣Ⅴ in %, and the row that decided. Raises InputError."""
    good, worst = Fraction(share_good), Fraction(share_worst)
    if not (0 <= good <= 100 and 0 <= worst <= 100 and good + worst <= 100):
        raise InputError(
            "占比应在 0–100 之间且合计不超过 100", "shares must lie in 0–100 and not exceed 100 together"
        )
    book = rulebook or packaged()
    for row in newest_first(book.rows("water_rating", level=RIVER)):
        if holds(row["rule"], good, worst):
            return row["rating"], row["color"], row
    raise InputError("没有对应的评级", "no rating for these shares")


def holds(rule: str, good: Fraction, worst: Fraction) -> bool:
    """Evaluate a rule such as `I-III<75% and 20%<=劣V<40%`. Raises InputError for one in other words."""
    for part in rule.split(" and "):
        value = worst if "劣" in part else good
        low = re.match(r"(\d+)%<=", part)
        if low and value < int(low[1]):
            return False
        bound = re.search(r"(<|>=)(\d+)%$", part)
        if bound is None:
            raise InputError(f"评级规则无法识别: {rule}", f"cannot read the rating rule: {rule}")
        met = value < int(bound[2]) if bound[1] == "<" else value >= int(bound[2])
        if not met:
            return False
    return True


def river_rating(
    sections: Sequence[Mapping[str, Given | None]],
    on: date,
    *,
    rulebook: Rulebook | None = None,
) -> RiverRating:
    """Rate a river from the items of its sections: by shares of classes, below 5 sections by the mean of the items.

    Main pollutants: items by the share of sections worse than class Ⅲ in them, the first three (unverified).
    """
    book = rulebook or packaged()
    results = [classify(section, on, rulebook=book) for section in sections]
    if not results:
        raise InputError("没有断面", "no section")
    trace = TraceBuilder(Text("河流（流域）水质评价", "river rating"))
    count = len(results)
    shares = {name: percentage(sum(r.cls == name for r in results), count) for name in CLASSES}
    good = sum(class_index(r.cls) <= 2 for r in results)
    worst = sum(r.cls == CLASSES[-1] for r in results)
    listing = "、".join(f"{name} {share}%" for name, share in shares.items())
    trace.step(f"{count} 个断面: {listing}", f"{count} sections: {listing}")
    mean_class = None
    if count >= _LEAST_SECTIONS:
        rating, color, row = rating_of_shares(
            Fraction(good * 100, count), Fraction(worst * 100, count), rulebook=book.on(on)
        )
        trace.step(
            f"评价: {rating}（{chinese(row['rule'])}）", f"rating: {english(rating)} ({row['rule']})", [row]
        )
    else:
        means = mean(sections, "space", on=on, rulebook=book)
        mean_class = classify(means.values(), on, rulebook=book)
        rating, color = mean_class.rating, mean_class.color
        rows = book.on(on).rows("water_rating", level="river/basin (<5 sections)")
        trace.step(
            "断面少于5个，按各项目均值评价", "fewer than 5 sections: rated by the means of the items", rows
        )
        trace.include(mean_class.trace)
    shares_of = _shares_worse(results)
    most = int(main_rule(book, on)["value"])
    main = tuple(shares_of)[:most]
    if main:
        listing = "、".join(f"{name} {percentage(*shares_of[name])}%" for name in main)
        document = main_rule(book, on).citation
        trace.step(
            f"主要污染指标（依据 {document}，按劣于Ⅲ类的断面占比取前 {most} 项，规则未核实）: {listing}",
            f"main pollutants ({document}, by the share of sections worse than class Ⅲ, the first {most}; unverified): {listing}",
            [_limit_of(book, on, name) for name in main],
        )
    return RiverRating(
        rating=rating,
        color=color,
        method="shares" if count >= _LEAST_SECTIONS else "mean",
        sections=count,
        share_good=percentage(good, count),
        share_worst=percentage(worst, count),
        shares=shares,
        main=main,
        mean_class=mean_class,
        trace=trace.done(),
    )


def _shares_worse(results: Sequence[SectionClass]) -> dict[str, tuple[int, int]]:
    """Return (sections worse than the baseline, sections measured) by item, the highest share first."""
    measured: dict[str, int] = {}
    worse: dict[str, int] = {}
    for result in results:
        for item in result.items:
            measured[item.item] = measured.get(item.item, 0) + 1
        for name in result.main:
            worse[name] = worse.get(name, 0) + 1
    order = sorted(worse, key=lambda name: (-Fraction(worse[name], measured[name]), name))
    return {name: (worse[name], measured[name]) for name in order}


def _limit_of(book: Rulebook, on: date, item: str) -> Row:
    """Return the limit of class Ⅲ that an item was held against."""
    return item_limits(book, resolve(book, "surface_water_limits", STANDARD, on, None))[item].rows[
        class_index("Ⅲ")
    ]
