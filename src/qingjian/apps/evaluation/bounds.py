"""What an outlet is held against: permit limits and the emission standards that apply to it; the strictest decides."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from qingjian.apps.evaluation.drafts import settled, short
from qingjian.apps.network.models import PermitLimit, Series
from qingjian.rulebook import Confidence, Row, Rulebook
from qingjian.standards import names
from qingjian.standards.emissions.judgement import bare_name, is_of_class, limits_for
from qingjian.standards.emissions.oxygen import at_other_reference, reference_oxygen
from qingjian.standards.errors import EvaluationError
from qingjian.standards.limits import Limit, limit_of
from qingjian.standards.quantity import convert

MULTIPLE_PLACES = 4
ITEMS = {"water": names.WASTE_WATER, "gas": names.FLUE_GAS}
LONG = ("month", "year")
"""Averaging periods that a limit must name to be one of them."""
PERMIT_CONFIDENCE = Confidence.S
"""The registry holds a copy of the permit; nobody has compared it with the text."""


class Oxygen(NamedTuple):
    """Reference oxygen (%) of a limit, and that which the register names for the values held against it."""

    of_limit: Decimal
    registered: Decimal


_NARROW = str.maketrans("＞＜", "><")
_TEMPERATURE = re.compile(r"水温\s*([>≥≤<＞＜])\s*(-?\d+(?:\.\d+)?)\s*℃")


class Water(NamedTuple):
    """How a limit that depends on the temperature of the water came to apply."""

    measured: float | None
    """Mean of the day, ℃; None where nobody measured it."""
    otherwise: Bound | None = None
    """The stricter limit, which applies at another temperature than this one; set where the temperature is unknown."""


@dataclass(frozen=True, slots=True)
class Bound:
    """One limit of a series: from the permit (`limit`) or from a standard (`row`), in the unit of the series."""

    upper: float | None
    lower: float | None
    limit: PermitLimit | None = None
    row: Row | None = None
    oxygen: Oxygen | None = None
    """Set where values stand at another reference oxygen than the limit: each is brought to it before it is judged."""
    water: Water | None = None
    """Set where the limit holds at some water temperatures only."""

    @property
    def temperature(self) -> str:
        """The water temperature at which the limit holds, as its row names it; empty where it holds at any."""
        found = self._temperature
        return "" if found is None else f"水温{found[1]}{found[2]}℃"

    @property
    def _temperature(self) -> re.Match[str] | None:
        values = {} if self.row is None else self.row.values
        return _TEMPERATURE.search(f"{values.get('pollutant_cn', '')} {values.get('condition', '')}")

    def holds_at(self, temperature: float) -> bool:
        """Say whether the limit holds at a water temperature (℃)."""
        found = self._temperature
        if found is None:
            return True
        side = float(found[2])
        return {
            ">": temperature > side,
            "≥": temperature >= side,
            "≤": temperature <= side,
            "<": temperature < side,
        }[found[1].translate(_NARROW)]

    @property
    def pk(self) -> int | None:
        return self.limit.pk if self.limit is not None else None

    @property
    def rule(self) -> str:
        return self.row.id if self.row is not None else ""

    @property
    def confidence(self) -> Confidence:
        if self.row is None:
            return PERMIT_CONFIDENCE
        return (
            Confidence.S
            if self.row.confirmed and self.row.confidence is Confidence.U
            else self.row.confidence
        )

    @property
    def text(self) -> str:
        """The limit as text: ≤50, 6–9, ≥1."""
        if self.upper is not None and self.lower is not None:
            return f"{self.lower:.10g}–{self.upper:.10g}"
        return f"≤{self.upper:.10g}" if self.upper is not None else f"≥{self.lower:.10g}"

    @property
    def document(self) -> str:
        """Where it stands."""
        if self.row is not None:
            named = " ".join(part for part in (self.row.citation, self.row.values.get("class", "")) if part)
            return f"{named} · O₂ {self.oxygen.of_limit:f}%" if self.oxygen else named
        assert self.limit is not None  # noqa: S101 - one of the two is set
        return str(self.limit.permit.number) if self.limit.permit else self.limit.basis

    @property
    def reference_oxygen(self) -> Decimal | None:
        """Reference oxygen (%) the limit itself names."""
        return None if self.row is None else reference_oxygen(self.row.values.get("condition", ""))

    def brought(self, value: float) -> float | int:
        """Return a value as the limit wants it: at its reference oxygen."""
        return settled(value if self.oxygen is None else float(self._exact(value, self.oxygen)))

    @staticmethod
    def _exact(value: float, oxygen: Oxygen) -> Decimal:
        return at_other_reference(Decimal(repr(settled(value))), oxygen.registered, oxygen.of_limit)

    @property
    def times(self) -> float:
        """What values are multiplied by to stand at the reference oxygen of the limit, for charts and orders."""
        return 1.0 if self.oxygen is None else float(self._exact(1.0, self.oxygen))

    def exceeded(self, value: float) -> bool:
        """Every digit counts (GB/T 8170, comparison of all digits)."""
        if self.oxygen is not None:
            exact = self._exact(value, self.oxygen)
            upper, lower = (None if one is None else Decimal(repr(one)) for one in (self.upper, self.lower))
            return (upper is not None and exact > upper) or (lower is not None and exact < lower)
        return (self.upper is not None and value > self.upper) or (
            self.lower is not None and value < self.lower
        )

    def passed(self, values: np.ndarray) -> np.ndarray:
        """Say of each of many values whether it passes the limit; NaN passes none."""
        if self.oxygen is not None:
            return np.array([value == value and self.exceeded(value) for value in values.tolist()], np.bool_)
        upper = np.inf if self.upper is None else self.upper
        lower = -np.inf if self.lower is None else self.lower
        with np.errstate(invalid="ignore"):
            return (values > upper) | (values < lower)

    def multiple(self, value: float) -> float | None:
        """(C-C0)/C0 above an upper limit, of a value as the limit wants it; None for ranges and lower limits."""
        if self.upper is None or self.lower is not None or self.upper == 0 or value <= self.upper:
            return None
        return value / self.upper - 1


def of_permit(limit: PermitLimit, unit: str) -> Bound | None:
    """Return a permit limit in the unit of a series; None where it cannot be expressed in it."""
    sides = limit.sides(unit)
    if sides is None:
        return None
    upper, lower = (None if side is None else float(side) for side in sides)
    return Bound(upper, lower, limit=limit)


def at_temperature(bounds: Iterable[Bound], temperature: float | None) -> list[Bound]:
    """Return the limits that hold at a water temperature (℃); None where nobody measured it.

    Unknown, the most lenient of those that depend on it judges, for nobody is accused of what the water may allow; the
    stricter one stands beside it. Where the office keeps one of them only, it has said which applies.
    """
    given = list(bounds)
    depending = [one for one in given if one.temperature]
    if len({one.temperature for one in depending}) < 2:
        return given
    if temperature is not None:
        found = [one for one in given if one.holds_at(temperature)]
        return [replace(one, water=Water(temperature)) if one.temperature else one for one in found]
    groups: dict[tuple[str, str], list[Bound]] = {}
    for one in depending:
        assert one.row is not None  # noqa: S101 - only rows name a temperature
        groups.setdefault((one.row.document, one.row.values.get("class", "")), []).append(one)
    kept = [one for one in given if not one.temperature]
    for own in groups.values():
        strictest, *others = strictest_first(own)
        kept.append(replace(others[-1], water=Water(None, strictest)) if others else strictest)
    return kept


def strictest_first(bounds: Iterable[Bound]) -> list[Bound]:
    """Order as `standards` decides: ranges before upper limits before lower limits, the narrowest or lowest first."""
    return sorted(bounds, key=_strictness)


def _strictness(bound: Bound) -> tuple[int, float, bool]:
    """A permit limit goes before an equal limit of a standard: it is the more particular rule."""
    own = bound.limit is None
    if bound.upper is not None and bound.lower is not None:
        return (0, bound.upper - bound.lower, own)
    if bound.upper is not None:
        return (1, bound.upper / bound.times, own)
    return (2, -(bound.lower or 0.0), own)


def assigned(book: Rulebook, outlet: str, day: date) -> list[Row]:
    """Return the rows that say which emission standards apply to an outlet on a day."""
    return list(book.rows("outlet_standards", day, outlet=outlet))


@lru_cache(maxsize=8)
def items_of(book: Rulebook) -> frozenset[str]:
    """Return every symbol and name under which emission standards have a limit."""
    rows = book.rows("emission_limits")
    return frozenset(
        one
        for row in rows
        for one in (row.values.get("symbol", ""), row["pollutant_cn"], bare_name(row["pollutant_cn"]))
        if one
    )


def applicable(book: Rulebook, outlet: str, day: date) -> list[Limit]:
    """Return every limit of the standards assigned to an outlet on a day, of whatever item and averaging period."""
    found: dict[str, Limit] = {}
    for one in assigned(book, outlet, day):
        left_out = _left_out(one)
        for row in book.rows("emission_limits", day, standard=one.standard):
            limit = limit_of(row)
            if (
                is_of_class(limit, one.values.get("class", ""))
                and one.values.get("condition", "") in limit.condition
                and not any(part in limit.condition or part in limit.name_zh for part in left_out)
            ):
                found[row.id] = limit
    return list(found.values())


def _left_out(row: Row) -> list[str]:
    return [part for part in row.values.get("left_out", "").replace(";", "；").split("；") if part]


def of_standards(
    book: Rulebook, outlet: str, medium: str, series: Series, averaging: str, day: date
) -> list[Bound]:
    """Return the limits of the standards assigned to an outlet for one series, in its unit.

    A row whose item or condition contains one of the texts in `left_out` does not apply. Limits whose unit cannot be
    expressed in that of the series are left out: a wrong unit must never pass for a limit.
    """
    item = ITEMS[medium].get(series.factor.wire_code, series.factor.name_zh)
    return list(_of_standards(book, outlet, item, series.unit, averaging, _segment(book, day)))


@lru_cache(maxsize=8)
def _changes(book: Rulebook) -> tuple[date, ...]:
    """Days on which an assignment or a limit of a standard begins or has ended."""
    rows = (*book.rows("outlet_standards"), *book.rows("emission_limits"))
    begins = {row.valid_from for row in rows if row.valid_from}
    return tuple(sorted(begins | {row.valid_to + timedelta(days=1) for row in rows if row.valid_to}))


def _segment(book: Rulebook, day: date) -> date:
    """Return the first day from which on the rules are those of a day."""
    changes = _changes(book)
    place = bisect_right(changes, day)
    return changes[place - 1] if place else date.min


@lru_cache(maxsize=4096)
def _of_standards(
    book: Rulebook, outlet: str, item: str, unit: str, averaging: str, day: date
) -> tuple[Bound, ...]:
    found: dict[str, Bound] = {}
    for one in assigned(book, outlet, day):
        wanted = [(one.standard, one.values.get("class", ""), one.values.get("condition", ""))]
        left_out = _left_out(one)
        for limit in limits_for(item, averaging, day, standards=wanted, rulebook=book):
            if any(part in limit.condition or part in limit.name_zh for part in left_out):
                continue
            if averaging in LONG and not limit.averaging_period.strip():
                continue  # written of samples and days: no month or year is held against it
            bound = in_unit(limit, unit, item)
            if bound is not None:
                found[limit.row.id] = bound
    return tuple(found.values())


def in_unit(limit: Limit, unit: str, item: str) -> Bound | None:
    """Return a limit of a standard in the unit of a series; None where it cannot be expressed in it or sets no bound."""
    sides: list[float | None] = []
    for side in (limit.upper, limit.lower):
        if side is None:
            sides.append(None)
            continue
        try:
            sides.append(float(convert(side, limit.unit, unit, item)))
        except EvaluationError:
            return None
    if sides == [None, None]:
        return None
    return Bound(sides[0], sides[1], row=limit.row)


def mean_item_of(
    series: Series, bounds: Sequence[Bound], value: float | None, valid: int, due: int
) -> dict[str, Any]:
    """Return a judged mean with its valid values and those due; None, a period that is not valid, is kept without a verdict."""
    if value is not None:
        return {**item_of(series, bounds, value, True), "valid": valid, "due": due}
    item: dict[str, Any] = {
        "factor": series.factor.wire_code,
        "series": series.pk,
        "limit": bounds[0].pk,
        "value": None,
    }
    if bounds[0].rule:
        item["rule"] = bounds[0].rule
    return {**item, "valid": valid, "due": due}


def item_of(series: Series, bounds: Sequence[Bound], value: float, counts: bool) -> dict[str, Any]:
    """Return a judged value as it is stored, with every digit: the strictest limit decides, the others stand beside it."""
    strictest = bounds[0]
    given, value = settled(value), strictest.brought(value)
    multiple = strictest.multiple(value)
    item: dict[str, Any] = {
        "factor": series.factor.wire_code,
        "series": series.pk,
        "limit": strictest.pk,
        "value": value,
        "bounds": strictest.text,
        "unit": series.unit,
        "exceeds": any(one.exceeded(given) for one in bounds),
        "multiple": None if multiple is None else round(multiple, MULTIPLE_PLACES),
        "counts": counts,
    }
    if strictest.row is not None:
        item["rule"] = strictest.rule
        item["confidence"] = strictest.confidence.value
    if strictest.row is not None or len(bounds) > 1:
        item["document"] = strictest.document
    if strictest.oxygen is not None:
        item["oxygen"] = {**_oxygen(strictest.oxygen), "value": given}
    by_temperature = next((one for one in bounds if one.water is not None), None)
    if by_temperature is not None:
        item["temperature"] = _temperature(by_temperature, given, item["exceeds"])
    if len(bounds) > 1:
        item["others"] = [
            {
                "limit": one.pk,
                "rule": one.rule,
                "bounds": one.text,
                "document": one.document,
                "exceeds": one.exceeded(given),
                **({"oxygen": _oxygen(one.oxygen), "value": one.brought(given)} if one.oxygen else {}),
            }
            for one in bounds[1:]
        ]
    return item


def _temperature(bound: Bound, value: float | int, exceeds: bool) -> dict[str, Any]:
    """Return how the water temperature decided which limit a value is held against."""
    assert bound.water is not None  # noqa: S101 - asked of such limits only
    found: dict[str, Any] = {"measured": bound.water.measured, "condition": bound.temperature}
    stricter = bound.water.otherwise
    if stricter is not None:
        found |= {
            "otherwise": stricter.temperature,
            "bounds": stricter.text,
            "rule": stricter.rule,
            "document": stricter.document,
            "depends": not exceeds and stricter.exceeded(value),
        }
    return found


def depends_on_temperature(item: dict[str, Any]) -> bool:
    """Say whether a stored value exceeds or not by a water temperature that nobody measured."""
    return bool(item.get("temperature", {}).get("depends"))


def _oxygen(one: Oxygen) -> dict[str, str]:
    return {"of_limit": f"{one.of_limit:f}", "registered": f"{one.registered:f}"}


def as_registered(item: dict[str, Any]) -> float | int | None:
    """Return the value of a stored item at the reference oxygen the register names, as it came about."""
    found: float | int | None = item.get("oxygen", item).get("value")
    return found


def registered_oxygen(item: dict[str, Any]) -> Decimal | None:
    """Return the registered reference oxygen a stored item was brought from; None where no limit named another."""
    for one in (item, *item.get("others", ())):
        if "oxygen" in one:
            return Decimal(one["oxygen"]["registered"])
    return None


def sides_of(text: str) -> tuple[float, float]:
    """Return what a limit as it is stored (≤50, 6–9, ≥5) allows: the least and the most."""
    if "–" in text:
        low, high = text.split("–")
        return float(low), float(high)
    if text.startswith("≥"):
        return float(text[1:]), math.inf
    return -math.inf, float(text.removeprefix("≤"))


def shown(item: dict[str, Any]) -> float | int:
    """Return the value of a stored item as pages show it: so short that it stays on its side of every limit."""
    texts = [item["bounds"], *(one["bounds"] for one in item.get("others", ()))]
    return short(item["value"], [side for text in texts for side in sides_of(text) if math.isfinite(side)])


def held_against(item: dict[str, Any]) -> list[list[Any]]:
    """Return what identifies the limits of a stored item, for the digest of its inputs."""
    found = [[item["limit"] if not item.get("rule") else item["rule"], item.get("bounds", "")]]
    found += [[one["rule"] or one["limit"], one["bounds"]] for one in item.get("others", ())]
    for place, one in enumerate((item, *item.get("others", ()))):
        if "oxygen" in one:
            found[place] += [one["oxygen"]["of_limit"], one["oxygen"]["registered"]]
    if "temperature" in item:
        found.append(["temperature", item["temperature"]["measured"], item["temperature"].get("rule", "")])
    return found
