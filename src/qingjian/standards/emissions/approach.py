"""Warning before a limit is reached: a value that is near it, moves towards it for sure, and would pass it soon.

No standard prescribes it. All three conditions must hold at once, which keeps false alarms down: a high but steady value
warns nobody, nor does a steep rise far below the limit, nor noise without a trend. Limits from below (dissolved oxygen) and
ranges (pH) are watched in the same way, each on the side the newest value is nearer to.
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
from qingjian.standards.rounding import legible, round_places
from qingjian.standards.surface_water.trend import spearman

SUBJECTS = {"hour": "trend_warning_hour", "day": "trend_warning_day"}
_LEVEL = 3
"""The level that is extended is the median of the newest values, so that one outlier does not carry it."""
_SLOPE_PLACES = 4
Side = Literal["upper", "lower"]


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
class Allowed:
    """The values a series may have: up to `upper`, from `lower` on, or a range. A warning speaks of the nearer side.

    Raises InputError where neither is given, where a single limit is not positive, or where a range is empty.
    """

    upper: Decimal | None = None
    lower: Decimal | None = None

    def __post_init__(self) -> None:
        single = self.upper if self.lower is None else self.lower
        if single is None:
            raise InputError("没有限值", "there is no limit")
        if self.upper is not None and self.lower is not None:
            if self.upper <= self.lower:
                raise InputError("限值范围为空", "the range of the limit is empty")
        elif single <= 0:
            raise InputError("限值须为正", "the limit must be positive")

    def side(self, value: Decimal) -> Side:
        """The side a value is nearer to; the middle of a range belongs to the upper one."""
        if self.upper is None or self.lower is None:
            return "upper" if self.lower is None else "lower"
        return "upper" if 2 * value >= self.upper + self.lower else "lower"

    def limit(self, side: Side) -> Decimal:
        """The limit on a side. Raises InputError for a side that is open."""
        found = self.upper if side == "upper" else self.lower
        if found is None:
            raise InputError("这一侧没有限值", "there is no limit on this side")
        return found

    def share(self, value: Decimal) -> Decimal | None:
        """How near a value is, in %: 100 at the limit, more beyond. C/C0 for an upper limit, C0/C for one from below (None
        for a value of zero or less, which is far beyond), and the distance from the middle of a range in its half width."""
        if self.upper is not None and self.lower is not None:
            return abs(2 * value - self.upper - self.lower) * 100 / (self.upper - self.lower)
        if self.upper is not None:
            return value * 100 / self.upper
        return self.limit("lower") * 100 / value if value > 0 else None

    def passed(self, value: Decimal) -> bool:
        """Every digit counts (GB/T 8170, comparison of all digits)."""
        return (self.upper is not None and value > self.upper) or (
            self.lower is not None and value < self.lower
        )

    @property
    def text(self) -> str:
        """≤50, ≥5, 6–9."""
        if self.upper is not None and self.lower is not None:
            return f"{plain(self.lower)}–{plain(self.upper)}"
        return f"≤{plain(self.upper)}" if self.upper is not None else f"≥{plain(self.limit('lower'))}"


@dataclass(frozen=True, slots=True)
class Approach:
    """What the newest periods say. `share` in %, `slope` per period, `ahead` periods until the limit; None = not formed.

    `side`: the limit that is approached, from below (`upper`) or from above (`lower`); None while nothing is known.
    """

    warns: bool
    share: Decimal | None
    slope: Decimal | None
    ahead: Decimal | None
    trace: Trace
    side: Side | None = None


def approaching(
    values: Sequence[Decimal | None],
    allowed: Allowed,
    rules: WarningRules,
    *,
    unit: str = "",
    rulebook: Rulebook | None = None,
) -> Approach:
    """Does a series of values in order of time move towards a limit? None = not valid; the newest comes last.

    Warns when the newest value is valid, not beyond the limit and at least `share` of the way (see `Allowed.share`); when the
    rank correlation with time is significant (95 %) towards that limit; and when the median slope of all pairs (Theil–Sen)
    carries the level to the limit within `horizon` periods.
    """
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
    side = allowed.side(newest)
    exact = allowed.share(newest)
    share = None if exact is None else round_places(exact, 1)
    _tell_share(trace, newest, allowed, share, rules, unit)
    if allowed.passed(newest) or exact is None:
        return _silent(
            trace, "已超限值，由超标报警处理", "beyond the limit: a matter of the exceedance", share, side
        )
    if exact < rules.share:
        return _silent(trace, "未到预警线", "short of the warning line", share, side)
    moving = spearman([value for _place, value in known], rulebook=book)
    trace.include(moving.trace)
    wanted = ("rising", "上升", "rise") if side == "upper" else ("falling", "下降", "fall")
    if moving.direction != wanted[0]:
        return _silent(trace, f"没有显著{wanted[1]}", f"no significant {wanted[2]}", share, side)
    slope = median((after - before) / (b - a) for (a, before), (b, after) in combinations(known, 2))
    towards = slope if side == "upper" else -slope
    if towards <= 0:
        return _silent(
            trace, "中位斜率不朝向限值", "the median slope does not lead to the limit", share, side
        )
    level = median(value for _place, value in known[-_LEVEL:])
    distance = allowed.limit(side) - level
    ahead = round_places(max(Decimal(0), distance if side == "upper" else -distance) / towards, 1)
    warns = ahead <= rules.horizon
    verdict = ("预警", "warning") if warns else ("不预警", "no warning")
    pace = plain(round_places(towards, _SLOPE_PLACES))
    trace.step(
        f"每时段{wanted[1]} {pace}（两两斜率的中位数），约 {plain(ahead)} 个时段后到达限值（预警期 {rules.horizon}）: {verdict[0]}",
        f"{wanted[2]}s by {pace} a period (median of all pairs), at the limit in {plain(ahead)} periods (horizon {rules.horizon}): {verdict[1]}",
    )
    return Approach(warns, share, round_places(slope, _SLOPE_PLACES), ahead, trace.done(), side)


def _tell_share(
    trace: TraceBuilder,
    newest: Decimal,
    allowed: Allowed,
    share: Decimal | None,
    rules: WarningRules,
    unit: str,
) -> None:
    shown = "-" if share is None else f"{plain(share)}%"
    bounds = [one for one in (allowed.upper, allowed.lower) if one is not None]
    read = plain(legible(newest, bounds))
    how = (
        ("距范围中点与半宽之比", "distance from the middle of the range in its half width")
        if allowed.upper is not None and allowed.lower is not None
        else ("限值与数值之比", "limit to value")
        if allowed.upper is None
        else ("数值与限值之比", "value to limit")
    )
    trace.step(
        f"最新值 {read} {unit}，限值 {allowed.text}，接近程度 {shown}（{how[0]}；预警线 {plain(rules.share)}%）",
        f"newest {read} {unit}, limit {allowed.text}, nearness {shown} ({how[1]}; warning from {plain(rules.share)}%)",
    )


def _silent(
    trace: TraceBuilder, zh: str, en: str, share: Decimal | None = None, side: Side | None = None
) -> Approach:
    trace.step(zh, en)
    return Approach(False, share, None, None, trace.done(), side)
