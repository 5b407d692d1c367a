"""Warning before a limit is reached: a value that is high, rises for sure, and would pass the limit soon.

No standard prescribes it. All three conditions must hold at once, which keeps false alarms down: a high but steady value
warns nobody, nor does a steep rise far below the limit, nor noise without a trend.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations
from statistics import median
from typing import Literal

from qingjian.rulebook import Row, Rulebook, packaged
from qingjian.standards.errors import InputError
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.rounding import round_places
from qingjian.standards.surface_water.trend import spearman

SUBJECTS = {"hour": "trend_warning_hour", "day": "trend_warning_day"}
_LEVEL = 3
"""The level that is extended is the median of the newest values, so that one outlier does not carry it."""
_SLOPE_PLACES = 4


@dataclass(frozen=True, slots=True)
class WarningRules:
    """`window` periods are looked at, at least `valid` of them valid; `share` in % of the limit; `horizon` periods ahead;
    `in_a_row` periods must agree before anybody is told."""

    window: int
    valid: int
    share: Decimal
    horizon: int
    in_a_row: int
    rows: tuple[Row, ...]


def warning_rules(averaging: Literal["hour", "day"], *, rulebook: Rulebook | None = None) -> WarningRules:
    """The settings for hourly or daily values, from the rulebook. Raises InputError where one is missing."""
    book = rulebook or packaged()
    rows = {row["item"]: row for row in book.rows("evaluation_parameters", subject=SUBJECTS[averaging])}
    try:
        return WarningRules(
            int(rows["window"]["value"]),
            int(rows["least valid"]["value"]),
            Decimal(rows["share of the limit"]["value"]),
            int(rows["horizon"]["value"]),
            int(rows["in a row"]["value"]),
            tuple(rows.values()),
        )
    except (KeyError, ValueError) as error:
        raise InputError("趋势预警参数不全", "a setting of the trend warning is missing") from error


@dataclass(frozen=True, slots=True)
class Approach:
    """What the newest periods say. `share` in %, `slope` per period, `ahead` periods until the limit; None = not formed."""

    warns: bool
    share: Decimal | None
    slope: Decimal | None
    ahead: Decimal | None
    trace: Trace


def approaching(
    values: Sequence[Decimal | None],
    limit: Decimal,
    rules: WarningRules,
    *,
    unit: str = "",
    rulebook: Rulebook | None = None,
) -> Approach:
    """Does a series of values in order of time rise towards an upper limit? None = not valid; the newest comes last.

    Warns when the newest value is valid, not above the limit and at least `share` of it; when the rank correlation with
    time is significant and rising (95 %); and when the median slope of all pairs (Theil–Sen) carries the level to the limit
    within `horizon` periods. Raises InputError for a limit that is not positive.
    """
    if limit <= 0:
        raise InputError("限值须为正", "the limit must be positive")
    book = rulebook or packaged()
    window = list(values)[-rules.window :]
    known = [(place, value) for place, value in enumerate(window) if value is not None]
    trace = TraceBuilder(Text("接近限值的趋势预警", "trend towards a limit"))
    trace.step(
        f"最近 {len(window)} 个时段中 {len(known)} 个有效（至少 {rules.valid} 个）",
        f"{len(known)} of the last {len(window)} periods valid (at least {rules.valid})",
        rules.rows,
    )
    newest = window[-1] if window else None
    if newest is None or len(known) < rules.valid:
        return _silent(trace, "有效数据不足，不作判断", "not enough valid data: nothing is said")
    share = round_places(newest * 100 / limit, 1)
    trace.step(
        f"最新值 {plain(newest)} {unit}，为限值 {plain(limit)} 的 {plain(share)}%（预警线 {plain(rules.share)}%）",
        f"newest {plain(newest)} {unit}, {plain(share)}% of the limit {plain(limit)} (warning from {plain(rules.share)}%)",
    )
    if newest > limit:
        return _silent(
            trace, "已超限值，由超标报警处理", "above the limit: a matter of the exceedance", share
        )
    if newest * 100 < rules.share * limit:
        return _silent(trace, "未到预警线", "below the warning line", share)
    rising = spearman([value for _place, value in known], rulebook=book)
    trace.include(rising.trace)
    if rising.direction != "rising":
        return _silent(trace, "没有显著上升", "no significant rise", share)
    slope = median((after - before) / (b - a) for (a, before), (b, after) in combinations(known, 2))
    if slope <= 0:
        return _silent(trace, "中位斜率不为正", "the median slope is not positive", share)
    level = median(value for _place, value in known[-_LEVEL:])
    ahead = round_places(max(Decimal(0), limit - level) / slope, 1)
    shown = round_places(slope, _SLOPE_PLACES)
    warns = ahead <= rules.horizon
    verdict = ("预警", "warning") if warns else ("不预警", "no warning")
    trace.step(
        f"每时段上升 {plain(shown)}（两两斜率的中位数），约 {plain(ahead)} 个时段后到达限值（预警期 {rules.horizon}）: {verdict[0]}",
        f"rises by {plain(shown)} a period (median of all pairs), at the limit in {plain(ahead)} periods (horizon {rules.horizon}): {verdict[1]}",
    )
    return Approach(warns, share, shown, ahead, trace.done())


def _silent(trace: TraceBuilder, zh: str, en: str, share: Decimal | None = None) -> Approach:
    trace.step(zh, en)
    return Approach(False, share, None, None, trace.done())
