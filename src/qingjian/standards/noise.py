"""Noise: equivalent levels, functional zones (GB 3096), boundaries (GB 12348, GB 12523), urban ratings (HJ 640)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from qingjian.rulebook import Row, Rulebook, packaged
from qingjian.standards.editions import explain_caveats, governing, in_force, resolve
from qingjian.standards.errors import InputError
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.quantity import Given, Measured, measured
from qingjian.standards.rounding import round_places
from qingjian.standards.words import english

UNIT = "dB(A)"
ZONE_RATING = "环办监测〔2024〕33号"
"""How functional zones are rated since 2025; its text has not been compared."""
Period = Literal["昼间", "夜间"]
RatingKind = Literal["区域环境噪声总体水平", "道路交通噪声强度"]
_KINDS: dict[str, RatingKind] = {
    "区域": "区域环境噪声总体水平",
    "区域环境噪声总体水平": "区域环境噪声总体水平",
    "道路": "道路交通噪声强度",
    "道路交通": "道路交通噪声强度",
    "道路交通噪声强度": "道路交通噪声强度",
}
_HIGHEST = Decimal(200)
_SETTLED_PLACES = 9


def energy_mean(levels: Sequence[Given], weights: Sequence[float] | None = None) -> Decimal:
    """Energy mean 10·lg(Σ w·10^(0.1·L)/Σ w) of levels in dB(A). Raises InputError if empty.

    Every digit it has: only the dust of binary fractions is taken off, for a level is rounded once (GB/T 8170).
    """
    numbers = [float(_level(level, "L").value) for level in levels]
    shares = [1.0] * len(numbers) if weights is None else list(weights)
    if not numbers or len(shares) != len(numbers) or min(shares) < 0 or sum(shares) <= 0:
        raise InputError("没有声级或权重不合理", "no level, or weights that make no sense")
    energy = math.fsum(w * 10 ** (level / 10) for w, level in zip(shares, numbers, strict=True)) / math.fsum(
        shares
    )
    return round_places(Decimal(repr(10 * math.log10(energy))), _SETTLED_PLACES)


@dataclass(frozen=True, slots=True)
class DayNight:
    """Levels of a natural day. None where no hour of the period is valid; `hours` counts the valid ones.

    `day_valid`, `night_valid`, `whole_valid`: enough valid hours for the level (`least_*`, house rules, unverified).
    The night of a natural day is its hours before the day and after it: parts of two nights, as Ln of one date.
    """

    day: Decimal | None
    night: Decimal | None
    whole: Decimal | None
    day_hours: int
    night_hours: int
    least_day_hours: int
    least_night_hours: int
    least_hours: int
    day_starts: int
    night_starts: int
    rows: tuple[Row, ...]

    @property
    def day_valid(self) -> bool:
        return self.day_hours >= self.least_day_hours

    @property
    def night_valid(self) -> bool:
        return self.night_hours >= self.least_night_hours

    @property
    def hours(self) -> int:
        return self.day_hours + self.night_hours

    @property
    def whole_valid(self) -> bool:
        return self.hours >= self.least_hours

    @property
    def day_night(self) -> Decimal | None:
        """Ldn with 10 dB added at night, None if a period is missing."""
        if self.day is None or self.night is None:
            return None
        return energy_mean([self.day, self.night + 10], [16, 8])


def day_and_night(
    hours: Mapping[int, Given | None],
    *,
    day_starts: int | None = None,
    night_starts: int | None = None,
    rulebook: Rulebook | None = None,
) -> DayNight:
    """Ld, Ln and Leq from hourly Leq by local hour of start (0–23). Raises InputError for other hours.

    Day 06–22, night 22–06 unless the county government has shifted them.
    """
    book = rulebook or packaged()
    rules = {row["item"]: row for row in book.rows("evaluation_parameters", subject="noise_day")}
    first = int(rules["day starts"]["value"]) if day_starts is None else day_starts
    last = int(rules["night starts"]["value"]) if night_starts is None else night_starts
    if not 0 <= first < last <= 24:
        raise InputError("昼夜时段不合理", "the day must start before the night")
    day: list[Given] = []
    night: list[Given] = []
    for hour, level in hours.items():
        if not 0 <= hour <= 23:
            raise InputError(f"小时应为 0–23: {hour}", f"hours are 0–23, not {hour}")
        if level is not None:
            (day if first <= hour < last else night).append(level)
    both = [*day, *night]
    return DayNight(
        day=energy_mean(day) if day else None,
        night=energy_mean(night) if night else None,
        whole=energy_mean(both) if both else None,
        day_hours=len(day),
        night_hours=len(night),
        least_day_hours=int(rules["valid day hours"]["value"]),
        least_night_hours=int(rules["valid night hours"]["value"]),
        day_starts=first,
        night_starts=last,
        least_hours=int(rules["valid whole hours"]["value"]),
        rows=tuple(rules[name] for name in ("valid day hours", "valid night hours", "valid whole hours")),
    )


@dataclass(frozen=True, slots=True)
class ZoneResult:
    """Day and night against the limits of a zone; None where no level was given. Excess in dB(A), None if met."""

    zone: str
    day_attained: bool | None
    night_attained: bool | None
    day_limit: Decimal
    night_limit: Decimal
    day_excess: Decimal | None
    night_excess: Decimal | None
    sudden_attained: bool | None
    sudden_limit: Decimal | None
    """Highest sudden level allowed at night; None where none was given."""
    trace: Trace


def zone(
    name: str,
    *,
    day: Given | None = None,
    night: Given | None = None,
    night_maximum: Given | None = None,
    standard: str = "GB 3096",
    on: date | None = None,
    edition: str | None = None,
    rulebook: Rulebook | None = None,
) -> ZoneResult:
    """Judge Ld and Ln (dB(A)) in a zone (`2类`, `4a类`), at a boundary (GB 12348) or a site (GB 12523, `场界`).

    `night_maximum`: highest sudden level at night, allowed 15 dB(A) above the limit. Raises InputError, EditionError.
    """
    if day is None and night is None:
        raise InputError("未给出昼间或夜间声级", "neither a day nor a night level is given")
    book = rulebook or packaged()
    basis = resolve(book, "noise_limits", standard, on, edition)
    label = name.strip() if name.strip().endswith(("类", "界")) else f"{name.strip()}类"
    limits = book.rows("noise_limits", basis.day, standard=standard, class_=label)
    rows = {row["averaging_period"][:2]: row for row in limits}
    if set(rows) != {"昼间", "夜间"}:
        raise InputError(f"没有功能区 {name}", f"no zone {name} in {standard}")
    trace = TraceBuilder(Text(f"{label}噪声", f"noise, zone {label}"))
    basis.explain(trace)
    day_limit, night_limit = (Decimal(rows[period]["limit"]) for period in ("昼间", "夜间"))
    day_ok, day_excess = _against(day, "Ld", rows["昼间"], trace)
    night_ok, night_excess = _against(night, "Ln", rows["夜间"], trace)
    sudden = bound = None
    if night_maximum is not None:
        rule = governing(in_force(book, "evaluation_parameters", basis, item="sudden night excess"))
        peak = _level(night_maximum, "Lmax")
        trace.use(peak)
        bound = night_limit + Decimal(rule["value"])
        sudden = peak.value <= bound
        trace.step(
            f"夜间突发最大声级 {plain(peak.value)}，允许 {plain(bound)}: {'达标' if sudden else '超标'}",
            f"highest sudden level {plain(peak.value)}, allowed {plain(bound)}",
            [rule],
        )
    if standard == "GB 3096":
        explain_caveats(book, ZONE_RATING, on or basis.day, trace)
    return ZoneResult(
        label,
        day_ok,
        night_ok,
        day_limit,
        night_limit,
        day_excess,
        night_excess,
        sudden,
        bound,
        trace.done(),
    )


@dataclass(frozen=True, slots=True)
class UrbanRating:
    """Grade 一级 … 五级 and its word of an average level."""

    level: str
    rating: str
    value: Decimal
    trace: Trace


def urban_rating(
    kind: str,
    period: Period,
    level: Given,
    *,
    on: date | None = None,
    edition: str | None = None,
    rulebook: Rulebook | None = None,
) -> UrbanRating:
    """Rate the average level of an area (区域) or of roads (道路交通) by HJ 640. Raises InputError, EditionError."""
    book = rulebook or packaged()
    if kind not in _KINDS or period not in ("昼间", "夜间"):
        raise InputError(f"类型或时段不明: {kind} {period}", f"unknown kind or period: {kind} {period}")
    basis = resolve(book, "noise_rating_hj640", "HJ 640", on, edition)
    trace = TraceBuilder(
        Text(f"城市声环境 {_KINDS[kind]} {period}", f"{english(_KINDS[kind])} {english(period)}")
    )
    value = _level(level, "Leq")
    trace.use(value)
    for row in in_force(book, "noise_rating_hj640", basis, kind=_KINDS[kind], period=period):
        above = not row["gt"] or value.value > Decimal(row["gt"])
        below = not row["le"] or value.value <= Decimal(row["le"])
        if above and below:
            trace.step(
                f"{plain(value.value)} dB(A)（>{row['gt'] or '—'}，≤{row['le'] or '—'}）→ {row['level']} {row['rating']}",
                f"{plain(value.value)} dB(A) (>{row['gt'] or '—'}, ≤{row['le'] or '—'}) → {english(row['level'])}",
                [row],
            )
            return UrbanRating(row["level"], row["rating"], value.value, trace.done())
    raise InputError("没有对应等级", "no grade for this level")


def area_mean(levels: Sequence[Given]) -> Decimal:
    """Average level of an area: arithmetic mean over the grid points, one decimal (HJ 640)."""
    numbers = [_level(level, "L").value for level in levels]
    if not numbers:
        raise InputError("没有测点", "no point")
    return round_places(sum(numbers, Decimal(0)) / len(numbers), 1)


def road_mean(roads: Sequence[tuple[Given, Given]]) -> Decimal:
    """Average level of roads, weighted by length: (level, length in m) of each, one decimal (HJ 640)."""
    pairs = [(_level(level, "L").value, measured(length, "路段长度", "m").value) for level, length in roads]
    total = sum((length for _, length in pairs), Decimal(0))
    if total == 0:
        raise InputError("路段长度合计为 0", "the lengths add up to 0")
    return round_places(sum((level * length for level, length in pairs), Decimal(0)) / total, 1)


def attainment_rate(results: Sequence[bool]) -> Decimal:
    """Share of attained points and periods in %, one decimal. Raises InputError if empty."""
    if not results:
        raise InputError("没有点次", "no point")
    return round_places(Decimal(sum(results)) * 100 / len(results), 1)


def _level(given: Given, name: str) -> Measured:
    level = measured(given, name, UNIT, highest=_HIGHEST)
    if level.is_below_detection:
        raise InputError(f"{name} 没有检出限: {given}", f"{name} has no detection limit: {given}")
    return level


def _against(
    given: Given | None, name: str, row: Row, trace: TraceBuilder
) -> tuple[bool | None, Decimal | None]:
    if given is None:
        return None, None
    value = _level(given, name)
    trace.use(value)
    limit = Decimal(row["limit"])
    attained = value.value <= limit
    excess = None if attained else value.value - limit
    verdict = "达标" if attained else f"超标 {plain(value.value - limit)} dB(A)"
    trace.step(
        f"{name} {plain(value.value)}，限值 {plain(limit)} dB(A): {verdict}",
        f"{name} {plain(value.value)} against {plain(limit)} dB(A): {'attains' if attained else 'exceeds'}",
        [row],
    )
    return attained, excess
