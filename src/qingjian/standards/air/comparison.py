"""What of a statistic is held against a limit: every digit, or the value rounded by HJ 663 (GB/T 8170).

HJ 663-2013, 5.3 asks that statistics are rounded before the state and the trend are evaluated. Which of the two comparisons
holds is a row of the rulebook: nobody has compared the clause yet, and a corrected row switches back.
"""

from __future__ import annotations

import functools
from datetime import date
from decimal import Decimal
from typing import Literal, get_args

from qingjian.rulebook import Row, Rulebook
from qingjian.standards.air.breakpoints import scale
from qingjian.standards.editions import Basis, governing, in_force
from qingjian.standards.errors import EditionError
from qingjian.standards.explanation import Text, plain
from qingjian.standards.rounding import round_places

STANDARD = "HJ 663"
Comparison = Literal["full", "rounded"]
NAMES: dict[Comparison, Text] = {
    "full": Text("全数值比较法", "all digits"),
    "rounded": Text("修约值比较法", "rounded values"),
}
INDEX_PERIODS = {"O3": "8h"}
_SHOWN = 2


def comparison_rule(book: Rulebook, basis: Basis) -> tuple[Comparison, Row]:
    """How statistics are held against limits on a basis, and the row that says so. Raises EditionError."""
    row = governing(in_force(book, "evaluation_parameters", basis, subject="comparison", item="attainment"))
    for known in get_args(Comparison):
        if row["value"] == known:
            return known, row
    raise EditionError(
        f"比较方法应为 full 或 rounded: {row['value']}",
        f"the comparison is either full or rounded: {row['value']}",
    )


def decimals(book: Rulebook, basis: Basis, item: str) -> tuple[int, Row]:
    """Decimals of a statistic in the edition, and the row that says so. Raises EditionError."""
    (row,) = in_force(book, "evaluation_parameters", basis, standard=STANDARD, subject="decimals", item=item)
    return int(row["value"]), row


@functools.lru_cache(maxsize=8192)
def daily_places(book: Rulebook, pollutant: str, day: date) -> int | None:
    """Decimals a daily value is rounded to before its limit; None = every digit counts.

    Those of the index of the day (HJ 633-2026), so that no day is published as good and counted as exceeding; where the
    edition of the index names none (2012), those of HJ 663. Before its first edition nothing says how: every digit.
    """
    basis = Basis(day)
    try:
        if comparison_rule(book, basis)[0] == "full":
            return None
        found = scale(book, basis, pollutant, INDEX_PERIODS.get(pollutant, "24h")).input_places
        return found if found is not None else decimals(book, basis, pollutant)[0]
    except EditionError:
        return None


def compared_daily(book: Rulebook, pollutant: str, value: Decimal, day: date) -> Decimal:
    """The value of a day as it is held against the daily limit by the rules of a day."""
    places = daily_places(book, pollutant, day)
    return value if places is None else round_places(value, places)


def multiple_of(value: Decimal, limit: Decimal) -> Decimal | None:
    """(C-S)/S of the value that is compared; None if it meets the limit."""
    return (value - limit) / limit if value > limit else None


def shortened(value: Decimal, limit: Decimal) -> str:
    """A value as a trace shows it beside its limit: with few digits, never so few that it lies on the other side."""
    places = _SHOWN
    while (shown := round_places(value, places)) != value and (
        (shown > limit) != (value > limit) or (shown == limit) != (value == limit)
    ):
        places += 1
    return plain(shown)


def verdict(multiple: Decimal | None) -> Text:
    """Met, or by how many times exceeded; what would round to nothing says that it is less than 0.01."""
    if multiple is None:
        return Text("达标", "attains")
    shown = round_places(multiple, 2)
    if not shown:
        return Text("超标不足 0.01 倍", "exceeds by less than 0.01 times")
    return Text(f"超标 {plain(shown)} 倍", f"exceeds by {plain(shown)} times")
